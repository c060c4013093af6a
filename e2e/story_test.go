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
// reports on a phone becomes a case, its indicators become an event, and a partner's
// machine finds them. Scripts are off for the reporter, who must not need them.
func TestBrowserStory(t *testing.T) {
	s := Demo(t)
	value := "uplata-8217.example.rs"
	code, number := reportByPhone(t, s, value)
	caseURL := triageReport(t, s, number)
	followWithCode(t, s, code)
	event := shareIndicators(t, s, caseURL, value)
	partnerFinds(t, s, event, value)
	var rep struct{ OK bool }
	s.CLI(t, &rep, "audit", "verify")
	if !rep.OK {
		t.Error("the audit log does not verify after the story")
	}
	t.Log("live: browser 5")
}

// reportByPhone walks the report form at 390 px, scripts off, with two attachments,
// and gives the receipt's code and number.
func reportByPhone(t *testing.T, s *Server, value string) (code, number string) {
	t.Helper()
	p := Open(t, s.Origin, Look{Viewport: Phone, Lang: "sr-Cyrl", NoScript: true})
	p.Visit("/")
	p.Follow(`main a[href$="/report"]`)
	next := func() { p.Follow(`form.sz-form button[data-fullwidth]`) }
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
	p.WantAccessible(t)
	next() // the check page's one full-width button sends
	if !p.Has(".sz-receipt") {
		t.Fatalf("no receipt at %s: %s", p.Where(), p.Text("main"))
	}
	p.WantAccessible(t)
	code = strings.Join(strings.Fields(Eval[string](p, `document.querySelector(".sz-receipt [translate=no], .sz-receipt code, .sz-receipt .sz-code").textContent`)), "")
	number = Eval[string](p, `[...document.querySelectorAll("b[translate=no]")].map(e => e.textContent.trim()).find(x => /P-\d{4}-\d+/.test(x))`)
	if len(code) != 25 || number == "" {
		t.Fatalf("receipt: code %q, number %q", code, number)
	}
	return code, number
}

// triageReport is the duty analyst: finds the report, answers, accepts it into a case.
func triageReport(t *testing.T, s *Server, number string) (caseURL string) {
	t.Helper()
	p := Open(t, s.Origin, Look{Lang: "sr-Latn"})
	p.LogIn(s.Persona(t, "analyst"))
	p.Visit("/console/reports?q=" + number)
	p.Follow(`table a[href="/console/reports/` + number + `"]`)
	p.WantAccessible(t)
	p.Fill(`textarea[name="text"]`, "Hvala. Da li ste uneli broj kartice?")
	p.Click(`input[name="question"]`)
	p.Follow(`form[action$="/message"] button`)
	p.Fill(`input[name="title"]`, "Lažna dostava")
	p.Follow(`form[action$="/accept"] button`)
	if !strings.Contains(p.Where(), "/console/cases/S-") {
		t.Fatalf("accepting led to %s: %s", p.Where(), p.Text("main"))
	}
	p.WantAccessible(t)
	return p.Where()
}

// followWithCode is the reporter again: reads the question, answers it.
func followWithCode(t *testing.T, s *Server, code string) {
	t.Helper()
	p := Open(t, s.Origin, Look{Viewport: Phone, Lang: "sr-Cyrl"})
	p.Visit("/follow-up")
	p.Fill(`form.sz-form input[name="code"]`, code[:5]+" "+code[5:])
	p.Follow(`form.sz-form button[data-fullwidth]`)
	if !strings.Contains(p.Text("main"), "broj kartice") {
		t.Fatalf("the question is not there: %s", p.Text("main"))
	}
	p.WantAccessible(t)
	p.Fill(`form.sz-form textarea`, "Нисам, затворила сам страницу.")
	p.Follow(`form.sz-form button[data-fullwidth]`)
	if !strings.Contains(p.Text("main"), "затворила") {
		t.Errorf("the answer is not there: %s", p.Text("main"))
	}
}

// shareIndicators makes an event of what stands in the report and publishes it
// after the page has said who will see it.
func shareIndicators(t *testing.T, s *Server, caseURL, value string) (eventURL string) {
	t.Helper()
	p := Open(t, s.Origin, Look{Lang: "sr-Latn"})
	p.LogIn(s.Persona(t, "lead"))
	if st := p.Visit(caseURL); st != http.StatusOK {
		t.Fatalf("%s answers %d", caseURL, st)
	}
	p.Visit("/console/events/new")
	p.Fill(`input[name="info"]`, "Lažna dostava: tragovi")
	p.Fill(`textarea[name="text"]`, "hxxp://"+strings.ReplaceAll(value, ".", "[.]")+"/nalog "+value)
	p.Pick(`select[name="tlp"]`, "green")
	p.Follow(`main form button:not([type=button])`)
	eventURL = p.Where()
	if !strings.Contains(p.Text("main"), value) {
		t.Fatalf("no indicator came out of the text: %s", p.Text("main"))
	}
	p.Follow(`a[href$="/publish"]`)
	if !strings.Contains(p.Text("main"), "Elektromreža Podunavlje") {
		t.Errorf("the page does not say who will see it: %s", p.Text("main"))
	}
	p.WantAccessible(t)
	p.Follow(`main form button[data-icon], main form button:not([type=button])`)
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
				Event struct{ ID string }
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || st != http.StatusOK || len(got.Response.Attribute) == 0 {
		t.Fatalf("the partner's machine: %d %s", st, body)
	}
	if id := got.Response.Attribute[0].Event.ID; !strings.HasSuffix(event, "/"+id) {
		t.Errorf("found in event %s, published %s", id, event)
	}
	if st, body := ask("x"); st != http.StatusForbidden || strings.Contains(body, value) {
		t.Errorf("a stranger: %d %s", st, body)
	}
}
