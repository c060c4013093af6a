package peer

import (
	"context"
	"strconv"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/store"
)

// holdUnsent: what hangs on an event goes only where the event is.
const holdUnsent = "peer.hold.unsent"

// there tells whether the peer has an event from us, or we have it from there.
func (w *pusher) holds(ctx context.Context, uuid string) (sent, theirs bool, err error) {
	from, err := w.s.source(ctx, uuid)
	if err != nil {
		return false, false, err
	}
	err = w.s.db.View(ctx, func(tx *store.Tx) error {
		known, err := itemsNamed(ctx, tx, w.p.ID, Push, []string{uuid})
		sent = known[uuid].state == itemSent || w.gone[uuid]
		return err
	})
	return sent, from == w.p.ID, err
}

// goes tells what of an event the peer may have, by UUID: itself, attributes, objects, reports.
func (w *pusher) goes(ctx context.Context, e *intel.Event) (map[string]bool, error) {
	return (&document{sender: w.s.senderOf(w.p, w.there), s: w.s, e: e}).uuids(ctx)
}

// uuids names the parts that go, and the event.
func (d *document) uuids(ctx context.Context) (map[string]bool, error) {
	out := map[string]bool{d.e.UUID: true}
	look := &document{sender: d.sender, s: d.s, e: d.e, look: true}
	err := look.parts(ctx, func(a *misp.Attribute) error { out[a.UUID.V] = true; return nil }, func(o *misp.Object) error {
		out[o.UUID.V] = true
		for i := range o.Attribute {
			out[o.Attribute[i].UUID.V] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	reports, err := look.reports(ctx)
	for i := range reports {
		out[reports[i].UUID.V] = true
	}
	return out, err
}

// hanging tells what may go there of what hangs on an event that is here: which parts of it
// the peer may have, nil for all where the event is its own; or why nothing does. The peer
// holds the event, and its level, label and our rules would still let it go: that it is
// being edited just now does not matter.
func (w *pusher) hanging(ctx context.Context, e *intel.Event) (may map[string]bool, reason string, err error) {
	sent, theirs, err := w.holds(ctx, e.UUID)
	switch {
	case err != nil:
		return nil, "", err
	case theirs:
		return nil, "", nil
	case !sent:
		return nil, holdUnsent, nil
	}
	from, err := w.s.source(ctx, e.UUID)
	if err != nil {
		return nil, "", err
	}
	done := *e
	done.Published = true
	sd := w.s.senderOf(w.p, w.there)
	sd.version = w.r.able.Version
	if reason, err = sd.event(ctx, &done, w.s.intel.LabelOf(ctx, part(), e), from); err != nil || reason != "" {
		return nil, reason, err
	}
	may, err = w.goes(ctx, e)
	return may, "", err
}

// reach remembers hanging by event for lists whose things hang on many: one test per event.
type reach struct {
	w     *pusher
	known map[int64]func(uuid string) bool
}

func (w *pusher) reach() *reach { return &reach{w: w, known: map[int64]func(string) bool{}} }

// lets tells whether what hangs on a thing of an event may go to the peer.
func (r *reach) lets(ctx context.Context, event int64, uuid string) (bool, error) {
	test := r.known[event]
	if test == nil {
		e, err := r.w.s.intel.Event(ctx, part(), strconv.FormatInt(event, 10))
		if err != nil {
			return false, err
		}
		may, reason, err := r.w.hanging(ctx, &e)
		if err != nil {
			return false, err
		}
		test = func(uuid string) bool { return reason == "" && (may == nil || may[uuid]) }
		r.known[event] = test
	}
	return test(uuid), nil
}
