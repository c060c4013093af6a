package intel_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestPersonsAreErasedByTerm: of events that nobody touched for the term, what is about
// persons goes, deleted or not, in every batch; hashes and domains stay, and so do the
// event's counts, timestamp and mark of publication.
func TestPersonsAreErasedByTerm(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.Web)
		old := w.Add(who, inteltest.Event("old", intel.OwnOrg, inteltest.Attr("email-src", "kanarinac@primer.example"), inteltest.Attr("phone-number", "+381 11 555-0101"),
			inteltest.Attr("domain", "stays.example"), inteltest.Attr("email", "drugi-kanarinac@primer.example")))
		kept := w.Add(who, inteltest.Event("kept", intel.OwnOrg, inteltest.Attr("email-src", "zadrzan@primer.example")))
		w.Must(w.Intel.Attributes(t.Context(), who, old.Ref(), intel.Part{}, func(a *intel.Attribute) error {
			if a.Value != "drugi-kanarinac@primer.example" {
				return nil
			}
			_, err := w.Intel.DeleteAttribute(t.Context(), who, a.UUID, false)
			return err
		}))
		now.Add(50 * 24 * time.Hour)
		w.Add(who, inteltest.Event("young", intel.OwnOrg, inteltest.Attr("email-src", "mladi@primer.example")))
		was, err := w.Intel.Event(t.Context(), who, old.Ref())
		w.Must(err)
		var noted int64
		term := w.Intel.Retention()[0]
		sweep := func(dry bool, note func(context.Context, *store.Tx, int64) error) (n int64, shown []string, err error) {
			n, err = term.Erase(t.Context(), ident.SystemPart("privacy"), access.Sweep{Dry: dry, Before: clock.Micros(now.Now().Add(-40 * 24 * time.Hour)),
				Kept: map[string]bool{kept.UUID: true}, Show: func(h access.Held) { shown = append(shown, h.Label) }, Note: note})
			return
		}
		n, shown, err := sweep(true, nil)
		w.Must(err)
		if n != 3 || !slices.Equal(shown, []string{was.UUID}) {
			t.Errorf("due: %d %v", n, shown)
		}
		cut := errors.New("the machine went down")
		if _, _, err := sweep(false, func(context.Context, *store.Tx, int64) error { return cut }); !errors.Is(err, cut) || len(testkit.Standing(t, db, "kanarinac")) == 0 {
			t.Errorf("half of it went: %v", err)
		}
		count := func(_ context.Context, _ *store.Tx, k int64) error { noted += k; return nil }
		if n, _, err := sweep(false, count); err != nil || n != 3 || noted != 3 {
			t.Errorf("%d went, %d noted, %v", n, noted, err)
		}
		if got := testkit.Standing(t, db, "kanarinac", "+381 11 555-0101", "+38111555"); len(got) > 0 {
			t.Errorf("still there: %v", got)
		}
		for _, stays := range []string{"stays.example", "zadrzan@primer.example", "mladi@primer.example"} {
			if len(testkit.Standing(t, db, stays)) == 0 {
				t.Errorf("%s went", stays)
			}
		}
		e, err := w.Intel.Event(t.Context(), who, old.Ref())
		w.Must(err)
		if e.Attributes != 1 || e.Timestamp != was.Timestamp || e.Published != was.Published || e.Changed == was.Changed {
			t.Errorf("the event: %+v", e)
		}
		if n, _, err := sweep(false, count); n != 0 || err != nil {
			t.Errorf("%d went again, %v", n, err)
		}
	})
}
