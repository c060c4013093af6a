package catalogweb

import (
	"testing"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	field := ui.Field{Name: "value", Label: "Вредност"}
	table := ui.Table{Columns: []ui.Column{{Label: "Назив"}}, Rows: []ui.Row{{Cells: []any{ui.Name{Text: "Кластер"}}}}}
	err := web.CheckTemplates(Files, map[string][]web.Pager{
		"list":      {&listPage{}, &listPage{Check: &field, Hits: &ui.Note{Kind: "warning", Title: "Налази се"}, Table: table}},
		"show":      {&showPage{Table: table, Note: "Опис"}},
		"model":     {&showPage{Curve: &ui.LineChart{ID: "curve", Title: "2", Steps: []string{"0", "1"}, Series: []ui.Series{{Name: "1", Values: []int64{100, 0}}}}, Table: table}},
		"cluster":   {&clusterPage{Text: "Опис", Elements: table, From: table, To: table, Used: true, Events: 3, List: "/x", Relate: []ui.Field{field}}, &clusterPage{Used: true}},
		"modelform": {&modelPage{}, &modelPage{Drop: "/x", Curve: &ui.LineChart{Title: "а", Unit: "б", Steps: []string{"1"}, Series: []ui.Series{{Name: "1", Values: []int64{1}}}}}},
		"own":       {&ownPage{Fields: []ui.Field{field}}},
		"fork":      {&forkPage{Fields: []ui.Field{field}}},
	}, Files)
	if err != nil {
		t.Error(err)
	}
}
