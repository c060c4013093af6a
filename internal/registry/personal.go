package registry

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// PersonalData lists the contact points with an address. Needs privacy.use.
func (s *Service) PersonalData(ctx context.Context, who ident.Actor, subject access.Subject) (out []access.Held, err error) {
	if err := access.MaySearch(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error { out, err = contactsAt(ctx, tx, subject.Email); return err })
	return out, err
}

// Retention: history keeps that something changed, not what it was before, once the
// class's length is over.
func (s *Service) Retention() []access.Term {
	return []access.Term{{Class: "contact", Erase: func(ctx context.Context, who ident.Actor, w access.Sweep) (n int64, err error) {
		err = s.db.Update(ctx, func(tx *store.Tx) error { n, err = eraseHistory(ctx, tx, w); return err })
		return n, err
	}}}
}
