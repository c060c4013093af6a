package account

import (
	"context"
	"encoding/json"

	"github.com/go-webauthn/webauthn/webauthn"

	"straza/internal/kernel/store"
)

// Second factors.

func hasSecondFactor(ctx context.Context, tx *store.Tx, person int64) (bool, error) {
	n, err := store.Int64(ctx, tx, `SELECT (SELECT count(*) FROM account_totp WHERE person_id = $1 AND confirmed)
		+ (SELECT count(*) FROM account_passkey WHERE person_id = $1)`, person)
	return n > 0, err
}

func insertTOTP(ctx context.Context, tx *store.Tx, id, person int64, cell []byte, confirmed bool, now int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_totp (id, person_id, seed, confirmed, created) VALUES ($1,$2,$3,$4,$5)`, id, person, cell, confirmed, now)
	return err
}

// findTOTP gives a person's authenticator with the last step that was used; id 0
// when there is none.
func findTOTP(ctx context.Context, tx *store.Tx, person int64, confirmed bool) (id int64, cell []byte, last int64, err error) {
	_, err = tx.Row(ctx, `SELECT t.id, t.seed, coalesce((SELECT max(u.step) FROM account_totp_use u WHERE u.totp_id = t.id), 0)
		FROM account_totp t WHERE t.person_id = $1 AND t.confirmed = $2`, []any{person, confirmed}, &id, &cell, &last)
	return
}

// useStep is the one use of a step: false when somebody was quicker.
func useStep(ctx context.Context, tx *store.Tx, id, step int64) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO account_totp_use (totp_id, step) VALUES ($1,$2) ON CONFLICT DO NOTHING`, id, step)
	if err != nil || n == 0 {
		return false, err
	}
	// A code lives for three steps; what is ten steps old can never be shown again.
	_, err = tx.Exec(ctx, `DELETE FROM account_totp_use WHERE totp_id = $1 AND step < $2`, id, step-10)
	return true, err
}

func confirmTOTP(ctx context.Context, tx *store.Tx, person int64) error {
	_, err := tx.Exec(ctx, `UPDATE account_totp SET confirmed = $2 WHERE person_id = $1`, person, true)
	return err
}

func dropUnconfirmedTOTP(ctx context.Context, tx *store.Tx, person int64) error {
	return deleteTOTP(ctx, tx, person, false)
}

func dropTOTP(ctx context.Context, tx *store.Tx, person int64) error {
	return deleteTOTP(ctx, tx, person, true)
}

func deleteTOTP(ctx context.Context, tx *store.Tx, person int64, confirmedToo bool) error {
	const which = `SELECT id FROM account_totp WHERE person_id = $1 AND ($2 OR NOT confirmed)`
	if _, err := tx.Exec(ctx, `DELETE FROM account_totp_use WHERE totp_id IN (`+which+`)`, person, confirmedToo); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM account_totp WHERE id IN (`+which+`)`, person, confirmedToo)
	return err
}

func dropSecondFactors(ctx context.Context, tx *store.Tx, person int64) error {
	if err := dropTOTP(ctx, tx, person); err != nil {
		return err
	}
	if err := dropRecovery(ctx, tx, person); err != nil {
		return err
	}
	if err := dropMailKey(ctx, tx, person); err != nil { // who lost the telephone may have lost the key
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM account_passkey WHERE person_id = $1`, person)
	return err
}

func insertRecovery(ctx context.Context, tx *store.Tx, id, person int64, hash string) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_recovery (id, person_id, code_hash, used) VALUES ($1,$2,$3,0)`, id, person, hash)
	return err
}

func spendRecovery(ctx context.Context, tx *store.Tx, person int64, hash string, now int64) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE account_recovery SET used = $3 WHERE person_id = $1 AND code_hash = $2 AND used = 0`, person, hash, now)
	return n == 1, err
}

func countRecovery(ctx context.Context, tx *store.Tx, person int64) (int64, error) {
	return store.Int64(ctx, tx, `SELECT count(*) FROM account_recovery WHERE person_id = $1 AND used = 0`, person)
}

func dropRecovery(ctx context.Context, tx *store.Tx, person int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_recovery WHERE person_id = $1`, person)
	return err
}

// Passkeys.

func listPasskeys(ctx context.Context, tx *store.Tx, person int64) ([]passkeyRow, error) {
	return store.All(ctx, tx, func(r store.Scanner) (k passkeyRow, err error) {
		var raw string
		if err = r.Scan(&k.id, &k.person, &k.uuid, &k.name, &k.created, &k.lastUsed, &raw); err == nil {
			err = json.Unmarshal([]byte(raw), &k.record)
		}
		return
	}, `SELECT id, person_id, uuid, name, created, last_used, record FROM account_passkey WHERE person_id = $1 ORDER BY id`, person)
}

func insertPasskey(ctx context.Context, tx *store.Tx, k passkeyRow) error {
	raw, err := json.Marshal(k.record)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO account_passkey (id, uuid, person_id, credential, record, name, created, last_used) VALUES ($1,$2,$3,$4,$5,$6,$7,0)`,
		k.id, k.uuid, k.person, credentialText(k.record.ID), string(raw), k.name, k.created)
	return err
}

func savePasskey(ctx context.Context, tx *store.Tx, id int64, c webauthn.Credential, now int64) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE account_passkey SET record = $2, last_used = $3 WHERE id = $1`, id, string(raw), now)
	return err
}

func dropPasskey(ctx context.Context, tx *store.Tx, person int64, uuid string) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM account_passkey WHERE person_id = $1 AND uuid = $2`, person, uuid)
}

func countPasskeys(ctx context.Context, tx *store.Tx, person int64) (int64, error) {
	return store.Int64(ctx, tx, `SELECT count(*) FROM account_passkey WHERE person_id = $1`, person)
}

func insertChallenge(ctx context.Context, tx *store.Tx, id int64, hash string, person int64, purpose, data string, ends int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_challenge (id, token_hash, person_id, purpose, session, ends) VALUES ($1,$2,$3,$4,$5,$6)`,
		id, hash, person, purpose, data, ends)
	return err
}

// takeChallenge deletes a ceremony and gives what it kept; "" when it is not there
// (any more), is somebody else's or another purpose's.
func takeChallenge(ctx context.Context, tx *store.Tx, hash, purpose string, person, now int64) (data string, err error) {
	_, err = tx.Row(ctx, `DELETE FROM account_challenge WHERE token_hash = $1 AND purpose = $2 AND person_id = $3 AND ends > $4 RETURNING session`,
		[]any{hash, purpose, person, now}, &data)
	return
}

func dropChallenges(ctx context.Context, tx *store.Tx, now int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_challenge WHERE ends <= $1`, now)
	return err
}

// Links.

func insertLink(ctx context.Context, tx *store.Tx, l linkRow, hash, by string) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_link (id, token_hash, kind, person_id, email, created, created_by, ends, used)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,0)`, l.id, hash, l.kind, l.person, l.email, l.created, by, l.ends)
	return err
}

func findLink(ctx context.Context, tx *store.Tx, hash string) (linkRow, bool, error) {
	return store.First(ctx, tx, func(r store.Scanner) (l linkRow, err error) {
		err = r.Scan(&l.id, &l.kind, &l.person, &l.email, &l.created, &l.ends, &l.used)
		return
	}, `SELECT id, kind, person_id, email, created, ends, used FROM account_link WHERE token_hash = $1`, hash)
}

// useLink is the one use of a link: false when somebody was quicker.
func useLink(ctx context.Context, tx *store.Tx, id, now int64) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE account_link SET used = $2 WHERE id = $1 AND used = 0`, id, now)
	return n == 1, err
}

func voidLinks(ctx context.Context, tx *store.Tx, person int64, kind string, now int64) error {
	_, err := tx.Exec(ctx, `UPDATE account_link SET used = $3 WHERE person_id = $1 AND kind = $2 AND used = 0`, person, kind, now)
	return err
}

func countLinks(ctx context.Context, tx *store.Tx, person, since int64) (int64, error) {
	return store.Int64(ctx, tx, `SELECT count(*) FROM account_link WHERE person_id = $1 AND created > $2`, person, since)
}

func dropLinks(ctx context.Context, tx *store.Tx, person int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_link WHERE person_id = $1`, person)
	return err
}

// Keys.

const keyColumns = `SELECT k.id, k.uuid, k.prefix, k.person_id, p.email, k.name, k.scopes, k.read_only, k.allow_ip, k.created, k.expires, k.revoked, k.last_used, k.used_from
	FROM account_key k JOIN account_person p ON p.id = k.person_id `

func scanKey(r store.Scanner) (k Key, err error) {
	var scopes, nets, from string
	err = r.Scan(&k.ID, &k.UUID, &k.Prefix, &k.Person, &k.Email, &k.Name, &scopes, &k.ReadOnly, &nets, &k.Created, &k.Expires, &k.Revoked, &k.LastUsed, &from)
	if err == nil {
		err = json.Unmarshal([]byte(scopes), &k.Scopes)
	}
	if err == nil {
		err = json.Unmarshal([]byte(nets), &k.AllowIP)
	}
	if err == nil {
		err = json.Unmarshal([]byte(from), &k.UsedFrom)
	}
	return
}

func insertKey(ctx context.Context, tx *store.Tx, k Key, hash, by string) error {
	scopes, err := json.Marshal(k.Scopes)
	if err != nil {
		return err
	}
	nets, err := json.Marshal(k.AllowIP)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO account_key
		(id, uuid, key_hash, prefix, person_id, name, scopes, read_only, allow_ip, created, created_by, expires, revoked, last_used)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,0,0)`,
		k.ID, k.UUID, hash, k.Prefix, k.Person, k.Name, string(scopes), k.ReadOnly, string(nets), k.Created, by, k.Expires)
	return err
}

func updateKey(ctx context.Context, tx *store.Tx, k Key) error {
	nets, err := json.Marshal(k.AllowIP)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE account_key SET name = $2, read_only = $3, allow_ip = $4, expires = $5 WHERE id = $1`, k.ID, k.Name, k.ReadOnly, string(nets), k.Expires)
	return err
}

func keyByHash(ctx context.Context, tx *store.Tx, hash string) (Key, bool, error) {
	return store.First(ctx, tx, scanKey, keyColumns+`WHERE k.key_hash = $1`, hash)
}

func keyByID(ctx context.Context, tx *store.Tx, id int64) (Key, bool, error) {
	return store.First(ctx, tx, scanKey, keyColumns+`WHERE k.id = $1`, id)
}

func keyByUUID(ctx context.Context, tx *store.Tx, uuid string) (Key, bool, error) {
	return store.First(ctx, tx, scanKey, keyColumns+`WHERE k.uuid = $1`, uuid)
}

func listKeys(ctx context.Context, tx *store.Tx, person, org int64) ([]Key, error) {
	return store.All(ctx, tx, scanKey, keyColumns+`WHERE (k.person_id = $1 OR $1 = 0) AND (p.org_id = $2 OR $2 = 0) ORDER BY k.id DESC`, person, org)
}

func countKeys(ctx context.Context, tx *store.Tx, person, now int64) (int64, error) {
	return store.Int64(ctx, tx, `SELECT count(*) FROM account_key WHERE person_id = $1 AND revoked = 0 AND (expires = 0 OR expires > $2)`, person, now)
}

func revokeKey(ctx context.Context, tx *store.Tx, id, now int64) error {
	_, err := tx.Exec(ctx, `UPDATE account_key SET revoked = $2 WHERE id = $1`, id, now)
	return err
}

func touchKey(ctx context.Context, tx *store.Tx, k Key, now int64) error {
	from, err := json.Marshal(k.UsedFrom)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE account_key SET last_used = $2, used_from = $3 WHERE id = $1`, k.ID, now, string(from))
	return err
}
