package registryweb

import (
	"net/http"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

// ownPage is "About us" in the portal: what the CERT knows of the caller's own
// organisation, who sees it, and contacts to be kept right.
type ownPage struct {
	web.Page
	Header    ui.Header
	Next      *ui.NextStep
	Facts     ui.Facts
	Contacts  ui.Table
	Resources ui.Table
	Sees      []string
	Form      *contactForm
}

func (p *pages) own(w http.ResponseWriter, r *http.Request) error {
	at, err := p.placeOf(r)
	if err != nil {
		return err
	}
	page, err := p.ownPage(r, at, web.NewForm(r, map[string][]string{"kind": {"duty"}}))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "own", page)
}

func (p *pages) ownPage(r *http.Request, at place, f *web.Form) (*ownPage, error) {
	o, l := at.org, web.Lang(r)
	contacts, err := p.s.Contacts(r.Context(), web.Actor(r), o.UUID)
	if err != nil {
		return nil, err
	}
	resources, err := p.s.Resources(r.Context(), web.Actor(r), o.UUID)
	if err != nil {
		return nil, err
	}
	page := &ownPage{Page: web.NewPage(r, web.ShellPortal, web.T(r, "registry.own")), Facts: p.facts(r, o), Contacts: p.contactTable(r, at, contacts)}
	page.Header = ui.Header{Title: o.Label(l), Sub: []any{web.T(r, "registry.own")}}
	if mayKeep(r, o) && o.Contacts.Freshness != registry.Fresh {
		page.Next = &ui.NextStep{Title: web.T(r, "registry.own.next."+string(o.Contacts.Freshness)), Text: web.T(r, "registry.own.next.text"),
			Act: ui.Button{Label: web.T(r, "registry.own.next.act"), Href: "#contacts", Variant: "secondary"}}
	}
	page.Resources = ui.Table{Caption: web.T(r, "registry.tab.resources"), Columns: []ui.Column{
		{Label: web.T(r, "registry.resource.value")}, {Label: web.T(r, "registry.resource.kind"), Width: "mark"}},
		Empty: &ui.Empty{Icon: "network", Title: web.T(r, "registry.own.resources.empty"), Text: web.T(r, "registry.own.resources.empty.text")}}
	for _, x := range resources {
		page.Resources.Rows = append(page.Resources.Rows, ui.Row{Cells: []any{ui.Machine(x.Value), web.T(r, "registry.resource."+x.Kind)}})
	}
	page.Sees = []string{web.T(r, "registry.sees.card."+string(o.Disclosure)), web.T(r, "registry.sees.details."+string(o.Disclosure))}
	page.Form = p.contactAdd(r, at, f)
	return page, nil
}
