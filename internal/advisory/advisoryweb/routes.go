// Package advisoryweb shows warnings: to the public, and to the team that writes them.
package advisoryweb

import (
	"embed"

	"straza/internal/advisory"
	"straza/internal/kernel/web"
)

// Files are the pages and messages of the room.
//
//go:embed *.html messages/*.json
var Files embed.FS

type pages struct {
	t *web.Templates
	s *advisory.Service
}

// Routes declares the doors of the room.
func Routes(m *web.Mux, s *advisory.Service) {
	p := &pages{t: m.Templates(Files), s: s}
	m.Handle(
		web.Route{Method: "GET", Pattern: "/warnings", Policy: web.Public, Localized: true, Reveals: "published warnings", Handler: p.listPublic},
		web.Route{Method: "GET", Pattern: "/warnings/{number}", Policy: web.Public, Localized: true, Reveals: "one published warning", Handler: p.showPublic},
		web.Route{Method: "GET", Pattern: "/atom/warnings", Policy: web.Public, Reveals: "published warnings as Atom", Handler: p.atom},
		web.Route{Method: "GET", Pattern: "/console/advisories", List: true, Policy: web.Perm("advisory.read"), Reveals: "warnings the caller may see", Handler: p.list},
		web.Route{Method: "GET", Pattern: "/console/advisories/new", Policy: web.Perm("advisory.write"), Reveals: "an empty form", Handler: p.newForm},
		web.Route{Method: "POST", Pattern: "/console/advisories/new", Policy: web.Perm("advisory.write"), Mutates: true, Handler: p.create},
		web.Route{Method: "GET", Pattern: "/console/advisories/{number}", Policy: web.Perm("advisory.read"), Reveals: "a warning the caller may see", Handler: p.show},
		web.Route{Method: "GET", Pattern: "/console/advisories/{number}/edit", Policy: web.Perm("advisory.write"), Reveals: "a warning the caller may see", Handler: p.editForm},
		web.Route{Method: "POST", Pattern: "/console/advisories/{number}/edit", Policy: web.Perm("advisory.write"), Mutates: true, Handler: p.save},
		web.Route{Method: "POST", Pattern: "/console/advisories/{number}/publish", Policy: web.Perm("advisory.publish"), Mutates: true, Handler: p.publish},
		web.Route{Method: "POST", Pattern: "/console/advisories/{number}/withdraw", Policy: web.Perm("advisory.publish"), Mutates: true, Handler: p.withdraw},
	)
}
