package intake

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/store"
)

const (
	byMark = `SELECT r.id, r.number, r.received FROM intake_mark m JOIN intake_report r ON r.id = m.report_id
		WHERE m.mark = $1 AND m.kind = '` + markReporter + `' ORDER BY r.id`
	// Only decided reports; the identity's bytes are the sign that it is still there.
	oldReporters = `SELECT r.id, r.number, r.updated FROM intake_report r JOIN intake_reporter p ON p.report_id = r.id
		WHERE r.updated < $1 AND r.open_due = 0 AND length(p.sealed) > 0 ORDER BY r.id`
	blankReporter = `UPDATE intake_reporter SET sealed = substr(sealed, 1, 0), postman = NULL, person = 0, has_email = FALSE, has_phone = FALSE WHERE report_id = $1 AND length(sealed) > 0`
	dropMarks     = `DELETE FROM intake_mark WHERE report_id = $1 AND kind = '` + markReporter + `'`
)

func reportsBy(ctx context.Context, tx *store.Tx, mark string) ([]access.Held, error) {
	return access.HeldTx(ctx, tx, "intake_reporter", "sealed postman", byMark, mark)
}

func eraseReporters(ctx context.Context, tx *store.Tx, w access.Sweep) (int64, error) {
	return access.EraseTx(ctx, tx, w, oldReporters, blankReporter, dropMarks)
}
