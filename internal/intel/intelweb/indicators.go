package intelweb

import (
	"net/http"
	"strconv"
	"time"

	"straza/internal/craft/export"
	"straza/internal/craft/export/exportweb"
	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// exportList streams the events that the list's filters find and whose label lets them
// leave.
func (p *pages) exportList(w http.ResponseWriter, r *http.Request, q intel.Query) error {
	out := exportweb.New(w, r)
	var c *export.Table
	begin := func(x export.Extent) error {
		c = out.Table(x, "events", "id", "uuid", "date", "info", "org", "published", "tlp", "distribution", "attributes", "changed")
		return nil
	}
	err := p.s.ExportEvents(r.Context(), web.Actor(r), q, begin, func(l tlp.Level, e *intel.Event) error {
		return c.Row(l, strconv.FormatInt(e.ID, 10), e.UUID, e.Date, e.Info, e.Origin.Name, strconv.FormatBool(e.Published), e.TLP, strconv.Itoa(int(e.Distribution)),
			strconv.FormatInt(e.Attributes, 10), clock.FromMicros(e.Changed).Format(time.RFC3339))
	})
	if err == nil {
		err = c.Close()
	}
	return out.End(err)
}

// exportIndicators does the same with attributes.
func (p *pages) exportIndicators(w http.ResponseWriter, r *http.Request, q intel.Query) error {
	out := exportweb.New(w, r)
	var c *export.Table
	begin := func(x export.Extent) error {
		c = out.Table(x, "indicators", "uuid", "value", "type", "category", "to_ids", "comment", "event", "event_uuid", "event_info", "org", "tlp", "changed")
		return nil
	}
	err := p.s.ExportAttributes(r.Context(), web.Actor(r), q, begin, func(l tlp.Level, a *intel.Attribute) error {
		return c.Row(l, a.UUID, a.Value, a.Type, a.Category, strconv.FormatBool(a.ToIDS), a.Comment, strconv.FormatInt(a.Event.ID, 10), a.Event.UUID, a.Event.Info, a.Event.Origin.Name,
			l.Label(), time.Unix(a.Timestamp, 0).UTC().Format(time.RFC3339))
	})
	if err == nil {
		err = c.Close()
	}
	return out.End(err)
}

// indicatorQuery turns the list's filters into a query, last changed first by default.
func indicatorQuery(f *web.Filters) intel.Query {
	q := intel.Query{Aged: true, Desc: f.Get("sort") != "changed"}
	v, nothing := said(f)
	if q.Nothing = nothing; v != "" {
		q.Value.Or = []string{v}
		if len(v) >= 4 {
			q.Value.Or = append(q.Value.Or, "%"+v+"%")
		}
	}
	if v := f.Get("type"); v != "" {
		q.Type.Or = []string{v}
	}
	q.Tag = tagAsked(f)
	if span := within(dayAsked(f, "from"), dayAsked(f, "to")); *span.From > 0 || span.To != nil {
		from := *span.From / 1e6
		if q.Time.From = &from; span.To != nil {
			to := *span.To / 1e6
			q.Time.To = &to
		}
	}
	return q
}

// dayAsked is the beginning of a day that a list asks for, in Belgrade; zero when it asks
// for none.
func dayAsked(f *web.Filters, name string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, f.Get(name), i18n.Belgrade)
	if err != nil {
		return time.Time{}
	}
	return t
}

// indicators searches attributes by value over all events that the caller sees.
func (p *pages) indicators(w http.ResponseWriter, r *http.Request) error {
	var opts []ui.Option
	for _, t := range misp.Types() {
		opts = append(opts, ui.Option{Value: t, Label: t})
	}
	f := web.ReadFilters(r, web.FilterSpec{Name: "type", Label: web.T(r, "intel.type"), Options: opts}, web.FilterSpec{Name: "tag", Label: web.T(r, "intel.tag"), Say: eventweb.TagWord},
		web.FilterSpec{Name: "from", Label: web.T(r, "intel.changed.from"), Type: "date"}, web.FilterSpec{Name: "to", Label: web.T(r, "intel.changed.to"), Type: "date"}, web.Sorted("changed"))
	q := indicatorQuery(f)
	if r.URL.Query().Get("format") == "csv" {
		return p.exportIndicators(w, r, q)
	}
	if f.Cursor() != "" {
		q.Past = &intel.Place{}
		if err := web.DecodeCursor(f.Cursor(), q.Past); err != nil {
			return err
		}
	}
	q.Limit = pageSize + 1
	var list []intel.Attribute
	err := p.s.SearchAttributes(r.Context(), web.Actor(r), q, func(a *intel.Attribute) error { list = append(list, *a); return nil })
	if err != nil {
		return err
	}
	next := ""
	if len(list) > pageSize {
		list = list[:pageSize]
		next = web.EncodeCursor(intel.Place{Changed: list[pageSize-1].Timestamp, ID: list[pageSize-1].ID})
	}
	n := int64(-1) // millions are not counted for a page; a list that fits on it is
	if f.Cursor() == "" && next == "" {
		n = int64(len(list))
	}
	page := &listPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.indicators")), Header: ui.Header{Title: web.T(r, "intel.indicators")},
		Bar: f.Bar(web.T(r, "intel.indicators.search"), exportweb.Offer(r, f.With("format", "csv"), n, false)...)}
	if shell(r) == web.ShellPortal {
		page.Crumbs = []ui.Crumb{{Label: web.T(r, "intel.events"), Href: base(r)}, {Label: web.T(r, "intel.indicators")}}
	}
	page.Table = indicatorTable(r, f, list)
	page.Pages = f.Pages(len(list), max(n, 0), next)
	if access.Allowed(web.Actor(r), "intel.write") && len(list) > 0 {
		page.Table.Select, page.Table.Form = true, "attributes"
		page.Bulk = indicatorActs(r)
	}
	return p.t.Render(w, r, "list", page)
}

// indicatorActs are what may be done with ticked rows; each row's event says whether its
// part may be.
func indicatorActs(r *http.Request) *ui.BulkBar {
	return &ui.BulkBar{Form: "attributes", Action: eventweb.Indicators(r), Hidden: map[string]string{"asked": r.URL.RawQuery},
		Acts: []ui.Button{bulkAct(r, "tag", "intel.tag", "tags"), bulkAct(r, "ids", "intel.bulk.on", "shield-check"), bulkAct(r, "noids", "intel.bulk.off", "shield"), bulkAct(r, "saw", "intel.bulk.saw", "eye").Keyed("S"),
			bulkAct(r, "false", "intel.bulk.false", "circle-minus")}}
}

func indicatorTable(r *http.Request, f *web.Filters, list []intel.Attribute) ui.Table {
	t := ui.Table{Caption: web.T(r, "intel.indicators"), Dense: true, Columns: []ui.Column{{Label: web.T(r, "intel.value")}, {Label: web.T(r, "intel.type"), Width: "mark"},
		{Label: web.T(r, "intel.event"), Drop: 1}, f.SortDefault(web.T(r, "intel.changed"), "-changed").Sized("mark", 2)},
		Empty: &ui.Empty{Icon: "target", Title: web.T(r, "intel.indicators.empty"), Text: web.T(r, "intel.indicators.empty.text")}}
	if f.Active() {
		t.Empty.Acts = []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: eventweb.Indicators(r), Variant: "secondary"}}
	}
	for _, a := range list {
		var ev any
		href := base(r) + "/" + strconv.FormatInt(a.EventID, 10)
		if a.Event != nil {
			href = base(r) + "/" + a.Event.Ref()
		}
		if a.Event != nil {
			ev = ui.Name{Text: a.Event.Info, Href: href, Sub: []any{a.Event.Origin.Name}}
		}
		t.Rows = append(t.Rows, ui.Row{ID: strconv.FormatInt(a.ID, 10), Name: a.Value, Href: href, Cells: []any{ui.Name{Text: a.Value, Mono: true, Sub: []any{a.Comment}}, ui.Machine(a.Type), ev, time.Unix(a.Timestamp, 0)}})
	}
	return t
}
