package registryweb

import (
	"net/http"
	"strings"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

// place is where the parts of an organisation are kept: the console, for any
// organisation, or the portal, for the own one.
type place struct {
	shell ui.Shell
	home  string // the organisation's first page
	base  string // address of the parts
	back  string // the page that lists them
	org   registry.Organisation
}

// orgOf finds the organisation of a request: named in the console's address, the
// caller's own in the portal.
func (p *pages) orgOf(r *http.Request) (at place, err error) {
	if r.URL.Path == portal || strings.HasPrefix(r.URL.Path, portal+"/") {
		o, err := p.s.Own(r.Context(), web.Actor(r))
		return place{web.ShellPortal, portal, portal, portal, o}, err
	}
	o, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("id"))
	home := room(r) + "/" + o.UUID
	return place{web.ShellConsole, home, home, home, o}, err
}

// placeOf is orgOf for its contacts; the portal lists them on its first page.
func (p *pages) placeOf(r *http.Request) (place, error) {
	at, err := p.orgOf(r)
	at.base += "/contacts"
	if at.shell == web.ShellConsole {
		at.back = at.base
	}
	return at, err
}

// head gives a page of one organisation's parts its crumbs and tabs.
func (p *pages) head(r *http.Request, at place, here string, page *web.Page, h *ui.Header) {
	if at.shell == web.ShellPortal {
		page.Crumbs = []ui.Crumb{{Label: web.T(r, "registry.own"), Href: portal}, {Label: web.T(r, "registry.tab."+here)}}
		*h = p.ownHeader(r, at.org, here)
		return
	}
	page.Crumbs, *h = crumbs(r, at.org), p.header(r, at.org, here)
}

type contactsPage struct {
	web.Page
	Header ui.Header
	Table  ui.Table
	Note   *ui.Note
	Form   *partForm // nil for who may not add
}

// partForm is the form of one part of an organisation.
type partForm struct {
	Action  string
	Fields  []ui.Field
	Version int64
	Button  ui.Button
	Cancel  *ui.Button
}

var contactOrder = []string{"kind", "name", "job", "phone", "email", "hours", "lang"}

func (p *pages) contactFields(r *http.Request, f *web.Form) []ui.Field {
	lists := p.s.Lists(r.Context(), web.Actor(r))
	out := make([]ui.Field, len(contactOrder))
	for i, name := range contactOrder {
		fd := f.Field(name, "registry.contact."+name)
		fd.Optional = name != "kind" && name != "name"
		out[i] = fd
	}
	pick(entries(r, lists.Contacts), false)(&out[0])
	out[3].Type, out[3].Hint = "tel", web.T(r, "registry.contact.office")
	out[4].Type, out[4].InputMode = "", "email"
	out[5].Hint = web.T(r, "registry.contact.hours.hint")
	pick(append([]ui.Option{{Label: web.T(r, "registry.contact.lang.country")}}, web.Words(r, "registry.lang.", i18n.Langs[:]...)...), false)(&out[6])
	return out
}

func mayKeep(r *http.Request, o registry.Organisation) bool {
	who := web.Actor(r)
	if o.State == registry.Merged {
		return false
	}
	return o.Details && access.Allowed(who, "registry.write") || o.Own && access.Allowed(who, "registry.write-own")
}

func (p *pages) contacts(w http.ResponseWriter, r *http.Request) error {
	at, err := p.placeOf(r)
	if err != nil {
		return err
	}
	page, err := p.contactsPage(r, at, web.NewForm(r, map[string][]string{"kind": {"duty"}}))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "contacts", page)
}

func (p *pages) contactsPage(r *http.Request, at place, f *web.Form) (*contactsPage, error) {
	list, err := p.s.Contacts(r.Context(), web.Actor(r), at.org.UUID)
	if err != nil {
		return nil, err
	}
	page := &contactsPage{Page: web.NewPage(r, at.shell, at.org.Label(web.Lang(r)))}
	page.Crumbs, page.Header = crumbs(r, at.org), p.header(r, at.org, "contacts")
	page.Table = p.contactTable(r, at, list)
	if !at.org.Own {
		page.Note = &ui.Note{Kind: "info", Body: web.T(r, "registry.contacts.logged")}
	}
	page.Form = p.contactAdd(r, at, f)
	if access.Allowed(web.Actor(r), "registry.write") && room(r) == console {
		page.Header.Acts = append(page.Header.Acts, ui.Button{Label: web.T(r, "registry.keys"), Icon: "key", Href: keysAt, Variant: "secondary"})
	}
	return page, nil
}

// contactAdd is the form that enters one more, nil for who may not.
func (p *pages) contactAdd(r *http.Request, at place, f *web.Form) *partForm {
	if !mayKeep(r, at.org) {
		return nil
	}
	return &partForm{Action: at.base, Fields: p.contactFields(r, f), Version: at.org.Version,
		Button: ui.Button{Label: web.T(r, "registry.contact.add"), Icon: "user-plus", Variant: "secondary"}}
}

func (p *pages) contactTable(r *http.Request, at place, list []registry.Contact) ui.Table {
	lists, l := p.s.Lists(r.Context(), web.Actor(r)), web.Lang(r)
	t := ui.Table{Caption: web.T(r, "registry.contacts"), Columns: []ui.Column{{Label: web.T(r, "registry.contact")},
		{Label: web.T(r, "registry.contact.verified"), Width: "mark", Drop: 2}, {Label: web.T(r, "registry.contact.asked"), Width: "mark", Drop: 1},
		{Label: web.T(r, "registry.acts"), Hidden: true, Width: "mark"}},
		Empty: &ui.Empty{Icon: "phone", Title: web.T(r, "registry.contacts.empty"), Text: web.T(r, "registry.contacts.empty.text")}}
	for _, c := range list {
		// How to reach somebody stands under the name: a phone has no room for more columns.
		name := ui.Name{Text: c.Name, Marks: []any{freshness(r, "contact.", c.Freshness)}}
		for _, s := range []string{c.Phone, c.Email} {
			if s != "" {
				name.Sub = append(name.Sub, ui.Machine(s))
			}
		}
		for _, s := range []string{lists.Contacts.Label(c.Kind, l), c.Job, c.Hours} {
			if s != "" {
				name.Sub = append(name.Sub, s)
			}
		}
		acts := ui.Acts{Form: "contact-acts"}
		if mayKeep(r, at.org) {
			name.Href = at.base + "/" + c.UUID
			acts.Items = []ui.Button{{Label: web.T(r, "registry.contact.confirm"), Icon: "check", Action: at.base + "/" + c.UUID + "/confirm", Variant: "secondary", Small: true}}
			if mayAsk(r, at, c) && c.Freshness != registry.Fresh { // a fresh one is asked on its own page
				acts.Items = append(acts.Items, ui.Button{Label: web.T(r, "registry.contact.ask"), Icon: "mail", Action: at.base + "/" + c.UUID + "/ask", Variant: "tertiary", Small: true})
			}
		}
		if c.Bounces > 0 {
			name.Sub = append(name.Sub, web.T(r, "registry.contact.mute"))
		}
		t.Rows = append(t.Rows, ui.Row{Href: name.Href, Cells: []any{name, never(r, c.Verified), never(r, c.Asked), acts}})
	}
	return t
}

// never is a time, or a word where there is none.
func never(r *http.Request, t time.Time) any {
	if t.IsZero() {
		return web.T(r, "registry.contact.never")
	}
	return t
}

// mayAsk: a team asks contacts that have an address which takes letters.
func mayAsk(r *http.Request, at place, c registry.Contact) bool {
	return at.shell == web.ShellConsole && c.Email != "" && c.Bounces == 0 && at.org.State == registry.Active && at.org.Details &&
		access.Allowed(web.Actor(r), "registry.write")
}

func readContact(f *web.Form) registry.ContactInput {
	return registry.ContactInput{Kind: f.Text("kind", 40), Name: f.Text("name", 400), Job: f.Text("job", 400), Phone: f.Text("phone", 60),
		Email: f.Text("email", 300), Hours: f.Text("hours", 400), Lang: f.Text("lang", 20)}
}

func (p *pages) addContact(w http.ResponseWriter, r *http.Request) error {
	at, err := p.placeOf(r)
	if err != nil {
		return err
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	_, err = p.s.AddContact(r.Context(), web.Actor(r), at.org.UUID, 0, readContact(f))
	if f.Fail(err) {
		if at.shell == web.ShellPortal {
			page, err := p.ownPage(r, at, f)
			if err != nil {
				return err
			}
			page.Errors = f.Summary(contactOrder...)
			return p.t.Invalid(w, r, "own", page)
		}
		page, err := p.contactsPage(r, at, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary(contactOrder...)
		return p.t.Invalid(w, r, "contacts", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(at.back, web.Done("registry.done.contact"))
}

type contactPage struct {
	web.Page
	Header ui.Header
	Form   partForm
	Facts  ui.Facts
	Mute   string   // why no letter goes to it
	Ask    *actForm // the team's button
	Remove string   // address of the act
}

func (p *pages) contactForm(w http.ResponseWriter, r *http.Request) error {
	at, c, err := p.oneContact(r)
	if err != nil {
		return err
	}
	f := web.NewForm(r, map[string][]string{"kind": {c.Kind}, "name": {c.Name}, "job": {c.Job}, "phone": {c.Phone}, "email": {c.Email}, "hours": {c.Hours}, "lang": {string(c.Lang)}})
	return p.t.Render(w, r, "contact", p.contactPage(r, at, c, f))
}

// oneContact finds a contact through its organisation.
func (p *pages) oneContact(r *http.Request) (at place, c registry.Contact, err error) {
	if at, err = p.placeOf(r); err != nil {
		return at, c, err
	}
	list, err := p.s.Contacts(r.Context(), web.Actor(r), at.org.UUID)
	if err != nil {
		return at, c, err
	}
	for _, c := range list {
		if c.UUID == r.PathValue("part") {
			return at, c, nil
		}
	}
	return at, c, fault.New(fault.NotFound, "no such contact")
}

func (p *pages) contactPage(r *http.Request, at place, c registry.Contact, f *web.Form) *contactPage {
	page := &contactPage{Page: web.NewPage(r, at.shell, c.Name), Header: ui.Header{Title: c.Name, Marks: []any{freshness(r, "contact.", c.Freshness)}}}
	page.Crumbs = []ui.Crumb{{Label: at.org.Label(web.Lang(r)), Href: at.back}, {Label: c.Name}}
	page.Form = partForm{Action: at.base + "/" + c.UUID, Fields: p.contactFields(r, f), Version: at.org.Version,
		Button: ui.Button{Label: web.T(r, "registry.save")}, Cancel: &ui.Button{Label: web.T(r, "registry.cancel"), Href: at.back, Variant: "tertiary"}}
	page.Facts = ui.Facts{Items: []ui.Fact{{Label: web.T(r, "registry.contact.verified"), Value: never(r, c.Verified)}, {Label: web.T(r, "registry.contact.asked"), Value: never(r, c.Asked)},
		{Label: web.T(r, "registry.entered"), Value: c.Created}}}
	if c.Bounces > 0 {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "registry.contact.bounced"), Value: c.Bounced, Sub: c.BounceReason})
	}
	if c.Bounces > 0 {
		page.Mute = web.T(r, "registry.contact.mute")
	} else if mayAsk(r, at, c) {
		page.Ask = &actForm{Action: at.base + "/" + c.UUID + "/ask", Button: ui.Button{Label: web.T(r, "registry.contact.ask"), Icon: "mail", Variant: "secondary"}}
	}
	page.Remove = at.base + "/" + c.UUID + "/remove"
	return page
}

func (p *pages) saveContact(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	at, c, err := p.oneContact(r)
	if err != nil {
		return err
	}
	_, err = p.s.ChangeContact(r.Context(), web.Actor(r), at.org.UUID, f.Int("version"), c.UUID, readContact(f))
	if f.Fail(err) || fault.Is(err, fault.Conflict) {
		page := p.contactPage(r, at, c, f)
		page.Errors = f.Summary(contactOrder...)
		if fault.Is(err, fault.Conflict) {
			page.Errors = &ui.ErrorSummary{Items: []ui.ErrorItem{{Field: "name", Text: web.T(r, fault.Of(err).Key)}}}
		}
		return p.t.Invalid(w, r, "contact", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(at.back, web.Done("registry.done.saved"))
}

func (p *pages) confirmContact(w http.ResponseWriter, r *http.Request) error {
	at, err := p.placeOf(r)
	if err != nil {
		return err
	}
	if _, err := p.s.ConfirmContact(r.Context(), web.Actor(r), at.org.UUID, 0, r.PathValue("part")); err != nil {
		return err
	}
	return web.Redirect(at.back, web.Done("registry.done.confirmed"))
}

func (p *pages) removeContact(w http.ResponseWriter, r *http.Request) error {
	at, err := p.placeOf(r)
	if err != nil {
		return err
	}
	if err := p.s.RemoveContact(r.Context(), web.Actor(r), at.org.UUID, 0, r.PathValue("part")); err != nil {
		return err
	}
	return web.Redirect(at.back, web.Done("registry.done.removed"))
}
