package incident

import (
	"context"
	"strconv"

	"straza/internal/craft/search"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// partTexts are the parts that search finds: what of a row is words, and its moment.
var partTexts = map[string]struct {
	kind, at string
	words    []string
}{
	"incident_entry":   {"entry", "happened", []string{"body", "source"}},
	"incident_note":    {"note", "at", []string{"body"}},
	"incident_task":    {"task", "created", []string{"title", "assignee_name"}},
	"incident_measure": {"measure", "requested", []string{"what", "who"}},
	"incident_party":   {"party", "created", []string{"name", "subject"}},
}

var partIndex = search.Index{Table: "incident_part_word", Object: "part_id", List: "incident_part"}

// maxPartWords caps the index of one part.
const maxPartWords = 400

// indexPart rewrites the words of a part from its row; a part that is gone has none.
// Part of every write of such a row (insertRow, updateRow, deleteRow).
func indexPart(ctx context.Context, tx *store.Tx, table string, id int64, gone bool) error {
	p, known := partTexts[table]
	if !known {
		return nil
	}
	if gone {
		if err := partIndex.Rewrite(ctx, tx, id, nil); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM incident_part WHERE id = $1`, id)
		return err
	}
	row, err := readRow(ctx, tx, table, id, append([]string{"case_id", p.at}, p.words...))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO incident_part (id, case_id, kind, at) VALUES ($1,$2,$3,$4)
		ON CONFLICT (id) DO UPDATE SET case_id = excluded.case_id, at = excluded.at`, id, row["case_id"], p.kind, row[p.at]); err != nil {
		return err
	}
	var list []string
	for _, col := range p.words {
		text, _ := row[col].(string)
		list = search.Words(list, text, maxPartWords)
	}
	return partIndex.Rewrite(ctx, tx, id, list)
}

// unindexed gives parts of a table that have no words yet.
func unindexed(table string) string {
	return `SELECT x.id FROM ` + table + ` x WHERE NOT EXISTS (SELECT 1 FROM incident_part p WHERE p.id = x.id) ORDER BY x.id LIMIT $1`
}

const mentionCols = `p.id, p.kind, p.at, h.id, h.number, h.title`

func scanMention(s store.Scanner) (m Mention, err error) {
	err = s.Scan(&m.ID, &m.Kind, &m.At, &m.CaseID, &m.Number, &m.Title)
	return
}

// mentionPages are the shapes of one page of parts: a rare word begins; common ones
// are walked from the newest part, then intersected. Visibility is the case's that the
// part's leads to.
func mentionPages(who ident.Actor, terms search.Terms, limit int) []func() (string, []any) {
	return terms.Newest("incident_part", "p", "w.at DESC, w.id DESC", func(from, words string) string {
		return "SELECT " + mentionCols + " FROM " + from + " JOIN incident_case c ON c.id = p.case_id JOIN incident_case h ON h.id = c.resolved_id WHERE " +
			words + " AND " + access.VisibleScan(who, "h.audience_id") + " ORDER BY p.at DESC, p.id DESC LIMIT " + strconv.Itoa(limit)
	})
}
