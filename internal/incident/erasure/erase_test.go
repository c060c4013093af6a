package erasure_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/incident/erasure"
	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// bird stands in everything that people write in a case; in folded words, too.
const bird = "Канаринац"

// told fills a case with canaries and closes it.
func told(t *testing.T, w *incidenttest.World, retention string) string {
	t.Helper()
	n := w.Open(t, w.Ana, "Случај "+bird).Number
	said := bird + " је звао"
	must(t, second(w.S.Edit(ctx, w.Luka, n, 0, incident.Patch{Summary: ptr(said), Classes: ptr([]string{"fraud/phishing"}), RootCause: ptr(said), Impact: ptr(said), Lessons: ptr("yes"),
		Retention: &retention, Severity: ptr("high"), Why: said})))
	must(t, second(w.S.AddOrg(ctx, w.Ana, n, "Занат "+bird)))
	must(t, second(w.S.AddNote(ctx, w.Ana, n, said)))
	must(t, second(w.S.AddEntry(ctx, w.Ana, n, incident.EntryInput{Kind: "note", Body: said, Source: said})))
	task, err := w.S.AddTask(ctx, w.Ana, n, incident.TaskInput{Title: said})
	must(t, err)
	must(t, second(w.S.DoTask(ctx, w.Ana, n, task.Object, true)))
	must(t, second(w.S.AskMeasure(ctx, w.Ana, n, said, said)))
	must(t, second(w.S.LinkOther(ctx, w.Ana, n, incident.LinkCVE, "CVE-2026-0001", said)))
	e, err := w.S.AddEvidence(ctx, w.Ana, n, bird+".log", said, strings.NewReader("bytes"))
	must(t, err)
	must(t, w.S.HandOver(ctx, w.Ana, n, e.UUID, bird))
	p, err := w.S.AddParty(ctx, w.Ana, n, incident.PartyInput{Org: "Занат " + bird, Address: "kanarinac@primer.example", Subject: said, TLP: "CLEAR"})
	must(t, err)
	a, err := w.Threads.Attach(ctx, bird+".txt", strings.NewReader("bytes"))
	must(t, err)
	must(t, second(w.S.Write(ctx, w.Ana, n, p.UUID, thread.Out, said, a)))
	w.Work(t)
	for _, to := range []incident.State{incident.InProgress, incident.Resolved, incident.Closed} {
		must(t, second(w.S.Move(ctx, w.Luka, n, 0, to, "")))
	}
	return n
}

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func second[T any](_ T, err error) error { return err }

func ptr[T any](v T) *T { return &v }

func terms(w *incidenttest.World) []access.Term {
	return erasure.New(erasure.Deps{DB: w.DB, Audit: w.Audit, Blobs: w.Blobs, Threads: w.Threads, Cases: w.S}).Retention()
}

func fileOf(t *testing.T, w *incidenttest.World, n string) incident.File {
	t.Helper()
	f, err := w.S.Read(ctx, w.Luka, n)
	must(t, err)
	return f
}

func files(t *testing.T, folder string) (n int) {
	t.Helper()
	must(t, filepath.WalkDir(folder, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	}))
	return n
}

// After its term nothing that somebody wrote in a closed case is left in any table or
// file; its number, moments, classification and counts stay. Holds, longer retention
// classes and open cases are left alone; each case goes with its line, once.
func TestClosedCasesAreErasedByTerm(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := incidenttest.New(t, db)
		system := ident.SystemPart("privacy")
		gone := told(t, w, "five-years")
		if got := testkit.Standing(t, db, bird); len(got) < 12 {
			t.Fatalf("canaries stand only in %v", got)
		}
		now.Add(100 * 24 * time.Hour)
		sweep := func(dry bool, kept ...string) (n, noted int64, shown []string) {
			w2 := access.Sweep{Dry: dry, Before: clock.Micros(now.Now().Add(-90 * 24 * time.Hour)), Kept: map[string]bool{},
				Show: func(h access.Held) { shown = append(shown, h.Label) },
				Note: func(_ context.Context, _ *store.Tx, k int64) error { noted += k; return nil }}
			for _, k := range kept {
				w2.Kept[k] = true
			}
			for _, term := range terms(w) {
				k, err := term.Erase(ctx, system, w2)
				must(t, err)
				n += k
			}
			return n, noted, shown
		}
		if n, _, _ := sweep(true); n != 0 {
			t.Errorf("%d due although its class keeps it five years", n)
		}
		now.Add(5 * 366 * 24 * time.Hour)
		if n, _, shown := sweep(true); n != 1 || !slices.Equal(shown, []string{gone}) {
			t.Errorf("due: %d %v", n, shown)
		}
		if n, _, _ := sweep(false, gone); n != 0 || len(testkit.Standing(t, db, bird)) == 0 {
			t.Errorf("%d erased under a hold", n)
		}
		before := fileOf(t, w, gone)
		cut := errors.New("the machine went down")
		_, err := terms(w)[0].Erase(ctx, system, access.Sweep{Before: clock.Micros(now.Now()), Note: func(context.Context, *store.Tx, int64) error { return cut }})
		if !errors.Is(err, cut) || len(testkit.Standing(t, db, bird)) < 12 {
			t.Errorf("half a case went: %v", err)
		}
		if n, noted, _ := sweep(false); n != 1 || noted != 1 {
			t.Errorf("erased %d, noted %d", n, noted)
		}
		if got := testkit.Standing(t, db, bird, "kanarinac@primer.example"); len(got) > 0 {
			t.Errorf("still there: %v", got)
		}
		if n := files(t, w.BlobFolder); db.Engine == store.SQLite && n != 0 {
			t.Errorf("%d files are left", n)
		}
		after := fileOf(t, w, gone)
		c, was := after.Case, before.Case
		if c.Erased == 0 || c.Title != gone || c.Severity != was.Severity || !slices.Equal(c.Classes, was.Classes) || c.Opened != was.Opened || c.Closed != was.Closed || c.Lessons != "yes" || c.State != incident.Closed {
			t.Errorf("left of the case: %+v", c)
		}
		if len(after.Tasks) != len(before.Tasks) || len(after.Evidence) != 1 || len(after.Parties) != 1 {
			t.Errorf("counts: %+v", after)
		}
		lines, err := w.Audit.Lines(ctx, ident.Actor{Kind: ident.Person, Person: 9, Perms: map[string]bool{"audit.read": true}}, audit.Filter{Verb: "case.erase", Limit: 10})
		must(t, err)
		if len(lines) != 1 || lines[0].Label != gone {
			t.Errorf("audit: %+v", lines)
		}
		if n, _, _ := sweep(false); n != 0 {
			t.Errorf("%d erased again", n)
		}
		// Reopened and closed again, it has a new term.
		must(t, second(w.S.Move(ctx, w.Luka, gone, 0, incident.InProgress, "")))
		must(t, second(w.S.AddNote(ctx, w.Ana, gone, bird)))
		now.Add(9 * 366 * 24 * time.Hour)
		if n, _, _ := sweep(true); n != 0 {
			t.Error("an open case is due")
		}
		if rep, err := w.Audit.Verify(ctx); err != nil || !rep.OK {
			t.Errorf("audit: %+v, %v", rep, err)
		}
	})
}

// A case's own retention class keeps it longer than the term, never shorter.
func TestRetentionClassKeepsLonger(t *testing.T) {
	t.Parallel()
	at := clock.Micros(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, tc := range []struct {
		days  int
		after time.Duration
		due   bool
	}{{0, 0, true}, {10, 9 * 24 * time.Hour, false}, {10, 10 * 24 * time.Hour, true}, {731, 730 * 24 * time.Hour, false}} {
		if got := erasure.DueByClass(at, tc.days, at+tc.after.Microseconds()); got != tc.due {
			t.Errorf("%d days, %s later: %v", tc.days, tc.after, got)
		}
	}
}
