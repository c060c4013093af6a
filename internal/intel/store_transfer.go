package intel

import (
	"context"

	"straza/internal/kernel/store"
)

const (
	passEvent     = `UPDATE intel_event SET org_id = $2, creator = $3 WHERE id = $1`
	dropLocalTags = `DELETE FROM intel_tagging WHERE event_id = $1 AND local = $2`
	lentTo        = `SELECT org_id FROM intel_delegation WHERE event_id = $1`
)

// passChildren gives the rows of an event that have an audience of their own the
// same level under a new owner.
func passChildren(ctx context.Context, tx *store.Tx, a *audiences, event int64) error {
	for _, t := range []string{"intel_attribute", "intel_object", "intel_report"} {
		list, err := store.All(ctx, tx, func(s store.Scanner) (v [2]int64, err error) { err = s.Scan(&v[0], &v[1]); return },
			"SELECT DISTINCT distribution, group_id FROM "+t+" WHERE event_id = $1 AND audience_id IS NOT NULL", event)
		if err != nil {
			return err
		}
		for _, v := range list {
			id, err := a.intern(ctx, tx, Distribution(v[0]), v[1])
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "UPDATE "+t+" SET audience_id = $2 WHERE event_id = $1 AND audience_id IS NOT NULL AND distribution = $3 AND group_id = $4",
				event, id, v[0], v[1]); err != nil {
				return err
			}
		}
	}
	return nil
}
