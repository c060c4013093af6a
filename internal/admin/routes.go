// Package admin is the front room of administrators and auditors: people, roles,
// jobs and their quarantine, letters, the audit log and its proof. It reads the
// kernel's services and owns nothing; an administrator configures and cannot read
// reports here either.
package admin

import (
	"context"
	"embed"

	"straza/internal/craft/pack"
	"straza/internal/craft/seal"
	"straza/internal/intake"
	"straza/internal/kernel/account"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/web"
	"straza/internal/registry"
)

// Files are the pages and messages of the room.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Deps are the services behind the pages.
type Deps struct {
	People *account.Service
	Jobs   *jobs.Runner
	Audit  *audit.Log
	Post   *mail.Post
	Packs  *pack.Library
	Intake *intake.Service // a CERT's own settings
	// Registry names the CERTs of the installation.
	Registry *registry.Service
	Seal     *seal.Office                     // the installation's OpenPGP key
	Facts    func(ctx context.Context) []Fact // what the installation is: engine, sizes, versions
	Demo     bool
}

// Fact is one line about the installation; Name is a message key.
type Fact struct{ Name, Value string }

type pages struct {
	t     *web.Templates
	d     Deps
	words *i18n.Catalog
}

// Routes declares the doors of the room.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d, words: m.Catalog()}
	use, people := web.AnyPerm("admin.use", "admin.jobs", "audit.read"), web.Perm("admin.people")
	m.Handle(
		web.Route{Method: "GET", Pattern: "/administration", Policy: use, Reveals: "counts and sizes, no content", Handler: p.overview},
		web.Route{Method: "GET", Pattern: "/administration/people", List: true, Policy: people, Reveals: "accounts", Handler: p.people},
		web.Route{Method: "GET", Pattern: "/administration/people/new", Policy: people, Reveals: "an empty form", Handler: p.newPerson},
		web.Route{Method: "POST", Pattern: "/administration/people/new", Policy: people, Mutates: true, Handler: p.addPerson},
		web.Route{Method: "POST", Pattern: "/administration/people/{uuid}/{act}", Policy: people, Mutates: true, Handler: p.changePerson},
		web.Route{Method: "GET", Pattern: "/administration/requests", Policy: people, Reveals: "who asked for an account", Handler: p.requests},
		web.Route{Method: "POST", Pattern: "/administration/requests", Policy: web.Perm("admin.settings"), Mutates: true, Handler: p.openRequests},
		web.Route{Method: "POST", Pattern: "/administration/requests/{request}/{act}", Policy: people, Mutates: true, Handler: p.answerRequest},
		web.Route{Method: "GET", Pattern: "/administration/jobs", Policy: web.Perm("admin.jobs"), Reveals: "kinds and reasons of jobs, no payloads", Handler: p.jobs},
		web.Route{Method: "POST", Pattern: "/administration/jobs/{id}/{act}", Policy: web.Perm("admin.jobs"), Mutates: true, Handler: p.decideJob},
		web.Route{Method: "GET", Pattern: "/administration/letters", Policy: web.Perm("admin.jobs"), Reveals: "purposes and states of letters, no content", Handler: p.letters},
		web.Route{Method: "GET", Pattern: auditAt, Policy: web.Perm("audit.read"), Reveals: "audit lines", Handler: p.audit},
		web.Route{Method: "GET", Pattern: auditExport, Policy: web.Perm("audit.read"), Reveals: "audit lines", Handler: p.exportAudit},
		web.Route{Method: "POST", Pattern: auditAt + "/verify", Policy: web.Perm("audit.read"), Mutates: true, Handler: p.verifyAudit},
	)
	const versions = packsAt + "/{name}/{version}"
	m.Handle(
		web.Route{Method: "GET", Pattern: packsAt, List: true, Policy: web.Perm("admin.use"), Reveals: "packs: law, terms, lists, forms, texts", Handler: p.packs},
		web.Route{Method: "GET", Pattern: packsAt + "/new", Policy: web.Perm("admin.settings"), Reveals: "the text of a pack", Handler: p.newPack},
		web.Route{Method: "POST", Pattern: packsAt + "/new", Policy: web.Perm("admin.settings"), Mutates: true, Body: 4 << 20, Handler: p.addPack},
		web.Route{Method: "GET", Pattern: versions, Policy: web.Perm("admin.use"), Reveals: "the text of a pack", Handler: p.pack},
		web.Route{Method: "GET", Pattern: versions + "/file", Policy: web.Perm("admin.use"), Reveals: "the text of a pack", Handler: p.packFile},
		web.Route{Method: "POST", Pattern: versions + "/{act}", Policy: web.Perm("admin.settings"), Mutates: true, Handler: p.changePack},
	)
	set := web.AnyPerm("admin.settings", "intake.policy")
	m.Handle(
		web.Route{Method: "GET", Pattern: settingsAt, Policy: set, Reveals: "settings of the own CERT, of all for an administrator, and who changed them", Handler: p.settings},
		web.Route{Method: "POST", Pattern: settingsAt, Policy: set, Mutates: true, Handler: p.saveSettings},
		web.Route{Method: "POST", Pattern: settingsAt + "/seal", Policy: web.Perm("admin.settings"), Mutates: true, Handler: p.rotateSeal},
		web.Route{Method: "POST", Pattern: settingsAt + "/accounts", Policy: web.Perm("admin.settings"), Mutates: true, Handler: p.savePolicy},
	)
	if d.Demo {
		m.Handle(web.Route{Method: "GET", Pattern: "/dev/mail", Policy: web.Public, Reveals: "letters caught in a demo installation", Handler: p.devMail})
	}
}
