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

// listing builds the query of a filtered page of the log.
func listing(f Filter) (text string, args []any) {
	where := []string{"1 = 1"}
	add := func(cond string, v any) {
		args = append(args, v)
		where = append(where, cond+" $"+strconv.Itoa(len(args)))
	}
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
	if f.Label != "" {
		add("label =", f.Label)
	}
	if f.Before != 0 {
		add("id <", f.Before)
	}
	return "SELECT " + lineCols + " FROM audit_line WHERE " + strings.Join(where, " AND ") +
		" ORDER BY id DESC LIMIT " + strconv.Itoa(f.Limit), args
}
