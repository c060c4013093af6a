package incidentweb

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"straza/internal/craft/deadline"
	"straza/internal/craft/export"
	"straza/internal/craft/export/exportweb"
	"straza/internal/incident"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type listPage struct {
	web.Page
	Header ui.Header
	Bar    ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
	Bulk   *ui.BulkBar
}

// keyset is a page's place in the list.
type keyset struct {
	Key int64 `json:"k"`
	ID  int64 `json:"i"`
}

func (p *pages) filters(r *http.Request) (*web.Filters, incident.Filter) {
	book := p.s.Book(r.Context(), web.Actor(r))
	f := web.ReadFilters(r,
		web.FilterSpec{Name: "state", Label: web.T(r, "incident.state"), Options: append([]ui.Option{{Value: "open", Label: web.T(r, "incident.state.open")}}, stateOptions(r, incident.States)...), Default: "open"},
		web.FilterSpec{Name: "lead", Label: web.T(r, "incident.lead"), Options: []ui.Option{{Value: "me", Label: web.T(r, "incident.lead.me")}, {Value: "none", Label: web.T(r, "incident.lead.none")}}},
		web.FilterSpec{Name: "severity", Label: web.T(r, "incident.severity"), Options: levelOptions(r)},
		web.FilterSpec{Name: "class", Label: web.T(r, "incident.class"), Options: choices(r, book.Classes)},
		web.FilterSpec{Name: "since", Label: web.T(r, "incident.since"), Type: "date"}, web.Known("org"), web.Sorted(incident.Sorts...))
	out := incident.Filter{State: f.Get("state"), Mine: f.Get("lead") == "me", NoLead: f.Get("lead") == "none", Severity: f.Get("severity"),
		Class: f.Get("class"), Query: f.Get("q"), Sort: f.Get("sort")}
	if t, err := time.Parse(time.DateOnly, f.Get("since")); err == nil {
		out.UpdatedSince = clock.Micros(t)
	}
	if n, err := strconv.ParseInt(r.URL.Query().Get("org"), 10, 64); err == nil {
		out.Org = n
	}
	return f, out
}

func (p *pages) list(w http.ResponseWriter, r *http.Request) error {
	f, filter := p.filters(r)
	var k keyset
	if err := web.DecodeCursor(f.Cursor(), &k); err != nil {
		return err
	}
	who := web.Actor(r)
	list, more, err := p.s.List(r.Context(), who, filter, incident.Page{Key: k.Key, ID: k.ID})
	if err != nil {
		return err
	}
	total, beyond, err := p.s.Count(r.Context(), who, filter)
	if err != nil {
		return err
	}
	count := total
	if beyond {
		total = 0
	}
	page := &listPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "incident.title"))}
	page.Header = ui.Header{Title: web.T(r, "incident.title")}
	if access.Allowed(who, "incident.open") {
		page.Header.Acts = []ui.Button{{Label: web.T(r, "incident.new"), Icon: "plus", Href: base + "/new", Key: "N"}}
	}
	page.Bar = f.Bar(web.T(r, "incident.search"), exportweb.Offer(r, exportHref(f), count, beyond)...)
	page.Table = p.table(r, f, filter, list)
	next := ""
	if more {
		last := list[len(list)-1]
		key, id := last.Keys(filter.Sort)
		next = web.EncodeCursor(keyset{key, id})
	}
	page.Pages = f.Pages(len(list), total, next)
	if len(list) > 1 && access.Allowed(who, "incident.merge") {
		page.Table.Select, page.Table.Form = true, "bulk"
		page.Bulk = &ui.BulkBar{Form: "bulk", Action: base + "/merge", Acts: []ui.Button{{Label: web.T(r, "incident.merge"), Icon: "git-merge", Variant: "secondary", Key: "M"}}}
	}
	return p.t.Render(w, r, "list", page)
}

func exportHref(f *web.Filters) string {
	return base + "/export" + f.With("format", "csv")[len(base):]
}

func (p *pages) table(r *http.Request, f *web.Filters, filter incident.Filter, list []incident.Case) ui.Table {
	t := ui.Table{Caption: web.T(r, "incident.title"), Columns: []ui.Column{
		{Label: web.T(r, "incident.case")}, f.Sort(web.T(r, "incident.severity"), "severity").Sized("mark", 3), {Label: web.T(r, "incident.state"), Width: "mark"},
		{Label: web.T(r, "incident.clock"), Width: "clock", Drop: 2}, {Label: web.T(r, "incident.lead"), Drop: 2}, {Label: web.T(r, "incident.tasks"), Num: true, Drop: 1},
		f.SortDefault(web.T(r, "incident.updated"), "-updated").Sized("mark", 1)},
		Empty: &ui.Empty{Icon: "folder-open", Title: web.T(r, "incident.empty"), Text: web.T(r, "incident.empty.text")}}
	if len(filter.Active()) > 0 {
		t.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "incident.filtered"), Text: web.T(r, "incident.filtered.text"),
			Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: base + "?state=", Variant: "secondary"}}}
	}
	for _, c := range list {
		t.Rows = append(t.Rows, p.row(r, f, c))
	}
	return t
}

func (p *pages) row(r *http.Request, f *web.Filters, c incident.Case) ui.Row {
	href := f.Item(base + "/" + c.Number)
	sub := []any{c.Number}
	for i, o := range c.Orgs {
		if i == 1 {
			sub = append(sub, web.T(r, "incident.more", "n", len(c.Orgs)-1))
			break
		}
		sub = append(sub, o.Name)
	}
	if c.Class() != "" {
		sub = append(sub, p.classLabel(r, c.Class()))
	}
	var k any
	if c.Clock != nil {
		x := Clock(r, *c.Clock)
		x.Until = false
		k = x
	}
	lead := any(c.LeadName)
	if c.Lead == 0 {
		lead = "–"
	}
	return ui.Row{ID: c.Number, Name: c.Title, Href: href, Cells: []any{ui.Name{Text: c.Title, Href: href, Sub: sub}, Severity(c.Severity), State(r, c.State), k,
		lead, strconv.FormatInt(c.Done, 10) + "/" + strconv.FormatInt(c.Tasks, 10), clock.FromMicros(c.Updated)}}
}

// near puts the ways to the neighbours in the list that the case was opened from into
// its header, and the list itself into the crumbs.
func (p *pages) near(r *http.Request, page *casePage, number string) error {
	if web.FromElsewhere(r) {
		return nil
	}
	f, filter := p.filters(web.FromList(r, base))
	prev, next, err := p.s.Neighbours(r.Context(), web.Actor(r), filter, number)
	if err != nil {
		return err
	}
	f.Around(&page.Header, base, prev, next)
	page.Crumbs[0].Href = f.Address()
	return nil
}

// Severity marks a level; a dash where nobody has assessed it.
func Severity(level string) any {
	if level == "" {
		return "–"
	}
	return ui.Severity{Level: level}
}

// State marks a state in the person's words.
func State(r *http.Request, s incident.State) ui.State {
	kind := map[incident.State]string{incident.Fresh: ui.StateNew, incident.InProgress: ui.StateWorking, incident.Waiting: ui.StateWaiting,
		incident.Resolved: ui.StateDone, incident.Closed: ui.StateDone}[s]
	return ui.State{Kind: kind, Word: web.T(r, "incident.state."+string(s))}
}

// Clock shows a clock of ours.
func Clock(r *http.Request, k deadline.Clock) ui.Clock {
	c := ui.Clock{Start: clock.FromMicros(k.Started), Due: clock.FromMicros(k.Due), Until: true}
	if k.Done > 0 {
		c.Done = clock.FromMicros(k.Done)
	}
	if k.Paused > 0 {
		if c.Paused = k.Why; c.Paused == "" {
			c.Paused = web.T(r, "incident.paused")
		}
	}
	return c
}

func (p *pages) classLabel(r *http.Request, code string) string {
	return incident.Label(p.s.Book(r.Context(), web.Actor(r)).Classes, code).In(web.Lang(r))
}

func stateOptions(r *http.Request, states []incident.State) (out []ui.Option) {
	for _, s := range states {
		out = append(out, ui.Option{Value: string(s), Label: web.T(r, "incident.state."+string(s))})
	}
	return out
}

func levelOptions(r *http.Request) (out []ui.Option) {
	for _, l := range incident.Levels {
		out = append(out, ui.Option{Value: l, Label: web.T(r, "ui.severity."+l)})
	}
	return out
}

func choices(r *http.Request, list []incident.Choice) (out []ui.Option) {
	for _, c := range list {
		out = append(out, ui.Option{Value: c.Value, Label: c.Label.In(web.Lang(r))})
	}
	return out
}

// export streams what the filter finds, CSV or (format=json) a JSON list.
func (p *pages) export(w http.ResponseWriter, r *http.Request) error {
	_, filter := p.filters(r)
	out := exportweb.New(w, r)
	if r.URL.Query().Get("format") == "json" {
		return out.End(p.exportJSON(r, filter, out))
	}
	var c *export.Table
	begin := func(x export.Extent) error {
		c = out.Table(x, "cases", "number", "title", "state", "severity", "tlp", "pap", "classes", "national", "organisations", "lead", "opened", "updated", "closed")
		return nil
	}
	err := p.s.Export(r.Context(), web.Actor(r), filter, begin, func(x incident.Case) error {
		var orgs []string
		for _, o := range x.Orgs {
			orgs = append(orgs, o.Name)
		}
		return c.Row(export.Level(x.TLP), x.Number, x.Title, string(x.State), x.Severity, "TLP:"+x.TLP, "PAP:"+x.PAP, strings.Join(x.Classes, " "), strings.Join(x.National, " "),
			strings.Join(orgs, "; "), x.LeadName, moment(x.Opened), moment(x.Updated), moment(x.Closed))
	})
	if err == nil {
		err = c.Close()
	}
	return out.End(err)
}

func moment(us int64) string {
	if us == 0 {
		return ""
	}
	return clock.FromMicros(us).Format(time.RFC3339)
}

func (p *pages) exportJSON(r *http.Request, filter incident.Filter, out *exportweb.File) error {
	var l *export.List
	begin := func(x export.Extent) error { l = out.List(x, "cases"); return nil }
	err := p.s.Export(r.Context(), web.Actor(r), filter, begin, func(x incident.Case) error {
		return l.Item(export.Level(x.TLP), map[string]any{"number": x.Number, "title": x.Title, "state": x.State, "severity": x.Severity, "tlp": "TLP:" + x.TLP, "pap": "PAP:" + x.PAP,
			"rsit": x.Classes, "national": x.National, "lead": x.LeadName, "opened": moment(x.Opened), "updated": moment(x.Updated)})
	})
	if err == nil {
		err = l.Close()
	}
	return err
}

// done goes to the case with the message and the way back.
func done(d incident.Done, key string) error {
	to := base + "/" + d.Case.Number
	flash := web.Done(key)
	if d.Act != 0 {
		flash = flash.WithUndo(to+"/do/undo", "id", strconv.FormatInt(d.Act, 10))
	}
	return web.Redirect(to, flash)
}
