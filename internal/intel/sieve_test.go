package intel_test

import (
	"fmt"
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

// TestTextAmongManyEvents: a text is found in value, comment and tag of an attribute when
// the events are too many to be read one by one, and what the reader does not see tells
// of nothing.
func TestTextAmongManyEvents(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who, other := w.Person(w.CERT, access.Analyst, ident.MISP), w.Person(w.B, access.Publisher, ident.MISP)
		for i := range 405 {
			w.Add(other, inteltest.Event(fmt.Sprintf("Event %d", i), intel.Community, inteltest.Attr("domain", fmt.Sprintf("h%d.example", i))))
		}
		marked := inteltest.Attr("domain", "quiet.example")
		marked.Tag = []misp.Tag{{Name: misp.T("kind:nadgrobnik")}}
		said := inteltest.Attr("domain", "said.example")
		said.Comment = misp.T("виђено \x1f Надгробник 7")
		hidden := inteltest.Attr("domain", "nadgrobnik.example")
		hidden.Distribution, hidden.Tag = misp.N(0), marked.Tag
		value := w.Add(other, inteltest.Event("By value", intel.Community, inteltest.Attr("domain", "www.NADgrobnik.example")))
		comment := w.Add(other, inteltest.Event("By comment", intel.Community, said))
		tag := w.Add(who, inteltest.Event("By tag", intel.Community, marked))
		w.Add(other, inteltest.Event("Hidden", intel.Community, hidden))
		for who, more := range map[*ident.Actor]int{&who: 0, &other: 1} {
			var got []int64
			n, err := w.Intel.SearchEvents(t.Context(), *who, intel.Query{Text: "nadGROBNIK", Limit: 10, Sort: "id"}, func(e *intel.Event) error { got = append(got, e.ID); return nil })
			if want := []int64{value.ID, comment.ID, tag.ID}; err != nil || n != int64(3+more) || !slices.Equal(got[:3], want) {
				t.Errorf("%s finds %v (%d, %v), want %v and %d more", who.Name, got, n, err, want, more)
			}
		}
	})
}

// TestTextInLaterStretches: a text is found wherever its attribute stands in the table: in a
// stretch's first row and its last, in the second stretch of an event that the edge cuts,
// in the table's last row; each event once; and a text that is nowhere ends the search,
// also where the table ends with a stretch.
func TestTextInLaterStretches(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.MISP)
		const rows = 12 // by id: each row's value says its place, every third its event's text again
		var events []int64
		holds := map[string][]int64{}
		for row := 0; row < rows; {
			n := len(events)%3 + 1
			var attrs []misp.Attribute
			for range n {
				attrs = append(attrs, inteltest.Attr("domain", fmt.Sprintf("r%02d-m%d.example", row, row%3)))
				row++
			}
			events = append(events, w.Add(who, inteltest.Event(fmt.Sprint("event ", len(events)), intel.Community, attrs...)).ID)
			for i := row - n; i < row; i++ {
				for _, text := range []string{fmt.Sprintf("r%02d-", i), fmt.Sprintf("-m%d.", i%3), "example"} {
					if at := events[len(events)-1]; !slices.Contains(holds[text], at) {
						holds[text] = append(holds[text], at)
					}
				}
			}
		}
		holds["nowhere"] = nil
		var count int64
		must(t, db.View(t.Context(), func(tx *store.Tx) (err error) {
			count, err = store.Int64(t.Context(), tx, `SELECT COUNT(*) FROM intel_attribute`)
			return err
		}))
		if count != rows || len(holds) != rows+3+1+1 {
			t.Fatalf("%d rows, %d texts", count, len(holds))
		}
		for stretch := 1; stretch <= rows+1; stretch++ {
			w.Intel.SetStretch(0, stretch)
			for text, want := range holds {
				var got []int64
				n, err := w.Intel.SearchEvents(t.Context(), who, intel.Query{Text: text, Sort: "id"}, func(e *intel.Event) error { got = append(got, e.ID); return nil })
				if err != nil || n != int64(len(want)) || !slices.Equal(got, want) {
					t.Errorf("stretches of %d: %s is in %v (%d, %v), want %v", stretch, text, got, n, err, want)
				}
			}
		}
	})
}
