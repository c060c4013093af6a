package registry

import (
	"context"
	"strings"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

const (
	// stalePoints gives one contact an address whose contacts are due and who has
	// letters left. What it leaves out by budget it must leave out itself: else those
	// would stand in front of all others for months.
	stalePoints = `SELECT MIN(x.id) FROM registry_contact x
		JOIN registry_organisation o ON o.id = x.org_id AND o.state = 'active' AND o.local
		WHERE x.email_key <> '' AND x.bounces = 0 AND (x.verified > 0 AND x.verified < $1 OR x.verified = 0 AND x.created < $2)
		AND NOT EXISTS (SELECT 1 FROM registry_ask a WHERE a.email_key = x.email_key AND a.at > $3)
		AND (SELECT COUNT(*) FROM registry_ask a WHERE a.email_key = x.email_key AND a.at > $4) < $5
		GROUP BY x.email_key ORDER BY 1 LIMIT $6`
	lettersTo = `SELECT COUNT(CASE WHEN at > $2 THEN 1 END), COALESCE(MAX(at), 0) FROM registry_ask WHERE email_key = $1`
	insertAsk = `INSERT INTO registry_ask (id, email_key, token_hash, at, ends) VALUES ($1,$2,$3,$4,$5)`
	// The letter goes with its last point: nobody can answer it any more.
	sweepAsked  = `DELETE FROM registry_asked WHERE ask_id IN (SELECT id FROM registry_ask WHERE ends < $1 AND at < $2)`
	sweepAsks   = `DELETE FROM registry_ask WHERE ends < $1 AND at < $2`
	insertAsked = `INSERT INTO registry_asked (id, ask_id, contact_id, answer, at) VALUES ($1,$2,$3,'',0)`
	setAnswer   = `UPDATE registry_asked SET answer = $2, at = $3 WHERE id = $1`
	askByToken  = `SELECT id, at, ends FROM registry_ask WHERE token_hash = $1`
	// A contact whose address has changed since is not the asked one's any more.
	askedPoints = `SELECT q.id, q.answer, q.at, x.id FROM registry_asked q JOIN registry_contact x ON x.id = q.contact_id
		JOIN registry_ask a ON a.id = q.ask_id AND a.email_key = x.email_key
		JOIN registry_organisation o ON o.id = x.org_id AND o.state = 'active'
		WHERE q.ask_id = $1 ORDER BY q.id`

	remarkCols   = `SELECT x.id, x.uuid, x.contact, x.body, x.at, x.settled FROM registry_remark x `
	remarksOf    = remarkCols + `WHERE x.org_id = $1 ORDER BY CASE WHEN x.settled = 0 THEN 0 ELSE 1 END, x.id DESC LIMIT 50`
	insertRemark = `INSERT INTO registry_remark (id, uuid, org_id, audience_id, contact, body, at, settled, settled_by) VALUES ($1,$2,$3,$4,$5,$6,$7,0,0)`
	setRemark    = `UPDATE registry_remark SET settled = $2, settled_by = $3 WHERE id = $1`
)

func staleContacts(ctx context.Context, tx *store.Tx, v Verification, now time.Time, most int) ([]int64, error) {
	before := func(n int) int64 { return micros(now.Add(-days(n))) }
	return store.All(ctx, tx, store.ScanInt64, stalePoints, before(v.EveryDays), before(v.NewDays), before(v.AgainDays), before(v.WithinDays), v.Most, most)
}

// letters counts what an address has been sent since a moment, and gives the latest.
func letters(ctx context.Context, tx *store.Tx, email string, since time.Time) (n int64, last time.Time, err error) {
	var at int64
	_, err = tx.Row(ctx, lettersTo, []any{email, micros(since)}, &n, &at)
	return n, instant(at), err
}

func writeAsk(ctx context.Context, tx *store.Tx, a Asking, email, hash string) error {
	if _, err := tx.Exec(ctx, insertAsk, a.id, email, hash, micros(a.At), micros(a.Ends)); err != nil {
		return err
	}
	for _, p := range a.Points {
		if _, err := tx.Exec(ctx, insertAsked, tx.DB().NewID(), a.id, p.Contact.ID); err != nil {
			return err
		}
	}
	return nil
}

func sweepLetters(ctx context.Context, tx *store.Tx, now, kept time.Time) error {
	for _, text := range []string{sweepAsked, sweepAsks} {
		if _, err := tx.Exec(ctx, text, micros(now), micros(kept)); err != nil {
			return err
		}
	}
	return nil
}

// findAsking reads a letter by its token's hash. Faults: NotFound.
func (s *Service) findAsking(ctx context.Context, tx *store.Tx, hash string) (a Asking, err error) {
	var at, ends int64
	found, err := tx.Row(ctx, askByToken, []any{hash}, &a.id, &at, &ends)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no such letter")
	}
	if err != nil {
		return a, err
	}
	a.At, a.Ends = instant(at), instant(ends)
	var ids []int64
	a.Points, err = store.All(ctx, tx, func(r store.Scanner) (p Point, err error) {
		var at int64
		err = r.Scan(&p.row, &p.Answer, &at, &p.Contact.ID)
		p.Answered = instant(at)
		ids = append(ids, p.Contact.ID)
		return p, err
	}, askedPoints, a.id)
	if err != nil || len(ids) == 0 {
		return a, err
	}
	contacts, err := s.fresh(ctx, tx, contactCols+`WHERE x.id IN `+store.In(ids))
	byID := map[int64]Contact{}
	for _, c := range contacts {
		byID[c.ID] = c
	}
	for i, p := range a.Points {
		a.Points[i].Contact = byID[p.Contact.ID]
	}
	return a, err
}

func (s *Service) contactByID(ctx context.Context, tx *store.Tx, id int64) (c Contact, found bool, err error) {
	list, err := s.fresh(ctx, tx, contactCols+`WHERE x.id = $1`, id)
	if len(list) == 0 {
		return c, false, err
	}
	return list[0], true, err
}

func answer(ctx context.Context, tx *store.Tx, p Point, word string, now time.Time) error {
	_, err := tx.Exec(ctx, setAnswer, p.row, word, micros(now))
	return err
}

func scanRemark(s store.Scanner) (r Remark, err error) {
	var at, settled int64
	err = s.Scan(&r.id, &r.UUID, &r.Contact, &r.Body, &at, &settled)
	r.At, r.Settled = instant(at), instant(settled)
	return
}

func listRemarks(ctx context.Context, tx *store.Tx, org int64) ([]Remark, error) {
	return store.All(ctx, tx, scanRemark, remarksOf, org)
}

func findRemark(ctx context.Context, tx *store.Tx, org int64, uuid string) (Remark, error) {
	return findPart(ctx, tx, scanRemark, remarkCols, org, strings.TrimSpace(uuid))
}

func writeRemark(ctx context.Context, tx *store.Tx, r Remark, o Organisation) error {
	_, err := tx.Exec(ctx, insertRemark, tx.DB().NewID(), r.UUID, o.ID, o.detail, r.Contact, r.Body, micros(r.At))
	return err
}

func settleRemark(ctx context.Context, tx *store.Tx, r Remark, by int64) error {
	_, err := tx.Exec(ctx, setRemark, r.id, micros(r.Settled), by)
	return err
}
