package intel

import (
	"context"
	"errors"
	"time"

	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// jobCollect goes through the events for one definition that was changed.
const jobCollect = "intel.collect"

type definedPart struct{ ID int64 }

// collectTx brings every defined collection up to one event: it enters where it
// belongs, with dates of addition behind all others there, and leaves where it does
// not. Whoever changes what a definition asks of an event calls it in the same act, the
// conversion when it has made the event's objects. What is unpublished or converted no
// more is nobody's anyway; its place is kept until it is swept (abandoned).
func (s *Service) collectTx(ctx context.Context, tx *store.Tx, event int64) error {
	list, err := s.definitions(ctx, tx, "")
	if err != nil || len(list) == 0 {
		return err
	}
	last, err := lockClock(ctx, tx)
	if err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	at := max(now, last)
	for i := range list {
		if at, err = s.collectOne(ctx, tx, &list[i], event, at); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, moveStixClock, at+1) // whoever follows looks again: it may be back unchanged
	return err
}

// withdrawTx takes an event out of every collection, in the act that unpublishes or
// deletes it: followers are told.
func (s *Service) withdrawTx(ctx context.Context, tx *store.Tx, event int64) error {
	holders, err := store.All(ctx, tx, store.ScanInt64, holdersOf, event)
	if err != nil || len(holders) == 0 {
		return err
	}
	return s.noting(ctx, tx, holders, func(d *Definition, at int64) (int64, error) { return leaveTx(ctx, tx, d, event, at) })
}

// noting runs fn for some collections with the clock in hand.
func (s *Service) noting(ctx context.Context, tx *store.Tx, ids []int64, fn func(d *Definition, at int64) (int64, error)) error {
	at, err := lockClock(ctx, tx)
	if err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	at = max(at, now)
	for _, id := range ids {
		list, err := s.definitionNow(ctx, tx, id)
		if err != nil {
			return err
		}
		for i := range list {
			if at, err = fn(&list[i], at); err != nil {
				return err
			}
		}
	}
	_, err = tx.Exec(ctx, moveStixClock, at)
	return err
}

// leaveTx notes what an event takes with it, and takes it out.
func leaveTx(ctx context.Context, tx *store.Tx, d *Definition, event, at int64) (int64, error) {
	at, err := noteGone(ctx, tx, d, event, at, nil)
	if err == nil {
		_, err = tx.Exec(ctx, leaveParts, d.ID, event)
	}
	return at, err
}

// dropped notes objects that a conversion takes out of an event, before it does.
func (s *Service) dropped(ctx context.Context, tx *store.Tx, event int64, objects []string) error {
	if len(objects) == 0 {
		return nil
	}
	holders, err := store.All(ctx, tx, store.ScanInt64, holdersOf, event)
	if err != nil || len(holders) == 0 {
		return err
	}
	return s.noting(ctx, tx, holders, func(d *Definition, at int64) (int64, error) { return noteGone(ctx, tx, d, event, at, objects) })
}

// collectOne is collectTx for one definition, behind a date; the caller holds the clock.
func (s *Service) collectOne(ctx context.Context, tx *store.Tx, d *Definition, event, at int64) (int64, error) {
	in, err := isWithin(ctx, tx, d, event)
	if err != nil {
		return at, err
	}
	if in {
		return enterTx(ctx, tx, d, event, at)
	}
	gone, err := toLeaveOne(ctx, tx, d, event)
	if err == nil && gone {
		at, err = leaveTx(ctx, tx, d, event, at)
	}
	return at, err
}

const (
	collectStep = 200
	abandoned   = 24 * time.Hour // after which an event that was not published again has left
)

// collectAll goes through all events for one definition, some at a time.
func (s *Service) collectAll(ctx, wait context.Context, id int64) error {
	version, done := int64(0), int64(0)
	for wait.Err() == nil {
		n := 0
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			n = 0
			list, err := s.definitionNow(ctx, tx, id)
			if err != nil || len(list) == 0 {
				return err
			}
			d := &list[0]
			version, done = d.version, d.done
			leave, err := toLeave(ctx, tx, d, d.now-abandoned.Microseconds(), collectStep)
			if err != nil {
				return err
			}
			enter, err := toEnter(ctx, tx, d, collectStep)
			if err != nil {
				return err
			}
			n = len(leave) + len(enter)
			return s.moveAll(ctx, tx, d, leave, enter)
		}, store.InLane(store.Jobs))
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	if wait.Err() != nil || version == done {
		return wait.Err()
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, definitionDone, id, version)
		return err
	}, store.InLane(store.Jobs))
}

func (s *Service) moveAll(ctx context.Context, tx *store.Tx, d *Definition, leave, enter []int64) error {
	if len(leave)+len(enter) == 0 {
		return nil
	}
	return s.noting(ctx, tx, []int64{d.ID}, func(d *Definition, at int64) (int64, error) {
		var err error
		for _, event := range leave {
			if at, err = leaveTx(ctx, tx, d, event, at); err != nil {
				return at, err
			}
		}
		for _, event := range enter {
			if at, err = enterTx(ctx, tx, d, event, at); err != nil {
				return at, err
			}
		}
		return at, nil
	})
}

// goneKept is how long it is known what left a collection.
const goneKept = 30 * 24 * time.Hour

// lapse notes what is no longer valid since it was last looked, and forgets old notes.
func (s *Service) lapse(ctx context.Context, id int64) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		return s.noting(ctx, tx, []int64{id}, func(d *Definition, at int64) (int64, error) {
			before := d.now - goneKept.Microseconds()
			n, err := tx.Exec(ctx, pruneGone, id, before)
			if err == nil && n > 0 {
				_, err = tx.Exec(ctx, raiseFloor, id, before)
			}
			if err != nil || !d.Lapse {
				return at, err
			}
			if at, err = noteLapsed(ctx, tx, d, at); err == nil {
				_, err = tx.Exec(ctx, sweptTo, id, d.now)
			}
			return at, err
		})
	}, store.InLane(store.Jobs))
}

// collectEvery sweeps all definitions: what has grown too old leaves, and whatever was
// missed comes in.
func (s *Service) collectEvery(ctx context.Context) error {
	var list []Definition
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		list, err = s.definitions(ctx, tx, "")
		return err
	})
	var failed error
	if err == nil {
		failed, err = s.workOutEnds(ctx, list)
	}
	for i := range list {
		if err == nil {
			err = s.collectAll(ctx, ctx, list[i].ID)
		}
		if err == nil {
			err = s.lapse(ctx, list[i].ID)
		}
	}
	return errors.Join(err, failed)
}

// collected makes sure that a definition's last change has been gone through; after
// some seconds the job goes on alone.
func (s *Service) collected(ctx context.Context, d *Definition) error {
	if d == nil || d.done >= d.version {
		return nil
	}
	wait, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if err := s.collectAll(ctx, wait, d.ID); err != nil && wait.Err() == nil {
		return err
	}
	return ctx.Err()
}

func (s *Service) collectJob() jobs.Def {
	return jobs.Def{Kind: jobCollect, Timeout: 30 * time.Minute, Run: func(ctx context.Context, t *jobs.Task) error {
		var p definedPart
		if err := t.Decode(&p); err != nil {
			return err
		}
		return s.collectAll(ctx, ctx, p.ID)
	}}
}
