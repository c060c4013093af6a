package intel

import (
	"strings"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestPagesBeginWhereTheLastEnded: the pages of an event of 350,000 attributes are read by
// the index from the last id on, not each from the event's first row.
func TestPagesBeginWhereTheLastEnded(t *testing.T) {
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	var plan []string
	if err := db.View(t.Context(), func(tx *store.Tx) (err error) {
		plan, err = store.All(t.Context(), tx, func(s store.Scanner) (line string, err error) {
			var n int64
			err = s.Scan(&n, &n, &n, &line)
			return line, err
		}, "EXPLAIN QUERY PLAN "+looseFrom(ident.Actor{Kind: ident.Person, Principals: []int64{1, 2}}, Without), 1, 2, 3)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(plan) == 0 || !strings.Contains(plan[0], "intel_attribute_event (event_id=? AND object_id=? AND ") || strings.Contains(strings.Join(plan, ""), "TEMP B-TREE") {
		t.Errorf("%s", strings.Join(plan, "\n"))
	}
}
