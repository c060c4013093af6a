package intel_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestCorrelationsCountWhatIsSeen: the header of a related event counts for its reader,
// not for its maker.
func TestCorrelationsCountWhatIsSeen(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		maker, reader := w.Person(w.A, access.OrgAdmin, ident.MISP), w.Person(w.B, access.Member, ident.MISP)
		here := w.Add(maker, inteltest.Event("here", intel.Community, inteltest.Attr("domain", "shared.example")))
		own := inteltest.Attr("domain", "kept.example")
		own.Distribution = misp.N(0)
		w.Add(maker, inteltest.Event("there", intel.Community, inteltest.Attr("domain", "shared.example"), own, inteltest.Attr("domain", "open.example")))
		for name, c := range map[string]struct {
			who  ident.Actor
			want int64
		}{"maker": {maker, 3}, "reader": {reader, 2}} {
			list, _, err := w.Intel.Correlations(ctx, c.who, here.UUID, 10)
			must(t, err)
			if len(list) != 1 || list[0].Event.Attributes != c.want {
				t.Errorf("the %s is told of %+v, want one event with %d attributes", name, list[0].Event, c.want)
			}
		}
	})
}

// TestOrderByCountTellsNothing: events in the order of their size stand in the order of
// what the reader sees of them, so that nobody brackets a hidden number with events of his own.
func TestOrderByCountTellsNothing(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		maker, reader := w.Person(w.A, access.OrgAdmin, ident.MISP), w.Person(w.B, access.Member, ident.MISP)
		kept := func(v string) misp.Attribute {
			a := inteltest.Attr("domain", v)
			a.Distribution = misp.N(0)
			return a
		}
		w.Add(maker, inteltest.Event("one of three", intel.Community, inteltest.Attr("domain", "a.example"), kept("b.example"), kept("c.example")))
		w.Add(maker, inteltest.Event("two", intel.Community, inteltest.Attr("domain", "d.example"), inteltest.Attr("domain", "e.example")))
		for name, c := range map[string]struct {
			who  ident.Actor
			want []string
		}{"maker": {maker, []string{"two", "one of three"}}, "reader": {reader, []string{"one of three", "two"}}} {
			var got []string
			_, err := w.Intel.SearchEvents(ctx, c.who, intel.Query{Sort: "attribute_count"}, func(e *intel.Event) error { got = append(got, e.Info); return nil })
			must(t, err)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("the %s (-want +got):\n%s", name, diff)
			}
		}
	})
}

// TestReferenceToHiddenPart: who does not see an object or attribute of an event is not
// told that another object of it points there; a target elsewhere stays as it was sent.
func TestReferenceToHiddenPart(t *testing.T) {
	t.Parallel()
	const hidden, inHidden, elsewhere, open = "7d3f1d0e-0000-4000-8000-000000000001", "7d3f1d0e-0000-4000-8000-000000000002",
		"7d3f1d0e-0000-4000-8000-000000000003", "7d3f1d0e-0000-4000-8000-000000000004"
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		maker, reader := w.Person(w.A, access.OrgAdmin, ident.MISP), w.Person(w.B, access.Member, ident.MISP)
		within, beside := inteltest.Attr("domain", "kept.example"), inteltest.Attr("domain", "open.example")
		within.UUID, beside.UUID = misp.T(inHidden), misp.T(open)
		e := inteltest.Event("two objects", intel.Community, beside)
		from := misp.Object{Name: misp.T("domain-ip"), Distribution: misp.N(5), Attribute: []misp.Attribute{inteltest.Attr("domain", "from.example")}}
		for _, to := range []string{hidden, inHidden, elsewhere, open} {
			from.ObjectReference = append(from.ObjectReference, misp.ObjectReference{ReferencedUUID: misp.T(to), RelationshipType: misp.T("contains")})
		}
		e.Object = []misp.Object{from, {Name: misp.T("file"), UUID: misp.T(hidden), Distribution: misp.N(0), Attribute: []misp.Attribute{within}}}
		added := w.Add(maker, e)
		for name, c := range map[string]struct {
			who  ident.Actor
			want []string
		}{"maker": {maker, []string{hidden, inHidden, elsewhere, open}}, "reader": {reader, []string{elsewhere, open}}} {
			var got []string
			must(t, w.Intel.Objects(ctx, c.who, added.UUID, intel.Part{}, func(o *intel.Object) error {
				for _, r := range o.References {
					got = append(got, r.TargetUUID)
				}
				return nil
			}))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("the %s (-want +got):\n%s", name, diff)
			}
		}
	})
}

// TestTagMadeByAttaching: a name that is made by attaching it came with the event, as one
// in the event's own JSON; whoever enters the same name on purpose is not told that it is there.
func TestTagMadeByAttaching(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		maker, other := w.Person(w.A, access.OrgAdmin, ident.MISP), w.Person(w.B, access.OrgAdmin, ident.MISP)
		e := w.Add(maker, inteltest.Event("own", intel.OwnOrg, inteltest.Attr("domain", "kept.example")))
		at := intel.Target{Event: e.UUID, Exact: true}
		if n, err := w.Intel.Attach(ctx, maker, at, []string{"operacija:tiha"}, false); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		if n, err := w.Intel.Attach(ctx, maker, at, []string{"Operacija:tiha"}, false); err != nil || n != 1 {
			t.Fatal("a name in another case is another name here", n, err)
		}
		if _, _, _, err := w.Intel.Tag(ctx, other, "operacija:tiha"); !fault.Is(err, fault.NotFound) {
			t.Errorf("the other organisation reads %v", err)
		}
		made, err := w.Intel.AddTag(ctx, other, intel.Tag{Name: "operacija:tiha", Colour: "#112233", Exportable: true})
		must(t, err)
		if made.Colour != "#112233" {
			t.Errorf("made %+v", made)
		}
		if _, err := w.Intel.AddTag(ctx, other, intel.Tag{Name: "operacija:tiha", Exportable: true}); !fault.Is(err, fault.Conflict) {
			t.Errorf("now it is everybody's: %v", err)
		}
		if got, _, _, err := w.Intel.Tag(ctx, maker, "operacija:tiha"); err != nil || got.ID != made.ID {
			t.Errorf("the maker reads %+v, %v", got, err)
		}
	})
}

// TestTagOfOthersIsNotChanged: one organisation does not rename or take away what others
// have labelled their events with, and nobody a TLP label that is in use.
func TestTagOfOthersIsNotChanged(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		maker, other := w.Person(w.A, access.OrgAdmin, ident.MISP), w.Person(w.B, access.OrgAdmin, ident.Web)
		keeper := w.Person(w.CERT, access.Admin, ident.Web)
		e := inteltest.Event("labelled", intel.Community, inteltest.Attr("domain", "a.example"))
		e.Tag = []misp.Tag{{Name: misp.T("tlp:red")}, {Name: misp.T("ours:word")}}
		added := w.Add(maker, e)
		own := w.Add(other, inteltest.Event("own", intel.Community, inteltest.Attr("domain", "b.example")))
		if _, err := w.Intel.Attach(ctx, other, intel.Target{Event: own.UUID}, []string{"their:word"}, false); err != nil {
			t.Fatal(err)
		}
		rename := func(tag *intel.Tag) { tag.Name = "tlp:clear" }
		for _, c := range []struct {
			who  ident.Actor
			tag  string
			kind fault.Kind
		}{{other, "tlp:red", fault.Denied}, {other, "ours:word", fault.Denied}, {keeper, "tlp:red", fault.Conflict}} {
			if _, err := w.Intel.EditTag(ctx, c.who, c.tag, rename); !fault.Is(err, c.kind) {
				t.Errorf("%s renames %s: %v", c.who, c.tag, err)
			}
			if err := w.Intel.DeleteTag(ctx, c.who, c.tag); !fault.Is(err, c.kind) {
				t.Errorf("%s deletes %s: %v", c.who, c.tag, err)
			}
		}
		if _, err := w.Intel.EditTag(ctx, keeper, "tlp:red", func(tag *intel.Tag) { tag.Exportable = false }); !fault.Is(err, fault.Invalid) {
			t.Errorf("a label that does not go along: %v", err)
		}
		if _, err := w.Intel.AddTag(ctx, keeper, intel.Tag{Name: "tlp:amber+strict", Exportable: true, Org: w.B.ID}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a label kept for one organisation: %v", err)
		}
		must(t, w.Intel.DeleteTag(ctx, other, "their:word"))
		must(t, w.Intel.DeleteTag(ctx, keeper, "ours:word"))
		got, err := w.Intel.Event(ctx, maker, added.UUID)
		must(t, err)
		if len(got.Tags) != 1 || got.Tags[0].Name != "tlp:red" {
			t.Errorf("left: %+v", got.Tags)
		}
	})
}

// TestALevelThatIsNone: a level that is no number is refused or kept at home, as one that
// does not exist; the default would be wider.
func TestALevelThatIsNone(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		maker := w.Person(w.A, access.OrgAdmin, ident.MISP)
		for _, level := range []misp.Int{{Bad: "abc", Is: misp.Given}, {Bad: "0x1", Is: misp.Given}, misp.N(9), misp.N(-1)} {
			wide := inteltest.Event("wide", intel.Community, inteltest.Attr("domain", "a.example"))
			wide.Distribution = level
			if _, err := w.Intel.AddEvent(ctx, maker, intel.FromEvent(wide), intel.AddOptions{}); !fault.Is(err, fault.Invalid) {
				t.Errorf("an event of level %+v: %v", level, err)
			}
			a := inteltest.Attr("domain", "a.example")
			a.Distribution = level
			e := inteltest.Event("home", intel.Community, a)
			e.Object = []misp.Object{{Name: misp.T("domain-ip"), Distribution: level, Attribute: []misp.Attribute{inteltest.Attr("domain", "b.example")}}}
			e.EventReport = []misp.EventReport{{Name: misp.T("r"), Content: misp.T("c"), Distribution: level}}
			added := w.Add(maker, e)
			other := w.Person(w.B, access.Member, ident.MISP)
			if n, err := w.Intel.CountAttributes(ctx, other, intel.Query{Events: []string{added.UUID}}); err != nil || n != 0 {
				t.Errorf("level %+v: another organisation sees %d attributes, %v", level, n, err)
			}
			if list, err := w.Intel.Reports(ctx, other, added.UUID, 0); err != nil || len(list) != 0 {
				t.Errorf("level %+v: another organisation sees %d reports, %v", level, len(list), err)
			}
		}
	})
}

// TestSightedOnWhatIsHidden: when something was sighted is told to those who see it: a
// sighting on a narrower attribute moves nothing for the event's other readers, neither on
// the event, nor in lists, nor for who walks what changed; one that they see does.
func TestSightedOnWhatIsHidden(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		maker, reader := w.Person(w.A, access.OrgAdmin, ident.MISP), w.Person(w.B, access.Sync, ident.MISP)
		own := inteltest.Attr("domain", "kept.example")
		own.Distribution = misp.N(0)
		e := w.Add(maker, inteltest.Event("e", intel.Community, own, inteltest.Attr("domain", "open.example")))
		must(t, w.Intel.Publish(ctx, maker, e.UUID))
		told := func(who ident.Actor) (at int64) {
			t.Helper()
			head, err := w.Intel.Event(ctx, who, e.UUID)
			must(t, err)
			_, err = w.Intel.SearchEvents(ctx, who, intel.Query{Events: []string{e.UUID}}, func(x *intel.Event) error {
				if x.SightingTimestamp != head.SightingTimestamp {
					t.Errorf("the list tells %s %d, the event %d", who, x.SightingTimestamp, head.SightingTimestamp)
				}
				return nil
			})
			must(t, err)
			return head.SightingTimestamp
		}
		var place intel.Walk
		walked := func() (n int) {
			t.Helper()
			for more := true; more; {
				var err error
				place, more, err = w.Intel.EventsSince(ctx, reader, place, intel.Since{Sighted: true, Most: 10, Keep: func(*intel.Event) (bool, error) { return true, nil },
					Change: func(*intel.Event) error { return nil }, Sighting: func(*intel.Event) error { n++; return nil }})
				must(t, err)
			}
			return n
		}
		sight := func(value string) int64 {
			t.Helper()
			now.Add(time.Minute)
			must(t, first2(w.Intel.AddSightings(ctx, maker, nil, []string{value}, intel.Sighting{})))
			return now.Now().Unix()
		}
		now.Add(time.Minute)
		walked()
		hidden := sight("kept.example")
		if a, b, n := told(maker), told(reader), walked(); a < hidden || b != 0 || n != 0 {
			t.Errorf("hidden: the maker is told %d of %d, the reader %d, %d events in the walk", a, hidden, b, n)
		}
		seen := sight("open.example")
		if a, b, n := told(maker), told(reader), walked(); a < seen || b != a || n != 1 {
			t.Errorf("open: the maker is told %d of %d, the reader %d, %d events in the walk", a, seen, b, n)
		}
		now.Add(time.Minute)
		walked()
		sight("kept.example")
		if b, n := told(reader), walked(); b < seen || b > seen+1 || n != 0 {
			t.Errorf("hidden again: the reader is told %d, not %d; %d events in the walk", b, seen, n)
		}
	})
}

func first2[A, B any](_ A, _ B, err error) error { return err }
