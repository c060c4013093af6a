package peer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Options say how a run is made.
type Options struct {
	Technique string    // Full, Update, or the UUID of one event; "" = Full
	Dry       bool      // only say what would happen
	Fresh     bool      // ask for the whole index although it may be as it was
	Force     bool      // although the breaker is open
	Until     time.Time // stop there and go on in the next call; zero = to the end
}

func (o *Options) check() error {
	if o.Technique == "" {
		o.Technique = Full
	}
	if o.Technique == Full || o.Technique == Update {
		return nil
	}
	uuid, ok := store.ParseUUID(o.Technique)
	if !ok {
		return fault.Field("technique", "peer.fault.technique", "full, update or the UUID of one event")
	}
	o.Technique = uuid
	return nil
}

// Pull takes in what a peer shows us (spec misp §7.4) and gives the report. A run
// that was cut off is taken up where it stood. Needs peer.manage. Faults: NotFound,
// Conflict while another run works, Unavailable when the other side fails: the
// report tells what was done until then, and the next run does the rest.
func (s *Service) Pull(ctx context.Context, who ident.Actor, ref string, o Options) (run Run, err error) {
	if err := s.mayManage(who); err != nil {
		return run, err
	}
	if err := o.check(); err != nil {
		return run, err
	}
	p, err := s.Peer(ctx, who, ref)
	if err != nil {
		return run, err
	}
	end, ok := s.alone(Pull, p.ID)
	if !ok {
		return run, fault.New(fault.Conflict, "peer %d is being pulled already", p.ID).WithKey("peer.fault.busy")
	}
	defer end()
	w := &puller{worker: worker{s: s, p: &p, o: o}}
	if err := w.begin(ctx, who, Pull); err != nil {
		return run, err
	}
	if w.r, err = s.connect(&p); err == nil {
		err = w.all(ctx)
	}
	return w.close(ctx, err)
}

// worker is what pulls and pushes share: the run and how it ends.
type worker struct {
	s   *Service
	p   *Peer
	o   Options
	r   *remote
	run Run
	end bool   // nothing is left to do
	bad string // what went wrong last with one event
}

type puller struct {
	worker
	groups map[string]int64
	failed int // exchanges that failed one after the other
}

// puller and pusher embed worker by the same methods.
func (w *worker) begin(ctx context.Context, who ident.Actor, way string) error {
	return w.s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if w.p.open(now) && !w.o.Force {
			return fault.New(fault.Unavailable, "peer %d failed %d times; nobody is sent there for now", w.p.ID, w.p.Health.Failures).WithKey("peer.fault.open")
		}
		run, found, err := store.First(ctx, tx, scanRun, openRun, w.p.ID, way)
		if err != nil {
			return err
		}
		if found && !w.o.Dry && run.Technique == w.o.Technique {
			w.run = run
			w.run.Counts = run.Counts.copy()
			return nil
		}
		w.run = Run{ID: w.s.db.NewID(), Peer: w.p.ID, Way: way, Technique: w.o.Technique, State: Running, Started: now, Dry: w.o.Dry, phase: phaseIndex}
		w.run.Counts = w.run.Counts.copy()
		if w.o.Dry {
			return nil
		}
		if found { // of another technique: its rest is taken up by this one
			run.State, run.Ended, run.Detail = Failed, now, "another run took its place"
			if err := writeRun(ctx, tx, &run); err != nil {
				return err
			}
		}
		if err := newRun(ctx, tx, &w.run); err != nil {
			return err
		}
		return w.s.log.Record(ctx, tx, who, "peer."+way, thing(*w.p), map[string]any{"run": w.run.ID, "technique": w.o.Technique})
	})
}

// close writes how the run stands: done, failed with its reason, or still running
// because its time was up.
func (w *worker) close(ctx context.Context, cause error) (Run, error) {
	if w.run.Dry {
		w.run.State = Done
		return w.run, cause
	}
	ctx = context.WithoutCancel(ctx)
	if cause == nil && w.r != nil && w.r.able.Version != "" {
		if err := w.s.wentWell(ctx, w.p, w.r.able); err != nil {
			return w.run, err
		}
	} else if theirs(cause) {
		if err := w.s.wentWrong(ctx, w.p, cause); err != nil {
			return w.run, err
		}
	}
	err := w.s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		left, err := store.Int64(ctx, tx, countItems, w.p.ID, w.run.Way, itemWaiting)
		if err != nil {
			return err
		}
		run := w.run
		if run.phase != phaseIndex {
			run.Counts.Events.Left = left
		}
		switch {
		case cause != nil:
			run.State, run.Ended, run.Detail = Failed, now, detailOf(cause)
		case w.end:
			run.State, run.Ended = Done, now
			if left > 0 {
				run.Detail = w.bad
			}
			if err := w.finished(ctx, tx, now, left); err != nil {
				return err
			}
		}
		w.run = run
		return writeRun(ctx, tx, &run)
	})
	return w.run, errors.Join(cause, err)
}

// finished notes on the peer that a way was gone to its end.
func (w *worker) finished(ctx context.Context, tx *store.Tx, now, left int64) error {
	if w.run.Way == Push {
		_, err := tx.Exec(ctx, setPushed, w.p.ID, now)
		return err
	}
	tag := w.run.etag
	if left > 0 || w.run.Technique != Full {
		tag = w.p.etag
	}
	_, err := tx.Exec(ctx, setPulled, w.p.ID, now, tag)
	return err
}

// theirs tells whether a failure is the other side's or the way's.
func theirs(err error) bool {
	var said *statusError
	return err != nil && (errors.As(err, &said) || fault.Is(err, fault.Unavailable))
}

// all goes through the phases.
func (w *puller) all(ctx context.Context) (err error) {
	w.groups = map[string]int64{}
	if _, err := w.r.version(ctx); err != nil {
		return err
	}
	if w.run.phase == phaseIndex {
		if err := w.index(ctx); err != nil || w.run.Dry {
			return err
		}
	}
	if w.run.phase == phaseEvents {
		done, err := w.events(ctx)
		if err != nil || !done {
			return err
		}
		w.run.phase = phaseAfter
	}
	w.end = true
	return nil
}

// filter is what the index is asked for: published events that our rules want.
func (w *puller) filter() map[string]any {
	f := map[string]any{"minimal": 1, "published": 1}
	if extra := w.p.PullRules.URLParams; extra != "" {
		_ = json.Unmarshal([]byte(extra), &f) // checked when it was entered
		f["minimal"] = 1
	}
	say := func(c Choice) string {
		parts := append([]string{}, c.OR...)
		for _, n := range c.NOT {
			parts = append(parts, "!"+n)
		}
		return strings.Join(parts, "|")
	}
	if c := w.p.PullRules.Tags; !c.empty() {
		f["tag"] = say(c)
	}
	if c := w.p.PullRules.Orgs; !c.empty() {
		f["org"] = say(c)
	}
	if w.o.Technique != Full && w.o.Technique != Update {
		f["uuid"] = w.o.Technique
	}
	return f
}

const indexBatch = 500

// index compares the other side's list with what is here and notes what is to be
// fetched. Only when it was read to its end does it count.
func (w *puller) index(ctx context.Context) error {
	etag := ""
	if !w.o.Fresh && !w.o.Dry && w.o.Technique == Full {
		etag = w.p.etag
	}
	w.run.Counts = Counts{}.copy()
	var batch []indexRow
	tag, same, err := w.r.index(ctx, w.filter(), etag, func(row indexRow) error {
		uuid, ok := store.ParseUUID(row.UUID)
		if !ok {
			return nil // nothing that could be asked for
		}
		if w.o.Technique != Full && w.o.Technique != Update && uuid != w.o.Technique {
			return nil
		}
		row.UUID = uuid
		if batch = append(batch, row); len(batch) < indexBatch {
			return nil
		}
		full := batch
		batch = batch[:0]
		return w.compare(ctx, full)
	})
	if err == nil {
		err = w.compare(ctx, batch)
	}
	if err != nil {
		return err
	}
	w.run.Unchanged = same
	if t := &w.run.Counts.Events; w.run.Dry {
		t.Read = t.Created + t.Updated + t.Unchanged + t.Refused
		return nil
	}
	w.run.etag, w.run.phase = tag, phaseEvents
	return w.s.db.Update(ctx, func(tx *store.Tx) error {
		left, err := store.Int64(ctx, tx, countItems, w.p.ID, Pull, itemWaiting)
		if err != nil {
			return err
		}
		t := &w.run.Counts.Events
		t.Left = left
		t.Read = t.Unchanged + t.Refused + t.Left
		return writeRun(ctx, tx, &w.run)
	}, store.InLane(store.Jobs))
}

// compare sorts a part of the index into what is as it was, what cannot be taken,
// and what is to be fetched.
func (w *puller) compare(ctx context.Context, rows []indexRow) error {
	if len(rows) == 0 {
		return nil
	}
	uuids := make([]string, len(rows))
	for i, r := range rows {
		uuids[i] = r.UUID
	}
	held, err := w.s.intel.HeldEvents(ctx, part(), uuids)
	if err != nil {
		return err
	}
	return w.s.db.Update(ctx, func(tx *store.Tx) error {
		known, err := itemsNamed(ctx, tx, w.p.ID, Pull, uuids)
		if err != nil {
			return err
		}
		counts := w.run.Counts.copy()
		seen := map[string]bool{}
		for _, r := range rows {
			if seen[r.UUID] {
				continue // listed twice: counted once
			}
			seen[r.UUID] = true
			if err := w.sort(ctx, tx, r, held, known, &counts); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { w.run.Counts = counts })
		return nil
	}, store.InLane(store.Jobs))
}

// verdict of one row of the index.
func (w *puller) sort(ctx context.Context, tx *store.Tx, r indexRow, held map[string]intel.Held, known map[string]item, counts *Counts) error {
	h, here := held[r.UUID]
	it, noted := known[r.UUID]
	t := &counts.Events
	refuse := func(reason string) {
		t.Refused++
		counts.Reasons[reason]++
	}
	switch {
	case h.Blocked:
		refuse(reasonBlocked)
		return nil
	case here && h.Timestamp >= r.time():
		t.Unchanged++
		return nil
	case here && !h.Locked:
		refuse(reasonOwn)
		return nil
	case !here && w.run.Technique == Update:
		return nil
	case noted && it.state == itemRefused && it.timestamp == r.time():
		refuse(it.reason)
		return nil
	case w.run.Dry && here:
		t.Updated++
		return nil
	case w.run.Dry:
		t.Created++
		return nil
	case noted && it.state == itemWaiting && it.timestamp == r.time():
		return nil // from a run that was cut off
	}
	return writeItem(ctx, tx, &item{peer: w.p.ID, way: Pull, uuid: r.UUID, timestamp: r.time(), state: itemWaiting})
}

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
		var list []item
		err := w.s.db.View(ctx, func(tx *store.Tx) error {
			now, err := store.Now(ctx, tx)
			if err != nil {
				return err
			}
			list, err = nextItems(ctx, tx, w.p.ID, Pull, after, now, pageItems)
			return err
		})
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
		after = list[n-1].id
	}
}

// page stores a list of events while the next ones are on their way.
func (w *puller) page(ctx context.Context, list []item) (n int, err error) {
	ctx, stop := context.WithCancel(ctx)
	f := fetchAhead(ctx, list, func(ctx context.Context, it item) (*http.Response, error) {
		return w.r.event(ctx, it.uuid, w.p.Internal)
	})
	defer f.drain()
	defer stop()
	for i := range list {
		if !w.o.Until.IsZero() && i > 0 && w.s.db.Clock.Now().After(w.o.Until) {
			return i, nil
		}
		got := f.next()
		err := w.take(ctx, &list[i], got)
		got.close()
		if err != nil {
			return i, err
		}
	}
	return len(list), nil
}

// take stores one event and notes what became of it; an error ends the run.
func (w *puller) take(ctx context.Context, it *item, got *fetched) error {
	err := got.err
	var saved intel.Saved
	if err == nil {
		saved, err = w.store(ctx, it, got)
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
	return w.settle(ctx, it, intel.Saved{State: "refused"}, reason, detailOf(err))
}

// store reads the document into threat data. What is created or changed is counted,
// and its note struck out, in the event's own transaction.
func (w *puller) store(ctx context.Context, it *item, got *fetched) (saved intel.Saved, err error) {
	who := part()
	held, err := w.s.intel.HeldEvents(ctx, who, []string{it.uuid})
	if err != nil {
		return saved, err
	}
	h := held[it.uuid]
	switch {
	case h.Blocked:
		return saved, refusal(reasonBlocked, "on the block list here")
	case h.ID != 0 && !h.Locked:
		return saved, refusal(reasonOwn, "made here")
	case h.Protected:
		return saved, refusal(reasonProtected, "protected here")
	}
	rc := &receiver{p: w.p, uuid: it.uuid, origin: h.Origin, groups: w.grouping()}
	var counts Counts
	opt := intel.AddOptions{Org: w.p.Org, Upsert: true, Also: func(ctx context.Context, tx *store.Tx, sv intel.Saved) error {
		counts = w.run.Counts.copy()
		counts.took(sv)
		return w.strike(ctx, tx, it, counts)
	}}
	src := rc.source(ctx, intel.FromReader(got.body, misp.Limits{Bytes: streamBytes}))
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
	g := intel.NewGrouping(w.groups, func(ctx context.Context, g *misp.SharingGroup) (int64, error) {
		return w.s.intel.CaptureGroup(ctx, part(), g, intel.Sender{Here: w.s.origin(), URL: w.p.URL, Server: w.p.ID, Org: w.p.RemoteOrg})
	})
	g.Foreign = true
	return g
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
	if _, err := tx.Exec(ctx, dropItem, w.p.ID, Pull, it.uuid); err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, putSource, tx.DB().NewID(), it.uuid, w.p.ID, now); err != nil {
		return err
	}
	run := w.run
	run.Counts = counts
	return writeRun(ctx, tx, &run)
}

// settle notes what became of an event that changed nothing here.
func (w *puller) settle(ctx context.Context, it *item, sv intel.Saved, reason, detail string) error {
	var counts Counts
	err := w.s.db.Update(ctx, func(tx *store.Tx) error {
		counts = w.run.Counts.copy()
		counts.took(sv)
		if reason == "" {
			return w.strike(ctx, tx, it, counts)
		}
		counts.Reasons[reason]++
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		it.state, it.reason, it.detail, it.at = itemRefused, reason, detail, now
		if err := writeItem(ctx, tx, it); err != nil {
			return err
		}
		run := w.run
		run.Counts = counts
		return writeRun(ctx, tx, &run)
	}, store.InLane(store.Jobs))
	if err == nil {
		w.run.Counts = counts
	}
	return err
}

// later leaves an event for another run, or lets it be after too many tries.
func (w *puller) later(ctx context.Context, it *item, cause error) error {
	if it.tries++; it.tries >= triesItem {
		return w.settle(ctx, it, intel.Saved{State: "refused"}, reasonTries, detailOf(cause))
	}
	return w.s.db.Update(ctx, func(tx *store.Tx) error {
		it.detail = detailOf(cause)
		w.bad = it.detail
		return writeItem(ctx, tx, it)
	}, store.InLane(store.Jobs))
}

// judge says what a failure means for one event: the reason for refusing it, that
// it may go better later, or that the whole run ends.
func (w *puller) judge(ctx context.Context, err error) (reason string, again bool, fatal error) {
	if ctx.Err() != nil {
		return "", false, ctx.Err()
	}
	var said *statusError
	var broken *misp.Error
	switch {
	case errors.As(err, &said):
		return w.answered(ctx, said)
	case errors.As(err, &broken) && broken.Kind == misp.ErrRead:
		return "", true, nil
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
func (w *puller) answered(ctx context.Context, said *statusError) (reason string, again bool, fatal error) {
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
