package form

import (
	"context"

	"straza/internal/kernel/store"
)

const (
	upsertDraft = `INSERT INTO form_draft (id, box, expires) VALUES ($1,$2,$3)
		ON CONFLICT (id) DO UPDATE SET box = excluded.box, expires = excluded.expires`
	findDraft    = `SELECT box FROM form_draft WHERE id = $1 AND expires > $2`
	removeDraft  = `DELETE FROM form_draft WHERE id = $1`
	oldDrafts    = `SELECT id FROM form_draft WHERE expires <= $1 ORDER BY expires LIMIT 200`
	insertFile   = `INSERT INTO form_file (blob, draft_id) VALUES ($1,$2)`
	listFiles    = `SELECT blob FROM form_file WHERE draft_id = $1`
	removeFile   = `DELETE FROM form_file WHERE blob = $1`
	removeFilesD = `DELETE FROM form_file WHERE draft_id = $1`
)

func writeDraft(ctx context.Context, tx *store.Tx, id string, box []byte, expires int64) error {
	_, err := tx.Exec(ctx, upsertDraft, id, box, expires)
	return err
}

func readDraft(ctx context.Context, tx *store.Tx, id string, now int64) (box []byte, err error) {
	_, err = tx.Row(ctx, findDraft, []any{id, now}, &box)
	return box, err
}

func deleteDraft(ctx context.Context, tx *store.Tx, id string) error {
	if _, err := tx.Exec(ctx, removeFilesD, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, removeDraft, id)
	return err
}

func expired(ctx context.Context, tx *store.Tx, now int64) ([]string, error) {
	return store.All(ctx, tx, store.ScanString, oldDrafts, now)
}

func addFile(ctx context.Context, tx *store.Tx, blob, draft string) error {
	_, err := tx.Exec(ctx, insertFile, blob, draft)
	return err
}

func dropFile(ctx context.Context, tx *store.Tx, blob string) error {
	_, err := tx.Exec(ctx, removeFile, blob)
	return err
}

func filesOf(ctx context.Context, tx *store.Tx, draft string) ([]string, error) {
	return store.All(ctx, tx, store.ScanString, listFiles, draft)
}
