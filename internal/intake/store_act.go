package intake

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// actRow is a row of intake_act.
type actRow struct {
	id, report, at, person, undoes, bulk int64
	author, verb                         string
	was, now                             Triage
	undone                               bool
}

func insertAct(ctx context.Context, tx *store.Tx, a actRow) error {
	was, err := json.Marshal(a.was)
	if err != nil {
		return err
	}
	now, err := json.Marshal(a.now)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO intake_act (id, report_id, at, person, author, verb, was, is_now, undoes, undone, bulk)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`, a.id, a.report, a.at, a.person, a.author, a.verb, string(was), string(now), a.undoes, a.undone, a.bulk)
	return err
}

func scanAct(sc store.Scanner) (a actRow, err error) {
	var was, now string
	if err = sc.Scan(&a.id, &a.report, &a.at, &a.person, &a.author, &a.verb, &was, &now, &a.undoes, &a.undone); err != nil {
		return a, err
	}
	if err = json.Unmarshal([]byte(was), &a.was); err != nil {
		return a, err
	}
	return a, json.Unmarshal([]byte(now), &a.now)
}

const selectAct = `SELECT id, report_id, at, person, author, verb, was, is_now, undoes, undone FROM intake_act WHERE report_id = $1`

func actsOf(ctx context.Context, tx *store.Tx, report int64) ([]actRow, error) {
	return store.All(ctx, tx, scanAct, selectAct+` ORDER BY id DESC LIMIT 200`, report)
}

// lastAct is the newest step that nobody has taken back; undos are marked undone
// themselves, so that they are never undone.
func lastAct(ctx context.Context, tx *store.Tx, report int64) (actRow, bool, error) {
	return store.First(ctx, tx, scanAct, selectAct+` AND NOT undone ORDER BY id DESC LIMIT 1`, report)
}

// actsOfBulk lists the steps of one press on reports that who may see.
func actsOfBulk(ctx context.Context, tx *store.Tx, who ident.Actor, bulk int64) ([]actRow, error) {
	if bulk == 0 {
		return nil, nil
	}
	return store.All(ctx, tx, scanAct, `SELECT a.id, a.report_id, a.at, a.person, a.author, a.verb, a.was, a.is_now, a.undoes, a.undone FROM intake_act a
		JOIN intake_report r ON r.id = a.report_id WHERE a.bulk = $1 AND `+access.Visible(who, "r.audience_id")+` ORDER BY a.id DESC`, bulk)
}

func markUndone(ctx context.Context, tx *store.Tx, id int64) error {
	_, err := tx.Exec(ctx, `UPDATE intake_act SET undone = $2 WHERE id = $1`, id, true)
	return err
}

func duplicatesOf(ctx context.Context, tx *store.Tx, who ident.Actor, id int64) ([]Report, error) {
	return store.All(ctx, tx, scanReport, selectReport+`r.duplicate_of = $1 AND `+access.Visible(who, "r.audience_id")+` ORDER BY r.received LIMIT 50`, id)
}

func newReports(ctx context.Context, tx *store.Tx) ([]Report, error) {
	return store.All(ctx, tx, scanReport, selectReport+`r.state = 'new' ORDER BY r.received, r.id LIMIT 100`)
}

// messageRow is a row of intake_message.
type messageRow struct {
	id, report, at, person int64
	uuid, author, body     string
	fromUs, question       bool
	sealed                 []byte
}

func insertMessage(ctx context.Context, tx *store.Tx, m messageRow) error {
	_, err := tx.Exec(ctx, `INSERT INTO intake_message (id, uuid, report_id, at, from_us, person, author, question, body, sealed_body)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`, m.id, m.uuid, m.report, m.at, m.fromUs, m.person, m.author, m.question, m.body, m.sealed)
	return err
}

func messageRows(ctx context.Context, tx *store.Tx, report int64) ([]messageRow, error) {
	return store.All(ctx, tx, func(sc store.Scanner) (m messageRow, err error) {
		err = sc.Scan(&m.id, &m.uuid, &m.report, &m.at, &m.fromUs, &m.person, &m.author, &m.question, &m.body, &m.sealed)
		return
	}, `SELECT id, uuid, report_id, at, from_us, person, author, question, body, sealed_body FROM intake_message
		WHERE report_id = $1 ORDER BY at, id`, report)
}

func messagesOf(ctx context.Context, tx *store.Tx, report int64, files []fileRow) ([]Message, error) {
	rows, err := messageRows(ctx, tx, report)
	var out []Message
	for _, x := range rows {
		m := Message{UUID: x.uuid, FromUs: x.fromUs, Author: x.author, Question: x.question, At: at(x.at), Sealed: x.sealed != nil, Body: x.body}
		for _, f := range files {
			if f.message == x.id {
				m.Files = append(m.Files, f.shown())
			}
		}
		out = append(out, m)
	}
	return out, err
}

type sealedMessage struct {
	uuid string
	body []byte
}

func sealedMessages(ctx context.Context, tx *store.Tx, report int64) ([]sealedMessage, error) {
	return store.All(ctx, tx, func(sc store.Scanner) (m sealedMessage, err error) { err = sc.Scan(&m.uuid, &m.body); return },
		`SELECT uuid, sealed_body FROM intake_message WHERE report_id = $1 AND sealed_body IS NOT NULL ORDER BY at, id`, report)
}

// answeredAt is when the first message of ours went out, 0 if none did.
func answeredAt(ctx context.Context, tx *store.Tx, report int64) (int64, error) {
	return store.Int64(ctx, tx, `SELECT MIN(at) FROM intake_message WHERE report_id = $1 AND from_us = $2`, report, true)
}
