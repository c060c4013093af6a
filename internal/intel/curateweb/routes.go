// Package curateweb shows what is kept in order for everybody: the values that join so many
// events that they say little, with what is excluded from correlation and why; the tags,
// with how often each is seen; and the merging of one tag into another. Both say how much they touch before
// anything is pressed; an exclusion and a merging are taken back by one press.
package curateweb

import (
	"embed"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
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
	look := web.Perm("intel.read").And("console.use")
	tags := look.And("misp.tag_editor")
	m.Handle(
		web.Route{Method: "GET", Pattern: overlap, List: true, Policy: look, Reveals: "values that join many of the events the caller may see, and what is excluded from correlation", Handler: p.overlap},
		web.Route{Method: "POST", Pattern: overlap, Policy: look, Mutates: true, Handler: p.exclude},
		web.Route{Method: "POST", Pattern: overlap + "/include", Policy: look, Mutates: true, Handler: p.include},
		web.Route{Method: "GET", Pattern: merge, Policy: tags, Reveals: "two tags the caller may know of, counted where the caller sees them", Handler: p.askMerge},
		web.Route{Method: "POST", Pattern: merge, Policy: tags, Mutates: true, Handler: p.merge},
		web.Route{Method: "POST", Pattern: merge + "/undo", Policy: tags, Mutates: true, Handler: p.unmerge},
	)
	for base, may := range eventweb.Places {
		read, edits := may("intel.read"), may("misp.tag_editor")
		m.Handle(
			web.Route{Method: "GET", Pattern: base + "/tags", Policy: read, Reveals: "tags the caller may know of, counted where the caller sees them", Handler: p.tags},
			web.Route{Method: "GET", Pattern: base + "/tags/one", Policy: read, Reveals: "a tag the caller may know of", Handler: p.tagForm},
			web.Route{Method: "GET", Pattern: base + "/tags/new", Policy: edits, Reveals: "an empty form", Handler: p.newTag},
			web.Route{Method: "POST", Pattern: base + "/tags", Policy: edits, Mutates: true, Handler: p.saveTag},
			web.Route{Method: "POST", Pattern: base + "/tags/delete", Policy: edits, Mutates: true, Handler: p.deleteTag},
			web.Route{Method: "POST", Pattern: base + "/tags/favour", Policy: read, Mutates: true, Handler: p.favourTag},
		)
	}
}
