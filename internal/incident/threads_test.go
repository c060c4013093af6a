package incident_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"straza/internal/craft/export"
	"straza/internal/craft/thread"
	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestThreadsSortFilterAndLeave: every order page by page; words of party and number find
// in either script; the file has what the list has, with the party's label.
func TestThreadsSortFilterAndLeave(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := incidenttest.New(t, db)
		for i := range 60 {
			c := w.Open(t, w.Ana, fmt.Sprintf("Случај %d", i))
			w.Party(t, w.Ana, c.Number, w.OrgA, "a@b.example")
			if i%7 == 0 {
				now.Add(time.Minute)
			}
		}
		for _, sort := range []string{"", "last", "-last", "unread", "-unread"} {
			f, seen, ids := thread.Filter{Sort: sort}, []thread.Thread{}, map[int64]bool{}
			for p := (thread.Page{}); ; {
				list, more, err := w.S.Correspondence(ctx, w.Ana, f, p)
				must(t, err)
				for _, x := range list {
					if ids[x.ID] {
						t.Errorf("%q: thread %d twice", sort, x.ID)
					}
					ids[x.ID] = true
				}
				seen = append(seen, list...)
				if !more {
					break
				}
				p = list[len(list)-1].Keys(sort)
			}
			for i := 1; i < len(seen); i++ {
				a, b := seen[i-1].Keys(sort), seen[i].Keys(sort)
				if strings.HasPrefix(sort, "-") || sort == "" {
					a, b = b, a
				}
				if a.Key > b.Key || a.Key == b.Key && a.ID >= b.ID {
					t.Errorf("%q: %+v before %+v", sort, seen[i-1].Keys(sort), seen[i].Keys(sort))
				}
			}
			var x export.Extent
			i := 0
			err := w.S.ExportThreads(ctx, w.Ana, f, func(got export.Extent) error { x = got; return nil }, func(th thread.Thread, label string) error {
				if th.ID != seen[i].ID || label == "" {
					t.Errorf("%q: the file has %d (%s) at %d", sort, th.ID, label, i)
				}
				i++
				return nil
			})
			if err != nil || len(seen) != 60 || i != 60 || x.Rows+x.Held != 60 {
				t.Errorf("%q: %d listed, %d in the file, %+v %v", sort, len(seen), i, x, err)
			}
		}
		for q, want := range map[string]int64{w.OrgA.Name: 60, strings.ToUpper(w.OrgA.Name): 60, "s-2026-000007": 1, "S-2026": 60, "%": 0, "nema": 0} {
			if n, _, err := w.S.CountThreads(ctx, w.Ana, thread.Filter{Query: q}); n != want || err != nil {
				t.Errorf("%q finds %d, want %d, %v", q, n, want, err)
			}
		}
		if _, _, err := w.S.Correspondence(ctx, w.Ana, thread.Filter{Sort: "party"}, thread.Page{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("an unknown order: %v", err)
		}
	})
}
