package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web/ui"
)

var testNow = time.Date(2026, 11, 22, 7, 22, 0, 0, time.UTC)

// testGate knows one session and two keys.
type testGate struct{}

func person(perms ...string) ident.Actor {
	a := ident.Actor{Kind: ident.Person, Person: 7, Name: "Ana Šumar", Org: 1, CERT: 1, Perms: map[string]bool{}}
	for _, p := range perms {
		a.Perms[p] = true
	}
	return a
}

func (testGate) BySession(_ context.Context, token string) (ident.Actor, error) {
	switch token {
	case "good":
		return person("case.read"), nil
	case "broken":
		return ident.Actor{}, errors.New("database away")
	}
	return ident.Actor{}, fault.New(fault.NotFound, "no session")
}

func (testGate) ByKey(_ context.Context, key string, _ netip.Addr, ch ident.Channel) (ident.Actor, error) {
	a := person("case.read")
	a.Key, a.Channel = 3, ch
	switch key {
	case "reader":
		a.ReadOnly = true
		return a, nil
	case "narrow":
		a.Scopes = []string{"intel:read"}
		return a, nil
	}
	return ident.Actor{}, fault.New(fault.NotFound, "no key")
}

type testLimiter struct{}

func (testLimiter) Allow(_ context.Context, bucket, subject string) (time.Duration, bool) {
	return 5 * time.Minute, bucket != "full"
}

func newTestMux(t *testing.T, origin string) *Mux {
	t.Helper()
	cat, err := i18n.NewCatalog(ui.Messages, fstest.MapFS{
		"messages/sr-Cyrl.json": {Data: []byte(`{"x.saved":"Сачувано: {n}","x.bad":"Не ваља"}`)},
		"messages/en.json":      {Data: []byte(`{"x.saved":"Saved: {n}","x.bad":"Wrong"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Origin: u, Secret: []byte("0123456789abcdef0123456789abcdef"), Catalog: cat, Gate: testGate{}, Limiter: testLimiter{},
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return testNow },
		Site: func(context.Context) ui.Site {
			return ui.Site{Name: "Стража", Owner: "Национални ЦЕРТ", Phone: "0800 000 112"}
		},
		Nav: Nav{Console: []NavGroup{{Items: []NavItem{{Key: "ui.search", Href: "/console/cases", Icon: "folder", Policy: Perm("case.read")},
			{Key: "ui.keys", Href: "/console/secret", Policy: Perm("case.purge")}}}}}})
}

func hello(text string) Handler {
	return func(w http.ResponseWriter, r *http.Request) error { _, err := io.WriteString(w, text); return err }
}

type call struct {
	method, path, body string
	header             map[string]string
	cookies            map[string]string
}

func do(t *testing.T, m *Mux, c call) *httptest.ResponseRecorder {
	t.Helper()
	h, err := m.Handler()
	if err != nil {
		t.Fatal(err)
	}
	if c.method == "" {
		c.method = http.MethodGet
	}
	r := httptest.NewRequest(c.method, m.cfg.Origin.String()+c.path, strings.NewReader(c.body))
	if c.body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range c.header {
		if k == "Host" {
			r.Host = v
		}
		r.Header.Set(k, v)
	}
	for k, v := range c.cookies {
		if k == "session" || k == "flash" {
			k = m.cookieName(k)
		}
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestTableRefusesRoutesThatSayTooLittle(t *testing.T) {
	ok := hello("x")
	for _, c := range []struct {
		why   string
		route Route
	}{
		{"no policy", Route{Method: "GET", Pattern: "/a", Handler: ok}},
		{"GET may not change", Route{Method: "GET", Pattern: "/a", Policy: Public, Mutates: true, Handler: ok}},
		{"unknown method", Route{Method: "HEAD", Pattern: "/a", Policy: Public, Handler: ok}},
		{"no handler", Route{Method: "GET", Pattern: "/a", Policy: Public}},
		{"needs a scope", Route{Method: "GET", Pattern: "/api/v1/a", Policy: Team, Handler: ok}},
		{"not a path", Route{Method: "GET", Pattern: "a", Policy: Public, Handler: ok}},
		{"only public pages", Route{Method: "GET", Pattern: "/a", Policy: Team, Localized: true, Handler: ok}},
		{"conflicts", Route{Method: "POST", Pattern: "/language", Policy: Public, Mutates: true, Handler: ok}},
	} {
		m := newTestMux(t, "http://localhost:8480")
		m.Handle(c.route)
		if _, err := m.Handler(); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: got %v", c.why, err)
		}
	}
}

func TestAdmission(t *testing.T) {
	m := newTestMux(t, "http://localhost:8480")
	m.Handle(
		Route{Method: "GET", Pattern: "/console/cases", Policy: Perm("case.read"), Handler: hello("cases")},
		Route{Method: "GET", Pattern: "/console/secret", Policy: Perm("case.purge"), Handler: hello("secret")},
		Route{Method: "POST", Pattern: "/console/secret", Policy: Perm("case.purge"), Mutates: true, Handler: hello("done")},
		Route{Method: "POST", Pattern: "/console/cases", Policy: Perm("case.read"), Mutates: true, Handler: hello("saved")},
		Route{Method: "GET", Pattern: "/api/v1/cases", Policy: Perm("case.read"), Scope: "incident:read", Handler: hello("[]")},
		Route{Method: "POST", Pattern: "/api/v1/cases", Policy: Perm("case.read"), Scope: "incident:write", Mutates: true, Handler: hello("{}")},
		Route{Method: "GET", Pattern: "/full", Policy: Public, Limit: "full", Handler: hello("x")},
		Route{Method: "POST", Pattern: "/small", Policy: Public, Mutates: true, Body: 4, Handler: func(w http.ResponseWriter, r *http.Request) error {
			_, err := ReadForm(r)
			return err
		}},
	)
	session := map[string]string{"session": "good"}
	same := map[string]string{"Origin": "http://localhost:8480"}
	key := func(k string) map[string]string { return map[string]string{"Authorization": "Bearer " + k} }
	for name, c := range map[string]struct {
		call
		status int
		want   string
	}{
		"own page":               {call{path: "/console/cases", cookies: session}, 200, "cases"},
		"nobody goes to log-in":  {call{path: "/console/cases?a=1"}, 303, ""},
		"dead session":           {call{path: "/console/cases", cookies: map[string]string{"session": "old"}}, 401, "Затворили смо сесију"},
		"gate fails":             {call{path: "/console/cases", cookies: map[string]string{"session": "broken"}}, 500, "Нешто је код нас запело"},
		"may not see":            {call{path: "/console/secret", cookies: session}, 404, "Ове странице нема"},
		"may not do":             {call{method: "POST", path: "/console/secret", cookies: session, header: same}, 403, "немате овлашћење"},
		"no such page":           {call{path: "/nowhere"}, 404, "Ове странице нема"},
		"no such page, English":  {call{path: "/en/nowhere"}, 404, "This page does not exist"},
		"wrong method":           {call{method: "DELETE", path: "/console/cases"}, 405, ""},
		"post with cookie":       {call{method: "POST", path: "/console/cases", cookies: session, header: same}, 200, "saved"},
		"silent post":            {call{method: "POST", path: "/console/cases", cookies: session}, 403, "није стигао са ове странице"},
		"foreign post":           {call{method: "POST", path: "/console/cases", cookies: session, header: map[string]string{"Origin": "https://evil.example"}}, 403, "није стигао"},
		"foreign fetch":          {call{method: "POST", path: "/console/cases", cookies: session, header: map[string]string{"Sec-Fetch-Site": "cross-site"}}, 403, "није стигао"},
		"no key":                 {call{path: "/api/v1/cases"}, 401, "unauthenticated"},
		"wrong key":              {call{path: "/api/v1/cases", header: key("x")}, 401, "unauthenticated"},
		"wrong key, good cookie": {call{path: "/api/v1/cases", header: key("x"), cookies: session}, 401, "unauthenticated"},
		"key":                    {call{path: "/api/v1/cases", header: key("reader")}, 200, "[]"},
		"bare key":               {call{path: "/api/v1/cases", header: map[string]string{"Authorization": "reader"}}, 200, "[]"},
		"read-only key":          {call{method: "POST", path: "/api/v1/cases", header: key("reader")}, 403, "read-only"},
		"narrow key":             {call{path: "/api/v1/cases", header: key("narrow")}, 403, "scope"},
		"key on a page":          {call{path: "/console/cases", header: key("reader")}, 403, ""},
		"limited":                {call{path: "/full"}, 429, "Сачекајте 5 "},
		"body too large":         {call{method: "POST", path: "/small", body: "a=12345678"}, 413, "Превелико"},
		"wrong host":             {call{path: "/console/cases", header: map[string]string{"Host": "evil.example"}}, 421, ""},
		"asset":                  {call{path: ui.Asset("public.css")}, 200, "@layer"},
	} {
		w := do(t, m, c.call)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d, want %d with %q:\n%.600s", name, w.Code, c.status, c.want, w.Body)
		}
		if c.status != 421 && (w.Header().Get("Content-Security-Policy") != csp || w.Header().Get("X-Request-Id") == "") {
			t.Errorf("%s: headers missing: %v", name, w.Header())
		}
	}
	if w := do(t, m, call{path: "/console/cases?a=1"}); w.Header().Get("Location") != "/login?next=%2Fconsole%2Fcases%3Fa%3D1" {
		t.Error(w.Header().Get("Location"))
	}
	if w := do(t, m, call{path: "/full"}); w.Header().Get("Retry-After") != "300" {
		t.Error("Retry-After", w.Header())
	}
}

func TestLanguages(t *testing.T) {
	m := newTestMux(t, "https://cert.example")
	m.Handle(Route{Method: "GET", Pattern: "/", Policy: Public, Localized: true, Handler: func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, T(r, "x.bad")+Path(r, "/x"))
		return err
	}})
	if w := do(t, m, call{path: "/?a=1", header: map[string]string{"Accept-Language": "en-GB"}}); w.Code != 302 || w.Header().Get("Location") != "/en/?a=1" {
		t.Error(w.Code, w.Header())
	}
	if w := do(t, m, call{path: "/", cookies: map[string]string{"lang": "sr-Latn"}}); w.Header().Get("Location") != "/sr-Latn/" {
		t.Error(w.Header())
	}
	if w := do(t, m, call{path: "/sr-Latn/"}); w.Body.String() != "Ne valja/sr-Latn/x" {
		t.Error(w.Body)
	}
	if w := do(t, m, call{path: "/sr/"}); w.Code != 404 {
		t.Error("plain sr must not exist:", w.Code)
	}
	w := do(t, m, call{method: "POST", path: "/language", body: "lang=en&back=%2F%2Fevil.example", header: map[string]string{"Origin": "https://cert.example"}})
	if w.Code != 303 || w.Header().Get("Location") != "/" || !strings.Contains(w.Header().Get("Set-Cookie"), "lang=en") {
		t.Error(w.Code, w.Header())
	}
	if got := w.Header().Get("Strict-Transport-Security"); got == "" {
		t.Error("no HSTS under TLS")
	}
}

func TestFlashTravelsSigned(t *testing.T) {
	m := newTestMux(t, "http://localhost:8480")
	pages := m.Templates(fstest.MapFS{"p.html": {Data: []byte(`<h1>{{mark .Title}}</h1>`)}})
	m.Handle(
		Route{Method: "POST", Pattern: "/do", Policy: Public, Mutates: true, Handler: func(w http.ResponseWriter, r *http.Request) error {
			return Redirect("/see", Done("x.saved", "n", 1208).WithUndo("/undo", "id", "5"))
		}},
		Route{Method: "GET", Pattern: "/see", Policy: Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
			p := NewPage(r, ShellPublic, "Наслов <b>")
			return pages.Render(w, r, "p", &p)
		}},
	)
	w := do(t, m, call{method: "POST", path: "/do"})
	cookie := w.Result().Cookies()[0]
	w = do(t, m, call{path: "/see", cookies: map[string]string{"flash": cookie.Value}})
	body := w.Body.String()
	for _, want := range []string{"Сачувано: 1.208", `action="/undo"`, `name="id" value="5"`, "Наслов &lt;b&gt;"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
	forged := "x" + cookie.Value
	if w := do(t, m, call{path: "/see", cookies: map[string]string{"flash": forged}}); strings.Contains(w.Body.String(), "Сачувано: 1") {
		t.Error("a forged flash was shown")
	}
}

func TestMenusShowOnlyWhatMayBeEntered(t *testing.T) {
	m := newTestMux(t, "http://localhost:8480")
	w := do(t, m, call{path: "/console/nowhere", cookies: map[string]string{"session": "good"}})
	if body := w.Body.String(); !strings.Contains(body, "/console/cases") || strings.Contains(body, "/console/secret") {
		t.Errorf("menu:\n%s", body)
	}
}

func TestProblemDocument(t *testing.T) {
	m := newTestMux(t, "http://localhost:8480")
	m.Handle(Route{Method: "GET", Pattern: "/api/v1/x", Policy: Public, Handler: func(http.ResponseWriter, *http.Request) error {
		return fault.Field("name", "x.bad", "name is empty")
	}}, Route{Method: "GET", Pattern: "/api/v1/panic", Policy: Public, Handler: func(http.ResponseWriter, *http.Request) error { panic("secret detail") }})
	w := do(t, m, call{path: "/api/v1/x", header: map[string]string{"Accept-Language": "en"}})
	want := `"status":422,"detail":"name is empty","kind":"invalid"`
	if w.Code != 422 || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), `{"field":"name","key":"x.bad","message":"Wrong"}`) ||
		w.Header().Get("Content-Type") != "application/problem+json" {
		t.Error(w.Code, w.Body)
	}
	w = do(t, m, call{path: "/api/v1/panic"})
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret detail") {
		t.Error(w.Code, w.Body)
	}
}

func TestSurfaceGetsThePathAsSent(t *testing.T) {
	m := newTestMux(t, "http://localhost:8480")
	m.Surface(Surface{Name: ident.MISP, Owns: func(s string) bool { return s == "events" },
		Handler: func(w http.ResponseWriter, r *http.Request) error {
			if !Actor(r).LoggedIn() {
				return fault.New(fault.Denied, "no key")
			}
			_, err := io.WriteString(w, r.URL.EscapedPath()+" "+string(Actor(r).Channel))
			return err
		},
		Fail: func(w http.ResponseWriter, r *http.Request, err error) { http.Error(w, "misp says no", Status(err)) }})
	w := do(t, m, call{path: "/events//view/1%2F2", header: map[string]string{"Authorization": "reader"}})
	if w.Body.String() != "/events//view/1%2F2 misp" {
		t.Error(w.Code, w.Body)
	}
	if w := do(t, m, call{path: "/events/1", cookies: map[string]string{"session": "good"}}); w.Code != 403 || w.Body.String() != "misp says no\n" {
		t.Error("a cookie counted on a surface:", w.Code, w.Body)
	}
}

// An address that nobody has, asked for in a protocol's manner, is refused in its form.
func TestStraysAreRefusedInTheirForm(t *testing.T) {
	m := newTestMux(t, "https://straza.example")
	m.Surface(Surface{Name: "misp", Owns: func(string) bool { return false }, Handler: hello("never"),
		Strays: func(r *http.Request) bool { return r.Header.Get("Authorization") == "reader" },
		Fail:   func(w http.ResponseWriter, _ *http.Request, err error) { http.Error(w, "theirs", Status(err)) }})
	for path, want := range map[string]bool{"/nobody": true, "/api/v1/nobody": false} {
		rec := do(t, m, call{path: path, header: map[string]string{"Authorization": "reader", "Accept": "application/json"}})
		if rec.Code != http.StatusNotFound || strings.Contains(rec.Body.String(), "theirs") != want {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
	if rec := do(t, m, call{path: "/nobody"}); rec.Code != http.StatusNotFound || strings.Contains(rec.Body.String(), "theirs") {
		t.Errorf("a person: %d %s", rec.Code, rec.Body)
	}
}

func TestLocalPath(t *testing.T) {
	for in, want := range map[string]string{"/a?b=1": "/a?b=1", "//evil": "/f", "https://evil": "/f", "": "/f", "/\\evil": "/f", "/a\r\nb": "/f", "javascript:x": "/f"} {
		if got := LocalPath(in, "/f"); got != want {
			t.Errorf("LocalPath(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add(EncodeCursor([]int64{1, 2}))
	f.Add("!!")
	f.Fuzz(func(t *testing.T, s string) {
		var keys []int64
		if err := DecodeCursor(s, &keys); err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

func TestFormKeepsWhatWasTyped(t *testing.T) {
	m := newTestMux(t, "http://localhost:8480")
	m.Handle(Route{Method: "POST", Pattern: "/f", Policy: Public, Mutates: true, Handler: func(w http.ResponseWriter, r *http.Request) error {
		f, err := ReadForm(r)
		if err != nil {
			return err
		}
		f.Needed("name", 5)
		f.Int("n")
		if !f.Fail(nil) {
			return errors.New("no error found")
		}
		field := f.Field("n", "x.bad")
		if field.Value != "много" || field.Error != "Упишите број" {
			t.Errorf("%+v", field)
		}
		if box := f.Box("n", "x.bad"); box.Type != "checkbox" || !box.Options[0].Checked || f.Box("none", "x.bad").Options[0].Checked {
			t.Errorf("a tick box forgets what was ticked: %+v", box)
		}
		s := f.Summary("name", "n")
		if len(s.Items) != 2 || s.Items[0].Field != "name" || s.Items[0].Text != "Попуните ово поље" {
			t.Errorf("%+v", s)
		}
		return nil
	}})
	if w := do(t, m, call{method: "POST", path: "/f", body: "name=++&n=" + url.QueryEscape("много")}); w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
}

func TestStreamAnswersListsAndErrors(t *testing.T) {
	for want, each := range map[string]func(yield func(any) error) (string, error){
		`{"items":[],"next":null}` + "\n":     func(func(any) error) (string, error) { return "", nil },
		`{"items":[1,2],"next":"abc"}` + "\n": func(y func(any) error) (string, error) { return "abc", errors.Join(y(1), y(2)) },
	} {
		w := httptest.NewRecorder()
		if err := Stream(w, each); err != nil || w.Body.String() != want {
			t.Errorf("%v: %s", err, w.Body)
		}
	}
	w := httptest.NewRecorder()
	if err := Stream(w, func(func(any) error) (string, error) { return "", fault.New(fault.Invalid, "x") }); !fault.Is(err, fault.Invalid) || w.Body.Len() != 0 {
		t.Error("an early error must be answered whole")
	}
}

type samplePage struct {
	Page
	Name string
	Rows []ui.Fact
}

func TestCheckTemplatesFindsWhatNoSampleReaches(t *testing.T) {
	page := &samplePage{Name: "x"}
	for want, src := range map[string]string{
		"":                                    `<h1>{{mark .Name}}</h1>{{range .Rows}}{{mark .Label}}{{end}}{{t "ui.steps" "now" 1 "all" 2}}`,
		"has no field or method Nmae":         `{{if false}}{{.Nmae}}{{end}}`,
		"has no field or method Labl":         `{{range .Rows}}{{.Labl}}{{end}}`,
		`message "ui.nope" is missing`:        `{{if false}}{{t "ui.nope"}}{{end}}`,
		"has placeholders [all now], gets []": `{{if false}}{{t "ui.steps"}}{{end}}`,
		"argument 1 is string, not":           `{{if false}}{{date .Name}}{{end}}`,
		`" style=" in the page`:               `<p style="x">`,
		"function \"nope\" not defined":       `{{nope}}`,
		"no such part":                        `{{if false}}{{template "x" .}}{{end}}`,
	} {
		err := CheckTemplates(fstest.MapFS{"p.html": {Data: []byte(src)}}, map[string][]Pager{"p": {page}})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s\nwant %q, got %v", src, want, err)
		}
	}
	if err := CheckTemplates(fstest.MapFS{"p.html": {}}, nil); err == nil {
		t.Error("a page without samples passed")
	}
}

func TestSheetShowsEveryComponentInEveryLanguage(t *testing.T) {
	samples := map[string][]Pager{}
	for _, name := range []string{"sheet", "public", "report", "portal", "bare", "read", "list"} {
		p := newSheet(testNow)
		samples[name] = []Pager{p}
	}
	if err := CheckTemplates(sheetSub(), samples); err != nil {
		t.Error(err)
	}
}

func TestStyleSheetsAreWhole(t *testing.T) {
	for _, name := range []string{"public.css", "portal.css", "console.css"} {
		m := newTestMux(t, "http://localhost:8480")
		css := do(t, m, call{path: ui.Asset(name)}).Body.String()
		depth := 0
		for _, c := range css {
			switch c {
			case '{':
				depth++
			case '}':
				depth--
			}
		}
		if depth != 0 || len(css) < 50_000 {
			t.Errorf("%s: %d braces are open, %d bytes", name, depth, len(css))
		}
	}
}

func TestCheckScript(t *testing.T) {
	for _, c := range []struct {
		lang i18n.Lang
		page string
		ok   bool
	}{
		{i18n.SrCyrl, `<html lang="sr-Cyrl"><p>Добар дан</p>`, true},
		{i18n.SrCyrl, `<html lang="sr-Cyrl"><p>Добар <b>day</b></p>`, false},
		{i18n.SrCyrl, `<html lang="sr-Cyrl"><p>Добар <b lang="en">day</b></p>`, true},
		{i18n.SrLatn, `<html lang="sr-Latn"><p>Dobar дан</p>`, false},
		{i18n.SrLatn, `<html lang="sr-Latn"><p>Dobar <i translate="no">дан</i></p>`, true},
		{i18n.En, `<html lang="en"><p>дан</p>`, false},
	} {
		if err := CheckScript(c.lang, []byte(c.page)); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.page, err)
		}
	}
}

// Components with data of numbers and moments only: what is left are our own words,
// which must be in the page's script.
func TestComponentsSpeakThreeLanguages(t *testing.T) {
	m := newTestMux(t, "http://localhost:8480")
	var clocks []ui.Component
	p := newSheet(testNow)
	for _, c := range p.Clocks {
		c.Label, c.Paused = "", map[bool]string{true: "1"}[c.Paused != ""]
		clocks = append(clocks, c)
	}
	all := append(clocks, ui.Severity{Level: "low"}, ui.Severity{Level: "very-high", Pill: true}, ui.Severity{}, ui.TLP("tlp:amber"), ui.PAP("RED"),
		ui.Pagination{From: 1, To: 50, Total: 3120, First: "/", Prev: "/", Next: "/"}, ui.BulkBar{Form: "f"}, ui.Steps{Now: 2, All: 4}, ui.Steps{Now: 4, All: 4}, ui.Steps{Now: 1, All: 4, Most: true},
		ui.ErrorSummary{Items: []ui.ErrorItem{{Text: "1"}}}, ui.Toast{Text: "1", Undo: &ui.Undo{}}, ui.Receipt{Title: "1", Code: "12345"}, ui.FilterBar{Fields: []ui.Field{{Label: "1"}}, Clear: "/", Views: &ui.SavedViews{List: "/x", Items: []ui.SavedView{{ID: "1", Name: "1", Href: "/x?view=1", Opens: true, Here: true}}, Save: &ui.Field{Name: "name", ID: "view-name", Label: "1"}}},
		ui.Message{Kind: ui.Internal, Who: "1", At: testNow, Files: []ui.FileRef{{Name: "1", Size: 123456}}}, ui.Message{Kind: ui.Draft}, ui.Answers{Items: []ui.Answer{{Question: "1", Change: "/"}}},
		ui.Table{Caption: "1", Select: true, Columns: []ui.Column{{Label: "1"}}, Rows: []ui.Row{{ID: "1", Cells: []any{testNow}}}}, ui.Timeline{Items: []ui.Moment{{At: testNow, Noted: testNow.Add(26 * time.Hour)}}},
		ui.WatchLine{}, ui.WatchLine{Deadlines: []ui.Deadline{{Number: "1", Due: testNow.Add(30 * time.Hour)}}}, ui.BarChart{Title: "1"}, ui.LineChart{Title: "1"}, ui.Field{Label: "1", Optional: true}, ui.Field{Label: "1", Type: "checkbox", Optional: true},
		ui.Tasks{Items: []ui.Task{{Title: "1", Action: "/"}}})
	for _, l := range i18n.Langs {
		for _, c := range all {
			out, err := m.kit.Show(l, c)
			if err != nil {
				t.Errorf("%T: %v", c, err)
				continue
			}
			if err := CheckScript(l, []byte(out)); err != nil {
				t.Errorf("%s %T: %v", l, c, err)
			}
		}
	}
	if missing := m.cfg.Catalog.Missing(); len(missing) > 0 {
		t.Error("missing messages", missing)
	}
}

func TestPublicPagesAreKeptAndDropped(t *testing.T) {
	m := newTestMux(t, "http://localhost:8480")
	pages := m.Templates(fstest.MapFS{"p.html": {Data: []byte(`<p>{{num .N}}</p>`)}})
	type page struct {
		Page
		N int
	}
	n := 0
	m.Handle(Route{Method: "GET", Pattern: "/x", Policy: Public, Localized: true, Handler: func(w http.ResponseWriter, r *http.Request) error {
		n++
		return pages.Render(w, r, "p", &page{Page: NewPage(r, ShellPublic, "x"), N: n})
	}}, Route{Method: "POST", Pattern: "/y", Policy: Public, Mutates: true, Handler: hello("done")})
	see := func(want string, cookies map[string]string) {
		t.Helper()
		if w := do(t, m, call{path: "/en/x", cookies: cookies}); !strings.Contains(w.Body.String(), "<p>"+want+"</p>") {
			t.Errorf("not %s: %d", want, n)
		}
	}
	see("1", nil)
	see("1", nil)                                  // kept
	see("2", map[string]string{"session": "good"}) // not for somebody with a session
	see("1", nil)
	do(t, m, call{method: "POST", path: "/y"})
	see("3", nil) // a change forgets
}
