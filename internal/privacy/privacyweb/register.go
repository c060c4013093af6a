package privacyweb

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/privacy"
)

type registerPage struct {
	web.Page
	Header ui.Header
	Table  ui.Table
	Email  ui.Field
	Found  *ui.Table
	Class  ui.Field
	Days   ui.Field
	From   ui.Field
	Source ui.Field
	Ref    ui.Field
	Reason ui.Field
	Lift   ui.Field
	Holds  ui.Table
	Erased ui.Table
	Rests  *ui.Note // after a restore
}

func (p *pages) show(w http.ResponseWriter, r *http.Request) error {
	return p.render(w, r, web.NewForm(r, nil), nil)
}

func (p *pages) render(w http.ResponseWriter, r *http.Request, f *web.Form, found *ui.Table, order ...string) error {
	entries, err := p.s.Register(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	holds, err := p.s.Holds(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	page := &registerPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "privacy.title")), Header: ui.Header{Title: web.T(r, "privacy.title")}, Found: found}
	if len(order) > 0 {
		page.Errors = f.Summary(order...)
	}
	page.Table, page.Holds = register(r, entries), holdTable(r, holds)
	if page.Erased, err = p.erased(r, entries); err != nil {
		return err
	}
	until, err := p.s.Resting(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	if until > 0 {
		at := clock.FromMicros(until)
		page.Rests = &ui.Note{Kind: "warning", Title: web.T(r, "privacy.rests"), Body: web.T(r, "privacy.rests.text", "day", i18n.DayMonth(web.Lang(r), at), "time", i18n.Clock(web.Lang(r), at))}
	}
	page.Email = f.Field("email", "privacy.email")
	page.Email.Type, page.Email.Autocomplete = "email", "off"
	page.Class = f.Field("class", "privacy.class")
	page.Class.Type = "select"
	for _, e := range entries {
		if e.Erased {
			page.Class.Options = append(page.Class.Options, ui.Option{Value: e.Key, Label: e.Purpose.In(web.Lang(r))})
		}
	}
	page.Days = f.Field("days", "privacy.days")
	page.Days.InputMode, page.Days.Width = "numeric", "short"
	page.From = f.Field("from", "privacy.from")
	page.From.Type = "date"
	page.Source = f.Field("source", "privacy.source")
	page.Ref = f.Field("ref", "privacy.ref")
	page.Ref.Hint = web.T(r, "privacy.ref.hint")
	page.Reason = f.Field("reason", "privacy.reason")
	page.Lift = f.Box("lift", "privacy.lift")
	return p.t.Render(w, r, "register", page)
}

// register shows each kind of data: why, on what ground, where, how long, what is due.
func register(r *http.Request, entries []privacy.Entry) ui.Table {
	l := web.Lang(r)
	t := ui.Table{Caption: web.T(r, "privacy.register"), Columns: []ui.Column{{Label: web.T(r, "privacy.purpose")}, {Label: web.T(r, "privacy.where"), Drop: 1},
		{Label: web.T(r, "privacy.term"), Width: "mark"}, {Label: web.T(r, "privacy.due"), Num: true, Width: "mark"}}}
	for _, e := range entries {
		var where []string
		for _, p := range e.Places {
			if word := room(r, p.Table); !slices.Contains(where, word) {
				where = append(where, word)
			}
		}
		term := web.T(r, "privacy.term.none")
		if e.Days > 0 {
			term = web.T(r, "privacy.term.days", "n", e.Days)
		}
		if e.Proposed {
			term = web.T(r, "privacy.term.proposed", "term", term)
		}
		name := ui.Name{Text: e.Purpose.In(l), Sub: []any{e.Ground.In(l)}}
		if e.Source != "" {
			name.Sub = append(name.Sub, e.Source, e.From)
		}
		due := "–"
		if e.Erased && e.Days > 0 {
			due = strconv.FormatInt(e.Due, 10)
		}
		if e.Due > 0 && !e.Proposed {
			name.Href = at + "/due?class=" + e.Key
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{name, strings.Join(where, ", "), term, due}})
	}
	return t
}

func holdTable(r *http.Request, holds []privacy.Hold) ui.Table {
	t := ui.Table{Caption: web.T(r, "privacy.holds"), Columns: []ui.Column{{Label: web.T(r, "privacy.ref")}, {Label: web.T(r, "privacy.since"), Width: "mark"}},
		Empty: &ui.Empty{Icon: "sun", Title: web.T(r, "privacy.holds.empty")}}
	for _, h := range holds {
		t.Rows = append(t.Rows, ui.Row{Cells: []any{ui.Name{Text: h.Ref, Mono: true, Sub: []any{h.Reason}}, clock.FromMicros(h.At)}})
	}
	return t
}

func (p *pages) search(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	held, err := p.s.Search(r.Context(), web.Actor(r), f.Needed("email", 254))
	if f.Fail(err) {
		return p.render(w, r, f, nil, "email")
	}
	if err != nil {
		return err
	}
	t := foundTable(r, held)
	return p.render(w, r, f, &t)
}

func foundTable(r *http.Request, held []access.Held) ui.Table {
	t := ui.Table{Caption: web.T(r, "privacy.found"), ShowCaption: true, Columns: []ui.Column{{Label: web.T(r, "privacy.record")}, {Label: web.T(r, "privacy.where")}, {Label: web.T(r, "privacy.since"), Width: "mark"}},
		Empty: &ui.Empty{Icon: "sun", Title: web.T(r, "privacy.found.empty"), Text: web.T(r, "privacy.found.empty.text")}}
	for _, h := range held {
		t.Rows = append(t.Rows, ui.Row{Cells: []any{ui.Name{Text: h.Label, Mono: true}, place(r, h), clock.FromMicros(h.At)}})
	}
	return t
}

// rooms are the words for where data stands, by what a table's name begins with.
var rooms = []string{"access", "account", "advisory", "audit", "blob", "catalog", "deadline", "form", "incident", "intake", "intel", "jobs", "mail", "pack",
	"peer", "privacy", "registry", "rule", "store", "thread"}

// room says in words in which part of Straža a table stands.
func room(r *http.Request, table string) string {
	name, _, _ := strings.Cut(table, "_")
	if !slices.Contains(rooms, name) {
		name = "store"
	}
	return web.T(r, "privacy.room."+name)
}

// fields are the words for columns of records about a person.
var fields = map[string]string{"name": "name", "email": "email", "address": "email", "to_addr": "email", "email_key": "email", "postman": "email", "phone": "phone",
	"job": "job", "party": "name", "org_name": "org", "message": "text", "subject": "text", "body": "text", "value": "value", "agent": "agent", "sealed": "sealed",
	"title": "text", "summary": "text", "source": "text"}

// place says where a record is held and what of the person stands in it.
func place(r *http.Request, h access.Held) string {
	var words []string
	for _, c := range strings.Fields(strings.Join(h.Columns, " ")) {
		key, known := fields[c]
		if !known {
			key = "other"
		}
		if w := web.T(r, "privacy.field."+key); !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return room(r, h.Table) + ": " + strings.Join(words, ", ")
}

func (p *pages) term(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	err = p.s.SetTerm(r.Context(), web.Actor(r), privacy.Term{Class: f.Text("class", 40), Days: int(f.Int("days")), From: f.Text("from", 10), Source: f.Text("source", 300)})
	if f.Fail(err) {
		return p.render(w, r, f, nil, "class", "days", "from", "source")
	}
	if err != nil {
		return err
	}
	return web.Redirect(at, web.Done("privacy.done.term"))
}

func (p *pages) hold(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	lift := f.Tick("lift")
	err = p.s.SetHold(r.Context(), web.Actor(r), f.Text("ref", 254), f.Text("reason", 300), lift)
	if f.Fail(err) {
		return p.render(w, r, f, nil, "ref", "reason")
	}
	if err != nil {
		return err
	}
	done := "privacy.done.hold"
	if lift {
		done = "privacy.done.lift"
	}
	return web.Redirect(at, web.Done(done))
}
