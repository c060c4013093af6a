package curateweb

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type overlapPage struct {
	web.Page
	Header ui.Header
	Bar    ui.FilterBar
	Note   *ui.Note // what was cut
	Table  ui.Table
	Out    ui.Table // what is excluded
	Add    []ui.Field
	At     string
}

// leastUsual is from how many attributes on a value is listed when nothing else is asked.
const leastUsual = "10"

// overlap lists the values that join most, with the value that is asked about first, and
// what is excluded.
func (p *pages) overlap(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, url.Values{"value": {strings.TrimSpace(r.URL.Query().Get("value"))}})
	page, err := p.overlapPage(r, f)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "overlap", page)
}

// overlapPage is the page; f is what was typed to be excluded.
func (p *pages) overlapPage(r *http.Request, typed *web.Form) (*overlapPage, error) {
	who, title := web.Actor(r), web.T(r, "curate.overlap")
	f := web.ReadFilters(r, web.FilterSpec{Name: "least", Label: web.T(r, "curate.least"), Default: leastUsual, Options: []ui.Option{{Value: "2", Label: "2"}, {Value: leastUsual, Label: leastUsual}, {Value: "100", Label: "100"}, {Value: "1000", Label: "1000"}}}, web.Known("value"))
	page := &overlapPage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title, Sub: []any{web.T(r, "curate.overlap.lead")}}, Bar: f.Bar(web.T(r, "curate.value.search")), At: overlap}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "curate.events"), Href: events}, {Label: title}}
	least, _ := strconv.Atoi(cmp.Or(f.Get("least"), leastUsual))
	list, complete, err := p.d.Intel.Frequents(r.Context(), who, least)
	if err != nil {
		return nil, err
	}
	if !complete {
		page.Note = &ui.Note{Kind: "info", Body: web.T(r, "curate.cut", "n", len(list))}
	}
	if q := f.Get("q"); q != "" {
		want := i18n.Fold(q)
		list = slices.DeleteFunc(list, func(x intel.Frequent) bool { return !strings.Contains(i18n.Fold(x.Value), want) })
	}
	if v := typed.Values.Get("value"); v != "" {
		one, err := p.d.Intel.Joins(r.Context(), who, v)
		if err != nil {
			return nil, err
		}
		list = append([]intel.Frequent{one}, slices.DeleteFunc(list, func(x intel.Frequent) bool { return strings.EqualFold(x.Value, v) })...)
	}
	out, err := p.d.Intel.Exclusions(r.Context(), who)
	if err != nil {
		return nil, err
	}
	page.Table, page.Out = joinTable(r, f, list), outTable(r, out)
	value, why := typed.Field("value", "curate.value"), typed.Field("why", "curate.why")
	value.Mono, value.MaxLength, value.Hint = true, 1000, web.T(r, "curate.value.hint")
	why.Type, why.Rows, why.MaxLength, why.Hint = "textarea", 3, 1000, web.T(r, "curate.why.hint")
	page.Add = []ui.Field{value, why}
	return page, nil
}

func joinTable(r *http.Request, f *web.Filters, list []intel.Frequent) ui.Table {
	t := ui.Table{Caption: web.T(r, "curate.overlap"), Dense: true, Columns: []ui.Column{{Label: web.T(r, "curate.value")}, {Label: web.T(r, "curate.type"), Width: "mark", Drop: 1}, {Label: web.T(r, "curate.joined"), Num: true}, {Label: web.T(r, "curate.attributes"), Num: true, Drop: 2}, {Label: web.T(r, "curate.act"), Hidden: true}},
		Empty: &ui.Empty{Icon: "affiliate", Title: web.T(r, "curate.none"), Text: web.T(r, "curate.none.text")}}
	if f.Get("q") != "" {
		t.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "curate.filtered"), Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: overlap, Variant: "secondary"}}}
	}
	for _, x := range list {
		name := ui.Name{Text: x.Value, Mono: true, Href: "/console/indicators?q=" + url.QueryEscape(x.Value)}
		var act any = ui.Button{Label: web.T(r, "curate.exclude"), Href: overlap + "?value=" + url.QueryEscape(x.Value) + "#exclude", Variant: "tertiary", Small: true}
		if x.Excluded {
			name.Marks = []any{ui.Tag{Word: web.T(r, "curate.excluded")}}
			act = ui.Button{Label: web.T(r, "curate.excluded.where"), Href: "#excluded", Variant: "tertiary", Small: true}
		}
		var typ any
		if x.Type != "" {
			typ = ui.Machine(x.Type)
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{name, typ, x.Events, x.Count, act}})
	}
	return t
}

func outTable(r *http.Request, list []intel.Exclusion) ui.Table {
	t := ui.Table{Caption: web.T(r, "curate.out"), Dense: true, Columns: []ui.Column{{Label: web.T(r, "curate.value")}, {Label: web.T(r, "curate.since"), Width: "mark", Drop: 1}, {Label: web.T(r, "curate.act"), Hidden: true}},
		Empty: &ui.Empty{Icon: "circle-minus", Title: web.T(r, "curate.out.none"), Text: web.T(r, "curate.out.none.text")}}
	for _, x := range list {
		name := ui.Name{Text: x.Value, Mono: true}
		if x.Comment != "" {
			name.Sub = []any{x.Comment}
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{name, clock.FromMicros(x.Created), ui.Acts{Form: "acts", Items: []ui.Button{{Label: web.T(r, "curate.include"), Action: overlap + "/include", Name: "id", Value: strconv.FormatInt(x.ID, 10), Variant: "tertiary", Small: true}}}}})
	}
	return t
}

// exclude takes a value out of correlation, with the reason.
func (p *pages) exclude(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	x := intel.Exclusion{Value: f.Needed("value", 1000), Comment: f.Needed("why", 1000)}
	if f.Err("exclusion") == nil {
		if x, err = p.d.Intel.Exclude(r.Context(), web.Actor(r), x); fault.Is(err, fault.Conflict) {
			f.Add("value", fault.Of(err).Key)
			err = nil
		}
	}
	if f.Fail(err) {
		page, err := p.overlapPage(r, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("value", "why")
		return p.t.Invalid(w, r, "overlap", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(overlap, web.Done("curate.done.out").WithUndo(overlap+"/include", "id", strconv.FormatInt(x.ID, 10)))
}

// include lets a value correlate again.
func (p *pages) include(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	who, id := web.Actor(r), f.Int("id")
	list, err := p.d.Intel.Exclusions(r.Context(), who)
	if err != nil {
		return err
	}
	if err := p.d.Intel.Include(r.Context(), who, id); err != nil {
		return err
	}
	done := web.Done("curate.done.in")
	for _, x := range list {
		if x.ID == id && x.Comment != "" {
			done = done.WithUndo(overlap, "value", x.Value, "why", x.Comment)
		}
	}
	return web.Redirect(overlap, done)
}
