package mail

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/store"
)

const (
	toAddress  = `SELECT id, purpose, created FROM mail_letter WHERE to_addr = $1 ORDER BY id`
	oldLetters = `SELECT id, message_id, created FROM mail_letter WHERE created < $1 AND state IN ('sent', 'caught', 'failed') ORDER BY id`
	dropLetter = `DELETE FROM mail_letter WHERE id = $1`
)

func lettersTo(ctx context.Context, tx *store.Tx, email string) ([]access.Held, error) {
	return access.HeldTx(ctx, tx, "mail_letter", "to_addr subject body", toAddress, email)
}

func eraseLetters(ctx context.Context, tx *store.Tx, w access.Sweep) (int64, error) {
	return access.EraseTx(ctx, tx, w, oldLetters, dropLetter)
}

func dropLetters(ctx context.Context, tx *store.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `DELETE FROM mail_letter WHERE id IN `+store.In(ids))
	return err
}
