// Package incidentweb are the pages of cases: the list, a case and its parts, and
// the page behind a thread's link, where an outside party reads and answers.
//
// One door takes all small acts of a case (…/do/{act}); its table is in acts.go.
// Who may do what is decided by the Service.
package incidentweb

import (
	"context"
	"embed"

	"straza/internal/incident"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

// Files are the pages and messages of the room.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Colleague is somebody who can be given a case or task.
type Colleague struct {
	ID   int64
	Name string
}

// Deps are what the pages stand on. Team may be nil: then one can only take a case
// oneself.
type Deps struct {
	Cases *incident.Service
	Team  func(ctx context.Context, who ident.Actor) ([]Colleague, error)
}

type pages struct {
	t *web.Templates
	s *incident.Service
	d Deps
}

const base = "/console/cases"

// Routes declares the pages of cases.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), s: d.Cases, d: d}
	read, write := web.Perm("incident.read"), web.Perm("incident.write")
	m.Handle(
		web.Route{Method: "GET", Pattern: base, List: true, Policy: read, Reveals: "cases the caller may see", Handler: p.list},
		web.Route{Method: "GET", Pattern: base + "/export", Policy: read, Reveals: "cases the caller may see, as CSV or JSON", Handler: p.export},
		web.Route{Method: "POST", Pattern: base + "/merge", Policy: web.Perm("incident.merge"), Mutates: true, Reveals: "what a merge would bring together", Handler: p.merge},
		web.Route{Method: "GET", Pattern: base + "/new", Policy: web.Perm("incident.open"), Reveals: "an empty form", Handler: p.newForm},
		web.Route{Method: "POST", Pattern: base + "/new", Policy: web.Perm("incident.open"), Mutates: true, Handler: p.create},
		web.Route{Method: "GET", Pattern: base + "/{number}", Policy: read, Reveals: "a case the caller may see", Handler: p.show},
		web.Route{Method: "GET", Pattern: base + "/{number}/edit", Policy: write, Reveals: "a case the caller may see", Handler: p.editForm},
		web.Route{Method: "POST", Pattern: base + "/{number}/edit", Policy: write, Mutates: true, Handler: p.save},
		web.Route{Method: "GET", Pattern: base + "/{number}/close", Policy: write, Reveals: "what a case lacks", Handler: p.closeForm},
		web.Route{Method: "POST", Pattern: base + "/{number}/close", Policy: web.Perm("incident.close"), Mutates: true, Handler: p.closeCase},
		web.Route{Method: "GET", Pattern: base + "/{number}/history", Policy: read, Reveals: "the acts on a case the caller may see", Handler: p.history},
		web.Route{Method: "GET", Pattern: base + "/{number}/indicators", Policy: write, Reveals: "an empty form", Handler: p.pasteForm},
		web.Route{Method: "POST", Pattern: base + "/{number}/indicators", Policy: write, Mutates: true, Reveals: "indicators in pasted text", Handler: p.paste},
		web.Route{Method: "POST", Pattern: base + "/{number}/evidence", Policy: write, Mutates: true, Body: -1, Handler: p.addEvidence},
		web.Route{Method: "POST", Pattern: base + "/{number}/evidence/{uuid}/open", Policy: web.Perm("sealed.read"), Mutates: true, Reveals: "sealed evidence as an archive", Handler: p.openEvidence},
		web.Route{Method: "GET", Pattern: base + "/{number}/files/{uuid}", Policy: read, Reveals: "an attachment of a letter in a case the caller may see", Handler: p.file},
		web.Route{Method: "GET", Pattern: base + "/{number}/parts/{kind}/{id}", Policy: write, Reveals: "a task, line or note of a case the caller may see, and what it said before", Handler: p.partForm},
		web.Route{Method: "POST", Pattern: base + "/{number}/parts/{kind}/{id}", Policy: write, Mutates: true, Handler: p.savePart},
		web.Route{Method: "POST", Pattern: base + "/{number}/parts/{kind}/{id}/drop", Policy: write, Mutates: true, Handler: p.dropPart},
		web.Route{Method: "POST", Pattern: base + "/{number}/do/write", Policy: write, Mutates: true, Body: -1, Handler: p.write},
		web.Route{Method: "POST", Pattern: base + "/{number}/do/{act}", Policy: write, Mutates: true, Handler: p.act},
		web.Route{Method: "GET", Pattern: "/thread/{token}", Policy: web.Public, Localized: true, Limit: "thread", Reveals: "one thread, to who holds its link", Handler: p.letter},
		web.Route{Method: "GET", Pattern: "/thread/{token}/files/{uuid}", Policy: web.Public, Localized: true, Limit: "thread", Reveals: "an attachment of one thread, to who holds its link", Handler: p.letterFile},
		web.Route{Method: "POST", Pattern: "/thread/{token}", Policy: web.Public, Localized: true, Mutates: true, Body: -1, Limit: "thread", Handler: p.answer},
	)
}
