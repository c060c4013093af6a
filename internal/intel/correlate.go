package intel

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"straza/internal/format/misp"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Bounds of one question about correlation, so that a value that stands
// everywhere costs no more than any other. What they cut off is said (complete).
const (
	ownLimit   = 5_000  // attributes of the event that are compared
	otherLimit = 20_000 // equal ones that are counted, for each keyBatch of their keys
	keyBatch   = 1024
	counters   = 2 // parts that are counted at the same time
	timeLimit  = 300 * time.Millisecond
	// fewLimit is otherLimit where a machine asks by the way, in every answer about an
	// event: then values that few share are counted before those that stand everywhere,
	// and of those no more than everywhereLimit. (MISP leaves a value out altogether that
	// stands in more than 20 places.)
	fewLimit        = 300
	everywhereLimit = 20
)

// Related is another event that shares values with the one asked about.
type Related struct {
	Event *Event
	Count int64 // attributes there that equal one here
}

// RelatedEvents is Correlations at a bounded price, for answers that carry them beside
// something else: of values that stand in very many events only a part is counted, after
// the rare ones. MISP leaves such values out.
// leaving counts only what labels let go to another installation, on both sides (see
// PartLeaves).
func (s *Service) RelatedEvents(ctx context.Context, who ident.Actor, event string, limit int, leaving bool) (out []Related, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out = nil
		e, err := readEvent(ctx, tx, who, event)
		if err != nil {
			return err
		}
		stays, err := notStaying(ctx, tx, who, leaving)
		if err != nil {
			return err
		}
		keys, _, err := ownKeys(ctx, tx, who, e, stays)
		if err != nil || len(keys) == 0 {
			return err
		}
		counts, start := map[int64]int64{}, s.db.Clock.Now()
		for part := range slices.Chunk(keys, keyBatch) {
			if err := countFew(ctx, tx, who, e.ID, part, counts, stays); err != nil {
				return err
			}
			if s.db.Clock.Now().Sub(start) > timeLimit {
				break
			}
		}
		out, err = s.ranked(ctx, tx, who, counts, limit)
		return err
	})
	return out, err
}

// Correlations lists the events that share values with this one, most shared
// values first, at most limit. Both sides are filtered before anything is
// counted: what the caller does not see adds nothing. complete is false when the
// bounds cut something off.
func (s *Service) Correlations(ctx context.Context, who ident.Actor, event string, limit int) (out []Related, complete bool, err error) {
	e, err := s.quiet(ctx, who, event)
	if err != nil {
		return nil, true, err
	}
	var keys []int64
	all := true
	err = s.db.View(ctx, func(tx *store.Tx) (err error) {
		keys, all, err = ownKeys(ctx, tx, who, e, "")
		return err
	})
	if err != nil || len(keys) == 0 {
		return nil, true, err
	}
	counts, complete, err := s.counted(ctx, who, e.ID, keys)
	if err != nil {
		return nil, false, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) (err error) {
		out, err = s.ranked(ctx, tx, who, counts, limit)
		return err
	})
	return out, complete && all, err
}

// ownKeys are the keys under which an event may correlate, as far as who sees its
// attributes; all is false when only the first of them were looked at.
func ownKeys(ctx context.Context, tx *store.Tx, who ident.Actor, e Event, more string) (keys []int64, all bool, err error) {
	if e.NoCorrelation {
		return nil, true, nil
	}
	own, err := correlating(ctx, tx, who, e.ID, ownLimit, more)
	if err != nil || len(own) == 0 {
		return nil, true, err
	}
	without, err := excluded(ctx, tx)
	return keysOf(own, without), len(own) < ownLimit, err
}

// counted counts, for each other event, its attributes under one of keys: part by
// part, at most otherLimit of each, two at a time, until the time is over.
func (s *Service) counted(ctx context.Context, who ident.Actor, event int64, keys []int64) (counts map[int64]int64, complete bool, err error) {
	parts := slices.Collect(slices.Chunk(keys, keyBatch))
	counts, complete = map[int64]int64{}, true
	start := s.db.Clock.Now()
	var mu sync.Mutex // guards counts, complete, err and next
	next := 0
	var wait sync.WaitGroup
	for range min(counters, len(parts)) {
		wait.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				late := i < len(parts) && s.db.Clock.Now().Sub(start) > timeLimit
				complete = complete && !late
				stop := late || i >= len(parts) || err != nil
				mu.Unlock()
				if stop {
					return
				}
				found := map[int64]int64{}
				var n int64
				bad := s.db.View(ctx, func(tx *store.Tx) (err error) {
					clear(found)
					n, err = countEqual(ctx, tx, who, event, parts[i], otherLimit, found, "")
					return err
				})
				mu.Lock()
				err = cmp.Or(err, bad)
				complete = complete && n < otherLimit
				for id, c := range found {
					counts[id] += c
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return counts, complete, err
}

// countFew is counted for keys of whose attributes only few are counted: what is nowhere
// else not at all, then the rare ones, then a part of those that stand everywhere.
func countFew(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, keys []int64, into map[int64]int64, more string) error {
	rare, rest, err := rareFirst(ctx, tx, who, event, keys, fewLimit, more)
	if err != nil {
		return err
	}
	n, err := countEqual(ctx, tx, who, event, rare, fewLimit, into, more)
	if err == nil && n < fewLimit {
		_, err = countEqual(ctx, tx, who, event, rest, everywhereLimit, into, more)
	}
	return err
}

// ranked loads the headers of the events with the highest counts.
func (s *Service) ranked(ctx context.Context, tx *store.Tx, who ident.Actor, counts map[int64]int64, limit int) ([]Related, error) {
	ids := make([]int64, 0, len(counts))
	for id := range counts {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b int64) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(b, a)) })
	if limit > 0 {
		ids = ids[:min(limit, len(ids))]
	}
	heads := map[int64]*Event{}
	if err := s.headers(ctx, tx, who, eventSeen(who, "e"), ids, false, heads); err != nil {
		return nil, err
	}
	var out []Related
	for _, id := range ids {
		if h := heads[id]; h != nil {
			if err := countFor(ctx, tx, who, h); err != nil {
				return nil, err
			}
			out = append(out, Related{h, counts[id]})
		}
	}
	return out, nil
}

// RelatedTo gives, for each of the attributes (by id), those of other events with
// an equal half that the caller sees, at most each, their events' headers beside
// them. The attributes are ones that the caller was shown.
func (s *Service) RelatedTo(ctx context.Context, who ident.Actor, list []*Attribute, each int) (map[int64][]Attribute, error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	var without exclusions
	if err := s.db.View(ctx, func(tx *store.Tx) (err error) { without, err = excluded(ctx, tx); return }); err != nil {
		return nil, err
	}
	byKey := map[int64][]*Attribute{}
	var keys []int64
	for _, a := range list {
		if a.NoCorrelation || a.Deleted || a.Event != nil && a.Event.NoCorrelation {
			continue
		}
		for _, k := range without.keys(a.Type, a.Value) {
			if byKey[k] == nil {
				keys = append(keys, k)
			}
			byKey[k] = append(byKey[k], a)
		}
	}
	out := map[int64][]Attribute{}
	for part := range slices.Chunk(keys, batch) {
		err := s.db.View(ctx, func(tx *store.Tx) error {
			others, err := equalTo(ctx, tx, who, part, each*len(part)+otherLimit/10)
			if err != nil {
				return err
			}
			heads := map[int64]*Event{}
			var ids []int64
			for i := range others {
				ids = append(ids, others[i].EventID)
			}
			slices.Sort(ids)
			if err := s.headers(ctx, tx, who, eventSeen(who, "e"), slices.Compact(ids), false, heads); err != nil {
				return err
			}
			pair(out, byKey, others, heads, each)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// pair puts each found attribute beside those it equals; equal keys do not prove
// equal values, so the texts are compared.
func pair(out map[int64][]Attribute, byKey map[int64][]*Attribute, others []Attribute, heads map[int64]*Event, each int) {
	for i := range others {
		b := &others[i]
		b.Event = heads[b.EventID]
		if b.Event == nil {
			continue
		}
		for _, k := range correlationKeys(b) {
			for _, a := range byKey[k] {
				if a.EventID == b.EventID || len(out[a.ID]) >= each || !shareHalf(a, b) ||
					slices.ContainsFunc(out[a.ID], func(x Attribute) bool { return x.ID == b.ID }) {
					continue
				}
				out[a.ID] = append(out[a.ID], *b)
			}
		}
	}
}

// correlationKeys are the keys of the halves that may correlate.
func correlationKeys(a *Attribute) []int64 { return keysFor(a.Type, a.Value) }

func keysFor(typ, value string) []int64 {
	first, second := halves(typ, value)
	return misp.CorrelationKeys(typ, misp.Value{Value: value, Value1: first, Value2: second})
}

func shareHalf(a, b *Attribute) bool {
	a1, a2 := halves(a.Type, a.Value)
	b1, b2 := halves(b.Type, b.Value)
	eq := func(x, y string) bool { return x != "" && strings.EqualFold(x, y) }
	return eq(a1, b1) || eq(a1, b2) || eq(a2, b1) || eq(a2, b2)
}

func keysOf(list []ownSide, without exclusions) []int64 {
	var keys []int64
	for _, o := range list {
		keys = append(keys, without.keys(o.typ, o.value)...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
