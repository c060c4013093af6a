package expiry_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/expiry"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestExpiryOfAHugeEvent: the indicators of one event run out together: they are noted in
// many transactions and in little memory; a look that is cut off on the way has told
// nothing, the next one, of another process, goes on and tells of all of them once.
// 5,001 of them, and 350,000 in make deep.
func TestExpiryOfAHugeEvent(t *testing.T) {
	t.Parallel()
	size := int64(5_001)
	if os.Getenv("STRAZA_DEEP") != "" {
		size = 350_000
	}
	each(t, func(t *testing.T, w *world) {
		until := misp.T(w.now.Now().Add(day).UTC().Format(time.RFC3339))
		list := make([]misp.Attribute, size)
		for i := range list {
			list[i] = clue("domain", fmt.Sprintf("n%d.example", i))
			list[i].LastSeen = until
		}
		w.publish(w.lead, inteltest.Event("huge", intel.Community, list...))
		list = nil
		if got := w.after(time.Minute); len(got) != 0 {
			t.Fatalf("told at once: %+v", got)
		}
		w.now.Add(day + time.Hour)
		rows := func() (n int64) {
			w.Must(w.DB.View(ctx, func(tx *store.Tx) (err error) {
				n, err = store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_lapsed")
				return err
			}))
			return n
		}
		look := func(s *expiry.Service) error {
			for _, d := range s.Jobs() {
				if d.Every > 0 { // the tick
					return d.Run(ctx, nil)
				}
			}
			return fmt.Errorf("no look among the jobs")
		}
		before := heap()
		mend := w.breakAfter(3_000)
		if err := look(w.s); err == nil {
			t.Fatal("the look came to its end: nothing is proved")
		}
		mend()
		if n := rows(); n == 0 || n > 3_000 {
			t.Errorf("%d of %d noted when it was cut off", n, size)
		}
		w.told = nil
		w.Must(w.runner.Drain(ctx))
		if len(w.told) != 0 {
			t.Errorf("told of half: %+v", w.told)
		}
		peak, done := uint64(0), make(chan error, 1)
		go func() {
			done <- look(expiry.New(expiry.Deps{DB: w.DB, Audit: testkit.Audit(w.DB), Intel: w.Intel, Models: w.Lists}))
		}()
		for over := false; !over; {
			select {
			case err := <-done:
				w.Must(err)
				over = true
			default:
				rows()
				peak = max(peak, heap())
			}
		}
		w.Must(w.runner.Drain(ctx))
		if n := rows(); n != size || len(w.told) != 1 || w.told[0].Count != size {
			t.Errorf("%d rows, told %+v", n, w.told)
		}
		if peak > before+64<<20 {
			t.Errorf("it took %d MB", (peak-before)>>20)
		}
	})
}

// breakAfter lets the database take no notes of attributes behind the first so many, until
// it is mended.
func (w *world) breakAfter(n int) (mend func()) {
	w.T.Helper()
	var last int64
	w.Must(w.DB.View(ctx, func(tx *store.Tx) (err error) {
		last, err = store.Int64(ctx, tx, "SELECT MAX(x.id) FROM (SELECT id FROM intel_attribute ORDER BY id LIMIT $1) x", n)
		return err
	}))
	full := fmt.Sprintf("NEW.attribute_id > %d", last)
	begin, end := []string{"CREATE TRIGGER cut BEFORE INSERT ON intel_lapsed WHEN " + full + " BEGIN SELECT RAISE(ABORT, 'cut'); END"}, []string{"DROP TRIGGER cut"}
	if w.DB.Engine != store.SQLite {
		begin = []string{"CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF " + full + " THEN RAISE EXCEPTION ''cut''; END IF; RETURN NEW; END'",
			"CREATE TRIGGER cut BEFORE INSERT ON intel_lapsed FOR EACH ROW EXECUTE FUNCTION cut()"}
		end = []string{"DROP TRIGGER cut ON intel_lapsed", "DROP FUNCTION cut()"}
	}
	exec := func(list []string) {
		w.Must(w.DB.Update(ctx, func(tx *store.Tx) error {
			for _, text := range list {
				if _, err := tx.Exec(ctx, text); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	exec(begin)
	return func() { exec(end) }
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
