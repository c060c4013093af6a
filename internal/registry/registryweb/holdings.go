package registryweb

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"straza/internal/craft/export"
	"straza/internal/craft/export/exportweb"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

// holding is a kind of part that an organisation or a team keeps by form: networks
// and domains, or assets. What both have in common stands in this file, for the
// console and for the portal alike; what differs are these functions.
type holding struct {
	name   string // last segment of the address, the tab, and the word in message keys
	icon   string
	kinds  []ui.Option
	page   func(r *http.Request, o registry.Organisation, f registry.PartFilter, p registry.Page) ([]held, string, error)
	one    func(r *http.Request, o registry.Organisation) (held, error)
	form   func(r *http.Request, f *web.Form, fresh bool) []ui.Field
	act    func(r *http.Request, o registry.Organisation, act string, f *web.Form) error // "add" or an act on the path's part; f is nil without a form
	export func(ctx context.Context, who ident.Actor, uuid string, w io.Writer, format string, f registry.PartFilter, begin func(export.Extent) export.Stamp) error
}

// holder gives a kind of part as a request wants it: names in its language.
type holder func(r *http.Request) holding

// held is one part as pages show it.
type held struct {
	id        string
	title     ui.Name
	cells     []any // behind the title
	values    map[string][]string
	created   time.Time
	updated   time.Time
	withdrawn time.Time
	claimed   time.Time
}

type holdingsPage struct {
	web.Page
	Header ui.Header
	Lead   string
	Bar    ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
	New    string // title of the form
	Form   *partForm
}

type holdingPage struct {
	web.Page
	Header ui.Header
	Form   *partForm // nil for who may not, and while it is withdrawn
	Facts  ui.Facts
	Acts   []actForm
}

// holdingAt says where the holdings of a request stand.
func (p *pages) holdingAt(r *http.Request, h holding) (place, error) {
	at, err := p.orgOf(r)
	at.base += "/" + h.name
	return at, err
}

// partFilters are the filters of a list of parts.
func partFilters(r *http.Request, h holding) (*web.Filters, registry.PartFilter) {
	f := web.ReadFilters(r, web.FilterSpec{Name: "kind", Label: web.T(r, "registry.part.kind"), Options: h.kinds},
		web.FilterSpec{Name: "state", Label: web.T(r, "registry.state"), Options: web.Words(r, "registry.part.state.", registry.StateWithdrawn, registry.StateAll)})
	return f, registry.PartFilter{Query: f.Get("q"), Kind: f.Get("kind"), State: f.Get("state")}
}

func (p *pages) listHoldings(of holder) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		h := of(r)
		at, err := p.holdingAt(r, h)
		if err != nil {
			return err
		}
		page, err := p.holdingsPage(r, h, at, web.NewForm(r, nil))
		if err != nil {
			return err
		}
		return p.t.Render(w, r, "holdings", page)
	}
}

func (p *pages) holdingsPage(r *http.Request, h holding, at place, f *web.Form) (*holdingsPage, error) {
	filters, filter := partFilters(r, h)
	list, next, err := h.page(r, at.org, filter, registry.Page{Cursor: filters.Cursor()})
	if err != nil {
		return nil, err
	}
	word := "registry." + h.name
	page := &holdingsPage{Page: web.NewPage(r, at.shell, at.org.Label(web.Lang(r))), Lead: web.T(r, word+".lead"), New: web.T(r, word+".new")}
	p.head(r, at, h.name, &page.Page, &page.Header)
	if len(list) > 0 || filters.Active() || filters.Cursor() != "" {
		query := strings.TrimPrefix(filters.With("cursor", ""), r.URL.Path)
		page.Bar = filters.Bar(web.T(r, word+".search"), exportweb.Offer(r, at.base+"/export"+query, -1, false)...)
		page.Bar.Action = at.base
	}
	page.Table = p.holdingTable(r, h, at, list, filters)
	page.Pages = filters.Pages(len(list), 0, next)
	if mayKeep(r, at.org) {
		page.Form = &partForm{Action: at.base, Fields: h.form(r, f, true), Version: at.org.Version,
			Button: ui.Button{Label: web.T(r, "registry.part.add"), Icon: "plus", Variant: "secondary"}}
	}
	return page, nil
}

func (p *pages) holdingTable(r *http.Request, h holding, at place, list []held, filters *web.Filters) ui.Table {
	word := "registry." + h.name
	t := ui.Table{Caption: web.T(r, word), Columns: []ui.Column{{Label: web.T(r, word+".column")}, {Label: web.T(r, word+".second"), Drop: 1},
		{Label: web.T(r, word+".third"), Width: "mark", Drop: 2}, {Label: web.T(r, "registry.acts"), Hidden: true, Width: "mark"}},
		Empty: &ui.Empty{Icon: h.icon, Title: web.T(r, word+".empty"), Text: web.T(r, word+".empty.text")}}
	if filters.Active() {
		t.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "registry.part.filtered"), Text: web.T(r, "registry.part.filtered.text"),
			Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: at.base, Variant: "secondary"}}}
	}
	for _, x := range list {
		acts := ui.Acts{Form: "part-acts"}
		if mayKeep(r, at.org) {
			x.title.Href = at.base + "/" + x.id
			acts.Items = rowActs(r, x, x.title.Href)
		}
		x.title.Marks = append(x.title.Marks, marksOf(r, x)...)
		t.Rows = append(t.Rows, ui.Row{Href: x.title.Href, Off: !x.withdrawn.IsZero(), Cells: append(append([]any{x.title}, x.cells...), acts)})
	}
	return t
}

func marksOf(r *http.Request, x held) (out []any) {
	if !x.withdrawn.IsZero() {
		out = append(out, ui.Tag{Word: web.T(r, "registry.part.withdrawn")})
	} else if !x.claimed.IsZero() {
		out = append(out, ui.State{Kind: ui.StateWaiting, Word: web.T(r, "registry.part.claimed")})
	}
	return out
}

// rowActs are the one or two acts that stand in a row of the list.
func rowActs(r *http.Request, x held, href string) (out []ui.Button) {
	add := func(act, icon, variant string) {
		out = append(out, ui.Button{Label: web.T(r, "registry.part."+act), Icon: icon, Action: href + "/" + act, Variant: variant, Small: true})
	}
	if !x.withdrawn.IsZero() {
		add("restore", "arrow-back-up", "secondary")
		return out
	}
	if !x.claimed.IsZero() && access.Allowed(web.Actor(r), "registry.write") {
		add("check", "check", "secondary")
	}
	add("withdraw", "archive", "tertiary")
	return out
}

func (p *pages) showHolding(of holder) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		h := of(r)
		at, err := p.holdingAt(r, h)
		if err != nil {
			return err
		}
		x, err := h.one(r, at.org)
		if err != nil {
			return err
		}
		return p.t.Render(w, r, "holding", p.holdingPage(r, h, at, x, web.NewForm(r, x.values)))
	}
}

func (p *pages) holdingPage(r *http.Request, h holding, at place, x held, f *web.Form) *holdingPage {
	href := at.base + "/" + x.id
	page := &holdingPage{Page: web.NewPage(r, at.shell, x.title.Text), Header: ui.Header{Title: x.title.Text, Sub: x.title.Sub, Marks: marksOf(r, x)}}
	page.Crumbs = []ui.Crumb{{Label: at.org.Label(web.Lang(r)), Href: at.home}, {Label: web.T(r, "registry."+h.name), Href: at.base}, {Label: x.title.Text}}
	page.Facts = ui.Facts{Items: []ui.Fact{{Label: web.T(r, "registry.entered"), Value: x.created}, {Label: web.T(r, "registry.changed"), Value: x.updated}}}
	if !x.withdrawn.IsZero() {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "registry.part.withdrawn"), Value: x.withdrawn})
	} else if !x.claimed.IsZero() {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "registry.part.claimed"), Value: web.T(r, "registry.part.claimed.text"), Wide: true})
	}
	if !mayKeep(r, at.org) {
		return page
	}
	if x.withdrawn.IsZero() {
		page.Form = &partForm{Action: href, Fields: h.form(r, f, false), Version: at.org.Version, Button: ui.Button{Label: web.T(r, "registry.save")},
			Cancel: &ui.Button{Label: web.T(r, "registry.cancel"), Href: at.base, Variant: "tertiary"}}
	}
	for _, b := range rowActs(r, x, href) {
		act := strings.TrimPrefix(b.Action, href+"/")
		b.Action, b.Variant, b.Small = "", "secondary", false
		page.Acts = append(page.Acts, actForm{Action: href + "/" + act, Title: web.T(r, "registry.part."+act), Text: web.T(r, "registry."+h.name+"."+act+".text"), Button: b})
	}
	return page
}

// addHolding enters one; a fault of the input or what is there already is shown at
// the form, with the typed text.
func (p *pages) addHolding(of holder) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		h := of(r)
		at, err := p.holdingAt(r, h)
		if err != nil {
			return err
		}
		f, err := web.ReadForm(r)
		if err != nil {
			return err
		}
		if err = asField(h.act(r, at.org, "add", f)); !f.Fail(err) {
			if err != nil {
				return err
			}
			return web.Redirect(at.base, web.Done("registry.done.saved"))
		}
		page, err := p.holdingsPage(r, h, at, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary(fieldNames(page.Form)...)
		return p.t.Invalid(w, r, "holdings", page)
	}
}

// asField turns "held already" into a fault of the value.
func asField(err error) error {
	if f := fault.Of(err); f != nil && f.Key == "registry.fault.held" {
		return fault.Field("value", f.Key, "held already")
	}
	return err
}

func fieldNames(f *partForm) (out []string) {
	if f != nil {
		for _, x := range f.Fields {
			out = append(out, x.Name)
		}
	}
	return out
}

func (p *pages) saveHolding(of holder) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		h := of(r)
		at, err := p.holdingAt(r, h)
		if err != nil {
			return err
		}
		f, err := web.ReadForm(r)
		if err != nil {
			return err
		}
		err = asField(h.act(r, at.org, "change", f))
		conflict := fault.Is(err, fault.Conflict)
		if !f.Fail(err) && !conflict {
			if err != nil {
				return err
			}
			return web.Redirect(at.base, web.Done("registry.done.saved"))
		}
		x, gerr := h.one(r, at.org)
		if gerr != nil {
			return gerr
		}
		page := p.holdingPage(r, h, at, x, f)
		page.Errors = f.Summary(fieldNames(page.Form)...)
		if conflict {
			page.Errors = &ui.ErrorSummary{Items: []ui.ErrorItem{{Field: "note", Text: web.T(r, fault.Of(err).Key)}}}
		}
		return p.t.Invalid(w, r, "holding", page)
	}
}

// actHolding withdraws (with the way back), restores or checks one.
func (p *pages) actHolding(of holder, act string) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		h := of(r)
		at, err := p.holdingAt(r, h)
		if err != nil {
			return err
		}
		if err := h.act(r, at.org, act, nil); err != nil {
			return err
		}
		done := web.Done("registry.part.done." + act)
		if act == "withdraw" {
			done = done.WithUndo(at.base + "/" + r.PathValue("part") + "/restore")
		}
		return web.Redirect(at.base, done)
	}
}

func (p *pages) exportHoldings(of holder) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		h := of(r)
		at, err := p.holdingAt(r, h)
		if err != nil {
			return err
		}
		_, filter := partFilters(r, h)
		return download(w, r, h.name, func(out io.Writer, format string, begin func(export.Extent) export.Stamp) error {
			return h.export(r.Context(), web.Actor(r), at.org.UUID, out, format, filter, begin)
		})
	}
}

// holdingRoutes are the doors of the parts below the address of an organisation, the
// same in every room; a room that only reads gives no policy for writing.
func (p *pages) holdingRoutes(m *web.Mux, org string, read, write web.Policy) {
	const details = "details of an organisation, where the caller may see them"
	for name, of := range map[string]holder{"resources": p.networks, "assets": p.assets} {
		base := org + "/" + name
		m.Handle(
			get(base, read, details, p.listHoldings(of)),
			get(base+"/export", read, details, p.exportHoldings(of)),
		)
		if write.Allow == nil {
			continue
		}
		m.Handle(
			post(base, write, p.addHolding(of)),
			get(base+"/{part}", write, "a part of an organisation whose details the caller may see", p.showHolding(of)),
			post(base+"/{part}", write, p.saveHolding(of)),
			post(base+"/{part}/withdraw", write, p.actHolding(of, "withdraw")),
			post(base+"/{part}/restore", write, p.actHolding(of, "restore")),
		)
	}
}
