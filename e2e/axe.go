package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// axeFile is the engine that scripts/setup.sh fetched and checked.
const axeFile = ".cache/axe/axe-4.14.1.min.js"

var axeSource = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile(filepath.Join(root, axeFile))
	return string(b), err
})

// Violation is one broken accessibility rule, with the places where it is broken.
type Violation struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string
		FailureSummary string `json:"failureSummary"`
		Target         []any
	}
}

// Axe holds the page against WCAG 2.2 AA and axe's best practices. It runs with scripts off too.
func (p *Page) Axe() []Violation {
	p.t.Helper()
	src, err := axeSource()
	needTool(p.t, err == nil, "axe-core: %v", err)
	if p.Look.NoScript { // axe needs promises; the page's own scripts were skipped when it loaded
		p.scripts(true)
		defer p.scripts(false)
	}
	Eval[any](p, src+"\n;void 0")
	raw := Eval[string](p, `axe.run(document, {resultTypes: ["violations"],
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
		.then(r => JSON.stringify(r.violations))`)
	var out []Violation
	if err := json.Unmarshal([]byte(raw), &out); err != nil {
		p.t.Fatal(err)
	}
	return out
}

// WantAccessible fails for every violation on the page, and for every complaint of the browser.
func (p *Page) WantAccessible(t testing.TB) {
	t.Helper()
	for _, v := range p.Axe() {
		for _, n := range v.Nodes {
			t.Errorf("%s %s: axe %s (%s): %s\n\t%s\n\t%s", p.Where(), p.Look, v.ID, v.Impact, v.Help, n.HTML, n.FailureSummary)
		}
	}
	for _, c := range p.Complaints() {
		t.Errorf("%s %s: %s", p.Where(), p.Look, c)
	}
}

// WantAccessibleInEveryLook is WantAccessible for the page as it stands, and again,
// opened anew, in all three languages and both schemes. It ends where it began.
func (p *Page) WantAccessibleInEveryLook(t testing.TB) (looked int) {
	t.Helper()
	was, at := p.Look, p.Where()
	p.WantAccessible(t)
	for _, lang := range Languages {
		for _, scheme := range Schemes {
			if lang == was.Lang && scheme == was.Scheme {
				continue
			}
			p.Look.Lang, p.Look.Scheme = lang, scheme
			p.appear()
			p.Speak(lang)
			if st := p.Visit(inLanguage(at, lang)); st >= 400 {
				t.Errorf("%s %s: answers %d when opened anew", at, p.Look, st)
			}
			if got := Eval[string](p, "document.documentElement.lang"); got != lang {
				t.Errorf("%s is in %q, asked for %q", p.Where(), got, lang)
			}
			if n := p.Sideways(); n > 0 {
				t.Errorf("%s %s: sticks out by %d pixels", p.Where(), p.Look, n)
			}
			p.WantAccessible(t)
			looked++
		}
	}
	p.Look = was
	p.appear()
	p.Speak(was.Lang)
	p.Visit(at)
	return looked + 1
}

// inLanguage is a public page's address in another language; other pages have one address.
func inLanguage(path, lang string) string {
	for _, l := range Languages {
		if rest, ok := strings.CutPrefix(path, "/"+l); ok && (rest == "" || rest[0] == '/') {
			return "/" + lang + rest
		}
	}
	return path
}
