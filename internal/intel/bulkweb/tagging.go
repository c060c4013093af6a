package bulkweb

import (
	"net/http"

	"straza/internal/intel/eventweb"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// taggingPage asks which tag the ticked attributes get.
type taggingPage struct {
	web.Page
	Header ui.Header
	Action string
	Tag    ui.Field
	Ids    []int64
	Count  string
	All    ui.Field // all attributes of the event instead
	Cancel ui.Button
}

// askTag is the form for the attributes that were ticked; the table's own act does it.
func (p *pages) askTag(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Mine(r, p.d.Intel)
	if err != nil {
		return err
	}
	at, title := base(r)+"/"+e.Ref(), web.T(r, "intel.tagging")
	page := &taggingPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title, Sub: []any{e.Info}}, Action: at + "/attributes", Ids: unpackIDs(r.URL.Query().Get("of")),
		Tag: web.NewForm(r, nil).Field("tag", "intel.tag"), Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: at, Variant: "tertiary"}}
	page.Crumbs = eventweb.Crumbs(r, e, ui.Crumb{Label: title})
	page.Count = web.T(r, "intel.attributes.n", "n", int64(len(page.Ids)))
	page.Tag.MaxLength = 255
	page.All = web.NewForm(r, nil).Box("all", "intel.tag")
	page.All.Label = web.T(r, "intel.tagging.all", "n", i18n.Number(web.Lang(r), e.Attributes))
	return p.t.Render(w, r, "bulktagging", page)
}
