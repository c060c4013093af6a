package intel

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"straza/internal/format/misp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// BulkMost is how many attributes one act changes.
const BulkMost = 2000

// Why an attribute was left as it is. Beside these: the name of MISP's field that the
// change does not fit ("type" when the category takes none of it, "first_seen", "value").
const (
	LeftGone  = "gone"  // not in the event, deleted, or not for the caller's eyes
	LeftSince = "since" // worked on after the act that is taken back
	LeftGroup = "group" // was for a sharing group that is not the caller's any more
	// Of acts over several events.
	LeftForeign   = "foreign"   // in an event that the caller may not change
	LeftProtected = "protected" // in an event that only a signed version changes
)

// Bulk is what one act did to several attributes of an event.
type Bulk struct {
	At      int64          `json:"at,omitempty"` // µs: names the act for UndoAttributes; 0 when nothing was changed
	Changed int            `json:"changed,omitempty"`
	Same    int            `json:"same,omitempty"`    // said already what was asked
	Objects int            `json:"objects,omitempty"` // whose own fields were changed, too
	Left    map[string]int `json:"left,omitempty"`    // attributes and objects that could not be changed, by reason
}

func (b *Bulk) leave(reason string) { b.Leave(reason, 1) }

// Leave counts attributes that stay as they are.
func (b *Bulk) Leave(reason string, n int) {
	if b.Left == nil {
		b.Left = map[string]int{}
	}
	b.Left[reason] += n
}

// Wider tells whether a part with this level and group names readers whom its event
// does not reach. They see no more for that: the event is the outer bound. Pure.
func Wider(e *Event, d Distribution, group int64) bool {
	switch {
	case d == Inherit || d == OwnOrg:
		return false
	case e.Distribution == Group:
		return d != Group || group != e.Group
	case d == Group:
		return e.Distribution == OwnOrg
	}
	return d > e.Distribution
}

// EditAttributes lays the fields that came over the attributes with these ids, in one
// act with one audit line and one journal: each is loaded through the event and as the
// caller sees it; one that cannot take the change is left and counted with the reason.
// Who may: the right to edit the event. Faults: NotFound, Denied, Invalid for a level or
// sharing group that is none, or for more than BulkMost ids.
func (s *Service) EditAttributes(ctx context.Context, who ident.Actor, event string, ids []int64, w misp.Attribute) (b Bulk, err error) {
	return s.EditPiece(ctx, who, event, ids, w, Piece{})
}

func (s *Service) editSome(ctx context.Context, who ident.Actor, event string, ids []int64, w misp.Attribute, p Piece) (b Bulk, err error) {
	verb := "attribute.edit"
	if w.Deleted.Given() {
		verb = map[bool]string{true: "attribute.delete", false: "attribute.restore"}[w.Deleted.V]
	}
	err = s.bulk(ctx, who, event, verb, p, &b, func(tx *store.Tx, m *merge) error {
		if err := m.mayReach(ctx, tx, w); err != nil {
			return err
		}
		rows, err := ticked(ctx, tx, who, m.l.event.ID, ids)
		for _, id := range ids {
			if err == nil {
				err = m.lay(ctx, tx, rows[id], w, &b)
			}
		}
		return err
	})
	return b, err
}

// bulk runs one piece of an act on several attributes; b is filled anew when the
// transaction is.
func (s *Service) bulk(ctx context.Context, who ident.Actor, event, verb string, p Piece, b *Bulk, fn func(tx *store.Tx, m *merge) error) error {
	var lane []store.Option
	if p.At != 0 { // whoever waits for a page goes first
		lane = append(lane, store.InLane(store.Bulk))
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		*b = Bulk{}
		err := s.changeTx(ctx, tx, who, event, verb, func(tx *store.Tx, m *merge) error {
			m.act = p.At
			err := fn(tx, m)
			if b.Changed+b.Objects > 0 {
				b.At = m.moment()
			}
			return err
		})
		if err == nil {
			err = p.end(ctx, tx, *b)
		}
		return err
	}, lane...)
}

// moment is what the journal calls the act: pieces of one act share it.
func (m *merge) moment() int64 { return cmp.Or(m.act, m.now) }

// Add counts a further piece of the same act.
func (b *Bulk) Add(piece Bulk) {
	b.At = cmp.Or(b.At, piece.At)
	b.Changed, b.Same, b.Objects = b.Changed+piece.Changed, b.Same+piece.Same, b.Objects+piece.Objects
	b.Left = maps.Clone(b.Left) // who counts anew, counts from what was there
	for reason, n := range piece.Left {
		b.Leave(reason, n)
	}
}

// mayReach refuses a level that is none and a group that the caller may not use: a
// single attribute would silently be narrowed to its own organisation.
func (m *merge) mayReach(ctx context.Context, tx *store.Tx, w misp.Attribute) error {
	if !w.Distribution.Given() {
		return nil
	}
	d := Distribution(w.Distribution.V)
	if d < OwnOrg || d > Inherit {
		return fault.Field("distribution", "intel.fault.distribution", "unknown distribution %d", d)
	}
	if d != Group {
		return nil
	}
	id, err := m.l.aud.group(ctx, tx, w.SharingGroupID.V, nil)
	if err == nil && id == 0 {
		err = fault.Field("sharing_group_id", "intel.fault.group", "unknown sharing group, or not authorised")
	}
	return err
}

// lay puts the fields that came into one attribute, or counts why it stays as it is.
func (m *merge) lay(ctx context.Context, tx *store.Tx, old *Attribute, w misp.Attribute, b *Bulk) error {
	if old == nil || old.Deleted && w.Deleted.Or(true) {
		b.leave(LeftGone)
		return nil
	}
	full := overlay(old.Wire(), w)
	row, bad := m.l.draft.row(&full)
	if bad != nil {
		b.leave(bad.Field)
		return nil
	}
	row.given &^= gUUID | gTimestamp
	if !w.Distribution.Given() { // a group that is not the caller's to use stays
		row.given &^= gDistribution
	}
	did := m.l.saved.Attributes
	err := m.apply(ctx, tx, old, &row)
	switch now := m.l.saved.Attributes; {
	case now.Updated > did.Updated:
		b.Changed++
	case now.Unchanged > did.Unchanged:
		b.Same++
	default:
		b.leave("value")
	}
	return err
}

// ticked are those of the ids that stand in the event and that who sees.
func ticked(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, ids []int64) (map[int64]*Attribute, error) {
	out := map[int64]*Attribute{}
	for part := range slices.Chunk(ids, batch) {
		list, err := attributesAmong(ctx, tx, who, event, part)
		if err != nil {
			return nil, err
		}
		for i := range list {
			out[list[i].ID] = &list[i]
		}
	}
	return out, nil
}
