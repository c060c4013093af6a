// Package curateweb shows the team what it keeps in order for everybody: the values that
// join so many events that they say little, with what is excluded from correlation and
// why, and the merging of one tag into another. Both say how much they touch before
// anything is pressed; an exclusion is taken back by one press.
package curateweb

import (
	"embed"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

// Files are the pages and messages.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Deps are the Services behind the pages.
type Deps struct {
	Intel *intel.Service
	// Catalog knows which tags are of a taxonomy; nil knows none.
	Catalog *catalog.Service
}

type pages struct {
	t *web.Templates
	d Deps
}

const (
	events  = "/console/events"
	overlap = events + "/overlap"
	merge   = events + "/tags/merge"
)

// Routes declares the doors.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	look := web.Policy{Name: "perm:intel.read&console.use", Allow: func(who ident.Actor) bool { return who.Can("console.use") && who.Can("intel.read") }}
	tags := web.Policy{Name: "perm:misp.tag_editor&console.use", Allow: func(who ident.Actor) bool {
		return who.Can("console.use") && who.Can("misp.tag_editor") && who.Can("intel.read")
	}}
	m.Handle(
		web.Route{Method: "GET", Pattern: overlap, List: true, Policy: look, Reveals: "values that join many of the events the caller may see, and what is excluded from correlation", Handler: p.overlap},
		web.Route{Method: "POST", Pattern: overlap, Policy: look, Mutates: true, Handler: p.exclude},
		web.Route{Method: "POST", Pattern: overlap + "/include", Policy: look, Mutates: true, Handler: p.include},
		web.Route{Method: "GET", Pattern: merge, Policy: tags, Reveals: "two tags the caller may know of, counted where the caller sees them", Handler: p.askMerge},
		web.Route{Method: "POST", Pattern: merge, Policy: tags, Mutates: true, Handler: p.merge},
	)
}
