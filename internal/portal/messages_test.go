package portal

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestConversationsOnPages: every conversation is on exactly one page, also where many
// moved at the same moment.
func TestConversationsOnPages(t *testing.T) {
	t.Parallel()
	var rows []messageRow
	for i := range 123 {
		rows = append(rows, messageRow{Href: fmt.Sprintf("/portal/messages/%03d", i), At: time.Unix(int64(1000-i/40), 0)})
	}
	var seen []string
	pages, after := 0, place{}
	for {
		page, next := pageOf(rows, after)
		pages++
		for _, x := range page {
			seen = append(seen, x.Href)
		}
		if next == nil {
			break
		}
		after = *next
	}
	var want []string
	for _, x := range rows {
		want = append(want, x.Href)
	}
	if !slices.Equal(seen, want) || pages != 3 {
		t.Errorf("%d rows on %d pages", len(seen), pages)
	}
	if page, next := pageOf(rows, place{1, "/z"}); len(page) != 0 || next != nil {
		t.Errorf("behind the end are %d", len(page))
	}
}
