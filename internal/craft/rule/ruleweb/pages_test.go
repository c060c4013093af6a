package ruleweb

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
	if err := web.CheckTemplates(Files, map[string][]web.Pager{
		"rules":        {&listPage{Table: table}, &listPage{}},
		"rule":         {&showPage{Runs: table, If: []string{"а"}, Then: []string{"а"}, Also: "a > 1", Secret: "x", More: "/x"}, &showPage{}},
		"ruleswaiting": {&showPage{Runs: table, More: "/x"}, &showPage{}},
		"ruleform": {&formPage{Choose: []choice{{"/x", "А", "а"}}}, &formPage{Name: field, Tests: []testRow{{field, field, field}}, Also: field,
			Deeds: []deedRow{{field, []ui.Field{field}}}, ActsBad: "а", Hourly: &field, Active: field, Facts: table, Tried: &table, Sum: "а"}, &formPage{}},
	}, Files); err != nil {
		t.Error(err)
	}
}
