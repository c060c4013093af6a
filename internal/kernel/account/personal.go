package account

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// PersonalData lists what accounts hold about an address. Needs privacy.use.
func (s *Service) PersonalData(ctx context.Context, who ident.Actor, subject access.Subject) (out []access.Held, err error) {
	if err := access.MaySearch(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error { out, err = personalData(ctx, tx, subject.Email); return err })
	return out, err
}

// Retention: an account that has been closed for the length of the class loses name,
// address and every means of entering; what the person did stays with the row's id.
func (s *Service) Retention() []access.Term {
	return []access.Term{{Class: "account", Erase: func(ctx context.Context, who ident.Actor, w access.Sweep) (n int64, err error) {
		err = s.db.Update(ctx, func(tx *store.Tx) error { n, err = erasePeople(ctx, tx, w); return err })
		return n, err
	}}}
}
