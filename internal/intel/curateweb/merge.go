package curateweb

import (
	"net/http"
	"net/url"
	"strconv"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// mergePage asks which tag another becomes, then shows what that touches.
type mergePage struct {
	web.Page
	Header ui.Header
	Name   string
	Into   ui.Field
	Now    *ui.Facts // what would be moved; nil before a tag is chosen
	To     string
	Cancel ui.Button
	Again  ui.Button
}

func tagAt(name string) string { return events + "/tags/one?name=" + url.QueryEscape(name) }

// entries are the tags of a taxonomy here.
func (p *pages) entries(r *http.Request) func(string) ([]catalog.Entry, error) {
	if p.d.Catalog == nil {
		return nil
	}
	return func(taxonomy string) ([]catalog.Entry, error) {
		return p.d.Catalog.Entries(r.Context(), web.Actor(r), taxonomy)
	}
}

// askMerge has two steps: which tag, then how much it touches; both are addresses.
func (p *pages) askMerge(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := web.NewForm(r, url.Values{"name": {q.Get("name")}, "into": {q.Get("into")}})
	page, err := p.mergePage(r, f)
	if err != nil {
		return err
	}
	if page.Errors != nil {
		return p.t.Invalid(w, r, "merge", page)
	}
	return p.t.Render(w, r, "merge", page)
}

func (p *pages) mergePage(r *http.Request, f *web.Form) (*mergePage, error) {
	ctx, who, name, to := r.Context(), web.Actor(r), f.Values.Get("name"), f.Values.Get("into")
	from, uses, attributes, err := p.d.Intel.Tag(ctx, who, name)
	if err == nil && from.Name != name {
		err = fault.New(fault.NotFound, "no such tag").WithKey("intel.fault.no-tag")
	}
	if err != nil {
		return nil, err
	}
	title := web.T(r, "curate.merge.title", "name", name)
	page := &mergePage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title}, Name: name, Cancel: ui.Button{Label: web.T(r, "curate.cancel"), Href: tagAt(name), Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "curate.events"), Href: events}, {Label: web.T(r, "curate.tags"), Href: events + "/tags"}, {Label: name, Href: tagAt(name)}, {Label: web.T(r, "curate.merge")}}
	if to != "" {
		m, err := p.d.Intel.CanMerge(ctx, who, name, to, p.entries(r))
		if err == nil && m.Into.Name != to { // digits name no tag on pages
			err = fault.Field("into", "intel.fault.no-tag", "no such tag")
		}
		if err == nil {
			_, toEvents, toAttributes, err := p.d.Intel.Tag(ctx, who, to)
			if err != nil {
				return nil, err
			}
			n := func(v int64) string { return i18n.Number(web.Lang(r), v) }
			page.To = m.Into.Name
			page.Now = &ui.Facts{Items: []ui.Fact{{Label: web.T(r, "curate.merge.from"), Value: ui.Machine(name), Sub: web.T(r, "curate.merge.uses", "events", n(uses), "attributes", n(attributes)), Wide: true},
				{Label: web.T(r, "curate.merge.into"), Value: ui.Machine(to), Sub: web.T(r, "curate.merge.uses", "events", n(toEvents), "attributes", n(toAttributes)), Wide: true}}}
			page.Again = ui.Button{Label: web.T(r, "curate.merge.other"), Href: merge + "?name=" + url.QueryEscape(name), Variant: "secondary"}
			return page, nil
		}
		if !f.Fail(err) {
			return nil, err
		}
	}
	page.Into = f.Field("into", "curate.merge.into")
	page.Into.MaxLength, page.Into.Hint = 255, web.T(r, "curate.merge.hint")
	page.Errors = f.Summary("into")
	return page, nil
}

func (p *pages) merge(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	var m intel.Merged
	name, into := f.Text("name", 255), f.Needed("into", 255)
	if f.Err("merge") == nil {
		m, err = p.d.Intel.CanMerge(r.Context(), web.Actor(r), name, into, p.entries(r))
		if err == nil && (m.From.Name != name || m.Into.Name != into) {
			err = fault.New(fault.NotFound, "no such tag").WithKey("intel.fault.no-tag")
		}
		if err == nil {
			m, err = p.d.Intel.MergeTag(r.Context(), web.Actor(r), name, into, p.entries(r))
		}
	}
	if f.Fail(err) {
		page, err := p.mergePage(r, f)
		if err != nil {
			return err
		}
		return p.t.Invalid(w, r, "merge", page)
	}
	if err != nil {
		return err
	}
	done := web.Done("curate.done.merged")
	if !m.Done {
		done = web.Done("curate.done.merging")
	}
	return web.Redirect(tagAt(into), done.WithUndo(merge+"/undo", "merge", strconv.FormatInt(m.ID, 10)))
}
