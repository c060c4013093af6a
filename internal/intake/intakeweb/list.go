package intakeweb

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"straza/internal/craft/export"
	"straza/internal/craft/export/exportweb"
	"straza/internal/intake"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

const base = "/console/reports"

type listPage struct {
	web.Page
	Header ui.Header
	Bar    ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
	Bulk   *ui.BulkBar
}

// filters reads the list's filters, and the order that goes with them.
func (p *pages) filters(r *http.Request) (*web.Filters, intake.Filter, string) {
	opts := func(prefix string, values ...string) (out []ui.Option) {
		for _, v := range values {
			out = append(out, ui.Option{Value: v, Label: web.T(r, prefix+v)})
		}
		return out
	}
	f := web.ReadFilters(r,
		web.FilterSpec{Name: "state", Label: web.T(r, "queue.state"), Default: "open", Options: opts("queue.state.", "open", "new", "acknowledged", "accepted", "rejected", "handed_over", "duplicate")},
		web.FilterSpec{Name: "type", Label: web.T(r, "queue.type"), Options: opts("queue.type.", "incident", "near_miss", "threat", "vulnerability", "question")},
		web.FilterSpec{Name: "severity", Label: web.T(r, "queue.severity"), Options: opts("ui.severity.", intake.Severities...)},
		web.FilterSpec{Name: "channel", Label: web.T(r, "queue.channel"), Options: opts("queue.channel.", "web", "phone", "email", "api", "portal")},
		web.FilterSpec{Name: "mine", Label: web.T(r, "queue.mine"), Options: opts("queue.mine.", "1")},
		web.FilterSpec{Name: "late", Label: web.T(r, "queue.late"), Options: opts("queue.late.", "1")}, web.Sorted(intake.Sorts...))
	q := intake.Filter{State: f.Get("state"), Type: intake.Type(f.Get("type")), Severity: f.Get("severity"), Channel: intake.Channel(f.Get("channel")), Mine: f.Get("mine") == "1", Late: f.Get("late") == "1", Query: f.Get("q")}
	return f, q, f.Get("sort")
}

// near puts the ways to the neighbours in the list that the report was opened from into
// its header, and the list itself into the crumbs.
func (p *pages) near(r *http.Request, page *showPage) error {
	if web.FromElsewhere(r) {
		return nil
	}
	f, q, sort := p.filters(web.FromList(r, base))
	prev, next, err := p.s.Neighbours(r.Context(), web.Actor(r), q, sort, page.Number)
	if err != nil {
		return err
	}
	f.Around(&page.Header, base, prev, next)
	page.Crumbs[0].Href = f.Address()
	return nil
}

func (p *pages) list(w http.ResponseWriter, r *http.Request) error {
	f, q, sort := p.filters(r)
	if r.URL.Query().Get("format") == "csv" {
		return p.export(w, r, q, sort)
	}
	list, next, err := p.s.List(r.Context(), web.Actor(r), q, intake.Page{Sort: sort, Cursor: f.Cursor()})
	if err != nil {
		return err
	}
	n, more, err := p.s.Count(r.Context(), web.Actor(r), q)
	if err != nil {
		return err
	}
	page := &listPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "queue.title")), Header: ui.Header{Title: web.T(r, "queue.title"), Sub: []any{countOf(r, n, more)}}}
	if access.Allowed(web.Actor(r), "intake.enter") {
		page.Header.Acts = []ui.Button{{Label: web.T(r, "queue.phone"), Icon: "phone", Href: "/console/reports/new", Key: "N"}}
	}
	page.Bar = f.Bar(web.T(r, "queue.search"), exportweb.Offer(r, f.With("format", "csv"), n, more)...)
	page.Table = p.table(r, f, list)
	if more {
		n = 0 // the paging line then names no total
	}
	page.Pages = f.Pages(len(list), n, next)
	if access.Allowed(web.Actor(r), "intake.triage") && len(list) > 0 {
		page.Table.Select, page.Table.Form = true, "bulk"
		page.Bulk = &ui.BulkBar{Form: "bulk", Action: "/console/reports", Hidden: map[string]string{"back": r.URL.RequestURI()},
			Acts: []ui.Button{ui.Button{Label: web.T(r, "queue.take")}.Secondary().Little().Keyed("A").With("act", "take"),
				ui.Button{Label: web.T(r, "queue.bulk.duplicate")}.Secondary().Little().Keyed("M").With("act", "duplicate")}}
	}
	return p.t.Render(w, r, "list", page)
}

// countOf says how many, or that there are more than anybody counts.
func countOf(r *http.Request, n int64, more bool) string {
	if more {
		return web.T(r, "queue.many", "n", n)
	}
	return web.T(r, "queue.n", "n", n)
}

func (p *pages) table(r *http.Request, f *web.Filters, list []intake.Report) ui.Table {
	t := ui.Table{Caption: web.T(r, "queue.title"), Columns: []ui.Column{{Label: web.T(r, "queue.due"), Width: "clock"}, {Label: web.T(r, "queue.report")}, f.Sort(web.T(r, "queue.severity"), "severity").Sized("mark", 2),
		{Label: web.T(r, "queue.tlp"), Width: "mark", Drop: 1}, f.Sort(web.T(r, "queue.received"), "received").Sized("mark", 3)},
		Empty: &ui.Empty{Icon: "sun", Title: web.T(r, "queue.empty"), Text: web.T(r, "queue.empty.text")}}
	if f.Get("q") != "" || f.Get("type") != "" || f.Get("severity") != "" || f.Get("channel") != "" || f.Get("late") != "" {
		t.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "queue.filtered"), Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: "/console/reports", Variant: "secondary"}}}
	}
	if f.Get("state") == "open" { // what is decided has no clock to be ordered by
		t.Columns[0] = f.SortDefault(web.T(r, "queue.due"), "due").Sized("clock", 0)
	} else {
		t.Columns[4] = f.SortDefault(web.T(r, "queue.received"), "-received").Sized("mark", 3)
	}
	for i := range list {
		x := &list[i]
		href := f.Item(base + "/" + x.Number)
		name := ui.Name{Text: p.titleOf(r, x), Href: href, Sub: []any{x.Number}}
		if x.OrgName != "" {
			name.Sub = append(name.Sub, x.OrgName)
		}
		if len(x.RSIT) > 0 {
			name.Sub = append(name.Sub, p.s.Book().RSITLabel(x.RSIT[0]))
		}
		if x.Similar > 0 {
			name.Marks = append(name.Marks, ui.Tag{Word: web.T(r, "queue.similar", "n", x.Similar), Icon: "git-merge"})
		}
		if x.CaseNumber != "" {
			name.Marks = append(name.Marks, ui.Tag{Word: x.CaseNumber, Icon: "folder", Href: "/console/cases/" + x.CaseNumber, Mono: true})
		}
		if x.Unread > 0 {
			name.Marks = append(name.Marks, ui.Tag{Word: web.T(r, "queue.wrote"), Icon: "message"})
		}
		t.Rows = append(t.Rows, ui.Row{ID: x.Number, Name: x.Number, Href: href, Off: x.State == intake.Rejected, Cells: []any{clockOf(r, x), name, ui.Severity{Level: x.Severity}, ui.TLP(x.TLP), x.Received}})
	}
	return t
}

// titleOf is what the queue calls a report: its first words, or what was chosen.
func (p *pages) titleOf(r *http.Request, x *intake.Report) string {
	if x.Title != "" {
		return x.Title
	}
	what := p.s.Book().WhatLabel(x.What).In(web.Lang(r))
	if x.Sealed {
		if what == "" {
			what = web.T(r, "queue.type."+string(x.Type))
		}
		return web.T(r, "queue.sealed", "what", what)
	}
	if what != "" {
		return what
	}
	return x.Number
}

// clockOf is the report's nearest clock, or its state when none runs.
func clockOf(r *http.Request, x *intake.Report) any {
	due, name := x.Due()
	if name == "" || !x.State.Open() && name == "triage" {
		return stateOf(r, x.State)
	}
	return ui.Clock{Start: x.Received, Due: due, Label: web.T(r, "queue.clock."+name)}
}

func stateOf(r *http.Request, s intake.State) ui.State {
	kind := map[intake.State]string{intake.Incoming: ui.StateNew, intake.Acknowledged: ui.StateAck, intake.Accepted: ui.StateDone, intake.Rejected: ui.StateRefused, intake.HandedOver: ui.StateDone, intake.Duplicate: ui.StateDone}[s]
	return ui.State{Kind: kind, Word: web.T(r, "queue.state."+string(s))}
}

func (p *pages) export(w http.ResponseWriter, r *http.Request, q intake.Filter, sort string) error {
	out := exportweb.New(w, r)
	var c *export.Table
	begin := func(x export.Extent) error {
		c = out.Table(x, "reports", "number", "state", "type", "channel", "title", "organisation", "rsit", "severity", "tlp", "received", "triage_due", "answer_due", "case")
		return nil
	}
	err := p.s.Export(r.Context(), web.Actor(r), q, sort, begin, func(x intake.Report) error {
		return c.Row(export.Level(x.TLP), x.Number, string(x.State), string(x.Type), string(x.Channel), x.Title, x.OrgName, strings.Join(x.RSIT, " "), x.Severity, "TLP:"+x.TLP,
			x.Received.Format(time.RFC3339), x.TriageDue.Format(time.RFC3339), x.AnswerDue.Format(time.RFC3339), x.CaseNumber)
	})
	if err == nil {
		err = c.Close()
	}
	return out.End(err)
}

// bulk does one act on the rows ticked: take them, or join them to the one that came
// first. The whole press can be taken back.
func (p *pages) bulk(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ctx, who, ids := r.Context(), web.Actor(r), f.Many("id")
	back := web.LocalPath(f.Values.Get("back"), base)
	if len(ids) == 0 || len(ids) > intake.MaxBulk {
		return web.Redirect(back, web.Done("queue.bulk.none"))
	}
	var b intake.Bulk
	key := ""
	switch f.Values.Get("act") {
	case "take":
		key = "queue.bulk.took"
		b, err = p.s.TakeAll(ctx, who, ids)
	case "duplicate":
		key = "queue.bulk.joined"
		b, err = p.s.JoinAll(ctx, who, ids)
	default:
		return fault.New(fault.NotFound, "bulk act")
	}
	if err != nil {
		return err
	}
	flash := web.Done(key, "n", b.Done)
	if b.Left > 0 {
		flash = web.Done(key+".left", "n", b.Done, "left", b.Left)
	}
	if b.ID != 0 {
		flash = flash.WithUndo(base+"/undo", "bulk", strconv.FormatInt(b.ID, 10), "back", back)
	}
	return web.Redirect(back, flash)
}

// undoBulk takes one press on several rows back, and says how many of them could no
// longer be.
func (p *pages) undoBulk(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	back := web.LocalPath(f.Values.Get("back"), base)
	b, err := p.s.UndoBulk(r.Context(), web.Actor(r), f.Int("bulk"))
	if fault.Is(err, fault.Conflict) {
		return web.Redirect(back, web.Done("queue.bulk.late"))
	}
	if err != nil {
		return err
	}
	if b.Left > 0 {
		return web.Redirect(back, web.Done("queue.bulk.undone.left", "n", b.Done, "left", b.Left))
	}
	return web.Redirect(back, web.Done("queue.bulk.undone", "n", b.Done))
}
