package intel

import (
	"fmt"
	"strings"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestInboxLooksUpByKeyAlone: whatever an inbox holds, a POST finds its objects
// through the index of keys. PostgreSQL without statistics, as right after a large
// POST, walked the whole inbox for each 500 of them.
func TestInboxLooksUpByKeyAlone(t *testing.T) {
	t.Parallel()
	db := testkit.Postgres(t, clock.NewMoved(testkit.AsOf, 1))
	rows := make([]inboxRow, 40_000)
	for i := range rows {
		id := fmt.Sprintf("indicator--%08d-0000-4000-8000-000000000000", i)
		rows[i] = inboxRow{id: int64(i + 1), org: 7, post: 1, place: int64(i), InboxEntry: InboxEntry{ID: id, Type: "indicator", JSON: []byte(strings.Repeat("x", 200))}}
	}
	keys := make([]string, 500)
	for i := range keys {
		keys[i] = inboxKey(7, rows[i*80].ID, 0)
	}
	var plan string
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.CopyIn(t.Context(), "intel_inbox", inboxColumns, columnsOf(rows)); err != nil {
			return err
		}
		have, err := inboxHave(t.Context(), tx, keys)
		if err != nil || len(have) != len(keys) {
			return fmt.Errorf("%d of %d found: %w", len(have), len(keys), err)
		}
		lines, err := store.All(t.Context(), tx, store.ScanString, "EXPLAIN SELECT same FROM intel_inbox WHERE same IN ('"+strings.Join(keys, "','")+"')")
		plan = strings.Join(lines, "\n")
		return err
	}, store.InLane(store.Bulk))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(plan, "intel_inbox_same") {
		t.Errorf("%.300s", plan)
	}
}
