package intel_test

import (
	"testing"

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

// TestDraftsStayAtHome: an event made or changed on our own pages is seen by nobody
// else until it is published; one that came by MISP is seen as it was sent.
func TestDraftsStayAtHome(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		ctx := t.Context()
		ana, script := w.Person(w.CERT, access.Lead, ident.Web), w.Person(w.CERT, access.Lead, ident.MISP)
		script.Perms["misp.add"], script.Perms["misp.modify_org"], script.Perms["misp.publish"], script.Perms["misp.auth"] = true, true, true, true
		beta := w.Person(w.B, access.Publisher, ident.API)
		attr := inteltest.Attr("ip-dst", "198.51.100.24")
		seen := func(e intel.Event, want bool, when string) {
			t.Helper()
			_, err := w.Intel.Event(ctx, beta, e.UUID)
			n := 0
			w.Must(w.Intel.SearchAttributes(ctx, beta, intel.Query{Events: []string{e.UUID}}, func(*intel.Attribute) error { n++; return nil }))
			if (err == nil) != want || (n > 0) != want {
				t.Errorf("%s: event seen %v, %d attributes, want %v", when, err == nil, n, want)
			}
		}
		e := w.Add(ana, inteltest.Event("Нацрт", intel.Community, attr))
		seen(e, false, "a draft")
		_, _, err := w.Intel.AddAttributes(ctx, script, e.UUID, []misp.Attribute{inteltest.Attr("domain", "a.example.org")}, false)
		w.Must(err)
		seen(e, false, "a draft that a script changed")
		w.Must(w.Intel.Publish(ctx, ana, e.UUID))
		seen(e, true, "published")
		now.Add(2e9)
		_, _, err = w.Intel.AddAttributes(ctx, ana, e.UUID, []misp.Attribute{inteltest.Attr("domain", "b.example.org")}, false)
		w.Must(err)
		seen(e, false, "changed on our pages after it was published")
		w.Must(w.Intel.Publish(ctx, ana, e.UUID))
		if _, err := w.Intel.Attach(ctx, ana, intel.Target{Event: e.UUID}, []string{"tlp:green"}, false); err != nil {
			t.Fatal(err)
		}
		seen(e, false, "labelled anew")
		w.Must(w.Intel.Publish(ctx, ana, e.UUID))
		w.Must(w.Intel.Unpublish(ctx, ana, e.UUID))
		seen(e, false, "taken back")

		sent := w.Add(script, inteltest.Event("Послат", intel.Community, attr))
		seen(sent, true, "sent by MISP, not published")
	})
}

// TestLabelHoldsPublishing: what the label forbids is not published by our own doors,
// whichever way it came to be so.
func TestLabelHoldsPublishing(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		ctx := t.Context()
		ana := w.Person(w.CERT, access.Lead, ident.API)
		refused := func(what string, err error) {
			t.Helper()
			if x := fault.Of(err); x == nil || x.Fields["tlp"] != "intel.fault.held" {
				t.Errorf("%s: %v", what, err)
			}
		}
		tagged := func(level intel.Distribution, tlp string) *misp.Event {
			e := inteltest.Event("Ознака", level, inteltest.Attr("ip-dst", "198.51.100.24"))
			e.Tag = []misp.Tag{{Name: misp.T(tlp)}}
			return e
		}
		for _, tlp := range []string{"tlp:red", "tlp:amber+strict"} {
			e := w.Add(ana, tagged(intel.Community, tlp))
			refused(tlp+" to the community", w.Intel.Publish(ctx, ana, e.UUID))
			_, err := w.Intel.AddEvent(ctx, ana, intel.FromEvent(tagged(intel.All, tlp)), intel.AddOptions{Publish: true})
			refused(tlp+" at once", err)
			w.Must(w.Intel.Publish(ctx, ana, w.Add(ana, tagged(intel.OwnOrg, tlp)).UUID))
		}
		green := w.Add(ana, tagged(intel.Community, "tlp:green"))
		w.Must(w.Intel.Publish(ctx, ana, green.UUID))
		now.Add(2e9)
		red := &misp.Event{Info: misp.T("Ознака"), Tag: []misp.Tag{{Name: misp.T("tlp:red")}}, Published: misp.B(true)}
		_, err := w.Intel.EditEvent(ctx, ana, green.UUID, intel.FromEvent(red), intel.AddOptions{})
		refused("made red while published", err)
	})
}
