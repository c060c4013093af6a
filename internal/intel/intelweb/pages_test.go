package intelweb

import (
	"testing"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	field := ui.Field{Name: "tag", Label: "Ознака"}
	err := web.CheckTemplates(Files, map[string][]web.Pager{
		"list": {&listPage{Table: ui.Table{Columns: []ui.Column{{Label: "Догађај"}}, Rows: []ui.Row{{Cells: []any{ui.Name{Text: "198.51.100.24", Mono: true}}}}}}},
		"new":  {&newPage{}},
		"show": {&showPage{Tags: []any{ui.Tag{Space: "rsit", Word: "fraud"}}, AddTag: &field, Case: "S-2026-000001", At: "/console/events", Ref: "1", Bulk: &ui.BulkBar{Form: "attributes"},
			Related: []relatedRow{{"Кампања", "/console/events/2", "ЦЕРТ", 3, ui.Progress{Percent: 50, Label: "3"}}}, RelatedCut: true, Sightings: &sightings{All: 3, Orgs: 2, False: 1}, Who: &ui.Audience{Title: "Ко"}}},
		"paste":   {&pastePage{None: true}, &pastePage{Found: []foundRow{{Type: "ip-dst", Value: "198.51.100.24", Count: 2, Known: 1, Harmless: []string{"resolvers"}, Packed: "ip-dst 198.51.100.24"}}, More: true}},
		"publish": {&publishPage{Orgs: []string{"Електромрежа"}, Warning: &ui.Note{Kind: "warning"}}, &publishPage{Held: true}},
	}, Files)
	if err != nil {
		t.Error(err)
	}
}
