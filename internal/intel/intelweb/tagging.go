package intelweb

import (
	"net/http"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// taggingPage asks which tag the ticked attributes get.
type taggingPage struct {
	web.Page
	Header ui.Header
	Action string
	Tag    ui.Field
	Ids    []string
	Count  string
	Cancel ui.Button
}

// askTag is the form for the attributes that were ticked; the table's own act does it.
func (p *pages) askTag(w http.ResponseWriter, r *http.Request) error {
	e, err := p.mine(r)
	if err != nil {
		return err
	}
	at, title := base(r)+"/"+e.Ref(), web.T(r, "intel.tagging")
	page := &taggingPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title, Sub: []any{e.Info}}, Action: at + "/attributes", Ids: picked(r.URL.Query()["id"]),
		Tag: web.NewForm(r, nil).Field("tag", "intel.tag"), Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: at, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "intel.events"), Href: base(r)}, {Label: e.Info, Href: at}, {Label: title}}
	page.Count = web.T(r, "intel.attributes.n", "n", int64(len(page.Ids)))
	page.Tag.MaxLength = 255
	return p.t.Render(w, r, "tagging", page)
}
