package incident_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// Every part of a case is found by its words in either script, and by what it says
// now: an edit, a removal and an undo change what is found. What was shown is audited.
func TestPartsAreFound(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Luka, "Упад").Number
		find := func(q string) (kinds []string) {
			t.Helper()
			list, _, err := w.S.Find(ctx, w.Ana, q, 20)
			must(t, err)
			for _, m := range list {
				if m.Number != n || m.Text == "" || m.Title != "Упад" || m.At == 0 {
					t.Errorf("%q: %+v", q, m)
				}
				kinds = append(kinds, m.Kind)
			}
			slices.Sort(kinds)
			return kinds
		}
		expect := func(q string, want ...string) {
			t.Helper()
			if got := find(q); !slices.Equal(got, want) {
				t.Errorf("%q finds %v, want %v", q, got, want)
			}
		}
		task, err := w.S.AddTask(ctx, w.Ana, n, incident.TaskInput{Title: "Позвати ковачницу"})
		must(t, err)
		note, err := w.S.AddNote(ctx, w.Ana, n, "Ковачница шаље дневник са 198.51.100.24")
		must(t, err)
		must(t, second(w.S.AddEntry(ctx, w.Ana, n, incident.EntryInput{Body: "Ковачница искључена"})))
		must(t, second(w.S.AskMeasure(ctx, w.Ana, n, "Блокада", "ковачница")))
		party := w.Party(t, w.Ana, n, w.OrgA, "duty@elektromreza.example")
		expect("kovačnica", "entry", "measure", "note")
		expect("KOVAC", "entry", "measure", "note", "task")
		expect("ковачница дневник", "note")
		expect("198.51.100.24", "note")
		expect("Elektromreža", "party")
		expect("нема")
		for _, q := range []string{"", " ", "%", "_", `"`, "%%", "..", "-"} {
			expect(q)
		}
		must(t, second(w.S.DropTask(ctx, w.Ana, n, task.Object)))
		expect("pozvati")
		edited, err := w.S.EditNote(ctx, w.Ana, n, note.Object, 0, "Сада говори о млину")
		must(t, err)
		expect("mlinu", "note")
		expect("kovacnica", "entry", "measure")
		must(t, second(w.S.Undo(ctx, w.Ana, n, edited.Act)))
		expect("mlinu")
		expect("kovacnica dnevnik", "note")

		for _, way := range []string{thread.Out, thread.Note} {
			must(t, second(w.S.Write(ctx, w.Ana, n, party, way, "Проверите воденицу ("+way+")")))
		}
		letters, more, err := w.S.FindLetters(ctx, w.Luka, "vodenicu", 1)
		must(t, err)
		if len(letters) != 1 || !more || letters[0].Thread.Ref != party || letters[0].Thread.Number != n {
			t.Errorf("letters: %+v, more %v", letters, more)
		}
		if letters, _, err = w.S.FindLetters(ctx, w.Luka, "vodenicu out elektromreza", 5); err != nil || len(letters) != 1 || letters[0].Message.Way != thread.Out {
			t.Errorf("a letter by its text and party: %+v %v", letters, err)
		}
		must(t, db.View(ctx, func(tx *store.Tx) error {
			for verb, label := range map[string]string{"case.find": n, "thread.find": n} {
				k, err := store.Int64(ctx, tx, `SELECT COUNT(*) FROM audit_line WHERE verb = $1 AND label = $2`, verb, label)
				if err != nil || k == 0 {
					t.Errorf("%s: %d lines of audit, %v", verb, k, err)
				}
			}
			return nil
		}))
	})
}

// Parts and messages written before there was an index get their words by the job.
func TestOlderPartsAreIndexed(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n, _ := filled(t, w)
		found := func() (parts, letters int) {
			a, _, err := w.S.Find(ctx, w.Ana, canary, 20)
			must(t, err)
			b, _, err := w.S.FindLetters(ctx, w.Ana, canary, 20)
			must(t, err)
			return len(a), len(b)
		}
		parts, letters := found()
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			for _, x := range []string{"DELETE FROM incident_part_word", "DELETE FROM incident_part", "DELETE FROM thread_word"} {
				if _, err := tx.Exec(ctx, x); err != nil {
					return err
				}
			}
			return nil
		}))
		if a, b := found(); a+b != 0 || parts < 4 || letters != 1 {
			t.Fatalf("%s: %d and %d before, %d and %d without index", n, parts, letters, a, b)
		}
		for _, d := range append(w.S.Jobs(), w.Threads.Jobs()...) {
			if strings.HasSuffix(d.Kind, ".index") {
				must(t, d.Run(ctx, nil))
			}
		}
		if a, b := found(); a != parts || b != letters {
			t.Errorf("%d and %d after the jobs, want %d and %d", a, b, parts, letters)
		}
	})
}

// A number is found as people say it, the case that it leads to now, and only by who
// sees that case; signs alone list nothing.
func TestSpokenNumbers(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		one, two := w.Open(t, w.Luka, "Први").Number, w.Open(t, w.Luka, "Други").Number
		list := func(q string) (out []string) {
			t.Helper()
			cases, _, err := w.S.List(ctx, w.Ana, incident.Filter{Query: q}, incident.Page{})
			must(t, err)
			for _, c := range cases {
				out = append(out, c.Number)
			}
			count, _, err := w.S.Count(ctx, w.Ana, incident.Filter{Query: q})
			must(t, err)
			if int(count) != len(out) {
				t.Errorf("%q: %d counted, %d listed", q, count, len(out))
			}
			return out
		}
		short := strings.TrimLeft(one[len(one)-6:], "0")
		for _, q := range []string{one, strings.ToLower(one), "S-" + short, "s" + short, "С-" + short, " s" + short + " ", short, one[2:6] + "-" + short} {
			if got := list(q); !slices.Equal(got, []string{one}) {
				t.Errorf("%q finds %v, want %s", q, got, one)
			}
		}
		for _, q := range []string{"P-" + short, "%", "_", `"`, "%%%", "s-0", "1999-" + short, "s-9999999"} {
			if got := list(q); len(got) != 0 {
				t.Errorf("%q finds %v", q, got)
			}
		}
		must(t, second(w.S.Merge(ctx, w.Luka, two, 0, []string{one})))
		if got := list("s" + short); !slices.Equal(got, []string{two}) {
			t.Errorf("a merged number finds %v, want %s", got, two)
		}
		if cases, _, err := w.S.List(ctx, w.Petar, incident.Filter{Number: short}, incident.Page{}); err != nil || len(cases) != 0 {
			t.Errorf("another CERT finds %v, %v", cases, err)
		}
	})
}

// Common words over many parts take the walking shapes and find the same.
func TestCommonPartsAreFound(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		c, other := w.Open(t, w.Luka, "Упад"), w.Open(t, w.Petar, "Туђ")
		must(t, second(w.S.AddNote(ctx, w.Ana, c.Number, "млин стоји")))
		incidenttest.FillNotes(t, w, other, 5200, "млин")
		list, more, err := w.S.Find(ctx, w.Ana, "mlin", 5)
		must(t, err)
		if len(list) != 1 || more || list[0].Number != c.Number {
			t.Errorf("our one among many of others: %d, %v", len(list), more)
		}
		if list, more, err = w.S.Find(ctx, w.Petar, "mlin", 5); err != nil || len(list) != 5 || !more {
			t.Errorf("theirs: %d, %v, %v", len(list), more, err)
		}
		began := time.Now()
		for i := range 20 {
			if _, _, err := w.S.Find(ctx, w.Petar, fmt.Sprintf("mlin %d", i), 5); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("a search over 5,200 notes: %v", time.Since(began)/20)
	})
}
