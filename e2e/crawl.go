package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Walk is one person's way over every page that links lead to.
type Walk struct {
	Start []string // where it begins
	Max   int      // how many kinds of page at most
	Axe   bool     // hold each against axe as well

	Seen     []string // one address per kind of page, in order
	Findings []string // what is wrong, with the address
}

// Pages of one kind differ only in numbers, ids and what is asked for: one of each is enough.
var (
	idInPath = regexp.MustCompile(`/(?:[A-Z]{1,4}-)?(?:\d[\d-]*|[0-9a-f]{8}-[0-9a-f-]{27})(?:/|$)`)
	notPages = regexp.MustCompile(`\.(?:json|csv|xml|atom|txt|pdf|zip|eml|png|svg|css|js|md)$|^/(?:api|misp|taxii2|static|assets|health)(?:/|$)`)
)

// pageKind gives what a page has in common with others of its kind.
func pageKind(u *url.URL) string {
	p := u.Path
	for idInPath.MatchString(p) {
		p = idInPath.ReplaceAllString(p, "/*/")
	}
	return strings.TrimSuffix(p, "/")
}

// Go walks breadth first. A link that leads to an error, a page wider than the screen, a violation of axe, a
// complaint of the browser are findings.
func (w *Walk) Go(p *Page) {
	p.t.Helper()
	todo, known := slices.Clone(w.Start), map[string]bool{}
	from := map[string]string{}
	for len(todo) > 0 && len(w.Seen) < w.Max {
		next := todo[0]
		todo = todo[1:]
		u, err := url.Parse(next)
		if err != nil || known[pageKind(u)] {
			continue
		}
		known[pageKind(u)] = true
		status := p.Visit(next)
		w.Seen = append(w.Seen, next)
		if status >= 400 {
			w.find(p, next, "answers %d, linked from %s", status, from[next])
			p.Complaints()
			continue
		}
		if status == http.StatusNoContent {
			continue
		}
		w.look(p, next)
		for _, href := range p.links() {
			if _, ok := from[href]; !ok {
				from[href] = next
				todo = append(todo, href)
			}
		}
	}
}

func (w *Walk) look(p *Page, at string) {
	if n := p.Sideways(); n > 0 {
		w.find(p, at, "sticks out by %d pixels", n)
	}
	if w.Axe {
		for _, v := range p.Axe() {
			html := ""
			if len(v.Nodes) > 0 {
				html = v.Nodes[0].HTML
			}
			w.find(p, at, "axe %s (%s), %d times: %s: %.200s", v.ID, v.Impact, len(v.Nodes), v.Help, html)
		}
	}
	for _, c := range p.Complaints() {
		w.find(p, at, "%s", c)
	}
	if t := strings.TrimSpace(Eval[string](p, "document.title")); t == "" {
		w.find(p, at, "has no title")
	}
}

func (w *Walk) find(p *Page, at, format string, args ...any) {
	w.Findings = append(w.Findings, fmt.Sprintf("%s %s: ", p.Look, at)+fmt.Sprintf(format, args...))
}

// links gives the paths of this origin that the page links to and that are pages.
func (p *Page) links() []string {
	p.t.Helper()
	var out []string
	for _, href := range Eval[[]string](p, `[...document.querySelectorAll("a[href]:not([download])")].map(a => new URL(a.getAttribute("href"), location).href)`) {
		rest, ours := strings.CutPrefix(href, p.Origin)
		rest, _, _ = strings.Cut(rest, "#")
		if u, err := url.Parse(rest); ours && rest != "" && err == nil && !notPages.MatchString(u.Path) && !u.Query().Has("format") { // a list's export is a file
			out = append(out, rest)
		}
	}
	return out
}

// LogIn uses a persona's link of the demo: it shows one button, and its POST lets in.
func (p *Page) LogIn(who Persona) {
	p.t.Helper()
	p.Visit(who.Login)
	if s := p.Follow(`main form[method="post"] button`); s >= 400 {
		p.t.Fatalf("log-in of %s answers %d", who.Email, s)
	}
	p.Complaints()
}

// Speak chooses the language by the form that every page has.
func (p *Page) Speak(lang string) {
	p.t.Helper()
	if p.Look.NoScript {
		p.scripts(true)
		defer p.scripts(false)
	}
	ok := Eval[bool](p, fmt.Sprintf(`fetch("/language", {method: "POST", headers: {"Content-Type": "application/x-www-form-urlencoded"},
		body: "lang=" + encodeURIComponent(%q) + "&back=/"}).then(r => r.ok)`, lang))
	if !ok {
		p.t.Fatalf("the language %s was refused", lang)
	}
}

// Deep tells whether this is the long gate.
func Deep() bool { return os.Getenv("STRAZA_DEEP") != "" }
