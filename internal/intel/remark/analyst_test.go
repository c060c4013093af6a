package remark_test

import (
	"slices"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/intel/remark"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

func on(target, typ, text string, level intel.Distribution) misp.Analyst {
	return misp.Analyst{ObjectUUID: misp.T(target), ObjectType: misp.T(typ), Note: misp.T(text), Distribution: misp.N(int64(level))}
}

// texts are the notes that somebody sees, in the order they were made.
func (w *world) texts(t *testing.T, who ident.Actor, kind remark.Kind) (out []string) {
	t.Helper()
	must(t, w.Remarks.Remarks(ctx, who, kind, nil, func(n *remark.Remark) error { out = append(out, n.Text); return nil }))
	return out
}

// TestRemarkRules: what is refused, field by field; what is taken.
func TestRemarkRules(t *testing.T) {
	each(t, func(t *testing.T, w *world, _ *clock.Moved) {
		u := w.DB.NewUUID()
		opinion := func(n int64) misp.Analyst {
			return misp.Analyst{ObjectUUID: misp.T(u), ObjectType: misp.T("Event"), Opinion: misp.N(n), Comment: misp.T("c")}
		}
		for name, c := range map[string]struct {
			kind  remark.Kind
			w     misp.Analyst
			field string // "" = taken
		}{
			"missing target is allowed": {remark.Note, on(u, "Event", "orphan", 1), ""},
			"no uuid":                   {remark.Note, on("x", "Event", "a", 1), "object_uuid"},
			"no such type":              {remark.Note, on(u, "Case", "a", 1), "object_type"},
			"empty note":                {remark.Note, on(u, "Event", "  ", 1), "note"},
			"too long":                  {remark.Note, on(u, "Event", strings.Repeat("a", 65<<10), 1), "note"},
			"unknown level":             {remark.Note, on(u, "Event", "a", 9), "distribution"},
			"opinion 0":                 {remark.Opinion, opinion(0), ""},
			"opinion 100":               {remark.Opinion, opinion(100), ""},
			"opinion 101":               {remark.Opinion, opinion(101), "opinion"},
			"opinion -1":                {remark.Opinion, opinion(-1), "opinion"},
			"no opinion":                {remark.Opinion, misp.Analyst{ObjectUUID: misp.T(u), ObjectType: misp.T("Event")}, "opinion"},
			"relationship nowhere":      {remark.Relationship, on(u, "Event", "", 1), "related_object_uuid"},
			"relationship": {remark.Relationship, misp.Analyst{ObjectUUID: misp.T(u), ObjectType: misp.T("Event"), RelatedObjectUUID: misp.T(w.open.UUID),
				RelatedObjectType: misp.T("Event"), RelationshipType: misp.T("related-to")}, ""},
		} {
			_, err := w.Remarks.AddRemark(ctx, w.beta, c.kind, c.w)
			if c.field == "" {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if f := fault.Of(err); f == nil || f.Fields[c.field] == "" {
				t.Errorf("%s: %v, want a fault of %s", name, err, c.field)
			}
		}
		_, err := w.Remarks.AddRemark(ctx, w.reader, remark.Note, on(u, "Event", "a", 1))
		wants(t, "a reader", err, fault.Denied)
	})
}

// TestRemarkBelongsToItsOrganisation: others see it by its level and cannot touch it;
// what hangs on it survives it.
func TestRemarkBelongsToItsOrganisation(t *testing.T) {
	each(t, func(t *testing.T, w *world, now *clock.Moved) {
		forged := on(w.domain.UUID, "Attribute", "a note", intel.Community)
		forged.Orgc, forged.Locked = &misp.Org{Name: misp.T("Gama"), UUID: misp.T(w.C.UUID)}, misp.B(true)
		n, err := w.Remarks.AddRemark(ctx, w.beta, remark.Note, forged)
		must(t, err)
		if n.Origin.ID != w.B.ID || n.Locked || !n.Mine {
			t.Errorf("origin %v, locked %v, mine %v", n.Origin, n.Locked, n.Mine)
		}
		o, err := w.Remarks.AddRemark(ctx, w.gama, remark.Opinion, misp.Analyst{ObjectUUID: misp.T(n.UUID), ObjectType: misp.T("Note"), Opinion: misp.N(80), Comment: misp.T("agree")})
		must(t, err)
		got, err := w.Remarks.Remark(ctx, w.alfa, remark.Note, n.UUID)
		must(t, err)
		if got.Mine || len(got.Children) != 1 || got.Children[0].Opinion != 80 {
			t.Errorf("%+v", got)
		}
		of, err := w.Remarks.Of(ctx, w.alfa, w.open.UUID)
		must(t, err)
		if list := of[w.domain.UUID]; len(list) != 1 || len(list[0].Children) != 1 || len(of) != 1 {
			t.Errorf("beside the event: %+v", of)
		}
		_, err = w.Remarks.EditRemark(ctx, w.alfa, remark.Note, n.UUID, misp.Analyst{Note: misp.T("mine now")})
		wants(t, "a foreign edit", err, fault.Denied)
		_, err = w.Remarks.DeleteRemark(ctx, w.gama, remark.Note, n.UUID)
		wants(t, "a foreign deletion", err, fault.Denied)
		now.Add(3e9)
		e, err := w.Remarks.EditRemark(ctx, w.beta, remark.Note, n.UUID, misp.Analyst{Note: misp.T("edited"), Notes: []misp.Analyst{{Note: misp.T("nested")}}})
		must(t, err)
		if e.Text != "edited" || e.Modified <= n.Modified || len(e.Children) != 2 {
			t.Errorf("%+v", e)
		}
		_, err = w.Remarks.DeleteRemark(ctx, w.beta, remark.Note, n.UUID)
		must(t, err)
		if _, err = w.Remarks.Remark(ctx, w.gama, remark.Opinion, o.UUID); err != nil {
			t.Errorf("the opinion went with the note: %v", err)
		}
		_, err = w.Remarks.Remark(ctx, w.beta, remark.Note, n.UUID)
		wants(t, "the deleted note", err, fault.NotFound)
		if e := w.event(t); e.Timestamp != w.open.Timestamp || !e.Published {
			t.Error("a remark changed the event")
		}
	})
}

// TestThreeLevelsMultiply: a remark shows only with its target, and what hangs on a
// remark only with that one; in lists, counts and the short index alike.
func TestThreeLevelsMultiply(t *testing.T) {
	each(t, func(t *testing.T, w *world, _ *clock.Moved) {
		add := func(who ident.Actor, target, typ, text string, level intel.Distribution) remark.Remark {
			t.Helper()
			n, err := w.Remarks.AddRemark(ctx, who, remark.Note, on(target, typ, text, level))
			must(t, err)
			return n
		}
		later := w.DB.NewUUID()
		add(w.alfa, later, "Event", "waits for its event", intel.All)
		add(w.alfa, w.own.UUID, "Event", "on a hidden event", intel.All)
		add(w.alfa, w.hidden.UUID, "Attribute", "on a hidden attribute", intel.All)
		shut := add(w.alfa, w.open.UUID, "Event", "for ourselves", intel.OwnOrg)
		add(w.alfa, shut.UUID, "Note", "on a hidden note", intel.All)
		deep := add(w.alfa, w.open.UUID, "Event", "for everybody", intel.Community)
		add(w.beta, deep.UUID, "Note", "an answer", intel.Community)
		all := []string{"waits for its event", "on a hidden event", "on a hidden attribute", "for ourselves", "on a hidden note", "for everybody", "an answer"}
		seen := func(what string, others []string) {
			t.Helper()
			for name, c := range map[string]struct {
				who  ident.Actor
				want []string
			}{"alfa": {w.alfa, all}, "beta": {w.beta, others}, "gama": {w.gama, others}} {
				if got := w.texts(t, c.who, remark.Note); !slices.Equal(got, c.want) {
					t.Errorf("%s: %s sees %q, want %q", what, name, got, c.want)
				}
				m, err := w.Remarks.Modified(ctx, c.who, nil)
				if err != nil || len(m[remark.Note]) != len(c.want) {
					t.Errorf("%s: %s's index has %d, want %d, %v", what, name, len(m[remark.Note]), len(c.want), err)
				}
			}
		}
		seen("before the event came", []string{"waits for its event", "for everybody", "an answer"})

		e := inteltest.Event("late", intel.OwnOrg, inteltest.Attr("domain", "late.example"))
		e.UUID = misp.T(later)
		late := w.Add(w.alfa, e)
		seen("a hidden event came", []string{"for everybody", "an answer"})
		must(t, w.Intel.DeleteEvent(ctx, w.alfa, late.UUID))
		seen("and went: its remarks do not come out", []string{"for everybody", "an answer"})

		of, err := w.Remarks.Of(ctx, w.beta, w.open.UUID)
		must(t, err)
		if len(of) != 1 || len(of[w.open.UUID]) != 1 || len(of[w.open.UUID][0].Children) != 1 {
			t.Errorf("beta beside the event: %+v", of)
		}
		_, err = w.Remarks.Of(ctx, w.beta, w.own.UUID)
		wants(t, "of a hidden event", err, fault.NotFound)
		list, err := w.Remarks.On(ctx, w.beta, w.hidden.UUID)
		if err != nil || len(list) != 0 {
			t.Errorf("on a hidden attribute: %+v, %v", list, err)
		}
		_, err = w.Remarks.Remark(ctx, w.beta, remark.Note, shut.UUID)
		wants(t, "a hidden note", err, fault.NotFound)
		_, err = w.Remarks.EditRemark(ctx, w.beta, remark.Note, shut.UUID, misp.Analyst{Note: misp.T("x")})
		wants(t, "changing a hidden note", err, fault.NotFound)
	})
}

// TestRemarksComeWithEvents: notes inside a document are kept with it, once.
func TestRemarksComeWithEvents(t *testing.T) {
	each(t, func(t *testing.T, w *world, now *clock.Moved) {
		note := func(text string) misp.Analyst {
			return misp.Analyst{UUID: misp.T(w.DB.NewUUID()), Note: misp.T(text), Distribution: misp.N(1), Modified: misp.T("2026-11-22 10:00:00")}
		}
		e := inteltest.Event("with notes", intel.Community, inteltest.Attr("domain", "noted.example"))
		e.UUID = misp.T(w.DB.NewUUID())
		e.Note, e.Attribute[0].Note = []misp.Analyst{note("on the event")}, []misp.Analyst{note("on the attribute")}
		e.Note[0].Opinions = []misp.Analyst{{UUID: misp.T(w.DB.NewUUID()), Opinion: misp.N(40), Comment: misp.T("hm")}}
		e.Object = []misp.Object{{Name: misp.T("file"), Note: []misp.Analyst{note("on the object")}, Attribute: []misp.Attribute{inteltest.Attr("filename", "a.exe")}}}
		e.EventReport = []misp.EventReport{{UUID: misp.T(w.DB.NewUUID()), Name: misp.T("r"), Distribution: misp.N(5), Note: []misp.Analyst{note("on the report")}}}
		head := w.Add(w.alfa, e)
		want := []string{"on the attribute", "on the object", "on the event", "on the report"}
		check := func(what string) {
			t.Helper()
			if got := w.texts(t, w.beta, remark.Note); !slices.Equal(got, want) {
				t.Errorf("%s: %q", what, got)
			}
			of, err := w.Remarks.Of(ctx, w.beta, head.UUID)
			if err != nil || len(of) != 4 || len(of[head.UUID]) != 1 || len(of[head.UUID][0].Children) != 1 {
				t.Errorf("%s: %+v, %v", what, of, err)
			}
		}
		check("added")
		now.Add(5e9)
		_, err := w.Intel.EditEvent(ctx, w.alfa, head.UUID, intel.FromEvent(e), intel.AddOptions{})
		must(t, err)
		check("sent again")
		e.Note[0].Note, e.Note[0].Modified = misp.T("rewritten"), misp.T("2036-11-22 10:00:00")
		_, err = w.Intel.EditEvent(ctx, w.alfa, head.UUID, intel.FromEvent(e), intel.AddOptions{})
		must(t, err)
		want[2] = "rewritten"
		check("newer")
		_, err = w.Intel.EditEvent(ctx, w.beta, head.UUID, intel.FromEvent(e), intel.AddOptions{})
		wants(t, "a foreign edit", err, fault.Denied)
	})
}

// TestPushedRemarks: from a peer they keep their origin and are locked; newer wins;
// what was made here is not overwritten.
func TestPushedRemarks(t *testing.T) {
	each(t, func(t *testing.T, w *world, _ *clock.Moved) {
		ours, err := w.Remarks.AddRemark(ctx, w.alfa, remark.Note, on(w.open.UUID, "Event", "ours", intel.Community))
		must(t, err)
		far := &misp.Org{Name: misp.T("Far"), UUID: misp.T(w.DB.NewUUID())}
		push := func(uuid, text, modified string) (int, int, int) {
			t.Helper()
			a := on(w.open.UUID, "Event", text, intel.Community)
			a.UUID, a.Orgc, a.Modified = misp.T(uuid), far, misp.T(modified)
			i, p, r, err := w.Remarks.PushRemarks(ctx, w.sync, []intel.Said{{Kind: "Note", Analyst: a}})
			must(t, err)
			return i, p, r
		}
		u := w.DB.NewUUID()
		if i, p, r := push(u, "theirs", "2026-01-01 00:00:00"); i != 1 || p+r != 0 {
			t.Errorf("new: %d %d %d", i, p, r)
		}
		n, err := w.Remarks.Remark(ctx, w.beta, remark.Note, u)
		must(t, err)
		if n.Origin.Name != "Far" || !n.Locked || n.Org.ID != w.C.ID {
			t.Errorf("%+v", n)
		}
		if i, p, _ := push(u, "again", "2026-01-01 00:00:00"); i != 0 || p != 1 {
			t.Errorf("not newer: %d %d", i, p)
		}
		if i, _, _ := push(u, "newer", "2026-01-02 00:00:00"); i != 1 {
			t.Error("newer was not taken")
		}
		if i, p, _ := push(ours.UUID, "stolen", "2036-01-01 00:00:00"); i != 0 || p != 1 {
			t.Errorf("ours was overwritten: %d %d", i, p)
		}
		if _, _, r := push(w.DB.NewUUID(), " ", "2026-01-01 00:00:00"); r != 1 {
			t.Error("an empty note was taken")
		}
		if got := w.texts(t, w.beta, remark.Note); !slices.Equal(got, []string{"ours", "newer"}) {
			t.Errorf("%q", got)
		}
		hidden, err := w.Remarks.AddRemark(ctx, w.alfa, remark.Note, on(w.own.UUID, "Event", "hidden", intel.All))
		must(t, err)
		never := w.DB.NewUUID()
		want, err := w.Remarks.Wanted(ctx, w.sync, remark.Note, map[string]int64{u: 1 << 40, ours.UUID: 1 << 40, hidden.UUID: 1, never: 1})
		must(t, err)
		expect := []string{u, hidden.UUID, never}
		slices.Sort(expect)
		if !slices.Equal(want, expect) {
			t.Errorf("wanted %v, want %v: what is hidden answers like what is not here", want, expect)
		}
		_, err = w.Remarks.Wanted(ctx, w.beta, remark.Note, nil)
		wants(t, "asking without the right", err, fault.Denied)
	})
}
