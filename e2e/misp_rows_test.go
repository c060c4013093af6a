package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// areas are the areas of behaviour that clients of MISP rely on (spec misp §14), each with
// the step of e2e/py/misp_rows.py that lives it through by PyMISP.
var areas = []struct{ area, step string }{
	{"search by value", "value"}, {"search by type, CSV", "type_csv"}, {"index", "index"}, {"search by tag", "tags"},
	{"search by change", "timestamps"}, {"search by publication", "published"}, {"who publishes", "publishing"},
	{"deleting", "deletion"}, {"what is not there", "missing"}, {"whether it is there", "exists"},
	{"options of one event", "options"}, {"heads alone", "metadata"}, {"sightings", "sightings"}, {"CSV", "csv"},
	{"editing objects", "objects"}, {"unknown templates, duplicates", "templates"}, {"tags", "vocabulary"},
	{"lists of attributes, proposals", "lists"}, {"diagnostics", "diagnostics"}, {"statistics", "statistics"},
	{"pasted text", "freetext"}, {"sharing groups", "groups"}, {"roles, delegation", "roles"}, {"samples", "samples"},
	{"first and last seen", "seen"}, {"registrations", "registrations"}, {"block lists", "blocklists"},
	{"clusters", "clusters"}, {"analyst data", "analyst"}, {"sentences", "texts"}, {"sentences of catalogues", "catalogues"},
}

// fewest checks that a step makes: one that was emptied is none.
const fewest = 1

var (
	stepHead = regexp.MustCompile(`(?m)^    def ([a-z_]+)\(self\):$`)
	oneCheck = regexp.MustCompile(`\b(?:check|equal)\(`)
)

// steps gives the body of each step of a script.
func steps(text string) map[string]string {
	out, at := map[string]string{}, stepHead.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		if name := text[m[2]:m[3]]; name != "connect" {
			out[name] = text[m[1]:end]
		}
	}
	return out
}

// lacking names the areas whose step is not there, or checks too little, and the steps of no area.
func lacking(script string) (out []string) {
	have, used := steps(script), map[string]bool{}
	for _, a := range areas {
		body, ok := have[a.step]
		if used[a.step] = true; !ok || len(oneCheck.FindAllString(body, -1)) < fewest {
			out = append(out, a.area)
		}
	}
	for s := range have {
		if !used[s] {
			out = append(out, "step "+s)
		}
	}
	slices.Sort(out)
	return out
}

// TestEveryAreaHasAStep: the law, and what breaks it is caught.
func TestEveryAreaHasAStep(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "e2e", "py", "misp_rows.py"))
	if err != nil {
		t.Fatal(err)
	}
	if l := lacking(string(b)); len(l) > 0 {
		t.Errorf("without a step of their own: %q", l)
	}
	cut := strings.Replace(string(b), "    def seen(self):", "    def unseen(self):", 1)
	if l := lacking(cut); !slices.Equal(l, []string{"first and last seen", "step unseen"}) {
		t.Errorf("a step that is gone is not missed: %q", l)
	}
	if l := lacking(oneCheck.ReplaceAllString(string(b), "pass(")); len(l) != len(areas) {
		t.Errorf("steps without checks are taken for steps: %q", l)
	}
}

// TestPyMISPAreas: PyMISP lives through every area of what clients rely on.
func TestPyMISPAreas(t *testing.T) {
	s, sync, _ := partners(t)
	galaxies := t.TempDir()
	for name, text := range map[string]string{
		"galaxies/rows.json": `{"name":"Rows","type":"rows","namespace":"test","uuid":"0a7c5f9e-1111-4000-8000-000000000001","version":1,"description":"x","icon":"x"}`,
		"clusters/rows.json": `{"name":"Rows","type":"rows","uuid":"0a7c5f9e-1111-4000-8000-000000000002","version":1,"description":"x","source":"x","category":"x","authors":["x"],"values":[{"value":"One","uuid":"0a7c5f9e-1111-4000-8000-000000000003"}]}`} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(galaxies, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(galaxies, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.CLI(t, nil, "catalog", "import", galaxies)
	Python(t, "pymisp", "misp_rows.py", "MISP_URL="+s.Origin, "MISP_KEY_SYNC="+sync,
		"MISP_KEY_ADMIN="+s.NewKey(t, "administrator@cert.example", "admin", "Национални ЦЕРТ"),
		"MISP_KEY_PUB="+s.NewKey(t, "izdavac@partner-a.example", "publisher", "Партнер А"),
		"MISP_KEY_USER="+s.NewKey(t, "clan@partner-b.example", "member", "Партнер Б"))
}
