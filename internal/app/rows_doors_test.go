package app

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
	"straza/internal/testkit"
)

// carriages are the ways a key may come. The first two are ours; a foreign surface
// has its own (fill names it).
var carriages = []struct {
	name string
	put  func(r *http.Request, key string)
}{
	{"bearer", func(r *http.Request, key string) { r.Header.Set("Authorization", "Bearer "+key) }},
	{"bare", func(r *http.Request, key string) { r.Header.Set("Authorization", key) }},
	{"basic password", func(r *http.Request, key string) { r.SetBasicAuth("lead@certa.example", key) }},
	{"basic user", func(r *http.Request, key string) { r.SetBasicAuth(key, "") }},
	{"basic by hand", func(r *http.Request, key string) {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(key)))
	}},
	{"token scheme", func(r *http.Request, key string) { r.Header.Set("Authorization", "Token "+key) }},
	{"x-misp-auth", func(r *http.Request, key string) { r.Header.Set("X-MISP-AUTH", key) }},
	{"x-api-key", func(r *http.Request, key string) { r.Header.Set("X-API-Key", key) }},
	{"query", func(r *http.Request, key string) {
		q := url.Values{}
		for _, n := range []string{"key", "api_key", "apikey", "access_token", "token", "auth", "authkey", "Authorization"} {
			q.Set(n, key)
		}
		r.URL.RawQuery = q.Encode()
	}},
	{"cookie", func(r *http.Request, key string) {
		for _, n := range []string{"key", "token", "Authorization", "session", "__Host-session", "straza-session"} {
			r.AddCookie(&http.Cookie{Name: n, Value: key})
		}
	}},
}

// everyScope is what a key may be bound to; any other is refused (account.AddKey).
var everyScope = []string{"misp", "taxii", "intel:read", "intel:write", "registry:read", "registry:write", "incident:read", "incident:write",
	"intake:read", "intake:write", "advisory:read", "advisory:write", "catalog:read"}

// TestRow05ScopesOnEverySurface is row 5: every door × a key of every scope × every way
// a key may be carried. A key opens an interface of its scope, from the header, and no
// page whatever; what is carried otherwise is nobody's.
func TestRow05ScopesOnEverySurface(t *testing.T) {
	w := newWorld(t)
	lead, routes := w.person("lead", "CERT A"), w.h.mux.Routes()
	doors, opens := w.probes(routes), 0
	cookie := lead.session.Name
	for _, scope := range everyScope {
		_, key, err := w.h.Accounts.AddKey(context.Background(), operator(), lead.who.Email, account.NewKey{Name: scope, Scopes: []string{scope}})
		must(t, err)
		for _, c := range carriages {
			give := func(r *http.Request) {
				c.put(r, key)
				if c.name == "cookie" {
					r.AddCookie(&http.Cookie{Name: cookie, Value: key})
				}
			}
			for _, r := range routes {
				if w.own(r) || r.Policy.Name == web.Public.Name {
					continue
				}
				want := (c.name == "bearer" || c.name == "bare") && r.Scope != "" && r.Scope == scope && r.Policy.Allow(lead.who)
				if got := w.ask(doors, r, give); got != want {
					t.Errorf("%s %s with a key for %s as %s: open=%t, want %t", r.Method, r.Pattern, scope, c.name, got, want)
				} else if got {
					opens++
				}
			}
			for _, s := range []struct{ path, scope, ways string }{
				{"/events/index", "misp", "bearer|bare|x-misp-auth"}, {"/misp/attributes/index", "misp", "bearer|bare|x-misp-auth"}, {"/users/view/me", "misp", "bearer|bare|x-misp-auth"},
				{"/taxii2/", "taxii", "bearer|bare|basic password"}, {"/taxii2/api/collections/", "taxii", "bearer|bare|basic password"},
			} {
				req := w.request("GET", s.path, "")
				req.Header.Set("Accept", "application/taxii+json;version=2.1")
				if s.scope == "misp" {
					req.Header.Set("Accept", "application/json")
				}
				give(req)
				code := w.answer(req).Code
				want := scope == s.scope && slices.Contains(strings.Split(s.ways, "|"), c.name)
				if got := code < 400 || code == 404; got != want {
					t.Errorf("%s with a key for %s as %s: %d, want open=%t", s.path, scope, c.name, code, want)
				} else if got {
					opens++
				}
			}
		}
	}
	if opens < 20 {
		t.Errorf("only %d doors opened: this proves nothing", opens)
	}
	t.Logf("%d doors × %d scopes × %d ways of carrying a key, %d opened", len(routes), len(everyScope), len(carriages), opens)
}

// own tells whether a route is kernel/web's own: the probes' mux has it itself.
func (w *world) own(r web.Route) bool {
	return strings.HasPrefix(r.Pattern, "/language") || strings.HasPrefix(r.Pattern, "/scheme") || r.Pattern == "/keys" || r.Pattern == "/manifest.webmanifest"
}

// sensitive are the acts that want a fresh proof, with forms that would be taken.
func sensitive(w *world) map[string]url.Values {
	uuid := w.uuidOf("member", "Banka")
	return map[string]url.Values{
		"/account/keys":                              {"name": {"x"}},
		"/account/recovery":                          {},
		"/account/totp/start":                        {},
		"/account/totp/remove":                       {},
		"/account/passkeys/start":                    {},
		"/administration/people/" + uuid + "/enable": {},
		"/administration/people/" + uuid + "/reset":  {},
		"/administration/people/new":                 {"email": {"n@banka.example"}, "name": {"N"}, "org": {"Banka"}, "role": {"member"}, "lang": {"en"}},
	}
}

// uuidOf finds an account's uuid.
func (w *world) uuidOf(role, org string) string {
	w.t.Helper()
	people, err := w.h.Accounts.People(context.Background(), operator(), account.PeopleFilter{Search: role})
	must(w.t, err)
	for _, p := range people {
		if p.ID == w.person(role, org).who.Person {
			return p.UUID
		}
	}
	w.t.Fatalf("no %s of %s", role, org)
	return ""
}

// bodies of one form in every content type, and in none.
func everyBody(v url.Values) map[string][2]string {
	kind, multipart := multi(v, "", "")
	json := `{`
	for k := range v {
		json += fmt.Sprintf("%q:%q,", k, v.Get(k))
	}
	json = strings.TrimSuffix(json, ",") + `}`
	return map[string][2]string{"form": {"application/x-www-form-urlencoded", v.Encode()}, "multipart": {kind, multipart}, "json": {"application/json", json},
		"text": {"text/plain", v.Encode()}, "none": {"", v.Encode()}, "nonsense": {"\x00;;", v.Encode()}, "vendor json": {"application/vnd.api+json", json}}
}

// TestRow21StepUpOnEverySensitiveRoute is row 21: an hour after the proof no sensitive
// act is done, whatever the content type, the Accept header or the method override says.
func TestRow21StepUpOnEverySensitiveRoute(t *testing.T) {
	now := clock.NewMoved(testkit.AsOf, 1)
	w := newWorldOn(t, "", now)
	admin := w.person("admin", "CERT A")
	if rec := w.do(admin, "POST", "/administration/people/"+w.uuidOf("member", "Banka")+"/disable", ""); rec.Code != http.StatusSeeOther || strings.Contains(rec.Header().Get("Location"), "confirm") {
		t.Fatalf("with a fresh proof: %s", w.describe(rec))
	}
	now.Add(11 * time.Minute)
	if rec := w.do(admin, "GET", "/administration", ""); rec.Code != http.StatusOK {
		t.Fatalf("the session itself ended: %d", rec.Code)
	}
	before, asked := w.contents(), 0
	for path, v := range sensitive(w) {
		for kind, b := range everyBody(v) {
			for _, accept := range []string{"text/html", "application/json", "*/*", ""} {
				r := w.request("POST", path, b[1])
				r.Header.Set("Content-Type", b[0])
				r.Header.Set("Accept", accept)
				r.Header.Set("X-HTTP-Method-Override", "PUT")
				r.Header.Set("HX-Request", map[bool]string{true: "true", false: ""}[accept == "*/*"])
				r.AddCookie(admin.session)
				rec := w.answer(r)
				asked++
				to := rec.Header().Get("Location") + rec.Header().Get("HX-Redirect")
				if rec.Code == http.StatusTooManyRequests {
					t.Fatalf("POST %s: the limiter hides the answer", path)
				}
				if rec.Code < 400 && !strings.HasPrefix(to, "/account/confirm") && !strings.Contains(rec.Body.String(), `"/account/confirm`) {
					t.Errorf("POST %s as %s for %q without a fresh proof: %s", path, kind, accept, w.describe(rec))
				}
				if rec.Code >= 500 {
					t.Errorf("POST %s as %s: %d", path, kind, rec.Code)
				}
			}
		}
	}
	if w.contents() != before {
		t.Error("a sensitive act was done without a fresh proof")
	}
	entered := w.do(nil, "POST", "/login", url.Values{"email": {admin.who.Email}, "password": {worldPassword}}.Encode())
	for _, c := range entered.Result().Cookies() {
		if strings.HasSuffix(c.Name, "-session") {
			admin.session = c
		}
	}
	for path, v := range sensitive(w) { // with a proof nobody is sent away: the refusals above were for its want
		if path == "/account/recovery" {
			continue // it ends the session's proof itself
		}
		if rec := w.do(admin, "POST", path, v.Encode()); strings.HasPrefix(rec.Header().Get("Location"), "/account/confirm") {
			t.Errorf("POST %s with a fresh proof: %s", path, w.describe(rec))
		}
	}
	t.Logf("%d requests without a fresh proof, none did anything", asked)
}
