// Package shareweb shows with whom threat data is shared and where it comes from:
// sharing groups with the audience that they really have, collections with what they
// would hold and for whom, and feeds with their health, what they would bring and what
// was stopped. Team and portal share the groups, team and administrators the rest.
package shareweb

import (
	"context"
	"embed"
	"net/http"
	"strings"

	"straza/internal/intel"
	"straza/internal/intel/enrich"
	"straza/internal/intel/feed"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Files are the pages and messages.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Deps are the Services behind the pages. Find names an organisation by UUID or exact
// name; Orgs are those that somebody may choose from.
type Deps struct {
	Intel *intel.Service
	Feeds *feed.Service
	// Enrich keeps the servers of modules.
	Enrich *enrich.Service
	Find   func(ctx context.Context, ref string) (intel.Org, error)
}

type pages struct {
	t *web.Templates
	d Deps
}

// Where the pages stand, and who may enter there.
const (
	teamGroups   = "/console/groups"
	portalGroups = "/portal/groups"
	teamFeeds    = "/console/feeds"
	adminFeeds   = "/administration/feeds"

	teamCollections  = "/console/collections"
	adminCollections = "/administration/collections"

	teamModules  = "/console/modules"
	adminModules = "/administration/modules"
)

func base(r *http.Request) string {
	for _, b := range []string{teamGroups, portalGroups, teamFeeds, adminFeeds, teamCollections, adminCollections, teamModules, adminModules} {
		if r.URL.Path == b || strings.HasPrefix(r.URL.Path, b+"/") {
			return b
		}
	}
	return teamGroups
}

func shell(r *http.Request) ui.Shell {
	if base(r) == portalGroups {
		return web.ShellPortal
	}
	return web.ShellConsole
}

// Routes declares the doors.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	for _, x := range []struct{ base, part string }{{teamGroups, "console.use"}, {portalGroups, "portal.use"}} {
		read, write := web.Perm(x.part).And("intel.read"), web.Perm(x.part).And("intel.group")
		m.Handle(
			web.Route{Method: "GET", Pattern: x.base, List: true, Policy: read, Reveals: "sharing groups that the caller is in or made", Handler: p.groups},
			web.Route{Method: "GET", Pattern: x.base + "/new", Policy: write, Reveals: "an empty form", Handler: p.newGroup},
			web.Route{Method: "POST", Pattern: x.base + "/new", Policy: write, Mutates: true, Handler: p.addGroup},
			web.Route{Method: "GET", Pattern: x.base + "/{group}", Policy: read, Reveals: "a sharing group and its members", Handler: p.group},
			web.Route{Method: "GET", Pattern: x.base + "/{group}/edit", Policy: write, Reveals: "a sharing group's form", Handler: p.editGroupForm},
			web.Route{Method: "POST", Pattern: x.base + "/{group}/edit", Policy: write, Mutates: true, Handler: p.editGroup},
			web.Route{Method: "POST", Pattern: x.base + "/{group}/{act}", Policy: write, Mutates: true, Handler: p.actGroup},
		)
	}
	for _, x := range []struct{ base, part string }{{teamFeeds, "console.use"}, {adminFeeds, "admin.use"}} {
		read, write := web.Perm(x.part).And("intel.read"), web.Perm(x.part).And("catalog.write")
		if x.base == adminFeeds {
			read = write
		}
		m.Handle(
			web.Route{Method: "GET", Pattern: x.base, List: true, Policy: read, Reveals: "feeds and how they went, no secrets", Handler: p.feeds},
			web.Route{Method: "GET", Pattern: x.base + "/new", Policy: write, Reveals: "an empty form", Handler: p.newFeed},
			web.Route{Method: "POST", Pattern: x.base + "/new", Policy: write, Mutates: true, Handler: p.saveFeed},
			web.Route{Method: "GET", Pattern: x.base + "/{feed}", Policy: read, Reveals: "a feed and its last report", Handler: p.feed},
			web.Route{Method: "GET", Pattern: x.base + "/{feed}/preview", Policy: write, Reveals: "what a feed would bring", Handler: p.previewFeed},
			web.Route{Method: "GET", Pattern: x.base + "/{feed}/edit", Policy: write, Reveals: "a feed's settings, no secrets", Handler: p.editFeed},
			web.Route{Method: "POST", Pattern: x.base + "/{feed}/edit", Policy: write, Mutates: true, Handler: p.saveFeed},
			web.Route{Method: "POST", Pattern: x.base + "/{feed}/{act}", Policy: write, Mutates: true, Handler: p.actFeed},
		)
	}
	for _, x := range []struct{ base, part string }{{teamCollections, "console.use"}, {adminCollections, "admin.use"}} {
		read, write := web.Perm(x.part).And("peer.read"), web.Perm(x.part).And("peer.manage")
		m.Handle(
			web.Route{Method: "GET", Pattern: x.base, Policy: read, Reveals: "collections and who may read them", Handler: p.collections},
			web.Route{Method: "GET", Pattern: x.base + "/new", Policy: write, Reveals: "an empty form, and sharing groups that the caller is in", Handler: p.newCollection},
			web.Route{Method: "POST", Pattern: x.base + "/new", Policy: write, Mutates: true, Handler: p.saveCollection},
			web.Route{Method: "GET", Pattern: x.base + "/{collection}", Policy: read, Reveals: "a collection, and what the caller sees of its events", Handler: p.collection},
			web.Route{Method: "GET", Pattern: x.base + "/{collection}/edit", Policy: write, Reveals: "a collection's settings", Handler: p.editCollection},
			web.Route{Method: "POST", Pattern: x.base + "/{collection}/edit", Policy: write, Mutates: true, Handler: p.saveCollection},
			web.Route{Method: "POST", Pattern: x.base + "/{collection}/delete", Policy: write, Mutates: true, Handler: p.deleteCollection},
		)
	}
	for _, x := range []struct{ base, part string }{{teamModules, "console.use"}, {adminModules, "admin.use"}} {
		moduleRoutes(m, p, x.base, web.Perm(x.part).And("catalog.write"))
	}
}

func moduleRoutes(m *web.Mux, p *pages, base string, keep web.Policy) {
	m.Handle(
		web.Route{Method: "GET", Pattern: base, Policy: keep, Reveals: "servers of modules and tables of networks, no secrets", Handler: p.modules},
		web.Route{Method: "GET", Pattern: base + "/new", Policy: keep, Reveals: "an empty form", Handler: p.newServer},
		web.Route{Method: "POST", Pattern: base + "/new", Policy: keep, Mutates: true, Handler: p.saveServer},
		web.Route{Method: "GET", Pattern: base + "/networks", Policy: keep, Reveals: "tables of networks", Handler: p.networks},
		web.Route{Method: "POST", Pattern: base + "/networks", Policy: keep, Mutates: true, Body: tableBytes + 1<<20, Handler: p.importNetworks},
		web.Route{Method: "POST", Pattern: base + "/networks/drop", Policy: keep, Mutates: true, Handler: p.dropNetworks},
		web.Route{Method: "GET", Pattern: base + "/{server}", Policy: keep, Reveals: "a server of modules and what it has, no secrets", Handler: p.server},
		web.Route{Method: "GET", Pattern: base + "/{server}/edit", Policy: keep, Reveals: "a server's settings", Handler: p.editServer},
		web.Route{Method: "POST", Pattern: base + "/{server}/edit", Policy: keep, Mutates: true, Handler: p.saveServer},
		web.Route{Method: "POST", Pattern: base + "/{server}/{act}", Policy: keep, Mutates: true, Handler: p.actServer},
		web.Route{Method: "GET", Pattern: base + "/{server}/modules/{module}", Policy: keep, Reveals: "a module's settings, no secrets", Handler: p.setupModule},
		web.Route{Method: "POST", Pattern: base + "/{server}/modules/{module}", Policy: keep, Mutates: true, Handler: p.saveModule},
	)
}
