package account

import (
	"context"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/store"
)

const personColumns = `SELECT p.id, p.uuid, p.email, p.address, p.name, p.org_id, p.lang, p.state, p.password, p.created FROM account_person p `

func scanPerson(r store.Scanner) (p Person, err error) {
	err = r.Scan(&p.ID, &p.UUID, &p.Email, &p.Address, &p.Name, &p.Org, &p.Lang, &p.State, &p.password, &p.Created)
	return
}

func findByID(ctx context.Context, tx *store.Tx, id int64) (Person, bool, error) {
	return person(ctx, tx, personColumns+`WHERE p.id = $1`, id)
}

func findByUUID(ctx context.Context, tx *store.Tx, uuid string) (Person, bool, error) {
	return person(ctx, tx, personColumns+`WHERE p.uuid = $1`, uuid)
}

func findByEmail(ctx context.Context, tx *store.Tx, canonical string) (Person, bool, error) {
	return person(ctx, tx, personColumns+`WHERE p.email = $1`, canonical)
}

func person(ctx context.Context, tx *store.Tx, text string, arg any) (Person, bool, error) {
	p, found, err := store.First(ctx, tx, scanPerson, text, arg)
	if err != nil || !found {
		return p, found, err
	}
	p.Roles, err = rolesOf(ctx, tx, p.ID)
	return p, true, err
}

func rolesOf(ctx context.Context, tx *store.Tx, id int64) ([]string, error) {
	return store.All(ctx, tx, store.ScanString, `SELECT role FROM account_person_role WHERE person_id = $1 ORDER BY role`, id)
}

func insertPerson(ctx context.Context, tx *store.Tx, p Person) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_person (id, uuid, email, address, name, folded, org_id, lang, state, password, created, changed)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`,
		p.ID, p.UUID, p.Email, p.Address, p.Name, folded(p), p.Org, p.Lang, string(p.State), p.password, p.Created, p.Created)
	if err != nil {
		return err
	}
	return saveRoles(ctx, tx, p)
}

// folded is the search form of what people look for.
func folded(p Person) string { return i18n.Fold(p.Name) + " " + i18n.Fold(p.Email) }

func saveRoles(ctx context.Context, tx *store.Tx, p Person) error {
	if _, err := tx.Exec(ctx, `DELETE FROM account_person_role WHERE person_id = $1`, p.ID); err != nil {
		return err
	}
	for _, r := range p.Roles {
		if _, err := tx.Exec(ctx, `INSERT INTO account_person_role (person_id, role) VALUES ($1,$2)`, p.ID, r); err != nil {
			return err
		}
	}
	return nil
}

func updatePerson(ctx context.Context, tx *store.Tx, p Person, now int64) error {
	_, err := tx.Exec(ctx, `UPDATE account_person SET name = $2, folded = $3, org_id = $4, lang = $5, state = $6, changed = $7 WHERE id = $1`,
		p.ID, p.Name, folded(p), p.Org, p.Lang, string(p.State), now)
	return err
}

func setPassword(ctx context.Context, tx *store.Tx, id int64, hashed string) error {
	_, err := tx.Exec(ctx, `UPDATE account_person SET password = $2 WHERE id = $1`, id, hashed)
	return err
}

// listPeople searches by position in a folded text; strpos and instr are the two
// engines' names for it.
func listPeople(ctx context.Context, tx *store.Tx, f PeopleFilter) ([]Person, error) {
	within := `instr(p.folded, $4) > 0`
	if tx.Engine() == store.PostgreSQL {
		within = `strpos(p.folded, $4) > 0`
	}
	people, err := store.All(ctx, tx, scanPerson, personColumns+`WHERE p.id > $1 AND p.name <> '' AND (p.org_id = $2 OR $2 = 0)
		AND (p.state = $3 OR $3 = '') AND ($4 = '' OR `+within+`) ORDER BY p.id LIMIT $5`,
		f.After, f.Org, string(f.State), f.Search, f.Limit)
	if err != nil {
		return nil, err
	}
	for i := range people {
		if people[i].Roles, err = rolesOf(ctx, tx, people[i].ID); err != nil {
			return nil, err
		}
	}
	return people, nil
}

func countPeople(ctx context.Context, tx *store.Tx) (int64, error) {
	return store.Int64(ctx, tx, `SELECT count(*) FROM account_person`)
}

func countAdmins(ctx context.Context, tx *store.Tx) (int64, error) {
	return store.Int64(ctx, tx, `SELECT count(*) FROM account_person p JOIN account_person_role r ON r.person_id = p.id
		WHERE r.role = 'admin' AND p.state = 'active'`)
}

// Sessions.

const sessionColumns = `SELECT id, person_id, uuid, stage, label, created, seen, ends, second_at, proof_at FROM account_session `

func scanSession(r store.Scanner) (v session, err error) {
	err = r.Scan(&v.id, &v.person, &v.uuid, &v.stage, &v.label, &v.created, &v.seen, &v.ends, &v.secondAt, &v.proved)
	return
}

func insertSession(ctx context.Context, tx *store.Tx, v session, hash string) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_session (id, uuid, token_hash, person_id, stage, created, seen, ends, second_at, proof_at, label)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`,
		v.id, v.uuid, hash, v.person, v.stage, v.created, v.seen, v.ends, v.secondAt, v.proved, v.label)
	return err
}

func findSession(ctx context.Context, tx *store.Tx, hash string) (session, bool, error) {
	return store.First(ctx, tx, scanSession, sessionColumns+`WHERE token_hash = $1`, hash)
}

func sessionByID(ctx context.Context, tx *store.Tx, id int64) (session, bool, error) {
	return store.First(ctx, tx, scanSession, sessionColumns+`WHERE id = $1`, id)
}

func listSessions(ctx context.Context, tx *store.Tx, person, now, awake int64) ([]session, error) {
	return store.All(ctx, tx, scanSession, sessionColumns+`WHERE person_id = $1 AND stage = 'full' AND ends > $2 AND seen > $3 ORDER BY id DESC`,
		person, now, awake)
}

func touchSession(ctx context.Context, tx *store.Tx, id, now int64) error {
	_, err := tx.Exec(ctx, `UPDATE account_session SET seen = $2 WHERE id = $1 AND seen < $2`, id, now)
	return err
}

func endSession(ctx context.Context, tx *store.Tx, person int64, uuid string) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM account_session WHERE person_id = $1 AND uuid = $2`, person, uuid)
}

// endSessionsOf ends all sessions of a person but one.
func endSessionsOf(ctx context.Context, tx *store.Tx, person, but int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_session WHERE person_id = $1 AND id <> $2`, person, but)
	return err
}

func endEverySession(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Exec(ctx, `DELETE FROM account_session`)
	return err
}

// trimSessions forgets ended ones of everybody and, of one person, all but the newest.
func trimSessions(ctx context.Context, tx *store.Tx, person, now int64, keep int) error {
	if _, err := tx.Exec(ctx, `DELETE FROM account_session WHERE ends <= $1`, now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM account_session WHERE person_id = $1 AND id NOT IN
		(SELECT id FROM account_session WHERE person_id = $1 ORDER BY id DESC LIMIT $2)`, person, keep)
	return err
}

// Guesses.

// lockGuesses takes the subject's row (made when new) and gives its counts; who
// else guesses at this subject waits until this transaction ends.
func lockGuesses(ctx context.Context, tx *store.Tx, subject string, now int64) ([][2]int64, error) {
	var raw string
	_, err := tx.Row(ctx, `INSERT INTO account_guess (subject, minutes, at) VALUES ($1, '[]', $2)
		ON CONFLICT (subject) DO UPDATE SET at = excluded.at RETURNING minutes`, []any{subject, now}, &raw)
	if err != nil {
		return nil, err
	}
	return parseMinutes(raw)
}

func saveGuesses(ctx context.Context, tx *store.Tx, subject string, minutes [][2]int64) error {
	_, err := tx.Exec(ctx, `UPDATE account_guess SET minutes = $2 WHERE subject = $1`, subject, formatMinutes(minutes))
	return err
}

// sweepAll forgets sessions, ceremonies, links and counts that have lost their meaning.
func sweepAll(ctx context.Context, tx *store.Tx, now, links, guesses int64) error {
	for _, d := range []struct {
		text   string
		before int64
	}{
		{`DELETE FROM account_session WHERE ends <= $1`, now},
		{`DELETE FROM account_challenge WHERE ends <= $1`, now},
		{`DELETE FROM account_link WHERE ends <= $1`, links},
		{`DELETE FROM account_guess WHERE at < $1`, guesses},
	} {
		if _, err := tx.Exec(ctx, d.text, d.before); err != nil {
			return err
		}
	}
	return nil
}

// Settings.

type setting struct {
	name, value string
	version     int64
}

// readSettings reads two settings at most, in one look: every request asks.
func readSettings(ctx context.Context, tx *store.Tx, names ...string) (map[string]setting, error) {
	rows, err := store.All(ctx, tx, func(r store.Scanner) (v setting, err error) { err = r.Scan(&v.name, &v.value, &v.version); return },
		`SELECT name, value, version FROM account_setting WHERE name = $1 OR name = $2`, names[0], names[len(names)-1])
	out := map[string]setting{}
	for _, v := range rows {
		out[v.name] = v
	}
	return out, err
}

func readSetting(ctx context.Context, tx *store.Tx, name string) (value string, version int64, err error) {
	rows, err := readSettings(ctx, tx, name)
	return rows[name].value, rows[name].version, err
}

func writeSetting(ctx context.Context, tx *store.Tx, name, value string, version, now int64, by string) (int64, error) {
	return tx.Exec(ctx, `INSERT INTO account_setting (name, value, version, changed, changed_by) VALUES ($1,$2,1,$4,$5)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = account_setting.version + 1,
		changed = excluded.changed, changed_by = excluded.changed_by WHERE account_setting.version = $3`, name, value, version, now, by)
}
