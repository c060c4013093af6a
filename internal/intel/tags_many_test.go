package intel_test

import (
	"fmt"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestTagsOfManyAttributes: a walk over everything reads tags by stretches of events;
// each attribute gets its own, those of hidden attributes nobody's.
func TestTagsOfManyAttributes(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		writer := w.Person(w.CERT, access.Analyst, ident.MISP)
		for e := range 3 {
			var list []misp.Attribute
			for i := range 1200 {
				a := misp.Attribute{Type: misp.T("domain"), Value: misp.T(fmt.Sprintf("n%d-%d.example", e, i))}
				if i%7 == 0 {
					a.Tag = []misp.Tag{{Name: misp.T(fmt.Sprintf("t:%d-%d", e, i))}}
				}
				if i%14 == 0 {
					a.Distribution = misp.N(0) // the maker's alone
				}
				list = append(list, a)
			}
			w.Add(writer, inteltest.Event(fmt.Sprintf("many %d", e), intel.Community, list...))
		}
		for who, want := range map[string]int{"writer": 3 * 1200, "reader": 3 * (1200 - 86)} {
			as := writer
			if who == "reader" {
				as = w.Person(w.A, access.Member, ident.MISP)
			}
			n := 0
			w.Must(w.Intel.SearchAttributes(t.Context(), as, intel.Query{WithTags: true}, func(a *intel.Attribute) error {
				n++
				var e, i int
				if _, err := fmt.Sscanf(a.Value, "n%d-%d.example", &e, &i); err != nil {
					return err
				}
				tag := ""
				if len(a.Tags) > 0 {
					tag = a.Tags[0].Name
				}
				expect := map[bool]string{true: fmt.Sprintf("t:%d-%d", e, i)}[i%7 == 0]
				if tag != expect || len(a.Tags) > 1 {
					t.Fatalf("%s: %s carries %v, want %q", who, a.Value, a.Tags, expect)
				}
				return nil
			}))
			if n != want {
				t.Errorf("%s sees %d, want %d", who, n, want)
			}
		}
	})
}
