// Package trendweb shows what of the threat data grows and falls, as far as its reader
// sees it: the period asked for beside the one before. Every figure is a link to the list
// that it counts. The team's console and an organisation's portal share the page.
package trendweb

import (
	"embed"
	"net/http"

	"straza/internal/intel"
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

var stands = web.Twin{Team: "/console/events", Portal: "/portal/events"}

// Routes declares the doors.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	team := web.Perm("intel.read").And("console.use")
	m.Handle(web.Route{Method: "GET", Pattern: stands.Team + "/trends", Policy: team, Reveals: "counts of what the caller may see, by time", Handler: p.trends},
		web.Route{Method: "GET", Pattern: stands.Portal + "/trends", Policy: web.Perm("intel.read"), Reveals: "counts of what the caller may see, by time", Handler: p.trends})
}

// base is the list of events in the shell that the caller came to.
func base(r *http.Request) string    { return stands.Base(r) }
func shell(r *http.Request) ui.Shell { return stands.Shell(r) }

// indicators is the list of attributes there.
func indicators(r *http.Request) string {
	if shell(r) == web.ShellPortal {
		return stands.Portal + "/indicators"
	}
	return "/console/indicators"
}
