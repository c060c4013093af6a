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
	Header   ui.Header
	Next     *ui.NextStep
	Facts    ui.Facts
	Contacts ui.Table
	Remarks  []remarkRow
	Sees     []string
	Form     *partForm
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
	o := at.org
	contacts, err := p.s.Contacts(r.Context(), web.Actor(r), o.UUID)
	if err != nil {
		return nil, err
	}
	page := &ownPage{Page: web.NewPage(r, web.ShellPortal, web.T(r, "registry.own")), Facts: p.facts(r, o), Contacts: p.contactTable(r, at, contacts)}
	page.Print = printLabel
	page.Header = p.ownHeader(r, o, "")
	if page.Remarks, err = p.remarks(r, at); err != nil {
		return nil, err
	}
	if mayKeep(r, o) && o.Contacts.Freshness != registry.Fresh {
		page.Next = &ui.NextStep{Title: web.T(r, "registry.own.next."+string(o.Contacts.Freshness)), Text: web.T(r, "registry.own.next.text"),
			Act: ui.Button{Label: web.T(r, "registry.own.next.act"), Href: "#contacts", Variant: "secondary"}}
	}
	page.Sees = []string{web.T(r, "registry.sees.card."+string(o.Disclosure)), web.T(r, "registry.sees.details."+string(o.Disclosure))}
	page.Form = p.contactAdd(r, at, f)
	return page, nil
}

// ownHeader is the head of every page of the portal about the own organisation.
func (p *pages) ownHeader(r *http.Request, o registry.Organisation, here string) ui.Header {
	h := ui.Header{Title: o.Label(web.Lang(r)), Sub: []any{web.T(r, "registry.own")}, Tabs: &ui.Tabs{Label: web.T(r, "registry.parts")}}
	for _, t := range []string{"", "resources", "assets"} {
		tab := ui.Tab{Label: web.T(r, "registry.tab."+t), Href: portal + "/" + t, Here: t == here}
		if t == "" {
			tab.Label, tab.Href = web.T(r, "registry.tab.overview"), portal
		}
		h.Tabs.Items = append(h.Tabs.Items, tab)
	}
	return h
}
