package intelweb

import (
	"net/http"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// added is what somebody reads who has entered an attribute: that it is in, and what the
// notice lists in force say of such ones.
func (p *pages) added(r *http.Request, w *misp.Attribute) (*web.Flash, error) {
	done := web.Done("intel.done.added", "n", int64(1))
	if p.d.Catalog == nil {
		return done, nil
	}
	category, _ := misp.CheckType(w.Category.Or(""), w.Type.Or("")) // it was taken in a moment ago
	list, err := p.d.Catalog.Notices(r.Context(), web.Actor(r), w.Type.Or(""), category, string(web.Lang(r)))
	if err != nil || len(list) == 0 {
		return done, err
	}
	text := list[0].Text
	if list[0].Lang == "sr" && web.Lang(r) == i18n.SrLatn {
		text = i18n.Latin(text)
	}
	return web.Done("intel.done.noticed", "text", text), nil
}

// unfit says, to who may change the event, which of its tags exclude each other and of
// which required taxonomies it carries none.
func (p *pages) unfit(r *http.Request, page *showPage, e *intel.Event) error {
	if !page.Edit || p.d.Catalog == nil {
		return nil
	}
	var names []string
	for i := range e.Tags {
		names = append(names, e.Tags[i].Name)
	}
	clash, err := p.d.Catalog.Conflicts(r.Context(), web.Actor(r), names)
	if err != nil {
		return err
	}
	for _, c := range clash {
		page.Notes = append(page.Notes, ui.Note{Kind: "warning", Title: web.T(r, "intel.tags.clash", "name", c.Scope), Body: strings.Join(c.Tags, ", ")})
	}
	if e.Published {
		return nil
	}
	missing, err := p.d.Catalog.Missing(r.Context(), web.Actor(r), names)
	if err == nil && len(missing) > 0 {
		page.Notes = append(page.Notes, ui.Note{Kind: "info", Title: web.T(r, "intel.tags.required"), Body: strings.Join(missing, ", ")})
	}
	return err
}
