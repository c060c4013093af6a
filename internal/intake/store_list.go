package intake

import (
	"context"
	"errors"
	"strconv"
	"strings"

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

func filterWhere(who ident.Actor, f Filter, ws []string, rare bool, now int64) *where {
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
	for i, word := range ws {
		lo, hi := w.arg([]byte(word)), w.arg(append([]byte(word), 0xff))
		if i == 0 && rare { // few reports have this word: start from them
			w.parts = append(w.parts, "r.id IN (SELECT q.report_id FROM intake_word q WHERE q.word >= "+lo+" AND q.word < "+hi+")")
			continue
		}
		// a scalar, because PostgreSQL would turn EXISTS into a join with every such word
		w.parts = append(w.parts, "(SELECT 1 FROM intake_word q WHERE q.report_id = r.id AND q.word >= "+lo+" AND q.word < "+hi+" LIMIT 1) IS NOT NULL")
	}
	w.parts = append(w.parts, access.VisibleScan(who, "r.audience_id"))
	return w
}

// errNothing: a word that no report has ends the search before it begins.
var errNothing = errors.New("intake: no such word")

// rarest puts the word with the fewest hits first and tells whether they are few
// enough to start from: up to 2,000 ids are fetched faster than a hundredth of the
// queue is walked.
func rarest(ctx context.Context, tx *store.Tx, ws []string) ([]string, bool, error) {
	const few = 2000
	best, least := -1, int64(few+1)
	for i, word := range ws {
		n, err := store.Int64(ctx, tx, `SELECT COUNT(*) FROM (SELECT 1 FROM intake_word WHERE word >= $1 AND word < $2 LIMIT `+strconv.Itoa(few+1)+`) x`,
			[]byte(word), append([]byte(word), 0xff))
		if err != nil {
			return nil, false, err
		}
		if n == 0 {
			return nil, false, errNothing
		}
		if n < least {
			best, least = i, n
		}
	}
	if best < 0 {
		return ws, false, nil
	}
	out := append([]string{ws[best]}, ws[:best]...)
	return append(out, ws[best+1:]...), true, nil
}

// listReports finds the ids in a covering index, then fetches their rows.
func listReports(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter, ws []string, now int64, after cursor, limit int) ([]Report, error) {
	ws, rare, err := rarest(ctx, tx, ws)
	if errors.Is(err, errNothing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w := filterWhere(who, f, ws, rare, now)
	col, op, dir := "r.open_due", ">", ""
	switch after.Sort {
	case ByReceived:
		col, op, dir = "r.received", "<", " DESC"
	case ByUpdated:
		col = "r.updated"
	}
	key := w.arg(after.Key)
	id := w.arg(after.ID)
	w.parts = append(w.parts, "("+col+", r.id) "+op+" ("+key+", "+id+")")
	order := " ORDER BY " + col + dir + ", r.id" + dir
	ids, err := store.All(ctx, tx, store.ScanInt64, `SELECT r.id FROM intake_report r WHERE `+strings.Join(w.parts, " AND ")+order+" LIMIT "+strconv.Itoa(limit), w.args...)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return store.All(ctx, tx, scanReport, selectReport+"r.id IN "+store.In(ids)+order)
}

func countReports(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter, ws []string, now int64) (int64, error) {
	ws, rare, err := rarest(ctx, tx, ws)
	if errors.Is(err, errNothing) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	w := filterWhere(who, f, ws, rare, now)
	return store.Int64(ctx, tx, `SELECT COUNT(*) FROM (SELECT 1 FROM intake_report r WHERE `+strings.Join(w.parts, " AND ")+
		` LIMIT `+strconv.Itoa(maxCount+1)+`) x`, w.args...)
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
