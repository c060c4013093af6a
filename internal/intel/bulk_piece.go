package intel

import (
	"context"
	"slices"

	"straza/internal/format/misp"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Piece is one transaction of an act on many attributes.
type Piece struct {
	At int64 // names the act of which this is a further piece; 0 for the first
	// Also runs in the piece's transaction, after it: the note of how far the act came.
	// It may run more than once.
	Also func(ctx context.Context, tx *store.Tx, b Bulk) error
}

func (p Piece) end(ctx context.Context, tx *store.Tx, b Bulk) error {
	if p.Also == nil {
		return nil
	}
	return p.Also(ctx, tx, b)
}

// TagPiece is TagAttributes as one piece of an act on more.
func (s *Service) TagPiece(ctx context.Context, who ident.Actor, event string, ids []int64, name string, p Piece) (b Bulk, err error) {
	if ids, err = atOnce(ids); err != nil {
		return b, err
	}
	return s.tagSome(ctx, who, event, ids, name, p)
}

// EditPiece is EditAttributes as one piece of an act on more.
func (s *Service) EditPiece(ctx context.Context, who ident.Actor, event string, ids []int64, w misp.Attribute, p Piece) (b Bulk, err error) {
	if ids, err = atOnce(ids); err != nil {
		return b, err
	}
	return s.editSome(ctx, who, event, ids, w, p)
}

// atOnce sorts ids that one transaction changes, each once. Faults: Invalid for more than BulkMost.
func atOnce(ids []int64) ([]int64, error) {
	if ids = slices.Compact(slices.Sorted(slices.Values(ids))); len(ids) > BulkMost {
		return nil, fault.Field("id", "intel.fault.bulk-many", "%d attributes at once", len(ids))
	}
	return ids, nil
}

// Back is how far the taking back of an act came.
type Back struct {
	At    int64 // the act that is taken back
	After int64 // the last attribute that went back
	More  bool  // there are others behind it
}

// UndoPiece takes the next part of an act back, as UndoAttributes does, and gives how far
// that is; also runs in its transaction. at is as Piece's.
func (s *Service) UndoPiece(ctx context.Context, who ident.Actor, event string, u Back, at int64, also func(ctx context.Context, tx *store.Tx, u Back, b Bulk) error) (next Back, b Bulk, err error) {
	p := Piece{At: at}
	if also != nil {
		p.Also = func(ctx context.Context, tx *store.Tx, b Bulk) error { return also(ctx, tx, next, b) }
	}
	err = s.bulk(ctx, who, event, "attribute.edit", p, &b, func(tx *store.Tx, m *merge) (err error) {
		next = u
		last, more, err := m.undoPiece(ctx, tx, u.At, u.After, &b)
		if next.More = more; more {
			next.After = last
		}
		return err
	})
	return next, b, err
}

// Among gives those of the attributes with these ids that the caller sees, with their
// events' headers, by id.
func (s *Service) Among(ctx context.Context, who ident.Actor, ids []int64) (list []Attribute, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	if ids, err = atOnce(ids); err != nil {
		return nil, err
	}
	r := &run{s: s, who: who, plan: &plan{Query: &Query{}}, heads: map[int64]*Event{}}
	err = s.view(ctx, who, "attribute.search", audit.Thing{Kind: "event"}, func(tx *store.Tx) error {
		list = nil
		for part := range slices.Chunk(ids, batch) {
			some, err := attributesByID(ctx, tx, who, part)
			if err == nil {
				err = r.dress(ctx, tx, some, nil)
			}
			if err != nil {
				return err
			}
			list = append(list, some...)
		}
		return nil
	})
	return list, err
}

// SightAttributes marks attributes that the caller sees as sighted, as AddSightings does,
// and gives the ids of the sightings, by which TakeSightings takes them back. also runs in
// the same transaction.
func (s *Service) SightAttributes(ctx context.Context, who ident.Actor, list []Attribute, g Sighting, also func(ctx context.Context, tx *store.Tx, made []int64) error) (made []int64, err error) {
	if err := maySight(who); err != nil {
		return nil, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if made, _, err = s.sight(ctx, tx, who, list, g); err != nil {
			return err
		}
		return also(ctx, tx, made)
	})
	return made, err
}

// TakeSightings removes sightings of the own organisation; those that are not there, or
// not the caller's to remove, are counted as left. also runs in the same transaction.
func (s *Service) TakeSightings(ctx context.Context, who ident.Actor, ids []int64, also func(ctx context.Context, tx *store.Tx, gone, left int) error) (gone, left int, err error) {
	if err := maySight(who); err != nil {
		return 0, 0, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		gone, left = 0, 0
		for _, id := range ids {
			event, err := removeSighting(ctx, tx, who, id, "")
			if fault.Is(err, fault.NotFound) {
				left++
				continue
			}
			if err == nil {
				gone++
				err = s.log.Record(ctx, tx, who, "sighting.delete", audit.Thing{Kind: "event", ID: event}, nil)
			}
			if err != nil {
				return err
			}
		}
		return also(ctx, tx, gone, left)
	})
	return gone, left, err
}
