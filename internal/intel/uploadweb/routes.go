// Package uploadweb shows the import of files: a file of events is brought or pasted,
// looked through, and imported with the reach that its person chooses; then what became of
// it, and the way back. Team and portal share the pages; an upload is its person's alone.
package uploadweb

import (
	"embed"
	"net/http"
	"strings"

	"straza/internal/intel"
	"straza/internal/intel/upload"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Files are the pages and messages.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Deps are the Services behind the pages.
type Deps struct {
	Uploads *upload.Service
	Intel   *intel.Service
}

type pages struct {
	t *web.Templates
	d Deps
}

var stands = web.Twin{Team: "/console/imports", Portal: "/portal/imports"}

func base(r *http.Request) string    { return stands.Base(r) }
func shell(r *http.Request) ui.Shell { return stands.Shell(r) }

// events is the list of events there.
func events(r *http.Request) string { return strings.TrimSuffix(base(r), "imports") + "events" }

// Routes declares the doors.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	for _, x := range [][2]string{{stands.Team, "console.use"}, {stands.Portal, "portal.use"}} {
		at, write := x[0], web.Perm("intel.write").And(x[1])
		m.Handle(
			web.Route{Method: "GET", Pattern: at, List: true, Policy: write, Reveals: "files that the caller brought", Handler: p.list},
			web.Route{Method: "POST", Pattern: at, Policy: write, Mutates: true, Body: -1, Handler: p.add},
			web.Route{Method: "GET", Pattern: at + "/{upload}", Policy: write, Reveals: "what is in a file that the caller brought, and what became of it", Handler: p.show},
			web.Route{Method: "POST", Pattern: at + "/{upload}/{act}", Policy: write, Mutates: true, Reveals: "who would see what is imported", Handler: p.act},
		)
	}
}
