package app

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
)

// The socket in the data folder carries command lines into the running server.
// A frame is one byte of type, four of length, and JSON or bytes. The server
// asks the client's side to open and read files (standard input included), so a
// command reaches exactly what its caller may reach.
const (
	frameRequest = 'R' // client: words and switches
	frameOut     = 'O' // server: standard output
	frameErr     = 'S' // server: standard error
	frameAsk     = 'F' // server: a file operation
	frameAnswer  = 'f' // client: its result
	frameExit    = 'X' // server: how it ended

	maxFrame = 1 << 20
)

type request struct {
	Words []string `json:"words"`
	JSON  bool     `json:"json"`
	As    string   `json:"as"`
	Tty   bool     `json:"tty"`
}

type ask struct {
	ID   int64  `json:"id"`
	Op   string `json:"op"` // open, create, read, write, close, list
	File int64  `json:"file"`
	Name string `json:"name,omitempty"`
	Data []byte `json:"data,omitempty"`
}

type answer struct {
	ID    int64    `json:"id"`
	Data  []byte   `json:"data,omitempty"`
	List  []string `json:"list"`
	EOF   bool     `json:"eof,omitempty"`
	Error string   `json:"error,omitempty"`
	Exit  int      `json:"exit,omitempty"`
	None  bool     `json:"none,omitempty"` // the file does not exist
}

type ending struct {
	Code   int               `json:"code"`
	Kind   fault.Kind        `json:"kind"`
	Detail string            `json:"detail"`
	Fields map[string]string `json:"fields,omitempty"`
	Silent bool              `json:"silent,omitempty"`
}

type frames struct {
	mu sync.Mutex
	c  net.Conn
}

func (f *frames) send(kind byte, b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	head := [5]byte{kind}
	binary.BigEndian.PutUint32(head[1:], uint32(len(b)))
	if _, err := f.c.Write(head[:]); err != nil {
		return err
	}
	_, err := f.c.Write(b)
	return err
}

func (f *frames) sendJSON(kind byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return f.send(kind, b)
}

func (f *frames) next() (kind byte, b []byte, err error) {
	var head [5]byte
	if _, err = io.ReadFull(f.c, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	b = make([]byte, n)
	_, err = io.ReadFull(f.c, b)
	return head[0], b, err
}

// shortPath reaches a socket through its folder's descriptor, because the path of
// a unix socket may have only 107 bytes.
func shortPath(dir, name string) (path string, done func(), err error) {
	if full := filepath.Join(dir, name); len(full) < 100 {
		return full, func() {}, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), name), func() { _ = d.Close() }, nil
}

const socketName = "straza.sock"

// --- the server's side

// listenCommands serves command lines until ctx ends. Only the server's own user
// and root may speak (mode 0600 and peer credentials).
func (h *House) listenCommands(ctx context.Context) error {
	path, done, err := shortPath(h.cfg.data(), socketName)
	if err != nil {
		return err
	}
	defer done()
	_ = os.Remove(filepath.Join(h.cfg.data(), socketName)) // left by a kill -9; we hold the lock
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("command socket: %w", err)
	}
	if err := os.Chmod(filepath.Join(h.cfg.data(), socketName), 0o600); err != nil {
		return err
	}
	go func() { <-ctx.Done(); _ = l.Close() }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go h.serveCommand(ctx, conn)
		}
	}()
	return nil
}

func peerUID(conn net.Conn) (uid int, err error) {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return -1, err
	}
	uid = -1
	cerr := raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = int(cred.Uid)
		}
	})
	return uid, errors.Join(cerr, err)
}

func (h *House) serveCommand(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	uid, err := peerUID(conn)
	if err != nil || uid != 0 && uid != os.Getuid() {
		slog.Warn("command socket: refused", "uid", uid, "error", err)
		return
	}
	f := &frames{c: conn}
	kind, b, err := f.next()
	var req request
	if err != nil || kind != frameRequest || json.Unmarshal(b, &req) != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &remoteFiles{f: f, waiting: map[int64]chan answer{}}
	go func() { r.listen(); cancel() }() // the caller went away: stop
	env := &cli.Env{Who: operatorUID(uid), In: &remoteFile{r: r}, Out: frameWriter{f, frameOut}, Err: frameWriter{f, frameErr},
		Files: r, JSON: req.JSON, Tty: req.Tty}
	_ = f.sendJSON(frameExit, endingOf(h.runCommand(ctx, req.Words, req.As, env)))
}

func endingOf(err error) ending {
	if err == nil {
		return ending{}
	}
	e := ending{Code: cli.Failed, Kind: fault.KindOf(err), Detail: words(err), Silent: errors.Is(err, errSilent)}
	if f := fault.Of(err); f != nil {
		e.Fields = f.Fields
	}
	var exit *cli.Exit
	if errors.As(err, &exit) {
		e.Code = exit.Code
	} else if e.Kind == fault.Denied {
		e.Code = cli.Refused
	}
	return e
}

type frameWriter struct {
	f    *frames
	kind byte
}

func (w frameWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), maxFrame/2)
		if err := w.f.send(w.kind, rest[:n]); err != nil {
			return len(p) - len(rest), err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// remoteFiles are the caller's files, reached through the socket.
type remoteFiles struct {
	f       *frames
	mu      sync.Mutex
	last    int64
	waiting map[int64]chan answer
	closed  bool
}

func (r *remoteFiles) listen() {
	for {
		kind, b, err := r.f.next()
		var a answer
		if err != nil || kind != frameAnswer || json.Unmarshal(b, &a) != nil {
			break
		}
		r.mu.Lock()
		ch := r.waiting[a.ID]
		delete(r.waiting, a.ID)
		r.mu.Unlock()
		if ch != nil {
			ch <- a
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, ch := range r.waiting {
		close(ch)
	}
	r.waiting = nil
}

func (r *remoteFiles) ask(a ask) (answer, error) {
	ch := make(chan answer, 1)
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return answer{}, io.ErrClosedPipe
	}
	r.last++
	a.ID = r.last
	r.waiting[a.ID] = ch
	r.mu.Unlock()
	if err := r.f.sendJSON(frameAsk, a); err != nil {
		return answer{}, err
	}
	got, ok := <-ch
	switch {
	case !ok:
		return got, io.ErrClosedPipe
	case got.None:
		return got, fmt.Errorf("%s: %w", a.Name, fs.ErrNotExist)
	case got.Exit != 0:
		return got, &cli.Exit{Code: got.Exit, Err: fault.New(fault.Denied, "%s", got.Error)}
	case got.Error != "":
		return got, errors.New(got.Error)
	}
	return got, nil
}

func (r *remoteFiles) Open(name string) (io.ReadCloser, error) {
	a, err := r.ask(ask{Op: "open", Name: name})
	if err != nil {
		return nil, err
	}
	return &remoteFile{r: r, id: int64(binary.BigEndian.Uint64(a.Data))}, nil
}

func (r *remoteFiles) Create(name string) (io.WriteCloser, error) {
	a, err := r.ask(ask{Op: "create", Name: name})
	if err != nil {
		return nil, err
	}
	return &remoteFile{r: r, id: int64(binary.BigEndian.Uint64(a.Data))}, nil
}

func (r *remoteFiles) List(dir string) ([]string, error) {
	a, err := r.ask(ask{Op: "list", Name: dir})
	return a.List, err
}

// remoteFile is one open file of the caller; id 0 is standard input.
type remoteFile struct {
	r   *remoteFiles
	id  int64
	buf []byte
	eof bool
}

func (f *remoteFile) Read(p []byte) (int, error) {
	if len(f.buf) == 0 && !f.eof {
		a, err := f.r.ask(ask{Op: "read", File: f.id})
		if err != nil {
			return 0, err
		}
		f.buf, f.eof = a.Data, a.EOF
	}
	if len(f.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.buf)
	f.buf = f.buf[n:]
	return n, nil
}

func (f *remoteFile) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), 256<<10)
		if _, err := f.r.ask(ask{Op: "write", File: f.id, Data: rest[:n]}); err != nil {
			return len(p) - len(rest), err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

func (f *remoteFile) Close() error {
	_, err := f.r.ask(ask{Op: "close", File: f.id})
	return err
}

// --- the client's side

// forward sends a command into the running server. running is false when none answers.
func (c *call) forward(ctx context.Context) (running bool, err error) {
	path, done, err := shortPath(c.cfg.data(), socketName)
	if err != nil {
		return false, nil //nolint:nilerr // no folder, no server
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	done()
	if err != nil {
		return false, nil //nolint:nilerr // nobody listens
	}
	defer conn.Close()
	go func() { <-ctx.Done(); _ = conn.Close() }()
	f := &frames{c: conn}
	if err := f.sendJSON(frameRequest, request{Words: c.words, JSON: c.json, As: c.as, Tty: terminal(c.proc.Err)}); err != nil {
		return true, err
	}
	local := &localFiles{c: c, open: map[int64]any{0: c.proc.In}}
	defer local.closeAll()
	for {
		kind, b, err := f.next()
		if err != nil {
			return true, fault.New(fault.Unavailable, "the server stopped before the command ended").Because(err)
		}
		switch kind {
		case frameOut:
			_, err = c.proc.Out.Write(b)
		case frameErr:
			_, err = c.proc.Err.Write(b)
		case frameAsk:
			var a ask
			if err = json.Unmarshal(b, &a); err == nil {
				err = f.sendJSON(frameAnswer, local.do(a))
			}
		case frameExit:
			var e ending
			if err := json.Unmarshal(b, &e); err != nil {
				return true, err
			}
			return true, e.error()
		}
		if err != nil {
			return true, err
		}
	}
}

func (e ending) error() error {
	if e.Code == 0 && e.Detail == "" {
		return nil
	}
	var err error = &told{text: e.Detail}
	if e.Silent {
		err = errSilent
	}
	return &cli.Exit{Code: e.Code, Err: &carried{told: &fault.Error{Kind: e.Kind, Fields: e.Fields, Err: err}, text: err.Error()}}
}

// carried is a fault that came through the socket: its text already says the kind.
type carried struct {
	told *fault.Error
	text string
}

func (c *carried) Error() string { return c.text }
func (c *carried) Unwrap() error { return c.told }

// told is an error that already says everything.
type told struct{ text string }

func (t *told) Error() string { return t.text }

// localFiles does what the server asks with the caller's own rights.
type localFiles struct {
	c    *call
	last int64
	open map[int64]any
}

func (l *localFiles) closeAll() {
	for id, f := range l.open {
		if c, ok := f.(io.Closer); ok && id != 0 {
			_ = c.Close()
		}
	}
}

func (l *localFiles) do(a ask) answer {
	out := answer{ID: a.ID}
	err := l.op(a, &out)
	var exit *cli.Exit
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist):
		out.None = true
	case errors.As(err, &exit):
		out.Exit, out.Error = exit.Code, exit.Error()
	default:
		out.Error = err.Error()
	}
	return out
}

func (l *localFiles) op(a ask, out *answer) (err error) {
	files := osFiles{}
	switch a.Op {
	case "list":
		out.List, err = files.List(a.Name)
		return err
	case "open":
		f, err := files.Open(a.Name)
		return l.keep(f, err, out)
	case "create":
		f, err := files.Create(a.Name)
		return l.keep(f, err, out)
	case "read":
		r, ok := l.open[a.File].(io.Reader)
		if !ok {
			return fs.ErrClosed
		}
		buf := make([]byte, 256<<10)
		n, err := r.Read(buf)
		out.Data = buf[:n]
		if out.EOF = errors.Is(err, io.EOF); out.EOF {
			return nil
		}
		return err
	case "write":
		w, ok := l.open[a.File].(io.Writer)
		if !ok {
			return fs.ErrClosed
		}
		_, err := w.Write(a.Data)
		return err
	case "close":
		c, ok := l.open[a.File].(io.Closer)
		if delete(l.open, a.File); !ok || a.File == 0 {
			return nil
		}
		return c.Close()
	}
	return fmt.Errorf("unknown operation %q", a.Op)
}

func (l *localFiles) keep(f any, err error, out *answer) error {
	if err != nil {
		return err
	}
	l.last++
	l.open[l.last] = f
	out.Data = binary.BigEndian.AppendUint64(nil, uint64(l.last))
	return nil
}
