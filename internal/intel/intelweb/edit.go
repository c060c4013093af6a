package intelweb

import (
	"net/http"
	"strings"

	"straza/internal/format/extract"
	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type newPage struct {
	web.Page
	Header                               ui.Header
	Info, Distribution, Threat, Analysis ui.Field
	TLP, Text                            ui.Field
	Cancel                               ui.Button
}

func (p *pages) newForm(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, map[string][]string{"distribution": {"1"}, "threat": {"3"}, "analysis": {"0"}, "tlp": {"amber"}})
	return p.t.Render(w, r, "new", editor(r, f))
}

func editor(r *http.Request, f *web.Form) *newPage {
	page := &newPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.new")), Header: ui.Header{Title: web.T(r, "intel.new")},
		Info: f.Field("info", "intel.info"), Distribution: f.Field("distribution", "intel.who"), Threat: f.Field("threat", "intel.threat"), Analysis: f.Field("analysis", "intel.analysis"),
		TLP: f.Field("tlp", "intel.tlp"), Text: f.Field("text", "intel.text"), Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: base(r), Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "intel.events"), Href: base(r)}, {Label: web.T(r, "intel.new")}}
	page.Info.Hint, page.Text.Hint = web.T(r, "intel.info.hint"), web.T(r, "intel.text.hint")
	page.Text.Type, page.Text.Rows, page.Text.Optional = "textarea", 8, true
	for _, x := range []struct {
		f      *ui.Field
		prefix string
		values []string
	}{{&page.Distribution, "intel.distribution.", []string{"0", "1", "2", "3"}}, {&page.Threat, "intel.threat.", []string{"1", "2", "3", "4"}}, {&page.Analysis, "intel.analysis.", []string{"0", "1", "2"}}} {
		x.f.Type = "select"
		for _, v := range x.values {
			x.f.Options = append(x.f.Options, ui.Option{Value: v, Label: web.T(r, x.prefix+v)})
		}
	}
	page.TLP.Type = "select"
	for _, v := range []string{"clear", "green", "amber", "amber+strict", "red"} {
		page.TLP.Options = append(page.TLP.Options, ui.Option{Value: v, Label: "TLP:" + strings.ToUpper(v)})
	}
	return page
}

// create makes an event with its TLP and goes on to the pasted text's indicators.
func (p *pages) create(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ev := &misp.Event{Info: misp.T(f.Needed("info", 65_000)), Distribution: misp.N(f.Int("distribution")), ThreatLevelID: misp.N(f.Int("threat")), Analysis: misp.N(f.Int("analysis")),
		Tag: []misp.Tag{{Name: misp.T("tlp:" + f.OneOf("tlp", "clear", "green", "amber", "amber+strict", "red"))}}}
	list, _ := extract.Scan(f.Text("text", 500_000), 2000)
	for _, c := range list {
		ev.Attribute = append(ev.Attribute, wireOf(c))
	}
	var saved intel.Saved
	if f.Err("event") == nil {
		saved, err = p.s.AddEvent(r.Context(), web.Actor(r), intel.FromEvent(ev), intel.AddOptions{})
	}
	if f.Fail(err) {
		page := editor(r, f)
		page.Errors = f.Summary("info", "distribution", "threat", "analysis", "tlp", "text")
		return p.t.Invalid(w, r, "new", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+saved.UUID, web.Done("intel.done.created"))
}

func wireOf(c extract.Candidate) misp.Attribute {
	return misp.Attribute{Type: misp.T(c.Type), Value: misp.T(c.Value)}
}

type pastePage struct {
	web.Page
	Header ui.Header
	Text   ui.Field
	Found  []foundRow
	None   bool
	More   bool
	At     string
	Ref    string

	Notices []ui.Note // what notice lists say of what was found
}

type foundRow struct {
	Type, Value string
	Count       int
	Known       int      // events that hold it already, as far as the caller sees
	Harmless    []string // warning lists it stands on
	Packed      string
}

func (p *pages) pasteForm(w http.ResponseWriter, r *http.Request) error {
	page, err := p.pastePage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "paste", page)
}

func (p *pages) pastePage(r *http.Request, f *web.Form) (*pastePage, error) {
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return nil, err
	}
	page := &pastePage{Page: web.NewPage(r, shell(r), web.T(r, "intel.paste")), Header: ui.Header{Title: web.T(r, "intel.paste"), Sub: []any{e.Info}}, Text: f.Field("text", "intel.text"), At: base(r), Ref: e.Ref()}
	page.Crumbs = eventweb.Crumbs(r, &e, ui.Crumb{Label: web.T(r, "intel.paste")})
	page.Text.Type, page.Text.Rows, page.Text.Hint = "textarea", 12, web.T(r, "intel.text.hint")
	return page, nil
}

// paste has two steps: a text gives candidates to tick; ticked ones are added.
func (p *pages) paste(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	if picked := f.Many("pick"); len(picked) > 0 || f.Text("step", 10) == "add" {
		return p.addPicked(w, r, f, picked)
	}
	page, err := p.pastePage(r, f)
	if err != nil {
		return err
	}
	list, more, err := p.s.Extract(r.Context(), web.Actor(r), f.Text("text", 4<<20))
	if err != nil {
		return err
	}
	page.More, page.None = more, len(list) == 0
	for _, c := range list[:min(len(list), 500)] {
		row := foundRow{Type: c.Type, Value: c.Value, Count: c.Count, Known: c.KnownCount, Packed: c.Type + " " + c.Value}
		for _, h := range c.Hits {
			row.Harmless = append(row.Harmless, h.Name)
		}
		page.Found = append(page.Found, row)
	}
	if page.Notices, err = p.noticesOf(r, list[:len(page.Found)]); err != nil {
		return err
	}
	return p.t.Render(w, r, "paste", page)
}

func (p *pages) addPicked(w http.ResponseWriter, r *http.Request, f *web.Form, picked []string) error {
	ref, err := eventRef(r)
	if err != nil {
		return err
	}
	var list []misp.Attribute
	for _, x := range picked {
		typ, value, ok := strings.Cut(x, " ")
		if !ok {
			return fault.Field("pick", "intel.pick.wrong", "not a candidate")
		}
		list = append(list, misp.Attribute{Type: misp.T(typ), Value: misp.T(value), ToIDS: misp.B(!f.Tick("noids"))})
	}
	if len(list) == 0 {
		return web.Redirect(base(r)+"/"+ref, nil)
	}
	_, refused, err := p.s.AddAttributes(r.Context(), web.Actor(r), ref, list, true)
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+ref, web.Done("intel.done.added", "n", int64(len(list)-len(refused))))
}

type publishPage struct {
	web.Page
	Header  ui.Header
	Who     ui.Audience
	Warning *ui.Note
	Button  ui.Button
	Cancel  ui.Button
	At      string
	Ref     string
	Orgs    []string
	Held    bool
}

// whoPanel draws the rings: the own team, this community, peers.
func whoPanel(r *http.Request, sees intel.Readers) ui.Audience {
	a := ui.Audience{Title: web.T(r, "intel.who.title"), Rings: []ui.Ring{
		{Count: int(sees.People), Word: web.T(r, "intel.who.people", "n", sees.People), Sub: web.T(r, "intel.who.people.sub")},
		{Count: len(sees.Orgs), Word: web.T(r, "intel.who.orgs", "n", int64(len(sees.Orgs))), Sub: web.T(r, "intel.who.orgs.sub")}}}
	if sees.Peers {
		a.Except = web.T(r, "intel.who.peers")
	}
	return a
}

func (p *pages) askPublish(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return err
	}
	var tags []string
	for _, t := range e.Tags {
		tags = append(tags, t.Name)
	}
	sees, err := p.s.WhoSees(r.Context(), web.Actor(r), e.Distribution, e.Group, tags)
	if err != nil {
		return err
	}
	at := base(r) + "/" + e.Ref()
	page := &publishPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.publish.title", "info", e.Info)), Header: ui.Header{Title: web.T(r, "intel.publish.title", "info", e.Info)},
		Button: ui.Button{Label: web.T(r, "intel.publish.act"), Icon: "send"}, Cancel: ui.Button{Label: web.T(r, "intel.publish.not"), Href: at, Variant: "secondary"}, At: base(r), Ref: e.Ref()}
	page.Who = whoPanel(r, sees)
	for _, o := range sees.Orgs {
		page.Orgs = append(page.Orgs, o.Name)
	}
	switch sees.Verdict.Answer {
	case tlp.Hold:
		page.Warning, page.Held = &ui.Note{Kind: "danger", Title: "TLP:" + strings.ToUpper(e.TLP), Body: web.T(r, "intel.publish.held")}, true
	case tlp.Ask:
		page.Warning = &ui.Note{Kind: "warning", Title: "TLP:" + strings.ToUpper(e.TLP), Body: web.T(r, "intel.publish.amber")}
	}
	return p.t.Render(w, r, "publish", page)
}

func (p *pages) publish(w http.ResponseWriter, r *http.Request) error {
	ref, err := eventRef(r)
	if err != nil {
		return err
	}
	if err := p.s.Publish(r.Context(), web.Actor(r), ref); err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+ref, web.Done("intel.done.published"))
}

func (p *pages) unpublish(_ http.ResponseWriter, r *http.Request) error {
	ref, err := eventRef(r)
	if err != nil {
		return err
	}
	if err := p.s.Unpublish(r.Context(), web.Actor(r), ref); err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+ref, web.Done("intel.done.unpublished"))
}

func (p *pages) tag(_ http.ResponseWriter, r *http.Request) error {
	ref, err := eventRef(r)
	if err != nil {
		return err
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	if _, err := p.s.Event(r.Context(), web.Actor(r), ref); err != nil {
		return err // a form without a tag is no way to ask whether an event is there
	}
	if name := f.Text("tag", 255); name != "" {
		if _, err := p.s.Attach(r.Context(), web.Actor(r), intel.Target{Event: ref}, []string{name}, false); err != nil {
			return err
		}
	}
	return web.Redirect(base(r)+"/"+ref, web.Done("intel.done.tagged"))
}
