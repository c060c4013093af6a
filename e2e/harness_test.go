package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// A page that keeps the rules, and one that breaks them; the harness must tell them apart.
const (
	goodPage = `<!doctype html><html lang="sr-Cyrl"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Проба</title><main><h1>Проба</h1><noscript><p id="off">без скрипти</p></noscript>
<form method="post" action="/next"><label for="a">Име</label> <input id="a" name="a"> <button style="min-height:44px;min-width:44px">Наставите</button></form>
<p id="lang">%s</p></main><script src="/on.js"></script></html>`
	badPage = `<!doctype html><html><meta charset="utf-8"><title>x</title><main><h1>x</h1><img src="/none.png"><input name="q">
<p style="color:#bbb;background:#fff">једва видљиво</p><div style="width:900px">широко</div></main><script>eval("1")</script></html>`
)

func exhibits(t *testing.T) string {
	mux := http.NewServeMux()
	csp := func(w http.ResponseWriter) { w.Header().Set("Content-Security-Policy", "script-src 'self'") }
	mux.HandleFunc("GET /good", func(w http.ResponseWriter, r *http.Request) {
		csp(w)
		fmt.Fprintf(w, goodPage, r.Header.Get("Accept-Language"))
	})
	mux.HandleFunc("GET /bad", func(w http.ResponseWriter, r *http.Request) { csp(w); fmt.Fprint(w, badPage) })
	mux.HandleFunc("GET /on.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `document.documentElement.classList.add("on")`)
	})
	mux.HandleFunc("POST /next", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, "<!doctype html><title>x</title><p id=got>%s</p>", r.PostFormValue("a"))
	})
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestHarnessSeesGoodPage(t *testing.T) {
	origin := exhibits(t)
	for _, look := range []Look{{Viewport: Phone, Scheme: "dark", Lang: "sr-Latn"}, {Viewport: Small, NoScript: true}, {}} {
		t.Run(look.filled().String(), func(t *testing.T) {
			p := Open(t, origin, look)
			if s := p.Visit("/good"); s != http.StatusOK {
				t.Fatalf("status %d", s)
			}
			p.WantAccessible(t)
			if p.Has("html.on") == look.NoScript || p.Has("#off") != look.NoScript {
				t.Errorf("scripts off is %v, but the page's script ran: %v", look.NoScript, p.Has("html.on"))
			}
			if got := p.Text("#lang"); got != p.Look.Lang {
				t.Errorf("asked for %q, the server saw %q", p.Look.Lang, got)
			}
			if dark := Eval[bool](p, `matchMedia("(prefers-color-scheme: dark)").matches`); dark != (p.Look.Scheme == "dark") {
				t.Errorf("dark is %v", dark)
			}
			if w := Eval[int64](p, "innerWidth"); w != p.Look.Viewport.Width || p.Sideways() != 0 {
				t.Errorf("width %d, sideways %d", w, p.Sideways())
			}
			if f := p.Tab(1); f != "input#a.a" {
				t.Errorf("first Tab reaches %q", f)
			}
			p.Fill("#a", "Ђорђе")
			if s := p.Leave(press(kb.Enter)); s != http.StatusUnprocessableEntity || p.Text("#got") != "Ђорђе" || p.Where() != "/next" {
				t.Errorf("after Enter: %d %q at %s", s, p.Text("#got"), p.Where())
			}
		})
	}
}

func TestHarnessCatchesBadPage(t *testing.T) {
	p := Open(t, exhibits(t), Look{Viewport: Small})
	p.Visit("/bad")
	got := map[string]bool{}
	for _, v := range p.Axe() {
		got[v.ID] = true
	}
	for _, id := range []string{"html-has-lang", "image-alt", "label", "color-contrast"} {
		if !got[id] {
			t.Errorf("axe did not catch %s: %v", id, got)
		}
	}
	if p.Sideways() < 500 {
		t.Errorf("a page 900 px wide on a 320 px screen sticks out by %d", p.Sideways())
	}
	if len(p.SmallTargets(44)) == 0 {
		t.Error("a small field was not caught")
	}
	if c := strings.Join(p.Complaints(), "\n"); !strings.Contains(c, "Content Security Policy") || !strings.Contains(c, "404") {
		t.Errorf("the refused inline script and the missing picture were not noted: %s", c)
	}
	if st, err := os.Stat(p.Shot("harness")); err != nil || st.Size() < 1000 {
		t.Errorf("picture: %v", err)
	}
}
