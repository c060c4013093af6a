package portal

import (
	"net/http"
	"slices"
	"strings"

	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type peoplePage struct {
	web.Page
	Header ui.Header
	Table  ui.Table
	Pages  *ui.Pagination
}

type personPage struct {
	web.Page
	Header ui.Header
	Fields []ui.Field
	Role   ui.Choices
	Action string
	Do     ui.Button
	Cancel ui.Button
	Acts   []ui.Button // on the account itself
	Self   string      // why the asker's own account has no acts
}

const perPage = 100

func (p *pages) people(w http.ResponseWriter, r *http.Request) error {
	f := web.ReadFilters(r)
	var after int64
	if err := web.DecodeCursor(f.Cursor(), &after); err != nil {
		return err
	}
	list, err := p.d.Accounts.People(r.Context(), web.Actor(r), account.PeopleFilter{Org: web.Actor(r).Org, After: after, Limit: perPage + 1})
	if err != nil {
		return err
	}
	next := ""
	if len(list) > perPage {
		list = list[:perPage]
		next = web.EncodeCursor(list[perPage-1].ID)
	}
	page := &peoplePage{Page: newPage(r, "portal.people"), Pages: f.Pages(len(list), 0, next)}
	page.Header = ui.Header{Title: web.T(r, "portal.people"), Sub: []any{web.T(r, "portal.people.lead")},
		Acts: []ui.Button{{Label: web.T(r, "portal.people.new"), Icon: "user-plus", Href: "/portal/people/new"}}}
	page.Table = ui.Table{Caption: web.T(r, "portal.people"), Columns: []ui.Column{{Label: web.T(r, "portal.person")}, {Label: web.T(r, "portal.person.roles"), Drop: 2},
		{Label: web.T(r, "portal.report.state"), Width: "mark"}, {Label: web.T(r, "portal.person.second"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "users", Title: web.T(r, "portal.people.empty")}}
	for _, e := range list {
		page.Table.Rows = append(page.Table.Rows, personRow(r, e))
	}
	return p.t.Render(w, r, "people", page)
}

func personRow(r *http.Request, e account.Entry) ui.Row {
	kind := map[account.State]string{account.Active: ui.StateDone, account.Invited: ui.StateWaiting, account.Disabled: ui.StateRefused}[e.State]
	second := web.T(r, "portal.person.second.no")
	if e.SecondFactor {
		second = web.T(r, "portal.person.second.yes")
	}
	return ui.Row{Off: e.State == account.Disabled, Cells: []any{ui.Name{Text: e.Name, Href: "/portal/people/" + e.UUID, Sub: []any{e.Email}}, roleNames(r, e.Roles),
		ui.State{Kind: kind, Word: web.T(r, "portal.person.state."+string(e.State))}, second}}
}

// acts are what may be done to somebody's account as it is now.
func acts(r *http.Request, e account.Entry) (out []ui.Button) {
	names := map[account.State][]string{account.Active: {"disable"}, account.Invited: {"invite", "disable"}, account.Disabled: {"enable"}}[e.State]
	for _, name := range names {
		out = append(out, ui.Button{Label: web.T(r, "portal.people."+name), Action: "/portal/people/" + e.UUID + "/" + name, Variant: "secondary", Danger: name == "disable"})
	}
	return out
}

func roleNames(r *http.Request, roles []string) string {
	names := make([]string, len(roles))
	for i, x := range roles {
		names[i] = web.T(r, "portal.role."+x)
	}
	return strings.Join(names, ", ")
}

// roleOrder is how roles are offered; what an administrator has added comes first.
var roleOrder = []string{"member", "publisher", "read-only", "sync", "org-admin"}

// roles are the ones the asker may give; the service holds to it as well.
func (p *pages) roles(r *http.Request, f *web.Form) (ui.Choices, error) {
	list, err := p.d.Roles(r.Context(), web.Actor(r))
	if err != nil {
		return ui.Choices{}, err
	}
	var options []ui.Option
	rank := func(x string) int { return slices.Index(roleOrder, x) }
	slices.SortStableFunc(list, func(a, b string) int { return rank(a) - rank(b) })
	for _, x := range list {
		options = append(options, ui.Option{Value: x, Label: web.T(r, "portal.role."+x), Hint: web.T(r, "portal.role."+x+".hint")})
	}
	return f.Choices("role", "portal.person.role", options...), nil
}

func (p *pages) newPerson(w http.ResponseWriter, r *http.Request) error {
	page, err := p.personForm(r, web.NewForm(r, map[string][]string{"role": {"member"}}))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "person", page)
}

func (p *pages) personForm(r *http.Request, f *web.Form) (*personPage, error) {
	page := &personPage{Page: newPage(r, "portal.people.new"), Header: ui.Header{Title: web.T(r, "portal.people.new"), Sub: []any{web.T(r, "portal.people.new.lead")}},
		Action: "/portal/people/new", Do: ui.Button{Label: web.T(r, "portal.people.send")}, Cancel: ui.Button{Label: web.T(r, "portal.cancel"), Href: "/portal/people", Variant: "tertiary"}}
	name, email := f.Field("name", "portal.person.name"), f.Field("email", "portal.person.email")
	email.Type, email.Hint = "email", web.T(r, "portal.person.email.hint")
	page.Fields = []ui.Field{name, email}
	var err error
	page.Role, err = p.roles(r, f)
	return page, err
}

func (p *pages) addPerson(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	who := web.Actor(r)
	n := account.NewPerson{Email: f.Text("email", 320), Name: f.Text("name", 200), Roles: f.Many("role"), Org: who.Org, Lang: who.Lang}
	if f.Err("person") == nil {
		_, _, err = p.d.Accounts.Add(r.Context(), who, n)
	}
	if account.NeedsStepUp(err) {
		return web.Redirect("/account/confirm?next=/portal/people/new", nil)
	}
	if fault.Is(err, fault.Conflict) {
		f.Add("email", "account.taken")
		err = nil
	}
	if f.Fail(err) {
		page, err := p.personForm(r, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("name", "email", "role")
		return p.t.Invalid(w, r, "person", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect("/portal/people", web.Done("portal.people.done.invited", "name", n.Name))
}

func (p *pages) person(w http.ResponseWriter, r *http.Request) error {
	e, err := p.ownPerson(r)
	if err != nil {
		return err
	}
	page, err := p.roleForm(r, e, web.NewForm(r, map[string][]string{"role": e.Roles}))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "person", page)
}

// ownPerson is somebody of the caller's own organisation, also for an asker whose
// rights reach further.
func (p *pages) ownPerson(r *http.Request) (account.Entry, error) {
	e, err := p.d.Accounts.Person(r.Context(), web.Actor(r), r.PathValue("uuid"))
	if err == nil && e.Org != web.Actor(r).Org {
		err = fault.New(fault.NotFound, "no such person here")
	}
	return e, err
}

func (p *pages) roleForm(r *http.Request, e account.Entry, f *web.Form) (*personPage, error) {
	page := &personPage{Page: newPage(r, "portal.people"), Header: ui.Header{Title: e.Name, Sub: []any{e.Email, web.T(r, "portal.person.state."+string(e.State))}},
		Action: "/portal/people/" + e.UUID + "/role", Do: ui.Button{Label: web.T(r, "portal.people.save")}, Cancel: ui.Button{Label: web.T(r, "portal.cancel"), Href: "/portal/people", Variant: "tertiary"}}
	page.Title = e.Name
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "portal.people"), Href: "/portal/people"}, {Label: e.Name}}
	if e.UUID == web.Actor(r).PersonUUID {
		page.Self = web.T(r, "portal.people.self")
		return page, nil
	}
	page.Acts = acts(r, e)
	var err error
	page.Role, err = p.roles(r, f)
	return page, err
}

func (p *pages) changePerson(w http.ResponseWriter, r *http.Request) error {
	e, err := p.ownPerson(r)
	if err != nil {
		return err
	}
	ctx, who, act := r.Context(), web.Actor(r), r.PathValue("act")
	if e.UUID == who.PersonUUID {
		return fault.New(fault.Conflict, "%s on themself", act).WithKey("portal.people.self")
	}
	switch act {
	case "disable":
		_, err = p.d.Accounts.Disable(ctx, who, e.UUID)
	case "enable":
		_, err = p.d.Accounts.Enable(ctx, who, e.UUID)
	case "invite":
		_, _, err = p.d.Accounts.Invite(ctx, who, e.UUID)
	case "role":
		return p.setRole(w, r, e)
	default:
		err = fault.New(fault.NotFound, "act %q", act)
	}
	if account.NeedsStepUp(err) {
		return web.Redirect("/account/confirm?next=/portal/people/"+e.UUID, nil)
	}
	if err != nil {
		return err
	}
	return web.Redirect("/portal/people", web.Done("portal.people.done."+act, "name", e.Name))
}

func (p *pages) setRole(w http.ResponseWriter, r *http.Request, e account.Entry) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	if len(f.Many("role")) != 1 {
		f.Add("role", "fault.role")
	}
	if f.Err("role") == nil {
		_, err = p.d.Accounts.SetRoles(r.Context(), web.Actor(r), e.UUID, f.Many("role"), 0)
	}
	if account.NeedsStepUp(err) {
		return web.Redirect("/account/confirm?next=/portal/people/"+e.UUID, nil)
	}
	if f.Fail(err) {
		page, err := p.roleForm(r, e, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("role")
		return p.t.Invalid(w, r, "person", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect("/portal/people", web.Done("portal.people.done.role", "name", e.Name))
}
