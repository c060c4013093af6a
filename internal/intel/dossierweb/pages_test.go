package dossierweb

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
		"dossiers":    {&listPage{Table: table, Lead: "а", Pages: &ui.Pagination{}}, &listPage{}},
		"dossier":     {&showPage{Table: table, Text: "а", Count: "а", Add: []ui.Field{field}, Sure: &field, At: "/x"}, &showPage{}},
		"dossierform": {&formPage{Fields: []ui.Field{field}}, &formPage{}},
	}, Files); err != nil {
		t.Error(err)
	}
}
