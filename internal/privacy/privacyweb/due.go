package privacyweb

import (
	"net/http"
	"slices"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/privacy"
)

type duePage struct {
	web.Page
	Header ui.Header
	Lead   string
	Table  ui.Table
}

// due shows what the next run of the erasure takes of a class, oldest first.
func (p *pages) due(w http.ResponseWriter, r *http.Request) error {
	class := r.URL.Query().Get("class")
	entries, err := p.s.Register(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(entries, func(e privacy.Entry) bool { return e.Key == class })
	if i < 0 {
		return fault.New(fault.NotFound, "no class %q", class)
	}
	held, n, err := p.s.Due(r.Context(), web.Actor(r), class)
	if err != nil {
		return err
	}
	title := web.T(r, "privacy.due")
	page := &duePage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title}, Lead: web.T(r, "privacy.due.lead", "class", entries[i].Purpose.In(web.Lang(r)), "n", n)}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "privacy.title"), Href: at}, {Label: title}}
	page.Table = ui.Table{Caption: title, Columns: []ui.Column{{Label: web.T(r, "privacy.record")}, {Label: web.T(r, "privacy.since"), Width: "mark"}},
		Empty: &ui.Empty{Icon: "sun", Title: web.T(r, "privacy.due.empty")}}
	for _, h := range held {
		page.Table.Rows = append(page.Table.Rows, ui.Row{Cells: []any{ui.Name{Text: h.Label, Mono: true}, clock.FromMicros(h.At)}})
	}
	return p.t.Render(w, r, "due", page)
}

// erased shows what went by term, by day.
func (p *pages) erased(r *http.Request, entries []privacy.Entry) (ui.Table, error) {
	t := ui.Table{Caption: web.T(r, "privacy.erased"), Columns: []ui.Column{{Label: web.T(r, "privacy.class")}, {Label: web.T(r, "privacy.term"), Drop: 1, Width: "mark"},
		{Label: web.T(r, "privacy.erased.n"), Num: true}, {Label: web.T(r, "privacy.erased.at"), Width: "mark"}},
		Empty: &ui.Empty{Icon: "sun", Title: web.T(r, "privacy.erased.empty")}}
	list, err := p.s.Erased(r.Context(), web.Actor(r))
	for _, e := range list {
		name := e.Class
		if i := slices.IndexFunc(entries, func(x privacy.Entry) bool { return x.Key == e.Class }); i >= 0 {
			name = entries[i].Purpose.In(web.Lang(r))
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{name, web.T(r, "privacy.term.days", "n", e.Days), e.Rows, clock.FromMicros(e.At)}})
	}
	return t, err
}
