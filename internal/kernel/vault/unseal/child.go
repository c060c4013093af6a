package unseal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// announcement precedes the address on the child's standard output.
const announcement = "listening on "

// Announce is what `straza unseal` gives as Config.Ready.
func Announce(w io.Writer) func(url string) {
	return func(url string) { fmt.Fprintln(w, announcement+url) }
}

// WithParent ends the context when r, the child's standard input, ends: the
// kernel closes that pipe when the parent dies, even by kill -9.
func WithParent(ctx context.Context, r io.Reader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, r)
		cancel()
	}()
	return ctx, cancel
}

// ChildConfig of StartChild.
type ChildConfig struct {
	Binary  string   // "" is this program itself
	Args    []string // as `straza unseal` takes them
	Env     []string // whole environment of the child: give only what it needs
	Stderr  io.Writer
	Say     func(msg string, args ...any)
	Timeout time.Duration // until the first answer; 15 s
	Backoff time.Duration // before the first restart, doubling up to 15 s; 200 ms
}

// Child is a running unsealing process that is started again when it dies.
type Child struct {
	cfg    ChildConfig
	client *Client
	cancel context.CancelFunc
	done   chan struct{}
	ready  chan string

	mu   sync.Mutex
	pid  int
	runs int
}

// StartChild starts our own binary as the unsealing process of a single machine
// and waits until it answers. The one place in the program that starts a process
// of its own accord: no shell, no foreign program, a short environment. It stops
// with ctx, with Stop, and with this process.
func StartChild(ctx context.Context, cfg ChildConfig) (*Child, error) {
	if cfg.Binary == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("unseal: own binary: %w", err)
		}
		cfg.Binary = self
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 15 * time.Second
	}
	if cfg.Backoff == 0 {
		cfg.Backoff = 200 * time.Millisecond
	}
	if cfg.Say == nil {
		cfg.Say = func(string, ...any) {}
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &Child{cfg: cfg, cancel: cancel, done: make(chan struct{}), ready: make(chan string, 1)}
	first := make(chan error, 1)
	go c.keep(ctx, first)
	wait := time.NewTimer(cfg.Timeout)
	defer wait.Stop()
	var err error
	select {
	case address := <-c.ready:
		if c.client, err = Dial(address, ""); err == nil {
			return c, nil
		}
	case err = <-first:
		err = fmt.Errorf("unseal: the unsealing process ended before it was ready: %w", err)
	case <-wait.C:
		err = errors.New("unseal: the unsealing process did not get ready")
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, c.Stop())
}

// Client speaks to the child; it stays good over restarts.
func (c *Child) Client() *Client { return c.client }

// PID is the process id of the running child; runs counts the starts so far.
func (c *Child) PID() (pid, runs int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pid, c.runs
}

// Stop ends the child and waits for it.
func (c *Child) Stop() error {
	c.cancel()
	<-c.done
	if c.client != nil {
		c.client.Close()
	}
	return nil
}

// keep starts the child again and again until ctx ends. The very first end
// before readiness is reported to first instead: wrong settings do not heal.
func (c *Child) keep(ctx context.Context, first chan<- error) {
	defer close(c.done)
	wait, once := c.cfg.Backoff, false
	for {
		began := time.Now()
		ready, err := c.run(ctx)
		if ctx.Err() != nil {
			return
		}
		if once = once || ready; !once {
			first <- errors.Join(err, errors.New("see its messages"))
			return
		}
		if time.Since(began) > time.Minute {
			wait = c.cfg.Backoff
		}
		c.cfg.Say("unseal: the unsealing process ended, starting it again", "error", err, "after", wait)
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		wait = min(2*wait, 15*time.Second)
	}
}

// run starts the child once and waits for its end.
func (c *Child) run(ctx context.Context) (ready bool, err error) {
	cmd := exec.CommandContext(ctx, c.cfg.Binary, c.cfg.Args...) //nolint:gosec // our own binary with our own arguments
	cmd.Env, cmd.Stderr = c.cfg.Env, c.cfg.Stderr
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return false, fmt.Errorf("unseal: start: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, fmt.Errorf("unseal: start: %w", err)
	}
	cmd.Cancel = in.Close // the end of its input is the sign to finish; killed after the delay
	cmd.WaitDelay = 6 * time.Second
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("unseal: start: %w", err)
	}
	c.mu.Lock()
	c.pid, c.runs = cmd.Process.Pid, c.runs+1
	c.mu.Unlock()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), announcement); ok {
			ready = true
			select {
			case c.ready <- address:
			default: // a restart: the client knows the address
			}
		}
	}
	return ready, errors.Join(cmd.Wait(), in.Close())
}
