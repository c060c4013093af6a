package registryweb

import (
	"net/http"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

type resourcesPage struct {
	web.Page
	Header ui.Header
	Tables []ui.Table // one a kind
	Assets ui.Table
	Form   *resourceForm
	Empty  *ui.Empty
}

type resourceForm struct {
	Action             string
	Kind, Value, Notes ui.Field
	Button             ui.Button
}

func (p *pages) resources(w http.ResponseWriter, r *http.Request) error {
	page, err := p.resourcesPage(r, web.NewForm(r, map[string][]string{"kind": {registry.Network}}))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "resources", page)
}

func (p *pages) resourcesPage(r *http.Request, f *web.Form) (*resourcesPage, error) {
	o, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	list, err := p.s.Resources(r.Context(), web.Actor(r), o.UUID)
	if err != nil {
		return nil, err
	}
	assets, err := p.s.Assets(r.Context(), web.Actor(r), o.UUID)
	if err != nil {
		return nil, err
	}
	page := &resourcesPage{Page: web.NewPage(r, web.ShellConsole, o.Label(web.Lang(r)))}
	page.Crumbs, page.Header = crumbs(r, o), p.header(r, o, "resources")
	base := room(r) + "/" + o.UUID + "/resources"
	for _, kind := range registry.ResourceKinds {
		if t := resourceTable(r, o, base, kind, list); len(t.Rows) > 0 {
			page.Tables = append(page.Tables, t)
		}
	}
	if len(page.Tables) == 0 {
		page.Empty = &ui.Empty{Icon: "network", Title: web.T(r, "registry.resources.empty"), Text: web.T(r, "registry.resources.empty.text")}
	}
	page.Assets = p.assetTable(r, assets)
	if mayKeep(r, o) {
		form := &resourceForm{Action: base, Kind: f.Field("kind", "registry.resource.kind"), Value: f.Field("value", "registry.resource.value"),
			Notes: f.Field("note", "registry.resource.note"), Button: ui.Button{Label: web.T(r, "registry.resource.add"), Icon: "plus", Variant: "secondary"}}
		pick(options(r, "registry.resource.", registry.ResourceKinds...), false)(&form.Kind)
		form.Value.Mono, form.Value.Hint, form.Notes.Optional = true, web.T(r, "registry.resource.value.hint"), true
		page.Form = form
	}
	return page, nil
}

func resourceTable(r *http.Request, o registry.Organisation, base, kind string, list []registry.Resource) ui.Table {
	t := ui.Table{Caption: web.T(r, "registry.resource."+kind), ShowCaption: true, Columns: []ui.Column{
		{Label: web.T(r, "registry.resource.value")}, {Label: web.T(r, "registry.resource.note"), Drop: 1},
		{Label: web.T(r, "registry.entered"), Width: "mark", Drop: 2}, {Label: web.T(r, "registry.acts"), Hidden: true}}}
	for _, x := range list {
		if x.Kind != kind {
			continue
		}
		var value any = ui.Machine(x.Value)
		if u := registry.DomainText(x.Value); kind == registry.Domain && u != x.Value {
			value = ui.Name{Text: u, Sub: []any{ui.Machine(x.Value)}}
		}
		acts := ui.Acts{Form: "resource-acts"}
		if mayKeep(r, o) {
			acts.Items = []ui.Button{{Label: web.T(r, "registry.remove"), Icon: "x", Action: base + "/" + x.UUID + "/remove", Variant: "tertiary", Small: true}}
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{value, x.Note, x.Created, acts}})
	}
	return t
}

func (p *pages) assetTable(r *http.Request, list []registry.Asset) ui.Table {
	lists, l := p.s.Lists(r.Context(), web.Actor(r)), web.Lang(r)
	t := ui.Table{Caption: web.T(r, "registry.assets"), ShowCaption: true, Columns: []ui.Column{
		{Label: web.T(r, "registry.name")}, {Label: web.T(r, "registry.asset.product")}, {Label: web.T(r, "registry.asset.criticality"), Width: "mark"}}}
	levels := []string{"", "low", "medium", "high", "veryhigh"}
	for _, a := range list {
		var level any = "–"
		if a.Criticality > 0 {
			level = ui.Severity{Level: levels[a.Criticality]}
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{ui.Name{Text: a.Name, Sub: []any{lists.Assets.Label(a.Kind, l)}}, a.Product, level}})
	}
	return t
}

func (p *pages) addResource(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	_, err = p.s.AddResource(r.Context(), web.Actor(r), id, 0, f.Text("kind", 20), f.Text("value", 300), f.Text("note", 400))
	if fault.Is(err, fault.Conflict) { // held already: as an error of the field
		err = fault.Field("value", fault.Of(err).Key, "held already")
	}
	if f.Fail(err) {
		page, err := p.resourcesPage(r, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("kind", "value", "note")
		return p.t.Invalid(w, r, "resources", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(room(r)+"/"+id+"/resources", web.Done("registry.done.saved"))
}

func (p *pages) removeResource(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := p.s.RemoveResource(r.Context(), web.Actor(r), id, 0, r.PathValue("part")); err != nil {
		return err
	}
	return web.Redirect(room(r)+"/"+id+"/resources", web.Done("registry.done.removed"))
}
