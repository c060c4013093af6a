package incident

import (
	"context"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// PersonalData lists the cases in whose text an address stands: number and column,
// no word of it. It reads every text, so it takes its time. Needs privacy.use.
func (s *Service) PersonalData(ctx context.Context, who ident.Actor, subject access.Subject) (out []access.Held, err error) {
	if err := access.MaySearch(who); err != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error { out, err = casesNaming(ctx, tx, strings.ToLower(subject.Email)); return err })
	return out, err
}
