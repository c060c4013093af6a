package intelweb

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// attackPage is the ATT&CK matrix of one event, or of a list of them.
type attackPage struct {
	web.Page
	Header  ui.Header
	Note    *ui.Note // what was cut
	Empty   *ui.Empty
	Domains *ui.Tabs
	Columns []tactic
	Dark    []string // tactics of which nothing is marked
	Table   ui.Table
	All     ui.Button // every technique, or the lit ones alone
	Whole   bool
}

const (
	attackGalaxy = "mitre-attack-pattern"
	attackTags   = "misp-galaxy:mitre-attack-pattern="
	// attackEvents bounds how many events of a list one matrix adds up.
	attackEvents = 500
)

// attackOf shows the matrix of an event.
func (p *pages) attackOf(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return err
	}
	page := &attackPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.attack")), Header: p.viewHeader(r, &e, "attack")}
	page.Crumbs = eventweb.Crumbs(r, &e, ui.Crumb{Label: web.T(r, "intel.attack")})
	return p.attack(w, r, page, []int64{e.ID}, false)
}

// attackMany shows the matrix of the events that the list's filters leave, the newest
// changes first, at most attackEvents of them.
func (p *pages) attackMany(w http.ResponseWriter, r *http.Request) error {
	f := listFilters(r)
	q := eventQuery(f)
	if err := p.workingSet(r, f, &q); err != nil {
		return err
	}
	q.Limit, q.Page = attackEvents, 1
	var ids []int64
	total, err := p.s.SearchEvents(r.Context(), web.Actor(r), q, func(e *intel.Event) error { ids = append(ids, e.ID); return nil })
	if err != nil {
		return err
	}
	page := &attackPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.attack")), Header: ui.Header{Title: web.T(r, "intel.attack"), Sub: []any{web.T(r, "intel.events.n", "n", int64(len(ids)))}}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "intel.events"), Href: base(r) + withoutView(r)}, {Label: web.T(r, "intel.attack")}}
	if total > int64(len(ids)) {
		page.Note = &ui.Note{Kind: "warning", Body: web.T(r, "intel.attack.events", "n", int64(len(ids)), "all", total)}
	}
	return p.attack(w, r, page, ids, true)
}

// withoutView is the list's query without what belongs to the matrix alone.
func withoutView(r *http.Request) string {
	q := r.URL.Query()
	q.Del("domain")
	q.Del("all")
	if s := q.Encode(); s != "" {
		return "?" + s
	}
	return ""
}

// attackBook is what the imported catalogue says of the matrix.
type attackBook struct {
	Order map[string][]string `json:"kill_chain_order"`
}

func (p *pages) attack(w http.ResponseWriter, r *http.Request, page *attackPage, events []int64, many bool) error {
	ctx, who := r.Context(), web.Actor(r)
	_, body, err := p.d.Catalog.Get(ctx, who, catalog.Galaxy, attackGalaxy)
	var book attackBook
	if err == nil {
		err = json.Unmarshal(body, &book)
	}
	if fault.Is(err, fault.NotFound) || err == nil && len(book.Order) == 0 {
		page.Empty = &ui.Empty{Icon: "table", Title: web.T(r, "intel.attack.missing"), Text: web.T(r, "intel.attack.missing.text")}
		if access.Allowed(who, "catalog.write") {
			page.Empty.Text += " " + web.T(r, "intel.attack.missing.do")
		}
		return p.t.Render(w, r, "attack", page)
	}
	if err != nil {
		return err
	}
	lit, complete, err := p.lit(r, events, many)
	if err != nil {
		return err
	}
	if !complete {
		page.Note = &ui.Note{Kind: "warning", Body: web.T(r, "intel.attack.cut")}
	}
	if len(lit) == 0 {
		page.Empty = &ui.Empty{Icon: "table", Title: web.T(r, "intel.attack.none"), Text: web.T(r, "intel.attack.none.text")}
		return p.t.Render(w, r, "attack", page)
	}
	of := p.chooseDomain(r, page, lit)
	shown := lit
	if page.Whole = r.URL.Query().Get("all") == "1"; page.Whole {
		if shown, err = p.withUnlit(r, lit); err != nil {
			return err
		}
	}
	var left []technique
	page.Columns, left = arrange(book.Order, of, shown)
	for _, c := range page.Columns {
		if c.Lit == 0 {
			page.Dark = append(page.Dark, c.Name)
		}
	}
	page.All = ui.Button{Label: web.T(r, map[bool]string{false: "intel.attack.all", true: "intel.attack.lit"}[page.Whole]), Href: r.URL.Path + queryWith(r, "all", map[bool]string{false: "1"}[page.Whole]), Variant: "secondary", Small: true}
	page.Table = attackTable(r, lit, left, of)
	return p.t.Render(w, r, "attack", page)
}

// lit are the techniques that the events use, as far as the catalogue knows them.
func (p *pages) lit(r *http.Request, events []int64, many bool) (out []technique, complete bool, err error) {
	counts, complete, err := p.s.TagCounts(r.Context(), web.Actor(r), events, attackTags)
	if err != nil {
		return nil, false, err
	}
	var tags []string
	for _, c := range counts {
		tags = append(tags, c.Name)
	}
	known, err := p.d.Catalog.ClustersOfTags(r.Context(), web.Actor(r), tags)
	if err != nil {
		return nil, false, err
	}
	for _, c := range counts {
		t := technique{Tag: c.Name, Events: c.Events, Attributes: c.Attributes}
		t.Name, t.Code = splitCode(tagOf(intel.TagUse{Tag: intel.Tag{Name: c.Name}}).Word)
		if k, ok := known[strings.ToLower(c.Name)]; ok {
			t = described(t, k)
		}
		if many {
			t.Href = base(r) + "?tag=" + url.QueryEscape(c.Name)
		}
		out = append(out, t)
	}
	return out, complete, nil
}

// described fills in what a cluster says of its technique.
func described(t technique, k catalog.Cluster) technique {
	t.Name, t.Code = splitCode(k.Value)
	for _, e := range k.Text().Elements {
		switch e.Key {
		case "kill_chain":
			t.Phases = append(t.Phases, e.Value)
		case "external_id":
			t.Code = e.Value
		}
	}
	return t
}

// withUnlit adds the techniques of the catalogue that nobody used, without their
// sub-techniques: 200 cells instead of 700.
func (p *pages) withUnlit(r *http.Request, lit []technique) ([]technique, error) {
	used := map[string]bool{}
	for _, t := range lit {
		used[strings.ToLower(t.Tag)] = true
	}
	out := slices.Clone(lit)
	err := p.d.Catalog.Clusters(r.Context(), web.Actor(r), attackGalaxy, func(k catalog.Cluster) error {
		t := described(technique{Tag: k.Tag()}, k)
		if !used[strings.ToLower(t.Tag)] && !strings.Contains(t.Code, ".") {
			out = append(out, t)
		}
		return nil
	})
	return out, err
}

// chooseDomain takes the matrix of the address, or the one with most of what is lit, and
// offers the others that have something.
func (p *pages) chooseDomain(r *http.Request, page *attackPage, lit []technique) string {
	n := map[string]int{}
	for _, t := range lit {
		in := map[string]bool{}
		for _, ph := range t.Phases {
			chain, _, _ := strings.Cut(ph, ":")
			in[domain(chain)] = true
		}
		for d := range in {
			n[d]++
		}
	}
	best := domains[0]
	for _, d := range domains {
		if n[d] > n[best] {
			best = d
		}
	}
	if d := r.URL.Query().Get("domain"); slices.Contains(domains, d) {
		best = d
	}
	tabs := &ui.Tabs{Label: web.T(r, "intel.attack.domains")}
	for _, d := range domains {
		if n[d] > 0 || d == best {
			tabs.Items = append(tabs.Items, ui.Tab{Label: web.T(r, "intel.attack.domain."+d), Href: r.URL.Path + queryWith(r, "domain", d), Count: i18n.Number(web.Lang(r), int64(n[d])), Here: d == best})
		}
	}
	if len(tabs.Items) > 1 {
		page.Domains = tabs
	}
	return best
}

// queryWith is the address's query with one value set, or dropped when empty.
func queryWith(r *http.Request, name, value string) string {
	q := r.URL.Query()
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	if s := q.Encode(); s != "" {
		return "?" + s
	}
	return ""
}

// attackTable says the same in rows, and what the matrix has no column for.
func attackTable(r *http.Request, lit, left []technique, of string) ui.Table {
	t := ui.Table{Caption: web.T(r, "intel.attack.table"), Dense: true, Columns: []ui.Column{{Label: web.T(r, "intel.attack.technique")}, {Label: web.T(r, "intel.attack.tactics"), Drop: 1},
		{Label: web.T(r, "intel.attack.onevents"), Num: true}, {Label: web.T(r, "intel.attack.onattributes"), Num: true}}}
	lit = slices.Clone(lit)
	slices.SortStableFunc(lit, func(a, b technique) int { return cmp.Compare(b.Lit(), a.Lit()) })
	for _, x := range lit {
		var phases []any
		var met []string
		for _, ph := range x.Phases {
			if _, phase, _ := strings.Cut(ph, ":"); !slices.Contains(met, phase) {
				met = append(met, phase)
				phases = append(phases, ui.Tag{Word: phaseName(phase)})
			}
		}
		sub := []any{}
		if x.Code != "" {
			sub = append(sub, ui.Machine(x.Code))
		}
		if slices.ContainsFunc(left, func(l technique) bool { return l.Tag == x.Tag }) {
			sub = append(sub, web.T(r, "intel.attack.nocolumn", "matrix", web.T(r, "intel.attack.domain."+of)))
		}
		t.Rows = append(t.Rows, ui.Row{Href: x.Href, Cells: []any{ui.Name{Text: x.Name, Href: x.Href, Sub: sub}, ui.Name{Marks: phases}, x.Events, x.Attributes}})
	}
	return t
}

// viewHeader is the head of a view of an event: what it is, and the other views.
func (p *pages) viewHeader(r *http.Request, e *intel.Event, here string) ui.Header {
	h := ui.Header{Marks: []any{stateOf(r, e)}, Title: e.Info, Sub: []any{e.Origin.Name, e.Date, web.T(r, "intel.attributes.n", "n", e.Attributes)}, Tabs: eventTabs(r, e, here)}
	if e.TLP != "" {
		h.Marks = append(h.Marks, tlpOf(e))
	}
	return h
}

// eventTabs are the views of an event, each an address of its own.
func eventTabs(r *http.Request, e *intel.Event, here string) *ui.Tabs {
	at := base(r) + "/" + e.Ref()
	return &ui.Tabs{Label: web.T(r, "intel.views"), Items: []ui.Tab{{Label: web.T(r, "intel.attributes"), Href: at, Here: here == ""},
		{Label: web.T(r, "intel.graph"), Href: at + "/correlations", Here: here == "correlations"}, {Label: web.T(r, "intel.refs"), Href: at + "/references", Here: here == "references"}, {Label: web.T(r, "intel.timeline"), Href: at + "/timeline", Here: here == "timeline"}, {Label: web.T(r, "intel.attack"), Href: at + "/attack", Here: here == "attack"},
		{Label: web.T(r, "intel.versions"), Href: at + "/versions", Here: here == "versions"}}}
}
