package portal

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	long := strings.Repeat("Јавно предузеће ", 12)
	act, field := ui.Button{Label: "Одговорите", Href: "/portal"}, ui.Field{Name: "text", Label: "Порука"}
	table := ui.Table{Caption: "Листа", Columns: []ui.Column{{Label: "Назив"}}, Rows: []ui.Row{{Cells: []any{ui.Name{Text: long}}}}}
	track := &ui.Track{Stages: []ui.Stage{{Label: "Примљено", Sub: "јуче", State: "done"}}}
	state := ui.State{Kind: ui.StateNew, Word: "Примљена"}
	says := []ui.Message{{Kind: ui.FromThem, Who: "ЦЕРТ", At: now, Body: "Питање", Files: []ui.FileRef{{Name: "a.txt", Size: 3}}}}
	files := []ui.FileRef{{Name: "dnevnik.log", Size: 1 << 20}}
	err := web.CheckTemplates(Files, map[string][]web.Pager{
		"overview": {&overviewPage{Card: card{Icon: "circle-check"}, Intel: true}, &overviewPage{Card: card{Icon: "hourglass", Kind: "calm", Small: "P-2026-000001", Title: long, Text: long, Track: track, Act: &act},
			Todo: []todo{{Mark: state, Title: "Потврдите", Text: long, Act: act}}, Reports: []reportRow{{Href: "/portal", Number: "P-2026-000001", Title: long, At: now, State: state, Clock: ui.Clock{Start: now, Due: now}, Running: true}},
			Intel: true, Events: []eventRow{{"/portal/events/1", long, "ЦЕРТ", "AMBER", now}}, People: []contactRow{{long, "дежурни", true, "потврђен"}, {"Ana", "", false, "није"}}, Keep: true,
			Messages: []messageRow{{Href: "/portal", Title: long, Number: "S-1", At: now, Waits: true, State: state}, {Title: "b", At: now}}, Unread: 2, Sees: []string{"Сви"}}},
		"reports":  {&reportsPage{Table: table}},
		"messages": {&messagesPage{Table: table}},
		"report":   {&reportPage{}, &reportPage{Track: track, Reason: &ui.Note{Body: "није"}, Said: "<b>", Files: files, Messages: says, Waiting: true, Answer: &field, Action: "/x"}},
		"matter":   {&matterPage{}, &matterPage{Clock: &ui.Clock{Due: now}, Until: "сутра", Messages: says, Empty: &ui.Empty{Icon: "mail", Title: "Празно"}, Answer: &field, Sees: "Сви"}},
		"new":      {&newReportPage{What: ui.Choices{Name: "what", Legend: "Шта?", Options: []ui.Option{{Value: "a", Label: "А", Note: "б"}}}, Story: field, Where: field, When: field, Files: field, Reading: ui.Choices{Name: "reading", Legend: "Ко?"}}},
		"sent":     {&sentPage{Receipt: ui.Receipt{Title: "Примљено", Code: "1234567890123456789012345"}, Track: track, Acts: []ui.Button{act}}},
		"people":   {&peoplePage{Table: table}},
		"person":   {&personPage{Fields: []ui.Field{field}, Role: ui.Choices{Name: "role", Legend: "Права"}, Do: act, Cancel: act, Acts: []ui.Button{act}}, &personPage{Self: "Не"}},
	}, Files)
	if err != nil {
		t.Error(err)
	}
}

// TestEveryKeyHasWords: keys that Go code names in full.
func TestEveryKeyHasWords(t *testing.T) {
	t.Parallel()
	raw, err := Files.ReadFile("messages/sr-Cyrl.json")
	if err != nil {
		t.Fatal(err)
	}
	var have map[string]any
	if err := json.Unmarshal(raw, &have); err != nil {
		t.Fatal(err)
	}
	found := testkit.Sources(t, ".", regexp.MustCompile(`"(portal\.[a-z0-9.-]+[a-z0-9])"`))
	if len(found) < 80 {
		t.Fatalf("only %d keys found", len(found))
	}
	for _, k := range found {
		if have[k] == nil && k != "portal.use" {
			t.Errorf("%s has no words", k)
		}
	}
}
