package incident_test

import (
	"testing"
	"time"

	"straza/internal/craft/deadline"
	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func clocksOf(t *testing.T, db *store.DB, kind string, object int64) (out []deadline.Clock) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) (err error) {
		out, err = deadline.OfTx(t.Context(), tx, kind, object)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAcceptedByMistake: the case that a report opened is closed, without a clock, when
// the report is taken out of it again before anybody worked on it.
func TestAcceptedByMistake(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		ctx := t.Context()
		for _, worked := range []bool{false, true} {
			report := db.NewID()
			var id int64
			var number string
			update := func(fn func(tx *store.Tx) error) {
				t.Helper()
				if err := db.Update(ctx, fn); err != nil {
					t.Fatal(err)
				}
			}
			update(func(tx *store.Tx) (err error) {
				id, number, err = w.S.OpenFromReportTx(ctx, tx, w.Ana, incident.Seed{Report: report, Number: "P-2026-000009", CERT: w.Ana.CERT, Draft: incident.Draft{Title: "Грешком"}})
				return err
			})
			if worked {
				if _, err := w.S.AddTask(ctx, w.Ana, number, incident.TaskInput{Title: "Слика диска"}); err != nil {
					t.Fatal(err)
				}
			}
			update(func(tx *store.Tx) error { return w.S.UnlinkReportTx(ctx, tx, w.Ana, id, report) })
			c, err := w.S.Get(ctx, w.Ana, number)
			if err != nil || (c.State == incident.Closed) == worked {
				t.Errorf("worked on %v: the case is %s, %v", worked, c.State, err)
			}
			if n := len(clocksOf(t, db, "case", id)); (n == 0) == worked {
				t.Errorf("worked on %v: %d clocks", worked, n)
			}
		}
	})
}

// TestNothingOnTimeUnanswered: a case that is solved without an answer was not answered
// on time, and asks nobody any more; reopened, its clocks run from where they began.
func TestNothingOnTimeUnanswered(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := incidenttest.New(t, db)
		ctx := t.Context()
		c := w.Open(t, w.Ana, "Упад")
		began := clocksOf(t, db, "case", c.ID)
		if len(began) != 1 || began[0].Done != 0 {
			t.Fatalf("%+v", began)
		}
		move := func(to incident.State) {
			t.Helper()
			if _, err := w.S.Move(ctx, w.Ana, c.Number, 0, to, ""); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.S.AddTask(ctx, w.Ana, c.Number, incident.TaskInput{Title: "Слика диска", Due: testkit.AsOf.Add(40 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
		now.Add(time.Hour)
		move(incident.Resolved)
		if k := clocksOf(t, db, "case", c.ID); len(k) != 0 {
			t.Errorf("a solved case without an answer has %+v", k)
		}
		f, err := w.S.Read(ctx, w.Ana, c.Number)
		if err != nil || len(f.Tasks) != 1 {
			t.Fatal(err)
		}
		if k := clocksOf(t, db, "task", f.Tasks[0].ID); len(k) != 0 {
			t.Errorf("a task nobody did has %+v", k)
		}
		move(incident.InProgress)
		if k := clocksOf(t, db, "case", c.ID); len(k) != 1 || k[0].Due != began[0].Due || k[0].Done != 0 {
			t.Errorf("reopened: %+v, began %+v", k, began)
		}
		if k := clocksOf(t, db, "task", f.Tasks[0].ID); len(k) != 1 || k[0].Done != 0 {
			t.Errorf("the task of a reopened case: %+v", k)
		}
	})
}
