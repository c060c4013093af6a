package shareweb

import (
	"net/http"
	"strconv"
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func mayDefine(r *http.Request) bool { return access.Allowed(web.Actor(r), "peer.manage") }

func collectionAt(r *http.Request, d *intel.Definition) string { return base(r) + "/" + d.UUID }

func (p *pages) collections(w http.ResponseWriter, r *http.Request) error {
	list, err := p.d.Intel.Definitions(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	title := web.T(r, "share.collections")
	page := &listPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, Lead: web.T(r, "share.collections.lead")}
	if mayDefine(r) {
		page.Header.Acts = []ui.Button{{Label: web.T(r, "share.collection.new"), Icon: "plus", Href: base(r) + "/new", Key: "N"}}
	}
	page.Table = ui.Table{Caption: title, Columns: []ui.Column{{Label: web.T(r, "share.title")}, {Label: web.T(r, "share.ceiling"), Width: "mark"}, {Label: web.T(r, "share.readers")},
		{Label: web.T(r, "share.inbox"), Width: "mark", Drop: 1}, {Label: web.T(r, "share.changed"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "stack-2", Title: web.T(r, "share.collections.empty"), Text: web.T(r, "share.collections.empty.text"), Acts: page.Header.Acts}}
	for i := range list {
		d := &list[i]
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: collectionAt(r, d), Cells: []any{ui.Name{Text: d.Title, Href: collectionAt(r, d), Sub: []any{ui.Machine(d.Alias)}},
			ui.TLP(d.Ceiling.String()), readersText(r, d), yes(r, d.Inbox), clock.FromMicros(d.Changed)}})
	}
	return p.t.Render(w, r, "sharelist", page)
}

func yes(r *http.Request, b bool) string {
	return web.T(r, map[bool]string{true: "share.yes", false: "share.no"}[b])
}

// readersText says who may read a collection.
func readersText(r *http.Request, d *intel.Definition) string {
	switch d.Readers {
	case intel.ReadGroup:
		return d.Circle.Name
	case intel.ReadNamed:
		return web.T(r, "share.readers.some", "n", len(d.Orgs)+1)
	}
	return web.T(r, "share.readers.members")
}

type collectionPage struct {
	web.Page
	Header ui.Header
	Facts  ui.Facts
	Who    ui.Audience
	Names  []orgNames
	Count  string
	Events ui.Table
	Sure   *ui.Field // the tick before deleting; nil for who may not
	At     string
}

func (p *pages) collection(w http.ResponseWriter, r *http.Request) error {
	page, err := p.collectionPage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "sharecollection", page)
}

// collectionPage is the page of a collection; f is what was sent to delete it.
func (p *pages) collectionPage(r *http.Request, f *web.Form) (*collectionPage, error) {
	d, err := p.d.Intel.Definition(r.Context(), web.Actor(r), r.PathValue("collection"))
	if err != nil {
		return nil, err
	}
	page := &collectionPage{Page: web.NewPage(r, shell(r), d.Title), Header: ui.Header{Title: d.Title, Marks: []any{ui.TLP(d.Ceiling.String())}, Sub: []any{ui.Machine(d.Alias)}}, At: collectionAt(r, &d)}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "share.collections"), Href: base(r)}, {Label: d.Title}}
	model, err := p.modelText(r, &d)
	if err != nil {
		return nil, err
	}
	days := web.T(r, "share.days.ever")
	if d.Days > 0 {
		days = web.T(r, "share.days.n", "n", d.Days)
	}
	page.Facts.Items = []ui.Fact{{Label: web.T(r, "share.description"), Value: d.Description, Wide: true}, {Label: web.T(r, "share.readers"), Value: readersText(r, &d)},
		{Label: web.T(r, "share.tags"), Value: machines(d.Tags)}, {Label: web.T(r, "share.nottags"), Value: machines(d.NotTags)}, {Label: web.T(r, "share.types"), Value: machines(d.Types)},
		{Label: web.T(r, "share.within"), Value: d.Group.Name}, {Label: web.T(r, "share.days"), Value: days}, {Label: web.T(r, "share.lapse"), Value: yes(r, d.Lapse)}, {Label: web.T(r, "share.model"), Value: model}, {Label: web.T(r, "share.chosen"), Value: yes(r, d.Chosen)},
		{Label: web.T(r, "share.inbox"), Value: yes(r, d.Inbox)}, {Label: web.T(r, "share.address"), Value: ui.Machine("/taxii2/straza/collections/" + d.UUID + "/"), Wide: true},
		{Label: web.T(r, "share.changed"), Value: clock.FromMicros(d.Changed)}}
	held, err := p.d.Intel.Contents(r.Context(), web.Actor(r), d)
	if err != nil && !fault.Is(err, fault.Invalid) {
		return nil, err
	}
	page.Who, page.Names = audience(r, held.Readers)
	page.Count, page.Events = p.held(r, held)
	if mayDefine(r) {
		page.Header.Acts = []ui.Button{{Label: web.T(r, "share.edit"), Icon: "pencil", Href: page.At + "/edit", Variant: "secondary", Key: "E"}}
		sure := f.Box("sure", "share.collection.sure")
		page.Sure = &sure
	}
	return page, nil
}

// machines are names that are not words; none is no line of facts.
func machines(list []string) any {
	if len(list) == 0 {
		return ""
	}
	return ui.Machine(strings.Join(list, ", "))
}

// held shows what a collection holds, or would.
func (p *pages) held(r *http.Request, c intel.Contents) (string, ui.Table) {
	t := ui.Table{Caption: web.T(r, "share.collection.events"), Columns: []ui.Column{{Label: web.T(r, "share.feed.event")}, {Label: web.T(r, "share.ceiling"), Width: "mark"}, {Label: web.T(r, "share.published"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "stack-2", Title: web.T(r, "share.collection.none"), Text: web.T(r, "share.collection.none.text")}}
	for i := range c.Newest {
		e := &c.Newest[i]
		href := "/console/events/" + e.UUID
		t.Rows = append(t.Rows, ui.Row{Href: href, Cells: []any{ui.Name{Text: e.Info, Href: href, Sub: []any{e.Origin.Name}}, ui.TLP(e.TLP), when(e.PublishTimestamp * 1e6)}})
	}
	return web.T(r, "share.collection.count", "n", c.Events), t
}

type collectionForm struct {
	web.Page
	Header  ui.Header
	Fields  []ui.Field
	Readers ui.Choices
	Reach   []ui.Field
	Query   []ui.Field
	Types   ui.Choices
	Open    bool // the list of types is unfolded
	Flags   []ui.Field
	Asked   *ui.Field
	Seen    *collectionPage // what it would hold, after a look
	Cancel  ui.Button
}

var collectionOrder = []string{"title", "alias", "description", "readers", "circle", "orgs", "ceiling", "tags", "not_tags", "group", "days", "types", "model", "asked"}

func (p *pages) collectionForm(r *http.Request, f *web.Form, title, back string) (*collectionForm, error) {
	groups, err := p.d.Intel.Groups(r.Context(), web.Actor(r))
	if fault.Is(err, fault.Denied) {
		groups, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	page := &collectionForm{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, Cancel: ui.Button{Label: web.T(r, "share.cancel"), Href: back, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "share.collections"), Href: base(r)}, {Label: title}}
	area := func(name, label string) ui.Field {
		x := f.Field(name, label)
		x.Type, x.Rows, x.Optional, x.Hint = "textarea", 3, true, web.T(r, label+".hint")
		return x
	}
	chosenGroup := func(name, label string) ui.Field {
		x := f.Field(name, label)
		x.Type, x.Optional, x.Hint = "select", true, web.T(r, label+".hint")
		x.Options = []ui.Option{{Value: "", Label: web.T(r, "share.group.none")}}
		for _, g := range groups {
			if g.Active {
				x.Options = append(x.Options, ui.Option{Value: g.UUID, Label: g.Name})
			}
		}
		return x
	}
	alias, text := f.Field("alias", "share.alias"), f.Field("description", "share.description")
	alias.Hint, alias.Mono, alias.Width = web.T(r, "share.alias.hint"), true, "half"
	text.Optional, text.Type, text.Rows = true, "textarea", 2
	page.Fields = []ui.Field{f.Field("title", "share.title"), alias, text}
	page.Readers = f.Choices("readers", "share.readers.ask", ui.Option{Value: intel.ReadMembers, Label: web.T(r, "share.readers.members"), Hint: web.T(r, "share.readers.members.hint")},
		ui.Option{Value: intel.ReadGroup, Label: web.T(r, "share.readers.group")}, ui.Option{Value: intel.ReadNamed, Label: web.T(r, "share.readers.named")})
	page.Reach = []ui.Field{chosenGroup("circle", "share.circle"), area("orgs", "share.orgs")}
	ceiling := f.Field("ceiling", "share.ceiling")
	ceiling.Type, ceiling.Hint = "select", web.T(r, "share.ceiling.hint")
	for _, l := range tlp.Levels() {
		if l != tlp.Red {
			ceiling.Options = append(ceiling.Options, ui.Option{Value: l.String(), Label: l.Label()})
		}
	}
	days := f.Field("days", "share.days")
	days.InputMode, days.Optional, days.Width, days.Hint = "numeric", true, "short", web.T(r, "share.days.hint")
	model, err := p.modelField(r, f)
	if err != nil {
		return nil, err
	}
	page.Query = []ui.Field{ceiling, area("tags", "share.tags"), area("not_tags", "share.nottags"), chosenGroup("group", "share.within"), days}
	var types []ui.Option
	for _, t := range intel.CollectionTypes {
		types = append(types, ui.Option{Value: t, Label: t})
	}
	page.Types = f.Choices("types", "share.types", types...)
	page.Types.Many, page.Types.Optional, page.Types.Hint = true, true, web.T(r, "share.types.hint")
	page.Open = len(f.Many("types")) > 0 || f.Error("types") != ""
	for _, n := range []string{"lapse", "chosen", "inbox"} {
		x := f.Box(n, "share."+n)
		x.Hint = web.T(r, "share."+n+".hint")
		if page.Flags = append(page.Flags, x); n == "lapse" {
			page.Flags = append(page.Flags, model)
		}
	}
	if f.Error("asked") != "" || f.Tick("asked") {
		x := f.Box("asked", "share.collection.asked")
		page.Asked = &x
	}
	return page, nil
}

// modelField chooses what besides valid_until says that an indicator's time is over.
func (p *pages) modelField(r *http.Request, f *web.Form) (ui.Field, error) {
	x := f.Field("model", "share.model")
	x.Type, x.Optional, x.Hint = "select", true, web.T(r, "share.model.hint")
	x.Options = []ui.Option{{Value: strconv.FormatInt(intel.ModelsInForce, 10), Label: web.T(r, "share.model.all")}, {Value: strconv.FormatInt(intel.NoModel, 10), Label: web.T(r, "share.model.none")}}
	list, err := p.d.Intel.DecayModels(r.Context(), web.Actor(r))
	for _, m := range list {
		x.Options = append(x.Options, ui.Option{Value: strconv.FormatInt(m.ID, 10), Label: m.Name})
	}
	return x, err
}

// modelText says by which decaying model a collection goes; "" when indicators stay.
func (p *pages) modelText(r *http.Request, d *intel.Definition) (any, error) {
	switch {
	case !d.Lapse:
		return "", nil
	case d.Model == intel.ModelsInForce:
		return web.T(r, "share.model.all"), nil
	}
	list, err := p.d.Intel.DecayModels(r.Context(), web.Actor(r))
	for _, m := range list {
		if m.ID == d.Model {
			return m.Name, err
		}
	}
	return web.T(r, "share.model.none"), err
}

// readCollection reads the form into d.
func (p *pages) readCollection(r *http.Request, f *web.Form, d *intel.Definition) {
	d.Title, d.Alias, d.Description = f.Text("title", 255), f.Text("alias", 100), f.Text("description", 4000)
	d.Readers, d.Circle, d.Group = f.Text("readers", 20), intel.SharingGroup{UUID: f.Text("circle", 40)}, intel.SharingGroup{UUID: f.Text("group", 40)}
	d.Orgs = nil
	if d.Readers == intel.ReadNamed {
		d.Orgs = p.lines(r, f, "orgs")
	}
	d.Ceiling, _ = tlp.Parse(f.Text("ceiling", 20))
	d.Tags, d.NotTags = strings.Split(f.Text("tags", 20_000), "\n"), strings.Split(f.Text("not_tags", 20_000), "\n")
	d.Types, d.Days, d.Chosen, d.Inbox = f.Many("types"), f.Int("days"), f.Tick("chosen"), f.Tick("inbox")
	d.Lapse, d.Model = f.Tick("lapse"), f.Int("model")
}

func (p *pages) newCollection(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, nil)
	f.Values.Set("readers", intel.ReadMembers)
	f.Values.Set("ceiling", tlp.Green.String())
	page, err := p.collectionForm(r, f, web.T(r, "share.collection.new"), base(r))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "sharecollectionform", page)
}

func (p *pages) editCollection(w http.ResponseWriter, r *http.Request) error {
	d, err := p.d.Intel.Definition(r.Context(), web.Actor(r), r.PathValue("collection"))
	if err != nil {
		return err
	}
	f := web.NewForm(r, nil)
	for k, v := range map[string]string{"title": d.Title, "alias": d.Alias, "description": d.Description, "readers": d.Readers, "circle": d.Circle.UUID, "group": d.Group.UUID,
		"orgs": names(d.Orgs), "ceiling": d.Ceiling.String(), "tags": strings.Join(d.Tags, "\n"), "not_tags": strings.Join(d.NotTags, "\n")} {
		f.Values.Set(k, v)
	}
	f.Values.Set("model", strconv.FormatInt(d.Model, 10))
	if d.Days > 0 {
		f.Values.Set("days", strconv.FormatInt(d.Days, 10))
	}
	for k, on := range map[string]bool{"lapse": d.Lapse, "chosen": d.Chosen, "inbox": d.Inbox} {
		if on {
			f.Values.Set(k, "1")
		}
	}
	f.Values["types"] = d.Types
	page, err := p.collectionForm(r, f, web.T(r, "share.collection.edit"), collectionAt(r, &d))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "sharecollectionform", page)
}

// names are the organisations of a form, a UUID each line: names may be held twice.
func names(list []intel.Org) string {
	var out []string
	for _, o := range list {
		out = append(out, o.UUID)
	}
	return strings.Join(out, "\n")
}

// saveCollection saves a new collection or a changed one, or shows what it would hold.
func (p *pages) saveCollection(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	var d intel.Definition
	title, back, ref := web.T(r, "share.collection.new"), base(r), r.PathValue("collection")
	if ref != "" {
		if d, err = p.d.Intel.Definition(r.Context(), web.Actor(r), ref); err != nil {
			return err
		}
		title, back = web.T(r, "share.collection.edit"), collectionAt(r, &d)
	}
	p.readCollection(r, f, &d)
	look := f.Text("step", 10) == "look"
	var seen intel.Contents
	switch {
	case f.Fail(nil):
		err = nil
	case look:
		seen, err = p.d.Intel.Contents(r.Context(), web.Actor(r), d)
	default:
		var out intel.Definition
		if out, err = p.d.Intel.SaveDefinition(r.Context(), web.Actor(r), ref, d, f.Tick("asked")); err == nil {
			return web.Redirect(collectionAt(r, &out), web.Done("share.done.collection"))
		}
	}
	failed := f.Fail(err)
	if err != nil && !failed {
		return err
	}
	page, err := p.collectionForm(r, f, title, back)
	if err != nil {
		return err
	}
	if failed {
		page.Errors = f.Summary(collectionOrder...)
		return p.t.Invalid(w, r, "sharecollectionform", page)
	}
	page.Seen = &collectionPage{}
	page.Seen.Who, page.Seen.Names = audience(r, seen.Readers)
	page.Seen.Count, page.Seen.Events = p.held(r, seen)
	return p.t.Render(w, r, "sharecollectionform", page)
}

func (p *pages) deleteCollection(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	if !f.Tick("sure") {
		f.Add("sure", "share.collection.sure.needed")
		f.Fail(nil)
		page, err := p.collectionPage(r, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("sure")
		return p.t.Invalid(w, r, "sharecollection", page)
	}
	if err := p.d.Intel.DeleteDefinition(r.Context(), web.Actor(r), r.PathValue("collection")); err != nil {
		return err
	}
	return web.Redirect(base(r), web.Done("share.done.collection.delete"))
}
