package admin

import (
	"net/http"
	"slices"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type listPage struct {
	web.Page
	Header ui.Header
	Tabs   ui.Tabs
	Lead   string
	Bar    *ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
	Link   string // an invitation to hand over, shown once
}

// tabs are the rooms of administration that this person may enter.
func tabs(r *http.Request, here string) ui.Tabs {
	who := web.Actor(r)
	t := ui.Tabs{Label: web.T(r, "admin.title")}
	for _, x := range []struct{ name, perm string }{{"", "admin.use admin.jobs audit.read"}, {"people", "admin.people"}, {"requests", "admin.people"}, {"settings", "admin.settings intake.policy"}, {"jobs", "admin.jobs"}, {"letters", "admin.jobs"}, {"packs", "admin.use"}, {"audit", "audit.read"}} {
		if !slices.ContainsFunc(strings.Fields(x.perm), func(perm string) bool { return access.Allowed(who, perm) }) {
			continue
		}
		href, key := "/administration", "admin.overview"
		if x.name != "" {
			href, key = "/administration/"+x.name, "admin."+x.name
		}
		t.Items = append(t.Items, ui.Tab{Label: web.T(r, key), Href: href, Here: x.name == here})
	}
	return t
}

func newList(r *http.Request, here string) *listPage {
	key := "admin.overview"
	if here != "" {
		key = "admin." + here
	}
	tb := tabs(r, here)
	return &listPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, key)), Header: ui.Header{Title: web.T(r, key)}, Tabs: tb, Lead: web.T(r, key+".lead")}
}

func (p *pages) people(w http.ResponseWriter, r *http.Request) error {
	f := web.ReadFilters(r, web.FilterSpec{Name: "state", Label: web.T(r, "admin.state"), Options: []ui.Option{
		{Value: "active", Label: web.T(r, "admin.state.active")}, {Value: "invited", Label: web.T(r, "admin.state.invited")}, {Value: "disabled", Label: web.T(r, "admin.state.disabled")}}})
	var after int64
	if err := web.DecodeCursor(f.Cursor(), &after); err != nil {
		return err
	}
	const size = 50
	list, err := p.d.People.People(r.Context(), web.Actor(r), account.PeopleFilter{State: account.State(f.Get("state")), Search: f.Get("q"), After: after, Limit: size + 1})
	if err != nil {
		return err
	}
	next := ""
	if len(list) > size {
		list = list[:size]
		next = web.EncodeCursor(list[size-1].ID)
	}
	page := newList(r, "people")
	page.Header.Acts = []ui.Button{{Label: web.T(r, "admin.people.new"), Icon: "user-plus", Href: "/administration/people/new", Key: "N"}}
	bar := f.Bar(web.T(r, "admin.people.search"))
	page.Bar = &bar
	page.Table = peopleTable(r, list)
	if f.Active() {
		page.Table.Empty.Acts = []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: "/administration/people", Variant: "secondary"}}
	}
	page.Pages = f.Pages(len(list), 0, next)
	return p.t.Render(w, r, "people", page)
}

func peopleTable(r *http.Request, list []account.Entry) ui.Table {
	t := ui.Table{Caption: web.T(r, "admin.people"), Columns: []ui.Column{{Label: web.T(r, "admin.person")}, {Label: web.T(r, "admin.roles"), Drop: 1},
		{Label: web.T(r, "admin.state"), Width: "mark"}, {Label: web.T(r, "admin.second"), Width: "mark", Drop: 2}, {Label: web.T(r, "admin.acts"), Hidden: true, Width: "mark"}},
		Empty: &ui.Empty{Icon: "users", Title: web.T(r, "admin.people.empty")}}
	for _, e := range list {
		kind, second := ui.StateDone, web.T(r, "admin.no")
		switch string(e.State) {
		case "invited":
			kind = ui.StateWaiting
		case "disabled":
			kind = ui.StateRefused
		}
		if e.SecondFactor {
			second = web.T(r, "admin.yes")
		}
		var acts []ui.Button
		act := func(name, key string) {
			acts = append(acts, ui.Button{Label: web.T(r, key), Action: "/administration/people/" + e.UUID + "/" + name, Variant: "tertiary", Small: true})
		}
		if string(e.State) == "disabled" {
			act("enable", "admin.people.enable")
		} else {
			act("disable", "admin.people.disable")
			if string(e.State) == "invited" {
				act("invite", "admin.people.invite")
			} else {
				act("password", "admin.people.password")
			}
			if e.SecondFactor {
				act("reset", "admin.people.reset")
			}
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{ui.Name{Text: e.Name, Sub: []any{e.Email, e.OrgName}}, strings.Join(roleNames(r, e.Roles), ", "),
			ui.State{Kind: kind, Word: web.T(r, "admin.state."+string(e.State))}, second, ui.Acts{Items: acts, Form: "people"}}})
	}
	return t
}

func roleNames(r *http.Request, roles []string) (out []string) {
	for _, x := range roles {
		out = append(out, web.T(r, "admin.role."+x))
	}
	return out
}

type personPage struct {
	web.Page
	Header          ui.Header
	Email, Name     ui.Field
	Role, Org, Lang ui.Field
	Cancel          ui.Button
}

var roles = []string{access.Member, access.OrgAdmin, access.Publisher, access.Sync, access.ReadOnly, access.Analyst, access.Lead, access.Admin, access.Superv, access.Privacy, access.Auditor}

func (p *pages) personForm(r *http.Request, f *web.Form) *personPage {
	page := &personPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "admin.people.new")), Header: ui.Header{Title: web.T(r, "admin.people.new")},
		Email: f.Field("email", "admin.email"), Name: f.Field("name", "admin.name"), Role: f.Field("role", "admin.role"), Org: f.Field("org", "admin.org"), Lang: f.Field("lang", "admin.lang"),
		Cancel: ui.Button{Label: web.T(r, "admin.cancel"), Href: "/administration/people", Variant: "tertiary"}}
	page.Email.Type, page.Org.Hint, page.Email.Hint = "email", web.T(r, "admin.org.hint"), web.T(r, "admin.email.hint")
	page.Role.Type, page.Lang.Type = "select", "select"
	page.Role.Options = web.Words(r, "admin.role.", roles...)
	page.Lang.Options = []ui.Option{{Value: "sr-Cyrl", Label: web.T(r, "admin.lang.cyrl")}, {Value: "sr-Latn", Label: web.T(r, "admin.lang.latn")}, {Value: "en", Label: web.T(r, "admin.lang.en")}}
	return page
}

func (p *pages) newPerson(w http.ResponseWriter, r *http.Request) error {
	return p.t.Render(w, r, "person", p.personForm(r, web.NewForm(r, nil)))
}

func (p *pages) addPerson(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	org, err := p.d.People.OrgID(r.Context(), web.Actor(r), f.Needed("org", 300))
	if fault.Is(err, fault.NotFound) {
		f.Add("org", "admin.org.unknown")
		err = nil
	}
	if err != nil {
		return err
	}
	var link string
	if f.Err("person") == nil {
		_, link, err = p.d.People.Add(r.Context(), web.Actor(r), account.NewPerson{Email: f.Needed("email", 320), Name: f.Needed("name", 200),
			Roles: []string{f.Text("role", 40)}, Org: org, Lang: f.Text("lang", 10)})
	}
	if account.NeedsStepUp(err) {
		return web.Redirect("/account/confirm?next=/administration/people/new", nil)
	}
	if f.Fail(err) {
		page := p.personForm(r, f)
		page.Errors = f.Summary("email", "name", "role", "org")
		return p.t.Invalid(w, r, "person", page)
	}
	if err != nil {
		return err
	}
	return p.showLink(w, r, link)
}

// showLink shows an invitation once, for an administrator who hands it over.
func (p *pages) showLink(w http.ResponseWriter, r *http.Request, link string) error {
	page := newList(r, "people")
	page.Link = link
	return p.t.Render(w, r, "invited", page)
}

func (p *pages) changePerson(w http.ResponseWriter, r *http.Request) error {
	ctx, who, uuid := r.Context(), web.Actor(r), r.PathValue("uuid")
	var err error
	done := "admin.people.done." + r.PathValue("act")
	switch r.PathValue("act") {
	case "disable":
		_, err = p.d.People.Disable(ctx, who, uuid)
	case "enable":
		_, err = p.d.People.Enable(ctx, who, uuid)
	case "reset":
		_, err = p.d.People.ResetSecondFactor(ctx, who, uuid)
	case "password":
		var link string
		if _, link, err = p.d.People.ResetPassword(ctx, who, uuid); err == nil && link != "" {
			return p.showLink(w, r, link)
		}
	case "invite":
		var link string
		if _, link, err = p.d.People.Invite(ctx, who, uuid); err == nil && link != "" {
			return p.showLink(w, r, link)
		}
	default:
		err = fault.New(fault.NotFound, "act %q", r.PathValue("act"))
	}
	if account.NeedsStepUp(err) {
		return web.Redirect("/account/confirm?next=/administration/people", nil)
	}
	if err != nil {
		return err
	}
	return web.Redirect("/administration/people", web.Done(done))
}
