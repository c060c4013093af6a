package advisoryweb

import (
	"net/http"
	"time"

	"straza/internal/advisory"
	"straza/internal/craft/export"
	"straza/internal/craft/export/exportweb"
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
	Bar    ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
}

func (p *pages) list(w http.ResponseWriter, r *http.Request) error {
	f := web.ReadFilters(r,
		web.FilterSpec{Name: "state", Label: web.T(r, "advisory.state"), Options: web.Words(r, "advisory.state.", advisory.Draft, advisory.Published, advisory.Withdrawn)},
		web.FilterSpec{Name: "level", Label: web.T(r, "advisory.level"), Options: web.Words(r, "ui.severity.", advisory.Levels...)}, web.Sorted(advisory.Sorts...))
	filter := advisory.Filter{State: f.Get("state"), Level: f.Get("level"), Text: f.Get("q"), Sort: f.Get("sort")}
	if r.URL.Query().Get("format") == "csv" {
		return p.export(w, r, filter)
	}
	n, beyond, err := p.s.Count(r.Context(), web.Actor(r), filter)
	if err != nil {
		return err
	}
	var k keyset
	if err := web.DecodeCursor(f.Cursor(), &k); err != nil {
		return err
	}
	filter.UpdatedBefore, filter.IDBefore = k.Updated, k.ID
	list, more, err := p.s.List(r.Context(), web.Actor(r), filter)
	if err != nil {
		return err
	}
	page := &listPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "advisory.title"))}
	page.Header = ui.Header{Title: web.T(r, "advisory.title")}
	if access.Allowed(web.Actor(r), "advisory.write") {
		page.Header.Acts = []ui.Button{{Label: web.T(r, "advisory.new"), Icon: "plus", Href: "/console/advisories/new", Key: "N"}}
	}
	page.Bar = f.Bar(web.T(r, "advisory.search"), exportweb.Offer(r, f.With("format", "csv"), n, beyond)...)
	page.Table = table(r, f, list)
	next := ""
	if more {
		last := list[len(list)-1]
		next = web.EncodeCursor(keyset{last.Key(filter.Sort), last.ID})
	}
	if beyond {
		n = 0
	}
	page.Pages = f.Pages(len(list), n, next)
	return p.t.Render(w, r, "list", page)
}

func table(r *http.Request, f *web.Filters, list []advisory.Advisory) ui.Table {
	t := ui.Table{Caption: web.T(r, "advisory.title"), Columns: []ui.Column{
		{Label: web.T(r, "advisory.what")}, {Label: web.T(r, "advisory.level"), Width: "mark"}, f.Sort(web.T(r, "advisory.state"), "state").Sized("mark", 0),
		{Label: web.T(r, "advisory.tlp"), Width: "mark", Drop: 1}, f.SortDefault(web.T(r, "advisory.changed"), "-updated").Sized("mark", 2)},
		Empty: &ui.Empty{Icon: "speakerphone", Title: web.T(r, "advisory.empty"), Text: web.T(r, "advisory.empty.text")}}
	if f.Active() {
		t.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "advisory.filtered"), Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: "/console/advisories", Variant: "secondary"}}}
	}
	for _, a := range list {
		href := "/console/advisories/" + a.Number
		t.Rows = append(t.Rows, ui.Row{Href: href, Off: a.State == advisory.Withdrawn, Cells: []any{
			ui.Name{Text: a.Title.In(web.Lang(r)), Href: href, Sub: []any{a.Number, web.T(r, "advisory.readers."+a.Readers)}},
			ui.Severity{Level: a.Level}, stateOf(r, a), ui.TLP(a.TLP), clock.FromMicros(a.Updated)}})
	}
	return t
}

func (p *pages) export(w http.ResponseWriter, r *http.Request, filter advisory.Filter) error {
	out := exportweb.New(w, r)
	var c *export.Table
	begin := func(x export.Extent) error {
		c = out.Table(x, "advisories", "number", "state", "level", "tlp", "readers", "title", "published", "updated")
		return nil
	}
	err := p.s.Export(r.Context(), web.Actor(r), filter, begin, func(a advisory.Advisory) error {
		published := ""
		if a.Published > 0 {
			published = clock.FromMicros(a.Published).Format(time.RFC3339)
		}
		return c.Row(export.Level(a.TLP), a.Number, a.State, a.Level, "TLP:"+a.TLP, a.Readers, a.Title.In(i18n.SrCyrl), published, clock.FromMicros(a.Updated).Format(time.RFC3339))
	})
	if err == nil {
		err = c.Close()
	}
	return out.End(err)
}

func stateOf(r *http.Request, a advisory.Advisory) ui.State {
	kind := map[string]string{advisory.Draft: ui.StateNew, advisory.Published: ui.StateDone, advisory.Withdrawn: ui.StateRefused}[a.State]
	return ui.State{Kind: kind, Word: web.T(r, "advisory.state."+a.State)}
}

type showPage struct {
	web.Page
	Header   ui.Header
	Facts    ui.Facts
	Lead     string
	Affects  string
	Steps    []string
	Body     []string
	Editions []edition
	Reason   string
	Publish  *publishForm
	Withdraw *ui.Field
	Number   string
	Version  int64
}

type publishForm struct {
	Note   ui.Field
	Button ui.Button
	Again  bool
}

func (p *pages) show(w http.ResponseWriter, r *http.Request) error {
	a, eds, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("number"))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "show", p.showPage(r, a, eds, web.NewForm(r, nil)))
}

func (p *pages) showPage(r *http.Request, a advisory.Advisory, eds []advisory.Edition, f *web.Form) *showPage {
	l, who := web.Lang(r), web.Actor(r)
	page := &showPage{Page: web.NewPage(r, web.ShellConsole, a.Title.In(l)), Lead: a.Lead.In(l), Affects: a.Affects.In(l),
		Steps: advisory.Lines(a.Steps.In(l)), Body: advisory.Paragraphs(a.Body.In(l)), Reason: a.Reason, Number: a.Number, Version: a.Version}
	page.Print, page.Foot = "TLP:"+a.TLP, a.Number
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "advisory.title"), Href: "/console/advisories"}, {Label: a.Number}}
	page.Header = ui.Header{Number: a.Number, Marks: []any{stateOf(r, a), ui.Severity{Level: a.Level, Pill: true}, ui.TLP(a.TLP)}, Title: a.Title.In(l),
		Sub: []any{web.T(r, "advisory.readers."+a.Readers)}}
	if a.State != advisory.Withdrawn && access.Allowed(who, "advisory.write") && a.CERT == who.CERT {
		page.Header.Acts = append(page.Header.Acts, ui.Button{Label: web.T(r, "advisory.edit"), Icon: "pencil", Href: "/console/advisories/" + a.Number + "/edit", Variant: "secondary", Key: "E"})
	}
	page.Facts = ui.Facts{Items: []ui.Fact{{Label: web.T(r, "advisory.created"), Value: clock.FromMicros(a.Created)}, {Label: web.T(r, "advisory.changed"), Value: clock.FromMicros(a.Updated)}}}
	if a.Published > 0 {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "advisory.published"), Value: clock.FromMicros(a.Published)},
			ui.Fact{Label: web.T(r, "advisory.until"), Value: clock.FromMicros(a.Until)})
	}
	for _, e := range eds {
		page.Editions = append(page.Editions, edition{clock.FromMicros(e.At), e.Note.In(l)})
	}
	if access.Allowed(who, "advisory.publish") && a.CERT == who.CERT && a.State != advisory.Withdrawn {
		note := f.Field("note", "advisory.note")
		note.Optional = true
		page.Publish = &publishForm{Note: note, Again: a.State == advisory.Published, Button: ui.Button{Label: web.T(r, "advisory.publish"), Icon: "speakerphone"}}
		if a.State == advisory.Published {
			reason := f.Field("reason", "advisory.reason")
			page.Withdraw = &reason
			page.Publish.Button = ui.Button{Label: web.T(r, "advisory.publish.again"), Icon: "speakerphone", Variant: "secondary"}
		}
	}
	return page
}

func (p *pages) publish(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	number := r.PathValue("number")
	note := i18n.Text{}
	if n := f.Text("note", 300); n != "" {
		note[web.Lang(r)] = n
	}
	err = p.s.Publish(r.Context(), web.Actor(r), number, f.Int("version"), note)
	return p.after(w, r, f, err, number, "advisory.done.published")
}

func (p *pages) withdraw(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	number := r.PathValue("number")
	err = p.s.Withdraw(r.Context(), web.Actor(r), number, f.Int("version"), f.Text("reason", 1000))
	return p.after(w, r, f, err, number, "advisory.done.withdrawn")
}

// after goes back to the warning: with a message, or with what is wrong.
func (p *pages) after(w http.ResponseWriter, r *http.Request, f *web.Form, err error, number, done string) error {
	if f.Fail(err) {
		a, eds, gerr := p.s.Get(r.Context(), web.Actor(r), number)
		if gerr != nil {
			return gerr
		}
		page := p.showPage(r, a, eds, f)
		page.Errors = f.Summary("tlp", "note", "reason")
		return p.t.Invalid(w, r, "show", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect("/console/advisories/"+number, web.Done(done))
}

// --- the editor

type editPage struct {
	web.Page
	Header            ui.Header
	Level, Readers    ui.Field
	TLP               ui.Field
	Cyrillic, English []ui.Field
	Version           int64
	Cancel            ui.Button
}

var textFields = []string{"title", "lead", "affects", "steps", "body"}

func (p *pages) newForm(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, map[string][]string{"level": {"medium"}, "readers": {"citizens"}, "tlp": {"CLEAR"}})
	return p.t.Render(w, r, "edit", editor(r, f, "", 0))
}

func (p *pages) editForm(w http.ResponseWriter, r *http.Request) error {
	a, _, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("number"))
	if err != nil {
		return err
	}
	v := map[string][]string{"level": {a.Level}, "readers": {a.Readers}, "tlp": {a.TLP}}
	for i, t := range []i18n.Text{a.Title, a.Lead, a.Affects, a.Steps, a.Body} {
		v[textFields[i]], v[textFields[i]+"_en"] = []string{t[i18n.SrCyrl]}, []string{t[i18n.En]}
	}
	return p.t.Render(w, r, "edit", editor(r, web.NewForm(r, v), a.Number, a.Version))
}

func editor(r *http.Request, f *web.Form, number string, version int64) *editPage {
	title, back := web.T(r, "advisory.new"), "/console/advisories"
	if number != "" {
		title, back = web.T(r, "advisory.edit.title", "number", number), "/console/advisories/"+number
	}
	page := &editPage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title}, Version: version,
		Cancel: ui.Button{Label: web.T(r, "advisory.cancel"), Href: back, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "advisory.title"), Href: "/console/advisories"}, {Label: title}}
	pick := func(name, label string, opts []ui.Option) ui.Field {
		fd := f.Field(name, label)
		fd.Type, fd.Options = "select", opts
		return fd
	}
	page.Level = pick("level", "advisory.level", web.Words(r, "ui.severity.", advisory.Levels...))
	page.Readers = pick("readers", "advisory.readers", web.Words(r, "advisory.readers.", advisory.Readers...))
	page.TLP = pick("tlp", "advisory.tlp", []ui.Option{{Value: "CLEAR", Label: "TLP:CLEAR"}, {Value: "GREEN", Label: "TLP:GREEN"}, {Value: "AMBER", Label: "TLP:AMBER"}})
	for i, name := range textFields {
		for _, suffix := range []string{"", "_en"} {
			fd := f.Field(name+suffix, "advisory.field."+name)
			fd.Optional = suffix != "" || i > 1
			if i > 0 {
				fd.Type, fd.Rows = "textarea", []int{0, 3, 2, 5, 10}[i]
			}
			if name == "steps" {
				fd.Hint = web.T(r, "advisory.field.steps.hint")
			}
			if suffix == "" {
				page.Cyrillic = append(page.Cyrillic, fd)
			} else {
				page.English = append(page.English, fd)
			}
		}
	}
	return page
}

func readDraft(f *web.Form) advisory.Draftable {
	text := func(name string, max int) i18n.Text {
		t := i18n.Text{}
		if v := f.Text(name, max); v != "" {
			t[i18n.SrCyrl] = v
		}
		if v := f.Text(name+"_en", max); v != "" {
			t[i18n.En] = v
		}
		return t
	}
	return advisory.Draftable{Level: f.Text("level", 20), Readers: f.Text("readers", 20), TLP: f.Text("tlp", 20),
		Title: text("title", 200), Lead: text("lead", 2000), Affects: text("affects", 2000), Steps: text("steps", 8000), Body: text("body", 20000)}
}

func (p *pages) create(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	number, err := p.s.Create(r.Context(), web.Actor(r), readDraft(f))
	if f.Fail(err) {
		page := editor(r, f, "", 0)
		page.Errors = f.Summary(textFields...)
		return p.t.Invalid(w, r, "edit", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect("/console/advisories/"+number, web.Done("advisory.done.saved"))
}

func (p *pages) save(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	number, version := r.PathValue("number"), f.Int("version")
	err = p.s.Edit(r.Context(), web.Actor(r), number, version, readDraft(f))
	if f.Fail(err) || fault.Is(err, fault.Conflict) {
		page := editor(r, f, number, version)
		page.Errors = f.Summary(textFields...)
		if fault.Is(err, fault.Conflict) { // the typed text stays, the newer version counts from now on
			a, _, gerr := p.s.Get(r.Context(), web.Actor(r), number)
			if gerr != nil {
				return gerr
			}
			page.Version = a.Version
			page.Errors = &ui.ErrorSummary{Items: []ui.ErrorItem{{Field: "title", Text: web.T(r, "advisory.conflict")}}}
		}
		return p.t.Invalid(w, r, "edit", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect("/console/advisories/"+number, web.Done("advisory.done.saved"))
}
