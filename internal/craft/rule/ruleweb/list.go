package ruleweb

import (
	"net/http"
	"strconv"
	"strings"

	"straza/internal/craft/rule"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type listPage struct {
	web.Page
	Header ui.Header
	Lead   string
	Table  ui.Table
}

// words are the headings of a list: rules or alerts.
func words(r *http.Request, key string) string {
	if own(r) {
		return web.T(r, "rules.own."+key)
	}
	return web.T(r, "rules.team."+key)
}

func mayWrite(r *http.Request) bool { return own(r) || access.Allowed(web.Actor(r), "rule.write") }

func crumbs(r *http.Request, last string) []ui.Crumb {
	out := []ui.Crumb{{Label: words(r, "title"), Href: base(r)}}
	if own(r) {
		out = append([]ui.Crumb{{Label: web.T(r, "rules.account"), Href: "/account"}}, out...)
	}
	return append(out, ui.Crumb{Label: last})
}

func (p *pages) list(w http.ResponseWriter, r *http.Request) error {
	list, err := p.s.List(r.Context(), web.Actor(r), own(r))
	if err != nil {
		return err
	}
	page := &listPage{Page: web.NewPage(r, shellOf(r), words(r, "title")), Header: ui.Header{Title: words(r, "title")}, Lead: words(r, "lead")}
	if own(r) {
		page.Crumbs = []ui.Crumb{{Label: web.T(r, "rules.account"), Href: "/account"}, {Label: words(r, "title")}}
	} else {
		n, err := p.s.CountWaiting(r.Context(), web.Actor(r))
		if err != nil {
			return err
		}
		page.Header.Tabs = tabs(r, "", n)
	}
	if mayWrite(r) {
		page.Header.Acts = []ui.Button{{Label: words(r, "new"), Icon: "plus", Href: base(r) + "/new", Key: "N"}}
	}
	page.Table = ui.Table{Caption: words(r, "title"), Columns: []ui.Column{{Label: web.T(r, "rules.name")}, {Label: web.T(r, "rules.state"), Width: "mark"},
		{Label: web.T(r, "rules.does"), Drop: 1}, {Label: web.T(r, "rules.held"), Num: true, Drop: 2}, {Label: web.T(r, "rules.last"), Width: "mark", Drop: 2}},
		Empty: &ui.Empty{Icon: "sun", Title: words(r, "empty"), Text: words(r, "empty.text"), Acts: page.Header.Acts}}
	for i := range list {
		x := &list[i]
		does := make([]string, len(x.Acts))
		for j, a := range x.Acts {
			does[j] = web.T(r, "rules.do."+a.Do)
		}
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: x.Path(), Cells: []any{ui.Name{Text: x.Name, Href: x.Path(), Sub: []any{web.T(r, "rules.when."+x.Trigger)}},
			state(r, x), strings.Join(does, ", "), strconv.FormatInt(x.Runs, 10), when(x.Last)}})
	}
	return p.t.Render(w, r, "rules", page)
}

// tabs lead to what waits for somebody.
func tabs(r *http.Request, at string, waiting int64) *ui.Tabs {
	return &ui.Tabs{Label: words(r, "title"), Items: []ui.Tab{{Label: words(r, "title"), Href: teamBase, Here: at == ""},
		{Label: web.T(r, "rules.waiting"), Href: teamBase + "/waiting", Here: at == "waiting", Count: strconv.FormatInt(waiting, 10)}}}
}

func when(us int64) any {
	if us == 0 {
		return "–"
	}
	return clock.FromMicros(us)
}

func state(r *http.Request, x *rule.Rule) ui.State {
	switch {
	case x.Gone > 0:
		return ui.State{Kind: ui.StateRefused, Word: web.T(r, "rules.state.gone")}
	case !x.Active:
		return ui.State{Kind: ui.StateWaiting, Word: web.T(r, "rules.state.off")}
	case x.Waiting > 0:
		return ui.State{Kind: ui.StateAck, Word: web.T(r, "rules.state.waits", "n", x.Waiting)}
	case x.Failed > 0:
		return ui.State{Kind: ui.StateRefused, Word: web.T(r, "rules.state.failed", "n", x.Failed)}
	}
	return ui.State{Kind: ui.StateDone, Word: web.T(r, "rules.state.on")}
}

type showPage struct {
	web.Page
	Header ui.Header
	When   string
	If     []string
	Also   string
	Then   []string
	Facts  ui.Facts
	Secret string
	Runs   ui.Table
	More   string
	At     string
}

// runsShown is how many runs a page lists.
const runsShown = 50

func (p *pages) show(w http.ResponseWriter, r *http.Request) error {
	who := web.Actor(r)
	x, err := p.get(r)
	if err != nil {
		return err
	}
	page := &showPage{Page: web.NewPage(r, shellOf(r), x.Name), Header: ui.Header{Title: x.Name, Marks: []any{state(r, &x)}}, At: x.Path(),
		When: web.T(r, "rules.when."+x.Trigger), Also: x.Cond.Also}
	page.Crumbs = crumbs(r, x.Name)
	if mayWrite(r) {
		page.Header.Acts = showActs(r, &x)
	}
	for _, t := range x.Cond.Tests {
		page.If = append(page.If, sentence(r, t))
	}
	for _, a := range x.Acts {
		page.Then = append(page.Then, deed(r, a))
		if a.Do == "webhook" && mayWrite(r) {
			if page.Secret, err = p.s.Secret(r.Context(), who, x.UUID); err != nil {
				return err
			}
		}
	}
	join := "rules.all"
	if x.Cond.Any {
		join = "rules.any"
	}
	page.Facts.Items = []ui.Fact{{Label: web.T(r, "rules.join"), Value: web.T(r, join)}, {Label: web.T(r, "rules.changed"), Value: when(x.Changed)}}
	if !x.Own() {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "rules.hourly"), Value: strconv.Itoa(x.Hourly)})
	}
	before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	runs, err := p.s.Runs(r.Context(), who, x.UUID, before, runsShown+1)
	if err != nil {
		return err
	}
	if len(runs) > runsShown {
		runs = runs[:runsShown]
		page.More = x.Path() + "?before=" + strconv.FormatInt(runs[runsShown-1].ID, 10)
	}
	page.Runs = runTable(r, runs, false)
	return p.t.Render(w, r, "rule", page)
}

// get reads the rule of a path; a team's rule does not stand among alerts.
func (p *pages) get(r *http.Request) (rule.Rule, error) {
	x, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("rule"))
	if err == nil && x.Own() != own(r) {
		err = fault.New(fault.NotFound, "no such rule")
	}
	return x, err
}

func showActs(r *http.Request, x *rule.Rule) (out []ui.Button) {
	if x.Gone > 0 {
		return []ui.Button{{Label: web.T(r, "rules.restore"), Form: "acts", Action: x.Path() + "/restore"}}
	}
	turn := ui.Button{Label: web.T(r, "rules.off"), Form: "acts", Action: x.Path() + "/off", Variant: "secondary"}
	if !x.Active {
		turn = ui.Button{Label: web.T(r, "rules.on"), Form: "acts", Action: x.Path() + "/on"}
	}
	return []ui.Button{turn, {Label: web.T(r, "rules.edit"), Icon: "pencil", Href: x.Path() + "/edit", Variant: "secondary", Key: "E"},
		{Label: web.T(r, "rules.remove"), Form: "acts", Action: x.Path() + "/remove", Variant: "tertiary", Danger: true}}
}

// sentence is a condition in words: "Tags: contains “tlp:red”".
func sentence(r *http.Request, t rule.Test) string {
	v := t.Value
	if v == "" {
		return web.T(r, "rules.fact."+t.Fact) + ": " + web.T(r, "rules.op."+t.Op)
	}
	return web.T(r, "rules.fact."+t.Fact) + " " + web.T(r, "rules.op."+t.Op) + " “" + v + "”"
}

// deed is an act in words with its parameters.
func deed(r *http.Request, a rule.Act) string {
	s := web.T(r, "rules.do."+a.Do)
	var with []string
	for _, k := range []string{"tag", "scope", "title", "severity", "to", "url", "when", "question", "word"} {
		v := a.With[k]
		switch {
		case v == "":
			continue
		case k == "scope" || k == "to" || k == "when" || k == "severity":
			v = web.T(r, "rules.choice."+k+"."+v)
		}
		with = append(with, v)
	}
	if len(with) > 0 {
		s += ": " + strings.Join(with, ", ")
	}
	return s
}

// runTable lists runs; deciding shows the buttons that answer them.
func runTable(r *http.Request, runs []rule.Run, named bool) ui.Table {
	t := ui.Table{Caption: web.T(r, "rules.runs"), Columns: []ui.Column{{Label: web.T(r, "rules.about")}, {Label: web.T(r, "rules.state"), Width: "mark"},
		{Label: web.T(r, "rules.at"), Width: "mark", Drop: 1}, {Label: web.T(r, "rules.decide"), Hidden: true}},
		Empty: &ui.Empty{Icon: "clock", Title: web.T(r, "rules.runs.empty"), Text: web.T(r, "rules.runs.empty.text")}}
	if named {
		t.Caption, t.Empty = web.T(r, "rules.waiting"), &ui.Empty{Icon: "sun", Title: web.T(r, "rules.waiting.empty"), Text: web.T(r, "rules.waiting.empty.text")}
	}
	for i := range runs {
		x := &runs[i]
		name := ui.Name{Text: web.T(r, "rules.unseen")}
		if x.About != nil {
			name.Text, name.Href = x.About.Title, x.About.Path
			if !web.Actor(r).OnTeam() {
				name.Href = x.About.Own
			}
			if x.About.Label != "" {
				name.Marks = []any{ui.TLP(x.About.Label)}
			}
		}
		if named {
			name.Sub = append(name.Sub, x.RuleName)
		}
		if s := said(r, x); s != "" {
			name.Sub = append(name.Sub, s)
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{name, runState(r, x), when(x.At), answers(r, x)}})
	}
	return t
}

func runState(r *http.Request, x *rule.Run) ui.State {
	kind := map[string]string{rule.Done: ui.StateDone, rule.Failed: ui.StateRefused, rule.Declined: ui.StateRefused, rule.Asked: ui.StateAck}[x.State]
	if kind == "" {
		kind = ui.StateWaiting
	}
	return ui.State{Kind: kind, Word: web.T(r, "rules.run."+x.State)}
}

// said is what the acts gave, or what the run is asked.
func said(r *http.Request, x *rule.Run) string {
	var out []string
	for i, s := range x.Said {
		switch {
		case s.Fault != "":
			out = append(out, web.T(r, s.Fault))
		case s.Text != "" && i < len(x.Acts):
			out = append(out, web.T(r, "rules.do."+x.Acts[i].Do)+": "+s.Text)
		}
	}
	if x.State == rule.Asked {
		q := web.T(r, "rules.flood")
		if x.Step < len(x.Acts) && x.Acts[x.Step].Do == rule.Ask {
			if q = x.Acts[x.Step].With["question"]; q == "" {
				q = web.T(r, "rules.goon")
			}
		}
		out = append(out, q)
	}
	return strings.Join(out, " · ")
}

// answers are the buttons of a run that waits or failed.
func answers(r *http.Request, x *rule.Run) any {
	if !own(r) && !access.Allowed(web.Actor(r), "rule.decide") {
		return ""
	}
	at := base(r) + "/" + x.RuleUUID + "/run"
	id := strconv.FormatInt(x.ID, 10)
	button := func(label, do, variant string) ui.Button {
		return ui.Button{Label: web.T(r, label), Action: at, Name: "do", Value: do + " " + id, Variant: variant, Small: true}
	}
	switch x.State {
	case rule.Asked:
		return ui.Acts{Form: "acts", Items: []ui.Button{button("rules.yes", "yes", "secondary"), button("rules.no", "no", "tertiary")}}
	case rule.Failed:
		return ui.Acts{Form: "acts", Items: []ui.Button{button("rules.again", "again", "secondary")}}
	}
	return ""
}

func (p *pages) waiting(w http.ResponseWriter, r *http.Request) error {
	before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	runs, err := p.s.Waiting(r.Context(), web.Actor(r), before, runsShown+1)
	if err != nil {
		return err
	}
	n, err := p.s.CountWaiting(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	page := &showPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "rules.waiting")), Header: ui.Header{Title: web.T(r, "rules.waiting"), Tabs: tabs(r, "waiting", n)}}
	page.Crumbs = crumbs(r, web.T(r, "rules.waiting"))
	if len(runs) > runsShown {
		runs = runs[:runsShown]
		page.More = teamBase + "/waiting?before=" + strconv.FormatInt(runs[runsShown-1].ID, 10)
	}
	page.Runs = runTable(r, runs, true)
	return p.t.Render(w, r, "ruleswaiting", page)
}

// run answers a run that waits, or lets one that failed try again.
func (p *pages) run(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	do, id, _ := strings.Cut(f.Text("do", 40), " ")
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "no such run")
	}
	who, ref := web.Actor(r), r.PathValue("rule")
	switch do {
	case "yes", "no":
		err = p.s.Decide(r.Context(), who, ref, n, do == "yes")
	case "again":
		err = p.s.Again(r.Context(), who, ref, n)
	default:
		return fault.New(fault.NotFound, "answer %q", do)
	}
	if err != nil {
		return err
	}
	to := base(r) + "/" + ref
	if do != "again" && !own(r) {
		to = teamBase + "/waiting"
	}
	return web.Redirect(to, web.Done("rules.done."+do))
}

// act turns a rule on or off, removes it or brings it back.
func (p *pages) act(_ http.ResponseWriter, r *http.Request) (err error) {
	who, ref := web.Actor(r), r.PathValue("rule")
	switch r.PathValue("act") {
	case "on", "off":
		_, err = p.s.Switch(r.Context(), who, ref, r.PathValue("act") == "on")
	case "remove":
		if _, err = p.s.Remove(r.Context(), who, ref); err == nil {
			return web.Redirect(base(r), web.Done("rules.done.remove").WithUndo(base(r)+"/"+ref+"/restore"))
		}
	case "restore":
		_, err = p.s.Restore(r.Context(), who, ref)
	default:
		err = fault.New(fault.NotFound, "act %q", r.PathValue("act"))
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+ref, web.Done("rules.done."+r.PathValue("act")))
}
