package remark

import (
	"context"

	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// sealsAtOnce is how many old attachments one transaction seals: they may be large.
const sealsAtOnce = 20

// sealOld seals attachments of proposals from before they were encrypted.
func (s *Service) sealOld(ctx context.Context, _ *jobs.Task) error {
	for more := s.d.Vault != nil; more; {
		err := s.d.DB.Update(ctx, func(tx *store.Tx) error {
			list, err := unsealed(ctx, tx, sealsAtOnce)
			more = len(list) == sealsAtOnce
			for _, d := range list {
				if d.data, err = sealed(s.d.Vault, d.proposal, d.data); err == nil {
					_, err = tx.Exec(ctx, sealProposal, d.proposal, d.data)
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
