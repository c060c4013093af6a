// Package objectweb puts objects into events by hand: an object template is chosen, and
// makes the form. Team and portal share the pages; whoever may change an event adds to it.
package objectweb

import (
	"embed"
	"net/http"
	"strings"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
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

// Where the events stand.
const (
	team   = "/console/events"
	portal = "/portal/events"
)

// base is the events' address in the shell that the caller came to.
func base(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, portal) {
		return portal
	}
	return team
}

func shell(r *http.Request) ui.Shell {
	if base(r) == portal {
		return web.ShellPortal
	}
	return web.ShellConsole
}

// Routes declares the doors.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	for _, at := range []string{team, portal} {
		write := web.Perm("intel.write")
		if at == team {
			write = web.Policy{Name: write.Name + "&console.use", Allow: func(who ident.Actor) bool { return who.Can("console.use") && who.Can("intel.write") }}
		}
		m.Handle(
			web.Route{Method: "GET", Pattern: at + "/{id}/objects/new", Policy: write, Reveals: "object templates, for an event the caller may change", Handler: p.newObject},
			web.Route{Method: "POST", Pattern: at + "/{id}/objects/new", Policy: write, Mutates: true, Handler: p.addObject},
		)
	}
}
