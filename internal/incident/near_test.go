package incident_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestNeighboursWalkTheList: whoever goes from case to case meets the list's rows in the
// list's order, forwards and back, under every order and filter; the other team's cases
// are nobody's neighbours.
func TestNeighboursWalkTheList(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := incidenttest.New(t, db)
		for i := range 7 {
			n, err := w.S.Open(ctx, w.Ana, incident.Draft{Title: fmt.Sprintf("Упад %d", i), Classes: []string{"fraud/phishing"}}, "")
			must(t, err)
			if i%3 == 0 {
				_, err = w.S.Take(ctx, w.Ana, n)
				must(t, err)
			}
			_, err = w.S.Open(ctx, w.Vesna, incident.Draft{Title: "Упад код других"}, "")
			must(t, err)
			if i%2 == 0 { // two of each moment
				now.Add(time.Minute)
			}
		}
		for _, f := range []incident.Filter{{}, {Sort: "updated"}, {Sort: "-opened"}, {Sort: "severity"}, {Sort: "-severity", State: "open"}, {Mine: true}, {NoLead: true}, {Query: "upad"}} {
			list, _, err := w.S.List(ctx, w.Ana, f, incident.Page{})
			must(t, err)
			var want, there, back []string
			for _, c := range list {
				want = append(want, c.Number)
			}
			for at := want[0]; at != ""; {
				there = append(there, at)
				_, at, err = w.S.Neighbours(ctx, w.Ana, f, at)
				must(t, err)
			}
			for at := want[len(want)-1]; at != ""; {
				back = append(back, at)
				at, _, err = w.S.Neighbours(ctx, w.Ana, f, at)
				must(t, err)
			}
			slices.Reverse(back)
			if !slices.Equal(there, want) || !slices.Equal(back, want) || len(want) < 3 {
				t.Errorf("%+v: the list is %v, forwards %v, back %v", f, want, there, back)
			}
			if _, _, err := w.S.Neighbours(ctx, w.Vesna, f, want[0]); !fault.Is(err, fault.NotFound) {
				t.Errorf("neighbours of what one may not see: %v", err)
			}
		}
		// What has left the list is taken by its place: the way on is not lost by closing.
		list, _, err := w.S.List(ctx, w.Ana, incident.Filter{Mine: true}, incident.Page{})
		must(t, err)
		all, _, err := w.S.List(ctx, w.Ana, incident.Filter{NoLead: true}, incident.Page{})
		must(t, err)
		prev, next, err := w.S.Neighbours(ctx, w.Ana, incident.Filter{NoLead: true}, list[1].Number)
		if err != nil || prev == "" || next == "" || prev == list[1].Number || !slices.ContainsFunc(all, func(c incident.Case) bool { return c.Number == next }) {
			t.Errorf("%q and %q, %v", prev, next, err)
		}
	})
}

// TestLongTimeline: every line of a long timeline is on exactly one of its pages, newest
// first, whole and by kind.
func TestLongTimeline(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := incidenttest.New(t, db)
		c := w.Open(t, w.Ana, "Упад")
		for i := range 53 {
			_, err := w.S.AddEntry(ctx, w.Ana, c.Number, incident.EntryInput{Kind: incident.EntryKinds[i%2], Body: fmt.Sprint(i), Happened: now.Now().Add(-time.Duration(i/4) * time.Hour)})
			must(t, err)
		}
		for kind, n := range map[string]int{"": 53, incident.EntryKinds[0]: 27, incident.EntryKinds[1]: 26, "sent": 0} {
			seen, pages := map[string]bool{}, 0
			l := incident.Lines{Kind: kind, Limit: 10}
			for last := int64(1) << 62; ; pages++ {
				f, err := w.S.ReadLines(ctx, w.Ana, c.Number, l)
				must(t, err)
				for _, e := range f.Entries {
					if seen[e.Body] || e.Happened > last || kind != "" && e.Kind != kind {
						t.Fatalf("line %s of %q again, out of order or of another kind", e.Body, kind)
					}
					seen[e.Body], last = true, e.Happened
					l.Happened, l.ID = e.Happened, e.ID
				}
				if f.Lines[incident.EntryKinds[0]] != 27 || f.Lines[incident.EntryKinds[1]] != 26 {
					t.Fatalf("counted %v", f.Lines)
				}
				if !f.Earlier {
					break
				}
			}
			if len(seen) != n || n > 0 && pages != (n-1)/10 {
				t.Errorf("%q: %d lines on %d pages, want %d", kind, len(seen), pages+1, n)
			}
		}
		f, err := w.S.Read(ctx, w.Ana, c.Number)
		must(t, err)
		one, err := w.S.ReadLines(ctx, w.Ana, c.Number, incident.Lines{Only: f.Entries[40].ID})
		if err != nil || len(one.Entries) != 1 || one.Entries[0].ID != f.Entries[40].ID {
			t.Errorf("one line by its id: %+v, %v", one.Entries, err)
		}
	})
}
