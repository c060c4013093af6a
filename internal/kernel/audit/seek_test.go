package audit_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestPagesByNumber: a numbered page holds what walking there would give; beyond the end
// it is empty; the way there is entries of an index, not lines.
func TestPagesByNumber(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		log := audit.New(db, testkit.NewAuditKeys(), filepath.Join(t.TempDir(), "checkpoints"))
		for i := range 3 { // of one moment each, so that ids decide, too
			fill(t, db, log, 10*i, 10)
			now.Add(1e9)
		}
		reader := ident.Actor{Kind: ident.Person, Person: 1, Perms: map[string]bool{"audit.read": true}}
		for _, own := range []bool{false, true} {
			read, as := log.Lines, reader
			if own {
				read, as = log.OwnLines, who
			}
			for skip, want := range map[int]string{0: "29 28 27 26", 4: "25 24 23 22", 8: "21 20 19 18", 28: "1 0", 30: "", 4000: "", audit.SkipMost: "", 1 << 40: ""} {
				lines, err := read(t.Context(), as, audit.Filter{Limit: 4, Skip: skip})
				must(t, err)
				var got []string
				for _, l := range lines {
					got = append(got, fmt.Sprint(l.Object))
				}
				if strings.Join(got, " ") != want {
					t.Errorf("own %v, behind %d: %v, want %s", own, skip, got, want)
				}
			}
		}
		for index, f := range map[string]audit.Filter{"audit_line_at": {Skip: 5}, "audit_line_whose": {Skip: 5, Person: 7}} {
			text, args := audit.Seeking(f)
			plan := testkit.Plan(t, db, text, args...)
			alone := strings.Contains(plan, "COVERING INDEX "+index) || strings.Contains(plan, "Index Only Scan Backward using "+index)
			if !alone || strings.Contains(plan, "B-TREE") || strings.Contains(plan, "Sort") {
				t.Errorf("%s: %s", index, plan)
			}
		}
		if text, _ := audit.Seeking(audit.Filter{Skip: 1 << 40}); !strings.HasSuffix(text, fmt.Sprint(" OFFSET ", audit.SkipMost-1)) {
			t.Error("a far page is not bounded: ", text)
		}
	})
}
