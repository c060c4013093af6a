package remark

import (
	"context"

	"straza/internal/intel"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// People says who somebody is at this moment: *account.Service. Faults:
// Unauthenticated for an account that is not open.
type People interface {
	ResolveTx(ctx context.Context, tx *store.Tx, person int64, c ident.Channel) (ident.Actor, error)
}

// Deps is what the chamber needs. Without Post, People, Text or Link nobody is
// told by letter.
type Deps struct {
	DB     *store.DB
	Audit  *audit.Log
	Intel  *intel.Service
	Vault  *vault.Vault // attachments of proposals stand encrypted
	Post   *mail.Post
	People People
	Text   *i18n.Catalog
	Link   func(event string, onTeam bool) string // of an event's page
	// Contacts are asked for organisations without accounts here; nil = none are known.
	Contacts Contacts
	// Communities are those that one may ask to join, in force now; nil = none.
	Communities func() *Communities
}

// Service is the door to what is said of threat data. Safe for concurrent use.
type Service struct{ d Deps }

// New makes the chamber.
func New(d Deps) *Service { return &Service{d: d} }

// view reads; when a site administrator reads past the audiences, the audit line
// is committed first.
func (s *Service) view(ctx context.Context, who ident.Actor, verb string, on audit.Thing, fn func(tx *store.Tx) error) error {
	if !intel.SeesAll(who) {
		return s.d.DB.View(ctx, fn)
	}
	return s.d.DB.ViewLogged(ctx, func(tx *store.Tx) error {
		return s.d.Audit.Record(ctx, tx, who, verb, on, map[string]any{"as": "site administrator"})
	}, fn)
}

func orNot(err, missing error) error {
	if err != nil {
		return err
	}
	return missing
}

func denied(who ident.Actor, what string, id int64) error {
	return fault.New(fault.Denied, "%s may not %s %d", who, what, id).WithKey("intel.fault.foreign")
}
