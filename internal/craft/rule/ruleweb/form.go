package ruleweb

import (
	"net/http"
	"strconv"
	"strings"

	"straza/internal/craft/pack"
	"straza/internal/craft/rule"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type formPage struct {
	web.Page
	Header  ui.Header
	Choose  []choice // the first step: when
	When    string
	Trigger string
	Name    ui.Field
	Join    ui.Choices
	Tests   []testRow
	Also    ui.Field
	Deeds   []deedRow
	ActsBad string
	Hourly  *ui.Field
	Active  ui.Field
	Version string
	Facts   ui.Table
	Tried   *ui.Table
	Sum     string
	Cancel  ui.Button
}

type choice struct{ Href, Label, Text string }

type testRow struct{ Fact, Op, Value ui.Field }

// deedRow is one act: its tick, and its words.
type deedRow struct {
	Tick   ui.Field
	Params []ui.Field
}

// spare is how many empty rows of conditions a form offers.
const spare = 2

// chooseTrigger is the first step of a new rule: every beginning is a link.
func (p *pages) chooseTrigger(w http.ResponseWriter, r *http.Request) error {
	page := &formPage{Page: web.NewPage(r, shellOf(r), words(r, "new")), Header: ui.Header{Title: words(r, "new")}}
	page.Crumbs = crumbs(r, words(r, "new"))
	for _, t := range p.s.Triggers(r.Context(), web.Actor(r)) {
		page.Choose = append(page.Choose, choice{Href: base(r) + "/new?when=" + t.Name, Label: web.T(r, "rules.when."+t.Name), Text: web.T(r, "rules.when."+t.Name+".text")})
	}
	return p.t.Render(w, r, "ruleform", page)
}

func (p *pages) newRule(w http.ResponseWriter, r *http.Request) error {
	name := r.URL.Query().Get("when")
	if p.trigger(r, name) == nil {
		return p.chooseTrigger(w, r)
	}
	f := web.NewForm(r, nil)
	f.Values.Set("trigger", name)
	f.Values.Set("active", "1")
	f.Values.Set("join", "all")
	if own(r) {
		f.Values.Set("do."+rule.Alert, "1")
		f.Values.Set("with."+rule.Alert+".when", rule.AtOnce)
	}
	return p.t.Render(w, r, "ruleform", p.form(r, f, words(r, "new"), base(r)))
}

func (p *pages) trigger(r *http.Request, name string) *rule.Trigger {
	for _, t := range p.s.Triggers(r.Context(), web.Actor(r)) {
		if t.Name == name {
			return &t
		}
	}
	return nil
}

// form lays the page out from what is typed.
func (p *pages) form(r *http.Request, f *web.Form, title, back string) *formPage {
	page := &formPage{Page: web.NewPage(r, shellOf(r), title), Header: ui.Header{Title: title}, Trigger: f.Values.Get("trigger"), Version: f.Values.Get("version"),
		Cancel: ui.Button{Label: web.T(r, "rules.cancel"), Href: back, Variant: "tertiary"}}
	page.Crumbs = crumbs(r, title)
	t := p.trigger(r, page.Trigger)
	if t == nil {
		return page
	}
	page.When = web.T(r, "rules.when."+t.Name)
	page.Header.Sub = []any{page.When}
	page.Name = f.Field("name", "rules.name")
	page.Join = f.Choices("join", "rules.join", ui.Option{Value: "all", Label: web.T(r, "rules.all")}, ui.Option{Value: "any", Label: web.T(r, "rules.any")})
	page.Join.Compact = true
	for i := range rows(f) {
		page.Tests = append(page.Tests, testFields(r, f, t, i))
	}
	page.Also = f.Field("also", "rules.also")
	page.Also.Hint, page.Also.Optional, page.Also.Mono = web.T(r, "rules.hint.also"), true, true
	page.deeds(r, f, p.s.Actions(r.Context(), web.Actor(r), t.Name, own(r)))
	page.ActsBad = f.Error("acts")
	if !own(r) {
		x := f.Field("hourly", "rules.hourly")
		x.InputMode, x.Width, x.Optional, x.Hint = "numeric", "short", true, web.T(r, "rules.hint.hourly")
		page.Hourly = &x
	}
	page.Active = f.Box("active", "rules.active")
	page.Facts = factTable(r, t)
	return page
}

// rows is how many rows of conditions to show: those filled, and some to fill.
func rows(f *web.Form) int {
	n := 0
	for i := range 20 {
		if f.Values.Get("test."+strconv.Itoa(i)+".fact") != "" {
			n = i + 1
		}
	}
	return min(n+spare, 20)
}

func testFields(r *http.Request, f *web.Form, t *rule.Trigger, i int) testRow {
	at := "test." + strconv.Itoa(i)
	fact, op, value := f.Field(at+".fact", "rules.fact"), f.Field(at+".op", "rules.op"), f.Field(at+".value", "rules.value")
	for _, x := range []*ui.Field{&fact, &op} {
		x.Type, x.Options = "select", []ui.Option{{Value: "", Label: "–"}}
	}
	for _, x := range t.Facts {
		fact.Options = append(fact.Options, ui.Option{Value: x.Name, Label: web.T(r, "rules.fact."+x.Name)})
	}
	op.Options = append(op.Options, web.Words(r, "rules.op.", rule.Has, rule.Lacks, rule.Is, rule.Isnt, rule.OneOf, rule.Least, rule.AtMost, rule.True, rule.False)...)
	value.ID, value.Error = at, f.Error(at)
	if i > 0 {
		fact.HideLabel, op.HideLabel, value.HideLabel = true, true, true
	}
	return testRow{fact, op, value}
}

func (page *formPage) deeds(r *http.Request, f *web.Form, list []rule.Action) {
	for _, a := range list {
		row := deedRow{Tick: f.Box("do."+a.Name, "rules.do."+a.Name)}
		row.Tick.Hint = web.T(r, "rules.do."+a.Name+".text")
		for _, x := range a.Params {
			row.Params = append(row.Params, paramField(r, f, a.Name, x))
		}
		page.Deeds = append(page.Deeds, row)
	}
}

func paramField(r *http.Request, f *web.Form, act string, x rule.Param) ui.Field {
	field := f.Field("with."+act+"."+x.Name, "rules.param."+x.Name)
	field.Optional = x.Optional
	if x.Choices == nil {
		return field
	}
	field.Type = "select"
	if x.Optional {
		field.Options = []ui.Option{{Value: "", Label: "–"}}
	}
	field.Options = append(field.Options, web.Words(r, "rules.choice."+x.Name+".", x.Choices...)...)
	return field
}

// factTable tells what each fact is and what it can be.
func factTable(r *http.Request, t *rule.Trigger) ui.Table {
	out := ui.Table{Caption: web.T(r, "rules.facts"), Columns: []ui.Column{{Label: web.T(r, "rules.fact")}, {Label: web.T(r, "rules.fact.name"), Width: "mark"},
		{Label: web.T(r, "rules.fact.kind")}}}
	for _, x := range t.Facts {
		kind := web.T(r, map[pack.Kind]string{pack.Word: "rules.kind.word", pack.Many: "rules.kind.many", pack.Number: "rules.kind.number", pack.Yesno: "rules.kind.yesno"}[x.Kind])
		if x.Choices != nil {
			kind += ": " + strings.Join(x.Choices, ", ")
		}
		out.Rows = append(out.Rows, ui.Row{Cells: []any{web.T(r, "rules.fact."+x.Name), ui.Machine(x.Name), kind}})
	}
	return out
}

// read takes the form into a rule; acts stand in the order of the form, with the
// question to a person first. act names where each act's fields are.
func (p *pages) read(r *http.Request, f *web.Form) (x rule.Rule, acts []string) {
	x = rule.Rule{Name: f.Text("name", 400), Trigger: f.Text("trigger", 100), Active: f.Tick("active"), Hourly: int(f.Int("hourly"))}
	x.Cond = rule.Cond{Any: f.Text("join", 5) == "any", Also: f.Text("also", 1000)}
	for i := range 20 {
		at := "test." + strconv.Itoa(i)
		if fact := f.Text(at+".fact", 100); fact != "" {
			x.Cond.Tests = append(x.Cond.Tests, rule.Test{Fact: fact, Op: f.Text(at+".op", 20), Value: f.Text(at+".value", 1000)})
		}
	}
	for _, a := range p.s.Actions(r.Context(), web.Actor(r), x.Trigger, own(r)) {
		if !f.Tick("do." + a.Name) {
			continue
		}
		with := map[string]string{}
		for _, w := range a.Params {
			with[w.Name] = f.Text("with."+a.Name+"."+w.Name, 1000)
		}
		x.Acts, acts = append(x.Acts, rule.Act{Do: a.Name, With: with}), append(acts, a.Name)
	}
	return x, acts
}

// placed moves the faults of acts to the fields of the form that they stand in, and
// closes gaps between rows of conditions that were left out.
func placed(err error, f *web.Form, acts []string) error {
	e := fault.Of(err)
	if e == nil || e.Kind != fault.Invalid {
		return err
	}
	var filled []int
	for i := range 20 {
		if f.Values.Get("test."+strconv.Itoa(i)+".fact") != "" {
			filled = append(filled, i)
		}
	}
	fields := map[string]string{}
	for name, key := range e.Fields {
		part := strings.SplitN(name, ".", 3)
		n := -1
		if len(part) > 1 {
			n, _ = strconv.Atoi(part[1])
		}
		switch {
		case part[0] == "test" && n >= 0 && n < len(filled):
			name = "test." + strconv.Itoa(filled[n])
		case part[0] == "act" && len(part) == 3 && n >= 0 && n < len(acts):
			if name = "with." + acts[n] + "." + part[2]; part[2] == "do" {
				name = "do." + acts[n]
			}
		}
		fields[name] = key
	}
	out := *e
	out.Fields = fields
	return &out
}

var order = []string{"name", "test.0", "test.1", "test.2", "also", "acts", "hourly"}

func (p *pages) add(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	x, acts := p.read(r, f)
	if step := f.Text("step", 10); step != "" {
		return p.again(w, r, f, x, step, words(r, "new"), base(r))
	}
	saved, err := p.s.Add(r.Context(), web.Actor(r), x, own(r))
	if err = placed(err, f, acts); f.Fail(err) {
		return p.invalid(w, r, f, words(r, "new"), base(r))
	}
	if err != nil {
		return err
	}
	return web.Redirect(saved.Path(), web.Done("rules.done.add"))
}

func (p *pages) invalid(w http.ResponseWriter, r *http.Request, f *web.Form, title, back string) error {
	page := p.form(r, f, title, back)
	page.Errors = f.Summary(order...)
	return p.t.Invalid(w, r, "ruleform", page)
}

// again shows the form once more: with more rows, or tried on what happened last.
func (p *pages) again(w http.ResponseWriter, r *http.Request, f *web.Form, x rule.Rule, step, title, back string) error {
	if step != "try" {
		return p.t.Render(w, r, "ruleform", p.form(r, f, title, back))
	}
	list, err := p.s.Try(r.Context(), web.Actor(r), x, own(r))
	if err = placed(err, f, nil); f.Fail(err) {
		return p.invalid(w, r, f, title, back)
	}
	if err != nil {
		return err
	}
	page := p.form(r, f, title, back)
	t := ui.Table{Caption: web.T(r, "rules.tried"), Columns: []ui.Column{{Label: web.T(r, "rules.about")}, {Label: web.T(r, "rules.holds"), Width: "mark"}, {Label: web.T(r, "rules.at"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "clock", Title: web.T(r, "rules.tried.empty")}}
	held := 0
	for _, o := range list {
		s := ui.State{Kind: ui.StateWaiting, Word: web.T(r, "rules.holds.no")}
		switch {
		case o.Holds:
			s, held = ui.State{Kind: ui.StateDone, Word: web.T(r, "rules.holds.yes")}, held+1
		case o.Unknown:
			s.Word = web.T(r, "rules.holds.unknown")
		}
		at := o.Subject.Path
		if !web.Actor(r).OnTeam() {
			at = o.Subject.Own
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{ui.Name{Text: o.Subject.Title, Href: at}, s, when(o.Subject.At)}})
	}
	page.Tried, page.Sum = &t, web.T(r, "rules.tried.sum", "n", held, "of", len(list))
	return p.t.Render(w, r, "ruleform", page)
}

func (p *pages) editForm(w http.ResponseWriter, r *http.Request) error {
	x, err := p.get(r)
	if err != nil {
		return err
	}
	f := web.NewForm(r, nil)
	set := f.Values.Set
	set("name", x.Name)
	set("trigger", x.Trigger)
	set("version", strconv.FormatInt(x.Version, 10))
	set("hourly", strconv.Itoa(x.Hourly))
	set("also", x.Cond.Also)
	set("join", "all")
	if x.Cond.Any {
		set("join", "any")
	}
	if x.Active {
		set("active", "1")
	}
	for i, t := range x.Cond.Tests {
		at := "test." + strconv.Itoa(i)
		set(at+".fact", t.Fact)
		set(at+".op", t.Op)
		set(at+".value", t.Value)
	}
	for _, a := range x.Acts {
		set("do."+a.Do, "1")
		for k, v := range a.With {
			set("with."+a.Do+"."+k, v)
		}
	}
	return p.t.Render(w, r, "ruleform", p.form(r, f, web.T(r, "rules.edit.title"), x.Path()))
}

func (p *pages) edit(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	x, acts := p.read(r, f)
	title, back := web.T(r, "rules.edit.title"), base(r)+"/"+r.PathValue("rule")
	if step := f.Text("step", 10); step != "" {
		return p.again(w, r, f, x, step, title, back)
	}
	_, err = p.s.Change(r.Context(), web.Actor(r), r.PathValue("rule"), f.Int("version"), func(was *rule.Rule) {
		was.Name, was.Cond, was.Acts, was.Active = x.Name, x.Cond, x.Acts, x.Active
		if x.Hourly != 0 {
			was.Hourly = x.Hourly
		}
	})
	if err = placed(err, f, acts); f.Fail(err) {
		return p.invalid(w, r, f, title, back)
	}
	if err != nil {
		return err
	}
	return web.Redirect(back, web.Done("rules.done.edit"))
}
