package intelweb

import (
	"regexp"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/intel/remark"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestProposalsOnPages: a member proposes from the portal, the team sees both sides,
// accepts, takes it back, discards; each through its event.
func TestProposalsOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s, w, people := desk(t, db)
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.Community, misp.Attribute{Type: misp.T("domain"), Value: misp.T("kapija.example")}))
		other := w.Add(people["ana"], inteltest.Event("Други", intel.Community, misp.Attribute{Type: misp.T("domain"), Value: misp.T("drugi.example")}))
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		var a intel.Attribute
		w.Must(w.Intel.Attributes(t.Context(), people["ana"], e.Ref(), intel.Part{}, func(x *intel.Attribute) error { a = *x; return nil }))
		at, from := "/console/events/"+e.Ref(), "/portal/events/"+e.Ref()
		s.Shows("alfa", from, 200, "Propose an attribute")
		s.Shows("alfa", from+"/propose?attribute="+number(a.ID), 200, "kapija.example", "CERT One decides")
		s.Sends("alfa", from+"/propose", 422, testkit.Form("attribute", number(a.ID), "type", "ip-dst", "value", "nije adresa"), "does not fit its type")
		s.Sends("alfa", from+"/propose", 303, testkit.Form("attribute", number(a.ID), "type", "domain", "value", "nova-kapija.example", "comment", "преселили су се", "ids", "1"))
		s.Sends("alfa", from+"/propose", 303, testkit.Form("type", "ip-dst", "value", "198.51.100.77"))
		s.Sends("alfa", from+"/attributes", 303, testkit.Form("act", "unwanted", "id", number(a.ID)))
		if got, err := w.Intel.Attribute(t.Context(), people["ana"], a.UUID); err != nil || got.Deleted || got.Value != "kapija.example" {
			t.Fatalf("a proposal changed the attribute: %+v, %v", got, err)
		}
		page := s.Shows("ana", at, 200, "3 wait for a decision", "nova-kapija.example", "преселили су се", "198.51.100.77", "Alfa")
		ids := map[string]string{}
		w.Must(w.Remarks.Proposals(t.Context(), people["ana"], remark.ProposalFilter{Event: e.Ref()}, func(x *remark.Proposal) error {
			switch {
			case x.Removal:
				ids["removal"] = number(x.ID)
			case x.Attribute == 0:
				ids["new"] = number(x.ID)
			default:
				ids["change"] = number(x.ID)
			}
			return nil
		}))
		for what, id := range ids {
			if !strings.Contains(page, `value="`+id+`"`) {
				t.Errorf("%s has no tick box", what)
			}
		}
		s.Sends("ana", "/console/events/"+other.Ref()+"/proposals", 404, testkit.Form("act", "accept", "id", ids["change"]))
		s.Sends("alfa", from+"/proposals", 403, testkit.Form("act", "accept", "id", ids["change"]))
		now.Add(2e9)
		s.Sends("ana", at+"/proposals", 303, testkit.Form("act", "accept", "id", ids["change"], "id", ids["new"]))
		s.Shows("ana", at, 200, "1 waits for a decision", "nova-kapija.example", "198.51.100.77")
		s.Sends("ana", at+"/proposals", 303, testkit.Form("act", "reopen", "ids", ids["change"]+","+ids["new"]))
		s.Shows("ana", at, 200, "3 wait for a decision")
		if got, err := w.Intel.Attribute(t.Context(), people["ana"], a.UUID); err != nil || got.Value != "kapija.example" {
			t.Errorf("taken back: %+v, %v", got, err)
		}
		s.Sends("ana", at+"/proposals", 303, testkit.Form("act", "discard", "id", ids["removal"]))
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref())) // until then it is a draft again
		s.Sends("alfa", from+"/proposals", 303, testkit.Form("act", "discard", "id", ids["new"]))
		s.Shows("alfa", from, 200, "1 waits for a decision")
		s.Sends("vesna", "/console/events/"+e.Ref()+"/proposals", 403, testkit.Form("act", "discard", "id", ids["change"]))
	})
}

// TestSaidOnPages: notes and opinions are added, edited and deleted on event and
// attribute; others read them by their level and cannot change them.
func TestSaidOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s, w, people := desk(t, db)
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.Community, misp.Attribute{Type: misp.T("domain"), Value: misp.T("kapija.example")}))
		own := w.Add(people["ana"], inteltest.Event("Скривен", intel.OwnOrg, misp.Attribute{Type: misp.T("domain"), Value: misp.T("skriven.example")}))
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		var a intel.Attribute
		w.Must(w.Intel.Attributes(t.Context(), people["ana"], e.Ref(), intel.Part{}, func(x *intel.Attribute) error { a = *x; return nil }))
		at, from := "/console/events/"+e.Ref(), "/portal/events/"+e.Ref()
		attr := from + "/attributes/" + a.UUID
		s.Shows("ana", at, 200, "Nobody has said anything yet")
		s.Sends("alfa", from+"/said/new?attribute="+a.UUID, 303, testkit.Form("kind", "Note", "text", "виђено и код нас", "distribution", "1"))
		s.Sends("alfa", from+"/said/new", 303, testkit.Form("kind", "Opinion", "opinion", "75", "text", "звучи тачно", "distribution", "1"))
		s.Sends("alfa", from+"/said/new", 303, testkit.Form("kind", "Note", "text", "само за нас", "distribution", "0"))
		s.Shows("ana", at, 200, "rather right (75)", "звучи тачно", "1 note")
		if page := s.Shows("ana", at, 200); strings.Contains(page, "само за нас") {
			t.Error("the team reads an organisation's own note")
		}
		s.Shows("alfa", from, 200, "само за нас")
		s.Shows("ana", at+"/attributes/"+a.UUID, 200, "виђено и код нас")
		acts := regexp.MustCompile(`action="([^"]+/said/Note/\d+/of/\d+)/save"`).FindStringSubmatch(s.Shows("alfa", attr, 200))
		if acts == nil {
			t.Fatal("the author cannot edit")
		}
		s.Sends("ana", strings.Replace(acts[1], "/portal/", "/console/", 1)+"/save", 403, testkit.Form("text", "туђе"))
		s.Sends("alfa", strings.Replace(acts[1], e.Ref(), own.Ref(), 1)+"/save", 404, testkit.Form("text", "x"))
		now.Add(2e9)
		s.Sends("alfa", acts[1]+"/save", 303, testkit.Form("text", "виђено двапут"))
		s.Shows("ana", at+"/attributes/"+a.UUID, 200, "виђено двапут", "edited")
		s.Sends("alfa", acts[1]+"/delete", 303, testkit.Form())
		s.Shows("alfa", attr, 200, "Nobody has said anything yet")
		s.Sends("alfa", "/portal/events/"+own.Ref()+"/said/new", 404, testkit.Form("kind", "Note", "text", "x", "distribution", "1"))
	})
}

// TestDelegationOnPages: asked from the event, seen by the asked one alone, taken over.
func TestDelegationOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, w, people := desk(t, db)
		e := w.Add(people["ana"], inteltest.Event("За уступање", intel.OwnOrg, misp.Attribute{Type: misp.T("domain"), Value: misp.T("ustupljen.example")}))
		at, from := "/console/events/"+e.Ref(), "/portal/events/"+e.Ref()
		s.Shows("alfa", from, 404)
		s.Shows("ana", at, 200, "Ask another organisation", "Alfa")
		s.Sends("alfa", from+"/delegation", 404, testkit.Form("act", "accept", "distribution", "1"))
		s.Sends("ana", at+"/delegation", 303, testkit.Form("act", "ask", "org", number(w.A.ID), "distribution", "-1", "message", "молимо вас"))
		s.Shows("ana", at, 200, "Alfa may read this event", "Take the request back")
		s.Shows("vesna", "/console/events/"+e.Ref(), 404)
		s.Shows("alfa", from, 200, "CERT One asks you to take this event over", "молимо вас")
		s.Sends("alfa", from+"/delegation", 303, testkit.Form("act", "discard"))
		s.Shows("alfa", from, 404)
		s.Sends("ana", at+"/delegation", 303, testkit.Form("act", "ask", "org", number(w.A.ID), "distribution", "-1"))
		s.Sends("alfa", from+"/delegation", 303, testkit.Form("act", "accept", "distribution", "0"))
		s.Shows("alfa", from, 200, "За уступање")
		s.Shows("ana", at, 404)
	})
}
