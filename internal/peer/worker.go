package peer

import (
	"context"
	"errors"
	"slices"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Options say how a run is made.
type Options struct {
	Technique string    // Full, Update, or the UUID of one event; "" = Full
	Dry       bool      // only say what would happen
	Fresh     bool      // ask for the whole index although it may be as it was
	Force     bool      // although the breaker is open
	Until     time.Time // stop there and go on in the next call; zero = to the end
}

func (o *Options) check() error {
	if o.Technique == "" {
		o.Technique = Full
	}
	if o.Technique == Full || o.Technique == Update {
		return nil
	}
	uuid, ok := store.ParseUUID(o.Technique)
	if !ok {
		return fault.Field("technique", "peer.fault.technique", "full, update or the UUID of one event")
	}
	o.Technique = uuid
	return nil
}

// exchange is one turn of a run, from its beginning or from where it stood; do makes
// the phases once the other side has said who it is.
func (s *Service) exchange(ctx context.Context, who ident.Actor, way, ref string, o Options, do func(context.Context, *worker) ([]phase, error)) (run Run, err error) {
	if err := s.mayManage(who); err != nil {
		return run, err
	}
	if err := o.check(); err != nil {
		return run, err
	}
	p, err := s.Peer(ctx, who, ref)
	if err != nil {
		return run, err
	}
	end, ok := s.alone(way, p.ID)
	if !ok {
		return run, fault.New(fault.Conflict, "a %s with peer %d is under way", way, p.ID).WithKey("peer.fault.busy")
	}
	defer end()
	w := &worker{s: s, p: &p, o: o}
	if err := w.begin(ctx, who, way); err != nil {
		return run, err
	}
	if w.r, err = s.connect(&p); err == nil {
		_, err = w.r.version(ctx)
	}
	var list []phase
	if err == nil {
		list, err = do(ctx, w)
	}
	if err == nil {
		err = w.through(ctx, list)
	}
	return w.close(ctx, err)
}

// worker is what pulls and pushes share: the run and how it ends.
type worker struct {
	s      *Service
	p      *Peer
	o      Options
	r      *remote
	run    Run
	end    bool              // nothing is left to do
	moved  bool              // something was done in this turn
	bad    string            // what went wrong last with one event
	failed int               // exchanges that failed one after the other
	tried  map[string]bool   // events left for another run
	dry    map[string][]item // on a dry run, what would be noted, by way
}

// next reads the notes of events that wait behind a place. What was noted while the
// run worked is part of it; what it has tried is not tried twice.
func (w *worker) next(ctx context.Context, after *int64, n int) (out []item, err error) {
	for len(out) == 0 {
		list, err := w.waitingItems(ctx, w.run.Way, *after, n)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			left := int64(0)
			err := w.s.db.View(ctx, func(tx *store.Tx) (err error) {
				left, err = store.Int64(ctx, tx, countItems, w.p.ID, w.run.Way, itemWaiting)
				return err
			})
			if err != nil || *after == 0 || left <= int64(len(w.tried)) {
				return nil, err
			}
			*after = 0
			continue
		}
		*after = list[len(list)-1].id
		for _, it := range list {
			if !w.tried[it.uuid] {
				out = append(out, it)
			}
		}
	}
	return out, nil
}

// would notes on a dry run, in memory, what else would be noted in the database.
func (w *worker) would(way, uuid string, timestamp int64) {
	if w.dry == nil {
		w.dry = map[string][]item{}
	}
	w.dry[way] = append(w.dry[way], item{id: int64(len(w.dry[way]) + 1), peer: w.p.ID, way: way, uuid: uuid, timestamp: timestamp, state: itemWaiting})
}

// try notes that an event is left for another run.
func (w *worker) try(uuid string) {
	if w.tried == nil {
		w.tried = map[string]bool{}
	}
	w.tried[uuid] = true
}

// phase is a part of a run that can be taken up where it stood. done is false when
// its time was up.
type phase struct {
	name string
	do   func(ctx context.Context) (done bool, err error)
}

// through does the phases that are left; one that is not in the list any more is over.
func (w *worker) through(ctx context.Context, list []phase) error {
	at := slices.IndexFunc(list, func(p phase) bool { return p.name == w.run.phase })
	for ; at >= 0 && at < len(list); at++ {
		done, err := list[at].do(ctx)
		if err != nil || !done {
			return err
		}
		next := phaseOver
		if at+1 < len(list) {
			next = list[at+1].name
		}
		if err := w.enter(ctx, next); err != nil {
			return err
		}
	}
	w.end = true
	return nil
}

func (w *worker) enter(ctx context.Context, next string) error {
	w.run.phase, w.run.cursor = next, ""
	if w.run.Dry {
		return nil
	}
	return w.s.db.Update(ctx, func(tx *store.Tx) error { return writeRun(ctx, tx, &w.run) }, store.InLane(store.Jobs))
}

// late tells that this turn's time is up; a turn does one step at least.
func (w *worker) late() bool {
	return w.moved && !w.o.Until.IsZero() && w.s.db.Clock.Now().After(w.o.Until)
}

// step does one act and writes what it counted, and where the phase stands, with it.
func (w *worker) step(ctx context.Context, cursor string, act func(tx *store.Tx, c *Counts) error) error {
	if w.run.Dry {
		return act(nil, &w.run.Counts)
	}
	var run Run
	err := w.s.db.Update(ctx, func(tx *store.Tx) error {
		run = w.run
		run.Counts, run.cursor = w.run.Counts.copy(), cursor
		if err := act(tx, &run.Counts); err != nil {
			return err
		}
		return writeRun(ctx, tx, &run)
	}, store.InLane(store.Jobs))
	if err == nil {
		w.run, w.moved = run, true
	}
	return err
}

// count writes what became of one event with the run's counts; they count only when that
// was kept.
func (w *worker) count(ctx context.Context, note func(tx *store.Tx, c *Counts) error) error {
	var counts Counts
	err := w.s.db.Update(ctx, func(tx *store.Tx) error {
		counts = w.run.Counts.copy()
		if err := note(tx, &counts); err != nil {
			return err
		}
		return w.counted(ctx, tx, counts)
	}, store.InLane(store.Jobs))
	if err == nil {
		w.run.Counts = counts
	}
	return err
}

func (w *worker) counted(ctx context.Context, tx *store.Tx, counts Counts) error {
	run := w.run
	run.Counts = counts.summed()
	return writeRun(ctx, tx, &run)
}

// ended notes how it ended with one event, for this run and for who asks why.
func (w *worker) ended(ctx context.Context, tx *store.Tx, it item, state, reason, detail string) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	it.state, it.reason, it.detail, it.at = state, reason, detail, now
	return writeItem(ctx, tx, &it)
}

// begin takes up the run that was cut off, or makes a new one.
func (w *worker) begin(ctx context.Context, who ident.Actor, way string) error {
	return w.s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if w.p.open(now) && !w.o.Force {
			return fault.New(fault.Unavailable, "peer %d failed %d times; nobody is sent there for now", w.p.ID, w.p.Health.Failures).WithKey("peer.fault.open")
		}
		run, found, err := store.First(ctx, tx, scanRun, openRun, w.p.ID, way)
		if err != nil {
			return err
		}
		if found && !w.o.Dry && run.Technique == w.o.Technique {
			w.run = run
			w.run.Counts = run.Counts.copy()
			return nil
		}
		w.run = Run{ID: w.s.db.NewID(), Peer: w.p.ID, Way: way, Technique: w.o.Technique, State: Running, Started: now, Dry: w.o.Dry, phase: phaseIndex}
		w.run.Counts = w.run.Counts.copy()
		if w.o.Dry {
			return nil
		}
		if found { // of another technique: its rest is taken up by this one
			run.State, run.Ended, run.Detail = Failed, now, "another run took its place"
			if err := writeRun(ctx, tx, &run); err != nil {
				return err
			}
		}
		if err := newRun(ctx, tx, &w.run); err != nil {
			return err
		}
		return w.s.log.Record(ctx, tx, who, "peer."+way, thing(*w.p), map[string]any{"run": w.run.ID, "technique": w.o.Technique})
	})
}

// close writes how the run stands: done, failed with its reason, or still running
// because its time was up.
func (w *worker) close(ctx context.Context, cause error) (Run, error) {
	if w.run.Dry {
		w.run.State = Done
		return w.run, cause
	}
	cut := cause != nil && ctx.Err() != nil // by us: the run goes on where it stood
	ctx = context.WithoutCancel(ctx)
	if cause == nil && w.r != nil && w.r.able.Version != "" {
		if err := w.s.wentWell(ctx, w.p, w.r.able); err != nil {
			return w.run, err
		}
	} else if theirs(cause) && !cut {
		if err := w.s.wentWrong(ctx, w.p, cause); err != nil {
			return w.run, err
		}
	}
	err := w.s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		left, err := store.Int64(ctx, tx, countItems, w.p.ID, w.run.Way, itemWaiting)
		if err != nil {
			return err
		}
		run := w.run
		if run.phase != phaseIndex {
			run.Counts.Events.Left = left
			run.Counts = run.Counts.summed()
		}
		switch {
		case cut:
		case cause != nil:
			run.State, run.Ended, run.Detail = Failed, now, DetailOf(cause)
		case w.end:
			run.State, run.Ended = Done, now
			if left > 0 {
				run.Detail = w.bad
			}
			if err := w.finished(ctx, tx, now, left); err != nil {
				return err
			}
		}
		w.run = run
		return writeRun(ctx, tx, &run)
	})
	return w.run, errors.Join(cause, err)
}

// finished notes on the peer that a way was gone to its end.
func (w *worker) finished(ctx context.Context, tx *store.Tx, now, left int64) error {
	if w.run.Way == Push {
		_, err := tx.Exec(ctx, setPushed, w.p.ID, now)
		return err
	}
	if w.run.Way == Move {
		return nil
	}
	tag := w.run.etag
	if left > 0 || w.run.Technique != Full {
		tag = w.p.etag
	}
	_, err := tx.Exec(ctx, setPulled, w.p.ID, now, tag)
	return err
}

// theirs tells whether a failure is the other side's or the way's.
func theirs(err error) bool {
	var said *NoAnswer
	return err != nil && (errors.As(err, &said) || fault.Is(err, fault.Unavailable))
}
