package account

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// PersonalData lists what accounts hold about an address. Needs privacy.use.
func (s *Service) PersonalData(ctx context.Context, who ident.Actor, subject access.Subject) ([]access.Held, error) {
	return access.Search(ctx, s.db, who, func(tx *store.Tx) ([]access.Held, error) { return personalData(ctx, tx, subject.Email) })
}

// Retention: an account that has been closed for the length of the class loses name,
// address and every means of entering; what the person did stays with the row's id.
func (s *Service) Retention() []access.Term {
	return []access.Term{access.Erasing(s.db, "account", erasePeople)}
}
