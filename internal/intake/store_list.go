package intake

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"straza/internal/craft/export"
	"straza/internal/craft/search"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// where builds the condition of a filter; args are appended to in the order of their
// first use, as SQLite numbers parameters.
type where struct {
	parts []string
	args  []any
}

func (w *where) arg(v any) string {
	w.args = append(w.args, v)
	return "$" + strconv.Itoa(len(w.args))
}

func (w *where) eq(col string, v any) { w.parts = append(w.parts, col+" = "+w.arg(v)) }

func filterWhere(who ident.Actor, f Filter, now int64) *where {
	w := &where{}
	switch f.State {
	case "":
	case "open":
		w.parts = append(w.parts, "r.open_due > 0")
	default:
		w.eq("r.state", f.State)
	}
	for _, x := range []struct {
		col string
		val string
	}{{"r.type", string(f.Type)}, {"r.channel", string(f.Channel)}, {"r.tlp", f.TLP}} {
		if x.val != "" {
			w.eq(x.col, x.val)
		}
	}
	if f.Severity != "" {
		w.eq("r.severity", severityRank(f.Severity))
	}
	if f.Org != 0 {
		w.eq("r.org", f.Org)
	}
	if f.CERT != 0 {
		w.eq("r.cert", f.CERT)
	}
	if f.Mine {
		w.eq("r.assignee", who.Person)
	}
	if f.Late {
		w.parts = append(w.parts, "r.due < "+w.arg(now))
	}
	if f.Unread {
		w.parts = append(w.parts, "r.unread > 0")
	}
	if !f.Since.IsZero() {
		w.parts = append(w.parts, "r.updated >= "+w.arg(us(f.Since)))
	}
	w.parts = append(w.parts, access.VisibleScan(who, "r.audience_id"))
	return w
}

var wordIndex = search.Index{Table: "intake_word", Object: "report_id", List: "intake_report"}

// termsOf gives the words of a query, or the reports whose number was said: the whole of
// it, because the digits of another thing's number are no number of a report.
func termsOf(ctx context.Context, tx *store.Tx, query string) (search.Terms, error) {
	ws := queryWords(query)
	spans := make([]search.Span, len(ws))
	for i, w := range ws {
		spans[i] = search.Beginning(w)
	}
	terms, err := wordIndex.Terms(ctx, tx, spans)
	if err != nil || len(ws) != 1 {
		return terms, err
	}
	named, err := numbered(ctx, tx, folded(strings.TrimSpace(query)))
	return terms.Or(named), err
}

// unsealedReports are those whose text may be searched, by id.
const unsealedReports = selectReport + `NOT r.sealed AND NOT r.anonymous AND r.id > $1 ORDER BY r.id LIMIT $2`

// numbered gives the reports that a number as people say it leads to; said is folded.
func numbered(ctx context.Context, tx *store.Tx, said string) ([]int64, error) {
	numbers, err := store.NumbersTx(ctx, tx, "P", said)
	if err != nil || len(numbers) == 0 {
		return nil, err
	}
	args := make([]any, len(numbers))
	for i, n := range numbers {
		args[i] = n
	}
	return store.All(ctx, tx, store.ScanInt64, `SELECT r.id FROM intake_report r WHERE r.number IN (`+store.Marks(1, len(args))+`)`, args...)
}

// with gives the condition with a test of the words behind it, and the arguments.
func (w *where) with(test func(string, func(any) string) string, outer string) (cond, words string, args []any) {
	c := where{args: slices.Clone(w.args)}
	words = test(outer, c.arg)
	return strings.Join(w.parts, " AND "), words, c.args
}

// named narrows to a number as people say it; none = nothing is called so.
func (w *where) named(ctx context.Context, tx *store.Tx, said string) (none bool, err error) {
	if said == "" {
		return false, nil
	}
	ids, err := numbered(ctx, tx, folded(strings.TrimSpace(said)))
	w.parts = append(w.parts, "r.id IN "+store.In(ids))
	return len(ids) == 0, err
}

// sortCols are the columns of Sorts.
var sortCols = map[string]string{"due": "r.open_due", "received": "r.received", "updated": "r.updated", "severity": "r.severity"}

// listReports finds the ids in a covering index, then fetches their rows.
func listReports(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter, now int64, after cursor, limit int) ([]Report, error) {
	f = f.asked(who)
	terms, err := termsOf(ctx, tx, f.Query)
	if err != nil || terms.None() {
		return nil, err
	}
	w := filterWhere(who, f, now)
	if none, err := w.named(ctx, tx, f.Number); none || err != nil {
		return nil, err
	}
	name, down := strings.CutPrefix(after.Sort, "-")
	col, op, dir := sortCols[name], ">", ""
	if down {
		op, dir = "<", " DESC"
	}
	if after.back {
		op, dir = map[string]string{">": "<", "<": ">"}[op], map[string]string{"": " DESC", " DESC": ""}[dir]
	}
	key := w.arg(after.Key)
	id := w.arg(after.ID)
	w.parts = append(w.parts, "("+col+", r.id) "+op+" ("+key+", "+id+")")
	order := " ORDER BY " + col + dir + ", r.id" + dir
	var ids []int64
	for _, text := range idShapes(terms, w, col, order, limit) {
		q, args := text()
		if ids, err = store.All(ctx, tx, store.ScanInt64, q, args...); err != nil || len(ids) >= limit {
			break
		}
	}
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return store.All(ctx, tx, scanReport, selectReport+"r.id IN "+store.In(ids)+order)
}

// idShapes gives the statements of one page's ids: whoever gets fewer than limit from
// one asks the next.
func idShapes(terms search.Terms, w *where, col, order string, limit int) []func() (string, []any) {
	end := order + " LIMIT " + strconv.Itoa(limit)
	plain := func(test func(string, func(any) string) string) func() (string, []any) {
		return func() (string, []any) {
			cond, words, args := w.with(test, "r.id")
			return `SELECT r.id FROM intake_report r WHERE ` + cond + " AND " + words + end, args
		}
	}
	walk := func() (string, []any) {
		cond, words, args := w.with(terms.Probe, "r.id")
		return `SELECT r.id FROM (SELECT r.id, ` + col + ` FROM intake_report r WHERE ` + cond + order + " LIMIT " + strconv.Itoa(search.Walked) + ") r WHERE " + words + end, args
	}
	switch {
	case !terms.Any(), terms.Rare():
		return []func() (string, []any){plain(terms.Start)}
	}
	return []func() (string, []any){walk, plain(terms.Set)}
}

func countReports(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter, now int64) (int64, error) {
	f = f.asked(who)
	terms, err := termsOf(ctx, tx, f.Query)
	if err != nil || terms.None() {
		return 0, err
	}
	test := terms.Set
	if terms.Rare() {
		test = terms.Start
	}
	w := filterWhere(who, f, now)
	if none, err := w.named(ctx, tx, f.Number); none || err != nil {
		return 0, err
	}
	cond, words, args := w.with(test, "r.id")
	return store.Int64(ctx, tx, `SELECT COUNT(*) FROM (SELECT 1 FROM intake_report r WHERE `+cond+" AND "+words+
		` LIMIT `+strconv.Itoa(maxCount+1)+`) x`, args...)
}

// extent counts what an export of a filter holds, and the strictest label in it.
func extent(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter, now int64) (x export.Extent, err error) {
	f = f.asked(who)
	terms, err := termsOf(ctx, tx, f.Query)
	if err != nil || terms.None() {
		return x, err
	}
	test := terms.Set
	if terms.Rare() {
		test = terms.Start
	}
	w := filterWhere(who, f, now)
	if none, err := w.named(ctx, tx, f.Number); none || err != nil {
		return x, err
	}
	cond, words, args := w.with(test, "r.id")
	_, err = store.All(ctx, tx, func(sc store.Scanner) (n int64, err error) {
		var label string
		if err = sc.Scan(&label, &n); err == nil {
			x.Add(export.Level(label), n)
		}
		return n, err
	}, `SELECT r.tlp, COUNT(*) FROM intake_report r WHERE `+cond+" AND "+words+` GROUP BY r.tlp`, args...)
	return x, err
}

// weekRow is one report of the weeks that the home page counts.
type weekRow struct{ received, triaged int64 }

// receivedBetween streams when reports came and were decided, anonymous ones without
// their rounded answer time. Withdrawn copies of hand-overs are not counted twice.
func receivedBetween(ctx context.Context, tx *store.Tx, cert, from, until int64, each func(weekRow)) error {
	for r, err := range store.Each(ctx, tx, func(sc store.Scanner) (r weekRow, err error) { err = sc.Scan(&r.received, &r.triaged); return },
		`SELECT received, CASE WHEN anonymous THEN 0 ELSE triaged END FROM intake_report
		WHERE received >= $1 AND received < $2 AND cert = $3 AND from_report = 0`, from, until, cert) {
		if err != nil {
			return err
		}
		each(r)
	}
	return nil
}
