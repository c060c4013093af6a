package catalogapi_test

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"straza/internal/catalog"
	"straza/internal/catalog/catalogapi"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

// keys are the people whose keys the test's gate knows.
type keys map[string]ident.Actor

func (keys) BySession(context.Context, string) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.NotFound, "no sessions here")
}

func (k keys) ByKey(_ context.Context, key string, _ netip.Addr, ch ident.Channel) (ident.Actor, error) {
	who, ok := k[key]
	if !ok {
		return who, fault.New(fault.NotFound, "no such key")
	}
	who.Key, who.Channel = 1, ch
	return who, nil
}

var importer = ident.SystemPart("importer")

// galaxy has three clusters; its second version has another first one.
const galaxy = `{"name":"Actors","type":"actor","uuid":"0199d3a0-0000-7000-8000-000000000001","version":VERSION,"description":"Who","values":[
	{"value":"Vuk","uuid":"0199d3a0-0000-7000-8000-000000000011","description":"wolf"},{"value":"Lisica","uuid":"0199d3a0-0000-7000-8000-000000000012"},{"value":"Medved"}]}`

type server struct {
	t        *testing.T
	s        *catalog.Service
	h        http.Handler
	contract *testkit.Contract
}

func newServer(t *testing.T, db *store.DB) *server {
	t.Helper()
	s := &server{t: t, s: catalog.New(catalog.Deps{DB: db, Audit: testkit.Audit(db)}), contract: testkit.NewContract(t, catalogapi.OpenAPI)}
	if err := s.s.Seed(context.Background(), importer); err != nil {
		t.Fatal(err)
	}
	s.imports("galaxy.json", strings.Replace(galaxy, "VERSION", "1", 1))
	s.imports("relationships.json", `{"name":"relationships","version":1,"values":[{"name":"uses","description":"one uses the other","format":["misp"]}]}`)
	s.imports("model.json", `{"name":"Slow","uuid":"0199d3a0-0000-7000-8000-000000000002","version":1,"formula":"polynomial","description":"fades","parameters":{"lifetime":30}}`)
	member := ident.Actor{Kind: ident.Person, Person: 1, Org: 7, Perms: map[string]bool{}}
	narrow, readOnly := member, member
	narrow.Scopes, readOnly.ReadOnly = []string{"intel:read"}, true
	messages, err := i18n.NewCatalog(ui.Messages)
	if err != nil {
		t.Fatal(err)
	}
	origin, _ := url.Parse("http://localhost:8480")
	m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: messages, Now: db.Clock.Now,
		Gate: keys{"member": member, "narrow": narrow, "readonly": readOnly}})
	catalogapi.Routes(m, s.s)
	if s.h, err = m.Handler(); err != nil {
		t.Fatal(err)
	}
	var routes []string
	for _, r := range m.Routes() {
		if strings.HasPrefix(r.Pattern, "/api/v1/") {
			routes = append(routes, r.Method+" "+r.Pattern)
		}
	}
	s.contract.Routes(t, routes...)
	return s
}

func (s *server) imports(name, text string) {
	s.t.Helper()
	fsys := fstest.MapFS{name: {Data: []byte(text)}}
	rep, err := s.s.Import(context.Background(), importer, func(yield func(catalog.File, error) bool) {
		yield(catalog.File{Name: name, Open: func() (io.ReadCloser, error) { return fs.FS(fsys).Open(name) }}, nil)
	})
	if err != nil {
		s.t.Fatalf("%s: %v, %+v", name, err, rep)
	}
}

func (s *server) want(status int, key, method, path, body string) map[string]any {
	s.t.Helper()
	r := httptest.NewRequest(method, "http://localhost:8480/api/v1"+path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	res := w.Result()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.contract.Check(s.t, r, res.StatusCode, res.Header, out)
	if res.StatusCode != status {
		s.t.Fatalf("%s %s as %q: %d, want %d: %s", method, path, key, res.StatusCode, status, out)
	}
	var v map[string]any
	_ = json.Unmarshal(out, &v)
	return v
}

// all walks every page and gives the values of one member.
func (s *server) all(path, member string) (out []string) {
	s.t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	for at, n := path, 0; at != "" && n < 50; n++ {
		v := s.want(200, "member", "GET", at, "")
		for _, x := range v["items"].([]any) {
			out = append(out, x.(map[string]any)[member].(string))
		}
		at = ""
		if next, ok := v["next"].(string); ok {
			at = path + sep + "cursor=" + next
		}
	}
	return out
}

func TestContractHoldsForRealTraffic(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s := newServer(t, db)
		s.lists(t)
		s.entries(t)
		s.checks(t)
		s.contract.Exercised(t)
	})
}

func (s *server) lists(t *testing.T) {
	whole := s.all("/catalogs", "key")
	if len(whole) != 16 || strings.Join(s.all("/catalogs?limit=2", "key"), " ") != strings.Join(whole, " ") {
		t.Errorf("%d: %v", len(whole), whole)
	}
	for q, n := range map[string]int{"?kind=warninglist": 3, "?kind=galaxy&enabled=true": 1, "?enabled=false": 4, "?q=actors": 1, "?updated_since=2000-01-01T00:00:00Z": 16, "?updated_since=2090-01-01T00:00:00Z": 0} {
		if got := s.all("/catalogs"+q, "key"); len(got) != n {
			t.Errorf("%s gives %v, want %d", q, got, n)
		}
	}
	for _, bad := range []string{"?kind=king", "?enabled=maybe", "?updated_since=soon", "?limit=0", "?limit=501", "?cursor=soon"} {
		s.want(422, "member", "GET", "/catalogs"+bad, "")
	}
	s.want(401, "", "GET", "/catalogs", "")
	s.want(403, "narrow", "GET", "/catalogs", "")
}

func (s *server) entries(t *testing.T) {
	for path, first := range map[string]string{"galaxy/actor": "Vuk", "relationships/relationships": "uses", "model/Slow": "Slow", "taxonomy/tlp": "tlp:", "template/url": "domain"} {
		got := s.all("/catalogs/"+path+"?limit=2", "name")
		if len(got) == 0 || !strings.HasPrefix(got[0], first) {
			t.Errorf("%s: %v", path, got)
		}
		if whole := s.all("/catalogs/"+path, "name"); strings.Join(got, "|") != strings.Join(whole, "|") {
			t.Errorf("%s page by page %v, at once %v", path, got, whole)
		}
	}
	v := s.want(200, "member", "GET", "/catalogs/galaxy/0199d3a0-0000-7000-8000-000000000001?limit=1", "")
	x := v["items"].([]any)[0].(map[string]any)
	if x["tag"] != `misp-galaxy:actor="Vuk"` || x["description"] != "wolf" || x["data"].(map[string]any)["uuid"] == nil || v["catalog"].(map[string]any)["entries"] != 3.0 {
		t.Errorf("%v", v)
	}
	s.imports("galaxy.json", strings.Replace(strings.Replace(galaxy, "VERSION", "2", 1), "Vuk", "Vuk 2", 1))
	s.want(409, "member", "GET", "/catalogs/galaxy/actor?limit=1&cursor="+v["next"].(string), "")
	list := s.want(200, "member", "GET", "/catalogs?kind=warninglist", "")["items"].([]any)[0].(map[string]any)
	at := "/catalogs/warninglist/" + url.PathEscape(list["key"].(string))
	if got := s.all(at+"?limit=3", "name"); float64(len(got)) != list["entries"] || len(got) == 0 {
		t.Errorf("%s: %v", at, got)
	}
	items, err := s.s.List(context.Background(), importer, catalog.Galaxy)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(items[0].ID)
	for _, path := range []string{"galaxy/" + string(b), "galaxy/none", "king/actor", "taxonomy/actor"} {
		s.want(404, "member", "GET", "/catalogs/"+path, "")
	}
	for _, bad := range []string{"?limit=0", "?limit=1001", "?cursor=soon"} {
		s.want(422, "member", "GET", "/catalogs/galaxy/actor"+bad, "")
	}
}

func (s *server) checks(t *testing.T) {
	v := s.want(200, "readonly", "POST", "/warninglists/check", `{"values":["127.0.0.1","zla-posta.rs","D41D8CD98F00B204E9800998ECF8427E"]}`)["items"].([]any)
	for i, n := range []bool{true, false, true} {
		x := v[i].(map[string]any)
		if (len(x["hits"].([]any)) > 0) != n {
			t.Errorf("%v", x)
		}
	}
	v = s.want(200, "member", "POST", "/warninglists/check", `{"values":["127.0.0.1"],"type":"md5"}`)["items"].([]any)
	if len(v[0].(map[string]any)["hits"].([]any)) != 0 {
		t.Errorf("a list for addresses holds an md5: %v", v)
	}
	for _, bad := range []string{`{"values":[]}`, `{}`, `{"value":"x"}`, `{"values":["` + strings.Repeat(`x","`, 1000) + `x"]}`} {
		s.want(422, "member", "POST", "/warninglists/check", bad)
	}
	s.want(401, "", "POST", "/warninglists/check", `{"values":["x"]}`)
	s.want(403, "narrow", "POST", "/warninglists/check", `{"values":["x"]}`)
}
