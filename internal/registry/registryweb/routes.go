// Package registryweb shows the registry: to the team in the console, and to an
// organisation its own record in the portal.
package registryweb

import (
	"embed"
	"net/http"
	"strings"

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

// rooms are where the registry stands (program.md §4): with the team, with
// administrators, and with supervisors, who only read.
var rooms = []struct{ base, perm string }{{console, "console.use"}, {"/administration/organisations", "admin.use"}, {"/oversight/organisations", "oversight.use"}}

// room is where a request came in: links stay there.
func room(r *http.Request) string {
	for _, x := range rooms {
		if r.URL.Path == x.base || strings.HasPrefix(r.URL.Path, x.base+"/") {
			return x.base
		}
	}
	return console
}

// Routes declares the pages of the room.
func Routes(m *web.Mux, s *registry.Service) {
	p := &pages{t: m.Templates(Files), s: s}
	for _, x := range rooms {
		p.roomRoutes(m, x.base, x.perm)
	}
	own := web.AnyPerm("registry.read-own", "registry.write-own")
	m.Handle(
		get(portal, own, "the caller's own organisation", p.own),
		post(portal+"/contacts", web.Perm("registry.write-own"), p.addContact),
	)
	p.remarkRoutes(m, portal, web.Perm("registry.write-own"))
	m.Handle(
		web.Route{Method: http.MethodGet, Pattern: "/contact-points/{token}", Policy: web.Public, Localized: true, Limit: "thread",
			Reveals: "the contact points of one address, to who holds the link of a letter to it", Handler: p.asked},
		web.Route{Method: http.MethodPost, Pattern: "/contact-points/{token}", Policy: web.Public, Localized: true, Mutates: true, Limit: "thread", Handler: p.answerAsked},
	)
	p.contactRoutes(m, portal+"/contacts/{part}", web.AnyPerm("registry.write", "registry.write-own"))
	p.holdingRoutes(m, portal, own, web.Perm("registry.write-own"))
}

func get(pattern string, policy web.Policy, reveals string, h web.Handler) web.Route {
	return web.Route{Method: http.MethodGet, Pattern: pattern, Policy: policy, Reveals: reveals, Handler: h}
}

func post(pattern string, policy web.Policy, h web.Handler) web.Route {
	return web.Route{Method: http.MethodPost, Pattern: pattern, Policy: policy, Mutates: true, Handler: h}
}

func (p *pages) roomRoutes(m *web.Mux, base, perm string) {
	read, write, merge := web.Perm("registry.read").And(perm), web.Perm("registry.write").And(perm), web.Perm("registry.merge").And(perm)
	const one, details = "an organisation the caller may see", "details of an organisation, where the caller may see them"
	list := get(base, read, "organisations the caller may see", p.list)
	list.List = true
	m.Handle(
		list,
		get(base+"/export", read, "organisations the caller may see, with details where those may be seen", p.export),
		get(base+"/{id}", read, one, p.show),
		get(base+"/{id}/contacts", read, details+"; logged", p.contacts),
		get(base+"/{id}/history", read, details, p.history),
	)
	if perm == "oversight.use" {
		p.holdingRoutes(m, base+"/{id}", read, web.Policy{})
		return
	}
	p.holdingRoutes(m, base+"/{id}", read, write)
	m.Handle(post(base+"/{id}/resources/{part}/check", write, p.actHolding(p.networks, "check")))
	upload := post(base+"/import", write, p.importFile)
	upload.Body = registry.MaxImportBytes + 2<<20
	m.Handle(
		get(base+"/new", write, "an empty form", p.newForm),
		post(base+"/new", write, p.create),
		get(base+"/import", write, "an empty form", p.importForm),
		upload,
		get(base+"/{id}/edit", write, one, p.editForm),
		post(base+"/{id}/edit", write, p.save),
		post(base+"/{id}/withdraw", write, p.withdraw),
		post(base+"/{id}/restore", write, p.restore),
		post(base+"/{id}/contacts", write, p.addContact),
	)
	p.contactRoutes(m, base+"/{id}/contacts/{part}", write)
	m.Handle(post(base+"/{id}/contacts/{part}/ask", write, p.askContact))
	p.remarkRoutes(m, base+"/{id}", write)
	if perm != "console.use" { // what belongs to whom is the teams' to say
		return
	}
	m.Handle(
		get(keysAt, write, "addresses whose OpenPGP keys the CERT keeps", p.keys),
		post(keysAt, write, p.setKey),
		post(keysAt+"/{key}/drop", write, p.dropKey),
		get(base+"/{id}/merge", merge, "organisations the caller may see", p.mergeForm),
		post(base+"/{id}/merge", merge, p.merge),
		post(base+"/{id}/merges/{part}/undo", merge, p.undoMerge),
		get(base+"/{id}/constituency", merge, "the rules of a CERT", p.constituencyForm),
		post(base+"/{id}/constituency", merge, p.setConstituency),
	)
}

// remarkRoutes settle what was said to be wrong, and take that back.
func (p *pages) remarkRoutes(m *web.Mux, org string, policy web.Policy) {
	m.Handle(
		post(org+"/remarks/{part}/settle", policy, p.settleRemark(false)),
		post(org+"/remarks/{part}/reopen", policy, p.settleRemark(true)),
	)
}

// contactRoutes are the acts on one contact, the same in every room.
func (p *pages) contactRoutes(m *web.Mux, base string, policy web.Policy) {
	m.Handle(
		get(base, policy, "a contact of an organisation whose details the caller may see", p.contactForm),
		post(base, policy, p.saveContact),
		post(base+"/confirm", policy, p.confirmContact),
		post(base+"/remove", policy, p.removeContact),
	)
}
