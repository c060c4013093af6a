package catalog_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"straza/internal/catalog"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestRow35ListsAreBounded is row 35 where warning lists hold patterns: one value is held
// against a list in fifty milliseconds, however many costly patterns somebody wrote into it,
// by hand or in an upstream file; a list by hand that is refused says so at the field.
func TestRow35ListsAreBounded(t *testing.T) {
	costly := strings.Repeat(`(a|aa)+b?`, 40) + "$"
	worst := strings.Repeat("a", 8000)
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := service(db)
		draft := catalog.ListDraft{Name: "by hand", Type: "regex", Enabled: true, Entries: []string{costly}}
		_, err := s.AddList(ctx, importer, draft)
		must(t, err)
		for range 20 {
			draft.Entries = append(draft.Entries, costly+"|c")
		}
		if _, err := s.AddList(ctx, importer, draft); !fault.Is(err, fault.Invalid) || fault.Of(err).Fields["entries"] == "" {
			t.Errorf("twenty more: %v", err)
		}
		if _, err := s.AddList(ctx, importer, catalog.ListDraft{Name: "b", Type: "regex", Entries: []string{`(`}}); !fault.Is(err, fault.Invalid) {
			t.Errorf("no pattern: %v", err)
		}
		body, err := json.Marshal(map[string]any{"name": "upstream", "type": "regex", "version": 1, "description": "d",
			"list": append(slices.Repeat([]string{"/" + costly + "/i"}, 200), "/(/"), "matching_attributes": []string{}})
		must(t, err)
		_, err = s.Import(ctx, importer, files(fstest.MapFS{"lists/u/list.json": {Data: body}}))
		must(t, err)
		if hits, err := s.Hits(ctx, importer, "", worst); err != nil || len(hits) != 2 {
			t.Fatalf("the patterns that are in force hit nothing: %d, %v", len(hits), err)
		}
		best := time.Hour // of several: the machine is shared
		for range 9 {
			began := time.Now()
			hits, err := s.Hits(ctx, importer, "", "c"+worst[:1000]+"!")
			best = min(best, time.Since(began))
			if err != nil || len(hits) != 0 {
				t.Fatalf("%+v, %v", hits, err)
			}
		}
		if t.Log(best); best > 2*50*time.Millisecond { // two lists
			t.Errorf("one value took %s", best)
		}
	})
}
