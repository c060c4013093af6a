package registry

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// PersonalData lists the contact points with an address, and the letters that asked
// it. Needs privacy.use.
func (s *Service) PersonalData(ctx context.Context, who ident.Actor, subject access.Subject) ([]access.Held, error) {
	return access.Search(ctx, s.db, who, func(tx *store.Tx) ([]access.Held, error) { return contactsAt(ctx, tx, subject.Email) })
}

// Retention: history keeps that something changed, not what it was before, and of a
// remark that it was made, once the class's length is over.
func (s *Service) Retention() []access.Term {
	return []access.Term{access.Erasing(s.db, "contact", eraseHistory)}
}
