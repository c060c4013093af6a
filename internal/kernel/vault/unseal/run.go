package unseal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"straza/internal/kernel/fault"
)

// Run is the whole of `straza unseal`: it hardens the process, opens the folder,
// serves until ctx ends and gives the folder back. parent, when not nil, is the
// standard input of a child that StartChild started: its end ends the process.
// Leave it nil when a service manager starts the process: its standard input is
// at its end from the beginning. The address goes to out as "listening on URL".
func Run(ctx context.Context, cfg Config, parent io.Reader, out io.Writer) error {
	if err := Harden(); err != nil {
		return fmt.Errorf("unseal: harden: %w", err)
	}
	if parent != nil {
		var cancel context.CancelFunc
		ctx, cancel = WithParent(ctx, parent)
		defer cancel()
	}
	if cfg.Ready == nil {
		cfg.Ready = Announce(out)
	}
	s, err := New(cfg)
	if err != nil {
		return err
	}
	return errors.Join(s.Serve(ctx), s.Close())
}

// Reach gives the door of the folder cfg.Dir to the command line on its host: the
// running process's when there is one, else the folder itself, under its lock.
// close gives back either.
func Reach(ctx context.Context, cfg Config) (door Door, close func() error, err error) {
	c, err := Dial("unix://"+absolute(filepath.Join(cfg.Dir, socketFile)), "")
	if err != nil {
		return nil, nil, err
	}
	switch _, err = c.Status(ctx); {
	case err == nil:
		return c, func() error { c.Close(); return nil }, nil
	case !fault.Is(err, fault.Unavailable):
		return nil, nil, err
	}
	s, err := New(cfg)
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}

// Strangers gives the openings in a log that the web node's audit log does not
// know: known tells whether an audit line has this id. It is the other half of
// VerifyLog, which looks for what the audit log knows and this log lacks.
func Strangers(log io.Reader, known func(ref string) bool) ([]Entry, error) {
	var out []Entry
	err := ReadLog(log, func(e Entry, _ Receipt, _ int64) error {
		if e.Act == "open" && e.Result == "granted" && (e.Ref == "" || !known(e.Ref)) {
			out = append(out, e)
		}
		return nil
	})
	return out, err
}
