package catalogweb

import (
	"net/http"
	"strconv"
	"strings"

	"straza/internal/catalog"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// view is one kind of catalogue on the pages.
type view struct{ kind, path, icon string }

// views are the kinds, in the order of the tabs.
var views = []view{{catalog.Galaxy, "galaxies", "chart-dots"}, {catalog.Taxonomy, "taxonomies", "tags"}, {catalog.WarningList, "lists", "list-check"},
	{catalog.Model, "models", "trending-down"}, {catalog.Template, "templates", "stack-2"}, {catalog.NoticeList, "notices", "info-circle"}}

func (v view) name(r *http.Request) string { return web.T(r, "catalog."+v.path) }

const pageSize = 50

type listPage struct {
	web.Page
	Header ui.Header
	Check  *ui.Field // warning lists: a value to be checked
	Hits   *ui.Note  // and what it stands on
	Bar    ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
}

func tabs(r *http.Request, here view) *ui.Tabs {
	t := &ui.Tabs{Label: web.T(r, "catalog.title")}
	for _, v := range views {
		t.Items = append(t.Items, ui.Tab{Label: v.name(r), Href: base + "/" + v.path, Here: v == here})
	}
	return t
}

// list shows the catalogues of one kind; in galaxies a search goes through all
// their clusters.
func (p *pages) list(v view) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		f := web.ReadFilters(r)
		out := &listPage{Page: web.NewPage(r, web.ShellConsole, v.name(r)), Header: ui.Header{Title: v.name(r), Tabs: tabs(r, v)},
			Bar: f.Bar(web.T(r, "catalog.search."+v.path))}
		if v.kind == catalog.Model && web.Actor(r).Can("catalog.write") {
			out.Header.Acts = []ui.Button{{Label: web.T(r, "catalog.model.new"), Icon: "plus", Href: models + "/new", Key: "N"}}
		}
		if v.kind == catalog.WarningList {
			if web.Actor(r).Can("catalog.write") {
				out.Header.Acts = []ui.Button{{Label: web.T(r, "catalog.list.new"), Icon: "plus", Href: lists + "/new", Key: "N"}}
			}
			if err := p.check(r, out); err != nil {
				return err
			}
		}
		if v.kind == catalog.Galaxy && f.Get("q") != "" {
			list, err := p.s.FindClusters(r.Context(), web.Actor(r), f.Get("q"), 2*pageSize)
			if err != nil {
				return err
			}
			out.Table = clusterTable(r, list)
			return p.t.Render(w, r, "list", out)
		}
		items, err := p.s.List(r.Context(), web.Actor(r), v.kind)
		if err != nil {
			return err
		}
		out.Table = itemTable(r, v, items, i18n.Fold(f.Get("q")))
		if out.Pages, err = f.Page(&out.Table, pageSize); err != nil {
			return err
		}
		return p.t.Render(w, r, "list", out)
	}
}

// check asks the warning lists about the value in the address.
func (p *pages) check(r *http.Request, out *listPage) error {
	value := strings.TrimSpace(r.URL.Query().Get("value"))
	out.Check = &ui.Field{Name: "value", Label: web.T(r, "catalog.check"), Value: value, Mono: true, MaxLength: 2000}
	if value == "" {
		return nil
	}
	hits, err := p.s.Hits(r.Context(), web.Actor(r), "", value)
	if err != nil {
		return err
	}
	out.Hits = &ui.Note{Kind: "success", Title: web.T(r, "catalog.check.none")}
	if len(hits) > 0 {
		names := make([]string, len(hits))
		for i, h := range hits {
			names[i] = h.Name + " (" + h.Matched + ")"
		}
		out.Hits = &ui.Note{Kind: "warning", Title: web.T(r, "catalog.check.hits", "n", int64(len(hits))), Body: strings.Join(names, "; ")}
	}
	return nil
}

func itemTable(r *http.Request, v view, items []catalog.Item, want string) ui.Table {
	t := ui.Table{Caption: v.name(r), Columns: []ui.Column{{Label: web.T(r, "catalog.name")}, {Label: web.T(r, "catalog.state"), Width: "mark"},
		{Label: web.T(r, "catalog.marks"), Width: "mark", Drop: 2}, {Label: web.T(r, "catalog.entries"), Num: true, Drop: 1}, {Label: web.T(r, "catalog.version"), Num: true, Drop: 3}},
		Empty: &ui.Empty{Icon: v.icon, Title: web.T(r, "catalog.empty"), Text: web.T(r, "catalog.empty.text")}}
	if want != "" {
		t.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "catalog.filtered"), Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: base + "/" + v.path, Variant: "secondary"}}}
	}
	for _, it := range items {
		if want != "" && !strings.Contains(i18n.Fold(it.Name+"\n"+it.Key+"\n"+it.Description+"\n"+it.Class), want) {
			continue
		}
		href := base + "/" + v.path + "/" + strconv.FormatInt(it.ID, 10)
		t.Rows = append(t.Rows, ui.Row{Href: href, Cells: []any{ui.Name{Text: it.Name, Href: href, Sub: []any{short(it.Description)}}, stateOf(r, it), marks(r, it), it.Entries, it.Version}})
	}
	return t
}

// short keeps a description to one line.
func short(s string) string {
	if len(s) <= 160 {
		return s
	}
	s = s[:160]
	if i := strings.LastIndexByte(s, ' '); i > 80 {
		s = s[:i]
	}
	return strings.ToValidUTF8(s, "") + "…"
}

func stateOf(r *http.Request, it catalog.Item) ui.State {
	if it.Enabled {
		return ui.State{Kind: ui.StateDone, Word: web.T(r, "catalog.on")}
	}
	return ui.State{Kind: ui.StateNew, Word: web.T(r, "catalog.off")}
}

// marks says in words what an installation thinks of a catalogue.
func marks(r *http.Request, it catalog.Item) any {
	switch {
	case it.Required:
		return ui.Tag{Word: web.T(r, "catalog.required")}
	case it.Exclusive:
		return ui.Tag{Word: web.T(r, "catalog.exclusive")}
	case it.Own:
		return ui.Tag{Word: web.T(r, "catalog.own")}
	case it.Builtin:
		return ui.Tag{Word: web.T(r, "catalog.builtin")}
	}
	return nil
}

func clusterTable(r *http.Request, list []catalog.Cluster) ui.Table {
	t := ui.Table{Caption: web.T(r, "catalog.clusters"), Columns: []ui.Column{{Label: web.T(r, "catalog.cluster")}, {Label: web.T(r, "catalog.galaxy"), Drop: 1}, {Label: web.T(r, "catalog.marks"), Width: "mark", Drop: 2}},
		Empty: &ui.Empty{Icon: "chart-dots", Title: web.T(r, "catalog.filtered"), Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: base + "/galaxies", Variant: "secondary"}}}}
	for _, c := range list {
		href := base + "/clusters/" + strconv.FormatInt(c.ID, 10)
		var mark any
		if c.Own != nil {
			mark = ui.Tag{Word: web.T(r, "catalog.own")}
		}
		t.Rows = append(t.Rows, ui.Row{Href: href, Cells: []any{ui.Name{Text: c.Value, Href: href, Sub: []any{short(catalog.Said(c.Body, web.Lang(r)))}}, ui.Machine(c.Type), mark}})
	}
	return t
}
