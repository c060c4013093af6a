package intelweb

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// graphPage shows what an event shares with others, or what its objects have to do with
// each other: how much, as a drawing of two columns, and as a list.
type graphPage struct {
	web.Page
	Header ui.Header
	Head   string   // over the drawing
	List   string   // over the list
	Note   *ui.Note // what was cut
	Folded []folded // values of which only the first others are shown
	Sum    string
	Type   ui.Field
	Org    ui.Field
	Clear  string
	Graph  *graph
	Table  ui.Table
}

// Bounds: attributes of the event that are looked at, others of each, nodes drawn on a
// side, rows listed.
const (
	graphRead  = 5_000
	graphEach  = 20
	graphNodes = 30
	graphRows  = 300
)

// link is one value of this event that another event has, too.
type link struct {
	own   intel.Attribute
	event *intel.Event
}

func (p *pages) correlationsOf(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return err
	}
	page := &graphPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.graph")), Header: p.viewHeader(r, &e, "correlations"), Head: web.T(r, "intel.graph"), List: web.T(r, "intel.graph.list")}
	page.Crumbs = eventweb.Crumbs(r, &e, ui.Crumb{Label: web.T(r, "intel.graph")})
	links, cut, err := p.links(r, &e)
	if err != nil {
		return err
	}
	f := web.NewForm(r, r.URL.Query())
	page.filter(r, f, links)
	if f.Values.Get("type") != "" || f.Values.Get("org") != "" {
		page.Clear = base(r) + "/" + e.Ref() + "/correlations"
	}
	links = slices.DeleteFunc(links, func(l link) bool {
		t, org := f.Values.Get("type"), f.Values.Get("org")
		return t != "" && l.own.Type != t || org != "" && l.event.Origin.UUID != org
	})
	page.Folded = foldedOf(r, links)
	pairs := pairsOf(base(r), links)
	values, events := tallies(pairs)
	page.Sum = web.T(r, "intel.graph.sum", "values", int64(len(values)), "events", int64(len(events)))
	if cut {
		page.Note = &ui.Note{Kind: "warning", Body: web.T(r, "intel.graph.cut", "n", int64(graphRead))}
	}
	page.draw(r, pairs, values, events)
	page.Table = relatedTable(r, &e, links)
	return p.t.Render(w, r, "related", page)
}

// draw puts the drawing on the page, and says how many of the nodes are not in it.
func (page *graphPage) draw(r *http.Request, pairs []pair, left, right []tally) {
	if len(pairs) == 0 {
		return
	}
	page.Graph = draw(pairs, left, right, graphNodes)
	page.Graph.Say = page.Sum
	if n := len(left) + len(right) - len(page.Graph.Left) - len(page.Graph.Right); n > 0 {
		page.Graph.Rest = web.T(r, "intel.graph.rest", "n", int64(n))
	}
}

// pair is a line of a drawing: what stands on its left and on its right.
type pair struct{ from, to end }

type end struct {
	id         int64
	text, href string
}

func pairsOf(at string, links []link) []pair {
	out := make([]pair, len(links))
	for i, l := range links {
		out[i] = pair{end{l.own.ID, l.own.Value, ""}, end{l.event.ID, l.event.Info, at + "/" + l.event.Ref()}}
	}
	return out
}

// links pairs this event's values with the events that have them, too; both sides are
// what the caller sees.
func (p *pages) links(r *http.Request, e *intel.Event) (out []link, cut bool, err error) {
	var own []*intel.Attribute
	err = p.s.SearchAttributes(r.Context(), web.Actor(r), intel.Query{Events: []string{strconv.FormatInt(e.ID, 10)}, Limit: graphRead + 1}, func(a *intel.Attribute) error {
		if len(own) == graphRead {
			cut = true
			return errEnough
		}
		c := *a
		own = append(own, &c)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, false, err
	}
	others, err := p.s.RelatedTo(r.Context(), web.Actor(r), own, graphEach)
	if err != nil {
		return nil, false, err
	}
	seen := map[[2]int64]bool{}
	for _, a := range own {
		for _, o := range others[a.ID] {
			if k := [2]int64{a.ID, o.EventID}; o.Event != nil && !seen[k] {
				seen[k] = true
				out = append(out, link{*a, o.Event})
			}
		}
	}
	return out, cut, nil
}

// filter offers the types and organisations that there are.
func (page *graphPage) filter(r *http.Request, f *web.Form, links []link) {
	page.Type, page.Org = f.Field("type", "intel.type"), f.Field("org", "intel.org")
	types, orgs := map[string]bool{}, map[string]string{}
	for _, l := range links {
		types[l.own.Type], orgs[l.event.Origin.UUID] = true, l.event.Origin.Name
	}
	for _, x := range []*ui.Field{&page.Type, &page.Org} {
		x.Type, x.Optional, x.Options = "select", true, []ui.Option{{Value: "", Label: web.T(r, "intel.graph.all")}}
	}
	for t := range types {
		page.Type.Options = append(page.Type.Options, ui.Option{Value: t, Label: t})
	}
	for id, name := range orgs {
		page.Org.Options = append(page.Org.Options, ui.Option{Value: id, Label: name})
	}
	byLabel := func(a, b ui.Option) int { return cmp.Compare(a.Label, b.Label) }
	slices.SortFunc(page.Type.Options[1:], byLabel)
	slices.SortFunc(page.Org.Options[1:], byLabel)
}

func relatedTable(r *http.Request, e *intel.Event, links []link) ui.Table {
	t := ui.Table{Caption: web.T(r, "intel.graph.list"), Columns: []ui.Column{{Label: web.T(r, "intel.value")}, {Label: web.T(r, "intel.type"), Width: "mark", Drop: 1}, {Label: web.T(r, "intel.graph.other")}},
		Empty: &ui.Empty{Icon: "affiliate", Title: web.T(r, "intel.graph.none"), Text: web.T(r, "intel.graph.none.text")}}
	for i, l := range links {
		if i == graphRows {
			break
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{ui.Name{Text: l.own.Value, Mono: true, Href: base(r) + "/" + e.Ref() + "/attributes/" + l.own.UUID}, ui.Machine(l.own.Type),
			ui.Name{Text: l.event.Info, Href: base(r) + "/" + l.event.Ref(), Sub: []any{l.event.Origin.Name, l.event.Date}}}})
	}
	return t
}

// tally is a node with how many lines it has.
type tally struct {
	id int64
	n  int
}

// tallies counts the lines of each node on the left and on the right, most first.
func tallies(pairs []pair) (left, right []tally) {
	l, r := map[int64]int{}, map[int64]int{}
	for _, p := range pairs {
		l[p.from.id]++
		r[p.to.id]++
	}
	return ranked(l), ranked(r)
}

func ranked(m map[int64]int) (out []tally) {
	for id, n := range m {
		out = append(out, tally{id, n})
	}
	slices.SortFunc(out, func(a, b tally) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.id, b.id)) })
	return out
}

// graph is the drawing: values or objects on the left, events or what objects point to on
// the right, a line where two belong together. Units are those of its viewBox.
type graph struct {
	Height      int
	Left, Right []node
	Lines       []stroke
	Say, Rest   string
}

type node struct {
	Y     int
	Text  string
	Whole string
	Href  string
	N     int
}

type stroke struct{ Y1, Y2 int }

const graphStep = 26

// draw lays out the most connected nodes of each side, in that order from the top.
func draw(pairs []pair, values, events []tally, most int) *graph {
	values, events = values[:min(most, len(values))], events[:min(most, len(events))]
	g := &graph{Height: max(len(values), len(events))*graphStep + 16}
	left, right := map[int64]int{}, map[int64]int{}
	for i, v := range values {
		left[v.id] = i
		g.Left = append(g.Left, node{Y: i*graphStep + 21, N: v.n})
	}
	for i, e := range events {
		right[e.id] = i
		g.Right = append(g.Right, node{Y: i*graphStep + 21, N: e.n})
	}
	for _, p := range pairs {
		i, ok := left[p.from.id]
		j, drawn := right[p.to.id]
		if ok {
			g.Left[i].Text, g.Left[i].Whole, g.Left[i].Href = cut(p.from.text, 38), p.from.text, p.from.href
		}
		if drawn {
			g.Right[j].Text, g.Right[j].Whole, g.Right[j].Href = cut(p.to.text, 52), p.to.text, p.to.href
		}
		if ok && drawn {
			g.Lines = append(g.Lines, stroke{g.Left[i].Y - 4, g.Right[j].Y - 4})
		}
	}
	return g
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// folded is a value that joins more events than are shown of it.
type folded struct{ Value, Href string }

// foldedOf finds the values of which as many others are shown as there may be.
func foldedOf(r *http.Request, links []link) (out []folded) {
	n := map[int64]int{}
	for _, l := range links {
		if n[l.own.ID]++; n[l.own.ID] == graphEach {
			href := overlapOf(r, l.own.Value)
			if href == "" {
				href = whereElse(r) + url.QueryEscape(l.own.Value)
			}
			out = append(out, folded{l.own.Value, href})
		}
	}
	return out
}
