package account

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/store"
)

const (
	personOf = `SELECT id, email, created FROM account_person WHERE email = $1 OR address = $1`
	linksTo  = `SELECT id, kind, created FROM account_link WHERE email = $1`
	// The mark of an erased account is that it has no name.
	closedPeople = `SELECT id, email, changed FROM account_person WHERE state = 'disabled' AND changed < $1 AND name <> '' ORDER BY id`
)

var erasePerson = []string{
	`DELETE FROM account_totp_use WHERE totp_id IN (SELECT id FROM account_totp WHERE person_id = $1)`,
	`DELETE FROM account_totp WHERE person_id = $1`,
	`DELETE FROM account_recovery WHERE person_id = $1`,
	`DELETE FROM account_passkey WHERE person_id = $1`,
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
	return append(people, links...), err
}

func erasePeople(ctx context.Context, tx *store.Tx, w access.Sweep) (int64, error) {
	return access.EraseTx(ctx, tx, w, closedPeople, erasePerson...)
}
