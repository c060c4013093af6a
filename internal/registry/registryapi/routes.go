// Package registryapi is the registry's part of our JSON interface under
// /api/v1/organisations and /api/v1/letter-keys. Its contract is openapi.json, written by hand; tests hold
// real traffic against it. The shape of an organisation is registry.Record, the
// same as in files. Changes carry If-Match with the ETag that was read; without it
// they go over whatever is there.
package registryapi

import (
	_ "embed"
	"net/http"

	"straza/internal/kernel/web"
	"straza/internal/registry"
)

// OpenAPI is this room's fragment of the contract: paths and components.
//
//go:embed openapi.json
var OpenAPI []byte

type api struct{ s *registry.Service }

const base = "/api/v1/organisations"

// Routes declares the room's doors for machines.
func Routes(m *web.Mux, s *registry.Service) {
	m.Obey(OpenAPI)
	a := &api{s}
	read := web.AnyPerm("registry.read", "registry.read-own")
	write := web.Perm("registry.write")
	parts := web.AnyPerm("registry.write", "registry.write-own")
	merge := web.Perm("registry.merge")
	get := func(path, reveals string, h web.Handler) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: base + path, Policy: read, Scope: "registry:read", Reveals: reveals, Handler: h}
	}
	change := func(method, path string, p web.Policy, h web.Handler) web.Route {
		return web.Route{Method: method, Pattern: base + path, Policy: p, Scope: "registry:write", Mutates: true,
			Reveals: "the organisation that was changed", Handler: h}
	}
	imports := change(http.MethodPost, "/import", write, a.importFile)
	imports.Body = registry.MaxImportBytes
	m.Handle(
		get("", "cards that the caller may see", a.list),
		web.KeepsKey(change(http.MethodPost, "", write, a.add)),
		get("/export", "cards, and the details of those whose details the caller may see", a.export),
		imports,
		get("/lookup", "the organisation behind an address, domain or mail address whose details the caller may see", a.lookup),
		get("/{id}", "a card that the caller may see", a.show),
		change(http.MethodPatch, "/{id}", write, a.change),
		change(http.MethodDelete, "/{id}", write, a.withdraw),
		change(http.MethodPost, "/{id}/restore", write, a.restore),
		get("/{id}/contacts", "contacts of an organisation whose details the caller may see; logged", a.contacts),
		change(http.MethodPost, "/{id}/contacts", parts, a.addContact),
		change(http.MethodPut, "/{id}/contacts/{part}", parts, a.changeContact),
		change(http.MethodDelete, "/{id}/contacts/{part}", parts, a.removeContact),
		change(http.MethodPost, "/{id}/contacts/{part}/confirm", parts, a.confirmContact),
		get("/{id}/resources", "networks, domains and AS numbers, as for contacts", a.resources),
		change(http.MethodPost, "/{id}/resources", parts, a.addResource),
		change(http.MethodDelete, "/{id}/resources/{part}", parts, a.removeResource),
		get("/{id}/history", "who changed what, as for contacts", a.history),
		get("/{id}/merges", "what was merged into it, as for contacts", a.merges),
		change(http.MethodPost, "/{id}/merges", merge, a.merge),
		change(http.MethodDelete, "/{id}/merges/{part}", merge, a.undoMerge),
		get("/{id}/constituency", "the rules of a CERT, for who may read the registry", a.constituency),
		change(http.MethodPut, "/{id}/constituency", merge, a.setConstituency),
	)
	a.holdingRoutes(m, get, change)
	a.keyRoutes(m)
}
