package registryapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/registry"
	"straza/internal/registry/registryapi"
	"straza/internal/registry/registrytest"
	"straza/internal/testkit"
)

// server is the room behind the real chain; every exchange is held against the contract.
type server struct {
	t        *testing.T
	s        *registry.Service
	site     *testkit.Site
	contract *testkit.Contract
	orgs     map[string]registry.Organisation
}

func newServer(t *testing.T, db *store.DB) *server {
	t.Helper()
	s := registrytest.Service(t, db)
	host := registrytest.CERT(t, s, "Национални ЦЕРТ")
	bank := registrytest.Org(t, s, registry.Draft{Name: "Штедионица", Kind: "operator", Sector: "finance"})
	double := registrytest.Org(t, s, registry.Draft{Name: "Штедионица 2"})
	site := testkit.NewSite(t, testkit.Doors{Gate: testkit.Gate{
		"analyst": registrytest.Person(t, db, 1, host, access.Analyst), "lead": registrytest.Person(t, db, 2, host, access.Lead),
		"banker": registrytest.Person(t, db, 3, bank, access.Member), "bankadmin": registrytest.Person(t, db, 4, bank, access.OrgAdmin),
		"stranger": registrytest.Person(t, db, 5, double, access.Member),
	}, Onces: db, Routes: func(m *web.Mux) { registryapi.Routes(m, s) }})
	return &server{t: t, s: s, site: site, contract: site.Contract("/api/v1/", registryapi.OpenAPI), orgs: map[string]registry.Organisation{"host": host, "bank": bank, "double": double}}
}

// call makes one request; header are name, value pairs.
func (s *server) call(key, method, path, body string, header ...string) (int, http.Header, []byte) {
	s.t.Helper()
	if !strings.HasPrefix(path, "/api/") {
		path = "/api/v1/organisations" + path
	}
	r, res, out := s.site.Call(key, method, path, body, header...)
	s.contract.Check(s.t, r, res.StatusCode, res.Header, out)
	return res.StatusCode, res.Header, out
}

// want calls and fails when the status is another; it gives the body as an object.
func (s *server) want(status int, key, method, path, body string, header ...string) map[string]any {
	s.t.Helper()
	got, _, out := s.call(key, method, path, body, header...)
	if got != status {
		s.t.Errorf("%s %s as %s: %d, want %d: %.400s", method, path, key, got, status, out)
	}
	var v map[string]any
	if len(out) > 0 && out[0] == '{' && bytes.Count(bytes.TrimSpace(out), []byte("\n")) == 0 {
		if err := json.Unmarshal(out, &v); err != nil {
			s.t.Error(err)
		}
	}
	return v
}

func TestContractHoldsForRealTraffic(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := newServer(t, db)
		water := s.cards(t)
		contact, resource := s.parts(t)
		s.holdings(t)
		s.assets(t)
		s.lists(t)
		s.files(t)
		s.merges(t)
		s.rules(t)
		s.letterKeys(t, db)
		s.ends(t, water, contact, resource)
		s.contract.Exercised(t)
	})
}

// cards enters, reads and changes one, and gives its path.
func (s *server) cards(t *testing.T) (water string) {
	// Enter, twice with the same key: one organisation.
	_, h, _ := s.call("analyst", "POST", "", `{"name":"Водовод","kind":"company","sector":"water","names":{"en":"Waterworks"},"aliases":["БВК"]}`, "Idempotency-Key", "0123456789abcdef-1")
	_, again, _ := s.call("analyst", "POST", "", `{"name":"Водовод","kind":"company"}`, "Idempotency-Key", "0123456789abcdef-1")
	if h.Get("Location") == "" || h.Get("Location") != again.Get("Location") {
		t.Errorf("retry made another one: %q, %q", h.Get("Location"), again.Get("Location"))
	}
	water = strings.TrimPrefix(h.Get("Location"), "/api/v1/organisations")
	s.want(409, "analyst", "POST", "", `{"name":"Водовод"}`)
	p := s.want(422, "analyst", "POST", "", `{"name":"","kind":"king"}`)
	if n := len(p["errors"].([]any)); n != 2 {
		t.Errorf("%d fields named: %v", n, p)
	}
	s.want(422, "analyst", "POST", "", `{"name":"x","colour":1}`)
	s.want(422, "analyst", "POST", "", `{"name":"x"`)
	s.want(401, "", "POST", "", `{"name":"x"}`)
	s.want(403, "banker", "POST", "", `{"name":"x"}`)

	// Read and change with tags.
	_, h, _ = s.call("analyst", "GET", water, "")
	tag := h.Get("ETag")
	s.want(304, "analyst", "GET", water, "", "If-None-Match", tag)
	_, h, _ = s.call("analyst", "PATCH", water, `{"sector":null,"website":"https://bvk.rs"}`, "If-Match", tag)
	if h.Get("ETag") == tag || h.Get("ETag") == "" {
		t.Errorf("tag after the change: %q", h.Get("ETag"))
	}
	if v := s.want(200, "analyst", "GET", water, ""); v["sector"] != nil || v["website"] != "https://bvk.rs" || v["kind"] != "company" {
		t.Errorf("after the change: %v", v)
	}
	s.want(409, "analyst", "PATCH", water, `{"name":"x"}`, "If-Match", tag)
	s.want(409, "analyst", "PATCH", water, `{"name":"x"}`, "If-Match", `"soon"`)
	s.want(422, "analyst", "PATCH", water, `{"website":"javascript:alert(1)"}`)
	s.want(404, "analyst", "GET", "/0199d3a0-0000-7000-8000-000000000001", "")
	s.want(404, "analyst", "GET", "/no-uuid", "")
	return water
}

// parts enters a contact and a resource and gives the paths of both.
func (s *server) parts(t *testing.T) (contact, resource string) {
	bank, double := "/"+s.orgs["bank"].UUID, "/"+s.orgs["double"].UUID
	// Parts.
	c := s.want(201, "bankadmin", "POST", bank+"/contacts", `{"kind":"duty","name":"Дежурни","phone":"+381 11 1234567"}`)
	contact = bank + "/contacts/" + c["id"].(string)
	s.want(422, "analyst", "POST", bank+"/contacts", `{"kind":"duty","name":"Дежурни"}`)
	s.want(200, "bankadmin", "PUT", contact, `{"kind":"duty","name":"Дежурни","email":"d@banka.rs"}`)
	if v := s.want(200, "bankadmin", "POST", contact+"/confirm", ""); v["freshness"] != "fresh" {
		t.Errorf("confirmed: %v", v)
	}
	s.want(200, "analyst", "GET", bank+"/contacts", "")
	s.want(403, "stranger", "GET", bank+"/contacts", "")
	s.want(403, "stranger", "POST", bank+"/contacts", `{"kind":"duty","name":"x","phone":"123456"}`)
	s.want(404, "analyst", "DELETE", double+"/contacts/"+c["id"].(string), "") // through another organisation
	r := s.want(201, "analyst", "POST", bank+"/resources", `{"kind":"network","value":"10.7.0.0/16"}`)
	s.want(422, "analyst", "POST", bank+"/resources", `{"kind":"network","value":"10.7.0.1/16"}`)
	s.want(409, "analyst", "POST", bank+"/resources", `{"kind":"network","value":"10.7.0.0/16"}`)
	s.want(200, "banker", "GET", bank+"/resources?kind=network", "")
	if v := s.want(200, "analyst", "GET", "/lookup?ip=10.7.1.2", ""); v["organisation"].(map[string]any)["id"] != s.orgs["bank"].UUID {
		t.Errorf("look-up: %v", v)
	}
	if v := s.want(200, "stranger", "GET", "/lookup?ip=10.7.1.2", ""); v["organisation"] != nil {
		t.Errorf("a stranger's look-up: %v", v)
	}
	s.want(422, "analyst", "GET", "/lookup", "")
	s.want(422, "analyst", "GET", "/lookup?ip=x", "")
	return contact, bank + "/resources/" + r["id"].(string)
}

// holdings keeps a network, a domain and an AS number, each by its own door.
func (s *server) holdings(t *testing.T) {
	at := "/" + s.orgs["bank"].UUID
	for name, value := range map[string][2]string{"networks": {"10.9.0.0/16", "10.8.0.0/16"}, "domains": {"banka.rs", "stedionica.rs"}, "asns": {"AS64500", "AS64501"}} {
		list := at + "/" + name
		status, h, out := s.call("bankadmin", "POST", list, `{"value":"`+value[0]+`","note":"наше"}`, "Idempotency-Key", "0123456789abcdef-"+name)
		_, again, same := s.call("bankadmin", "POST", list, `{"value":"`+value[0]+`","note":"наше"}`, "Idempotency-Key", "0123456789abcdef-"+name)
		if status != 201 || h.Get("Location") == "" || h.Get("Location") != again.Get("Location") || string(out) != string(same) {
			t.Errorf("%s twice with one key: %d %s, %s", name, status, out, same)
		}
		one := strings.TrimPrefix(h.Get("Location"), "/api/v1/organisations")
		if v := s.want(200, "analyst", "GET", list+"?q=NASE&limit=1", ""); len(v["items"].([]any)) != 1 || v["items"].([]any)[0].(map[string]any)["claimed"] != true {
			t.Errorf("%s: %v", name, v)
		}
		if v := s.want(200, "analyst", "GET", list+"?state=withdrawn", ""); len(v["items"].([]any)) != 0 {
			t.Errorf("withdrawn %s: %v", name, v)
		}
		s.want(422, "analyst", "GET", list+"?state=gone", "")
		s.want(422, "analyst", "GET", list+"?limit=900", "")
		s.want(403, "stranger", "GET", list, "")
		s.want(403, "stranger", "GET", one, "")
		s.want(403, "banker", "PATCH", one, `{"note":null}`)
		s.want(403, "bankadmin", "POST", one+"/check", "")
		s.want(200, "analyst", "POST", one+"/check", "")
		_, h, _ = s.call("analyst", "GET", one, "")
		tag := h.Get("ETag")
		s.want(304, "analyst", "GET", one, "", "If-None-Match", tag)
		s.want(422, "analyst", "PATCH", one, `{"value":"nothing"}`, "If-Match", tag)
		if v := s.want(200, "analyst", "PATCH", one, `{"value":"`+value[1]+`","note":null}`, "If-Match", tag); v["value"] != value[1] || v["note"] != nil {
			t.Errorf("changed: %v", v)
		}
		s.want(409, "analyst", "PATCH", one, `{"note":"x"}`, "If-Match", tag)
		s.want(409, "analyst", "POST", list, `{"value":"`+value[1]+`"}`)
		if v := s.want(200, "bankadmin", "DELETE", one, ""); v["withdrawn"] == nil {
			t.Errorf("withdrawn: %v", v)
		}
		s.want(409, "bankadmin", "DELETE", one, "")
		s.want(200, "bankadmin", "POST", one+"/restore", "")
		// Through another kind's door, and through another organisation.
		s.want(404, "analyst", "GET", strings.Replace(one, "/"+name+"/", "/"+map[string]string{"networks": "domains", "domains": "asns", "asns": "networks"}[name]+"/", 1), "")
		s.want(404, "analyst", "DELETE", strings.Replace(one, s.orgs["bank"].UUID, s.orgs["double"].UUID, 1), "")
	}
}

func (s *server) assets(t *testing.T) {
	list := "/" + s.orgs["bank"].UUID + "/assets"
	v := s.want(422, "bankadmin", "POST", list, `{"kind":"king","name":"","criticality":9}`)
	if n := len(v["errors"].([]any)); n != 3 {
		t.Errorf("%d fields named: %v", n, v)
	}
	a := s.want(201, "bankadmin", "POST", list, `{"kind":"service","name":"Електронско банкарство","criticality":4}`)
	one := list + "/" + a["id"].(string)
	_, h, _ := s.call("analyst", "GET", one, "")
	if v = s.want(200, "analyst", "PATCH", one, `{"product":"Oracle 19c"}`, "If-Match", h.Get("ETag")); v["product"] != "Oracle 19c" || v["criticality"] != 4.0 {
		t.Errorf("changed: %v", v)
	}
	s.want(409, "analyst", "PATCH", one, `{"name":"x"}`, "If-Match", h.Get("ETag"))
	s.want(422, "analyst", "PATCH", one, `{"name":null}`)
	if v = s.want(200, "banker", "GET", list+"?kind=service&q=oracle", ""); len(v["items"].([]any)) != 1 {
		t.Errorf("found: %v", v)
	}
	s.want(422, "analyst", "GET", list+"?kind=king", "")
	s.want(403, "stranger", "GET", list, "")
	s.want(403, "banker", "DELETE", one, "")
	s.want(200, "bankadmin", "DELETE", one, "")
	s.want(200, "bankadmin", "POST", one+"/restore", "")
	s.want(404, "analyst", "GET", list+"/no-uuid", "")
}

func (s *server) lists(t *testing.T) {
	// Lists.
	v := s.want(200, "analyst", "GET", "?limit=2&q=", "")
	if v["next"] == nil || len(v["items"].([]any)) != 2 {
		t.Errorf("first page: %v", v)
	}
	if v = s.want(200, "analyst", "GET", "?limit=2&cursor="+v["next"].(string), ""); v["next"] != nil {
		t.Errorf("last page: %v", v)
	}
	if v = s.want(200, "stranger", "GET", "?q=stedionica&kind=operator&updated_since=2026-01-01T00:00:00Z", ""); len(v["items"].([]any)) != 1 {
		t.Errorf("search: %v", v)
	}
	s.want(422, "analyst", "GET", "?kind=king", "")
	s.want(422, "analyst", "GET", "?limit=0", "")
	s.want(422, "analyst", "GET", "?updated_since=soon", "")
	s.want(422, "analyst", "GET", "?cursor=soon", "")
}

func (s *server) files(t *testing.T) {
	// Files.
	status, h, file := s.call("analyst", "GET", "/export?format=csv", "")
	if status != 200 || !strings.Contains(h.Get("Content-Disposition"), "organisations_") || !strings.Contains(h.Get("Straza-Export"), `"tlp":"TLP:AMBER"`) || !bytes.Contains(file, []byte("10.7.0.0/16")) {
		t.Errorf("export: %d %s", status, file)
	}
	if _, _, member := s.call("stranger", "GET", "/export?format=csv", ""); bytes.Contains(member, []byte("10.7.0.0/16")) {
		t.Errorf("a member exports networks:\n%s", member)
	}
	s.want(200, "analyst", "GET", "/export", "")
	s.want(422, "analyst", "GET", "/export?format=xml", "")
	v := s.want(200, "analyst", "POST", "/import?dry_run=true", "name\nНова\n", "Content-Type", "text/csv; charset=utf-8")
	if v["created"] != 1.0 || v["dry_run"] != true {
		t.Errorf("dry run: %v", v)
	}
	if v = s.want(200, "analyst", "POST", "/import", string(file), "Content-Type", "text/csv"); v["unchanged"] != v["read"] {
		t.Errorf("the export comes back as %v", v)
	}
	if v = s.want(422, "analyst", "POST", "/import", `[{"name":""}]`); v["refused"] != 1.0 {
		t.Errorf("refused: %v", v)
	}
	s.want(422, "analyst", "POST", "/import", "PK", "Content-Type", "application/zip")
	s.want(422, "analyst", "POST", "/import", "colour\nred\n", "Content-Type", "text/csv")
}

func (s *server) merges(t *testing.T) {
	bank, double := "/"+s.orgs["bank"].UUID, "/"+s.orgs["double"].UUID
	s.want(403, "analyst", "POST", bank+"/merges", `{"from":["`+s.orgs["double"].UUID+`"]}`)
	m := s.want(201, "lead", "POST", bank+"/merges", `{"from":["`+s.orgs["double"].UUID+`"]}`)
	if v := s.want(200, "analyst", "GET", double, ""); v["state"] != "merged" || v["merged_into"] != s.orgs["bank"].UUID {
		t.Errorf("tombstone: %v", v)
	}
	s.want(409, "analyst", "PATCH", double, `{"name":"x"}`)
	s.want(200, "analyst", "GET", bank+"/merges", "")
	s.want(204, "lead", "DELETE", bank+"/merges/"+m["id"].(string), "")
	s.want(409, "lead", "DELETE", bank+"/merges/"+m["id"].(string), "")
	s.want(404, "lead", "DELETE", double+"/merges/"+m["id"].(string), "")
	if v := s.want(200, "analyst", "GET", bank+"/history", ""); len(v["items"].([]any)) < 5 {
		t.Errorf("history: %v", v)
	}
}

// rules sets whom a CERT looks after.
func (s *server) rules(t *testing.T) {
	at := "/" + s.orgs["host"].UUID + "/constituency"
	s.want(403, "analyst", "PUT", at, `{"rules":[]}`)
	s.want(422, "lead", "PUT", at, `{"rules":[{"basis":"sector","value":"magic"}]}`)
	s.want(200, "lead", "PUT", at, `{"rules":[{"basis":"sector","value":"water"},{"basis":"default","value":""}]}`)
	if v := s.want(200, "analyst", "GET", at, ""); len(v["items"].([]any)) != 2 {
		t.Errorf("rules: %v", v)
	}
	s.want(403, "stranger", "GET", at, "")
}

// ends takes out and withdraws what the others made.
func (s *server) ends(t *testing.T, water, contact, resource string) {
	s.want(204, "analyst", "DELETE", resource, "")
	s.want(204, "bankadmin", "DELETE", contact, "")
	s.want(200, "analyst", "DELETE", water, "")
	s.want(404, "stranger", "GET", water, "")
	s.want(409, "analyst", "DELETE", water, "")
	s.want(200, "analyst", "POST", water+"/restore", "")
	s.want(409, "analyst", "DELETE", "/"+s.orgs["host"].UUID, "")
}

// letterKeys enters, reads and takes out a key; what nothing can be encrypted to is
// refused by name.
func (s *server) letterKeys(t *testing.T, db *store.DB) {
	const at = "/api/v1/letter-keys"
	secret, err := openpgp.NewSecret(openpgp.Owner{Name: "Дежурни"}, db.Clock.Now().Add(-time.Hour), db.Clock)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := secret.Cert()
	if err != nil {
		t.Fatal(err)
	}
	body := func(address, key string) string {
		b, _ := json.Marshal(map[string]string{"address": address, "key": key})
		return string(b)
	}
	s.want(401, "", "GET", at, "")
	s.want(404, "banker", "GET", at, "")
	s.want(403, "bankadmin", "POST", at, body("duty@banka.example", cert.Armored))
	if p := s.want(422, "analyst", "POST", at, body("duty@banka.example", "junk")); !strings.Contains(fmt.Sprint(p["errors"]), "key") {
		t.Errorf("%v", p)
	}
	k := s.want(201, "analyst", "POST", at, body("Duty@banka.example", cert.Armored))
	if k["address"] != "duty@banka.example" || k["fingerprint"] != cert.Fingerprint || k["state"] != "good" || k["expires"] != nil || k["key"] != cert.Armored {
		t.Errorf("%v", k)
	}
	if l := s.want(200, "lead", "GET", at, ""); len(l["items"].([]any)) != 1 {
		t.Errorf("%v", l)
	}
	s.want(403, "banker", "DELETE", at+"/"+fmt.Sprint(k["id"]), "")
	s.want(204, "analyst", "DELETE", at+"/"+fmt.Sprint(k["id"]), "")
	s.want(404, "analyst", "DELETE", at+"/"+fmt.Sprint(k["id"]), "")
	s.want(404, "analyst", "DELETE", at+"/no-uuid", "")
}

// TestRow05ScopesAndReadOnlyKeys: a key is never more than its scopes.
func TestRow05ScopesAndReadOnlyKeys(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	s := registrytest.Service(t, db)
	host := registrytest.CERT(t, s, "ЦЕРТ")
	who := registrytest.Person(t, db, 1, host, access.Analyst)
	narrow, readOnly := who, who
	narrow.Scopes = []string{"registry:read"}
	readOnly.ReadOnly = true
	site := testkit.NewSite(t, testkit.Doors{Gate: testkit.Gate{"narrow": narrow, "readonly": readOnly}, Onces: db, Routes: func(m *web.Mux) { registryapi.Routes(m, s) }})
	for _, key := range []string{"narrow", "readonly"} {
		for method, want := range map[string]int{"GET": 200, "POST": 403} {
			if _, res, _ := site.Call(key, method, "/api/v1/organisations", `{"name":"x"}`); res.StatusCode != want {
				t.Errorf("%s with the %s key: %d, want %d", method, key, res.StatusCode, want)
			}
		}
	}
}
