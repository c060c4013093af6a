// Package registryweb shows the registry: to the team in the console, and to an
// organisation its own record in the portal.
package registryweb

import (
	"embed"
	"net/http"

	"straza/internal/kernel/web"
	"straza/internal/registry"
)

// Files are the pages and messages of the room.
//
//go:embed *.html messages/*.json
var Files embed.FS

type pages struct {
	t *web.Templates
	s *registry.Service
}

const (
	console = "/console/organisations"
	portal  = "/portal/organisation"
)

// Routes declares the pages of the room.
func Routes(m *web.Mux, s *registry.Service) {
	p := &pages{t: m.Templates(Files), s: s}
	read, write, merge := web.Perm("registry.read"), web.Perm("registry.write"), web.Perm("registry.merge")
	parts := web.AnyPerm("registry.write", "registry.write-own")
	own := web.AnyPerm("registry.read-own", "registry.write-own")
	get := func(pattern string, policy web.Policy, reveals string, h web.Handler) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Policy: policy, Reveals: reveals, Handler: h}
	}
	post := func(pattern string, policy web.Policy, h web.Handler) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Policy: policy, Mutates: true, Handler: h}
	}
	const one, details = "an organisation the caller may see", "details of an organisation, where the caller may see them"
	upload := post(console+"/import", write, p.importFile)
	upload.Body = registry.MaxImportBytes + 2<<20
	m.Handle(
		get(console, read, "organisations the caller may see", p.list),
		get(console+"/export", read, "organisations the caller may see, with details where those may be seen", p.export),
		get(console+"/new", write, "an empty form", p.newForm),
		post(console+"/new", write, p.create),
		get(console+"/import", write, "an empty form", p.importForm),
		upload,
		get(console+"/{id}", read, one, p.show),
		get(console+"/{id}/edit", write, one, p.editForm),
		post(console+"/{id}/edit", write, p.save),
		post(console+"/{id}/withdraw", write, p.withdraw),
		post(console+"/{id}/restore", write, p.restore),
		get(console+"/{id}/contacts", read, details+"; logged", p.contacts),
		post(console+"/{id}/contacts", write, p.addContact),
		get(console+"/{id}/resources", read, details, p.resources),
		post(console+"/{id}/resources", write, p.addResource),
		post(console+"/{id}/resources/{part}/remove", write, p.removeResource),
		get(console+"/{id}/history", read, details, p.history),
		get(console+"/{id}/merge", merge, "organisations the caller may see", p.mergeForm),
		post(console+"/{id}/merge", merge, p.merge),
		post(console+"/{id}/merges/{part}/undo", merge, p.undoMerge),
		get(console+"/{id}/constituency", merge, "the rules of a CERT", p.constituencyForm),
		post(console+"/{id}/constituency", merge, p.setConstituency),
		get(portal, own, "the caller's own organisation", p.own),
		post(portal+"/contacts", web.Perm("registry.write-own"), p.addContact),
	)
	// Acts on one contact are the same in both rooms.
	for _, at := range []struct {
		base   string
		policy web.Policy
	}{{console + "/{id}/contacts/{part}", write}, {portal + "/contacts/{part}", parts}} {
		m.Handle(
			get(at.base, at.policy, "a contact of an organisation whose details the caller may see", p.contactForm),
			post(at.base, at.policy, p.saveContact),
			post(at.base+"/confirm", at.policy, p.confirmContact),
			post(at.base+"/remove", at.policy, p.removeContact),
		)
	}
}
