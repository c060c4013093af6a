package intake

import (
	"context"
	"encoding/hex"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// PersonalData lists the reports whose reporter gave an address, by their blind
// index: nothing is opened. Needs privacy.use. Anonymous reports have no index.
func (s *Service) PersonalData(ctx context.Context, who ident.Actor, subject access.Subject) (out []access.Held, err error) {
	if err := access.MaySearch(who); err != nil {
		return nil, err
	}
	sum := s.Vault.Index(vault.BlindField{Name: "intake_mark.email", Normal: vault.NormalEmail}, subject.Email)
	if len(sum) < 12 {
		return nil, nil
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = reportsBy(ctx, tx, hex.EncodeToString(sum[:12]))
		return err
	})
	return out, err
}

// Retention: who reported is erased when the report has been decided for the length
// of the class; the report itself stays, without a person, until its own term is over.
func (s *Service) Retention() []access.Term {
	return []access.Term{access.Erasing(s.DB, "reporter", eraseReporters), {Class: "report", Erase: s.eraseReports}}
}
