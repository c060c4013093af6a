package app

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"straza/internal/kernel/account"
)

var tags = regexp.MustCompile(`<[^>]*>`)

// textOf is what a page says, without its marks, in single blanks.
func textOf(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(page, " "))), " ")
}

// What an administrator sets stands on the public pages at once; a lead sets the own
// CERT's settings and no other's; nobody else sees the page.
func TestSettingsAreSetOnAPage(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		admin, lead := w.person("admin", "CERT A"), w.person("lead", "CERT A")
		page := w.do(admin, "GET", "/administration/settings", "")
		if page.Code != 200 || !strings.Contains(page.Body.String(), `name="phone"`) || !strings.Contains(page.Body.String(), `name="second_grace"`) {
			t.Fatalf("settings: %d", page.Code)
		}
		a, b := w.refs[0], w.refs[1]
		form := func(cert string, kv ...string) string {
			v := url.Values{"cert": {cert}}
			for i := 0; i < len(kv); i += 2 {
				v.Set(kv[i], kv[i+1])
			}
			return v.Encode()
		}
		if rec := w.do(admin, "POST", "/administration/settings", form(a, "phone", "0800 123 456", "email", "prijava@cert-a.example", "privacy_contact", "Vesna Vesić", "seal_incidents", "no")); rec.Code != 303 {
			t.Fatalf("save: %d %s", rec.Code, textOf(rec.Body.String()))
		}
		for path, want := range map[string]string{"/en/contact": "0800 123 456", "/en/privacy": "Vesna Vesić"} {
			if rec := w.do(nil, "GET", path, ""); !strings.Contains(rec.Body.String(), want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
		rec := w.do(admin, "POST", "/administration/settings", form(a, "email", "nobody", "max_files", "0", "phone", "1"))
		if rec.Code != 422 || strings.Count(rec.Body.String(), `aria-invalid="true"`) != 2 {
			t.Errorf("bad values: %d", rec.Code)
		}
		if rec := w.do(lead, "POST", "/administration/settings", form(a, "max_files", "7")); rec.Code != 303 {
			t.Errorf("a lead about the own CERT: %d", rec.Code)
		}
		if rec := w.do(lead, "POST", "/administration/settings", form(b, "max_files", "7")); rec.Code != 404 {
			t.Errorf("a lead about another CERT: %d", rec.Code)
		}
		if rec := w.do(lead, "POST", "/administration/settings/accounts", "version=0"); rec.Code != 403 {
			t.Errorf("a lead about accounts: %d", rec.Code)
		}
		body := w.do(lead, "GET", "/administration/settings?cert="+b, "").Body.String()
		if !strings.Contains(body, `value="7"`) || strings.Contains(body, "second_grace") || strings.Contains(body, "CERT B") {
			t.Error("a lead sees the own CERT's settings and nothing else")
		}
		if text := textOf(body); !strings.Contains(text, "0800 123 456") || !strings.Contains(text, "Most files in one report") || !strings.Contains(text, "admin") {
			t.Error("the history names what was set and who set it")
		}
		for _, who := range []string{"analyst", "auditor", "privacy-officer", "supervisor"} {
			if rec := w.do(w.person(who, "CERT A"), "GET", "/administration/settings", ""); rec.Code != 404 {
				t.Errorf("%s: %d", who, rec.Code)
			}
		}
	})
}

// The account policy is set on the page, in people's units; its grace shows on every
// page until when, and afterwards only the account opens.
func TestSecondFactorPolicyOnPages(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		admin, analyst, member := w.person("admin", "CERT A"), w.person("analyst", "CERT A"), w.person("member", "Banka")
		for path, p := range map[string]*persona{"/console": analyst, "/administration": admin, "/account": analyst} {
			if rec := w.do(p, "GET", path, ""); rec.Code != 200 || !strings.Contains(rec.Body.String(), `id="enrol"`) {
				t.Errorf("%s: %d without the notice", path, rec.Code)
			}
		}
		if rec := w.do(member, "GET", "/portal", ""); rec.Code != 200 || strings.Contains(rec.Body.String(), `id="enrol"`) {
			t.Errorf("a member is asked: %d", rec.Code)
		}
		v := url.Values{"version": {"0"}, "second_factor": {"analyst", "lead"}, "second_grace": {"0"}, "session_idle": {"45"}, "session_absolute": {"10"},
			"step_up_age": {"10"}, "invitation_life": {"7"}, "reset_life": {"0"}}
		if rec := w.do(admin, "POST", "/administration/settings/accounts", v.Encode()); rec.Code != 422 {
			t.Errorf("a reset link of no life: %d", rec.Code)
		}
		v.Set("reset_life", "60")
		if rec := w.do(admin, "POST", "/administration/settings/accounts", v.Encode()); rec.Code != 303 || strings.Contains(rec.Header().Get("Location"), "confirm") {
			t.Fatalf("policy: %d %s", rec.Code, rec.Header().Get("Location"))
		}
		for _, path := range []string{"/console", "/console/reports", "/help-not", "/account/keys/new"} {
			rec := w.do(analyst, "GET", path, "")
			if path == "/help-not" {
				if rec.Code != 404 {
					t.Errorf("%s: %d", path, rec.Code)
				}
			} else if rec.Code != 303 || rec.Header().Get("Location") != "/account#factors" {
				t.Errorf("%s: %d %s", path, rec.Code, rec.Header().Get("Location"))
			}
		}
		if rec := w.do(analyst, "POST", "/account/keys", "name=x"); rec.Code != 403 {
			t.Errorf("a key round it: %d", rec.Code)
		}
		if rec := w.do(analyst, "GET", "/account", ""); rec.Code != 200 || !strings.Contains(rec.Body.String(), `id="enrol"`) {
			t.Errorf("the account: %d", rec.Code)
		}
		if rec := w.do(admin, "GET", "/administration/settings", ""); rec.Code != 200 || !strings.Contains(textOf(rec.Body.String()), "Session without use, in minutes: 45") {
			t.Errorf("the history of the policy: %d", rec.Code)
		}
	})
}

// What the command line prints of a time it takes again.
func TestSpansReadBack(t *testing.T) {
	s := span("x", func(p *account.Policy) *time.Duration { return &p.SessionIdle })
	for text, want := range map[string]time.Duration{"30m": 30 * time.Minute, "10m": 10 * time.Minute, "12h": 12 * time.Hour, "1h": time.Hour, "3d": 72 * time.Hour, "0": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "10h": 10 * time.Hour} {
		var p account.Policy
		if err := s.set(&p, text); err != nil || p.SessionIdle != want {
			t.Errorf("%s: %v %v", text, p.SessionIdle, err)
		}
		var again account.Policy
		if err := s.set(&again, s.get(p)); err != nil || again.SessionIdle != want {
			t.Errorf("%s is written %s", text, s.get(p))
		}
	}
	if err := s.set(&account.Policy{}, "soon"); err == nil {
		t.Error("soon is no time")
	}
}

// A form sent after the session's end is not saved; the page says so and keeps the text,
// never a password, and leads back to the form.
func TestWhatWasTypedIsKept(t *testing.T) {
	w := newWorld(t)
	gone := &persona{session: &http.Cookie{Name: w.person("lead", "CERT A").session.Name, Value: strings.Repeat("A", 43)}}
	r := w.request("POST", "/administration/settings", url.Values{"address": {"line 1\n<b>line 2</b>"}, "password": {"tajna reč"}}.Encode())
	r.AddCookie(gone.session)
	r.Header.Set("Referer", "http://"+worldHost+"/administration/settings?cert=x")
	rec := w.answer(r)
	body := rec.Body.String()
	if rec.Code != 401 || !strings.Contains(body, "line 1\n&lt;b&gt;line 2&lt;/b&gt;") || strings.Contains(body, "tajna") ||
		!strings.Contains(body, `action="/administration/settings"`) || !strings.Contains(body, "/login?next=%2Fadministration%2Fsettings") {
		t.Errorf("%d %s", rec.Code, textOf(body))
	}
	r = w.request("POST", "/administration/settings", "x")
	r.AddCookie(gone.session)
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	r.Header.Set("Referer", "https://elsewhere.example/a")
	rec = w.answer(r)
	if body = rec.Body.String(); rec.Code != 401 || strings.Contains(body, "kept on this page") || strings.Contains(body, "next=") || strings.Contains(body, "Nothing is lost") {
		t.Errorf("%d %s", rec.Code, textOf(body))
	}
}
