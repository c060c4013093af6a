package expiry

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/fnv"
	"time"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// Bounds of one tick.
const (
	dueMost  = 500    // events that are due
	walkPart = 2000   // events that the slow walk reads at a time
	walkMost = 40_000 // and in one step
	walkLook = 200    // of which so many are looked at
	walkFor  = time.Minute
	chunkOf  = 2000 // indicators in memory
	hourly   = 5000 // an event with more is looked at once an hour at most
	hour     = 3600 * int64(1e6)
)

// mark lets an event be looked at with the next tick.
func (s *Service) mark(ctx context.Context, task *jobs.Task) error {
	var e struct {
		ID int64 `json:"id"`
	}
	if err := task.Decode(&e); err != nil {
		return err
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertPlan, e.ID, now, now); err != nil {
			return err
		}
		return task.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}

// look is the tick: what is due, then a bit of the walk. One event that cannot be weighed
// keeps no other from it.
func (s *Service) look(ctx context.Context, _ *jobs.Task) error {
	models, err := s.d.Models.Models(ctx, part, true)
	if err != nil {
		return err
	}
	stamp := stampOf(models)
	var due []int64
	if err := s.d.DB.View(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err == nil {
			due, err = store.All(ctx, tx, store.ScanInt64, duePlans, now, dueMost)
		}
		return err
	}); err != nil {
		return err
	}
	errs := s.each(ctx, due, models, stamp)
	for begun := s.d.DB.Clock.Now(); s.d.DB.Clock.Now().Sub(begun) < walkFor; {
		found, end, err := s.walk(ctx, stamp)
		if errs = errors.Join(errs, err, s.each(ctx, found, models, stamp)); end || err != nil || ctx.Err() != nil {
			break
		}
	}
	return errs
}

func (s *Service) each(ctx context.Context, events []int64, models []*catalog.DecayModel, stamp int64) (errs error) {
	for _, id := range events {
		errs = errors.Join(errs, s.event(ctx, id, models, stamp))
	}
	return errs
}

// stampOf is another number when the models in force, or their numbers, are others;
// never 0.
func stampOf(models []*catalog.DecayModel) int64 {
	h := fnv.New64a()
	for _, m := range models {
		b, _ := json.Marshal([]any{m.ID, m.Version, m.Formula, m.Parameters, m.Types, m.Values()})
		_, _ = h.Write(b)
	}
	return int64(binary.BigEndian.Uint64(h.Sum(nil))>>2) | 1
}

// walk goes on through all events, a bit each time, and gives those that were never looked
// at or with other models; at the end it begins anew.
func (s *Service) walk(ctx context.Context, stamp int64) (found []int64, end bool, err error) {
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		found, end = nil, false
		at, err := store.Int64(ctx, tx, walkAt)
		if err != nil {
			return err
		}
		for read := 0; read < walkMost && len(found) < walkLook; read += walkPart {
			n := 0
			for w, err := range store.Each(ctx, tx, scanWalked, walkWindow, at, walkPart, stamp) {
				if err != nil {
					return err
				}
				n++
				at = w.event
				if w.look {
					found = append(found, w.event)
				}
				if len(found) == walkLook {
					break
				}
			}
			if n < walkPart && len(found) < walkLook {
				at, end = 0, true
				break
			}
		}
		_, err = tx.Exec(ctx, setWalk, at)
		return err
	}, store.InLane(store.Bulk))
	return found, end, err
}

// head is what of an event counts.
type head struct {
	event int64
	uuid  string
	live  bool
}

// event weighs the indicators of one event, notes what ran out and tells of it, notes what
// is in force again, and says when to look next.
func (s *Service) event(ctx context.Context, id int64, models []*catalog.DecayModel, stamp int64) error {
	h, p, now, err := s.begin(ctx, id)
	if err != nil || !h.live {
		return err
	}
	next := plan{event: id, planned: now, models: stamp, due: never, underway: p.underway}
	w := weighing{models: models, now: now, was: p, same: p.models == stamp}
	for after, n := (intel.Indicator{}), int64(0); ; {
		var list []intel.Indicator
		var noted map[[2]int64]int64
		if err := s.d.DB.View(ctx, func(tx *store.Tx) (err error) {
			if list, err = intel.Indicators(ctx, tx, id, after, chunkOf); err == nil && len(list) > 0 {
				noted, err = overs(ctx, tx, list)
			}
			return err
		}); err != nil {
			return err
		}
		if len(list) == 0 {
			if n > hourly && next.due < never {
				next.due = max(next.due, now+hour)
			}
			return s.end(ctx, h, next)
		}
		w.weigh(list, noted)
		if err := s.note(ctx, h, p.underway, &w); err != nil {
			return err
		}
		after, n = list[len(list)-1], n+int64(len(list))
		next.due, next.newest = min(next.due, w.due), max(next.newest, w.newest)
	}
}

// begin reads an event and gives the look a happening, that of one which was cut off when
// there is one. An event that is gone leaves nothing; one that is not published waits.
func (s *Service) begin(ctx context.Context, id int64) (h head, p plan, now int64, err error) {
	err = s.d.DB.Update(ctx, func(tx *store.Tx) (err error) {
		h = head{event: id}
		if now, err = store.Now(ctx, tx); err != nil {
			return err
		}
		found, err := tx.Row(ctx, eventHead, []any{id}, &h.uuid, &h.live)
		if err != nil {
			return err
		}
		if !found {
			if _, err = tx.Exec(ctx, dropRows, id); err == nil {
				_, err = tx.Exec(ctx, dropPlan, id)
			}
			return err
		}
		if _, err := tx.Exec(ctx, insertPlan, id, now, 0); err != nil {
			return err
		}
		if p, _, err = store.First(ctx, tx, scanPlan, planOf, id); err != nil {
			return err
		}
		if !h.live {
			_, err = tx.Exec(ctx, endLook, id, p.underway, p.planned, p.newest, p.models, never)
			return err
		}
		if p.underway == 0 {
			p.underway = s.d.DB.NewID()
			if _, err := tx.Exec(ctx, beginLook, id, p.underway); err != nil {
				return err
			}
		}
		return nil
	}, store.InLane(store.Jobs))
	return h, p, now, err
}

// note writes what a part of the indicators came to.
func (s *Service) note(ctx context.Context, h head, happening int64, w *weighing) error {
	if len(w.ran) == 0 && len(w.back) == 0 {
		return nil
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		for _, o := range w.ran {
			told := happening
			if !o.told {
				told = 0
			}
			if _, err := tx.Exec(ctx, addOver, s.d.DB.NewID(), o.attribute, h.event, o.why, told, w.now); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, dropOver+store.In(w.back))
		return err
	}, store.InLane(store.Bulk))
}

// end closes a look; what it told is told with it.
func (s *Service) end(ctx context.Context, h head, next plan) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, dropLost, h.event); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, endLook, h.event, next.underway, next.planned, next.newest, next.models, next.due)
		if err != nil || n == 0 { // another node was quicker, and has told
			return err
		}
		count, err := store.Int64(ctx, tx, countTold, next.underway)
		if err != nil || count == 0 {
			return err
		}
		if err := s.d.Audit.Record(ctx, tx, part, "event.expire", audit.Thing{Kind: "event", ID: h.event, Label: h.uuid}, map[string]any{"happening": next.underway, "indicators": count}); err != nil {
			return err
		}
		return jobs.Publish(ctx, tx, Expired{ID: next.underway, Event: h.event, UUID: h.uuid, Count: count})
	}, store.InLane(store.Jobs))
}
