package intake_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/intake"
	"straza/internal/intake/intaketest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

const bird = "Канаринац"

// TestReportsAreErasedByTerm: of a decided report nothing that was said is left after its
// term, and its code opens nothing; number, moments and classification stay. An undecided
// report, one whose case is open, and one on hold are left alone.
func TestReportsAreErasedByTerm(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		send := func() (intake.Receipt, intake.Report) {
			return w.Send(t, intaketest.Plain(bird+" је лажна продавница"))
		}
		rc, rejected := send()
		_, accepted := send()
		_, open := send()
		must(t, second(w.S.Classify(ctx, w.Ana, rejected.UUID, 0, intake.Decision{Type: intake.NearMiss, RSIT: []string{"fraud/phishing"}, Severity: "medium", Why: bird})))
		must(t, second(w.S.Reject(ctx, w.Ana, rejected.UUID, 0, bird+" не постоји")))
		a, err := w.S.Accept(ctx, w.Luka, accepted.UUID, 0, "", bird, "")
		must(t, err)
		tick(t, w)
		now.Add(40 * 24 * time.Hour)
		var noted int64
		sweep := func(dry bool, kept ...string) (n int64, shown []string) {
			s := access.Sweep{Dry: dry, Before: clock.Micros(now.Now().Add(-30 * 24 * time.Hour)), Kept: map[string]bool{},
				Show: func(h access.Held) { shown = append(shown, h.Label) },
				Note: func(_ context.Context, _ *store.Tx, k int64) error { noted += k; return nil }}
			for _, k := range kept {
				s.Kept[k] = true
			}
			n, err := reports(w).Erase(ctx, ident.SystemPart("privacy"), s)
			must(t, err)
			return n, shown
		}
		if n, shown := sweep(true); n != 1 || !slices.Equal(shown, []string{rejected.Number}) {
			t.Errorf("due: %d %v", n, shown)
		}
		if n, _ := sweep(false, rejected.Number); n != 0 {
			t.Errorf("%d went under a hold", n)
		}
		cut := errors.New("the machine went down")
		_, err = reports(w).Erase(ctx, ident.SystemPart("privacy"), access.Sweep{Before: clock.Micros(now.Now()), Note: func(context.Context, *store.Tx, int64) error { return cut }})
		if x, _ := w.S.Read(ctx, w.Ana, rejected.UUID); !errors.Is(err, cut) || x.Body == nil || !strings.Contains(x.Body.Description, bird) {
			t.Errorf("half a report went: %v", err)
		}
		if n, _ := sweep(false); n != 1 || noted != 1 {
			t.Errorf("erased %d, noted %d", n, noted)
		}
		w.Cases.Closed = map[int64]bool{a.Case: true}
		if n, _ := sweep(false); n != 1 || noted != 2 {
			t.Errorf("after its case was closed: %d, %d", n, noted)
		}
		x, err := w.S.Read(ctx, w.Ana, rejected.UUID)
		must(t, err)
		if x.Erased.IsZero() || x.Title != x.Number || x.Severity != "medium" || !slices.Equal(x.RSIT, []string{"fraud/phishing"}) || !x.Received.Equal(rejected.Received) || x.State != intake.Rejected ||
			x.Body == nil || x.Body.Description != "" || x.Reason != "" {
			t.Errorf("left: %+v", x)
		}
		if _, err := w.S.Follow(ctx, ident.Nobody(ident.Web), rc.Code); !fault.Is(err, fault.Invalid) {
			t.Errorf("the code still opens it: %v", err)
		}
		if err := w.S.Write(ctx, w.Ana, rejected.UUID, "има ли кога", false); !fault.Is(err, fault.Gone) || x.Reporter != nil {
			t.Errorf("still there to talk to: %v, %+v", err, x.Reporter)
		}
		if y, err := w.S.Read(ctx, w.Ana, open.UUID); err != nil || !strings.Contains(y.Body.Description, bird) {
			t.Errorf("the open one: %v", err)
		}
		must(t, second(w.S.Reject(ctx, w.Ana, open.UUID, 0, "није")))
		now.Add(40 * 24 * time.Hour)
		if n, _ := sweep(false); n != 1 {
			t.Errorf("the last one: %d", n)
		}
		if got := testkit.Standing(t, w.DB, bird); len(got) > 0 {
			t.Errorf("still there: %v", got)
		}
		if n, _ := sweep(false); n != 0 {
			t.Errorf("%d went again", n)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// reports is the term of what was reported.
func reports(w *intaketest.World) access.Term {
	list := w.S.Retention()
	return list[slices.IndexFunc(list, func(t access.Term) bool { return t.Class == "report" })]
}
