package store_test

import (
	"errors"
	"testing"
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// Views of a Reading share a transaction; what is written under the same ctx is seen,
// what others write after a pause.
func TestReadingShares(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		store.SetReadingRest(db, time.Hour)
		out := t.Context()
		setFact(t, out, db, "a", "1")
		ctx, done := db.Reading(out)
		defer done()
		if v := fact(t, ctx, db, "a"); v != "1" {
			t.Fatalf("a is %q", v)
		}
		setFact(t, out, db, "a", "2") // by somebody else
		if v := fact(t, ctx, db, "a"); v != "1" {
			t.Errorf("a is %q: the two Views did not share a transaction", v)
		}
		setFact(t, ctx, db, "b", "1") // by the act itself
		if v := fact(t, ctx, db, "b"); v != "1" {
			t.Errorf("the act does not see what it wrote: %q", v)
		}
		if v := fact(t, ctx, db, "a"); v != "2" {
			t.Errorf("a is %q after a write of the act", v)
		}
		store.RestReading(ctx, db)
		setFact(t, out, db, "a", "3")
		if v := fact(t, ctx, db, "a"); v != "3" {
			t.Errorf("a is %q after a pause", v)
		}
	})
}

// An error, a View within a View, a write within a View, and an act that is over.
func TestReadingGoesOn(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		out := t.Context()
		setFact(t, out, db, "a", "1")
		ctx, done := db.Reading(out)
		boom := errors.New("boom")
		err := db.View(ctx, func(tx *store.Tx) error {
			_, err := tx.Row(ctx, "SELECT no_such_column FROM store_fact", nil, new(string))
			if err == nil {
				t.Error("a column that is not there was read")
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Errorf("View = %v", err)
		}
		must(t, db.View(ctx, func(tx *store.Tx) error {
			if v := fact(t, ctx, db, "a"); v != "1" {
				t.Errorf("within a View a is %q", v)
			}
			return nil
		}))
		if db.Engine == store.PostgreSQL { // SQLite's law: no write within a reader's callback is meant, but none may hang here
			must(t, db.View(ctx, func(*store.Tx) error { setFact(t, ctx, db, "a", "2"); return nil }))
			if v := fact(t, ctx, db, "a"); v != "2" {
				t.Errorf("a is %q after a write within a View", v)
			}
		}
		done()
		if v := fact(t, ctx, db, "a"); v == "" {
			t.Error("nothing is read when the act is over")
		}
		if n := store.InUse(db); n != 0 {
			t.Errorf("%d connections are still held", n)
		}
	})
}

// What is over shares nothing, and the next act under the same ctx shares anew; who has
// left for the present sees what was written meanwhile.
func TestReadingIsLeft(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		store.SetReadingRest(db, time.Hour)
		out := t.Context()
		setFact(t, out, db, "a", "1")
		ctx, over := db.Reading(out)
		fact(t, ctx, db, "a")
		setFact(t, out, db, "a", "2")
		if v := fact(t, store.Present(ctx), db, "a"); v != "2" {
			t.Errorf("at present a is %q", v)
		}
		if v := fact(t, ctx, db, "a"); v != "1" {
			t.Errorf("a is %q: leaving ended what was shared", v)
		}
		over()
		over()
		if v := fact(t, ctx, db, "a"); v != "2" {
			t.Errorf("after it a is %q", v)
		}
		setFact(t, out, db, "a", "3")
		if v := fact(t, ctx, db, "a"); v != "3" {
			t.Errorf("after it a is still %q", v)
		}
		again, done := db.Reading(ctx)
		defer done()
		fact(t, again, db, "a")
		setFact(t, out, db, "a", "4")
		if v := fact(t, again, db, "a"); v != "3" {
			t.Errorf("the second act does not share: a is %q", v)
		}
		done()
		if n := store.InUse(db); n != 0 {
			t.Errorf("%d connections are still held", n)
		}
	})
}

// Whoever is slow between two Views holds no connection.
func TestReadingRests(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		store.SetReadingRest(db, time.Nanosecond) // over before the View has let go
		for range 200 {
			ctx, done := db.Reading(t.Context())
			fact(t, ctx, db, "a")
			until := time.Now().Add(20 * time.Second)
			for store.InUse(db) != 0 {
				if time.Now().After(until) {
					t.Fatal("the connection is held for ever")
				}
				time.Sleep(time.Millisecond)
			}
			done()
		}
	})
}

func TestCopyInFewAndMany(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := t.Context()
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, "CREATE TABLE few (id BIGINT NOT NULL PRIMARY KEY, word TEXT)")
			return err
		}))
		at, boom := int64(0), errors.New("boom")
		copyIn := func(n int, fails bool) error {
			row := make([]any, 2) // one that is used again for each
			return db.Update(ctx, func(tx *store.Tx) error {
				k, err := tx.CopyIn(ctx, "few", []string{"id", "word"}, func(yield func([]any, error) bool) {
					for range n {
						at++
						row[0], row[1] = at, "w"
						if !yield(row, nil) {
							return
						}
					}
					if fails {
						yield(nil, boom)
					}
				})
				if err == nil && k != int64(n) {
					t.Errorf("%d of %d rows", k, n)
				}
				return err
			})
		}
		total := int64(0)
		for _, n := range []int{0, 1, 8, 9, 100} {
			must(t, copyIn(n, false))
			total += int64(n)
			if err := copyIn(n, true); !errors.Is(err, boom) {
				t.Errorf("%d rows and an error: %v", n, err)
			}
		}
		must(t, db.View(ctx, func(tx *store.Tx) error {
			k, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM few")
			if k != total {
				t.Errorf("%d rows, want %d", k, total)
			}
			return err
		}))
		at = 0
		if err := copyIn(3, false); !store.IsUnique(err) {
			t.Errorf("taken ids: %v", err)
		}
	})
}
