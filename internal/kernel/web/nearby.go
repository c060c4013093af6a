package web

import (
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strings"

	"straza/internal/kernel/web/ui"
)

// From a thing to the one before and the one behind it, in the list that it was opened
// from: one mechanism for every list (Route.List). A list's links say which list they
// stand in; the page of a thing asks that list, as it is for this person at this moment,
// what stands beside it. A room that knows a quicker way fills Header.Prev and Next itself.

// listed is what a list's page says: the addresses of its rows, and of its next page.
type listed struct {
	items []string
	next  string // cursor, "" = the end
}

// tableOf finds the list of a page: its field Table, and Pages where it has one.
func tableOf(page any) (*ui.Table, *ui.Pagination) {
	v := reflect.ValueOf(page).Elem()
	table, _ := field[ui.Table](v, "Table")
	pages, ok := field[*ui.Pagination](v, "Pages")
	if !ok || *pages == nil {
		return table, &ui.Pagination{}
	}
	return table, *pages
}

func field[T any](v reflect.Value, name string) (*T, bool) {
	f := v.FieldByName(name)
	if !f.IsValid() || !f.CanAddr() {
		return nil, false
	}
	t, ok := f.Addr().Interface().(*T)
	return t, ok
}

func (l *listed) take(page any) {
	table, pages := tableOf(page)
	if table == nil {
		return
	}
	for _, row := range table.Rows {
		href := bare(row.Href)
		same := func(x string) bool { return thing(x) == thing(href) } // rows of one thing are one
		if href != "" && !slices.ContainsFunc(l.items, same) {
			l.items = append(l.items, href)
		}
	}
	if u, err := url.Parse(pages.Next); err == nil {
		l.next = u.Query().Get("cursor")
	}
}

func thing(href string) string {
	href, _, _ = strings.Cut(href, "#")
	return href
}

// bare is an address without the list that it says it stands in.
func bare(href string) string {
	u, err := url.Parse(href)
	if err != nil || !u.Query().Has(listParam) {
		return href
	}
	q := u.Query()
	q.Del(listParam)
	u.RawQuery = q.Encode()
	return u.String()
}

// from is a list as somebody has seen it: where, with which filters, from which row on.
type from struct{ path, query, cursor string }

// value is what the address of a thing carries of it; "" for the thing's own list as it
// opens by itself.
func (f from) value(href string) string {
	v, err := url.ParseQuery(f.query)
	if err != nil {
		return ""
	}
	if f.cursor != "" {
		v.Set("cursor", f.cursor)
	}
	at, _, _ := strings.Cut(href, "?")
	if path.Dir(at) == f.path {
		return v.Encode()
	}
	if len(v) == 0 {
		return f.path
	}
	return f.path + "?" + v.Encode()
}

func (f from) item(href string) string {
	if href == "" {
		return ""
	}
	return withList(href, f.value(href))
}

func (f from) address() string { return strings.TrimSuffix(f.path+"?"+f.query, "?") }

// fromOf says which list the page of r was opened from: the address tells it, or, for the
// thing's own list as it opens by itself, where the person comes from.
func fromOf(r *http.Request) (f from, ok bool) {
	own := path.Dir(r.URL.Path)
	if !r.URL.Query().Has(listParam) {
		ref, err := url.Parse(r.Referer())
		return from{path: own}, err == nil && ref.Host == r.Host && (ref.Path == own || strings.HasPrefix(ref.Path, own+"/"))
	}
	param := r.URL.Query().Get(listParam)
	query := param
	f.path = own
	if at, rest, _ := strings.Cut(param, "?"); strings.HasPrefix(at, "/") {
		f.path, query = at, rest
	}
	v, err := url.ParseQuery(query)
	if err == nil {
		f.cursor = v.Get("cursor")
	}
	f.query = cleanQuery(query)
	return f, len(param) <= mostList
}

// nearby names the list in the links of a list's rows, and finds the neighbours of a
// thing that was opened from one.
func (m *Mux) nearby(r *http.Request, base *ui.Page, page any) {
	s := stateOf(r)
	if s.route == nil || r.Method != http.MethodGet {
		return
	}
	if table, _ := tableOf(page); s.route.List && table != nil {
		here := from{path: r.URL.Path, query: cleanQuery(r.URL.RawQuery), cursor: r.URL.Query().Get("cursor")}
		for i := range table.Rows {
			here.mark(&table.Rows[i])
		}
		return
	}
	header, ok := field[ui.Header](reflect.ValueOf(page).Elem(), "Header")
	if !ok || header.InList || header.Prev != "" || header.Next != "" {
		return
	}
	f, ok := fromOf(r)
	if !ok {
		return
	}
	if route := m.list(f.path); route != nil && route.Policy.Allow(s.actor) {
		header.Prev, header.Next, header.InList = m.neighbours(r, route, f)
		for i := range base.Crumbs {
			if base.Crumbs[i].Href == f.path {
				base.Crumbs[i].Href = f.address()
			}
		}
	}
}

// mark puts the list into a row's links, unless its room has done so.
func (f from) mark(row *ui.Row) {
	href := row.Href
	if href == "" || bare(href) != href {
		return
	}
	row.Href = f.item(href)
	for i, c := range row.Cells {
		if n, ok := c.(ui.Name); ok && n.Href == href {
			n.Href = row.Href
			row.Cells[i] = n
		}
	}
}

func (m *Mux) list(at string) *Route {
	i := slices.IndexFunc(m.routes, func(x Route) bool { return x.List && x.Pattern == at })
	if i < 0 {
		return nil
	}
	return &m.routes[i]
}

// A thing stands on the page of the list that its address names, its neighbour perhaps on
// the next one; what stands in front of a page is looked for from the list's beginning.
const (
	nearPages   = 2
	beforePages = 10
)

// neighbours gives what stands beside the thing in a list; whole is false when it is not
// there (any more), or what stands before it is too far from the beginning to be found.
func (m *Mux) neighbours(r *http.Request, route *Route, f from) (prev, next string, whole bool) {
	found, at := false, f
	for range nearPages {
		l, ok := m.ask(r, route, at)
		if !ok {
			break
		}
		for i, item := range l.items {
			switch here := is(r, item); {
			case found && !here:
				return prev, at.item(item), whole
			case !found && here && i == 0 && f.cursor != "" && at == f:
				found = true
				prev, whole = m.lastBefore(r, route, f, item)
			case !found && here:
				found, whole = true, true
			case !found:
				prev = at.item(item)
			}
		}
		if at.cursor = l.next; l.next == "" {
			break
		}
	}
	if !found {
		return "", "", false
	}
	return prev, "", whole
}

// lastBefore is the row in front of one that begins a page.
func (m *Mux) lastBefore(r *http.Request, route *Route, f from, first string) (prev string, ok bool) {
	f.cursor = ""
	for range beforePages {
		l, ok := m.ask(r, route, f)
		if !ok {
			break
		}
		for _, item := range l.items {
			if thing(item) == thing(first) {
				return prev, true
			}
			prev = f.item(item)
		}
		if f.cursor = l.next; l.next == "" {
			break
		}
	}
	return "", false
}

// is tells whether r shows what a row leads to.
func is(r *http.Request, href string) bool {
	u, err := url.Parse(href)
	if err != nil || u.Path != r.URL.Path {
		return false
	}
	for name := range u.Query() {
		if u.Query().Get(name) != r.URL.Query().Get(name) {
			return false
		}
	}
	return true
}

// ask has a list say what stands on one of its pages, for who asks.
func (m *Mux) ask(r *http.Request, route *Route, f from) (l listed, ok bool) {
	s := *stateOf(r)
	s.route, s.listed = route, &l
	q, err := url.ParseQuery(f.query)
	if err != nil {
		return l, false
	}
	if f.cursor != "" {
		q.Set("cursor", f.cursor)
	}
	of := withState(r.Clone(r.Context()), &s)
	of.URL = &url.URL{Path: f.path, RawQuery: q.Encode()}
	of.RequestURI, of.Pattern = of.URL.RequestURI(), http.MethodGet+" "+route.Pattern
	of.Header.Del("Referer")
	return l, route.Handler(nowhere{}, of) == nil
}

// nowhere takes no answer: only what a page lists is wanted.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}
