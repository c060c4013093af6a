// Package intakeweb is the duty officer's side of reports: the queue with its
// clocks, one report with what was sent and what was decided, triage with undo,
// and the telephone.
//
// Who reported stands behind a button of its own; every look is recorded. A sealed
// report opens only through the unsealing process, with a fresh second factor.
package intakeweb

import (
	"embed"

	"straza/internal/intake"
	"straza/internal/kernel/web"
)

// Files are the pages and messages of the room.
//
//go:embed *.html messages/*.json
var Files embed.FS

type pages struct {
	t *web.Templates
	s *intake.Service
}

// Routes declares the doors of the room.
func Routes(m *web.Mux, s *intake.Service) {
	p := &pages{t: m.Templates(Files), s: s}
	read, triage := web.Perm("intake.read"), web.Perm("intake.triage")
	m.Handle(
		web.Route{Method: "GET", Pattern: "/console/reports", List: true, Policy: read, Reveals: "reports the caller may see", Handler: p.list},
		web.Route{Method: "GET", Pattern: "/console/reports/new", Policy: web.Perm("intake.enter"), Reveals: "an empty form", Handler: p.phone},
		web.Route{Method: "POST", Pattern: "/console/reports/new", Policy: web.Perm("intake.enter"), Mutates: true, Handler: p.enter},
		web.Route{Method: "GET", Pattern: "/console/reports/{number}", Policy: read, Reveals: "a report the caller may see", Handler: p.show},
		web.Route{Method: "GET", Pattern: "/console/reports/{number}/files/{file}", Policy: read, Reveals: "a file of a report the caller may see", Handler: p.file},
		web.Route{Method: "POST", Pattern: "/console/reports/{number}/files/{file}", Policy: web.Perm("sealed.read"), Mutates: true, Reveals: "a sealed file of a report", Handler: p.sealedFile},
		web.Route{Method: "POST", Pattern: "/console/reports", Policy: triage, Mutates: true, Handler: p.bulk},
		web.Route{Method: "POST", Pattern: base + "/undo", Policy: triage, Mutates: true, Handler: p.undoBulk},
		web.Route{Method: "POST", Pattern: "/console/reports/{number}/classify", Policy: triage, Mutates: true, Handler: p.classify},
		web.Route{Method: "POST", Pattern: "/console/reports/{number}/message", Policy: triage, Mutates: true, Body: -1, Handler: p.message},
		web.Route{Method: "POST", Pattern: "/console/reports/{number}/reporter", Policy: web.Perm("reporter.read"), Mutates: true, Reveals: "who reported", Handler: p.reporter},
		web.Route{Method: "POST", Pattern: "/console/reports/{number}/unseal", Policy: web.Perm("sealed.read"), Mutates: true, Reveals: "a sealed report", Handler: p.unseal},
		web.Route{Method: "GET", Pattern: "/console/unsealing", Policy: web.Perm("sealed.read"), Reveals: "who of the team may open what is sealed, and how", Handler: p.openers},
		web.Route{Method: "POST", Pattern: "/console/unsealing/nonce", Policy: web.Perm("sealed.read"), Mutates: true, Reveals: "a nonce for the caller's passkeys", Handler: p.nonce},
		web.Route{Method: "POST", Pattern: "/console/unsealing/passkeys", Policy: web.Perm("sealed.read"), Mutates: true, Handler: p.enrolPasskeys},
		web.Route{Method: "POST", Pattern: "/console/unsealing/people", Policy: web.Perm("sealed.read"), Mutates: true, Reveals: "the new person's one-time secret, once", Handler: p.enrolOpener},
		web.Route{Method: "POST", Pattern: "/console/unsealing/people/remove", Policy: web.Perm("sealed.read"), Mutates: true, Handler: p.removeOpener},
		web.Route{Method: "POST", Pattern: "/console/reports/{number}/{act}", Policy: triage, Mutates: true, Handler: p.act},
	)
}
