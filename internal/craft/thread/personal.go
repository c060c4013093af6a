package thread

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// PersonalData lists the correspondence with an address. Needs privacy.use.
func (d *Desk) PersonalData(ctx context.Context, who ident.Actor, subject access.Subject) (out []access.Held, err error) {
	if err := access.MaySearch(who); err != nil {
		return nil, err
	}
	err = d.d.DB.View(ctx, func(tx *store.Tx) error {
		out, err = access.HeldTx(ctx, tx, "thread_thread", "party address", threadsWith, subject.Email)
		return err
	})
	return out, err
}
