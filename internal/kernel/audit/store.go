package audit

import (
	"strconv"
	"strings"
)

const (
	insertLine = `INSERT INTO audit_line (id, at, actor, person, org, cert, channel, request, verb, kind, object, label, detail, salt, leaf, mac)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16)`
	linesOf   = `SELECT id, leaf FROM audit_line WHERE kind = $1 AND object = $2`
	eraseLine = `UPDATE audit_line SET detail = '{}', label = '', salt = '', erased = $2 WHERE id = $1`

	waiting    = `SELECT id, leaf FROM audit_line WHERE leaf_no IS NULL ORDER BY id LIMIT 1000`
	treeSize   = `SELECT COALESCE(MAX(leaf_no) + 1, 0) FROM audit_line`
	setLeafNo  = `UPDATE audit_line SET leaf_no = $2 WHERE id = $1`
	insertHash = `INSERT INTO audit_hash (idx, hash) VALUES ($1,$2)`
	readHash   = `SELECT hash FROM audit_hash WHERE idx = $1`
	insertMark = `INSERT INTO audit_checkpoint (size, root, at, note) VALUES ($1,$2,$3,$4) ON CONFLICT DO NOTHING`
	lastMark   = `SELECT size, at FROM audit_checkpoint ORDER BY size DESC LIMIT 1`
	allMarks   = `SELECT size, root, at, note FROM audit_checkpoint ORDER BY size`

	lineCols = `id, at, actor, person, org, cert, channel, request, verb, kind, object, label, detail, COALESCE(leaf_no, -1), erased`
	allLines = `SELECT id, at, actor, person, org, cert, channel, request, verb, kind, object, label, detail, salt, leaf, mac, erased, leaf_no
		FROM audit_line ORDER BY leaf_no IS NULL, leaf_no, id`
	someWaiting = `SELECT 1 FROM audit_line WHERE leaf_no IS NULL LIMIT 1`
	newestLine  = `SELECT MAX(id) FROM audit_line`
	allHashes   = `SELECT idx, hash FROM audit_hash ORDER BY idx`
	allInOrder  = `SELECT ` + lineCols + ` FROM audit_line ORDER BY id`
	// pgLock lets one transaction at a time number lines, on all nodes together.
	pgLock = `SELECT pg_advisory_xact_lock(7287001)`
)

// conditions builds the WHERE of a filter.
func conditions(f Filter) (where string, args []any) {
	parts := []string{"1 = 1"}
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	add := func(cond string, v any) { parts = append(parts, cond+" "+arg(v)) }
	if f.Kind != "" {
		add("kind =", f.Kind)
	}
	if f.Object != 0 {
		add("object =", f.Object)
	}
	if f.Person != 0 {
		add("person =", f.Person)
	}
	if f.Verb != "" { // a range instead of LIKE: same on both engines
		add("verb >=", f.Verb)
		add("verb <", f.Verb+"\uffff")
	}
	if f.From != 0 {
		add("at >=", f.From)
	}
	if f.To != 0 {
		add("at <", f.To)
	}
	var either []string
	if len(f.Verbs) > 0 {
		marks := make([]string, len(f.Verbs))
		for i, v := range f.Verbs {
			marks[i] = arg(v)
		}
		either = append(either, "verb IN ("+strings.Join(marks, ",")+")")
	}
	if f.Label != "" {
		either = append(either, "label = "+arg(f.Label))
	}
	if len(either) > 0 {
		parts = append(parts, "("+strings.Join(either, " OR ")+")")
	}
	if f.Behind != nil {
		parts = append(parts, "(at, id) < ("+arg(f.Behind.At)+", "+arg(f.Behind.ID)+")")
	}
	return strings.Join(parts, " AND "), args
}

// listing builds the query of a filtered page of the log.
func listing(f Filter) (text string, args []any) {
	where, args := conditions(f)
	return "SELECT " + lineCols + " FROM audit_line WHERE " + where + " ORDER BY at DESC, id DESC LIMIT " + strconv.Itoa(f.Limit), args
}

// seeking finds the last of the lines that are passed over: an index alone answers it
// where the filter is one of person, or none.
func seeking(f Filter) (text string, args []any) {
	where, args := conditions(f)
	return "SELECT at, id FROM audit_line WHERE " + where + " ORDER BY at DESC, id DESC LIMIT 1 OFFSET " + strconv.Itoa(min(f.Skip, skipMost)-1), args
}

// counting counts a filter's lines, up to most; 0 = all.
func counting(f Filter, most int) (text string, args []any) {
	where, args := conditions(f)
	if most == 0 {
		return "SELECT COUNT(*) FROM audit_line WHERE " + where, args
	}
	return "SELECT COUNT(*) FROM (SELECT 1 FROM audit_line WHERE " + where + " LIMIT " + strconv.Itoa(most) + ") n", args
}

// eachOnce lists the values of a column by leaping through its index: there are a hundred
// among millions of lines.
func eachOnce(col string) string {
	return `WITH RECURSIVE v (x) AS (SELECT MIN(` + col + `) FROM audit_line UNION ALL
		SELECT (SELECT MIN(l.` + col + `) FROM audit_line l WHERE l.` + col + ` > v.x) FROM v WHERE v.x IS NOT NULL)
		SELECT x FROM v WHERE x IS NOT NULL ORDER BY x`
}
