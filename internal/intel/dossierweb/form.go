package dossierweb

import (
	"net/http"
	"strconv"

	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type formPage struct {
	web.Page
	Header ui.Header
	Fields []ui.Field
	Cancel ui.Button
}

var order = []string{"name", "type", "description", "distribution", "group"}

func (p *pages) form(r *http.Request, f *web.Form, title, back string) (*formPage, error) {
	page := &formPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, Cancel: ui.Button{Label: web.T(r, "dossiers.cancel"), Href: back, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "dossiers.title"), Href: base(r)}, {Label: title}}
	name, text := f.Field("name", "dossiers.name"), f.Field("description", "dossiers.description")
	typ := f.Select("type", "dossiers.type", web.Words(r, "dossiers.type.", dossier.Types...)...)
	text.Type, text.Rows, text.Optional = "textarea", 5, true
	ask := web.Reach{Level: "dossiers.level", Group: "dossiers.group", Words: "dossiers.level.", Levels: []string{"0", "1", "2", "3", "4"}, Groups: []ui.Option{{Label: web.T(r, "dossiers.group.none")}}}
	groups, err := p.d.Intel.Groups(r.Context(), web.Actor(r))
	if err != nil && !fault.Is(err, fault.Denied) {
		return nil, err
	}
	for i := range groups {
		ask.Groups = append(ask.Groups, ui.Option{Value: groups[i].UUID, Label: groups[i].Name})
	}
	level, group := f.Reach(ask)
	level.Hint, group.Hint = web.T(r, "dossiers.level.hint"), web.T(r, "dossiers.group.hint")
	page.Fields = []ui.Field{name, typ, text, level, group}
	return page, nil
}

// draft reads the form.
func (p *pages) draft(r *http.Request, f *web.Form) (d dossier.Draft, err error) {
	name, typ, text, level := f.Text("name", 255), f.Text("type", 40), f.Text("description", 65_000), intel.Distribution(f.Int("distribution"))
	d = dossier.Draft{Name: &name, Type: &typ, Description: &text, Distribution: &level}
	var group int64
	if ref := f.Text("group", 36); ref != "" && level == intel.Group {
		g, err := p.d.Intel.SharingGroup(r.Context(), web.Actor(r), ref)
		if err != nil {
			return d, fault.Field("group", "intel.fault.group", "no such sharing group").Because(err)
		}
		group = g.ID
	}
	d.Group = &group
	return d, nil
}

// placed puts the fault of a group at its field.
func placed(err error) error {
	if e := fault.Of(err); e != nil && e.Fields["sharing_group_id"] != "" {
		return fault.Field("group", e.Fields["sharing_group_id"], "no such sharing group")
	}
	return err
}

func (p *pages) newDossier(w http.ResponseWriter, r *http.Request) error {
	page, err := p.form(r, web.NewForm(r, map[string][]string{"distribution": {"1"}, "type": {"campaign"}}), web.T(r, "dossiers.new"), base(r))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "dossierform", page)
}

func (p *pages) add(w http.ResponseWriter, r *http.Request) error {
	return p.save(w, r, "dossiers.new", base(r), "dossiers.done.new", func(d dossier.Draft) (dossier.Dossier, error) {
		return p.d.Dossiers.AddDossier(r.Context(), web.Actor(r), d)
	})
}

// save reads the form and keeps it, or shows it again with what is wrong.
func (p *pages) save(w http.ResponseWriter, r *http.Request, title, back, done string, keep func(dossier.Draft) (dossier.Dossier, error)) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	d, err := p.draft(r, f)
	var out dossier.Dossier
	if err == nil {
		out, err = keep(d)
	}
	if err == nil {
		return web.Redirect(at(r, &out), web.Done(done))
	}
	if err = placed(err); !f.Fail(err) {
		return err
	}
	page, err := p.form(r, f, web.T(r, title), back)
	if err != nil {
		return err
	}
	page.Errors = f.Summary(order...)
	return p.t.Invalid(w, r, "dossierform", page)
}

func (p *pages) editForm(w http.ResponseWriter, r *http.Request) error {
	d, err := p.d.Dossiers.Dossier(r.Context(), web.Actor(r), r.PathValue("dossier"))
	if err != nil {
		return err
	}
	if !d.Mine {
		return fault.New(fault.Denied, "not the caller's dossier").WithKey("intel.fault.foreign")
	}
	f := web.NewForm(r, map[string][]string{"name": {d.Name}, "type": {d.Type}, "description": {d.Description}, "distribution": {strconv.Itoa(int(d.Distribution))}})
	if d.Group != 0 {
		g, err := p.d.Intel.SharingGroup(r.Context(), web.Actor(r), strconv.FormatInt(d.Group, 10))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		f.Values.Set("group", g.UUID)
	}
	page, err := p.form(r, f, web.T(r, "dossiers.edit.title"), at(r, &d))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "dossierform", page)
}

func (p *pages) edit(w http.ResponseWriter, r *http.Request) error {
	ref := r.PathValue("dossier")
	return p.save(w, r, "dossiers.edit.title", base(r)+"/"+ref, "dossiers.done.edit", func(d dossier.Draft) (dossier.Dossier, error) {
		return p.d.Dossiers.EditDossier(r.Context(), web.Actor(r), ref, d)
	})
}
