// Package intelapi is threat data's part of our JSON interface: /api/v1/events,
// /api/v1/attributes, /api/v1/collections and /api/v1/extract. Words stand where MISP has numbers, and
// things are named by UUID only; whoever needs MISP's own form has its surface. Its
// contract is openapi.json, written by hand; tests hold real traffic against it.
//
// Two rules come from MISP and hold here, too: whatever changes an event takes its
// published flag away until it is published again, and an event that is deleted
// never comes back under its UUID.
package intelapi

import (
	_ "embed"
	"net/http"

	"straza/internal/intel"
	"straza/internal/intel/enrich"
	"straza/internal/kernel/web"
)

// OpenAPI is this room's fragment of the contract: paths and components.
//
//go:embed openapi.json
var OpenAPI []byte

type api struct {
	s *intel.Service
	e *enrich.Service
}

const (
	events     = "/api/v1/events"
	attributes = "/api/v1/attributes"
	defined    = "/api/v1/collections"
)

// maxBody caps an event or a list of attributes; larger ones come by MISP's surface
// or the command line, which stream.
const maxBody = 16 << 20

// Routes declares the room's doors for machines.
func Routes(m *web.Mux, s *intel.Service, e *enrich.Service) {
	m.Obey(OpenAPI)
	a := &api{s, e}
	get := func(path, reveals string, h web.Handler) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: path, Policy: web.Perm("intel.read"), Scope: "intel:read", Reveals: reveals, Handler: h}
	}
	waits := func(r web.Route) web.Route { r.Waits = true; return r }
	act := func(method, path, perm string, body int64, h web.Handler) web.Route {
		return web.Route{Method: method, Pattern: path, Policy: web.Perm(perm), Scope: "intel:write", Mutates: true, Body: body,
			Reveals: "the event or attribute that was changed", Handler: h}
	}
	const write, publish = "intel.write", "intel.publish"
	m.Handle(
		get(events, "events that the caller may see", a.list),
		get(events+"/{id}", "an event that the caller may see", a.show),
		get(events+"/{id}/attributes", "attributes that the caller may see", a.ofEvent),
		get(events+"/{id}/correlations", "other events that the caller may see and that share values", a.correlations),
		get(events+"/{id}/changes", "what became of what the caller may see of an event; old values as far as the caller saw them then", a.changes),
		get(events+"/{id}/readers", "who sees an event of the caller's own organisation, as far as the caller may know them", a.readers),
		act(http.MethodPost, events, write, maxBody, a.add),
		act(http.MethodPatch, events+"/{id}", write, 0, a.change),
		act(http.MethodDelete, events+"/{id}", write, 0, a.remove),
		act(http.MethodPost, events+"/{id}/attributes", write, maxBody, a.addAttributes),
		act(http.MethodPost, events+"/{id}/publish", publish, 0, a.publish),
		act(http.MethodPost, events+"/{id}/unpublish", publish, 0, a.unpublish),
		get(attributes, "attributes that the caller may see, with how many equal ones the caller sees elsewhere", a.search),
		get(defined, "defined collections that the caller may read", a.collections),
		get(defined+"/{collection}/changes", "what of a collection the caller sees: objects, and the ids of what left", a.news),
		waits(get(defined+"/{collection}/stream", "the same as it happens", a.follow)),
		get(attributes+"/{id}", "an attribute that the caller may see", a.showAttribute),
		act(http.MethodPatch, attributes+"/{id}", write, 0, a.changeAttribute),
		act(http.MethodDelete, attributes+"/{id}", write, 0, a.removeAttribute),
		act(http.MethodPost, attributes+"/{id}/restore", write, 0, a.restoreAttribute),
		get(attributes+"/{id}/known", "what is known of an attribute that the caller may see, and what modules answered the caller's organisation", a.known),
		act(http.MethodPost, attributes+"/{id}/ask", write, 0, a.ask),
		act(http.MethodPost, attributes+"/{id}/take", write, 0, a.takeOver),
		act(http.MethodPost, attributes+"/{id}/take/undo", write, 0, a.giveBack),
		get("/api/v1/detection/{format}", "indicators of published events that the caller sees and whose label lets them leave as a file", a.detection),
		// nothing is written: a read-only key may ask
		web.Route{Method: http.MethodPost, Pattern: "/api/v1/extract", Policy: web.Perm("intel.read"), Scope: "intel:read", Body: 8 << 20,
			Reveals: "indicators of the caller's own text, and the events with them that the caller may see", Handler: a.extract},
	)
}
