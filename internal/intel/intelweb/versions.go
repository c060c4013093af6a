package intelweb

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/craft/export"
	"straza/internal/craft/export/exportweb"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// versionsPage sets two versions of an event side by side: what was, what is.
type versionsPage struct {
	web.Page
	Header ui.Header
	From   ui.Field
	To     ui.Field
	Same   bool // there is one version only: nothing to compare
	Bar    ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
	Who    string // address of who changed it, for those who may know
}

// Bounds: things on a page, things that a filter looks through for one page.
const (
	changesShown = 100
	changesRead  = 20_000
)

// Words of the filter and of machines for what was changed and how.
var (
	changeKinds = intel.ChangeKinds
	changeActs  = []string{"added", "changed", "deleted", "restored", "removed"}
)

// window is two moments as the address names them: "" in From is the state before the
// newest version, or before everything with "0"; "" in To is now.
func window(r *http.Request, versions []intel.Version) (q intel.Changes, from, to string, err error) {
	from, to = r.URL.Query().Get("from"), r.URL.Query().Get("to")
	if from == "" {
		from = stamp(versions[0].At)
	}
	if q.From, err = instant(from, "from", false); err == nil {
		q.To, err = instant(to, "to", true)
	}
	return q, from, to, err
}

// stamp writes a moment so that it survives an address.
func stamp(us int64) string { return clock.FromMicros(us).UTC().Format("2006-01-02T15:04:05.000000Z") }

// instant reads a moment: RFC 3339, or a day in Belgrade, the later one with its end.
func instant(s, name string, end bool) (int64, error) {
	if s == "" || s == "0" {
		return 0, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UnixMicro(), nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s, i18n.Belgrade)
	if err != nil {
		return 0, fault.Field(name, "web.error.date", "no moment")
	}
	if end {
		t = t.AddDate(0, 0, 1)
	}
	return t.UnixMicro(), nil
}

func (p *pages) versions(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), web.Actor(r)
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return err
	}
	list, err := p.s.Versions(ctx, who, e.Ref())
	if err != nil {
		return err
	}
	q, from, to, err := window(r, list)
	if err != nil {
		return err
	}
	f := web.ReadFilters(r, web.FilterSpec{Name: "kind", Label: web.T(r, "intel.versions.kind"), Options: web.Words(r, "intel.versions.kind.", changeKinds...)},
		web.FilterSpec{Name: "act", Label: web.T(r, "intel.versions.act"), Options: web.Words(r, "intel.versions.act.", changeActs...)}, web.Known("from"), web.Known("to"))
	if r.URL.Query().Get("format") == "csv" {
		return p.versionsFile(w, r, &e, q, f)
	}
	page := &versionsPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.versions")), Header: p.viewHeader(r, &e, "versions"), Same: len(list) == 1 && e.Changed <= list[0].At}
	page.Crumbs = eventweb.Crumbs(r, &e, ui.Crumb{Label: web.T(r, "intel.versions")})
	page.choose(r, list, from, to)
	if intel.MayEdit(who, &e) == nil {
		page.Who = base(r) + "/" + e.Ref() + "/history"
	}
	if err := web.DecodeCursor(f.Cursor(), &q.After); err != nil {
		return err
	}
	rows, n, next, err := p.changeRows(r, &e, q, f)
	if err != nil {
		return err
	}
	var acts []ui.Button
	if p.s.WayOut(ctx, who, &e, tlp.Export).Answer == tlp.Pass && len(rows) > 0 {
		acts = append(acts, ui.Button{Label: web.T(r, "intel.versions.csv"), Icon: "download", Href: f.With("format", "csv"), Variant: "secondary", Small: true})
	}
	page.Bar = f.Bar(web.T(r, "intel.versions.search"), acts...)
	page.Table = ui.Table{Caption: web.T(r, "intel.versions.list"), Dense: true, Rows: rows, Columns: []ui.Column{{Label: web.T(r, "intel.versions.field"), Width: "mark"}, {Label: web.T(r, "intel.versions.was")}, {Label: web.T(r, "intel.versions.is")}},
		Empty: &ui.Empty{Icon: "history", Title: web.T(r, "intel.versions.none"), Text: web.T(r, "intel.versions.none.text")}}
	page.Pages = f.Pages(n, 0, next)
	return p.t.Render(w, r, "versions", page)
}

// choose offers the versions as the two ends.
func (page *versionsPage) choose(r *http.Request, list []intel.Version, from, to string) {
	f := web.NewForm(r, map[string][]string{"from": {from}, "to": {to}})
	page.From, page.To = f.Field("from", "intel.versions.from"), f.Field("to", "intel.versions.to")
	page.From.Type, page.To.Type = "select", "select"
	page.To.Options = []ui.Option{{Label: web.T(r, "intel.versions.now")}}
	for _, v := range list {
		key := "intel.versions.came"
		if v.Published {
			key = "intel.versions.published"
		}
		o := ui.Option{Value: stamp(v.At), Label: web.T(r, key, "at", i18n.DateTime(web.Lang(r), clock.FromMicros(v.At)))}
		page.From.Options, page.To.Options = append(page.From.Options, o), append(page.To.Options, o)
	}
	page.From.Options = append(page.From.Options, ui.Option{Value: "0", Label: web.T(r, "intel.versions.nothing")})
	for field, v := range map[*ui.Field]string{&page.From: from, &page.To: to} { // a moment that is no version, from an address
		if !slices.ContainsFunc(field.Options, func(o ui.Option) bool { return o.Value == v }) {
			field.Options = append(field.Options, ui.Option{Value: v, Label: v})
		}
	}
}

// wanted tells whether a change is what the filters ask for.
func wanted(r *http.Request, f *web.Filters) func(c *intel.Change) bool {
	kind, act := slices.Index(changeKinds, f.Get("kind")), f.Get("act")
	q := i18n.Fold(strings.TrimSpace(r.URL.Query().Get("q")))
	return func(c *intel.Change) bool {
		if kind >= 0 && int(c.Kind) != kind || act != "" && c.Act != act {
			return false
		}
		if q == "" || strings.Contains(i18n.Fold(c.Title+" "+c.Type), q) {
			return true
		}
		return slices.ContainsFunc(c.Fields, func(x intel.FieldChange) bool { return strings.Contains(i18n.Fold(x.Was+"\x00"+x.Is), q) })
	}
}

func (p *pages) changeRows(r *http.Request, e *intel.Event, q intel.Changes, f *web.Filters) (rows []ui.Row, n int, next string, err error) {
	want, read := wanted(r, f), 0
	var last intel.ChangeCursor
	err = p.s.Changes(r.Context(), web.Actor(r), e.Ref(), q, func(c *intel.Change, at intel.ChangeCursor) error {
		if read++; n == changesShown || read > changesRead {
			next = web.EncodeCursor(last)
			return errEnough
		}
		last = at
		if want(c) {
			n++
			rows = append(rows, p.changeRow(r, e, c)...)
		}
		return nil
	})
	return rows, n, next, ignoreEnough(err)
}

// changeRow is a head that names the thing, and a row for each field.
func (p *pages) changeRow(r *http.Request, e *intel.Event, c *intel.Change) []ui.Row {
	name := ui.Name{Text: c.Title, Mono: c.Kind == intel.ChangedAttribute}
	if at := base(r) + "/" + e.Ref(); c.Act != "removed" {
		switch c.Kind {
		case intel.ChangedAttribute:
			name.Href = at + "/attributes/" + c.UUID
		case intel.ChangedReport:
			if c.Act != "deleted" {
				name.Href = at + "/reports/" + c.UUID
			}
		}
	}
	name.Sub = []any{web.T(r, "intel.versions.kind."+c.Kind.String())}
	if c.Type != "" {
		name.Sub = append(name.Sub, ui.Machine(c.Type))
	}
	name.Sub = append(name.Sub, clock.FromMicros(c.At))
	if c.Person != 0 && p.d.Author != nil {
		name.Sub = append(name.Sub, p.d.Author(r.Context(), web.Actor(r), c.Person))
	}
	rows := []ui.Row{{Group: true, Cells: []any{ui.Tag{Word: web.T(r, "intel.versions.act."+c.Act), Icon: actIcons[c.Act]}, name}}}
	for _, x := range c.Fields {
		rows = append(rows, ui.Row{Inset: true, Cells: []any{web.T(r, "intel.versions.field."+x.Name), fieldValue(r, x.Name, x.Was), fieldValue(r, x.Name, x.Is)}})
	}
	return rows
}

var actIcons = map[string]string{"added": "plus", "changed": "pencil", "deleted": "circle-minus", "restored": "arrow-back-up", "removed": "trash"}

// fieldValue shows a value of the journal as the event's own page would.
func fieldValue(r *http.Request, name, v string) any {
	switch name {
	case "to_ids", "disable_correlation":
		if v == "" {
			return web.T(r, "intel.versions.no")
		}
		return web.T(r, "intel.versions.yes")
	}
	if v == "" {
		return "–"
	}
	n, _ := strconv.Atoi(v)
	switch name {
	case "distribution":
		return web.T(r, "intel.distribution."+strconv.Itoa(n))
	case "threat":
		return web.T(r, "intel.threat."+strconv.Itoa(n))
	case "analysis":
		return web.T(r, "intel.analysis."+strconv.Itoa(n))
	case "value", "relation", "type", "sharing_group", "extends":
		return ui.Machine(v)
	case "tag":
		return tagOf(intel.TagUse{Tag: intel.Tag{Name: v}})
	case "first_seen", "last_seen":
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return t
		}
	}
	return v
}

// versionsFile is the same list as a table of values, for who may take the event out.
func (p *pages) versionsFile(w http.ResponseWriter, r *http.Request, e *intel.Event, q intel.Changes, f *web.Filters) error {
	ctx, who := r.Context(), web.Actor(r)
	if v := p.s.WayOut(ctx, who, e, tlp.Export); v.Answer != tlp.Pass {
		return fault.New(fault.Denied, "event %d does not leave", e.ID).WithKey(v.Reason)
	}
	level, want := p.s.LabelOf(ctx, who, e), wanted(r, f)
	each := func(ctx context.Context, row func(c *intel.Change, x intel.FieldChange) error) error {
		return p.s.Changes(ctx, who, e.Ref(), q, func(c *intel.Change, _ intel.ChangeCursor) error {
			if !want(c) {
				return nil
			}
			list := c.Fields
			if len(list) == 0 {
				list = []intel.FieldChange{{}}
			}
			for _, x := range list {
				if err := row(c, x); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if q.To == 0 { // both passes see the same
		q.To = web.Now(r).UnixMicro()
	}
	out := exportweb.New(w, r)
	return out.End(p.s.Moment(ctx, who, func(ctx context.Context) error {
		var x export.Extent
		if err := each(ctx, func(*intel.Change, intel.FieldChange) error { x.Add(level, 1); return nil }); err != nil {
			return err
		}
		t := out.Table(x, "versions-"+e.Ref(), "kind", "act", "uuid", "type", "title", "field", "was", "is", "at")
		if err := each(ctx, func(c *intel.Change, x intel.FieldChange) error {
			return t.Row(level, c.Kind.String(), c.Act, c.UUID, c.Type, c.Title, x.Name, x.Was, x.Is, stamp(c.At))
		}); err != nil {
			return err
		}
		return t.Close()
	}))
}
