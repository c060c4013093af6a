package intelweb

import (
	"net/http"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// noticed is what the notice lists in force say of attributes of a type and category, in
// the script of the page.
func (p *pages) noticed(r *http.Request, typ, category string) ([]catalog.Notice, error) {
	if p.d.Catalog == nil {
		return nil, nil
	}
	list, err := p.d.Catalog.Notices(r.Context(), web.Actor(r), typ, category, string(web.Lang(r)))
	for i := range list {
		if list[i].Lang == "sr" && web.Lang(r) == i18n.SrLatn {
			list[i].Text = i18n.Latin(list[i].Text)
		}
	}
	return list, err
}

// added is what somebody reads who has entered an attribute: that it is in, and what the
// notice lists in force say of such ones.
func (p *pages) added(r *http.Request, w *misp.Attribute) (*web.Flash, error) {
	category, _ := misp.CheckType(w.Category.Or(""), w.Type.Or("")) // it was taken in a moment ago
	list, err := p.noticed(r, w.Type.Or(""), category)
	if err != nil || len(list) == 0 {
		return web.Done("intel.done.added", "n", int64(1)), err
	}
	return web.Done("intel.done.noticed", "text", list[0].Text), nil
}

// noticesOf says, before any of what was found is added, what the notice lists in force
// say of it: each sentence once, with the types that it speaks of.
func (p *pages) noticesOf(r *http.Request, list []intel.Candidate) (out []ui.Note, err error) {
	asked, at := map[[2]string]bool{}, map[string]int{}
	for _, c := range list {
		key := [2]string{c.Type, c.Category}
		if asked[key] {
			continue
		}
		asked[key] = true
		said, err := p.noticed(r, c.Type, c.Category)
		if err != nil {
			return nil, err
		}
		for _, n := range said {
			if i, known := at[n.Text]; known {
				out[i].Title += ", " + c.Type
				continue
			}
			at[n.Text] = len(out)
			out = append(out, ui.Note{Kind: "info", Title: n.List + ": " + c.Type, Body: n.Text})
		}
	}
	return out, nil
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
