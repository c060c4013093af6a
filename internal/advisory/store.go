package advisory

import (
	"encoding/json"
	"strconv"

	"straza/internal/kernel/access"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const cols = `a.id, a.uuid, a.number, a.cert, a.state, a.level, a.tlp, a.readers, a.title, a.lead, a.affects, a.steps, a.body,
	a.created, a.updated, a.published, a.until, a.withdrawn, a.reason, a.version`

const (
	insertOne = `INSERT INTO advisory_advisory (id, uuid, number, cert, audience_id, state, level, tlp, readers, title, lead, affects, steps, body,
		folded, created, updated, until, version) VALUES ($1,$2,$3,$4,$5,'draft',$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$15,$16,1)`
	updateOne = `UPDATE advisory_advisory SET level = $3, tlp = $4, readers = $5, title = $6, lead = $7, affects = $8, steps = $9, body = $10,
		folded = $11, updated = $12, until = $13, version = version + 1 WHERE id = $1 AND version = $2`
	publishOne = `UPDATE advisory_advisory SET state = 'published', audience_id = $3, published = CASE WHEN published = 0 THEN $4 ELSE published END,
		updated = $4, until = $5, version = version + 1 WHERE id = $1 AND version = $2 AND state <> 'withdrawn'`
	withdrawOne = `UPDATE advisory_advisory SET state = 'withdrawn', withdrawn = $3, updated = $3, reason = $4, version = version + 1
		WHERE id = $1 AND version = $2 AND state = 'published'`
	addEdition = `INSERT INTO advisory_edition (id, advisory_id, edition, at, note, snapshot)
		SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), COALESCE(MAX(edition), 0) + 1, CAST($3 AS BIGINT), CAST($4 AS TEXT), CAST($5 AS TEXT)
		FROM advisory_edition WHERE advisory_id = $2`
	listEditions = `SELECT edition, at, note FROM advisory_edition WHERE advisory_id = $1 ORDER BY edition DESC`
)

func byNumber(who ident.Actor) string {
	return `SELECT ` + cols + ` FROM advisory_advisory a WHERE a.number = $1 AND ` + access.Visible(who, "a.audience_id")
}

func inForce(who ident.Actor) string {
	return `SELECT ` + cols + ` FROM advisory_advisory a WHERE a.state = 'published' AND a.until > $1 AND ` +
		access.Visible(who, "a.audience_id") + ` ORDER BY a.published DESC, a.id DESC LIMIT 20`
}

// listing builds the query of a page, newest change first; $1 and $2 are the keyset.
func listing(who ident.Actor, f Filter) (text string, args []any) {
	text = `SELECT ` + cols + ` FROM advisory_advisory a WHERE (a.updated < $1 OR (a.updated = $1 AND a.id < $2)) AND a.updated >= $3 AND ` +
		access.Visible(who, "a.audience_id")
	args = []any{f.UpdatedBefore, f.IDBefore, f.UpdatedSince}
	add := func(cond string, v any) {
		args = append(args, v)
		text += " AND " + cond + " $" + strconv.Itoa(len(args))
	}
	if f.State != "" {
		add("a.state =", f.State)
	}
	if f.Level != "" {
		add("a.level =", f.Level)
	}
	if f.Text != "" {
		add("a.folded LIKE", store.Like(i18n.Fold(f.Text)))
		text += ` ESCAPE '\'`
	}
	return text + ` ORDER BY a.updated DESC, a.id DESC LIMIT 51`, args
}

func scan(s store.Scanner) (a Advisory, err error) {
	var texts [5]string
	err = s.Scan(&a.ID, &a.UUID, &a.Number, &a.CERT, &a.State, &a.Level, &a.TLP, &a.Readers, &texts[0], &texts[1], &texts[2], &texts[3], &texts[4],
		&a.Created, &a.Updated, &a.Published, &a.Until, &a.Withdrawn, &a.Reason, &a.Version)
	if err != nil {
		return a, err
	}
	for i, t := range []*i18n.Text{&a.Title, &a.Lead, &a.Affects, &a.Steps, &a.Body} {
		if err = json.Unmarshal([]byte(texts[i]), t); err != nil {
			return a, err
		}
	}
	return a, nil
}

func scanEdition(s store.Scanner) (e Edition, err error) {
	var note string
	if err = s.Scan(&e.Edition, &e.At, &note); err == nil {
		err = json.Unmarshal([]byte(note), &e.Note)
	}
	return
}

func asJSON(t i18n.Text) string {
	b, _ := json.Marshal(t)
	return string(b)
}
