package intel_test

import (
	"fmt"
	"slices"
	"strings"
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
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func named(names ...string) (out []misp.Tag) {
	for _, n := range names {
		out = append(out, misp.Tag{Name: misp.T(n)})
	}
	return out
}

// tagsOf tells which tags stand on an event and its attributes, local ones with a star.
func tagsOf(t *testing.T, w *inteltest.World, who ident.Actor, ref string) (out []string) {
	t.Helper()
	say := func(what string, list []intel.TagUse) {
		words := []string{what}
		for _, u := range list {
			n := fmt.Sprintf("%s:%s", u.Name, u.Relationship)
			if u.Local {
				n += "*"
			}
			words = append(words, n)
		}
		slices.Sort(words[1:])
		out = append(out, strings.Join(words, " "))
	}
	e, err := w.Intel.Event(ctx, who, ref)
	must(t, err)
	say("event", e.Tags)
	must(t, w.Intel.Attributes(ctx, who, ref, intel.Part{}, func(a *intel.Attribute) error { say(a.Value, a.Tags); return nil }))
	return out
}

// TestMergeIsTakenBack: the tag is there again as it was, under its id, where it stood and
// as it stood there; what somebody changed since stays and is counted, and no event changed.
func TestMergeIsTakenBack(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		analyst, boss := w.Person(w.CERT, access.Lead, ident.Web), w.Person(w.A, access.OrgAdmin, ident.Web)
		seven := int64(7)
		old, err := w.Intel.AddTag(ctx, analyst, intel.Tag{Name: "Sneg", Colour: "#123456", Numerical: &seven})
		must(t, err)
		into, err := w.Intel.AddTag(ctx, analyst, intel.Tag{Name: "lavina"})
		must(t, err)
		var list []misp.Attribute
		for i, tags := range [][]string{{"Sneg"}, {"Sneg", "lavina"}, {"lavina"}, {"Sneg"}, {"Sneg", "lavina"}, {"Sneg"}, nil} {
			a := inteltest.Attr("domain", fmt.Sprintf("n%d.example", i))
			a.Tag = named(tags...)
			list = append(list, a)
		}
		ev := inteltest.Event("x", intel.Community, list...)
		ev.Tag = named("Sneg", "tlp:green")
		e := w.Add(analyst, ev)
		var uuids []string
		must(t, w.Intel.Attributes(ctx, analyst, e.UUID, intel.Part{}, func(a *intel.Attribute) error { uuids = append(uuids, a.UUID); return nil }))
		at := func(i int) intel.Target { return intel.Target{Event: e.UUID, Attribute: uuids[i]} }
		if _, err := w.Intel.Attach(ctx, analyst, at(6), []string{"Sneg"}, true); err != nil {
			t.Fatal(err)
		}
		for _, n := range []string{"Sneg", "lavina"} {
			_, err := w.Intel.Favour(ctx, analyst, n, true)
			must(t, err)
		}
		_, err = w.Intel.Favour(ctx, boss, "Sneg", true)
		must(t, err)
		before := tagsOf(t, w, analyst, e.UUID)
		was, err := w.Intel.Event(ctx, analyst, e.UUID)
		must(t, err)
		now.Add(time.Minute)
		m, err := w.Intel.MergeTag(ctx, analyst, "Sneg", "lavina", nil)
		must(t, err)
		merged := tagsOf(t, w, analyst, e.UUID)
		now.Add(time.Minute)
		must(t, w.Intel.Detach(ctx, analyst, at(3), []string{"lavina"})) // taken off since
		must(t, w.Intel.Detach(ctx, analyst, at(4), []string{"lavina"})) // where both stood
		must(t, w.Intel.Detach(ctx, analyst, at(5), []string{"lavina"})) // and put on anew
		if _, err := w.Intel.Attach(ctx, analyst, at(5), []string{"lavina"}, false); err != nil {
			t.Fatal(err)
		}
		now.Add(time.Minute)
		touched, err := w.Intel.Event(ctx, analyst, e.UUID)
		must(t, err)
		back, err := w.Intel.UndoMerge(ctx, analyst, m.ID)
		must(t, err)
		if back.State != intel.Undone || back.Left != 3 || back.Name != "Sneg" {
			t.Errorf("%+v", back)
		}
		want := slices.Clone(before)
		want[4], want[5], want[6] = merged[4][:len("n3.example")], merged[4][:len("n3.example")], merged[6]
		want[5] = strings.Replace(want[5], "n3", "n4", 1)
		if diff := cmp.Diff(want, tagsOf(t, w, analyst, e.UUID)); diff != "" {
			t.Error(diff)
		}
		tag, _, _, err := w.Intel.Tag(ctx, analyst, "Sneg")
		must(t, err)
		if diff := cmp.Diff(fmt.Sprintf("%+v %d", old, 7), fmt.Sprintf("%+v %d", with(tag, old.Numerical), *tag.Numerical)); diff != "" {
			t.Error(diff)
		}
		for who, likes := range map[*ident.Actor]map[int64]bool{&analyst: {old.ID: true, into.ID: true}, &boss: {old.ID: true}} {
			if liked, err := w.Intel.Favourites(ctx, *who); cmp.Diff(likes, liked) != "" || err != nil {
				t.Errorf("favourites %v, %v", liked, err)
			}
		}
		is, err := w.Intel.Event(ctx, analyst, e.UUID)
		must(t, err)
		if is.Timestamp != touched.Timestamp || is.Changed != touched.Changed || is.TLP != was.TLP {
			t.Errorf("the event changed: %+v", is)
		}
		if _, err := w.Intel.UndoMerge(ctx, analyst, m.ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("taken back twice: %v", err)
		}
		past, err := w.Intel.MergesInto(ctx, analyst, "lavina")
		must(t, err)
		if len(past) != 1 || past[0].Left != 3 || past[0].State != intel.Undone {
			t.Errorf("%+v", past)
		}
		told := ""
		must(t, w.Intel.Changes(ctx, analyst, e.UUID, intel.Changes{From: touched.Changed}, func(c *intel.Change, _ intel.ChangeCursor) error {
			told += fmt.Sprintf("%s %v ", c.Title, c.Fields)
			return nil
		}))
		if !strings.Contains(told, "Sneg") {
			t.Errorf("the versions do not tell it: %s", told)
		}
	})
}

func with(t intel.Tag, n *int64) intel.Tag { t.Numerical = n; return t }

// TestMergeOfManyIsTakenBack: more than a piece goes back as a job, and so does a merging
// that is still under way; what was not moved yet stays where it is.
func TestMergeOfManyIsTakenBack(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		analyst := w.Person(w.CERT, access.Lead, ident.Web)
		var list []misp.Attribute
		for i := range 2500 {
			a := inteltest.Attr("domain", fmt.Sprintf("n%d.example", i))
			if a.Tag = named("sneg"); i%5 == 0 {
				a.Tag = named("sneg", "lavina")
			}
			list = append(list, a)
		}
		e := w.Add(analyst, inteltest.Event("many", intel.Community, list...))
		before := tagsOf(t, w, analyst, e.UUID)
		worker := jobs.New(db, w.Intel.Jobs(), nil)
		for _, whole := range []bool{true, false} {
			m, err := w.Intel.MergeTag(ctx, analyst, "sneg", "lavina", nil)
			must(t, err)
			if m.Done {
				t.Fatal("2,500 uses were moved in one piece")
			}
			if whole {
				must(t, worker.Drain(ctx))
			}
			past, err := w.Intel.MergesInto(ctx, analyst, "lavina")
			must(t, err)
			if s := map[bool]string{true: intel.IsMerged, false: intel.Merging}[whole]; past[0].State != s || !whole && past[0].Percent != 80 {
				t.Errorf("%+v, want %s", past[0], s)
			}
			back, err := w.Intel.UndoMerge(ctx, analyst, m.ID)
			must(t, err)
			if back.State != intel.Undoing || whole && back.Percent != 80 {
				t.Errorf("%+v", back)
			}
			must(t, worker.Drain(ctx))
			if diff := cmp.Diff(before, tagsOf(t, w, analyst, e.UUID)); diff != "" {
				t.Errorf("whole %v: %.400s", whole, diff)
			}
			past, err = w.Intel.MergesInto(ctx, analyst, "lavina")
			must(t, err)
			if past[0].State != intel.Undone || past[0].Left != 0 {
				t.Errorf("%+v", past[0])
			}
		}
	})
}

// TestWhoTakesAMergeBack: who did it and colleagues who keep the vocabulary, for a month;
// to others it is not there. Where the tags are others now it is refused, or the one that
// has the name takes its place.
func TestWhoTakesAMergeBack(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		analyst, colleague, other := w.Person(w.CERT, access.Lead, ident.Web), w.Person(w.CERT, access.Lead, ident.Web), w.Person(w.CERT2, access.Lead, ident.Web)
		member := w.Person(w.A, access.Member, ident.Web)
		add := func(names ...string) {
			for _, n := range names {
				_, err := w.Intel.AddTag(ctx, analyst, intel.Tag{Name: n, Exportable: true})
				must(t, err)
			}
		}
		add("a", "b", "c", "d")
		secret := inteltest.Event("hidden", intel.OwnOrg, inteltest.Attr("domain", "h.example"))
		secret.Attribute[0].Tag = named("a")
		e := w.Add(analyst, secret)
		mergeTag := func(from, into string) int64 {
			m, err := w.Intel.MergeTag(ctx, analyst, from, into, nil)
			must(t, err)
			return m.ID
		}
		first := mergeTag("a", "b")
		for who, kind := range map[*ident.Actor]fault.Kind{&other: fault.NotFound, &member: fault.Denied} {
			if _, err := w.Intel.UndoMerge(ctx, *who, first); !fault.Is(err, kind) {
				t.Errorf("a stranger: %v, want %s", err, kind)
			}
		}
		if list, err := w.Intel.MergesInto(ctx, other, "b"); err != nil || len(list) != 0 {
			t.Errorf("a stranger is told: %+v %v", list, err)
		}
		second := mergeTag("b", "c")
		if _, err := w.Intel.UndoMerge(ctx, analyst, first); !fault.Is(err, fault.Conflict) {
			t.Errorf("into a tag that is gone: %v", err)
		}
		for _, id := range []int64{second, first} {
			if m, err := w.Intel.UndoMerge(ctx, colleague, id); err != nil || m.State != intel.Undone || m.Left != 0 {
				t.Errorf("one after the other: %+v %v", m, err)
			}
		}
		if got := tagsOf(t, w, analyst, e.UUID)[1]; got != "h.example a:" {
			t.Error(got)
		}
		third := mergeTag("a", "b")
		made, err := w.Intel.AddTag(ctx, other, intel.Tag{Name: "a", Exportable: true, Colour: "#ffffff"})
		must(t, err)
		if _, err := w.Intel.UndoMerge(ctx, analyst, third); err != nil {
			t.Error(err)
		}
		if now, _, n, err := w.Intel.Tag(ctx, analyst, "a"); err != nil || now.ID != made.ID || n != 1 {
			t.Errorf("the one that has the name: %+v, %d uses, %v", now, n, err)
		}
		_, err = w.Intel.EditTag(ctx, analyst, "a", func(t *intel.Tag) { t.Exportable = false })
		must(t, err)
		fourth := mergeTagAs(t, w, analyst, "a", "d")
		add("a")
		if _, err := w.Intel.UndoMerge(ctx, analyst, fourth); !fault.Is(err, fault.Conflict) {
			t.Errorf("what did not leave would leave: %v", err)
		}
		fifth := mergeTag("c", "b")
		now.Add(intel.MergeKept + 25*time.Hour)
		must(t, jobs.New(db, w.Intel.Jobs(), nil).Tick(ctx))
		if _, err := w.Intel.UndoMerge(ctx, analyst, fifth); !fault.Is(err, fault.NotFound) {
			t.Errorf("after the month: %v", err)
		}
	})
}

// mergeTagAs merges into a tag that stays in the house, too.
func mergeTagAs(t *testing.T, w *inteltest.World, who ident.Actor, from, into string) int64 {
	t.Helper()
	_, err := w.Intel.EditTag(ctx, who, into, func(t *intel.Tag) { t.Exportable = false })
	must(t, err)
	m, err := w.Intel.MergeTag(ctx, who, from, into, nil)
	must(t, err)
	return m.ID
}
