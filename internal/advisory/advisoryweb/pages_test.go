package advisoryweb

import (
	"testing"
	"time"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	item := Item{Href: "/sr-Cyrl/warnings/UP-2026-000001", Severity: ui.Severity{Level: "high", Pill: true}, Title: "Лажна порука", Lead: "Порука тражи новац.", When: time.Now()}
	field := ui.Field{Name: "note", Label: "Измена"}
	err := web.CheckTemplates(Files, map[string][]web.Pager{
		"public_list": {&publicListPage{Items: []Item{item}}},
		"public_show": {&publicPage{Item: item, Affects: "свих", Steps: []string{"Први"}, Body: []string{"Текст"}, Editions: []edition{{time.Now(), "прво"}}}},
		"list":        {&listPage{}},
		"show":        {&showPage{Lead: "x", Publish: &publishForm{Note: field, Again: true}, Withdraw: &field, Steps: []string{"Први"}, Editions: []edition{{time.Now(), "прво"}}}},
		"edit":        {&editPage{Cyrillic: []ui.Field{field}, English: []ui.Field{field}}},
	}, Files)
	if err != nil {
		t.Error(err)
	}
}
