// Package dossierweb shows dossiers: lists of events, clusters and other things about one
// campaign or actor that somebody keeps by hand, with who may read them. Team and portal
// share the pages; the Service shows each what is theirs.
package dossierweb

import (
	"embed"
	"net/http"

	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Files are the pages and messages.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Deps are the Services behind the pages.
type Deps struct {
	Dossiers *dossier.Service
	Intel    *intel.Service
}

type pages struct {
	t *web.Templates
	d Deps
}

var stands = web.Twin{Team: "/console/dossiers", Portal: "/portal/dossiers"}

// base is the pages' address in the shell that the caller came to.
func base(r *http.Request) string    { return stands.Base(r) }
func shell(r *http.Request) ui.Shell { return stands.Shell(r) }

// Routes declares the doors.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	for _, x := range [][2]string{{stands.Team, "console.use"}, {stands.Portal, "portal.use"}} {
		at, read, write := x[0], web.Perm("intel.read").And(x[1]), web.Perm("intel.write").And(x[1])
		m.Handle(
			web.Route{Method: "GET", Pattern: at, List: true, Policy: read, Reveals: "dossiers that the caller may see", Handler: p.list},
			web.Route{Method: "GET", Pattern: at + "/new", Policy: write, Reveals: "an empty form", Handler: p.newDossier},
			web.Route{Method: "POST", Pattern: at + "/new", Policy: write, Mutates: true, Handler: p.add},
			web.Route{Method: "GET", Pattern: at + "/{dossier}", Policy: read, Reveals: "a dossier and those of its elements that the caller may know of", Handler: p.show},
			web.Route{Method: "GET", Pattern: at + "/{dossier}/edit", Policy: write, Reveals: "a dossier's form", Handler: p.editForm},
			web.Route{Method: "POST", Pattern: at + "/{dossier}/edit", Policy: write, Mutates: true, Handler: p.edit},
			web.Route{Method: "POST", Pattern: at + "/{dossier}/{act}", Policy: write, Mutates: true, Handler: p.act},
		)
	}
}
