// Package bulkweb does one act on the attributes that were ticked on an event's page:
// detection, tags, sightings, deletion, and the change of category, comment, reach and
// times by one form; a tag, and what that form changes or deletes, goes for what the
// filter leaves, too, or for all, and where these are many a page tells how far that is. In the list of
// indicators it does one act on rows of several events. What was changed is taken back as a whole; what could not be changed
// is counted with the reason. Team and portal share it.
package bulkweb

import (
	"embed"

	"straza/internal/intel"
	"straza/internal/intel/bulk"
	"straza/internal/intel/eventweb"
	"straza/internal/intel/remark"
	"straza/internal/kernel/web"
)

// Files are the pages and messages.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Deps are the Services behind the acts.
type Deps struct {
	Intel   *intel.Service
	Bulk    *bulk.Service
	Remarks *remark.Service
}

type pages struct {
	t *web.Templates
	d Deps
}

var base, shell = eventweb.Base, eventweb.Shell

// Routes declares the doors.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	for at, may := range eventweb.Places {
		write := may("intel.write")
		m.Handle(
			web.Route{Method: "GET", Pattern: at + "/{id}/tagging", Policy: write, Reveals: "an event the caller may change", Handler: p.askTag},
			web.Route{Method: "POST", Pattern: at + "/{id}/attributes", Policy: write, Mutates: true, Handler: p.bulk},
			web.Route{Method: "POST", Pattern: at + "/{id}/attributes/undo", Policy: write, Mutates: true, Handler: p.undo},
			web.Route{Method: "GET", Pattern: at + "/{id}/attributes/edit", Policy: write, Reveals: "attributes of an event the caller may change", Handler: p.askEdit},
			web.Route{Method: "POST", Pattern: at + "/{id}/attributes/edit", Policy: write, Mutates: true, Handler: p.edit},
			web.Route{Method: "GET", Pattern: at + "/{id}/bulk/{bulk}", Policy: write, Reveals: "how far an act of the caller's own is", Handler: p.going},
			web.Route{Method: "POST", Pattern: at + "/{id}/bulk/{bulk}/stop", Policy: write, Mutates: true, Handler: p.stop},
		)
		list := eventweb.IndicatorsOf(at)
		m.Handle(
			web.Route{Method: "POST", Pattern: list, Policy: write, Mutates: true, Handler: p.across},
			web.Route{Method: "GET", Pattern: list + "/tagging", Policy: write, Reveals: "an empty form", Handler: p.askTagAcross},
			web.Route{Method: "POST", Pattern: list + "/undo", Policy: write, Mutates: true, Handler: p.undoAcross},
		)
	}
}
