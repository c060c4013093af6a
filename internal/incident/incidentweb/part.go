package incidentweb

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"straza/internal/incident"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// partPage is one task, line of the timeline or note by itself: to be corrected or
// withdrawn, with what it said before. Nothing is lost: both can be undone.
type partPage struct {
	web.Page
	Header   ui.Header
	Fields   []ui.Field
	Revision int64
	Texts    []revision
	Note     *ui.Note
	Cancel   ui.Button
	Drop     string
	DropWord string
}

// partKinds are the kinds of part that have a page: where on the case's page each stands.
var partKinds = map[string]string{"task": "tasks", "entry": "timeline", "note": "notes"}

// partAt finds a part of the case and fills the form with it.
func (p *pages) partForm(w http.ResponseWriter, r *http.Request) error {
	page, _, err := p.part(r, nil)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "part", page)
}

// part makes the page; f nil shows what is stored. Faults: NotFound for a part that
// is not this case's.
func (p *pages) part(r *http.Request, f *web.Form) (*partPage, int64, error) {
	kind := r.PathValue("kind")
	id, err := web.ID(r, "id")
	if err != nil || partKinds[kind] == "" {
		return nil, 0, fault.New(fault.NotFound, "no such part")
	}
	x, err := p.s.ReadLines(r.Context(), web.Actor(r), r.PathValue("number"), incident.Lines{Only: id})
	if err != nil {
		return nil, 0, err
	}
	stored, fields, ok := p.partFields(r, &x, kind, id)
	if !ok {
		return nil, 0, fault.New(fault.NotFound, "no such part")
	}
	if f == nil {
		f = web.NewForm(r, stored)
	}
	revs, err := p.s.PartRevisions(r.Context(), web.Actor(r), x.Number, kind, id)
	if err != nil {
		return nil, 0, err
	}
	title, at := web.T(r, "incident."+kind+".edit"), base+"/"+x.Number
	page := &partPage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title, Sub: []any{x.Number, x.Title}}, Drop: r.URL.Path + "/drop",
		DropWord: web.T(r, "incident."+kind+".drop"), Cancel: ui.Button{Label: web.T(r, "incident.cancel"), Href: at + "#" + partKinds[kind], Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "incident.title"), Href: base}, {Label: x.Number, Href: at}, {Label: title}}
	page.Revision, _ = strconv.ParseInt(stored.Get("revision"), 10, 64)
	for _, make := range fields {
		page.Fields = append(page.Fields, make(f))
	}
	for _, v := range revs {
		page.Texts = append(page.Texts, revision{micros(v.At), v.Author, v.Text})
	}
	return page, id, nil
}

// partFields are the stored values of a part and how each of its fields is made.
func (p *pages) partFields(r *http.Request, x *incident.File, kind string, id int64) (url.Values, []func(*web.Form) ui.Field, bool) {
	field := func(name, key, typ string, rows int, optional bool) func(*web.Form) ui.Field {
		return func(f *web.Form) ui.Field {
			v := f.Field(name, key)
			v.Type, v.Rows, v.Optional, v.Keep = typ, rows, optional, typ == "textarea"
			return v
		}
	}
	switch kind {
	case "task":
		i := slices.IndexFunc(x.Tasks, func(t incident.Task) bool { return t.ID == id })
		if i < 0 {
			return nil, nil, false
		}
		t := x.Tasks[i]
		v := url.Values{"title": {t.Title}, "assignee": {person(t.Assignee, t.AssigneeName)}}
		if t.Due > 0 {
			v.Set("due", LocalInput(micros(t.Due)))
		}
		return v, []func(*web.Form) ui.Field{field("title", "incident.task.title", "text", 0, false), field("due", "incident.task.due", "datetime-local", 0, true),
			func(f *web.Form) ui.Field { return p.assignee(r, f, t) }}, true
	case "entry":
		i := slices.IndexFunc(x.Entries, func(e incident.Entry) bool { return e.ID == id })
		if i < 0 {
			return nil, nil, false
		}
		e := x.Entries[i]
		v := url.Values{"body": {e.Body}, "kind": {e.Kind}, "happened": {LocalInput(micros(e.Happened))}, "source": {e.Source}, "technique": {e.Technique}, "zone": {e.Zone}}
		kinds := func(f *web.Form) ui.Field {
			var opts []ui.Option
			for _, k := range incident.EntryKinds {
				opts = append(opts, ui.Option{Value: k, Label: web.T(r, "incident.entry."+k)})
			}
			return pick(f, "kind", "incident.entry.kind", opts)
		}
		return v, []func(*web.Form) ui.Field{field("body", "incident.entry.body", "textarea", 3, false), kinds, field("happened", "incident.entry.happened", "datetime-local", 0, false),
			field("source", "incident.entry.source", "text", 0, true), field("technique", "incident.entry.technique", "text", 0, true)}, true
	}
	i := slices.IndexFunc(x.Notes, func(n incident.Note) bool { return n.ID == id })
	if i < 0 {
		return nil, nil, false
	}
	n := x.Notes[i]
	return url.Values{"body": {n.Body}, "revision": {strconv.FormatInt(n.Revision, 10)}}, []func(*web.Form) ui.Field{field("body", "incident.note.body", "textarea", 8, false)}, true
}

func person(id int64, name string) string { return strconv.FormatInt(id, 10) + " " + name }

// assignee is the choice of who does a task; who has it now stays in the list even
// after they left the team.
func (p *pages) assignee(r *http.Request, f *web.Form, t incident.Task) ui.Field {
	opts := []ui.Option{{Value: person(0, ""), Label: web.T(r, "incident.task.nobody")}}
	have := t.Assignee == 0
	if p.d.Team != nil {
		if team, err := p.d.Team(r.Context(), web.Actor(r)); err == nil {
			for _, c := range team {
				opts = append(opts, ui.Option{Value: person(c.ID, c.Name), Label: c.Name})
				have = have || c.ID == t.Assignee
			}
		}
	}
	if !have {
		opts = append(opts, ui.Option{Value: person(t.Assignee, t.AssigneeName), Label: t.AssigneeName})
	}
	return pick(f, "assignee", "incident.task.assignee", opts)
}

// taskPerson is the same choice in the form of a new task.
func (p *pages) taskPerson(r *http.Request, f *web.Form) ui.Field {
	x := p.assignee(r, f, incident.Task{})
	y := f.Field("task_assignee", "incident.task.assignee")
	y.Type, y.Options, y.Optional = "select", x.Options, true
	return y
}

// savePart writes the correction; a note that somebody changed meanwhile is shown
// again with what was typed.
func (p *pages) savePart(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	id, err := web.ID(r, "id")
	if err != nil {
		return err
	}
	kind := r.PathValue("kind")
	d, err := p.writePart(r, f, kind, id)
	if e := fault.Of(err); f.Fail(err) || e != nil && e.Kind == fault.Conflict {
		page, _, perr := p.part(r, f)
		if perr != nil {
			return perr
		}
		if page.Errors = f.Summary("title", "due", "assignee", "body", "kind", "happened", "source", "technique"); e != nil && e.Kind == fault.Conflict {
			page.Note = &ui.Note{Kind: "warning", Body: web.T(r, e.Key, e.Args...)}
			return p.t.RenderStatus(w, r, http.StatusConflict, "part", page)
		}
		return p.t.Invalid(w, r, "part", page)
	}
	if err != nil {
		return err
	}
	return done(d, "incident.done."+kind+".edit")
}

func (p *pages) writePart(r *http.Request, f *web.Form, kind string, id int64) (d incident.Done, err error) {
	ctx, who, ref := r.Context(), web.Actor(r), r.PathValue("number")
	switch kind {
	case "task":
		due, n, name := f.Time("due"), int64(0), ""
		if n, name, err = personOf(f.Text("assignee", 300)); err == nil && f.Err("task") == nil {
			d, err = p.s.EditTask(ctx, who, ref, id, incident.TaskInput{Title: f.Text("title", 300), Due: due, Assignee: n, Name: name})
		}
	case "entry":
		happened := f.Time("happened")
		if f.Err("entry") == nil {
			d, err = p.s.EditEntry(ctx, who, ref, id, incident.EntryInput{Kind: f.Text("kind", 20), Happened: happened, Body: f.Text("body", 4000),
				Source: f.Text("source", 300), Technique: f.Text("technique", 20)})
		}
	case "note":
		d, err = p.s.EditNote(ctx, who, ref, id, f.Int("revision"), f.Text("body", 20_000))
	default:
		err = fault.New(fault.NotFound, "no such part")
	}
	if err == nil {
		err = f.Err(kind)
	}
	return d, err
}

// dropPart withdraws a part; the history keeps it and the way back.
func (p *pages) dropPart(_ http.ResponseWriter, r *http.Request) error {
	id, err := web.ID(r, "id")
	if err != nil {
		return err
	}
	ctx, who, ref, kind := r.Context(), web.Actor(r), r.PathValue("number"), r.PathValue("kind")
	var d incident.Done
	switch kind {
	case "task":
		d, err = p.s.DropTask(ctx, who, ref, id)
	case "entry":
		d, err = p.s.DropEntry(ctx, who, ref, id)
	case "note":
		d, err = p.s.DropNote(ctx, who, ref, id)
	default:
		err = fault.New(fault.NotFound, "no such part")
	}
	if err != nil {
		return err
	}
	return done(d, "incident.done."+kind+".drop")
}
