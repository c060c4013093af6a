package intel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Stats are counts of what one viewer sees.
type Stats struct {
	Events, EventsMonth         int64 // of the last 30 days by the event's timestamp
	Attributes, AttributesMonth int64
	Correlations                int64 // values that stand in two of the events at least
	Contributing                int64 // organisations that made one of the events
}

// OrgStats are counts of what one organisation made, as one viewer sees it.
type OrgStats struct {
	Org        int64
	Events     int64
	Attributes int64
	Days       map[string]int64 // events by their date, the last year
}

// Census counts what the caller sees, by kind.
type Census struct {
	Types      map[string]int64 // attributes by type
	Categories map[string]int64
	Tags       map[string]int64 // events by exportable tag
}

// remembered keeps answers that walk the whole table while nothing has changed:
// statistics are asked for again and again, by clients that draw pages of them.
type remembered struct {
	mu    sync.Mutex
	stamp string // last change and rights, as they were
	held  map[string]any
}

// rememberedMost bounds the viewers whose answers are held.
const rememberedMost = 200

func (r *remembered) get(stamp, key string) (any, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stamp != stamp || len(r.held) > rememberedMost {
		r.stamp, r.held = stamp, map[string]any{}
	}
	v, ok := r.held[key]
	return v, ok
}

func (r *remembered) put(stamp, key string, v any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stamp == stamp {
		r.held[key] = v
	}
}

// viewer names who sees alike: the same principals, or everything.
func viewer(who ident.Actor) string {
	if seesAll(who) {
		return "all"
	}
	p := slices.Clone(who.Principals)
	slices.Sort(p)
	return fmt.Sprint(p, seesLocal(who))
}

// counted gives make's answer, or the one that was made for the same viewer since
// the last change of any event or right.
func counted[T any](ctx context.Context, s *Service, who ident.Actor, key string, count func(tx *store.Tx, now int64) (T, error)) (out T, err error) {
	if err := mayRead(who); err != nil {
		return out, err
	}
	key += viewer(who)
	err = s.db.View(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		stamp, err := lastChange(ctx, tx, now)
		if err != nil {
			return err
		}
		if v, ok := s.counts.get(stamp, key); ok {
			out, _ = v.(T)
			return nil
		}
		if out, err = count(tx, now); err == nil {
			s.counts.put(stamp, key, out)
		}
		return err
	})
	return out, err
}

const (
	month = 30 * 24 * 3600
	year  = 365 * 24 * 3600
)

// Statistics counts what the caller sees.
func (s *Service) Statistics(ctx context.Context, who ident.Actor) (Stats, error) {
	return counted(ctx, s, who, "sum", func(tx *store.Tx, now int64) (Stats, error) { return countAll(ctx, tx, who, now/1e6-month) })
}

// StatisticsOfOrgs counts by the organisation that made the events.
func (s *Service) StatisticsOfOrgs(ctx context.Context, who ident.Actor) (map[int64]OrgStats, error) {
	return counted(ctx, s, who, "orgs", func(tx *store.Tx, now int64) (map[int64]OrgStats, error) {
		return countOrgs(ctx, tx, who, now/1e6-year)
	})
}

// Census counts attributes by type and category, and events by tag. The answer is
// shared: it is not to be changed.
func (s *Service) Census(ctx context.Context, who ident.Actor) (Census, error) {
	return counted(ctx, s, who, "census", func(tx *store.Tx, _ int64) (Census, error) { return census(ctx, tx, who) })
}

// TypesOfOrgs counts the attributes that the caller sees by the organisation that made
// their event and by type. The answer is shared: it is not to be changed.
func (s *Service) TypesOfOrgs(ctx context.Context, who ident.Actor) (map[int64]map[string]int64, error) {
	return counted(ctx, s, who, "types", func(tx *store.Tx, _ int64) (map[int64]map[string]int64, error) { return typesOfOrgs(ctx, tx, who) })
}

// TagSpan narrows TagTotals; what is empty narrows nothing.
type TagSpan struct {
	Prefix   string // of the tag, in any case
	From, To string // days of the event, 2026-01-31
	Org      int64  // that made the event
}

// TagTotals counts the events and the attributes that carry each exportable tag and that
// the caller sees. The answer is shared: it is not to be changed.
func (s *Service) TagTotals(ctx context.Context, who ident.Actor, f TagSpan) (map[string]int64, error) {
	f.Prefix = strings.ToLower(f.Prefix)
	return counted(ctx, s, who, fmt.Sprintf("tags%+v", f), func(tx *store.Tx, _ int64) (map[string]int64, error) { return tagTotals(ctx, tx, who, f) })
}

// SourceCount is how often the own organisation sighted something on one event by one source.
type SourceCount struct {
	Source   string
	Kind     int
	Event, N int64
}

// SightingSources counts the sightings of the caller's organisation since a second, on
// what the caller still sees.
func (s *Service) SightingSources(ctx context.Context, who ident.Actor, since int64) (out []SourceCount, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = sightingSources(ctx, tx, who, since)
		return err
	})
	return out, err
}
