package incidenttest

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"straza/internal/incident"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

var (
	fillTitles   = []string{"Упад у мрежу", "Пецање података", "Заражен рачунар", "Ускраћивање услуге", "Цурење података"}
	fillClasses  = []string{"intrusions/system-compromise", "fraud/phishing", "malicious-code/infected-system", "availability/ddos", "information-content-security/data-leak"}
	fillStates   = []string{"closed", "closed", "closed", "closed", "resolved", "waiting", "in-progress", "new"}
	fillSeverity = []string{"", "low", "medium", "high", "very-high"}
)

// Fill enters n further cases straight into the tables, with their words, for
// measurements at size, not for rules. They have the CERT and audience of like;
// every fiftieth is led by lead.
func Fill(t testing.TB, w *World, like incident.Case, lead ident.Actor, n int) {
	t.Helper()
	ctx := context.Background()
	const batch = 5000
	for from := 0; from < n; from += batch {
		must(t, w.DB.Update(ctx, func(tx *store.Tx) error {
			audience, err := store.Int64(ctx, tx, `SELECT audience_id FROM incident_case WHERE id = $1`, like.ID)
			if err != nil {
				return err
			}
			ids := make([]int64, min(batch, n-from))
			for i := range ids {
				ids[i] = w.DB.NewID()
			}
			cols := []string{"id", "uuid", "number", "cert", "audience_id", "title", "summary", "state", "waiting", "lead", "lead_name", "severity", "severity_rank", "computed", "rule", "why",
				"facts", "tlp", "pap", "class", "class_of", "classes", "national", "sectors", "tags", "root_cause", "impact", "lessons", "retention", "aware", "answered", "opened", "closed",
				"updated", "merged_into", "resolved_id", "version"}
			if _, err := tx.CopyIn(ctx, "incident_case", cols, fillRows(w, ids, from, like.CERT, audience, lead)); err != nil {
				return err
			}
			_, err = tx.CopyIn(ctx, "incident_word", []string{"case_id", "word"}, fillWords(ids, from))
			return err
		}))
	}
	must(t, w.DB.Analyze(ctx))
}

func fillRows(w *World, ids []int64, from int, cert, audience int64, lead ident.Actor) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		now := clock.Micros(w.DB.Clock.Now())
		for i, id := range ids {
			k := from + i
			class, sev, who, name := fillClasses[k%5], k%5, int64(1000+k%40), "Неко"
			if k%50 == 0 {
				who, name = lead.Person, lead.Name
			}
			at := now - int64(k)*60_000_000
			row := []any{id, w.DB.NewUUID(), fmt.Sprintf("S-2025-%06d", k+1), cert, audience, fmt.Sprintf("%s %d", fillTitles[k%5], k), "Преузето.", fillStates[k%8], "", who, name, fillSeverity[sev], int64(sev),
				"", "", "", "{}", "AMBER", "AMBER", class, class[:len(class)-len(class[indexSlash(class):])], `["` + class + `"]`, "[]", "[]", "[]", "", "", "", "", at, int64(0), at, int64(0), at, int64(0), id, int64(1)}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func indexSlash(s string) int {
	for i := range s {
		if s[i] == '/' {
			return i
		}
	}
	return len(s)
}

func fillWords(ids []int64, from int) iter.Seq2[[]any, error] {
	titles := [][]string{{"upad", "mrezu"}, {"pecanje", "podataka"}, {"zarazen", "racunar"}, {"uskracivanje", "usluge"}, {"curenje", "podataka"}}
	return func(yield func([]any, error) bool) {
		for i, id := range ids {
			k := from + i
			for _, word := range append([]string{fmt.Sprintf("s-2025-%06d", k+1), fmt.Sprintf("rec%d", k)}, titles[k%5]...) {
				if !yield([]any{id, []byte(word)}, nil) {
					return
				}
			}
		}
	}
}

// FillNotes enters n notes of one case straight into the tables, each with the words of
// text and a number of its own, for measurements at size.
func FillNotes(t testing.TB, w *World, c incident.Case, n int, text string) {
	t.Helper()
	ctx := context.Background()
	must(t, w.DB.Update(ctx, func(tx *store.Tx) error {
		now := clock.Micros(w.DB.Clock.Now())
		ids := make([]int64, n)
		for i := range ids {
			ids[i] = w.DB.NewID()
		}
		copyIn := func(table string, cols []string, row func(i int, id int64) [][]any) error {
			_, err := tx.CopyIn(ctx, table, cols, func(yield func([]any, error) bool) {
				for i, id := range ids {
					for _, r := range row(i, id) {
						if !yield(r, nil) {
							return
						}
					}
				}
			})
			return err
		}
		if err := copyIn("incident_note", []string{"id", "case_id", "body", "person", "author", "at", "edited", "revision"}, func(i int, id int64) [][]any {
			return [][]any{{id, c.ID, fmt.Sprint(text, " ", i), int64(0), "", now + int64(i), int64(0), int64(1)}}
		}); err != nil {
			return err
		}
		if err := copyIn("incident_part", []string{"id", "case_id", "kind", "at"}, func(i int, id int64) [][]any {
			return [][]any{{id, c.ID, "note", now + int64(i)}}
		}); err != nil {
			return err
		}
		return copyIn("incident_part_word", []string{"part_id", "word"}, func(i int, id int64) [][]any {
			return [][]any{{id, []byte(i18n.Fold(text))}, {id, []byte(fmt.Sprint(i))}}
		})
	}))
	must(t, w.DB.Analyze(ctx))
}
