package intel

import (
	"context"
	"slices"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// TagAttributes puts a tag on the attributes with these ids, in one act with one audit
// line and one journal, which UndoAttributes takes back; one that has it already is
// counted as the same. A name that is not known is made when the caller may make tags. Who
// may: misp.tagger, and the right to edit the event. Faults: NotFound, Denied, Invalid for
// no name, or for more than BulkMost ids.
func (s *Service) TagAttributes(ctx context.Context, who ident.Actor, event string, ids []int64, name string) (b Bulk, err error) {
	if ids = slices.Compact(slices.Sorted(slices.Values(ids))); len(ids) > BulkMost {
		return b, fault.Field("id", "intel.fault.bulk-many", "%d attributes at once", len(ids))
	}
	return s.tagSome(ctx, who, event, ids, name, 0)
}

// TagEvery is TagAttributes for all attributes of an event that the caller sees, however
// many: in pieces of BulkMost, each with its audit line, all under one moment. When a
// piece fails, those before it stand, and At names them.
func (s *Service) TagEvery(ctx context.Context, who ident.Actor, event, name string) (b Bulk, err error) {
	var ids []int64
	err = s.SearchAttributes(ctx, who, Query{Events: []string{event}}, func(a *Attribute) error { ids = append(ids, a.ID); return nil })
	if len(ids) == 0 && err == nil { // who may not is told so all the same
		ids = []int64{0}
	}
	slices.Sort(ids)
	for part := range slices.Chunk(ids, BulkMost) {
		if err != nil {
			break
		}
		var piece Bulk
		piece, err = s.tagSome(ctx, who, event, part, name, b.At)
		b.add(piece)
		ctx = context.WithoutCancel(ctx) // what has begun is done whole
	}
	return b, err
}

func (s *Service) tagSome(ctx context.Context, who ident.Actor, event string, ids []int64, name string, at int64) (b Bulk, err error) {
	if !access.Allowed(who, "misp.tagger") || who.ReadOnly {
		return b, fault.New(fault.Denied, "%s may not tag", who).WithKey("fault.denied")
	}
	if name = strings.TrimSpace(name); name == "" || len(name) > 255 {
		return b, fault.Field("tag", "intel.fault.name", "no tag name")
	}
	err = s.bulk(ctx, who, event, "tag.attach", at, &b, func(tx *store.Tx, m *merge) error {
		id, err := m.l.aud.tag(ctx, tx, tagName{name: name})
		if err == nil && id == 0 {
			err = fault.New(fault.Denied, "the tag is unknown and %s may not make tags", who).WithKey("intel.fault.tag-unknown")
		}
		if err != nil {
			return err
		}
		rows, err := ticked(ctx, tx, who, m.l.event.ID, ids)
		if err != nil {
			return err
		}
		return m.tagAll(ctx, tx, tagging{tag: id, event: m.l.event.ID}, name, ids, rows, &b)
	})
	return b, err
}

// tagAll puts one tag on all attributes that have it not yet.
func (m *merge) tagAll(ctx context.Context, tx *store.Tx, g tagging, name string, ids []int64, rows map[int64]*Attribute, b *Bulk) error {
	have, err := carrying(ctx, tx, g.event, g.tag, ids)
	if err != nil {
		return err
	}
	var list []tagging
	for _, id := range ids {
		switch a := rows[id]; {
		case a == nil || a.Deleted:
			b.leave(LeftGone)
		case have[id]:
			b.Same++
		default:
			g.attribute = id
			list = append(list, g)
			m.past.tag(a.at(), g.tag, name, true)
			m.counted(b)
		}
	}
	return copyTaggings(ctx, tx, list)
}

// counted notes that one attribute was changed.
func (m *merge) counted(b *Bulk) {
	b.Changed++
	m.changed = true
	m.l.saved.Attributes.Updated++
}

// untag takes the tags off again that an act put on attributes, where they stand still.
func (m *merge) untag(ctx context.Context, tx *store.Tx, rows map[int64]*Attribute, list []past, b *Bulk) error {
	on := map[int64][]int64{}
	for _, p := range list {
		tags := p.was.tags()
		for _, tag := range tags {
			if a := rows[p.thing]; a == nil || a.Deleted {
				b.leave(LeftGone)
			} else if p.was["tag:"+itoa(tag)] == "" {
				on[tag] = append(on[tag], p.thing)
			}
		}
	}
	for tag, ids := range on {
		name, err := nameOfTag(ctx, tx, tag)
		if err != nil {
			return err
		}
		have, err := carrying(ctx, tx, m.l.event.ID, tag, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if !have[id] {
				b.leave(LeftSince)
				continue
			}
			m.past.tag(rows[id].at(), tag, name, false)
			m.counted(b)
		}
		if err := dropTaggings(ctx, tx, m.l.event.ID, tag, ids); err != nil {
			return err
		}
	}
	return nil
}
