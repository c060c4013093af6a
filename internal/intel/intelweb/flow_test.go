package intelweb

import (
	"io/fs"
	"net/url"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/bulkweb"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/testkit"
)

// desk is the room's doors with people behind them: ana and luka of the CERT, alfa of
// an organisation that sees the community's events, vesna of another CERT.
func desk(t *testing.T, db *store.DB) (*testkit.Site, *inteltest.World, testkit.Gate) {
	t.Helper()
	w := inteltest.New(t, db)
	w.Must(w.Lists.Seed(t.Context(), ident.SystemPart("importer")))
	people := testkit.Gate{"ana": w.Person(w.CERT, access.Lead, ident.Web), "alfa": w.Person(w.A, access.Member, ident.Web), "vesna": w.Person(w.CERT2, access.Lead, ident.Web)}
	for name, who := range people {
		who.Name, who.SecondFA = name, true
		people[name] = who
	}
	site := testkit.NewSite(t, testkit.Doors{Gate: people, Now: db.Clock.Now, Messages: []fs.FS{intel.Messages, bulkweb.Files, Files}, Routes: func(m *web.Mux) {
		Routes(m, Deps{Intel: w.Intel, Remarks: w.Remarks, Catalog: w.Lists})
		bulkweb.Routes(m, bulkweb.Deps{Intel: w.Intel, Bulk: w.Bulk, Remarks: w.Remarks})
	}})
	return site, w, people
}

// TestAttributeOnPages: an attribute is added, changed, tagged, sighted, deleted and
// brought back by forms; who may not change it sees it without them; who may not see
// the event finds nothing.
func TestAttributeOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s, w, people := desk(t, db)
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.Community, misp.Attribute{Type: misp.T("ip-dst"), Value: misp.T("198.51.100.24")}))
		other := w.Add(people["ana"], inteltest.Event("Скривен", intel.OwnOrg, misp.Attribute{Type: misp.T("ip-dst"), Value: misp.T("198.51.100.24")}))
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		at := "/console/events/" + e.Ref()
		s.Sends("ana", at+"/attributes/new", 422, testkit.Form("type", "sha256", "value", "није хеш", "distribution", "5"), "does not fit the type")
		s.Sends("ana", at+"/attributes/new", 422, testkit.Form("type", "", "value", "", "distribution", "4"), "Fill in this field")
		s.Sends("ana", at+"/attributes/new", 422, testkit.Form("type", "ip-dst", "value", "198.51.100.24", "distribution", "5"), "in the event already")
		now.Add(1e9)
		s.Sends("ana", at+"/attributes/new", 303, testkit.Form("type", "domain", "value", "UPDATE-kapija[.]example", "distribution", "5", "ids", "1", "comment", "од новембра", "first", "2026-11-07T00:00:00Z"))
		page := s.Shows("ana", at, 200, "update-kapija.example", "од новембра")
		links := strings.Split(page, `href="`+at+"/attributes/")
		one := ""
		for _, l := range links[1:] {
			if id, _, _ := strings.Cut(l, `"`); strings.Contains(l[:min(200, len(l))], "update-kapija") {
				one = at + "/attributes/" + id
			}
		}
		if one == "" {
			t.Fatal("the new attribute has no page")
		}
		s.Shows("ana", one, 200, "update-kapija.example", "Nobody has reported meeting it", "First seen")
		now.Add(1e9)
		s.Sends("ana", one, 303, testkit.Form("type", "domain", "value", "update-kapija.example", "comment", "затворен", "distribution", "0"))
		s.Shows("ana", one, 200, "затворен", "own organisation")
		s.Sends("ana", one, 409, testkit.Form("version", "1", "type", "domain", "value", "update-kapija.example", "comment", "касно", "distribution", "0"))
		s.Sends("ana", one+"/do/tag", 303, testkit.Form("tag", "tlp:amber"))
		s.Shows("ana", one, 200, "Take off the tag")
		s.Sends("ana", one+"/do/untag", 303, testkit.Form("tag", "tlp:amber"))
		if strings.Contains(s.Shows("ana", one, 200), "Take off the tag") {
			t.Error("the tag is still there")
		}
		s.Sends("ana", one+"/do/sight", 303, testkit.Form("kind", "1"))
		s.Shows("ana", one, 200, "False alarm", w.CERT.Name)
		s.Sends("ana", one+"/do/delete", 303, nil)
		s.Shows("ana", one, 200, "The attribute is deleted")
		s.Sends("ana", one+"/do/restore", 303, nil)
		s.Sends("ana", one+"/do/nothing", 404, nil)
		s.Shows("ana", at+"/history", 200, "attribute changed", "attribute deleted", "attribute brought back")

		// the same event, seen by an organisation of the community
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		first := ""
		for _, l := range strings.Split(s.Shows("alfa", "/portal/events/"+e.Ref(), 200, "198.51.100.24"), "/attributes/")[1:] {
			first, _, _ = strings.Cut(l, `"`)
		}
		mine := "/portal/events/" + e.Ref() + "/attributes/" + first
		if text := testkit.Words(s.Shows("alfa", mine, 200, "198.51.100.24")); strings.Contains(text, "Delete the attribute") || strings.Contains(text, "Скривен") {
			t.Error("a reader is offered to delete, or told of an event they may not see")
		}
		hidden := strings.Replace(one, "/console/", "/portal/", 1)
		s.Shows("alfa", hidden, 404)
		for _, path := range []string{"/history", "/edit", "/delete", "/attributes/new", "/reports/new"} {
			if w := s.Browse("alfa", "GET", "/portal/events/"+e.Ref()+path, "", nil); w.Code != 403 && w.Code != 404 {
				t.Errorf("%s is shown to a reader: %d", path, w.Code)
			}
			s.Shows("vesna", "/console/events/"+other.Ref()+path, 404)
		}
		s.Sends("vesna", "/console/events/"+other.Ref()+"/delete", 404, testkit.Form("version", "0"))
		s.Shows("ana", "/console/events/"+other.Ref()+"/attributes/"+first, 404) // of another event
	})
}

// TestEventOnPages: an event's own facts are changed after a look at who would see it;
// a change that lost a race is told; deleting asks first and is for good.
func TestEventOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s, w, people := desk(t, db)
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.OwnOrg))
		at := "/console/events/" + e.Ref()
		s.Shows("ana", at+"/edit", 200, "Капија 400")
		form := func(pairs ...string) map[string][]string {
			v := testkit.Form("info", "Капија 400: трагови", "date", "2026-11-21", "distribution", "1", "threat", "1", "analysis", "2")
			for i := 0; i+1 < len(pairs); i += 2 {
				v.Set(pairs[i], pairs[i+1])
			}
			return v
		}
		now.Add(1e9)
		s.Sends("ana", at+"/edit", 200, form("act", "look"), "organisations")
		if e, _ := w.Intel.Event(t.Context(), people["ana"], e.Ref()); e.Distribution != intel.OwnOrg {
			t.Fatal("looking changed the event")
		}
		s.Sends("ana", at+"/edit", 422, form("info", " "), "Fill in this field")
		s.Sends("ana", at+"/edit", 422, form("date", "jуче"), "Enter a date")
		s.Sends("ana", at+"/edit", 422, form("distribution", "4"), "Fill in this field")
		body := s.Browse("ana", "POST", at+"/edit", "application/x-www-form-urlencoded", strings.NewReader(url.Values(form("extends_uuid", "Капија")).Encode())).Body.String()
		if !strings.Contains(body, `href="#extends_uuid"`) || !strings.Contains(body, `id="extends_uuid"`) {
			t.Errorf("the summary does not lead to the field of the extended event")
		}
		s.Sends("ana", at+"/edit", 303, form())
		s.Shows("ana", at, 200, "Капија 400: трагови", "high threat", "analysis completed", "this community")
		s.Sends("ana", at+"/edit", 409, form("version", "5"))
		s.Shows("ana", at+"/delete", 200, "for good")
		s.Sends("ana", at+"/delete", 303, testkit.Form("version", "0"))
		s.Shows("ana", at, 404)
	})
}

// TestReportOnPages: a report is written in Markdown and read without a way out; it is
// changed, deleted and brought back.
func TestReportOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s, w, people := desk(t, db)
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.Community, misp.Attribute{Type: misp.T("ip-dst"), Value: misp.T("198.51.100.24"), UUID: misp.T("0a0b0c0d-1111-4222-8333-444444444444")}))
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		at := "/console/events/" + e.Ref()
		s.Sends("ana", at+"/reports/new", 422, testkit.Form("name", "", "content", "x", "distribution", "5"), "Fill in this field")
		now.Add(1e9)
		one := s.Sends("ana", at+"/reports/new", 303, testkit.Form("name", "Анализа", "distribution", "5",
			"content", "# Ток упада\n\nВеза ка @[attribute](0a0b0c0d-1111-4222-8333-444444444444), [страна](http://los.example) <img src=x onerror=alert(1)>"))
		page := s.Shows("ana", one, 200, "<h1>Ток упада</h1>", "ip-dst: 198.51.100.24", "http://los.example")
		if strings.Contains(page, `href="http://los.example`) || strings.Contains(page, "<img src=x") {
			t.Error("a report leads away or brings something in")
		}
		s.Shows("ana", at, 200, "Анализа")
		now.Add(1e9)
		s.Sends("ana", one, 303, testkit.Form("name", "Анализа, други део", "content", "нов текст", "distribution", "0"))
		s.Shows("ana", one, 200, "Анализа, други део", "нов текст")
		s.Shows("alfa", strings.Replace(one, "/console/", "/portal/", 1), 404)
		s.Sends("ana", one+"/do/delete", 303, nil)
		if strings.Contains(s.Shows("ana", at, 200), "други део") {
			t.Error("a deleted report is listed")
		}
		s.Sends("ana", one+"/do/restore", 303, nil)
		s.Shows("ana", at, 200, "други део")
	})
}
