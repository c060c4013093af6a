package intel

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Retention: of an event that nobody changed, and nobody reported a sighting of, for the
// length of the class, the attributes about persons go for good (addresses, telephones,
// names, papers), deleted ones and proposals among them; the rest of the event stays. Its
// timestamp does not move and peers are told nothing: what they keep is theirs to answer
// for. They go in batches, each with its line.
func (s *Service) Retention() []access.Term {
	return []access.Term{{Class: "intel", Erase: s.erasePersons}}
}

func (s *Service) erasePersons(ctx context.Context, who ident.Actor, w access.Sweep) (n int64, err error) {
	var due []personEvent
	find := func(tx *store.Tx, only int64) ([]personEvent, error) {
		return store.All(ctx, tx, scanPersonEvent, personEvents, w.Before/1e6, only)
	}
	if err := s.db.View(ctx, func(tx *store.Tx) error { due, err = find(tx, 0); return err }); err != nil {
		return 0, err
	}
	for _, e := range due {
		if !w.Takes(e.Held) {
			continue
		}
		if w.Dry {
			n += e.n
			continue
		}
		for gone := int64(1); gone > 0; n += gone {
			err := s.db.Update(ctx, func(tx *store.Tx) error {
				gone = 0
				still, err := find(tx, e.ID) // somebody may have changed it since
				if err != nil || len(still) == 0 {
					return err
				}
				now, err := store.Now(ctx, tx)
				if err != nil {
					return err
				}
				if gone, err = removePersons(ctx, tx, e.ID, now); err != nil || gone == 0 {
					return err
				}
				if err := s.log.Record(ctx, tx, who, "event.erase", audit.Thing{Kind: "event", ID: e.ID, Label: e.Label}, map[string]any{"attributes": gone}); err != nil {
					return err
				}
				return w.NoteTx(ctx, tx, gone)
			}, store.InLane(store.Jobs))
			if err != nil {
				return n, err
			}
		}
	}
	past, err := s.erasePast(ctx, who, w)
	return n + past, err
}

// erasePast takes old values about persons out of the journal that were changed before
// the term, whatever has become of the attribute since.
func (s *Service) erasePast(ctx context.Context, who ident.Actor, w access.Sweep) (n int64, err error) {
	var due []personEvent
	err = s.db.View(ctx, func(tx *store.Tx) error {
		due, err = store.All(ctx, tx, scanPersonEvent, personPast, w.Before)
		return err
	})
	for _, e := range due {
		e.Table = "intel_change"
		if err != nil || !w.Takes(e.Held) {
			continue
		}
		gone := e.n
		if !w.Dry {
			err = s.db.Update(ctx, func(tx *store.Tx) error {
				if gone, err = tx.Exec(ctx, forgetPerson, w.Before, e.ID); err != nil {
					return err
				}
				if err := s.log.Record(ctx, tx, who, "event.erase", audit.Thing{Kind: "event", ID: e.ID, Label: e.Label}, map[string]any{"old_values": gone}); err != nil {
					return err
				}
				return w.NoteTx(ctx, tx, gone)
			}, store.InLane(store.Jobs))
		}
		n += gone
	}
	return n, err
}
