package intel_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// told gives changes as short lines: what, what became of it, its name and fields.
func told(t testing.TB, s *intel.Service, who ident.Actor, event string, from, to int64) (out []string) {
	t.Helper()
	kinds := [...]string{"event", "object", "attribute", "reference", "report"}
	must(t, s.Changes(ctx, who, event, intel.Changes{From: from, To: to}, func(c *intel.Change, _ intel.ChangeCursor) error {
		line := kinds[c.Kind] + " " + c.Act + " " + c.Type + "|" + c.Title
		for _, f := range c.Fields {
			line += " " + f.Name + ":" + f.Was + ">" + f.Is
		}
		out = append(out, line)
		return nil
	}))
	return out
}

// TestChangesBetweenMoments tells an event's life step by step and asks for every
// stretch of it.
func TestChangesBetweenMoments(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.A, access.OrgAdmin, ident.MISP)
		var moments []int64
		step := func() { moments = append(moments, now.Now().UnixMicro()); now.Add(time.Minute) }
		e := w.Add(who, inteltest.Event("first words", intel.Community, inteltest.Attr("ip-dst", "198.51.100.1"), inteltest.Attr("domain", "one.example"), inteltest.Attr("domain", "two.example")))
		byValue := map[string]string{}
		must(t, w.Intel.Attributes(ctx, who, e.UUID, intel.Part{}, func(a *intel.Attribute) error {
			byValue[a.Value] = strconv.FormatInt(a.ID, 10)
			return nil
		}))
		step() // 0
		_, err := w.Intel.EditAttribute(ctx, who, byValue["one.example"], misp.Attribute{Value: misp.T("uno.example"), Comment: misp.T("seen again")})
		must(t, err)
		_, err = w.Intel.Attach(ctx, who, intel.Target{Event: e.UUID, Attribute: byValue["two.example"]}, []string{"tlp:amber"}, false)
		must(t, err)
		step() // 1
		_, err = w.Intel.DeleteAttribute(ctx, who, byValue["two.example"], false)
		must(t, err)
		_, _, err = w.Intel.AddAttributes(ctx, who, e.UUID, []misp.Attribute{inteltest.Attr("url", "http://three.example/")}, false)
		must(t, err)
		_, err = w.Intel.EditEvent(ctx, who, e.UUID, intel.FromEvent(&misp.Event{Info: misp.T("second words"), Tag: []misp.Tag{{Name: misp.T("tlp:green")}}}), intel.AddOptions{})
		must(t, err)
		step() // 2
		_, err = w.Intel.EditAttribute(ctx, who, byValue["one.example"], misp.Attribute{Value: misp.T("one.example")})
		must(t, err)
		_, err = w.Intel.DeleteAttribute(ctx, who, byValue["198.51.100.1"], true)
		must(t, err)
		must(t, w.Intel.Detach(ctx, who, intel.Target{Event: e.UUID}, []string{"tlp:green"}))
		step() // 3
		got := map[string][]string{}
		for _, x := range [][2]int{{0, 1}, {1, 2}, {2, 3}, {0, 3}} {
			got[strconv.Itoa(x[0])+strconv.Itoa(x[1])] = told(t, w.Intel, who, e.UUID, moments[x[0]], moments[x[1]])
		}
		want := map[string][]string{
			"01": {"attribute changed domain|uno.example value:one.example>uno.example comment:>seen again", "attribute changed domain|two.example tag:>tlp:amber"},
			"12": {"event changed |second words info:first words>second words tag:>tlp:green", "attribute deleted domain|two.example", "attribute added url|http://three.example/"},
			"23": {"event changed |second words tag:tlp:green>", "attribute removed ip-dst|", "attribute changed domain|one.example value:uno.example>one.example"},
			"03": {"event changed |second words info:first words>second words", "attribute removed ip-dst|", "attribute changed domain|one.example comment:>seen again",
				"attribute deleted domain|two.example tag:>tlp:amber", "attribute added url|http://three.example/"},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if all := told(t, w.Intel, who, e.UUID, 0, 0); len(all) != 2 { // nothing was there before: two values are left
			t.Errorf("from nothing: %q", all)
		}
	})
}

// TestChangesOfObjects covers objects, their attributes, references and reports.
func TestChangesOfObjects(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.A, access.OrgAdmin, ident.MISP)
		e := w.Add(who, inteltest.Event("objects", intel.Community, inteltest.Attr("domain", "one.example")))
		o, err := w.Intel.AddObject(ctx, who, e.UUID, misp.Object{Name: misp.T("file"), Attribute: []misp.Attribute{inteltest.Attr("filename", "a.bin"), inteltest.Attr("filename", "b.bin")}}, false)
		must(t, err)
		p, err := w.Intel.AddObject(ctx, who, e.UUID, misp.Object{Name: misp.T("url"), Attribute: []misp.Attribute{inteltest.Attr("url", "http://a.example/")}}, false)
		must(t, err)
		ref, err := w.Intel.AddReference(ctx, who, o.UUID, misp.ObjectReference{ReferencedUUID: misp.T(p.UUID), RelationshipType: misp.T("drops")})
		must(t, err)
		r, err := w.Intel.AddReport(ctx, who, e.UUID, misp.EventReport{Name: misp.T("story"), Content: misp.T("once"), Distribution: misp.N(5)})
		must(t, err)
		from := now.Now().UnixMicro()
		now.Add(time.Minute)
		_, err = w.Intel.EditObject(ctx, who, o.UUID, misp.Object{Comment: misp.T("dropper"), Attribute: []misp.Attribute{inteltest.Attr("filename", "b.bin"), inteltest.Attr("filename", "c.bin")}})
		must(t, err)
		_, err = w.Intel.DeleteReference(ctx, who, strconv.FormatInt(ref.ID, 10), false)
		must(t, err)
		_, err = w.Intel.EditReport(ctx, who, r.UUID, misp.EventReport{Content: misp.T("twice")})
		must(t, err)
		_, err = w.Intel.DeleteObject(ctx, who, p.UUID, true)
		must(t, err)
		want := []string{"object changed file|dropper comment:>dropper", "object removed url|", "attribute deleted filename|a.bin", "attribute removed url|",
			"reference deleted drops|", "report changed |story content:once>twice", "attribute added filename|c.bin"}
		if d := cmp.Diff(want, told(t, w.Intel, who, e.UUID, from, 0)); d != "" {
			t.Error(d)
		}
	})
}

// TestChangesTellNobodyMore: who did not see an old value when it stood there does not
// see it here, though the thing is theirs to read now.
func TestChangesTellNobodyMore(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		maker, other := w.Person(w.A, access.OrgAdmin, ident.MISP), w.Person(w.B, access.OrgAdmin, ident.MISP)
		e := w.Add(maker, inteltest.Event("shared", intel.Community, misp.Attribute{Type: misp.T("text"), Value: misp.T("secret name"), Distribution: misp.N(0)}, inteltest.Attr("domain", "open.example")))
		var id string
		must(t, w.Intel.Attributes(ctx, maker, e.UUID, intel.Part{}, func(a *intel.Attribute) error {
			if a.Type == "text" {
				id = strconv.FormatInt(a.ID, 10)
			}
			return nil
		}))
		from := now.Now().UnixMicro()
		now.Add(time.Minute)
		_, err := w.Intel.EditAttribute(ctx, maker, id, misp.Attribute{Value: misp.T("cleaned"), Distribution: misp.N(5)})
		must(t, err)
		now.Add(time.Minute)
		_, err = w.Intel.EditAttribute(ctx, maker, id, misp.Attribute{Comment: misp.T("for all")})
		must(t, err)
		if d := cmp.Diff([]string{"attribute changed text|cleaned value:secret name>cleaned comment:>for all distribution:0>5"}, told(t, w.Intel, maker, e.UUID, from, 0)); d != "" {
			t.Error("maker", d)
		}
		if d := cmp.Diff([]string{"attribute changed text|cleaned comment:>for all"}, told(t, w.Intel, other, e.UUID, from, 0)); d != "" {
			t.Error("reader", d)
		}
		_, err = w.Intel.EditAttribute(ctx, maker, id, misp.Attribute{Value: misp.T("hidden again"), Distribution: misp.N(0)})
		must(t, err)
		if got := told(t, w.Intel, other, e.UUID, from, 0); len(got) != 0 {
			t.Errorf("a value that is hidden now is told: %q", got)
		}
		_, err = w.Intel.DeleteAttribute(ctx, maker, id, true)
		must(t, err)
		if got := told(t, w.Intel, other, e.UUID, from, 0); len(got) != 0 {
			t.Errorf("a removal of what is hidden is told: %q", got)
		}
		err = db.View(ctx, func(tx *store.Tx) error {
			n, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_change WHERE was LIKE '%secret%' OR was LIKE '%cleaned%'")
			if n != 0 {
				t.Errorf("%d old values of a removed attribute are kept", n)
			}
			return err
		})
		must(t, err)
		if err := w.Intel.Changes(ctx, w.Person(w.C, access.OrgAdmin, ident.MISP), "no-event", intel.Changes{}, nil); err == nil {
			t.Error("changes of nothing")
		}
	})
}

// TestVersions lists when an event came and was published.
func TestVersions(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		maker, other := w.Person(w.A, access.OrgAdmin, ident.Web), w.Person(w.B, access.OrgAdmin, ident.Web)
		e := w.Add(maker, inteltest.Event("draft", intel.Community, inteltest.Attr("domain", "one.example")))
		now.Add(time.Minute)
		must(t, w.Intel.Publish(ctx, maker, e.UUID))
		first := now.Now().UnixMicro()
		now.Add(time.Minute)
		_, _, err := w.Intel.AddAttributes(ctx, maker, e.UUID, []misp.Attribute{inteltest.Attr("domain", "two.example")}, false)
		must(t, err)
		now.Add(time.Minute)
		must(t, w.Intel.Publish(ctx, maker, e.UUID))
		second := now.Now().UnixMicro()
		list, err := w.Intel.Versions(ctx, other, e.UUID)
		must(t, err)
		if len(list) != 3 || !list[0].Published || !list[1].Published || list[2].At != e.Created || list[0].At < second-1e6 || list[1].At < first-1e6 {
			t.Fatalf("versions %+v of %d and %d", list, first, second)
		}
		if d := cmp.Diff([]string{"attribute added domain|two.example"}, told(t, w.Intel, other, e.UUID, list[1].At, list[0].At)); d != "" {
			t.Error(d)
		}
	})
}

// TestOldValuesOfPersonsGo: what an attribute about a person was before goes at the end
// of the term, and is found for its subject until then.
func TestOldValuesOfPersonsGo(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.A, access.OrgAdmin, ident.MISP)
		e := w.Add(who, inteltest.Event("mail", intel.Community, inteltest.Attr("email-src", "kanarinac@primer.example"), inteltest.Attr("domain", "was.example")))
		must(t, w.Intel.Attributes(ctx, who, e.UUID, intel.Part{}, func(a *intel.Attribute) error {
			_, err := w.Intel.EditAttribute(ctx, who, a.UUID, misp.Attribute{Type: misp.T("domain"), Category: misp.T("Network activity"), Value: misp.T("now-" + strconv.FormatInt(a.ID, 10) + ".example")})
			return err
		}))
		officer := w.Person(w.CERT, access.Analyst, ident.Web)
		officer.Perms["privacy.use"] = true
		held, err := w.Intel.PersonalData(ctx, officer, access.Subject{Email: "kanarinac@primer.example"})
		must(t, err)
		if len(held) != 1 || held[0].Table != "intel_change" {
			t.Errorf("held %+v", held)
		}
		now.Add(50 * 24 * time.Hour)
		sweep := access.Sweep{Before: clock.Micros(now.Now().Add(-40 * 24 * time.Hour)), Note: func(context.Context, *store.Tx, int64) error { return nil }}
		n, err := w.Intel.Retention()[0].Erase(ctx, ident.SystemPart("privacy"), sweep)
		if got := testkit.Standing(t, db, "kanarinac"); err != nil || n != 1 || len(got) > 0 {
			t.Errorf("%d went, %v, still there: %v", n, err, got)
		}
		if len(testkit.Standing(t, db, "was.example")) == 0 {
			t.Error("the old value of a domain went, too")
		}
	})
}
