package intel

import (
	"context"
	"encoding/hex"
	"reflect"

	"straza/internal/kernel/store"
)

// finishLoading writes the whole header and makes the event visible.
func (l *loader) finishLoading(ctx context.Context, tx *store.Tx) error {
	if err := l.header(ctx, tx); err != nil {
		return err
	}
	return l.close(ctx, tx)
}

// close writes what needs the whole event: references, reports, the event's own
// tags, the counts, the audit line; and tells who listens.
func (l *loader) close(ctx context.Context, tx *store.Tx) error {
	if err := l.guard(ctx, tx); err != nil {
		return err
	}
	if err := l.remember(ctx, tx); err != nil {
		return err
	}
	if _, err := l.keys(ctx, tx); err != nil {
		return err
	}
	if err := writeReferences(ctx, tx, l.refs); err != nil {
		return err
	}
	if _, err := l.reports(ctx, tx, nil); err != nil {
		return err
	}
	var uses []tagging
	for _, t := range tagNames(l.head.Tag, l.head.EventTag, l.head.Galaxy) {
		id, err := l.aud.tag(ctx, tx, t)
		if err != nil {
			return err
		}
		if id != 0 && !t.remove {
			uses = append(uses, tagging{id, l.event.ID, 0, t.local, t.relationship})
		}
	}
	if err := copyTaggings(ctx, tx, uses); err != nil {
		return err
	}
	if err := l.labelled(ctx, tx, 0); err != nil {
		return err
	}
	if !reflect.DeepEqual(l.written, changeable(l.event)) {
		if err := rewriteEvent(ctx, tx, l.event); err != nil {
			return err
		}
	}
	if err := l.keepSaid(ctx, tx); err != nil {
		return err
	}
	l.saved.ID, l.saved.UUID = l.event.ID, l.event.UUID
	if err := announce(ctx, tx, l.event, int(l.event.Attributes), l.event.Published); err != nil {
		return err
	}
	l.saved.State = "created"
	if err := l.arrived(ctx, tx); err != nil {
		return err
	}
	if err := l.also(ctx, tx); err != nil {
		return err
	}
	return l.s.log.Record(ctx, tx, l.who, "event.add", thing(l.event), map[string]any{
		"attributes": l.event.Attributes, "objects": l.saved.Objects.Read, "hash": hex.EncodeToString(l.hash)})
}

// keepSaid hands over the analyst data that came with the event and its parts.
func (l *loader) keepSaid(ctx context.Context, tx *store.Tx) error {
	if l.s.said == nil {
		return nil
	}
	d := draft{said: l.draft.said}
	d.say("Event", l.event.UUID, l.head.Note, l.head.Opinion, l.head.Relationship)
	for i := range l.head.EventReport {
		w := &l.head.EventReport[i]
		if uuid, ok := store.ParseUUID(w.UUID.Or("")); ok {
			d.say("EventReport", uuid, w.Note, w.Opinion, w.Relationship)
		}
	}
	return l.s.said.CaptureTx(ctx, tx, l.who, l.event.ID, d.said)
}

func (l *loader) also(ctx context.Context, tx *store.Tx) error {
	if l.opt.From.Ref != 0 && !l.exists {
		if err := l.s.link(ctx, tx, l.opt.From, Shared{Event: l.event}); err != nil {
			return err
		}
	}
	if l.opt.Also == nil {
		return nil
	}
	return l.opt.Also(ctx, tx, l.saved)
}

// reports adds or replaces the event's reports and counts those that changed.
func (l *loader) reports(ctx context.Context, tx *store.Tx, past *journal) (changed int64, err error) {
	for i := range l.head.EventReport {
		w := &l.head.EventReport[i]
		r := Report{ID: l.s.db.NewID(), EventID: l.event.ID, Name: short(w.Name.Or("")), Content: plain(w.Content.Or("")), Deleted: w.Deleted.Or(false),
			Distribution: Distribution(w.Distribution.Level(int64(OwnOrg))), Group: w.SharingGroupID.Or(0), Timestamp: instant(w.Timestamp, l.draft.now)}
		var ok bool
		if r.UUID, ok = uuidOr(l.s.db, w.UUID); !ok || r.Name == "" || len(r.Content) > reportLimit {
			continue
		}
		if err := l.aud.child(ctx, tx, &r.Distribution, &r.Group, &r.audience); err != nil {
			return changed, err
		}
		old, known := Report{}, false
		if past != nil {
			if old, known, err = reportOf(ctx, tx, r.EventID, r.UUID); err != nil {
				return changed, err
			}
		}
		n, err := writeReport(ctx, tx, r)
		if err != nil {
			return changed, err
		}
		if changed += n; n > 0 && known {
			past.report(&old, &r)
		} else if n > 0 {
			l.came.take(r.ID)
		}
	}
	return changed, nil
}

// abandon takes a half-loaded event away again.
func (l *loader) abandon(ctx context.Context) error {
	if !l.loading {
		return nil
	}
	return l.s.removeLoading(context.WithoutCancel(ctx), l.event.ID)
}
