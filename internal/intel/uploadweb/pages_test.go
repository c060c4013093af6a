package uploadweb

import (
	"encoding/json"
	"strconv"
	"testing"

	"straza/internal/format/stix"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	table := ui.Table{Columns: []ui.Column{{Label: "x"}}, Rows: []ui.Row{{Cells: []any{ui.Machine("a: b")}}}}
	field, button := ui.Field{Name: "a", Label: "А", ID: "a"}, ui.Button{Label: "а", Action: "/x"}
	if err := web.CheckTemplates(Files, map[string][]web.Pager{
		"imports": {&listPage{Table: table, Pages: &ui.Pagination{}, File: field, Text: field}, &listPage{}},
		"import": {&showPage{Notes: []ui.Note{{Kind: "info", Title: "а"}}, Working: &ui.Progress{Percent: 3, Label: "а"}, Again: &button, Facts: ui.Facts{Items: []ui.Fact{{Label: "а", Value: 1}}}, Heads: table, More: "а", Reasons: table, Reach: table,
			Fields: []ui.Field{field}, Buttons: []ui.Button{button}, Drop: &button, Result: &ui.Facts{}, Refused: table, Brought: table, Sure: &field}, &showPage{}},
	}, Files); err != nil {
		t.Error(err)
	}
}

// Every sentence of the reader of STIX has one of ours.
func TestReasonsHaveWords(t *testing.T) {
	t.Parallel()
	b, err := Files.ReadFile("messages/sr-Cyrl.json")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]any{}
	if err := json.Unmarshal(b, &words); err != nil {
		t.Fatal(err)
	}
	for i, why := range stix.Reasons {
		if words["uploads.why."+strconv.Itoa(i)] == nil {
			t.Errorf("no words for %q", why)
		}
	}
}
