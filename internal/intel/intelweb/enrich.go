package intelweb

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"straza/internal/intel"
	"straza/internal/intel/enrich"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// enrichPage is what is known of some attributes of an event, each with what can be taken
// over by ticking, and the modules that may be asked.
type enrichPage struct {
	web.Page
	Header ui.Header
	At     string // of the form
	Back   ui.Button
	Edit   bool
	Any    bool // there is something to tick
	Sheets []sheetPanel
	Note   *ui.Note
	Ask    *askPanel
	Set    *ui.Button // to the servers of modules, for who keeps them
}

type sheetPanel struct {
	Value, Type, Href, Ref string
	Facts                  ui.Facts
	Groups                 []offerGroup
}

// offerGroup is what one source offers.
type offerGroup struct {
	Source string
	Age    string
	Said   string
	Offers []offerRow
	Cut    string
}

type offerRow struct {
	Pick, ID, Kind string
	Value, Type    string
	Mono           bool
	Comment        string
	Tags           []string
	Lists          []string
	Here           bool
	Inside         []string // attributes of an object
}

// askPanel offers the modules that take at least one of the values.
type askPanel struct {
	Refs   []string
	Module ui.Field
	Held   []heldRow
}

type heldRow struct{ Name, Why string }

// eachAsked is how many attributes one press asks a module about.
const eachAsked = 10

func (p *pages) enrichAt(r *http.Request, ref string, attributes []string) string {
	return base(r) + "/" + ref + "/enrich?" + url.Values{"a": attributes}.Encode()
}

func (p *pages) enrichForm(w http.ResponseWriter, r *http.Request) error {
	page, err := p.enrichPage(r, web.NewForm(r, nil), r.URL.Query()["a"])
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "enrich", page)
}

func (p *pages) enrichPage(r *http.Request, f *web.Form, refs []string) (*enrichPage, error) {
	ctx, who := r.Context(), web.Actor(r)
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return nil, err
	}
	if len(refs) == 0 || p.d.Enrich == nil {
		return nil, fault.New(fault.NotFound, "no attribute is named")
	}
	sheets, err := p.d.Enrich.Sheets(ctx, who, e.Ref(), refs)
	if err != nil {
		return nil, err
	}
	at := base(r) + "/" + e.Ref()
	page := &enrichPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.known")), Header: ui.Header{Title: web.T(r, "intel.known"), Sub: []any{e.Info}}, At: at + "/enrich",
		Back: ui.Button{Label: web.T(r, "intel.cancel"), Href: at, Variant: "tertiary"}, Edit: intel.MayEdit(who, &e) == nil}
	page.Print = printed(r, &e)
	page.Crumbs = eventweb.Crumbs(r, &e, ui.Crumb{Label: page.Title})
	for i := range sheets {
		x := p.sheetPanel(r, at, &sheets[i])
		page.Any = page.Any || slices.ContainsFunc(x.Groups, func(g offerGroup) bool { return len(g.Offers) > 0 })
		page.Sheets = append(page.Sheets, x)
	}
	page.Ask = askOf(r, f, sheets)
	if access.Allowed(who, "catalog.write") && shell(r) == web.ShellConsole {
		page.Set = &ui.Button{Label: web.T(r, "intel.known.modules"), Href: "/console/modules", Variant: "tertiary"}
	}
	return page, nil
}

func (p *pages) sheetPanel(r *http.Request, at string, x *enrich.Sheet) sheetPanel {
	a := &x.Attribute
	out := sheetPanel{Value: a.Value, Type: a.Type, Href: at + "/attributes/" + a.UUID, Ref: a.UUID, Facts: knownFacts(r, x.Facts)}
	if len(x.Offers) > 0 {
		out.Groups = append(out.Groups, groupOf(r, a, x.Offers))
	}
	for i := range x.Answers {
		g := &x.Answers[i]
		row := groupOf(r, a, g.Offers)
		row.Source, row.Said = g.Module+" · "+g.Server, g.Said
		row.Age = web.T(r, "intel.known.age", "when", i18n.Ago(web.Lang(r), clock.FromMicros(g.Asked), web.Now(r)))
		if g.Skipped > 0 {
			row.Cut = web.T(r, "intel.known.skipped", "n", int64(g.Skipped))
		}
		out.Groups = append(out.Groups, row)
	}
	return out
}

// groupOf lists offers; none is ticked before somebody has looked at it.
func groupOf(r *http.Request, a *intel.Attribute, list []enrich.Offer) offerGroup {
	g := offerGroup{Source: web.T(r, "intel.known.here")}
	for i := range list {
		o := &list[i]
		row := offerRow{Pick: a.UUID + " " + o.Key, ID: "pick-" + a.UUID + "-" + o.Key, Kind: web.T(r, "intel.known.kind."+o.Kind), Type: o.Type, Value: o.Value, Mono: true, Comment: o.Comment, Tags: o.Tags, Here: o.Here}
		switch o.Kind {
		case enrich.OfTag:
			row.Value, row.Type = o.Text, ""
		case enrich.OfComment:
			row.Value, row.Type, row.Mono = o.Text, "", false
		case enrich.OfObject:
			for j := range o.Object.Attribute {
				w := &o.Object.Attribute[j]
				if len(row.Inside) < 30 {
					row.Inside = append(row.Inside, w.ObjectRelation.Or(w.Type.Or(""))+": "+short(w.Value.Or("")))
				}
			}
		}
		row.Value = short(row.Value)
		for _, h := range o.Hits {
			row.Lists = append(row.Lists, h.Name)
		}
		g.Offers = append(g.Offers, row)
	}
	return g
}

// short is a text as a line of a list shows it.
func short(s string) string {
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}

// knownFacts are facts as a definition list.
func knownFacts(r *http.Request, list []enrich.Fact) (out ui.Facts) {
	for _, f := range list {
		x := ui.Fact{Label: web.T(r, "enrich.fact."+f.Kind), Value: ui.Machine(short(f.Value)), Sub: f.Detail}
		switch {
		case f.Say != "":
			x.Value = web.T(r, f.Say)
		case f.Org != "" && shell(r) == web.ShellConsole:
			x.Value = ui.Name{Text: f.Value, Href: "/console/organisations/" + f.Org}
		case f.Org != "" || f.Kind == "list":
			x.Value = f.Value
		case f.Kind == "decoded":
			x.Wide = true
		}
		if f.Kind == "suffix" && f.Detail != "" {
			x.Sub = web.T(r, "enrich.suffix.private")
		}
		out.Items = append(out.Items, x)
	}
	return out
}

// askOf is the form that asks modules; nil when none takes any of the values.
func askOf(r *http.Request, f *web.Form, sheets []enrich.Sheet) *askPanel {
	x := &askPanel{Module: f.Field("module", "intel.known.module")}
	x.Module.Type = "select"
	seen, held := map[string]bool{}, map[string]string{}
	for i := range sheets {
		x.Refs = append(x.Refs, sheets[i].Attribute.UUID)
		for _, c := range sheets[i].Choices {
			v := c.Server + " " + c.Module
			if c.Held != "" {
				held[v] = c.Held
				continue
			}
			if !seen[v] {
				seen[v] = true
				x.Module.Options = append(x.Module.Options, ui.Option{Value: v, Label: c.Module + " · " + c.ServerName + " · " + web.T(r, "intel.manner."+string(c.Manner))})
			}
		}
	}
	for i := range sheets {
		for _, c := range sheets[i].Choices {
			v := c.Server + " " + c.Module
			if why := held[v]; why != "" {
				delete(held, v)
				x.Held = append(x.Held, heldRow{c.Module + " · " + c.ServerName, web.T(r, why)})
			}
		}
	}
	if len(x.Module.Options) == 0 && len(x.Held) == 0 {
		return nil
	}
	return x
}

// enrich asks a module or takes over what was ticked, by the button that was pressed.
func (p *pages) enrich(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ref, err := eventRef(r)
	if err != nil {
		return err
	}
	if p.d.Enrich == nil {
		return fault.New(fault.NotFound, "no enrichment")
	}
	refs := f.Many("a")
	if f.Text("act", 10) == "ask" {
		return p.askModule(w, r, f, ref, refs)
	}
	var picks []enrich.Pick
	for _, x := range f.Many("pick") {
		at, key, ok := strings.Cut(x, " ")
		if !ok {
			return fault.Field("pick", "intel.pick.wrong", "not an offer")
		}
		picks = append(picks, enrich.Pick{Attribute: at, Key: key})
	}
	out, err := p.d.Enrich.Take(r.Context(), web.Actor(r), ref, picks)
	if err != nil {
		return err
	}
	done := web.Done("intel.done.taken", "n", int64(out.Done))
	switch {
	case out.Undo != 0:
		done = done.WithUndo(base(r)+"/"+ref+"/enrich/undo", "of", strconv.FormatInt(out.Undo, 10))
	case len(picks) > 0:
		done = web.Done("intel.done.taken.none")
	}
	if len(refs) == 1 {
		return web.Redirect(base(r)+"/"+ref+"/attributes/"+refs[0], done)
	}
	return web.Redirect(base(r)+"/"+ref, done)
}

// askModule asks about each of the attributes that the module takes and that may leave;
// what it answers is kept and shown with its age.
func (p *pages) askModule(w http.ResponseWriter, r *http.Request, f *web.Form, ref string, refs []string) error {
	server, module, ok := strings.Cut(f.Text("module", 200), " ")
	f.Require(ok, "module", "web.error.required")
	var why error
	n := 0
	if ok {
		for _, a := range refs[:min(len(refs), eachAsked)] {
			if _, err := p.attributeNamed(r, ref, a); err != nil {
				return err
			}
			_, err := p.d.Enrich.Ask(r.Context(), web.Actor(r), enrich.Question{Attribute: a, Server: server, Module: module, Again: true})
			if err == nil {
				n++
				continue
			}
			if fault.Is(err, fault.NotFound) || fault.Of(err) == nil {
				return err
			}
			if why == nil {
				why = err
			}
			if fault.Is(err, fault.Unavailable) { // the next would wait as long
				break
			}
		}
	}
	if n > 0 {
		return web.Redirect(p.enrichAt(r, ref, refs), web.Done("intel.done.asked", "n", int64(n)))
	}
	page, err := p.enrichPage(r, f, refs)
	if err != nil {
		return err
	}
	if x := fault.Of(why); x != nil {
		key := x.Key
		for _, k := range x.Fields {
			key = k
		}
		if key == "" {
			key = "intel.fault.module-silent"
		}
		page.Note = &ui.Note{Kind: "warning", Title: web.T(r, "intel.known.failed", "module", module), Body: web.T(r, key)}
	}
	return p.t.Invalid(w, r, "enrich", page)
}

// attributeNamed loads an attribute through its event.
func (p *pages) attributeNamed(r *http.Request, event, ref string) (intel.Attribute, error) {
	e, err := p.s.Event(r.Context(), web.Actor(r), event)
	if err != nil {
		return intel.Attribute{}, err
	}
	a, err := p.s.Attribute(r.Context(), web.Actor(r), ref)
	if err == nil && a.EventID != e.ID {
		err = fault.New(fault.NotFound, "attribute %s in event %s", ref, event)
	}
	return a, err
}

// undoEnrich takes back what one press took over.
func (p *pages) undoEnrich(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ref, err := eventRef(r)
	if err != nil {
		return err
	}
	if p.d.Enrich == nil {
		return fault.New(fault.NotFound, "no enrichment")
	}
	done, left, err := p.d.Enrich.Undo(r.Context(), web.Actor(r), ref, f.Int("of"))
	if err != nil {
		return err
	}
	if left > 0 {
		return web.Redirect(base(r)+"/"+ref, web.Done("intel.done.given.left", "n", int64(done), "left", int64(left)))
	}
	return web.Redirect(base(r)+"/"+ref, web.Done("intel.done.given", "n", int64(done)))
}

// known fills what an attribute's page says of its value, warning lists apart: they have
// their own panel.
func (p *pages) known(r *http.Request, page *attributePage, a *intel.Attribute) error {
	if p.d.Enrich == nil {
		return nil
	}
	facts, _, err := p.d.Enrich.Known(r.Context(), web.Actor(r), a.Type, a.Value)
	if err != nil {
		return err
	}
	facts = slices.DeleteFunc(facts, func(f enrich.Fact) bool { return f.Kind == "list" })
	page.Known = knownFacts(r, facts)
	page.Enrich = &ui.Button{Label: web.T(r, "intel.known.more"), Href: page.At[:strings.Index(page.At, "/attributes/")] + "/enrich?a=" + a.UUID, Variant: "secondary", Small: true}
	return nil
}
