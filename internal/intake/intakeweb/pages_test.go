package intakeweb

import (
	"testing"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	f := ui.Field{Name: "x", Label: "Поље"}
	full := &showPage{Number: "P-2026-000001", Body: &bodyView{Description: []string{"Све датотеке су закључане."}}, Files: []fileView{{"снимак.png", "/x", "1", 740 << 10, ""}, {Name: "запечаћено", ID: "2", Why: "тријажа"}},
		Messages: []ui.Message{{Kind: ui.FromUs, Who: "Лука", At: time.Now(), Body: "Не гасите рачунар."}}, Compose: &f, Reporter: &reporterView{Reason: f, Code: f, Contact: &intake.Contact{Name: "Милица", Email: "m@x.example", Phone: "011", Org: "Пекара"}},
		Similar: []ui.Name{{Text: "Слична", Href: "/x"}}, History: []historyRow{{"преузето", "Лука", time.Now(), true}}, CanUndo: true, Triage: &triageForm{Facts: []ui.Field{f}, Computed: "Висок"}, Decide: &decideForm{Open: true, Case: true}}
	sealed := &showPage{Unseal: &unsealForm{f, f, byPasskey}, Reporter: &reporterView{Reason: f, Code: f}}
	err := web.CheckTemplates(Files, map[string][]web.Pager{"list": {&listPage{}, &listPage{Bulk: &ui.BulkBar{Form: "bulk", Acts: []ui.Button{{Label: "Преузми"}}}}}, "show": {full, sealed}, "openers": {&openersPage{}, &openersPage{Own: 1, In: true, Rows: []openerRow{{"Ана", "Боја", time.Now(), 1, 1}, {"Боја", "", time.Time{}, 0, 0}}, Code: f, Add: []ui.Field{f}, Remove: []ui.Field{f}, New: &newOpener{"Боја", "ABCD", "M0 0", 9}}}, "phone": {&phonePage{}, &phonePage{Code: &ui.Receipt{Code: "1234567890123456789012345"}, Number: "P-2026-000001"}}}, Files)
	if err != nil {
		t.Error(err)
	}
}
