package shareweb

import (
	"net/http"
	"strconv"
	"strings"

	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type listPage struct {
	web.Page
	Header ui.Header
	Lead   string
	Table  ui.Table
	More   *ui.Table // feeds that share values
}

func at(r *http.Request, g *intel.SharingGroup) string { return base(r) + "/" + g.UUID }

func (p *pages) groups(w http.ResponseWriter, r *http.Request) error {
	list, err := p.d.Intel.Groups(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	title := web.T(r, "share.groups")
	page := &listPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, Lead: web.T(r, "share.groups.lead")}
	if access.Allowed(web.Actor(r), "intel.group") {
		page.Header.Acts = []ui.Button{{Label: web.T(r, "share.group.new"), Icon: "plus", Href: base(r) + "/new", Key: "N"}}
	}
	page.Table = ui.Table{Caption: title, Columns: []ui.Column{{Label: web.T(r, "share.name")}, {Label: web.T(r, "share.state"), Width: "mark"}, {Label: web.T(r, "share.members"), Num: true},
		{Label: web.T(r, "share.owner"), Drop: 2}, {Label: web.T(r, "share.releasability"), Drop: 1}},
		Empty: &ui.Empty{Icon: "users-group", Title: web.T(r, "share.groups.empty"), Text: web.T(r, "share.groups.empty.text"), Acts: page.Header.Acts}}
	for i := range list {
		g := &list[i]
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: at(r, g), Cells: []any{ui.Name{Text: g.Name, Href: at(r, g)}, groupState(r, g),
			strconv.Itoa(len(g.Orgs)), g.Owner.Name, g.Releasability}})
	}
	return p.t.Render(w, r, "sharelist", page)
}

func groupState(r *http.Request, g *intel.SharingGroup) ui.State {
	if !g.Active {
		return ui.State{Kind: ui.StateWaiting, Word: web.T(r, "share.off")}
	}
	return ui.State{Kind: ui.StateDone, Word: web.T(r, "share.on")}
}

type groupPage struct {
	web.Page
	Header  ui.Header
	Facts   ui.Facts
	Members ui.Table
	Servers ui.Table
	Add     *ui.Field
	Who     ui.Audience
	Names   []orgNames
	Events  string
	Delete  bool
	At      string
}

type orgNames struct {
	Name   string
	People int64
	Who    string
}

// mayChange: who made the group, and members that may extend it.
func mayChange(r *http.Request, g *intel.SharingGroup) bool {
	who := web.Actor(r)
	if !access.Allowed(who, "intel.group") || who.Org == 0 {
		return false
	}
	may := g.Owner.ID == who.Org
	for _, m := range g.Orgs {
		may = may || m.Extend && m.Org.ID == who.Org
	}
	return may
}

func (p *pages) group(w http.ResponseWriter, r *http.Request) error {
	page, err := p.groupPage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "sharegroup", page)
}

// groupPage is the page of a group; f is what was typed to add a member.
func (p *pages) groupPage(r *http.Request, f *web.Form) (*groupPage, error) {
	who := web.Actor(r)
	g, err := p.d.Intel.SharingGroup(r.Context(), who, r.PathValue("group"))
	if err != nil {
		return nil, err
	}
	page := &groupPage{Page: web.NewPage(r, shell(r), g.Name), Header: ui.Header{Title: g.Name, Marks: []any{groupState(r, &g)}}, At: at(r, &g)}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "share.groups"), Href: base(r)}, {Label: g.Name}}
	page.Facts.Items = []ui.Fact{{Label: web.T(r, "share.owner"), Value: g.Owner.Name}, {Label: web.T(r, "share.releasability"), Value: g.Releasability},
		{Label: web.T(r, "share.description"), Value: g.Description, Wide: true}, {Label: web.T(r, "share.roaming"), Value: web.T(r, map[bool]string{true: "share.yes", false: "share.no"}[g.Roaming])},
		{Label: "UUID", Value: ui.Machine(g.UUID)}}
	can := mayChange(r, &g)
	page.Members = memberTable(r, &g, can)
	page.Servers = serverTable(r, &g)
	if can {
		add := f.Field("organisation", "share.member.add")
		add.Hint = web.T(r, "share.member.hint")
		page.Add, page.Delete = &add, g.Owner.ID == who.Org
		turn := ui.Button{Label: web.T(r, "share.turn.off"), Form: "acts", Action: page.At + "/off", Variant: "secondary"}
		if !g.Active {
			turn = ui.Button{Label: web.T(r, "share.turn.on"), Form: "acts", Action: page.At + "/on", Variant: "secondary"}
		}
		page.Header.Acts = []ui.Button{turn, {Label: web.T(r, "share.edit"), Icon: "pencil", Href: page.At + "/edit", Variant: "secondary", Key: "E"}}
	}
	sees, err := p.d.Intel.WhoSees(r.Context(), who, intel.Group, g.ID, nil)
	if err != nil && !fault.Is(err, fault.Invalid) {
		return nil, err
	}
	if err == nil {
		page.Who, page.Names = audience(r, sees)
	}
	n, err := p.d.Intel.SearchEvents(r.Context(), who, intel.Query{Groups: []int64{g.ID}, Limit: 1, Page: 1}, func(*intel.Event) error { return nil })
	page.Events = web.T(r, "share.events", "n", n)
	return page, err
}

// audience is the panel of who really sees what goes to a group.
func audience(r *http.Request, sees intel.Readers) (ui.Audience, []orgNames) {
	a := ui.Audience{Title: web.T(r, "share.who"), Rings: []ui.Ring{
		{Count: int(sees.People), Word: web.T(r, "share.who.people", "n", sees.People), Sub: web.T(r, "share.who.people.sub")},
		{Count: sees.Count, Word: web.T(r, "share.who.orgs", "n", sees.Count), Sub: web.T(r, "share.who.orgs.sub")}}}
	if sees.Members {
		a.Except = web.T(r, "share.who.all")
	}
	var names []orgNames
	for _, o := range sees.ByOrg {
		names = append(names, orgNames{o.Org.Name, o.People, strings.Join(o.Names, ", ")})
	}
	return a, names
}

func memberTable(r *http.Request, g *intel.SharingGroup, can bool) ui.Table {
	t := ui.Table{Caption: web.T(r, "share.members"), Columns: []ui.Column{{Label: web.T(r, "share.organisation")}, {Label: web.T(r, "share.extend")}, {Label: web.T(r, "share.act"), Hidden: true}}}
	for _, m := range g.Orgs {
		name := ui.Name{Text: m.Org.Name}
		if !m.Org.Local {
			name.Sub = []any{web.T(r, "share.elsewhere")}
		}
		extend := web.T(r, "share.no")
		if m.Extend {
			extend = web.T(r, "share.yes")
		}
		var acts any = ""
		if can && m.Org.ID != g.Owner.ID {
			acts = ui.Acts{Form: "acts", Items: []ui.Button{{Label: web.T(r, "share.member.drop"), Action: at(r, g) + "/drop", Name: "organisation", Value: m.Org.UUID, Variant: "tertiary", Small: true}}}
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{name, extend, acts}})
	}
	return t
}

func serverTable(r *http.Request, g *intel.SharingGroup) ui.Table {
	t := ui.Table{Caption: web.T(r, "share.servers"), Columns: []ui.Column{{Label: web.T(r, "share.server")}, {Label: web.T(r, "share.server.all"), Width: "mark"}},
		Empty: &ui.Empty{Icon: "server", Title: web.T(r, "share.servers.empty"), Text: web.T(r, "share.servers.empty.text")}}
	for _, s := range g.Servers {
		name := ui.Name{Text: s.Name, Sub: []any{ui.Machine(s.URL)}}
		if s.Server == 0 {
			name = ui.Name{Text: web.T(r, "share.server.here")}
		}
		all := web.T(r, "share.no")
		if s.AllOrgs {
			all = web.T(r, "share.yes")
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{name, all}})
	}
	return t
}

type groupForm struct {
	web.Page
	Header  ui.Header
	Fields  []ui.Field
	New     bool
	Members ui.Field
	Flags   []ui.Field
	Who     *ui.Audience
	Names   []orgNames
	Cancel  ui.Button
}

func (p *pages) groupForm(r *http.Request, f *web.Form, title, back string, fresh bool) *groupForm {
	page := &groupForm{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, New: fresh, Cancel: ui.Button{Label: web.T(r, "share.cancel"), Href: back, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "share.groups"), Href: base(r)}, {Label: title}}
	name, rel, text := f.Field("name", "share.name"), f.Field("releasability", "share.releasability"), f.Field("description", "share.description")
	rel.Optional, rel.Hint = true, web.T(r, "share.releasability.hint")
	text.Optional, text.Type, text.Rows = true, "textarea", 3
	page.Fields = []ui.Field{name, rel, text}
	roaming := f.Box("roaming", "share.roaming")
	roaming.Hint = web.T(r, "share.roaming.hint")
	page.Flags = []ui.Field{roaming}
	if fresh {
		page.Members = f.Field("members", "share.members")
		page.Members.Type, page.Members.Rows, page.Members.Optional, page.Members.Hint = "textarea", 6, true, web.T(r, "share.members.hint")
		all := f.Box("all", "share.server.everybody")
		all.Hint = web.T(r, "share.server.everybody.hint")
		page.Flags = append(page.Flags, all)
	}
	return page
}

func (p *pages) newGroup(w http.ResponseWriter, r *http.Request) error {
	return p.t.Render(w, r, "sharegroupform", p.groupForm(r, web.NewForm(r, nil), web.T(r, "share.group.new"), base(r), true))
}

// taken places the fault of a name that another group has at its field.
func taken(err error) error {
	if e := fault.Of(err); e != nil && e.Key == "intel.fault.group-exists" {
		return fault.Field("name", e.Key, "the name is taken")
	}
	return err
}

// lines reads a field of the form: the name or UUID of an organisation each line.
func (p *pages) lines(r *http.Request, f *web.Form, field string) (out []intel.Org) {
	for line := range strings.Lines(f.Text(field, 20_000)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		o, err := p.d.Find(r.Context(), line)
		if err != nil {
			f.Add(field, "share.members.unknown")
			continue
		}
		out = append(out, o)
	}
	return out
}

func (p *pages) addGroup(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	g := intel.SharingGroup{Name: f.Text("name", 255), Releasability: f.Text("releasability", 2000), Description: f.Text("description", 4000),
		Active: true, Local: true, Roaming: f.Tick("roaming")}
	orgs := p.lines(r, f, "members")
	for _, o := range orgs {
		g.Orgs = append(g.Orgs, intel.GroupOrg{Org: o})
	}
	if f.Tick("all") {
		g.Servers = []intel.GroupServer{{AllOrgs: true}}
	}
	title := web.T(r, "share.group.new")
	fail := func(err error) error {
		if f.Fail(err) {
			page := p.groupForm(r, f, title, base(r), true)
			page.Errors = f.Summary("name", "members")
			return p.t.Invalid(w, r, "sharegroupform", page)
		}
		return err
	}
	if f.Text("step", 10) == "look" {
		if f.Error("members") == "" {
			sees, err := p.d.Intel.GroupReaders(r.Context(), web.Actor(r), orgs, f.Tick("all"))
			if err != nil {
				return fail(err)
			}
			page := p.groupForm(r, f, title, base(r), true)
			who, names := audience(r, sees)
			page.Who, page.Names = &who, names
			return p.t.Render(w, r, "sharegroupform", page)
		}
	}
	if f.Fail(nil) {
		return fail(nil)
	}
	out, err := p.d.Intel.AddGroup(r.Context(), web.Actor(r), g)
	if err != nil {
		return fail(taken(err))
	}
	return web.Redirect(at(r, &out), web.Done("share.done.add"))
}

func (p *pages) editGroupForm(w http.ResponseWriter, r *http.Request) error {
	g, err := p.d.Intel.SharingGroup(r.Context(), web.Actor(r), r.PathValue("group"))
	if err != nil {
		return err
	}
	if !mayChange(r, &g) {
		return fault.New(fault.Denied, "not the caller's group").WithKey("intel.fault.foreign-group")
	}
	f := web.NewForm(r, nil)
	f.Values.Set("name", g.Name)
	f.Values.Set("releasability", g.Releasability)
	f.Values.Set("description", g.Description)
	if g.Roaming {
		f.Values.Set("roaming", "1")
	}
	return p.t.Render(w, r, "sharegroupform", p.groupForm(r, f, web.T(r, "share.group.edit"), at(r, &g), false))
}

func (p *pages) editGroup(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	back := base(r) + "/" + r.PathValue("group")
	_, err = p.d.Intel.EditGroup(r.Context(), web.Actor(r), r.PathValue("group"), func(g *intel.SharingGroup) {
		g.Name, g.Releasability, g.Description, g.Roaming = f.Text("name", 255), f.Text("releasability", 2000), f.Text("description", 4000), f.Tick("roaming")
	})
	if err = taken(err); f.Fail(err) {
		page := p.groupForm(r, f, web.T(r, "share.group.edit"), back, false)
		page.Errors = f.Summary("name")
		return p.t.Invalid(w, r, "sharegroupform", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(back, web.Done("share.done.edit"))
}

// actGroup turns a group on or off, adds and drops members, deletes it.
func (p *pages) actGroup(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	who, ref, act := web.Actor(r), r.PathValue("group"), r.PathValue("act")
	back := base(r) + "/" + ref
	switch act {
	case "on", "off":
		_, err = p.d.Intel.EditGroup(r.Context(), who, ref, func(g *intel.SharingGroup) { g.Active = act == "on" })
	case "member":
		if _, err := p.d.Intel.SharingGroup(r.Context(), who, ref); err != nil {
			return err
		}
		o, ferr := p.d.Find(r.Context(), f.Text("organisation", 300))
		if ferr != nil {
			f.Add("organisation", "share.members.unknown")
			f.Fail(nil)
			page, err := p.groupPage(r, f)
			if err != nil {
				return err
			}
			page.Errors = f.Summary("organisation")
			return p.t.Invalid(w, r, "sharegroup", page)
		}
		err = p.d.Intel.AddGroupOrg(r.Context(), who, ref, o, f.Tick("extend"))
	case "drop":
		org := f.Text("organisation", 100)
		extend, gerr := p.extends(r, org)
		if gerr != nil {
			return gerr
		}
		if err = p.d.Intel.RemoveGroupOrg(r.Context(), who, ref, intel.Org{UUID: org}); err == nil {
			return web.Redirect(back, web.Done("share.done.drop").WithUndo(back+"/member", "organisation", org, "extend", extend))
		}
	case "delete":
		if err = p.d.Intel.DeleteGroup(r.Context(), who, ref); err == nil {
			return web.Redirect(base(r), web.Done("share.done.delete"))
		}
	default:
		return fault.New(fault.NotFound, "act %q", act)
	}
	if err != nil {
		return err
	}
	return web.Redirect(back, web.Done("share.done."+act))
}

// extends tells how a member stands, so that dropping it can be taken back as it was:
// "1" when it may change the group.
func (p *pages) extends(r *http.Request, org string) (string, error) {
	g, err := p.d.Intel.SharingGroup(r.Context(), web.Actor(r), r.PathValue("group"))
	for _, m := range g.Orgs {
		if m.Org.UUID == org && m.Extend {
			return "1", nil
		}
	}
	return "", err
}
