package intakeapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"mime/multipart"
	"strings"
	"testing"

	"straza/internal/craft/form"
	"straza/internal/intake/intakeapi"
	"straza/internal/intake/intaketest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/testkit"
)

type server struct {
	t    *testing.T
	w    *intaketest.World
	site *testkit.Site
	c    *testkit.Contract
}

func newServer(t *testing.T, db *store.DB) *server {
	t.Helper()
	w := intaketest.New(t, db)
	site := testkit.NewSite(t, testkit.Doors{Gate: testkit.Gate{"ana": w.Ana, "vesna": w.Vesna, "mila": w.Mila, "bora": w.Bora}, Now: db.Clock.Now, Routes: func(m *web.Mux) { intakeapi.Routes(m, w.S) }, Messages: []fs.FS{form.Messages}})
	return &server{t, w, site, site.Contract("/api/v1/reports", intakeapi.OpenAPI)}
}

func (s *server) call(key, method, path, kind string, body []byte, header ...string) (int, map[string]any) {
	s.t.Helper()
	r, res, out := s.site.Call(key, method, "/api/v1/reports"+path, string(body), append([]string{"Content-Type", kind}, header...)...)
	s.c.Check(s.t, r, res.StatusCode, res.Header, out)
	var v map[string]any
	_ = json.Unmarshal(out, &v)
	return res.StatusCode, v
}

const good = `{"type":"incident","title":"Лажна порука","description":"Тражи лозинку","language":"sr-Cyrl","contact":{"name":"Милица","email":"milica@primer.rs"},"files":[{"name":"a.txt","type":"text/plain","data":"YWJj"}]}`

func TestSendAndRead(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := newServer(t, db)
		const key = "0f2b7c9a-55d1-4f0e-9a66-3c1de8a90b42"
		code, a := s.call("", "POST", "", "application/json", []byte(good), "Idempotency-Key", key)
		if code != 201 || len(a["code"].(string)) != 25 || a["number"] != "P-2026-000001" {
			t.Fatalf("%d %v", code, a)
		}
		if code, b := s.call("", "POST", "", "application/json", []byte(good), "Idempotency-Key", key); code != 201 || b["code"] != a["code"] || b["id"] != a["id"] {
			t.Errorf("again: %d %v", code, b)
		}
		// Written otherwise, it is the same report; another one under the key is refused and not stored.
		same := strings.Replace(good, `{"type":"incident",`, `{ "language":"sr-Cyrl", "type" : "incident",`, 1)
		if code, b := s.call("", "POST", "", "application/json", []byte(strings.Replace(same, `,"language":"sr-Cyrl"`, "", 1)), "Idempotency-Key", key); code != 201 || b["id"] != a["id"] {
			t.Errorf("the same, written otherwise: %d %v", code, b)
		}
		for name, other := range map[string]string{"text": strings.Replace(good, "Тражи", "Нуди", 1), "file": strings.Replace(good, "YWJj", "YWJk", 1), "file's name": strings.Replace(good, "a.txt", "b.txt", 1),
			"no file": strings.Split(good, `,"files"`)[0] + "}", "contact": strings.Replace(good, "milica@", "marko@", 1)} {
			if code, b := s.call("", "POST", "", "application/json", []byte(other), "Idempotency-Key", key); code != 409 || b["code"] != nil {
				t.Errorf("another %s under the same key: %d %v", name, code, b)
			}
		}
		code, list := s.call("ana", "GET", "?state=open&q=lažna", "", nil)
		if code != 200 || len(list["items"].([]any)) != 1 {
			t.Errorf("%d %v", code, list)
		}
		if code, one := s.call("ana", "GET", "/"+a["number"].(string), "", nil); code != 200 || one["description"] != "Лажна порука\n\nТражи лозинку" || one["files"] != 1.0 {
			t.Errorf("%d %v", code, one)
		}
		for key, want := range map[string]int{"vesna": 404, "bora": 404, "mila": 404, "": 401, "x": 401} {
			if code, _ := s.call(key, "GET", "/"+a["id"].(string), "", nil); code != want {
				t.Errorf("%q reads with %d", key, code)
			}
		}
		if code, x := s.call("ana", "POST", "/"+a["id"].(string)+"/reject", "application/json", []byte(`{"reason":"није"}`), "If-Match", `"1"`); code != 200 || x["state"] != "rejected" {
			t.Errorf("%d %v", code, x)
		}
		if code, _ := s.call("ana", "POST", "/"+a["id"].(string)+"/undo", "", nil, "If-Match", `"1"`); code != 409 {
			t.Errorf("a stale tag: %d", code)
		}
		if code, x := s.call("ana", "POST", "/"+a["id"].(string)+"/undo", "", nil); code != 200 || x["state"] != "new" {
			t.Errorf("%d %v", code, x)
		}
	})
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := newServer(t, db)
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		_ = m.WriteField("report", `{"type":"vulnerability","description":"x","anonymous":true,"language":"en"}`)
		f, _ := m.CreateFormFile("file", "dokaz.bin")
		_, _ = f.Write(bytes.Repeat([]byte{7}, 300_000))
		_ = m.Close()
		whole := b.Bytes()
		if code, v := s.call("", "POST", "", m.FormDataContentType(), whole); code != 201 || !strings.Contains(v["received"].(string), ":00:00Z") {
			t.Errorf("%d %v", code, v)
		}
		parts := func(fill byte) ([]byte, string) {
			var b bytes.Buffer
			m := multipart.NewWriter(&b) // a boundary of its own each time
			_ = m.WriteField("report", `{"type":"vulnerability","description":"y","anonymous":true,"language":"en"}`)
			f, _ := m.CreateFormFile("file", "dokaz.bin")
			_, _ = f.Write(bytes.Repeat([]byte{fill}, 3000))
			_ = m.Close()
			return b.Bytes(), m.FormDataContentType()
		}
		var first any
		for i, fill := range []byte{1, 1, 2} {
			body, kind := parts(fill)
			code, v := s.call("", "POST", "", kind, body, "Idempotency-Key", "a-key-of-many-letters-7")
			if i == 0 {
				first = v["id"]
			}
			if want := []int{201, 201, 409}[i]; code != want || want == 201 && v["id"] != first {
				t.Errorf("multipart %d under one key: %d %v", i, code, v)
			}
		}
		if code, v := s.call("", "POST", "", m.FormDataContentType(), whole[:200_000]); code != 422 {
			t.Errorf("half sent: %d %v", code, v)
		}
		if _, list := s.call("ana", "GET", "", "", nil); len(list["items"].([]any)) != 2 {
			t.Errorf("half a report was stored: %v", list)
		}
	})
}

func TestHostileBodies(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := newServer(t, db)
		for name, body := range map[string]string{
			"no JSON": `{`, "not UTF-8": "{\"description\":\"a\xff\xfeb\",\"contact\":{\"name\":\"a\",\"email\":\"a@b.rs\"}}", "long ago": `{"description":"x","when":"0001-01-01T00:00:00Z","contact":{"name":"a","email":"a@b.rs"}}`,
			"in the future": `{"description":"x","when":"2099-01-01T00:00:00Z","contact":{"name":"a","email":"a@b.rs"}}`, "a list": `[]`, "two": good + good, "unknown field": `{"description":"x","anonymus":true}`, "wrong type": `{"description":7}`,
			"no description": `{"contact":{"name":"a","email":"a@b.rs"}}`, "no contact": `{"description":"x"}`, "bad language": `{"description":"x","language":"sr"}`,
			"bad time": `{"description":"x","when":"јуче"}`, "bad base64": `{"description":"x","contact":{"name":"a","email":"a@b.rs"},"files":[{"name":"a","data":"!"}]}`,
			"bad type": `{"description":"x","type":"joke","contact":{"name":"a","email":"a@b.rs"}}`, "anonymous incident": `{"description":"x","anonymous":true}`,
		} {
			if code, v := s.call("", "POST", "", "application/json", []byte(body)); code != 422 {
				t.Errorf("%s: %d %v", name, code, v)
			}
		}
		if code, _ := s.call("", "POST", "", "application/json", []byte(good), "Idempotency-Key", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"); code != 422 {
			t.Errorf("a guessable key: %d", code)
		}
		if code, v := s.call("", "POST", "", "application/json", []byte(`{"description":"a\u0000b\u001b","contact":{"name":"a\u0000","email":"a@b.rs"}}`)); code != 201 {
			t.Errorf("control characters: %d %v", code, v)
		}
		if n := len(blobs(t, s)); n != 0 {
			t.Errorf("%d rows of blobs left", n)
		}
	})
}

func blobs(t *testing.T, s *server) (out []int64) {
	t.Helper()
	err := s.w.DB.View(context.Background(), func(tx *store.Tx) (err error) {
		out, err = store.All(context.Background(), tx, store.ScanInt64, `SELECT size FROM blob_object`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
