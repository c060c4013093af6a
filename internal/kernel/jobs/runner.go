package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

const (
	lease      = 12 * time.Second // a dead node's jobs move within 15 s
	renewEvery = 4 * time.Second
	batch      = 50
	workers    = 4
	tries      = 5
	keepDone   = 24 * time.Hour
)

// Runner claims and runs jobs on this node.
type Runner struct {
	db    *store.DB
	defs  map[string]Def
	subs  map[string][]string // event type → kinds
	queue chan *Task
	mu    sync.Mutex
	busy  map[int64]*Task // claimed here: their leases are renewed
	apart func(*Task)     // starts a task of a kind that runs beside the workers
}

// New makes a runner. It panics on a kind defined twice: that is a mistake in
// app's table, found at the first start.
func New(db *store.DB, defs []Def, subs []Subscription) *Runner {
	r := &Runner{db: db, defs: map[string]Def{}, subs: map[string][]string{}, queue: make(chan *Task), busy: map[int64]*Task{}}
	for _, d := range append(defs, Def{Kind: "jobs.prune", Every: time.Hour, Run: r.prune}) {
		if _, twice := r.defs[d.Kind]; twice {
			panic("jobs: kind defined twice: " + d.Kind)
		}
		r.defs[d.Kind] = d
	}
	for _, s := range subs {
		r.subs[s.Event] = append(r.subs[s.Event], s.Kind)
	}
	return r
}

// Run works until ctx ends, then lets the jobs under way finish.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.plan(ctx); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for t := range r.queue {
				r.work(context.WithoutCancel(ctx), t)
			}
		})
	}
	wg.Go(func() { r.renew(ctx) })
	r.apart = func(t *Task) { wg.Go(func() { r.work(context.WithoutCancel(ctx), t) }) }
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		if n, err := r.round(ctx); err != nil && ctx.Err() == nil {
			slog.Error("jobs: claiming", "error", err)
		} else if n == batch {
			continue
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-r.db.Woken():
		}
	}
	close(r.queue)
	wg.Wait()
	return nil
}

// plan writes a row for every periodic kind.
func (r *Runner) plan(ctx context.Context) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		for _, d := range r.defs {
			if d.Every > 0 {
				if _, err := tx.Exec(ctx, addPeriodic, d.Kind, now); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// round frees lost leases, takes due periodic turns and hands claimed jobs to
// the workers. A look comes first, so that an idle node writes nothing.
func (r *Runner) round(ctx context.Context) (n int, err error) {
	var ready, lost bool
	var due []string
	err = r.db.View(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		var one int
		if ready, err = tx.Row(ctx, someReady, []any{now}, &one); err != nil {
			return err
		}
		if lost, err = tx.Row(ctx, someLost, []any{now}, &one); err != nil {
			return err
		}
		due, err = store.All(ctx, tx, store.ScanString, duePeriodic, now)
		return err
	})
	if err != nil {
		return 0, err
	}
	if lost {
		if err := r.free(ctx); err != nil {
			return 0, err
		}
	}
	for _, name := range due {
		if err := r.turn(ctx, name); err != nil {
			return 0, err
		}
	}
	if !ready && !lost && len(due) == 0 {
		return 0, nil
	}
	tasks, err := r.claim(ctx)
	for _, t := range tasks {
		if r.defs[t.Kind].Apart {
			r.apart(t)
			continue
		}
		r.queue <- t
	}
	return len(tasks), err
}

func (r *Runner) free(ctx context.Context) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, freeLost, now, tries)
		return err
	}, store.InLane(store.Jobs))
}

// turn enqueues a periodic kind when this node is the one that moves next_run.
func (r *Runner) turn(ctx context.Context, name string) error {
	d, known := r.defs[name]
	if !known || d.Every == 0 {
		return nil // another version's: left alone
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, takeTurn, name, now, now+d.Every.Microseconds())
		if err != nil || n == 0 {
			return err
		}
		return Enqueue(ctx, tx, Job{Kind: name, Key: "periodic"})
	}, store.InLane(store.Jobs))
}

func (r *Runner) claim(ctx context.Context) (tasks []*Task, err error) {
	text := claimLite
	if r.db.Engine == store.PostgreSQL {
		text = claimPg
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		tasks, err = store.All(ctx, tx, func(s store.Scanner) (*Task, error) {
			t := &Task{db: r.db}
			var p string
			err := s.Scan(&t.ID, &t.Kind, &t.fence, &t.Attempt, &p)
			t.Payload = json.RawMessage(p)
			return t, err
		}, text, now, now+lease.Microseconds(), batch)
		return err
	}, store.InLane(store.Jobs))
	slices.SortFunc(tasks, func(a, b *Task) int { return cmp.Compare(a.ID, b.ID) }) // as they came to be: an UPDATE gives its rows in any order
	r.mu.Lock()
	for _, t := range tasks {
		r.busy[t.ID] = t
	}
	r.mu.Unlock()
	return tasks, err
}

// renew keeps the leases of what was claimed here.
func (r *Runner) renew(ctx context.Context) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		mine := make([]*Task, 0, len(r.busy))
		for _, t := range r.busy {
			mine = append(mine, t)
		}
		r.mu.Unlock()
		if len(mine) == 0 {
			continue
		}
		err := r.db.Update(ctx, func(tx *store.Tx) error {
			now, err := store.Now(ctx, tx)
			if err != nil {
				return err
			}
			for _, t := range mine {
				if _, err := tx.Exec(ctx, renewJob, t.ID, t.fence, now+lease.Microseconds()); err != nil {
					return err
				}
			}
			return nil
		}, store.InLane(store.Jobs))
		if err != nil && ctx.Err() == nil {
			slog.Error("jobs: renewing leases", "error", err)
		}
	}
}

// work runs one task and writes down how it ended.
func (r *Runner) work(ctx context.Context, t *Task) {
	defer func() { r.mu.Lock(); delete(r.busy, t.ID); r.mu.Unlock() }()
	err := r.call(ctx, t)
	if err == nil && t.finished {
		return
	}
	uerr := r.db.Update(ctx, func(tx *store.Tx) error {
		if err == nil {
			return t.FinishTx(ctx, tx)
		}
		return r.fail(ctx, tx, t, err)
	}, store.InLane(store.Jobs))
	if uerr != nil { // the lease runs out and somebody tries again
		slog.Error("jobs: could not write the outcome", "job", t.ID, "kind", t.Kind, "error", uerr)
	}
}

func (r *Runner) call(ctx context.Context, t *Task) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("jobs: panic", "job", t.ID, "kind", t.Kind, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if len(t.Kind) > 6 && t.Kind[:6] == "event:" {
		return r.spread(ctx, t)
	}
	d, ok := r.defs[t.Kind]
	if !ok {
		return fault.New(fault.Invalid, "no handler for kind %q", t.Kind)
	}
	timeout := d.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return d.Run(ctx, t)
}

// spread turns an event into one job a subscriber, in one transaction.
func (r *Runner) spread(ctx context.Context, t *Task) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		for _, kind := range r.subs[t.Kind[6:]] {
			if err := Enqueue(ctx, tx, Job{Kind: kind, Payload: t.Payload}); err != nil {
				return err
			}
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}

// fail plans the next try, doubling the wait from 5 s, or parks the job: after
// its last try, or at once when trying again cannot help.
func (r *Runner) fail(ctx context.Context, tx *store.Tx, t *Task, cause error) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	reason := cause.Error()
	if len(reason) > 500 {
		reason = reason[:500]
	}
	limit := r.defs[t.Kind].Tries
	if limit == 0 {
		limit = tries
	}
	if t.Attempt >= limit || fault.Is(cause, fault.Invalid) {
		slog.Warn("jobs: quarantined", "job", t.ID, "kind", t.Kind, "attempt", t.Attempt, "error", reason)
		_, err = tx.Exec(ctx, parkJob, t.ID, t.fence, now, reason)
		return err
	}
	wait := 5 * time.Second << (t.Attempt - 1)
	if f := fault.Of(cause); f != nil && f.RetryAfter > wait {
		wait = f.RetryAfter
	}
	wait += time.Duration(rand.Int64N(int64(wait) / 4))
	_, err = tx.Exec(ctx, retryJob, t.ID, t.fence, now+wait.Microseconds(), reason)
	return err
}

func (r *Runner) prune(ctx context.Context, t *Task) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, pruneDone, now-keepDone.Microseconds()); err != nil {
			return err
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}

// Drain runs everything that is due, including what that leaves behind, and
// returns: for tests, the demo and commands without a server.
func (r *Runner) Drain(ctx context.Context) error {
	for range 1000 {
		if err := r.free(ctx); err != nil {
			return err
		}
		tasks, err := r.claim(ctx)
		if err != nil || len(tasks) == 0 {
			return err
		}
		for _, t := range tasks {
			r.work(ctx, t)
		}
	}
	return errors.New("jobs: still not drained after 1,000 rounds")
}

// Tick takes the due periodic turns, then drains: time passing, for tests and the demo.
func (r *Runner) Tick(ctx context.Context) error {
	if err := r.plan(ctx); err != nil {
		return err
	}
	var due []string
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		due, err = store.All(ctx, tx, store.ScanString, duePeriodic, clock.Micros(r.db.Clock.Now()))
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range due {
		if err := r.turn(ctx, name); err != nil {
			return err
		}
	}
	return r.Drain(ctx)
}
