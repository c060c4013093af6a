package incidentweb

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
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
	Intel     bool // may make indicators of it
	Events    []eventRow
	Edit      ui.Button
	Parts     []ui.Tab // ways to the panels of the page
	TasksDone string   // 2/5
}

// eventRow is a linked event whose indicators came from the case.
type eventRow struct {
	Href, Title, Sub, TLP string
	State                 ui.State
}

type measureRow struct {
	ID         int64
	What, Who  string
	State      ui.State
	To         string // next state, "" = none
	ToLabel    string
	SinceAt    time.Time
	SinceLabel string
}

type partyView struct {
	ID       int64
	Subject  string
	State    ui.State
	Clock    *ui.Clock
	Messages []ui.Message
	Parked   []parked
	Letter   ui.Field
	Files    ui.Field
	Check    string
	Held     string // why nothing may go out to them; notes may be left all the same
	Fields   []ui.Field
}

// parked is a message in quarantine, with what can be done about it.
type parked struct {
	Message ui.Message
	ID      int64
}

type evidenceRow struct {
	ID      int64
	Label   string
	Name    string
	About   string
	Size    int64
	SHA256  string
	Custody []custodyRow
	Open    []ui.Field
	Key     ui.ByPasskey
	Hand    ui.Field
}

type custodyRow struct {
	At     time.Time
	Who    string
	Act    string
	Detail string
}

type linkRow struct {
	ID   int64
	Icon string
	Text string
	Href string
	Note string
}

type historyRow struct {
	At     time.Time
	Who    string
	What   string
	Label  string
	Fields string
	Undo   int64
	Undone bool
}

type splitView struct {
	Title ui.Field
	Parts []part
}

type part struct {
	Name, Label string
	ID          int64
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
	x, err := p.s.Read(r.Context(), who, r.PathValue("number"))
	if err != nil {
		return nil, err
	}
	page := &casePage{Page: web.NewPage(r, web.ShellConsole, x.Number+" "+x.Title), At: base + "/" + x.Number, Version: x.Version, Summary: x.Summary,
		Changed: clock.FromMicros(x.Updated), Merged: x.Merged, Orgs: x.Orgs, Intel: access.Allowed(who, "intel.write")}
	page.May = access.Allowed(who, "incident.write") && who.CERT == x.CERT
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "incident.title"), Href: base}, {Label: x.Number}}
	page.Print = "TLP:" + x.TLP
	p.head(r, page, &x, f)
	p.next(r, page, &x)
	p.story(r, page, &x, f)
	p.work(r, page, &x, f)
	p.proofs(r, page, &x, f)
	p.rail(r, page, &x, f)
	if err := p.events(r, page); err != nil {
		return nil, err
	}
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
	for _, e := range list {
		row := eventRow{Href: "/console/events/" + e.Ref(), Title: e.Info, Sub: web.T(r, "incident.indicators.n", "n", e.Attributes), TLP: e.TLP, State: ui.State{Kind: ui.StateNew, Word: web.T(r, "incident.event.draft")}}
		if e.Published {
			row.State = ui.State{Kind: ui.StateDone, Word: web.T(r, "incident.event.published")}
		}
		page.Events = append(page.Events, row)
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
	for _, t := range []struct{ key, id, count string }{{"incident.known", "known", ""}, {"incident.timeline", "timeline", count(len(x.Entries))}, {"incident.tasks", "tasks", page.TasksDone},
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
	page.Edit = ui.Button{Label: web.T(r, "incident.edit"), Icon: "pencil", Href: page.At + "/edit", Variant: "secondary", Key: "E"}
	page.Header = h
	page.Reason = f.Field("move_reason", "incident.reason")
	page.Reason.Hint = web.T(r, "incident.reason.hint")
	page.Reason.Optional = true
	for _, to := range x.State.Next() {
		b := ui.Button{Label: web.T(r, "incident.move."+string(to)), Name: "to", Value: string(to), Variant: "secondary"}
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
		href = fmt.Sprintf("%s?party=%d#threads", page.At, x.Next.ID)
	case "classify", "assess":
		href = page.At + "/edit"
	case "finish", "close":
		href = page.At + "/close"
	}
	if page.May && x.Next.Key != "lead" {
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
	body, kind, at := f.Field("entry_body", "incident.entry.body"), f.Field("entry_kind", "incident.entry.kind"), f.Field("entry_happened", "incident.entry.happened")
	source, tech := f.Field("entry_source", "incident.entry.source"), f.Field("entry_technique", "incident.entry.technique")
	body.Type, body.Rows = "textarea", 2
	kind.Type = "select"
	for _, k := range incident.EntryKinds {
		kind.Options = append(kind.Options, ui.Option{Value: k, Label: web.T(r, "incident.entry."+k)})
	}
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

// proofs is the evidence with its chain of custody.
func (p *pages) proofs(r *http.Request, page *casePage, x *incident.File, f *web.Form) {
	page.Extra = append(page.Extra, "passkey.js")
	for _, v := range x.Evidence {
		row := evidenceRow{ID: v.ID, Label: v.Label, Name: v.Name, About: v.About, Size: v.Size, SHA256: v.SHA256}
		for _, k := range v.Custody {
			row.Custody = append(row.Custody, custodyRow{clock.FromMicros(k.At), k.Author, web.T(r, "incident.custody."+k.Act), k.Detail})
		}
		id := strconv.FormatInt(v.ID, 10)
		code, why := f.Field("code", "incident.evidence.code"), f.Field("reason", "incident.evidence.why")
		code.ID, why.ID = "code-"+id, "reason-"+id
		code.InputMode, code.Autocomplete, code.Width = "numeric", "one-time-code", "short"
		row.Open, row.Key = []ui.Field{code, why}, ui.ByPasskey{Start: "/console/unsealing/nonce"}
		row.Hand = f.Field("custody_to", "incident.evidence.to")
		row.Hand.ID = "to-" + id
		page.Evidence = append(page.Evidence, row)
	}
	file, about := ui.Field{Name: "file", ID: "evidence-file", Type: "file", Label: web.T(r, "incident.evidence.file")}, f.Field("about", "incident.evidence.about")
	file.Error, about.Optional = f.Error("file"), true
	page.File = []ui.Field{about, file}
}

// rail is facts, links, readers, history, and the rarer acts.
func (p *pages) rail(r *http.Request, page *casePage, x *incident.File, f *web.Form) {
	l := web.Lang(r)
	book := p.s.Book(r.Context(), web.Actor(r))
	var classes, national []string
	for _, c := range x.Classes {
		classes = append(classes, incident.Label(book.Classes, c).In(l))
	}
	for _, c := range x.National {
		national = append(national, incident.Label(book.National, c).In(l))
	}
	add := func(key string, v any, sub string) {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, key), Value: v, Sub: sub})
	}
	add("incident.class", strings.Join(classes, ", "), "")
	if len(x.Classes) > 0 {
		add("incident.rsit", ui.Machine(strings.Join(x.Classes, " ")), "")
	}
	add("incident.national", strings.Join(national, ", "), "")
	if x.Severity != "" {
		sub := ""
		if x.Why != "" {
			sub = web.T(r, "incident.override", "why", x.Why)
		}
		add("incident.severity", web.T(r, "ui.severity."+x.Severity), sub)
	}
	var sectors []string
	for _, s := range x.Sectors {
		sectors = append(sectors, incident.Label(book.Sectors, s).In(l))
	}
	add("incident.sectors", strings.Join(sectors, ", "), "")
	add("incident.aware", clock.FromMicros(x.Aware), "")
	add("incident.cause", x.RootCause, "")
	add("incident.impact", x.Impact, "")
	if x.Retention != "" {
		add("incident.retention", incident.Label(book.Retention, x.Retention).In(l), "")
	}
	icons := map[string]string{incident.LinkCase: "folder", incident.LinkReport: "inbox", incident.LinkEvent: "affiliate", incident.LinkAdvisory: "speakerphone", incident.LinkCVE: "bug",
		incident.LinkHandedTo: "send", incident.LinkHandedFrom: "inbox"}
	for _, k := range x.Links {
		row := linkRow{ID: k.ID, Icon: icons[k.Kind], Text: k.Label, Note: k.Relation}
		switch k.Kind {
		case incident.LinkCase:
			row.Href = base + "/" + k.Label
		case incident.LinkHandedTo: // another team's: its number is all there is to see
			row.Note = web.T(r, "incident.link.to", "name", k.Relation)
		case incident.LinkHandedFrom:
			row.Note = web.T(r, "incident.link.from", "name", k.Relation)
		case incident.LinkReport:
			row.Href = "/console/reports/" + k.Label
		case incident.LinkEvent:
			row.Href = "/console/events/" + strconv.FormatInt(k.Ref, 10)
		case incident.LinkAdvisory:
			row.Href = "/console/advisories/" + k.Label
		}
		page.Links = append(page.Links, row)
	}
	other, relation := f.Field("link_other", "incident.link.other"), f.Field("link_relation", "incident.link.relation")
	other.Hint, relation.Optional = web.T(r, "incident.link.hint"), true
	page.Link = []ui.Field{other, relation}
	page.Org = f.Field("org_org", "incident.org.add")
	for _, pr := range x.Readers {
		page.Readers = append(page.Readers, readerWord(r, pr))
	}
	page.History = historyRows(r, x.Acts, 8)
	if access.Allowed(web.Actor(r), "incident.merge") && page.May {
		m := f.Field("merge_from", "incident.merge.from")
		m.Hint = web.T(r, "incident.merge.hint")
		page.Merge = &m
		page.Split = splitOf(r, x, f)
	}
}

func readerWord(r *http.Request, p access.Principal) string {
	switch p.Kind {
	case access.KindTeam:
		return web.T(r, "incident.reader.team")
	case access.KindOrg:
		return web.T(r, "incident.reader.org")
	}
	return web.T(r, "incident.reader.other")
}

func splitOf(r *http.Request, x *incident.File, f *web.Form) *splitView {
	v := &splitView{Title: f.Field("split_title", "incident.split.title")}
	for _, t := range x.Tasks {
		v.Parts = append(v.Parts, part{"task", web.T(r, "incident.task") + ": " + t.Title, t.ID})
	}
	for _, e := range x.Entries {
		v.Parts = append(v.Parts, part{"entry", web.T(r, "incident.entry") + ": " + shorten(e.Body), e.ID})
	}
	for _, y := range x.Parties {
		v.Parts = append(v.Parts, part{"party", web.T(r, "incident.thread") + ": " + y.Name, y.ID})
	}
	for _, k := range x.Links {
		if !k.Back {
			v.Parts = append(v.Parts, part{"link", web.T(r, "incident.link") + ": " + k.Label, k.ID})
		}
	}
	if len(v.Parts) == 0 {
		return nil
	}
	return v
}

func shorten(s string) string {
	if rs := []rune(s); len(rs) > 80 {
		return string(rs[:79]) + "…"
	}
	return s
}

func historyRows(r *http.Request, acts []incident.Act, most int) (out []historyRow) {
	for _, a := range acts {
		if len(out) == most {
			break
		}
		row := historyRow{At: clock.FromMicros(a.At), Who: a.Author, What: web.T(r, "incident.act."+a.Verb), Label: actLabel(r, a), Fields: a.Fields, Undone: a.Undone}
		if a.CanUndo && a.Verb != "undo" {
			row.Undo = a.ID
		}
		out = append(out, row)
	}
	return out
}

// actLabel turns a label that is a code of ours into words.
func actLabel(r *http.Request, a incident.Act) string {
	switch a.Verb {
	case "move":
		return web.T(r, "incident.state."+a.Label)
	case "measure.move":
		return web.T(r, "incident.measure."+a.Label)
	case "undo":
		return web.T(r, "incident.act."+a.Label)
	}
	return a.Label
}

// parties is the correspondence: a tab per outside party, one of them open.
func (p *pages) parties(r *http.Request, page *casePage, x *incident.File, f *web.Form) error {
	open, _ := strconv.ParseInt(r.URL.Query().Get("party"), 10, 64)
	if open == 0 {
		open = f.Int("party")
	}
	known := false
	for _, y := range x.Parties {
		known = known || y.ID == open
	}
	if !known && len(x.Parties) > 0 {
		open = x.Parties[0].ID
	}
	for _, y := range x.Parties {
		t := ui.Tab{Label: y.Name, Href: fmt.Sprintf("%s?party=%d#threads", page.At, y.ID), Here: y.ID == open}
		if y.Unread > 0 {
			t.Count = strconv.FormatInt(y.Unread, 10)
		}
		page.Parties.Items = append(page.Parties.Items, t)
	}
	page.Parties.Label = web.T(r, "incident.threads")
	org, addr, subject, lang, due := f.Field("party_org", "incident.party.org"), f.Field("party_address", "incident.party.address"), f.Field("party_subject", "incident.party.subject"),
		f.Field("party_lang", "incident.party.lang"), f.Field("party_deadline", "incident.party.deadline")
	subject.Hint = web.T(r, "incident.party.subject.hint")
	addr.Type, addr.Optional, due.Type, due.Optional = "email", true, "datetime-local", true
	lang.Type, lang.Options = "select", []ui.Option{{Value: "sr-Cyrl", Label: "Ћир"}, {Value: "sr-Latn", Label: "Lat"}, {Value: "en", Label: "EN"}}
	label := pick(f, "party_tlp", "incident.tlp", words("TLP:", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR"))
	label.Hint = web.T(r, "incident.tlp.hint")
	if label.Value == "" {
		label.Value = x.TLP
	}
	page.NewParty = []ui.Field{org, addr, subject, label, lang, due}
	if open == 0 || len(x.Parties) == 0 {
		return nil
	}
	y, _, ms, err := p.s.Thread(r.Context(), web.Actor(r), x.Number, open)
	if err != nil {
		return err
	}
	page.Party = p.partyView(r, page, y, ms, f)
	return nil
}

func (p *pages) partyView(r *http.Request, page *casePage, y incident.Party, ms []thread.Message, f *web.Form) *partyView {
	kinds := map[string]string{incident.PartyOurs: ui.StateWorking, incident.PartyTheirs: ui.StateWaiting, incident.PartyDone: ui.StateDone}
	v := &partyView{ID: y.ID, Subject: y.Subject, State: ui.State{Kind: kinds[y.State], Word: web.T(r, "incident.party."+y.State)}, Letter: f.Field("letter_body", "incident.letter.body"),
		Check: web.T(r, "incident.letter.check", "tlp", "TLP:"+y.TLP), Held: y.Held()}
	if v.Held != "" {
		v.Check = web.T(r, v.Held)
	}
	v.Letter.Type, v.Letter.Rows = "textarea", 4
	v.Files = f.Field("letter_files", "incident.letter.files")
	v.Files.Type, v.Files.Multiple, v.Files.Optional, v.Files.Hint = "file", true, true, web.T(r, "incident.letter.files.hint")
	for _, m := range ms {
		row := message(r, m, func(id int64) string { return fmt.Sprintf("%s/files/%d", page.At, id) })
		if m.Way == thread.Quarantine {
			row.Note = web.T(r, "incident.quarantine")
			v.Parked = append(v.Parked, parked{row, m.ID})
			continue
		}
		v.Messages = append(v.Messages, row)
	}
	state, subject, due := f.Field("party_state", "incident.state"), f.Field("party_subject", "incident.party.subject"), f.Field("party_deadline", "incident.party.deadline")
	state.ID, subject.ID, due.ID = "set-state", "set-subject", "set-deadline"
	state.Type, state.Value = "select", y.State
	for _, s := range []string{incident.PartyOurs, incident.PartyTheirs, incident.PartyDone} {
		state.Options = append(state.Options, ui.Option{Value: s, Label: web.T(r, "incident.party."+s)})
	}
	subject.Value, due.Type, due.Optional = y.Subject, "datetime-local", true
	if y.Deadline > 0 {
		due.Value = LocalInput(clock.FromMicros(y.Deadline))
		v.Clock = &ui.Clock{Start: clock.FromMicros(y.Created), Due: clock.FromMicros(y.Deadline), Until: true}
		if y.Answered > 0 { // on time or late, it stays to be read
			v.Clock.Done = clock.FromMicros(y.Answered)
		}
		if y.State == incident.PartyDone {
			v.Clock = nil
		}
	}
	label := pick(f, "party_tlp", "incident.tlp", words("TLP:", "RED", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR"))
	label.ID, label.Value, label.Hint = "set-tlp", y.TLP, web.T(r, "incident.tlp.hint")
	v.Fields = []ui.Field{state, subject, label, due}
	return v
}

// message shows one message of a thread; href makes the address of a file, nil
// leaves files without one.
func message(_ *http.Request, m thread.Message, href func(id int64) string) ui.Message {
	kind := map[string]string{thread.In: ui.FromThem, thread.Out: ui.FromUs, thread.Note: ui.Internal, thread.Quarantine: ui.FromThem}[m.Way]
	row := ui.Message{Kind: kind, Who: m.Author, At: clock.FromMicros(m.At), Body: m.Body}
	for _, x := range m.Files {
		ref := ui.FileRef{Name: x.Name, Size: x.Size}
		if href != nil {
			ref.Href = href(x.ID)
		}
		row.Files = append(row.Files, ref)
	}
	return row
}
