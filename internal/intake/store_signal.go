package intake

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// signalRows counts the reports of the last eight days by what was chosen and by how
// many steps ago they came. Copies of hand-overs are not counted twice.
func signalRows(ctx context.Context, tx *store.Tx, who ident.Actor, now int64) ([]signalRow, error) {
	return store.All(ctx, tx, func(r store.Scanner) (x signalRow, err error) { err = r.Scan(&x.what, &x.ago, &x.n); return },
		`SELECT x.what, x.ago, COUNT(*) FROM (SELECT r.what, ($1 - r.received) / $2 AS ago FROM intake_report r
			WHERE r.received > $3 AND r.received <= $4 AND r.from_report = 0 AND `+access.VisibleScan(who, "r.audience_id")+`) x
		GROUP BY x.what, x.ago`,
		now, signalStep.Microseconds(), now-(signalBase+1)*signalDay.Microseconds(), now)
}
