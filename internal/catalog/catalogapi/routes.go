// Package catalogapi is the catalogues' part of our JSON interface: /api/v1/catalogs
// reads what is built in and imported, /api/v1/warninglists/check tells which values
// are probably harmless. Importing stays a command. Its contract is openapi.json,
// written by hand; tests hold real traffic against it.
package catalogapi

import (
	_ "embed"
	"net/http"

	"straza/internal/catalog"
	"straza/internal/kernel/web"
)

// OpenAPI is this room's fragment of the contract: paths and components.
//
//go:embed openapi.json
var OpenAPI []byte

type api struct{ s *catalog.Service }

const base = "/api/v1/catalogs"

// Routes declares the room's doors for machines.
func Routes(m *web.Mux, s *catalog.Service) {
	m.Obey(OpenAPI)
	a := &api{s}
	get := func(path, reveals string, h web.Handler) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: base + path, Policy: web.LoggedIn, Scope: "catalog:read", Reveals: reveals, Handler: h}
	}
	m.Handle(
		get("", "the catalogues, which are the same for everybody", a.list),
		get("/{kind}/{name}", "a catalogue and its entries", a.entries),
		// nothing is written: a read-only key may ask
		web.Route{Method: http.MethodPost, Pattern: "/api/v1/warninglists/check", Policy: web.LoggedIn, Scope: "catalog:read",
			Reveals: "which warning lists hold the caller's own values", Handler: a.check},
	)
}
