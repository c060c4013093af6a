package remark_test

import (
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// sees tells whether somebody sees an event, in its page and in the list.
func (w *world) sees(t *testing.T, who ident.Actor, uuid string) bool {
	t.Helper()
	_, err := w.Intel.Event(ctx, who, uuid)
	if err != nil && !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	listed := false
	_, e2 := w.Intel.SearchEvents(ctx, who, intel.Query{}, func(e *intel.Event) error { listed = listed || e.UUID == uuid; return nil })
	must(t, e2)
	if listed != (err == nil) {
		t.Errorf("list and page differ: %v, %v", listed, err)
	}
	return listed
}

// TestDelegation: asked, seen by the asked one alone, refused, asked again, taken over.
func TestDelegation(t *testing.T) {
	each(t, func(t *testing.T, w *world, now *clock.Moved) {
		secret := inteltest.Attr("domain", "ours.example")
		secret.Distribution = misp.N(0)
		ev := inteltest.Event("to publish", intel.OwnOrg, inteltest.Attr("domain", "x.example"), secret)
		ev.Tag = []misp.Tag{{Name: misp.T("tlp:green")}, {Name: misp.T("tlp:clear"), Local: misp.B(true)}}
		e := w.Add(w.alfa, ev)
		_, err := w.Remarks.Delegate(ctx, w.beta, e.UUID, w.C.UUID, remark.Undecided, 0, "")
		wants(t, "without the right", err, fault.Denied)
		_, err = w.Remarks.Delegate(ctx, w.alfa, e.UUID, w.A.UUID, remark.Undecided, 0, "")
		wants(t, "to oneself", err, fault.Invalid)
		_, err = w.Remarks.Delegate(ctx, w.alfa, e.UUID, w.DB.NewUUID(), remark.Undecided, 0, "")
		wants(t, "to nobody", err, fault.Invalid)
		other := w.Person(w.B, access.Publisher, ident.MISP)
		_, err = w.Remarks.Delegate(ctx, other, w.open.UUID, w.C.UUID, remark.Undecided, 0, "")
		wants(t, "a foreign event", err, fault.Denied)

		d, err := w.Remarks.Delegate(ctx, w.alfa, e.UUID, ref(w.B.ID), remark.Undecided, 0, "please")
		must(t, err)
		_, err = w.Remarks.Delegate(ctx, w.alfa, e.UUID, w.C.UUID, remark.Undecided, 0, "")
		wants(t, "a second request", err, fault.Conflict)
		if !w.sees(t, w.beta, e.UUID) || w.sees(t, w.gama, e.UUID) {
			t.Error("the asked organisation reads it, and no other")
		}
		if got, err := w.Intel.Event(ctx, w.beta, e.UUID); err != nil || got.Attributes != 1 {
			t.Errorf("lent: %d attributes, %v", got.Attributes, err)
		}
		_, err = w.Intel.EditEvent(ctx, w.beta, e.UUID, intel.FromEvent(&misp.Event{Info: misp.T("mine")}), intel.AddOptions{})
		wants(t, "editing what is lent", err, fault.Denied)
		_, err = w.Intel.EditEvent(ctx, w.alfa, e.UUID, intel.FromEvent(&misp.Event{Distribution: misp.N(0), Info: misp.T("changed")}), intel.AddOptions{})
		must(t, err)
		if !w.sees(t, w.beta, e.UUID) {
			t.Error("an edit took the loan back")
		}
		for name, c := range map[string]struct {
			who ident.Actor
			n   int
		}{"alfa": {w.alfa, 1}, "beta": {w.beta, 1}, "gama": {w.gama, 0}} {
			for _, event := range []int64{0, e.ID} {
				if list, err := w.Remarks.Delegations(ctx, c.who, event); err != nil || len(list) != c.n {
					t.Errorf("%s: %d requests, %v", name, len(list), err)
				}
			}
		}
		_, err = w.Remarks.AcceptDelegation(ctx, w.gama, ref(d.ID), remark.Undecided, 0)
		wants(t, "a stranger's acceptance", err, fault.NotFound)
		_, err = w.Remarks.AcceptDelegation(ctx, w.alfa, ref(d.ID), remark.Undecided, 0)
		wants(t, "the asker's acceptance", err, fault.Denied)
		_, err = w.Remarks.DiscardDelegation(ctx, w.beta, ref(d.ID))
		must(t, err)
		if w.sees(t, w.beta, e.UUID) {
			t.Error("refused, and still read")
		}

		d, err = w.Remarks.Delegate(ctx, w.alfa, e.UUID, w.B.UUID, intel.Community, 0, "")
		must(t, err)
		_, err = w.Remarks.AcceptDelegation(ctx, w.beta, ref(d.ID), remark.Undecided, 0)
		must(t, err)
		got, err := w.Intel.Event(ctx, w.beta, e.UUID)
		must(t, err)
		if got.Owner.ID != w.B.ID || got.Origin.ID != w.B.ID || got.Distribution != intel.Community || got.Published || got.Attributes != 2 || len(got.Tags) != 1 {
			t.Errorf("taken over: %+v", got)
		}
		if got, err = w.Intel.Event(ctx, w.alfa, e.UUID); err != nil || got.Attributes != 1 {
			t.Errorf("the old owner counts %d, %v", got.Attributes, err)
		}
		_, err = w.Intel.EditEvent(ctx, w.alfa, e.UUID, intel.FromEvent(&misp.Event{Info: misp.T("back")}), intel.AddOptions{})
		wants(t, "the old owner's edit", err, fault.Denied)
		if list, err := w.Remarks.Delegations(ctx, w.beta, 0); err != nil || len(list) != 0 {
			t.Errorf("left: %v, %v", list, err)
		}
		must(t, w.Intel.DeleteEvent(ctx, w.beta, e.UUID))
	})
}
