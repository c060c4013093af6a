package intel

import (
	"strings"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/testkit"
)

// TestPersonsAreFoundByTheirIndex: among ten million attributes the few about persons are
// not looked for one by one; a list that differs from the index's would not use it.
func TestPersonsAreFoundByTheirIndex(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	for name, text := range map[string]string{"events": personEvents, "rows": personRows} {
		plan := testkit.Plan(t, db, text, 1, 1)
		if !strings.Contains(plan, "intel_attribute_person") {
			t.Errorf("%s: %s", name, plan)
		}
	}
}
