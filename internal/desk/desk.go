// Package desk is the front room of the person on watch: the shift's overview
// with its clocks, new reports, own cases and the hand-over, and the list of all
// correspondence. It owns no rows; it asks the hearts and shows.
package desk

import (
	"embed"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/craft/deadline"
	"straza/internal/incident"
	"straza/internal/intake"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Files are the pages and messages of the room.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Deps are the hearts the desk asks.
type Deps struct {
	Cases   *incident.Service
	Reports *intake.Service
}

type pages struct {
	t *web.Templates
	d Deps
}

// Routes declares the pages of the desk.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), d: d}
	team := web.Perm("console.use")
	m.Handle(
		web.Route{Method: "GET", Pattern: "/console", Policy: team, Reveals: "clocks, reports and cases the caller may see", Handler: p.overview},
		web.Route{Method: "POST", Pattern: "/console/handover", Policy: team, Mutates: true, Handler: p.leave},
		web.Route{Method: "POST", Pattern: "/console/handover/take", Policy: team, Mutates: true, Handler: p.take},
		web.Route{Method: "POST", Pattern: "/console/handover/{uuid}", Policy: team, Mutates: true, Handler: p.tick},
		web.Route{Method: "GET", Pattern: "/console/threads", List: true, Policy: web.Perm("incident.read"), Reveals: "threads the caller may see", Handler: p.threads},
	)
}

type overviewPage struct {
	web.Page
	Header  ui.Header
	Watch   ui.WatchLine
	Reports ui.Table
	Waiting int64
	More    int64 // reports that wait and are not shown
	Mine    ui.Table
	Lines   ui.Tasks
	Left    string // who left the lines, when one person did
	LeftAt  time.Time
	Took    time.Time // when the reader took this shift over
	Line    ui.Field
	Counts  []count
	Signals []signal
}

// count is one figure of the team's work with the list behind it.
type count struct {
	Label, Href string
	N           int64
}

// signal is one kind of report with its last day and what is usual.
type signal struct {
	Label, Sub, Change string
	Spark              ui.Spark
}

func (p *pages) overview(w http.ResponseWriter, r *http.Request) error {
	page, err := p.overviewPage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "overview", page)
}

func (p *pages) overviewPage(r *http.Request, f *web.Form) (*overviewPage, error) {
	who := web.Actor(r)
	o, err := p.d.Cases.Overview(r.Context(), who)
	if err != nil {
		return nil, err
	}
	now := web.Now(r)
	title := web.T(r, "desk.title")
	page := &overviewPage{Page: web.NewPage(r, web.ShellConsole, title)}
	shift := incident.ShiftAt(now)
	page.Header = ui.Header{Title: title, Sub: []any{i18n.LongDate(web.Lang(r), now),
		web.T(r, "desk.shift", "no", roman(shift.No), "from", i18n.Clock(web.Lang(r), shift.From), "to", i18n.Clock(web.Lang(r), shift.To))}}
	if access.Allowed(who, "intake.enter") {
		page.Header.Acts = append(page.Header.Acts, ui.Button{Label: web.T(r, "desk.phone"), Icon: "phone", Href: "/console/reports/new", Variant: "secondary"})
	}
	if access.Allowed(who, "incident.open") {
		page.Header.Acts = append(page.Header.Acts, ui.Button{Label: web.T(r, "desk.newcase"), Icon: "plus", Href: "/console/cases/new", Key: "N"})
	}
	page.Mine = mine(r, o)
	page.Counts = []count{{web.T(r, "desk.opencases"), "/console/cases", o.OpenCases}, {web.T(r, "desk.unassigned"), "/console/cases?state=open&lead=none", o.Unassigned},
		{web.T(r, "desk.unread"), "/console/threads?unread=1", o.Unread}}
	if err := p.reports(r, page); err != nil {
		return nil, err
	}
	if err := p.signals(r, page); err != nil {
		return nil, err
	}
	onWatch, err := p.handover(r, page, f)
	page.Watch = watchLine(r, o, now, onWatch)
	return page, err
}

func roman(n int) string { return strings.Repeat("I", n) }

// watchLine is the next 24 hours: one flag per clock, the shifts as bands.
func watchLine(r *http.Request, o incident.Overview, now time.Time, onWatch map[string][]string) ui.WatchLine {
	w := ui.WatchLine{}
	noon := time.Date(now.In(i18n.Belgrade).Year(), now.In(i18n.Belgrade).Month(), now.In(i18n.Belgrade).Day(), 12, 0, 0, 0, i18n.Belgrade)
	for _, k := range o.Clocks {
		due := clock.FromMicros(k.Due)
		d := ui.Deadline{Number: k.Label, Label: web.T(r, "desk.clock."+clockName(k)), Due: due, Step: step(k, o.Now), Href: href(k)}
		w.Deadlines = append(w.Deadlines, d)
		if due.Before(noon) && now.Before(noon) {
			w.Noon++
		}
	}
	for at, n := now, 0; n < 5; n++ {
		s := incident.ShiftAt(at)
		label := web.T(r, "desk.shift.n", "no", roman(s.No))
		if names := onWatch[s.Key()]; len(names) > 0 {
			label += " · " + strings.Join(names, ", ")
		}
		w.Shifts = append(w.Shifts, ui.Shift{Label: label, From: s.From, To: s.To})
		at = s.To.Add(time.Minute)
	}
	return w
}

// step translates the craft's steps into the page's.
func step(k deadline.Clock, now int64) string {
	return map[string]string{deadline.Calm: ui.StepCalm, deadline.Soon: ui.StepSoon, deadline.Hour: ui.StepLast, deadline.Late: ui.StepLate,
		deadline.Paused: ui.StepPaused, deadline.Done: ui.StepDone}[k.Step(now)]
}

// clockName is the word for what falls due; a clock that the desk does not know yet
// is only a deadline.
func clockName(k deadline.Clock) string {
	switch k.Name {
	case "answer", "task", "party", "triage":
		return k.Name
	}
	return "other"
}

func href(k deadline.Clock) string {
	switch k.Kind {
	case "case", "task", "party":
		return "/console/cases/" + k.Label
	case "report":
		return "/console/reports/" + k.Label
	}
	return ""
}

// shown is how many reports the overview lists.
const shown = 7

// reports is the head of the queue.
func (p *pages) reports(r *http.Request, page *overviewPage) error {
	page.Reports = ui.Table{Caption: web.T(r, "desk.reports"), Columns: []ui.Column{{Label: web.T(r, "desk.due"), Width: "clock"}, {Label: web.T(r, "desk.report")},
		{Label: web.T(r, "desk.severity"), Width: "mark", Drop: 2}, {Label: web.T(r, "desk.tlp"), Width: "mark", Drop: 1}, {Label: web.T(r, "desk.received"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "inbox", Title: web.T(r, "desk.reports.empty"), Text: web.T(r, "desk.reports.empty.text")}}
	if p.d.Reports == nil || !access.Allowed(web.Actor(r), "intake.read") {
		return nil
	}
	f := intake.Filter{State: "open"}
	list, _, err := p.d.Reports.List(r.Context(), web.Actor(r), f, intake.Page{Limit: shown})
	if err != nil {
		return err
	}
	if page.Waiting, _, err = p.d.Reports.Count(r.Context(), web.Actor(r), f); err != nil {
		return err
	}
	page.More = page.Waiting - int64(len(list))
	for i := range list {
		page.Reports.Rows = append(page.Reports.Rows, p.reportRow(r, &list[i]))
	}
	return nil
}

func (p *pages) reportRow(r *http.Request, x *intake.Report) ui.Row {
	href := "/console/reports/" + x.Number
	name := ui.Name{Text: x.Title, Href: href, Sub: []any{x.Number}}
	if name.Text == "" {
		name.Text = web.T(r, "desk.sealed")
		if what := p.d.Reports.Book().WhatLabel(x.What).In(web.Lang(r)); what != "" {
			name.Text += ": " + what
		}
	}
	if x.OrgName != "" {
		name.Sub = append(name.Sub, x.OrgName)
	}
	if x.AssigneeName != "" {
		name.Sub = append(name.Sub, web.T(r, "desk.works", "name", x.AssigneeName))
	}
	due, what := x.Due()
	k := ui.Clock{Start: x.Received, Due: due}
	if what != "" {
		k.Label = web.T(r, "desk.clock."+what)
	}
	return ui.Row{Href: href, Cells: []any{k, name, ui.Severity{Level: x.Severity}, ui.TLP(x.TLP), x.Received}}
}

// signals are the four busiest kinds of report beside what is usual.
func (p *pages) signals(r *http.Request, page *overviewPage) error {
	if p.d.Reports == nil || !access.Allowed(web.Actor(r), "intake.read") {
		return nil
	}
	list, err := p.d.Reports.Signals(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	l := web.Lang(r)
	for _, x := range list[:min(4, len(list))] {
		s := signal{Label: p.d.Reports.Book().WhatLabel(x.What).In(l), Sub: web.T(r, "desk.signal.sub", "n", x.Now, "usual", i18n.Decimal(l, x.Usual(), 1))}
		if s.Label == "" {
			s.Label = x.What
		}
		s.Spark.Amber = x.Now > 1 && float64(x.Now) >= 1.5*x.Usual()
		if x.Before >= 7 { // fewer than one a day: a percentage of next to nothing says nothing
			share := float64(x.Now)/x.Usual() - 1
			s.Change = strings.Replace(i18n.Percent(l, share, 0), "-", "−", 1)
			if share > 0 {
				s.Change = "+" + s.Change
			}
		}
		s.Spark.Values, s.Spark.Label = x.Last[:], web.T(r, "desk.signal.spark", "what", s.Label)
		page.Signals = append(page.Signals, s)
	}
	return nil
}

// mine are the reader's own cases, each with the nearest clock of anything in it.
func mine(r *http.Request, o incident.Overview) ui.Table {
	t := ui.Table{Caption: web.T(r, "desk.mine"), Columns: []ui.Column{{Label: web.T(r, "desk.case")}, {Label: web.T(r, "desk.severity"), Width: "mark"}, {Label: web.T(r, "desk.state"), Width: "mark", Drop: 3},
		{Label: web.T(r, "desk.nearest"), Width: "clock", Drop: 2}, {Label: web.T(r, "desk.tasks"), Num: true, Drop: 1}, {Label: web.T(r, "desk.changed"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "folder-open", Title: web.T(r, "desk.mine.empty"), Text: web.T(r, "desk.mine.empty.text"), Acts: []ui.Button{{Label: web.T(r, "desk.unassigned"), Href: "/console/cases?state=open&lead=none", Variant: "secondary"}}}}
	for _, c := range o.Mine {
		href := "/console/cases/" + c.Number
		nearest := c.Clock
		for i, k := range o.Clocks {
			if k.Label == c.Number && k.Kind != "report" && (nearest == nil || nearest.Paused > 0 || k.Due < nearest.Due) {
				nearest = &o.Clocks[i]
			}
		}
		var k any = web.T(r, "desk.noclock")
		if nearest != nil {
			k = clockOf(r, *nearest)
		}
		t.Rows = append(t.Rows, ui.Row{Href: href, Cells: []any{ui.Name{Text: c.Title, Href: href, Sub: []any{c.Number}}, ui.Severity{Level: c.Severity}, state(r, c.State), k,
			strconv.FormatInt(c.Done, 10) + "/" + strconv.FormatInt(c.Tasks, 10), clock.FromMicros(c.Updated)}})
	}
	return t
}

func clockOf(r *http.Request, k deadline.Clock) ui.Clock {
	c := ui.Clock{Start: clock.FromMicros(k.Started), Due: clock.FromMicros(k.Due), Label: web.T(r, "desk.clock."+clockName(k))}
	if k.Paused > 0 {
		c.Paused = k.Why
	}
	return c
}

func state(r *http.Request, s incident.State) ui.State {
	kind := map[incident.State]string{incident.Fresh: ui.StateNew, incident.InProgress: ui.StateWorking, incident.Waiting: ui.StateWaiting,
		incident.Resolved: ui.StateDone, incident.Closed: ui.StateDone}[s]
	return ui.State{Kind: kind, Word: web.T(r, "incident.state."+string(s))}
}

// handover gives the lines that earlier shifts left, and who took which shift over.
func (p *pages) handover(r *http.Request, page *overviewPage, f *web.Form) (onWatch map[string][]string, err error) {
	list, err := p.d.Cases.Handover(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	page.Line = f.Field("body", "desk.line")
	page.Line.Type, page.Line.Rows = "textarea", 2
	onWatch = map[string][]string{}
	shift, authors := incident.ShiftAt(web.Now(r)).Key(), map[string]bool{}
	for _, l := range list {
		if l.Taken {
			if first, _, _ := strings.Cut(l.Author, " "); !slices.Contains(onWatch[l.Shift], first) {
				onWatch[l.Shift] = append(onWatch[l.Shift], first)
			}
			if l.Shift == shift && l.Author == web.Actor(r).Name {
				page.Took = clock.FromMicros(l.At)
			}
			continue
		}
		if page.LeftAt.IsZero() {
			page.Left, page.LeftAt = l.Author, clock.FromMicros(l.At)
		}
		authors[l.Author] = true
		t := ui.Task{Title: l.Body, Done: l.DoneAt > 0, Note: l.Author, Action: "/console/handover/" + l.UUID, Hidden: map[string]string{}}
		if t.Done {
			t.Hidden["open"] = "1"
		}
		page.Lines.Items = append(page.Lines.Items, t)
	}
	if len(authors) == 1 { // one hand wrote them all: it stands in the head
		for i := range page.Lines.Items {
			page.Lines.Items[i].Note = ""
		}
	}
	return onWatch, nil
}

func (p *pages) leave(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	err = p.d.Cases.LeaveLine(r.Context(), web.Actor(r), f.Text("body", 1000))
	if f.Fail(err) {
		page, perr := p.overviewPage(r, f)
		if perr != nil {
			return perr
		}
		page.Errors = f.Summary("body")
		return p.t.Invalid(w, r, "overview", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect("/console", web.Done("desk.done.line"))
}

func (p *pages) take(_ http.ResponseWriter, r *http.Request) error {
	if err := p.d.Cases.TakeShift(r.Context(), web.Actor(r)); err != nil {
		return err
	}
	return web.Redirect("/console", web.Done("desk.done.taken"))
}

func (p *pages) tick(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	if err := p.d.Cases.TickLine(r.Context(), web.Actor(r), r.PathValue("uuid"), f.Values.Get("open") == ""); err != nil {
		return err
	}
	return web.Redirect("/console", web.Done("desk.done.tick"))
}
