package admin

import (
	"testing"
	"time"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	list := &listPage{Lead: "Људи", Table: ui.Table{Columns: []ui.Column{{Label: "x"}}, Rows: []ui.Row{{Cells: []any{ui.Machine("job.x"), ui.Acts{Form: "jobs", Items: []ui.Button{{Label: "Одбаци", Action: "/a"}}}}}}}, Link: "http://localhost/invitation/x"}
	err := web.CheckTemplates(Files, map[string][]web.Pager{
		"people": {list}, "jobs": {list}, "letters": {list}, "invited": {list, &listPage{}}, "audit": {&auditPage{listPage: *list, Report: &ui.Note{Kind: "success", Title: "Цео"}}},
		"person": {&personPage{}}, "overview": {&overviewPage{}}, "devmail": {&devMailPage{Letters: []devLetter{{"a@b.example", "Наслов", "Текст", time.Now()}}}, &devMailPage{}},
	}, Files)
	if err != nil {
		t.Error(err)
	}
}
