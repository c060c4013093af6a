package registryweb

import (
	"io"
	"net/http"

	"straza/internal/craft/export"
	"straza/internal/craft/export/exportweb"
	"straza/internal/kernel/access"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

type listPage struct {
	web.Page
	Header ui.Header
	Bar    ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
}

// filters are the same for the list and its export.
func (p *pages) filters(r *http.Request) (*web.Filters, registry.Filter, error) {
	lists := p.s.Lists(r.Context(), web.Actor(r))
	certs, err := p.s.CERTs(r.Context(), web.Actor(r))
	if err != nil {
		return nil, registry.Filter{}, err
	}
	var team []ui.Option
	for _, c := range certs {
		team = append(team, ui.Option{Value: c.UUID, Label: c.Label(web.Lang(r))})
	}
	f := web.ReadFilters(r,
		web.FilterSpec{Name: "kind", Label: web.T(r, "registry.kind"), Options: entries(r, lists.Kinds)},
		web.FilterSpec{Name: "sector", Label: web.T(r, "registry.sector"), Options: entries(r, lists.Sectors)},
		web.FilterSpec{Name: "cert", Label: web.T(r, "registry.cert"), Options: team},
		web.FilterSpec{Name: "contacts", Label: web.T(r, "registry.contacts"), Options: web.Words(r, "registry.freshness.", append([]registry.Freshness{registry.Stale}, registry.Freshnesses...)...)},
		web.FilterSpec{Name: "state", Label: web.T(r, "registry.state"), Options: web.Words(r, "registry.state.", registry.States...), Default: string(registry.Active)}, web.Sorted(registry.Sorts...),
	)
	return f, registry.Filter{Query: f.Get("q"), Kind: f.Get("kind"), Sector: f.Get("sector"), CERT: f.Get("cert"),
		Freshness: registry.Freshness(f.Get("contacts")), State: registry.State(f.Get("state")), Sort: f.Get("sort")}, nil
}

func (p *pages) list(w http.ResponseWriter, r *http.Request) error {
	f, filter, err := p.filters(r)
	if err != nil {
		return err
	}
	list, next, err := p.s.List(r.Context(), web.Actor(r), filter, registry.Page{Cursor: f.Cursor()})
	if err != nil {
		return err
	}
	total, more, err := p.s.Count(r.Context(), web.Actor(r), filter)
	if err != nil {
		return err
	}
	count := total
	if more {
		total = 0 // the paging line then says only which rows these are
	}
	page := &listPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "registry.title"))}
	page.Header = ui.Header{Title: web.T(r, "registry.title")}
	if access.Allowed(web.Actor(r), "registry.write") {
		page.Header.Acts = []ui.Button{
			{Label: web.T(r, "registry.import"), Icon: "upload", Href: room(r) + "/import", Variant: "secondary"},
			{Label: web.T(r, "registry.new"), Icon: "plus", Href: room(r) + "/new", Key: "N"}}
	}
	page.Bar = f.Bar(web.T(r, "registry.search"), exportweb.Offer(r, exportHref(r, f), count, more)...)
	page.Table = p.table(r, f, filter, list)
	page.Pages = f.Pages(len(list), total, next)
	return p.t.Render(w, r, "list", page)
}

// exportHref is the list's address with its filters, at the export.
func exportHref(r *http.Request, f *web.Filters) string {
	return room(r) + "/export" + f.With("format", "csv")[len(room(r)):]
}

func (p *pages) table(r *http.Request, f *web.Filters, filter registry.Filter, list []registry.Organisation) ui.Table {
	lists, l := p.s.Lists(r.Context(), web.Actor(r)), web.Lang(r)
	t := ui.Table{Caption: web.T(r, "registry.title"), Columns: []ui.Column{
		f.SortDefault(web.T(r, "registry.name"), "name"), {Label: web.T(r, "registry.sector"), Drop: 2}, {Label: web.T(r, "registry.cert"), Drop: 3},
		{Label: web.T(r, "registry.contacts"), Width: "mark"}, f.Sort(web.T(r, "registry.changed"), "updated").Sized("mark", 1)},
		Empty: &ui.Empty{Icon: "building-community", Title: web.T(r, "registry.empty"), Text: web.T(r, "registry.empty.text")}}
	if filter.Sort = ""; filter != (registry.Filter{State: registry.Active}) {
		t.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "registry.filtered"), Text: web.T(r, "registry.filtered.text"),
			Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: room(r), Variant: "secondary"}}}
	}
	for _, o := range list {
		href := room(r) + "/" + o.UUID
		sub := []any{lists.Kinds.Label(o.Kind, l)}
		if o.RegistrationNo != "" {
			sub = append(sub, ui.Machine(o.RegistrationNo))
		}
		name := ui.Name{Text: o.Label(l), Href: href, Sub: sub}
		if o.Host {
			name.Marks = []any{ui.Tag{Word: web.T(r, "registry.host"), Icon: "home"}}
		}
		if o.State != registry.Active {
			name.Marks = append(name.Marks, ui.Tag{Word: web.T(r, "registry.state."+string(o.State))})
		}
		t.Rows = append(t.Rows, ui.Row{Href: href, Off: o.State != registry.Active, Cells: []any{
			name, lists.Sectors.Label(o.Sector, l), o.CERTName, freshnessOf(r, o), o.Updated}})
	}
	return t
}

// freshnessOf marks how far an organisation's contacts can be relied on; a dash for
// who may not know.
func freshnessOf(r *http.Request, o registry.Organisation) any {
	if !o.Details {
		return "–"
	}
	return freshness(r, "", o.Contacts.Freshness)
}

// freshness marks it in the words for all contacts together, or (of = "contact.")
// for one.
func freshness(r *http.Request, of string, f registry.Freshness) ui.State {
	kind := map[registry.Freshness]string{registry.Fresh: ui.StateDone, registry.Due: ui.StateWaiting, registry.Unverified: ui.StateAck,
		registry.Bouncing: ui.StateRefused, registry.Missing: ui.StateNew}[f]
	return ui.State{Kind: kind, Word: web.T(r, "registry."+of+"freshness."+string(f))}
}

func entries(r *http.Request, l registry.List) []ui.Option {
	out := make([]ui.Option, len(l.Entries))
	for i, e := range l.Entries {
		out[i] = ui.Option{Value: e.Code, Label: e.Names.In(web.Lang(r))}
	}
	return out
}

func (p *pages) export(w http.ResponseWriter, r *http.Request) error {
	_, filter, err := p.filters(r)
	if err != nil {
		return err
	}
	return download(w, r, "organisations", func(out io.Writer, format string, begin func(export.Extent) export.Stamp) error {
		return p.s.Export(r.Context(), web.Actor(r), out, format, filter, begin)
	})
}

// download answers with a file in the format asked for: CSV, or JSON lines.
func download(w http.ResponseWriter, r *http.Request, name string, write func(out io.Writer, format string, begin func(export.Extent) export.Stamp) error) error {
	format, media := registry.CSV, "text/csv; charset=utf-8; header=present"
	if r.URL.Query().Get("format") == registry.JSON {
		format, media = registry.JSON, "application/x-ndjson"
	}
	out := exportweb.New(w, r)
	return out.End(write(out.Buffer(), format, func(x export.Extent) export.Stamp { return out.Begin(x, name, format, media) }))
}
