package intel_test

import (
	"testing"

	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestPins: a working set is its person's alone, holds what they see, and lets go of what
// they see no longer or what was deleted.
func TestPins(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		maker, mate, other := w.Person(w.A, access.OrgAdmin, ident.Web), w.Person(w.A, access.Member, ident.Web), w.Person(w.B, access.Member, ident.Web)
		e := w.Add(maker, inteltest.Event("x", intel.OwnOrg, inteltest.Attr("domain", "a.example")))
		if err := w.Intel.Pin(ctx, other, e.UUID, true); !fault.Is(err, fault.NotFound) {
			t.Errorf("what is not seen: %v", err)
		}
		for range 2 { // twice is once
			must(t, w.Intel.Pin(ctx, maker, e.UUID, true))
		}
		for who, want := range map[*ident.Actor]int{&maker: 1, &mate: 0, &other: 0} {
			if got, err := w.Intel.Pinned(ctx, *who); err != nil || len(got) != want {
				t.Errorf("%s: %v %v, want %d", who.OrgName, got, err, want)
			}
		}
		must(t, w.Intel.Pin(ctx, maker, e.UUID, false))
		if got, _ := w.Intel.Pinned(ctx, maker); len(got) != 0 {
			t.Errorf("it stayed: %v", got)
		}
		must(t, w.Intel.Pin(ctx, maker, e.UUID, true))
		must(t, w.Intel.DeleteEvent(ctx, maker, e.UUID))
		if got, _ := w.Intel.Pinned(ctx, maker); len(got) != 0 {
			t.Errorf("of a deleted event: %v", got)
		}
	})
}
