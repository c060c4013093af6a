package intel

import (
	"context"
	"maps"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// renew takes out of an event of what came alone the parts that are here already, in events
// that who may change, and changes those that came newer; gone tells that nothing else was in
// it. What is here and not who's to change stays: its UUID is taken, as in every event.
func (s *Service) renew(ctx context.Context, who ident.Actor, e *misp.Event, opt AddOptions, now int64) (gone bool, err error) {
	docs, rest, err := s.newer(ctx, who, e, opt, now)
	if err != nil {
		return false, err
	}
	e.Attribute, e.Object = rest.Attribute, rest.Object
	for _, id := range slices.Sorted(maps.Keys(docs)) {
		lost := 0
		_, err := s.EditEvent(ctx, who, itoa(id), FromEvent(docs[id]), opt)
		if err == nil {
			err = s.importSightings(ctx, who, docs[id], opt, &lost)
		}
		if k := fault.KindOf(err); k == fault.Internal || k == fault.Unavailable {
			return false, err
		} // else it was changed or taken away meanwhile, and has its own say
	}
	return len(e.Attribute)+len(e.Object)+len(e.EventReport) == 0, nil
}

// newer sorts the parts of an event: docs are edits, by event, of those that are here and came
// newer, rest what is not here or not who's to change.
func (s *Service) newer(ctx context.Context, who ident.Actor, e *misp.Event, opt AddOptions, now int64) (docs map[int64]*misp.Event, rest misp.Event, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		docs, rest = map[int64]*misp.Event{}, misp.Event{}
		heads := map[int64]*Event{} // nil for those that are not to be changed
		edit := func(event, stamp int64) (*misp.Event, error) {
			h, asked := heads[event]
			if !asked {
				x, err := readEvent(ctx, tx, who, itoa(event))
				if err == nil {
					err = mayRenew(ctx, tx, who, x, opt.From)
				}
				switch fault.KindOf(err) {
				case "":
					h = &x
				case fault.Internal, fault.Unavailable:
					return nil, err
				}
				heads[event] = h
			}
			if h == nil {
				return nil, nil
			}
			if docs[event] == nil {
				docs[event] = &misp.Event{UUID: misp.T(h.UUID)}
			}
			docs[event].Timestamp = misp.N(max(docs[event].Timestamp.Or(0), h.Timestamp+1, min(stamp, now)))
			return docs[event], nil
		}
		err := sorted(ctx, tx, "intel_attribute", e.Attribute, func(a *misp.Attribute) (string, int64) { return a.UUID.V, a.Timestamp.Or(0) }, edit,
			func(to *misp.Event, a misp.Attribute) { to.Attribute = append(to.Attribute, a) }, &rest)
		if err != nil {
			return err
		}
		return sorted(ctx, tx, "intel_object", e.Object, func(o *misp.Object) (string, int64) { return o.UUID.V, o.Timestamp.Or(0) }, edit,
			func(to *misp.Event, o misp.Object) { to.Object = append(to.Object, o) }, &rest)
	})
	for id, doc := range docs {
		if len(doc.Attribute)+len(doc.Object) == 0 {
			delete(docs, id)
		}
	}
	return docs, rest, err
}

// sorted puts each part into the edit of the event that it is in, if that may be changed and it
// came newer, else into rest; what is here in the same version goes nowhere.
func sorted[T any](ctx context.Context, tx *store.Tx, table string, list []T, name func(*T) (uuid string, stamp int64),
	edit func(event, stamp int64) (*misp.Event, error), put func(*misp.Event, T), rest *misp.Event) error {
	uuids := make([]string, 0, len(list))
	for i := range list {
		u, _ := name(&list[i])
		uuids = append(uuids, strings.ToLower(u))
	}
	here, err := known(ctx, tx, table, uuids)
	if err != nil {
		return err
	}
	var ids []int64
	for _, x := range here {
		ids = append(ids, x[0])
	}
	stamps, err := stampsOf(ctx, tx, table, ids)
	if err != nil {
		return err
	}
	for i := range list {
		_, stamp := name(&list[i])
		x, found := here[uuids[i]]
		if !found {
			put(rest, list[i])
			continue
		}
		to, err := edit(x[1], stamp)
		switch {
		case err != nil:
			return err
		case to == nil:
			put(rest, list[i])
		case stamp > stamps[x[0]]:
			put(to, list[i])
		}
	}
	return nil
}
