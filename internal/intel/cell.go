package intel

import (
	"context"
	"errors"

	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// dataCell is where an attachment stands encrypted (issue "encrypted at rest").
func dataCell(attribute int64) vault.Field {
	return vault.Field{Table: "intel_data", Column: "bytes", Row: attribute}
}

var errNoVault = errors.New("intel: attachments need the installation's keys")

// sealed makes the cell of an attachment.
func sealed(v *vault.Vault, attribute int64, b []byte) ([]byte, error) {
	if v == nil {
		return nil, errNoVault
	}
	return v.Seal(dataCell(attribute), b)
}

// opened reads a cell; one from before cells were sealed is what it holds.
func opened(v *vault.Vault, attribute int64, b []byte, isSealed bool) ([]byte, error) {
	if !isSealed || len(b) == 0 {
		return b, nil
	}
	if v == nil {
		return nil, errNoVault
	}
	return v.Open(dataCell(attribute), b)
}

// sealsAtOnce is how many old attachments one transaction seals: they may be large.
const sealsAtOnce = 20

// sealOld seals what was stored before attachments were encrypted.
func (s *Service) sealOld(ctx context.Context, _ *jobs.Task) error {
	for more := s.vault != nil; more; {
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			list, err := unsealed(ctx, tx, sealsAtOnce)
			more = len(list) == sealsAtOnce
			for _, d := range list {
				if d.bytes, err = sealed(s.vault, d.attribute, d.bytes); err == nil {
					_, err = tx.Exec(ctx, sealData, d.attribute, d.bytes)
				}
				if err != nil {
					return err
				}
			}
			return err
		}, store.InLane(store.Bulk))
		if err != nil {
			return err
		}
	}
	return nil
}
