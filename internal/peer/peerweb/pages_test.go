package peerweb

import (
	"testing"
	"time"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	table := ui.Table{Columns: []ui.Column{{Label: "x"}}, Rows: []ui.Row{{Cells: []any{ui.Machine("a: b"), time.Now()}}}}
	field := ui.Field{Name: "a", Label: "А", ID: "a"}
	b := ui.Button{Label: "а"}
	if err := web.CheckTemplates(Files, map[string][]web.Pager{
		"peers": {&listPage{Table: table, Polls: table, New: &b}, &listPage{}},
		"server": {&serverPage{Facts: ui.Facts{Items: []ui.Fact{{Label: "а", Value: "б"}}}, Collections: table, Delete: &b, At: "/x",
			Choose: &ui.Choices{Name: "collection", Legend: "а", Many: true, Options: []ui.Option{{Value: "1", Label: "а"}}}}, &serverPage{}},
		"serverform": {&serverFormPage{Fields: []ui.Field{field}, Cancel: b}, &serverFormPage{}},
		"peer":       {&showPage{Runs: table, Items: table, Delete: &b, At: "/x"}, &showPage{}},
		"peerform":   {&formPage{Who: []ui.Field{field}, Flags: []ui.Field{field}, Rules: []ui.Field{field}, Cancel: b}, &formPage{}},
		"preview":    {&previewPage{Table: table, Next: "/x"}, &previewPage{}},
	}, Files); err != nil {
		t.Error(err)
	}
}
