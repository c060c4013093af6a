package registry

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	keyCols = `SELECT id, uuid, cert_id, address, armored, fingerprint, names, expires, created FROM registry_key `
	// The CERT's own key comes before what the administrators keep for all; another CERT's
	// never counts.
	keyOfAddress = keyCols + `WHERE address = $1 AND cert_id IN (0, $2) ORDER BY cert_id DESC LIMIT 1`
	keysOfSender = keyCols + `WHERE address = $1 AND cert_id IN (0, $2) ORDER BY created, id`
	keyByUUID    = keyCols + `WHERE uuid = $1 AND cert_id = $2`
	keysOfCERT   = keyCols + `WHERE cert_id = $1 ORDER BY address, id`
	allKeys      = keyCols + `ORDER BY address, id`
	keyByUUIDAny = keyCols + `WHERE uuid = $1`
	dropKey      = `DELETE FROM registry_key WHERE id = $1`
	putKey       = `INSERT INTO registry_key (id, uuid, cert_id, address, armored, fingerprint, names, expires, created, person_id) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)
		ON CONFLICT (cert_id, address) DO UPDATE SET armored = excluded.armored, fingerprint = excluded.fingerprint, names = excluded.names,
		expires = excluded.expires, created = excluded.created, person_id = excluded.person_id`
)

func scanKey(s store.Scanner) (k LetterKey, err error) {
	var names string
	if err = s.Scan(&k.ID, &k.UUID, &k.cert, &k.Address, &k.Armored, &k.Fingerprint, &names, &k.Expires, &k.Created); err == nil {
		err = json.Unmarshal([]byte(names), &k.Names)
	}
	return k, err
}

// letterKeys lists those that who keeps; the command line sees all.
func letterKeys(ctx context.Context, tx *store.Tx, who ident.Actor) ([]LetterKey, error) {
	if who.Kind == ident.Operator {
		return store.All(ctx, tx, scanKey, allKeys)
	}
	return store.All(ctx, tx, scanKey, keysOfCERT, who.CERT)
}

func letterKey(ctx context.Context, tx *store.Tx, who ident.Actor, uuid string) (LetterKey, bool, error) {
	if who.Kind == ident.Operator {
		return store.First(ctx, tx, scanKey, keyByUUIDAny, uuid)
	}
	return store.First(ctx, tx, scanKey, keyByUUID, uuid, who.CERT)
}

func writeLetterKey(ctx context.Context, tx *store.Tx, who ident.Actor, k LetterKey) error {
	names, err := json.Marshal(k.Names)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, putKey, k.ID, k.UUID, k.cert, k.Address, k.Armored, k.Fingerprint, string(names), k.Expires, k.Created, who.Person)
	return err
}
