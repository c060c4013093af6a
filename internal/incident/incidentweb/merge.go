package incidentweb

import (
	"net/http"
	"strconv"
	"strings"

	"straza/internal/incident"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// mergePage shows what a merge would do before it is done.
type mergePage struct {
	web.Page
	Header ui.Header
	Rows   []mergeRow
	Cancel ui.Button
	Can    bool // one audience, so nobody sees more than before
}

type mergeRow struct {
	Number string
	Title  string
	State  ui.State
	Parts  string // what comes along, in words
	Into   bool
	Held   string // why it cannot come along
}

// personOf reads the value of a choice of people: an id and a name.
func personOf(v string) (int64, string, error) {
	id, name, _ := strings.Cut(v, " ")
	if id == "" {
		return 0, "", nil
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, "", fault.Field("assignee", "web.error.choice", "no person %q", id)
	}
	return n, name, nil
}

// merge previews the ticked cases (no "into" yet), then joins them into the chosen
// one. Undo takes it back for 30 days; old numbers lead to the target.
func (p *pages) merge(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ids := f.Many("id")
	if len(ids) < 2 {
		return web.Redirect(base, web.Done("incident.merge.two"))
	}
	into := f.Text("into", 40)
	if into == "" {
		return p.mergePreview(w, r, ids)
	}
	var from []string
	for _, n := range ids {
		if n != into {
			from = append(from, n)
		}
	}
	d, err := p.s.Merge(r.Context(), web.Actor(r), into, 0, from)
	if err != nil {
		return err
	}
	return done(d, "incident.done.merge")
}

func (p *pages) mergePreview(w http.ResponseWriter, r *http.Request, ids []string) error {
	list, err := p.s.MergePreview(r.Context(), web.Actor(r), ids)
	if err != nil {
		return err
	}
	title := web.T(r, "incident.merge.preview", "n", len(list))
	page := &mergePage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title, Sub: []any{web.T(r, "incident.merge.preview.sub")}},
		Cancel: ui.Button{Label: web.T(r, "incident.cancel"), Href: base, Variant: "tertiary"}, Can: len(list) > 1}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "incident.title"), Href: base}, {Label: title}}
	for i, x := range list {
		row := mergeRow{Number: x.Number, Title: x.Title, State: State(r, x.State), Into: i == 0, Parts: mergeParts(r, x)}
		if x.Held != "" {
			row.Held, page.Can = web.T(r, x.Held), false
		}
		page.Rows = append(page.Rows, row)
	}
	return p.t.Render(w, r, "merge", page)
}

func mergeParts(r *http.Request, x incident.MergeCase) string {
	var out []string
	for _, c := range []struct {
		key string
		n   int64
	}{{"tasks", x.Tasks}, {"entries", x.Entries}, {"notes", x.Notes}, {"parties", x.Parties}, {"evidence", x.Evidence}, {"links", x.Links}} {
		if c.n > 0 {
			out = append(out, web.T(r, "incident.merge.parts."+c.key, "n", c.n))
		}
	}
	if len(out) == 0 {
		return web.T(r, "incident.merge.parts.none")
	}
	return strings.Join(out, " · ")
}

type splitView struct {
	Title ui.Field
	Parts []part
}

func splitOf(r *http.Request, x *incident.File, f *web.Form) *splitView {
	v := &splitView{Title: f.Field("split_title", "incident.split.title")}
	for _, t := range x.Tasks {
		v.Parts = append(v.Parts, part{"task", web.T(r, "incident.task") + ": " + t.Title, strconv.FormatInt(t.ID, 10)})
	}
	for _, e := range x.Entries {
		v.Parts = append(v.Parts, part{"entry", web.T(r, "incident.entry") + ": " + shorten(e.Body), strconv.FormatInt(e.ID, 10)})
	}
	for _, y := range x.Parties {
		v.Parts = append(v.Parts, part{"party", web.T(r, "incident.thread") + ": " + y.Name, y.UUID})
	}
	for _, k := range x.Links {
		if !k.Back {
			v.Parts = append(v.Parts, part{"link", web.T(r, "incident.link") + ": " + k.Label, strconv.FormatInt(k.ID, 10)})
		}
	}
	if len(v.Parts) == 0 {
		return nil
	}
	return v
}

func shorten(s string) string {
	if rs := []rune(s); len(rs) > 80 {
		return string(rs[:79]) + "…"
	}
	return s
}
