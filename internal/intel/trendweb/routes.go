// Package trendweb shows what of the threat data grows and falls, as far as its reader
// sees it: the period asked for beside the one before. Every figure is a link to the list
// that it counts. The team's console and an organisation's portal share the page.
package trendweb

import (
	"embed"
	"net/http"
	"strings"

	"straza/internal/intel"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Files are the page and its messages.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Deps are the Services behind the page.
type Deps struct{ Intel *intel.Service }

type pages struct {
	t *web.Templates
	d Deps
}

const console, portal = "/console/events", "/portal/events"

// Routes declares the doors.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	team := web.Policy{Name: "perm:intel.read&console.use", Allow: func(who ident.Actor) bool { return who.Can("console.use") && who.Can("intel.read") }}
	m.Handle(web.Route{Method: "GET", Pattern: console + "/trends", Policy: team, Reveals: "counts of what the caller may see, by time", Handler: p.trends},
		web.Route{Method: "GET", Pattern: portal + "/trends", Policy: web.Perm("intel.read"), Reveals: "counts of what the caller may see, by time", Handler: p.trends})
}

// base is the list of events in the shell that the caller came to.
func base(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, portal) {
		return portal
	}
	return console
}

func shell(r *http.Request) ui.Shell {
	if base(r) == portal {
		return web.ShellPortal
	}
	return web.ShellConsole
}

// indicators is the list of attributes there.
func indicators(r *http.Request) string {
	if base(r) == portal {
		return portal + "/indicators"
	}
	return "/console/indicators"
}
