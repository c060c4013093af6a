package account

import (
	"context"
	"net/netip"
	"strings"
	"sync"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// Keys are what accounts need of the vault; *vault.Vault fills it.
type Keys interface {
	Seal(f vault.Field, plaintext []byte) ([]byte, error)
	Open(f vault.Field, ciphertext []byte) ([]byte, error)
	TokenHash(kind, token string) string
}

// Org is what accounts need to know of an organisation.
type Org struct {
	ID   int64
	UUID string
	Name string
	CERT bool // of kind cert: people with a team role work on its team
}

// Orgs names organisations; app fills it with registry. find is a UUID or an
// exact name. Faults: NotFound.
type Orgs interface {
	OrgTx(ctx context.Context, tx *store.Tx, id int64) (Org, error)
	FindOrgTx(ctx context.Context, tx *store.Tx, find string) (Org, error)
}

// Letter is one letter to a person about their own account; Link is absolute.
type Letter struct {
	Kind   string // "invitation", "reset", "changed"
	Person int64
	To     string
	Name   string
	Lang   string
	Link   string
}

// Letters sends a letter when the transaction commits; app fills it with jobs and mail.
type Letters interface {
	LetterTx(ctx context.Context, tx *store.Tx, l Letter) error
}

// Config are the settings that are needed to start; what an administrator may
// change while it runs is Policy.
type Config struct {
	Origin  func() string // the one origin of links and passkeys, without a slash at the end
	Name    string        // of the installation, in authenticators; "" = Straža
	Hash    Cost          // zero = 19 MiB, two passes, one lane
	Demo    bool          // persona links work
	Network Limits        // zero = the defaults
	ByHand  bool          // no letter leaves this machine: an administrator hands invitations over
	// Scopes lists the scopes that a key may be narrowed to; nil = anything of their form.
	Scopes func() []string
	// Enrolled hears of a code app that somebody has just confirmed, with its
	// secret in base32: on one machine the first reader of sealed reports enrols
	// with it (decisions §5). It must not block; nil = nobody hears.
	Enrolled func(ctx context.Context, who ident.Actor, secret string)
}

// Deps are what the service works with. Letters may be nil: then none are sent.
type Deps struct {
	DB      *store.DB
	Audit   *audit.Log
	Keys    Keys
	Orgs    Orgs
	Letters Letters
	Config  Config
}

// Service is everything about accounts. Safe for concurrent use.
type Service struct {
	db      *store.DB
	audit   *audit.Log
	keys    Keys
	orgs    Orgs
	letters Letters
	cfg     Config

	hash    hasher
	actors  actorCache
	passkey struct {
		sync.Mutex
		origin string
		rp     relyingParty
	}
}

// New makes the service.
func New(d Deps) *Service {
	if d.Config.Name == "" {
		d.Config.Name = "Straža"
	}
	if d.Config.Origin == nil {
		d.Config.Origin = func() string { return "http://localhost" }
	}
	d.Config.Network = d.Config.Network.orDefault()
	s := &Service{db: d.DB, audit: d.Audit, keys: d.Keys, orgs: d.Orgs, letters: d.Letters, cfg: d.Config}
	s.hash = newHasher(d.Config.Hash)
	s.actors.people = map[int64]cachedActor{}
	return s
}

// From tells by which door and from where somebody comes who is not known yet.
type From struct {
	Addr      netip.Addr // the peer's address after trusted proxies; zero = unknown
	Channel   ident.Channel
	RequestID string
	Label     string // how the person will recognise the session: "Firefox, Linux"
}

// link is an absolute address below the origin.
func (s *Service) link(path string) string {
	return strings.TrimSuffix(s.cfg.Origin(), "/") + path
}

// thing names a person in the audit log.
func thing(p Person) audit.Thing { return audit.Thing{Kind: "person", ID: p.ID, Label: p.Email} }

// refused is the one answer to every failed proof: it does not tell which part
// was wrong, nor whether the account exists.
func refused() error {
	return fault.New(fault.Denied, "account: proof refused").WithKey("account.refused")
}

// Unauthenticated is the fault of a session or key that does not (any longer) open.
func Unauthenticated() error {
	return fault.New(fault.Denied, "account: not logged in").WithKey("account.sign-in")
}

// IsUnauthenticated tells whether err says that the caller must log in first.
func IsUnauthenticated(err error) bool {
	f := fault.Of(err)
	return f != nil && f.Key == "account.sign-in"
}

// ByHand tells whether letters stay in this machine, so that links are handed over.
func (s *Service) ByHand() bool { return s.cfg.ByHand }

// Origin is the one origin of links, without a slash at the end.
func (s *Service) Origin() string { return strings.TrimSuffix(s.cfg.Origin(), "/") }
