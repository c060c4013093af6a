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
	// event: then values that few share are counted before those that stand everywhere.
	fewLimit = 300
)

// Related is another event that shares values with the one asked about.
type Related struct {
	Event *Event
	Count int64 // attributes there that equal one here
}

// Correlations lists the events that share values with this one, most shared
// values first, at most limit. Both sides are filtered before anything is
// counted: what the caller does not see adds nothing. complete is false when the
// bounds cut something off.
func (s *Service) Correlations(ctx context.Context, who ident.Actor, event string, limit int) (out []Related, complete bool, err error) {
	return s.correlations(ctx, who, event, limit, otherLimit)
}

// RelatedEvents is Correlations at a bounded price, for answers that carry them beside
// something else: of values that stand in very many events only a part is counted, after
// the rare ones. MISP leaves such values out.
func (s *Service) RelatedEvents(ctx context.Context, who ident.Actor, event string, limit int) ([]Related, error) {
	out, _, err := s.correlations(ctx, who, event, limit, fewLimit)
	return out, err
}

func (s *Service) correlations(ctx context.Context, who ident.Actor, event string, limit int, most int64) (out []Related, complete bool, err error) {
	e, err := s.quiet(ctx, who, event)
	if err != nil || e.NoCorrelation {
		return nil, true, err
	}
	var own []ownSide
	var without exclusions
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if own, err = correlating(ctx, tx, who, e.ID, ownLimit); err == nil && len(own) > 0 {
			without, err = excluded(ctx, tx)
		}
		return err
	})
	if err != nil || len(own) == 0 {
		return nil, true, err
	}
	counts, complete, err := s.counted(ctx, who, e.ID, keysOf(own, without), most)
	if err != nil {
		return nil, false, err
	}
	out, err = s.ranked(ctx, who, counts, limit)
	return out, complete && len(own) < ownLimit, err
}

// counted counts, for each other event, its attributes under one of keys: part by
// part, at most that many of each, two at a time, until the time is over.
func (s *Service) counted(ctx context.Context, who ident.Actor, event int64, keys []int64, most int64) (counts map[int64]int64, complete bool, err error) {
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
					if n, err = countEqual(ctx, tx, who, event, parts[i], most, found); err != nil || n < most || most == otherLimit {
						return err
					}
					clear(found)
					rare, rest, err := rareFirst(ctx, tx, parts[i], most)
					if err != nil {
						return err
					}
					told, err := countEqual(ctx, tx, who, event, rare, most, found)
					if err == nil && told < most {
						_, err = countEqual(ctx, tx, who, event, rest, most-told, found)
					}
					return err
				})
				mu.Lock()
				err = cmp.Or(err, bad)
				complete = complete && n < most
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

// ranked loads the headers of the events with the highest counts.
func (s *Service) ranked(ctx context.Context, who ident.Actor, counts map[int64]int64, limit int) ([]Related, error) {
	ids := make([]int64, 0, len(counts))
	for id := range counts {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b int64) int {
		if d := counts[b] - counts[a]; d != 0 {
			return int(d)
		}
		return int(max(-1, min(1, b-a)))
	})
	if limit > 0 {
		ids = ids[:min(limit, len(ids))]
	}
	heads := map[int64]*Event{}
	err := s.db.View(ctx, func(tx *store.Tx) error {
		if err := s.headers(ctx, tx, eventSeen(who, "e"), ids, false, heads); err != nil {
			return err
		}
		for _, h := range heads {
			if err := countFor(ctx, tx, who, h); err != nil {
				return err
			}
		}
		return nil
	})
	var out []Related
	for _, id := range ids {
		if h := heads[id]; h != nil {
			out = append(out, Related{h, counts[id]})
		}
	}
	return out, err
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
			if err := s.headers(ctx, tx, eventSeen(who, "e"), slices.Compact(ids), false, heads); err != nil {
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
