// Package trendweb shows what of the threat data grows and falls, as far as its reader
// sees it: the period asked for beside the one before. Every figure is a link to the list
// that it counts. The team's console and an organisation's portal share the page.
package trendweb

import (
	"embed"
	"net/http"

	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/web"
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

var base, shell = eventweb.Base, eventweb.Shell

// Routes declares the doors.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	for at, may := range eventweb.Places {
		m.Handle(web.Route{Method: "GET", Pattern: at + "/trends", Policy: may("intel.read"), Reveals: "counts of what the caller may see, by time", Handler: p.trends})
	}
}

// indicators is the list of attributes there.
func indicators(r *http.Request) string {
	if shell(r) == web.ShellPortal {
		return eventweb.Portal + "/indicators"
	}
	return "/console/indicators"
}
