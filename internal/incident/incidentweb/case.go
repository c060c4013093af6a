package incidentweb

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"straza/internal/incident"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type casePage struct {
	web.Page
	Header    ui.Header
	At        string // address of the case
	Version   int64
	May       bool // change it
	Next      *ui.NextStep
	Summary   string
	Changed   time.Time
	Known     ui.Facts
	Moves     []ui.Button
	Reason    ui.Field
	Assign    *ui.Field
	Timeline  ui.Timeline
	Lines     int64 // of the whole timeline
	Kinds     []ui.Tab
	Paging    *ui.Pagination
	Entry     []ui.Field
	Tasks     ui.Tasks
	Task      []ui.Field
	Left      []int
	Measures  []measureRow
	Measure   []ui.Field
	Parties   ui.Tabs
	Party     *partyView
	NewParty  []ui.Field
	Notes     []ui.Message
	Note      ui.Field
	Evidence  []evidenceRow
	File      []ui.Field
	Facts     ui.Facts
	Links     []linkRow
	Link      []ui.Field
	Org       ui.Field
	Orgs      []incident.Org
	Readers   []string
	History   []historyRow
	Merge     *ui.Field
	Split     *splitView
	Hand      *handView
	Merged    []string
	Erased    *ui.Note // its texts went by term
	Intel     bool     // may make indicators of it
	Events    []eventRow
	eventAt   map[int64]string // of the events that the reader sees
	Edit      ui.Button
	Parts     []ui.Tab // ways to the panels of the page
	TasksDone string   // 2/5
}

// eventRow is a linked event whose indicators came from the case.
type eventRow struct {
	Href, Title, Sub, TLP string
	State                 ui.State
}

type part struct {
	Name, Label, Value string
}

func (p *pages) show(w http.ResponseWriter, r *http.Request) error {
	page, err := p.casePage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "case", page)
}

// casePage reads the case (which is recorded) and makes its page; f holds what was
// typed when an act was refused.
func (p *pages) casePage(r *http.Request, f *web.Form) (*casePage, error) {
	who := web.Actor(r)
	x, err := p.s.ReadLines(r.Context(), who, r.PathValue("number"), linesOf(r))
	if err != nil {
		return nil, err
	}
	page := &casePage{Page: web.NewPage(r, web.ShellConsole, x.Number+" "+x.Title), At: base + "/" + x.Number, Version: x.Version, Summary: x.Summary,
		Changed: clock.FromMicros(x.Updated), Merged: x.Merged, Orgs: x.Orgs, Intel: access.Allowed(who, "intel.write")}
	if x.Erased != 0 {
		page.Erased = &ui.Note{Kind: "info", Title: web.T(r, "incident.erased"), Body: web.T(r, "incident.erased.text", "day", i18n.Date(web.Lang(r), clock.FromMicros(x.Erased)))}
	}
	page.May = access.Allowed(who, "incident.write") && who.CERT == x.CERT
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "incident.title"), Href: base}, {Label: x.Number}}
	page.Print, page.Foot = "TLP:"+x.TLP, x.Number
	p.head(r, page, &x, f)
	if err := p.near(r, page, x.Number); err != nil {
		return nil, err
	}
	p.next(r, page, &x)
	p.story(r, page, &x, f)
	p.work(r, page, &x, f)
	p.proofs(r, page, &x, f)
	if err := p.events(r, page); err != nil {
		return nil, err
	}
	p.rail(r, page, &x, f)
	if page.May {
		if page.Hand, err = p.hand(r, &x, f); err != nil {
			return nil, err
		}
	}
	page.parts(r, &x)
	return page, p.parties(r, page, &x, f)
}

// events are the linked events that the reader may see, with how much stands in them.
func (p *pages) events(r *http.Request, page *casePage) error {
	if !page.Intel {
		return nil
	}
	list, _, err := p.s.Events(r.Context(), web.Actor(r), strings.TrimPrefix(page.At, base+"/"))
	if fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Denied) {
		page.Intel = false
		return nil
	}
	page.eventAt = map[int64]string{}
	for _, e := range list {
		row := eventRow{Href: "/console/events/" + e.Ref(), Title: e.Info, Sub: web.T(r, "incident.indicators.n", "n", e.Attributes), TLP: e.TLP, State: ui.State{Kind: ui.StateNew, Word: web.T(r, "incident.event.draft")}}
		if e.Published {
			row.State = ui.State{Kind: ui.StateDone, Word: web.T(r, "incident.event.published")}
		}
		page.Events = append(page.Events, row)
		page.eventAt[e.ID] = row.Href
	}
	return err
}

// parts are the ways to the page's panels, with how much stands in each.
func (page *casePage) parts(r *http.Request, x *incident.File) {
	done := 0
	for _, t := range x.Tasks {
		if t.DoneAt > 0 {
			done++
		}
	}
	if len(x.Tasks) > 0 {
		page.TasksDone = fmt.Sprintf("%d/%d", done, len(x.Tasks))
	}
	count := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	for _, t := range []struct{ key, id, count string }{{"incident.known", "known", ""}, {"incident.timeline", "timeline", count(int(allLines(x)))}, {"incident.tasks", "tasks", page.TasksDone},
		{"incident.measures", "measures", count(len(x.Measures))}, {"incident.threads", "threads", count(len(x.Parties))}, {"incident.indicators", "indicators", count(len(page.Events))},
		{"incident.notes", "notes", count(len(x.Notes))}, {"incident.evidence", "evidence", count(len(x.Evidence))}} {
		if t.id != "indicators" || page.Intel {
			page.Parts = append(page.Parts, ui.Tab{Label: web.T(r, t.key), Href: "#" + t.id, Count: t.count})
		}
	}
}

func (p *pages) head(r *http.Request, page *casePage, x *incident.File, f *web.Form) {
	h := ui.Header{Number: x.Number, Title: x.Title, Marks: []any{State(r, x.State)}}
	if x.Severity != "" {
		h.Marks = append(h.Marks, ui.Severity{Level: x.Severity, Pill: true})
	}
	h.Marks = append(h.Marks, ui.TLP(x.TLP), ui.PAP(x.PAP))
	for _, t := range x.Tags {
		h.Marks = append(h.Marks, ui.Tag{Word: t})
	}
	for i, o := range x.Orgs {
		if i < 2 {
			h.Sub = append(h.Sub, o.Name)
		}
	}
	if x.LeadName != "" {
		h.Sub = append(h.Sub, web.T(r, "incident.leads", "name", x.LeadName))
	} else {
		h.Sub = append(h.Sub, web.T(r, "incident.nolead"))
	}
	h.Sub = append(h.Sub, web.T(r, "incident.opened"), clock.FromMicros(x.Opened))
	for _, k := range x.Clocks {
		label := web.T(r, "incident.clock."+k.Name)
		if k.Kind == "party" {
			label = web.T(r, "incident.clock.party", "name", k.Label)
		}
		c := Clock(r, k)
		c.Until = c.Step(web.Now(r)) != ui.StepLate // late says how late; until when is in the list of acts
		h.Clocks = append(h.Clocks, ui.LabelledClock{Label: label, Clock: c})
	}
	page.Edit = ui.Button{Label: web.T(r, "incident.edit"), Icon: "pencil", Href: web.InList(r, page.At+"/edit"), Variant: "secondary", Key: "E"}
	page.Header = h
	page.Reason = f.Field("move_reason", "incident.reason")
	page.Reason.Hint = web.T(r, "incident.reason.hint")
	page.Reason.Optional = true
	for _, to := range x.State.Next() {
		b := ui.Button{Label: web.T(r, "incident.move."+string(to)), Name: "to", Value: string(to), Variant: "secondary"}
		if (to == incident.Closed || x.State == incident.Closed) && !web.Actor(r).Can("incident.close") {
			continue
		}
		if to == incident.Closed {
			b = ui.Button{Label: web.T(r, "incident.move.closed"), Href: page.At + "/close", Variant: "secondary"}
		}
		page.Moves = append(page.Moves, b)
	}
	if p.d.Team != nil && page.May {
		if team, err := p.d.Team(r.Context(), web.Actor(r)); err == nil {
			a := f.Field("lead", "incident.lead")
			a.Type, a.Options = "select", []ui.Option{{Value: "0", Label: web.T(r, "incident.lead.none")}}
			for _, c := range team {
				v := strconv.FormatInt(c.ID, 10) + " " + c.Name
				a.Options = append(a.Options, ui.Option{Value: v, Label: c.Name})
				if c.ID == x.Lead {
					a.Value = v
				}
			}
			page.Assign = &a
		}
	}
}

// next is the amber card: what, by when, one button.
func (p *pages) next(r *http.Request, page *casePage, x *incident.File) {
	if x.Next.Key == "" {
		return
	}
	n := &ui.NextStep{Title: web.T(r, "incident.next."+x.Next.Key, "about", x.Next.About), Text: web.T(r, "incident.next."+x.Next.Key+".text")}
	href := page.At + "#" + x.Next.Where
	switch x.Next.Key {
	case "read", "remind", "reply":
		href = page.At + "?party=" + x.Next.Ref + "#threads"
	case "classify", "assess":
		href = page.At + "/edit"
	case "finish", "close":
		href = page.At + "/close"
	}
	if page.May && x.Next.Key != "lead" && (x.Next.Key != "close" || web.Actor(r).Can("incident.close")) {
		n.Act = ui.Button{Label: web.T(r, "incident.next."+x.Next.Key+".act"), Href: href}
	}
	page.Next = n
}

// story is what we know and the timeline with two clocks.
func (p *pages) story(r *http.Request, page *casePage, x *incident.File, f *web.Form) {
	l := web.Lang(r)
	book := p.s.Book(r.Context(), web.Actor(r))
	for _, fact := range book.Facts {
		if v := x.Facts[fact.Name]; v != "" {
			page.Known.Items = append(page.Known.Items, ui.Fact{Label: fact.Label.In(l), Value: incident.Label(fact.Options, v).In(l)})
		}
	}
	tone := map[string][2]string{"attack": {"alert-triangle", "danger"}, "done": {"check", "success"}, "sent": {"send", "accent"}, "received": {"inbox", ""}, "note": {"note", ""}}
	for _, e := range x.Entries {
		t := tone[e.Kind]
		m := ui.Moment{Icon: t[0], Tone: t[1], Title: e.Body, At: clock.FromMicros(e.Happened), Noted: clock.FromMicros(e.Recorded), By: e.Author}
		if e.Source != "" {
			m.Detail = append(m.Detail, e.Source)
		}
		if e.Zone != "" && e.Zone != "Europe/Belgrade" {
			m.Detail = append(m.Detail, ui.Machine(e.Zone))
		}
		if e.Technique != "" {
			m.Codes = []string{e.Technique}
		}
		if page.May {
			m.Detail = append(m.Detail, ui.Tag{Word: web.T(r, "incident.part.edit"), Href: fmt.Sprintf("%s/parts/entry/%d", page.At, e.ID)})
		}
		page.Timeline.Items = append(page.Timeline.Items, m)
	}
	page.Timeline.Empty = &ui.Empty{Icon: "timeline", Title: web.T(r, "incident.timeline.empty")}
	pageLines(r, page, x)
	body, kind, at := f.Field("entry_body", "incident.entry.body"), f.Field("entry_kind", "incident.entry.kind"), f.Field("entry_happened", "incident.entry.happened")
	source, tech := f.Field("entry_source", "incident.entry.source"), f.Field("entry_technique", "incident.entry.technique")
	body.Type, body.Rows = "textarea", 2
	kind.Type = "select"
	kind.Options = web.Words(r, "incident.entry.", incident.EntryKinds...)
	at.Type, at.Hint, at.Optional, source.Optional, tech.Optional = "datetime-local", web.T(r, "incident.entry.happened.hint"), true, true, true
	page.Entry = []ui.Field{body, kind, at, source, tech}
	for _, n := range x.Notes {
		m := ui.Message{Kind: ui.Internal, Who: n.Author, At: clock.FromMicros(n.At), Body: n.Body}
		if n.Revision > 1 {
			m.Note = web.T(r, "incident.note.revision", "n", n.Revision)
		}
		if page.May {
			m.Acts = []ui.Button{{Label: web.T(r, "incident.part.edit"), Href: fmt.Sprintf("%s/parts/note/%d", page.At, n.ID), Variant: "tertiary", Small: true}}
		}
		page.Notes = append(page.Notes, m)
	}
	page.Note = f.Field("note_body", "incident.note.body")
	page.Note.Type, page.Note.Rows = "textarea", 3
}

// work is tasks and measures.
func (p *pages) work(r *http.Request, page *casePage, x *incident.File, f *web.Form) {
	for _, t := range x.Tasks {
		row := ui.Task{Title: t.Title, Done: t.DoneAt > 0, Who: t.AssigneeName, Hidden: map[string]string{"id": strconv.FormatInt(t.ID, 10)}}
		if page.May {
			row.Href = fmt.Sprintf("%s/parts/task/%d", page.At, t.ID)
			row.Action = page.At + "/do/task.done"
		}
		if row.Done {
			row.Hidden["open"] = "1"
		} else if k, ok := x.DueOf[t.ID]; ok {
			c := Clock(r, k)
			c.Until = false // the title needs the room
			row.Clock = &c
		}
		page.Tasks.Items = append(page.Tasks.Items, row)
	}
	title, due := f.Field("task_title", "incident.task.title"), f.Field("task_due", "incident.task.due")
	due.Type, due.Optional = "datetime-local", true
	page.Task = []ui.Field{title, due, p.taskPerson(r, f)}
	kinds := map[string]string{incident.Requested: ui.StateWaiting, incident.Active: ui.StateDone, incident.Removed: ui.StateRefused}
	for _, m := range x.Measures {
		row := measureRow{ID: m.ID, What: m.What, Who: m.Who, State: ui.State{Kind: kinds[m.State], Word: web.T(r, "incident.measure."+m.State)}, SinceAt: clock.FromMicros(max(m.Requested, m.Active, m.Removed))}
		switch m.State {
		case incident.Requested:
			row.To, row.ToLabel = incident.Active, web.T(r, "incident.measure.activate")
		case incident.Active:
			row.To, row.ToLabel = incident.Removed, web.T(r, "incident.measure.remove")
		}
		page.Measures = append(page.Measures, row)
	}
	what, by := f.Field("measure_what", "incident.measure.what"), f.Field("measure_who", "incident.measure.who")
	by.Optional = true
	page.Measure = []ui.Field{what, by}
}
