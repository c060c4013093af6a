package web

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"straza/internal/kernel/web/ui"
)

type againPage struct {
	Page
	Note, Other ui.Field
}

// againMux has one page with a form that is sent to a deeper address, for cases and
// for everybody.
func againMux(t *testing.T) (*Mux, *int) {
	t.Helper()
	m := newTestMux(t, "http://localhost:8480")
	tpl := m.Templates(fstest.MapFS{"p.html": {Data: []byte(`<form method="post" action="/console/cases/7/do/note">{{ui .Note}}{{ui .Other}}<button name="way" value="out">x</button></form>`)}})
	sent := 0
	show := func(w http.ResponseWriter, r *http.Request) error {
		f := NewForm(r, nil)
		shell := ShellConsole
		if r.URL.Path[1] != 'c' {
			shell = ShellPublic
		}
		p := &againPage{Page: NewPage(r, shell, "p"), Note: f.Field("note", "x.saved"), Other: NewForm(r, map[string][]string{"other": {"stored"}}).Field("other", "x.bad")}
		return tpl.Render(w, r, "p", p)
	}
	act := func(http.ResponseWriter, *http.Request) error { sent++; return Redirect("/", nil) }
	m.Handle(Route{Method: "GET", Pattern: "/console/cases/{n}", Policy: Perm("case.read"), Handler: show},
		Route{Method: "POST", Pattern: "/console/cases/{n}", Policy: Perm("case.read"), Mutates: true, Handler: act},
		Route{Method: "POST", Pattern: "/console/cases/{n}/do/{act}", Policy: Perm("case.read"), Mutates: true, Handler: act},
		Route{Method: "GET", Pattern: "/ask", Policy: Public, Localized: true, Handler: show},
		Route{Method: "POST", Pattern: "/ask", Policy: Public, Localized: true, Mutates: true, Handler: act})
	return m, &sent
}

// TestTypedTextOutlivesTheLanguage: the switch sends the form to its page, which comes
// back in the other language with the text; nothing is acted on.
func TestTypedTextOutlivesTheLanguage(t *testing.T) {
	m, sent := againMux(t)
	own := map[string]string{"Origin": "http://localhost:8480"}
	in := map[string]string{"session": "good"}
	page := do(t, m, call{path: "/console/cases/7?party=3", cookies: in}).Body.String()
	for _, want := range []string{`<form id="typed" method="post"`, `form="typed" formaction="/console/cases/7?party=3&amp;_show=%2Fconsole%2Fcases%2F7%2Fdo%2Fnote"`, `name="_lang" value="en"`, `name="_scheme" value="dark"`,
		`<button class="ds-sr-only" form="typed" tabindex="-1" aria-hidden="true" name="way" value="out"></button>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	body := "_lang=en&way=out&note=%D0%B7%D0%B4%D1%80%D0%B0%D0%B2%D0%BE+%22%3C&password=tajna"
	for _, path := range []string{"/console/cases/7?party=3&_show=%2Fconsole%2Fcases%2F7%2Fdo%2Fnote", "/console/cases/7/do/note?_show=%2Fx"} {
		w := do(t, m, call{method: "POST", path: path, body: body, header: own, cookies: in})
		page := w.Body.String()
		if w.Code != 200 || !strings.Contains(page, `lang="en"`) || !strings.Contains(page, `value="здраво &#34;&lt;"`) || !strings.Contains(page, `value="stored"`) || strings.Contains(page, "tajna") {
			t.Errorf("%s: %d %s", path, w.Code, page)
		}
		if !strings.Contains(strings.Join(w.Header().Values("Set-Cookie"), " "), "lang=en") {
			t.Errorf("%s: the language is not kept", path)
		}
		if !strings.Contains(page, `data-typed`) {
			t.Errorf("%s: the field does not say that it was typed", path)
		}
	}
	if w := do(t, m, call{method: "POST", path: "/en/ask?_show=%2Fen%2Fask", body: "_lang=en&note=zdravo", header: own}); w.Code != 200 || !strings.Contains(w.Body.String(), `value="zdravo"`) || !strings.Contains(w.Body.String(), `formaction="/sr-Cyrl/ask?_show=`) {
		t.Errorf("a public page: %d %s", w.Code, w.Body)
	}
	if w := do(t, m, call{method: "POST", path: "/console/cases/7?_show=%2Fx", body: "_scheme=dark&note=zdravo", header: own, cookies: in}); !strings.Contains(w.Body.String(), `data-color-scheme="dark"`) || !strings.Contains(w.Body.String(), "zdravo") {
		t.Errorf("the appearance: %d", w.Code)
	}
	if *sent != 0 {
		t.Errorf("%d acts were done by switching", *sent)
	}
}

// TestTypedTextIsNotLostAtTheDoor: a session that ended keeps the text on the page that
// says so, in the new language; another site's form gets nowhere; no form is no form.
func TestTypedTextIsNotLostAtTheDoor(t *testing.T) {
	m, sent := againMux(t)
	at := "/console/cases/7?_show=%2Fconsole%2Fcases%2F7%2Fdo%2Fnote"
	w := do(t, m, call{method: "POST", path: at, body: "_lang=en&note=zdravo&password=tajna", header: map[string]string{"Origin": "http://localhost:8480"}})
	page := w.Body.String()
	for _, want := range []string{`<html lang="en"`, `action="/console/cases/7/do/note"`, `name="note" value="zdravo"`, `_show=%2Fconsole%2Fcases%2F7%2Fdo%2Fnote`} {
		if !strings.Contains(page, want) {
			t.Errorf("%d, lacks %s: %s", w.Code, want, page)
		}
	}
	if w.Code != 401 || strings.Contains(page, "tajna") || strings.Contains(page, `name="_lang" value="zdravo"`) || strings.Contains(page, `<input type="hidden" name="_lang"`) {
		t.Errorf("%d %s", w.Code, page)
	}
	for name, c := range map[string]call{"another site": {method: "POST", path: at, body: "_lang=en&note=x", header: map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, cookies: map[string]string{"session": "good"}},
		"elsewhere":            {method: "POST", path: "/ask?_show=https%3A%2F%2Fevil.example", body: "note=x", header: map[string]string{"Origin": "http://localhost:8480"}},
		"no form":              {method: "POST", path: at, header: map[string]string{"Origin": "http://localhost:8480", "Content-Type": "application/json"}, body: "{}", cookies: map[string]string{"session": "good"}},
		"more than is carried": {method: "POST", path: at, header: map[string]string{"Origin": "http://localhost:8480"}, body: "note=" + strings.Repeat("x", mostKept), cookies: map[string]string{"session": "good"}}} {
		if w := do(t, m, c); w.Code < 300 || strings.Contains(w.Body.String(), "evil") {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if *sent != 0 {
		t.Errorf("%d acts", *sent)
	}
}
