package intaketest

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"testing"

	"straza/internal/intake"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/store"
)

var (
	fillTitles = []string{"Лажна порука о пошиљци тражи картицу", "Датотеке на рачунару су закључане", "Неко је ушао у налог е-поште", "Сајт не ради од јутрос", "Погађање лозинки на порталу", "Директор наводно тражи хитну уплату"}
	fillStates = []intake.State{intake.Accepted, intake.Rejected, intake.Duplicate, intake.Accepted, intake.Acknowledged}
	fillTypes  = []intake.Type{intake.Incident, intake.Incident, intake.Incident, intake.Threat, intake.Question}
)

// Fill writes n further reports straight into the tables, with their search words,
// for measurements at size, not for rules. They are like another one: its audience,
// CERT and submission.
func Fill(t testing.TB, db *store.DB, like intake.Report, n int) {
	t.Helper()
	ctx := context.Background()
	var audience, submission int64
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(db.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Row(ctx, `SELECT audience_id, submission_id FROM intake_report WHERE id = $1`, []any{like.ID}, &audience, &submission)
		return err
	}))
	const batch = 5000
	for from := 0; from < n; from += batch {
		check(db.Update(ctx, func(tx *store.Tx) error {
			ids := make([]int64, min(batch, n-from))
			for i := range ids {
				ids[i] = db.NewID()
			}
			cols := strings.Fields("id uuid number cert submission_id channel lang sealed anonymous what title type state org sector severity tlp assignee duplicate_of case_id triage received acked triaged answered triage_due answer_due due open_due files messages unread similar_count from_report updated version audience_id")
			if _, err := tx.CopyIn(ctx, "intake_report", cols, fillRows(db, ids, from, like.CERT, submission, audience)); err != nil {
				return err
			}
			_, err := tx.CopyIn(ctx, "intake_word", []string{"id", "report_id", "word"}, fillWords(db, ids, from))
			return err
		}))
	}
	check(db.Analyze(ctx))
}

func fillNumber(k int) string { return fmt.Sprintf("P-2025-%06d", k+1) }

func fillRows(db *store.DB, ids []int64, from int, cert, submission, audience int64) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		const minute = int64(60_000_000)
		now := db.Clock.Now().UnixMicro()
		for i, id := range ids {
			k := from + i
			tr := intake.Triage{State: fillStates[k%5], Type: fillTypes[k%5], TLP: intake.TLPs[k%5], PAP: "AMBER", Severity: intake.Severities[k%4], OrgName: "Водовод Грабовац"}
			raw, err := json.Marshal(tr)
			if err != nil {
				yield(nil, err)
				return
			}
			received := now - int64(k)*7*minute
			triaged, due, openDue := received+20*minute, int64(1)<<62-1, int64(0)
			if tr.State.Open() {
				triaged, due, openDue = 0, received+60*minute, received+60*minute
			}
			row := []any{id, db.NewUUID(), fillNumber(k), cert, submission, string(intake.Channels[k%5]), "sr-Cyrl", false, false, "message", fillTitles[k%6],
				string(tr.Type), string(tr.State), int64(0), "", k%4 + 1, tr.TLP, int64(0), int64(0), int64(0), string(raw), received, received + minute, triaged, triaged,
				received + 60*minute, received + 1440*minute, due, openDue, 0, 0, 0, 0, int64(0), received + 20*minute, 1, audience}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func fillWords(db *store.DB, ids []int64, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i, id := range ids {
			k := from + i
			for _, w := range strings.Fields(i18n.Fold(fillTitles[k%6]) + " vodovod grabovac " + strings.ToLower(fillNumber(k))) {
				if !yield([]any{db.NewID(), id, []byte(w)}, nil) {
					return
				}
			}
		}
	}
}
