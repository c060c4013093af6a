package jobs_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

type happened struct{ N int }

func (happened) EventType() string { return "test.happened" }

func enqueue(t *testing.T, db *store.DB, j jobs.Job) {
	t.Helper()
	must(t, db.Update(context.Background(), func(tx *store.Tx) error { return jobs.Enqueue(context.Background(), tx, j) }))
}

func counts(t *testing.T, r *jobs.Runner) map[string]int64 {
	t.Helper()
	c, err := r.Counts(context.Background())
	must(t, err)
	return c
}

func TestJobCommitsWithItsAct(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		r := jobs.New(db, []jobs.Def{{Kind: "a", Run: func(context.Context, *jobs.Task) error { return nil }}}, nil)
		_ = db.Update(ctx, func(tx *store.Tx) error {
			if err := jobs.Enqueue(ctx, tx, jobs.Job{Kind: "a"}); err != nil {
				return err
			}
			return errors.New("the act failed")
		})
		if c := counts(t, r); c[jobs.Waiting] != 0 {
			t.Errorf("a job outlived its act: %v", c)
		}
	})
}

func TestUniqueKeyWhileWaiting(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ran := 0
		r := jobs.New(db, []jobs.Def{{Kind: "a", Run: func(context.Context, *jobs.Task) error { ran++; return nil }}}, nil)
		for range 3 {
			enqueue(t, db, jobs.Job{Kind: "a", Key: "x"})
		}
		must(t, r.Drain(context.Background()))
		enqueue(t, db, jobs.Job{Kind: "a", Key: "x"})
		must(t, r.Drain(context.Background()))
		if ran != 2 {
			t.Errorf("ran %d times, want 2", ran)
		}
	})
}

func TestFailingJobIsTriedThenQuarantined(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		ctx := context.Background()
		ran := 0
		r := jobs.New(db, []jobs.Def{
			{Kind: "a", Run: func(context.Context, *jobs.Task) error { ran++; panic("no luck") }},
			{Kind: "neighbour", Run: func(context.Context, *jobs.Task) error { return nil }},
		}, nil)
		enqueue(t, db, jobs.Job{Kind: "a"})
		for range 10 {
			must(t, r.Drain(ctx))
			now.Add(10 * time.Minute)
		}
		enqueue(t, db, jobs.Job{Kind: "neighbour"})
		must(t, r.Drain(ctx))
		if c := counts(t, r); ran != 5 || c[jobs.Quarantined] != 1 || c[jobs.Waiting] != 0 {
			t.Errorf("ran %d times, then %v", ran, c)
		}
		operator := ident.Actor{Kind: ident.Operator, Name: "root"}
		rows, _, err := r.List(ctx, operator, jobs.Quarantined, 0)
		must(t, err)
		if len(rows) != 1 || !strings.Contains(rows[0].Reason, "no luck") {
			t.Fatalf("%+v", rows)
		}
		log := testkit.Audit(db)
		must(t, r.Again(ctx, operator, log, rows[0].ID))
		must(t, r.Drain(ctx))
		if ran != 6 {
			t.Errorf("ran %d times after another chance", ran)
		}
		if err := r.Discard(ctx, ident.Nobody(ident.Web), log, rows[0].ID); !fault.Is(err, fault.Denied) {
			t.Errorf("nobody may discard: %v", err)
		}
	})
}

// A zombie's write is fenced: the lease has moved, its transaction fails.
func TestZombieIsFenced(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		ctx := context.Background()
		var zombie error
		var second *jobs.Runner
		def := jobs.Def{Kind: "a", Run: func(ctx context.Context, task *jobs.Task) error {
			if task.Attempt == 1 { // asleep for an hour; the other node takes over meanwhile
				now.Add(time.Hour)
				must(t, second.Drain(ctx))
				zombie = db.Update(ctx, func(tx *store.Tx) error {
					if err := store.SetFact(ctx, tx, "written by", "zombie"); err != nil {
						return err
					}
					return task.FinishTx(ctx, tx)
				})
				return zombie
			}
			return db.Update(ctx, func(tx *store.Tx) error {
				if err := store.SetFact(ctx, tx, "written by", "second"); err != nil {
					return err
				}
				return task.FinishTx(ctx, tx)
			})
		}}
		first := jobs.New(db, []jobs.Def{def}, nil)
		second = jobs.New(db, []jobs.Def{def}, nil)
		enqueue(t, db, jobs.Job{Kind: "a"})
		must(t, first.Drain(ctx))
		if !fault.Is(zombie, fault.Conflict) {
			t.Errorf("the zombie's write: %v", zombie)
		}
		must(t, db.View(ctx, func(tx *store.Tx) error {
			v, err := store.Fact(ctx, tx, "written by")
			if v != "second" {
				t.Errorf("written by %q", v)
			}
			return err
		}))
	})
}

func TestEventReachesItsSubscribers(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		got := map[string]int{}
		hear := func(name string) jobs.Def {
			return jobs.Def{Kind: name, Run: func(_ context.Context, task *jobs.Task) error {
				var e happened
				err := task.Decode(&e)
				got[name] += e.N
				return err
			}}
		}
		r := jobs.New(db, []jobs.Def{hear("a"), hear("b"), hear("c")},
			[]jobs.Subscription{{Event: "test.happened", Kind: "a"}, {Event: "test.happened", Kind: "b"}})
		must(t, db.Update(ctx, func(tx *store.Tx) error { return jobs.Publish(ctx, tx, happened{N: 3}) }))
		must(t, r.Drain(ctx))
		if got["a"] != 3 || got["b"] != 3 || got["c"] != 0 {
			t.Errorf("%v", got)
		}
	})
}

func TestPeriodicRunsOnceADueTurn(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		ctx := context.Background()
		var ran atomic.Int64
		defs := []jobs.Def{{Kind: "tick", Every: time.Minute, Run: func(context.Context, *jobs.Task) error { ran.Add(1); return nil }}}
		a, b := jobs.New(db, defs, nil), jobs.New(db, defs, nil)
		for range 3 {
			must(t, a.Tick(ctx))
			must(t, b.Tick(ctx))
			now.Add(61 * time.Second)
		}
		if ran.Load() != 3 {
			t.Errorf("two nodes, three minutes: ran %d times", ran.Load())
		}
	})
}

// TestPeriodicTurnsHaveAnOrder: what is due at the same moment runs in one order, so
// that a moved clock tells the same story twice.
func TestPeriodicTurnsHaveAnOrder(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		var ran []string
		var defs []jobs.Def
		for _, k := range []string{"t.f", "t.b", "t.h", "t.a", "t.e", "t.c", "t.g", "t.d"} {
			defs = append(defs, jobs.Def{Kind: k, Every: time.Hour, Run: func(context.Context, *jobs.Task) error { ran = append(ran, k); return nil }})
		}
		if err := jobs.New(db, defs, nil).Tick(context.Background()); err != nil {
			t.Fatal(err)
		}
		mine := slices.DeleteFunc(ran, func(k string) bool { return !strings.HasPrefix(k, "t.") })
		if len(mine) != 8 || !slices.IsSorted(mine) {
			t.Errorf("ran %q", mine)
		}
	})
}

func TestRunWorksUntilStopped(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.System())
	done := make(chan struct{})
	r := jobs.New(db, []jobs.Def{{Kind: "a", Run: func(context.Context, *jobs.Task) error { close(done); return nil }}}, nil)
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error)
	go func() { stopped <- r.Run(ctx) }()
	enqueue(t, db, jobs.Job{Kind: "a"})
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the job was not run")
	}
	stop()
	must(t, <-stopped)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
