package intel

import (
	"context"
	"slices"

	"straza/internal/craft/export"
	"straza/internal/format/tlp"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// ExportEvents gives the events that a query finds and whose label lets them leave to
// each, after begin was told how many and under which label; what stays is counted
// there: all of one moment. What leaves is recorded first.
func (s *Service) ExportEvents(ctx context.Context, who ident.Actor, q Query, begin func(export.Extent) error, each func(tlp.Level, *Event) error) error {
	q.Limit, q.Page = 0, 0
	if err := s.exporting(ctx, who, "events"); err != nil {
		return err
	}
	return s.Moment(ctx, who, func(ctx context.Context) error {
		x, err := s.ExportExtent(ctx, who, q)
		if err == nil {
			err = begin(x)
		}
		if err != nil {
			return err
		}
		_, err = s.SearchEvents(ctx, who, q, func(e *Event) error {
			if l, may := s.leaves(ctx, who, e); may {
				return each(l, e)
			}
			return nil
		})
		return err
	})
}

// Moment runs fn while the data stand still: what is read with the ctx that fn gets is
// of one moment, a count and the rows that follow it. Faults as store.DB.Moment.
func (s *Service) Moment(ctx context.Context, who ident.Actor, fn func(ctx context.Context) error) error {
	if err := mayRead(who); err != nil {
		return err
	}
	return s.db.Moment(ctx, func(ctx context.Context, _ *store.Tx) error { return fn(ctx) })
}

// Reading lets what is read with the ctx that it gives share transactions: for one answer
// to one question, put together of many small reads. See store.DB.Reading.
func (s *Service) Reading(ctx context.Context, _ ident.Actor) (within context.Context, done func()) {
	return s.db.Reading(ctx)
}

// ExportAttributes is ExportEvents for attributes: the label is their event's, or a stricter one
// of their own.
func (s *Service) ExportAttributes(ctx context.Context, who ident.Actor, q Query, begin func(export.Extent) error, each func(tlp.Level, *Attribute) error) error {
	q.Limit, q.Page, q.WithTags = 0, 0, true
	if err := s.exporting(ctx, who, "attributes"); err != nil {
		return err
	}
	return s.Moment(ctx, who, func(ctx context.Context) error {
		var x export.Extent
		err := s.SearchAttributes(ctx, who, q, func(a *Attribute) error {
			if l, may := s.partLeaves(ctx, who, a); may {
				x.Add(l, 1)
			} else {
				x.Held++
			}
			return nil
		})
		if err == nil {
			err = begin(x)
		}
		if err != nil {
			return err
		}
		return s.SearchAttributes(ctx, who, q, func(a *Attribute) error {
			if l, may := s.partLeaves(ctx, who, a); may {
				return each(l, a)
			}
			return nil
		})
	})
}

// ExportExtent counts the events that a query finds: those that leave in a file, the
// strictest label of them, and those that stay.
func (s *Service) ExportExtent(ctx context.Context, who ident.Actor, q Query) (x export.Extent, err error) {
	q.Limit, q.Page = 0, 0
	_, err = s.SearchEvents(ctx, who, q, func(e *Event) error { s.extend(ctx, who, e, &x); return nil })
	return x, err
}

// exporting records that somebody takes a list out.
func (s *Service) exporting(ctx context.Context, who ident.Actor, what string) error {
	if err := mayRead(who); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		return s.log.Record(ctx, tx, who, "intel.export", audit.Thing{Kind: "event"}, map[string]any{"format": "csv", "of": what})
	})
}

// leaves gives the label of an event and whether it may leave in a file.
func (s *Service) leaves(ctx context.Context, who ident.Actor, e *Event) (tlp.Level, bool) {
	l, _ := tlp.Parse(e.TLP)
	return l.Or(s.untagged), s.WayOut(ctx, who, e, tlp.Export).Answer == tlp.Pass
}

// partLeaves is leaves of an attribute: the stricter of its own label and its event's.
func (s *Service) partLeaves(ctx context.Context, who ident.Actor, a *Attribute) (tlp.Level, bool) {
	l, may := s.leaves(ctx, who, a.Event)
	return max(l, a.own()), may && s.PartWayOut(ctx, who, a, a.Event, tlp.Export).Answer == tlp.Pass
}

func (s *Service) extend(ctx context.Context, who ident.Actor, e *Event, x *export.Extent) {
	if l, may := s.leaves(ctx, who, e); may {
		x.Add(l, 1)
	} else {
		x.Held++
	}
}

// PartsOut gives the attributes and objects of an event as they leave in a file: without what
// a label of its own keeps, and without tags that stay here. An object of which nothing leaves
// stays whole.
func (s *Service) PartsOut(ctx context.Context, who ident.Actor, e *Event, p Part, attribute func(*Attribute) error, object func(*Object) error) error {
	leaves := func(a *Attribute) bool {
		may := s.PartWayOut(ctx, who, a, e, tlp.Export).Answer == tlp.Pass
		a.Tags = TagsOut(a.Tags)
		return may
	}
	err := s.Attributes(ctx, who, e.Ref(), p, func(a *Attribute) error {
		if !leaves(a) {
			return nil
		}
		return attribute(a)
	})
	if err != nil {
		return err
	}
	return s.Objects(ctx, who, e.Ref(), p, func(o *Object) error {
		if !o.Keep(leaves) {
			return nil
		}
		return object(o)
	})
}

// Keep takes out of an object the attributes that do not pass, nil lets all; false when that
// leaves nothing of what it had. Pure.
func (o *Object) Keep(pass func(*Attribute) bool) bool {
	had := len(o.Attributes)
	if pass != nil {
		o.Attributes = slices.DeleteFunc(o.Attributes, func(a Attribute) bool { return !pass(&a) })
	}
	return had == 0 || len(o.Attributes) > 0
}
