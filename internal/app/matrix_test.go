package app

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
)

var update = flag.Bool("update", false, "write testdata/doors.txt anew; read the difference before it is committed")

const doorsFile = "testdata/doors.txt"

// opened is the answer of a probe that stands in the place of a handler.
const opened = 299

// probes builds the chain with the real gate and policies and a probe behind each route.
func (w *world) probes(routes []web.Route) http.Handler {
	w.t.Helper()
	origin, err := url.Parse("http://" + worldHost)
	must(w.t, err)
	m := web.New(web.Config{Origin: origin, Secret: w.h.Vault.MAC("flash cookies"), Catalog: w.h.Catalog, Gate: w.h.Accounts.Gate()})
	own := map[string]bool{}
	for _, r := range m.Routes() {
		own[r.Method+r.Pattern] = true
	}
	for _, r := range routes {
		if own[r.Method+r.Pattern] {
			continue
		}
		r.Handler = func(rw http.ResponseWriter, _ *http.Request) error { rw.WriteHeader(opened); return nil }
		m.Handle(r)
	}
	h, err := m.Handler()
	if err != nil {
		return nil // the table itself is refused
	}
	return h
}

// ask tells whether a request comes past the door.
func (w *world) ask(h http.Handler, r web.Route, give func(*http.Request)) bool {
	req := w.request(r.Method, fillPath(r, "1"), "")
	give(req)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec.Code == opened
}

// caller is one way of coming to a door.
type caller struct {
	name string
	give func(*http.Request)
}

// callers: nobody; then everybody by session, key, read-only key and a key for the registry alone.
func (w *world) callers() []caller {
	out := []caller{{"nobody", func(*http.Request) {}}}
	bearer := func(key string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) }
	}
	for _, kind := range []struct {
		name string
		of   func(p *persona) func(*http.Request)
	}{
		{"session", func(p *persona) func(*http.Request) { return func(r *http.Request) { r.AddCookie(p.session) } }},
		{"key", func(p *persona) func(*http.Request) { return bearer(p.key) }},
		{"read-only", func(p *persona) func(*http.Request) { return bearer(p.readOnly) }},
		{"registry:read", func(p *persona) func(*http.Request) { return bearer(p.narrowed) }},
	} {
		for _, p := range w.people {
			out = append(out, caller{kind.name + " " + strings.ReplaceAll(p.name, " ", "-"), kind.of(p)})
		}
	}
	return out
}

// doorLine says in one line who comes past a door, grouped by the way of coming.
func (w *world) doorLine(h http.Handler, r web.Route, callers []caller) string {
	var order []string
	let := map[string][]string{}
	for _, c := range callers {
		kind, who, _ := strings.Cut(c.name, " ")
		if _, seen := let[kind]; !seen {
			let[kind] = nil
			order = append(order, kind)
		}
		if w.ask(h, r, c.give) {
			let[kind] = append(let[kind], who)
		}
	}
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s %s |", r.Method, r.Pattern)
	for _, kind := range order {
		switch n := len(let[kind]); {
		case n == len(w.people) && n > 1:
			fmt.Fprintf(b, " %s=everybody", kind)
		case n > 0 && kind == "nobody":
			b.WriteString(" nobody")
		case n > 0:
			fmt.Fprintf(b, " %s=%s", kind, strings.Join(let[kind], ","))
		}
	}
	return b.String()
}

// TestAuthorisationMatrix is rows 1, 2, 5 and 43 at the doors: every route of the
// real table × everybody × every way of coming, against testdata/doors.txt. A route
// that is not in the file is undeclared and fails. Then every policy line of the
// table is taken away, one at a time, and the matrix must notice each time.
func TestAuthorisationMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("the matrix takes half a minute")
	}
	t.Parallel()
	eachWorld(t, matrix)
}

func matrix(t *testing.T, w *world) {
	routes, callers := w.h.mux.Routes(), w.callers()
	h := w.probes(routes)
	if h == nil {
		t.Fatal("the table of doors is refused")
	}
	got := map[string]string{}
	var lines []string
	for _, r := range routes {
		if strings.HasPrefix(r.Pattern, "/language") || strings.HasPrefix(r.Pattern, "/scheme") || r.Pattern == "/keys" || r.Pattern == "/manifest.webmanifest" {
			continue // kernel/web's own: their handlers stand in the probe's mux; public by declaration
		}
		line := w.doorLine(h, r, callers)
		got[r.Method+" "+r.Pattern] = line
		lines = append(lines, line)
	}
	slices.Sort(lines)
	if *update && w.h.DB.Engine == store.SQLite {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(doorsFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	}
	b, err := os.ReadFile(doorsFile)
	must(t, err)
	want := map[string]string{}
	for l := range strings.Lines(string(b)) {
		l = strings.TrimSuffix(l, "\n")
		door, _, _ := strings.Cut(l, " |")
		want[door] = l
	}
	for door, line := range got {
		switch w := want[door]; {
		case w == "":
			t.Errorf("undeclared door %s: run go test ./internal/app -run Matrix -update, and read who comes past it", door)
		case w != line:
			t.Errorf("another set of people comes past:\n now  %s\n file %s", line, w)
		}
	}
	for door := range want {
		if got[door] == "" {
			t.Errorf("%s stands in %s and is no door any more", door, doorsFile)
		}
	}
	if os.Getenv("STRAZA_FAULT") == "" && w.h.DB.Engine == store.SQLite { // the lines are the same on both
		w.mutate(routes, callers, want)
	}
	t.Logf("%d doors × %d callers", len(got), len(callers))
}

// mutate takes each policy line away and wants the matrix to notice.
func (w *world) mutate(routes []web.Route, callers []caller, want map[string]string) {
	w.t.Helper()
	caught, all := 0, 0
	for _, r := range routes {
		line := want[r.Method+" "+r.Pattern]
		if line == "" {
			continue
		}
		for name, m := range mutants(r) {
			all++
			if h := w.probes([]web.Route{m}); h == nil || w.doorLine(h, m, callers) != line {
				caught++
			} else {
				w.t.Errorf("nobody notices when %s %s loses its %s", r.Method, r.Pattern, name)
			}
		}
	}
	if all == 0 {
		w.t.Error("no policy line could be taken away: this proves nothing")
	}
	w.t.Logf("%d policy lines taken away, %d noticed", all, caught)
}

// mutants are a route without its policy and without its scope. (Without its mark that
// it changes something a route stays shut to read-only keys all the same: their
// permissions are narrowed when they are resolved.)
func mutants(r web.Route) map[string]web.Route {
	out := map[string]web.Route{}
	if r.Policy.Name != web.Public.Name {
		m := r
		m.Policy = web.Public
		out["policy"] = m
		if r.Scope != "" {
			m := r
			m.Scope = ""
			out["scope"] = m
		}
	}
	return out
}

// TestRow02CanariesStayHome crawls every GET door as everybody, with every known id
// in the place of every parameter, by session and by key, and looks for texts that
// the caller may not see (rows 1, 2, 3 and 40). On the way: GET changes nothing
// (row 20), every answer has its headers, spreadsheets run no formula (row 27), and
// nobody reaches exactly the published list (row 43).
func TestRow02CanariesStayHome(t *testing.T) {
	if testing.Short() {
		t.Skip("the crawl takes a while")
	}
	t.Parallel()
	eachWorld(t, canariesStayHome)
}

func canariesStayHome(t *testing.T, w *world) {
	paths := append(w.gets(), w.wirePaths()...)
	before := w.contents()
	seen := map[string]map[string]bool{}
	asked, sheets := 0, 0
	for _, p := range append([]*persona{nil}, w.people...) {
		for _, path := range paths {
			asked++
			rec := w.do(p, "GET", path, "")
			sheets += w.inspect(p, path, "session", rec, seen)
			if p != nil && (strings.HasPrefix(path, "/api/") || isWire(path)) {
				asked++
				sheets += w.inspect(p, path, "key", w.withKey(p.key, "GET", path, ""), seen)
			}
		}
		if p == nil {
			continue
		}
		for _, path := range []string{"/attributes/restSearch", "/events/restSearch", "/misp/attributes/restSearch", "/events/index"} {
			for _, q := range []string{`{"returnFormat":"json"}`, `{"returnFormat":"csv"}`, `{"returnFormat":"text"}`, `{"returnFormat":"stix2"}`, `{"returnFormat":"json","deleted":[0,1]}`, `{"returnFormat":"json","searchall":"k-"}`} {
				asked++
				sheets += w.inspect(p, path, "key "+q, w.withKey(p.key, "POST", path, q), seen)
			}
		}
	}
	if after := w.contents(); after != before {
		t.Error("row 20: reading every address changed a row")
	}
	for _, c := range w.canaries {
		if len(seen[c.text]) == 0 && !strings.Contains(c.text, "reporter") {
			t.Errorf("nobody at all saw %s: this canary proves nothing", c.text)
		}
	}
	if sheets == 0 {
		t.Error("no spreadsheet came: row 27 proves nothing")
	}
	t.Logf("%d answers to %d people read for %d canaries, %d spreadsheets", asked, len(w.people)+1, len(w.canaries), sheets)
}

// wirePaths are reads of the foreign protocols, and exports of our own.
func (w *world) wirePaths() (out []string) {
	for _, ref := range w.refs {
		out = append(out, "/events/view/"+ref, "/attributes/view/"+ref, "/misp/events/view/"+ref, "/events/view/"+ref+"/deleted:1")
	}
	for _, r := range w.h.mux.Routes() { // every list as a spreadsheet
		if r.Method == http.MethodGet && !strings.Contains(r.Pattern, "{") {
			out = append(out, fillPath(r, "")+"?format=csv", fillPath(r, "")+"?q=k-")
		}
	}
	return append(out, "/events/index", "/events", "/attributes/index", "/tags", "/sharing_groups", "/organisations", "/users", "/news", "/taxii2/", "/misp/events/index")
}

func isWire(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	first, _, _ = strings.Cut(first, "?")
	return slices.Contains([]string{"events", "attributes", "misp", "tags", "sharing_groups", "organisations", "users", "news", "taxii2"}, first)
}

// inspect judges one answer; it gives 1 for a spreadsheet.
func (w *world) inspect(p *persona, path, how string, rec *httptest.ResponseRecorder, seen map[string]map[string]bool) (sheets int) {
	if w.errors > 20 {
		w.t.Fatal("and so on")
	}
	name := "nobody"
	if p != nil {
		name = p.name
	}
	where := fmt.Sprintf("%s by %s at %s (%d)", name, how, path, rec.Code)
	if rec.Code >= 500 {
		w.wrong("%s: %.300s", where, rec.Body)
	}
	h := rec.Header()
	if h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") ||
		h.Get("X-Frame-Options") == "" || h.Get("Referrer-Policy") == "" || h.Get("Cache-Control") == "" {
		w.wrong("%s: lacks headers: %v", where, h)
	}
	if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
		w.wrong("%s: the content policy allows what is unsafe", where)
	}
	body := rec.Body.String()
	for _, c := range w.canaries {
		if !strings.Contains(body, c.text) {
			continue
		}
		if strings.Contains(path, c.text) {
			continue // their own question, repeated
		}
		if !c.may(p, isWire(path)) {
			w.wrong("%s: shows %s", where, c.text)
			continue
		}
		if seen[c.text] == nil {
			seen[c.text] = map[string]bool{}
		}
		seen[c.text][name] = true
	}
	if strings.HasPrefix(h.Get("Content-Type"), "text/csv") && rec.Code == http.StatusOK {
		w.spreadsheet(where, rec.Body.Bytes())
		return 1
	}
	return 0
}

// spreadsheet is row 27: no cell of an export begins with what a spreadsheet runs.
func (w *world) spreadsheet(where string, b []byte) {
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord, r.Comment = -1, '#'
	rows, err := r.ReadAll()
	if err != nil {
		w.wrong("%s: no CSV: %v", where, err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				w.wrong("%s: a cell begins %.20q", where, cell)
			}
		}
	}
}

// wrong reports an error; after twenty the crawl ends, after one where a planted fault is
// looked for.
func (w *world) wrong(format string, args ...any) {
	w.t.Helper()
	w.errors++
	w.t.Errorf(format, args...)
	if os.Getenv("STRAZA_FAULT") != "" {
		w.t.FailNow()
	}
}

// TestRow43NobodyReachesThePublishedListOnly: what an anonymous caller reaches of the
// real handlers is what doors.txt says; the foreign surfaces and side doors answer nothing.
func TestRow43NobodyReachesThePublishedListOnly(t *testing.T) {
	w := newWorld(t)
	b, err := os.ReadFile(doorsFile)
	must(t, err)
	open := map[string]bool{}
	for l := range strings.Lines(string(b)) {
		if door, who, _ := strings.Cut(strings.TrimSpace(l), " |"); strings.HasPrefix(who, " nobody") {
			open[door] = true
		}
	}
	reached := 0
	for _, r := range w.h.mux.Routes() {
		if r.Method != http.MethodGet || r.Pattern == "/manifest.webmanifest" {
			continue
		}
		rec := w.do(nil, "GET", fillPath(r, "1"), "")
		in := rec.Code < 300 || rec.Code >= 300 && rec.Code < 400 && !strings.HasPrefix(rec.Header().Get("Location"), "/login?next=")
		if in {
			reached++
		}
		if in && !open[r.Method+" "+r.Pattern] {
			t.Errorf("nobody reaches %s: %d", r.Pattern, rec.Code)
		}
	}
	if reached == 0 {
		t.Error("nobody reaches anything: this proves nothing")
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/vars", "/.git/config", "/api/v1/", "/dev/mail", "/dev/ui", "/straza.db"} {
		if rec := w.do(nil, "GET", path, ""); rec.Code != http.StatusNotFound && rec.Code != http.StatusForbidden && rec.Code != http.StatusUnauthorized {
			t.Errorf("side door %s: %d", path, rec.Code)
		}
	}
	for _, c := range []string{"events", "attributes", "objects", "tags", "servers", "users", "feeds", "admin/users", "organisations", "sharing_groups", "warninglists", "misp/events", "taxii2", "taxii2/api"} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			for _, rest := range []string{"", "/index", "/add", "/view/1", "/restSearch", "/edit/1", "/delete/1"} {
				if rec := w.do(nil, method, "/"+c+rest, ""); rec.Code < 400 {
					t.Errorf("nobody: %s /%s%s: %d %.100s", method, c, rest, rec.Code, rec.Body)
				}
			}
		}
	}
	t.Logf("nobody reaches %d of %d doors", reached, len(w.h.mux.Routes()))
}

// TestRow23OneHost: a forged Host is answered 421, everywhere but at /health, and
// forwarded names change nothing.
func TestRow23OneHost(t *testing.T) {
	w := newWorld(t)
	for _, host := range []string{"evil.example", "localhost:8480.evil.example", "localhost:8481", "LOCALHOST:8480@evil.example", "127.0.0.2:8480"} {
		for _, path := range []string{"/login", "/en/warnings", "/api/v1/organisations", "/events/index", "/taxii2/"} {
			r := w.request("GET", path, "")
			r.Host = host
			if rec := w.answer(r); rec.Code != http.StatusMisdirectedRequest {
				t.Errorf("Host %s at %s: %d", host, path, rec.Code)
			}
		}
		r := w.request("GET", "/health", "")
		r.Host = host
		if rec := w.answer(r); rec.Code != http.StatusOK {
			t.Errorf("/health at %s: %d", host, rec.Code)
		}
	}
	for _, header := range []string{"X-Forwarded-Host", "Forwarded", "X-Host", "X-Original-Host"} {
		r := w.request("GET", "/login", "")
		r.Header.Set(header, "evil.example")
		if rec := w.answer(r); rec.Code != http.StatusOK || strings.Contains(rec.Body.String(), "evil.example") {
			t.Errorf("%s is believed: %d", header, rec.Code)
		}
	}
}

// TestRow20CrossSiteIsRefused: no POST door lets another site's request in, with the
// session's cookie or without a word of where from.
func TestRow20CrossSiteIsRefused(t *testing.T) {
	w := newWorld(t)
	team, admin := w.person("lead", "CERT A"), w.person("admin", "CERT A")
	before := w.contents()
	for _, r := range w.h.mux.Routes() {
		if r.Method == http.MethodGet {
			continue
		}
		for _, p := range []*persona{team, admin} {
			for name, forge := range map[string]func(http.Header){
				"foreign origin": func(h http.Header) { h.Set("Origin", "https://evil.example"); h.Set("Sec-Fetch-Site", "cross-site") },
				"old browser":    func(h http.Header) { h.Set("Origin", "https://evil.example"); h.Del("Sec-Fetch-Site") },
				"silent":         func(h http.Header) { h.Del("Origin"); h.Del("Sec-Fetch-Site") },
				"null":           func(h http.Header) { h.Set("Origin", "null"); h.Del("Sec-Fetch-Site") },
			} {
				req := w.request(r.Method, fillPath(r, w.refs[0]), "title=x&name=x")
				req.AddCookie(p.session)
				forge(req.Header)
				if rec := w.answer(req); rec.Code != http.StatusForbidden {
					t.Errorf("%s %s, %s: %d", r.Method, r.Pattern, name, rec.Code)
				}
			}
		}
	}
	if w.contents() != before {
		t.Error("a cross-site request changed a row")
	}
}
