package curateweb

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"straza/internal/craft/export"
	"straza/internal/craft/export/exportweb"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// tagsShown is how many tags a page lists; tagsRead bounds what is sorted.
const (
	tagsShown = 100
	tagsRead  = 50_000
)

// tagPage is one tag: where it stands, and what may be changed of it.
type tagPage struct {
	web.Page
	Header                    ui.Header
	At                        string // where its forms go
	Name                      string // as it is, "" while it is new
	Edit                      bool
	Favourite                 bool
	Fields                    []ui.Field
	Exportable, Hidden, Local bool
	Facts                     ui.Facts
	Merged                    ui.Table // what became it within the last month
	Undo                      string   // where that is taken back
	Cancel                    ui.Button
}

// tagsPage is the list of tags.
type tagsPage struct {
	web.Page
	Header ui.Header
	Bar    ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
}

// base is the events' address in the shell that the caller came to.
func base(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, "/portal/") {
		return "/portal/events"
	}
	return events
}

func shell(r *http.Request) ui.Shell {
	if base(r) == events {
		return web.ShellConsole
	}
	return web.ShellPortal
}

// errEnough ends a walk that has read what it shows.
var errEnough = errors.New("enough")

// tagLook narrows the list: a word, a namespace, and one of the marks.
type tagLook struct{ text, space, only string }

func (l tagLook) takes(t *intel.Tag, favourite bool) bool {
	space, _, _ := strings.Cut(t.Name, ":")
	if l.space != "" && (space != l.space || !strings.Contains(t.Name, ":")) {
		return false
	}
	switch l.only {
	case "favourite":
		if !favourite {
			return false
		}
	case "local":
		if !t.LocalOnly {
			return false
		}
	case "hidden":
		if !t.Hidden {
			return false
		}
	case "kept":
		if t.Exportable {
			return false
		}
	case "plain":
		if t.Galaxy() {
			return false
		}
	}
	return l.text == "" || strings.Contains(i18n.Fold(t.Name), l.text)
}

func tagFilters(r *http.Request, spaces []string) *web.Filters {
	var options []ui.Option
	for _, s := range spaces {
		options = append(options, ui.Option{Value: s, Label: s})
	}
	var only []ui.Option
	for _, v := range []string{"favourite", "plain", "local", "hidden", "kept"} {
		only = append(only, ui.Option{Value: v, Label: web.T(r, "intel.tags.only."+v)})
	}
	return web.ReadFilters(r, web.FilterSpec{Name: "space", Label: web.T(r, "intel.tags.space"), Options: options}, web.FilterSpec{Name: "only", Label: web.T(r, "intel.tags.only"), Options: only})
}

// tagsKnown reads the tags that the caller may know of, by name, with their namespaces.
func (p *pages) tagsKnown(ctx context.Context, r *http.Request) (list []intel.Tag, spaces []string, liked map[int64]bool, err error) {
	who := web.Actor(r)
	if liked, err = p.d.Intel.Favourites(ctx, who); err != nil {
		return nil, nil, nil, err
	}
	seen := map[string]bool{}
	err = p.d.Intel.Tags(ctx, who, func(t intel.Tag) error {
		if len(list) == tagsRead {
			return errEnough
		}
		if space, _, ok := strings.Cut(t.Name, ":"); ok && !seen[space] {
			seen[space] = true
			spaces = append(spaces, space)
		}
		list = append(list, t)
		return nil
	})
	slices.Sort(spaces)
	slices.SortFunc(list, func(a, b intel.Tag) int {
		return cmp.Or(cmp.Compare(i18n.Fold(a.Name), i18n.Fold(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, spaces, liked, err
}

// tags lists tags with how often the caller sees each, favourites marked.
func (p *pages) tags(w http.ResponseWriter, r *http.Request) error {
	list, spaces, liked, err := p.tagsKnown(r.Context(), r)
	if err != nil {
		return err
	}
	f := tagFilters(r, spaces)
	look := tagLook{i18n.Fold(strings.TrimSpace(f.Get("q"))), f.Get("space"), f.Get("only")}
	list = slices.DeleteFunc(list, func(t intel.Tag) bool { return !look.takes(&t, liked[t.ID]) })
	if r.URL.Query().Get("format") == "csv" {
		return p.tagsFile(w, r, list)
	}
	var at int
	if err := web.DecodeCursor(f.Cursor(), &at); err != nil {
		return err
	}
	total := len(list)
	list = list[min(max(0, at), total):]
	next := ""
	if len(list) > tagsShown {
		list, next = list[:tagsShown], web.EncodeCursor(at+tagsShown)
	}
	uses, err := p.d.Intel.TagUses(r.Context(), web.Actor(r), tagIDs(list))
	if err != nil {
		return err
	}
	page := &tagsPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.tags.title")), Header: ui.Header{Title: web.T(r, "intel.tags.title"), Sub: []any{web.T(r, "intel.tags.n", "n", int64(total))}}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "intel.events"), Href: base(r)}, {Label: page.Title}}
	if shell(r) == web.ShellConsole && web.Actor(r).Can("catalog.read") {
		page.Header.Acts = append(page.Header.Acts, ui.Button{Label: web.T(r, "intel.tags.taxonomies"), Icon: "list-details", Href: "/console/catalog/taxonomies", Variant: "secondary"})
	}
	if intel.MayEditTags(web.Actor(r)) == nil {
		page.Header.Acts = append(page.Header.Acts, ui.Button{Label: web.T(r, "intel.tags.new"), Icon: "plus", Href: base(r) + "/tags/new", Key: "N"})
	}
	page.Bar = f.Bar(web.T(r, "intel.tags.search"), exportweb.Offer(r, f.With("format", "csv"), int64(total), false)...)
	page.Table = ui.Table{Caption: page.Title, Dense: true, Columns: []ui.Column{{Label: web.T(r, "intel.tag")}, {Label: web.T(r, "intel.tags.marks"), Drop: 2}, {Label: web.T(r, "intel.events"), Num: true}, {Label: web.T(r, "intel.attributes"), Num: true, Drop: 1}},
		Empty: &ui.Empty{Icon: "tags", Title: web.T(r, "intel.tags.none"), Text: web.T(r, "intel.tags.none.text")}}
	for i := range list {
		page.Table.Rows = append(page.Table.Rows, tagRowOf(r, &list[i], liked[list[i].ID], uses[list[i].ID]))
	}
	page.Pages = f.Pages(len(list), int64(total), next)
	return p.t.Render(w, r, "tags", page)
}

func tagIDs(list []intel.Tag) []int64 {
	out := make([]int64, len(list))
	for i, t := range list {
		out[i] = t.ID
	}
	return out
}

func tagRowOf(r *http.Request, t *intel.Tag, liked bool, n [2]int64) ui.Row {
	href := base(r) + "/tags/one?name=" + url.QueryEscape(t.Name)
	name := ui.Name{Text: t.Name, Href: href, Marks: []any{ui.Tag{Word: t.Colour, Swatch: t.Colour, Mono: true}}}
	if tag := eventweb.Tag(t.Name); strings.HasPrefix(tag.Title, "misp-galaxy:") { // the whole fills a phone's screen
		name.Text, name.Title = tag.Word, t.Name
		name.Marks = append([]any{ui.Tag{Word: tag.Space}}, name.Marks...)
	}
	if liked {
		name.Marks = append(name.Marks, ui.Tag{Word: web.T(r, "intel.tags.favourite"), Icon: "star"})
	}
	return ui.Row{Href: href, Cells: []any{name, strings.Join(tagMarks(r, t), ", "), i18n.Number(web.Lang(r), n[0]), i18n.Number(web.Lang(r), n[1])}}
}

// tagMarks are what is particular about a tag, in words.
func tagMarks(r *http.Request, t *intel.Tag) (out []string) {
	for _, x := range []struct {
		is  bool
		key string
	}{{t.LocalOnly, "intel.tags.local"}, {t.Hidden, "intel.tags.hidden"}, {!t.Exportable, "intel.tags.kept"}, {t.Org != 0, "intel.tags.org"}, {t.Galaxy(), "intel.tags.cluster"}} {
		if x.is {
			out = append(out, web.T(r, x.key))
		}
	}
	return out
}

// tagsFile is the list as a table.
func (p *pages) tagsFile(w http.ResponseWriter, r *http.Request, list []intel.Tag) error {
	out := exportweb.New(w, r)
	return out.End(p.d.Intel.Moment(r.Context(), web.Actor(r), func(ctx context.Context) error {
		uses := map[int64][2]int64{}
		for part := range slices.Chunk(list, tagsShown) {
			n, err := p.d.Intel.TagUses(ctx, web.Actor(r), tagIDs(part))
			if err != nil {
				return err
			}
			for id, v := range n {
				uses[id] = v
			}
		}
		var x export.Extent
		x.Add(export.Level(""), int64(len(list)))
		t := out.Table(x, "tags", "name", "colour", "exportable", "hidden", "local_only", "events", "attributes")
		for i := range list {
			g := &list[i]
			if err := t.Row(export.Level(""), g.Name, g.Colour, strconv.FormatBool(g.Exportable), strconv.FormatBool(g.Hidden), strconv.FormatBool(g.LocalOnly),
				strconv.FormatInt(uses[g.ID][0], 10), strconv.FormatInt(uses[g.ID][1], 10)); err != nil {
				return err
			}
		}
		return t.Close()
	}))
}

// oneTag finds the tag of the address by its name, whatever digits it has.
func (p *pages) oneTag(r *http.Request, name string) (t intel.Tag, events, attributes int64, err error) {
	if t, events, attributes, err = p.d.Intel.Tag(r.Context(), web.Actor(r), name); err == nil && t.Name != name {
		err = fault.New(fault.NotFound, "no such tag").WithKey("intel.fault.no-tag")
	}
	return t, events, attributes, err
}

func (p *pages) tagForm(w http.ResponseWriter, r *http.Request) error {
	t, _, _, err := p.oneTag(r, r.URL.Query().Get("name"))
	if err != nil {
		return err
	}
	tick := map[bool]string{true: "1"}
	page, err := p.tagPage(r, web.NewForm(r, url.Values{"name": {t.Name}, "colour": {t.Colour}, "exportable": {tick[t.Exportable]}, "hidden": {tick[t.Hidden]}, "local": {tick[t.LocalOnly]}}), t.Name)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "tag", page)
}

func (p *pages) newTag(w http.ResponseWriter, r *http.Request) error {
	if err := intel.MayEditTags(web.Actor(r)); err != nil {
		return err
	}
	page, err := p.tagPage(r, web.NewForm(r, url.Values{"exportable": {"1"}}), "")
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "tag", page)
}

// tagPage is the page of a tag, or of one that is made.
func (p *pages) tagPage(r *http.Request, f *web.Form, old string) (*tagPage, error) {
	title := old
	if old == "" {
		title = web.T(r, "intel.tags.new")
	}
	at := base(r) + "/tags"
	page := &tagPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, At: at, Name: old, Edit: intel.MayEditTags(web.Actor(r)) == nil,
		Exportable: f.Tick("exportable"), Hidden: f.Tick("hidden"), Local: f.Tick("local"), Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: at, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "intel.events"), Href: base(r)}, {Label: web.T(r, "intel.tags.title"), Href: at}, {Label: title}}
	name, colour := f.Field("name", "intel.tags.name"), f.Field("colour", "intel.tags.colour")
	name.Hint, colour.Hint, colour.Mono, colour.Optional, colour.Width = web.T(r, "intel.tags.name.hint"), web.T(r, "intel.tags.colour.hint"), true, true, "half"
	page.Fields = []ui.Field{name, colour}
	if old == "" {
		return page, nil
	}
	t, events, attributes, err := p.oneTag(r, old)
	if err != nil {
		return nil, err
	}
	if page.Edit, err = p.d.Intel.MayChangeTag(r.Context(), web.Actor(r), old); err != nil {
		return nil, err
	}
	liked, err := p.d.Intel.Favourites(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	page.Favourite = liked[t.ID]
	page.Header.Marks = []any{ui.Tag{Word: t.Colour, Swatch: t.Colour, Mono: true}}
	for _, m := range tagMarks(r, &t) {
		page.Header.Marks = append(page.Header.Marks, ui.Tag{Word: m})
	}
	page.Facts.Items = []ui.Fact{{Label: web.T(r, "intel.events"), Value: i18n.Number(web.Lang(r), events)}, {Label: web.T(r, "intel.attributes"), Value: i18n.Number(web.Lang(r), attributes)}}
	page.Header.Acts = []ui.Button{{Label: web.T(r, "intel.tags.events"), Icon: "search", Href: base(r) + "?tag=" + url.QueryEscape(t.Name), Variant: "secondary"}}
	if shell(r) == web.ShellConsole && page.Edit && !t.Galaxy() && !strings.HasPrefix(strings.ToLower(t.Name), "tlp:") && !strings.HasPrefix(t.Name, "PAP:") {
		page.Header.Acts = append(page.Header.Acts, ui.Button{Label: web.T(r, "intel.tags.merge"), Icon: "git-fork", Href: base(r) + "/tags/merge?name=" + url.QueryEscape(t.Name), Variant: "secondary"})
	}
	page.Undo = merge + "/undo"
	if err := p.mergedInto(r, page, t.Name); err != nil {
		return nil, err
	}
	return page, p.vocabulary(r, page, t.Name)
}

// vocabulary says of which taxonomy a tag is, and what that asks of events.
func (p *pages) vocabulary(r *http.Request, page *tagPage, name string) error {
	space, _, ok := strings.Cut(name, ":")
	if !ok || p.d.Catalog == nil || !web.Actor(r).Can("catalog.read") {
		return nil
	}
	it, _, err := p.d.Catalog.Get(r.Context(), web.Actor(r), "taxonomy", space)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	word := web.T(r, "intel.tags.off")
	if it.Enabled {
		word = web.T(r, "intel.tags.on")
	}
	sub := []string{word}
	if it.Required {
		sub = append(sub, web.T(r, "intel.tags.needed"))
	}
	if it.Exclusive {
		sub = append(sub, web.T(r, "intel.tags.exclusive"))
	}
	page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "intel.tags.taxonomy"), Value: it.Name, Sub: strings.Join(sub, ", ")})
	return nil
}

// saveTag makes a tag, or changes the one that was called so.
func (p *pages) saveTag(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	old, name, colour := f.Text("old", 255), f.Needed("name", 255), f.Text("colour", 7)
	fill := func(t *intel.Tag) {
		t.Name, t.Colour, t.Exportable, t.Hidden, t.LocalOnly = name, colour, f.Tick("exportable"), f.Tick("hidden"), f.Tick("local")
	}
	if f.Err("tag") == nil {
		if old == "" {
			t := intel.Tag{}
			fill(&t)
			_, err = p.d.Intel.AddTag(r.Context(), web.Actor(r), t)
		} else if _, _, _, err = p.oneTag(r, old); err == nil {
			_, err = p.d.Intel.EditTag(r.Context(), web.Actor(r), old, fill)
		}
		if x := fault.Of(err); x != nil && x.Kind == fault.Conflict {
			f.Add("name", x.Key)
			err = nil
		}
	}
	if f.Fail(err) {
		page, err := p.tagPage(r, f, old)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("name", "colour")
		return p.t.Invalid(w, r, "tag", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/tags/one?name="+url.QueryEscape(name), web.Done("intel.done.changed"))
}

// favourTag puts a tag among the person's own favourites or takes it out.
func (p *pages) favourTag(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	t, _, _, err := p.oneTag(r, f.Text("old", 255))
	if err == nil {
		_, err = p.d.Intel.Favour(r.Context(), web.Actor(r), t.Name, f.Text("on", 1) == "1")
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/tags/one?name="+url.QueryEscape(t.Name), web.Done("intel.done.changed"))
}

func (p *pages) deleteTag(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	t, _, _, err := p.oneTag(r, f.Text("old", 255))
	if err == nil {
		err = p.d.Intel.DeleteTag(r.Context(), web.Actor(r), t.Name)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/tags", web.Done("intel.done.tag.dropped"))
}
