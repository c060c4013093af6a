package shareweb

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
	who := ui.Audience{Title: "Ко", Rings: []ui.Ring{{Count: 1, Word: "особа"}}}
	names := []orgNames{{"Клас", 1, "Ана"}}
	if err := web.CheckTemplates(Files, map[string][]web.Pager{
		"sharelist":       {&listPage{Table: table, More: &table, Lead: "а"}, &listPage{}},
		"sharegroup":      {&groupPage{Members: table, Servers: table, Add: &field, Who: who, Names: names, Events: "а", Delete: true, At: "/x"}, &groupPage{}},
		"sharegroupform":  {&groupForm{Fields: []ui.Field{field}, New: true, Members: field, Flags: []ui.Field{field}, Who: &who, Names: names}, &groupForm{}},
		"sharecollection": {&collectionPage{Who: who, Names: names, Count: "а", Events: table, Sure: &field, At: "/x"}, &collectionPage{}},
		"sharecollectionform": {&collectionForm{Fields: []ui.Field{field}, Reach: []ui.Field{field}, Query: []ui.Field{field}, Open: true, Flags: []ui.Field{field}, Asked: &field,
			Seen: &collectionPage{Who: who, Names: names, Count: "а", Events: table}}, &collectionForm{}},
		"sharemodules":  {&serverPage{Fault: &ui.Note{Kind: "warning", Title: "а", Body: "а"}, Table: table, At: "/x"}, &serverPage{}},
		"sharemodule":   {&moduleForm{Lead: "words", Manner: &ui.Choices{Name: "m", Legend: "А"}, Fields: []ui.Field{field}, Delete: "/x"}, &moduleForm{}},
		"sharenetworks": {&networkPage{Note: &ui.Note{Kind: "warning", Title: "а", Body: "а"}, Name: field, File: field, Table: table}, &networkPage{}},
		"sharefeed":     {&feedPage{Fault: &ui.Note{Kind: "warning", Title: "а", Body: "а"}, Reasons: table, At: "/x", Delete: true}, &feedPage{}},
		"sharefeedform": {&feedForm{Fields: []ui.Field{field}, Terms: []ui.Field{field}, Flags: []ui.Field{field}}, &feedForm{}},
	}, Files); err != nil {
		t.Error(err)
	}
}
