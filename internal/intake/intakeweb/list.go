package intakeweb

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
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

func (p *pages) list(w http.ResponseWriter, r *http.Request) error {
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
		web.FilterSpec{Name: "late", Label: web.T(r, "queue.late"), Options: opts("queue.late.", "1")})
	q := intake.Filter{State: f.Get("state"), Type: intake.Type(f.Get("type")), Severity: f.Get("severity"), Channel: intake.Channel(f.Get("channel")), Mine: f.Get("mine") == "1", Late: f.Get("late") == "1", Query: f.Get("q")}
	if r.URL.Query().Get("format") == "csv" {
		return p.export(w, r, q)
	}
	sort := intake.ByReceived
	if q.State == "open" {
		sort = intake.ByDue
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
	page.Bar = f.Bar(web.T(r, "queue.search"), ui.Button{Label: web.T(r, "queue.export"), Icon: "download", Href: f.With("format", "csv"), Variant: "tertiary"})
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
	t := ui.Table{Caption: web.T(r, "queue.title"), Columns: []ui.Column{{Label: web.T(r, "queue.due"), Width: "clock"}, {Label: web.T(r, "queue.report")}, {Label: web.T(r, "queue.severity"), Width: "mark", Drop: 2},
		{Label: web.T(r, "queue.tlp"), Width: "mark", Drop: 1}, {Label: web.T(r, "queue.received"), Width: "mark", Drop: 3}},
		Empty: &ui.Empty{Icon: "sun", Title: web.T(r, "queue.empty"), Text: web.T(r, "queue.empty.text")}}
	if f.Get("q") != "" || f.Get("type") != "" || f.Get("severity") != "" || f.Get("channel") != "" || f.Get("late") != "" {
		t.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "queue.filtered"), Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: "/console/reports", Variant: "secondary"}}}
	}
	for i := range list {
		x := &list[i]
		href := "/console/reports/" + x.Number
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

func (p *pages) export(w http.ResponseWriter, r *http.Request, q intake.Filter) error {
	c := web.NewCSV(w, "reports", "number", "state", "type", "channel", "title", "organisation", "rsit", "severity", "tlp", "received", "triage_due", "answer_due", "case")
	err := p.s.Export(r.Context(), web.Actor(r), q, func(x intake.Report) error {
		return c.Row(x.Number, string(x.State), string(x.Type), string(x.Channel), x.Title, x.OrgName, strings.Join(x.RSIT, " "), x.Severity, "TLP:"+x.TLP,
			x.Received.Format(time.RFC3339), x.TriageDue.Format(time.RFC3339), x.AnswerDue.Format(time.RFC3339), x.CaseNumber)
	})
	if err != nil {
		return err
	}
	return c.Close()
}

// maxBulk caps what one press may touch: a page of the list.
const maxBulk = 200

// bulk does one act on the rows ticked: take them, or join them to the one that came
// first. Each is a step of its own that can be undone on its report.
func (p *pages) bulk(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ctx, who, ids := r.Context(), web.Actor(r), f.Many("id")
	back := web.LocalPath(f.Values.Get("back"), "/console/reports")
	if len(ids) == 0 || len(ids) > maxBulk {
		return web.Redirect(back, web.Done("queue.bulk.none"))
	}
	var list []intake.Report
	for _, id := range ids {
		x, err := p.s.Get(ctx, who, id)
		if err != nil {
			return err
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b intake.Report) int { return a.Received.Compare(b.Received) })
	done := 0
	for i := range list {
		switch f.Values.Get("act") {
		case "take":
			_, err = p.s.Take(ctx, who, list[i].UUID)
		case "duplicate":
			if i == 0 {
				continue
			}
			_, err = p.s.MarkDuplicate(ctx, who, list[i].UUID, list[i].Version, list[0].Number)
		default:
			return fault.New(fault.NotFound, "bulk act")
		}
		if fault.Is(err, fault.Conflict) { // decided already: left as it is, and not counted
			continue
		}
		if err != nil {
			return err
		}
		done++
	}
	return web.Redirect(back, web.Done("queue.bulk.done", "n", done))
}
