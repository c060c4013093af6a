package intel

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// UndoAttributes takes an act of the caller's own back, named by its moment, as the
// journal of changes keeps it: attributes and objects get the values back that they had,
// tags that were put on are taken off, and what came new into an object that was there
// goes. What was worked on since stays as it is, and is counted. An act on more than
// BulkMost attributes goes back in pieces. Who may: the right to edit the event. Faults:
// NotFound, also when the caller did nothing at that moment; Denied.
func (s *Service) UndoAttributes(ctx context.Context, who ident.Actor, event string, at int64) (b Bulk, err error) {
	for u := (Back{At: at, More: true}); u.More && err == nil; {
		var piece Bulk
		u, piece, err = s.UndoPiece(ctx, who, event, u, b.At, nil)
		b.Add(piece)
		if u.More {
			ctx = context.WithoutCancel(ctx) // what has begun goes back whole
		}
	}
	return b, err
}

// undoPiece takes back what an act did to the next attributes behind one; with the last of
// them to objects, too, and more is false.
func (m *merge) undoPiece(ctx context.Context, tx *store.Tx, at, after int64, b *Bulk) (last int64, more bool, err error) {
	event, who := m.l.event.ID, m.l.who
	list, err := changedAt(ctx, tx, who, event, ChangedAttribute, at, after, BulkMost)
	if err != nil {
		return 0, false, err
	}
	if more = len(list) == BulkMost; more {
		last = list[len(list)-1].thing
		return last, true, m.values(ctx, tx, list, at, b)
	}
	objects, err := changedAt(ctx, tx, who, event, ChangedObject, at, 0, BulkMost)
	if err != nil {
		return 0, false, err
	}
	came, err := cameInto(ctx, tx, who, event, at)
	if err != nil {
		return 0, false, err
	}
	if after == 0 && len(list)+len(objects)+len(came) == 0 {
		return 0, false, fault.New(fault.NotFound, "nothing was changed at %d", at)
	}
	if err := m.values(ctx, tx, list, at, b); err != nil {
		return 0, false, err
	}
	if err := m.takeOut(ctx, tx, came, at, b); err != nil {
		return 0, false, err
	}
	return 0, false, m.objectsBack(ctx, tx, objects, at, b)
}

// values gives attributes the values and tags back that they had.
func (m *merge) values(ctx context.Context, tx *store.Tx, list []past, at int64, b *Bulk) error {
	rows, list, err := m.untouched(ctx, tx, list, at, b)
	if err != nil {
		return err
	}
	for _, p := range list {
		w, tags := p.was.back(), p.was.tags()
		if len(tags) == len(p.was) { // only tags were changed
			continue
		}
		err := m.mayReach(ctx, tx, w)
		if fault.Is(err, fault.Invalid) {
			b.leave(LeftGroup)
			continue
		}
		if err == nil {
			err = m.lay(ctx, tx, rows[p.thing], w, b)
		}
		if err != nil {
			return err
		}
	}
	return m.untag(ctx, tx, rows, list, b)
}

// untouched leaves out, and counts, what somebody worked on after a moment, and reads the
// others as the caller sees them.
func (m *merge) untouched(ctx context.Context, tx *store.Tx, list []past, at int64, b *Bulk) (map[int64]*Attribute, []past, error) {
	var ids []int64
	for _, p := range list {
		ids = append(ids, p.thing)
	}
	since, err := changedSince(ctx, tx, m.l.event.ID, ChangedAttribute, ids, at)
	if err != nil {
		return nil, nil, err
	}
	list = slices.DeleteFunc(list, func(p past) bool {
		if since[p.thing] {
			b.leave(LeftSince)
		}
		return since[p.thing]
	})
	rows, err := ticked(ctx, tx, m.l.who, m.l.event.ID, ids)
	return rows, list, err
}

// takeOut softly deletes what came into objects that were there before.
func (m *merge) takeOut(ctx context.Context, tx *store.Tx, ids []int64, at int64, b *Bulk) error {
	var list []past
	for _, id := range ids {
		list = append(list, past{thing: id})
	}
	rows, list, err := m.untouched(ctx, tx, list, at, b)
	for _, p := range list {
		if err == nil {
			err = m.lay(ctx, tx, rows[p.thing], misp.Attribute{Deleted: misp.B(true)}, b)
		}
	}
	return err
}

// objectsBack gives objects their own fields back.
func (m *merge) objectsBack(ctx context.Context, tx *store.Tx, list []past, at int64, b *Bulk) error {
	var ids []int64
	for _, p := range list {
		ids = append(ids, p.thing)
	}
	since, err := changedSince(ctx, tx, m.l.event.ID, ChangedObject, ids, at)
	if err != nil {
		return err
	}
	have, err := storedObjects(ctx, tx, m.l.event.ID, ids)
	if err != nil {
		return err
	}
	for _, p := range list {
		o := have[p.thing]
		w := p.was.back()
		if since[p.thing] {
			b.leave(LeftSince)
			continue
		}
		if _, gone := p.was["deleted"]; o == nil || o.Deleted || gone {
			b.leave(LeftGone)
			continue
		}
		if err := m.mayReach(ctx, tx, w); fault.Is(err, fault.Invalid) {
			b.leave(LeftGroup)
			continue
		} else if err != nil {
			return err
		}
		d := newDraft(tx.DB(), o.EventID)
		d.object(&misp.Object{Name: misp.T(o.Name), Comment: w.Comment, Distribution: w.Distribution, SharingGroupID: w.SharingGroupID, FirstSeen: w.FirstSeen, LastSeen: w.LastSeen})
		did, err := m.applyObject(ctx, tx, o, &d.objects[0])
		if err != nil {
			return err
		}
		if did {
			b.Objects++
		}
	}
	return nil
}

// tags are the ids of the tags that an act put on or took off. Pure.
func (f fields) tags() (ids []int64) {
	for k := range f {
		if id, is := strings.CutPrefix(k, "tag:"); is {
			n, _ := strconv.ParseInt(id, 10, 64)
			ids = append(ids, n)
		}
	}
	return ids
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
