package incident

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"straza/internal/kernel/store"
)

// columns are the tables that acts change, and everything of a row but its id.
var columns = map[string][]string{
	"incident_case": {"title", "summary", "state", "waiting", "lead", "lead_name", "severity", "severity_rank", "computed", "rule", "why",
		"facts", "tlp", "pap", "class", "class_of", "classes", "national", "sectors", "tags", "root_cause", "impact", "lessons", "retention",
		"aware", "answered", "closed", "merged_into", "audience_id"},
	"incident_org":      {"case_id", "org", "name"},
	"incident_party":    {"uuid", "case_id", "org", "name", "audience_id", "number", "subject", "tlp", "state", "deadline", "thread", "created", "updated", "answered"},
	"incident_task":     {"case_id", "title", "due", "assignee", "assignee_name", "done", "done_by", "created"},
	"incident_entry":    {"case_id", "kind", "happened", "zone", "recorded", "body", "source", "technique", "author"},
	"incident_note":     {"case_id", "body", "person", "author", "at", "edited", "revision"},
	"incident_measure":  {"case_id", "what", "who", "state", "requested", "active", "removed"},
	"incident_link":     {"case_id", "kind", "ref", "label", "relation", "at", "author"},
	"incident_evidence": {"case_id"}, // only ever moved, by a split
}

// known refuses what is no column of ours: names come from the journal, too.
func known(table string, cols []string) error {
	for _, c := range cols {
		if !slices.Contains(columns[table], c) {
			return fmt.Errorf("journal: %s.%s is not kept", table, c)
		}
	}
	return nil
}

func readRow(ctx context.Context, tx *store.Tx, table string, id int64, cols []string) (map[string]any, error) {
	if err := known(table, cols); err != nil {
		return nil, err
	}
	vals, at := make([]any, len(cols)), make([]any, len(cols))
	for i := range vals {
		at[i] = &vals[i]
	}
	found, err := tx.Row(ctx, "SELECT "+strings.Join(cols, ", ")+" FROM "+table+" WHERE id = $1", []any{id}, at...)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, missing(strings.TrimPrefix(table, "incident_"))
	}
	out := map[string]any{}
	for i, c := range cols {
		out[c] = plain(vals[i])
	}
	return out, nil
}

func updateRow(ctx context.Context, tx *store.Tx, table string, id int64, cols map[string]any) error {
	names := slices.Sorted(maps.Keys(cols))
	if err := known(table, names); err != nil {
		return err
	}
	set, args := make([]string, len(names)), []any{id}
	for i, n := range names {
		set[i], args = n+" = $"+strconv.Itoa(i+2), append(args, cols[n])
	}
	if _, err := tx.Exec(ctx, "UPDATE "+table+" SET "+strings.Join(set, ", ")+" WHERE id = $1", args...); err != nil {
		return err
	}
	return indexPart(ctx, tx, table, id, false)
}

func insertRow(ctx context.Context, tx *store.Tx, table string, id int64, cols map[string]any) error {
	names := slices.Sorted(maps.Keys(cols))
	if err := known(table, names); err != nil {
		return err
	}
	args := []any{id}
	for _, n := range names {
		args = append(args, cols[n])
	}
	if _, err := tx.Exec(ctx, "INSERT INTO "+table+" (id, "+strings.Join(names, ", ")+") VALUES ("+store.Marks(1, len(names)+1)+")", args...); err != nil {
		return err
	}
	return indexPart(ctx, tx, table, id, false)
}

func deleteRow(ctx context.Context, tx *store.Tx, table string, id int64) error {
	if err := indexPart(ctx, tx, table, id, true); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE id = $1", id)
	return err
}

// belongs tells whether a row is of the case or of one merged into it.
func belongs(ctx context.Context, tx *store.Tx, table string, id, head int64) (bool, error) {
	n, err := store.Int64(ctx, tx, "SELECT 1 FROM "+table+" x JOIN incident_case c ON c.id = x.case_id WHERE x.id = $1 AND c.resolved_id = $2", id, head)
	return n == 1, err
}

const (
	insertAct = `INSERT INTO incident_act (id, case_id, at, person, author, verb, label, fields, changes, version, undoes, undone_by)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,0)`
	actCols    = `a.id, a.case_id, a.at, a.author, a.verb, a.label, a.fields, a.changes, a.undoes, a.undone_by, a.person = 0`
	oneAct     = `SELECT ` + actCols + ` FROM incident_act a WHERE a.id = $1`
	actsOf     = `SELECT ` + actCols + ` FROM incident_act a JOIN incident_case c ON c.id = a.case_id WHERE c.resolved_id = $1 AND a.id < $2 ORDER BY a.id DESC LIMIT 200`
	actsSince  = `SELECT ` + actCols + ` FROM incident_act a WHERE a.case_id = $1 AND a.version > $2 ORDER BY a.id DESC LIMIT 50`
	markUndone = `UPDATE incident_act SET undone_by = $2 WHERE id = $1`
	// openedByLink counts the opening of the link's case by what is linked.
	openedByLink = `SELECT COUNT(*) FROM incident_link l JOIN incident_act a ON a.case_id = l.case_id AND a.verb = 'open' AND a.label = l.label WHERE l.id = $1`
	touchedSince = `SELECT COUNT(*) FROM incident_act a WHERE a.case_id = $1 AND a.verb NOT IN ('open', 'unlink')`
	unundo       = `UPDATE incident_act SET undone_by = 0 WHERE id = $1`
)

func scanAct(s store.Scanner) (a Act, err error) {
	err = s.Scan(&a.ID, &a.caseID, &a.At, &a.Author, &a.Verb, &a.Label, &a.Fields, &a.changes, &a.Undoes, &a.undoneBy, &a.Program)
	a.Undone = a.undoneBy != 0
	return
}
