package peer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// PushTo sends a peer what it may have and does not hold (spec misp §7.5), and gives
// the report. Technique Full looks at every published event, Update only at what was
// noted since, a UUID at that one. Needs peer.manage. Faults as Pull; Denied when
// our key may not synchronise there.
func (s *Service) PushTo(ctx context.Context, who ident.Actor, ref string, o Options) (run Run, err error) {
	return s.exchange(ctx, who, Push, ref, o, func(ctx context.Context, w *worker) ([]phase, error) {
		if !w.r.able.Sync {
			return nil, &NoAnswer{Status: http.StatusForbidden, Message: "our key there may not synchronise (perm_sync)"}
		}
		there, err := s.registry.Orgs(ctx, ident.SystemPart("setup"), []int64{w.p.RemoteOrg})
		if err != nil {
			return nil, err
		}
		return (&pusher{worker: w, there: there[w.p.RemoteOrg].UUID}).phases(), nil
	})
}

type pusher struct {
	*worker
	gone  map[string]bool // on a dry run, the events that the peer would have
	there string          // UUID of the organisation behind the peer
}

// goesDry notes an event that the peer has, or would have were this no dry run.
func (w *pusher) goesDry(uuid string) {
	if w.gone == nil {
		w.gone = map[string]bool{}
	}
	w.gone[uuid] = true
}

func (w *pusher) phases() []phase {
	list := []phase{{phaseIndex, w.index}}
	add := func(on bool, name string, do func(context.Context) (bool, error)) {
		if on {
			list = append(list, phase{name, do})
		}
	}
	add(!w.run.Dry, phaseEvents, w.events)
	add(w.p.PushClusters && w.r.able.Galaxy && w.whole(), phaseClusters, w.clusters)
	add(w.whole(), phaseProposals, w.proposals)
	add(w.p.PushSightings && w.r.able.Sighting, phaseSightings, w.sightings)
	add(w.p.PushAnalyst && w.r.able.Analyst && w.whole(), phaseAnalyst, w.analyst)
	add(w.p.PushCollections && w.r.able.Collections && w.whole(), phaseCollections, w.collections)
	return list
}

// index notes what is published and was not settled with this peer yet.
func (w *pusher) index(ctx context.Context) (done bool, err error) {
	w.run.Counts = Counts{}.copy()
	if w.o.Technique != Update {
		yes := true
		q := intel.Query{IsPublished: &yes, WithTags: true}
		if w.o.Technique != Full {
			q.Events = []string{w.o.Technique}
		}
		var batch []intel.Event
		_, err := w.s.intel.SearchEvents(ctx, part(), q, func(e *intel.Event) error {
			if batch = append(batch, *e); len(batch) < indexBatch {
				return nil
			}
			full := batch
			batch = nil
			return w.note(ctx, full)
		})
		if err == nil {
			err = w.note(ctx, batch)
		}
		if err != nil {
			return false, err
		}
	}
	if w.run.Dry {
		return true, nil
	}
	return true, w.left(ctx)
}

// note sorts events into settled and waiting ones; on a dry run it asks the other
// side and counts what would be sent.
func (w *pusher) note(ctx context.Context, list []intel.Event) error {
	if len(list) == 0 {
		return nil
	}
	if w.run.Dry {
		return w.wouldSend(ctx, list)
	}
	uuids := make([]string, len(list))
	for i := range list {
		uuids[i] = list[i].UUID
	}
	return w.s.db.Update(ctx, func(tx *store.Tx) error {
		known, err := itemsNamed(ctx, tx, w.p.ID, Push, uuids)
		if err != nil {
			return err
		}
		sighted, err := itemsNamed(ctx, tx, w.p.ID, wayOutSightings, uuids)
		if err != nil {
			return err
		}
		counts := w.run.Counts.copy()
		for i := range list {
			e := &list[i]
			if err := w.sighted(ctx, tx, e, sighted[e.UUID]); err != nil {
				return err
			}
			it, noted := known[e.UUID]
			if noted && it.state == itemSent && it.timestamp >= e.Timestamp && w.o.Technique == Full && !w.o.Fresh {
				counts.Events.Unchanged++
				continue
			}
			if noted && it.state == itemWaiting && it.timestamp == e.Timestamp {
				continue
			}
			if err := writeItem(ctx, tx, &item{peer: w.p.ID, way: Push, uuid: e.UUID, timestamp: e.Timestamp, state: itemWaiting}); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { w.run.Counts = counts })
		return nil
	}, store.InLane(store.Jobs))
}

func (w *pusher) wouldSend(ctx context.Context, list []intel.Event) error {
	var ask []item
	t := &w.run.Counts.Events
	for i := range list {
		t.Read++
		reason, _, err := w.decide(ctx, &list[i])
		if err != nil {
			return err
		}
		if reason != "" {
			t.Refused++
			w.run.Counts.Reasons[reason]++
			continue
		}
		ask = append(ask, item{uuid: list[i].UUID, timestamp: list[i].Timestamp})
	}
	want, err := w.r.wanted(ctx, ask)
	for _, it := range ask {
		if want[it.uuid] {
			t.Created++
		} else {
			t.Unchanged++
		}
		w.goesDry(it.uuid)
	}
	if err != nil {
		return err
	}
	return w.wouldSight(ctx, list)
}

// wouldSight notes, on a dry run, the events whose sightings would be sent.
func (w *pusher) wouldSight(ctx context.Context, list []intel.Event) error {
	if !w.p.PushSightings {
		return nil
	}
	uuids := make([]string, len(list))
	for i := range list {
		uuids[i] = list[i].UUID
	}
	return w.s.db.View(ctx, func(tx *store.Tx) error {
		known, err := itemsNamed(ctx, tx, w.p.ID, wayOutSightings, uuids)
		for i := range list {
			if e := &list[i]; err == nil && e.SightingTimestamp > known[e.UUID].timestamp {
				w.would(wayOutSightings, e.UUID, e.SightingTimestamp)
			}
		}
		return err
	})
}

// decide tells why an event does not go, or gives the document that does.
func (w *pusher) decide(ctx context.Context, e *intel.Event) (reason string, d *document, err error) {
	sd := w.s.senderOf(w.p, w.there)
	sd.short, sd.version = w.r.able.Short, w.r.able.Version
	from, err := w.s.source(ctx, e.UUID)
	if err != nil {
		return "", nil, err
	}
	if reason, err = sd.event(ctx, e, w.s.intel.LabelOf(ctx, part(), e), from); err != nil || reason != "" {
		return reason, nil, err
	}
	d = &document{sender: sd, s: w.s, e: e}
	some, err := d.anything(ctx)
	if err == nil && !some {
		reason = holdNothing
	}
	return reason, d, err
}

func (s *Service) senderOf(p *Peer, there string) *sender {
	return &sender{p: p, there: there, here: s.origin(), version: p.Health.Able.Version, signs: s.signs, groups: map[int64]*sent{}, group: func(ctx context.Context, id int64) (*intel.SharingGroup, error) {
		g, err := s.intel.SharingGroup(ctx, part(), strconv.FormatInt(id, 10))
		return &g, err
	}}
}

func (s *Service) source(ctx context.Context, uuid string) (id int64, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		id, err = store.Int64(ctx, tx, sourceOf, uuid)
		return err
	})
	return id, err
}

// pushBatch is how many events the other side is asked about at once.
const pushBatch = 100

func (w *pusher) events(ctx context.Context) (done bool, err error) {
	after := int64(0)
	for first := true; ; first = false {
		if !first && !w.o.Until.IsZero() && w.s.db.Clock.Now().After(w.o.Until) {
			return false, nil
		}
		list, err := w.next(ctx, &after, pushBatch)
		if err != nil || len(list) == 0 {
			return err == nil, err
		}
		if err := w.batch(ctx, list); err != nil {
			return false, err
		}
	}
}

// batch settles what does not go, asks what is wanted of the rest, and sends that.
func (w *pusher) batch(ctx context.Context, list []item) error {
	var ask []item
	docs := map[string]*document{}
	for i := range list {
		it := &list[i]
		e, err := w.s.intel.Event(ctx, part(), it.uuid)
		if fault.Is(err, fault.NotFound) {
			err = w.settle(ctx, it, itemHeld, holdGone, "")
			if err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		it.timestamp = e.Timestamp
		reason, d, err := w.decide(ctx, &e)
		if err != nil {
			return err
		}
		if reason != "" {
			if err := w.settle(ctx, it, itemHeld, reason, ""); err != nil {
				return err
			}
			continue
		}
		docs[it.uuid] = d
		ask = append(ask, *it)
	}
	if len(ask) == 0 {
		return nil
	}
	want, err := w.r.wanted(ctx, ask)
	if err != nil {
		return err
	}
	for i := range ask {
		it := &ask[i]
		if !want[it.uuid] {
			how := ""
			if it.reason == sending { // sent by this run before it was cut off
				how = it.detail
			}
			if err := w.settle(ctx, it, itemSent, "", how); err != nil {
				return err
			}
			continue
		}
		if err := w.send(ctx, it, docs[it.uuid]); err != nil {
			return err
		}
	}
	return nil
}

// sending marks a note while its event is under way.
const sending = "sending"

// send adds or edits one event there.
func (w *pusher) send(ctx context.Context, it *item, d *document) error {
	has, err := w.r.has(ctx, it.uuid)
	how, path := "add", "/events/add/metadata:1"
	if has {
		how, path = "edit", "/events/edit/"+it.uuid+"/metadata:1"
	}
	if err == nil {
		err = w.mark(ctx, it, how)
	}
	if err == nil {
		err = w.put(ctx, path, d)
	}
	var said *NoAnswer
	if errors.As(err, &said) && how == "add" && said.Status == http.StatusNotFound {
		if ref := lastSegment(said.Location); ref != "" { // it is there, and was not shown to us
			how = "edit"
			err = w.put(ctx, "/events/edit/"+ref+"/metadata:1", d)
		}
	}
	if err == nil {
		w.failed = 0
		return w.settle(ctx, it, itemSent, "", how)
	}
	return w.unsent(ctx, it, err)
}

func (w *pusher) put(ctx context.Context, path string, d *document) error {
	write := func(out io.Writer) error {
		for _, g := range d.groups {
			g.told = false // each document tells its groups once
		}
		return d.write(ctx, out)
	}
	if !d.e.IsProtected() {
		return w.r.put(ctx, path, write)
	}
	signed, err := w.s.seal.Document(ctx, intel.Listed(d.keys), write)
	if err != nil {
		return err
	}
	return w.r.put(ctx, path, signed.Send, signatureHeader, signed.Signature)
}

// signs gives the keys of a protected event, and whether one of ours is among them.
func (s *Service) signs(ctx context.Context, e *intel.Event) (keys []intel.EventKey, ours bool, err error) {
	if s.seal == nil {
		return nil, false, nil
	}
	if keys, err = s.intel.EventKeys(ctx, part(), e.Ref()); err == nil {
		ours, err = s.seal.Has(ctx, part(), intel.Listed(keys))
	}
	return keys, ours, err
}

// lastSegment is the event that a Location names, "" for what is none.
func lastSegment(location string) string {
	s := location[strings.LastIndexByte(location, '/')+1:]
	if _, ok := digits(s); ok {
		return s
	}
	if u, ok := store.ParseUUID(s); ok {
		return u
	}
	return ""
}

// verdict is what the other side's answer means for one thing that was sent to it.
type verdict int

const (
	accepted  verdict = iota
	asItWas           // there is nothing newer in it
	forbidden         // our key may not change this thing, or nothing at all any more
	unwanted          // it will not have this thing; the next one may go
	later             // it fails, or asks us to wait
	ours              // not its fault: the run ends
)

// judged reads an answer to a push: of an event, a cluster, a remark, a collection.
func judged(err error) verdict {
	var said *NoAnswer
	switch {
	case err == nil:
		return accepted
	case !errors.As(err, &said) && theirs(err):
		return later
	case said == nil:
		return ours
	case said.Status == http.StatusForbidden && strings.Contains(said.Message, "not newer"):
		return asItWas
	case said.Status == http.StatusUnauthorized || said.Status == http.StatusForbidden:
		return forbidden
	case said.Status == http.StatusTooManyRequests || said.Status == http.StatusRequestTimeout || said.Status >= 500 || said.Status < 400:
		return later
	}
	return unwanted
}

// still asks whether our key may do a thing there at all, after it was forbidden once.
func (w *pusher) still(ctx context.Context, may func(Able) bool, cause error) error {
	able, err := w.r.version(ctx)
	if err == nil && able.Sync && may(able) {
		return nil
	}
	return errors.Join(err, cause)
}

// given posts one thing of a list: it was accepted, or refused for itself; any other
// answer ends the phase.
func (w *pusher) given(ctx context.Context, path string, body []byte, may func(Able) bool) (ok bool, err error) {
	err = w.r.raw(ctx, path, body, nil)
	switch judged(err) {
	case accepted, asItWas:
		return true, nil
	case unwanted:
		return false, nil
	case forbidden:
		return false, w.still(ctx, may, err)
	}
	return false, err
}

// unsent says what a failed call means for the event; an error ends the run.
func (w *pusher) unsent(ctx context.Context, it *item, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch judged(err) {
	case asItWas:
		return w.settle(ctx, it, itemSent, "", "")
	case forbidden:
		if lost := w.still(ctx, func(Able) bool { return true }, err); lost != nil {
			return lost
		}
		return w.settle(ctx, it, itemRefused, refusedOwner, DetailOf(err))
	case unwanted:
		return w.settle(ctx, it, itemRefused, refusedThere, DetailOf(err))
	case ours:
		return err
	}
	if w.failed++; w.failed >= failuresRun {
		return err
	}
	if it.tries++; it.tries >= triesItem {
		return w.settle(ctx, it, itemRefused, reasonTries, DetailOf(err))
	}
	return w.s.db.Update(ctx, func(tx *store.Tx) error {
		it.reason, it.detail = "", DetailOf(err)
		w.bad = it.detail
		w.try(it.uuid)
		return writeItem(ctx, tx, it)
	}, store.InLane(store.Jobs))
}

func (w *pusher) mark(ctx context.Context, it *item, how string) error {
	return w.s.db.Update(ctx, func(tx *store.Tx) error {
		it.reason, it.detail = sending, how
		return writeItem(ctx, tx, it)
	}, store.InLane(store.Jobs))
}

// settle notes what became of one event; how is "add" or "edit" for what was sent.
func (w *pusher) settle(ctx context.Context, it *item, state, reason, how string) error {
	return w.count(ctx, func(tx *store.Tx, c *Counts) error {
		t, detail := &c.Events, ""
		t.Left--
		switch {
		case state != itemSent:
			t.Refused++
			c.Reasons[reason]++
		case how == "add":
			t.Created++
		case how == "edit":
			t.Updated++
		default:
			t.Unchanged++
		}
		if state == itemRefused {
			detail = how
		}
		done := *it
		done.tries = 0
		return w.ended(ctx, tx, done, state, reason, detail)
	})
}
