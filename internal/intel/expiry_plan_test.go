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
			all := testkit.Plan(t, db, text)
			if !strings.Contains(all, "intel_expiry_ends") || !strings.Contains(all, "intel_stix_event_id") && !strings.Contains(all, "intel_stix_stix_id") || strings.Contains(all, "Seq Scan") || strings.Contains(all, "SCAN t") || strings.Contains(all, "SCAN y") {
				t.Errorf("%s:\n%s", name, all)
			}
		}
	})
}
