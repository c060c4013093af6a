package incidentapi

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"straza/internal/incident/incidenttest"
	"straza/internal/incident/incidentweb"
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

func (k keys) ByKey(_ context.Context, key string, _ netip.Addr, _ ident.Channel) (ident.Actor, error) {
	if who, ok := k[key]; ok {
		return who, nil
	}
	return ident.Actor{}, fault.New(fault.NotFound, "no such key")
}

func TestCasesForMachines(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		catalog, err := i18n.NewCatalog(ui.Messages, incidentweb.Files)
		if err != nil {
			t.Fatal(err)
		}
		origin, _ := url.Parse("https://cert.example")
		withKey := func(a ident.Actor, n int64, scopes ...string) ident.Actor { a.Key, a.Scopes = n, scopes; return a }
		m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: catalog, Now: db.Clock.Now, Gate: keys{"ana": withKey(w.Ana, 1), "vesna": withKey(w.Vesna, 2),
			"narrow": withKey(w.Ana, 3, "intake:read"), "mila": withKey(w.Mila, 4)}})
		Routes(m, w.S)
		h, err := m.Handler()
		if err != nil {
			t.Fatal(err)
		}
		do := func(key, method, path, body string, want int) map[string]any {
			t.Helper()
			r := httptest.NewRequest(method, "https://cert.example"+path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+key)
			r.Header.Set("Accept", "application/json")
			if body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			if method == "POST" && path == base {
				r.Header.Set("Idempotency-Key", "0123456789abcdef-the-same")
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			if rec.Code != want {
				t.Fatalf("%s %s as %s: %d, want %d: %s", method, path, key, rec.Code, want, rec.Body)
			}
			var out map[string]any
			if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
				t.Fatalf("%s %s: %v", method, path, err)
			}
			return out
		}
		c := do("ana", "POST", base, `{"title":"Упад","tlp":"TLP:AMBER","rsit":["fraud/phishing"],"organisations":["Клас"]}`, 201)
		if again := do("ana", "POST", base, `{"title":"Упад","tlp":"TLP:AMBER"}`, 201); again["number"] != c["number"] {
			t.Fatalf("a retry opened a second case: %v", again)
		}
		at := base + "/" + c["number"].(string)
		do("ana", "POST", base+"x", `{}`, 404)
		do("narrow", "GET", base, "", 403)
		do("mila", "GET", base, "", 404)
		do("vesna", "GET", at, "", 404)
		do("vesna", "PATCH", at, `{"title":"крађа"}`, 404)
		if l := do("vesna", "GET", base, "", 200); len(l["items"].([]any)) != 0 {
			t.Fatalf("another team's cases: %v", l)
		}
		do("ana", "PATCH", at, `{"state":"waiting"}`, 422)
		do("ana", "PATCH", at, `{"colour":"red"}`, 422)
		p := do("ana", "PATCH", at, `{"state":"in-progress","summary":"знамо","version":1}`, 200)
		if p["state"] != "in-progress" || p["summary"] != "знамо" {
			t.Fatalf("%v", p)
		}
		do("ana", "PATCH", at, `{"summary":"касно","version":1}`, 409)
		task := do("ana", "POST", at+"/tasks", `{"title":"Слика диска","due":"2026-11-22T12:00:00+01:00"}`, 201)
		do("ana", "PATCH", at+"/tasks/"+task["id"].(string), `{"done":true}`, 200)
		do("ana", "PATCH", at+"/tasks/1", `{"done":true}`, 404)
		do("ana", "POST", at+"/timeline", `{"text":"веза","kind":"attack","happened":"2026-11-18T23:14:00+01:00"}`, 201)
		party := do("ana", "POST", at+"/threads", `{"organisation":"`+w.OrgA.UUID+`","subject":"Упад","address":"a@b.example"}`, 201)
		do("ana", "POST", at+"/threads/"+party["id"].(string), `{"way":"out","text":"Искључите."}`, 201)
		do("vesna", "GET", at+"/threads/"+party["id"].(string), "", 404)
		ms := do("ana", "GET", at+"/threads/"+party["id"].(string), "", 200)["items"].([]any)
		if len(ms) != 1 || ms[0].(map[string]any)["text"] != "Искључите." {
			t.Fatalf("%v", ms)
		}
		tasks := do("ana", "GET", at+"/tasks", "", 200)["items"].([]any)
		if tasks[0].(map[string]any)["done"] == nil || tasks[0].(map[string]any)["due"] != "2026-11-22T11:00:00Z" {
			t.Fatalf("%v", tasks)
		}
		line := do("ana", "GET", at+"/timeline", "", 200)["items"].([]any)[0].(map[string]any)
		do("ana", "POST", at+"/timeline", `{"text":"друга","kind":"note"}`, 201)
		do("ana", "POST", at+"/timeline", `{"text":"трећа","kind":"note"}`, 201)
		var texts []any
		for path := at + "/timeline?limit=1"; path != ""; {
			page := do("ana", "GET", path, "", 200)
			for _, x := range page["items"].([]any) {
				texts = append(texts, x.(map[string]any)["text"])
			}
			if path = ""; page["next"] != nil {
				path = at + "/timeline?limit=1&cursor=" + page["next"].(string)
			}
		}
		all := do("ana", "GET", at+"/timeline", "", 200)["items"].([]any)
		if len(texts) != len(all) || len(all) < 3 || slices.Contains(texts[1:], texts[0]) {
			t.Errorf("page by page %v of %d", texts, len(all))
		}
		if line["zone"] != "+01:00" || line["happened"] != "2026-11-18T22:14:00Z" {
			t.Fatalf("%v", line)
		}
		do("ana", "POST", at+"/undo", `{"act":"`+task["act"].(string)+`"}`, 409) // it was ticked off since
		do("ana", "GET", base+"?cursor=!!", "", 422)
		do("ana", "GET", base+"?sort=colour", "", 422)
		do("ana", "GET", base+"?updated_since=yesterday", "", 422)
	})
}

// TestPages: paging through the list gives every case once, in order.
func TestPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		for range 7 {
			w.Open(t, w.Ana, "Случај")
		}
		m := web.New(web.Config{Origin: &url.URL{Scheme: "https", Host: "cert.example"}, Secret: []byte("0123456789abcdef"), Catalog: mustCatalog(t), Gate: keys{"ana": func() ident.Actor { a := w.Ana; a.Key = 1; return a }()}})
		Routes(m, w.S)
		h, err := m.Handler()
		if err != nil {
			t.Fatal(err)
		}
		for _, sort := range []string{"", "updated", "-opened", "severity"} {
			seen, cursor := map[string]bool{}, ""
			for range 10 {
				r := httptest.NewRequest("GET", "https://cert.example"+base+"?limit=2&sort="+sort+"&cursor="+cursor, nil)
				r.Header.Set("Authorization", "Bearer ana")
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, r)
				var l struct {
					Items []struct{ Number string }
					Next  *string
				}
				if err := json.Unmarshal(rec.Body.Bytes(), &l); err != nil || rec.Code != 200 {
					t.Fatalf("%d %s %v", rec.Code, rec.Body, err)
				}
				for _, x := range l.Items {
					if seen[x.Number] {
						t.Fatalf("sort %q: %s twice", sort, x.Number)
					}
					seen[x.Number] = true
				}
				if l.Next == nil {
					break
				}
				cursor = *l.Next
			}
			if len(seen) != 7 {
				t.Errorf("sort %q: %d of 7", sort, len(seen))
			}
		}
	})
}

func mustCatalog(t *testing.T) *i18n.Catalog {
	t.Helper()
	c, err := i18n.NewCatalog(ui.Messages, incidentweb.Files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDoneOnce: the same POST under the same key is done once and answered the same;
// a refused one may be sent again; another person's key is another key.
func TestDoneOnce(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Ana, "Упад").Number
		catalog, err := i18n.NewCatalog(ui.Messages, incidentweb.Files)
		if err != nil {
			t.Fatal(err)
		}
		origin, _ := url.Parse("https://cert.example")
		withKey := func(a ident.Actor, n int64) ident.Actor { a.Key = n; return a }
		m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: catalog, Now: db.Clock.Now, Onces: db,
			Gate: keys{"ana": withKey(w.Ana, 1), "luka": withKey(w.Luka, 2)}})
		Routes(m, w.S)
		h, err := m.Handler()
		if err != nil {
			t.Fatal(err)
		}
		do := func(who, path, key, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest("POST", "https://cert.example"+base+"/"+n+path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+who)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", key)
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			return rec
		}
		const key = "0123456789abcdef-once"
		if rec := do("ana", "/tasks", key, `{"title":""}`); rec.Code != 422 && rec.Code != 400 {
			t.Fatalf("a refused task: %d", rec.Code)
		}
		first, again := do("ana", "/tasks", key, `{"title":"Позвати"}`), do("ana", "/tasks", key, `{"title":"Позвати"}`)
		if first.Code != 201 || again.Code != 201 || again.Body.String() != first.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" || first.Header().Get("Idempotent-Replayed") != "" {
			t.Errorf("%d %s, again %d %s %v", first.Code, first.Body, again.Code, again.Body, again.Header())
		}
		if rec := do("ana", "/tasks", key, `{"title":"Нешто друго"}`); rec.Code != 409 || !strings.Contains(rec.Body.String(), "another request") {
			t.Errorf("the same key for another task: %d %s", rec.Code, rec.Body)
		}
		if rec := do("luka", "/tasks", key, `{"title":"Лукин"}`); rec.Code != 201 || rec.Header().Get("Idempotent-Replayed") != "" {
			t.Errorf("another person's key: %d", rec.Code)
		}
		do("ana", "/timeline", key, `{"kind":"note","text":"x"}`)
		do("ana", "/timeline", key, `{"kind":"note","text":"x"}`)
		if rec := do("ana", "/tasks", "short", `{"title":"x"}`); rec.Code != 422 && rec.Code != 400 {
			t.Errorf("a short key: %d", rec.Code)
		}
		f, err := w.S.Read(context.Background(), w.Ana, n)
		if err != nil || len(f.Tasks) != 2 || len(f.Entries) != 1 {
			t.Errorf("%d tasks and %d entries, %v", len(f.Tasks), len(f.Entries), err)
		}
	})
}
