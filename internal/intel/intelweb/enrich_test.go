package intelweb

import (
	"html"
	"io/fs"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/bulkweb"
	"straza/internal/intel/enrich"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/testkit"
)

var (
	pickBox = regexp.MustCompile(`name="pick" value="([^"]+)"`)
	option  = regexp.MustCompile(`<option value="([^" ]+ [a-z]+)"`)
)

// TestKnownOnPages: a selection leads to what is known of it; a module is asked, what it
// says is ticked, taken over and taken back; what a label keeps here is said with its
// reason; who may not change the event sees no ticks, who may not see it nothing.
func TestKnownOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		remote := inteltest.NewModules(t)
		known := enrich.New(enrich.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, Lists: w.Lists, Registry: w.Registry, Keys: testkit.Vault(t),
			World: outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})})
		people := testkit.Gate{"ana": w.Person(w.CERT, access.Lead, ident.Web), "alfa": w.Person(w.A, access.Member, ident.Web), "vesna": w.Person(w.CERT2, access.Lead, ident.Web)}
		for name, who := range people {
			who.Name, who.SecondFA = name, true
			people[name] = who
		}
		s := testkit.NewSite(t, testkit.Doors{Gate: people, Now: db.Clock.Now, Messages: []fs.FS{intel.Messages, Files},
			Routes: func(m *web.Mux) {
				Routes(m, Deps{Intel: w.Intel, Remarks: w.Remarks, Catalog: w.Lists, Enrich: known})
				bulkweb.Routes(m, bulkweb.Deps{Intel: w.Intel, Bulk: w.Bulk, Remarks: w.Remarks})
			}})
		_, err := known.SaveServer(t.Context(), people["ana"], "", func(v *enrich.Server) { v.Name, v.URL = "house", remote.URL })
		w.Must(err)
		_, err = known.Test(t.Context(), people["ana"], "house")
		w.Must(err)
		w.Must(known.Setup(t.Context(), people["ana"], "house", "dns", true, enrich.Touches, nil))
		remote.Answer["dns"] = `{"results":[{"types":["ip-dst"],"values":["198.51.100.7"],"comment":"<b>now</b>"}]}`

		draft := inteltest.Event("Талас", intel.Community, inteltest.Attr("hostname", "www.xn--pypl-53dc.com"), inteltest.Attr("domain", "kept.rs"))
		draft.Tag, draft.Attribute[1].Tag = []misp.Tag{{Name: misp.T("tlp:green")}}, []misp.Tag{{Name: misp.T("PAP:RED")}}
		e := w.Add(people["ana"], draft)
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		at := "/console/events/" + e.Ref()
		var ids, uuids []string
		w.Must(w.Intel.Attributes(t.Context(), people["ana"], e.Ref(), intel.Part{}, func(a *intel.Attribute) error {
			ids, uuids = append(ids, itoa(a.ID)), append(uuids, a.UUID)
			return nil
		}))
		s.Shows("ana", at+"/attributes/"+uuids[0], 200, "What is known", "paypal.com", "One name mixes scripts")
		if to := s.Browse("ana", "POST", at+"/attributes", "application/x-www-form-urlencoded", strings.NewReader("act=enrich&id="+ids[0]+"&id="+ids[1])).Header().Get("Location"); !strings.HasSuffix(to, "/enrich?a="+ids[0]+"&a="+ids[1]) {
			t.Fatalf("the selection leads to %q", to)
		}
		page := s.Shows("ana", at+"/enrich?a="+ids[0]+"&a="+ids[1], 200, "xn--pypl-53dc.com", "Held back", "Its PAP label does not allow")
		module := option.FindStringSubmatch(page)
		if module == nil {
			t.Fatal("no module is offered")
		}
		ask := testkit.Form("act", "ask", "module", html.UnescapeString(module[1]), "a", uuids[0], "a", uuids[1])
		s.Sends("ana", at+"/enrich", 303, ask)
		if remote.Count() != 1 || remote.Asked[0].Value != "www.xn--pypl-53dc.com" {
			t.Errorf("asked %+v", remote.Asked)
		}
		s.Sends("ana", at+"/enrich", 422, testkit.Form("act", "ask", "module", html.UnescapeString(module[1]), "a", uuids[1]), "Its PAP label does not allow")
		page = s.Shows("ana", at+"/enrich?a="+uuids[0], 200, "198.51.100.7")
		if strings.Contains(page, "<b>now") || !strings.Contains(page, "&lt;b&gt;now") {
			t.Error("what a stranger says is markup")
		}
		form := testkit.Form("act", "take", "a", uuids[0])
		for _, m := range pickBox.FindAllStringSubmatch(page, -1) {
			form.Add("pick", m[1])
		}
		if len(form["pick"]) < 3 {
			t.Fatalf("only %d things are offered", len(form["pick"]))
		}
		s.Sends("alfa", "/portal/events/"+e.Ref()+"/enrich", 403, form)
		s.Sends("vesna", at+"/enrich", 403, form)
		s.Sends("ana", at+"/enrich", 303, form)
		s.Shows("ana", at, 200, "198.51.100.7")
		page = s.Shows("ana", at+"/enrich?a="+uuids[0], 200, "here already")
		if pickBox.MatchString(page) {
			t.Error("what is here is offered again")
		}
		for _, who := range []string{"alfa", "vesna"} {
			base := map[string]string{"alfa": "/portal/events/", "vesna": "/console/events/"}[who] + e.Ref()
			if got := s.Browse(who, "GET", base+"/enrich?a="+uuids[0], "", nil).Body.String(); strings.Contains(got, "198.51.100.7") || pickBox.MatchString(got) {
				t.Errorf("%s is shown what others were answered, or ticks", who)
			}
		}
		s.Shows("ana", at+"/enrich?a="+w.DB.NewUUID(), 404)
		s.Shows("ana", at+"/enrich", 404)
		other := w.Add(people["vesna"], inteltest.Event("Скривен", intel.OwnOrg, inteltest.Attr("domain", "x.rs")))
		s.Shows("ana", "/console/events/"+other.Ref()+"/enrich?a="+uuids[0], 404)
		s.Sends("ana", at+"/enrich", 409, testkit.Form("act", "take", "pick", uuids[0]+" 0000000000000000"))
		s.Sends("ana", at+"/enrich/undo", 404, testkit.Form("of", "1"))
	})
}

func itoa(n int64) string { return number(n) }
