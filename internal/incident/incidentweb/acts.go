package incidentweb

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// doing is what an act gets: the request, what was typed, and the case.
type doing struct {
	r   *http.Request
	f   *web.Form
	ref string
	s   *incident.Service
}

// small are the acts of …/do/{act}: what each calls, and the fields' prefix on the
// page, where several forms stand beside each other.
var small = map[string]struct {
	prefix string
	do     func(d doing) (incident.Done, error)
}{
	"undo": {"", func(d doing) (incident.Done, error) {
		return d.s.Undo(d.r.Context(), web.Actor(d.r), d.ref, d.f.Int("id"))
	}},
	"take": {"", func(d doing) (incident.Done, error) { return d.s.Take(d.r.Context(), web.Actor(d.r), d.ref) }},
	"assign": {"", func(d doing) (incident.Done, error) {
		id, name, _ := strings.Cut(d.f.Text("lead", 300), " ")
		n, _ := strconv.ParseInt(id, 10, 64)
		return d.s.Assign(d.r.Context(), web.Actor(d.r), d.ref, d.f.Int("version"), n, name)
	}},
	"move": {"move_", func(d doing) (incident.Done, error) {
		return d.s.Move(d.r.Context(), web.Actor(d.r), d.ref, d.f.Int("version"), incident.State(d.f.Text("to", 20)), d.f.Text("move_reason", 500))
	}},
	"task.add": {"task_", func(d doing) (incident.Done, error) {
		n, name, err := personOf(d.f.Text("task_assignee", 300))
		if err != nil {
			return incident.Done{}, err
		}
		return d.s.AddTask(d.r.Context(), web.Actor(d.r), d.ref, incident.TaskInput{Title: d.f.Text("task_title", 300), Due: d.f.Time("task_due"), Assignee: n, Name: name})
	}},
	"task.done": {"", func(d doing) (incident.Done, error) {
		return d.s.DoTask(d.r.Context(), web.Actor(d.r), d.ref, d.f.Int("id"), d.f.Values.Get("open") == "")
	}},
	"task.drop": {"", func(d doing) (incident.Done, error) {
		return d.s.DropTask(d.r.Context(), web.Actor(d.r), d.ref, d.f.Int("id"))
	}},
	"entry.add": {"entry_", func(d doing) (incident.Done, error) {
		return d.s.AddEntry(d.r.Context(), web.Actor(d.r), d.ref, incident.EntryInput{Kind: d.f.Text("entry_kind", 20), Happened: d.f.Time("entry_happened"),
			Body: d.f.Text("entry_body", 4000), Source: d.f.Text("entry_source", 300), Technique: d.f.Text("entry_technique", 20)})
	}},
	"note.add": {"note_", func(d doing) (incident.Done, error) {
		return d.s.AddNote(d.r.Context(), web.Actor(d.r), d.ref, d.f.Text("note_body", 20_000))
	}},
	"note.edit": {"note_", func(d doing) (incident.Done, error) {
		return d.s.EditNote(d.r.Context(), web.Actor(d.r), d.ref, d.f.Int("id"), d.f.Int("revision"), d.f.Text("note_body", 20_000))
	}},
	"measure.ask": {"measure_", func(d doing) (incident.Done, error) {
		return d.s.AskMeasure(d.r.Context(), web.Actor(d.r), d.ref, d.f.Text("measure_what", 300), d.f.Text("measure_who", 200))
	}},
	"measure.move": {"", func(d doing) (incident.Done, error) {
		return d.s.MoveMeasure(d.r.Context(), web.Actor(d.r), d.ref, d.f.Int("id"), d.f.Text("to", 20))
	}},
	"link": {"link_", func(d doing) (incident.Done, error) {
		other, relation := d.f.Text("link_other", 60), d.f.Text("link_relation", 200)
		switch up := strings.ToUpper(other); {
		case strings.HasPrefix(up, "CVE-"):
			return d.s.LinkOther(d.r.Context(), web.Actor(d.r), d.ref, incident.LinkCVE, up, relation)
		case strings.HasPrefix(up, "UP-"):
			return d.s.LinkOther(d.r.Context(), web.Actor(d.r), d.ref, incident.LinkAdvisory, up, relation)
		}
		return d.s.LinkCase(d.r.Context(), web.Actor(d.r), d.ref, strings.ToUpper(other), relation)
	}},
	"unlink": {"", func(d doing) (incident.Done, error) {
		return d.s.Unlink(d.r.Context(), web.Actor(d.r), d.ref, d.f.Int("id"))
	}},
	"org.add": {"org_", func(d doing) (incident.Done, error) {
		return d.s.AddOrg(d.r.Context(), web.Actor(d.r), d.ref, d.f.Text("org_org", 400))
	}},
	"org.drop": {"", func(d doing) (incident.Done, error) {
		return d.s.DropOrg(d.r.Context(), web.Actor(d.r), d.ref, d.f.Int("id"))
	}},
	"party.add": {"party_", func(d doing) (incident.Done, error) {
		return d.s.AddParty(d.r.Context(), web.Actor(d.r), d.ref, incident.PartyInput{Org: d.f.Text("party_org", 400), Address: d.f.Text("party_address", 320),
			Subject: d.f.Text("party_subject", 200), TLP: d.f.Text("party_tlp", 20), Lang: d.f.Text("party_lang", 10), Deadline: d.f.Time("party_deadline")})
	}},
	"party.set": {"party_", func(d doing) (incident.Done, error) {
		return d.s.SetParty(d.r.Context(), web.Actor(d.r), d.ref, d.f.Text("id", 40), incident.PartyChange{State: d.f.Text("party_state", 20), Subject: d.f.Text("party_subject", 200),
			TLP: d.f.Text("party_tlp", 20), Deadline: d.f.Time("party_deadline")})
	}},
	"answer.release": {"", func(d doing) (incident.Done, error) {
		return d.s.Decide(d.r.Context(), web.Actor(d.r), d.ref, d.f.Text("id", 40), true)
	}},
	"answer.drop": {"", func(d doing) (incident.Done, error) {
		return d.s.Decide(d.r.Context(), web.Actor(d.r), d.ref, d.f.Text("id", 40), false)
	}},
	"merge": {"merge_", func(d doing) (incident.Done, error) {
		return d.s.Merge(d.r.Context(), web.Actor(d.r), d.ref, d.f.Int("version"), strings.FieldsFunc(strings.ToUpper(d.f.Text("merge_from", 2000)), func(c rune) bool { return c == ' ' || c == ',' || c == '\n' || c == '\r' }))
	}},
	"split": {"split_", func(d doing) (incident.Done, error) {
		done, _, err := d.s.Split(d.r.Context(), web.Actor(d.r), d.ref, d.f.Int("version"), d.f.Text("split_title", 200),
			incident.Parts{Tasks: d.f.Ids("task"), Entries: d.f.Ids("entry"), Parties: d.f.Many("party"), Links: d.f.Ids("link")})
		return done, err
	}},
	"hand": {"hand_", func(d doing) (incident.Done, error) {
		ticks := d.f.Values["hand"]
		done, _, err := d.s.Hand(d.r.Context(), web.Actor(d.r), d.ref, d.f.Int("version"), incident.Handing{To: d.f.Text("hand_to", 300), Title: d.f.Text("hand_title", 200),
			Reason: d.f.Text("hand_reason", 2000), Summary: slices.Contains(ticks, "summary"), Facts: slices.Contains(ticks, "facts"), Indicators: slices.Contains(ticks, "indicators"),
			Evidence: slices.Contains(ticks, "evidence"), Entries: d.f.Ids("hand_entry"), Parties: d.f.Many("hand_party")})
		return done, err
	}},
	"handover": {"custody_", func(d doing) (incident.Done, error) {
		err := d.s.HandOver(d.r.Context(), web.Actor(d.r), d.ref, d.f.Text("id", 40), d.f.Text("custody_to", 300))
		if err != nil {
			return incident.Done{}, err
		}
		c, err := d.s.Get(d.r.Context(), web.Actor(d.r), d.ref)
		return incident.Done{Case: c}, err
	}},
}

// act runs one of the small acts; what is wrong is shown on the case's page with
// the typed text kept.
func (p *pages) act(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("act")
	a, ok := small[name]
	if !ok {
		return fault.New(fault.NotFound, "act %q", name)
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	for field := range f.Values { // a moment that cannot be read stops the act before it is done
		if strings.HasSuffix(field, "_due") || strings.HasSuffix(field, "_happened") || strings.HasSuffix(field, "_deadline") {
			f.Time(field)
		}
	}
	var d incident.Done
	if err = f.Err("act"); err == nil {
		d, err = a.do(doing{r, f, r.PathValue("number"), p.s})
	}
	return p.acted(w, r, f, d, prefixed(err, a.prefix), name)
}

// write sends a letter with its files or leaves a note.
func (p *pages) write(w http.ResponseWriter, r *http.Request) error {
	ctx, who, ref := r.Context(), web.Actor(r), r.PathValue("number")
	var files []thread.Attachment
	f, err := web.ReadUpload(r, web.UploadLimits{Files: 10}, func(_ *web.Form, u web.Upload) error {
		a, err := p.s.Attach(ctx, who, ref, u.Name, u)
		files = append(files, a)
		return err
	})
	if err != nil {
		return err
	}
	way := thread.Out
	if f.Values.Get("way") == thread.Note {
		way = thread.Note
	}
	d, err := p.s.Write(ctx, who, ref, f.Text("party", 40), way, f.Text("letter_body", 100_000), files...)
	return p.acted(w, r, f, d, prefixed(err, "letter_"), "write")
}

// acted answers an act: done, or the case's page again with what was wrong.
func (p *pages) acted(w http.ResponseWriter, r *http.Request, f *web.Form, d incident.Done, err error, name string) error {
	if err == nil {
		return done(d, "incident.done."+name)
	}
	if f.Fail(err) {
		page, perr := p.casePage(r, f)
		if perr != nil {
			return perr
		}
		page.Errors = f.Summary()
		return p.t.Invalid(w, r, "case", page)
	}
	return err
}

// prefixed names a fault's fields as the page does.
func prefixed(err error, prefix string) error {
	var e *fault.Error
	if !errors.As(err, &e) || prefix == "" || e.Kind != fault.Invalid {
		return err
	}
	out := *e
	out.Fields = map[string]string{}
	for k, v := range e.Fields {
		if !strings.HasPrefix(k, prefix) {
			k = prefix + k
		}
		out.Fields[k] = v
	}
	return &out
}
