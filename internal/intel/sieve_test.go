package intel_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestHoldsFindsTheAttributeItself: within an event, and without one, a text leads to
// the attributes that hold it, not to all of their event; what another may not see is
// no match for them.
func TestHoldsFindsTheAttributeItself(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.MISP)
		e := inteltest.Event("needle in the info", intel.Community, inteltest.Attr("filename", "NEEDLE.exe"), inteltest.Attr("domain", "a.example"),
			inteltest.Attr("domain", "b.example"), inteltest.Attr("domain", "c.example"), inteltest.Attr("domain", "d.example"))
		e.Tag = []misp.Tag{{Name: misp.T("needle:event")}}
		e.Attribute[1].Comment = misp.T("Игла: needle")
		e.Attribute[2].Tag = []misp.Tag{{Name: misp.T("role:Needle")}}
		e.Attribute[3].Comment, e.Attribute[3].Distribution = misp.T("needle"), misp.N(int64(intel.OwnOrg))
		in := w.Add(who, e)
		w.Add(who, inteltest.Event("another", intel.Community, inteltest.Attr("domain", "needle.other.example")))
		other := w.Person(w.B, access.Publisher, ident.MISP)
		for _, c := range []struct {
			name string
			who  ident.Actor
			q    intel.Query
			want []string
		}{
			{"in the event", who, intel.Query{Events: []string{in.Ref()}, Holds: "needle"}, []string{"NEEDLE.exe", "a.example", "b.example", "c.example"}},
			{"backwards", who, intel.Query{Events: []string{in.Ref()}, Holds: "needle", Desc: true}, []string{"c.example", "b.example", "a.example", "NEEDLE.exe"}},
			{"the second page", who, intel.Query{Events: []string{in.Ref()}, Holds: "needle", Limit: 1, Page: 2}, []string{"a.example"}},
			{"the other script", who, intel.Query{Events: []string{in.Ref()}, Holds: "igla"}, []string{"a.example"}},
			{"who sees less", other, intel.Query{Events: []string{in.Ref()}, Holds: "needle"}, []string{"NEEDLE.exe", "a.example", "b.example"}},
			{"anywhere", who, intel.Query{Holds: "needle.o"}, []string{"needle.other.example"}},
			{"a pattern of a value", who, intel.Query{Events: []string{in.Ref()}, Value: or("needle%")}, []string{"NEEDLE.exe"}},
			{"nowhere", who, intel.Query{Events: []string{in.Ref()}, Holds: "nowhere"}, nil},
		} {
			var got []string
			must(t, w.Intel.SearchAttributes(ctx, c.who, c.q, func(a *intel.Attribute) error { got = append(got, a.Value); return nil }))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, diff)
			}
			if n, err := w.Intel.CountAttributes(ctx, c.who, c.q); err != nil || c.q.Limit == 0 && n != int64(len(c.want)) {
				t.Errorf("%s: counted %d, %v", c.name, n, err)
			}
		}
		// In the order of change, as sensors read it.
		var aged []string
		must(t, w.Intel.SearchAttributes(ctx, who, intel.Query{Events: []string{in.Ref()}, Holds: "needle", Aged: true, Desc: true}, func(a *intel.Attribute) error {
			aged = append(aged, a.Value)
			return nil
		}))
		slices.Sort(aged)
		if len(slices.Compact(aged)) != 4 {
			t.Errorf("by change: %v", aged)
		}
	})
}
