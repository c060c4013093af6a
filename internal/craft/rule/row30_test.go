package rule_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"straza/internal/craft/rule"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// pour tells of many things at once, as an import does.
func (w *world) pour(first, n int64) {
	w.t.Helper()
	must(w.t, w.db.Update(context.Background(), func(tx *store.Tx) error {
		for i := range n {
			if err := jobs.Publish(context.Background(), tx, told{first + i}); err != nil {
				return err
			}
		}
		return nil
	}))
	must(w.t, w.runner.Drain(context.Background()))
}

func (w *world) tick(now *clock.Moved, by time.Duration) {
	w.t.Helper()
	now.Add(by)
	must(w.t, w.runner.Tick(context.Background()))
	must(w.t, w.runner.Drain(context.Background()))
}

// to counts the letters to each, and gives the last.
func (w *world) to(email string) (n int, last mail.Letter) {
	for _, l := range w.letters() {
		if l.To == email {
			if n++; last.To == "" { // newest first
				last = l
			}
		}
	}
	return n, last
}

// TestRow30AnImportIsOneDigest is row 30 whole: an import of thousands of events reaches
// who asked to be told at once as three letters and one digest, however many rules tell
// them; whoever asked for the day's letter gets one; and a team's rule that writes to the
// team is held to the same. When it has been quiet for an hour letters come singly again.
func TestRow30AnImportIsOneDigest(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		now.Set(time.Date(2026, 6, 3, 9, 0, 0, 0, time.UTC))
		own := func(name, when string) rule.Act {
			return rule.Act{Do: rule.Alert, With: map[string]string{"when": when}}
		}
		for _, name := range []string{"all", "the same again"} {
			_, err := w.s.Add(ctx, w.lea, rule.Rule{Name: name, Trigger: "told", Active: true, Acts: []rule.Act{own(name, rule.AtOnce)}}, true)
			must(t, err)
		}
		_, err := w.s.Add(ctx, w.boba, rule.Rule{Name: "day", Trigger: "told", Active: true, Acts: []rule.Act{own("", rule.Daily), own("", rule.Daily)}}, true)
		must(t, err)
		_, err = w.s.Add(ctx, w.ana, rule.Rule{Name: "team", Trigger: "told", Active: true, Hourly: 10_000, Acts: []rule.Act{{Do: "mail", With: map[string]string{"to": rule.ToLeads}}, do("after")}}, false)
		must(t, err)
		const many = 110
		w.pour(1000, many)
		if len(w.done) != many {
			t.Errorf("the act behind the letter was done %d times of %d", len(w.done), many)
		}
		count := func(after string, lea, ana, boba int) {
			t.Helper()
			for email, want := range map[string]int{"lea@example.org": lea, "ana@example.org": ana, "boba@example.org": boba} {
				if n, _ := w.to(email); n != want {
					t.Errorf("%s: %d letters to %s, want %d", after, n, email, want)
				}
			}
		}
		count("during the import", 2*3, 3, 0)
		w.tick(now, time.Minute)
		count("a minute later, it may go on", 2*3, 3, 0)
		w.tick(now, 20*time.Minute)
		count("when it is quiet", 2*3+1, 3+1, 0)
		_, l := w.to("lea@example.org")
		if n := strings.Count(l.Body, "https://straza.example/console/things/1"); n != 2*100 || !strings.Contains(l.Body, "and more") || l.Subject != "2 rules found something: 200+" || len(l.Body) > 64<<10 {
			t.Errorf("%q lists %d in %d bytes", l.Subject, n, len(l.Body))
		}
		w.tick(now, 20*time.Minute)
		w.pour(3000, 10)
		w.tick(now, 20*time.Minute)
		count("ten more within the hour", 2*3+2, 3+2, 0)
		if _, l = w.to("ana@example.org"); l.Subject != "team: 10" || strings.Contains(l.Body, "and more") {
			t.Errorf("%q", l.Subject)
		}
		w.tick(now, 2*time.Hour)
		w.pour(5000, 1)
		count("one after a quiet time comes at once", 2*3+2+2, 3+2+1, 0)
		w.tick(now, 22*time.Hour)
		count("the day's letter", 2*3+2+2, 3+2+1, 1)
		// The second act of the same rule waits for its own letter, which is the next day's.
		w.tick(now, 24*time.Hour)
		if _, l = w.to("boba@example.org"); l.Subject != "day: 100+" {
			t.Errorf("%q", l.Subject)
		}
	})
}

// TestRow30ManyWorkersAtOnce: workers of several nodes that tell the same person about the
// same rule at one moment count each other's letters: no fourth leaves, and what waits
// comes as one digest though several write it at once.
func TestRow30ManyWorkersAtOnce(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		now.Set(time.Date(2026, 6, 3, 9, 0, 0, 0, time.UTC))
		r, err := w.s.Add(ctx, w.ana, rule.Rule{Name: "team", Trigger: "told", Active: true, Hourly: 10_000, Acts: []rule.Act{{Do: "mail", With: map[string]string{"to": rule.ToLeads}}}}, false)
		must(t, err)
		atOnce := func(n int, do func(i int64) error) (failed int) {
			t.Helper()
			var wg sync.WaitGroup
			errs, begin := make([]error, n), make(chan struct{})
			for i := range n {
				wg.Go(func() { <-begin; errs[i] = do(int64(i)) })
			}
			close(begin)
			wg.Wait()
			for _, err := range errs {
				if err != nil && !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
				if err != nil {
					failed++
				}
			}
			return failed
		}
		waiting := func() (n int64) {
			must(t, db.View(ctx, func(tx *store.Tx) (err error) {
				n, err = store.Int64(ctx, tx, `SELECT COUNT(*) FROM rule_line WHERE sent = 0`)
				return err
			}))
			return n
		}
		const many = 24
		atOnce(many, func(i int64) error {
			return w.s.Tell(ctx, w.ana, &r, &rule.Subject{ID: 1000 + i, Title: "x", Path: "/console/things/1", Label: "GREEN"})
		})
		if n, _ := w.to("ana@example.org"); n != 3 || waiting() != many-3 {
			t.Errorf("told %d times at once: %d letters, %d wait", many, n, waiting())
		}
		now.Add(20 * time.Minute)
		failed := atOnce(6, func(int64) error { return w.s.Digest(ctx) })
		if n, _ := w.to("ana@example.org"); n != 4 || waiting() != 0 || failed == 6 {
			t.Errorf("six digests at once: %d letters, %d wait, %d failed", n, waiting(), failed)
		}
	})
}

// TestRow30WhatWaitsForMondayStandsInNobodysWay: letters of the day go out however much is
// gathered for other people's or other days' letters, and one person gets one of all of it.
func TestRow30WhatWaitsForMondayStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		now.Set(time.Date(2026, 6, 2, 9, 0, 0, 0, time.UTC)) // a Tuesday
		add := func(name, when string) rule.Rule {
			r, err := w.s.Add(ctx, w.lea, rule.Rule{Name: name, Trigger: "told", Active: true, Acts: []rule.Act{{Do: rule.Alert, With: map[string]string{"when": when}}}}, true)
			must(t, err)
			return r
		}
		weekly, daily := add("week", rule.Weekly), add("day", rule.Daily)
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			at, err := store.Now(ctx, tx)
			for i, k := range []struct {
				r rule.Rule
				n int64
			}{{weekly, 700}, {daily, 620}} {
				acts := `[{"do":"alert","with":{"when":"` + k.r.When() + `"}}]`
				for n := range k.n {
					if err == nil {
						_, err = tx.Exec(ctx, `INSERT INTO rule_run (id, rule_id, cause, subject, at, acts, step, state, said, ended, decided_by) VALUES ($1,$2,$3,$4,$5,$6,0,'gathered','[]',0,0)`,
							db.NewID(), k.r.ID, n, int64(i)*10_000+n, at, acts)
					}
				}
			}
			return err
		}))
		w.tick(now, 21*time.Hour) // Wednesday, 08:00
		w.tick(now, time.Hour)
		if n, l := w.to("lea@example.org"); n != 1 || l.Subject != "day: 100+" {
			t.Fatalf("%d letters, %q", n, l.Subject)
		}
		left := func() (n int64) {
			must(t, db.View(ctx, func(tx *store.Tx) (err error) {
				n, err = store.Int64(ctx, tx, `SELECT COUNT(*) FROM rule_run WHERE state <> 'done'`)
				return err
			}))
			return n
		}
		if n := left(); n != 700 {
			t.Errorf("%d wait for Monday, want 700", n)
		}
		w.tick(now, 5*24*time.Hour) // Monday
		if n, l := w.to("lea@example.org"); n != 2 || l.Subject != "week: 100+" || left() != 0 {
			t.Errorf("%d letters, %q, %d left", n, l.Subject, left())
		}
	})
}
