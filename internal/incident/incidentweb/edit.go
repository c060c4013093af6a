package incidentweb

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"straza/internal/incident"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type editPage struct {
	web.Page
	Header  ui.Header
	Note    *ui.Note
	Main    []ui.Field
	Facts   []ui.Field
	Labels  []ui.Field
	Version int64
	Cancel  ui.Button
}

// LocalInput is a moment in the form that a datetime-local field takes.
func LocalInput(t time.Time) string { return t.In(i18n.Belgrade).Format("2006-01-02T15:04") }

func (p *pages) newForm(w http.ResponseWriter, r *http.Request) error {
	return p.t.Render(w, r, "edit", p.editor(r, web.NewForm(r, url.Values{"tlp": {"AMBER+STRICT"}, "pap": {"AMBER"}}), nil))
}

func (p *pages) create(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	d := incident.Draft{Title: f.Text("title", 200), Summary: f.Text("summary", 20_000), Classes: f.Many("classes"), National: f.Many("national"),
		TLP: f.Text("tlp", 20), PAP: f.Text("pap", 20), Sectors: strings.Fields(strings.Join(f.Many("sectors"), " "))}
	if name := f.Text("org", 200); name != "" {
		d.Orgs = []incident.Org{{Name: name}}
	}
	if f.Fail(nil) {
		return p.refuse(w, r, f, nil)
	}
	number, err := p.s.Open(r.Context(), web.Actor(r), d, "")
	if f.Fail(err) {
		return p.refuse(w, r, f, nil)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base+"/"+number, web.Done("incident.done.open", "number", number))
}

func (p *pages) refuse(w http.ResponseWriter, r *http.Request, f *web.Form, c *incident.Case) error {
	page := p.editor(r, f, c)
	page.Errors = f.Summary("title", "summary", "classes", "severity", "why")
	return p.t.Invalid(w, r, "edit", page)
}

func (p *pages) editForm(w http.ResponseWriter, r *http.Request) error {
	c, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("number"))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "edit", p.editor(r, web.NewForm(r, valuesOf(c)), &c))
}

func valuesOf(c incident.Case) url.Values {
	v := url.Values{"title": {c.Title}, "summary": {c.Summary}, "tlp": {c.TLP}, "pap": {c.PAP}, "classes": c.Classes, "national": c.National,
		"sectors": c.Sectors, "tags": {strings.Join(c.Tags, ", ")}, "why": {c.Why},
		"root_cause": {c.RootCause}, "impact": {c.Impact}, "lessons": {c.Lessons}, "retention": {c.Retention}}
	if c.Severity != c.Computed {
		v.Set("severity", c.Severity)
	}
	for k, x := range c.Facts {
		v.Set("fact_"+k, x)
	}
	return v
}

// editor is the form of a new case (c nil) or of one that is there.
func (p *pages) editor(r *http.Request, f *web.Form, c *incident.Case) *editPage {
	title, back := web.T(r, "incident.new"), base
	book := p.s.Book(r.Context(), web.Actor(r))
	page := &editPage{}
	if c != nil {
		title, back, page.Version = web.T(r, "incident.edit.title", "number", c.Number), base+"/"+c.Number, c.Version
	}
	page.Page = web.NewPage(r, web.ShellConsole, title)
	page.Header, page.Cancel = ui.Header{Title: title}, ui.Button{Label: web.T(r, "incident.cancel"), Href: back, Variant: "tertiary"}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "incident.title"), Href: base}, {Label: title}}
	name, summary := f.Field("title", "incident.field.title"), f.Field("summary", "incident.known")
	summary.Type, summary.Rows, summary.Keep, summary.Optional = "textarea", 8, true, true
	page.Main = []ui.Field{name, summary, many(r, f, "classes", "incident.class", book.Classes), many(r, f, "national", "incident.national", book.National),
		many(r, f, "sectors", "incident.sectors", book.Sectors)}
	tlp, pap := pick(f, "tlp", "incident.tlp", words("TLP:", "RED", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR")), pick(f, "pap", "incident.pap", words("PAP:", "RED", "AMBER", "GREEN", "CLEAR"))
	page.Labels = []ui.Field{tlp, pap}
	if c == nil {
		org := f.Field("org", "incident.org.one")
		org.Optional = true
		page.Main = append(page.Main, org)
		return page
	}
	tags := f.Field("tags", "incident.tags")
	tags.Optional, tags.Hint = true, web.T(r, "incident.tags.hint")
	page.Main = append(page.Main, tags)
	for _, fact := range book.Facts {
		x := f.Field("fact_"+fact.Name, "incident.fact")
		x.Label, x.Type, x.Options, x.Width = fact.Label.In(web.Lang(r)), "select", append([]ui.Option{{Label: "–"}}, choices(r, fact.Options)...), "half"
		page.Facts = append(page.Facts, x)
	}
	over := pick(f, "severity", "incident.severity.override", append([]ui.Option{{Label: web.T(r, "incident.severity.computed")}}, levelOptions(r)...))
	why := f.Field("why", "incident.severity.why")
	why.Optional = true
	page.Facts = append(page.Facts, over, why)
	return page
}

func pick(f *web.Form, name, label string, opts []ui.Option) ui.Field {
	x := f.Field(name, label)
	x.Type, x.Options = "select", opts
	return x
}

// many is a choice of several: the chosen ones are ticked.
func many(r *http.Request, f *web.Form, name, label string, list []incident.Choice) ui.Field {
	x := pick(f, name, label, choices(r, list))
	x.Multiple, x.Optional, x.Value, x.Hint = true, true, "", web.T(r, "incident.many.hint")
	for i := range x.Options {
		for _, v := range f.Many(name) {
			x.Options[i].Checked = x.Options[i].Checked || x.Options[i].Value == v
		}
	}
	return x
}

func words(prefix string, list ...string) (out []ui.Option) {
	for _, w := range list {
		out = append(out, ui.Option{Value: w, Label: prefix + w})
	}
	return out
}

// save writes the editor's form. Who was slower keeps the typed text as a draft
// over the newer version.
func (p *pages) save(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ref := r.PathValue("number")
	c, err := p.s.Get(r.Context(), web.Actor(r), ref)
	if err != nil {
		return err
	}
	patch := p.patch(r, f, c)
	if f.Fail(nil) {
		return p.refuse(w, r, f, &c)
	}
	d, err := p.s.Edit(r.Context(), web.Actor(r), ref, f.Int("version"), patch)
	if fault.Is(err, fault.Conflict) {
		e := fault.Of(err)
		page := p.editor(r, f, &c)
		page.Note = &ui.Note{Kind: "warning", Body: web.T(r, e.Key, e.Args...)}
		return p.t.RenderStatus(w, r, http.StatusConflict, "edit", page)
	}
	if f.Fail(err) {
		return p.refuse(w, r, f, &c)
	}
	if err != nil {
		return err
	}
	return done(d, "incident.done.edit")
}

func (p *pages) patch(r *http.Request, f *web.Form, c incident.Case) incident.Patch {
	title, summary, tlp, pap := f.Text("title", 200), f.Text("summary", 20_000), f.Text("tlp", 20), f.Text("pap", 20)
	classes, national, sectors := f.Many("classes"), f.Many("national"), strings.Fields(strings.Join(f.Many("sectors"), " "))
	tags := strings.FieldsFunc(f.Text("tags", 3000), func(x rune) bool { return x == ',' || x == '\n' })
	out := incident.Patch{Title: &title, Summary: &summary, TLP: &tlp, PAP: &pap, Classes: &classes, National: &national, Sectors: &sectors, Tags: &tags}
	facts := map[string]string{}
	for _, fact := range p.s.Book(r.Context(), web.Actor(r)).Facts {
		if v := f.Text("fact_"+fact.Name, 60); v != c.Facts[fact.Name] {
			facts[fact.Name] = v
		}
	}
	if len(facts) > 0 {
		out.Facts = facts
	}
	was := ""
	if c.Severity != c.Computed {
		was = c.Severity
	}
	if over, why := f.Text("severity", 20), f.Text("why", 1000); over != was || over != "" && why != c.Why {
		out.Severity, out.Why = &over, why
	}
	return out
}

type closePage struct {
	web.Page
	Header  ui.Header
	Fields  []ui.Field
	Version int64
	Cancel  ui.Button
	May     bool
	Close   ui.Button
}

func (p *pages) closeForm(w http.ResponseWriter, r *http.Request) error {
	c, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("number"))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "close", p.closer(r, web.NewForm(r, valuesOf(c)), c))
}

func (p *pages) closer(r *http.Request, f *web.Form, c incident.Case) *closePage {
	title := web.T(r, "incident.close.title", "number", c.Number)
	book := p.s.Book(r.Context(), web.Actor(r))
	page := &closePage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title, Sub: []any{c.Title}}, Version: c.Version, May: web.Actor(r).Can("incident.close"),
		Cancel: ui.Button{Label: web.T(r, "incident.cancel"), Href: base + "/" + c.Number, Variant: "tertiary"}, Close: ui.Button{Label: web.T(r, "incident.close.do")}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "incident.title"), Href: base}, {Label: c.Number, Href: base + "/" + c.Number}, {Label: web.T(r, "incident.close.do")}}
	cause, impact := f.Field("root_cause", "incident.cause"), f.Field("impact", "incident.impact")
	cause.Type, cause.Rows, impact.Type, impact.Rows = "textarea", 3, "textarea", 3
	impact.Hint = web.T(r, "incident.impact.hint")
	lessons := pick(f, "lessons", "incident.lessons", []ui.Option{{Label: "–"}, {Value: "yes", Label: web.T(r, "incident.yes")}, {Value: "no", Label: web.T(r, "incident.no")}})
	page.Fields = []ui.Field{many(r, f, "classes", "incident.class", book.Classes), cause, impact, lessons,
		pick(f, "retention", "incident.retention", append([]ui.Option{{Label: "–"}}, choices(r, book.Retention)...))}
	return page
}

// closeCase keeps what closing asks for and closes, in two acts: what was typed is
// kept even when the case cannot be closed yet.
func (p *pages) closeCase(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ref, who := r.PathValue("number"), web.Actor(r)
	classes, cause, impact, lessons, retention := f.Many("classes"), f.Text("root_cause", 4000), f.Text("impact", 4000), f.Text("lessons", 5), f.Text("retention", 60)
	d, err := p.s.Edit(r.Context(), who, ref, f.Int("version"), incident.Patch{Classes: &classes, RootCause: &cause, Impact: &impact, Lessons: &lessons, Retention: &retention})
	if err == nil {
		d, err = p.s.Move(r.Context(), who, ref, d.Case.Version, incident.Closed, "")
	}
	if f.Fail(err) {
		c, gerr := p.s.Get(r.Context(), who, ref)
		if gerr != nil {
			return gerr
		}
		page := p.closer(r, f, c)
		page.Errors = f.Summary("classes", "root_cause", "impact", "lessons", "retention")
		return p.t.Invalid(w, r, "close", page)
	}
	if err != nil {
		return err
	}
	return done(d, "incident.done.close")
}
