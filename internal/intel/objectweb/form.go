package objectweb

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// objectPage chooses a template, or fills one in.
type objectPage struct {
	web.Page
	Header ui.Header
	At     string // of the event
	// choosing
	Bar   ui.FilterBar
	Table ui.Table
	Pages *ui.Pagination
	// filling in
	Template string // its UUID, "" while one is chosen
	Action   string // where the form goes
	Version  int64  // of the object that is changed; 0 while it is new
	Kept     []keptRow
	Notes    []ui.Note
	Main     []ui.Field // asked first
	More     []ui.Field // folded
	Open     bool       // unfolded: something stands there, or is wrong
	Reach    []ui.Field
	Cancel   ui.Button
}

// templatesShown is a page of the list of templates.
const templatesShown = 100

func (p *pages) newObject(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Mine(r, p.d.Intel)
	if err != nil {
		return err
	}
	ref := r.URL.Query().Get("template")
	if ref == "" {
		page, err := p.templates(r, e)
		if err != nil {
			return err
		}
		return p.t.Render(w, r, "object", page)
	}
	t, err := p.template(r, ref)
	if err != nil {
		return err
	}
	page, err := p.objectForm(r, web.NewForm(r, url.Values{"distribution": {"5"}}), e, &t)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "object", page)
}

// template is an object template that is in use here.
func (p *pages) template(r *http.Request, ref string) (catalog.ObjectTemplate, error) {
	t, err := p.d.Catalog.ObjectTemplate(r.Context(), web.Actor(r), ref)
	if err == nil && !t.Enabled {
		err = fault.New(fault.NotFound, "template %s is switched off", t.UUID)
	}
	return t, err
}

func (p *pages) objectPage(r *http.Request, e *intel.Event, title string) *objectPage {
	at := base(r) + "/" + e.Ref()
	page := &objectPage{Page: web.NewPage(r, shell(r), title), At: at, Header: ui.Header{Title: title, Sub: []any{e.Info}}, Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: at, Variant: "tertiary"}}
	page.Print = web.T(r, "intel.nolabel")
	if e.TLP != "" {
		page.Print = "TLP:" + strings.ToUpper(e.TLP)
	}
	page.Crumbs = eventweb.Crumbs(r, e)
	return page
}

// templates is the list to choose from: of all words in the search, each stands in the
// template's name, kind or description.
func (p *pages) templates(r *http.Request, e *intel.Event) (*objectPage, error) {
	page := p.objectPage(r, e, web.T(r, "intel.object.add"))
	page.Crumbs = append(page.Crumbs, ui.Crumb{Label: page.Title})
	list, err := p.d.Catalog.List(r.Context(), web.Actor(r), catalog.Template)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(t catalog.Item) bool { return !t.Enabled })
	kinds := []ui.Option{}
	for _, t := range list {
		if o := (ui.Option{Value: t.Class, Label: t.Class}); !slices.ContainsFunc(kinds, func(x ui.Option) bool { return x.Value == o.Value }) {
			kinds = append(kinds, o)
		}
	}
	slices.SortFunc(kinds, func(a, b ui.Option) int { return strings.Compare(a.Value, b.Value) })
	f := web.ReadFilters(r, web.FilterSpec{Name: "kind", Label: web.T(r, "intel.object.kind"), Options: kinds})
	page.Bar = f.Bar(web.T(r, "intel.object.search"))
	want := strings.Fields(i18n.Fold(f.Get("q")))
	page.Table = ui.Table{Caption: web.T(r, "intel.object.templates"), Columns: []ui.Column{{Label: web.T(r, "intel.object.template")}, {Label: web.T(r, "intel.object.kind"), Drop: 1}, {Label: web.T(r, "intel.object.fields"), Num: true}},
		Empty: &ui.Empty{Icon: "package", Title: web.T(r, "intel.object.none"), Text: web.T(r, "intel.object.none.text")}}
	for _, t := range list {
		text := i18n.Fold(t.Name + "\n" + t.Class + "\n" + t.Description)
		if k := f.Get("kind"); k != "" && k != t.Class || slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(text, w) }) {
			continue
		}
		at := page.At + "/objects/new?template=" + url.QueryEscape(t.UUID)
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: at, Cells: []any{ui.Name{Text: t.Name, Href: at, Sub: []any{t.Description}}, ui.Tag{Word: t.Class}, t.Entries}})
	}
	if f.Active() {
		page.Table.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "intel.object.filtered"), Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: page.At + "/objects/new", Variant: "secondary"}}}
	}
	page.Pages, err = f.Page(&page.Table, templatesShown)
	return page, err
}

// objectForm is the form that a template makes.
func (p *pages) objectForm(r *http.Request, f *web.Form, e *intel.Event, t *catalog.ObjectTemplate) (*objectPage, error) {
	page := p.objectPage(r, e, web.T(r, "intel.object.new", "name", t.Name))
	page.Template, page.Action = t.UUID, page.At+"/objects/new"
	page.Crumbs = append(page.Crumbs, ui.Crumb{Label: web.T(r, "intel.object.add"), Href: page.Action}, ui.Crumb{Label: t.Name})
	if t.Description != "" {
		page.Header.Sub = append([]any{t.Description}, page.Header.Sub...)
	}
	if len(t.RequiredOne) > 0 {
		page.Notes = append(page.Notes, ui.Note{Kind: "info", Title: web.T(r, "intel.object.oneof"), Body: strings.Join(t.RequiredOne, ", ")})
	}
	files := false
	for i := range t.Fields {
		x := &t.Fields[i]
		if isFile(x.Type) {
			files = true
			continue
		}
		field := templateField(r, f, x)
		if x.Required || x.OneOf || x.First {
			page.Main = append(page.Main, field)
			continue
		}
		page.Open = page.Open || field.Value != "" || field.Error != ""
		page.More = append(page.More, field)
	}
	if len(page.Main) == 0 {
		page.Main, page.More = page.More, nil
	}
	if files {
		page.Notes = append(page.Notes, ui.Note{Kind: "info", Body: web.T(r, "intel.object.files")})
	}
	comment := f.Field("comment", "intel.comment")
	comment.Optional = true
	reach, err := eventweb.Reach(r, p.d.Intel, f, true)
	page.Reach = append([]ui.Field{comment}, reach...)
	return page, err
}

// isFile tells types whose value is the name of a file that lies beside it.
func isFile(typ string) bool { return typ == "attachment" || typ == "malware-sample" }

// longTypes are written in many lines, so that one field holds one value of them.
var longTypes = []string{"yara", "sigma", "snort", "zeek", "bro", "email-body", "email-header", "json", "pattern-in-file", "pattern-in-memory", "stix2-pattern", "windows-scheduled-task"}

// fieldOf names the control of a relation: ids hold no blanks.
func fieldOf(relation string) string { return "of-" + strings.Join(strings.Fields(relation), "_") }

// templateField is the control that fits a relation: the list of its values where it
// has one, one line per value where it may stand more than once.
func templateField(r *http.Request, f *web.Form, x *catalog.TemplateField) ui.Field {
	field := f.Field(fieldOf(x.Relation), "intel.value")
	field.Label, field.Optional = x.Relation, !x.Required
	hint := []string{x.Type}
	if x.Description != "" {
		hint = append([]string{x.Description}, hint...)
	}
	say := func(when bool, key string, args ...any) {
		if when {
			hint = append(hint, web.T(r, key, args...))
		}
	}
	say(x.OneOf, "intel.object.one")
	say(x.ToIDS != nil && !*x.ToIDS, "intel.object.noids")
	say(x.Quiet, "intel.nocorrelation")
	switch {
	case len(x.Values) > 0:
		field.Type, field.Multiple = "select", x.Multiple
		if !x.Multiple {
			field.Options = []ui.Option{{}}
		}
		for _, v := range x.Values {
			field.Options = append(field.Options, ui.Option{Value: v, Label: v, Checked: slices.Contains(f.Many(field.Name), v)})
		}
	case slices.Contains(longTypes, x.Type):
		field.Type, field.Rows, field.Mono = "textarea", 5, true
	case x.Multiple:
		field.Type, field.Rows, field.Mono = "textarea", 2, true
		say(true, "intel.object.lines")
	case x.Type == "text" || x.Type == "comment":
		field.Type, field.Rows = "textarea", 2
	default:
		field.Mono = true
	}
	if len(x.Values) == 0 && len(x.Suggested) > 0 {
		field.Suggest = x.Suggested
		say(field.Type == "textarea", "intel.object.usual", "list", strings.Join(x.Suggested[:min(len(x.Suggested), 12)], ", "))
	}
	field.Hint = strings.Join(hint, " · ")
	return field
}

// valuesIn are the values that somebody wrote for a relation, each once.
func valuesIn(f *web.Form, x *catalog.TemplateField) (out []string) {
	name := fieldOf(x.Relation)
	list := f.Many(name)
	if x.Multiple && len(x.Values) == 0 && !slices.Contains(longTypes, x.Type) {
		list = strings.Split(f.Values.Get(name), "\n")
	}
	for _, v := range list {
		if v = strings.TrimSpace(v); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if !x.Multiple && len(out) > 1 {
		out = out[:1]
	}
	return out
}

// categoryOf is the category that a template wants for a type: "" where the usual one
// will do.
func categoryOf(x *catalog.TemplateField) string {
	usual, _ := misp.DefaultOf(x.Type)
	if len(x.Categories) == 0 || slices.Contains(x.Categories, usual.Category) {
		return ""
	}
	for _, c := range x.Categories {
		if misp.Allows(c, x.Type) {
			return c
		}
	}
	return ""
}

// objectOf reads the form as the template asks for it; what is wrong is said at the
// fields. What a file would have to fill is not missed: the form cannot hold one.
//
// held are relations that the object has beside the form.
func objectOf(f *web.Form, t *catalog.ObjectTemplate, held map[string]bool) misp.Object {
	w := misp.Object{Name: misp.T(t.Name), MetaCategory: misp.T(t.Class), Description: misp.T(t.Description), TemplateUUID: misp.T(t.UUID), TemplateVersion: misp.N(t.Version),
		Comment: misp.T(f.Text("comment", 65_000)), Distribution: misp.N(f.Int("distribution")), SharingGroupID: misp.N(f.Int("group"))}
	if f.Int("distribution") == int64(intel.Group) {
		f.Require(f.Int("group") != 0, "group", "web.error.required")
	}
	has, file := map[string]bool{}, map[string]bool{}
	maps.Copy(has, held)
	for i := range t.Fields {
		x := &t.Fields[i]
		if isFile(x.Type) {
			file[x.Relation] = true
			continue
		}
		for _, v := range valuesIn(f, x) {
			has[x.Relation] = true
			f.Require(len(x.Values) == 0 || slices.Contains(x.Values, v), fieldOf(x.Relation), "web.error.choice")
			if _, bad := misp.Normalise(x.Type, v); bad != nil {
				f.Add(fieldOf(x.Relation), "intel.object.misfit")
			}
			w.Attribute = append(w.Attribute, attributeOf(x, v))
		}
	}
	lacks, one := t.Lacks(has)
	for _, name := range lacks {
		f.Require(file[name], fieldOf(name), "web.error.required")
	}
	if i := slices.IndexFunc(t.RequiredOne, func(name string) bool { return !file[name] }); one && i >= 0 {
		f.Add(fieldOf(t.RequiredOne[i]), "intel.object.oneof.missing")
	}
	return w
}

func attributeOf(x *catalog.TemplateField, value string) misp.Attribute {
	a := misp.Attribute{Type: misp.T(x.Type), ObjectRelation: misp.T(x.Relation), Value: misp.T(value), DisableCorrelation: misp.B(x.Quiet), Distribution: misp.N(int64(intel.Inherit))}
	if x.ToIDS != nil {
		a.ToIDS = misp.B(*x.ToIDS)
	}
	if c := categoryOf(x); c != "" {
		a.Category = misp.T(c)
	}
	return a
}

func (p *pages) addObject(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, err := eventweb.Mine(r, p.d.Intel)
	if err != nil {
		return err
	}
	t, err := p.template(r, f.Text("template", 100))
	if err != nil {
		return err
	}
	wire := objectOf(f, &t, nil)
	if f.Err("object") == nil && len(wire.Attribute) == 0 {
		err = fault.New(fault.Invalid, "an object without attributes").WithKey("intel.object.empty")
	}
	var o intel.Object
	if f.Err("object") == nil && err == nil {
		o, err = p.d.Intel.AddObject(r.Context(), web.Actor(r), e.Ref(), wire, true)
		if x := fault.Of(err); x != nil && x.Key != "" && (x.Kind == fault.Conflict || x.Kind == fault.Invalid) {
			err = fault.New(fault.Invalid, "%s", x.Detail).WithKey(x.Key, x.Args...)
		}
	}
	if f.Fail(err) {
		page, err := p.objectForm(r, f, e, &t)
		if err != nil {
			return err
		}
		return p.again(w, r, f, page)
	}
	if err != nil {
		return err
	}
	return p.toObject(r, e, &o, web.Done("intel.object.done", "n", int64(len(o.Attributes))))
}

// again shows the form with what is wrong, in the order of its fields.
func (p *pages) again(w http.ResponseWriter, r *http.Request, f *web.Form, page *objectPage) error {
	order := []string{""}
	for _, x := range append(slices.Clone(page.Main), page.More...) {
		order = append(order, x.Name)
	}
	page.Errors = f.Summary(append(order, "comment", "distribution", "group")...)
	return p.t.Invalid(w, r, "object", page)
}

// place is where a page of the event begins, as intelweb pages it: objectsShown a page.
type place struct{ Object, Attribute int64 }

const objectsShown = 20

// toObject goes back to the event, to the page on which the object stands.
func (p *pages) toObject(r *http.Request, e *intel.Event, o *intel.Object, done *web.Flash) error {
	to, n, here := base(r)+"/"+e.Ref(), 0, false
	err := p.d.Intel.Objects(r.Context(), web.Actor(r), e.Ref(), intel.Part{Limit: objectsShown}, func(x *intel.Object) error {
		n, here = n+1, here || x.ID == o.ID
		return nil
	})
	if err != nil {
		return err
	}
	if !here && n >= objectsShown {
		to += "?cursor=" + url.QueryEscape(web.EncodeCursor(place{Object: o.ID - 1}))
	}
	return web.Redirect(to+"#object-"+strconv.FormatInt(o.ID, 10), done)
}
