package account

import (
	"context"
	"slices"

	"straza/internal/kernel/access"
	"straza/internal/kernel/store"
)

const (
	personOf = `SELECT id, email, created FROM account_person WHERE email = $1 OR address = $1`
	linksTo  = `SELECT id, kind, created FROM account_link WHERE email = $1`
	keyOf    = `SELECT k.id, k.fingerprint, k.created FROM account_mailkey k JOIN account_person p ON p.id = k.person_id WHERE p.email = $1 OR p.address = $1`
	askedBy  = `SELECT id, state, created FROM account_request WHERE email = $1`
	// A decided request keeps when and how it was decided, nothing of its sender.
	eraseRequest = `UPDATE account_request SET email = 'erased:' || CAST(id AS TEXT), org_name = '', message = '', address = '', agent = '' WHERE id = $1`
	oldRequests  = `SELECT id, email, created FROM account_request WHERE state = 'waiting' AND created < $1 ORDER BY id`
	// The mark of an erased account is that it has no name.
	closedPeople = `SELECT id, email, changed FROM account_person WHERE state = 'disabled' AND changed < $1 AND name <> '' ORDER BY id`
)

var erasePerson = []string{
	`DELETE FROM account_totp_use WHERE totp_id IN (SELECT id FROM account_totp WHERE person_id = $1)`,
	`DELETE FROM account_totp WHERE person_id = $1`,
	`DELETE FROM account_recovery WHERE person_id = $1`,
	`DELETE FROM account_passkey WHERE person_id = $1`,
	`DELETE FROM account_mailkey WHERE person_id = $1`,
	`DELETE FROM account_session WHERE person_id = $1`,
	`DELETE FROM account_view WHERE person_id = $1`,
	`DELETE FROM account_challenge WHERE person_id = $1`,
	`DELETE FROM account_link WHERE person_id = $1`,
	`UPDATE account_person SET email = 'erased:' || CAST(id AS TEXT), address = 'erased:' || CAST(id AS TEXT), name = '', folded = '', password = '' WHERE id = $1`,
}

func personalData(ctx context.Context, tx *store.Tx, email string) ([]access.Held, error) {
	people, err := access.HeldTx(ctx, tx, "account_person", "name email address", personOf, email)
	if err != nil {
		return nil, err
	}
	links, err := access.HeldTx(ctx, tx, "account_link", "email", linksTo, email)
	if err != nil {
		return nil, err
	}
	keys, err := access.HeldTx(ctx, tx, "account_mailkey", "armored fingerprint names", keyOf, email)
	if err != nil {
		return nil, err
	}
	asked, err := access.HeldTx(ctx, tx, "account_request", "email org_name message address agent", askedBy, email)
	return slices.Concat(people, keys, links, asked), err
}

func erasePeople(ctx context.Context, tx *store.Tx, w access.Sweep) (int64, error) {
	n, err := access.EraseTx(ctx, tx, w, closedPeople, erasePerson...)
	if err != nil {
		return n, err
	}
	asked, err := access.EraseTx(ctx, tx, w, oldRequests, `DELETE FROM account_request WHERE id = $1`)
	return n + asked, err
}

// eraseNow is what retention does later, at once; keys end with it.
func eraseNow(ctx context.Context, tx *store.Tx, person, now int64) error {
	if _, err := tx.Exec(ctx, `UPDATE account_key SET revoked = $2 WHERE person_id = $1 AND revoked = 0`, person, now); err != nil {
		return err
	}
	for _, text := range erasePerson {
		if _, err := tx.Exec(ctx, text, person); err != nil {
			return err
		}
	}
	return nil
}
