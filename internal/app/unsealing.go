package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"straza/internal/demo"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault/totp"
	"straza/internal/kernel/vault/unseal"
)

func (c *call) unsealDir() string { return filepath.Join(c.cfg.data(), "unseal") }

// unsealCommand is the process that may open sealed reports; serve starts one
// itself on a single machine.
func (c *call) unsealCommand() cli.Command {
	return cli.Command{Name: "unseal", Args: "[--listen ADDR]", Short: "the process that may open sealed reports (started by serve itself on one machine)",
		Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
			listen := fs.String("unseal-listen", "", "host:port for a web node on another host, with TLS and a token of its own; default is a socket in the folder")
			keys := fs.String("unseal-keys", "", "folder of the private keys; default is the unseal folder itself")
			child := fs.Bool("child", false, "end when standard input ends")
			return func(ctx context.Context, env *cli.Env, args []string) error {
				if len(args) > 0 {
					return cli.UsageError("unseal takes no arguments; there are: unseal, unseal enrol EMAIL")
				}
				at, err := unsealAddress(*listen, c.cfg)
				if err != nil {
					return err
				}
				if err := unseal.Harden(); err != nil {
					return err
				}
				if *child {
					var cancel context.CancelFunc
					ctx, cancel = unseal.WithParent(ctx, env.In)
					defer cancel()
				}
				cfg := unseal.Config{Dir: c.unsealDir(), Keys: *keys, Listen: at, Origin: c.cfg.origin(), Name: "Straža", Ready: unseal.Announce(env.Out)}
				if cfg.Send, err = postmanSender(c.cfg); err != nil {
					return err
				}
				s, err := unseal.New(cfg)
				if err != nil {
					return err
				}
				defer s.Close()
				defer time.AfterFunc(time.Second, rest).Stop()
				return s.Serve(ctx)
			}
		}}
}

// unsealAddress reads --listen of the unsealing process: host:port means TLS there.
// Away from loopback the origin must be named: letters link to it, passkeys belong to it.
func unsealAddress(v string, cfg Config) (string, error) {
	if v == "" || strings.HasPrefix(v, "unix://") {
		return v, nil
	}
	at := strings.TrimPrefix(v, "https://")
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return "", cli.UsageError("listen: %q must be host:port, for example 10.1.0.5:8481", v)
	}
	if !loopback(host) && cfg.get("origin") == "" {
		return "", cli.UsageError("origin: the unsealing process on %s needs --origin URL, the address under which people reach the installation", at)
	}
	return "https://" + at, nil
}

// postmanSender hands the postman's letters to the SMTP server. Without one they
// are dropped after being counted in the process's own log: the address must not
// come to rest anywhere else.
func postmanSender(cfg Config) (unseal.Sender, error) {
	if cfg.get("mail") == "" {
		return func(context.Context, unseal.Mail) error { return nil }, nil
	}
	s, err := mail.ParseSMTP(cfg.get("mail"))
	if err != nil {
		return nil, err
	}
	from := mailFrom(cfg)
	return func(ctx context.Context, m unseal.Mail) error {
		return s.Deliver(ctx, from, mail.Letter{To: m.To, Lang: m.Lang, Subject: m.Subject, Body: m.Text, MessageID: m.ID})
	}, nil
}

func mailFrom(cfg Config) string {
	if f := cfg.get("mail-from"); f != "" {
		return f
	}
	return "straza@localhost.localdomain"
}

// startUnsealing meets the unsealing process: one that is named, or our own child.
func (h *House) startUnsealing(ctx context.Context) error {
	if addr := h.cfg.get("unseal"); addr != "" {
		c, err := h.farDoor(addr)
		if err != nil {
			return err
		}
		h.unsealing = c
		return h.meet(ctx, c)
	}
	args := []string{"unseal", "--child", "--data", h.cfg.data(), "--origin", h.origin}
	for _, k := range []string{"mail", "mail-from"} {
		if v := h.cfg.get(k); v != "" {
			args = append(args, "--"+k, v)
		}
	}
	child, err := unseal.StartChild(context.WithoutCancel(ctx), unseal.ChildConfig{Args: args, Env: []string{"PATH=/usr/bin:/bin"}, Stderr: os.Stderr})
	if err != nil {
		return err
	}
	h.unsealChild, h.unsealing = child, child.Client()
	return h.meet(ctx, child.Client())
}

// unsealingAway starts unsealing. Serving goes on without a process that is away,
// which is asked again, or does not start; settings that cannot work end the start.
func (h *House) unsealingAway(ctx context.Context) (away bool, err error) {
	err = h.startUnsealing(ctx)
	var exit *cli.Exit
	if err == nil || errors.As(err, &exit) {
		return false, err
	}
	slog.Warn("the unsealing process is not there: sealed reports stay sealed", "error", err)
	return h.unsealing != nil && fault.Is(err, fault.Unavailable), nil
}

// farDoor prepares the way to a process elsewhere. Faults: usage errors that say
// what is missing.
func (h *House) farDoor(addr string) (*unseal.Client, error) {
	path := filepath.Join(h.Vault.Dir(), "unseal.token")
	token, err := os.ReadFile(path)
	if err != nil && !strings.HasPrefix(addr, "unix:") {
		return nil, cli.UsageError("unseal: %s is missing: copy the file token from the unsealing process's folder there", path)
	}
	c, err := unseal.Dial(addr, string(token))
	if err != nil {
		return nil, cli.UsageError("%v", err)
	}
	return c, nil
}

// meetLater goes on asking a process that is away while we start, until ctx ends:
// without its public keys nothing can be sealed.
func (h *House) meetLater(ctx context.Context) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch err := h.meet(ctx, h.unsealing); {
		case err == nil:
			slog.Info("the unsealing process answers now")
			return
		case !fault.Is(err, fault.Unavailable):
			slog.Error("the unsealing process is not the one we know", "error", err)
			return
		}
	}
}

// meet takes over the public keys at the first meeting; others later are refused.
func (h *House) meet(ctx context.Context, c *unseal.Client) error {
	st, err := c.Status(ctx)
	if err != nil {
		return err
	}
	far := ""
	if h.unsealChild == nil {
		far = "yes"
	}
	if err := h.DB.Update(ctx, func(tx *store.Tx) error { return store.SetFact(ctx, tx, farFact, far) }); err != nil {
		return err
	}
	return h.Vault.Trust(st.Recipients)
}

// farFact remembers that the unsealing process, and so its log, is not in our folder.
const farFact = "unseal.far"

// enrolFirst lets the first person who may read sealed reports and confirms a
// code app ask for them, on one machine (decisions §5). Everybody after needs a
// second person: straza unseal enrol. It runs aside: nobody waits for it.
func (h *House) enrolFirst(ctx context.Context, who ident.Actor, secret string) {
	if h.unsealChild == nil || !who.Can("sealed.read") {
		return
	}
	ctx, door := context.WithoutCancel(ctx), h.unsealing
	go func() {
		st, err := door.Status(ctx)
		if err != nil || st.People > 0 {
			return
		}
		if _, err := door.Enrol(ctx, unseal.Enrolment{Email: who.Email, Secret: secret}); err != nil {
			slog.Warn("the first reader of sealed reports was not enrolled: straza unseal enrol EMAIL", "error", err)
		}
	}()
}

// unsealLog streams the unsealing process's own log: from the process itself when
// it works elsewhere, else from its folder, where it stands when nothing runs too.
func (h *House) unsealLog(ctx context.Context, w io.Writer) error {
	if far := h.cfg.get("unseal"); far != "" {
		door, err := h.farDoor(far)
		if err != nil {
			return err
		}
		defer door.Close()
		return door.Log(ctx, w)
	}
	f, err := os.Open(filepath.Join(h.cfg.data(), "unseal", "unseal.log"))
	if errors.Is(err, fs.ErrNotExist) {
		var far string
		if err := h.DB.View(ctx, func(tx *store.Tx) (err error) { far, err = store.Fact(ctx, tx, farFact); return err }); err != nil {
			return err
		}
		if far != "" {
			return fmt.Errorf("the unsealing process works elsewhere: name it with --unseal URL")
		}
		return audit.ErrNoLog
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// localDoor opens the unsealing folder of a single machine without its process:
// for commands that run before the first serve. The caller closes it.
func (h *House) localDoor() (*unseal.Server, error) {
	return unseal.New(unseal.Config{Dir: filepath.Join(h.cfg.data(), "unseal"), Name: "Straža", Origin: h.origin, Now: h.clock.Now,
		Send: func(context.Context, unseal.Mail) error { return nil }}) // letters of the invented country reach nobody
}

// enrolTeam lets the demo's teams ask for sealed reports with the second factor
// that they have already: the first by herself, the others vouched for by her.
func enrolTeam(ctx context.Context, door *unseal.Server, now time.Time, team []demo.Persona) error {
	var session string
	for _, p := range team {
		e := unseal.Enrolment{Email: p.Email, Secret: p.TOTPSecret, Session: session}
		if _, err := door.Enrol(ctx, e); err != nil {
			return fmt.Errorf("enrolling %s: %w", p.Email, err)
		}
		if session != "" {
			continue
		}
		secret, err := totp.ParseSecret(p.TOTPSecret)
		if err != nil {
			return err
		}
		s, err := door.Prove(ctx, unseal.Proof{Email: p.Email, Code: totp.Code(secret, now)})
		if err != nil {
			return err
		}
		session = s.Token
	}
	return nil
}

// unsealEnrolCommand lets one more person ask for sealed reports.
func (c *call) unsealEnrolCommand() cli.Command {
	return cli.Command{Name: "unseal enrol", Args: "EMAIL", Short: "let a person ask for sealed reports; after the first, a second enrolled person vouches",
		Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
			secret := fs.String("totp-secret", "", "the person's existing one-time secret (base32); drawn and shown once otherwise")
			by := fs.String("by", "", "EMAIL of the enrolled person who vouches")
			code := fs.String("code", "", "that person's one-time code")
			keys := fs.String("unseal-keys", "", "folder of the private keys; default is the unseal folder itself")
			return func(ctx context.Context, env *cli.Env, args []string) error {
				if len(args) != 1 {
					return cli.UsageError("unseal enrol needs one EMAIL")
				}
				return c.enrol(ctx, env, *keys, unseal.Enrolment{Email: args[0], Secret: *secret}, unseal.Proof{Email: *by, Code: *code})
			}
		}}
}

func (c *call) enrol(ctx context.Context, env *cli.Env, keys string, e unseal.Enrolment, vouch unseal.Proof) error {
	door, leave, err := unseal.Reach(ctx, unseal.Config{Dir: c.unsealDir(), Keys: keys, Name: "Straža", Origin: c.cfg.origin()})
	if err != nil {
		return err
	}
	defer func() { _ = leave() }()
	if vouch.Email != "" {
		session, err := door.Prove(ctx, vouch)
		if err != nil {
			return err
		}
		e.Session = session.Token
	}
	done, err := door.Enrol(ctx, e)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.Print(done)
	}
	fmt.Fprintf(env.Out, "%s may now ask for sealed reports\n", done.Email)
	if done.Secret != "" {
		fmt.Fprintf(env.Out, "one-time secret, shown only now: %s\n%s\n", done.Secret, done.URI)
	}
	return nil
}
