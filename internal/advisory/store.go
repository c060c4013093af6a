package advisory

import (
	"encoding/json"
	"strconv"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const cols = `a.id, a.uuid, a.number, a.cert, a.state, a.level, a.tlp, a.readers, a.title, a.lead, a.affects, a.steps, a.body,
	a.created, a.updated, a.published, a.until, a.withdrawn, a.reason, a.version,
	COALESCE((SELECT e.snapshot FROM advisory_edition e WHERE e.advisory_id = a.id ORDER BY e.edition DESC LIMIT 1), '')`

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

// byOne finds by number or uuid.
func byOne(who ident.Actor, column string) string {
	return `SELECT ` + cols + ` FROM advisory_advisory a WHERE a.` + column + ` = $1 AND ` + access.Visible(who, "a.audience_id")
}

// inForce: $1 is now, $2 how long a warning holds that says nothing itself. An
// edition in preparation does not take the last one off the page.
func inForce(who ident.Actor) string {
	return `SELECT ` + cols + ` FROM advisory_advisory a WHERE a.state = 'published' AND (a.until > $1 OR a.until = 0 AND
		$1 - $2 < (SELECT MAX(e.at) FROM advisory_edition e WHERE e.advisory_id = a.id)) AND ` +
		access.Visible(who, "a.audience_id") + ` ORDER BY a.published DESC, a.id DESC LIMIT 20`
}

// stateOrder is the order of a warning's life.
const stateOrder = `CAST(CASE a.state WHEN 'draft' THEN 1 WHEN 'published' THEN 2 ELSE 3 END AS BIGINT)`

// listing builds the query of a page; $1 and $2 are the keyset. Text and level are
// the ones being written, so they are tested here for the reader's own team only.
func listing(who ident.Actor, f Filter) (text string, args []any) {
	name, down := strings.CutPrefix(f.order(), "-")
	key, after, order := "a.updated", ">", "ASC"
	if down {
		after, order = "<", "DESC"
	}
	if name == "state" {
		key = stateOrder
	}
	text = `SELECT ` + cols + ` FROM advisory_advisory a WHERE (` + key + after + ` $1 OR (` + key + ` = $1 AND a.id ` + after +
		` $2)) AND a.updated >= $3 AND ` + access.Visible(who, "a.audience_id")
	args = []any{f.UpdatedBefore, f.IDBefore, f.UpdatedSince}
	mark := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	if f.State != "" {
		text += ` AND a.state = ` + mark(f.State)
	}
	if f.Level != "" {
		text += ` AND (a.cert <> ` + mark(who.CERT) + ` OR a.level = ` + mark(f.Level) + `)`
	}
	if f.Text != "" {
		text += ` AND (a.cert <> ` + mark(who.CERT) + ` OR a.folded LIKE ` + mark(store.Like(i18n.Fold(f.Text))) + ` ESCAPE '\'`
		for _, n := range f.said {
			text += ` OR a.number = ` + mark(n)
		}
		text += `)`
	}
	return text + ` ORDER BY ` + key + ` ` + order + `, a.id ` + order + ` LIMIT ` + strconv.Itoa(f.Limit+1), args
}

func scan(s store.Scanner) (a Advisory, err error) {
	var texts [5]string
	err = s.Scan(&a.ID, &a.UUID, &a.Number, &a.CERT, &a.State, &a.Level, &a.TLP, &a.Readers, &texts[0], &texts[1], &texts[2], &texts[3], &texts[4],
		&a.Created, &a.Updated, &a.Published, &a.Until, &a.Withdrawn, &a.Reason, &a.Version, &a.edition)
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
