package incidentweb

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/incident"
	"straza/internal/intel"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// pastePage turns a text into an event: first the text, then what was found in it,
// where it goes, and who exactly will see it before anything is published.
type pastePage struct {
	web.Page
	Header ui.Header
	Text   ui.Field
	Event  ui.Field
	Other  ui.Field
	Info   ui.Field
	TLP    ui.Field
	Dist   ui.Field
	Group  ui.Field
	Found  []found
	None   bool
	More   bool
	Who    *ui.Audience
	Names  []orgNames
	Others int    // readers whom the person may not know by name
	Choice string // what Who was computed for
	Ask    *ui.Choices
	Held   string
	Cancel ui.Button
}

type orgNames struct {
	Name   string
	People int64
	Names  []string
}

type found struct {
	N        int
	Packed   string
	Type     string
	Value    string
	Count    int
	Harmless []string
	Known    int
	As       []ui.Option // where it may stand; nil = only by itself
	Ticked   bool
}

func (p *pages) pasteForm(w http.ResponseWriter, r *http.Request) error {
	c, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("number"))
	if err != nil {
		return err
	}
	page, err := p.pastePage(r, c, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "indicators", page)
}

func (p *pages) pastePage(r *http.Request, c incident.Case, f *web.Form) (*pastePage, error) {
	title := web.T(r, "incident.indicators.title", "number", c.Number)
	page := &pastePage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title, Sub: []any{c.Title}}, Text: f.Field("text", "incident.indicators.text"),
		Info: f.Field("info", "incident.indicators.info"), Other: f.Field("event_ref", "incident.indicators.other"),
		Cancel: ui.Button{Label: web.T(r, "incident.cancel"), Href: base + "/" + c.Number, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "incident.title"), Href: base}, {Label: c.Number, Href: base + "/" + c.Number}, {Label: title}}
	page.Text.Type, page.Text.Rows, page.Text.Keep, page.Text.Mono = "textarea", 10, true, true
	page.Text.Hint = web.T(r, "incident.indicators.hint")
	page.Other.Optional, page.Other.Hint, page.Other.Mono = true, web.T(r, "incident.indicators.other.hint"), true
	if page.Info.Value == "" {
		page.Info.Value = c.Title
	}
	opts := []ui.Option{{Label: web.T(r, "incident.indicators.new")}}
	if events, _, err := p.s.Events(r.Context(), web.Actor(r), c.Number); err == nil {
		for _, e := range events {
			opts = append(opts, ui.Option{Value: e.Ref(), Label: e.Info})
		}
	}
	page.Event = pick(f, "event", "incident.indicators.event", opts)
	page.TLP = pick(f, "tlp", "incident.tlp", words("TLP:", "RED", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR"))
	if page.TLP.Value == "" {
		page.TLP.Value = c.TLP
	}
	dists := []ui.Option{}
	for _, d := range []string{"0", "1", "2", "3"} {
		dists = append(dists, ui.Option{Value: d, Label: web.T(r, "incident.dist."+d)})
	}
	groups, err := p.s.Groups(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	page.Group = pick(f, "group", "incident.indicators.group", []ui.Option{{Label: "–"}})
	page.Group.Optional = true
	for _, g := range groups {
		page.Group.Options = append(page.Group.Options, ui.Option{Value: strconv.FormatInt(g.ID, 10), Label: g.Name})
	}
	if len(groups) > 0 {
		dists = append(dists, ui.Option{Value: "4", Label: web.T(r, "incident.dist.4")})
	}
	page.Dist = pick(f, "distribution", "incident.indicators.readers", dists)
	return page, nil
}

// paste shows what was found (step ""), who would see it (look), or shares what was
// ticked: for later (share), or at once (publish).
func (p *pages) paste(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	c, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("number"))
	if err != nil {
		return err
	}
	switch f.Values.Get("step") {
	case "share", "publish":
		return p.share(w, r, c, f)
	}
	return p.shown(w, r, c, f, http.StatusOK)
}

// sharing reads the form: what was ticked and where it goes.
func sharing(f *web.Form) incident.Sharing {
	sh := incident.Sharing{Event: f.Text("event", 40), Info: f.Text("info", 1000), TLP: f.Text("tlp", 20), Distribution: distribution(f.Int("distribution")),
		Publish: f.Values.Get("step") == "publish", Sure: f.Tick("sure")}
	if ref := f.Text("event_ref", 40); ref != "" {
		sh.Event = ref
	}
	if sh.Distribution == intel.Group {
		sh.Group = f.Int("group")
	}
	for _, v := range f.Many("pick") {
		n, packed, _ := strings.Cut(v, ":")
		if x, ok := unpackPick(packed); ok {
			x.As = f.Text("as"+n, 20)
			sh.Picks = append(sh.Picks, x)
		}
	}
	return sh
}

// choice names what decides who will see a sharing.
func choice(sh incident.Sharing) string {
	return fmt.Sprint(sh.Event, "|", sh.TLP, "|", int(sh.Distribution), "|", sh.Group)
}

// candidates are the indicators of the text and the headers of a letter in it.
func (p *pages) candidates(r *http.Request, c incident.Case, f *web.Form, page *pastePage) error {
	text := f.Values.Get("text")
	list, more, err := p.s.Extract(r.Context(), web.Actor(r), c.Number, text)
	if err != nil {
		return err
	}
	ticked, posted := map[string]bool{}, f.Values.Has("step") && f.Values.Get("step") != ""
	for _, v := range f.Many("pick") {
		_, packed, _ := strings.Cut(v, ":")
		ticked[packed] = true
	}
	add := func(x incident.Pick, row found) {
		row.N, row.Packed, row.Type, row.Value = len(page.Found), packPick(x), x.Type, x.Value
		row.Ticked = len(row.Harmless) == 0
		if posted {
			row.Ticked = ticked[row.Packed]
		}
		chosen := f.Values.Get("as" + strconv.Itoa(row.N))
		if !posted && row.Ticked {
			chosen = x.As
		}
		if in := incident.ObjectsFor(x.Type); len(in) > 0 {
			row.As = []ui.Option{{Label: web.T(r, "incident.as.attribute"), Checked: chosen == ""}}
			for _, name := range in {
				row.As = append(row.As, ui.Option{Value: name, Label: web.T(r, "incident.as."+name), Checked: chosen == name})
			}
		}
		page.Found = append(page.Found, row)
	}
	headers := incident.LetterHeaders(text)
	for _, x := range headers {
		add(x, found{Count: 1})
	}
	for _, x := range list {
		if slices.ContainsFunc(headers, func(h incident.Pick) bool { return h.Value == x.Value }) {
			continue
		}
		row := found{Count: x.Count, Known: x.KnownCount}
		for _, h := range x.Hits {
			row.Harmless = append(row.Harmless, h.Name)
		}
		add(incident.Pick{Type: x.Type, Category: x.Category, Value: x.Value, ToIDS: x.ToIDS}, row)
	}
	page.More, page.None = more, len(page.Found) == 0
	return nil
}

func (p *pages) shown(w http.ResponseWriter, r *http.Request, c incident.Case, f *web.Form, status int) error {
	page, err := p.pastePage(r, c, f)
	if err != nil {
		return err
	}
	if err := p.candidates(r, c, f, page); err != nil {
		return err
	}
	if len(page.Found) > 0 {
		sh := sharing(f)
		if sh.TLP == "" {
			sh.TLP = page.TLP.Value
		}
		sees, err := p.s.ShareReaders(r.Context(), web.Actor(r), c.Number, sh)
		if err != nil && !f.Fail(err) {
			return err
		}
		if err == nil {
			page.sees(r, f, sees, sh)
		} else {
			status = http.StatusUnprocessableEntity
		}
	}
	page.Errors = f.Summary("pick", "event", "tlp", "distribution", "sharing_group_id", "sure")
	return p.t.RenderStatus(w, r, status, "indicators", page)
}

// sees draws who will see it: rings, then organisations and people by name.
func (page *pastePage) sees(r *http.Request, f *web.Form, sees intel.Readers, sh incident.Sharing) {
	a := ui.Audience{Title: web.T(r, "incident.who"), Rings: []ui.Ring{
		{Count: int(sees.People), Word: web.T(r, "incident.who.people", "n", sees.People), Sub: web.T(r, "incident.who.people.sub")},
		{Count: sees.Count, Word: web.T(r, "incident.who.orgs", "n", sees.Count), Sub: web.T(r, "incident.who.orgs.sub")}}}
	if sees.Peers {
		a.Except = web.T(r, "incident.who.peers")
	}
	page.Who, page.Choice, page.Others = &a, choice(sh), sees.Count-len(sees.ByOrg)
	for _, o := range sees.ByOrg {
		page.Names = append(page.Names, orgNames{o.Org.Name, o.People, o.Names})
	}
	switch sees.Verdict.Answer {
	case tlp.Hold:
		page.Held = web.T(r, sees.Verdict.Reason)
	case tlp.Ask:
		ask := f.Choices("sure", "incident.who.sure", ui.Option{Value: "1", Label: web.T(r, sees.Verdict.Reason)})
		ask.Many = true
		page.Ask = &ask
	}
}

// share writes what was ticked. To publish, the readers that stood on the page must
// be those of what was chosen: a change of mind is shown again first.
func (p *pages) share(w http.ResponseWriter, r *http.Request, c incident.Case, f *web.Form) error {
	sh := sharing(f)
	if sh.Publish && f.Values.Get("choice") != choice(sh) {
		f.Add("distribution", "incident.who.changed")
		f.Fail(nil)
		return p.shown(w, r, c, f, http.StatusUnprocessableEntity)
	}
	_, out, err := p.s.Share(r.Context(), web.Actor(r), c.Number, sh)
	if f.Fail(err) {
		return p.shown(w, r, c, f, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	key := map[bool]string{true: "incident.done.published", false: "incident.done.share"}[sh.Publish]
	return web.Redirect("/console/events/"+out.Event.Ref(), web.Done(key, "n", len(sh.Picks)))
}
