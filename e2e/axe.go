package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
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
