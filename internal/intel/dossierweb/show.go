package dossierweb

import (
	"net/http"
	"strconv"
	"strings"

	"straza/internal/intel/dossier"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type listPage struct {
	web.Page
	Header ui.Header
	Lead   string
	Bar    ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
}

func at(r *http.Request, d *dossier.Dossier) string { return base(r) + "/" + d.UUID }

func typeWord(r *http.Request, typ string) string { return web.T(r, "dossiers.type."+typ) }

func (p *pages) list(w http.ResponseWriter, r *http.Request) error {
	f := web.ReadFilters(r)
	want := i18n.Fold(f.Get("q"))
	title := web.T(r, "dossiers.title")
	page := &listPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, Lead: web.T(r, "dossiers.lead"), Bar: f.Bar(web.T(r, "dossiers.search"))}
	if access.Allowed(web.Actor(r), "intel.write") {
		page.Header.Acts = []ui.Button{{Label: web.T(r, "dossiers.new"), Icon: "plus", Href: base(r) + "/new", Key: "N"}}
	}
	page.Table = ui.Table{Caption: title, Columns: []ui.Column{{Label: web.T(r, "dossiers.name")}, {Label: web.T(r, "dossiers.type"), Width: "mark"}, {Label: web.T(r, "dossiers.elements"), Num: true},
		{Label: web.T(r, "dossiers.level"), Drop: 2}, {Label: web.T(r, "dossiers.modified"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "archive", Title: web.T(r, "dossiers.empty"), Text: web.T(r, "dossiers.empty.text"), Acts: page.Header.Acts}}
	if want != "" {
		page.Table.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "dossiers.filtered"), Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: base(r), Variant: "secondary"}}}
	}
	err := p.d.Dossiers.Dossiers(r.Context(), web.Actor(r), dossier.Filter{}, func(d *dossier.Dossier) error {
		if want != "" && !strings.Contains(i18n.Fold(d.Name+"\n"+d.Description), want) {
			return nil
		}
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: at(r, d), Cells: []any{ui.Name{Text: d.Name, Href: at(r, d), Sub: []any{d.Origin.Name}}, typeWord(r, d.Type),
			strconv.Itoa(len(d.Elements)), levelWord(r, d), clock.FromMicros(d.Modified * 1e6)}})
		return nil
	})
	if err == nil {
		page.Pages, err = f.Page(&page.Table, 50)
	}
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "dossiers", page)
}

func levelWord(r *http.Request, d *dossier.Dossier) string {
	return web.T(r, "dossiers.level."+strconv.Itoa(int(d.Distribution)))
}

type showPage struct {
	web.Page
	Header ui.Header
	Text   string
	Facts  ui.Facts
	Table  ui.Table
	Count  string
	Add    []ui.Field
	Sure   *ui.Field // the tick before deleting; nil for who may not
	At     string
}

// shown is how many elements the page names.
const shown = 200

func (p *pages) show(w http.ResponseWriter, r *http.Request) error {
	page, err := p.page(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "dossier", page)
}

// page is the page of a dossier; f is what was typed to add or to delete.
func (p *pages) page(r *http.Request, f *web.Form) (*showPage, error) {
	who := web.Actor(r)
	d, err := p.d.Dossiers.Dossier(r.Context(), who, r.PathValue("dossier"))
	if err != nil {
		return nil, err
	}
	page := &showPage{Page: web.NewPage(r, shell(r), d.Name), Header: ui.Header{Title: d.Name, Sub: []any{typeWord(r, d.Type)}}, Text: d.Description, At: at(r, &d)}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "dossiers.title"), Href: base(r)}, {Label: d.Name}}
	page.Facts.Items = []ui.Fact{{Label: web.T(r, "dossiers.origin"), Value: d.Origin.Name}, {Label: web.T(r, "dossiers.level"), Value: levelWord(r, &d)},
		{Label: web.T(r, "dossiers.made"), Value: clock.FromMicros(d.Created * 1e6)}, {Label: web.T(r, "dossiers.modified"), Value: clock.FromMicros(d.Modified * 1e6)},
		{Label: "UUID", Value: ui.Machine(d.UUID), Wide: true}}
	if d.Locked {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "dossiers.from"), Value: web.T(r, "dossiers.peer")})
	}
	names, err := p.d.Dossiers.Names(r.Context(), who, &d, shown)
	if err != nil {
		return nil, err
	}
	page.Count = web.T(r, "dossiers.count", "n", len(d.Elements))
	page.Table = elementTable(r, names, d.Mine)
	if d.Mine {
		page.Header.Acts = []ui.Button{{Label: web.T(r, "dossiers.edit"), Icon: "pencil", Href: page.At + "/edit", Variant: "secondary", Key: "E"}}
		what, why, sure := f.Field("uuid", "dossiers.add.uuid"), f.Field("why", "dossiers.add.why"), f.Box("sure", "dossiers.sure")
		what.Hint, what.Mono, what.MaxLength, why.Optional, why.MaxLength = web.T(r, "dossiers.add.hint"), true, 36, true, 2000
		page.Add, page.Sure = []ui.Field{what, why}, &sure
	}
	return page, nil
}

func elementTable(r *http.Request, list []dossier.Named, mine bool) ui.Table {
	t := ui.Table{Caption: web.T(r, "dossiers.elements"), Columns: []ui.Column{{Label: web.T(r, "dossiers.thing")}, {Label: web.T(r, "dossiers.kind"), Width: "mark"}, {Label: web.T(r, "dossiers.tlp"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "archive", Title: web.T(r, "dossiers.none"), Text: web.T(r, "dossiers.none.text")}}
	if mine {
		t.Columns = append(t.Columns, ui.Column{Label: web.T(r, "dossiers.act"), Hidden: true})
	}
	for _, n := range list {
		name := ui.Name{Text: n.Title, Href: hrefOf(r, &n)}
		if n.Description != "" {
			name.Sub = []any{n.Description}
		}
		var thing any = name
		if n.Title == "" {
			thing = ui.Name{Text: web.T(r, "dossiers.away"), Sub: append([]any{ui.Machine(n.Target)}, name.Sub...)}
		}
		var label any
		if n.TLP != "" {
			label = ui.TLP(n.TLP)
		}
		cells := []any{thing, kindWord(r, n.Kind), label}
		if mine {
			cells = append(cells, ui.Acts{Form: "acts", Items: []ui.Button{{Label: web.T(r, "dossiers.drop"), Action: base(r) + "/" + r.PathValue("dossier") + "/drop", Name: "element", Value: n.UUID, Variant: "tertiary", Small: true}}})
		}
		t.Rows = append(t.Rows, ui.Row{Href: name.Href, Cells: cells})
	}
	return t
}

// hrefOf is where a thing is shown; the portal has no pages of clusters.
func hrefOf(r *http.Request, n *dossier.Named) string {
	room := strings.TrimSuffix(base(r), "/dossiers")
	switch {
	case n.Cluster != 0 && room == "/console":
		return room + "/catalog/clusters/" + strconv.FormatInt(n.Cluster, 10)
	case n.Cluster != 0 || n.Event == "":
		return ""
	case n.Kind == "Attribute":
		return room + "/events/" + n.Event + "/attributes/" + n.Target
	}
	return room + "/events/" + n.Event
}

// kindWord says what an element names; a kind of somebody else's stands as it came.
func kindWord(r *http.Request, kind string) any {
	for _, k := range dossier.Kinds {
		if k == kind {
			return web.T(r, "dossiers.kind."+strings.ToLower(k))
		}
	}
	return ui.Machine(kind)
}

// act adds and takes out elements, and deletes the dossier.
func (p *pages) act(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	who, ref := web.Actor(r), r.PathValue("dossier")
	d, err := p.d.Dossiers.Dossier(r.Context(), who, ref)
	if err != nil {
		return err
	}
	var said *web.Flash
	switch r.PathValue("act") {
	case "add":
		if _, err = p.d.Dossiers.Put(r.Context(), who, d.UUID, f.Needed("uuid", 36), f.Text("why", 2000)); err == nil {
			return web.Redirect(at(r, &d), web.Done("dossiers.done.add"))
		}
		if e := fault.Of(err); e != nil && e.Fields["element_uuid"] != "" {
			err = fault.Field("uuid", "intel.fault.uuid", "no UUID")
		}
	case "drop":
		var e dossier.Element
		if e, err = p.d.Dossiers.DropElement(r.Context(), who, f.Text("element", 36)); err == nil {
			said = web.Done("dossiers.done.drop").WithUndo(at(r, &d)+"/add", "uuid", e.Target, "why", e.Description)
			return web.Redirect(at(r, &d), said)
		}
	case "delete":
		if !f.Tick("sure") {
			f.Add("sure", "dossiers.sure.needed")
			break
		}
		if _, err = p.d.Dossiers.DeleteDossier(r.Context(), who, d.UUID); err == nil {
			return web.Redirect(base(r), web.Done("dossiers.done.delete"))
		}
	default:
		return fault.New(fault.NotFound, "act %q", r.PathValue("act"))
	}
	if f.Fail(err) {
		page, err := p.page(r, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("uuid", "why", "sure")
		return p.t.Invalid(w, r, "dossier", page)
	}
	return err
}
