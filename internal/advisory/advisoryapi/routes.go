// Package advisoryapi is the warnings' part of our JSON interface under
// /api/v1/advisories. Anybody reads what is published, without a key; a key of the
// team's reads its drafts too. There is no undo: a correction is a new edition, a
// withdrawal is final and stays visible (decisions §9). Its contract is
// openapi.json, written by hand; tests hold real traffic against it.
package advisoryapi

import (
	_ "embed"
	"net/http"

	"straza/internal/advisory"
	"straza/internal/kernel/web"
)

// OpenAPI is this room's fragment of the contract: paths and components.
//
//go:embed openapi.json
var OpenAPI []byte

type api struct{ s *advisory.Service }

const base = "/api/v1/advisories"

// Routes declares the room's doors for machines.
func Routes(m *web.Mux, s *advisory.Service) {
	m.Obey(OpenAPI)
	a := &api{s}
	get := func(path, reveals string, h web.Handler) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: base + path, Policy: web.Public, Scope: "advisory:read", Reveals: reveals, Handler: h}
	}
	change := func(method, path, perm string, h web.Handler) web.Route {
		return web.Route{Method: method, Pattern: base + path, Policy: web.Perm(perm), Scope: "advisory:write", Mutates: true,
			Reveals: "the warning that was changed", Handler: h}
	}
	m.Handle(
		get("", "published warnings; drafts of the caller's own team", a.list),
		get("/{id}", "a published warning, or a draft of the caller's own team", a.show),
		web.KeepsKey(change(http.MethodPost, "", "advisory.write", a.create)),
		change(http.MethodPatch, "/{id}", "advisory.write", a.change),
		change(http.MethodPost, "/{id}/publish", "advisory.publish", a.publish),
		change(http.MethodPost, "/{id}/withdraw", "advisory.publish", a.withdraw),
	)
}
