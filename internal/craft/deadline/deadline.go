// Package deadline keeps clocks: started when something became known, due after a
// term, paused with a reason, done on time or late. A clock's step (calm, soon,
// last hour, late) is computed from the moment, never stored, so an overdue clock
// is overdue without anybody's job having run.
//
// Terms come from the calling room's data packs; this package knows no law.
package deadline

import (
	"context"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// Steps of a clock (look.md §8).
const (
	Calm   = "calm"
	Soon   = "soon" // under a quarter left
	Hour   = "hour" // the last hour
	Late   = "late"
	Paused = "paused"
	Done   = "done"
)

// Clock is one deadline of one object.
type Clock struct {
	ID       int64
	Kind     string // of the object: "case", "task" …
	Object   int64
	Name     string // which of the object's clocks: "answer", "task"
	Label    string // the object's number, for the watch line
	CERT     int64
	Audience int64 // as the object's
	Started  int64 // µs
	Due      int64
	Paused   int64 // since, 0 = running
	Why      string
	Done     int64 // 0 = not yet
}

// Step tells how urgent the clock is at a moment (µs).
func (c Clock) Step(now int64) string {
	left := c.Due - now
	switch {
	case c.Done > 0:
		return Done
	case c.Paused > 0:
		return Paused
	case left < 0:
		return Late
	case left <= time.Hour.Microseconds():
		return Hour
	case left*4 < c.Due-c.Started:
		return Soon
	}
	return Calm
}

// Used is the share of the term that is used up, 0 to 1.
func (c Clock) Used(now int64) float64 {
	until := now
	if c.Done > 0 {
		until = c.Done
	} else if c.Paused > 0 {
		until = c.Paused
	}
	if c.Due <= c.Started {
		return 1
	}
	return min(1, max(0, float64(until-c.Started)/float64(c.Due-c.Started)))
}

// OnTime tells whether a done clock was done before it fell due.
func (c Clock) OnTime() bool { return c.Done > 0 && c.Done <= c.Due }

// StartTx starts a clock; one that runs already under the same name stays as it
// is, because the basis of a deadline is fixed at its first start.
func StartTx(ctx context.Context, tx *store.Tx, c Clock, term time.Duration) error {
	if term <= 0 && c.Due == 0 {
		return fault.New(fault.Invalid, "a clock without a term")
	}
	if c.Due == 0 {
		c.Due = c.Started + term.Microseconds()
	}
	if c.ID == 0 { // a caller's own id: anonymous reports have random ones, that do not tell when
		c.ID = tx.DB().NewID()
	}
	_, err := tx.Exec(ctx, insertClock, c.ID, c.Kind, c.Object, c.Name, c.Label, c.CERT, c.Audience, c.Started, c.Due)
	return err
}

// PauseTx stops a clock with a reason; ResumeTx moves its due moment on by the pause.
func PauseTx(ctx context.Context, tx *store.Tx, kind string, object int64, name, why string) error {
	return at(ctx, tx, func(now int64) error {
		_, err := tx.Exec(ctx, pauseClock, kind, object, name, now, why)
		return err
	})
}

// ResumeTx lets a paused clock run on.
func ResumeTx(ctx context.Context, tx *store.Tx, kind string, object int64, name string) error {
	return at(ctx, tx, func(now int64) error {
		_, err := tx.Exec(ctx, resumeClock, kind, object, name, now)
		return err
	})
}

// DoneTx ends a clock; one that was done already stays done when it was.
func DoneTx(ctx context.Context, tx *store.Tx, kind string, object int64, name string) error {
	return at(ctx, tx, func(now int64) error {
		_, err := tx.Exec(ctx, endClock, kind, object, name, now)
		return err
	})
}

// DoneAtTx is DoneTx for what was done at an earlier moment (µs) than it is written
// down: a job's lateness is not the doer's.
func DoneAtTx(ctx context.Context, tx *store.Tx, kind string, object int64, name string, at int64) error {
	_, err := tx.Exec(ctx, endClock, kind, object, name, at)
	return err
}

// UndoneTx takes DoneTx back.
func UndoneTx(ctx context.Context, tx *store.Tx, kind string, object int64, name string) error {
	_, err := tx.Exec(ctx, againClock, kind, object, name)
	return err
}

// MoveTx sets a new due moment.
func MoveTx(ctx context.Context, tx *store.Tx, kind string, object int64, name string, due int64) error {
	_, err := tx.Exec(ctx, moveClock, kind, object, name, due)
	return err
}

// DropTx removes a clock that should never have run.
func DropTx(ctx context.Context, tx *store.Tx, kind string, object int64, name string) error {
	_, err := tx.Exec(ctx, dropClock, kind, object, name)
	return err
}

func at(ctx context.Context, tx *store.Tx, act func(now int64) error) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	return act(now)
}

// OfTx lists an object's clocks by due moment; the caller has checked that the
// object may be seen.
func OfTx(ctx context.Context, tx *store.Tx, kind string, object int64) ([]Clock, error) {
	return store.All(ctx, tx, scanClock, ofObject, kind, object)
}

// NearestTx gives, for each object that has one, its running clock that is due
// first; kind is a constant of the calling room.
func NearestTx(ctx context.Context, tx *store.Tx, kind string, objects []int64) (map[int64]Clock, error) {
	out := map[int64]Clock{}
	for c, err := range store.Each(ctx, tx, scanClock, nearest(kind, store.In(objects))) {
		if err != nil {
			return nil, err
		}
		out[c.Object] = c // ordered by due, latest first: the nearest stays
	}
	return out, nil
}

// UpcomingTx lists the running clocks that fall due before a moment, as far as
// who may see their objects: the watch line.
func UpcomingTx(ctx context.Context, tx *store.Tx, who ident.Actor, before int64) ([]Clock, error) {
	return store.All(ctx, tx, scanClock, upcoming(access.Visible(who, "c.audience_id")), before)
}

func scanClock(s store.Scanner) (c Clock, err error) {
	err = s.Scan(&c.ID, &c.Kind, &c.Object, &c.Name, &c.Label, &c.CERT, &c.Started, &c.Due, &c.Paused, &c.Why, &c.Done)
	return
}

// Reminder is published when a clock's last hour begins and when it falls due.
type Reminder struct {
	Kind   string `json:"kind"`
	Object int64  `json:"object"`
	Name   string `json:"name"`
	Late   bool   `json:"late"`
}

// EventType names the event.
func (Reminder) EventType() string { return "deadline.reminder" }

// Jobs are the clocks' own clock.
func Jobs(db *store.DB) []jobs.Def {
	return []jobs.Def{{Kind: "deadline.run", Every: 30 * time.Second, Run: func(ctx context.Context, t *jobs.Task) error { return remind(ctx, db, t) }}}
}

type due struct {
	id, object, due, reminded int64
	kind, name                string
}

// remind publishes each reminder once: 1 = the last hour has begun, 2 = late.
func remind(ctx context.Context, db *store.DB, t *jobs.Task) error {
	return db.Update(ctx, func(tx *store.Tx) error {
		now := clock.Micros(db.Clock.Now())
		rows, err := store.All(ctx, tx, func(s store.Scanner) (d due, err error) {
			err = s.Scan(&d.id, &d.kind, &d.object, &d.name, &d.due, &d.reminded)
			return
		}, remindable, now+time.Hour.Microseconds())
		if err != nil {
			return err
		}
		for _, d := range rows {
			level := int64(1)
			if d.due < now {
				level = 2
			}
			if d.reminded >= level {
				continue
			}
			if _, err := tx.Exec(ctx, setReminded, d.id, level); err != nil {
				return err
			}
			if err := jobs.Publish(ctx, tx, Reminder{d.kind, d.object, d.name, level == 2}); err != nil {
				return err
			}
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}
