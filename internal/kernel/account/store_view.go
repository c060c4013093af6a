package account

import (
	"context"

	"straza/internal/kernel/store"
)

func viewsOf(ctx context.Context, tx *store.Tx, person int64, list string) ([]View, error) {
	return store.All(ctx, tx, func(r store.Scanner) (v View, err error) { err = r.Scan(&v.ID, &v.Name, &v.Query, &v.Opens); return },
		`SELECT id, name, query, opens FROM account_view WHERE person_id = $1 AND list = $2 ORDER BY name`, person, list)
}

func putView(ctx context.Context, tx *store.Tx, id, person int64, list, name, query string) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_view (id, person_id, list, name, query, opens) VALUES ($1,$2,$3,$4,$5,$6)
		ON CONFLICT (person_id, list, name) DO UPDATE SET query = excluded.query`, id, person, list, name, query, false)
	return err
}

func dropView(ctx context.Context, tx *store.Tx, person int64, list string, id int64) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM account_view WHERE person_id = $1 AND list = $2 AND id = $3`, person, list, id)
}

// openWith marks one view of a list and unmarks the others; n counts the marked.
func openWith(ctx context.Context, tx *store.Tx, person int64, list string, id int64) (n int64, err error) {
	if _, err := tx.Exec(ctx, `UPDATE account_view SET opens = $1 WHERE person_id = $2 AND list = $3`, false, person, list); err != nil {
		return 0, err
	}
	return tx.Exec(ctx, `UPDATE account_view SET opens = $1 WHERE person_id = $2 AND list = $3 AND id = $4`, true, person, list, id)
}
