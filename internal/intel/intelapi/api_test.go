package intelapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"straza/internal/intel"
	"straza/internal/intel/enrich"
	"straza/internal/intel/intelapi"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/testkit"
)

type server struct {
	t        *testing.T
	w        *inteltest.World
	site     *testkit.Site
	contract *testkit.Contract
	known    *enrich.Service
	gate     testkit.Gate
}

func newServer(t *testing.T, db *store.DB) *server {
	t.Helper()
	w := inteltest.New(t, db)
	w.Must(w.Lists.Seed(context.Background(), ident.SystemPart("importer")))
	k := testkit.Gate{"lead": w.Person(w.CERT, access.Lead, ident.API), "alfa": w.Person(w.A, access.Publisher, ident.API), "beta": w.Person(w.B, access.Publisher, ident.API),
		"reader": w.Person(w.B, access.ReadOnly, ident.API), "cert2": w.Person(w.CERT2, access.Analyst, ident.API)}
	for _, name := range []string{"phishing", "kill-chain", "x"} { // alfa may not make tags
		_, err := w.Intel.AddTag(context.Background(), k["lead"], intel.Tag{Name: name, Exportable: true})
		w.Must(err)
	}
	narrow, readOnly := k["alfa"], k["alfa"]
	narrow.Scopes, readOnly.ReadOnly = []string{"intel:read"}, true
	k["narrow"], k["readonly"] = narrow, readOnly
	known := enrich.New(enrich.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, Lists: w.Lists, Registry: w.Registry, Keys: testkit.Vault(t),
		World: outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})})
	site := testkit.NewSite(t, testkit.Doors{Gate: k, Now: db.Clock.Now, Routes: func(m *web.Mux) { intelapi.Routes(m, w.Intel, known) }, Messages: []fs.FS{intel.Messages}, Onces: db})
	return &server{t, w, site, site.Contract("/api/v1/", intelapi.OpenAPI), known, k}
}

func (s *server) call(key, method, path, body string, header ...string) (int, http.Header, map[string]any) {
	s.t.Helper()
	r, res, out := s.site.Call(key, method, "/api/v1"+path, body, header...)
	s.contract.Check(s.t, r, res.StatusCode, res.Header, out)
	var v map[string]any
	_ = json.Unmarshal(out, &v)
	return res.StatusCode, res.Header, v
}

func (s *server) want(status int, key, method, path, body string, header ...string) map[string]any {
	s.t.Helper()
	got, _, v := s.call(key, method, path, body, header...)
	if got != status {
		s.t.Fatalf("%s %s as %q: %d, want %d: %v", method, path, key, got, status, v)
	}
	return v
}

func (s *server) items(key, path string) []map[string]any {
	s.t.Helper()
	var out []map[string]any
	for _, x := range s.want(200, key, "GET", path, "")["items"].([]any) {
		out = append(out, x.(map[string]any))
	}
	return out
}

const phishing = `{"info":"Лажна пошта","threat":"high","analysis":"ongoing","distribution":"organisation","tlp":"amber","tags":["phishing"],
	"attributes":[{"type":"domain","value":"zla-posta.rs","tags":["kill-chain"]},{"type":"ip-dst","value":"198.51.100.7","comment":"C2","to_ids":true,"first_seen":"2026-11-20T10:00:00+01:00"},{"type":"md5","value":"none"}]}`

func TestContractHoldsForRealTraffic(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s := newServer(t, db)
		id := s.made(t)
		s.hidden(t, id)
		s.changed(t, now, id)
		s.attributes(t, id)
		s.shared(t, id)
		s.pages(t, now)
		s.extracted(t)
		s.followed(now)
		s.want(204, "alfa", "DELETE", "/events/"+id, "")
		s.want(404, "alfa", "GET", "/events/"+id, "")
		s.want(403, "alfa", "POST", "/events", `{"id":"`+id+`","info":"again"}`) // it is on the block list
		knownByContract(t, s)
		s.contract.Exercised(t)
	})
}

// made stores an event, twice with one key.
func (s *server) made(t *testing.T) string {
	const key = "0123456789abcdef-1"
	code, h, v := s.call("alfa", "POST", "/events", phishing, "Idempotency-Key", key)
	if code != 201 || v["tlp"] != "TLP:AMBER" || v["attributes"] != 2.0 || len(v["refused"].([]any)) != 1 || v["threat"] != "high" {
		t.Fatalf("%d %v", code, v)
	}
	_, again, w := s.call("alfa", "POST", "/events", `{"info":"something else"}`, "Idempotency-Key", key)
	if again.Get("Location") != h.Get("Location") || again.Get("Idempotent-Replayed") != "true" || w["info"] != v["info"] {
		t.Errorf("a retry made another: %v", w)
	}
	if n := len(s.items("alfa", "/events")); n != 1 {
		t.Errorf("%d events", n)
	}
	id := v["id"].(string)
	for _, bad := range []string{`{`, `{"info":""}`, `{"info":"x","threat":"huge"}`, `{"info":"x","analysis":"1"}`, `{"info":"x","distribution":"inherit"}`,
		`{"info":"x","tlp":"BLUE"}`, `{"info":"x","colour":1}`, `{"info":"x","id":"7"}`, `{"info":"x","date":"soon"}`, `{"info":"x","distribution":"sharing-group"}`,
		`{"info":"x","sharing_group":"0199d3a0-0000-7000-8000-000000000001"}`, `{"info":"x","attributes":[{"type":"domain","value":"a.example","first_seen":"soon"}]}`} {
		s.want(422, "alfa", "POST", "/events", bad)
	}
	s.want(409, "alfa", "POST", "/events", `{"id":"`+id+`","info":"x"}`)
	s.want(401, "", "POST", "/events", phishing)
	s.want(403, "reader", "POST", "/events", phishing)
	s.want(403, "narrow", "POST", "/events", phishing)
	s.want(403, "readonly", "POST", "/events", phishing)
	return id
}

// TestLargeEventOnce: what is loaded in several transactions keeps its key as a whole.
func TestLargeEventOnce(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := newServer(t, db)
		var b strings.Builder
		b.WriteString(`{"info":"велики","distribution":"organisation","attributes":[{"type":"comment","value":"0"}`)
		for i := range 10_500 {
			fmt.Fprintf(&b, `,{"type":"comment","value":"c%d"}`, i)
		}
		b.WriteString(`]}`)
		const key = "0123456789abcdef-large"
		first := s.want(201, "alfa", "POST", "/events", b.String(), "Idempotency-Key", key)
		again := s.want(201, "alfa", "POST", "/events", b.String(), "Idempotency-Key", key)
		if first["id"] != again["id"] || first["attributes"] != 10_501.0 || len(s.items("alfa", "/events")) != 1 {
			t.Errorf("%v, again %v", first, again)
		}
	})
}

// hidden is NoLeak: another organisation and another CERT learn nothing, by any door.
func (s *server) hidden(t *testing.T, id string) {
	attr := s.items("alfa", "/events/"+id+"/attributes")[0]["id"].(string)
	s.want(201, "beta", "POST", "/events", `{"info":"Б","distribution":"organisation","attributes":[{"type":"ip-dst","value":"198.51.100.7"}]}`)
	for _, key := range []string{"beta", "reader", "cert2", "lead"} {
		for _, path := range []string{"", "/attributes", "/correlations", "/readers", "/changes"} {
			s.want(404, key, "GET", "/events/"+id+path, "")
		}
		s.want(404, key, "GET", "/attributes/"+attr, "")
		for _, q := range []string{"/events?q=пошта", "/events?tag=phishing", "/events?tag=kill-chain", "/events?tlp=amber", "/events?organisation=Alfa", "/attributes?value=zla-posta.rs",
			"/attributes?type=domain", "/attributes?tag=phishing", "/attributes?organisation=Alfa"} {
			if list := s.items(key, q); len(list) != 0 {
				t.Errorf("%s finds %d by %s", key, len(list), q)
			}
		}
		if c := s.want(200, key, "POST", "/extract", `{"text":"zla-posta[.]rs"}`)["items"].([]any)[0].(map[string]any); c["known_count"] != 0.0 {
			t.Errorf("%s learns that the value is known: %v", key, c)
		}
	}
	if x := s.items("beta", "/attributes?value=198.51.100.7"); len(x) != 1 || x[0]["correlations"] != 0.0 {
		t.Errorf("beta's own attribute correlates with a hidden one: %v", x)
	}
	for _, x := range []struct{ method, path, body string }{{"PATCH", "/events/" + id, `{"info":"x"}`}, {"DELETE", "/events/" + id, ""}, {"POST", "/events/" + id + "/publish", ""},
		{"POST", "/events/" + id + "/attributes", `{"type":"domain","value":"a.example"}`}, {"PATCH", "/attributes/" + attr, `{"comment":"x"}`}, {"DELETE", "/attributes/" + attr, ""},
		{"POST", "/attributes/" + attr + "/restore", ""}} {
		s.want(404, "beta", x.method, x.path, x.body)
	}
	e, err := s.w.Intel.Event(context.Background(), s.w.Person(s.w.A, access.Member, ident.API), id)
	s.w.Must(err)
	s.want(404, "alfa", "GET", "/events/"+strconv.FormatInt(e.ID, 10), "") // numbers name nothing
}

func (s *server) changed(t *testing.T, now *clock.Moved, id string) {
	at := "/events/" + id
	_, h, _ := s.call("alfa", "GET", at, "")
	tag := h.Get("ETag")
	s.want(304, "alfa", "GET", at, "", "If-None-Match", tag)
	now.Add(2e9)
	v := s.want(200, "alfa", "PATCH", at, `{"info":"Лажна пошта 2","tlp":"TLP:GREEN","threat":"low","disable_correlation":false}`, "If-Match", tag)
	if fmt.Sprint(v["tags"]) != "[phishing tlp:green]" || v["tlp"] != "TLP:GREEN" || v["analysis"] != "ongoing" {
		t.Errorf("changed: %v", v)
	}
	s.want(409, "alfa", "PATCH", at, `{"info":"x"}`, "If-Match", tag)
	s.want(409, "alfa", "POST", at+"/publish", "", "If-Match", tag)
	s.want(409, "alfa", "DELETE", at, "", "If-Match", tag)
	s.want(409, "alfa", "PATCH", at, `{"info":"x"}`, "If-Match", `"soon"`)
	now.Add(2e9)
	if v = s.want(200, "alfa", "PATCH", at, `{"tags":["tlp:amber"]}`); fmt.Sprint(v["tags"]) != "[tlp:amber]" || v["tlp"] != "TLP:AMBER" {
		t.Errorf("tags: %v", v)
	}
	s.want(422, "alfa", "PATCH", at, `{"threat":"huge"}`)
	v = s.want(200, "alfa", "GET", at+"/readers", "")
	if v["count"] != 1.0 || v["members"] != false || v["verdict"] == "" || v["organisations"].([]any)[0].(map[string]any)["name"] != "Alfa" {
		t.Errorf("readers: %v", v)
	}
	if v = s.want(200, "alfa", "POST", at+"/publish", ""); v["published"] != true {
		t.Errorf("published: %v", v)
	}
	now.Add(2e9)
	if v = s.want(200, "alfa", "POST", at+"/unpublish", ""); v["published"] != false || v["published_at"] == nil {
		t.Errorf("unpublished: %v", v)
	}
}

func (s *server) attributes(t *testing.T, id string) {
	at := "/events/" + id + "/attributes"
	one := s.want(200, "alfa", "POST", at, `{"type":"url","value":"hxxp://zla-posta[.]rs/a","tags":["x"]}`)["items"].([]any)[0].(map[string]any)["attribute"].(map[string]any)
	if one["value"] != "http://zla-posta.rs/a" || fmt.Sprint(one["tags"]) != "[x]" || one["event"] != id {
		t.Errorf("added: %v", one)
	}
	again := s.want(200, "alfa", "POST", at, `{"type":"url","value":"http://zla-posta.rs/a"}`)["items"].([]any)[0].(map[string]any)["attribute"].(map[string]any)
	if again["id"] != one["id"] {
		t.Errorf("an equal one was added: %v", again)
	}
	many := s.want(200, "alfa", "POST", at, `{"attributes":[{"type":"domain","value":"druga-posta.rs"},{"type":"md5","value":"none"}]}`)["items"].([]any)
	if many[0].(map[string]any)["attribute"] == nil || many[1].(map[string]any)["refused"] == nil {
		t.Errorf("many: %v", many)
	}
	s.want(422, "alfa", "POST", at, `{"type":"md5","value":"none"}`)
	s.want(422, "alfa", "POST", at, `{"attributes":[{"type":"domain","value":"x.example","distribution":"sharing-group"}]}`)
	s.want(404, "alfa", "POST", "/events/0199d3a0-0000-7000-8000-000000000001/attributes", `{"type":"domain","value":"x.example"}`)
	path := "/attributes/" + one["id"].(string)
	if v := s.want(200, "alfa", "PATCH", path, `{"comment":"нова","to_ids":false,"distribution":"community"}`); v["comment"] != "нова" || v["to_ids"] != false || v["value"] != one["value"] {
		t.Errorf("changed: %v", v)
	}
	s.want(422, "alfa", "PATCH", path, `{"type":"md5"}`)
	s.want(422, "alfa", "PATCH", path, `{"id":"0199d3a0-0000-7000-8000-000000000001"}`)
	s.want(204, "alfa", "DELETE", path, "")
	s.want(404, "alfa", "DELETE", path, "")
	if v := s.want(200, "alfa", "GET", path, ""); v["deleted"] != true {
		t.Errorf("softly deleted: %v", v)
	}
	if a, b := len(s.items("alfa", at)), len(s.items("alfa", at+"?deleted=with")); a != 3 || b != 4 {
		t.Errorf("%d without, %d with the deleted", a, b)
	}
	if v := s.want(200, "alfa", "POST", path+"/restore", ""); v["deleted"] != false {
		t.Errorf("restored: %v", v)
	}
	s.want(404, "alfa", "POST", path+"/restore", "")
	v := s.want(200, "alfa", "GET", at+"?limit=3", "")
	if v["next"] == nil || len(v["items"].([]any)) != 3 {
		t.Errorf("first page: %v", v)
	}
	if v = s.want(200, "alfa", "GET", at+"?limit=3&cursor="+v["next"].(string), ""); v["next"] != nil || len(v["items"].([]any)) != 1 {
		t.Errorf("last page: %v", v)
	}
	for _, bad := range []string{"?limit=0", "?limit=501", "?since=soon", "?updated_since=soon", "?cursor=soon", "?deleted=x"} {
		s.want(422, "alfa", "GET", "/attributes"+bad, "")
	}
	for q, n := range map[string]int{"?value=ZLA-posta.rs": 1, "?value=%25zla%25": 2, "?type=domain": 2, "?tag=tlp:amber": 4, "?since=2000-01-01T00:00:00Z": 4, "?since=2090-01-01T00:00:00Z": 0,
		"?updated_since=2000-01-01T00:00:00Z&type=domain": 2, "?category=Network%20activity": 4} {
		if got := len(s.items("alfa", "/attributes"+q)); got != n {
			t.Errorf("%s gives %d, want %d", q, got, n)
		}
	}
}

// shared opens the event to all members: both sides see what they share.
func (s *server) shared(t *testing.T, id string) {
	s.want(200, "alfa", "PATCH", "/events/"+id, `{"distribution":"community"}`)
	s.want(404, "beta", "GET", "/events/"+id, "") // a draft is its organisation's alone
	s.want(200, "alfa", "POST", "/events/"+id+"/publish", "")
	s.want(200, "beta", "GET", "/events/"+id, "")
	s.want(403, "beta", "PATCH", "/events/"+id, `{"info":"x"}`)
	s.want(403, "beta", "GET", "/events/"+id+"/readers", "")
	if x := s.items("beta", "/attributes?value=198.51.100.7"); len(x) != 2 || x[0]["correlations"] != 1.0 || x[1]["correlations"] != 1.0 {
		t.Errorf("beta's correlations: %v", x)
	}
	if x := s.items("beta", "/events/"+id+"/correlations"); len(x) != 1 || x[0]["count"] != 1.0 {
		t.Errorf("beta sees both sides: %v", x)
	}
	if x := s.items("alfa", "/events/"+id+"/correlations"); len(x) != 0 {
		t.Errorf("alfa learns of beta's own event: %v", x)
	}
	if x := s.items("alfa", "/attributes?value=198.51.100.7"); len(x) != 1 || x[0]["correlations"] != 0.0 {
		t.Errorf("alfa's correlations: %v", x)
	}
	s.want(200, "beta", "GET", "/events/"+id+"/correlations?limit=1", "")
	s.want(422, "beta", "GET", "/events/"+id+"/correlations?limit=201", "")
	if x := s.items("alfa", "/events/"+id+"/changes?from=2020-01-01T00:00:00Z&limit=1"); len(x) != 1 || x[0]["act"] != "added" {
		t.Errorf("alfa's changes: %v", x)
	}
	if x := s.items("beta", "/events/"+id+"/changes"); len(x) != 0 {
		t.Errorf("changed since it was published: %v", x)
	}
	s.want(422, "beta", "GET", "/events/"+id+"/changes?limit=1001", "")
	s.want(422, "beta", "GET", "/events/"+id+"/changes?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "")
	s.want(200, "alfa", "POST", "/events/"+id+"/unpublish", "")
	s.want(404, "beta", "GET", "/events/"+id, "")
}

func (s *server) pages(t *testing.T, now *clock.Moved) {
	for i := range 4 {
		now.Add(1e9)
		s.want(201, "alfa", "POST", "/events", fmt.Sprintf(`{"info":"E%d","publish":true,"date":"2026-01-0%d"}`, i, i+1))
	}
	for _, q := range []string{"", "&updated_since=2000-01-01T00:00:00Z"} {
		var got []string
		for at, n := "?limit=2&organisation=Alfa"+q, 0; at != "" && n < 9; n++ {
			v := s.want(200, "alfa", "GET", "/events"+at, "")
			for _, x := range v["items"].([]any) {
				got = append(got, x.(map[string]any)["info"].(string))
			}
			at = ""
			if next, ok := v["next"].(string); ok {
				at = "?limit=2&organisation=Alfa" + q + "&cursor=" + next
			}
		}
		want := "[E3 E2 E1 E0 Лажна пошта 2]"
		if q != "" {
			want = "[Лажна пошта 2 E0 E1 E2 E3]"
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%q gives %v", q, got)
		}
	}
	for q, n := range map[string]int{"?published=true": 4, "?published=false": 1, "?since=2026-01-03": 3, "?tlp=amber": 1, "?q=posta": 1, "?tag=tlp:amber": 1, "?q=%00": 0} {
		if got := len(s.items("alfa", "/events"+q)); got != n {
			t.Errorf("%s gives %d, want %d", q, got, n)
		}
	}
	v := s.want(200, "alfa", "GET", "/events?limit=1", "")
	for _, bad := range []string{"?limit=0", "?limit=201", "?since=soon", "?updated_since=soon", "?cursor=soon", "?tlp=blue", "?published=maybe", "?updated_since=2000-01-01T00:00:00Z&cursor=" + v["next"].(string)} {
		s.want(422, "alfa", "GET", "/events"+bad, "")
	}
	s.want(404, "alfa", "GET", "/events/no-uuid", "")
}

func (s *server) extracted(t *testing.T) {
	v := s.want(200, "readonly", "POST", "/extract", `{"text":"види zla-posta[.]rs и 127.0.0.1, hxxps://druga-posta[.]rs/x"}`)
	by := map[string]map[string]any{}
	for _, x := range v["items"].([]any) {
		by[x.(map[string]any)["value"].(string)] = x.(map[string]any)
	}
	if c := by["zla-posta.rs"]; c == nil || c["type"] != "domain" || c["disarmed"] != true || c["known_count"] != 1.0 {
		t.Errorf("%v", v)
	}
	if c := by["127.0.0.1"]; c == nil || len(c["warning_lists"].([]any)) == 0 || c["to_ids"] != false {
		t.Errorf("no warning for 127.0.0.1: %v", c)
	}
	s.want(422, "alfa", "POST", "/extract", `{"txt":"x"}`)
	s.want(401, "", "POST", "/extract", `{"text":"x"}`)
}
