package intake

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/store"
)

const (
	// expiredReports are decided, and nothing happened to them since $1; $2 = one, 0 = all.
	expiredReports = `SELECT r.id, r.number, r.updated, r.case_id FROM intake_report r
		WHERE r.updated < $1 AND r.open_due = 0 AND r.erased = 0 AND (CAST($2 AS BIGINT) = 0 OR r.id = $2) ORDER BY r.updated, r.id`
	// The code's look-up is unique and never empty; a submission is one report's.
	eraseSubmission = `UPDATE intake_submission SET body = '', sealed_body = NULL, sealed = FALSE, received_by = '', public_key = '', asked = '',
		wrapped_key = $2, code_hash = 'erased:' || CAST(id AS TEXT) WHERE id = $1`
	setErased = `UPDATE intake_report SET erased = $2, sealed = FALSE WHERE id = $1`
)

// eraseReport takes a report's parts out; a dash stands where a page would else show nothing.
var eraseReport = []string{
	`UPDATE intake_message SET body = '–', sealed_body = NULL WHERE report_id = $1`,
	`DELETE FROM intake_file WHERE report_id = $1`,
	`DELETE FROM intake_mark WHERE report_id = $1`,
	`DELETE FROM intake_act WHERE report_id = $1`, // who did what stands in the audit log
	blankReporter,
}

// expired is a report that may go; of is its case.
type expired struct {
	access.Held
	of int64
}

func scanExpired(s store.Scanner) (x expired, err error) {
	x.Table = "intake_report"
	err = s.Scan(&x.ID, &x.Label, &x.At, &x.of)
	return
}

func blankSubmission(ctx context.Context, tx *store.Tx, id int64) error {
	_, err := tx.Exec(ctx, eraseSubmission, id, []byte{})
	return err
}

func markErased(ctx context.Context, tx *store.Tx, id, now int64) error {
	_, err := tx.Exec(ctx, setErased, id, now)
	return err
}
