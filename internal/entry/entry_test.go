package entry

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault/totp"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

const (
	cert, bank = 11, 22
	password   = "vetar sa kosave 1"
)

// TestPages checks every template in three languages with what it gets.
func TestPages(t *testing.T) {
	field := ui.Field{Name: "x", Label: "Поље", Error: "Грешка"}
	rows := []row{{Name: "Firefox", Sub: []string{"ова сесија"}, Tags: []string{"misp"}, Began: testkit.AsOf, Used: testkit.AsOf, Action: "/a", Label: "Затворите", ID: "1"},
		{Name: "AbCd…", Mono: true, Until: "22. 11. 2026.", Off: true}}
	page := web.Page{Title: "Наслов", Shell: web.ShellBare}
	samples := map[string][]web.Pager{
		"login":      {&loginPage{Page: page, Email: field, Password: field, Passkey: true}, &loginPage{Page: page, Passkey: true, Local: "http://localhost:1/login"}},
		"second":     {&secondPage{Page: page, Code: field}, &secondPage{Page: page, Code: field, Recovery: true, Other: "/x"}},
		"forgot":     {&forgotPage{Page: page, Email: field}, &forgotPage{Page: page, Sent: true}, &forgotPage{Page: page, ByHand: true}},
		"invitation": {&invitationPage{Page: page, Name: "Ана", Address: "a@b.rs", Password: field}, &invitationPage{Page: page, Reset: true}},
		"setup":      {&setupPage{Page: page, Org: field, Name: field, Email: field, Password: field}},
		"account": {&accountPage{Page: page, Factors: account.Factors{TOTP: true, Recovery: 1}, Few: true, Works: true, Keyed: rows, Sessions: rows, Others: true, Keys: rows, Alerts: true, Name: field, Lang: field,
			MailKey: ui.Facts{Items: []ui.Fact{{Label: "x", Value: "ABCD"}}}, Gone: true},
			&accountPage{Page: page, Factors: account.Factors{Password: true}}},
		"password": {&passwordPage{Page: page, HasOld: true, Old: field, New: field}},
		"confirm":  {&confirmPage{Page: page, Passkeys: true, ByCode: true, Field: field}, &confirmPage{Page: page, Field: field}},
		"totp":     {&totpPage{Page: page, Secret: "ABCD EFGH", QR: "M4 4h1v1h-1z", View: 33, Code: field}, &totpPage{Page: page}},
		"newkey":   {&newKeyPage{Page: page, Name: field, Expires: field, AllowIP: field}},
		"letters":  {&lettersPage{Page: page, Key: field}},
		"shown":    {&shownPage{Page: page, Key: "ABCD"}, &shownPage{Page: page, Codes: []string{"12345 12345 12345"}, All: "12345"}},
		"personas": {&personasPage{Page: page, People: []persona{{ID: "1", Name: "Ана", Email: "a@b.rs", Roles: "аналитичар", Org: "ЦЕРТ"}}}},
	}
	if err := web.CheckTemplates(Files, samples, Files, account.Messages); err != nil {
		t.Error(err)
	}
}

// TestMessagesInTheSources: every key that the handlers name has words.
func TestMessagesInTheSources(t *testing.T) {
	cat, err := i18n.NewCatalog(ui.Messages, Files, account.Messages)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range append(testkit.Sources(t, ".", regexp.MustCompile(`"(entry\.[a-z0-9.-]+[a-z0-9])"`)), testkit.Sources(t, ".", regexp.MustCompile(`"(account\.[a-z-]+)"`))...) {
		for _, l := range i18n.Langs {
			if !cat.Has(l, k) {
				t.Errorf("%s has no words for %s", l, k)
			}
		}
	}
	for _, s := range scopes {
		if k := "entry.scope." + strings.ReplaceAll(s, ":", "-"); !cat.Has(i18n.En, k) {
			t.Errorf("no words for scope %s", s)
		}
	}
}

// house serves the room over HTTP.
type house struct {
	t      *testing.T
	s      *account.Service
	now    *clock.Moved
	db     *store.DB
	server *httptest.Server
	mail   *letters
}

type letters struct {
	mu  sync.Mutex
	out []account.Letter
}

func (l *letters) LetterTx(_ context.Context, _ *store.Tx, v account.Letter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out = append(l.out, v)
	return nil
}

func each(t *testing.T, test func(h *house)) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := &house{t: t, now: now, db: db, mail: &letters{}}
		var handler http.Handler
		h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
		t.Cleanup(h.server.Close)
		origin, err := url.Parse(strings.Replace(h.server.URL, "127.0.0.1", "localhost", 1))
		if err != nil {
			t.Fatal(err)
		}
		orgs := testkit.Orgs{cert: {ID: cert, UUID: "00000000-0000-7000-8000-000000000011", Name: "Nacionalni CERT", CERT: true},
			bank: {ID: bank, UUID: "00000000-0000-7000-8000-000000000022", Name: "Banka"}}
		h.s = testkit.Accounts(t, db, orgs, account.Deps{Letters: h.mail, Config: account.Config{Demo: true, Origin: origin.String}})
		cat, err := i18n.NewCatalog(ui.Messages, Files, account.Messages)
		if err != nil {
			t.Fatal(err)
		}
		m := web.New(web.Config{Origin: origin, Hosts: []string{h.server.Listener.Addr().String()}, Secret: []byte(strings.Repeat("s", 32)),
			Catalog: cat, Gate: h.s.Gate(), Now: now.Now, SetLang: h.s.SetLang})
		Routes(m, Deps{Accounts: h.s, Host: func(context.Context, ident.Actor, string) (int64, error) { return cert, nil }})
		if handler, err = m.Handler(); err != nil {
			t.Fatal(err)
		}
		test(h)
	})
}

func (h *house) add(email string, org int64, roles ...string) ident.Actor {
	h.t.Helper()
	return testkit.Person(h.t, h.s, account.NewPerson{Email: email, Name: "Ana Anić", Org: org, Roles: roles, Password: password, Lang: "en"})
}

// visitor is a browser with its cookies.
type visitor struct {
	h    *house
	c    *http.Client
	lang string
}

func (h *house) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &visitor{h: h, lang: "en", c: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// page is an answer.
type page struct {
	status int
	to     string
	body   string
	header http.Header
}

func (v *visitor) do(r *http.Request) page {
	v.h.t.Helper()
	r.Header.Set("Accept-Language", v.lang)
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	res, err := v.c.Do(r)
	if err != nil {
		v.h.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.h.t.Fatal(err)
	}
	return page{res.StatusCode, res.Header.Get("Location"), string(body), res.Header}
}

func (v *visitor) url(path string) string { return strings.TrimSuffix(v.h.s.Origin(), "/") + path }

func (v *visitor) get(path string) page {
	v.h.t.Helper()
	r, err := http.NewRequest(http.MethodGet, v.url(path), nil)
	if err != nil {
		v.h.t.Fatal(err)
	}
	return v.do(r)
}

func (v *visitor) post(path string, pairs ...string) page {
	v.h.t.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, v.url(path), strings.NewReader(q.Encode()))
	if err != nil {
		v.h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", v.h.s.Origin())
	return v.do(r)
}

func (v *visitor) json(path, body string) page {
	v.h.t.Helper()
	r, err := http.NewRequest(http.MethodPost, v.url(path), strings.NewReader(body))
	if err != nil {
		v.h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Origin", v.h.s.Origin())
	return v.do(r)
}

// goes expects a redirect.
func (v *visitor) goes(p page, to string) {
	v.h.t.Helper()
	if p.status != http.StatusSeeOther || p.to != to {
		v.h.t.Fatalf("answered %d to %q, want 303 to %q\n%s", p.status, p.to, to, text(p.body))
	}
}

// says expects a status and words.
func (v *visitor) says(p page, status int, words ...string) {
	v.h.t.Helper()
	if p.status != status {
		v.h.t.Fatalf("answered %d to %q, want %d\n%s", p.status, p.to, status, text(p.body))
	}
	for _, w := range words {
		if !strings.Contains(text(p.body), w) {
			v.h.t.Errorf("the page lacks %q:\n%s", w, text(p.body))
		}
	}
}

var tags = regexp.MustCompile(`(?s)<head>.*?</head>|<svg.*?</svg>|<[^>]*>`)

func text(body string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&amp;", "&").Replace(tags.ReplaceAllString(body, " "))), " ")
}

func (v *visitor) logIn(email string, code ...string) page {
	v.h.t.Helper()
	pairs := []string{"email", email, "password", password}
	if len(code) > 0 {
		pairs = append(pairs, "code", code[0])
	}
	return v.post("/login", pairs...)
}

func TestLogIn(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		v := h.visitor()
		v.says(v.get("/login"), 200, "Log in", "E-mail address", "Password")
		v.says(v.post("/login", "email", "ana@cert.rs"), 422, "Fill in this field")
		wrong := v.post("/login", "email", "ana@cert.rs", "password", "wrong")
		v.says(wrong, 422, "The address, password or code is not right.")
		if !strings.Contains(wrong.body, `value="ana@cert.rs"`) || strings.Contains(wrong.body, "wrong") && strings.Contains(wrong.body, `value="wrong"`) {
			h.t.Error("the address must stay, the password must not")
		}
		v.goes(v.get("/account"), "/login?next=%2Faccount")
		v.goes(v.post("/login?next=%2Faccount%23keys", "email", "ana@cert.rs", "password", password), "/account")
		v.says(v.get("/account"), 200, "My account", "ana@cert.rs", "Nacionalni CERT", "analyst", "Firefox, Linux", "this session")
		v.goes(v.get("/login"), "/console")
		v.goes(v.post("/logout"), "/login")
		v.goes(v.get("/account"), "/login?next=%2Faccount")
		for _, next := range []string{"//evil.test", "https://evil.test/", `/\evil.test`, "javascript:alert(1)"} {
			v.goes(v.post("/login?next="+url.QueryEscape(next), "email", "ana@cert.rs", "password", password), "/console")
		}
	})
}

// TestSameAnswer is row 17 at the door: known, unknown and closed accounts get
// the same page, byte for byte but for the address typed and the request's id.
func TestSameAnswer(t *testing.T) {
	each(t, func(h *house) {
		h.add("aaaaa@cert.rs", cert, access.Analyst)
		h.add("bbbbb@cert.rs", cert, access.Analyst)
		if _, err := h.s.Disable(context.Background(), ident.SystemPart("setup"), "bbbbb@cert.rs"); err != nil {
			h.t.Fatal(err)
		}
		answer := func(path, name string) string {
			v := h.visitor()
			p := v.post(path, "email", name+"@cert.rs", "password", "wrong password")
			return strings.ReplaceAll(p.body, name, "NAME")
		}
		for _, path := range []string{"/login", "/login/forgot"} {
			want := answer(path, "aaaaa")
			for _, name := range []string{"bbbbb", "ccccc"} {
				if got := answer(path, name); got != want {
					h.t.Errorf("%s: %s gets another answer", path, name)
				}
			}
		}
	})
}

func TestTooManyTries(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		v := h.visitor()
		for range 10 {
			v.says(v.post("/login", "email", "ana@cert.rs", "password", "wrong"), 422)
		}
		p := v.logIn("ana@cert.rs")
		v.says(p, 429, "Wait", "Report an incident")
		if p.header.Get("Retry-After") == "" {
			h.t.Error("no Retry-After")
		}
	})
}

var secretShown = regexp.MustCompile(`id="secret" translate="no">([A-Z2-7 ]+)<`)

// enrol adds a code app through the pages and gives its seed and the paper codes.
func (v *visitor) enrol() (seed []byte, codes []string) {
	v.h.t.Helper()
	p := v.post("/account/totp/start")
	m := secretShown.FindStringSubmatch(p.body)
	if p.status != 200 || m == nil || p.header.Get("Cache-Control") != "no-store" {
		v.h.t.Fatalf("no secret in %d %q: %s", p.status, p.header.Get("Cache-Control"), text(p.body))
	}
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(m[1], " ", ""))
	if err != nil {
		v.h.t.Fatal(err)
	}
	bad := v.post("/account/totp/confirm", "code", "000000")
	v.says(bad, 422, "The code is wrong")
	if strings.Contains(bad.body, m[1]) {
		v.h.t.Error("the secret is shown twice")
	}
	p = v.post("/account/totp/confirm", "code", totp.Code(seed, v.h.now.Now()))
	v.says(p, 200, "The codes are shown only now")
	codes = regexp.MustCompile(`\d{5} \d{5} \d{5}`).FindAllString(text(p.body), -1)
	if len(codes) != 10 || p.header.Get("Cache-Control") != "no-store" {
		v.h.t.Fatalf("%d codes, %q", len(codes), p.header.Get("Cache-Control"))
	}
	v.h.now.Add(2 * totp.Period)
	return seed, codes
}

func TestSecondStep(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		v := h.visitor()
		v.goes(v.logIn("ana@cert.rs"), "/console")
		seed, codes := v.enrol()
		v.says(v.get("/account"), 200, "every log-in with a password asks for it", "10 codes are left")
		v.goes(v.post("/logout"), "/login")

		v.goes(v.get("/login/second"), "/login")
		v.goes(v.logIn("ana@cert.rs"), "/login/second")
		v.goes(v.get("/account"), "/login?next=%2Faccount") // the first step opens nothing
		v.says(v.get("/login/second"), 200, "six digits", "I do not have my phone with me")
		v.says(v.get("/login/second?with=recovery"), 200, "one of the ten codes")
		v.says(v.post("/login/second", "code", "123456"), 422, "The code is wrong")
		code := totp.Code(seed, h.now.Now())
		v.goes(v.post("/login/second?next=%2Faccount", "code", code[:3]+" "+code[3:]), "/account")
		v.says(v.get("/account"), 200, "with the second step")

		one := h.visitor() // a script does it in one step, and with a paper code
		one.says(one.logIn("ana@cert.rs", "111111"), 422, "is not right")
		h.now.Add(totp.Period)
		one.goes(one.logIn("ana@cert.rs", totp.Code(seed, h.now.Now())), "/console")
		paper := h.visitor()
		paper.goes(paper.logIn("ana@cert.rs"), "/login/second")
		paper.goes(paper.post("/login/second?with=recovery", "code", codes[0]), "/console")
		again := h.visitor()
		again.says(again.logIn("ana@cert.rs", codes[0]), 422)

		h.now.Add(11 * time.Minute)
		late := h.visitor()
		late.goes(late.logIn("ana@cert.rs"), "/login/second")
		h.now.Add(11 * time.Minute)
		late.goes(late.post("/login/second", "code", totp.Code(seed, h.now.Now())), "/login")
	})
}

// TestSessionFixation is row 19 at the door: a cookie planted before log-in is
// not the cookie after it, and a log-in ends the session that was there.
func TestSessionFixation(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		v := h.visitor()
		v.goes(v.logIn("ana@cert.rs"), "/console")
		origin, _ := url.Parse(h.s.Origin())
		var planted *http.Cookie
		for _, c := range v.c.Jar.Cookies(origin) {
			if strings.HasSuffix(c.Name, "-session") {
				planted = c
			}
		}
		if planted == nil {
			h.t.Fatal("no session cookie")
		}
		victim := h.visitor()
		victim.c.Jar.SetCookies(origin, []*http.Cookie{{Name: planted.Name, Value: planted.Value, Path: "/"}})
		victim.goes(victim.logIn("ana@cert.rs"), "/console")
		for _, c := range victim.c.Jar.Cookies(origin) {
			if c.Name == planted.Name && c.Value == planted.Value {
				h.t.Error("the planted cookie became the session")
			}
		}
		v.says(v.get("/account"), 401, "We closed the session") // the one that planted it
	})
}

func TestAccountActs(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		v, other := h.visitor(), h.visitor()
		v.goes(v.logIn("ana@cert.rs"), "/console")
		other.goes(other.logIn("ana@cert.rs"), "/console")
		v.says(v.post("/account/profile", "name", "", "lang", "en"), 422, "Enter a name")
		v.goes(v.post("/account/profile", "name", "Ana Marić", "lang", "sr-Latn"), "/account")
		v.says(v.get("/account"), 200, "Ana Marić", "Moj nalog", "Sačuvano je.")
		v.goes(v.post("/account/profile", "name", "Ana Marić", "lang", "sr-Cyrl"), "/account")
		v.says(v.get("/account"), 200, "Мој налог", "аналитичар", "Отворене сесије")
		v.goes(v.post("/account/profile", "name", "Ana Marić", "lang", "en"), "/account")
		v.says(v.post("/account/password", "old", "wrong", "password", "a new long secret"), 422, "The password is not right")
		v.says(v.post("/account/password", "old", password, "password", "short"), 422, "at least 10 characters")
		v.goes(v.post("/account/password", "old", password, "password", "a new long secret"), "/account")
		v.says(v.get("/account"), 200, "The password is changed")
		other.says(other.get("/account"), 401, "We closed the session", "Log in")

		v.says(v.get("/account/keys/new"), 200, "New key", "misp")
		v.says(v.post("/account/keys", "name", "x", "allow_ip", "nonsense"), 422, "Enter a network")
		p := v.post("/account/keys", "name", "skripta", "scope", "misp", "read_only", "1", "expires", "2027-01-31", "allow_ip", "192.0.2.0/24, 2001:db8::1")
		v.says(p, 200, "shown only now")
		m := regexp.MustCompile(`data-copy="([A-Za-z0-9]{40})"`).FindStringSubmatch(p.body)
		if m == nil || p.header.Get("Cache-Control") != "no-store" {
			h.t.Fatalf("no key shown: %s", text(p.body))
		}
		list := v.get("/account")
		v.says(list, 200, m[1][:4]+"…", "skripta", "reads only", "31 Jan 2027")
		if strings.Contains(list.body, m[1]) {
			h.t.Error("the key is shown again")
		}
		id := regexp.MustCompile(`/account/keys/([0-9a-f-]{36})/revoke`).FindStringSubmatch(list.body)[1]
		v.goes(v.post("/account/keys/"+id+"/revoke"), "/account")
		if p := v.get("/account"); strings.Contains(text(p.body), m[1][:4]+"…") {
			h.t.Error("a revoked key is still listed")
		}
		h.now.Add(11 * time.Minute)
		v.goes(v.get("/account/keys/new"), "/account/confirm?next=%2Faccount%2Fkeys%2Fnew")
		v.says(v.get("/account/confirm?next=%2Faccount%2Fkeys%2Fnew"), 200, "One more check", "Password")
		v.says(v.post("/account/confirm", "password", "wrong"), 422, "The password is not right")
		v.goes(v.post("/account/confirm?next=%2Faccount%2Fkeys%2Fnew", "password", "a new long secret"), "/account/keys/new")
		v.says(v.get("/account/keys/new"), 200, "New key")
		// Somebody else's things are not there.
		h.add("bo@banka.rs", bank, access.Member)
		bo := h.visitor()
		bo.goes(bo.logIn("bo@banka.rs"), "/portal")
		bo.says(bo.post("/account/keys/"+id+"/revoke"), 404)
		bo.says(bo.post("/account/sessions/end", "session", id), 404)
	})
}

// TestLinks: a link changes nothing by GET however often a scanner fetches it;
// its POST works once.
func TestLinks(t *testing.T) {
	each(t, func(h *house) {
		operator := ident.Actor{Kind: ident.Operator, Name: "root"}
		_, link, err := h.s.Add(context.Background(), operator, account.NewPerson{Email: "nova@banka.rs", Name: "Nova", Org: bank, Roles: []string{access.Member}, Lang: "en"})
		if err != nil {
			h.t.Fatal(err)
		}
		path := strings.TrimPrefix(link, h.s.Origin())
		scanner := h.visitor()
		for range 5 {
			scanner.says(scanner.get(path), 200, "Welcome", "nova@banka.rs", "Open the account")
		}
		v := h.visitor()
		v.says(v.post(path, "password", "short"), 422, "at least 10 characters")
		v.goes(v.post(path, "password", "zelena jabuka 9"), "/portal")
		scanner.says(scanner.post(path, "password", "zelena jabuka 8"), 410, "The link is used up or has expired")
		scanner.says(scanner.get(path), 410)

		v.says(v.post("/login/forgot", "email", "no address"), 422, "with an @")
		v.says(v.post("/login/forgot", "email", "nova@banka.rs"), 200, "a letter is on its way")
		if err := jobs.New(h.db, h.s.Jobs(), nil).Drain(context.Background()); err != nil {
			h.t.Fatal(err)
		}
		reset := strings.TrimPrefix(h.mail.out[len(h.mail.out)-1].Link, h.s.Origin())
		w := h.visitor()
		w.says(w.get(reset), 200, "Choose a new password")
		w.goes(w.post(reset, "password", "plava kruska 77"), "/portal")
		v.says(v.get("/account"), 401, "We closed the session")
	})
}

func TestSetupPage(t *testing.T) {
	each(t, func(h *house) {
		link, err := h.s.SetupLink(context.Background())
		if err != nil {
			h.t.Fatal(err)
		}
		path := strings.TrimPrefix(link, h.s.Origin())
		v := h.visitor()
		v.says(v.get(path), 200, "First administrator", "Name of the team")
		v.says(v.post(path, "org", "CERT", "name", "Prva", "email", "x", "password", ""), 422, "with an @", "Fill in this field")
		v.says(v.post(path, "org", "CERT", "name", "Prva", "email", "root@cert.rs", "password", "password123"), 422, "easy to guess")
		v.goes(v.post(path, "org", "CERT", "name", "Prva", "email", "root@cert.rs", "password", "zelena jabuka 9"), "/administration")
		v.says(v.get("/account"), 200, "administrator")
		w := h.visitor()
		w.says(w.get(path), 410)
	})
}

func TestPersonas(t *testing.T) {
	each(t, func(h *house) {
		a := h.add("ana@cert.rs", cert, access.Analyst)
		v := h.visitor()
		v.says(v.get("/dev/personas"), 200, "Ana Anić", "analyst")
		v.says(v.get("/dev/personas/"+a.PersonUUID), 200, "Ana Anić")
		v.goes(v.get("/account"), "/login?next=%2Faccount") // the link itself enters nothing
		v.goes(v.post("/dev/personas/"+a.PersonUUID), "/console")
		v.says(v.get("/account"), 200, "with the second step")
		v.says(v.get("/dev/personas/00000000-0000-7000-8000-000000000099"), 404)
	})
}

func TestPasskeyDoors(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		v := h.visitor()
		v.says(v.get("/login"), 200, "Log in with a passkey")
		p := v.json("/login/passkey/start", "{}")
		v.says(p, 200)
		var c struct {
			Ticket  string
			Options struct {
				PublicKey struct{ Challenge, RPID string }
			}
		}
		if err := json.Unmarshal([]byte(p.body), &c); err != nil || c.Options.PublicKey.RPID != "localhost" || c.Options.PublicKey.Challenge == "" || c.Ticket == "" {
			h.t.Fatalf("%v: %s", err, p.body)
		}
		v.says(v.json("/login/passkey", `{"ticket":"`+c.Ticket+`","name":"","answer":{"id":"AAAA"}}`), 403)
		v.says(v.json("/login/passkey", `{"ticket":"`+c.Ticket+`","answer":[1]}`), 422)
		v.says(v.json("/account/passkeys/start", "{}"), 401)
		v.goes(v.logIn("ana@cert.rs"), "/console")
		v.says(v.json("/account/passkeys/start", "{}"), 200)
		h.now.Add(11 * time.Minute)
		if p := v.json("/account/passkeys/start", "{}"); !strings.Contains(p.body, "/account/confirm") {
			h.t.Errorf("without a fresh proof: %s", p.body)
		}
		// By an IP address passkeys cannot work: the page names the address that can.
		r, err := http.NewRequest(http.MethodGet, h.server.URL+"/login", nil)
		if err != nil {
			h.t.Fatal(err)
		}
		w := h.visitor()
		if p := w.do(r); !strings.Contains(p.body, h.s.Origin()+"/login") || strings.Contains(p.body, "data-passkey") {
			h.t.Errorf("on 127.0.0.1: %s", text(p.body))
		}
	})
}

func TestBrowser(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                           "Firefox, Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":    "Edge, Windows",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                     "Chrome, Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile Safari/604.1": "Safari, iPhone",
		"curl/8.9": "curl", "": "", "<script>alert(1)</script>": "",
	} {
		if got := browser(agent); got != want {
			t.Errorf("%q: got %q, want %q", agent, got, want)
		}
	}
}
