package registryweb

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
	"straza/internal/testkit"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	field := ui.Field{Name: "name", Label: "Назив"}
	form := partForm{Action: "/x", Fields: []ui.Field{field}, Button: ui.Button{Label: "Додај"}, Cancel: &ui.Button{Label: "Одустани", Href: "/"}}
	table := ui.Table{Caption: "Листа", Columns: []ui.Column{{Label: "Назив"}}, Rows: []ui.Row{{Cells: []any{ui.Name{Text: strings.Repeat("Јавно предузеће ", 20)}}}}}
	err := web.CheckTemplates(Files, map[string][]web.Pager{
		"list": {&listPage{Table: table}},
		"show": {&showPage{Note: "Белешка", Remarks: []remarkRow{{Contact: "Ана", Body: "Не радим више тамо", At: now, Act: &ui.Button{Label: "Решено"}}, {Contact: "Ана", Body: "Телефон", At: now, Settled: now}}, Closed: &ui.Note{Body: "Затворено"}, Merges: []mergeRow{{Text: "Фирма", At: now, Until: now, Undo: "/x"}, {Text: "Друга", At: now, Undone: true}},
			Rules: &rulesPanel{Rules: []string{"Сектор: Здравство"}, Change: "/x"}, Act: &actForm{Action: "/x", Title: "Повлачење", Text: "Текст", Button: ui.Button{Label: "Повуци"}}}},
		"history":  {&historyPage{More: "/x", Timeline: ui.Timeline{Items: []ui.Moment{{Icon: "plus", Title: "Унета", At: now, By: "Ana", Detail: []any{"назив: Фирма"}}}}}},
		"edit":     {&editPage{Card: []ui.Field{field}, Numbers: []ui.Field{field}, Details: []ui.Field{field}}},
		"contacts": {&contactsPage{Table: table, Note: &ui.Note{Body: "Забележено"}, Form: &form}},
		"contact":  {&contactPage{Form: form, Remove: "/x", Mute: "Пошта се враћа", Ask: &actForm{Action: "/x", Button: ui.Button{Label: "Питај"}}}},
		"asked": {&askedPage{Lead: "Тачно?", Points: []askedPoint{{Organisation: "Фирма", Mark: ui.State{Kind: ui.StateDone, Word: "Потврђено"}}}, Confirm: &ui.Button{Label: "Све је тачно"},
			Until: now, Which: &field, Body: field, Wrong: true}, &askedPage{Until: now, Body: field, Wrong: true, Only: "x"}},
		"keys":     {&keysPage{Table: table, Note: &ui.Note{Kind: "warning", Body: "Истиче"}, Fields: []ui.Field{field}}},
		"holdings": {&holdingsPage{Lead: "Шта имате", Table: table, New: "Нов систем", Form: &form}},
		"holding":  {&holdingPage{Form: &form, Acts: []actForm{{Action: "/x", Title: "Повлачење", Text: "Текст", Button: ui.Button{Label: "Повуци"}}}}},
		"merge":    {&mergePage{Choices: &ui.Choices{Name: "from", Legend: "Која?"}, Empty: &ui.Empty{Icon: "search", Title: "Нема"}}},
		"import": {&importPage{Columns: []string{"name"}, Result: &importResult{Errors: table, Preview: table, Kept: "name\nФирма", Format: "csv",
			Enter: &ui.Button{Label: "Унеси"}, Note: &ui.Note{Body: "Добро"}}}},
		"constituency": {&constituencyPage{Sectors: ui.Choices{Name: "sector", Legend: "Сектори"}, Orgs: []registry.Rule{{Value: "x", Label: "Фирма"}}}},
		"own":          {&ownPage{Next: &ui.NextStep{Title: "Потврдите", Act: ui.Button{Label: "На контакте", Href: "#contacts"}}, Contacts: table, Sees: []string{"Сви"}, Form: &form}},
	}, Files)
	if err != nil {
		t.Error(err)
	}
}

// TestEveryKeyHasWords: keys that Go code names, and those it puts together from a
// prefix and a code.
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
	permissions := regexp.MustCompile(`^registry\.(read|write|merge|add|change|import|export|contacts\.read|ask|ask\.link|bounce|verify|verification|key-set|key-drop)(-own)?$`) // and kinds of job, token and pack
	key := regexp.MustCompile(`"(registry\.[a-z0-9.-]+[a-z0-9])"`)
	for _, dir := range []string{".", "..", "../registryapi"} {
		for _, k := range testkit.Sources(t, dir, key) {
			if have[k] == nil && !permissions.MatchString(k) {
				t.Errorf("%s in %s has no words", k, dir)
			}
		}
	}
	for _, act := range testkit.Sources(t, "..", regexp.MustCompile(`(?:touch|record|write|contactDone|settle|move|onResource|onAsset)\(ctx, [^"\n]*"([a-z]+(?:-[a-z]+)*)"`)) {
		if have["registry.act."+act] == nil {
			t.Errorf("act %s has no words", act)
		}
	}
}
