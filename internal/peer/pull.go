package peer

import (
	"context"
	"encoding/json"
	"strings"

	"straza/internal/intel"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Pull takes in what a peer shows us (spec misp §7.4) and gives the report. A run
// that was cut off is taken up where it stood. Needs peer.manage. Faults: NotFound,
// Conflict while another run works, Unavailable when the other side fails: the
// report tells what was done until then, and the next run does the rest.
func (s *Service) Pull(ctx context.Context, who ident.Actor, ref string, o Options) (run Run, err error) {
	return s.exchange(ctx, who, Pull, ref, o, func(_ context.Context, w *worker) ([]phase, error) {
		return (&puller{worker: w, groups: map[string]int64{}}).phases(), nil
	})
}

type puller struct {
	*worker
	groups map[string]int64
}

// whole tells that everything is exchanged, not one event.
func (w *worker) whole() bool { return w.o.Technique == Full || w.o.Technique == Update }

func (w *puller) phases() []phase {
	list := []phase{{phaseIndex, w.index}}
	add := func(on bool, name string, do func(context.Context) (bool, error)) {
		if on {
			list = append(list, phase{name, do})
		}
	}
	add(!w.run.Dry, phaseEvents, w.events)
	add(w.p.Retract && w.r.able.Retract && w.run.Way == Pull && w.whole(), phaseRetractions, w.retractions)
	add(w.p.PullClusters && w.whole(), phaseClusters, w.clusters)
	add(w.whole(), phaseProposals, w.proposals)
	add(w.p.PullSightings, phaseSightings, w.sightings)
	add(w.p.PullAnalyst && w.r.able.Analyst && w.whole(), phaseAnalyst, w.analyst)
	add(w.p.PullCollections && w.r.able.Collections && w.whole(), phaseCollections, w.collections)
	return list
}

// as is in whose name the work is done: what has no owner becomes the peer's
// organisation's here.
func (w *worker) as() ident.Actor {
	who := part()
	who.Org = w.p.Org
	return who
}

// filter is what the index is asked for: published events that our rules want.
func (w *puller) filter() map[string]any {
	f := map[string]any{"minimal": 1, "published": 1}
	if w.run.Way == Move { // drafts too: it becomes ours
		return map[string]any{"minimal": 1}
	}
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
	if !w.whole() {
		f["uuid"] = w.o.Technique
	}
	return f
}

const indexBatch = 500

// index compares the other side's list with what is here and notes what is to be
// fetched. Only when it was read to its end does it count.
func (w *puller) index(ctx context.Context) (done bool, err error) {
	if w.resumes() {
		return w.since(ctx)
	}
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
		if !w.whole() && uuid != w.o.Technique {
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
		return false, err
	}
	w.run.Unchanged = same
	if t := &w.run.Counts.Events; w.run.Dry {
		t.Read = t.Created + t.Updated + t.Unchanged + t.Refused
		return true, nil
	}
	w.run.etag = tag
	return true, w.left(ctx)
}

// left completes the counts of an index that was read to its end.
func (w *worker) left(ctx context.Context) error {
	return w.s.db.View(ctx, func(tx *store.Tx) (err error) {
		t := &w.run.Counts.Events
		t.Left, err = store.Int64(ctx, tx, countItems, w.p.ID, w.run.Way, itemWaiting)
		t.Read = t.Unchanged + t.Refused + t.Left
		return err
	})
}

// compare sorts a part of the index into what is as it was, what cannot be taken,
// and what is to be fetched.
func (w *puller) compare(ctx context.Context, rows []indexRow) error {
	if len(rows) == 0 {
		return nil
	}
	held, err := w.s.intel.HeldEvents(ctx, part(), uuidsOf(rows))
	if err != nil {
		return err
	}
	return w.s.db.Update(ctx, func(tx *store.Tx) error {
		counts := w.run.Counts.copy()
		if err := w.compareTx(ctx, tx, rows, held, &counts); err != nil {
			return err
		}
		tx.AfterCommit(func() { w.run.Counts = counts })
		return nil
	}, store.InLane(store.Jobs))
}

func uuidsOf(rows []indexRow) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.UUID
	}
	return out
}

func (w *puller) compareTx(ctx context.Context, tx *store.Tx, rows []indexRow, held map[string]intel.Held, counts *Counts) error {
	uuids := uuidsOf(rows)
	known, err := itemsNamed(ctx, tx, w.p.ID, w.run.Way, uuids)
	if err != nil {
		return err
	}
	sighted, err := itemsNamed(ctx, tx, w.p.ID, waySightings, uuids)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.UUID] {
			continue // listed twice: counted once
		}
		seen[r.UUID] = true
		if err := w.sort(ctx, tx, r, held, known, counts); err != nil {
			return err
		}
		if err := w.sighted(ctx, tx, r, sighted[r.UUID]); err != nil {
			return err
		}
	}
	return nil
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
	return writeItem(ctx, tx, &item{peer: w.p.ID, way: w.run.Way, uuid: r.UUID, timestamp: r.time(), state: itemWaiting})
}
