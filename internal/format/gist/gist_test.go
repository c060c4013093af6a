package gist_test

import (
	"encoding/json"
	"strings"
	"testing"

	"straza/internal/format/gist"
)

func sample(s string) *gist.Gist {
	return &gist.Gist{Spaces: []gist.Space{{Name: "tlp", About: s, Labels: []gist.Label{{Name: "tlp:green", Meaning: s}, {Name: "x:" + s}}}},
		Clusters: []gist.Cluster{{Type: "mitre-attack-pattern", Value: "Phishing - T1566", About: s, Technique: "T1566", Tactics: []string{"initial-access", "initial-access"}, Uses: 3},
			{Type: "tool", Value: s, Uses: 1}},
		Sightings: []gist.Sighting{{Event: "u", Technique: "T1566", Tactic: "initial-access", Date: "2026-03-01", Until: 1795322026}}}
}

func TestWriters(t *testing.T) {
	g := sample("what it is")
	md := g.Markdown()
	for _, want := range []string{"#### tlp\n*what it is*\n- tlp:green\n    - **green**: what it is\n", "#### tool\n- **what it is**\n"} {
		if !strings.Contains(md, want) {
			t.Errorf("%q is missing in\n%s", want, md)
		}
	}
	if h := g.Matrix(); strings.Count(h, "T1566") != 1 || !strings.Contains(h, "<td>initial-access</td><td>Phishing - T1566</td><td>3</td>") {
		t.Error(h)
	}
	b, err := g.AttackSightings()
	var list []map[string]any
	if err != nil || json.Unmarshal(b, &list) != nil || len(list) != 1 || list[0]["end_time"] != "2026-11-22T04:33:46Z" {
		t.Errorf("%v %s", err, b)
	}
	if b, _ := (&gist.Gist{}).AttackSightings(); string(b) != "[]" {
		t.Errorf("nothing is %s", b)
	}
}

// FuzzGist: foreign text neither opens an element nor begins a heading or link.
func FuzzGist(f *testing.F) {
	f.Add("<script>alert(1)</script>")
	f.Add("[a](javascript:x) ![b](http://c)\n# d")
	f.Fuzz(func(t *testing.T, s string) {
		plain := sample("")
		g := sample(s)
		if a, b := strings.Count(g.HTML(), "<"), strings.Count(plain.HTML(), "<"); a != b {
			t.Errorf("%q adds %d signs to the HTML", s, a-b)
		}
		if strings.ContainsAny(g.Markdown(), "<>") || strings.Count(g.Markdown(), "\n#") != strings.Count(plain.Markdown(), "\n#") {
			t.Errorf("%q is Markdown:\n%s", s, g.Markdown())
		}
	})
}
