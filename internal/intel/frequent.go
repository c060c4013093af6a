package intel

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Frequent is a value that stands in many attributes: what MISP drops from correlation,
// and what is shown here so that somebody may exclude it.
type Frequent struct {
	Value    string
	Type     string // of one of them
	Count    int64  // attributes that correlate by it, at most otherLimit
	Events   int64  // events that these stand in
	Excluded bool   // it correlates with nothing already
}

// FrequentLeast is from how many attributes on a value counts as over-correlating, and
// frequentMost how many values one answer lists.
const (
	FrequentLeast = 100
	frequentMost  = 100
)

// What one answer looks at: keys by their raw number, of which those that who sees too
// little of fall out, and the time that it may take.
const (
	frequentLooked = 2_000
	frequentTime   = 2 * time.Second
)

// Frequents lists the values that correlate most, most first, from least attributes on.
// complete is false when the bounds cut something off. Who may: the team, what they see
// being all that is counted; MISP's site administrator by key looks past all audiences,
// which is audited. Faults: Denied.
func (s *Service) Frequents(ctx context.Context, who ident.Actor, least int) (out []Frequent, complete bool, err error) {
	if err := mayExclude(who); err != nil {
		return nil, false, err
	}
	read := func(tx *store.Tx) error {
		out, complete, err = s.frequents(ctx, tx, who, int64(max(least, 2)))
		return err
	}
	if !seesAll(who) {
		err = s.db.View(ctx, read)
		return out, complete, err
	}
	err = s.db.ViewLogged(ctx, func(tx *store.Tx) error {
		return s.log.Record(ctx, tx, who, "correlation.list", audit.Thing{Kind: "attribute"}, map[string]any{"as": "site administrator", "least": least})
	}, read)
	return out, complete, err
}

func (s *Service) frequents(ctx context.Context, tx *store.Tx, who ident.Actor, least int64) (out []Frequent, complete bool, err error) {
	without, err := excluded(ctx, tx)
	if err != nil {
		return nil, false, err
	}
	keys, err := store.All(ctx, tx, store.ScanInt64, frequentKeys, least, frequentLooked)
	if err != nil {
		return nil, false, err
	}
	complete = len(keys) < frequentLooked
	start := s.db.Clock.Now()
	for _, k := range keys {
		if len(out) == frequentMost || s.db.Clock.Now().Sub(start) > frequentTime {
			complete = false
			break
		}
		f, found, err := frequent(ctx, tx, who, k)
		if err != nil {
			return nil, false, err
		}
		if !found || f.Count < least {
			continue
		}
		f.Excluded = without.holds(f.Value)
		out = append(out, f)
	}
	// By what who sees: the order of the keys would tell of the rest.
	slices.SortFunc(out, func(a, b Frequent) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value)) })
	return out, complete, nil
}

// Joins tells what one value joins, as far as who sees it: nothing (Count 0) is what a
// value that is not here and one that who does not see have in common. Who may: as
// Frequents.
func (s *Service) Joins(ctx context.Context, who ident.Actor, value string) (f Frequent, err error) {
	if err := mayExclude(who); err != nil {
		return f, err
	}
	value = strings.TrimSpace(value)
	err = s.db.View(ctx, func(tx *store.Tx) error {
		without, err := excluded(ctx, tx)
		if err != nil || value == "" {
			return err
		}
		if f, _, err = frequent(ctx, tx, who, misp.CorrelationKey(value)); err == nil {
			f.Value, f.Excluded = value, without.holds(value)
		}
		return err
	})
	return f, err
}

// Barred tells which of the attributes (by id) have a half that is excluded from
// correlation. They are ones that the caller was shown.
func (s *Service) Barred(ctx context.Context, who ident.Actor, list []*Attribute) (out map[int64]bool, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	out = map[int64]bool{}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		without, err := excluded(ctx, tx)
		if err != nil || len(without.exact)+len(without.patterns) == 0 {
			return err
		}
		for _, a := range list {
			first, second := halves(a.Type, a.Value)
			out[a.ID] = len(keysFor(a.Type, a.Value)) > 0 && (without.holds(first) || second != "" && without.holds(second))
		}
		return nil
	})
	return out, err
}
