package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// journey are the public pages of a report, held against axe in all languages and schemes.
var journey = []string{"/", "/report", "/follow-up", "/login"}

// TestBrowserJourneyPages: the pages that anybody meets, on the narrowest screen, with scripts on and off.
func TestBrowserJourneyPages(t *testing.T) {
	s := Demo(t)
	seen := 0
	for _, lang := range Languages {
		for _, scheme := range Schemes {
			look := Look{Viewport: Small, Scheme: scheme, Lang: lang, NoScript: scheme == "dark"}
			t.Run(look.String(), func(t *testing.T) {
				p := Open(t, s.Origin, look)
				for _, path := range journey {
					if st := p.Visit(path); st != http.StatusOK {
						t.Errorf("%s answers %d", path, st)
						continue
					}
					if got := Eval[string](p, "document.documentElement.lang"); got != lang {
						t.Errorf("%s is in %q, asked for %q", p.Where(), got, lang)
					}
					if n := p.Sideways(); n > 0 {
						t.Errorf("%s sticks out by %d pixels", p.Where(), n)
					}
					for _, e := range p.SmallTargets(44) {
						t.Errorf("%s: smaller than 44 pixels: %s", p.Where(), e)
					}
					p.WantAccessible(t)
					seen++
				}
			})
		}
	}
	t.Logf("live: browser %d", seen)
}

// TestBrowserEveryPage walks everything that links lead to, as everybody that the demo knows.
func TestBrowserEveryPage(t *testing.T) {
	s := Demo(t)
	people := []Persona{{Role: "nobody"}}
	for _, p := range s.Personas {
		if !slices.ContainsFunc(people, func(q Persona) bool { return q.Role == p.Role }) {
			people = append(people, p)
		}
	}
	previews := previewsOf(t, s)
	looks := []Look{{Lang: "sr-Cyrl"}, {Viewport: Phone, Scheme: "dark", Lang: "en"}}
	if Deep() {
		looks = append(looks, Look{Viewport: Small, Lang: "sr-Latn"}, Look{Scheme: "dark", Lang: "sr-Cyrl"}, Look{Viewport: Phone, Lang: "en"})
	}
	for _, who := range people {
		for _, look := range looks {
			t.Run(who.Role+"/"+look.filled().String(), func(t *testing.T) {
				p := Open(t, s.Origin, look)
				w := Walk{Start: []string{"/"}, Max: 60, Axe: true}
				if who.Email != "" {
					w.Max = 180 // the console has more kinds of page than the public site
					p.LogIn(who)
					w.Start = append(w.Start, p.Where())
				}
				p.Visit("/")
				p.Speak(p.Look.Lang)
				w.Go(p)
				if who.Role == "lead" { // whether the other side answers or not
					for _, at := range previews {
						one := Walk{Start: []string{at}, Max: 1, Axe: true}
						one.Go(p)
						w.Findings = append(w.Findings, one.Findings...)
					}
				}
				for _, f := range w.Findings {
					t.Error(f)
				}
				t.Logf("live: browser %d", len(w.Seen))
				if len(w.Seen) == w.Max {
					t.Logf("the walk stopped at its limit; last %v", w.Seen[len(w.Seen)-20:])
				}
			})
		}
	}
}

// previewsOf gives the pages that show what a peer offers: of one that answers, which is
// this very Straža over its MISP interface, and of the demo's own, which does not.
func previewsOf(t *testing.T, s *Server) []string {
	t.Helper()
	i := slices.IndexFunc(s.Personas, func(p Persona) bool { return p.Key != "" && p.Role == "lead" })
	if i < 0 {
		t.Fatal("no persona with a key")
	}
	const name = "Petlja"
	_, err := s.TryCLI(s.Personas[i].Key+"\n", "peer", "add", name, s.Origin, "--org", s.Personas[i].Org, "--json")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.TryCLI("", "peer", "delete", name); err != nil {
			t.Error(err)
		}
	})
	list, err := s.TryCLI("", "peer", "list", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(list)) {
		var p struct{ ID string }
		if json.Unmarshal([]byte(line), &p) == nil && p.ID != "" {
			all = append(all, "/console/peers/"+p.ID+"/preview")
		}
	}
	if len(all) < 2 {
		t.Fatalf("%d peers: %s", len(all), list)
	}
	return all
}

// TestWalkFinds shows that the walk reaches linked pages and catches what is wrong there.
func TestWalkFinds(t *testing.T) {
	mux := http.NewServeMux()
	page := func(w http.ResponseWriter, title, body string) {
		fmt.Fprintf(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>%s</title><main><h1>x</h1>%s</main>`, title, body)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		page(w, "home", `<a href="/case/S-2026-000017">a</a> <a href="/case/S-2026-000018?tab=2">b</a> <a href="/gone">c</a>
			<a href="/list.csv">d</a> <a href="http://other.example/">e</a> <a href="#top">f</a>`)
	})
	mux.HandleFunc("GET /case/{n}", func(w http.ResponseWriter, r *http.Request) {
		page(w, "", `<div style="width:2000px">wide</div><a href="/case/S-2026-000017/note">note</a>`)
	})
	mux.HandleFunc("GET /case/{n}/note", func(w http.ResponseWriter, r *http.Request) { page(w, "note", `<a href="/">home</a>`) })
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	p := Open(t, srv.URL, Look{Lang: "en"})
	w := Walk{Start: []string{"/"}, Max: 20}
	w.Go(p)
	if want := []string{"/", "/case/S-2026-000017", "/gone", "/case/S-2026-000017/note"}; !slices.Equal(w.Seen, want) {
		t.Errorf("saw %v, want %v", w.Seen, want)
	}
	all := strings.Join(w.Findings, "\n")
	for _, want := range []string{"/case/S-2026-000017: sticks out by", "/case/S-2026-000017: has no title", "/gone: answers 404, linked from /"} {
		if !strings.Contains(all, want) {
			t.Errorf("not found: %q in\n%s", want, all)
		}
	}
	if len(w.Findings) != 3 {
		t.Errorf("found too much:\n%s", all)
	}
}
