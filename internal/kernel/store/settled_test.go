package store_test

import (
	"context"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// A write that has taken its time holds back what is settled until it has ended, however
// it ends and whatever other writes do meanwhile; a reader does not.
func TestSettled(t *testing.T) {
	t.Parallel()
	settled := func(t *testing.T, db *store.DB) int64 {
		t.Helper()
		at, err := db.Settled(context.Background())
		must(t, err)
		return at
	}
	// Each engine under a clock of the test's, and under that of production.
	test := func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		before := settled(t, db)
		taken, end, ended := make(chan int64), make(chan error), make(chan error)
		go func() {
			ended <- db.Update(ctx, func(tx *store.Tx) error {
				if err := store.SetFact(ctx, tx, "under way", "1"); err != nil { // PostgreSQL has a number for it now
					return err
				}
				now, err := store.Now(ctx, tx)
				taken <- now
				if e := <-end; e != nil {
					return e
				}
				return err
			})
		}()
		at := <-taken
		if at <= before {
			t.Errorf("a write began at %d, before %d, which was settled", at, before)
		}
		for range 3 {
			if now := settled(t, db); now > at {
				t.Errorf("settled up to %d while a write of %d is under way", now, at)
			}
		}
		end <- nil
		must(t, <-ended)
		if now := settled(t, db); now <= at {
			t.Errorf("settled up to %d after the write of %d ended", now, at)
		}
		go func() { // one that fails
			ended <- db.Update(ctx, func(tx *store.Tx) error {
				now, _ := store.Now(ctx, tx)
				taken <- now
				return <-end
			})
		}()
		at = <-taken
		end <- context.Canceled
		<-ended
		if now := settled(t, db); now <= at {
			t.Errorf("settled up to %d after a write that failed at %d", now, at)
		}
	}
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) { test(t, db) })
	t.Run("sqlite by the machine's clock", func(t *testing.T) { t.Parallel(); test(t, testkit.SQLite(t, clock.System())) })
	t.Run("postgres by its own clock", func(t *testing.T) { t.Parallel(); test(t, testkit.Postgres(t, clock.System())) })
}
