// Package intakeapi is the reports' part of our JSON interface under
// /api/v1/reports. Anyone may send a report, without a key; reading needs one. Its
// contract is openapi.json, written by hand; tests hold real traffic against it.
package intakeapi

import (
	_ "embed"
	"net/http"

	"straza/internal/intake"
	"straza/internal/kernel/web"
)

// OpenAPI is this room's fragment of the contract: paths and components.
//
//go:embed openapi.json
var OpenAPI []byte

type api struct{ s *intake.Service }

const base = "/api/v1/reports"

// Routes declares the room's doors for machines.
func Routes(m *web.Mux, s *intake.Service) {
	m.Obey(OpenAPI)
	a := &api{s}
	read := web.AnyPerm("intake.read", "portal.use")
	triage := web.Perm("intake.triage")
	act := func(path string, h web.Handler) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: base + "/{id}/" + path, Policy: triage, Scope: "intake:write", Mutates: true, Reveals: "the report that was changed", Handler: h}
	}
	m.Handle(
		web.Route{Method: http.MethodGet, Pattern: base, Policy: read, Scope: "intake:read", Reveals: "reports that the caller may see", Handler: a.list},
		// no key: its body is capped in the handler, a file by the CERT's setting
		web.Route{Method: http.MethodPost, Pattern: base, Policy: web.Public, Mutates: true, Reveals: "the receipt of the caller's own report", Body: -1, Limit: "report", Handler: a.submit},
		web.Route{Method: http.MethodGet, Pattern: base + "/{id}", Policy: read, Scope: "intake:read", Reveals: "a report that the caller may see; logged", Handler: a.show},
		act("classify", a.classify), act("reject", a.reject), act("accept", a.accept), act("duplicate", a.duplicate), act("undo", a.undo),
	)
}
