package registryweb

import (
	"net/http"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

type editPage struct {
	web.Page
	Header  ui.Header
	Card    []ui.Field
	Numbers []ui.Field
	Details []ui.Field // note and disclosure; none for who may not see them
	Version int64
	Cancel  ui.Button
}

// order is the order of the fields, for the error summary.
var order = []string{"name", "names", "name_cyrl", "name_latn", "name_en", "aliases", "kind", "sector", "country", "registration_no", "tax_no", "seat", "website", "disclosure", "note"}

func (p *pages) newForm(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, map[string][]string{"kind": {"other"}, "country": {"RS"}, "disclosure": {string(registry.ToMembers)}, "name": {r.URL.Query().Get("name")}})
	return p.t.Render(w, r, "edit", p.editor(r, f, registry.Organisation{Details: true}))
}

func (p *pages) editForm(w http.ResponseWriter, r *http.Request) error {
	o, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "edit", p.editor(r, web.NewForm(r, map[string][]string{
		"name": {o.Name}, "name_cyrl": {o.Names[i18n.SrCyrl]}, "name_latn": {o.Names[i18n.SrLatn]}, "name_en": {o.Names[i18n.En]}, "aliases": {strings.Join(o.Aliases, "\n")},
		"kind": {o.Kind}, "sector": {o.Sector}, "country": {o.Country}, "registration_no": {o.RegistrationNo}, "tax_no": {o.TaxNo},
		"seat": {o.Seat}, "website": {o.Website}, "note": {o.Note}, "disclosure": {string(o.Disclosure)}}), o))
}

// editor is the form of a new organisation (no UUID) or of one that is there.
func (p *pages) editor(r *http.Request, f *web.Form, o registry.Organisation) *editPage {
	lists := p.s.Lists(r.Context(), web.Actor(r))
	title, back := web.T(r, "registry.new"), room(r)
	if o.UUID != "" {
		title, back = web.T(r, "registry.edit.title", "name", o.Label(web.Lang(r))), room(r)+"/"+o.UUID
	}
	page := &editPage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title}, Version: o.Version,
		Cancel: ui.Button{Label: web.T(r, "registry.cancel"), Href: back, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "registry.title"), Href: room(r)}, {Label: title}}
	field := func(name, label string, with ...func(*ui.Field)) ui.Field {
		fd := f.Field(name, label)
		fd.Optional = true
		for _, w := range with {
			w(&fd)
		}
		return fd
	}
	needed := func(fd *ui.Field) { fd.Optional = false }
	hint := func(key string) func(*ui.Field) { return func(fd *ui.Field) { fd.Hint = web.T(r, key) } }
	mono := func(fd *ui.Field) { fd.Mono, fd.Width = true, "short" }
	page.Card = []ui.Field{field("name", "registry.name", needed), field("name_cyrl", "registry.name.cyrl"),
		field("name_latn", "registry.name.latn", hint("registry.name.latn.hint")), field("name_en", "registry.name.en"),
		field("aliases", "registry.aliases", hint("registry.aliases.hint"), func(fd *ui.Field) { fd.Type, fd.Rows = "textarea", 3 }),
		field("kind", "registry.kind", pick(entries(r, lists.Kinds), false), needed), field("sector", "registry.sector", pick(entries(r, lists.Sectors), true))}
	page.Numbers = []ui.Field{field("registration_no", "registry.registration", mono, hint("registry.registration.hint")), field("tax_no", "registry.tax", mono, hint("registry.tax.hint")),
		field("country", "registry.country", mono, hint("registry.country.hint"), needed), field("seat", "registry.seat"), field("website", "registry.website", func(fd *ui.Field) { fd.Type, fd.InputMode = "", "url" })}
	if o.Details {
		page.Details = []ui.Field{field("disclosure", "registry.disclosure", pick(web.Words(r, "registry.disclosure.", registry.ToMembers, registry.ToTeams, registry.ToCERT), false), needed, hint("registry.disclosure.hint")),
			field("note", "registry.note", hint("registry.note.hint"), func(fd *ui.Field) { fd.Type, fd.Rows = "textarea", 4 })}
	}
	return page
}

func pick(opts []ui.Option, blank bool) func(*ui.Field) {
	return func(fd *ui.Field) {
		fd.Type, fd.Options = "select", opts
		if blank {
			fd.Options = append([]ui.Option{{Label: "–"}}, opts...)
		}
	}
}

// readPatch reads the whole form; the heart checks it.
func readPatch(f *web.Form) registry.Patch {
	text := func(name string, most int) *string {
		v := f.Text(name, most)
		return &v
	}
	names := i18n.Text{i18n.SrCyrl: *text("name_cyrl", 300), i18n.SrLatn: *text("name_latn", 300), i18n.En: *text("name_en", 300)}
	aliases := strings.Split(*text("aliases", 8000), "\n")
	p := registry.Patch{Name: text("name", 400), Names: &names, Aliases: &aliases, Kind: text("kind", 60), Sector: text("sector", 60),
		Country: text("country", 10), RegistrationNo: text("registration_no", 60), TaxNo: text("tax_no", 60), Seat: text("seat", 400), Website: text("website", 400)}
	if f.Values.Has("disclosure") {
		d := registry.Disclosure(f.Text("disclosure", 20))
		p.Disclosure, p.Note = &d, text("note", 5000)
	}
	return p
}

func (p *pages) create(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	c := readPatch(f)
	d := registry.Draft{Name: *c.Name, Names: *c.Names, Aliases: *c.Aliases, Kind: *c.Kind, Sector: *c.Sector, Country: *c.Country,
		RegistrationNo: *c.RegistrationNo, TaxNo: *c.TaxNo, Seat: *c.Seat, Website: *c.Website}
	if c.Note != nil {
		d.Note, d.Disclosure = *c.Note, *c.Disclosure
	}
	o, err := p.s.Add(r.Context(), web.Actor(r), d)
	if f.Fail(err) || fault.Is(err, fault.Conflict) {
		return p.editAgain(w, r, f, registry.Organisation{Details: true}, err)
	}
	if err != nil {
		return err
	}
	return web.Redirect(room(r)+"/"+o.UUID, web.Done("registry.done.entered"))
}

func (p *pages) save(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	id, version := r.PathValue("id"), f.Int("version")
	_, err = p.s.Change(r.Context(), web.Actor(r), id, version, readPatch(f))
	if f.Fail(err) || fault.Is(err, fault.Conflict) {
		// The typed text stays; after a conflict the newer version counts from now on.
		o, gerr := p.s.Get(r.Context(), web.Actor(r), id)
		if gerr != nil {
			return gerr
		}
		if !fault.Is(err, fault.Conflict) {
			o.Version = version
		}
		return p.editAgain(w, r, f, o, err)
	}
	if err != nil {
		return err
	}
	return web.Redirect(room(r)+"/"+id, web.Done("registry.done.saved"))
}

// editAgain shows the form with what is wrong; a conflict is no field's fault.
func (p *pages) editAgain(w http.ResponseWriter, r *http.Request, f *web.Form, o registry.Organisation, err error) error {
	page := p.editor(r, f, o)
	page.Errors = f.Summary(order...)
	if fault.Is(err, fault.Conflict) {
		page.Errors = &ui.ErrorSummary{Items: []ui.ErrorItem{{Field: "name", Text: web.T(r, fault.Of(err).Key)}}}
	}
	return p.t.Invalid(w, r, "edit", page)
}
