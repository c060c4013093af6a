package incident

import (
	"context"
	"strconv"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// query is a filter as SQL: conditions and their arguments.
type query struct {
	where []string
	args  []any
	col   string
	down  bool
	none  bool
}

func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *query) and(cond string) { q.where = append(q.where, cond) }

// few is up to how many hits of a word the list starts from the word; above it the
// list walks its order and probes the word, which then fills a page soon.
const few = 2000

func newQuery(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter) (*query, error) {
	q := &query{}
	var err error
	if q.col, q.down, err = f.order(); err != nil {
		return nil, err
	}
	q.and("c.merged_into = 0")
	seen, err := visible(ctx, tx, who)
	if err != nil {
		return nil, err
	}
	q.and(seen)
	switch f.State {
	case "":
	case "open":
		q.and("c.state IN ('new', 'in-progress', 'waiting')")
	default:
		q.and("c.state = " + q.arg(f.State))
	}
	if f.Mine {
		f.Lead = who.Person
	}
	if f.Lead != 0 {
		q.and("c.lead = " + q.arg(f.Lead))
	}
	if f.NoLead {
		q.and("c.lead = 0")
	}
	if f.Severity != "" {
		q.and("c.severity_rank = " + q.arg(rankOf(f.Severity)))
	}
	if f.UpdatedSince != 0 {
		q.and("c.updated >= " + q.arg(f.UpdatedSince))
	}
	if f.Org != 0 {
		q.and("c.id IN (SELECT o.case_id FROM incident_org o WHERE o.org = " + q.arg(f.Org) + ")")
	}
	if who.Kind == ident.Operator && (f.Query != "" || f.Org != 0 || f.Class != "") {
		q.none = true // the command line sees numbers, states and times: it cannot feel for content either
	}
	q.class(f.Class)
	return q, q.words(ctx, tx, queryWords(f.Query))
}

// visible gives the audience test in the shape that suits how much who sees: with
// few cases the audience's index finds them; with many the list walks its own
// order and tests each row, which a unary plus tells the planner on both engines.
func visible(ctx context.Context, tx *store.Tx, who ident.Actor) (string, error) {
	plain := access.VisibleScan(who, "c.audience_id")
	n, err := store.Int64(ctx, tx, `SELECT COUNT(*) FROM (SELECT 1 FROM incident_case c WHERE `+plain+` LIMIT `+strconv.Itoa(few+1)+`) x`)
	if n > few {
		plain = access.VisibleScan(who, "+c.audience_id")
	}
	return plain, err
}

// class matches a pair, or a class with all its pairs.
func (q *query) class(class string) {
	switch {
	case class == "":
	case strings.Contains(class, "/"):
		q.and("c.class = " + q.arg(class))
	default:
		q.and("c.class_of = " + q.arg(class))
	}
}

func (q *query) words(ctx context.Context, tx *store.Tx, words []string) error {
	for _, w := range words {
		n, err := store.Int64(ctx, tx, `SELECT COUNT(*) FROM (SELECT 1 FROM incident_word w WHERE w.word >= $1 AND w.word < $2 LIMIT `+strconv.Itoa(few+1)+`) x`, []byte(w), above(w))
		if err != nil {
			return err
		}
		switch lo, hi := q.arg([]byte(w)), q.arg(above(w)); {
		case n == 0:
			q.none = true
		case n <= few:
			q.and("c.id IN (SELECT w.case_id FROM incident_word w WHERE w.word >= " + lo + " AND w.word < " + hi + ")")
		default:
			q.and("EXISTS (SELECT 1 FROM incident_word w WHERE w.case_id = c.id AND w.word >= " + lo + " AND w.word < " + hi + ")")
		}
	}
	return nil
}

// above is behind every text that begins with w; words are bytes, so that both
// engines order them alike.
func above(w string) []byte { return append([]byte(w), 0xff) }

func (q *query) page(p Page) (string, []any) {
	op, dir := " > ", " ASC"
	if q.down {
		op, dir = " < ", " DESC"
	}
	where, args := strings.Join(q.where, " AND "), q.args
	if p.ID != 0 {
		args = append(args, p.Key, p.ID)
		k, id := "$"+strconv.Itoa(len(args)-1), "$"+strconv.Itoa(len(args))
		where += " AND (" + q.col + op + k + " OR " + q.col + " = " + k + " AND c.id" + op + id + ")"
	}
	return `SELECT ` + caseCols + ` FROM incident_case c WHERE ` + where + ` ORDER BY ` + q.col + dir + `, c.id` + dir + ` LIMIT ` + strconv.Itoa(p.Limit+1), args
}

func (q *query) count(most int) (string, []any) {
	return `SELECT COUNT(*) FROM (SELECT 1 FROM incident_case c WHERE ` + strings.Join(q.where, " AND ") + ` LIMIT ` + strconv.Itoa(most) + `) x`, q.args
}

func taskCounts(ids []int64) string {
	return `SELECT c.resolved_id, COUNT(*), SUM(CASE WHEN t.done > 0 THEN 1 ELSE 0 END) FROM incident_task t JOIN incident_case c ON c.id = t.case_id
		WHERE c.resolved_id IN ` + store.In(ids) + ` GROUP BY c.resolved_id`
}

const (
	viewsOf    = `SELECT id, name, query FROM incident_view WHERE person = $1 ORDER BY name`
	putView    = `INSERT INTO incident_view (id, person, name, query) VALUES ($1,$2,$3,$4) ON CONFLICT (person, name) DO UPDATE SET query = excluded.query`
	dropView   = `DELETE FROM incident_view WHERE id = $1 AND person = $2`
	countViews = `SELECT COUNT(*) FROM incident_view WHERE person = $1`

	putHandover = `INSERT INTO incident_handover (id, cert, audience_id, kind, shift, body, person, author, at, done, done_by) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,0,'')`
	tickOff     = `UPDATE incident_handover SET done = $3, done_by = $4 WHERE id = $1 AND cert = $2 AND kind = 'line'`
)

// handovers gives the lines not yet ticked off, and those of the last two days.
func handovers(who ident.Actor) string {
	return `SELECT h.id, h.kind, h.shift, h.body, h.author, h.at, h.done, h.done_by FROM incident_handover h
		WHERE h.cert = $1 AND (h.at > $2 OR h.kind = 'line' AND h.done = 0) AND ` + access.Visible(who, "h.audience_id") + ` ORDER BY h.at DESC, h.id DESC LIMIT 60`
}
