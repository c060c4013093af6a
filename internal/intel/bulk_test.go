package intel_test

import (
	"fmt"
	"sort"
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
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func TestWiderThanTheEvent(t *testing.T) {
	t.Parallel()
	const own, community, connected, all, group, as = intel.OwnOrg, intel.Community, intel.Connected, intel.All, intel.Group, intel.Inherit
	for event, wider := range map[intel.Distribution][]intel.Distribution{own: {community, connected, all, group}, community: {connected, all}, connected: {all}, all: nil, group: {community, connected, all}} {
		for _, d := range []intel.Distribution{own, community, connected, all, group, as} {
			want := false
			for _, x := range wider {
				want = want || x == d
			}
			if got := intel.Wider(&intel.Event{Distribution: event, Group: 7}, d, 7); got != want {
				t.Errorf("event %d, part %d: wider is %v", event, d, got)
			}
		}
	}
	if !intel.Wider(&intel.Event{Distribution: group, Group: 7}, group, 8) {
		t.Error("another group than the event's names readers whom the event does not reach")
	}
}

// TestEditedInBulk: one act changes what can take it, counts what cannot with the reason,
// writes one line, and is taken back as a whole from the journal, by who did it alone,
// except where something was worked on since.
func TestEditedInBulk(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		c := newCast(t, db)
		who := c.who["alfa"]
		first := inteltest.Attr("ip-dst", "198.51.100.1")
		first.FirstSeen, first.Comment = misp.T("2026-01-01T00:00:00.000000+00:00"), misp.T("old")
		second := inteltest.Attr("ip-dst", "198.51.100.2")
		second.Distribution, second.SharingGroupID = misp.N(4), misp.N(c.group.ID)
		hidden := inteltest.Event("other", intel.Community, inteltest.Attr("domain", "other.example"))
		e := c.Add(who, inteltest.Event("e", intel.Community, first, second, inteltest.Attr("sha256", strings.Repeat("ab", 32)), inteltest.Attr("domain", "gone.example")))
		other := c.Add(who, hidden)
		all := map[string]intel.Attribute{}
		read := func() (out []string) {
			for _, ref := range []string{e.UUID, other.UUID} {
				must(t, c.Intel.Attributes(ctx, who, ref, intel.Part{Deleted: intel.With}, func(a *intel.Attribute) error {
					all[a.Value] = *a
					w := a.Wire()
					out = append(out, fmt.Sprintf("%.15s %s %q %v %d/%d %.10s %.10s deleted:%v", a.Value, a.Category, a.Comment, a.ToIDS, a.Distribution, a.Group, w.FirstSeen.V, w.LastSeen.V, a.Deleted))
					return nil
				}))
			}
			sort.Strings(out)
			return out
		}
		read()
		_, err := c.Intel.DeleteAttribute(ctx, who, fmt.Sprint(all["gone.example"].ID), false)
		must(t, err)
		before := read()
		var ids []int64
		for _, a := range all {
			ids = append(ids, a.ID)
		}
		ids = append(ids, ids[0], 4711)
		now.Add(time.Minute)
		edit := misp.Attribute{Category: misp.T("Network activity"), Comment: misp.T("seen at the border"), Distribution: misp.N(0), FirstSeen: misp.Text{Is: misp.Null}, LastSeen: misp.T("2026-02-02")}
		done, err := c.Intel.EditAttributes(ctx, who, e.UUID, ids, edit)
		must(t, err)
		if diff := cmp.Diff(intel.Bulk{At: done.At, Changed: 2, Left: map[string]int{"gone": 3, "type": 1}}, done); diff != "" || done.At == 0 {
			t.Fatal(done.At, diff)
		}
		changed := read()
		want := []string{`198.51.100.1 Network activity "seen at the border" true 0/0  2026-02-02 deleted:false`, `198.51.100.2 Network activity "seen at the border" true 0/0  2026-02-02 deleted:false`}
		if diff := cmp.Diff(append(want, before[2:]...), changed); diff != "" {
			t.Error(diff)
		}
		again, err := c.Intel.EditAttributes(ctx, who, e.UUID, []int64{all["198.51.100.1"].ID}, edit)
		must(t, err)
		if diff := cmp.Diff(intel.Bulk{Same: 1}, again); diff != "" {
			t.Error("the same again: ", diff)
		}
		n := 0
		lines, err := c.Intel.History(ctx, who, e.UUID, 99)
		must(t, err)
		for _, l := range lines {
			if l.Verb == "attribute.edit" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d lines in the log, want one for the act", n)
		}
		if _, err := c.Intel.UndoAttributes(ctx, c.Person(c.A, access.OrgAdmin, ident.Web), e.UUID, done.At); !fault.Is(err, fault.NotFound) {
			t.Errorf("a colleague takes back what was not theirs: %v", err)
		}
		secret := c.Add(who, inteltest.Event("secret", intel.OwnOrg, inteltest.Attr("domain", "secret.example")))
		for ref, kind := range map[string]fault.Kind{e.UUID: fault.Denied, secret.UUID: fault.NotFound} {
			if _, err := c.Intel.EditAttributes(ctx, c.who["beta"], ref, ids, edit); !fault.Is(err, kind) {
				t.Errorf("a stranger edits: %v", err)
			}
			if _, err := c.Intel.UndoAttributes(ctx, c.who["beta"], ref, done.At); !fault.Is(err, kind) {
				t.Errorf("a stranger undoes: %v", err)
			}
		}
		for _, bad := range []misp.Attribute{{Distribution: misp.N(9)}, {Distribution: misp.N(4), SharingGroupID: misp.N(4711)}} {
			if _, err := c.Intel.EditAttributes(ctx, who, e.UUID, ids, bad); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		now.Add(time.Minute)
		_, err = c.Intel.EditAttribute(ctx, who, fmt.Sprint(all["198.51.100.2"].ID), misp.Attribute{ToIDS: misp.B(false)})
		must(t, err)
		now.Add(time.Minute)
		back, err := c.Intel.UndoAttributes(ctx, who, e.UUID, done.At)
		must(t, err)
		if diff := cmp.Diff(intel.Bulk{At: back.At, Changed: 1, Left: map[string]int{"since": 1}}, back); diff != "" {
			t.Error(diff)
		}
		after := read()
		if diff := cmp.Diff(before[0], after[0]); diff != "" {
			t.Error("taken back: ", diff)
		}
		if !strings.Contains(after[1], "at the border") {
			t.Error("what was worked on since went back, too: ", after[1])
		}
	})
}

// TestBulkDeletionIsTakenBack: what many were deleted by comes back by one act, and a
// group that is nobody's any more is not given back as another.
func TestBulkDeletionIsTakenBack(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		c := newCast(t, db)
		who := c.who["alfa"]
		a := inteltest.Attr("domain", "a.example")
		a.Distribution, a.SharingGroupID = misp.N(4), misp.N(c.group.ID)
		e := c.Add(who, inteltest.Event("e", intel.Community, a, inteltest.Attr("domain", "b.example")))
		read := func() (ids []int64, text string) {
			must(t, c.Intel.Attributes(ctx, who, e.UUID, intel.Part{}, func(a *intel.Attribute) error {
				ids = append(ids, a.ID)
				text += fmt.Sprintf("%s %d ", a.Value, a.Distribution)
				return nil
			}))
			return ids, text
		}
		ids, was := read()
		now.Add(time.Minute)
		gone, err := c.Intel.EditAttributes(ctx, who, e.UUID, ids, misp.Attribute{Deleted: misp.B(true)})
		must(t, err)
		if _, left := read(); gone.Changed != 2 || left != "" {
			t.Fatalf("%+v, left %s", gone, left)
		}
		now.Add(time.Minute)
		_, err = c.Intel.UndoAttributes(ctx, who, e.UUID, gone.At)
		must(t, err)
		if _, is := read(); is != was {
			t.Errorf("%s, want %s", is, was)
		}
		now.Add(time.Minute)
		narrow, err := c.Intel.EditAttributes(ctx, who, e.UUID, ids, misp.Attribute{Distribution: misp.N(0)})
		must(t, err)
		_, err = c.Intel.EditGroup(ctx, who, c.group.UUID, func(g *intel.SharingGroup) { g.Active = false })
		must(t, err)
		now.Add(time.Minute)
		back, err := c.Intel.UndoAttributes(ctx, who, e.UUID, narrow.At)
		must(t, err)
		if _, is := read(); back.Changed != 1 || back.Left["group"] != 1 || is != "a.example 0 b.example 5 " {
			t.Errorf("%+v: %s", back, is)
		}
	})
}
