package incident_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/craft/deadline"
	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

// want fails unless err is a fault of the kind.
func want(t testing.TB, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("got %v, want %s", err, kind)
	}
}

// TestMoves holds every pair of states against the table as it is written down in
// docs/lifecycle.md, not against the code's own.
func TestMoves(t *testing.T) {
	t.Parallel()
	table := map[incident.State]string{
		incident.Fresh:      "in-progress waiting resolved",
		incident.InProgress: "waiting resolved",
		incident.Waiting:    "in-progress resolved",
		incident.Resolved:   "closed in-progress",
		incident.Closed:     "in-progress",
	}
	for _, from := range incident.States {
		for _, to := range incident.States {
			if got, want := from.May(to), slices.Contains(strings.Fields(table[from]), string(to)); got != want {
				t.Errorf("%s → %s: %v", from, to, got)
			}
		}
	}
	want(t, incident.State("done").Validate(), fault.Invalid)
}

func TestShifts(t *testing.T) {
	t.Parallel()
	for at, key := range map[string]string{
		"2026-11-22T06:00:00Z": "2026-11-22/1", // 7.00 in Belgrade
		"2026-11-22T05:59:59Z": "2026-11-21/3",
		"2026-11-22T14:00:00Z": "2026-11-22/2",
		"2026-11-22T22:00:00Z": "2026-11-22/3",
		"2026-11-21T23:30:00Z": "2026-11-21/3", // 0.30 of the next day belongs to the night before
		"2026-07-01T05:00:00Z": "2026-07-01/1", // summer time
	} {
		m, err := time.Parse(time.RFC3339, at)
		must(t, err)
		x := incident.ShiftAt(m)
		if x.Key() != key || m.Before(x.From) || !m.Before(x.To) {
			t.Errorf("%s: %s (%s to %s)", at, x.Key(), x.From, x.To)
		}
	}
}

func TestLifeOfACase(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := incidenttest.New(t, db)
		n, err := w.S.Open(ctx, w.Ana, incident.Draft{Title: "Упад у мрежу електродистрибуције", Orgs: []incident.Org{{ID: w.OrgA.ID, Name: w.OrgA.Name}}}, "")
		must(t, err)
		if n != "S-2026-000001" {
			t.Fatalf("the first number is %s", n)
		}
		other, err := w.S.Open(ctx, w.Vesna, incident.Draft{Title: "Други тим"}, "")
		must(t, err)
		if !strings.HasSuffix(other, "-S-2026-000001") {
			t.Fatalf("the second CERT's number has no code in front: %s", other)
		}
		c, err := w.S.Get(ctx, w.Ana, n)
		must(t, err)
		if c.TLP != "AMBER+STRICT" || c.PAP != "AMBER" || c.State != incident.Fresh || c.Orgs[0].ID != w.OrgA.ID {
			t.Fatalf("%+v", c)
		}
		// The answer clock runs 24 h from awareness, stands still while waiting, ends with our first letter.
		clockOf := func() deadline.Clock {
			f, err := w.S.Read(ctx, w.Ana, n)
			must(t, err)
			return f.Clocks[0]
		}
		if k := clockOf(); k.Due-c.Aware != (24 * time.Hour).Microseconds() {
			t.Fatalf("the answer is due %d after awareness", k.Due-c.Aware)
		}
		_, err = w.S.Move(ctx, w.Ana, n, c.Version, incident.Waiting, "")
		want(t, err, fault.Invalid)
		_, err = w.S.Move(ctx, w.Ana, n, c.Version, incident.Waiting, "чекамо оператора")
		must(t, err)
		due := clockOf()
		if due.Paused == 0 || due.Why != "чекамо оператора" {
			t.Fatalf("waiting does not pause: %+v", due)
		}
		now.Add(3 * time.Hour)
		d, err := w.S.Move(ctx, w.Ana, n, 0, incident.InProgress, "")
		must(t, err)
		if k := clockOf(); k.Paused != 0 || k.Due-due.Due < (3*time.Hour).Microseconds() || d.Case.Lead != w.Ana.Person {
			t.Fatalf("the pause did not move the due moment: %+v, lead %d", k, d.Case.Lead)
		}
		party := w.Party(t, w.Ana, n, w.OrgA, "duty@elektromreza.example")
		_, err = w.S.Write(ctx, w.Ana, n, party, thread.Out, "Молимо искључите уређај.")
		must(t, err)
		if k := clockOf(); k.Done == 0 {
			t.Fatal("our answer did not end the clock")
		}
		_, err = w.S.Move(ctx, w.Ana, n, 0, incident.Resolved, "")
		must(t, err)
		_, err = w.S.Move(ctx, w.Ana, n, 0, incident.Closed, "")
		want(t, err, fault.Denied) // an analyst does not close
		_, err = w.S.Move(ctx, w.Luka, n, 0, incident.Closed, "")
		want(t, err, fault.Invalid)
		if got := slices.Sorted(func(yield func(string) bool) {
			for k := range fault.Of(err).Fields {
				if !yield(k) {
					return
				}
			}
		}); !cmp.Equal(got, []string{"classes", "impact", "lessons", "retention", "root_cause"}) {
			t.Fatalf("closing lacks %v", got)
		}
		_, err = w.S.Edit(ctx, w.Luka, n, 0, incident.Patch{Classes: ptr([]string{"intrusions/system-compromise"}), RootCause: ptr("незакрпљен уређај"), Impact: ptr("4 система"), Lessons: ptr("yes"), Retention: ptr("ten-years")})
		must(t, err)
		task, err := w.S.AddTask(ctx, w.Ana, n, incident.TaskInput{Title: "Врати дискове", Due: now.Now().Add(time.Hour)})
		must(t, err)
		_, err = w.S.SetParty(ctx, w.Ana, n, party, incident.PartyChange{State: incident.PartyTheirs, Subject: "Питање", Deadline: now.Now().Add(time.Hour)})
		must(t, err)
		// In a closed case nobody owes anything; reopening it sets the clocks going again.
		owed := func(want int, when string) {
			t.Helper()
			o, err := w.S.Overview(ctx, w.Ana)
			must(t, err)
			if len(o.Clocks) != want {
				t.Fatalf("%d clocks %s, want %d: %+v", len(o.Clocks), when, want, o.Clocks)
			}
		}
		owed(0, "in a resolved case")
		_, err = w.S.DoTask(ctx, w.Ana, n, task.Object, true)
		must(t, err)
		d, err = w.S.Move(ctx, w.Luka, n, 0, incident.Closed, "")
		must(t, err)
		if d.Case.Closed == 0 {
			t.Fatal("closed without a moment")
		}
		_, err = w.S.Move(ctx, w.Luka, n, 0, incident.InProgress, "")
		must(t, err)
		owed(1, "in a reopened case, its task done")
		acts, err := w.S.History(ctx, w.Luka, n, 0)
		must(t, err)
		if acts[0].Verb != "move" || acts[len(acts)-1].Verb != "open" {
			t.Fatalf("reopening lost history: %v", acts)
		}
	})
}

func TestSeverity(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Ana, "Случај").Number
		d, err := w.S.Edit(ctx, w.Ana, n, 0, incident.Patch{Facts: map[string]string{"services": "essential"}})
		must(t, err)
		if d.Case.Severity != "high" || d.Case.Computed != "high" {
			t.Fatalf("computed %+v", d.Case)
		}
		_, err = w.S.Edit(ctx, w.Ana, n, 0, incident.Patch{Severity: ptr("medium")})
		want(t, err, fault.Invalid) // an override needs a reason
		_, err = w.S.Edit(ctx, w.Ana, n, 0, incident.Patch{Severity: ptr("medium"), Why: "резервна веза ради"})
		must(t, err)
		d, err = w.S.Edit(ctx, w.Ana, n, 0, incident.Patch{Facts: map[string]string{"users": "most"}})
		must(t, err)
		if d.Case.Severity != "medium" || d.Case.Computed != "very-high" || d.Case.Why == "" {
			t.Fatalf("a new fact overruled the person: %+v", d.Case)
		}
		d, err = w.S.Edit(ctx, w.Ana, n, 0, incident.Patch{Severity: ptr("")})
		must(t, err)
		if d.Case.Severity != "very-high" || d.Case.Why != "" {
			t.Fatalf("the override was not taken back: %+v", d.Case)
		}
		_, err = w.S.Edit(ctx, w.Ana, n, 0, incident.Patch{Classes: ptr([]string{"fraud/nothing"})})
		want(t, err, fault.Invalid)
	})
}

// TestQuicker: who was slower is told who was quicker, and nothing of theirs is lost.
func TestQuicker(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		c := w.Open(t, w.Ana, "Случај")
		_, err := w.S.Edit(ctx, w.Luka, c.Number, c.Version, incident.Patch{Summary: ptr("Лукин сажетак")})
		must(t, err)
		_, err = w.S.Edit(ctx, w.Ana, c.Number, c.Version, incident.Patch{Summary: ptr("Анин сажетак")})
		want(t, err, fault.Conflict)
		f := fault.Of(err)
		if !slices.Contains(f.Args, any(w.Luka.Name)) || !strings.Contains(f.Detail, "summary") {
			t.Fatalf("the conflict does not tell who changed what: %v %v", f.Args, f.Detail)
		}
		revs, err := w.S.Revisions(ctx, w.Ana, c.Number, 0)
		must(t, err)
		if len(revs) != 1 || revs[0].Author != w.Luka.Name {
			t.Fatalf("revisions: %+v", revs)
		}
	})
}

// TestUndoEach undoes each kind of act, and finds the case as it was before.
func TestUndoEach(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n, other := w.Open(t, w.Luka, "Случај").Number, w.Open(t, w.Luka, "Други").Number
		task, err := w.S.AddTask(ctx, w.Luka, n, incident.TaskInput{Title: "Затражи слику диска", Due: testkit.AsOf.Add(time.Hour)})
		must(t, err)
		note, err := w.S.AddNote(ctx, w.Luka, n, "прва")
		must(t, err)
		measure, err := w.S.AskMeasure(ctx, w.Luka, n, "Блокада 198.51.100.24", "оператори")
		must(t, err)
		for name, do := range map[string]func() (incident.Done, error){
			"tag": func() (incident.Done, error) {
				return w.S.Edit(ctx, w.Luka, n, 0, incident.Patch{Tags: ptr([]string{"а"})})
			},
			"title": func() (incident.Done, error) {
				return w.S.Edit(ctx, w.Luka, n, 0, incident.Patch{Title: ptr("Нови")})
			},
			"take":    func() (incident.Done, error) { return w.S.Take(ctx, w.Luka, n) },
			"move":    func() (incident.Done, error) { return w.S.Move(ctx, w.Luka, n, 0, incident.Waiting, "чека") },
			"link":    func() (incident.Done, error) { return w.S.LinkCase(ctx, w.Luka, n, other, "исти IP") },
			"cve":     func() (incident.Done, error) { return w.S.LinkOther(ctx, w.Luka, n, "cve", "CVE-2026-99412", "") },
			"task":    func() (incident.Done, error) { return w.S.DoTask(ctx, w.Luka, n, task.Object, true) },
			"drop":    func() (incident.Done, error) { return w.S.DropTask(ctx, w.Luka, n, task.Object) },
			"note":    func() (incident.Done, error) { return w.S.EditNote(ctx, w.Luka, n, note.Object, 1, "друга") },
			"measure": func() (incident.Done, error) { return w.S.MoveMeasure(ctx, w.Luka, n, measure.Object, incident.Active) },
			"org":     func() (incident.Done, error) { return w.S.AddOrg(ctx, w.Luka, n, w.OrgB.UUID) },
			"entry": func() (incident.Done, error) {
				return w.S.AddEntry(ctx, w.Luka, n, incident.EntryInput{Body: "веза"})
			},
			"merge": func() (incident.Done, error) { return w.S.Merge(ctx, w.Luka, n, 0, []string{other}) },
		} {
			before := snapshot(t, w, n)
			d, err := do()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if cmp.Equal(before, snapshot(t, w, n)) {
				t.Fatalf("%s changed nothing that the test sees", name)
			}
			u, err := w.S.Undo(ctx, w.Luka, n, d.Act)
			if err != nil {
				t.Fatalf("undo %s: %v", name, err)
			}
			if diff := cmp.Diff(before, snapshot(t, w, n)); diff != "" {
				t.Fatalf("undo %s: %s", name, diff)
			}
			_, err = w.S.Undo(ctx, w.Luka, n, d.Act)
			want(t, err, fault.Conflict) // once is enough
			if _, err = w.S.Undo(ctx, w.Luka, n, u.Act); err != nil {
				t.Fatalf("redo %s: %v", name, err)
			}
			if _, err = w.S.Undo(ctx, w.Luka, n, d.Act); err != nil {
				t.Fatalf("undo %s again: %v", name, err)
			}
			if diff := cmp.Diff(before, snapshot(t, w, n)); diff != "" {
				t.Fatalf("undo %s again: %s", name, diff)
			}
		}
	})
}

// snapshot is everything that undo must restore: the case and its parts without
// versions, moments of change and history; clocks as running, paused or done.
func snapshot(t testing.TB, w *incidenttest.World, number string) map[string]string {
	t.Helper()
	f, err := w.S.Read(ctx, w.Luka, number)
	must(t, err)
	c := f.Case
	c.Updated, c.Version = 0, 0
	out := map[string]string{"number": c.Number}
	put := func(k string, v any) { out[k] = fmt.Sprintf("%+v", v) }
	put("case", []any{c.Title, c.Summary, c.State, c.Waiting, c.Lead, c.LeadName, c.Tags, c.Severity, c.Classes, c.Orgs, c.Merged})
	put("tasks", f.Tasks)
	put("entries", f.Entries)
	put("notes", f.Notes)
	put("measures", f.Measures)
	put("links", f.Links)
	put("merged", f.Merged)
	parties := f.Parties
	for i := range parties {
		parties[i].Updated = 0
	}
	put("parties", parties)
	for _, k := range f.Clocks {
		put("clock"+k.Name, []bool{k.Paused > 0, k.Done > 0})
	}
	return out
}

// TestTwoAtOnceBothWrite: two people who add to a case at the same moment both do.
func TestTwoAtOnceBothWrite(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Ana, "Упад").Number
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				if _, err := w.S.AddEntry(context.Background(), w.Ana, n, incident.EntryInput{Kind: "note", Body: fmt.Sprintf("Упис %d", i)}); err != nil {
					t.Errorf("entry %d: %v", i, err)
				}
			})
		}
		all.Wait()
		f, err := w.S.Read(context.Background(), w.Ana, n)
		if err != nil || len(f.Entries) < 12 || f.Version < 13 {
			t.Errorf("%d entries, version %d: %v", len(f.Entries), f.Version, err)
		}
	})
}
