package advisory

import (
	"context"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// PersonalData lists the warnings in whose text an address stands. Needs privacy.use.
func (s *Service) PersonalData(ctx context.Context, who ident.Actor, subject access.Subject) (out []access.Held, err error) {
	if err := access.MaySearch(who); err != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		out, err = warningsNaming(ctx, tx, strings.ToLower(subject.Email))
		return err
	})
	return out, err
}
