package bulkweb

import (
	"net/http"
	"net/url"

	"straza/internal/intel"
	"straza/internal/intel/bulk"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// listAsked is what the list of indicators was asked for, in the forms of its acts.
const listAsked = "asked"

// across does one act on the attributes ticked in the list of indicators, in whichever
// events they stand, or leads to the form that it needs.
func (p *pages) across(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	act, ids, list := f.Text("act", 20), f.Ids("id"), listed(f.Text(listAsked, 2000))
	to := eventweb.Indicators(r) + list
	if len(ids) == 0 {
		return web.Redirect(to, web.Done("intel.bulk.none"))
	}
	c := bulk.Change{Tag: f.Text("tag", 255)}
	key := "intel.bulk.done"
	switch act {
	case "ids", "noids":
		on := act == "ids"
		c.ToIDS = &on
	case "saw", "false":
		kind := map[string]int{"saw": intel.Seen, "false": intel.FalsePositive}[act]
		c.Sight, key = &kind, "intel.bulk.sighted"
	case "tag":
		if c.Tag == "" {
			of, err := packIDs(ids)
			if list != "" {
				of += "&" + listAsked + "=" + url.QueryEscape(list[1:])
			}
			return orRedirect(err, eventweb.Indicators(r)+"/tagging?of="+of)
		}
	default:
		return fault.New(fault.Invalid, "act %q", act)
	}
	a, err := p.d.Bulk.ChangeAcross(r.Context(), web.Actor(r), ids, c)
	if err != nil && a.UUID == "" { // what was done before a fault is offered back
		return err
	}
	done := told(r, key, a.Result.Bulk)
	if a.UUID != "" {
		done = done.WithUndo(eventweb.Indicators(r)+"/undo", "bulk", a.UUID, listAsked, list)
	}
	return web.Redirect(to, done)
}

// listed keeps of an address what the list of indicators knows, with its question mark.
func listed(query string) string {
	asked, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	out := url.Values{}
	for _, name := range []string{"q", "type", "tag", "from", "to", "sort", "cursor", "view"} {
		if v := asked.Get(name); v != "" {
			out.Set(name, v)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "?" + out.Encode()
}

// askTagAcross is the form for the indicators that were ticked.
func (p *pages) askTagAcross(w http.ResponseWriter, r *http.Request) error {
	list := listed(r.URL.Query().Get(listAsked))
	at := eventweb.Indicators(r)
	page := p.tagging(r, at, at+list)
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "intel.indicators"), Href: at + list}, {Label: page.Header.Title}}
	if list != "" {
		page.Hidden[listAsked] = list[1:]
	}
	return p.t.Render(w, r, "bulktagging", page)
}

// undoAcross takes one press in the list of indicators back, in all events that it reached.
func (p *pages) undoAcross(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	b, err := p.d.Bulk.UndoAcross(r.Context(), web.Actor(r), f.Text("bulk", 40))
	if err != nil {
		return err
	}
	list := f.Text(listAsked, 2000)
	if list != "" {
		list = listed(list[1:])
	}
	return web.Redirect(eventweb.Indicators(r)+list, undone(r, b))
}
