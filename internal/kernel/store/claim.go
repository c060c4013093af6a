package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync/atomic"

	"straza/internal/kernel/clock"
)

// claim makes the first Update under a context happen at most once for its key.
type claim struct {
	hash string
	used atomic.Bool
}

type claimKey struct{}

// Again says that an act with this key was done before. Answer is what KeepAnswer
// wrote for it, "{}" when it was lost between the act and its answer.
type Again struct{ Answer string }

// Error names the kind of it for logs.
func (*Again) Error() string { return "store: done before under the same key" }

var errTaken = errors.New("store: the key is taken")

func claimHash(key string) string {
	sum := sha256.Sum256([]byte("claim|" + key))
	return hex.EncodeToString(sum[:])
}

// Claim gives a context under which the first Update that commits takes key with it,
// in the same transaction; under a key that is taken it does nothing and fails with
// *Again. The key is kept as a hash; include who is asking and for what in it.
// ViewLogged does not take it: reading is no act.
func (db *DB) Claim(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, claimKey{}, &claim{hash: claimHash(key)})
}

// WithoutClaim gives a context whose writes take no key: for an act of several
// transactions that keeps its key itself, with the last of them.
func WithoutClaim(ctx context.Context) context.Context {
	return context.WithValue(ctx, claimKey{}, (*claim)(nil))
}

// KeepAnswer remembers what was answered to the act of a key: a JSON object.
func (db *DB) KeepAnswer(ctx context.Context, key, answer string) error {
	ctx = context.WithValue(context.WithoutCancel(ctx), claimKey{}, (*claim)(nil))
	return db.Update(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, "UPDATE store_once SET result = $2 WHERE key_hash = $1", claimHash(key), answer)
		return err
	})
}

// claimed runs an Update that takes a key. The key goes in first: on PostgreSQL a
// second request waits there until the first has committed or given up.
func (db *DB) claimed(ctx context.Context, c *claim, fn func(tx *Tx) error, opts []Option) error {
	ctx = context.WithValue(ctx, claimKey{}, (*claim)(nil))
	err := db.Update(ctx, func(tx *Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO store_once (key_hash, at, result) VALUES ($1,$2,'{}')", c.hash, clock.Micros(db.Clock.Now())); err != nil {
			if IsUnique(err) {
				return errTaken
			}
			return err
		}
		return fn(tx)
	}, opts...)
	if err == nil {
		c.used.Store(true)
	}
	if !errors.Is(err, errTaken) {
		return err
	}
	again := &Again{}
	if err := db.View(ctx, func(tx *Tx) error {
		_, err := tx.Row(ctx, "SELECT result FROM store_once WHERE key_hash = $1", []any{c.hash}, &again.Answer)
		return err
	}); err != nil {
		return err
	}
	return again
}
