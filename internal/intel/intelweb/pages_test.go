package intelweb

import (
	"testing"
	"time"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	field := ui.Field{Name: "tag", Label: "Ознака"}
	said := &saidPanel{N: 2, Rows: []saidRow{{Text: "текст", By: "ЦЕРТ", Audience: "заједница", At: time.Now(), Edited: true, Mine: true, Do: "/x", Field: field},
		{Word: "пре тачно", Opinion: &ui.Progress{Percent: 75, Label: "75"}, By: "Алфа", Deep: true, Mine: true, Scale: &field, Field: field}}, Add: &saidForms{Action: "/x", Note: field, Level: field, Scale: field, Comment: field, OpinionLevel: field}}
	err := web.CheckTemplates(Files, map[string][]web.Pager{
		"list": {&listPage{Table: ui.Table{Columns: []ui.Column{{Label: "Догађај"}}, Rows: []ui.Row{{Cells: []any{ui.Name{Text: "198.51.100.24", Mono: true}}}}}}},
		"new":  {&newPage{}},
		"show": {&showPage{Tags: []any{ui.Tag{Space: "rsit", Word: "fraud"}}, AddTag: &field, Case: "S-2026-000001", At: "/console/events", Ref: "1", Bulk: &ui.BulkBar{Form: "attributes"},
			Related: []relatedRow{{"Кампања", "/console/events/2", "ЦЕРТ", 3, ui.Progress{Percent: 50, Label: "3"}}}, RelatedCut: true, Edit: true, Reports: []reportRow{{"Анализа", "/x", time.Now()}}, Sightings: &sightings{All: 3, Orgs: 2, False: 1}, Who: &ui.Audience{Title: "Ко"},
			Proposals: &proposals{N: 2, Table: ui.Table{Columns: []ui.Column{{Label: "Сада"}}, Rows: []ui.Row{{Cells: []any{ui.Name{Text: "198.51.100.24", Mono: true}}}}}, Bulk: &ui.BulkBar{Form: "x"}},
			Went:      []wentRow{{Peer: "Партнер", Href: "/x", Why: "1", Detail: "words", State: ui.State{Kind: ui.StateDone, Word: "2"}, At: time.Now()}},
			Shelf:     &shelf{Holds: []shelfRow{{"Досије", "/x", "ЦЕРТ"}}, Put: []ui.Field{field}, At: "/x", All: "/y", New: "/z"}, Overlap: "/x",
			Said: said, Delegation: &delegation{Title: "Уступање", Text: "Молба", Message: "порука", Action: "/x", Take: &field, Back: &ui.Button{Label: "Одбиј"}}},
			&showPage{Shelf: &shelf{New: "/z"}, Said: &saidPanel{}, Delegation: &delegation{Title: "Уступање", Ask: &askFields{field, field, field}}}},
		"propose":  {&proposePage{Value: field, Now: &ui.Facts{Items: []ui.Fact{{Label: "Сада", Value: "x"}}}, Attribute: "1", Owner: "ЦЕРТ"}, &proposePage{}},
		"export":   {&exportPage{None: true}, &exportPage{Keep: map[string]string{"q": "x"}, Formats: ui.Choices{Name: "format", Legend: "Облик", Options: []ui.Option{{Value: "rpz", Label: "Зона"}}}, Warned: ui.Choices{Name: "warned", Many: true}, Held: []*ui.Note{{Kind: "warning"}}}},
		"edit":     {&eventPage{Reach: []ui.Field{field}, Facts: []ui.Field{field}, Note: &ui.Note{Kind: "warning"}, Who: &ui.Audience{Title: "Ко"}}},
		"shelf":    {&shelfPage{}, &shelfPage{Ids: []string{"1"}, Count: "1", Shelf: &shelf{Put: []ui.Field{field}}}, &shelfPage{Shelf: &shelf{New: "/x"}}},
		"related":  {&graphPage{Folded: []folded{{"203.0.113.7", "/x"}}, Note: &ui.Note{Kind: "warning", Body: "1"}, Sum: "1", Clear: "/x", Graph: &graph{Height: 40, Left: []node{{Y: 1, Text: "1"}, {Y: 2, Text: "2", Href: "/x"}}, Right: []node{{Y: 1, Text: "1", Href: "/x"}, {Y: 2, Text: "2"}}, Lines: []stroke{{1, 2}}, Say: "1", Rest: "1"}}, &graphPage{}},
		"versions": {&versionsPage{Same: true}, &versionsPage{From: field, To: field, Who: "/x", Table: ui.Table{Columns: []ui.Column{{Label: "Поље"}}, Rows: []ui.Row{{Group: true, Cells: []any{ui.Tag{Word: "измењено"}}}, {Cells: []any{"пре"}}}}, Pages: &ui.Pagination{}}},
		"timeline": {&timelinePage{Line: ui.Timeline{Empty: &ui.Empty{Icon: "clock", Title: "Нема"}}}, &timelinePage{Note: &ui.Note{Kind: "warning", Body: "а"}, Clear: "/x", Chart: &ui.LineChart{Title: "а", Unit: "б", Steps: []string{"1. 1."}, Series: []ui.Series{{Name: "1", Values: []int64{1}}}},
			Line: ui.Timeline{Items: []ui.Moment{{Icon: "eye", Title: "а", At: time.Now(), By: "б"}}}}},
		"attack": {&attackPage{Empty: &ui.Empty{Icon: "table", Title: "Нема"}}, &attackPage{Dark: []string{"Recon", "Impact"}, Note: &ui.Note{Kind: "warning"}, Domains: &ui.Tabs{Label: "Матрице"}, All: ui.Button{Label: "Све"},
			Columns: []tactic{{Name: "Impact", Lit: 1, Techniques: []technique{{Code: "T1486", Name: "Data", Events: 1}, {Name: "Own", Href: "/x"}}}, {Name: "Recon"}}}},
		"enrich": {&enrichPage{}, &enrichPage{Edit: true, Any: true, At: "/x", Note: &ui.Note{Kind: "warning", Body: "1"}, Set: &ui.Button{Label: "1", Href: "/x"},
			Ask: &askPanel{Refs: []string{"1"}, Module: ui.Field{Name: "module", Label: "Модул", Type: "select", Options: []ui.Option{{Value: "1", Label: "1"}}}, Held: []heldRow{{"1", "2"}}},
			Sheets: []sheetPanel{{Value: "1", Type: "ip-dst", Href: "/x", Ref: "1", Facts: ui.Facts{Items: []ui.Fact{{Label: "1", Value: "2"}}}, Groups: []offerGroup{{Source: "1", Age: "2", Cut: "3",
				Offers: []offerRow{{Pick: "1 2", ID: "p", Kind: "1", Value: "2", Type: "3", Mono: true, Comment: "4", Tags: []string{"5"}, Lists: []string{"6"}, Inside: []string{"7"}}, {Here: true, Value: "8", Kind: "9"}}},
				{Source: "1", Said: "2"}, {Source: "1"}}}}}},
		"drop":    {&dropPage{Attributes: 5}},
		"history": {&historyPage{}, &historyPage{Rows: []historyRow{{time.Now(), "Ана", "измењен"}}}},
		"attribute": {&attributePage{New: true, Main: []ui.Field{field}}, &attributePage{Edit: true, Decay: ui.Facts{Items: []ui.Fact{{Label: "1", Value: "2", Sub: "3"}}}, Said: said, Main: []ui.Field{field}, More: []ui.Field{field}, Tags: []tagRow{{ui.Tag{Word: "x"}, "x"}}, AddTag: &field,
			Harmless: []string{"листа"}, Also: []relatedRow{{Info: "Кампања", Href: "/x", Origin: "ЦЕРТ"}}, Seen: []seenRow{{time.Now(), "ЦЕРТ", "виђено", "сензор"}}, SeenMore: true, Spark: &ui.Spark{Values: []int64{1, 2}, Label: "1, 2"}, See: []ui.Button{{Label: "Видео сам"}}}, &attributePage{Deleted: true, Edit: true}},
		"report":  {&reportPage{New: true, Main: []ui.Field{field}}, &reportPage{Edit: true, Text: "<p>текст</p>", Main: []ui.Field{field}, Reach: []ui.Field{field}}, &reportPage{Deleted: true, Edit: true}},
		"paste":   {&pastePage{None: true}, &pastePage{Found: []foundRow{{Type: "ip-dst", Value: "198.51.100.24", Count: 2, Known: 1, Harmless: []string{"resolvers"}, Packed: "ip-dst 198.51.100.24"}}, More: true, Notices: []ui.Note{{Kind: "info", Title: "1", Body: "2"}}}},
		"publish": {&publishPage{Orgs: []string{"Електромрежа"}, Warning: &ui.Note{Kind: "warning"}}, &publishPage{Held: true}},
	}, Files)
	if err != nil {
		t.Error(err)
	}
}
