package advisoryapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"straza/internal/advisory"
	"straza/internal/advisory/advisoryapi"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/testkit"
)

type server struct {
	t        *testing.T
	site     *testkit.Site
	contract *testkit.Contract
}

// person makes somebody of a CERT's team with a role, 0 = of an organisation.
func person(t *testing.T, db *store.DB, id, cert, org int64, role string) ident.Actor {
	t.Helper()
	ctx := context.Background()
	who := ident.Actor{Kind: ident.Person, Person: id, Org: org, CERT: cert, Perms: map[string]bool{}}
	err := db.Update(ctx, func(tx *store.Tx) error {
		r, err := access.RoleTx(ctx, tx, role)
		if err != nil {
			return err
		}
		for _, p := range r.Permissions {
			who.Perms[p] = true
		}
		if err := access.JoinTx(ctx, tx, access.Person(id), access.Org(org)); err != nil {
			return err
		}
		if cert != 0 {
			if err := access.JoinTx(ctx, tx, access.Person(id), access.Team(cert)); err != nil {
				return err
			}
		}
		who.Principals, err = access.ClosureTx(ctx, tx, access.Public(), access.Person(id))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return who
}

func newServer(t *testing.T, db *store.DB) *server {
	t.Helper()
	ctx := context.Background()
	if err := db.Update(ctx, func(tx *store.Tx) error { return access.SeedTx(ctx, tx) }); err != nil {
		t.Fatal(err)
	}
	k := testkit.Gate{"lead": person(t, db, 1, 10, 10, access.Lead), "analyst": person(t, db, 2, 10, 10, access.Analyst),
		"other": person(t, db, 3, 20, 20, access.Lead), "member": person(t, db, 4, 0, 30, access.Member)}
	anybody := ident.Nobody(ident.API)
	if err := db.View(ctx, func(tx *store.Tx) (err error) {
		anybody.Principals, err = access.ClosureTx(ctx, tx, access.Public())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	k["anybody"] = anybody
	// Who only reads what is public: somebody of no organisation's with a key.
	k["reader"] = ident.Actor{Kind: ident.Person, Person: 5, Principals: anybody.Principals, Scopes: []string{"advisory:read"}}
	narrow, readOnly := k["lead"], k["lead"]
	narrow.Scopes, readOnly.ReadOnly = []string{"advisory:read"}, true
	k["narrow"], k["readonly"] = narrow, readOnly
	elsewhere := k["lead"]
	elsewhere.Scopes = []string{"registry:read"}
	k["elsewhere"] = elsewhere
	site := testkit.NewSite(t, testkit.Doors{Gate: k, Now: db.Clock.Now, Routes: func(m *web.Mux) { advisoryapi.Routes(m, advisory.New(advisory.Deps{DB: db, Audit: testkit.Audit(db)})) }})
	return &server{t, site, site.Contract("/api/v1/advisories", advisoryapi.OpenAPI)}
}

func (s *server) call(key, method, path, body string, header ...string) (int, http.Header, map[string]any) {
	s.t.Helper()
	r, res, out := s.site.Call(key, method, "/api/v1/advisories"+path, body, header...)
	s.contract.Check(s.t, r, res.StatusCode, res.Header, out)
	var v map[string]any
	_ = json.Unmarshal(out, &v)
	return res.StatusCode, res.Header, v
}

func (s *server) want(status int, key, method, path, body string, header ...string) map[string]any {
	s.t.Helper()
	got, _, v := s.call(key, method, path, body, header...)
	if got != status {
		s.t.Errorf("%s %s as %q: %d, want %d: %v", method, path, key, got, status, v)
	}
	return v
}

const draft = `{"level":"high","readers":"citizens","title":{"sr-Cyrl":"Лажна порука о пошиљци","en":"False parcel message"},"lead":{"sr-Cyrl":"Порука тражи 149 динара."}}`

func TestContractHoldsForRealTraffic(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s := newServer(t, db)
		id := s.drafts(t)
		s.published(t, now, id)
		s.lists(t, now)
		s.contract.Exercised(t)
	})
}

// drafts writes one and gives its path: the team's alone.
func (s *server) drafts(t *testing.T) string {
	const key = "0123456789abcdef-1"
	_, h, v := s.call("analyst", "POST", "", draft, "Idempotency-Key", key)
	_, again, _ := s.call("analyst", "POST", "", draft, "Idempotency-Key", key)
	if h.Get("Location") == "" || h.Get("Location") != again.Get("Location") {
		t.Fatalf("a retry made another one: %q, %q", h.Get("Location"), again.Get("Location"))
	}
	id := "/" + v["id"].(string)
	if v["tlp"] != "TLP:CLEAR" || v["title"].(map[string]any)["sr-Latn"] != "Lažna poruka o pošiljci" {
		t.Errorf("made: %v", v)
	}
	s.want(200, "analyst", "GET", "/"+v["number"].(string), "")
	for _, key := range []string{"", "reader", "member", "other"} { // NoLeak: nobody else learns that it is there
		s.want(404, key, "GET", id, "")
		for _, q := range []string{"", "?q=posiljci", "?state=draft", "?updated_since=2000-01-01T00:00:00Z"} {
			if v := s.want(200, key, "GET", q, ""); len(v["items"].([]any)) != 0 || v["next"] != nil {
				t.Errorf("%q reads a draft by %q: %v", key, q, v)
			}
		}
	}
	s.want(404, "other", "PATCH", id, `{"level":"low"}`)
	s.want(404, "other", "POST", id+"/publish", "")
	s.want(403, "member", "PATCH", id, `{"level":"low"}`)
	s.want(403, "member", "POST", "", draft)
	s.want(401, "", "POST", "", draft)
	s.want(401, "nobody", "GET", "", "")
	s.want(403, "elsewhere", "GET", "", "")
	s.want(403, "narrow", "POST", "", draft)
	s.want(403, "readonly", "POST", "", draft)
	p := s.want(422, "lead", "POST", "", `{"level":"huge","title":{"sr-Latn":"samo latinica"}}`)
	if n := len(p["errors"].([]any)); n != 4 {
		t.Errorf("%d fields named: %v", n, p)
	}
	for _, bad := range []string{`{`, `{"colour":1}`, `[]`, `{"title":{"fr":"x"}}`, `{"title":7}`, draft + draft, strings.Replace(draft, `"level"`, `"until":"јуче","level"`, 1)} {
		s.want(422, "lead", "POST", "", bad)
	}
	s.want(201, "lead", "POST", "", strings.Replace(draft, "динара", `динара\u0000\u0007`, 1))
	return id
}

func (s *server) published(t *testing.T, now *clock.Moved, id string) {
	_, h, _ := s.call("lead", "GET", id, "")
	tag := h.Get("ETag")
	s.want(304, "lead", "GET", id, "", "If-None-Match", tag)
	v := s.want(200, "lead", "PATCH", id, `{"steps":{"sr-Cyrl":"Не отварајте везу.\nОбришите поруку."},"title":{"en":null},"until":"2027-01-01T00:00:00Z","tlp":"TLP:GREEN"}`, "If-Match", tag)
	if v["until"] != "2027-01-01T00:00:00Z" || v["level"] != "high" || v["title"].(map[string]any)["en"] != nil || v["tlp"] != "TLP:GREEN" {
		t.Errorf("changed: %v", v)
	}
	s.want(409, "lead", "PATCH", id, `{"level":"low"}`, "If-Match", tag)
	s.want(409, "lead", "PATCH", id, `{"level":"low"}`, "If-Match", `"soon"`)
	s.want(422, "lead", "POST", id+"/publish", "") // TLP:GREEN
	s.want(200, "lead", "PATCH", id, `{"tlp":"clear"}`)
	s.want(403, "analyst", "POST", id+"/publish", "")
	s.want(422, "lead", "POST", id+"/publish", `{"note":{"fr":"x"}}`)
	s.want(422, "lead", "POST", id+"/publish", `{"note":{"en":"`+strings.Repeat("x", 301)+`"}}`)
	now.Add(1e9)
	s.want(200, "lead", "POST", id+"/publish", "")
	for _, key := range []string{"", "reader", "member", "other"} {
		if v := s.want(200, key, "GET", id, ""); v["state"] != "published" || len(v["editions"].([]any)) != 1 {
			t.Errorf("%q reads %v", key, v)
		}
	}
	s.want(403, "other", "POST", id+"/withdraw", `{"reason":"x"}`)
	s.want(200, "lead", "PATCH", id, `{"title":{"sr-Cyrl":"Још лажнија порука"}}`)
	if v := s.want(200, "", "GET", id, ""); v["title"].(map[string]any)["sr-Latn"] != "Lažna poruka o pošiljci" {
		t.Errorf("an edition in preparation is public: %v", v)
	}
	if v := s.want(200, "lead", "POST", id+"/publish", `{"note":{"sr-Cyrl":"Нови знаци"}}`); v["editions"].([]any)[0].(map[string]any)["note"].(map[string]any)["sr-Latn"] != "Novi znaci" {
		t.Errorf("second edition: %v", v)
	}
	s.want(422, "lead", "POST", id+"/withdraw", `{"reason":" "}`)
	if v := s.want(200, "lead", "POST", id+"/withdraw", `{"reason":"Погрешан произвођач"}`); v["state"] != "withdrawn" {
		t.Errorf("%v", v)
	}
	if v := s.want(200, "", "GET", id, ""); v["reason"] != "Погрешан произвођач" {
		t.Errorf("withdrawn: %v", v)
	}
	s.want(409, "lead", "POST", id+"/withdraw", `{"reason":"x"}`)
	s.want(409, "lead", "PATCH", id, `{"level":"low"}`)
	s.want(404, "lead", "GET", "/0199d3a0-0000-7000-8000-000000000001", "")
	if got, _, _ := s.call("lead", "GET", "/%00", ""); got != 404 && got != 422 {
		t.Errorf("a NUL in the path: %d", got)
	}
}

func (s *server) lists(t *testing.T, now *clock.Moved) {
	for range 4 {
		now.Add(1e9)
		s.want(201, "lead", "POST", "", draft)
	}
	for _, q := range []string{"", "&updated_since=2000-01-01T00:00:00Z", "&q=pošiljci&level=high"} {
		seen := map[string]bool{}
		for at, n := "?limit=2"+q, 0; at != "" && n < 9; n++ {
			v := s.want(200, "lead", "GET", at, "")
			for _, x := range v["items"].([]any) {
				seen[x.(map[string]any)["id"].(string)] = true
			}
			at = ""
			if next, ok := v["next"].(string); ok {
				at = "?limit=2" + q + "&cursor=" + next
			}
		}
		want := 6
		if strings.Contains(q, "q=") {
			want = 5 // the withdrawn one has another title now
		}
		if len(seen) != want {
			t.Errorf("%q gives %d, want %d", q, len(seen), want)
		}
	}
	v := s.want(200, "lead", "GET", "?limit=1", "")
	for _, bad := range []string{"?limit=0", "?limit=201", "?updated_since=soon", "?cursor=soon", "?state=x", "?level=x", "?updated_since=2000-01-01T00:00:00Z&cursor=" + v["next"].(string)} {
		s.want(422, "lead", "GET", bad, "")
	}
	for _, raw := range []string{"?q=%00", "?q=%ff"} {
		if got, _, _ := s.call("lead", "GET", raw, ""); got != 200 && got != 422 {
			t.Errorf("%s: %d", raw, got)
		}
	}
}
