package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type overviewPage struct {
	web.Page
	Header ui.Header
	Tabs   ui.Tabs
	Facts  ui.Facts
	Jobs   ui.Facts
}

func (p *pages) overview(w http.ResponseWriter, r *http.Request) error {
	page := &overviewPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "admin.title")), Header: ui.Header{Title: web.T(r, "admin.title")}, Tabs: tabs(r, "")}
	for _, f := range p.d.Facts(r.Context()) {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, f.Name), Value: f.Value})
	}
	counts, err := p.d.Jobs.Counts(r.Context())
	if err != nil {
		return err
	}
	for _, s := range []string{jobs.Waiting, jobs.Running, jobs.Quarantined} {
		page.Jobs.Items = append(page.Jobs.Items, ui.Fact{Label: web.T(r, "admin.jobs."+s), Value: strconv.FormatInt(counts[s], 10)})
	}
	return p.t.Render(w, r, "overview", page)
}

func (p *pages) jobs(w http.ResponseWriter, r *http.Request) error {
	f := web.ReadFilters(r, web.FilterSpec{Name: "state", Label: web.T(r, "admin.state"), Default: jobs.Quarantined, Options: []ui.Option{
		{Value: jobs.Quarantined, Label: web.T(r, "admin.jobs.quarantined")}, {Value: jobs.Waiting, Label: web.T(r, "admin.jobs.waiting")},
		{Value: jobs.Running, Label: web.T(r, "admin.jobs.running")}, {Value: jobs.Done, Label: web.T(r, "admin.jobs.done")}}})
	var before int64
	if err := web.DecodeCursor(f.Cursor(), &before); err != nil {
		return err
	}
	state := f.Get("state")
	if state == "" {
		state = jobs.Quarantined
	}
	rows, next, err := p.d.Jobs.List(r.Context(), web.Actor(r), state, before)
	if err != nil {
		return err
	}
	page := newList(r, "jobs")
	bar := f.Bar("")
	page.Bar = &bar
	page.Table = jobTable(r, rows)
	cursor := ""
	if next != 0 {
		cursor = web.EncodeCursor(next)
	}
	page.Pages = f.Pages(len(rows), 0, cursor)
	return p.t.Render(w, r, "jobs", page)
}

func jobTable(r *http.Request, rows []jobs.Row) ui.Table {
	t := ui.Table{Caption: web.T(r, "admin.jobs"), Columns: []ui.Column{{Label: web.T(r, "admin.jobs.kind")}, {Label: web.T(r, "admin.jobs.when"), Width: "mark"},
		{Label: web.T(r, "admin.jobs.try"), Num: true, Drop: 2}, {Label: web.T(r, "admin.jobs.reason"), Drop: 1}, {Label: web.T(r, "admin.acts"), Hidden: true, Width: "mark"}},
		Empty: &ui.Empty{Icon: "sun", Title: web.T(r, "admin.jobs.empty"), Text: web.T(r, "admin.jobs.empty.text")}}
	for _, j := range rows {
		var acts ui.Acts
		if j.State == jobs.Quarantined {
			base := fmt.Sprintf("/administration/jobs/%d/", j.ID)
			acts = ui.Acts{Form: "jobs", Items: []ui.Button{{Label: web.T(r, "admin.jobs.again"), Action: base + "again", Variant: "tertiary", Small: true},
				{Label: web.T(r, "admin.jobs.discard"), Action: base + "discard", Variant: "tertiary", Small: true, Danger: true}}}
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{ui.Name{Text: j.Kind, Mono: true, Sub: []any{strconv.FormatInt(j.ID, 10)}}, clock.FromMicros(j.RunAt), strconv.FormatInt(j.Attempt, 10), ui.Machine(j.Reason), acts}})
	}
	return t
}

func (p *pages) decideJob(_ http.ResponseWriter, r *http.Request) error {
	id, err := web.ID(r, "id")
	if err != nil {
		return err
	}
	switch r.PathValue("act") {
	case "again":
		err = p.d.Jobs.Again(r.Context(), web.Actor(r), p.d.Audit, id)
	case "discard":
		err = p.d.Jobs.Discard(r.Context(), web.Actor(r), p.d.Audit, id)
	default:
		err = fault.New(fault.NotFound, "act %q", r.PathValue("act"))
	}
	if err != nil {
		return err
	}
	return web.Redirect("/administration/jobs", web.Done("admin.jobs.done."+r.PathValue("act")))
}

func (p *pages) letters(w http.ResponseWriter, r *http.Request) error {
	var before int64
	if err := web.DecodeCursor(r.URL.Query().Get("cursor"), &before); err != nil {
		return err
	}
	list, err := p.d.Post.List(r.Context(), web.Actor(r), before)
	if err != nil {
		return err
	}
	page := newList(r, "letters")
	page.Table = letterTable(r, list, false)
	if len(list) == 50 {
		page.Pages = &ui.Pagination{Next: "/administration/letters?cursor=" + web.EncodeCursor(list[49].ID)}
	}
	return p.t.Render(w, r, "letters", page)
}

func letterTable(r *http.Request, list []mail.Letter, whole bool) ui.Table {
	t := ui.Table{Caption: web.T(r, "admin.letters"), Columns: []ui.Column{{Label: web.T(r, "admin.letters.what")}, {Label: web.T(r, "admin.state"), Width: "mark"}, {Label: web.T(r, "admin.letters.when"), Width: "mark"}},
		Empty: &ui.Empty{Icon: "mail", Title: web.T(r, "admin.letters.empty")}}
	kinds := map[string]string{mail.Queued: ui.StateWaiting, mail.Sent: ui.StateDone, mail.Caught: ui.StateAck, mail.Failed: ui.StateRefused}
	for _, l := range list {
		name := ui.Name{Text: l.Subject, Sub: []any{letterKind(r, l.Purpose)}}
		if whole {
			name.Sub = []any{l.To, l.Body}
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{name, ui.State{Kind: kinds[l.State], Word: web.T(r, "admin.letters."+l.State)}, clock.FromMicros(l.Created)}})
	}
	return t
}

// letterKinds are the purposes that letters are queued with, as keys of words.
var letterKinds = map[string]string{"account.invitation": "invitation", "account.reset": "reset", "account.changed": "changed", "registry.verify": "verify",
	"thread": "thread", "case": "case", "intel": "intel", "rule": "rule"}

// letterKind says in words what a letter is for; what comes new is a notice.
func letterKind(r *http.Request, purpose string) string {
	key, known := letterKinds[purpose]
	if !known {
		key = "notice"
	}
	return web.T(r, "admin.letter."+key)
}

type devMailPage struct {
	web.Page
	Letters []devLetter
	Empty   ui.Empty
}

type devLetter struct {
	To, Subject, Body string
	When              time.Time
}

// devMail shows the letters that a demo installation caught.
func (p *pages) devMail(w http.ResponseWriter, r *http.Request) error {
	list, err := p.d.Post.ListCaught(r.Context(), 0)
	if err != nil {
		return err
	}
	page := &devMailPage{Page: web.NewPage(r, web.ShellBare, web.T(r, "admin.devmail")), Empty: ui.Empty{Icon: "mail", Title: web.T(r, "admin.letters.empty")}}
	for _, l := range list {
		page.Letters = append(page.Letters, devLetter{l.To, l.Subject, l.Body, clock.FromMicros(l.Created)})
	}
	return p.t.Render(w, r, "devmail", page)
}
