package registryweb

import (
	"net/http"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

type mergePage struct {
	web.Page
	Header  ui.Header
	Text    string
	Search  ui.FilterBar
	Choices *ui.Choices
	Empty   *ui.Empty
	Action  string
	Button  ui.Button
	Cancel  ui.Button
}

// candidates is how many organisations the page offers at most.
const candidates = 20

func (p *pages) mergeForm(w http.ResponseWriter, r *http.Request) error {
	page, err := p.mergePage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "merge", page)
}

// mergePage offers what the search finds; without one, what shares the first word
// of the name.
func (p *pages) mergePage(r *http.Request, f *web.Form) (*mergePage, error) {
	o, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	at := room(r) + "/" + o.UUID
	filters := web.ReadFilters(r)
	query := filters.Get("q")
	if query == "" {
		query, _, _ = strings.Cut(o.Name, " ")
	}
	list, _, err := p.s.List(r.Context(), web.Actor(r), registry.Filter{Query: query}, registry.Page{Limit: candidates + 1})
	if err != nil {
		return nil, err
	}
	lists := p.s.Lists(r.Context(), web.Actor(r))
	page := &mergePage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "registry.merge.title", "name", o.Label(web.Lang(r)))),
		Text: web.T(r, "registry.merge.text", "name", o.Label(web.Lang(r))), Action: at + "/merge",
		Search: filters.Bar(web.T(r, "registry.search")), Button: ui.Button{Label: web.T(r, "registry.merge.act"), Icon: "git-merge"},
		Cancel: ui.Button{Label: web.T(r, "registry.cancel"), Href: at, Variant: "tertiary"}}
	page.Crumbs, page.Header = append(crumbs(r, o), ui.Crumb{Label: web.T(r, "registry.merge")}), ui.Header{Title: page.Title}
	page.Crumbs[1].Href = at
	var opts []ui.Option
	for _, c := range list {
		if c.UUID != o.UUID && c.State != registry.Merged && c.Kind != registry.KindCERT && len(opts) < candidates {
			opts = append(opts, ui.Option{Value: c.UUID, Label: c.Label(web.Lang(r)), Hint: strings.TrimSpace(lists.Kinds.Label(c.Kind, web.Lang(r)) + " " + c.RegistrationNo)})
		}
	}
	if len(opts) == 0 {
		page.Empty = &ui.Empty{Icon: "search", Title: web.T(r, "registry.merge.none"), Text: web.T(r, "registry.merge.none.text")}
		return page, nil
	}
	c := f.Choices("from", "registry.merge.which", opts...)
	c.Many = true
	page.Choices = &c
	return page, nil
}

func (p *pages) merge(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	m, err := p.s.Merge(r.Context(), web.Actor(r), id, f.Many("from"))
	if f.Fail(err) {
		page, err := p.mergePage(r, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("from")
		return p.t.Invalid(w, r, "merge", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(room(r)+"/"+id, web.Done("registry.done.merged", "n", len(m.From)).WithUndo(room(r)+"/"+id+"/merges/"+m.UUID+"/undo"))
}

func (p *pages) undoMerge(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := p.s.UndoMerge(r.Context(), web.Actor(r), id, r.PathValue("part")); err != nil {
		return err
	}
	return web.Redirect(room(r)+"/"+id, web.Done("registry.done.unmerged"))
}

// mergeRows are the merges into an organisation; who may not read them gets none.
func (p *pages) mergeRows(r *http.Request, o registry.Organisation) ([]mergeRow, error) {
	list, err := p.s.Merges(r.Context(), web.Actor(r), o.UUID)
	if fault.Is(err, fault.Denied) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []mergeRow
	for _, m := range list {
		var names []string
		for _, x := range m.From {
			names = append(names, x.Label(web.Lang(r)))
		}
		row := mergeRow{Text: strings.Join(names, ", "), At: m.At, Until: m.Until, Undone: !m.Undone.IsZero()}
		if !row.Undone && web.Actor(r).Can("registry.merge") {
			row.Undo = room(r) + "/" + o.UUID + "/merges/" + m.UUID + "/undo"
		}
		out = append(out, row)
	}
	return out, nil
}
