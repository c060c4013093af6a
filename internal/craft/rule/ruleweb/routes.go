// Package ruleweb shows rules without code: the team's, with the runs that wait for
// somebody, and a person's own alerts. One set of pages serves both; where it stands
// says which.
package ruleweb

import (
	"embed"
	"net/http"
	"strings"

	"straza/internal/craft/rule"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Files are the pages and messages.
//
//go:embed *.html messages/*.json
var Files embed.FS

type pages struct {
	t *web.Templates
	s *rule.Service
}

const (
	teamBase = "/console/rules"
	ownBase  = "/account/alerts"
)

// own tells whether a request is about somebody's own alerts.
func own(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, ownBase) }

func base(r *http.Request) string {
	if own(r) {
		return ownBase
	}
	return teamBase
}

// Routes declares the doors.
func Routes(m *web.Mux, s *rule.Service) {
	p := &pages{t: m.Templates(Files), s: s}
	read := web.Perm("console.use").And("rule.read")
	write, decide := read.And("rule.write"), read.And("rule.decide")
	mine := web.Policy{Name: "person&perm:intel.read", Allow: func(who ident.Actor) bool { return who.LoggedIn() && who.Can("intel.read") }}
	m.Handle(
		web.Route{Method: "GET", Pattern: teamBase + "/waiting", Policy: decide, Reveals: "runs of the team's rules that wait, and titles of what they are about", Handler: p.waiting},
	)
	for _, x := range []struct {
		base        string
		read, write web.Policy
	}{{teamBase, read, write}, {ownBase, mine, mine}} {
		m.Handle(
			web.Route{Method: "GET", Pattern: x.base, List: true, Policy: x.read, Reveals: "rules and how often they held", Handler: p.list},
			web.Route{Method: "GET", Pattern: x.base + "/new", Policy: x.write, Reveals: "an empty form", Handler: p.newRule},
			web.Route{Method: "POST", Pattern: x.base + "/new", Policy: x.write, Mutates: true, Handler: p.add},
			web.Route{Method: "GET", Pattern: x.base + "/{rule}", Policy: x.read, Reveals: "a rule, its runs and titles of what they are about", Handler: p.show},
			web.Route{Method: "GET", Pattern: x.base + "/{rule}/edit", Policy: x.write, Reveals: "a rule's form", Handler: p.editForm},
			web.Route{Method: "POST", Pattern: x.base + "/{rule}/edit", Policy: x.write, Mutates: true, Handler: p.edit},
			web.Route{Method: "POST", Pattern: x.base + "/{rule}/run", Policy: decideOr(x.base, decide, mine), Mutates: true, Handler: p.run},
			web.Route{Method: "POST", Pattern: x.base + "/{rule}/{act}", Policy: x.write, Mutates: true, Handler: p.act},
		)
	}
}

func decideOr(base string, decide, mine web.Policy) web.Policy {
	if base == ownBase {
		return mine
	}
	return decide
}

// shellOf: the team's rules stand in the console, alerts where their person works.
func shellOf(r *http.Request) ui.Shell {
	if who := web.Actor(r); who.OnTeam() || who.Can("admin.use") {
		return web.ShellConsole
	}
	return web.ShellPortal
}
