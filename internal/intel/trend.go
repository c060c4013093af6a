package intel

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Bounds of one question for trends: days of a period, and rows of each kind that are
// counted of one, the newest first.
const (
	TrendDays = 366
	trendMost = 500_000
	trendTop  = 200 // of the sighted values
)

// Days are whole days in Belgrade, both ends included: 2026-01-31.
type Days struct{ From, To string }

// Before are as many days, up to the day before the first.
func (d Days) Before() Days {
	from, to := dayOf(d.From), dayOf(d.To)
	n := int(to.Sub(from)/(24*time.Hour)) + 1
	return Days{from.AddDate(0, 0, -n).Format(time.DateOnly), from.AddDate(0, 0, -1).Format(time.DateOnly)}
}

// Steps cuts the days into single ones, or into weeks when there are more than 31.
func (d Days) Steps() (out []Days) {
	step, last := 1, dayOf(d.To)
	if last.Sub(dayOf(d.From)) > 30*24*time.Hour {
		step = 7
	}
	for at := dayOf(d.From); !at.After(last); at = at.AddDate(0, 0, step) {
		to := at.AddDate(0, 0, step-1)
		if to.After(last) {
			to = last
		}
		out = append(out, Days{at.Format(time.DateOnly), to.Format(time.DateOnly)})
	}
	return out
}

// Seconds are the first and the last second of the days.
func (d Days) Seconds() (from, to int64) {
	a, _ := time.ParseInLocation(time.DateOnly, d.From, i18n.Belgrade)
	b, _ := time.ParseInLocation(time.DateOnly, d.To, i18n.Belgrade)
	return a.Unix(), b.AddDate(0, 0, 1).Unix() - 1
}

func (d Days) check() error {
	from, err := time.Parse(time.DateOnly, d.From)
	to, terr := time.Parse(time.DateOnly, d.To)
	if n := int(to.Sub(from) / (24 * time.Hour)); err != nil || terr != nil || n < 0 || n >= TrendDays || from.Year() < 1970 || to.Year() > 9999 {
		return fault.Field("from", "web.error.date", "no period of at most %d days", TrendDays)
	}
	return nil
}

func dayOf(s string) time.Time { t, _ := time.Parse(time.DateOnly, s); return t }

// Trend is how often something was met in the days asked for, step by step, and in as
// many days before.
type Trend struct {
	Key      string // what lists know it by: a tag, a type, an organisation's UUID, an attribute's
	Name     string
	Event    string // of a sighted value: its event's UUID
	Now, Was int64
	Steps    []int64 // of the days asked for
	Past     []int64 // of those before; of events and attributes alone
}

// Trends are counts of what one viewer sees: events by their date with their tags and
// organisations, attributes by the time of their last change.
type Trends struct {
	Days                    Days
	Events, Attributes      Trend
	Tags, Types, Orgs       []Trend // most first
	CutAttributes, CutMarks bool    // the oldest of the period are not in the counts
}

// met is a row of a count: what, on which day, how often.
type met struct {
	key, day string
	n        int64
}

// Trends counts what the caller sees in the days asked for and in as many before. The
// answer is shared: it is not to be changed. Faults: Denied, Invalid "from".
func (s *Service) Trends(ctx context.Context, who ident.Actor, d Days) (Trends, error) {
	if err := d.check(); err != nil {
		return Trends{}, err
	}
	return counted(ctx, s, who, "trends"+d.From+d.To, func(tx *store.Tx, _ int64) (t Trends, err error) {
		t.Days = d
		orgs, err := listOrgs(ctx, tx)
		if err != nil {
			return t, err
		}
		var rows [3][2][]met // events by organisation, tags, types; now and before
		for i, part := range []Days{d, d.Before()} {
			if rows[0][i], err = trendEvents(ctx, tx, who, part); err != nil {
				return t, err
			}
			var cut bool
			if rows[1][i], cut, err = trendTags(ctx, tx, who, part, trendMost); err != nil {
				return t, err
			}
			t.CutMarks = t.CutMarks || cut
			if rows[2][i], cut, err = trendTypes(ctx, tx, who, part, trendMost); err != nil {
				return t, err
			}
			t.CutAttributes = t.CutAttributes || cut
		}
		t.Events, t.Attributes = total(d, rows[0]), total(d, rows[2])
		t.Orgs, t.Tags, t.Types = trendsOf(d, rows[0]), trendsOf(d, rows[1]), trendsOf(d, rows[2])
		for i := range t.Orgs {
			for _, o := range orgs {
				if itoa(o.ID) == t.Orgs[i].Key {
					t.Orgs[i].Key, t.Orgs[i].Name = o.UUID, o.Name
					break
				}
			}
		}
		return t, nil
	})
}

// total adds all rows up.
func total(d Days, rows [2][]met) Trend {
	var sums [2]Trend
	for i, part := range []Days{d, d.Before()} {
		var all []met
		for _, m := range rows[i] {
			all = append(all, met{day: m.day, n: m.n})
		}
		sums[i].Steps = make([]int64, len(part.Steps()))
		if list := trendsOf(part, [2][]met{all}); len(list) > 0 {
			sums[i] = list[0]
		}
	}
	return Trend{Now: sums[0].Now, Was: sums[1].Now, Steps: sums[0].Steps, Past: sums[1].Steps}
}

// trendsOf gathers rows by what they count: what was met most, in either time, first.
func trendsOf(d Days, rows [2][]met) []Trend {
	by, steps := map[string]*Trend{}, d.Steps()
	for i := range rows {
		for _, m := range rows[i] {
			t := by[m.key]
			if t == nil {
				t = &Trend{Key: m.key, Name: m.key, Steps: make([]int64, len(steps))}
				by[m.key] = t
			}
			if i == 1 {
				t.Was += m.n
				continue
			}
			t.Now += m.n
			at, _ := slices.BinarySearchFunc(steps, m.day, func(s Days, day string) int { return cmp.Compare(s.To, day) })
			t.Steps[min(at, len(steps)-1)] += m.n
		}
	}
	out := make([]Trend, 0, len(by))
	for _, k := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[k])
	}
	slices.SortStableFunc(out, func(a, b Trend) int {
		return cmp.Or(cmp.Compare(max(b.Now, b.Was), max(a.Now, a.Was)), cmp.Compare(b.Now, a.Now))
	})
	return out
}

// TrendsOfSightings counts how often each attribute that the caller sees was met, as far
// as Sightings shows it to the caller: the most met first, at most 200. cut tells that
// there were more sightings than are counted. Faults: Denied, Invalid "from".
func (s *Service) TrendsOfSightings(ctx context.Context, who ident.Actor, d Days) (out []Trend, cut bool, err error) {
	if err := mayRead(who); err != nil {
		return nil, false, err
	}
	if err := d.check(); err != nil {
		return nil, false, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		var rows [2][]met
		for i, part := range []Days{d, d.Before()} {
			var more bool
			if rows[i], more, err = trendSighted(ctx, tx, who, part, trendMost); err != nil {
				return err
			}
			cut = cut || more
		}
		out = trendsOf(d, rows)
		if len(out) > trendTop {
			out = out[:trendTop]
		}
		return nameSighted(ctx, tx, who, out)
	})
	return out, cut, err
}
