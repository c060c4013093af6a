package web

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/web/ui"
)

type thingsPage struct {
	Page
	Header ui.Header
	Table  ui.Table
	Pages  *ui.Pagination
}

type thingPage struct {
	Page
	Header ui.Header
}

// nearMux has 120 things in a list of 50 a page, of which ?odd=1 shows every other, a list
// of 90 letters about things, two about each, and one that the reader may not see.
func nearMux(t *testing.T) *Mux {
	t.Helper()
	m := newTestMux(t, "http://localhost:8480")
	tpl := m.Templates(fstest.MapFS{"list.html": {Data: []byte(`{{ui .Header}}{{ui .Table}}{{ui .Pages}}`)}, "thing.html": {Data: []byte(`{{ui .Header}}`)}})
	list := func(all int, href func(i int) string) Handler {
		return func(w http.ResponseWriter, r *http.Request) error {
			f := ReadFilters(r, FilterSpec{Name: "odd", Options: []ui.Option{{Value: "1"}}})
			var rows []ui.Row
			from, _ := strconv.Atoi(f.Cursor())
			i := from
			for ; i < all && len(rows) < 50; i++ {
				if f.Get("odd") == "" || i%2 == 1 {
					rows = append(rows, ui.Row{Href: href(i), Cells: []any{ui.Name{Text: "т", Href: href(i)}}})
				}
			}
			next := ""
			if i < all {
				next = strconv.Itoa(i)
			}
			p := &thingsPage{Page: NewPage(r, ShellConsole, "p"), Table: ui.Table{Columns: []ui.Column{{Label: "x"}}, Rows: rows}, Pages: f.Pages(len(rows), 0, next)}
			return tpl.Render(w, r, "list", p)
		}
	}
	show := func(w http.ResponseWriter, r *http.Request) error {
		if r.PathValue("n") == "new" {
			return fault.New(fault.NotFound, "no such thing")
		}
		p := &thingPage{Page: NewPage(r, ShellConsole, "p"), Header: ui.Header{Title: "т"}}
		p.Crumbs = []ui.Crumb{{Label: "Things", Href: "/console/things"}, {Label: "x"}}
		return tpl.Render(w, r, "thing", p)
	}
	m.Handle(Route{Method: "GET", Pattern: "/console/things", List: true, Policy: Perm("case.read"), Handler: list(120, func(i int) string { return fmt.Sprintf("/console/things/%d", i) })},
		Route{Method: "GET", Pattern: "/console/letters", List: true, Policy: Perm("case.read"), Handler: list(90, func(i int) string { return fmt.Sprintf("/console/things/%d?part=%d#x", i/2, i%2) })},
		Route{Method: "GET", Pattern: "/console/hidden", List: true, Policy: Perm("nobody.may"), Handler: list(9, func(i int) string { return fmt.Sprintf("/console/things/%d", i) })},
		Route{Method: "GET", Pattern: "/console/things/{n}", Policy: Perm("case.read"), Handler: show})
	return m
}

var (
	rowLink  = regexp.MustCompile(`<tr data-href="([^"]+)"`)
	nearLink = regexp.MustCompile(`href="([^"]+)" rel="(prev|next)"`)
	pageLink = regexp.MustCompile(`href="([^"]+cursor=[^"]+)"`)
)

// TestNearbyWalksEveryList: from the first row to the last and back, over the list's
// pages, in its filter, and through a list whose rows lead to things of another.
func TestNearbyWalksEveryList(t *testing.T) {
	m := nearMux(t)
	in := map[string]string{"session": "good"}
	get := func(path, referer string) string {
		t.Helper()
		w := do(t, m, call{path: thing(path), cookies: in, header: map[string]string{"Referer": "http://localhost:8480" + referer}})
		if w.Code != 200 {
			t.Fatalf("%s: %d", path, w.Code)
		}
		return w.Body.String()
	}
	near := func(page string) (prev, next string) {
		for _, x := range nearLink.FindAllStringSubmatch(page, -1) {
			if href := html.UnescapeString(x[1]); x[2] == "prev" {
				prev = href
			} else {
				next = href
			}
		}
		return prev, next
	}
	for _, list := range []string{"/console/things", "/console/things?odd=1", "/console/letters", "/console/letters?odd=1", "/console/things?cursor=50"} {
		var want []string // the list's rows over all its pages
		for at := strings.Replace(list, "?cursor=50", "", 1); at != ""; {
			page := get(at, "/")
			for _, x := range rowLink.FindAllStringSubmatch(page, -1) {
				want = append(want, thing(bare(html.UnescapeString(x[1]))))
			}
			at = ""
			if x := pageLink.FindStringSubmatch(page); x != nil {
				at = html.UnescapeString(x[1])
			}
		}
		first := html.UnescapeString(rowLink.FindStringSubmatch(get(list, "/"))[1])
		from := slices.Index(want, thing(bare(first)))
		at, referer, got := first, list, []string{}
		for range 200 {
			got = append(got, thing(bare(at)))
			_, next := near(get(at, referer))
			if next == "" {
				break
			}
			at, referer = next, at
		}
		if !slices.Equal(got, want[from:]) {
			t.Errorf("%s forwards: %d of %d\n%v", list, len(got), len(want)-from, got)
		}
		got = nil
		for range 200 {
			got = append([]string{thing(bare(at))}, got...)
			page := get(at, referer)
			prev, _ := near(page)
			if prev == "" {
				break
			}
			if strings.HasPrefix(list, "/console/things?odd") && !strings.Contains(page, `href="/console/things?odd=1"`) {
				t.Fatalf("no way back to %s", list)
			}
			at, referer = prev, at
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s back: %d of %d\n%v", list, len(got), len(want), got)
		}
	}
	for _, x := range [][2]string{{"/console/things/3", "/console"}, {"/console/things/3", ""}, {"/console/things/3?list=%2Fconsole%2Fhidden", "/console/things"}, {"/console/things/3?list=%2Fconsole%2Fnone", "/"},
		{"/console/things/900", "/console/things"}, {"/console/things/3?list=odd%3D1%26x%3D%25", "/"}, {"/console/things/4?list=odd%3D1", "/"}, {"/console/things/3?list=%2Fconsole%2Fthings%2F4", "/"}} {
		if prev, next := near(get(x[0], x[1])); x[1] != "/" && prev+next != "" || x[0] == "/console/things/4?list=odd%3D1" && prev+next != "" {
			t.Errorf("%s from %q leads on to %q and %q", x[0], x[1], prev, next)
		}
	}
}
