package intel

import (
	"context"

	"straza/internal/format/misp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// PersonalData lists the attributes whose value is, or was, an address, by the value index:
// event and attribute, not who shared them. Needs privacy.use.
func (s *Service) PersonalData(ctx context.Context, who ident.Actor, subject access.Subject) (out []access.Held, err error) {
	if err := access.MaySearch(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = access.HeldTx(ctx, tx, "intel_attribute", "value", attributesOf, misp.CorrelationKey(subject.Email))
		if err != nil {
			return err
		}
		before, err := access.HeldTx(ctx, tx, "intel_change", "was", changesHeld, misp.CorrelationKey(subject.Email))
		out = append(out, before...)
		return err
	})
	return out, err
}
