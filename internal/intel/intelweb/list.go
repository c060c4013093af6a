package intelweb

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"straza/internal/craft/export/exportweb"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

const pageSize = 50

type listPage struct {
	web.Page
	Header ui.Header
	Bar    ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
	Bulk   *ui.BulkBar
}

// Where the pages stand, and in which shell, is as for all pages about an event.
var base, shell = eventweb.Base, eventweb.Shell

// listActs are what the list's head offers: what is added, the rest behind "more".
func listActs(r *http.Request, f *web.Filters) (acts, more []ui.Button) {
	button := func(label, icon, to string) ui.Button {
		return ui.Button{Label: web.T(r, label), Icon: icon, Href: to, Variant: "secondary"}
	}
	if f.Get("set") == "" {
		more = append(more, button("intel.set.mine", "bookmark", base(r)+"?set=1"))
	}
	more = append(more, button("intel.tags.title", "tags", base(r)+"/tags"))
	if shell(r) == web.ShellConsole {
		more = append(more, button("intel.overlap", "affiliate", "/console/events/overlap"))
	} else {
		more = append(more, button("intel.shelf.all", "archive", dossiers(r)))
	}
	if !access.Allowed(web.Actor(r), "intel.write") {
		return more, nil
	}
	return []ui.Button{button("intel.import", "upload", imports(r)), button("intel.new", "plus", base(r)+"/new").Primary().Keyed("N")}, more
}

// imports is where files of events are brought in.
func imports(r *http.Request) string { return strings.TrimSuffix(base(r), "events") + "imports" }

func (p *pages) list(w http.ResponseWriter, r *http.Request) error {
	f := listFilters(r)
	if r.URL.Query().Get("format") == "csv" {
		q := eventQuery(f)
		if err := p.workingSet(r, f, &q); err != nil {
			return err
		}
		return p.exportList(w, r, q)
	}
	page := 1
	if err := web.DecodeCursor(f.Cursor(), &page); err != nil {
		return err
	}
	q := eventQuery(f)
	if err := p.workingSet(r, f, &q); err != nil {
		return err
	}
	q.Limit, q.Page = pageSize, max(1, page)
	var events []intel.Event
	total, err := p.s.SearchEvents(r.Context(), web.Actor(r), q, func(e *intel.Event) error { events = append(events, *e); return nil })
	if err != nil {
		return err
	}
	out := &listPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.events")), Header: ui.Header{Title: web.T(r, "intel.events"), Sub: []any{web.T(r, "intel.events.n", "n", total)}}}
	out.Header.Acts, out.Header.More = listActs(r, f)
	out.Bar = f.Bar(web.T(r, "intel.search"), append(exportweb.Offer(r, f.With("format", "csv"), total, false),
		ui.Button{Label: web.T(r, "intel.trends"), Icon: "trending-up", Href: base(r) + "/trends", Variant: "tertiary"},
		ui.Button{Label: web.T(r, "intel.attack"), Icon: "table", Href: base(r) + "/attack" + carried(r), Variant: "tertiary"},
		ui.Button{Label: web.T(r, "intel.export"), Icon: "shield", Href: base(r) + "/export" + carried(r), Variant: "tertiary"})...)
	pinned, err := p.s.Pinned(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	out.Table = eventTable(r, f, events, pinned)
	next := ""
	if int64(q.Page*pageSize) < total {
		next = web.EncodeCursor(q.Page + 1)
	}
	out.Pages = f.Pages(len(events), total, next)
	return p.t.Render(w, r, "list", out)
}

// listFilters are the filters of the list of events, and of what adds them up.
func listFilters(r *http.Request) *web.Filters {
	return web.ReadFilters(r,
		web.FilterSpec{Name: "published", Label: web.T(r, "intel.state"), Options: []ui.Option{{Value: "1", Label: web.T(r, "intel.published")}, {Value: "0", Label: web.T(r, "intel.unpublished")}}},
		web.FilterSpec{Name: "threat", Label: web.T(r, "intel.threat"), Options: threats(r)},
		web.FilterSpec{Name: "tag", Label: web.T(r, "intel.tag"), Say: eventweb.TagWord},
		web.FilterSpec{Name: "org", Label: web.T(r, "intel.origin")},
		web.FilterSpec{Name: "value", Label: web.T(r, "intel.value")},
		web.FilterSpec{Name: "from", Label: web.T(r, "intel.date.from"), Type: "date"}, web.FilterSpec{Name: "to", Label: web.T(r, "intel.date.to"), Type: "date"},
		web.FilterSpec{Name: "set", Label: web.T(r, "intel.set"), Options: []ui.Option{{Value: "1", Label: web.T(r, "intel.set.only")}}}, web.Sorted("info", "attribute_count", "changed"))
}

func threats(r *http.Request) (out []ui.Option) {
	for _, n := range []string{"1", "2", "3", "4"} {
		out = append(out, ui.Option{Value: n, Label: web.T(r, "intel.threat."+n)})
	}
	return out
}

// eventQuery turns the list's filters into a query; sort is one of the Service's
// orders, newest change first by default.
func eventQuery(f *web.Filters) intel.Query {
	q := intel.Query{Sort: "changed", Desc: true}
	q.Text, q.Nothing = said(f)
	if s := f.Get("sort"); s != "" {
		q.Sort, q.Desc = strings.TrimPrefix(s, "-"), strings.HasPrefix(s, "-")
	}
	switch f.Get("published") {
	case "1", "0":
		b := f.Get("published") == "1"
		q.IsPublished = &b
	}
	if n, err := strconv.Atoi(f.Get("threat")); err == nil {
		q.Threat = []int{n}
	}
	q.Tag = tagAsked(f)
	q.From, q.To = f.Get("from"), f.Get("to")
	if o := f.Get("org"); o != "" {
		q.Origin.Or = []string{o}
	}
	if v := f.Get("value"); v != "" {
		q.Value.Or = []string{v}
	}
	return q
}

// exactly before a tag asks for that one alone, not for all that have it in their name.
const exactly = "="

func tagAsked(f *web.Filters) (out intel.Filter) {
	t := f.Get("tag")
	if one, ok := strings.CutPrefix(t, exactly); ok && one != "" {
		out.Or = []string{one}
	} else if t != "" {
		out.Or = []string{"%" + t + "%"}
	}
	return out
}

// said is what stands in a list's search field: see intel.Sought.
func said(f *web.Filters) (text string, nothing bool) { return intel.Sought(f.Get("q")) }

// workingSet narrows a query to the events that somebody keeps at hand, if they ask so.
func (p *pages) workingSet(r *http.Request, f *web.Filters, q *intel.Query) error {
	if f.Get("set") != "1" {
		return nil
	}
	pinned, err := p.s.Pinned(r.Context(), web.Actor(r))
	for id := range pinned {
		q.Events = append(q.Events, strconv.FormatInt(id, 10))
	}
	slices.Sort(q.Events)
	q.Nothing = q.Nothing || len(pinned) == 0
	return err
}

func eventTable(r *http.Request, f *web.Filters, events []intel.Event, pinned map[int64]bool) ui.Table {
	t := ui.Table{Caption: web.T(r, "intel.events"), Columns: []ui.Column{f.Sort(web.T(r, "intel.event"), "info"), {Label: web.T(r, "intel.state"), Width: "mark"},
		{Label: web.T(r, "intel.tlp"), Width: "mark", Drop: 2}, {Label: web.T(r, "intel.who"), Width: "mark", Drop: 1}, f.Sort(web.T(r, "intel.attributes"), "attribute_count").Sized("", 3), f.SortDefault(web.T(r, "intel.changed"), "-changed").Sized("", 3)}}
	t.Columns[4].Num = true
	t.Empty = &ui.Empty{Icon: "affiliate", Title: web.T(r, "intel.empty"), Text: web.T(r, "intel.empty.text")}
	if f.Active() {
		t.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "intel.filtered"), Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: base(r), Variant: "secondary"}}}
	}
	if f.Get("set") == "1" {
		t.Empty.Text = web.T(r, "intel.set.empty")
	}
	for i := range events {
		e := &events[i]
		href := base(r) + "/" + e.Ref()
		sub := []any{e.Origin.Name, e.Date}
		if pinned[e.ID] {
			sub = append(sub, web.T(r, "intel.set.in"))
		}
		t.Rows = append(t.Rows, ui.Row{Href: href, Cells: []any{
			ui.Name{Text: e.Info, Href: href, Sub: sub, Marks: someTags(e.Tags, 2)}, stateOf(r, e), tlpOf(e), ui.Tag{Word: audienceWord(r, e.Distribution)}, e.Attributes, clock.FromMicros(e.Changed)}})
	}
	return t
}

func stateOf(r *http.Request, e *intel.Event) ui.State {
	if e.Published {
		return ui.State{Kind: ui.StateDone, Word: web.T(r, "intel.published")}
	}
	return ui.State{Kind: ui.StateNew, Word: web.T(r, "intel.unpublished")}
}

// printed is the label on every sheet of an event; that it has none is said.
func printed(r *http.Request, e *intel.Event) string {
	if e.TLP == "" {
		return web.T(r, "intel.nolabel")
	}
	return "TLP:" + strings.ToUpper(e.TLP)
}

func tlpOf(e *intel.Event) any {
	if e.TLP == "" {
		return nil
	}
	return ui.TLP(strings.ToUpper(e.TLP))
}

func audienceWord(r *http.Request, d intel.Distribution) string {
	return web.T(r, "intel.distribution."+strconv.Itoa(int(d)))
}

// marksWide is how many letters the tags beside a title may take, so that it is read.
const marksWide = 36

// someTags shows the first n tags that are no labels of their own, as far as they leave
// the title room.
func someTags(tags []intel.TagUse, n int) (out []any) {
	wide := 0
	for _, t := range tags {
		if strings.HasPrefix(t.Name, "tlp:") || strings.HasPrefix(t.Name, "PAP:") {
			continue
		}
		tag := tagOf(t)
		wide += len([]rune(tag.Space)) + len([]rune(tag.Word))
		if len(out) == n || len(out) > 0 && wide > marksWide {
			return append(out, ui.Tag{Word: "…"})
		}
		out = append(out, tag)
	}
	return out
}

func tagOf(t intel.TagUse) ui.Tag { return eventweb.Tag(t.Name) }

// eventRef reads the id of the path; what is no id names nothing.
func eventRef(r *http.Request) (string, error) {
	return web.Ref(r, "id")
}

// formOf is a form that came, and the event of its address as the caller sees it.
func (p *pages) formOf(r *http.Request) (*web.Form, *intel.Event, error) {
	f, err := web.ReadForm(r)
	if err != nil {
		return nil, nil, err
	}
	e, err := eventweb.Seen(r, p.s)
	return f, &e, err
}
