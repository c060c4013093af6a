// Package incidentapi is the cases' part of our JSON interface under
// /api/v1/cases. Its contract is openapi.json.
package incidentapi

import (
	_ "embed"
	"net/http"

	"straza/internal/incident"
	"straza/internal/kernel/web"
)

// OpenAPI is this room's fragment of the contract: paths and components.
//
//go:embed openapi.json
var OpenAPI []byte

type api struct{ s *incident.Service }

const base = "/api/v1/cases"

// Routes declares the room's doors for machines.
func Routes(m *web.Mux, s *incident.Service) {
	m.Obey(OpenAPI)
	a := &api{s}
	get := func(path, reveals string, h web.Handler) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: base + path, Policy: web.Perm("incident.read"), Scope: "incident:read", Reveals: reveals, Handler: h}
	}
	post := func(method, path string, h web.Handler) web.Route {
		return web.Route{Method: method, Pattern: base + path, Policy: web.Perm("incident.write"), Scope: "incident:write", Mutates: true, Reveals: "the case that was changed", Handler: h}
	}
	m.Handle(
		get("", "cases that the caller may see", a.list),
		get("/{number}", "a case that the caller may see; logged", a.show),
		get("/{number}/tasks", "tasks of a case that the caller may see; logged", a.tasks),
		get("/{number}/timeline", "timeline of a case that the caller may see; logged", a.timeline),
		get("/{number}/threads", "parties of a case that the caller may see; logged", a.threads),
		get("/{number}/threads/{party}", "one thread of a case that the caller may see; logged", a.thread),
		web.KeepsKey(post(http.MethodPost, "", a.open)),
		post(http.MethodPatch, "/{number}", a.patch),
		post(http.MethodPost, "/{number}/tasks", a.addTask),
		post(http.MethodPatch, "/{number}/tasks/{id}", a.doTask),
		post(http.MethodPost, "/{number}/timeline", a.addEntry),
		post(http.MethodPost, "/{number}/threads", a.addParty),
		post(http.MethodPost, "/{number}/threads/{party}", a.write),
		post(http.MethodPost, "/{number}/undo", a.undo),
	)
}
