package intel

import (
	"context"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// EventPublished is told when an event begins to be published, or is published again.
type EventPublished struct {
	ID   int64  `json:"id"`
	UUID string `json:"uuid"`
}

// EventType is the stable name.
func (EventPublished) EventType() string { return "intel.event-published" }

// AttributeAdded is told once an act, however many attributes it added to the event.
type AttributeAdded struct {
	Event int64  `json:"event"`
	UUID  string `json:"uuid"`
	Count int64  `json:"count"`
}

// EventType is the stable name.
func (AttributeAdded) EventType() string { return "intel.attribute-added" }

func announce(ctx context.Context, tx *store.Tx, e Event, added int, published bool) error {
	if added > 0 {
		if err := jobs.Publish(ctx, tx, AttributeAdded{Event: e.ID, UUID: e.UUID, Count: int64(added)}); err != nil {
			return err
		}
	}
	if !published {
		return nil
	}
	return jobs.Publish(ctx, tx, EventPublished{ID: e.ID, UUID: e.UUID})
}

// Publish makes an event part of what partners pull and sets its publish
// timestamp. Who may: the right to edit it, and intel.publish. Faults: Denied,
// NotFound.
func (s *Service) Publish(ctx context.Context, who ident.Actor, event string) error {
	return s.SetPublished(ctx, who, event, 0, true)
}

// Unpublish takes the flag back; the publish timestamp stays.
func (s *Service) Unpublish(ctx context.Context, who ident.Actor, event string) error {
	return s.SetPublished(ctx, who, event, 0, false)
}

// SetPublished publishes or takes back the event as it was read: version is its
// Changed, another one there now is Conflict; 0 = whatever is there.
func (s *Service) SetPublished(ctx context.Context, who ident.Actor, event string, version int64, on bool) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if version != 0 {
			e, err := readEvent(ctx, tx, who, event)
			if err == nil {
				err = stale(e, version)
			}
			if err != nil {
				return err
			}
		}
		return s.setPublishedTx(ctx, tx, who, event, on)
	})
}

// stale refuses a lost race; version 0 never loses.
func stale(e Event, version int64) error {
	if version == 0 || e.Changed == version {
		return nil
	}
	return fault.New(fault.Conflict, "event %d was changed meanwhile", e.ID).WithKey("fault.conflict")
}

func (s *Service) setPublishedTx(ctx context.Context, tx *store.Tx, who ident.Actor, event string, on bool) error {
	e, err := readEvent(ctx, tx, who, event)
	if err != nil {
		return err
	}
	if err := mayEdit(who, e); err != nil {
		return err
	}
	if !mayPublish(who) {
		return fault.New(fault.Denied, "%s may not publish", who).WithKey("fault.denied")
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	was := e
	e.Published, e.Changed = on, now
	if err := settle(ctx, tx, who, was, &e); err != nil {
		return err
	}
	verb := "event.unpublish"
	if on {
		if err := s.complete(ctx, tx, who, e); err != nil {
			return err
		}
		verb, e.PublishTimestamp = "event.publish", now/1e6
		if err := jobs.Publish(ctx, tx, EventPublished{ID: e.ID, UUID: e.UUID}); err != nil {
			return err
		}
	}
	if err := rewriteEvent(ctx, tx, e); err != nil {
		return err
	}
	if on {
		var j journal
		j.published(e.ID)
		if err := j.keep(ctx, tx, who, &was, &e, now); err != nil {
			return err
		}
	}
	if !on {
		if err := s.withdrawTx(ctx, tx, e.ID); err != nil {
			return err
		}
	}
	return s.log.Record(ctx, tx, who, verb, thing(e), map[string]any{"distribution": e.Distribution, "group": e.Group, "tlp": e.TLP})
}

// complete: an event without a tag of every required taxonomy is not published.
func (s *Service) complete(ctx context.Context, tx *store.Tx, who ident.Actor, e Event) error {
	if s.lists == nil {
		return nil
	}
	tags, err := store.All(ctx, tx, store.ScanString, eventTagList, e.ID)
	if err != nil {
		return err
	}
	missing, err := s.lists.Missing(ctx, who, tags)
	if err != nil || len(missing) == 0 {
		return err
	}
	f := fault.Field("tags", "intel.fault.required", "event %d has no tag of %v", e.ID, missing)
	return f.WithKey("intel.fault.required", "names", strings.Join(missing, ", "))
}

// labelled leaves what somebody writes here unpublished while a tag of a required taxonomy
// is missing, as the act of publishing would refuse it. What a peer or a feed brings has
// been published by its own rules.
func (l *loader) labelled(ctx context.Context, tx *store.Tx, before int64) error {
	e := &l.event
	if !e.Published || e.Locked || e.Origin.ID != e.Owner.ID || l.who.Person == 0 {
		return nil
	}
	err := l.s.complete(ctx, tx, l.who, *e)
	if f := fault.Of(err); f != nil && f.Key == "intel.fault.required" {
		e.Published, e.PublishTimestamp = false, before
		return nil
	}
	return err
}

// DeleteEvent removes an event for good and puts its UUID on the block list, so
// that no peer brings it back. Who may: the right to edit it. Faults: NotFound, Denied.
func (s *Service) DeleteEvent(ctx context.Context, who ident.Actor, event string) error {
	return s.DeleteEventAt(ctx, who, event, 0)
}

// DeleteEventAt is DeleteEvent of the event as it was read; see SetPublished.
func (s *Service) DeleteEventAt(ctx context.Context, who ident.Actor, event string, version int64) error {
	return s.deleteEvent(ctx, who, event, version, true)
}

// TakeOutEvent is DeleteEventAt that leaves the UUID free: what an import brought by
// mistake may be brought again. Who brought an event may, too, as their organisation's
// and as it was stored, whoever made it.
func (s *Service) TakeOutEvent(ctx context.Context, who ident.Actor, event string, version int64) error {
	return s.deleteEvent(ctx, who, event, version, false)
}

func (s *Service) deleteEvent(ctx context.Context, who ident.Actor, event string, version int64, blocks bool) error {
	var large int64 // taken out of sight at once, then removed in parts
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		large = 0
		e, err := readEvent(ctx, tx, who, event)
		if err != nil {
			return err
		}
		brought := !blocks && version != 0 && who.Person != 0 && e.Creator == who.Person && e.Owner.ID == who.Org
		if err := mayEdit(who, e); err != nil && (!brought || mayWrite(who) != nil) {
			return err
		}
		if err := stale(e, version); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if blocks {
			if _, err := tx.Exec(ctx, block, s.db.NewID(), e.UUID, e.Info, e.Origin.Name, deletedHere, now); err != nil {
				return err
			}
		}
		if retracts(who, e) {
			if _, err := tx.Exec(ctx, addRetraction, s.db.NewID(), e.UUID, e.Origin.UUID, e.Audience, now); err != nil {
				return err
			}
		}
		if err := s.withdrawTx(ctx, tx, e.ID); err != nil {
			return err
		}
		if e.Attributes > wholeRows {
			large = e.ID
			_, err = tx.Exec(ctx, hideEvent, e.ID, now)
		} else {
			err = deleteRows(ctx, tx, e.ID)
		}
		if err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "event.delete", thing(e), map[string]any{"attributes": e.Attributes})
	})
	if err != nil || large == 0 {
		return err
	}
	return s.removeLoading(context.WithoutCancel(ctx), large)
}

// RemoveUnfinished takes away events whose loading was cut off, by kill -9 or
// otherwise: app calls it at start. On PostgreSQL another node may be loading at
// this moment, so only what has not moved for a quarter of an hour goes.
func (s *Service) RemoveUnfinished(ctx context.Context, who ident.Actor) (n int, err error) {
	if who.Kind != ident.System {
		return 0, fault.New(fault.Denied, "%s may not clear unfinished loads", who)
	}
	var ids []int64
	err = s.db.View(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		before := now + 1
		if tx.Engine() == store.PostgreSQL {
			before = now - 15*60*1e6
		}
		ids, err = store.All(ctx, tx, store.ScanInt64, unfinished, before)
		return err
	})
	for _, id := range ids {
		if err == nil {
			err = s.removeLoading(ctx, id)
		}
	}
	return len(ids), err
}

func (s *Service) removeLoading(ctx context.Context, id int64) error {
	for {
		var n int64
		err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = deletePart(ctx, tx, id, chunkRows)
			if err != nil || n > 0 {
				return err
			}
			return deleteRows(ctx, tx, id)
		}, store.InLane(store.Bulk))
		if err != nil || n == 0 {
			return err
		}
	}
}
