package catalogweb

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"straza/internal/catalog"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// ownPage is the form of something that is made here: a warning list or a cluster.
type ownPage struct {
	web.Page
	Header ui.Header
	Fields []ui.Field
	Cancel ui.Button
}

const lists = base + "/lists"

// shownEntries bounds the list that is changed in a form; a longer one is imported anew.
const shownEntries = 4 << 20

func (p *pages) newList(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, url.Values{"type": {"string"}, "category": {"false_positive"}, "enabled": {"1"}})
	return p.t.Render(w, r, "own", listForm(r, f, web.T(r, "catalog.list.new"), lists, false))
}

// listForm asks for a list of one's own; the name of one that is there stays.
func listForm(r *http.Request, f *web.Form, title, back string, named bool) *ownPage {
	out := &ownPage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title}, Cancel: ui.Button{Label: web.T(r, "catalog.cancel"), Href: back, Variant: "tertiary"}}
	out.Crumbs = []ui.Crumb{{Label: web.T(r, "catalog.lists"), Href: lists}, {Label: title}}
	name, text, typ, means := f.Field("name", "catalog.name"), f.Field("description", "catalog.description"), f.Field("type", "catalog.list.type"), f.Field("category", "catalog.list.category")
	name.ReadOnly, name.MaxLength, text.Optional, text.MaxLength, typ.Type, means.Type = named, 255, true, 4000, "select", "select"
	typ.Options = web.Words(r, "catalog.list.type.", "string", "substring", "hostname", "cidr", "regex")
	means.Options = web.Words(r, "catalog.list.category.", "false_positive", "known")
	types, entries := f.Field("types", "catalog.list.types"), f.Field("entries", "catalog.list.entries")
	types.Optional, types.Mono, types.Hint, types.MaxLength = true, true, web.T(r, "catalog.list.types.hint"), 2000
	entries.Type, entries.Rows, entries.Mono, entries.Hint = "textarea", 14, true, web.T(r, "catalog.list.entries.hint")
	out.Fields = []ui.Field{name, text, typ, means, types, entries, f.Box("enabled", "catalog.list.enabled")}
	return out
}

// ownList reads a list that was made here into a form.
func (p *pages) ownList(r *http.Request) (it catalog.Item, f *web.Form, err error) {
	id, err := ref(r)
	if err != nil {
		return it, nil, err
	}
	it, body, err := p.s.Get(r.Context(), web.Actor(r), catalog.WarningList, id)
	if err != nil {
		return it, nil, err
	}
	if !it.Own || len(body) > shownEntries {
		return it, nil, fault.New(fault.NotFound, "list %d was not made here", it.ID).WithKey("catalog.fault.none")
	}
	var x struct {
		Category string            `json:"category"`
		Types    []string          `json:"matching_attributes"`
		List     []string          `json:"list"`
		Comments map[string]string `json:"comments"`
	}
	if err := json.Unmarshal(body, &x); err != nil {
		return it, nil, err
	}
	for i, e := range x.List {
		if why := x.Comments[e]; why != "" {
			x.List[i] = e + " # " + why
		}
	}
	return it, web.NewForm(r, url.Values{"name": {it.Name}, "description": {it.Description}, "type": {it.Class}, "category": {x.Category}, "types": {strings.Join(x.Types, ", ")},
		"entries": {strings.Join(x.List, "\n")}, "enabled": {map[bool]string{true: "1"}[it.Enabled]}}), nil
}

func (p *pages) editList(w http.ResponseWriter, r *http.Request) error {
	it, f, err := p.ownList(r)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "own", listForm(r, f, web.T(r, "catalog.list.edit"), lists+"/"+strconv.FormatInt(it.ID, 10), true))
}

// saveList makes a list, or writes a new version of the one of the address.
func (p *pages) saveList(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	title, back, named := web.T(r, "catalog.list.new"), lists, false
	name := f.Text("name", 255)
	if r.PathValue("id") != "" {
		it, _, err := p.ownList(r)
		if err != nil {
			return err
		}
		name, named = it.Name, true
		f.Values.Set("name", name)
		title, back = web.T(r, "catalog.list.edit"), lists+"/"+strconv.FormatInt(it.ID, 10)
	} else if _, _, err := p.s.Get(r.Context(), web.Actor(r), catalog.WarningList, name); err == nil && name != "" {
		f.Add("name", "catalog.list.taken") // a form for a new one never writes over another
	} else if !fault.Is(err, fault.NotFound) && err != nil {
		return err
	}
	d := catalog.ListDraft{Name: name, Description: f.Text("description", 4000), Type: f.OneOf("type", "string", "substring", "hostname", "cidr", "regex"), Category: f.OneOf("category", "false_positive", "known"),
		Types: strings.FieldsFunc(f.Text("types", 2000), func(c rune) bool { return c == ',' || c == ' ' || c == '\n' || c == '\r' }), Entries: strings.Split(f.Text("entries", shownEntries), "\n"), Enabled: f.Tick("enabled")}
	var it catalog.Item
	if f.Err("list") == nil {
		it, err = p.s.AddList(r.Context(), web.Actor(r), d)
		if x := fault.Of(err); x != nil && x.Kind == fault.Conflict {
			err = fault.Field("name", x.Key, "the name is taken")
		}
	}
	if f.Fail(err) {
		page := listForm(r, f, title, back, named)
		page.Errors = f.Summary("name", "description", "type", "category", "types", "entries")
		return p.t.Invalid(w, r, "own", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(lists+"/"+strconv.FormatInt(it.ID, 10), web.Done("catalog.done.list", "n", it.Entries))
}
