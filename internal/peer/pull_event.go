package peer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// How much is fetched ahead of what is being stored, and how often one side or one
// event may fail before it is let be.
const (
	ahead       = 4
	failuresRun = 3
	triesItem   = 5
	pageItems   = 200
)

// events fetches and stores what waits, in the order in which it was noted; done
// tells that nothing waits any more that could be had now.
func (w *puller) events(ctx context.Context) (done bool, err error) {
	after := int64(0)
	for {
		list, err := w.next(ctx, &after, pageItems)
		if err != nil || len(list) == 0 {
			return err == nil, err
		}
		n, err := w.page(ctx, list)
		if err != nil {
			return false, err
		}
		if n < len(list) { // time is up
			return false, nil
		}
	}
}

// page stores a list of events while the next ones are on their way.
func (w *puller) page(ctx context.Context, list []item) (n int, err error) {
	held, err := w.s.intel.HeldEvents(ctx, w.as(), uuidsIn(list))
	if err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancel(ctx)
	f := fetchAhead(ctx, list, w.fetch)
	defer f.drain()
	defer stop()
	for i := range list {
		if i > 0 && !w.o.Until.IsZero() && w.s.db.Clock.Now().After(w.o.Until) {
			return i, nil
		}
		got := f.next()
		_, here := held[list[i].uuid]
		err := w.take(ctx, &list[i], got, !here)
		got.close()
		if err != nil {
			return i, err
		}
	}
	return len(list), nil
}

func (w *puller) fetch(ctx context.Context, it item) (*http.Response, error) {
	return w.r.event(ctx, it.uuid, w.p.Internal)
}

func uuidsIn(list []item) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].uuid
	}
	return out
}

// take stores one event and notes what became of it; an error ends the run. fresh tells
// that nothing was here of it, nor on the block list, when last looked.
func (w *puller) take(ctx context.Context, it *item, got *fetched, fresh bool) error {
	err := got.err
	var saved intel.Saved
	if err == nil {
		saved, err = w.store(ctx, it, got, fresh)
	}
	if f := fault.Of(err); fresh && f != nil && f.Key == "intel.fault.event-exists" {
		saved, err = w.storeAnew(ctx, it) // it came by another way meanwhile
	}
	if err == nil {
		w.failed = 0
		if saved.State == "unchanged" || saved.State == "again" {
			return w.settle(ctx, it, saved, "", "")
		}
		return nil // written with the event, in its transaction
	}
	reason, again, fatal := w.judge(ctx, err)
	switch {
	case fatal != nil:
		return fatal
	case again:
		if w.failed++; w.failed >= failuresRun {
			return err
		}
		return w.later(ctx, it, err)
	}
	w.failed = 0
	return w.settle(ctx, it, intel.Saved{State: "refused"}, reason, DetailOf(err))
}

// storeAnew fetches an event once more and stores it over what is here.
func (w *puller) storeAnew(ctx context.Context, it *item) (saved intel.Saved, err error) {
	resp, err := w.fetch(ctx, *it)
	if err != nil {
		return saved, err
	}
	got := &fetched{resp: resp, body: readAhead(resp.Body)}
	defer got.close()
	return w.store(ctx, it, got, false)
}

// store reads the document into threat data. What is created or changed is counted,
// and its note struck out, in the event's own transaction. One that is fresh fails with
// Conflict when it is here after all.
func (w *puller) store(ctx context.Context, it *item, got *fetched, fresh bool) (saved intel.Saved, err error) {
	who := w.as()
	var h intel.Held
	if !fresh {
		held, err := w.s.intel.HeldEvents(ctx, who, []string{it.uuid})
		if err != nil {
			return saved, err
		}
		h = held[it.uuid]
	}
	switch {
	case h.Blocked:
		return saved, refusal(reasonBlocked, "on the block list here")
	case h.ID != 0 && !h.Locked:
		return saved, refusal(reasonOwn, "made here")
	}
	rc := &receiver{p: w.p, uuid: it.uuid, origin: h.Origin, groups: w.grouping(), move: w.run.Way == Move}
	if w.p.MirrorTags && h.ID != 0 && !rc.move {
		if rc.mirror, err = w.tagsHere(ctx, it.uuid); err != nil {
			return saved, err
		}
	}
	var counts Counts
	proof := intel.NewProof(got.resp.Header.Get(signatureHeader))
	opt := intel.AddOptions{Org: w.p.Org, Upsert: !fresh, Proof: proof, Also: func(ctx context.Context, tx *store.Tx, sv intel.Saved) error {
		counts = w.run.Counts.copy()
		counts.took(sv)
		if rc.move {
			for _, d := range sv.Dropped {
				counts.misfit("attribute", d.UUID+" "+d.Text, reasonInvalid)
			}
		}
		return w.strike(ctx, tx, it, counts)
	}}
	src := rc.source(ctx, proof.Source(got.body, misp.Limits{Bytes: streamBytes}))
	err = w.s.intel.Import(ctx, who, src, opt, func(sv intel.Saved, err error) error {
		saved = sv
		return err
	})
	if err == nil && (saved.State == "created" || saved.State == "updated") {
		w.run.Counts = counts
	}
	return saved, err
}

// grouping puts a document's groups into the terms of here; a group is taken in once
// a run, however many documents repeat it.
func (w *puller) grouping() *intel.Grouping {
	from := w.sender()
	g := intel.NewGrouping(w.groups, func(ctx context.Context, g *misp.SharingGroup) (int64, error) {
		return w.s.intel.CaptureGroup(ctx, part(), g, from)
	})
	g.Foreign = true
	return g
}

// tagsHere gives the tags of an event and its attributes, local ones left out.
func (w *puller) tagsHere(ctx context.Context, uuid string) (map[string][]string, error) {
	e, err := w.s.intel.Event(ctx, part(), uuid)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	note := func(uuid string, uses []intel.TagUse) {
		for i := range uses {
			if !uses[i].Local {
				out[uuid] = append(out[uuid], uses[i].Name)
			}
		}
	}
	note(e.UUID, e.Tags)
	all := intel.Part{Deleted: intel.With}
	err = w.s.intel.Attributes(ctx, part(), e.Ref(), all, func(a *intel.Attribute) error { note(a.UUID, a.Tags); return nil })
	if err == nil {
		err = w.s.intel.Objects(ctx, part(), e.Ref(), all, func(o *intel.Object) error {
			for i := range o.Attributes {
				note(o.Attributes[i].UUID, o.Attributes[i].Tags)
			}
			return nil
		})
	}
	return out, err
}

// sender is the other side as groups know it; in a move it is this installation.
func (w *puller) sender() intel.Sender {
	return intel.Sender{Here: w.s.origin(), URL: w.p.URL, Server: w.p.ID, Org: w.p.RemoteOrg, Home: w.run.Way == Move}
}

// took adds what became of one event that had been left.
func (c *Counts) took(sv intel.Saved) {
	c.Events.Left--
	switch sv.State {
	case "created":
		c.Events.Created++
	case "updated":
		c.Events.Updated++
	case "refused":
		c.Events.Refused++
	default:
		c.Events.Unchanged++
	}
	c.Attributes.add(sv.Attributes)
	c.Objects.add(sv.Objects)
}

// strike takes a note out and writes the counts with it, and from whom the event is.
func (w *puller) strike(ctx context.Context, tx *store.Tx, it *item, counts Counts) error {
	if err := w.drop(ctx, tx, it); err != nil {
		return err
	}
	return w.counted(ctx, tx, counts)
}

func (w *puller) drop(ctx context.Context, tx *store.Tx, it *item) error {
	if err := tx.Later(ctx, dropItem, w.p.ID, w.run.Way, it.uuid); err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	return tx.Later(ctx, putSource, tx.DB().NewID(), it.uuid, w.p.ID, now)
}

// settle notes what became of an event that changed nothing here.
func (w *puller) settle(ctx context.Context, it *item, sv intel.Saved, reason, detail string) error {
	return w.count(ctx, func(tx *store.Tx, c *Counts) error {
		c.took(sv)
		if reason == "" {
			return w.drop(ctx, tx, it)
		}
		if w.run.Way == Move {
			c.misfit("event", it.uuid+" "+detail, reason)
		} else {
			c.Reasons[reason]++
		}
		return w.ended(ctx, tx, *it, itemRefused, reason, detail)
	})
}

// later leaves an event for another run, or lets it be after too many tries.
func (w *puller) later(ctx context.Context, it *item, cause error) error {
	if it.tries++; it.tries >= triesItem {
		return w.settle(ctx, it, intel.Saved{State: "refused"}, reasonTries, DetailOf(cause))
	}
	return w.s.db.Update(ctx, func(tx *store.Tx) error {
		it.detail = DetailOf(cause)
		w.bad = it.detail
		w.try(it.uuid)
		return writeItem(ctx, tx, it)
	}, store.InLane(store.Jobs))
}

// judge says what a failure means for one event: the reason for refusing it, that
// it may go better later, or that the whole run ends.
func (w *puller) judge(ctx context.Context, err error) (reason string, again bool, fatal error) {
	if ctx.Err() != nil {
		return "", false, ctx.Err()
	}
	var said *NoAnswer
	var broken *misp.Error
	switch {
	case errors.As(err, &said):
		return w.answered(ctx, said)
	case errors.As(err, &broken) && (broken.Kind == misp.ErrRead || errors.Is(err, io.ErrUnexpectedEOF)):
		return "", true, nil // it broke off, which a server that dies half-way does with a whole answer, too
	case errors.As(err, &broken):
		return reasonBroken, false, nil
	}
	f := fault.Of(err)
	switch {
	case f == nil, f.Kind == fault.Internal:
		return "", false, err
	case f.Kind == fault.Unavailable:
		return "", true, nil
	case strings.HasPrefix(f.Key, "peer.reason."):
		return f.Key, false, nil
	case unsigned[f.Key] != "":
		return unsigned[f.Key], false, nil
	case f.Key == "intel.fault.blocked":
		return reasonBlocked, false, nil
	case f.Key == "intel.fault.foreign":
		return reasonOwn, false, nil
	case f.Fields["sharing_group_id"] != "":
		return reasonGroup, false, nil
	}
	return reasonInvalid, false, nil
}

// answered: an event that is not shown is refused, unless it is our key that does
// not count any more.
func (w *puller) answered(ctx context.Context, said *NoAnswer) (reason string, again bool, fatal error) {
	switch {
	case said.Status == http.StatusNotFound || said.Status == http.StatusMethodNotAllowed:
		return reasonGone, false, nil
	case said.Status == http.StatusForbidden:
		if _, err := w.r.version(ctx); err != nil {
			return "", false, err
		}
		return reasonGone, false, nil
	case said.Status == http.StatusTooManyRequests || said.Status >= 500:
		return "", true, nil
	}
	return "", false, said
}
