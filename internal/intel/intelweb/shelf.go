package intelweb

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// shelf is the panel of the dossiers that hold something, with the form that puts it
// into another one.
type shelf struct {
	Holds []shelfRow
	Put   []ui.Field // nil for who keeps no dossiers
	At    string     // where the form goes
	All   string     // the list of dossiers
	New   string     // a new one; "" for who may not make one
}

type shelfRow struct{ Name, Href, By string }

// shelfPage puts an event, or several of its attributes, into a dossier.
type shelfPage struct {
	web.Page
	Header ui.Header
	Shelf  *shelf
	Ids    []string
	Count  string
	Cancel ui.Button
}

func dossiers(r *http.Request) string { return strings.TrimSuffix(base(r), "/events") + "/dossiers" }

// shelfOf reads the panel of one thing of an event; target "" asks for the form alone.
func (p *pages) shelfOf(r *http.Request, f *web.Form, e *intel.Event, target string) (*shelf, error) {
	if p.d.Dossiers == nil {
		return nil, nil
	}
	holds, free, err := p.d.Dossiers.Shelf(r.Context(), web.Actor(r), target)
	if err != nil {
		return nil, err
	}
	at := dossiers(r)
	v := &shelf{At: base(r) + "/" + e.Ref() + "/dossier", All: at}
	for i := range holds {
		d := &holds[i]
		v.Holds = append(v.Holds, shelfRow{d.Name, at + "/" + d.UUID, d.Origin.Name})
	}
	if !web.Actor(r).Can("intel.write") {
		return v, nil
	}
	if v.New = at + "/new"; len(free) == 0 {
		return v, nil
	}
	which, why := f.Field("dossier", "intel.shelf.which"), f.Field("why", "intel.shelf.why")
	which.Type, which.ID, why.ID, why.Optional, why.MaxLength = "select", "shelf-dossier", "shelf-why", true, 2000
	for i := range free {
		which.Options = append(which.Options, ui.Option{Value: free[i].UUID, Label: free[i].Name})
	}
	v.Put = []ui.Field{which, why}
	return v, nil
}

// askDossier is the form for the attributes that were ticked.
func (p *pages) askDossier(w http.ResponseWriter, r *http.Request) error {
	page, err := p.shelfPage(r, web.NewForm(r, url.Values{}), r.URL.Query()["id"])
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "shelf", page)
}

// picked are the ids of ticked attributes in an address.
func picked(ids []string) (out []string) {
	for _, id := range ids[:min(len(ids), dossier.PutMost)] {
		if n, err := strconv.ParseInt(id, 10, 64); err == nil && n > 0 {
			out = append(out, id)
		}
	}
	return out
}

func (p *pages) shelfPage(r *http.Request, f *web.Form, ids []string) (*shelfPage, error) {
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return nil, err
	}
	at, title := base(r)+"/"+e.Ref(), web.T(r, "intel.shelf.add")
	page := &shelfPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title, Sub: []any{e.Info}}, Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: at, Variant: "tertiary"}}
	page.Crumbs = eventweb.Crumbs(r, &e, ui.Crumb{Label: title})
	page.Ids = picked(ids)
	target := e.UUID
	if page.Count = web.T(r, "intel.shelf.event"); len(page.Ids) > 0 {
		target, page.Count = "", web.T(r, "intel.attributes.n", "n", int64(len(page.Ids)))
	}
	page.Shelf, err = p.shelfOf(r, f, &e, target)
	return page, err
}

// toDossier puts the event, or the ticked attributes of it, into a dossier.
func (p *pages) toDossier(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return err
	}
	to, ids := f.Needed("dossier", 36), f.Ids("id")
	uuids := []string{e.UUID}
	if len(ids) > 0 {
		uuids = nil
	}
	for _, id := range ids {
		a, err := eventweb.AttributeIn(r, p.s, e.ID, id)
		if err != nil {
			return err
		}
		uuids = append(uuids, a.UUID)
	}
	var in []dossier.Element
	if f.Err("dossier") == nil {
		in, err = p.d.Dossiers.PutAll(r.Context(), web.Actor(r), to, uuids, f.Text("why", 2000))
	}
	if f.Fail(err) {
		page, err := p.shelfPage(r, f, f.Many("id"))
		if err != nil {
			return err
		}
		page.Errors = f.Summary("dossier", "why")
		return p.t.Invalid(w, r, "shelf", page)
	}
	if err != nil {
		return err
	}
	done := web.Done("intel.done.shelved", "n", int64(len(in)))
	if len(in) == 1 {
		done = done.WithUndo(dossiers(r)+"/"+to+"/drop", "element", in[0].UUID)
	}
	return web.Redirect(base(r)+"/"+e.Ref(), done)
}
