package intel

import (
	"strings"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestTrendsReadTheirDays: what is counted for trends is found by the indexes of days, not
// by walking ten million attributes; on both engines.
func TestTrendsReadTheirDays(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		who := ident.Actor{Kind: ident.Person, Org: 5, Principals: []int64{1, 2}}
		day, second := []string{"'2026-01-01'", "'2026-01-31'"}, []string{"1767225600", "1769900000"}
		for name, c := range map[string]struct {
			text  string
			args  []string
			index []string
		}{
			"events":     {trendEventsText(who), day, []string{"intel_event_date"}},
			"tags":       {trendTagsText(who, trendMost), day, []string{"intel_event_date", "intel_tagging_what"}},
			"attributes": {trendTypesText(who, trendMost), second, []string{"intel_attribute_timestamp"}},
			"sightings":  {trendSightedText(who, sightedAll, trendMost), second, []string{"intel_event_sighted", "intel_sighting_event"}},
		} {
			text := strings.NewReplacer("$1", c.args[0], "$2", c.args[1]).Replace(c.text)
			all := testkit.Plan(t, db, text)
			for _, index := range c.index {
				if !strings.Contains(all, index) || strings.Contains(all, "Seq Scan on intel_") || strings.Contains(all, "SCAN a\n") || strings.Contains(all, "SCAN e\n") || strings.Contains(all, "SCAN g\n") {
					t.Errorf("%s without %s:\n%s", name, index, all)
				}
			}
		}
	})
}
