package intel

import (
	"context"

	"straza/internal/kernel/store"
)

// cell is an attachment at its row.
type cell struct {
	row   int64
	bytes []byte
}

// unsealed reads attachments from before they were encrypted.
func unsealed(ctx context.Context, tx *store.Tx, c Cells, limit int) ([]cell, error) {
	return store.All(ctx, tx, func(s store.Scanner) (d cell, err error) { err = s.Scan(&d.row, &d.bytes); return },
		"SELECT "+c.Key+", "+c.Column+" FROM "+c.Table+" WHERE NOT sealed AND "+c.Column+" IS NOT NULL AND LENGTH("+c.Column+") > 0 ORDER BY "+c.Key+" LIMIT $1", limit)
}

func keepSealed(ctx context.Context, tx *store.Tx, c Cells, d cell) error {
	_, err := tx.Exec(ctx, "UPDATE "+c.Table+" SET "+c.Column+" = $2, sealed = TRUE WHERE "+c.Key+" = $1", d.row, d.bytes)
	return err
}
