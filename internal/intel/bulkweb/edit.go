package bulkweb

import (
	"net/http"
	"slices"
	"strconv"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/bulk"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// editPage changes what several attributes have in common. What stays empty stays as it
// is on each of them.
type editPage struct {
	web.Page
	Header    ui.Header
	Of        string // the ids
	Count     string
	Some      []string // the first values
	More      int
	Choose    []ui.Field
	Reach     []ui.Field
	Comment   ui.Field
	Times     []ui.Field
	NoComment ui.Field // ticks that empty what stands there
	NoTimes   ui.Field
	Delete    ui.Field // or all of them go
	Wider     *ui.Note // the chosen reach is wider than the event's
	WiderSaid string
	Meant     *ui.Choices // or those that the filter leaves, or all of the event
	Narrowed  string
	Cancel    ui.Button
}

// someShown is how many of the values stand on the form.
const someShown = 8

func (p *pages) askEdit(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Mine(r, p.d.Intel)
	if err != nil {
		return err
	}
	at := r.URL.Query()
	page, err := p.editPage(r, web.NewForm(r, map[string][]string{meant: {theTicked}, narrowed: at[narrowed]}), e, at.Get("of"))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "bulkedit", page)
}

func (p *pages) editPage(r *http.Request, f *web.Form, e *intel.Event, of string) (*editPage, error) {
	ids, title := unpackIDs(of), web.T(r, "intel.bulk.edit.title")
	page := &editPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title, Sub: []any{e.Info}}, Of: of, Count: web.T(r, "intel.attributes.n", "n", int64(len(ids))),
		Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: base(r) + "/" + e.Ref(), Variant: "tertiary"}}
	page.Crumbs = eventweb.Crumbs(r, e, ui.Crumb{Label: title})
	for _, id := range ids[:min(len(ids), 8*someShown)] { // an address may name any number that the caller does not see
		if len(page.Some) == someShown {
			break
		}
		if a, err := eventweb.AttributeIn(r, p.d.Intel, e.ID, id); err == nil { // what is not the caller's to see is counted when it is saved
			page.Some = append(page.Some, a.Value)
		}
	}
	page.More = len(ids) - len(page.Some)
	keep := ui.Option{Label: web.T(r, "intel.bulk.keep")}
	choice := func(name, label string, options ...ui.Option) ui.Field {
		x := f.Field(name, label)
		x.Type, x.Options = "select", append([]ui.Option{keep}, options...)
		return x
	}
	var categories []ui.Option
	for _, c := range misp.Categories() {
		categories = append(categories, ui.Option{Value: c, Label: c})
	}
	page.Choose = []ui.Field{choice("category", "intel.category", categories...), choice("ids", "intel.ids", web.Words(r, "intel.bulk.ids.", "1", "0")...),
		choice("quiet", "intel.bulk.correlation", web.Words(r, "intel.bulk.quiet.", "0", "1")...)}
	reach, err := eventweb.Reach(r, p.d.Intel, f, true)
	reach[0].Options = append([]ui.Option{keep}, reach[0].Options...)
	page.Reach = reach
	page.Comment = f.Field("comment", "intel.comment")
	page.Comment.Optional = true
	page.Times = []ui.Field{f.Field("first", "intel.first"), f.Field("last", "intel.last")}
	for i := range page.Times {
		page.Times[i].Optional, page.Times[i].Mono, page.Times[i].Hint = true, true, web.T(r, "intel.first.hint")
	}
	page.NoComment, page.NoTimes = f.Box("nocomment", "intel.bulk.nocomment"), f.Box("notimes", "intel.bulk.notimes")
	page.Delete = f.Box("delete", "intel.bulk.deleteall")
	page.Delete.Hint = web.T(r, "intel.bulk.deleteall.hint")
	if err != nil {
		return nil, err
	}
	scope := scopeIn(f.Text(narrowed, 2000))
	page.Narrowed = eventweb.Narrow(scope)
	page.Meant, err = p.meant(r, f, e, len(ids), scope)
	return page, err
}

// asked reads the form as an edit that holds what was chosen and nothing else; none tells
// that nothing was.
func asked(f *web.Form) (w misp.Attribute, none bool) {
	none = true
	took := func(taken bool) { none = none && !taken }
	if c := f.Text("category", 100); c != "" {
		f.Require(slices.Contains(misp.Categories(), c), "category", "web.error.choice")
		w.Category = misp.T(c)
		took(true)
	}
	for name, at := range map[string]*misp.Flag{"ids": &w.ToIDS, "quiet": &w.DisableCorrelation} {
		if v := f.Text(name, 1); v != "" {
			*at = misp.B(v == "1")
			took(true)
		}
	}
	if d := f.Text("distribution", 1); d != "" {
		w.Distribution, w.SharingGroupID = misp.N(f.Int("distribution")), misp.N(f.Int("group"))
		f.Require(w.Distribution.V != int64(intel.Group) || w.SharingGroupID.V != 0, "group", "web.error.required")
		took(true)
	}
	if c := f.Text("comment", 65_000); c != "" || f.Tick("nocomment") {
		f.Require(c == "" || !f.Tick("nocomment"), "comment", "intel.bulk.both")
		w.Comment = misp.T(c)
		took(true)
	}
	for _, t := range []struct {
		name string
		at   *misp.Text
	}{{"first", &w.FirstSeen}, {"last", &w.LastSeen}} {
		v := f.Text(t.name, 40)
		switch {
		case v != "" && f.Tick("notimes"):
			f.Add(t.name, "intel.bulk.both")
		case v != "":
			_, good := misp.ParseTime(v)
			f.Require(good, t.name, "intel.fault.field."+t.name)
			*t.at = misp.T(v)
		case f.Tick("notimes"):
			*t.at = misp.Text{Is: misp.Null}
		default:
			continue
		}
		took(true)
	}
	if f.Tick("delete") {
		f.Require(none, "delete", "intel.bulk.either")
		w.Deleted = misp.B(true)
		took(true)
	}
	return w, none
}

// edit keeps the change. A reach beyond the event's is said first, and kept only when the
// answer comes back with it: it is never wider for anybody than the event is.
func (p *pages) edit(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, err := eventweb.Mine(r, p.d.Intel)
	if err != nil {
		return err
	}
	of := f.Text("of", packedMost)
	wire, none := asked(f)
	f.Require(!none, "", "intel.bulk.nothing")
	var done bulk.Act
	if err = f.Err("attributes"); err == nil {
		level, group := intel.Distribution(wire.Distribution.V), wire.SharingGroupID.V
		said := strconv.FormatInt(wire.Distribution.V, 10) + "-" + strconv.FormatInt(group, 10)
		if wire.Distribution.Given() && intel.Wider(e, level, group) && f.Text("wider", 40) != said {
			page, err := p.editPage(r, f, e, of)
			if err != nil {
				return err
			}
			page.Wider = &ui.Note{Kind: "warning", Title: web.T(r, "intel.bulk.wider"), Body: web.T(r, "intel.bulk.wider.text", "event", web.T(r, "intel.distribution."+strconv.Itoa(int(e.Distribution))))}
			page.WiderSaid = said
			return p.t.Invalid(w, r, "bulkedit", page)
		}
		if scope, many := beyond(f); many {
			done, err = p.d.Bulk.Edit(r.Context(), web.Actor(r), e.Ref(), scope, wire)
		} else {
			done.Result.Bulk, err = p.d.Intel.EditAttributes(r.Context(), web.Actor(r), e.Ref(), unpackIDs(of), wire)
		}
	}
	if f.Fail(err) {
		page, err := p.editPage(r, f, e, of)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("", "category", "ids", "quiet", "distribution", "group", "comment", "first", "last", "delete")
		return p.t.Invalid(w, r, "bulkedit", page)
	}
	if err != nil {
		return err
	}
	return begun(r, base(r)+"/"+e.Ref(), &done)
}
