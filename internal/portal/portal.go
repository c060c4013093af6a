// Package portal is the front room of organisations: what concerns them and by when,
// their reports and the answers to them, their people. It reads the hearts as the
// person who asks; audiences decide what is there, so nothing of another
// organisation, and nothing of a case itself, is reached through it.
package portal

import (
	"context"
	"embed"
	"io"
	"net/http"
	"time"

	"straza/internal/intake"
	"straza/internal/intel"
	"straza/internal/kernel/account"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/registry"
)

// Files are the pages and messages of the room.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Whose word is awaited in a matter.
const (
	Ours   = "ours"   // the CERT's
	Theirs = "theirs" // the organisation's
	Closed = "done"
)

// Matter is one thing that a CERT has raised with an organisation: a party of a case,
// as that party may see it.
type Matter struct {
	UUID     string
	Number   string
	Subject  string
	TLP      string
	State    string // Ours, Theirs or Closed
	Deadline time.Time
	Created  time.Time
	Updated  time.Time
}

// Word is one message of a matter.
type Word struct {
	FromCERT bool
	Author   string // of the organisation's side
	At       time.Time
	Body     string
	Files    []WordFile
}

// WordFile is an attachment; its name came from outside and is only a label.
type WordFile struct {
	UUID string
	Name string
	Size int64
}

// Matters is the room where cases are kept. Each method answers for the asker's own
// organisation only. Faults: NotFound.
type Matters interface {
	ForOrg(ctx context.Context, who ident.Actor) ([]Matter, error)
	Read(ctx context.Context, who ident.Actor, uuid string) (Matter, []Word, error)
	Answer(ctx context.Context, who ident.Actor, uuid, text string, files map[string]io.Reader) error
	File(ctx context.Context, who ident.Actor, uuid, file string) (name string, body io.ReadCloser, err error)
}

// Deps are the services behind the pages. Matters may be nil: then its panels are
// not there. Roles gives the roles that the asker may give somebody.
type Deps struct {
	Accounts *account.Service
	Registry *registry.Service
	Intake   *intake.Service
	Intel    *intel.Service
	Matters  Matters
	Roles    func(ctx context.Context, who ident.Actor) ([]string, error)
	Now      func() time.Time
}

type pages struct {
	t *web.Templates
	d Deps
}

// Routes declares the doors of the room.
func Routes(m *web.Mux, d Deps) {
	if d.Now == nil {
		d.Now = time.Now
	}
	p := &pages{t: m.Templates(Files), d: d}
	use, people := web.Perm("portal.use"), web.Perm("portal.people")
	get := func(pattern string, policy web.Policy, reveals string, h web.Handler) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Policy: policy, Reveals: reveals, Handler: h}
	}
	post := func(pattern string, policy web.Policy, h web.Handler) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Policy: policy, Mutates: true, Handler: h}
	}
	const report, matter = "a report that the caller's organisation sent; logged", "a matter raised with the caller's organisation; logged"
	send := post("/portal/reports/new", use, p.send)
	send.Body = -1
	answer := post("/portal/reports/{uuid}/answer", use, p.answerReport)
	answer.Body = -1
	m.Handle(
		get("/portal", use, "what concerns the caller's own organisation", p.overview),
		get("/portal/reports", use, "reports that the caller's organisation sent", p.reports),
		get("/portal/reports/new", use, "an empty form", p.reportForm),
		send,
		get("/portal/reports/{uuid}", use, report, p.report),
		get("/portal/reports/{uuid}/files/{file}", use, "a file of "+report, p.reportFile),
		answer,
		get("/portal/messages", use, "conversations of the caller's organisation, without what was said", p.messages),
		get("/portal/people", people, "accounts of the caller's organisation", p.people),
		get("/portal/people/new", people, "an empty form", p.newPerson),
		post("/portal/people/new", people, p.addPerson),
		get("/portal/people/{uuid}", people, "an account of the caller's organisation", p.person),
		post("/portal/people/{uuid}/{act}", people, p.changePerson),
	)
	if d.Matters != nil {
		answer := post("/portal/messages/{uuid}", use, p.answerMatter)
		answer.Body = -1
		m.Handle(
			get("/portal/messages/{uuid}", use, matter, p.matter),
			get("/portal/messages/{uuid}/files/{file}", use, "a file of "+matter, p.matterFile),
			answer,
		)
	}
}

// matters are the organisation's, newest first; none where no room keeps them.
func (p *pages) matters(r *http.Request) ([]Matter, error) {
	if p.d.Matters == nil {
		return nil, nil
	}
	return p.d.Matters.ForOrg(r.Context(), web.Actor(r))
}

func newPage(r *http.Request, key string) web.Page {
	return web.NewPage(r, web.ShellPortal, web.T(r, key))
}
