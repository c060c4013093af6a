package intel_test

import (
	"slices"
	"testing"

	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestLocalTagsStayHere: who synchronises for another organisation reads no local tag of
// an event or attribute, finds nothing by one and does not learn that it exists; the
// team and the organisations' people do (spec misp §5.2).
func TestLocalTagsStayHere(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.MISP)
		e := w.Add(who, inteltest.Event("Мета", intel.Community, inteltest.Attr("domain", "a.example"), inteltest.Attr("domain", "b.example")))
		var one intel.Attribute
		must(t, w.Intel.SearchAttributes(ctx, who, intel.Query{Value: or("a.example")}, func(a *intel.Attribute) error { one = *a; return nil }))
		for _, at := range []intel.Target{{Event: e.UUID}, {Attribute: one.UUID}} {
			_, err := w.Intel.Attach(ctx, who, at, []string{"note:ours"}, true)
			must(t, err)
			_, err = w.Intel.Attach(ctx, who, at, []string{"kind:shared"}, false)
			must(t, err)
		}
		for role, sees := range map[string]bool{access.Sync: false, access.Member: true, access.Analyst: true} {
			of := w.A
			if role == access.Analyst {
				of = w.CERT
			}
			reader := w.Person(of, role, ident.MISP)
			var got []string
			note := func(uses []intel.TagUse) {
				for _, u := range uses {
					got = append(got, u.Name)
				}
			}
			head, err := w.Intel.Event(ctx, reader, e.UUID)
			must(t, err)
			note(head.Tags)
			a, err := w.Intel.Attribute(ctx, reader, one.UUID)
			must(t, err)
			note(a.Tags)
			must(t, w.Intel.Attributes(ctx, reader, e.UUID, intel.Part{}, func(a *intel.Attribute) error { note(a.Tags); return nil }))
			must(t, w.Intel.SearchAttributes(ctx, reader, intel.Query{Value: or("a.example"), WithTags: true}, func(a *intel.Attribute) error {
				note(a.Tags)
				note(a.Event.Tags)
				return nil
			}))
			_, err = w.Intel.SearchEvents(ctx, reader, intel.Query{}, func(e *intel.Event) error { note(e.Tags); return nil })
			must(t, err)
			if slices.Contains(got, "note:ours") != sees || !slices.Contains(got, "kind:shared") {
				t.Errorf("%s reads %v", role, got)
			}
			for name, want := range map[string]bool{"note:ours": sees, "kind:shared": true} {
				n := 0
				must(t, w.Intel.SearchAttributes(ctx, reader, intel.Query{Tag: or(name)}, func(*intel.Attribute) error { n++; return nil }))
				total, err := w.Intel.SearchEvents(ctx, reader, intel.Query{Tag: or(name)}, func(*intel.Event) error { return nil })
				must(t, err)
				none, err := w.Intel.CountAttributes(ctx, reader, intel.Query{Tag: not(name)})
				must(t, err)
				if n > 0 != want || total > 0 != want || none == 0 != want {
					t.Errorf("%s finds %d attributes and %d events by %s, %d without", role, n, total, name, none)
				}
				if _, _, _, err := w.Intel.Tag(ctx, reader, name); err == nil != want {
					t.Errorf("%s and the tag %s: %v", role, name, err)
				}
			}
		}
	})
}
