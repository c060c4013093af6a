// Package peerweb shows peers: who they are and how it stands with them, what each
// run did, what was refused or held back and why; entering, changing and testing
// them. The team and administrators share the pages.
package peerweb

import (
	"embed"
	"net/http"
	"strings"

	"straza/internal/kernel/web"
	"straza/internal/peer"
	"straza/internal/peer/poll"
	"straza/internal/registry"
)

// Files are the pages and messages of the room.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Deps is what the pages need.
type Deps struct {
	Peers *peer.Service
	Polls *poll.Service
	Orgs  *registry.Service
}

type pages struct {
	t     *web.Templates
	s     *peer.Service
	polls *poll.Service
	orgs  *registry.Service
}

// rooms are where the pages stand: with the team, and with administrators.
var rooms = []struct{ base, polls, perm string }{{"/console/peers", "/console/taxii", "console.use"}, {"/administration/peers", "/administration/taxii", "admin.use"}}

// base is where a request came in: links stay there.
func base(r *http.Request) string {
	return room(r).base
}

func room(r *http.Request) struct{ base, polls, perm string } {
	if strings.HasPrefix(r.URL.Path, "/administration/") {
		return rooms[1]
	}
	return rooms[0]
}

// Routes declares the doors of the room.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), s: d.Peers, polls: d.Polls, orgs: d.Orgs}
	for _, x := range rooms {
		read, manage := web.Perm("peer.read").And(x.perm), web.Perm("peer.manage").And(x.perm)
		content := manage.And("intel.read")
		m.Handle(
			web.Route{Method: "GET", Pattern: x.base, List: true, Policy: read, Reveals: "peers, their health and rules, no keys", Handler: p.list},
			web.Route{Method: "GET", Pattern: x.base + "/new", Policy: manage, Reveals: "an empty form", Handler: p.newPeer},
			web.Route{Method: "POST", Pattern: x.base + "/new", Policy: manage, Mutates: true, Handler: p.add},
			web.Route{Method: "GET", Pattern: x.base + "/{peer}", Policy: read, Reveals: "a peer, its runs, events by UUID with reasons", Handler: p.show},
			web.Route{Method: "GET", Pattern: x.base + "/{peer}/edit", Policy: manage, Reveals: "a peer's settings, no key", Handler: p.editForm},
			web.Route{Method: "POST", Pattern: x.base + "/{peer}/edit", Policy: manage, Mutates: true, Handler: p.edit},
			web.Route{Method: "GET", Pattern: x.base + "/{peer}/preview", Policy: content, Reveals: "what the peer shows us", Handler: p.preview},
			web.Route{Method: "POST", Pattern: x.base + "/{peer}/{act}", Policy: manage, Mutates: true, Handler: p.act},

			web.Route{Method: "GET", Pattern: x.polls + "/new", Policy: manage, Reveals: "an empty form", Handler: p.newServer},
			web.Route{Method: "POST", Pattern: x.polls + "/new", Policy: manage, Mutates: true, Handler: p.addServer},
			web.Route{Method: "GET", Pattern: x.polls + "/{server}", Policy: read, Reveals: "a TAXII server that is polled, its collections, no secret", Handler: p.showServer},
			web.Route{Method: "GET", Pattern: x.polls + "/{server}/edit", Policy: manage, Reveals: "a TAXII server's settings, no secret", Handler: p.editServerForm},
			web.Route{Method: "POST", Pattern: x.polls + "/{server}/edit", Policy: manage, Mutates: true, Handler: p.editServer},
			web.Route{Method: "POST", Pattern: x.polls + "/{server}/{act}", Policy: manage, Mutates: true, Handler: p.actServer},
		)
	}
}
