package intel

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"
	"strings"

	"straza/internal/format/taxii"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// NewsKind says what happened to an object of a collection.
type NewsKind string

// Added and Changed come with the object; who has applied all changes up to a place
// holds what the collection holds.
const (
	Added     NewsKind = "added"
	Changed   NewsKind = "changed"
	Expired   NewsKind = "expired"   // its time is over
	Retracted NewsKind = "retracted" // withdrawn, deleted, tagged out, too old
)

// News is one of them.
type News struct {
	Kind              NewsKind
	ID, Type, Version string
	At                int64  // µs: date of addition, or when it was noted that it left
	JSON              []byte // the object; nil when it left
	Next              Mark   // behind it
}

// NewsPage is a page of them. At its end reading goes on from Next; More = at once.
type NewsPage struct {
	List []News
	Next Mark
	More bool

	epoch int64 // of rights, when it was read
}

// NewsFilter chooses among the changes of a collection; empty lists choose all.
type NewsFilter struct {
	Types   []string // of STIX objects
	Detects []string // of MISP attributes: indicators of these
}

func (f NewsFilter) sum() uint32 {
	h := fnv.New32a()
	for _, list := range [][]string{f.Types, f.Detects} {
		for _, s := range slices.Sorted(slices.Values(list)) {
			_, _ = h.Write([]byte(s + "\x00"))
		}
		_, _ = h.Write([]byte{1})
	}
	return h.Sum32()
}

// Mark is a place in the changes of one collection under one filter. It holds all that
// is needed to go on without gap or duplicate, on any node and after a restart: up to
// where everything was given, but for holes, parts of events that somebody was working
// on at that moment and that come when they are published again.
type Mark struct {
	Collection string `json:"c"`
	Filter     uint32 `json:"f"`
	At         int64  `json:"a"`
	Begun      int64  `json:"b"` // when the first page was read: what left before was never given
	Holes      []hole `json:"h,omitempty"`
}

// hole is a part by where it begins, and how far it was given.
type hole struct {
	Base int64 `json:"b"`
	Seq  int64 `json:"s,omitempty"`
}

const (
	holesMost   = 24 // a mark stays short enough for a header
	changesMost = 500
	changeBytes = 512 << 10 // of objects in a page, one at least
	changePart  = 16        // objects in memory at a time besides
)

// ReadableCollection finds a defined collection, by UUID or alias, that the caller may
// read. Faults: NotFound.
func (s *Service) ReadableCollection(ctx context.Context, who ident.Actor, ref string) (c Collection, err error) {
	if err := mayRead(who); err != nil {
		return c, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err := s.readableDefinitions(ctx, tx, who)
		for i := range list {
			if list[i].UUID == ref || list[i].Alias == ref {
				c = Collection{Kind: DefinedCollection, Definition: &list[i]}
				return err
			}
		}
		return orNot(err, noCollection())
	})
	return c, err
}

// LatestMark is the place behind everything that there is now, for who wants news only.
func (s *Service) LatestMark(ctx context.Context, who ident.Actor, c Collection, f NewsFilter) (m Mark, err error) {
	if err := mayCollect(who, c); err != nil {
		return m, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if c, err = s.fresh(ctx, tx, who, c); err != nil {
			return err
		}
		m = Mark{Collection: c.Definition.UUID, Filter: f.sum()}
		m.At, err = store.Int64(ctx, tx, deltaStamp)
		m.Begun = m.At
		return err
	})
	return m, err
}

// ReadChanges gives what happened in a defined collection behind a mark, the zero one =
// all that is in it, at most limit: each object as it is now, once, and what left since.
// An event published before the call is in it. Faults: NotFound, Invalid on "since" for
// a mark of another collection or filter, Gone for one that is too old to go on from.
func (s *Service) ReadChanges(ctx context.Context, who ident.Actor, c Collection, f NewsFilter, from Mark, limit int) (p NewsPage, err error) {
	if err := mayCollect(who, c); err != nil {
		return p, err
	}
	if err := s.catchUp(ctx); err != nil {
		return p, err
	}
	if err := s.collected(ctx, c.Definition); err != nil {
		return p, err
	}
	return s.changes(ctx, who, c, f, from, limit)
}

func (s *Service) changes(ctx context.Context, who ident.Actor, c Collection, f NewsFilter, from Mark, limit int) (p NewsPage, err error) {
	err = s.view(ctx, who, "collection.read", audit.Thing{Kind: "collection", Label: string(c.Kind)}, func(tx *store.Tx) error {
		epoch, err := access.EpochTx(ctx, tx) // first: on PostgreSQL what follows may be newer
		if err != nil {
			return err
		}
		if c, err = s.fresh(ctx, tx, who, c); err != nil {
			return err
		}
		w := &deltaWalk{s: s, who: who, c: c, f: f, from: from, limit: min(max(limit, 1), changesMost)}
		p, err = w.page(ctx, tx)
		p.epoch = epoch
		return err
	})
	return p, err
}

// deltaWalk reads one page of changes, all at one moment of the data.
type deltaWalk struct {
	s     *Service
	who   ident.Actor
	c     Collection
	f     NewsFilter
	from  Mark
	limit int
	holes []hole // of the page's end
	cut   bool   // there is more
}

// step is a change before its object is read.
type step struct {
	at   int64
	row  *SharedObject // nil: it left
	gone goneRow
	next Mark
}

func (w *deltaWalk) page(ctx context.Context, tx *store.Tx) (p NewsPage, err error) {
	d := w.c.Definition
	clock, err := store.Int64(ctx, tx, deltaStamp)
	if err != nil {
		return p, err
	}
	if w.from.Collection == "" {
		w.from = Mark{Collection: d.UUID, Filter: w.f.sum(), Begun: max(clock, 1)}
	}
	switch {
	case w.from.Collection != d.UUID || w.from.Filter != w.f.sum() || w.from.At < 0 || len(w.from.Holes) > holesMost:
		return p, fault.Field("since", "intel.fault.since", "a mark of another collection or filter")
	case max(w.from.Begun, w.from.At) < d.floor || w.from.At > clock:
		return p, fault.New(fault.Gone, "what happened since is not known any more").WithKey("intel.fault.since-gone")
	}
	steps, err := w.filled(ctx, tx)
	if err != nil {
		return p, err
	}
	if !w.cut {
		more, err := w.fresh(ctx, tx, clock)
		if err != nil {
			return p, err
		}
		steps = append(steps, more...)
	}
	if p.List, err = w.read(ctx, tx, steps); err != nil {
		return p, err
	}
	p.Next, p.More = w.mark(w.from.At, w.holes), w.cut
	if n := len(p.List); n > 0 {
		p.Next = p.List[n-1].Next
	}
	if !w.cut {
		p.Next = w.mark(w.from.At, w.holes) // fresh has gone to the end
	}
	return p, nil
}

// filled gives what was in a hole and is published again.
func (w *deltaWalk) filled(ctx context.Context, tx *store.Tx) (steps []step, err error) {
	w.holes = slices.Clone(w.from.Holes)
	for _, h := range w.from.Holes {
		var batch int64
		var back bool
		found, err := tx.Row(ctx, partAt, []any{w.c.Definition.ID, h.Base}, &batch, &back)
		if err != nil {
			return nil, err
		}
		if found && !back {
			continue
		}
		if len(steps) >= w.limit {
			w.cut = true
			return steps, nil
		}
		rest := slices.DeleteFunc(slices.Clone(w.holes), func(x hole) bool { return x.Base == h.Base })
		w.holes = rest
		if !found { // it left: a note tells
			continue
		}
		more, seq, err := w.part(ctx, tx, batch, h, rest, w.limit-len(steps))
		if err != nil {
			return nil, err
		}
		if steps = append(steps, more...); seq > 0 {
			w.holes = append(slices.Clone(rest), hole{Base: h.Base, Seq: seq})
			w.cut = true
		}
		if len(steps) > 0 {
			steps[len(steps)-1].next = w.mark(w.from.At, w.holes)
		}
		if w.cut {
			return steps, nil
		}
	}
	return steps, nil
}

// part gives what follows in one part; seq tells how far it went when there is more.
func (w *deltaWalk) part(ctx context.Context, tx *store.Tx, batch int64, h hole, rest []hole, limit int) (steps []step, seq int64, err error) {
	list, err := batchesNamed(ctx, tx, w.who, w.c, []int64{batch})
	if err != nil || len(list) == 0 {
		return nil, 0, err
	}
	sw := &stixWalk{who: w.who, c: w.c, q: taxii.Query{Types: w.f.Types}, limit: limit, before: map[string]bool{}}
	if err := sw.large(ctx, tx, list[0], h.Seq, limit); err != nil {
		return nil, 0, err
	}
	if sw.full() {
		seq = sw.out[len(sw.out)-1].Added - list[0].base
	}
	if i := slices.IndexFunc(sw.out, func(o SharedObject) bool { return o.Added > w.from.At }); i >= 0 {
		sw.out, seq = sw.out[:i], 0 // what is behind the mark comes anyway
	}
	rows, err := w.wanted(ctx, tx, sw.out)
	for i := range rows {
		steps = append(steps, step{at: rows[i].Added, row: &rows[i], next: w.mark(w.from.At, append(slices.Clone(rest), hole{Base: h.Base, Seq: rows[i].Added - list[0].base}))})
	}
	return steps, seq, err
}

func (w *deltaWalk) mark(at int64, holes []hole) Mark {
	return Mark{Collection: w.from.Collection, Filter: w.from.Filter, At: at, Begun: w.from.Begun, Holes: holes}
}

// fresh merges what was added and what left behind the mark.
func (w *deltaWalk) fresh(ctx context.Context, tx *store.Tx, clock int64) (steps []step, err error) {
	d := w.c.Definition
	sw := &stixWalk{who: w.who, c: w.c, q: taxii.Query{Types: w.f.Types}, limit: w.limit + 1, before: map[string]bool{}}
	rows, err := sw.page(ctx, tx, w.from.At)
	if err != nil {
		return nil, err
	}
	upTo := clock
	if len(rows) > w.limit {
		w.cut, upTo = true, rows[len(rows)-1].Added
	}
	if rows, err = w.wanted(ctx, tx, rows); err != nil {
		return nil, err
	}
	gone, goneTo, err := w.left(ctx, tx, upTo)
	if err != nil {
		return nil, err
	}
	if goneTo < upTo {
		w.cut, upTo = true, goneTo
	}
	waiting, err := partsWaiting(ctx, tx, w.who, d, w.from.At)
	if err != nil {
		return nil, err
	}
	if len(waiting)+len(w.holes) > holesMost {
		n := max(holesMost-len(w.holes), 0)
		if waiting[n].Base < upTo {
			upTo, w.cut = max(waiting[n].Base, w.from.At), false
		}
	}
	for i := range rows {
		steps = append(steps, step{at: rows[i].Added, row: &rows[i]})
	}
	for _, g := range gone {
		steps = append(steps, step{at: g.place, gone: g})
	}
	slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	steps = slices.DeleteFunc(steps, func(x step) bool { return x.at > upTo })
	if len(steps) > w.limit {
		steps, w.cut = steps[:w.limit], true
		upTo = steps[len(steps)-1].at
	}
	before := w.holes
	at := func(place int64) []hole {
		out := slices.Clone(before)
		for _, h := range waiting {
			if h.Base < place && !slices.ContainsFunc(before, func(x hole) bool { return x.Base == h.Base }) {
				out = append(out, h)
			}
		}
		return out
	}
	for i := range steps {
		steps[i].next = w.mark(steps[i].at, at(steps[i].at))
	}
	w.holes = at(upTo)
	w.from.At = max(w.from.At, upTo) // the end of a page of which the filter left nothing
	return steps, nil
}

// wanted keeps the indicators of the types of attribute that were asked for.
func (w *deltaWalk) wanted(ctx context.Context, tx *store.Tx, rows []SharedObject) ([]SharedObject, error) {
	if len(w.f.Detects) == 0 || len(rows) == 0 {
		return rows, nil
	}
	var ids []int64
	for _, o := range rows {
		ids = append(ids, o.from.attribute)
	}
	types, err := attributeTypes(ctx, tx, ids)
	return slices.DeleteFunc(slices.Clone(rows), func(o SharedObject) bool {
		return o.Type != "indicator" || !slices.Contains(w.f.Detects, types[o.from.attribute])
	}), err
}

// left gives what left and is not here by another way, and up to where it looked.
func (w *deltaWalk) left(ctx context.Context, tx *store.Tx, upTo int64) (out []goneRow, to int64, err error) {
	after := max(w.from.At, w.from.Begun)
	for len(out) <= w.limit {
		list, err := store.All(ctx, tx, scanGone, goneSince, w.c.Definition.ID, after)
		if err != nil || len(list) == 0 {
			return out, upTo, err
		}
		after = list[len(list)-1].place
		if list, err = w.told(ctx, tx, list); err != nil {
			return out, upTo, err
		}
		out = append(out, list...)
		if after >= upTo {
			return out, upTo, nil
		}
	}
	return out, after, nil
}

// told keeps the notes that this reader gets: it could read the object, did not lose it
// to another version, and asked for its kind.
func (w *deltaWalk) told(ctx context.Context, tx *store.Tx, list []goneRow) ([]goneRow, error) {
	var ids []int64
	var objects []string
	for _, g := range list {
		ids = append(ids, audiencesIn(g.reach)...)
		if !slices.Contains(objects, g.id) {
			objects = append(objects, g.id)
		}
	}
	slices.Sort(ids)
	reads, err := withinAudiences(ctx, tx, w.who, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	live, err := liveOf(ctx, tx, w.who, w.c, objects)
	if err != nil {
		return nil, err
	}
	pass := w.c.leaves(true)
	return slices.DeleteFunc(list, func(g goneRow) bool {
		for _, a := range audiencesIn(g.reach) {
			if !reads[a] {
				return true
			}
		}
		return live[g.id] || !slices.Contains(pass, g.tlp) || len(w.f.Types) > 0 && !slices.Contains(w.f.Types, g.typ) ||
			len(w.f.Detects) > 0 && (g.typ != "indicator" || !slices.Contains(w.f.Detects, g.detects))
	}), nil
}

// read fetches the objects, as many as a page may hold.
func (w *deltaWalk) read(ctx context.Context, tx *store.Tx, steps []step) (out []News, err error) {
	size := 0
	for part := range slices.Chunk(steps, changePart) {
		var rows []SharedObject
		for _, x := range part {
			if x.row != nil {
				rows = append(rows, *x.row)
			}
		}
		var content map[int64][]byte
		if len(rows) > 0 {
			slices.SortFunc(rows, func(a, b SharedObject) int { return cmp.Compare(a.Added, b.Added) })
			if content, err = w.s.content(ctx, tx, w.who, w.c, rows); err != nil {
				return nil, err
			}
		}
		for _, x := range part {
			if size > changeBytes {
				w.cut = true
				return out, nil
			}
			ch := News{At: x.at, Next: x.next, Kind: Retracted, ID: x.gone.id, Type: x.gone.typ, Version: x.gone.version}
			switch o := x.row; {
			case o != nil:
				if ch.ID, ch.Type, ch.Version, ch.JSON, ch.Kind = o.ID, o.Type, cmp.Or(o.Version, taxii.Micros(o.Added)), content[o.row], Changed; ch.JSON == nil {
					continue
				}
				if o.first {
					ch.Kind = Added
				}
				size += len(ch.JSON)
			case x.gone.reason == 1:
				ch.Kind = Expired
			}
			out = append(out, ch)
		}
	}
	return out, nil
}

// rightsOf tells readers apart who may see different things.
func rightsOf(who ident.Actor) string {
	var b strings.Builder
	b.WriteString(string(who.Kind) + " " + itoa(who.Org))
	if seesAll(who) {
		b.WriteString(" all " + itoa(who.Person))
	}
	for _, p := range who.Principals {
		b.WriteString(" " + itoa(p))
	}
	return b.String()
}
