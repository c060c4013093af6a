package intel

import (
	"context"
	"slices"
	"strconv"

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
)

// Bulk is what one act did to several attributes of an event.
type Bulk struct {
	At      int64 // µs: names the act for UndoAttributes; 0 when nothing was changed
	Changed int
	Same    int            // said already what was asked
	Left    map[string]int // attributes that could not be changed, by reason
}

func (b *Bulk) leave(reason string) {
	if b.Left == nil {
		b.Left = map[string]int{}
	}
	b.Left[reason]++
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
	if ids = slices.Compact(slices.Sorted(slices.Values(ids))); len(ids) > BulkMost {
		return b, fault.Field("id", "intel.fault.bulk-many", "%d attributes at once", len(ids))
	}
	verb := "attribute.edit"
	if w.Deleted.Given() {
		verb = map[bool]string{true: "attribute.delete", false: "attribute.restore"}[w.Deleted.V]
	}
	err = s.bulk(ctx, who, event, verb, &b, func(tx *store.Tx, m *merge) error {
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

// UndoAttributes gives attributes the values back that they had before an act of the
// caller's own, named by its moment, as the journal of changes keeps them. What was
// worked on since stays as it is, and is counted. Who may: the right to edit the event.
// Faults: NotFound, also when the caller did nothing at that moment; Denied.
func (s *Service) UndoAttributes(ctx context.Context, who ident.Actor, event string, at int64) (b Bulk, err error) {
	err = s.bulk(ctx, who, event, "attribute.edit", &b, func(tx *store.Tx, m *merge) error {
		list, err := changedAt(ctx, tx, who, m.l.event.ID, at)
		if err != nil || len(list) == 0 {
			return orNot(err, fault.New(fault.NotFound, "nothing was changed at %d", at))
		}
		var ids []int64
		for _, p := range list {
			ids = append(ids, p.thing)
		}
		since, err := changedSince(ctx, tx, m.l.event.ID, ids, at)
		if err != nil {
			return err
		}
		rows, err := ticked(ctx, tx, who, m.l.event.ID, ids)
		if err != nil {
			return err
		}
		for _, p := range list {
			if since[p.thing] {
				b.leave(LeftSince)
				continue
			}
			w := p.was.back()
			err := m.mayReach(ctx, tx, w)
			if fault.Is(err, fault.Invalid) {
				b.leave(LeftGroup)
				continue
			}
			if err == nil {
				err = m.lay(ctx, tx, rows[p.thing], w, &b)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return b, err
}

// bulk runs one act on several attributes; b is filled anew when the transaction is.
func (s *Service) bulk(ctx context.Context, who ident.Actor, event, verb string, b *Bulk, fn func(tx *store.Tx, m *merge) error) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		*b = Bulk{}
		return s.changeTx(ctx, tx, who, event, verb, func(tx *store.Tx, m *merge) error {
			err := fn(tx, m)
			if b.Changed > 0 {
				b.At = m.now
			}
			return err
		})
	})
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
	id, err := usableGroup(ctx, tx, m.l.who, w.SharingGroupID.V)
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
		list, err := attributesNow(ctx, tx, who, event, "a.id IN "+store.In(part), len(part))
		if err != nil {
			return nil, err
		}
		for i := range list {
			out[list[i].ID] = &list[i]
		}
	}
	return out, nil
}

// back is an edit that brings old values back. Pure.
func (f fields) back() (w misp.Attribute) {
	for name, at := range map[string]*misp.Text{"category": &w.Category, "type": &w.Type, "value": &w.Value, "comment": &w.Comment} {
		if v, was := f[name]; was {
			*at = misp.T(v)
		}
	}
	for name, at := range map[string]*misp.Text{"first_seen": &w.FirstSeen, "last_seen": &w.LastSeen} {
		if v, was := f[name]; was && v != "" {
			*at = misp.T(v)
		} else if was {
			*at = misp.Text{Is: misp.Null}
		}
	}
	for name, at := range map[string]*misp.Flag{"to_ids": &w.ToIDS, "deleted": &w.Deleted, "disable_correlation": &w.DisableCorrelation} {
		if v, was := f[name]; was {
			*at = misp.B(v == "true")
		}
	}
	level, wasLevel := f["distribution"]
	group, wasGroup := f["sharing_group"]
	if wasLevel || wasGroup {
		n, _ := strconv.ParseInt(group, 10, 64) // "" is none
		w.SharingGroupID = misp.N(n)
		w.Distribution = misp.N(int64(Group)) // only the group was another
		if d, err := strconv.ParseInt(level, 10, 64); err == nil {
			w.Distribution = misp.N(d)
		}
	}
	return w
}
