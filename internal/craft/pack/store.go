package pack

import (
	"context"

	"straza/internal/kernel/store"
)

const (
	packCols   = `id, name, version, file, sum, own, added, withdrawn`
	allFiles   = `SELECT ` + packCols + `, body FROM pack_file ORDER BY name, version`
	listFiles  = `SELECT ` + packCols + ` FROM pack_file ORDER BY name, version DESC`
	oneFile    = `SELECT ` + packCols + `, body FROM pack_file WHERE name = $1 AND version = $2`
	insertFile = `INSERT INTO pack_file (id, name, version, file, sum, body, own, added, withdrawn, changed) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,0,$8)`
	renewFile  = `UPDATE pack_file SET file = $2, sum = $3, body = $4, changed = $5 WHERE id = $1`
	shelveFile = `UPDATE pack_file SET withdrawn = $2, changed = $3 WHERE id = $1`
	lastChange = `SELECT COALESCE(MAX(changed), 0) + COUNT(*) FROM pack_file`
)

// row is a stored file; its text only where it was asked for.
type row struct {
	id, added, withdrawn int64
	name, file, sum      string
	version              int
	own                  bool
	body                 string
}

func (r *row) fields() []any {
	return []any{&r.id, &r.name, &r.version, &r.file, &r.sum, &r.own, &r.added, &r.withdrawn}
}

func scanRow(s store.Scanner) (r row, err error) { return r, s.Scan(r.fields()...) }

func scanWhole(s store.Scanner) (r row, err error) { return r, s.Scan(append(r.fields(), &r.body)...) }

func find(ctx context.Context, tx *store.Tx, name string, version int) (r row, found bool, err error) {
	found, err = tx.Row(ctx, oneFile, []any{name, version}, append(r.fields(), &r.body)...)
	return
}
