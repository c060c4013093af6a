package inteltaxii_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/format/taxii"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// sample is an event with what makes several objects of each kind.
func sample(info string, level intel.Distribution, values ...string) *misp.Event {
	e := inteltest.Event(info, level)
	for i, v := range values {
		a := inteltest.Attr("domain", v)
		a.ToIDS = misp.B(i%2 == 0)
		e.Attribute = append(e.Attribute, a)
	}
	return e
}

// TestDoors: addresses, methods, media types and authentication (TAXII 2.1 §1.6, §3, §4).
func TestDoors(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.publish("alfa", sample("first", intel.Community, "one.example.com", "two.example.com"))
		community := h.collection("gama", "community")
		narrow := h.key("gama", account.NewKey{Name: "misp only", Scopes: []string{"misp"}})
		header := func(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }
		method := func(m string) func(*http.Request) { return func(r *http.Request) { r.Method = m } }
		for _, c := range []struct {
			name, path string
			code       int
			edit       func(*http.Request)
		}{
			{"discovery", "", 200, nil},
			{"api root", "straza/", 200, nil},
			{"api root, no slash", "straza", 200, nil},
			{"collections", "straza/collections/", 200, nil},
			{"collections, no slash", "straza/collections", 200, nil},
			{"collection", community, 200, nil},
			{"collection, no slash", strings.TrimSuffix(community, "/"), 200, nil},
			{"collection by alias", "straza/collections/community/", 200, nil},
			{"manifest", community + "manifest/", 200, nil},
			{"objects, no slash", community + "objects", 200, nil},
			{"unknown root", "other/", 404, nil},
			{"unknown collection", "straza/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116/", 404, nil},
			{"no uuid", "straza/collections/x/objects/", 404, nil},
			{"two slashes", "straza//", 404, nil},
			{"unknown address", "straza/channels/", 404, nil},
			{"status", "straza/status/91a7b528-80eb-42ed-a74d-c6fbd5a26116/", 404, nil},
			{"unknown object", community + "objects/indicator--91a7b528-80eb-42ed-a74d-c6fbd5a26116/", 404, nil},
			{"no object id", community + "objects/x/", 404, nil},
			{"versions of an unknown object", community + "objects/indicator--91a7b528-80eb-42ed-a74d-c6fbd5a26116/versions/", 404, nil},
			{"writing", community + "objects/", 403, method("POST")},
			{"deleting", community + "objects/indicator--91a7b528-80eb-42ed-a74d-c6fbd5a26116/", 403, method("DELETE")},
			{"other method", "straza/", 405, method("PUT")},
			{"head", community + "objects/", 200, method("HEAD")},
			{"bare media type", "", 200, header("Accept", "application/taxii+json")},
			{"anything", "", 200, header("Accept", "*/*")},
			{"any application", "", 200, header("Accept", "application/*")},
			{"spaces", "", 200, header("Accept", "application/taxii+json ; version=2.1")},
			{"none", "", 200, func(r *http.Request) { r.Header.Del("Accept") }},
			{"other media type", "", 406, header("Accept", "text/csv")},
			{"other version", "", 406, header("Accept", "application/taxii+json;version=2.0")},
			{"nobody", "", 401, func(r *http.Request) { r.Header.Del("Authorization") }},
			{"wrong key", "straza/", 401, func(r *http.Request) { r.SetBasicAuth("gama", strings.Repeat("0", 40)) }},
			{"a password with a colon is no key", "straza/", 401, func(r *http.Request) { r.SetBasicAuth("gama", "a:b:c") }},
			{"bearer", "straza/", 200, header("Authorization", "Bearer "+h.keys["gama"])},
			{"scheme in small letters", "straza/", 200, func(r *http.Request) {
				r.Header.Set("Authorization", "basic"+strings.TrimPrefix(r.Header.Get("Authorization"), "Basic"))
			}},
			{"scope", "straza/", 403, header("Authorization", "Bearer "+narrow)},
			{"no user agent", "straza/", 200, header("User-Agent", "")},
		} {
			edit := []func(*http.Request){}
			if c.edit != nil {
				edit = append(edit, c.edit)
			}
			a := h.ask("gama", c.path, edit...)
			if a.code != c.code {
				t.Errorf("%s: %d, want %d: %s", c.name, a.code, c.code, a.body)
			}
			if a.code < 400 {
				continue
			}
			var e taxii.Error
			if err := json.Unmarshal(a.body, &e); err != nil || e.Title == "" || e.Status() != a.code || e.ErrorID == "" {
				t.Errorf("%s: error body %s, %v", c.name, a.body, err)
			}
			if got := a.head.Values("WWW-Authenticate"); a.code == 401 && !strings.HasPrefix(strings.Join(got, " "), "Basic ") {
				t.Errorf("%s: WWW-Authenticate %q", c.name, got)
			}
		}
	})
}

var (
	uuid4  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	sixths = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)
)

// TestResources: compulsory fields, ids, order, times, and that empty lists are
// left out (§3.1, §4, §5).
func TestResources(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		var d taxii.Discovery
		h.get("alfa", "", &d)
		if d.Title == "" || !slices.Contains(d.APIRoots, d.Default) || d.Default != h.url+"straza/" {
			t.Errorf("discovery: %+v", d)
		}
		var root taxii.APIRoot
		h.get("alfa", "straza/", &root)
		if root.Title == "" || !slices.Contains(root.Versions, taxii.MediaType) || root.MaxContentLength <= 0 {
			t.Errorf("api root: %+v", root)
		}
		var list, again taxii.Collections
		h.get("alfa", "straza/collections/", &list)
		h.get("alfa", "straza/collections/", &again)
		if len(list.Collections) != 4 { // community, own, inbox, the group
			t.Fatalf("collections: %+v", list)
		}
		for i, c := range list.Collections {
			if !uuid4.MatchString(c.ID) || c.Title == "" || !c.CanRead || c.CanWrite != (c.Alias == "inbox") || i > 0 && list.Collections[i-1].ID >= c.ID || c.ID != again.Collections[i].ID {
				t.Errorf("collection: %+v", c)
			}
		}
		community := h.collection("alfa", "community")
		for _, what := range []string{"objects/", "manifest/", "objects/?match[type]=malware"} {
			a := h.ask("alfa", community+what)
			if a.code != 200 || string(a.body) != "{}" {
				t.Errorf("empty %s: %d %s", what, a.code, a.body)
			}
			for k := range a.head {
				if strings.HasPrefix(strings.ToUpper(k), "X-TAXII") {
					t.Errorf("empty %s has %s: %q", what, k, a.head.Get(k))
				}
			}
		}
		h.publish("alfa", sample("first", intel.Community, "one.example.com", "two.example.com", "three.example.com"))
		var m taxii.Manifest
		head := h.get("beta", community+"manifest/", &m)
		if len(m.Objects) < 8 {
			t.Fatalf("manifest: %+v", m)
		}
		for i, o := range m.Objects {
			if !sixths.MatchString(o.DateAdded) || i > 0 && m.Objects[i-1].DateAdded >= o.DateAdded || o.Version == "" || o.MediaType != taxii.MediaTypeSTIX {
				t.Errorf("manifest record %d: %+v", i, o)
			}
			if o.Version == o.DateAdded != (strings.HasPrefix(o.ID, "domain-name--")) {
				t.Errorf("version of %s: %s, added %s", o.ID, o.Version, o.DateAdded)
			}
		}
		if head.Get("X-TAXII-Date-Added-First") != m.Objects[0].DateAdded || head.Get("X-TAXII-Date-Added-Last") != m.Objects[len(m.Objects)-1].DateAdded {
			t.Errorf("date headers: %v", head)
		}
		objects := h.all("beta", community, "")
		if len(objects) != len(m.Objects) {
			t.Fatalf("%d objects, %d in the manifest", len(objects), len(m.Objects))
		}
		for i, o := range objects {
			if o.ID != m.Objects[i].ID || o.SpecVersion != "2.1" {
				t.Errorf("object %d: %s, manifest %s", i, o.raw, m.Objects[i].ID)
			}
			for _, p := range []string{"objects/" + o.ID + "/", "objects/" + o.ID + "/versions/", "objects/" + o.ID} {
				a := h.ask("beta", community+p)
				if a.code != 200 || a.head.Get("X-TAXII-Date-Added-First") != m.Objects[i].DateAdded || a.head.Get("X-TAXII-Date-Added-Last") != m.Objects[i].DateAdded {
					t.Errorf("%s: %d %s %v", p, a.code, a.body, a.head)
				}
			}
			var v taxii.Versions
			h.get("beta", community+"objects/"+o.ID+"/versions/", &v)
			if !slices.Equal(v.Versions, []string{m.Objects[i].Version}) {
				t.Errorf("versions of %s: %v", o.ID, v.Versions)
			}
		}
	})
}
