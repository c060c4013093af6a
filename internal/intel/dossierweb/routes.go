// Package dossierweb shows dossiers to the team: lists of events, clusters and other
// things about one campaign or actor that somebody keeps by hand, with who may read them.
package dossierweb

import (
	"embed"

	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
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

const base = "/console/dossiers"

// Routes declares the doors.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	read, write := onConsole("intel.read"), onConsole("intel.write")
	m.Handle(
		web.Route{Method: "GET", Pattern: base, Policy: read, Reveals: "dossiers that the caller may see", Handler: p.list},
		web.Route{Method: "GET", Pattern: base + "/new", Policy: write, Reveals: "an empty form", Handler: p.newDossier},
		web.Route{Method: "POST", Pattern: base + "/new", Policy: write, Mutates: true, Handler: p.add},
		web.Route{Method: "GET", Pattern: base + "/{dossier}", Policy: read, Reveals: "a dossier and those of its elements that the caller may know of", Handler: p.show},
		web.Route{Method: "GET", Pattern: base + "/{dossier}/edit", Policy: write, Reveals: "a dossier's form", Handler: p.editForm},
		web.Route{Method: "POST", Pattern: base + "/{dossier}/edit", Policy: write, Mutates: true, Handler: p.edit},
		web.Route{Method: "POST", Pattern: base + "/{dossier}/{act}", Policy: write, Mutates: true, Handler: p.act},
	)
}

// onConsole is a permission within the CERT's team.
func onConsole(perm string) web.Policy {
	return web.Policy{Name: "perm:" + perm + "&console.use", Allow: func(who ident.Actor) bool { return who.Can("console.use") && who.Can(perm) }}
}
