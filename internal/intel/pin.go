package intel

import (
	"context"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// pinsMost bounds one person's working set.
const pinsMost = 200

// Pin puts an event into who's working set or takes it out. The set is theirs alone:
// nobody else learns of it. Faults: NotFound, Denied for who is no person, Invalid when
// the set is full.
func (s *Service) Pin(ctx context.Context, who ident.Actor, event string, on bool) error {
	if err := maySet(who); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		e, err := readEvent(ctx, tx, who, event)
		if err != nil {
			return err
		}
		if !on {
			if _, err := tx.Exec(ctx, dropPin, who.Person, e.ID); err != nil {
				return err
			}
			return s.log.Record(ctx, tx, who, "event.pin", thing(e), map[string]any{"on": false})
		}
		n, err := store.Int64(ctx, tx, countPins, who.Person)
		if err != nil {
			return err
		}
		if n >= pinsMost {
			return fault.New(fault.Conflict, "%d events are enough", n).WithKey("intel.fault.pins")
		}
		if _, err := tx.Exec(ctx, addPin, s.db.NewID(), who.Person, e.ID); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "event.pin", thing(e), map[string]any{"on": true})
	})
}

// Pinned are the ids of the events in who's working set that they still see.
func (s *Service) Pinned(ctx context.Context, who ident.Actor) (out map[int64]bool, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	out = map[int64]bool{}
	if who.Person == 0 {
		return out, nil
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err := store.All(ctx, tx, store.ScanInt64, pinsOf+eventSeen(who, "e"), who.Person)
		for _, id := range list {
			out[id] = true
		}
		return err
	})
	return out, err
}
