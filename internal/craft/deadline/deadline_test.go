package deadline_test

import (
	"context"
	"testing"
	"time"

	"straza/internal/craft/deadline"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestStep: the steps of a clock, at their edges.
func TestStep(t *testing.T) {
	t.Parallel()
	const hour = int64(time.Hour / time.Microsecond)
	day := deadline.Clock{Started: 0, Due: 24 * hour}
	for _, c := range []struct {
		at   int64
		k    deadline.Clock
		want string
	}{
		{0, day, deadline.Calm}, {18 * hour, day, deadline.Calm}, {18*hour + 1, day, deadline.Soon}, {23 * hour, day, deadline.Hour},
		{24 * hour, day, deadline.Hour}, {24*hour + 1, day, deadline.Late},
		{30 * hour, deadline.Clock{Due: 24 * hour, Paused: 1}, deadline.Paused}, {30 * hour, deadline.Clock{Due: 24 * hour, Done: 1}, deadline.Done},
	} {
		if got := c.k.Step(c.at); got != c.want {
			t.Errorf("%+v at %d: %s, want %s", c.k, c.at, got, c.want)
		}
	}
	if u := day.Used(12 * hour); u != 0.5 {
		t.Errorf("half used is %v", u)
	}
	if late := (deadline.Clock{Due: hour, Done: 2 * hour}); late.OnTime() {
		t.Error("done late counts as on time")
	}
}

// TestPause: a pause moves the due moment on by its own length; done stays when it
// was; a second start changes nothing, because the basis is fixed at the first.
func TestPause(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		ctx := context.Background()
		do := func(fn func(tx *store.Tx) error) {
			t.Helper()
			if err := db.Update(ctx, fn); err != nil {
				t.Fatal(err)
			}
		}
		read := func() (k deadline.Clock) {
			t.Helper()
			if err := db.View(ctx, func(tx *store.Tx) error {
				list, err := deadline.OfTx(ctx, tx, "case", 1)
				if err == nil {
					k = list[0]
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return k
		}
		var audience int64
		started := clock.Micros(now.Now())
		start := func(tx *store.Tx) (err error) {
			if audience, err = access.InternTx(ctx, tx, access.Audience{CERT: 7, Owner: 7, Level: access.LevelTeam}); err != nil {
				return err
			}
			return deadline.StartTx(ctx, tx, deadline.Clock{Kind: "case", Object: 1, Name: "answer", Label: "S-1", CERT: 7, Audience: audience, Started: started}, 24*time.Hour)
		}
		do(start)
		due := read().Due
		if due-started != (24 * time.Hour).Microseconds() {
			t.Fatalf("due %d after the start", due-started)
		}
		do(func(tx *store.Tx) error { return deadline.PauseTx(ctx, tx, "case", 1, "answer", "чека") })
		now.Add(5 * time.Hour)
		do(start) // again: nothing
		do(func(tx *store.Tx) error { return deadline.ResumeTx(ctx, tx, "case", 1, "answer") })
		if k := read(); k.Paused != 0 || k.Due-due < (5*time.Hour).Microseconds() || k.Due-due > (5*time.Hour+time.Minute).Microseconds() {
			t.Fatalf("after a pause of 5 h due moved by %v", time.Duration(k.Due-due)*time.Microsecond)
		}
		do(func(tx *store.Tx) error { return deadline.DoneTx(ctx, tx, "case", 1, "answer") })
		done := read().Done
		now.Add(time.Hour)
		do(func(tx *store.Tx) error { return deadline.DoneTx(ctx, tx, "case", 1, "answer") })
		if read().Done != done {
			t.Fatal("done twice moved the moment")
		}
		do(func(tx *store.Tx) error { return deadline.UndoneTx(ctx, tx, "case", 1, "answer") })
		if read().Done != 0 {
			t.Fatal("undone, yet done")
		}
	})
}
