package find

import (
	"testing"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	rows := []ui.Name{{Text: "Капија 400", Href: "/console/events/1", Sub: []any{"ЦЕРТ"}}}
	if err := web.CheckTemplates(Files, map[string][]web.Pager{"search": {
		&searchPage{Empty: &ui.Empty{Icon: "search", Title: "Упишите"}}, &searchPage{Groups: []group{{"Догађаји", "affiliate", rows, "/console/events?q=x"}}, Found: 1, More: true}}}, Files); err != nil {
		t.Error(err)
	}
}
