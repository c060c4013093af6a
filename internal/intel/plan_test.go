package intel

import (
	"strings"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/testkit"
)

// TestPagesBeginWhereTheLastEnded: the pages of an event of 350,000 attributes are read by
// the index from the last id on, not each from the event's first row.
func TestPagesBeginWhereTheLastEnded(t *testing.T) {
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	plan := testkit.Plan(t, db, looseFrom(ident.Actor{Kind: ident.Person, Principals: []int64{1, 2}}, Without), 1, 2, 3)
	first, _, _ := strings.Cut(plan, "\n")
	if !strings.Contains(first, "intel_attribute_event (event_id=? AND object_id=? AND ") || strings.Contains(plan, "TEMP B-TREE") {
		t.Error(plan)
	}
}
