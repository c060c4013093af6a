// Package objectweb puts objects into events by hand: an object template is chosen, and
// makes the form; one that is there is changed by the same form. Team and portal share the pages; whoever may change an event adds to it.
package objectweb

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
	Intel   *intel.Service
	Catalog *catalog.Service
}

type pages struct {
	t *web.Templates
	d Deps
}

var base, shell = eventweb.Base, eventweb.Shell

// Routes declares the doors.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	for at, may := range eventweb.Places {
		write := may("intel.write")
		m.Handle(
			web.Route{Method: "GET", Pattern: at + "/{id}/objects/new", Policy: write, Reveals: "object templates, for an event the caller may change", Handler: p.newObject},
			web.Route{Method: "POST", Pattern: at + "/{id}/objects/new", Policy: write, Mutates: true, Handler: p.addObject},
			web.Route{Method: "GET", Pattern: at + "/{id}/objects/{object}", Policy: write, Reveals: "an object of an event the caller may change", Handler: p.editObject},
			web.Route{Method: "POST", Pattern: at + "/{id}/objects/{object}", Policy: write, Mutates: true, Handler: p.saveObject},
		)
	}
}
