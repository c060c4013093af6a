package intel

import (
	"context"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Exclusion is a value that correlates with nothing: itself, or with % at one end
// or both whatever begins, ends or holds it.
type Exclusion struct {
	ID      int64
	Value   string
	Comment string
	Created int64 // µs
}

// exclusions are those in force, asked for each correlation: they are read with
// it, so that a new one counts at once and nothing has to be cleaned.
type exclusions struct {
	exact    map[string]bool
	patterns []string
}

func newExclusions(list []Exclusion) (x exclusions) {
	x.exact = map[string]bool{}
	for _, e := range list {
		if p, is := likePattern(e.Value); is {
			x.patterns = append(x.patterns, p)
		} else {
			x.exact[strings.ToLower(e.Value)] = true
		}
	}
	return x
}

// holds tells whether half of a value is excluded.
func (x exclusions) holds(half string) bool {
	half = strings.ToLower(half)
	if x.exact[half] {
		return true
	}
	for _, p := range x.patterns {
		if like(half, p) {
			return true
		}
	}
	return false
}

// keys are the correlation keys of the halves that are not excluded.
func (x exclusions) keys(typ, value string) []int64 {
	if len(x.exact)+len(x.patterns) == 0 {
		return keysFor(typ, value)
	}
	var out []int64
	first, second := halves(typ, value)
	if !x.holds(first) {
		out = misp.CorrelationKeys(typ, misp.Value{Value: value, Value1: first})
	}
	for _, k := range keysFor(typ, value) {
		if second != "" && !x.holds(second) && k == misp.CorrelationKey(second) {
			out = append(out, k)
		}
	}
	return out
}

// Exclusions lists the values that correlate with nothing. Who may: intel.group
// (the team), or the site administrator on MISP's surface.
func (s *Service) Exclusions(ctx context.Context, who ident.Actor) (out []Exclusion, err error) {
	if err := mayExclude(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = listExclusions(ctx, tx)
		return err
	})
	return out, err
}

func mayExclude(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	if onWire(who) {
		return access.Check(who, "misp.site_admin")
	}
	return access.Check(who, "console.use")
}

// Exclude takes a value out of correlation. Who may: as Exclusions. Faults:
// Invalid "value", Conflict when it is there.
func (s *Service) Exclude(ctx context.Context, who ident.Actor, e Exclusion) (Exclusion, error) {
	if err := mayExclude(who); err != nil {
		return e, err
	}
	e.Value = strings.TrimSpace(e.Value)
	if len(strings.Trim(e.Value, "%")) < 2 || len(e.Value) > 1000 || len(e.Comment) > 4000 {
		return e, fault.Field("value", "intel.fault.exclusion", "no value to exclude")
	}
	err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
		if e.Created, err = store.Now(ctx, tx); err != nil {
			return err
		}
		e.ID = s.db.NewID()
		if err := writeExclusion(ctx, tx, e); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "correlation.exclude", audit.Thing{Kind: "exclusion", ID: e.ID}, nil)
	})
	return e, err
}

// Include ends an exclusion. Faults: NotFound.
func (s *Service) Include(ctx context.Context, who ident.Actor, id int64) error {
	if err := mayExclude(who); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if n, err := dropExclusion(ctx, tx, id); err != nil || n == 0 {
			return orNot(err, fault.New(fault.NotFound, "no exclusion %d", id).WithKey("intel.fault.no-exclusion"))
		}
		return s.log.Record(ctx, tx, who, "correlation.include", audit.Thing{Kind: "exclusion", ID: id}, nil)
	})
}
