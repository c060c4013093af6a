package incidentweb

import (
	"net/http"
	"strconv"
	"time"

	"straza/internal/incident"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type historyRow struct {
	At     time.Time
	Who    string
	What   string
	Label  string
	Fields string
	Undo   int64
	Undone bool
}

func historyRows(r *http.Request, acts []incident.Act, most int) (out []historyRow) {
	for _, a := range acts {
		if len(out) == most {
			break
		}
		row := historyRow{At: clock.FromMicros(a.At), Who: a.Author, What: web.T(r, "incident.act."+a.Verb), Label: actLabel(r, a), Fields: a.Fields, Undone: a.Undone}
		if a.Program && a.Author != "" {
			row.Who = web.T(r, "incident.history.program")
		}
		if a.CanUndo && a.Verb != "undo" {
			row.Undo = a.ID
		}
		out = append(out, row)
	}
	return out
}

// actLabel turns a label that is a code of ours into words.
func actLabel(r *http.Request, a incident.Act) string {
	switch a.Verb {
	case "move":
		return web.T(r, "incident.state."+a.Label)
	case "measure.move":
		return web.T(r, "incident.measure."+a.Label)
	case "undo":
		return web.T(r, "incident.act."+a.Label)
	}
	return a.Label
}

type historyPage struct {
	web.Page
	Header ui.Header
	At     string
	Rows   []historyRow
	Texts  []revision
	More   string
	May    bool
}

type revision struct {
	At   time.Time
	Who  string
	Text string
}

func (p *pages) history(w http.ResponseWriter, r *http.Request) error {
	ref, who := r.PathValue("number"), web.Actor(r)
	c, err := p.s.Get(r.Context(), who, ref)
	if err != nil {
		return err
	}
	before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	acts, err := p.s.History(r.Context(), who, ref, before)
	if err != nil {
		return err
	}
	revs, err := p.s.Revisions(r.Context(), who, ref, 0)
	if err != nil {
		return err
	}
	title := web.T(r, "incident.history.title", "number", c.Number)
	page := &historyPage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title, Sub: []any{c.Title}}, At: base + "/" + c.Number,
		Rows: historyRows(r, acts, len(acts)), May: who.Can("incident.write") && who.CERT == c.CERT}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "incident.title"), Href: base}, {Label: c.Number, Href: page.At}, {Label: web.T(r, "incident.history")}}
	for _, x := range revs {
		page.Texts = append(page.Texts, revision{micros(x.At), x.Author, x.Text})
	}
	if len(acts) == 200 {
		page.More = page.At + "/history?before=" + strconv.FormatInt(acts[len(acts)-1].ID, 10)
	}
	return p.t.Render(w, r, "history", page)
}
