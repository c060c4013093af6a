package intake_test

import (
	"testing"
	"time"

	"straza/internal/craft/export"
	"straza/internal/intake"
	"straza/internal/intake/intaketest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// one reads a report as Ana sees it now.
func one(t *testing.T, w *intaketest.World, ref string) intake.Report {
	t.Helper()
	r, err := w.S.Get(ctx, w.Ana, ref)
	must(t, err)
	return r
}

// TestBulkIsTakenBackWhole: one press is one thing to undo; what somebody did since
// stays and is counted; a second undo finds nothing; nobody else's press is reachable.
func TestBulkIsTakenBackWhole(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		var ids []string
		for range 4 {
			_, r := w.Send(t, intaketest.Plain("Иста порука"))
			ids = append(ids, r.UUID)
			now.Add(time.Minute)
		}
		_, err := w.S.Take(ctx, w.Ana, ids[3])
		must(t, err)
		b, err := w.S.TakeAll(ctx, w.Ana, append(ids, ids[0])) // one of them named twice
		if err != nil || b.Done != 3 || b.Left != 1 || b.ID == 0 {
			t.Fatalf("taken: %+v %v", b, err)
		}
		_, err = w.S.Reject(ctx, w.Ana, ids[1], 0, "Реклама")
		must(t, err)
		for name, who := range map[string]ident.Actor{"the other CERT": w.Vesna, "a member": w.Mila, "nobody": nobody} {
			if _, err := w.S.UndoBulk(ctx, who, b.ID); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied) {
				t.Errorf("%s undoes: %v", name, err)
			}
		}
		u, err := w.S.UndoBulk(ctx, w.Ana, b.ID)
		if err != nil || u.Done != 2 || u.Left != 1 {
			t.Errorf("undone: %+v %v", u, err)
		}
		for i, want := range []int64{0, w.Ana.Person, 0, w.Ana.Person} {
			if got := one(t, w, ids[i]); got.Assignee != want || (i == 1) != (got.State == intake.Rejected) {
				t.Errorf("%d: assignee %d, want %d, %s", i, got.Assignee, want, got.State)
			}
		}
		if _, err := w.S.UndoBulk(ctx, w.Ana, b.ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("undone twice: %v", err)
		}
		for _, id := range []int64{0, b.ID + 1} {
			if _, err := w.S.UndoBulk(ctx, w.Ana, id); !fault.Is(err, fault.NotFound) {
				t.Errorf("bulk %d: %v", id, err)
			}
		}
	})
}

func TestBulkJoins(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		var ids []string
		for range 3 {
			_, r := w.Send(t, intaketest.Plain("Иста порука"))
			ids = append(ids, r.UUID)
			now.Add(time.Minute)
		}
		_, err := w.S.Reject(ctx, w.Ana, ids[2], 0, "Реклама")
		must(t, err)
		b, err := w.S.JoinAll(ctx, w.Ana, []string{ids[2], ids[1], ids[0]})
		if err != nil || b.Done != 1 || b.Left != 1 {
			t.Fatalf("%+v %v", b, err)
		}
		if r := one(t, w, ids[1]); r.State != intake.Duplicate || r.DuplicateOf != one(t, w, ids[0]).ID {
			t.Errorf("not joined to the oldest: %+v", r.Triage)
		}
		_, err = w.S.UndoBulk(ctx, w.Ana, b.ID)
		must(t, err)
		if r := one(t, w, ids[1]); !r.State.Open() || r.DuplicateOf != 0 {
			t.Errorf("not undone: %+v", r.Triage)
		}
		// One that is not there for who asks: nothing at all is done.
		other := intaketest.Plain("Туђа")
		other.CERT = w.Second.ID
		_, theirs := w.Send(t, other)
		if _, err := w.S.TakeAll(ctx, w.Ana, []string{ids[0], theirs.UUID}); !fault.Is(err, fault.NotFound) {
			t.Errorf("a foreign report: %v", err)
		}
		if one(t, w, ids[0]).Assignee != 0 {
			t.Error("half a press was done")
		}
		if b, err := w.S.TakeAll(ctx, w.Ana, nil); err != nil || b.ID != 0 {
			t.Errorf("nothing ticked: %+v %v", b, err)
		}
		if _, err := w.S.TakeAll(ctx, w.Mila, ids); !fault.Is(err, fault.Denied) {
			t.Errorf("a member: %v", err)
		}
	})
}

// TestSortsAndExport: every order is one, in both directions, and the file has it; what
// is RED stays and is counted.
func TestSortsAndExport(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		levels := []string{"high", "low", "very-high", "medium", ""}
		var ids []string
		for _, l := range levels {
			_, r := w.Send(t, intaketest.Plain("Порука"))
			ids = append(ids, r.UUID)
			now.Add(time.Minute)
			if l != "" {
				_, err := w.S.Classify(ctx, w.Ana, r.UUID, 0, intake.Decision{Type: intake.Incident, Severity: l, Why: "проба"})
				must(t, err)
			}
		}
		_, err := w.S.Classify(ctx, w.Ana, ids[1], 0, intake.Decision{Type: intake.Incident, TLP: "RED"})
		must(t, err)
		rank := func(r intake.Report) int {
			for i, l := range intake.Severities {
				if l == r.Severity {
					return i + 1
				}
			}
			return 0
		}
		for _, sort := range []string{"severity", "-severity", "received", "-received"} {
			var seen []intake.Report
			for p := (intake.Page{Sort: sort, Limit: 2}); ; {
				list, next, err := w.S.List(ctx, w.Ana, intake.Filter{}, p)
				must(t, err)
				seen = append(seen, list...)
				if p.Cursor = next; next == "" {
					break
				}
			}
			for i := 1; i < len(seen); i++ {
				a, b := seen[i-1], seen[i]
				if sort[0] == '-' {
					a, b = b, a
				}
				if sort == "severity" || sort == "-severity" {
					if rank(a) > rank(b) {
						t.Errorf("%s: %s before %s", sort, seen[i-1].Severity, seen[i].Severity)
					}
				} else if a.Received.After(b.Received) {
					t.Errorf("%s: %s before %s", sort, seen[i-1].Received, seen[i].Received)
				}
			}
			if len(seen) != len(ids) {
				t.Errorf("%s: %d rows", sort, len(seen))
			}
			var x export.Extent
			i := 0
			err := w.S.Export(ctx, w.Ana, intake.Filter{}, sort, func(got export.Extent) error { x = got; return nil }, func(r intake.Report) error {
				if r.UUID != seen[i].UUID {
					t.Errorf("%s: the file has %s at %d, the list %s", sort, r.Number, i, seen[i].Number)
				}
				i++
				return nil
			})
			if err != nil || x.Rows != 4 || x.Held != 1 || i != 5 {
				t.Errorf("%s: %+v, %d rows given, %v", sort, x, i, err)
			}
		}
		if _, _, err := w.S.List(ctx, w.Ana, intake.Filter{}, intake.Page{Sort: "title; DROP"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("an unknown order: %v", err)
		}
		list, next, err := w.S.List(ctx, w.Ana, intake.Filter{}, intake.Page{Sort: "severity", Limit: 1})
		must(t, err)
		if _, _, err := w.S.List(ctx, w.Ana, intake.Filter{}, intake.Page{Sort: "-severity", Cursor: next}); len(list) != 1 || !fault.Is(err, fault.Invalid) {
			t.Errorf("a cursor of another order: %v", err)
		}
	})
}
