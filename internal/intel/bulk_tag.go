package intel

import (
	"context"
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
	return s.TagPiece(ctx, who, event, ids, name, Piece{})
}

func (s *Service) tagSome(ctx context.Context, who ident.Actor, event string, ids []int64, name string, p Piece) (b Bulk, err error) {
	if !access.Allowed(who, "misp.tagger") || who.ReadOnly {
		return b, fault.New(fault.Denied, "%s may not tag", who).WithKey("fault.denied")
	}
	if name = strings.TrimSpace(name); name == "" || len(name) > 255 {
		return b, fault.Field("tag", "intel.fault.name", "no tag name")
	}
	err = s.bulk(ctx, who, event, "tag.attach", p, &b, func(tx *store.Tx, m *merge) error {
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
