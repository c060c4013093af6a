package intel

import (
	"context"
	"errors"

	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// Cells is a column of attachments, each encrypted to the row where it stands (issue
// "encrypted at rest"). The column "sealed" beside it is false for one from before that.
type Cells struct {
	Table, Key, Column string
	Vault              *vault.Vault
}

// dataCells are the attachments of attributes.
func dataCells(v *vault.Vault) Cells { return Cells{"intel_data", "attribute_id", "bytes", v} }

var errNoVault = errors.New("intel: attachments need the installation's keys")

func (c Cells) place(row int64) vault.Field {
	return vault.Field{Table: c.Table, Column: c.Column, Row: row}
}

// Seal makes the cell of an attachment; of none there is none.
func (c Cells) Seal(row int64, b []byte) ([]byte, error) {
	switch {
	case len(b) == 0:
		return nil, nil
	case c.Vault == nil:
		return nil, errNoVault
	}
	return c.Vault.Seal(c.place(row), b)
}

// Open reads a cell; one from before cells were sealed is what it holds.
func (c Cells) Open(row int64, b []byte, sealed bool) ([]byte, error) {
	switch {
	case !sealed || len(b) == 0:
		return b, nil
	case c.Vault == nil:
		return nil, errNoVault
	}
	return c.Vault.Open(c.place(row), b)
}

// sealsAtOnce is how many old attachments one transaction seals: they may be large.
const sealsAtOnce = 20

// SealOld is the job that seals what was stored before attachments were encrypted.
func (c Cells) SealOld(db *store.DB) func(context.Context, *jobs.Task) error {
	return func(ctx context.Context, _ *jobs.Task) error {
		for more := c.Vault != nil; more; {
			err := db.Update(ctx, func(tx *store.Tx) error {
				list, err := unsealed(ctx, tx, c, sealsAtOnce)
				more = len(list) == sealsAtOnce
				for _, d := range list {
					if d.bytes, err = c.Seal(d.row, d.bytes); err == nil {
						err = keepSealed(ctx, tx, c, d)
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
}
