package admin

import (
	"testing"
	"time"

	"straza/internal/craft/pack"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	list := &listPage{Lead: "Људи", Table: ui.Table{Columns: []ui.Column{{Label: "x"}}, Rows: []ui.Row{{Cells: []any{ui.Machine("job.x"), ui.Acts{Form: "jobs", Items: []ui.Button{{Label: "Одбаци", Action: "/a"}}}}}}}, Link: "http://localhost/invitation/x"}
	err := web.CheckTemplates(Files, map[string][]web.Pager{
		"people": {list}, "jobs": {list}, "letters": {list}, "invited": {list, &listPage{}}, "audit": {&auditPage{listPage: *list, Report: &ui.Note{Kind: "success", Title: "Цео"}}},
		"settings": {&settingsPage{}, &settingsPage{Seal: &ui.Facts{Items: []ui.Fact{{Label: "Отисак", Value: ui.Machine("0A")}}}, CERT: registry.Organisation{ID: 1, UUID: "x", Name: "ЦЕРТ"}, Certs: []ui.Tab{{Label: "ЦЕРТ", Href: "/x", Here: true}}, Fields: []any{ui.Field{Name: "phone", Label: "Телефон"}, ui.Choices{Name: "seal", Legend: "Печат"}},
			Accounts: &policyPart{Version: "1", NeedsNow: true, Roles: ui.Choices{Name: "second_factor", Legend: "Ко"}, Fields: []ui.Field{{Name: "second_grace", Label: "Дана"}}}}},
		"requests": {&requestsPage{Turn: &ui.Button{Label: "а"}, Waits: []requestCard{{At: "/x", Email: "a@b.example", Message: "порука", Org: ui.Field{Name: "org", Label: "О"}, Role: ui.Field{Name: "role", Label: "У", Type: "select"}}}},
			&requestsPage{None: ui.Empty{Title: "а"}}},
		"person": {&personPage{}}, "overview": {&overviewPage{}},
		"packs": {list, &listPage{}}, "pack": {&packPage{Text: "pack: x", Acts: ui.Acts{Form: "pack", Items: []ui.Button{{Label: "Повуци", Action: "/a"}}}}, &packPage{}}, "packform": {&packForm{Text: ui.Field{Name: "text", Label: "Т", Type: "textarea"}}}, "devmail": {&devMailPage{Letters: []devLetter{{"a@b.example", "Наслов", "Текст", time.Now()}}}, &devMailPage{}},
	}, Files, pack.Messages)
	if err != nil {
		t.Error(err)
	}
}

func TestNextVersion(t *testing.T) {
	t.Parallel()
	got := nextVersion("pack: a.b\nversion: 1\nfrom: 2020-01-01\nsource: own\nbody:\n  version: 1\n", 4, "2026-11-22")
	if want := "pack: a.b\nversion: 5\nfrom: 2026-11-22\nsource: own\nbody:\n  version: 1\n"; got != want {
		t.Error(got)
	}
}
