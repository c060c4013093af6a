package intel

import (
	"strings"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestSweepReadsByTheIndexOfEnds: what tells followers that indicators are over reads those
// that ended since the last time, and their rows by key; a million others are not looked at.
func TestSweepReadsByTheIndexOfEnds(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		d := &Definition{ID: 7, Lapse: true, Model: ModelsInForce, Ceiling: 2, Types: []string{"indicator"}, swept: 1000, now: 2000}
		for name, text := range map[string]string{"valid_until": d.sweep(untilModel), "model": d.sweep(d.Model)} {
			text = strings.Replace(text, "$1", "5", 1)
			var plan []string
			err := db.Update(t.Context(), func(tx *store.Tx) (err error) {
				if strings.HasSuffix(t.Name(), "sqlite") {
					plan, err = store.All(t.Context(), tx, func(s store.Scanner) (line string, err error) {
						var n int64
						err = s.Scan(&n, &n, &n, &line)
						return line, err
					}, "EXPLAIN QUERY PLAN "+text)
					return err
				}
				if _, err = tx.Exec(t.Context(), "SET LOCAL enable_seqscan = off"); err == nil { // the tables are empty
					plan, err = store.All(t.Context(), tx, store.ScanString, "EXPLAIN "+text)
				}
				return err
			})
			all := strings.Join(plan, "\n")
			if err != nil || !strings.Contains(all, "intel_expiry_ends") || !strings.Contains(all, "intel_stix_event_id") && !strings.Contains(all, "intel_stix_stix_id") || strings.Contains(all, "Seq Scan") || strings.Contains(all, "SCAN t") || strings.Contains(all, "SCAN y") {
				t.Errorf("%s: %v\n%s", name, err, all)
			}
		}
	})
}
