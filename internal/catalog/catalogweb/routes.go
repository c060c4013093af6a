// Package catalogweb shows the catalogues to the team: galaxies with their
// clusters, taxonomies, warning lists, decaying models, object templates; who may
// write the catalogues switches them, and who may make clusters makes them here.
package catalogweb

import (
	"context"
	"embed"

	"straza/internal/catalog"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Files are the pages and messages of the room.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Deps are what the pages need beside the room's Service.
type Deps struct {
	Catalog *catalog.Service
	// Uses counts the events and attributes with a tag that who may see; nil shows none.
	Uses func(ctx context.Context, who ident.Actor, tag string) (events, attributes int64, err error)
	// Groups are the sharing groups that who may use, by id; nil offers none.
	Groups func(ctx context.Context, who ident.Actor) ([]ui.Option, error)
}

type pages struct {
	t *web.Templates
	s *catalog.Service
	d Deps
}

const base = "/console/catalog"

// Routes declares the doors of the room.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), s: d.Catalog, d: d}
	// Others than the CERT's team have no such pages.
	read, write, grow := web.Perm("catalog.read").And("console.use"), web.Perm("catalog.write").And("console.use"), web.Perm("intel.write").And("console.use")
	for _, v := range views {
		at := base + "/" + v.path
		m.Handle(
			web.Route{Method: "GET", Pattern: at, List: true, Policy: read, Reveals: "catalogues, which all may read", Handler: p.list(v)},
			web.Route{Method: "GET", Pattern: at + "/{id}", Policy: read, Reveals: "a catalogue; of own clusters those that the caller may see", Handler: p.show(v)},
			web.Route{Method: "POST", Pattern: at + "/{id}", Policy: write, Mutates: true, Handler: p.change(v)},
		)
	}
	m.Handle(
		web.Route{Method: "GET", Pattern: base + "/clusters/{id}", Policy: read, Reveals: "a cluster the caller may see", Handler: p.cluster},
		web.Route{Method: "GET", Pattern: base + "/clusters/{id}/fork", Policy: grow, Reveals: "a cluster the caller may see", Handler: p.forkForm},
		web.Route{Method: "POST", Pattern: base + "/clusters/{id}/fork", Policy: grow, Mutates: true, Handler: p.fork},
		web.Route{Method: "POST", Pattern: base + "/clusters/{id}", Policy: grow, Mutates: true, Handler: p.changeCluster},
		web.Route{Method: "GET", Pattern: base + "/clusters/{id}/edit", Policy: grow, Reveals: "a cluster of the caller's organisation", Handler: p.editCluster},
		web.Route{Method: "POST", Pattern: base + "/clusters/{id}/edit", Policy: grow, Mutates: true, Handler: p.saveCluster},
		web.Route{Method: "GET", Pattern: base + "/galaxies/{id}/clusters/new", Policy: grow, Reveals: "an empty form, and sharing groups that the caller is in", Handler: p.newCluster},
		web.Route{Method: "POST", Pattern: base + "/galaxies/{id}/clusters/new", Policy: grow, Mutates: true, Handler: p.addCluster},
		web.Route{Method: "GET", Pattern: models + "/new", Policy: write, Reveals: "an empty form", Handler: p.newModel},
		web.Route{Method: "POST", Pattern: models + "/new", Policy: write, Mutates: true, Handler: p.saveModel},
		web.Route{Method: "GET", Pattern: models + "/{id}/edit", Policy: write, Reveals: "a decaying model that was made here", Handler: p.editModel},
		web.Route{Method: "POST", Pattern: models + "/{id}/edit", Policy: write, Mutates: true, Handler: p.saveModel},
		web.Route{Method: "POST", Pattern: models + "/{id}/drop", Policy: write, Mutates: true, Handler: p.dropModel},
		web.Route{Method: "GET", Pattern: lists + "/new", Policy: write, Reveals: "an empty form", Handler: p.newList},
		web.Route{Method: "POST", Pattern: lists + "/new", Policy: write, Mutates: true, Handler: p.saveList},
		web.Route{Method: "GET", Pattern: lists + "/{id}/edit", Policy: write, Reveals: "a warning list that was made here", Handler: p.editList},
		web.Route{Method: "POST", Pattern: lists + "/{id}/edit", Policy: write, Mutates: true, Handler: p.saveList},
	)
}
