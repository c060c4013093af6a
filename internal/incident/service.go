package incident

import (
	"context"
	"io"
	"strings"
	"unicode/utf8"

	"straza/internal/craft/pack"
	"straza/internal/craft/thread"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/unseal"
	"straza/internal/registry"
)

// Intel is what cases need of the room below: *intel.Service.
type Intel interface {
	Extract(ctx context.Context, who ident.Actor, text string) (out []intel.Candidate, more bool, err error)
	ShareTx(ctx context.Context, tx *store.Tx, who ident.Actor, sh intel.Share) (intel.Shared, error)
	Attribute(ctx context.Context, who ident.Actor, ref string) (intel.Attribute, error)
	EventsFor(ctx context.Context, who ident.Actor, kind string, ref int64) ([]intel.Event, []int64, error)
	BindTx(ctx context.Context, tx *store.Tx, who ident.Actor, event string, to intel.Origin) error
}

// Readers says who will see threat data before it is shared.
type Readers interface {
	WhoSees(ctx context.Context, who ident.Actor, d intel.Distribution, group int64, tags []string) (intel.Readers, error)
	Groups(ctx context.Context, who ident.Actor) ([]intel.SharingGroup, error)
	Event(ctx context.Context, who ident.Actor, ref string) (intel.Event, error)
}

// Opener is the door to the unsealing process.
type Opener interface {
	Prove(ctx context.Context, p unseal.Proof) (unseal.Session, error)
	Open(ctx context.Context, r unseal.Request, sealed io.Reader, plain io.Writer) (unseal.Receipt, error)
}

// Deps are what the room stands on. Vault, Opener, Intel and Book may be nil: then
// evidence cannot be added or read, nothing can be shared, codes are not checked
// against a list.
type Deps struct {
	DB       *store.DB
	Audit    *audit.Log
	Blobs    *blob.Store
	Vault    *vault.Vault
	Registry *registry.Service
	Threads  *thread.Desk
	Intel    Intel
	Readers  Readers       // of the same room as Intel
	Opener   func() Opener // asked each time: the process may come and go
	Book     func() *Book  // the packs in force

	// Code is what stands before the numbers of a further CERT; nil = the first letters
	// of its name.
	Code func(ctx context.Context, tx *store.Tx, who ident.Actor, cert int64) (string, error)

	Post   *mail.Post // letters to our own people; nil = none
	People People
	Text   *i18n.Catalog              // incident.notice.subject, incident.notice.body
	Link   func(number string) string // address of a case's page
}

// Service is the room's door. Reading needs incident.read, changing
// incident.write and membership in the team whose case it is; closing and
// reopening incident.close, merging incident.merge. Organisations come in by
// their parties only (portal.use).
type Service struct{ d Deps }

// New makes the Service.
func New(d Deps) *Service {
	if d.Opener == nil {
		d.Opener = func() Opener { return nil }
	}
	if d.Code == nil {
		d.Code = func(ctx context.Context, tx *store.Tx, who ident.Actor, cert int64) (string, error) {
			o, err := d.Registry.OrgTx(ctx, tx, who, cert)
			return registry.Code(o.Name), err
		}
	}
	if d.Book == nil {
		d.Book = pack.Fixed(&Book{})
	}
	return &Service{d}
}

// Book gives the lists in force that a case is described with.
func (s *Service) Book(context.Context, ident.Actor) *Book {
	return s.d.Book()
}

// Jobs are the room's own: what an answer sets going, and words for older parts. Its
// clocks are craft/deadline's.
func (s *Service) Jobs() []jobs.Def {
	return []jobs.Def{{Kind: jobAnswered, Run: s.answered}, s.indexJob()}
}

func thing(c *Case) audit.Thing { return audit.Thing{Kind: "case", ID: c.ID, Label: c.Number} }

func missing(what string) error { return fault.New(fault.NotFound, "no such %s", what) }

// mayRead: the team, the parts of Straža, and the command line, which sees
// numbers, states and times.
func mayRead(who ident.Actor) error {
	if who.Kind == ident.Operator {
		return nil
	}
	return access.Check(who, "incident.read")
}

// view reads cases without leaving a trace: lists, counts, headers.
func (s *Service) view(ctx context.Context, who ident.Actor, fn func(tx *store.Tx) error) error {
	if err := mayRead(who); err != nil {
		return err
	}
	return s.d.DB.View(ctx, fn)
}

// text trims and caps what a person typed, in characters.
func text(c *fault.Collector, field, v string, most int, needed bool) string {
	v = strings.TrimSpace(strings.ReplaceAll(v, "\r\n", "\n"))
	if needed {
		c.Require(v != "", field, "incident.fault.needed")
	}
	c.Require(utf8.RuneCountInString(v) <= most && utf8.ValidString(v) && !strings.ContainsRune(v, 0), field, "incident.fault.long")
	return v
}

// name is how an actor stands in a case's history.
func nameOf(who ident.Actor) string {
	if who.Name != "" {
		return who.Name
	}
	return who.String()
}
