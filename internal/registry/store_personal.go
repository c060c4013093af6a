package registry

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/store"
)

const (
	contactsWith = `SELECT c.id, o.uuid, c.updated FROM registry_contact c JOIN registry_organisation o ON o.id = c.org_id WHERE c.email_key = $1 ORDER BY c.id`
	oldChanges   = `SELECT h.id, o.uuid, h.at FROM registry_change h JOIN registry_organisation o ON o.id = h.org_id
		WHERE h.at < $1 AND h.actor_name <> '' ORDER BY h.id`
	blankChange = `UPDATE registry_change SET actor_name = '', fields = '[]' WHERE id = $1`
)

func contactsAt(ctx context.Context, tx *store.Tx, email string) ([]access.Held, error) {
	return access.HeldTx(ctx, tx, "registry_contact", "name job phone email", contactsWith, email)
}

func eraseHistory(ctx context.Context, tx *store.Tx, w access.Sweep) (int64, error) {
	return access.EraseTx(ctx, tx, w, oldChanges, blankChange)
}
