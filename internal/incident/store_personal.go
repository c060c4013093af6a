package incident

import (
	"context"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/store"
)

// caseTexts are the free texts of a case: id, number, time, text; searched in Go,
// because the engines fold letters differently.
var caseTexts = []struct{ table, column, text string }{
	{"incident_case", "title summary why facts root_cause impact lessons", `SELECT id, number, opened,
		title || ' ' || summary || ' ' || why || ' ' || CAST(facts AS TEXT) || ' ' || root_cause || ' ' || impact || ' ' || lessons FROM incident_case ORDER BY id`},
	{"incident_entry", "body source", `SELECT c.id, c.number, x.recorded, x.body || ' ' || x.source FROM incident_entry x JOIN incident_case c ON c.id = x.case_id ORDER BY x.id`},
	{"incident_note", "body", `SELECT c.id, c.number, x.at, x.body FROM incident_note x JOIN incident_case c ON c.id = x.case_id ORDER BY x.id`},
}

// most bounds an answer: an address that stands everywhere is no person's.
const most = 500

func casesNaming(ctx context.Context, tx *store.Tx, email string) (out []access.Held, err error) {
	for _, t := range caseTexts {
		var text string
		scan := func(s store.Scanner) (h access.Held, err error) {
			h.Table, h.Columns = t.table, []string{t.column}
			err = s.Scan(&h.ID, &h.Label, &h.At, &text)
			return
		}
		for h, err := range store.Each(ctx, tx, scan, t.text) {
			if err != nil {
				return out, err
			}
			if strings.Contains(strings.ToLower(text), email) {
				if out = append(out, h); len(out) == most {
					return out, nil
				}
			}
		}
	}
	return out, nil
}
