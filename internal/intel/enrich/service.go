package enrich

import (
	"context"
	"net/http"

	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/registry"
)

// World is the guarded way to other people's servers: *outbound.Client.
type World interface {
	Do(r *http.Request) (*http.Response, error)
}

// Keys seal the settings of modules; *vault.Vault fills it.
type Keys interface {
	Seal(f vault.Field, plaintext []byte) ([]byte, error)
	Open(f vault.Field, ciphertext []byte) ([]byte, error)
}

// Deps is what the chamber needs.
type Deps struct {
	DB       *store.DB
	Audit    *audit.Log
	Intel    *intel.Service
	Lists    intel.Lists
	Registry *registry.Service
	World    World
	Keys     Keys
}

// Service is the door to what is known of values. Safe for concurrent use.
type Service struct {
	d       Deps
	origins origins
	at      chan struct{} // questions on their way
}

// atOnce is how many questions may be on their way: a slow module must not hold every
// worker of the server.
const atOnce = 6

// New makes the chamber.
func New(d Deps) *Service { return &Service{d: d, at: make(chan struct{}, atOnce)} }

func mayRead(who ident.Actor) error { return intel.MayRead(who) }

// mayAsk: the team; whom else an administrator gives the right to.
func mayAsk(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	if intel.SeesAll(who) {
		return nil
	}
	return access.Check(who, "intel.enrich")
}

// mayManage: who keeps catalogues, and the site administrator on the wire.
func mayManage(who ident.Actor) bool {
	if intel.OnWire(who) {
		return access.Allowed(who, "misp.site_admin")
	}
	return access.Allowed(who, "catalog.write")
}

func mayChange(who ident.Actor) error {
	if who.ReadOnly || !mayManage(who) {
		return fault.New(fault.Denied, "%s keeps no servers of modules", who).WithKey("fault.denied")
	}
	return nil
}

// belongs tells whether a value is somebody's in the registry, whoever may know that.
func (s *Service) belongs(ctx context.Context, typ, value string) (bool, error) {
	if s.d.Registry == nil {
		return false, nil
	}
	p := partsOf(typ, value)
	for _, c := range []registry.Clue{{Domain: p.host}, {Address: p.addr}, {Email: emailOf(typ, value)}} {
		if c == (registry.Clue{}) {
			continue
		}
		_, found, err := s.d.Registry.Recognise(ctx, ident.SystemPart("feeds"), c)
		if err != nil || found {
			return found, err
		}
	}
	for _, c := range armless(typ, value) { // names within a text
		if found, err := s.belongs(ctx, c.Type, c.Value); err != nil || found {
			return found, err
		}
	}
	return false, nil
}

func emailOf(typ, value string) string {
	switch typ {
	case "email", "email-src", "email-dst", "target-email", "email-reply-to":
		return value
	}
	return ""
}
