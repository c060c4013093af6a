package account

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

const (
	mailKeyFrom = `SELECT k.armored, k.fingerprint, k.names, k.expires FROM account_mailkey k `
	ownMailKey  = mailKeyFrom + `WHERE k.person_id = $1`
	mailKeyTo   = mailKeyFrom + `JOIN account_person p ON p.id = k.person_id WHERE p.email = $1`
	putMailKey  = `INSERT INTO account_mailkey (id, person_id, armored, fingerprint, names, expires, created) VALUES ($1,$2,$3,$4,$5,$6,$7)`
	noMailKey   = `DELETE FROM account_mailkey WHERE person_id = $1`
)

func scanMailKey(s store.Scanner) (k mail.Key, err error) {
	var names string
	if err = s.Scan(&k.Armored, &k.Fingerprint, &names, &k.Expires); err == nil {
		err = json.Unmarshal([]byte(names), &k.Names)
	}
	return k, err
}

func readMailKey(ctx context.Context, tx *store.Tx, person int64) (mail.Key, bool, error) {
	return store.First(ctx, tx, scanMailKey, ownMailKey, person)
}

func mailKeyOf(ctx context.Context, tx *store.Tx, canonical string) (mail.Key, bool, error) {
	return store.First(ctx, tx, scanMailKey, mailKeyTo, canonical)
}

func insertMailKey(ctx context.Context, tx *store.Tx, id, person int64, k mail.Key, now int64) error {
	names, err := json.Marshal(k.Names)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, putMailKey, id, person, k.Armored, k.Fingerprint, string(names), k.Expires, now)
	return err
}

func dropMailKey(ctx context.Context, tx *store.Tx, person int64) error {
	_, err := tx.Exec(ctx, noMailKey, person)
	return err
}
