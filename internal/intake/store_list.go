package intake

import (
	"context"
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

func filterWhere(who ident.Actor, f Filter, ws []string, now int64) *where {
	w := &where{}
	switch f.State {
	case "":
	case "open":
		w.parts = append(w.parts, "r.state IN ('new', 'acknowledged')")
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
	for _, word := range ws {
		lo := w.arg([]byte(word))
		hi := w.arg(append([]byte(word), 0xff))
		w.parts = append(w.parts, "EXISTS (SELECT 1 FROM intake_word q WHERE q.report_id = r.id AND q.word >= "+lo+" AND q.word < "+hi+")")
	}
	// the rarest word also drives: SQLite and PostgreSQL then start from the word index
	if len(ws) > 0 {
		lo, hi := w.arg([]byte(ws[0])), w.arg(append([]byte(ws[0]), 0xff))
		w.parts = append(w.parts, "r.id IN (SELECT q.report_id FROM intake_word q WHERE q.word >= "+lo+" AND q.word < "+hi+")")
	}
	w.parts = append(w.parts, access.VisibleScan(who, "r.audience_id"))
	return w
}

func listReports(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter, ws []string, now int64, after cursor, limit int) ([]Report, error) {
	w := filterWhere(who, f, ws, now)
	col, op, dir := "r.due", ">", ""
	switch after.Sort {
	case ByReceived:
		col, op, dir = "r.received", "<", " DESC"
	case ByUpdated:
		col = "r.updated"
	}
	key := w.arg(after.Key)
	id := w.arg(after.ID)
	w.parts = append(w.parts, "("+col+", r.id) "+op+" ("+key+", "+id+")")
	return store.All(ctx, tx, scanReport, selectReport+strings.Join(w.parts, " AND ")+
		" ORDER BY "+col+dir+", r.id"+dir+" LIMIT "+strconv.Itoa(limit), w.args...)
}

func countReports(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter, ws []string, now int64) (int64, error) {
	w := filterWhere(who, f, ws, now)
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
