package enrich

import (
	"context"
	"iter"

	"straza/internal/kernel/store"
)

const (
	insertTable = `INSERT INTO intel_network (id, name, source, imported, entries, ready) VALUES ($1,$2,$3,$4,$5,$6)`
	insertPart  = `INSERT INTO intel_network_part (id, network_id, seq, body) VALUES ($1,$2,$3,$4)`
	readTables  = `SELECT id, name, source, imported, entries FROM intel_network WHERE ready ORDER BY name, id`
	sameTables  = `SELECT id FROM intel_network WHERE name = $1 AND id <> $2`
	readyTable  = `UPDATE intel_network SET ready = $2, entries = $3 WHERE id = $1`
	deleteParts = `DELETE FROM intel_network_part WHERE network_id = $1`
	deleteTable = `DELETE FROM intel_network WHERE id = $1`
	readParts   = `SELECT body FROM intel_network_part WHERE network_id = $1 ORDER BY seq`
)

func addTable(ctx context.Context, tx *store.Tx, t Table) error {
	_, err := tx.Exec(ctx, insertTable, t.ID, t.Name, t.Source, t.Imported, int64(0), false)
	return err
}

func addPart(ctx context.Context, tx *store.Tx, id, table, seq int64, body []byte) error {
	_, err := tx.Exec(ctx, insertPart, id, table, seq, body)
	return err
}

// putTable makes a table the one of its name.
func putTable(ctx context.Context, tx *store.Tx, t Table) error {
	old, err := store.All(ctx, tx, store.ScanInt64, sameTables, t.Name, t.ID)
	if err != nil {
		return err
	}
	for _, id := range old {
		if err := dropTable(ctx, tx, id); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, readyTable, t.ID, true, t.Entries)
	return err
}

func dropTable(ctx context.Context, tx *store.Tx, id int64) error {
	if _, err := tx.Exec(ctx, deleteParts, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, deleteTable, id)
	return err
}

func listTables(ctx context.Context, tx *store.Tx) ([]Table, error) {
	return store.All(ctx, tx, func(r store.Scanner) (t Table, err error) {
		err = r.Scan(&t.ID, &t.Name, &t.Source, &t.Imported, &t.Entries)
		return t, err
	}, readTables)
}

func eachPart(ctx context.Context, tx *store.Tx, id int64) iter.Seq2[[]byte, error] {
	return store.Each(ctx, tx, func(r store.Scanner) (b []byte, err error) { err = r.Scan(&b); return }, readParts, id)
}
