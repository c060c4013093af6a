package registryweb_test

import (
	"bytes"
	"context"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
	"straza/internal/registry/registrytest"
	"straza/internal/registry/registryweb"
	"straza/internal/testkit"
)

// sessions are the people whose cookies the test's gate knows.
type sessions map[string]ident.Actor

func (s sessions) BySession(_ context.Context, token string) (ident.Actor, error) {
	if who, ok := s[token]; ok {
		return who, nil
	}
	return ident.Actor{}, fault.New(fault.NotFound, "no such session")
}

func (sessions) ByKey(context.Context, string, netip.Addr, ident.Channel) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.NotFound, "no keys here")
}

const origin = "https://cert.example"

// site is the room's pages behind the real chain.
type site struct {
	t    *testing.T
	s    *registry.Service
	h    http.Handler
	bank registry.Organisation
	host registry.Organisation
	lang string
}

func newSite(t *testing.T, db *store.DB) *site {
	t.Helper()
	s := registrytest.Service(t, db)
	v := &site{t: t, s: s, host: registrytest.CERT(t, s, "Национални ЦЕРТ"), lang: "en"}
	v.bank = registrytest.Org(t, s, registry.Draft{Name: "Штедионица Ђердап", Kind: "operator", Sector: "finance"})
	other := registrytest.Org(t, s, registry.Draft{Name: "Друга фирма"})
	gate := sessions{
		"analyst": registrytest.Person(t, db, 1, v.host, access.Analyst), "lead": registrytest.Person(t, db, 2, v.host, access.Lead),
		"bankadmin": registrytest.Person(t, db, 3, v.bank, access.OrgAdmin), "banker": registrytest.Person(t, db, 4, v.bank, access.Member),
		"stranger": registrytest.Person(t, db, 5, other, access.Member), "supervisor": registrytest.Person(t, db, 6, other, access.Superv),
	}
	catalog, err := i18n.NewCatalog(ui.Messages, registryweb.Files)
	if err != nil {
		t.Fatal(err)
	}
	at, _ := url.Parse(origin)
	m := web.New(web.Config{Origin: at, Secret: []byte("0123456789abcdef"), Catalog: catalog, Gate: gate})
	registryweb.Routes(m, s)
	if v.h, err = m.Handler(); err != nil {
		t.Fatal(err)
	}
	return v
}

// do sends a request as somebody and gives status, body and where it was sent on.
func (v *site) do(who, method, path, kind string, body io.Reader) (int, string, string) {
	v.t.Helper()
	r := httptest.NewRequest(method, origin+path, body)
	r.AddCookie(&http.Cookie{Name: "__Host-session", Value: who})
	r.Header.Set("Accept-Language", v.lang)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Origin", origin)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	w := httptest.NewRecorder()
	v.h.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header().Get("Location")
}

// shows gets a page and holds it against what it must say.
func (v *site) shows(who, path string, status int, says ...string) string {
	v.t.Helper()
	got, body, _ := v.do(who, "GET", path, "", nil)
	v.says("GET "+path+" as "+who, got, status, body, says)
	return body
}

// sends posts a form; with 303 the answer is where it leads.
func (v *site) sends(who, path string, status int, form url.Values, says ...string) string {
	v.t.Helper()
	got, body, to := v.do(who, "POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	v.says("POST "+path+" as "+who, got, status, body, says)
	return to
}

func (v *site) says(what string, got, want int, body string, says []string) {
	v.t.Helper()
	if got != want {
		v.t.Errorf("%s: %d, want %d", what, got, want)
	}
	body = html.UnescapeString(spans.ReplaceAllString(body, ""))
	for _, s := range says {
		if !strings.Contains(body, s) {
			v.t.Errorf("%s does not say %q", what, s)
		}
	}
}

// spans are the marks around words in the other script.
var spans = regexp.MustCompile(`</?span[^>]*>`)

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func TestTheTeamKeepsTheRegistry(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		v.shows("analyst", "/console/organisations", 200, "Штедионица Ђердап", "1–3")
		v.shows("analyst", "/console/organisations?q=djerdap", 200, "Штедионица Ђердап", "1–1")
		v.shows("analyst", "/console/organisations?q=nothing", 200, "The filter hides every organisation")
		v.shows("analyst", "/console/organisations?state=withdrawn", 200, "The filter hides every organisation")

		// Wrong first: all fields at once, the typed text stays.
		v.sends("analyst", "/console/organisations/new", 422, form("name", "", "kind", "king", "website", "javascript:alert(1)", "country", "RS", "disclosure", "members"),
			"Enter a name.", "Choose a kind from the list.", "javascript:alert(1)")
		v.sends("analyst", "/console/organisations/new", 422, form("name", "Stedionica Djerdap", "kind", "other", "country", "RS", "disclosure", "members"), "exists already")
		at := v.sends("analyst", "/console/organisations/new", 303, form("name", "Водовод", "kind", "company", "sector", "water", "country", "RS", "name_latn", "Waterworks", "aliases", "БВК\n Vodovod d.o.o.", "disclosure", "members", "note", "важно"))
		v.shows("analyst", at, 200, "Водовод", "Company", "БВК", "важно", "Every organisation in this system sees the card")
		v.shows("analyst", at+"/edit", 200, `name="version" value="1"`, "Waterworks")
		v.sends("analyst", at+"/edit", 303, form("version", "1", "name", "Водовод Београд", "kind", "company", "sector", "water", "country", "RS", "disclosure", "members"))
		v.sends("analyst", at+"/edit", 422, form("version", "1", "name", "Мој назив", "kind", "company", "country", "RS"), "changed the record meanwhile", "Мој назив", `name="version" value="2"`)

		v.shows("analyst", at+"/contacts", 200, "There are no contacts yet", "is recorded")
		v.sends("analyst", at+"/contacts", 422, form("kind", "duty", "name", "Дежурни", "phone", "zovi"), "6 to 20 digits", "zovi")
		v.sends("analyst", at+"/contacts", 303, form("kind", "duty", "name", "Дежурни", "phone", "+381 11 123 4567"))
		page := v.shows("analyst", at+"/contacts", 200, "Not verified", "+381 11 123 4567")
		contact := between(t, page, `formaction="`+at+`/contacts/`, `/confirm"`)
		v.sends("analyst", at+"/contacts/"+contact+"/confirm", 303, nil)
		v.shows("analyst", at+"/contacts/"+contact, 200, "Verified", "Remove the contact")
		v.sends("analyst", at+"/contacts/"+contact, 422, form("kind", "duty", "name", "Дежурни", "email", "x"), "not complete")
		v.sends("analyst", at+"/contacts/"+contact, 303, form("kind", "duty", "name", "Дежурни", "email", "d@bvk.rs"))

		v.shows("analyst", at+"/resources", 200, "No network or domain is known")
		v.sends("analyst", at+"/resources", 422, form("kind", "network", "value", "10.0.0.1/8"), "not the beginning of that network")
		v.sends("analyst", at+"/resources", 303, form("kind", "network", "value", "10.0.0.0/8"))
		v.sends("analyst", at+"/resources", 422, form("kind", "network", "value", "10.0.0.0/8"), "has it already")
		v.sends("analyst", at+"/resources", 303, form("kind", "domain", "value", "бвк.срб"))
		v.shows("analyst", at+"/resources", 200, "10.0.0.0/8", "бвк.срб")
		v.shows("analyst", "/console/organisations?q=10.1.2.3", 200, "Водовод Београд", "1–1")

		v.shows("analyst", at+"/history", 200, "Organisation entered", "Contact confirmed", "Network or domain entered", "analyst 1")
		v.sends("analyst", at+"/contacts/"+contact+"/remove", 303, nil)
		v.sends("analyst", at+"/withdraw", 303, form("version", "0"))
		v.shows("analyst", at, 200, "Withdrawn", "Restore the organisation")
		v.sends("analyst", at+"/restore", 303, nil)
		v.shows("analyst", "/console/organisations/0199d3a0-0000-7000-8000-000000000001", 404)
		v.shows("analyst", "/console/organisations/x", 404)
	})
}

func between(t *testing.T, s, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(s, from)
	out, _, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("nothing between %q and %q", from, to)
	}
	return out
}

func TestMergePage(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		double := registrytest.Org(t, v.s, registry.Draft{Name: "Штедионица Ђердап д. о. о."})
		at := "/console/organisations/" + v.bank.UUID
		v.shows("analyst", at+"/merge", 404)
		v.shows("lead", at+"/merge", 200, "Штедионица Ђердап д. о. о.", "can be undone for 30 days")
		v.shows("lead", at+"/merge?q=druga", 200, "Друга фирма")
		v.shows("lead", at+"/merge?q=nothing", 200, "No similar organisations")
		v.sends("lead", at+"/merge", 422, form(), "Choose at least one organisation")
		v.sends("lead", at+"/merge", 303, form("from", double.UUID))
		page := v.shows("lead", at, 200, "Merged organisations", "Штедионица Ђердап д. о. о.", "Undo the merge")
		v.shows("lead", "/console/organisations/"+double.UUID, 200, "Merged")
		merge := between(t, page, at+"/merges/", "/undo")
		v.sends("lead", at+"/merges/"+merge+"/undo", 303, nil)
		v.sends("lead", at+"/merges/"+merge+"/undo", 409, nil, "undone already")
		v.shows("lead", at, 200, "undone")
	})
}

func TestConstituencyPage(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		second := registrytest.CERT(t, v.s, "Банкарски ЦЕРТ")
		at := "/console/organisations/" + second.UUID
		v.shows("analyst", at, 200, "Constituency", "No rules")
		v.shows("analyst", at+"/constituency", 404)
		v.shows("lead", at+"/constituency", 200, "Banking and financial markets")
		v.sends("lead", at+"/constituency", 422, form("sector", "magic"))
		v.sends("lead", at+"/constituency", 303, form("sector", "finance", "kind", "municipality"))
		v.shows("lead", at, 200, "Sector: Banking and financial markets", "Kind: Municipality")
		v.shows("lead", "/console/organisations/"+v.bank.UUID, 200, "Банкарски ЦЕРТ")
		v.sends("lead", "/console/organisations/"+v.host.UUID+"/constituency", 422, form("sector", "finance"), "Another CERT has that rule already")
	})
}

func TestRightPeopleOnly(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		at := "/console/organisations/" + v.bank.UUID
		v.shows("", "/console/organisations", 303)
		v.shows("banker", "/console/organisations", 404) // a page one may not enter is not there
		v.shows("supervisor", strings.Replace(at, "/console/", "/oversight/", 1), 200, "Only CERT teams and the organisation itself see")
		v.shows("supervisor", strings.Replace(at, "/console/", "/oversight/", 1)+"/contacts", 403)
		v.shows("supervisor", strings.Replace(at, "/console/", "/oversight/", 1)+"/history", 403)
		v.sends("supervisor", strings.Replace(at, "/console/", "/oversight/", 1)+"/edit", 404, form("name", "x")) // supervisors only read
		v.shows("supervisor", at, 404)                                                                            // the console is the team's
		v.shows("analyst", strings.Replace(at, "/console/", "/oversight/", 1), 404)
		v.shows("analyst", at+"/merge", 404)
	})
}

func TestAboutUs(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		v.shows("bankadmin", "/portal/organisation", 200, "About us", "You have not left a contact yet", "New contact")
		v.sends("bankadmin", "/portal/organisation/contacts", 422, form("kind", "duty", "name", ""), "Enter a name.", "Enter a telephone number or an e-mail address.")
		to := v.sends("bankadmin", "/portal/organisation/contacts", 303, form("kind", "duty", "name", "Ана", "email", "ana@djerdap.rs"))
		if to != "/portal/organisation" {
			t.Errorf("sent on to %s", to)
		}
		page := v.shows("bankadmin", "/portal/organisation", 200, "Confirm your contacts", "ana@djerdap.rs")
		contact := between(t, page, `formaction="/portal/organisation/contacts/`, `/confirm"`)
		v.sends("bankadmin", "/portal/organisation/contacts/"+contact+"/confirm", 303, nil)
		v.shows("bankadmin", "/portal/organisation/contacts/"+contact, 200, "Verified")
		v.shows("banker", "/portal/organisation", 200, "ana@djerdap.rs")
		if page := v.shows("banker", "/portal/organisation", 200); strings.Contains(page, "New contact") {
			t.Error("a member is offered what only the administrator may")
		}
		v.sends("banker", "/portal/organisation/contacts", 403, form("kind", "duty", "name", "x", "phone", "123456"))
		// Somebody of another organisation reaches only his own.
		v.shows("stranger", "/portal/organisation/contacts/"+contact, 404)
		v.sends("bankadmin", "/portal/organisation/contacts/"+contact+"/remove", 303, nil)
	})
}

// upload is a multipart form with one file.
func (v *site) upload(who, act, name, file string, status int, says ...string) string {
	v.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if act != "" {
		_ = w.WriteField("act", act)
	}
	if name != "" {
		part, err := w.CreateFormFile("file", name)
		if err != nil {
			v.t.Fatal(err)
		}
		_, _ = io.WriteString(part, file)
	}
	_ = w.Close()
	got, body, _ := v.do(who, "POST", "/console/organisations/import", w.FormDataContentType(), &b)
	v.says("import of "+name, got, status, body, says)
	return body
}

func TestImportPage(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		v.shows("analyst", "/console/organisations/import", 200, "registration_no", "Check the file")
		v.upload("analyst", "check", "", "", 422, "Choose a file.")
		v.upload("analyst", "check", "a.csv", "colour\nred\n", 422, "The header has a column")
		v.upload("analyst", "check", "a.csv", "name,kind\nНова,king\n", 422, "Some rows are wrong", "Choose a kind from the list.")
		page := v.upload("analyst", "check", "a.csv", "name,kind\nНова,company\nШтедионица Ђердап,company\n", 200, "The file is in order", "Нова", "Enter into the registry")
		kept := between(t, page, `<textarea name="kept" hidden>`, "</textarea>")
		v.shows("analyst", "/console/organisations?q=nova", 200, "The filter hides")
		v.sends("analyst", "/console/organisations/import", 303, form("act", "enter", "format", "csv", "kept", kept))
		v.shows("analyst", "/console/organisations?q=nova", 200, "Нова")
		if got, body, _ := v.do("analyst", "GET", "/console/organisations/export?q=nova&format=csv", "", nil); got != 200 || !strings.Contains(body, "Нова") || strings.Contains(body, "Ђердап") {
			t.Errorf("export: %d %s", got, body)
		}
	})
}

// TestScriptsOfEveryPage: the pages in all three languages, with data in both scripts.
func TestScriptsOfEveryPage(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	v := newSite(t, db)
	at := "/console/organisations/" + v.bank.UUID
	v.sends("analyst", at+"/contacts", 303, form("kind", "duty", "name", "<script>alert(1)</script> Ana Шумар", "phone", "+381 11 123 4567"))
	v.sends("analyst", at+"/resources", 303, form("kind", "domain", "value", "djerdap.rs", "note", "главни site"))
	for _, v.lang = range []string{"sr-Cyrl", "sr-Latn", "en"} {
		for _, path := range []string{"/console/organisations", at, at + "/edit", at + "/contacts", at + "/resources", at + "/history", "/console/organisations/new", "/console/organisations/import"} {
			page := v.shows("analyst", path, 200)
			if err := web.CheckScript(i18n.Lang(v.lang), []byte(page)); err != nil {
				t.Errorf("%s in %s: %v", path, v.lang, err)
			}
			if strings.Contains(page, "<script>alert") {
				t.Errorf("%s runs what somebody typed", path)
			}
		}
		page := v.shows("bankadmin", "/portal/organisation", 200)
		if err := web.CheckScript(i18n.Lang(v.lang), []byte(page)); err != nil {
			t.Errorf("portal in %s: %v", v.lang, err)
		}
	}
}
