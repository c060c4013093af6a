package admin

import (
	"net/http"
	"strconv"

	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type requestsPage struct {
	web.Page
	Header ui.Header
	Tabs   ui.Tabs
	Lead   string
	Turn   *ui.Button // opens or closes the door for requests
	Waits  []requestCard
	None   ui.Empty
}

// requestCard is one request with the form that answers it.
type requestCard struct {
	At      string
	Email   string
	Facts   ui.Facts
	Message string
	Org     ui.Field
	Role    ui.Field
}

// requestRoles are those that a request can be answered with: an account of the
// installation's own team is made by hand.
var requestRoles = []string{access.Member, access.ReadOnly, access.Publisher, access.Sync, access.OrgAdmin}

func (p *pages) requests(w http.ResponseWriter, r *http.Request) error {
	page, err := p.requestsPage(r, nil, "")
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "requests", page)
}

// requestsPage lists what waits; f is what was typed for the request named bad.
func (p *pages) requestsPage(r *http.Request, f *web.Form, bad string) (*requestsPage, error) {
	list, err := p.d.People.Requests(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	open, err := p.d.People.RequestsOpen(r.Context())
	if err != nil {
		return nil, err
	}
	page := &requestsPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "admin.requests")), Header: ui.Header{Title: web.T(r, "admin.requests")}, Tabs: tabs(r, "requests"), Lead: web.T(r, "admin.requests.closed"),
		None: ui.Empty{Icon: "user-plus", Title: web.T(r, "admin.requests.empty"), Text: web.T(r, "admin.requests.empty.text")}}
	turn := ui.Button{Label: web.T(r, "admin.requests.open"), Name: "open", Value: "yes", Variant: "secondary"}
	if open {
		page.Lead = web.T(r, "admin.requests.lead")
		turn = ui.Button{Label: web.T(r, "admin.requests.close"), Name: "open", Value: "no", Variant: "secondary"}
	}
	if access.Allowed(web.Actor(r), "admin.settings") {
		page.Turn = &turn
	}
	for i := range list {
		page.Waits = append(page.Waits, requestForm(r, &list[i], f, bad))
	}
	return page, nil
}

func requestForm(r *http.Request, q *account.Request, f *web.Form, bad string) requestCard {
	id := strconv.FormatInt(q.ID, 10)
	form := f
	if id != bad || f == nil {
		form = web.NewForm(r, nil)
		org := q.OrgUUID
		if org == "" {
			org = q.OrgName
		}
		form.Values.Set("org", org)
		role := access.Member
		for _, x := range q.Wishes {
			role = map[string]string{"publish": access.Publisher, "sync": access.Sync, "admin": access.OrgAdmin}[x]
		}
		form.Values.Set("role", role)
	}
	c := requestCard{At: "/administration/requests/" + id, Email: q.Email, Message: q.Message, Org: form.Field("org", "admin.org"), Role: form.Field("role", "admin.role")}
	c.Org.ID, c.Role.ID, c.Org.Hint, c.Role.Type = "org-"+id, "role-"+id, web.T(r, "admin.org.hint"), "select"
	c.Role.Options = web.Words(r, "admin.role.", requestRoles...)
	wishes := make([]string, len(q.Wishes))
	for i, x := range q.Wishes {
		wishes[i] = web.T(r, "admin.wish."+x)
	}
	c.Facts.Items = []ui.Fact{{Label: web.T(r, "admin.org"), Value: q.OrgName}, {Label: web.T(r, "admin.requests.came"), Value: clock.FromMicros(q.Created)},
		{Label: web.T(r, "admin.requests.from"), Value: ui.Machine(q.Address)}, {Label: web.T(r, "admin.requests.wishes"), Value: joined(wishes)}}
	return c
}

func joined(list []string) any {
	if len(list) == 0 {
		return nil
	}
	out := list[0]
	for _, x := range list[1:] {
		out += ", " + x
	}
	return out
}

// answerRequest makes the account or discards the request.
func (p *pages) answerRequest(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(r.PathValue("request"), 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "no such request").WithKey("account.no-request")
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	who := web.Actor(r)
	switch r.PathValue("act") {
	case "discard":
		if err := p.d.People.DiscardRequest(r.Context(), who, id); err != nil {
			return err
		}
		return web.Redirect("/administration/requests", web.Done("admin.requests.done.discard"))
	case "accept":
	default:
		return fault.New(fault.NotFound, "act %q", r.PathValue("act"))
	}
	org, err := p.d.People.OrgID(r.Context(), who, f.Needed("org", 300))
	if fault.Is(err, fault.NotFound) {
		f.Add("org", "admin.org.unknown")
		err = nil
	}
	if err != nil {
		return err
	}
	role := f.OneOf("role", requestRoles...)
	var link string
	if f.Err("request") == nil {
		_, link, err = p.d.People.AcceptRequest(r.Context(), who, id, []string{role}, org)
	}
	if account.NeedsStepUp(err) {
		return web.Redirect("/account/confirm?next=/administration/requests", nil)
	}
	if f.Fail(err) {
		page, err := p.requestsPage(r, f, r.PathValue("request"))
		if err != nil {
			return err
		}
		return p.t.Invalid(w, r, "requests", page)
	}
	if err != nil {
		return err
	}
	if link != "" {
		return p.showLink(w, r, link)
	}
	return web.Redirect("/administration/requests", web.Done("admin.requests.done.accept"))
}

// openRequests lets anybody ask for an account, or ends that.
func (p *pages) openRequests(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	open := f.Text("open", 5) == "yes"
	if err := p.d.People.OpenRequests(r.Context(), web.Actor(r), open); err != nil {
		return err
	}
	done := "admin.requests.done.close"
	if open {
		done = "admin.requests.done.open"
	}
	return web.Redirect("/administration/requests", web.Done(done))
}
