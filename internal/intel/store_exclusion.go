package intel

import (
	"context"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

const (
	insertExclusion = `INSERT INTO intel_exclusion (id, value, value_fold, comment, created) VALUES ($1,$2,$3,$4,$5)`
	deleteExclusion = `DELETE FROM intel_exclusion WHERE id = $1`
	allExclusions   = `SELECT id, value, comment, created FROM intel_exclusion ORDER BY id`
)

func listExclusions(ctx context.Context, tx *store.Tx) ([]Exclusion, error) {
	return store.All(ctx, tx, func(s store.Scanner) (e Exclusion, err error) {
		err = s.Scan(&e.ID, &e.Value, &e.Comment, &e.Created)
		return e, err
	}, allExclusions)
}

func writeExclusion(ctx context.Context, tx *store.Tx, e Exclusion) error {
	n, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_exclusion WHERE value_fold = $1", strings.ToLower(e.Value))
	if err == nil && n > 0 {
		return fault.New(fault.Conflict, "it is excluded already").WithKey("intel.fault.exclusion-taken")
	}
	if err == nil {
		_, err = tx.Exec(ctx, insertExclusion, e.ID, e.Value, strings.ToLower(e.Value), e.Comment, e.Created)
	}
	return err
}

func dropExclusion(ctx context.Context, tx *store.Tx, id int64) (int64, error) {
	return tx.Exec(ctx, deleteExclusion, id)
}

// excluded reads what correlates with nothing.
func excluded(ctx context.Context, tx *store.Tx) (exclusions, error) {
	list, err := listExclusions(ctx, tx)
	return newExclusions(list), err
}
