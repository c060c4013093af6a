package inteltaxii_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/format/taxii"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// rule is one rule of the standard or of how its clients behave, by the name under which
// docs/taxii.md lists it.
type rule struct {
	name  string
	check func(h *conformance)
}

// conformance is a house with something in it: an event of Alfa's in two versions, one of
// Beta's, a large one of its own, and an inbox of Alfa's with two objects.
type conformance struct {
	*house
	db              *store.DB
	community       string // paths, as Gama reads them
	inbox           string // Alfa's
	whole           []object
	dated           []taxii.ManifestRecord
	before, changed string // versions of the indicator that was edited
	edited          string // its id
	posted          taxii.Status
}

func newConformance(t *testing.T, db *store.DB, now *clock.Moved) *conformance {
	c := &conformance{house: newHouse(t, db, now), db: db}
	e := c.publish("alfa", sample("first", intel.Community, "a.example.com", "b.example.com", "c.example.com"))
	c.community, c.inbox = c.collection("gama", "community"), c.collection("alfa", "inbox")
	was := c.all("gama", c.community, "match[type]=indicator")[0]
	c.edited, c.before = was.ID, was.Modified
	now.Add(time.Minute)
	var attr intel.Attribute
	c.Must(c.Intel.Attributes(ctx, c.who["alfa"], e.UUID, intel.Part{Limit: 1}, func(a *intel.Attribute) error { attr = *a; return nil }))
	_, err := c.Intel.EditAttribute(ctx, c.who["alfa"], attr.UUID, misp.Attribute{Comment: misp.T("seen again")})
	c.Must(err)
	c.again("alfa", e.UUID)
	c.publish("beta", sample("second", intel.Community, "d.example.com"))
	many := inteltest.Event("many", intel.OwnOrg)
	for i := range 1200 {
		many.Attribute = append(many.Attribute, inteltest.Attr("domain", fmt.Sprintf("n%d.example.com", i)))
	}
	c.publish("beta", many)
	c.whole, c.dated = c.all("gama", c.community, ""), c.manifest("gama", c.community, "")
	for _, o := range c.whole {
		if o.ID == c.edited {
			c.changed = o.Modified
		}
	}
	c.posted = c.post("alfa", badIP, other)
	c.drain(db)
	return c
}

// is wants a code, and of a refusal the error resource.
func (c *conformance) is(want int, name, path string, edit ...func(*http.Request)) reply {
	c.t.Helper()
	a := c.ask(name, path, edit...)
	if a.code != want {
		c.t.Errorf("%s: %d, want %d: %.300s", path, a.code, want, a.body)
	}
	return a
}

func header(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }

func method(m string) func(*http.Request) { return func(r *http.Request) { r.Method = m } }

// allRules are those that docs/taxii.md lists.
func allRules() []rule {
	return slices.Concat(mediaRules, timeRules, pageRules, matchRules, writeRules, errorRules, designRules, peerRules, interopRules)
}

// TestTAXIIRulesAreListed: the table in the documentation and the rules here are the same.
func TestTAXIIRulesAreListed(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../docs/taxii.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed, have []string
	for _, m := range regexp.MustCompile("`TestTAXIIConformance/([a-z0-9_]+)`").FindAllStringSubmatch(string(b), -1) {
		listed = append(listed, m[1])
	}
	for _, r := range allRules() {
		have = append(have, r.name)
	}
	slices.Sort(listed)
	slices.Sort(have)
	if diff := cmp.Diff(have, listed); diff != "" {
		t.Errorf("(-rules +docs/taxii.md)\n%s", diff)
	}
}

// TestTAXIIConformance: spec standards §1.2, §1.3 and §1.5, one subtest for each rule.
func TestTAXIIConformance(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		c := newConformance(t, db, now)
		for _, r := range allRules() {
			t.Run(r.name, func(t *testing.T) {
				one := *c
				h := *c.house
				h.t, one.house = t, &h
				r.check(&one)
			})
		}
	})
}

var mediaRules = []rule{
	{"every_answer_names_media_type_and_version", func(c *conformance) { // ask tests the header of each
		c.is(200, "gama", c.community+"objects/")
		c.is(404, "gama", "straza/nothing/")
		c.is(401, "", "straza/")
		c.is(400, "gama", c.community+"objects/?limit=0")
		c.is(405, "gama", "straza/", method("PUT"))
	}},
	{"bare_any_and_spaced_media_types_are_taken", func(c *conformance) {
		for _, accept := range []string{"application/taxii+json", "*/*", "application/*", "application/taxii+json ; version=2.1", "application/taxii+json; version=2.1",
			"application/taxii+json;version=2.1;q=0.8", "text/html, application/taxii+json;version=2.1", "APPLICATION/TAXII+JSON;VERSION=2.1"} {
			c.is(200, "gama", c.community+"objects/", header("Accept", accept))
		}
	}},
	{"other_accept_is_406", func(c *conformance) {
		for _, accept := range []string{"text/csv", "application/json", "application/taxii+json;version=2.0", "application/vnd.oasis.stix+json", "application/taxii+json;version=2.1;q=0"} {
			c.is(406, "gama", c.community+"objects/", header("Accept", accept))
		}
	}},
	{"post_of_another_content_type_is_415", func(c *conformance) {
		for _, typ := range []string{"application/json", "application/stix+json;version=2.1", "text/plain", "application/taxii+json;version=2.0", ""} {
			c.is(415, "alfa", c.inbox+"objects/", send(envelopeWith(other), header("Content-Type", typ)))
		}
	}},
	{"slashless_addresses_are_served_not_redirected", func(c *conformance) {
		c.is(200, "gama", "straza")
		c.is(200, "gama", strings.TrimSuffix(c.community, "/"))
		c.is(200, "gama", c.community+"objects")
		c.is(200, "gama", c.community+"objects/"+c.edited)
		c.is(202, "alfa", c.inbox+"objects", send(envelopeWith(other)))
	}},
	{"discovery_default_is_one_of_the_roots", func(c *conformance) {
		var d taxii.Discovery
		c.get("gama", "", &d)
		if d.Title == "" || !slices.Contains(d.APIRoots, d.Default) {
			c.t.Errorf("%+v", d)
		}
	}},
	{"api_root_has_its_compulsory_fields", func(c *conformance) {
		var r taxii.APIRoot
		c.get("gama", "straza/", &r)
		if r.Title == "" || r.MaxContentLength < 1 || !slices.Equal(r.Versions, []string{taxii.MediaType}) {
			c.t.Errorf("%+v", r)
		}
	}},
	{"collection_has_its_compulsory_fields_in_order_of_id", func(c *conformance) {
		var raw struct{ Collections []map[string]any }
		c.get("alfa", "straza/collections/", &raw)
		var list []string
		for _, x := range raw.Collections {
			for _, k := range []string{"id", "title", "can_read", "can_write"} {
				if x[k] == nil || x[k] == "" {
					c.t.Errorf("no %s: %v", k, x)
				}
			}
			list = append(list, x["id"].(string))
		}
		if len(list) < 4 || !slices.IsSorted(list) {
			c.t.Errorf("%v", list)
		}
	}},
	{"alias_stands_for_the_id", func(c *conformance) {
		var by taxii.Collection
		c.get("gama", "straza/collections/community/", &by)
		if "straza/collections/"+by.ID+"/" != c.community || by.Alias != "community" {
			c.t.Errorf("%+v", by)
		}
		c.is(200, "gama", "straza/collections/community/objects/")
	}},
	{"manifest_record_has_its_fields", func(c *conformance) {
		for _, m := range c.dated {
			if m.ID == "" || !sixths.MatchString(m.DateAdded) || m.Version == "" || m.MediaType != taxii.MediaTypeSTIX {
				c.t.Errorf("%+v", m)
			}
		}
	}},
	{"range_is_not_paging", func(c *conformance) { // TAXII 2.0
		if a := c.is(200, "gama", c.community+"objects/", header("Range", "items 0-1")); a.head.Get("Content-Range") != "" || a.head.Get("Accept-Ranges") != "" {
			c.t.Errorf("%v", a.head)
		}
	}},
}

var timeRules = []rule{
	{"times_are_utc_with_six_digits", func(c *conformance) {
		var st taxii.Status
		c.get("alfa", "straza/status/"+c.posted.ID+"/", &st)
		head := c.get("gama", c.community+"manifest/", &taxii.Manifest{})
		for _, s := range []string{st.RequestTimestamp, c.dated[0].DateAdded, head.Get("X-TAXII-Date-Added-First"), head.Get("X-TAXII-Date-Added-Last")} {
			if !sixths.MatchString(s) {
				c.t.Errorf("%q", s)
			}
		}
	}},
	{"stix_versions_keep_their_own_precision", func(c *conformance) {
		for _, m := range c.manifest("alfa", c.inbox, "") {
			if m.Version != "2026-01-01T00:00:00.000Z" {
				c.t.Errorf("%+v", m)
			}
		}
	}},
	{"api_ids_are_uuid4_in_small_letters", func(c *conformance) {
		var list taxii.Collections
		c.get("alfa", "straza/collections/", &list)
		for _, x := range list.Collections {
			if !uuid4.MatchString(x.ID) {
				c.t.Errorf("%+v", x)
			}
		}
		if !uuid4.MatchString(c.posted.ID) {
			c.t.Errorf("status %s", c.posted.ID)
		}
	}},
	{"empty_lists_are_left_out", func(c *conformance) {
		for _, path := range []string{"objects/", "manifest/"} {
			for _, q := range []string{"?match[type]=malware", "?added_after=2099-01-01T00:00:00Z", "?match[spec_version]=2.0"} {
				if a := c.is(200, "gama", c.community+path+q); string(a.body) != "{}" {
					c.t.Errorf("%s%s: %s", path, q, a.body)
				}
			}
		}
		if b, _ := json.Marshal(taxii.Collections{}); string(b) != "{}" {
			c.t.Errorf("no collections: %s", b)
		}
		var st map[string]any
		c.get("alfa", "straza/status/"+c.posted.ID+"/", &st)
		for _, k := range []string{"failures", "pendings"} {
			if _, ok := st[k]; ok {
				c.t.Errorf("a status with an empty %s: %v", k, st)
			}
		}
	}},
	{"date_headers_on_every_answer_with_objects", func(c *conformance) {
		one := "objects/" + c.edited + "/"
		for _, path := range []string{"manifest/", "objects/", one, one + "versions/"} {
			a := c.is(200, "gama", c.community+path)
			first, last := a.head.Get("X-TAXII-Date-Added-First"), a.head.Get("X-TAXII-Date-Added-Last")
			if !sixths.MatchString(first) || !sixths.MatchString(last) || first > last {
				c.t.Errorf("%s: %q to %q", path, first, last)
			}
		}
	}},
	{"no_date_headers_on_an_empty_answer", func(c *conformance) {
		for _, path := range []string{"manifest/?match[type]=malware", "objects/?match[type]=malware", "objects/" + c.edited + "/?match[version]=1999-01-01T00:00:00Z"} {
			for k := range c.is(200, "gama", c.community+path).head {
				if strings.HasPrefix(strings.ToUpper(k), "X-TAXII") {
					c.t.Errorf("%s has %s", path, k)
				}
			}
		}
	}},
	{"objects_and_manifest_ascend_by_date_added", func(c *conformance) {
		if len(c.dated) != len(c.whole) {
			c.t.Fatalf("%d and %d", len(c.dated), len(c.whole))
		}
		for i, m := range c.dated {
			if m.ID != c.whole[i].ID || i > 0 && m.DateAdded <= c.dated[i-1].DateAdded {
				c.t.Errorf("%d: %+v", i, m)
			}
		}
	}},
	{"added_after_is_exclusive", func(c *conformance) {
		for i, m := range c.dated {
			if got := c.manifest("gama", c.community, "added_after="+m.DateAdded); len(got) != len(c.dated)-i-1 {
				c.t.Errorf("after %s: %d of %d", m.DateAdded, len(got), len(c.dated)-i-1)
			}
		}
	}},
	{"added_after_with_and_without_fraction", func(c *conformance) {
		for _, s := range []string{"2020-01-01T00:00:00Z", "2020-01-01T00:00:00.0Z", "2020-01-01T00:00:00.123Z", "2020-01-01T00:00:00.123456Z", "2020-01-01T00:00:00.123456789Z"} {
			if got := c.manifest("gama", c.community, "added_after="+s); len(got) != len(c.dated) {
				c.t.Errorf("%s: %d", s, len(got))
			}
		}
		for _, s := range []string{"yesterday", "2020-01-01", "2020-01-01T00:00:00%2B01:00", "2020-01-01T00:00:00", ""} {
			c.is(400, "gama", c.community+"objects/?added_after="+s)
		}
	}},
}

var pageRules = []rule{
	{"limit_is_a_whole_number_above_nought", func(c *conformance) {
		for _, s := range []string{"0", "-1", "x", "1.5", "%2B1", ""} {
			for _, path := range []string{"objects/", "manifest/", "objects/" + c.edited + "/", "objects/" + c.edited + "/versions/"} {
				c.is(400, "gama", c.community+path+"?limit="+s)
			}
		}
	}},
	{"limit_is_never_exceeded", func(c *conformance) {
		for n := 1; n < len(c.whole)+2; n++ {
			var e envelope
			c.get("gama", c.community+fmt.Sprintf("objects/?limit=%d", n), &e)
			if len(e.Objects) > n {
				c.t.Errorf("%d objects for %d", len(e.Objects), n)
			}
		}
	}},
	{"page_is_100_and_at_most_1000", func(c *conformance) {
		own := c.collection("beta", "own")
		for q, want := range map[string]int{"": 100, "?limit=1000000": 1000, "?limit=250": 250} {
			var e envelope
			if c.get("beta", own+"objects/"+q, &e); len(e.Objects) != want || !e.More || e.Next == "" {
				c.t.Errorf("%q: %d, more %v", q, len(e.Objects), e.More)
			}
		}
	}},
	{"more_as_long_as_there_is_more", func(c *conformance) {
		for n := 1; n <= len(c.whole); n++ {
			var e envelope
			c.get("gama", c.community+fmt.Sprintf("objects/?limit=%d", n), &e)
			if e.More != (n < len(c.whole)) || e.More != (e.Next != "") {
				c.t.Errorf("limit %d of %d: more %v, next %q", n, len(c.whole), e.More, e.Next)
			}
		}
	}},
	{"next_belongs_to_collection_reader_and_filters", func(c *conformance) {
		var e envelope
		c.get("gama", c.community+"objects/?limit=2&match[type]=indicator,domain-name", &e)
		for _, q := range []string{"", "&match[type]=indicator", "&match[type]=indicator,domain-name&added_after=2020-01-01T00:00:00Z", "&match[type]=indicator,domain-name&match[version]=all"} {
			c.is(400, "gama", c.community+"objects/?next="+e.Next+q)
		}
		same := "&match[type]=domain-name,indicator"
		c.is(200, "gama", c.community+"objects/?next="+e.Next+same)
		c.is(400, "beta", c.collection("beta", "own")+"objects/?next="+e.Next+same)
		c.is(400, "beta", c.community+"objects/?next="+e.Next+same)
		c.is(400, "gama", c.community+"objects/?next=abc")
	}},
	{"limit_may_change_with_next", func(c *conformance) {
		var one, rest envelope
		c.get("gama", c.community+"objects/?limit=1", &one)
		c.get("gama", c.community+"objects/?limit=7&next="+one.Next, &rest)
		if len(rest.Objects) != 7 || rest.Objects[0].ID != c.whole[1].ID {
			c.t.Errorf("%v", ids(rest.Objects))
		}
	}},
	{"without_next_on_by_date_added_last", func(c *conformance) {
		var got []object
		for after := ""; ; {
			var e envelope
			head := c.get("gama", c.community+"objects/?limit=3"+after, &e)
			got = append(got, e.Objects...)
			if !e.More {
				break
			}
			after = "&added_after=" + head.Get("X-TAXII-Date-Added-Last")
		}
		if !slices.Equal(ids(got), ids(c.whole)) {
			c.t.Errorf("%v", ids(got))
		}
	}},
	{"object_get_pages_and_filters", func(c *conformance) {
		var one, two, none envelope
		path := c.community + "objects/" + c.edited + "/"
		c.get("gama", path+"?match[version]=all&limit=1", &one)
		c.get("gama", path+"?match[version]=all&limit=1&next="+one.Next, &two)
		if !one.More || two.More || !slices.Equal(ids(append(one.Objects, two.Objects...)), []string{c.edited + " " + c.before, c.edited + " " + c.changed}) {
			c.t.Errorf("%v, %v", ids(one.Objects), ids(two.Objects))
		}
		if c.get("gama", path+"?match[spec_version]=2.0", &none); len(none.Objects) != 0 {
			c.t.Errorf("%v", ids(none.Objects))
		}
		c.is(404, "gama", c.community+"objects/indicator--91a7b528-80eb-42ed-a74d-c6fbd5a26116/")
	}},
	{"versions_take_spec_version_added_after_limit_and_next", func(c *conformance) {
		path := c.community + "objects/" + c.edited + "/versions/"
		var all, one, two, later, none taxii.Versions
		c.get("gama", path, &all)
		c.get("gama", path+"?limit=1", &one)
		c.get("gama", path+"?limit=1&next="+one.Next, &two)
		first := c.get("gama", path+"?limit=1", &one).Get("X-TAXII-Date-Added-Last")
		c.get("gama", path+"?added_after="+first, &later)
		c.get("gama", path+"?match[spec_version]=2.0", &none)
		if want := []string{c.before, c.changed}; !slices.Equal(all.Versions, want) || !slices.Equal(append(one.Versions, two.Versions...), want) ||
			!slices.Equal(later.Versions, want[1:]) || len(none.Versions) != 0 {
			c.t.Errorf("%v %v %v %v %v", all, one, two, later, none)
		}
	}},
}
