package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"straza/internal/catalog"
)

// alive would leave every place where a page puts a text: an attribute, a title, a field,
// a script; quoted is the same for JSON.
const alive = `pwned"'></title></textarea></script><img src=x onerror=pwned=1><a href="javascript:pwned=1">x</a>`

var quoted = func() string { b, _ := json.Marshal(alive); return string(b) }()

// running gives what of a page would run or fetch what nobody meant: handlers, scripts in
// the page, addresses of other kinds than pages, letters and telephones.
func running(body string) (out []string) {
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return []string{err.Error()}
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch {
		case n.Data == "script" && !has(n, "src") && inner(n) != "" && attr(n, "type") != "application/json",
			slices.Contains([]string{"iframe", "object", "embed", "base", "applet", "frame"}, n.Data), n.Data == "img" && attr(n, "src") == "x":
			out = append(out, "<"+n.Data+">")
		}
		for _, a := range n.Attr {
			address := strings.Map(func(r rune) rune {
				if r <= ' ' {
					return -1
				}
				return r
			}, strings.ToLower(a.Val))
			scheme, rest, found := strings.Cut(address, ":")
			switch {
			case strings.HasPrefix(a.Key, "on"), strings.HasPrefix(a.Key, "hx-on"), a.Key == "srcdoc", a.Key == "style":
				out = append(out, n.Data+"["+a.Key+"]")
			case !found || !slices.Contains([]string{"href", "src", "action", "formaction", "poster", "data", "cite", "ping", "background", "hx-get", "hx-post"}, a.Key):
			case slices.Contains([]string{"http", "https", "mailto", "tel"}, scheme), strings.ContainsAny(scheme, "/?#"), scheme == "data" && n.Data == "img" && strings.HasPrefix(rest, "image/"):
			default:
				out = append(out, n.Data+"["+a.Key+"="+a.Val+"]")
			}
		}
	}
	return out
}

// TestRow06RunningIsSeen: the eye of the tests below is open.
func TestRow06RunningIsSeen(t *testing.T) {
	for _, page := range []string{alive, `<a href="javascript:x">`, "<a href=\" java\nscript:x\">", `<form action=data:text/html,x>`, `<p onclick=x>`, `<script>x</script>`, `<svg><a href="javascript:x">`, `<iframe srcdoc=x>`} {
		if len(running(page)) == 0 {
			t.Errorf("%s is not noticed", page)
		}
	}
	for _, page := range []string{html.EscapeString(alive), `<a href="/a?b=c:d">`, `<a href="https://x.example/">`, `<a href="mailto:a@b.rs">`, `<script src="/static/x.js"></script>`} {
		if got := running(page); len(got) > 0 {
			t.Errorf("%s is taken for %v", page, got)
		}
	}
}

// sowWire puts the text into every name, title, comment, file name and address that MISP's
// surface takes: what a peer or a client of ours sends (2019-11812 to 11814, 2019-14286,
// 2021-25324, 2021-25325, 2021-36212, 2021-37743, 2022-29530, 2022-29531, 2023-28607).
func (w *world) sowWire(p *persona, admin string) {
	w.t.Helper()
	post := func(key, path, body string) map[string]any {
		w.t.Helper()
		rec := w.withKey(key, "POST", path, body)
		var v map[string]any
		if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil || rec.Code != http.StatusOK {
			w.t.Fatalf("%s: %d %v %.400s", path, rec.Code, err, rec.Body)
		}
		return v
	}
	q := quoted
	svg := "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIG9ubG9hZD0icHduZWQ9MSIvPg=="
	event := post(p.key, "/events/add", fmt.Sprintf(`{"Event":{"info":%[1]s,"distribution":"1","published":true,"Tag":[{"name":%[1]s},{"name":"misp-galaxy:pwned=\"<img src=x onerror=pwned=1>\""}],
		"Attribute":[{"type":"text","value":%[1]s,"comment":%[1]s,"Tag":[{"name":%[1]s}]},{"type":"link","value":"javascript:pwned=1","comment":"pwned"},{"type":"url","value":"javascript:pwned=1//"},{"type":"comment","value":%[1]s},
		{"type":"filename","value":%[1]s},{"type":"attachment","value":%[1]s,"data":%[2]q},{"type":"attachment","value":"pwned.svg","data":%[2]q},{"type":"domain","value":"pwned.example","comment":%[1]s}],
		"Object":[{"name":%[1]s,"meta-category":%[1]s,"description":%[1]s,"comment":%[1]s,"distribution":"5","Attribute":[{"object_relation":%[1]s,"type":"text","value":%[1]s},{"object_relation":"link","type":"link","value":"javascript:pwned=1"}]}],
		"EventReport":[{"name":%[1]s,"content":"[x](javascript:pwned=1) <img src=x onerror=pwned=1>\n\n![x](javascript:pwned=1)\n\n`+"```"+`mermaid\ngraph TD\nA[\"<img src=x onerror=pwned=1>\"] --> B\nclick A \"javascript:pwned=1\"\n`+"```"+`\n\n<svg onload=pwned=1>\n\n[pwned]: javascript:pwned=1\n[pwned]"}]}}`, q, svg))["Event"].(map[string]any)
	w.refs = append(w.refs, event["uuid"].(string))
	first := func(list string) map[string]any { return event[list].([]any)[0].(map[string]any) }
	at, ob := first("Attribute")["uuid"].(string), first("Object")["uuid"].(string)
	w.refs = append(w.refs, at)
	post(p.key, "/objectReferences/add", `{"object_uuid":"`+ob+`","referenced_uuid":"`+at+`","relationship_type":`+q+`,"comment":`+q+`}`)
	post(p.key, "/sightings/add/"+at, `{"source":`+q+`}`)
	post(p.key, "/analyst_data/add/Note/"+event["uuid"].(string)+"/Event", `{"note":`+q+`,"distribution":"1"}`)
	post(p.key, "/analyst_data/add/Opinion/"+at+"/Attribute", `{"opinion":"10","comment":`+q+`,"distribution":"1"}`)
	post(p.key, "/analyst_data/add/Relationship/"+event["uuid"].(string)+"/Event", `{"relationship_type":`+q+`,"related_object_uuid":"`+at+`","related_object_type":"Attribute","distribution":"1"}`)
	post(p.key, "/shadowAttributes/add/"+event["uuid"].(string), `{"type":"link","value":"javascript:pwned=1","comment":`+q+`}`)
	post(p.key, "/shadowAttributes/edit/"+at, `{"comment":`+q+`}`)
	post(p.key, "/auth_keys/add", `{"comment":`+q+`}`)
	post(w.person("org-admin", "Banka").key, "/sharing_groups/add", `{"name":`+q+`,"releasability":`+q+`,"description":`+q+`,"SharingGroupOrg":[{"uuid":"`+w.person("org-admin", "Banka").who.OrgUUID+`"}]}`)
	post(p.key, "/collections/add", `{"Collection":{"name":`+q+`,"description":`+q+`,"type":"campaign","distribution":"1"}}`)
	post(admin, "/feeds/add", `{"Feed":{"name":`+q+`,"provider":`+q+`,"url":"https://feed.example.org/x.txt","source_format":"freetext"}}`)
	post(admin, "/warninglists/add", `{"name":`+q+`,"description":`+q+`,"type":"string","category":"known","valid_attributes":["text"],"entries":[`+q+`]}`)
	for _, file := range []string{`{"name":` + q + `,"type":"pwned","uuid":"33333333-3333-4333-8333-333333333333","icon":` + q + `,"version":1,"description":` + q + `,"namespace":` + q + `}`,
		`{"name":` + q + `,"type":"pwned","uuid":"33333333-3333-4333-8333-333333333333","source":` + q + `,"authors":[` + q + `],"version":7,"description":` + q + `,"values":[
			{"value":"pwned <img src=x onerror=pwned=1>","uuid":"11111111-1111-4111-8111-111111111111","description":` + q + `,"meta":{"synonyms":[` + q + `],"refs":["javascript:pwned=1"]}}]}`,
		`{"namespace":"pwned","description":` + q + `,"version":1,"expanded":` + q + `,"refs":["javascript:pwned=1"],"predicates":[{"value":"p","expanded":` + q + `,"description":` + q + `,"colour":"red\"><img src=x onerror=pwned=1>"}]}`} {
		rep, err := w.h.Lists.Import(context.Background(), operator(), func(yield func(catalog.File, error) bool) {
			yield(catalog.File{Name: "x.json", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(file)), nil }}, nil)
		})
		must(w.t, err)
		if len(rep.Refused) > 0 {
			w.t.Fatalf("refused: %v", rep.Refused)
		}
	}
	it, _, err := w.h.Lists.Get(context.Background(), operator(), catalog.Galaxy, "pwned")
	must(w.t, err)
	cluster := post(p.key, "/galaxy_clusters/add/"+fmt.Sprint(it.ID), `{"GalaxyCluster":{"value":"pwned'><img src=x onerror=pwned=1>","description":`+q+`,"source":`+q+`,"authors":[`+q+`],"distribution":"1",
		"GalaxyElement":[{"key":"refs","value":"javascript:pwned=1"},{"key":"synonyms","value":`+q+`},{"key":`+q+`,"value":`+q+`}]}}`)["GalaxyCluster"].(map[string]any)
	w.refs = append(w.refs, cluster["uuid"].(string), cluster["id"].(string))
	post(p.key, "/tags/attachTagToObject", `{"uuid":"`+event["uuid"].(string)+`","tag":`+mustJSON(cluster["tag_name"])+`}`)
}

func mustJSON(v any) string { b, _ := json.Marshal(v); return string(b) }

// mustHold are kinds of pages that show what was sown, by who reads them.
var mustHold = map[string][]string{
	"lead@CERT A": {"/account", "/console/events", "/console/events/*", "/console/events/*/attributes/*", "/console/events/*/reports/*", "/console/events/*/references", "/console/events/*/timeline",
		"/console/events/*/correlations", "/console/events/*/versions", "/console/events/*/propose", "/console/events/tags", "/console/indicators", "/console/search", "/console/catalog/galaxies/*",
		"/console/catalog/clusters/*", "/console/catalog/lists/*", "/console/catalog/taxonomies/*", "/console/dossiers/*", "/console/feeds/*", "/portal/events/*"},
	"admin@CERT A":    {"/administration/audit", "/administration/feeds/*"},
	"org-admin@Banka": {"/portal/groups", "/portal/groups/*", "/portal/events/*"},
}

// TestRow06WireTextsStayText is row 6 for what comes over MISP's surface: every page that
// leads from there, as everybody who may see it, holds it as text: no handler, no script,
// no address that runs, whether or not the content policy would stop it.
func TestRow06WireTextsStayText(t *testing.T) {
	if testing.Short() {
		t.Skip("walks the whole installation")
	}
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		lead, admin := w.person("lead", "CERT A"), w.person("admin", "CERT A")
		w.sowWire(lead, admin.key)
		mine := w.refs[len(w.refs)-4:]
		for _, p := range []*persona{nil, lead, admin, w.person("org-admin", "Banka")} {
			shown, asked, held, seen, todo := 0, map[string]bool{}, map[string]bool{}, map[string]int{}, []string{"/", "/en/warnings", "/console", "/portal", "/administration", "/console/search?q=pwned", "/portal/search?q=pwned", "/console/indicators?q=pwned", "/console/events?q=pwned"}
			for _, r := range w.h.mux.Routes() {
				if r.Method == http.MethodGet && len(params(r)) < 2 {
					for _, ref := range append([]string{""}, mine...) {
						todo = append(todo, fillPath(r, ref))
					}
				}
			}
			pages := 0
			for ; len(todo) > 0 && pages < 1500; todo = todo[1:] {
				at, err := url.Parse(todo[0])
				if err != nil || at.Host != "" || !strings.HasPrefix(at.Path, "/") || strings.HasPrefix(at.Path, "/logout") {
					continue
				}
				kind := kindOf(at.Path)
				if asked[at.RequestURI()] || seen[kind] > 3 {
					continue
				}
				asked[at.RequestURI()] = true
				seen[kind]++
				rec := w.do(p, "GET", at.RequestURI(), "")
				if !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
					continue
				}
				if pages++; rec.Code == http.StatusNotFound {
					seen[kind]--
				}
				body := rec.Body.String()
				if strings.Contains(body, "pwned") {
					shown++
					held[kind] = true
				}
				for _, what := range running(body) {
					w.wrong("%s as %s: %s", at, nameOf(p), what)
				}
				todo = append(todo, leads(at, body)...)
			}
			for _, kind := range mustHold[nameOf(p)] {
				if !held[kind] {
					t.Errorf("%s reads none of it on %s: this proves little", nameOf(p), kind)
				}
			}
			t.Logf("%s: %d pages, to be read on %d of %d kinds", nameOf(p), pages, shown, len(held))
		}
	})
}

// leads are the addresses of this installation that a page links to.
func leads(page *url.URL, body string) (out []string) {
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return nil
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" || has(n, "download") {
			continue
		}
		if to, err := page.Parse(attr(n, "href")); err == nil && (to.Host == "" || to.Host == worldHost) && (to.Scheme == "" || to.Scheme == "http") {
			out = append(out, to.RequestURI())
		}
	}
	return out
}

// TestRow06NothingIsReflected: what an address, a parameter, where one came from or the name
// of a browser holds comes back as text (2020-10246, 2022-29529, 2023-24070, 2024-33855).
func TestRow06NothingIsReflected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked, shown := 0, 0
	for _, p := range []*persona{nil, w.person("lead", "CERT A"), w.person("org-admin", "Banka"), w.person("admin", "CERT A")} {
		ask := func(path string) {
			t.Helper()
			r := w.request("GET", path, "")
			r.Header.Set("Referer", "http://"+worldHost+"/console/events?q="+alive)
			r.Header.Set("User-Agent", alive)
			r.Header.Set("Accept-Language", alive)
			if p != nil {
				r.AddCookie(p.session)
			}
			rec := w.answer(r)
			asked++
			if strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
				if strings.Contains(rec.Body.String(), "pwned") {
					shown++
				}
				for _, what := range running(rec.Body.String()) {
					w.wrong("%s as %s: %s", path, nameOf(p), what)
				}
			}
			if to := rec.Header().Get("Location"); strings.HasPrefix(strings.ToLower(to), "javascript:") || strings.ContainsAny(to, "<>\"") {
				w.wrong("%s as %s sends to %s", path, nameOf(p), to)
			}
		}
		for _, r := range w.h.mux.Routes() {
			if r.Method != http.MethodGet {
				continue
			}
			at := fillPath(r, w.refs[0])
			v := url.Values{}
			for _, name := range append(slices.Clone(parameters), "next", "back", "to", "lang", "title", "name", "error", "said", "tlp", "type", "value", "search") {
				v.Set(name, alive)
			}
			ask(at + "?" + v.Encode())
			ask(at + "?" + url.QueryEscape(alive) + "=1&next=javascript:pwned=1&back=javascript:pwned=1&to=javascript:pwned=1")
			if len(params(r)) > 0 {
				ask(fillPath(r, alive))
			}
		}
		for _, at := range []string{"/", "/en/", "/console/", "/static/", "/nema/", "/taxii2/", "/misp/"} {
			ask(at + url.PathEscape(alive))
		}
	}
	if shown < 20 {
		t.Errorf("it was to be read on %d of %d pages: this proves little", shown, asked)
	}
	t.Logf("%d questions, to be read on %d pages", asked, shown)
}
