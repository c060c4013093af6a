package intelmisp

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
)

func squeeze(s string) string {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, _ = io.WriteString(z, s)
	_ = z.Close()
	return b.String()
}

// bomb is a small request that unfolds to more than a value may hold.
var bomb = sync.OnceValue(func() string {
	return squeeze(`{"Event":{"info":"x","Attribute":[{"type":"comment","value":"` + strings.Repeat("a", 65<<20) + `"}]}}`)
})

// TestRow09HostileBodies: what cannot be read is refused in MISP's form, and nothing
// of it is stored.
func TestRow09HostileBodies(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		bomb := bomb()
		deep := strings.Repeat(`{"Event":`, 100) + `{}` + strings.Repeat(`}`, 100)
		for _, c := range []struct {
			name, path, body string
			header           []string
			status           int
		}{
			{"not JSON", "/events/add", `{"info":`, nil, 405},
			{"text", "/events/add", `info=x`, nil, 405},
			{"empty", "/events/add", ``, nil, 405},
			{"only space", "/events/add", " \n\t ", nil, 405},
			{"null", "/events/add", `null`, nil, 405},
			{"a list", "/events/add", `[{"info":"x"}]`, nil, 403},
			{"an empty object", "/events/add", `{}`, nil, 403},
			{"cut in the middle", "/events/add", `{"Event":{"info":"krnji događaj","Attribute":[{"type":"domain","value":"krnji.example.rs"}`, nil, 405},
			{"rubbish behind", "/events/add", `{"Event":{"info":"krnji"}} {"x":1}`, nil, 405},
			{"too deep", "/events/add", deep, nil, 413},
			{"not UTF-8", "/events/add", "{\"Event\":{\"info\":\"\xff\xfe\"}}", nil, 0},
			{"a NUL", "/events/add", `{"Event":{"info":"a\u0000b"}}`, nil, 0},
			{"gzip that is none", "/events/add", `{"info":"krnji"}`, []string{"Content-Encoding", "gzip"}, 405},
			{"gzip cut short", "/events/add", squeeze(`{"info":"krnji"}`)[:20], []string{"Content-Encoding", "gzip"}, 405},
			{"an encoding we do not speak", "/events/add", `x`, []string{"Content-Encoding", "zstd"}, 415},
			{"a bomb", "/events/add", bomb, []string{"Content-Encoding", "gzip"}, 413},
			{"a bomb for a search", "/attributes/restSearch", bomb, []string{"Content-Encoding", "gzip"}, 413},
			{"a search that is no object", "/attributes/restSearch", `"x"`, nil, 405},
			{"a search too deep", "/attributes/restSearch", deep, nil, 405},
			{"a tag that is an object", "/tags/attachTagToObject", `{"uuid":{"a":1},"tag":{"b":[2]}}`, nil, 404},
			{"an attribute that is a number", "/attributes/add/1", `7`, nil, 405},
			{"a report that is a list", "/eventReports/add/1", `[1,2]`, nil, 405},
			{"a sighting of nothing", "/sightings/add", `{"values":[[[]]]}`, nil, 200},
		} {
			got := w.ask("orgadmin", "POST", c.path, c.body, c.header...)
			if c.status != 0 && got.status != c.status || got.status >= 500 {
				t.Errorf("%s: %d, want %d: %.160s", c.name, got.status, c.status, got.body)
			}
			var v any
			if json.Unmarshal([]byte(got.body), &v) != nil {
				t.Errorf("%s: the answer is no JSON: %.100s", c.name, got.body)
			}
		}
		if left := w.ask("orgadmin", "POST", "/events/index", `{"eventinfo":"krnji"}`); left.body != "[]" {
			t.Errorf("something was stored in part: %s", left.body)
		}
		zipped := w.ask("orgadmin", "POST", "/events/add", squeeze(`{"info":"zapakovan"}`), "Content-Encoding", "gzip")
		if zipped.status != http.StatusOK || !strings.Contains(zipped.body, "zapakovan") {
			t.Errorf("a gzip request: %d %s", zipped.status, zipped.body)
		}
	})
}

// TestRow10HostilePaths: no path, however strange, is answered by anything but MISP's forms.
func TestRow10HostilePaths(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, p := range []string{"/events/view/..%2f..%2fetc", "/events/view/%00", "/misp/", "/misp", "/misp//events//index", "/events/%2e%2e/tags", "/admin", "/admin/admin/users/index",
			"/events/view/1/2/3/4/5/6/7/8", "/tags/view/:::", "/events/index/:", "/events/index/[]:x", "/events/index/a[]:b/a[]:c/a:d", "/events.json/view", "/EVENTS/index", "/Events/View/1",
			"/events/view/99999999999999999999999999", "/events/view/-1", "/events/view/1e9", "/openapi", "/events/restSearch/json/%25", "/misp/misp/events", "/attributes/view/1.xml.json"} {
			got := w.ask("user", "GET", p, "")
			if got.status >= 500 || got.status == http.StatusMovedPermanently {
				t.Errorf("%s: %d %.100s", p, got.status, got.body)
			}
		}
	})
}

// TestHead: clients ask by HEAD whether a thing exists.
func TestHead(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		got := w.ask("user", "POST", "/events/add", `{"info":"x","Attribute":[{"type":"domain","value":"a.example.rs"}]}`)
		var v struct {
			Event struct {
				UUID      string
				Attribute []struct{ UUID string }
			}
		}
		w.Must(json.Unmarshal([]byte(got.body), &v))
		for path, want := range map[string]int{"/events/view/" + v.Event.UUID: 200, "/attributes/view/" + v.Event.Attribute[0].UUID: 200, "/events/view/" + w.DB.NewUUID(): 404,
			"/attributes/view/" + w.DB.NewUUID(): 404, "/objects/view/" + w.DB.NewUUID(): 404, "/misp/events/view/" + v.Event.UUID: 200, "/sharing_groups/view/7": 404} {
			if a := w.ask("user", "HEAD", path, ""); a.status != want || a.body != "" {
				t.Errorf("HEAD %s: %d %q, want %d", path, a.status, a.body, want)
			}
		}
	})
}

// TestEntityTags: only who asks gets one, and who has it gets nothing more.
func TestEntityTags(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if got := w.ask("user", "GET", "/attributes/describeTypes.json", ""); got.header.Get("ETag") != "" {
			t.Error("an entity tag that nobody asked for")
		}
		w.ask("publisher", "POST", "/events/add", `{"info":"x","published":true,"distribution":"1","Attribute":[{"type":"domain","value":"a.example.rs"}]}`)
		first := w.ask("sync", "POST", "/events/index", `{"minimal":1,"published":1}`, "If-None-Match", `""`)
		tag := first.header.Get("ETag")
		if first.status != http.StatusOK || tag == "" {
			t.Fatalf("%d, ETag %q", first.status, tag)
		}
		for _, asked := range []string{tag, `"` + strings.Trim(tag, `"`) + `-gzip"`, "W/" + tag} {
			if again := w.ask("sync", "POST", "/events/index", `{"minimal":1,"published":1}`, "If-None-Match", asked); again.status != http.StatusNotModified || again.body != "" {
				t.Errorf("If-None-Match %s: %d %q", asked, again.status, again.body)
			}
		}
		w.ask("publisher", "POST", "/events/add", `{"info":"y","published":true,"distribution":"1","Attribute":[{"type":"domain","value":"b.example.rs"}]}`)
		if changed := w.ask("sync", "POST", "/events/index", `{"minimal":1,"published":1}`, "If-None-Match", tag); changed.status != http.StatusOK {
			t.Errorf("after a change: %d", changed.status)
		}
	})
}

// TestPretty: people get it indented, PyMISP and MISP compact.
func TestPretty(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for agent, compact := range map[string]bool{"PyMISP 2.5.34 - Python 3.11": true, "MISP 2.5.20 - #abc": true, "curl/8.5": false, "Mozilla/5.0": false} {
			got := w.ask("user", "GET", "/servers/getVersion", "", "User-Agent", agent)
			if strings.Contains(got.body, "\n") == compact {
				t.Errorf("%s: %s", agent, got.body)
			}
		}
	})
}

// TestSample: a sample that came bare lies in its archive, under filename|md5.
func TestSample(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		bare := base64.StdEncoding.EncodeToString([]byte("not malware"))
		got := w.ask("user", "POST", "/events/add", `{"info":"uzorak","Attribute":[{"type":"malware-sample","value":"mal.bin","data":"`+bare+`","encrypt":true}],
			"Object":[{"name":"file","meta-category":"file","description":"d","Attribute":[{"type":"malware-sample","object_relation":"malware-sample","value":"b.exe","data":"`+bare+`"}]}]}`)
		var v struct {
			Event struct {
				Attribute []struct{ Value, Data string }
				Object    []struct {
					Attribute []struct{ Value, Data string }
				}
			}
		}
		w.Must(json.Unmarshal([]byte(got.body), &v))
		if len(v.Event.Attribute) != 1 || len(v.Event.Object) != 1 {
			t.Fatal(got.body)
		}
		for name, a := range map[string]struct{ Value, Data string }{"mal.bin": v.Event.Attribute[0], "b.exe": v.Event.Object[0].Attribute[0]} {
			if want := name + "|e26eda69fe67b202469f2dc7045c09d7"; a.Value != want {
				t.Errorf("value %q, want %q", a.Value, want)
			}
			raw, err := base64.StdEncoding.DecodeString(a.Data)
			if err != nil || !intel.SampleSealed(raw) || bytes.Contains(raw, []byte("not malware")) {
				t.Errorf("%s lies open: %q", name, raw)
			}
		}
	})
}

// TestRecordedSamplesStay: what is such an archive already is not packed again.
func TestRecordedSamplesStay(t *testing.T) {
	a := misp.Attribute{Type: misp.T("malware-sample"), Value: misp.T("a.exe"), Data: misp.T(base64.StdEncoding.EncodeToString([]byte("x")))}
	intel.SealSample(&a)
	once := a.Data.V
	intel.SealSample(&a)
	if a.Data.V != once || !strings.HasPrefix(a.Value.V, "a.exe|") {
		t.Errorf("packed twice, value %q", a.Value.V)
	}
}

// FuzzPath: any path and any filter give a question or a refusal, never a panic,
// and a parsed path never names an action outside the grammar.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/events/view/1", "/misp/admin/users/index", "/events/index/limit:3/tags[]:a/tags[]:b.json", "/a:b/c:d", "/events/view/%41+b", "/..//%2e"} {
		f.Add(s, `{"value":["!a","b&&c"],"timestamp":["5d","1h"],"deleted":[0,1],"type":{"OR":["md5"]}}`)
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if strings.ContainsAny(path, "?#") || !strings.HasPrefix(path, "/") {
			t.Skip()
		}
		r.URL.Path, r.URL.RawPath = path, ""
		c := parse(httptest.NewRecorder(), r)
		if strings.Contains(c.action, "_") || c.action != strings.ToLower(c.action) && table[c.name()].fn != nil {
			t.Errorf("%q gives action %q", path, c.action)
		}
		_ = owns(strings.SplitN(strings.Trim(path, "/"), "/", 2)[0])
		if v, err := decode([]byte(body)); err == nil {
			if m, ok := v.(map[string]any); ok {
				q := query(m, time.Unix(1795321950, 0))
				if q.Limit < 0 || q.Page < 0 {
					t.Errorf("%q gives limit %d, page %d", body, q.Limit, q.Page)
				}
			}
		}
	})
}

// TestSTIX: a search as STIX 2.1: one bundle, nothing twice, references resolve,
// and only what the caller sees.
func TestSTIX(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		plant(t, w)
		for _, info := range []string{"prvi", "drugi"} {
			w.ask("publisher", "POST", "/events/add", `{"info":"`+info+`","published":true,"distribution":"1","Tag":[{"name":"tlp:green"}],"Attribute":[{"type":"domain","value":"`+info+`.example.rs"}]}`)
		}
		for _, scope := range []string{"events", "attributes"} {
			got := w.ask("other", "POST", "/"+scope+"/restSearch", `{"returnFormat":"stix2"}`)
			leak(t, scope, got)
			var b struct {
				Type    string
				Objects []struct {
					ID, Type string
					Created  string   `json:"created_by_ref"`
					Marks    []string `json:"object_marking_refs"`
				}
			}
			if err := json.Unmarshal([]byte(got.body), &b); err != nil || b.Type != "bundle" {
				t.Fatalf("%s: %v %.200s", scope, err, got.body)
			}
			ids, indicators := map[string]bool{}, 0
			for _, o := range b.Objects {
				if ids[o.ID] {
					t.Errorf("%s: %s twice", scope, o.ID)
				}
				ids[o.ID] = true
				if o.Type == "indicator" {
					indicators++
				}
			}
			for _, o := range b.Objects {
				for _, ref := range append(o.Marks, o.Created) {
					if ref != "" && !ids[ref] {
						t.Errorf("%s: %s refers to %s, which is not there", scope, o.ID, ref)
					}
				}
			}
			if indicators != 2 {
				t.Errorf("%s: %d indicators, want 2: %s", scope, indicators, got.body)
			}
		}
	})
}

// TestMethodsThatNobodyUses: a method that no client has does nothing and tells nothing.
func TestMethodsThatNobodyUses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, method := range []string{"TRACE", "OPTIONS", "PROPFIND", "QUERY"} {
			if got := w.ask("admin", method, "/events/index", ""); got.status != http.StatusMethodNotAllowed || strings.Contains(got.body, "uuid") {
				t.Errorf("%s: %d %.200s", method, got.status, got.body)
			}
		}
	})
}
