package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBrowserImport: a file of events is brought on the pages, looked through, imported, told
// of and taken back as a whole; a file that is none, and one that is too large, are answered
// in words on the same page.
func TestBrowserImport(t *testing.T) {
	s, dir := Demo(t), t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	files := map[string]string{
		"misp": write("events.json", `{"response":[{"Event":{"uuid":"0e2e0000-0000-4000-8000-000000000001","info":"Brought by page","date":"2026-11-01","distribution":"1","Tag":[{"name":"tlp:green"}],
			"Attribute":[{"uuid":"0e2e0000-0000-4000-8000-000000000002","type":"domain","category":"Network activity","value":"brought.example","to_ids":true},{"type":"nonsense","value":"x"}]}}]}`),
		"stix": write("bundle.json", `{"type":"bundle","id":"bundle--0e2e0000-0000-4000-8000-000000000003","objects":[
			{"type":"indicator","spec_version":"2.1","id":"indicator--0e2e0000-0000-4000-8000-000000000004","created":"2026-11-01T00:00:00.000Z","modified":"2026-11-01T00:00:00.000Z","valid_from":"2026-11-01T00:00:00Z","pattern":"[domain-name:value = 'stix-brought.example']","pattern_type":"stix"},
			{"type":"report","spec_version":"2.1","id":"report--0e2e0000-0000-4000-8000-000000000005","created":"2026-11-01T00:00:00.000Z","modified":"2026-11-01T00:00:00.000Z","published":"2026-11-01T00:00:00Z","name":"Brought as STIX","object_refs":["indicator--0e2e0000-0000-4000-8000-000000000004"]}]}`),
	}
	values := map[string]string{"misp": "brought.example", "stix": "stix-brought.example"}
	wrong, large := write("no.json", "certainly no events"), filepath.Join(dir, "large.json")
	if err := os.WriteFile(large, []byte(`{"response":[`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 101_000_000); err != nil {
		t.Fatal(err)
	}
	for _, look := range []Look{{Viewport: Phone, NoScript: true, Lang: "en"}, {Viewport: Desktop, Lang: "sr-Cyrl"}} {
		p := Open(t, s.Origin, look)
		p.LogIn(s.Persona(t, "lead"))
		fine := func(step string) {
			t.Helper()
			p.Complaints() // of answers that were meant: 422 for a wrong file, 404 for an event that was taken back
			if n := p.Sideways(); n > 0 {
				t.Errorf("%s, %s: sticks out by %d pixels", look, step, n)
			}
			p.WantAccessible(t)
		}
		bring := func(path string) int {
			p.Visit("/console/imports")
			p.Upload("input[type=file]", path)
			return p.Follow(`main form[enctype="multipart/form-data"] button`)
		}
		for name, path := range map[string]string{"no events": wrong, "too large": large} {
			st := bring(path)
			if st < 400 || st >= 500 || !p.Has(".sz-errors, [role=alert]") || !p.Has("input[type=file]") {
				t.Errorf("%s, %s: %d %.300s", look, name, st, p.Text("main"))
			}
			fine(name)
		}
		for format, path := range files {
			if st := bring(path); st != http.StatusOK || !strings.HasPrefix(p.Where(), "/console/imports/") {
				t.Fatalf("%s, %s: %d at %s", look, format, st, p.Where())
			}
			at := p.Where()
			until := func(css string) {
				t.Helper()
				for end := time.Now().Add(30 * time.Second); !p.Has(css); p.Visit(at) {
					if time.Now().After(end) {
						t.Fatalf("%s, %s: no %s: %.400s", look, format, css, p.Text("main"))
					}
				}
			}
			until(`form[action$="/import"]`)
			if st := p.Follow(`form[action$="/import"] button[value=look]`); st != http.StatusOK || !p.Has(`form[action$="/import"]`) {
				t.Errorf("%s, %s: who would see it: %d", look, format, st)
			}
			fine(format + " looked through")
			p.Follow(`form[action$="/import"] button:not([value])`)
			until(`form[action$="/undo"]`)
			fine(format + " imported")
			event := Eval[string](p, `(document.querySelector('main table a[href*="/events/"]') || {getAttribute: () => ""}).getAttribute("href")`)
			if st := p.Visit(event); event == "" || st != http.StatusOK || !strings.Contains(p.Text("main"), values[format]) {
				t.Errorf("%s, %s: what was imported is not at %q: %d", look, format, event, st)
			}
			p.Visit(at)
			p.Follow(`form[action$="/undo"] button`) // not yet ticked: said in words
			if !p.Has(`form[action$="/undo"]`) {
				t.Errorf("%s, %s: taken back without being asked", look, format)
				p.Visit(at)
			}
			p.Click(`form[action$="/undo"] input[type=checkbox]`)
			p.Follow(`form[action$="/undo"] button`)
			for end := time.Now().Add(30 * time.Second); p.Visit(event) == http.StatusOK && time.Now().Before(end); {
			}
			if st := p.Visit(event); st != http.StatusNotFound {
				t.Errorf("%s, %s: after it was taken back the event answers %d", look, format, st)
			}
		}
	}
}
