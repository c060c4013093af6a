package bulkweb

import (
	"net/http"
	"net/url"

	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Names in the forms: which attributes are meant, and what the filter over the event's
// table said, as it stood in the address.
const (
	meant    = "meant"
	narrowed = "narrowed"
)

// What may be meant.
const (
	theTicked   = "ticked"
	theNarrowed = "narrowed"
	theWhole    = "all"
)

// taggingPage asks which tag the ticked attributes get.
type taggingPage struct {
	web.Page
	Header ui.Header
	Action string
	Tag    ui.Field
	Ids    []int64
	Count  string
	Meant  *ui.Choices // or those that the filter leaves, or all of the event
	Hidden map[string]string
	Cancel ui.Button
}

// askTag is the form for the attributes that were ticked; the table's own act does it.
func (p *pages) askTag(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Mine(r, p.d.Intel)
	if err != nil {
		return err
	}
	at := base(r) + "/" + e.Ref()
	page := p.tagging(r, at+"/attributes", at)
	page.Header.Sub = []any{e.Info}
	page.Crumbs = eventweb.Crumbs(r, e, ui.Crumb{Label: page.Header.Title})
	scope := scopeIn(r.URL.Query().Get(narrowed))
	if scope != (intel.Scope{}) {
		page.Hidden[narrowed] = eventweb.Narrow(scope)
	}
	if page.Meant, err = p.meant(r, web.NewForm(r, map[string][]string{meant: {theTicked}}), e, len(page.Ids), scope); err != nil {
		return err
	}
	return p.t.Render(w, r, "bulktagging", page)
}

// meant asks whether an act is for the ticked ones, for what the filter leaves, or for all.
func (p *pages) meant(r *http.Request, f *web.Form, e *intel.Event, ticked int, scope intel.Scope) (*ui.Choices, error) {
	options := []ui.Option{{Value: theTicked, Label: web.T(r, "intel.tagging.ticked", "n", i18n.Number(web.Lang(r), int64(ticked)))}}
	if scope != (intel.Scope{}) {
		some, err := p.some(r, scope.Query(e.Ref()))
		if err != nil {
			return nil, err
		}
		options = append(options, ui.Option{Value: theNarrowed, Label: web.T(r, "intel.tagging.narrowed", "n", some)})
	}
	options = append(options, ui.Option{Value: theWhole, Label: web.T(r, "intel.tagging.all", "n", i18n.Number(web.Lang(r), e.Attributes))})
	choices := f.Choices(meant, "intel.tagging.meant", options...)
	return &choices, nil
}

// tagging is the form that sends a tag for ticked attributes to an act.
func (p *pages) tagging(r *http.Request, action, back string) *taggingPage {
	title := web.T(r, "intel.tagging")
	page := &taggingPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, Action: action, Ids: unpackIDs(r.URL.Query().Get("of")), Hidden: map[string]string{},
		Tag: web.NewForm(r, nil).Field("tag", "intel.tag"), Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: back, Variant: "tertiary"}}
	page.Count = web.T(r, "intel.attributes.n", "n", int64(len(page.Ids)))
	page.Tag.MaxLength = 255
	return page
}

// some says how many attributes a query finds, without going through more than an act does
// at once.
func (p *pages) some(r *http.Request, q intel.Query) (string, error) {
	n := int64(0)
	q.Limit = intel.BulkMost + 1
	err := p.d.Intel.SearchAttributes(r.Context(), web.Actor(r), q, func(*intel.Attribute) error { n++; return nil })
	if n > intel.BulkMost {
		return i18n.Number(web.Lang(r), intel.BulkMost) + "+", err
	}
	return i18n.Number(web.Lang(r), n), err
}

// beyond reads what a form means when that is more than what is ticked.
func beyond(f *web.Form) (intel.Scope, bool) {
	switch f.Text(meant, 10) {
	case theWhole:
		return intel.Scope{}, true
	case theNarrowed:
		return scopeIn(f.Text(narrowed, 2000)), true
	}
	return intel.Scope{}, false
}

// scopeIn reads the filter over an event's table from an address; what is no filter there
// is left out.
func scopeIn(query string) intel.Scope {
	v, err := url.ParseQuery(query)
	if err != nil {
		return intel.Scope{}
	}
	return eventweb.Scope(v.Get)
}
