package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBrowserStory is the one thread of the house, in a real browser: what somebody
// reports becomes a case, its indicators become an event, and a partner's machine
// finds them. It is told twice: on a phone with scripts off for everybody, who must
// not need them, and on a desktop with scripts on. Every page on the way is held
// against axe in three languages and both schemes.
func TestBrowserStory(t *testing.T) {
	s := Demo(t)
	for _, look := range []Look{{Viewport: Phone, NoScript: true}, {Viewport: Desktop}} {
		name := look.Viewport.Name
		t.Run(name, func(t *testing.T) {
			y := &story{T: t, s: s, look: look, value: "uplata-" + name + "-8217.example.rs"}
			y.report()
			y.triage()
			y.follow()
			event := y.share()
			partnerFinds(t, s, event, y.value)
			var rep struct{ OK bool }
			s.CLI(t, &rep, "audit", "verify")
			if !rep.OK {
				t.Error("the audit log does not verify after the story")
			}
			t.Logf("live: browser %d", y.pages)
		})
	}
}

// story is one telling: what it knows on the way.
type story struct {
	*testing.T
	s            *Server
	look         Look
	value        string // the indicator
	code, number string // of the report
	caseURL      string
	pages        int
}

// open gives a person's browser.
func (y *story) open(lang string) *Page {
	look := y.look
	look.Lang = lang
	return Open(y.T, y.s.Origin, look)
}

// good holds the page at hand against axe in every look.
func (y *story) good(p *Page) {
	y.Helper()
	y.pages += p.WantAccessibleInEveryLook(y.T)
}

// report walks the form with two attachments and keeps the receipt's code and number.
func (y *story) report() {
	t := y.T
	t.Helper()
	p := y.open("sr-Cyrl")
	p.Visit("/")
	y.good(p)
	p.Follow(`main a[href$="/report"]`)
	value := y.value
	y.good(p)
	next := func() { p.Follow(`form.sz-form button[data-fullwidth]`); y.good(p) }
	p.Follow(`form.sz-form button[data-fullwidth]`) // without an answer: the page says what is missing
	p.Complaints()                                  // Chromium says aloud that the answer was 422
	p.WantAccessible(t)
	p.Pick(`input[name="what"]`, "message")
	next()
	p.Fill(`textarea`, "Стигла ми је порука да платим доставу. Веза је hxxp://"+strings.ReplaceAll(value, ".", "[.]")+"/nalog и ја сам је отворила.")
	next()
	dir := t.TempDir()
	var files []string
	for _, n := range []string{"poruka.eml", "ekran.txt"} {
		f := filepath.Join(dir, n)
		if err := os.WriteFile(f, []byte("прилог "+n), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	p.Upload(`input[type="file"]`, files...)
	next()
	p.Pick(`input[type="radio"]`, "named")
	next()
	p.Fill(`input[name="name"]`, "Милица Ђорђевић")
	p.Fill(`input[name="email"]`, "milica@pekara-klas.example")
	p.Pick(`input[type="radio"]`, "self")
	next()
	p.Follow(`form.sz-form button[data-fullwidth]`) // the check page's one full-width button sends
	if !p.Has(".sz-receipt") {
		t.Fatalf("no receipt at %s: %s", p.Where(), p.Text("main"))
	}
	y.good(p)
	y.code = strings.Join(strings.Fields(Eval[string](p, `document.querySelector(".sz-receipt [translate=no], .sz-receipt code, .sz-receipt .sz-code").textContent`)), "")
	y.number = Eval[string](p, `[...document.querySelectorAll("b[translate=no]")].map(e => e.textContent.trim()).find(x => /P-\d{4}-\d+/.test(x))`)
	if len(y.code) != 25 || y.number == "" {
		t.Fatalf("receipt: code %q, number %q", y.code, y.number)
	}
}

// triage is the duty analyst: finds the report, asks, accepts it into a case.
func (y *story) triage() {
	t := y.T
	t.Helper()
	p := y.open("sr-Latn")
	p.LogIn(y.s.Persona(t, "analyst"))
	p.Visit("/console/reports?q=" + y.number)
	y.good(p)
	p.Follow(`table a[href^="/console/reports/` + y.number + `"]`)
	y.good(p)
	p.Fill(`textarea[name="text"]`, "Hvala. Da li ste uneli broj kartice?")
	p.Click(`input[name="question"]`)
	p.Follow(`form[action$="/message"] button`)
	p.Fill(`input[name="title"]`, "Lažna dostava")
	p.Follow(`form[action$="/accept"] button`)
	if !strings.Contains(p.Where(), "/console/cases/S-") {
		t.Fatalf("accepting led to %s: %s", p.Where(), p.Text("main"))
	}
	y.caseURL = p.Where()
	y.good(p)
}

// follow is the reporter again: reads the question, answers it.
func (y *story) follow() {
	t := y.T
	t.Helper()
	p := y.open("sr-Cyrl")
	p.Visit("/follow-up")
	y.good(p)
	p.Fill(`form.sz-form input[name="code"]`, y.code[:5]+" "+y.code[5:])
	p.Follow(`form.sz-form button[data-fullwidth]`)
	if !strings.Contains(p.Text("main"), "broj kartice") {
		t.Fatalf("the question is not there: %s", p.Text("main"))
	}
	y.good(p)
	p.Fill(`form.sz-form textarea`, "Нисам, затворила сам страницу.")
	p.Follow(`form.sz-form button[data-fullwidth]`)
	if !strings.Contains(p.Text("main"), "затворила") {
		t.Errorf("the answer is not there: %s", p.Text("main"))
	}
}

// share pastes text at the case, makes an event of what is found in it, and publishes
// that after the page has said who will see it.
func (y *story) share() (eventURL string) {
	t := y.T
	t.Helper()
	p := y.open("sr-Latn")
	p.LogIn(y.s.Persona(t, "lead"))
	p.Visit(y.caseURL + "/indicators")
	y.good(p)
	p.Fill(`textarea[name="text"]`, "hxxp://"+strings.ReplaceAll(y.value, ".", "[.]")+"/nalog "+y.value+" 127.0.0.1")
	p.Follow(`main form button:not([type=button])`)
	p.WantAccessible(t)
	if !strings.Contains(p.Text("main"), y.value) {
		t.Fatalf("no indicator came out of the text: %s", p.Text("main"))
	}
	p.Fill(`input[name="info"]`, "Lažna dostava: tragovi")
	p.Pick(`select[name="tlp"]`, "GREEN")
	p.Pick(`select[name="distribution"]`, "1") // members here
	p.Follow(`main form button[value="look"]`)
	if !strings.Contains(Eval[string](p, `document.querySelector("main").textContent`), "Elektromreža Podunavlje") {
		t.Errorf("the page does not say by name who will see it: %s", p.Text("main"))
	}
	p.WantAccessible(t)
	p.Follow(`main form button[value="share"]`)
	p.Visit(y.caseURL)
	p.Follow(`main a[href^="/console/events/"]`)
	eventURL = p.Where()
	if !strings.Contains(p.Text("main"), y.value) {
		t.Fatalf("the event lacks the indicator: %s", p.Text("main"))
	}
	y.good(p)
	p.Follow(`a[href$="/publish"]`)
	if !strings.Contains(p.Text("main"), "Elektromreža Podunavlje") {
		t.Errorf("the page does not say who will see it: %s", p.Text("main"))
	}
	y.good(p)
	p.Follow(`main form button[data-icon], main form button:not([type=button])`)
	y.good(p)
	return eventURL
}

// partnerFinds asks as another organisation's machine, over MISP's surface, and as
// a stranger without a key, who gets nothing.
func partnerFinds(t *testing.T, s *Server, event, value string) {
	t.Helper()
	ask := func(key string) (int, string) {
		r, err := http.NewRequest(http.MethodPost, s.Origin+"/attributes/restSearch", strings.NewReader(`{"value":"`+value+`","returnFormat":"json"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", key)
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	st, body := ask(s.Persona(t, "sync").Key)
	var got struct {
		Response struct {
			Attribute []struct {
				Value string
				Event struct{ UUID string }
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || st != http.StatusOK || len(got.Response.Attribute) == 0 {
		t.Fatalf("the partner's machine: %d %s", st, body)
	}
	if id := got.Response.Attribute[0].Event.UUID; !strings.HasSuffix(event, "/"+id) {
		t.Errorf("found in event %s, published %s", id, event)
	}
	if st, body := ask("x"); st != http.StatusForbidden || strings.Contains(body, value) {
		t.Errorf("a stranger: %d %s", st, body)
	}
}
