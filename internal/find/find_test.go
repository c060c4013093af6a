package find

import (
	"testing"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	rows := []row{{Title: pieces("Капија 400", "kapija"), Href: "/console/events/1", Sub: []any{"ЦЕРТ"}}}
	if err := web.CheckTemplates(Files, map[string][]web.Pager{"search": {
		&searchPage{Empty: &ui.Empty{Icon: "search", Title: "Упишите"}}, &searchPage{Groups: []group{{"room-0", "Догађаји", "affiliate", rows, "/console/events?q=x", "1+"}}, Found: 1, More: true}}}, Files); err != nil {
		t.Error(err)
	}
}

func TestPieces(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ title, query, want string }{
		{"Упад преко уређаја Капија 400", "kapija 400", "Упад преко уређаја [Капија] [400]"},
		{"Kapiju čuva Đorđe", "ђорђе", "Kapiju čuva [Đorđe]"},
		{"update-kapija.example", "kapija", "update-[kapija].example"},
		{"", "x", ""}, {"ништа", "", "ништа"},
	} {
		got := ""
		for _, p := range pieces(x.title, x.query) {
			if p.Hit {
				got += "[" + p.Text + "]"
			} else {
				got += p.Text
			}
		}
		if got != x.want {
			t.Errorf("%q in %q: %s, want %s", x.query, x.title, got, x.want)
		}
	}
}
