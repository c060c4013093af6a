package intel

import (
	"strings"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestPersonsAreFoundByTheirIndex: among ten million attributes the few about persons are
// not looked for one by one; a list that differs from the index's would not use it.
func TestPersonsAreFoundByTheirIndex(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	for name, text := range map[string]string{"events": personEvents, "rows": personRows} {
		var plan []string
		err := db.View(t.Context(), func(tx *store.Tx) error {
			list, err := store.All(t.Context(), tx, func(s store.Scanner) (detail string, err error) {
				var id, parent, unused int64
				err = s.Scan(&id, &parent, &unused, &detail)
				return
			}, "EXPLAIN QUERY PLAN "+text, 1, 1)
			plan = list
			return err
		})
		if err != nil || !strings.Contains(strings.Join(plan, "\n"), "intel_attribute_person") {
			t.Errorf("%s: %v %v", name, plan, err)
		}
	}
}
