package incident

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"straza/internal/craft/export"
	"straza/internal/craft/search"
	"straza/internal/kernel/access"
	"straza/internal/kernel/i18n"
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
	with  string // the few cases that who sees, when they are few: what the list then starts from
	terms search.Terms
}

var wordIndex = search.Index{Table: "incident_word", Object: "case_id", List: "incident_case"}

func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *query) and(cond string) { q.where = append(q.where, cond) }

// few is up to how many cases that somebody sees the list starts from them.
const few = 2000

func newQuery(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter) (*query, error) {
	q := &query{}
	var err error
	if q.col, q.down, err = f.order(); err != nil {
		return nil, err
	}
	q.and("c.merged_into = 0")
	if err := q.visible(ctx, tx, who); err != nil {
		return nil, err
	}
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
	if who.Kind == ident.Operator && (f.Query != "" || f.Number != "" || f.Org != 0 || f.Class != "") {
		q.none = true // the command line sees numbers, states and times: it cannot feel for content either
	}
	q.class(f.Class)
	return q, q.words(ctx, tx, f)
}

// words tests what was typed: beginnings of words, or a number as people say it.
func (q *query) words(ctx context.Context, tx *store.Tx, f Filter) error {
	named, err := numbered(ctx, tx, f.Query+f.Number)
	if err != nil {
		return err
	}
	if f.Number != "" {
		q.and("c.id IN " + store.In(named))
		q.none = q.none || len(named) == 0
		return nil
	}
	words := queryWords(f.Query)
	if len(words) == 0 && strings.TrimSpace(f.Query) != "" { // signs alone are no word of anything
		q.none = true
	}
	if q.terms, err = wordIndex.Terms(ctx, tx, spansOf(words)); err != nil {
		return err
	}
	q.terms = q.terms.Or(named)
	q.none = q.none || q.terms.None()
	return nil
}

func spansOf(words []string) []search.Span {
	spans := make([]search.Span, len(words))
	for i, w := range words {
		spans[i] = search.Beginning(w)
	}
	return spans
}

// numbered gives the cases that a number as people say it leads to.
func numbered(ctx context.Context, tx *store.Tx, said string) ([]int64, error) {
	numbers, err := store.NumbersTx(ctx, tx, "S", strings.TrimSpace(i18n.Fold(said)))
	if err != nil || len(numbers) == 0 {
		return nil, err
	}
	args := make([]any, len(numbers))
	for i, n := range numbers {
		args[i] = n
	}
	return store.All(ctx, tx, store.ScanInt64, `SELECT c.resolved_id FROM incident_case c WHERE c.number IN (`+store.Marks(1, len(args))+`)`, args...)
}

// visible gives the audience test in the shape that suits how much who sees. Few
// cases are found by the audience's index first and alone: left to choose, each
// engine walks another index through everybody else's cases. With many the list
// walks its own order and tests each row, which a unary plus tells both planners.
func (q *query) visible(ctx context.Context, tx *store.Tx, who ident.Actor) error {
	seen, all, err := access.Seen(ctx, tx, who, "incident_case", "updated")
	if err != nil {
		return err
	}
	if all {
		q.and(access.VisibleScan(who, "+c.audience_id"))
		return nil
	}
	in := "audience_id IN " + store.In(seen)
	ids, err := store.All(ctx, tx, store.ScanInt64, `SELECT v.id FROM incident_case v WHERE v.`+in+` LIMIT `+strconv.Itoa(few+1))
	if len(ids) > few {
		q.and("+c." + in)
		return err
	}
	q.with = "WITH seen AS MATERIALIZED (SELECT v.id FROM incident_case v WHERE v." + in + ") "
	return err
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

// rows gives what a list selects from, with every test but the words': with few
// visible cases those, by their ids. CROSS: SQLite then keeps this order.
func (q *query) rows() string {
	where := strings.Join(q.where, " AND ")
	if q.with != "" {
		return "seen CROSS JOIN incident_case c WHERE c.id = seen.id AND " + where
	}
	return "incident_case c WHERE " + where
}

func (q *query) order() string {
	dir := " ASC"
	if q.down {
		dir = " DESC"
	}
	return " ORDER BY " + q.col + dir + ", c.id" + dir + " LIMIT "
}

// after goes on behind the last row of the page before.
func (q *query) after(p Page) {
	if p.ID == 0 {
		return
	}
	op := " > "
	if q.down {
		op = " < "
	}
	q.and("(" + q.col + ", c.id)" + op + "(" + q.arg(p.Key) + ", " + q.arg(p.ID) + ")")
}

// pages gives the statements of one page: whoever gets fewer rows than limit from
// one asks the next.
func (q *query) pages(limit int) []func() (string, []any) {
	n := strconv.Itoa(limit)
	plain := func(test func(string, func(any) string) string) func() (string, []any) {
		return func() (string, []any) {
			c := query{args: slices.Clone(q.args)}
			words := test("c.id", c.arg)
			return q.with + "SELECT " + caseCols + " FROM " + q.rows() + " AND " + words + q.order() + n, c.args
		}
	}
	walk := func() (string, []any) {
		c := query{args: slices.Clone(q.args)}
		words := q.terms.Probe("c.id", c.arg)
		return "SELECT " + caseCols + " FROM (SELECT c.* FROM " + q.rows() + q.order() + strconv.Itoa(search.Walked) + ") c WHERE " + words + q.order() + n, c.args
	}
	switch {
	case q.with != "" || !q.terms.Any():
		return []func() (string, []any){plain(q.terms.Probe)}
	case q.terms.Rare():
		return []func() (string, []any){plain(q.terms.Start)}
	}
	return []func() (string, []any){walk, plain(q.terms.Set)}
}

func (q *query) count(most int) (string, []any) {
	test := q.terms.Set
	switch {
	case q.with != "" || !q.terms.Any():
		test = q.terms.Probe
	case q.terms.Rare():
		test = q.terms.Start
	}
	c := query{args: slices.Clone(q.args)}
	return q.with + "SELECT COUNT(*) FROM (SELECT 1 FROM " + q.rows() + " AND " + test("c.id", c.arg) + " LIMIT " + strconv.Itoa(most) + ") x", c.args
}

// labels counts what the list finds by label.
func (q *query) labels() (string, []any) {
	test := q.terms.Set
	switch {
	case q.with != "" || !q.terms.Any():
		test = q.terms.Probe
	case q.terms.Rare():
		test = q.terms.Start
	}
	c := query{args: slices.Clone(q.args)}
	return q.with + "SELECT c.tlp, COUNT(*) FROM " + q.rows() + " AND " + test("c.id", c.arg) + " GROUP BY c.tlp", c.args
}

// extent counts what an export of a filter holds, and the strictest label in it.
func extent(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter) (x export.Extent, err error) {
	q, err := newQuery(ctx, tx, who, f)
	if err != nil || q.none {
		return x, err
	}
	text, args := q.labels()
	_, err = store.All(ctx, tx, func(sc store.Scanner) (n int64, err error) {
		var label string
		if err = sc.Scan(&label, &n); err == nil {
			x.Add(export.Level(label), n)
		}
		return n, err
	}, text, args...)
	return x, err
}

func taskCounts(ids []int64) string {
	return `SELECT c.resolved_id, COUNT(*), SUM(CASE WHEN t.done > 0 THEN 1 ELSE 0 END) FROM incident_task t JOIN incident_case c ON c.id = t.case_id
		WHERE c.resolved_id IN ` + store.In(ids) + ` GROUP BY c.resolved_id`
}

const (
	putHandover = `INSERT INTO incident_handover (id, uuid, cert, audience_id, kind, shift, body, person, author, at, done, done_by) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,0,'')`
	tickOff     = `UPDATE incident_handover SET done = $3, done_by = $4 WHERE uuid = $1 AND cert = $2 AND kind = 'line' RETURNING id`
)

// handovers gives the lines not yet ticked off, and those of the last two days.
func handovers(who ident.Actor) string {
	return `SELECT h.uuid, h.kind, h.shift, h.body, h.author, h.at, h.done, h.done_by FROM incident_handover h
		WHERE h.cert = $1 AND (h.at > $2 OR h.kind = 'line' AND h.done = 0) AND ` + access.Visible(who, "h.audience_id") + ` ORDER BY h.at DESC, h.id DESC LIMIT 60`
}
