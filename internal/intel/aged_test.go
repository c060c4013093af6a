package intel_test

import (
	"fmt"
	"strings"
	"testing"

	"straza/internal/craft/export"
	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestAttributesByAge: by time of change, in both directions, page by page, whichever way
// leads to the rows: a walk, a value, a tag, a text. Equal times are told apart by id.
func TestAttributesByAge(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.MISP)
		for n, times := range [][]int64{{50, 10, 30, 30}, {20, 60, 30, 40}} {
			e := inteltest.Event(fmt.Sprintf("Списак %d", n), intel.Community)
			e.Tag = []misp.Tag{{Name: misp.T("kind:list")}}
			for i, at := range times {
				a := inteltest.Attr("domain", fmt.Sprintf("h%d-%d.example", n, i))
				a.Timestamp = misp.N(at)
				e.Attribute = append(e.Attribute, a)
			}
			w.Add(who, e)
		}
		for name, q := range map[string]intel.Query{"walk": {}, "value": {Value: or("h0-0.example", "%.example")}, "tag": {Tag: or("kind:list")}, "text": {Text: "example"}} {
			for _, down := range []bool{false, true} {
				q.Aged, q.Desc, q.Limit, q.Past = true, down, 3, nil
				var got []intel.Attribute
				for range 5 {
					n := 0
					w.Must(w.Intel.SearchAttributes(t.Context(), who, q, func(a *intel.Attribute) error { n++; got = append(got, *a); return nil }))
					if n < 3 {
						break
					}
					q.Past = &intel.Place{Changed: got[len(got)-1].Timestamp, ID: got[len(got)-1].ID}
				}
				seen := map[int64]bool{}
				for i, a := range got {
					if seen[a.ID] {
						t.Errorf("%s, down %v: %s twice", name, down, a.Value)
					}
					if seen[a.ID] = true; i == 0 {
						continue
					}
					b := got[i-1]
					before := b.Timestamp < a.Timestamp || b.Timestamp == a.Timestamp && b.ID < a.ID
					if before == down {
						t.Errorf("%s, down %v: %d after %d", name, down, a.Timestamp, b.Timestamp)
					}
				}
				if len(got) != 8 {
					t.Errorf("%s, down %v: %d attributes", name, down, len(got))
				}
			}
		}
	})
}

// TestListsLeaveByTheirLabels: a file holds what may leave, says how much and how strict
// it is, and a stranger's nothing of it.
func TestListsLeaveByTheirLabels(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who, other := w.Person(w.CERT, access.Analyst, ident.MISP), w.Person(w.B, access.Publisher, ident.MISP)
		for _, label := range []string{"clear", "amber", "red", ""} {
			e := inteltest.Event("k-"+label, intel.OwnOrg, inteltest.Attr("domain", "k-"+label+".example"), inteltest.Attr("domain", "k2-"+label+".example"))
			if label != "" {
				e.Tag = []misp.Tag{{Name: misp.T("tlp:" + label)}}
			}
			w.Add(who, e)
		}
		events := func(by string, x *export.Extent, rows *[]string) error {
			a := who
			if by == "other" {
				a = other
			}
			return w.Intel.ExportEvents(t.Context(), a, intel.Query{}, func(got export.Extent) error { *x = got; return nil },
				func(_ tlp.Level, e *intel.Event) error { *rows = append(*rows, e.Info); return nil })
		}
		attributes := func(by string, x *export.Extent, rows *[]string) error {
			a := who
			if by == "other" {
				a = other
			}
			return w.Intel.ExportAttributes(t.Context(), a, intel.Query{}, func(got export.Extent) error { *x = got; return nil },
				func(_ tlp.Level, a *intel.Attribute) error { *rows = append(*rows, a.Value); return nil })
		}
		for name, f := range map[string]struct {
			take func(string, *export.Extent, *[]string) error
			each int64
		}{"events": {events, 1}, "attributes": {attributes, 2}} {
			var x export.Extent
			var rows []string
			w.Must(f.take("ours", &x, &rows))
			if all := strings.Join(rows, " "); x.Rows != 3*f.each || x.Held != f.each || x.TLP != tlp.Amber || int64(len(rows)) != x.Rows || strings.Contains(all, "red") {
				t.Errorf("%s: %+v: %s", name, x, all)
			}
			rows = nil
			w.Must(f.take("other", &x, &rows))
			if x != (export.Extent{}) || len(rows) > 0 {
				t.Errorf("%s leak: %+v %v", name, x, rows)
			}
		}
		nobody := who
		nobody.Perms = nil
		if err := w.Intel.ExportEvents(t.Context(), nobody, intel.Query{}, nil, nil); !fault.Is(err, fault.Denied) {
			t.Errorf("who may not read takes a file: %v", err)
		}
	})
}
