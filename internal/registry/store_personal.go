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
	keysWith    = `SELECT id, uuid, created FROM registry_key WHERE address = $1 ORDER BY id`
	asksOf      = `SELECT a.id, 'letter', a.at FROM registry_ask a WHERE a.email_key = $1 ORDER BY a.id`
	oldRemarks  = `SELECT r.id, o.uuid, r.at FROM registry_remark r JOIN registry_organisation o ON o.id = r.org_id
		WHERE r.at < $1 AND r.body <> '' ORDER BY r.id`
	blankRemark = `UPDATE registry_remark SET contact = '', body = '' WHERE id = $1`
)

func contactsAt(ctx context.Context, tx *store.Tx, email string) ([]access.Held, error) {
	out, err := access.HeldTx(ctx, tx, "registry_contact", "name job phone email", contactsWith, email)
	if err != nil {
		return nil, err
	}
	asks, err := access.HeldTx(ctx, tx, "registry_ask", "email_key", asksOf, email)
	if err != nil {
		return nil, err
	}
	keys, err := access.HeldTx(ctx, tx, "registry_key", "address armored names", keysWith, email)
	return append(append(out, asks...), keys...), err
}

func eraseHistory(ctx context.Context, tx *store.Tx, w access.Sweep) (int64, error) {
	n, err := access.EraseTx(ctx, tx, w, oldChanges, blankChange)
	if err != nil {
		return n, err
	}
	m, err := access.EraseTx(ctx, tx, w, oldRemarks, blankRemark)
	return n + m, err
}
