package incidentweb

import (
	"net/http"
	"strconv"

	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type partyView struct {
	UUID     string
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
	UUID    string
}

// parties is the correspondence: a tab per outside party, one of them open.
func (p *pages) parties(r *http.Request, page *casePage, x *incident.File, f *web.Form) error {
	open := r.URL.Query().Get("party")
	if open == "" {
		open = f.Text("party", 40)
	}
	known := false
	for _, y := range x.Parties {
		known = known || y.UUID == open
	}
	if !known && len(x.Parties) > 0 {
		open = x.Parties[0].UUID
	}
	for _, y := range x.Parties {
		t := ui.Tab{Label: y.Name, Href: page.At + "?party=" + y.UUID + "#threads", Here: y.UUID == open}
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
	if len(x.Parties) == 0 {
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
	v := &partyView{UUID: y.UUID, Subject: y.Subject, State: ui.State{Kind: kinds[y.State], Word: web.T(r, "incident.party."+y.State)}, Letter: f.Field("letter_body", "incident.letter.body"),
		Check: web.T(r, "incident.letter.check", "tlp", "TLP:"+y.TLP), Held: y.Held()}
	if v.Held != "" {
		v.Check = web.T(r, v.Held)
	}
	v.Letter.Type, v.Letter.Rows = "textarea", 4
	v.Files = f.Field("letter_files", "incident.letter.files")
	v.Files.Type, v.Files.Multiple, v.Files.Optional, v.Files.Hint = "file", true, true, web.T(r, "incident.letter.files.hint")
	for _, m := range ms {
		row := message(r, m, func(uuid string) string { return page.At + "/files/" + uuid })
		row.Seals = seals(r, m)
		if m.Way == thread.Quarantine {
			row.Note = web.T(r, "incident.quarantine")
			v.Parked = append(v.Parked, parked{row, m.UUID})
			continue
		}
		v.Messages = append(v.Messages, row)
	}
	state, subject, due := f.Field("party_state", "incident.state"), f.Field("party_subject", "incident.party.subject"), f.Field("party_deadline", "incident.party.deadline")
	state.ID, subject.ID, due.ID = "set-state", "set-subject", "set-deadline"
	state.Type, state.Value = "select", y.State
	state.Options = web.Words(r, "incident.party.", incident.PartyOurs, incident.PartyTheirs, incident.PartyDone)
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
func message(_ *http.Request, m thread.Message, href func(uuid string) string) ui.Message {
	kind := map[string]string{thread.In: ui.FromThem, thread.Out: ui.FromUs, thread.Note: ui.Internal, thread.Quarantine: ui.FromThem}[m.Way]
	row := ui.Message{Kind: kind, Who: m.Author, At: clock.FromMicros(m.At), Body: m.Body}
	for _, x := range m.Files {
		ref := ui.FileRef{Name: x.Name, Size: x.Size}
		if href != nil {
			ref.Href = href(x.UUID)
		}
		row.Files = append(row.Files, ref)
	}
	return row
}
