package incidentapi

import (
	"context"
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"straza/internal/incident/incidenttest"
	"straza/internal/incident/incidentweb"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/testkit"
)

// doors are the room's, for people with keys.
func doors(t *testing.T, db *store.DB, w *incidenttest.World, people testkit.Gate) *testkit.Site {
	t.Helper()
	return testkit.NewSite(t, testkit.Doors{Gate: people, Now: db.Clock.Now, Messages: []fs.FS{incidentweb.Files}, Onces: db,
		Routes: func(m *web.Mux) { Routes(m, w.S) }})
}

func TestCasesForMachines(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		narrow := w.Ana
		narrow.Key, narrow.Scopes = 3, []string{"intake:read"}
		site := doors(t, db, w, testkit.Gate{"ana": w.Ana, "vesna": w.Vesna, "narrow": narrow, "mila": w.Mila})
		do := func(key, method, path, body string, want int) map[string]any {
			t.Helper()
			var once []string
			if method == "POST" && path == base {
				once = []string{"Idempotency-Key", "0123456789abcdef-the-same"}
			}
			_, res, raw := site.Call(key, method, path, body, once...)
			if res.StatusCode != want {
				t.Fatalf("%s %s as %s: %d, want %d: %s", method, path, key, res.StatusCode, want, raw)
			}
			var out map[string]any
			if err := json.Unmarshal(raw, &out); err != nil {
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
		site := doors(t, db, w, testkit.Gate{"ana": w.Ana})
		for _, sort := range []string{"", "updated", "-opened", "severity"} {
			seen, cursor := map[string]bool{}, ""
			for range 10 {
				_, res, raw := site.Call("ana", "GET", base+"?limit=2&sort="+sort+"&cursor="+cursor, "")
				var l struct {
					Items []struct{ Number string }
					Next  *string
				}
				if err := json.Unmarshal(raw, &l); err != nil || res.StatusCode != 200 {
					t.Fatalf("%d %s %v", res.StatusCode, raw, err)
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

// TestDoneOnce: the same POST under the same key is done once and answered the same;
// a refused one may be sent again; another person's key is another key.
func TestDoneOnce(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Ana, "Упад").Number
		luka := w.Luka
		luka.Key = 2
		site := doors(t, db, w, testkit.Gate{"ana": w.Ana, "luka": luka})
		type answer struct {
			code   int
			body   string
			replay bool
		}
		do := func(who, path, key, body string) answer {
			t.Helper()
			_, res, raw := site.Call(who, "POST", base+"/"+n+path, body, "Idempotency-Key", key)
			return answer{res.StatusCode, string(raw), res.Header.Get("Idempotent-Replayed") == "true"}
		}
		const key = "0123456789abcdef-once"
		if rec := do("ana", "/tasks", key, `{"title":""}`); rec.code != 422 && rec.code != 400 {
			t.Fatalf("a refused task: %d", rec.code)
		}
		first, again := do("ana", "/tasks", key, `{"title":"Позвати"}`), do("ana", "/tasks", key, `{"title":"Позвати"}`)
		if first.code != 201 || again.code != 201 || again.body != first.body || !again.replay || first.replay {
			t.Errorf("%+v, again %+v", first, again)
		}
		if rec := do("ana", "/tasks", key, `{"title":"Нешто друго"}`); rec.code != 409 || !strings.Contains(rec.body, "another request") {
			t.Errorf("the same key for another task: %d %s", rec.code, rec.body)
		}
		if rec := do("luka", "/tasks", key, `{"title":"Лукин"}`); rec.code != 201 || rec.replay {
			t.Errorf("another person's key: %d", rec.code)
		}
		do("ana", "/timeline", key, `{"kind":"note","text":"x"}`)
		do("ana", "/timeline", key, `{"kind":"note","text":"x"}`)
		if rec := do("ana", "/tasks", "short", `{"title":"x"}`); rec.code != 422 && rec.code != 400 {
			t.Errorf("a short key: %d", rec.code)
		}
		f, err := w.S.Read(context.Background(), w.Ana, n)
		if err != nil || len(f.Tasks) != 2 || len(f.Entries) != 1 {
			t.Errorf("%d tasks and %d entries, %v", len(f.Tasks), len(f.Entries), err)
		}
	})
}
