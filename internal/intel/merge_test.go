package intel_test

import (
	"fmt"
	"testing"

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

// TestMergeTag: one tag takes another's places, in pieces when there are many; where both
// stood one stands, and the old one is in the versions.
func TestMergeTag(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		analyst := w.Person(w.CERT, access.Analyst, ident.Web)
		tags := func(names ...string) (out []misp.Tag) {
			for _, n := range names {
				out = append(out, misp.Tag{Name: misp.T(n)})
			}
			return out
		}
		var list []misp.Attribute
		for i := range 2500 {
			a := inteltest.Attr("domain", fmt.Sprintf("n%d.example", i))
			a.Tag = tags("sneg")
			if i%5 == 0 {
				a.Tag = tags("sneg", "snežna kampanja")
			}
			list = append(list, a)
		}
		ev := inteltest.Event("many", intel.Community, list...)
		ev.Tag = tags("sneg", "tlp:amber")
		e := w.Add(analyst, ev)
		before, err := w.Intel.Event(ctx, analyst, e.UUID)
		must(t, err)
		if _, err := w.Intel.Favour(ctx, analyst, "sneg", true); err != nil {
			t.Fatal(err)
		}
		m, err := w.Intel.MergeTag(ctx, analyst, "sneg", "snežna kampanja", nil)
		must(t, err)
		if m.Done {
			t.Error("2,501 uses were moved in one piece of 2,000")
		}
		must(t, jobs.New(db, w.Intel.Jobs(), nil).Drain(ctx))
		if _, _, _, err := w.Intel.Tag(ctx, analyst, "sneg"); !fault.Is(err, fault.NotFound) {
			t.Errorf("the old tag is there: %v", err)
		}
		into, events, attributes, err := w.Intel.Tag(ctx, analyst, "snežna kampanja")
		must(t, err)
		if events != 1 || attributes != 2500 {
			t.Errorf("%d events, %d attributes", events, attributes)
		}
		if liked, _ := w.Intel.Favourites(ctx, analyst); !liked[into.ID] {
			t.Error("the favourite was lost")
		}
		now, err := w.Intel.Event(ctx, analyst, e.UUID)
		must(t, err)
		if now.TLP != before.TLP || now.TLP == "" || now.Timestamp != before.Timestamp {
			t.Errorf("the event changed: %+v", now)
		}
	})
}

// TestMergeTagIsTheUsers: an organisation does not clear up what others use, and merges
// what it alone uses; a tag that somebody does not know of is not there.
func TestMergeTagIsTheUsers(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		analyst, boss := w.Person(w.CERT, access.Analyst, ident.Web), w.Person(w.A, access.OrgAdmin, ident.Web)
		ev := inteltest.Event("x", intel.OwnOrg, inteltest.Attr("domain", "a.example"))
		ev.Tag = []misp.Tag{{Name: misp.T("alfina")}}
		w.Add(boss, ev)
		for _, name := range []string{"jedna", "druga"} {
			if _, err := w.Intel.AddTag(ctx, analyst, intel.Tag{Name: name, Exportable: true}); err != nil {
				t.Fatal(err)
			}
		}
		theirs := inteltest.Event("y", intel.OwnOrg, inteltest.Attr("domain", "b.example"))
		theirs.Tag = []misp.Tag{{Name: misp.T("jedna")}}
		w.Add(analyst, theirs)
		if _, err := w.Intel.MergeTag(ctx, boss, "jedna", "druga", nil); !fault.Is(err, fault.Denied) {
			t.Errorf("an organisation merged what another uses: %v", err)
		}
		if _, err := w.Intel.MergeTag(ctx, analyst, "alfina", "druga", nil); !fault.Is(err, fault.NotFound) {
			t.Errorf("a tag that is not seen: %v", err)
		}
		if m, err := w.Intel.MergeTag(ctx, boss, "alfina", "druga", nil); err != nil || !m.Done {
			t.Errorf("what it alone uses: %+v %v", m, err)
		}
		if _, err := w.Intel.MergeTag(ctx, analyst, "jedna", "nema je", nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("into nothing: %v", err)
		}
		if m, err := w.Intel.MergeTag(ctx, analyst, "jedna", "druga", nil); err != nil || !m.Done {
			t.Errorf("%+v %v", m, err)
		}
	})
}

// TestFrequentsAreSeen: what is counted is what the caller sees, on the list and of one
// value; who is not of the team asks for nothing.
func TestFrequentsAreSeen(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		analyst, boss := w.Person(w.CERT, access.Analyst, ident.Web), w.Person(w.A, access.OrgAdmin, ident.Web)
		for i := range 4 {
			level := intel.Community
			if i == 3 {
				level = intel.OwnOrg
			}
			e := w.Add(boss, inteltest.Event(fmt.Sprint("e", i), level, inteltest.Attr("domain", "svuda.example"), inteltest.Attr("domain", fmt.Sprintf("x%d.example", i))))
			must(t, w.Intel.Publish(ctx, boss, e.UUID))
		}
		for range 3 {
			w.Add(boss, inteltest.Event("own", intel.OwnOrg, inteltest.Attr("domain", "tajna.example")))
		}
		list, complete, err := w.Intel.Frequents(ctx, analyst, 3)
		must(t, err)
		if len(list) != 1 || !complete || list[0] != (intel.Frequent{Value: "svuda.example", Type: "domain", Count: 3, Events: 3}) {
			t.Errorf("%v %+v", complete, list)
		}
		if f, err := w.Intel.Joins(ctx, analyst, "tajna.example"); err != nil || f.Count != 0 {
			t.Errorf("a hidden value: %+v %v", f, err)
		}
		if _, _, err := w.Intel.Frequents(ctx, boss, 2); !fault.Is(err, fault.Denied) {
			t.Errorf("an organisation asked: %v", err)
		}
		if _, err := w.Intel.Exclude(ctx, analyst, intel.Exclusion{Value: "svuda.example", Comment: "an advertiser"}); err != nil {
			t.Fatal(err)
		}
		if f, err := w.Intel.Joins(ctx, analyst, "svuda.example"); err != nil || !f.Excluded || f.Events != 3 {
			t.Errorf("%+v %v", f, err)
		}
	})
}
