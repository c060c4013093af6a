package curateweb

import (
	"testing"
	"time"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	table := ui.Table{Columns: []ui.Column{{Label: "1"}}, Rows: []ui.Row{{Cells: []any{ui.Name{Text: "203.0.113.7", Mono: true}, time.Now(), ui.Acts{Form: "acts", Items: []ui.Button{{Label: "1", Action: "/x"}}}}}}}
	field := ui.Field{Name: "value", Label: "а", ID: "value"}
	if err := web.CheckTemplates(Files, map[string][]web.Pager{
		"overlap": {&overlapPage{Note: &ui.Note{Kind: "info", Body: "1"}, Table: table, Out: table, Add: []ui.Field{field}, At: "/x"}, &overlapPage{}},
		"merge":   {&mergePage{Name: "а", Into: field}, &mergePage{Name: "а", To: "б", Now: &ui.Facts{Items: []ui.Fact{{Label: "1", Value: "2"}}}, Again: ui.Button{Label: "1", Href: "/x"}}},
		"tag":     {&tagPage{Edit: true, Fields: []ui.Field{field}}, &tagPage{Name: "tlp:amber", Edit: true, Favourite: true, Undo: "/x", Merged: table, Facts: ui.Facts{Items: []ui.Fact{{Label: "1", Value: "2"}}}}, &tagPage{Name: "x"}},
		"tags":    {&tagsPage{Table: table, Pages: &ui.Pagination{}}},
	}, Files); err != nil {
		t.Error(err)
	}
}
