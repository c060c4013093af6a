package intel

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Frequent is a value that stands in many attributes: what MISP drops from correlation,
// and what is shown here so that somebody may exclude it.
type Frequent struct {
	Value    string
	Type     string // of one of them
	Count    int64  // attributes that correlate by it
	Excluded bool   // it correlates with nothing already
}

// FrequentLeast is from how many attributes on a value counts as over-correlating, and
// frequentMost how many values one answer lists.
const (
	FrequentLeast = 100
	frequentMost  = 100
)

// Frequents lists the values that correlate most, most first, from least attributes on.
// It looks past all audiences, and is audited: only MISP's site administrator, by key.
// Faults: Denied.
func (s *Service) Frequents(ctx context.Context, who ident.Actor, least int) (out []Frequent, err error) {
	if !seesAll(who) || !access.Allowed(who, "misp.site_admin") {
		return nil, fault.New(fault.Denied, "%s may not look past audiences", who).WithKey("fault.denied")
	}
	err = s.db.ViewLogged(ctx, func(tx *store.Tx) error {
		return s.log.Record(ctx, tx, who, "correlation.list", audit.Thing{Kind: "attribute"}, map[string]any{"as": "site administrator", "least": least})
	}, func(tx *store.Tx) error {
		without, err := excluded(ctx, tx)
		if err != nil {
			return err
		}
		keys, err := store.All(ctx, tx, store.ScanInt64, frequentKeys, max(least, 2), 3*frequentMost)
		if err != nil {
			return err
		}
		for _, k := range keys {
			f, found, err := frequent(ctx, tx, who, k)
			if err != nil {
				return err
			}
			if !found || f.Count < int64(least) || len(out) == frequentMost {
				continue
			}
			f.Value, _ = halves(f.Type, f.Value)
			f.Excluded = without.holds(f.Value)
			out = append(out, f)
		}
		return nil
	})
	return out, err
}
