package catalogweb

import (
	"math"
	"net/http"
	"strconv"

	"straza/internal/catalog"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type showPage struct {
	web.Page
	Header ui.Header
	Curve  *ui.LineChart
	Bar    ui.FilterBar
	Table  ui.Table
	Pages  *ui.Pagination
	Facts  ui.Facts
	Note   string
}

func ref(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if n, err := strconv.ParseInt(id, 10, 64); err != nil || n <= 0 {
		return "", fault.New(fault.NotFound, "catalogue %q", id)
	}
	return id, nil
}

// show is one catalogue with its entries, which can be searched.
func (p *pages) show(v view) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := ref(r)
		if err != nil {
			return err
		}
		f := web.ReadFilters(r)
		var after catalog.After
		if err := web.DecodeCursor(f.Cursor(), &after); err != nil {
			return err
		}
		var it catalog.Item
		var rows []catalog.Row
		var next catalog.After
		if q := f.Get("q"); q != "" {
			it, rows, err = p.s.Search(r.Context(), web.Actor(r), v.kind, id, q, 4*pageSize)
		} else {
			it, rows, next, err = p.s.Page(r.Context(), web.Actor(r), v.kind, id, after, pageSize)
		}
		if err != nil {
			return err
		}
		out := &showPage{Page: web.NewPage(r, web.ShellConsole, it.Name), Header: ui.Header{Title: it.Name, Marks: []any{stateOf(r, it)}, Sub: []any{v.name(r)}, Acts: acts(r, v, it)},
			Bar: f.Bar(web.T(r, "catalog.search.entries")), Note: it.Description, Facts: facts(r, it)}
		out.Crumbs = []ui.Crumb{{Label: v.name(r), Href: base + "/" + v.path}, {Label: it.Name}}
		if v.kind == catalog.Model {
			m, err := p.s.DecayModel(r.Context(), web.Actor(r), id)
			if err != nil {
				return err
			}
			out.Curve, out.Table = curve(r, m), typeTable(r, m)
			return p.t.Render(w, r, "model", out)
		}
		out.Table = rowTable(r, v, rows)
		cursor := ""
		if next != (catalog.After{}) {
			cursor = web.EncodeCursor(next)
		}
		out.Pages = f.Pages(len(rows), 0, cursor)
		return p.t.Render(w, r, "show", out)
	}
}

// acts are what who writes the catalogues may do; each button is a form's.
func acts(r *http.Request, v view, it catalog.Item) (out []ui.Button) {
	at := base + "/" + v.path + "/" + strconv.FormatInt(it.ID, 10)
	if v.kind == catalog.Galaxy && web.Actor(r).Can("intel.write") {
		out = append(out, ui.Button{Label: web.T(r, "catalog.cluster.new"), Icon: "plus", Href: at + "/clusters/new", Key: "N", Variant: "secondary"})
	}
	if !web.Actor(r).Can("catalog.write") {
		return out
	}
	if v.kind == catalog.WarningList && it.Own {
		out = append(out, ui.Button{Label: web.T(r, "catalog.list.edit"), Icon: "pencil", Href: at + "/edit", Key: "E", Variant: "secondary"})
	}
	if v.kind == catalog.Model && it.Own {
		out = append(out, ui.Button{Label: web.T(r, "catalog.model.edit"), Icon: "pencil", Href: at + "/edit", Key: "E", Variant: "secondary"})
	}
	word, value := "catalog.switch.on", "on"
	if it.Enabled {
		word, value = "catalog.switch.off", "off"
	}
	out = append(out, ui.Button{Label: web.T(r, word), Form: "change", Name: "enabled", Value: value, Variant: "secondary"})
	if v.kind == catalog.Taxonomy {
		word, value = "catalog.require", "on"
		if it.Required {
			word, value = "catalog.unrequire", "off"
		}
		out = append(out, ui.Button{Label: web.T(r, word), Form: "change", Name: "required", Value: value, Variant: "secondary"})
	}
	return out
}

func facts(r *http.Request, it catalog.Item) ui.Facts {
	return ui.Facts{Items: []ui.Fact{{Label: web.T(r, "catalog.version"), Value: it.Version}, {Label: web.T(r, "catalog.entries"), Value: it.Entries},
		{Label: web.T(r, "catalog.class"), Value: machine(it.Class)}, {Label: "UUID", Value: machine(it.UUID), Wide: true}}}
}

// machine is a value of a machine's, nothing when it is empty.
func machine(s string) any {
	if s == "" {
		return nil
	}
	return ui.Machine(s)
}

func rowTable(r *http.Request, v view, rows []catalog.Row) ui.Table {
	t := ui.Table{Caption: web.T(r, "catalog.entries"), Dense: true, Columns: []ui.Column{{Label: web.T(r, "catalog.entry")}},
		Empty: &ui.Empty{Icon: v.icon, Title: web.T(r, "catalog.filtered")}}
	tags := v.kind == catalog.Galaxy // elsewhere the entry is its own tag
	if tags {
		t.Columns = append(t.Columns, ui.Column{Label: web.T(r, "catalog.tag"), Drop: 2})
	}
	for _, row := range rows {
		href := ""
		if row.ID != 0 {
			href = base + "/clusters/" + strconv.FormatInt(row.ID, 10)
		}
		name := ui.Name{Text: row.Name, Href: href, Mono: v.kind != catalog.Galaxy}
		if row.Description != "" && row.Description != row.Name {
			name.Sub = []any{short(row.Description)}
		}
		if tags {
			name.Sub = []any{short(catalog.Said(row.Data, web.Lang(r)))}
		}
		if row.Own {
			name.Marks = []any{ui.Tag{Word: web.T(r, "catalog.own")}}
		}
		cells := []any{name}
		if tags {
			cells = append(cells, ui.Machine(row.Tag))
		}
		t.Rows = append(t.Rows, ui.Row{Href: href, Cells: cells})
	}
	return t
}

// steps is how many points a model's curve is drawn with.
const steps = 20

// curve draws what is left of a full score over the model's life, with its threshold.
func curve(r *http.Request, m *catalog.DecayModel) *ui.LineChart {
	c := &ui.LineChart{ID: "curve", Title: web.T(r, "catalog.curve"), Unit: web.T(r, "catalog.points")}
	left, low := ui.Series{Name: web.T(r, "catalog.left")}, ui.Series{Name: web.T(r, "catalog.threshold")}
	for i := range steps + 1 {
		day := m.Lifetime * float64(i) / steps
		c.Steps = append(c.Steps, web.T(r, "catalog.day", "n", strconv.FormatFloat(math.Round(day*10)/10, 'f', -1, 64)))
		left.Values = append(left.Values, int64(m.Curve(100, day*86_400, m.Lifetime*86_400)+0.5))
		low.Values = append(low.Values, int64(m.Threshold))
	}
	c.Series = []ui.Series{left, low}
	return c
}

func typeTable(r *http.Request, m *catalog.DecayModel) ui.Table {
	t := ui.Table{Caption: web.T(r, "catalog.types"), Dense: true, Columns: []ui.Column{{Label: web.T(r, "catalog.types")}}, Empty: &ui.Empty{Icon: "trending-down", Title: web.T(r, "catalog.types.none")}}
	for _, typ := range m.Types {
		t.Rows = append(t.Rows, ui.Row{Cells: []any{ui.Machine(typ)}})
	}
	return t
}

// change switches a catalogue, or makes a taxonomy compulsory.
func (p *pages) change(v view) func(http.ResponseWriter, *http.Request) error {
	return func(_ http.ResponseWriter, r *http.Request) error {
		id, err := ref(r)
		if err != nil {
			return err
		}
		f, err := web.ReadForm(r)
		if err != nil {
			return err
		}
		at := base + "/" + v.path + "/" + id
		if need := f.Text("required", 10); need != "" && v.kind == catalog.Taxonomy {
			on := need == "on"
			if _, err := p.s.Mark(r.Context(), web.Actor(r), id, &on, nil); err != nil {
				return err
			}
			return web.Redirect(at, web.Done("catalog.done.changed"))
		}
		if _, err := p.s.Enable(r.Context(), web.Actor(r), v.kind, id, f.Text("enabled", 10) == "on"); err != nil {
			return err
		}
		return web.Redirect(at, web.Done("catalog.done.changed"))
	}
}
