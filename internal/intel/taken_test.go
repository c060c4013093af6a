package intel_test

import (
	"fmt"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestTakenUUIDsAreToldAndLeaveTheRest: a part whose UUID another event has is left
// out, alone, and counted as refused, in an event of one transaction and in one that is
// loaded in parts.
func TestTakenUUIDsAreToldAndLeaveTheRest(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		ana := w.Person(w.CERT, access.Analyst, ident.MISP)
		taken := inteltest.Attr("domain", "first.example.net")
		taken.UUID = misp.T(db.NewUUID())
		object := misp.Object{UUID: misp.T(db.NewUUID()), Name: misp.T("file"), Attribute: []misp.Attribute{inteltest.Attr("filename", "a.exe")}}
		first := inteltest.Event("first", intel.Community, taken)
		first.Object = []misp.Object{object}
		w.Add(ana, first)
		for _, n := range []int{3, 12_000} {
			second := inteltest.Event(fmt.Sprint("second ", n), intel.Community)
			for i := range n {
				second.Attribute = append(second.Attribute, inteltest.Attr("domain", fmt.Sprintf("h%d-%d.example.net", n, i)))
			}
			second.Attribute[n-1].UUID = taken.UUID
			second.Object = []misp.Object{{UUID: object.UUID, Name: misp.T("file"), Attribute: []misp.Attribute{inteltest.Attr("filename", "b.exe")}}}
			saved, err := w.Intel.AddEvent(ctx, ana, intel.FromEvent(second), intel.AddOptions{})
			must(t, err)
			e, err := w.Intel.Event(ctx, ana, saved.UUID)
			must(t, err)
			if e.Attributes != int64(n-1) {
				t.Errorf("%d: %d attributes stored", n, e.Attributes)
			}
			want := intel.Tally{Read: int64(n) + 1, Created: int64(n) - 1, Refused: 2}
			if saved.Attributes != want {
				t.Errorf("%d: attributes %+v, want %+v", n, saved.Attributes, want)
			}
			if want := (intel.Tally{Read: 1, Refused: 1}); saved.Objects != want {
				t.Errorf("%d: objects %+v, want %+v", n, saved.Objects, want)
			}
			if len(saved.Dropped) != 2 {
				t.Errorf("%d: told of %+v", n, saved.Dropped)
			}
		}
	})
}

// TestRareValuesAreRelatedFirst: where one value stands in more attributes than an answer
// counts, the events that share rare ones are told all the same.
func TestRareValuesAreRelatedFirst(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		ana := w.Person(w.CERT, access.Analyst, ident.MISP)
		crowd := inteltest.Event("everywhere", intel.Community)
		for range 400 {
			crowd.Object = append(crowd.Object, misp.Object{Name: misp.T("file"), Attribute: []misp.Attribute{inteltest.Attr("domain", "everywhere.example.net")}})
		}
		w.Add(ana, crowd)
		mine := inteltest.Event("mine", intel.Community, inteltest.Attr("domain", "everywhere.example.net"))
		want := map[string]bool{}
		for i := range 10 {
			rare := inteltest.Attr("domain", fmt.Sprintf("rare%d.example.net", i))
			want[w.Add(ana, inteltest.Event("rare", intel.Community, rare)).UUID] = true
			mine.Attribute = append(mine.Attribute, rare)
		}
		e := w.Add(ana, mine)
		list, err := w.Intel.RelatedEvents(ctx, ana, e.UUID, 100, false)
		must(t, err)
		for _, r := range list {
			delete(want, r.Event.UUID)
		}
		if len(want) > 0 || len(list) != 11 {
			t.Errorf("%d related, %d of the rare ones missing", len(list), len(want))
		}
	})
}

// TestHiddenPlacesMoveNoRelation: in how many places that the reader does not see a value
// stands decides nothing that is told. Somebody could else fill events of their own until
// the answer turns, and count by that how often others have the value.
func TestHiddenPlacesMoveNoRelation(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		ana, bo := w.Person(w.CERT, access.Analyst, ident.MISP), w.Person(w.B, access.Member, ident.MISP)
		asked := []misp.Attribute{inteltest.Attr("domain", "a.asked.example.net"), inteltest.Attr("domain", "b.asked.example.net")}
		for i := range 30 {
			w.Add(bo, inteltest.Event("of Beta", intel.OwnOrg, asked[i%2]))
		}
		mine := w.Add(bo, inteltest.Event("asks", intel.OwnOrg, asked...))
		related := func() int {
			list, err := w.Intel.RelatedEvents(ctx, bo, mine.UUID, 1000, false)
			must(t, err)
			return len(list)
		}
		before := related()
		hidden := inteltest.Event("hidden", intel.OwnOrg)
		for i := range 400 {
			hidden.Object = append(hidden.Object, misp.Object{Name: misp.T("file"), Attribute: []misp.Attribute{asked[i%2]}})
		}
		w.Add(ana, hidden)
		if after := related(); before != 30 || after != before {
			t.Errorf("%d related, %d when others have the value too", before, after)
		}
	})
}
