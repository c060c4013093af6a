// Package gist writes what a list of events says together: its labels with their
// meanings, its galaxy clusters, its ATT&CK techniques, as HTML, Markdown or JSON.
// Names and descriptions are foreign text: HTML is escaped, Markdown's and HTML's
// signs lose their meaning in Markdown.
package gist

import (
	"encoding/json"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Gist is what is summed up. Spaces and Clusters stand in the order of their names.
type Gist struct {
	Spaces    []Space
	Clusters  []Cluster
	Sightings []Sighting
}

// Space is a taxonomy, or "" for labels that belong to none.
type Space struct {
	Name, About string
	Labels      []Label
}

// Label is a tag and what it means, "" if nobody says.
type Label struct{ Name, Meaning string }

// Cluster is a cluster that events or attributes carry.
type Cluster struct {
	Type, Value, About string
	Technique          string   // ATT&CK's id, "" for others
	Tactics            []string // of its kill chain
	Uses               int64
}

// Sighting is a technique that an event tells of.
type Sighting struct {
	Event, Technique, Tactic string
	Date                     string // of the event
	Until                    int64  // Unix seconds
}

// inline takes Markdown's and HTML's signs out of foreign text.
var inline = strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "&lt;", ">", "&gt;", "&", "&amp;", "|", "\\|",
	"\r", " ", "\n", " ", "#", "\\#", "!", "\\!")

// Markdown writes the labels and clusters.
func (g *Gist) Markdown() string {
	var b strings.Builder
	b.WriteString("# Aggregated context data\n## Tags and Taxonomies\n")
	for _, s := range g.Spaces {
		if s.Name != "" {
			b.WriteString("#### " + inline.Replace(s.Name) + "\n")
		}
		if s.About != "" {
			b.WriteString("*" + inline.Replace(s.About) + "*\n")
		}
		for _, l := range s.Labels {
			b.WriteString("- " + inline.Replace(l.Name) + "\n")
			if l.Meaning != "" {
				_, last, _ := strings.Cut(l.Name, ":")
				b.WriteString("    - **" + inline.Replace(last) + "**: " + inline.Replace(l.Meaning) + "\n")
			}
		}
	}
	b.WriteString("## Galaxy Clusters\n")
	last := ""
	for _, c := range g.Clusters {
		if c.Type != last {
			last = c.Type
			b.WriteString("#### " + inline.Replace(c.Type) + "\n")
		}
		b.WriteString("- **" + inline.Replace(c.Value) + "**")
		if c.About != "" {
			b.WriteString(": " + inline.Replace(c.About))
		}
		b.WriteString("\n")
	}
	return b.String()
}

var esc = html.EscapeString

// HTML writes the labels, the clusters and the matrix, to be put into a page.
func (g *Gist) HTML() string {
	var b strings.Builder
	b.WriteString("<div>\n<h2>Tags and Taxonomies</h2>\n")
	for _, s := range g.Spaces {
		b.WriteString("<h4><code>" + esc(s.Name) + "</code></h4>\n<p><i>" + esc(s.About) + "</i></p>\n<ul>\n")
		for _, l := range s.Labels {
			b.WriteString("<li><code>" + esc(l.Name) + "</code> " + esc(l.Meaning) + "</li>\n")
		}
		b.WriteString("</ul>\n")
	}
	b.WriteString("<h2>Galaxy Clusters</h2>\n<ul>\n")
	for _, c := range g.Clusters {
		b.WriteString("<li><strong>" + esc(c.Value) + "</strong> <code>" + esc(c.Type) + "</code> " + esc(c.About) + "</li>\n")
	}
	b.WriteString("</ul>\n</div>\n")
	return b.String() + g.Matrix()
}

// Matrix writes the techniques by tactic, with how often each is used, as an HTML table.
func (g *Gist) Matrix() string {
	by := map[string][]Cluster{}
	var tactics []string
	for _, c := range g.Clusters {
		for _, t := range c.Tactics {
			if by[t] == nil {
				tactics = append(tactics, t)
			}
			if !slices.ContainsFunc(by[t], func(o Cluster) bool { return o.Value == c.Value && o.Type == c.Type }) {
				by[t] = append(by[t], c)
			}
		}
	}
	slices.Sort(tactics)
	var b strings.Builder
	b.WriteString("<div>\n<h2>ATT&amp;CK Matrix</h2>\n<table>\n<thead><tr><th>Tactic</th><th>Technique</th><th>Events and attributes</th></tr></thead>\n<tbody>\n")
	for _, t := range tactics {
		for _, c := range by[t] {
			b.WriteString("<tr><td>" + esc(t) + "</td><td>" + esc(c.Value) + "</td><td>" + strconv.FormatInt(c.Uses, 10) + "</td></tr>\n")
		}
	}
	return b.String() + "</tbody>\n</table>\n</div>\n"
}

// AttackSightings writes techniques as direct sightings in the form of the Center for
// Threat-Informed Defense (Sightings Ecosystem, data model 1.0).
func (g *Gist) AttackSightings() ([]byte, error) {
	type raw struct {
		Technique string   `json:"technique_id"`
		Tactic    string   `json:"tactic"`
		Raw       []string `json:"raw_data"`
		Start     string   `json:"start_time"`
		End       string   `json:"end_time"`
	}
	type sighting struct {
		Version    string `json:"version"`
		ID         string `json:"id"`
		Type       string `json:"sighting_type"`
		Start      string `json:"start_time"`
		End        string `json:"end_time"`
		Detection  string `json:"detection_type"`
		Techniques []raw  `json:"techniques"`
	}
	out := []sighting{}
	for _, s := range g.Sightings {
		start, end := s.Date+"T00:00:00Z", time.Unix(s.Until, 0).UTC().Format(time.RFC3339)
		out = append(out, sighting{"1.0", s.Event + "--" + s.Technique, "direct-technique-sighting", start, end, "raw",
			[]raw{{s.Technique, s.Tactic, []string{}, start, end}}})
	}
	return json.Marshal(out)
}
