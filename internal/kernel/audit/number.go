package audit

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
)

// markEvery and markLines bound how far a signed checkpoint may lag.
const (
	markEvery = 60 * time.Second
	markLines = 1000
)

// Run numbers lines within a second of their commit and signs checkpoints, until
// ctx ends; it then numbers and signs what is left.
func (l *Log) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := l.Catch(last, true); err != nil {
				slog.Error("audit: numbering at stop", "error", err)
			}
			return
		case <-tick.C:
			if err := l.Catch(ctx, false); err != nil && ctx.Err() == nil {
				slog.Error("audit: numbering", "error", err)
			}
		}
	}
}

// Catch numbers everything that waits; mark forces a checkpoint.
func (l *Log) Catch(ctx context.Context, mark bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		n, err := l.number(ctx)
		if err != nil {
			return err
		}
		if n < markLines {
			break
		}
		if err := l.checkpoint(ctx, true); err != nil {
			return err
		}
	}
	return l.checkpoint(ctx, mark)
}

type waitingLine struct {
	id   int64
	leaf tlog.Hash
}

// number takes up to 1,000 lines into the tree, in one transaction.
func (l *Log) number(ctx context.Context) (n int, err error) {
	// A look first: on a quiet night no write transaction is opened at all.
	var some bool
	err = l.db.View(ctx, func(tx *store.Tx) error {
		var one int
		some, err = tx.Row(ctx, someWaiting, nil, &one)
		return err
	})
	if err != nil || !some {
		return 0, err
	}
	err = l.db.Update(ctx, func(tx *store.Tx) error {
		if tx.Engine() == store.PostgreSQL {
			if _, err := tx.Exec(ctx, pgLock); err != nil {
				return err
			}
		}
		lines, err := store.All(ctx, tx, func(s store.Scanner) (w waitingLine, err error) {
			var hex string
			if err = s.Scan(&w.id, &hex); err == nil {
				w.leaf, err = parseHash(hex)
			}
			return
		}, waiting)
		if err != nil {
			return err
		}
		size, err := store.Int64(ctx, tx, treeSize)
		if err != nil {
			return err
		}
		for _, w := range lines {
			if err := addLeaf(ctx, tx, size, w); err != nil {
				return err
			}
			size++
		}
		n = len(lines)
		return nil
	}, store.InLane(store.Jobs))
	return n, err
}

func addLeaf(ctx context.Context, tx *store.Tx, size int64, w waitingLine) error {
	hashes, err := tlog.StoredHashesForRecordHash(size, w.leaf, reader(ctx, tx))
	if err != nil {
		return err
	}
	first := tlog.StoredHashIndex(0, size)
	for i, h := range hashes {
		if _, err := tx.Exec(ctx, insertHash, first+int64(i), h[:]); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, setLeafNo, w.id, size)
	return err
}

func reader(ctx context.Context, tx *store.Tx) tlog.HashReader {
	return tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(idx))
		for i, x := range idx {
			var b []byte
			found, err := tx.Row(ctx, readHash, []any{x}, &b)
			if err != nil || !found || len(b) != len(out[i]) {
				return nil, fmt.Errorf("stored hash %d: found %t: %w", x, found, err)
			}
			copy(out[i][:], b)
		}
		return out, nil
	})
}

// checkpoint signs the tree's root when 60 s or 1,000 lines have passed, or when forced.
func (l *Log) checkpoint(ctx context.Context, force bool) error {
	var size, last, lastAt int64
	var root tlog.Hash
	err := l.db.View(ctx, func(tx *store.Tx) (err error) {
		if size, err = store.Int64(ctx, tx, treeSize); err != nil || size == 0 {
			return err
		}
		if _, err = tx.Row(ctx, lastMark, nil, &last, &lastAt); err != nil || size == last {
			return err
		}
		root, err = tlog.TreeHash(size, reader(ctx, tx))
		return err
	})
	now := l.db.Clock.Now()
	if err != nil || size == last || !force && size-last < markLines && now.Sub(clock.FromMicros(lastAt)) < markEvery {
		return err
	}
	text := fmt.Sprintf("straza-audit\n%d\n%s\n%s\n", size, root, now.Format(time.RFC3339))
	signed, err := note.Sign(&note.Note{Text: text}, l.keys.AuditSigner())
	if err != nil {
		return err
	}
	err = l.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, insertMark, size, root.String(), clock.Micros(now), string(signed))
		return err
	}, store.InLane(store.Jobs))
	if err != nil {
		return err
	}
	return l.witness(signed)
}

// witness appends a checkpoint to every witness file. One that cannot be reached
// lags, which is no damage: it is logged and goes on with the next checkpoint.
func (l *Log) witness(signed []byte) error {
	for _, path := range l.witnesses {
		if err := appendFile(path, append(signed, '\n')); err != nil {
			slog.Warn("audit: witness out of reach", "path", path, "error", err)
		}
	}
	return nil
}

func appendFile(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
