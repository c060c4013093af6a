package privacyweb

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
	full := &registerPage{Table: table, Found: &table, Holds: table, Email: field, Class: field, Days: field, From: field, Source: field, Ref: field, Reason: field, Lift: field, Erased: table, Rests: &ui.Note{Kind: "warning", Title: "1"}}
	if err := web.CheckTemplates(Files, map[string][]web.Pager{"register": {full, &registerPage{}}, "due": {&duePage{Table: table, Lead: "1"}, &duePage{}}}, Files); err != nil {
		t.Error(err)
	}
}
