package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func fact(t *testing.T, ctx context.Context, db *store.DB, name string) (v string) {
	t.Helper()
	must(t, db.View(ctx, func(tx *store.Tx) (err error) { v, err = store.Fact(ctx, tx, name); return err }))
	return v
}

func setFact(t *testing.T, ctx context.Context, db *store.DB, name, v string) {
	t.Helper()
	must(t, db.Update(ctx, func(tx *store.Tx) error { return store.SetFact(ctx, tx, name, v) }))
}

// What is read within a Moment is of one moment, however often and however deep, while
// others write; the present is one step away.
func TestMomentStandsStill(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		for i := range 50 {
			setFact(t, ctx, db, fmt.Sprintf("a%02d", i), "old")
		}
		must(t, db.Moment(ctx, func(in context.Context, tx *store.Tx) error {
			setFact(t, in, db, "a00", "new")
			if got := fact(t, in, db, "a00"); got != "old" {
				t.Errorf("a View within sees %q", got)
			}
			if got := fact(t, ctx, db, "a00"); got != "new" {
				t.Errorf("a View outside sees %q", got)
			}
			if got := fact(t, store.Present(in), db, "a00"); got != "new" {
				t.Errorf("the present is %q", got)
			}
			n := 0
			for name, err := range store.Each(in, tx, store.ScanString, `SELECT name FROM store_fact WHERE name < $1 ORDER BY name`, "b") {
				must(t, err)
				setFact(t, in, db, name, "new")
				must(t, db.Moment(in, func(in context.Context, _ *store.Tx) error { // rows under way, a Moment within
					if got := fact(t, in, db, name); got != "old" {
						t.Errorf("%s beside open rows: %q", name, got)
					}
					return nil
				}))
				n++
			}
			if n != 50 {
				t.Errorf("%d rows", n)
			}
			return nil
		}))
		if got := fact(t, ctx, db, "a49"); got != "new" {
			t.Errorf("afterwards: %q", got)
		}
	})
}

// A reader that is too slow gets a clear fault and loses the snapshot, and with it its
// place, even while it does not come back.
func TestMomentIsGivenUp(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		db.MomentMost = 400 * time.Millisecond
		stuck, faults := make(chan struct{}), make(chan error)
		for range 5 { // more than there are places
			go func() {
				faults <- db.Moment(ctx, func(in context.Context, tx *store.Tx) error {
					<-in.Done()
					<-stuck
					_, err := store.Fact(context.WithoutCancel(in), tx, "a")
					return err
				})
			}()
		}
		must(t, db.Moment(ctx, func(context.Context, *store.Tx) error { return nil }))
		close(stuck)
		for range 5 {
			if err := <-faults; !fault.Is(err, fault.Unavailable) || fault.Of(err).Key != "fault.moment" {
				t.Errorf("a slow reader: %v", err)
			}
		}
	})
}
