package intelweb

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// attributePage is one attribute: what it says, where else it stands, who met it. Who
// may change the event changes it here; everybody else reads.
type attributePage struct {
	web.Page
	Header  ui.Header
	At      string // of the attribute; of the event while it is new
	New     bool
	Edit    bool // the caller may change it
	Deleted bool
	Version int64
	Main    []ui.Field
	More    []ui.Field
	IDs     bool
	Quiet   bool
	Cancel  ui.Button

	Tags     []tagRow
	AddTag   *ui.Field
	Facts    ui.Facts
	Harmless []string // warning lists that hold the value
	Also     []relatedRow
	AlsoHref string
	Seen     []seenRow
	SeenMore bool
	SeenAll  string      // the address without the days that narrow them
	Spark    *ui.Spark   // by day, when there are any of late
	See      []ui.Button // acts: met it, false alarm, over
	Said     *saidPanel
	Decay    ui.Facts
	Known    ui.Facts
	Enrich   *ui.Button
	Drop     *fileForm // a file instead of a value, while the attribute is new
}

type tagRow struct {
	Tag  ui.Tag
	Name string
}

type seenRow struct {
	At        time.Time
	Who, What string
	Source    string
}

// part is an attribute of the address's event; another event's is not found here.
func (p *pages) part(r *http.Request) (*intel.Event, *intel.Attribute, error) {
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return nil, nil, err
	}
	id, err := web.Ref(r, "attribute")
	if err != nil {
		return nil, nil, err
	}
	a, err := p.s.Attribute(r.Context(), web.Actor(r), id)
	if err == nil && a.EventID != e.ID {
		err = fault.New(fault.NotFound, "attribute %s in event %s", id, e.Ref())
	}
	return &e, &a, err
}

func (p *pages) attribute(w http.ResponseWriter, r *http.Request) error {
	e, a, err := p.part(r)
	if err != nil {
		return err
	}
	page, err := p.attributePage(r, web.NewForm(r, typed(a)), e, a)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "attribute", page)
}

// typed is an attribute as the form holds it.
func typed(a *intel.Attribute) url.Values {
	w := a.Wire()
	tick := map[bool]string{true: "1"}
	return url.Values{"value": {a.Value}, "type": {a.Type}, "category": {a.Category}, "comment": {a.Comment}, "distribution": {strconv.Itoa(int(a.Distribution))},
		"group": {number(a.Group)}, "first": {w.FirstSeen.V}, "last": {w.LastSeen.V}, "ids": {tick[a.ToIDS]}, "quiet": {tick[a.NoCorrelation]}}
}

func (p *pages) attributePage(r *http.Request, f *web.Form, e *intel.Event, a *intel.Attribute) (*attributePage, error) {
	page, err := p.attributeForm(r, f, e)
	if err != nil {
		return nil, err
	}
	page.At += "/attributes/" + a.UUID
	said, err := p.d.Remarks.On(r.Context(), web.Actor(r), a.UUID)
	if err != nil {
		return nil, err
	}
	page.Said = p.saidOf(r, e, said, strconv.FormatInt(a.ID, 10))
	page.Deleted, page.Version = a.Deleted, a.Timestamp
	if v := f.Int("version"); v != 0 {
		page.Version = v
	}
	page.Title = a.Value
	page.Crumbs = append(page.Crumbs, ui.Crumb{Label: a.Value})
	page.Header = ui.Header{Number: a.Type, Title: a.Value, Sub: []any{a.Category, time.Unix(a.Timestamp, 0)}}
	if a.Relation != "" {
		page.Header.Number = a.Relation
	}
	if !page.Edit && !a.Deleted && access.Allowed(web.Actor(r), "intel.write") {
		page.Header.Acts = append(page.Header.Acts, ui.Button{Label: web.T(r, "intel.propose.change"), Icon: "message-plus", Variant: "secondary", Key: "N",
			Href: base(r) + "/" + e.Ref() + "/propose?attribute=" + a.UUID})
	}
	page.Header.Acts = append(page.Header.Acts, fileButton(r, page.At, a)...)
	if a.ToIDS {
		page.Header.Marks = append(page.Header.Marks, ui.Tag{Word: web.T(r, "intel.ids.yes"), Icon: "shield-check"})
	}
	if a.Deleted {
		page.Header.Marks = append(page.Header.Marks, ui.State{Kind: ui.StateRefused, Word: web.T(r, "intel.deleted")})
	}
	for _, t := range a.Tags {
		page.Tags = append(page.Tags, tagRow{tagOf(t), t.Name})
	}
	if page.Edit && !a.Deleted {
		add := f.Field("tag", "intel.addtag")
		add.HideLabel, add.Placeholder = true, web.T(r, "intel.addtag")
		page.AddTag = &add
	}
	page.Facts = ui.Facts{Items: []ui.Fact{{Label: web.T(r, "intel.who"), Value: audienceWord(r, a.Distribution)}}}
	for _, t := range []struct {
		key string
		at  *int64
	}{{"intel.first", a.FirstSeen}, {"intel.last", a.LastSeen}} {
		if t.at != nil {
			page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, t.key), Value: clock.FromMicros(*t.at)})
		}
	}
	if a.Comment != "" {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "intel.comment"), Value: a.Comment, Wide: true})
	}
	page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: "UUID", Value: ui.Machine(a.UUID), Wide: true})
	if page.Decay, err = p.decayFacts(r, e, a); err != nil {
		return nil, err
	}
	if a.Deleted {
		return page, nil
	}
	return page, p.around(r, page, e, a)
}

// around is what is known of the value beyond its event.
func (p *pages) around(r *http.Request, page *attributePage, e *intel.Event, a *intel.Attribute) error {
	ctx, who := r.Context(), web.Actor(r)
	others, err := p.s.RelatedTo(ctx, who, []*intel.Attribute{a}, 50)
	if err != nil {
		return err
	}
	met := map[int64]bool{e.ID: true}
	for _, o := range others[a.ID] {
		if met[o.EventID] {
			continue
		}
		met[o.EventID] = true
		row := relatedRow{Href: base(r) + "/" + strconv.FormatInt(o.EventID, 10)}
		if o.Event != nil {
			row.Href, row.Info, row.Origin = base(r)+"/"+o.Event.Ref(), o.Event.Info, o.Event.Origin.Name
		}
		page.Also = append(page.Also, row)
	}
	if err := p.known(r, page, a); err != nil {
		return err
	}
	page.AlsoHref = whereElse(r) + url.QueryEscape(a.Value)
	found, _, err := p.s.Extract(ctx, who, a.Value)
	if err != nil {
		return err
	}
	for _, c := range found {
		if strings.EqualFold(c.Value, a.Value) {
			for _, h := range c.Hits {
				page.Harmless = append(page.Harmless, h.Name)
			}
		}
	}
	days, err := p.s.SightingDays(ctx, who, []*intel.Attribute{a}, sparkDays)
	if err != nil {
		return err
	}
	if s, ok := sparkOf(r, days[a.ID]).(ui.Spark); ok {
		page.Spark = &s
	}
	page.See = []ui.Button{{Label: web.T(r, "intel.bulk.saw"), Icon: "eye", Name: "kind", Value: "0", Variant: "secondary", Small: true, Key: "S"},
		{Label: web.T(r, "intel.seen.1"), Name: "kind", Value: "1", Variant: "tertiary", Small: true}, {Label: web.T(r, "intel.seen.2"), Name: "kind", Value: "2", Variant: "tertiary", Small: true}}
	of := intel.SightingFilter{Event: e.Ref(), Attribute: strconv.FormatInt(a.ID, 10)}
	page.narrowSeen(r, e, a, &of)
	err = p.s.Sightings(ctx, who, of, func(g *intel.Sighting) error {
		if len(page.Seen) == seenShown {
			page.SeenMore = true
			return errEnough
		}
		page.Seen = append(page.Seen, seenRow{time.Unix(g.Seen, 0), g.Org.Name, web.T(r, "intel.seen."+strconv.Itoa(g.Kind)), g.Source})
		return nil
	})
	slices.SortStableFunc(page.Seen, func(a, b seenRow) int { return b.At.Compare(a.At) })
	return ignoreEnough(err)
}

// narrowSeen shows, when the address names days, who met the value on them alone.
func (page *attributePage) narrowSeen(r *http.Request, e *intel.Event, a *intel.Attribute, of *intel.SightingFilter) {
	f := web.NewForm(r, r.URL.Query())
	from, to := f.Time("from"), f.Time("to")
	if from.IsZero() && to.IsZero() {
		return
	}
	span, seen := within(from, to), intel.Seen
	first := *span.From / 1e6
	if of.Seen.From, of.Kind = &first, &seen; span.To != nil {
		last := *span.To / 1e6
		of.Seen.To = &last
	}
	page.SeenAll = base(r) + "/" + e.Ref() + "/attributes/" + a.UUID
}

// seenShown bounds the sightings on one page.
const seenShown = 100

// attributeForm is the form of an attribute, new or known.
func (p *pages) attributeForm(r *http.Request, f *web.Form, e *intel.Event) (*attributePage, error) {
	at := base(r) + "/" + e.Ref()
	page := &attributePage{Page: web.NewPage(r, shell(r), web.T(r, "intel.attribute.new")), At: at, Edit: intel.MayEdit(web.Actor(r), e) == nil, IDs: f.Tick("ids"), Quiet: f.Tick("quiet"),
		Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: at, Variant: "tertiary"}}
	page.Header, page.Print = ui.Header{Title: page.Title, Sub: []any{e.Info}}, printed(r, e)
	page.Crumbs = eventweb.Crumbs(r, e)
	value, typ, category, comment := f.Field("value", "intel.value"), f.Field("type", "intel.type"), f.Field("category", "intel.category"), f.Field("comment", "intel.comment")
	value.Mono, typ.Type, category.Type, category.Optional, comment.Optional = true, "select", "select", true, true
	if strings.Contains(value.Value, "\n") {
		value.Type, value.Rows = "textarea", 6
	}
	typ.Options, category.Options = []ui.Option{{}}, []ui.Option{{Label: web.T(r, "intel.category.own")}}
	for _, t := range misp.Types() {
		typ.Options = append(typ.Options, ui.Option{Value: t, Label: t})
	}
	for _, c := range misp.Categories() {
		category.Options = append(category.Options, ui.Option{Value: c, Label: c})
	}
	page.Main = []ui.Field{typ, value, category, comment}
	first, last := f.Field("first", "intel.first"), f.Field("last", "intel.last")
	first.Optional, last.Optional, first.Mono, last.Mono, first.Hint = true, true, true, true, web.T(r, "intel.first.hint")
	reach, err := eventweb.Reach(r, p.s, f, true)
	page.More = append(reach, first, last)
	return page, err
}

// formed reads the form; what the type decides (category, detection) is left to it
// while an attribute is new and nobody chose.
func formed(f *web.Form) misp.Attribute {
	w := misp.Attribute{Type: misp.T(f.Needed("type", 100)), Value: misp.T(f.Needed("value", 65_000)), Comment: misp.T(f.Text("comment", 65_000)), ToIDS: misp.B(f.Tick("ids")),
		DisableCorrelation: misp.B(f.Tick("quiet")), Distribution: misp.N(f.Int("distribution")), SharingGroupID: misp.N(f.Int("group"))}
	if c := f.Text("category", 100); c != "" {
		w.Category = misp.T(c)
	}
	for _, t := range []struct {
		name string
		at   *misp.Text
	}{{"first", &w.FirstSeen}, {"last", &w.LastSeen}} {
		if v := f.Text(t.name, 40); v != "" {
			*t.at = misp.T(v)
		} else {
			*t.at = misp.Text{Is: misp.Null}
		}
	}
	if f.Int("distribution") == int64(intel.Group) {
		f.Require(f.Int("group") != 0, "group", "web.error.required")
	}
	return w
}

// fields are the form's names for the fields of MISP's answers.
var fields = map[string]string{"value": "value", "type": "type", "category": "category", "distribution": "distribution", "first_seen": "first", "last_seen": "last", "comment": "comment"}

func (p *pages) newAttribute(w http.ResponseWriter, r *http.Request) error {
	e, err := p.mine(r)
	if err != nil {
		return err
	}
	page, err := p.attributeForm(r, web.NewForm(r, url.Values{"distribution": {"5"}, "ids": {"1"}}), e)
	if err != nil {
		return err
	}
	page.New, page.Drop = true, newFileForm(r, web.NewForm(r, url.Values{}))
	return p.t.Render(w, r, "attribute", page)
}

func (p *pages) addAttribute(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, err := p.mine(r)
	if err != nil {
		return err
	}
	wire := formed(f)
	if f.Err("attribute") == nil {
		_, refused, err := p.s.AddAttributes(r.Context(), web.Actor(r), e.Ref(), []misp.Attribute{wire}, false)
		if err != nil {
			return err
		}
		for field := range refused[0] {
			f.Add(orValue(fields[field]), "intel.fault.field."+orValue(fields[field]))
		}
	}
	if f.Fail(nil) {
		page, err := p.attributeForm(r, f, e)
		if err != nil {
			return err
		}
		page.New, page.Errors = true, f.Summary("type", "value", "category", "comment", "distribution", "group", "first", "last")
		return p.t.Invalid(w, r, "attribute", page)
	}
	done, err := p.added(r, &wire)
	if err != nil {
		return err
	}
	if f.Text("act", 10) == "more" {
		return web.Redirect(base(r)+"/"+e.Ref()+"/attributes/new", done)
	}
	return web.Redirect(base(r)+"/"+e.Ref(), done)
}

func orValue(field string) string {
	if field == "" {
		return "value"
	}
	return field
}

func (p *pages) saveAttribute(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, a, err := p.part(r)
	if err != nil {
		return err
	}
	wire := formed(f)
	if f.Err("attribute") == nil {
		if v := f.Int("version"); v != 0 && v != a.Timestamp {
			return fault.New(fault.Conflict, "attribute %d was changed meanwhile", a.ID).WithKey("fault.conflict")
		}
		_, err = p.s.EditAttribute(r.Context(), web.Actor(r), strconv.FormatInt(a.ID, 10), wire)
		if x := fault.Of(err); x != nil && x.Kind == fault.Invalid {
			for field := range x.Fields {
				f.Add(orValue(fields[field]), "intel.fault.field."+orValue(fields[field]))
			}
			err = nil
		}
	}
	if f.Fail(err) {
		page, err := p.attributePage(r, f, e, a)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("type", "value", "category", "comment", "distribution", "group", "first", "last")
		return p.t.Invalid(w, r, "attribute", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+e.Ref()+"/attributes/"+a.UUID, web.Done("intel.done.changed"))
}

// attributeAct is one small act on an attribute, each undone by another.
func (p *pages) attributeAct(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, a, err := p.part(r)
	if err != nil {
		return err
	}
	ctx, who, ref, done := r.Context(), web.Actor(r), strconv.FormatInt(a.ID, 10), web.Done("intel.done.changed")
	on := intel.Target{Event: e.Ref(), Attribute: ref}
	switch act := r.PathValue("act"); act {
	case "delete":
		_, err = p.s.DeleteAttribute(ctx, who, ref, false)
	case "restore":
		_, err = p.s.RestoreAttribute(ctx, who, ref)
	case "sight":
		_, _, err = p.s.AddSightings(ctx, who, []string{ref}, nil, intel.Sighting{Kind: int(f.Int("kind"))})
	case "tag":
		if name := f.Text("tag", 255); name != "" {
			_, err = p.s.Attach(ctx, who, on, []string{name}, false)
			done = web.Done("intel.done.tagged")
		}
	case "untag":
		err = p.s.Detach(ctx, who, on, []string{f.Text("tag", 255)})
	default:
		err = fault.New(fault.NotFound, "act %q", act)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+e.Ref()+"/attributes/"+a.UUID, done)
}
