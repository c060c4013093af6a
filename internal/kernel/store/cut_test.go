package store_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// wire is a proxy before PostgreSQL that can be cut.
type wire struct {
	l     net.Listener
	to    string
	mu    sync.Mutex
	conns []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &wire{l: l, to: to}
	t.Cleanup(func() { _ = l.Close(); w.cut() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, in, out)
			w.mu.Unlock()
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		}
	}()
	return w
}

// cut ends every connection at once, as a network does: without a word of the protocol.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// A connection that ends in the middle is Unavailable, whoever ended it and whatever
// was going on; the next transaction works again. A half-sent upload is not.
func TestConnectionCut(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	direct := testkit.PostgresURL(t)
	u, err := url.Parse(direct)
	must(t, err)
	w := newWire(t, u.Host)
	u.Host = w.l.Addr().String()
	db, err := store.Open(ctx, store.Config{URL: u.String()})
	must(t, err)
	defer db.Close()
	other, err := store.Open(ctx, store.Config{URL: direct})
	must(t, err)
	defer other.Close()

	kill := func(pid int64) error {
		return other.View(ctx, func(tx *store.Tx) error {
			_, err := store.Int64(ctx, tx, "SELECT CAST(pg_terminate_backend(CAST($1 AS INT), 5000) AS INT)", pid)
			return err
		})
	}
	pidOf := func(tx *store.Tx) int64 {
		pid, err := store.Int64(ctx, tx, "SELECT pg_backend_pid()")
		must(t, err)
		return pid
	}
	// sleeping runs a long statement and ends the connection once the server works on it.
	sleeping := func(tx *store.Tx, end func()) error {
		pid := pidOf(tx)
		go func() {
			for n := int64(0); n == 0; {
				err := other.View(ctx, func(tx *store.Tx) (err error) {
					n, err = store.Int64(ctx, tx, "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND query LIKE '%pg_sleep%'", pid)
					return err
				})
				if err != nil {
					return
				}
			}
			end()
		}()
		_, err := store.Int64(ctx, tx, "SELECT 1 FROM pg_sleep(60)")
		return err
	}
	for name, do := range map[string]func(tx *store.Tx) error{
		"killed in a statement": func(tx *store.Tx) error {
			pid := pidOf(tx)
			return sleeping(tx, func() { _ = kill(pid) })
		},
		"cut in a statement": func(tx *store.Tx) error { return sleeping(tx, w.cut) },
		"killed between statements": func(tx *store.Tx) error {
			must(t, kill(pidOf(tx)))
			_, err := store.Int64(ctx, tx, "SELECT 1")
			return err
		},
		"cut between statements": func(tx *store.Tx) error {
			pidOf(tx)
			w.cut()
			_, err := store.Int64(ctx, tx, "SELECT 1")
			return err
		},
		"cut while rows stream": func(tx *store.Tx) error {
			n := 0
			for _, err := range store.Each(ctx, tx, store.ScanString, "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)") {
				if n++; n == 10 {
					w.cut()
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
		"cut before the commit": func(tx *store.Tx) error { pidOf(tx); w.cut(); return nil },
	} {
		if err := db.Update(ctx, do); !fault.Is(err, fault.Unavailable) || fault.Of(err).Key != "fault.database" || fault.Of(err).RetryAfter == 0 {
			t.Errorf("%s: Update = %v (%s)", name, err, fault.KindOf(err))
		}
		if err := db.View(ctx, func(tx *store.Tx) error { pidOf(tx); return nil }); err != nil {
			t.Errorf("%s: the next transaction: %v", name, err)
		}
		if name == "cut before the commit" {
			continue // a read has nothing to commit
		}
		if err := db.View(ctx, do); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: View = %v (%s)", name, err, fault.KindOf(err))
		}
	}
	half := func(*store.Tx) error { return io.ErrUnexpectedEOF }
	if err := db.Update(ctx, half); !errors.Is(err, io.ErrUnexpectedEOF) || fault.Of(err) != nil {
		t.Errorf("a half-sent upload: %v (%s)", err, fault.KindOf(err))
	}
}

// TestIdleConnectionsCut: what the pool did not notice yet is no reason to refuse
// anybody: nothing was begun on such a connection.
func TestIdleConnectionsCut(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	u, err := url.Parse(testkit.PostgresURL(t))
	must(t, err)
	w := newWire(t, u.Host)
	u.Host = w.l.Addr().String()
	db, err := store.Open(ctx, store.Config{URL: u.String()})
	must(t, err)
	defer db.Close()
	_, err = db.Migrate(ctx)
	must(t, err)
	one := func(tx *store.Tx) error { _, err := store.Int64(ctx, tx, "SELECT 1"); return err }
	var all, met sync.WaitGroup
	met.Add(4)
	for range 4 {
		all.Go(func() {
			if err := db.Update(ctx, func(tx *store.Tx) error { met.Done(); met.Wait(); return one(tx) }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait() // four connections lie in the pool
	number := func(tx *store.Tx) error { _, err := db.NextNumber(ctx, tx, "P-2026"); return err }
	for range 10 { // one block of numbers, from the connection that leases them
		must(t, db.Update(ctx, number))
	}
	w.cut()
	if err := db.Update(ctx, number); err != nil {
		t.Errorf("a number: %v", err)
	}
	for i := range 4 {
		if err := db.Update(ctx, one); err != nil {
			t.Errorf("Update %d: %v", i, err)
		}
		if err := db.View(ctx, one); err != nil {
			t.Errorf("View %d: %v", i, err)
		}
	}
}
