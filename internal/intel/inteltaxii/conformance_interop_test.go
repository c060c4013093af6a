package inteltaxii_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"straza/internal/format/taxii"
)

// raised is fresh in a later version.
func raised(n, month int) string {
	return strings.Replace(fresh(n), `"modified":"2026-01-01`, fmt.Sprintf(`"modified":"2026-%02d-01`, month), 1)
}

func freshID(n int) string { return fmt.Sprintf("x-other--82a48ef4-acc4-4f85-982c-%012d", n) }

// interopRules are what the programme of interoperability and other servers' own tests ask
// for besides.
var interopRules = []rule{
	{"what_is_not_there_is_404_everywhere", func(c *conformance) {
		nowhere := "straza/collections/82a48ef4-acc4-4f85-982c-870edf5db19b/"
		for _, path := range []string{nowhere, nowhere + "manifest/", nowhere + "objects/", nowhere + "objects/" + c.edited + "/", nowhere + "objects/" + c.edited + "/versions/",
			c.community + "objects/" + freshID(404) + "/", c.community + "objects/" + freshID(404) + "/versions/", "straza/status/82a48ef4-acc4-4f85-982c-870edf5db19b/", "other/collections/", "straza/else/"} {
			c.is(404, "gama", path)
		}
		c.is(404, "alfa", nowhere+"objects/", send(envelopeWith(other)))
	}},
	{"every_refusal_names_its_own_code", func(c *conformance) {
		for code, a := range map[int]reply{400: c.ask("gama", c.community+"objects/?added_after=soon"), 401: c.ask("", "straza/"), 403: c.ask("alfa", c.collection("alfa", "community")+"objects/", send(envelopeWith(other))),
			404: c.ask("gama", "straza/nothing/"), 406: c.ask("gama", "straza/", header("Accept", "text/csv")), 415: c.ask("alfa", c.inbox+"objects/", send("{}"), header("Content-Type", "text/plain")),
			422: c.ask("alfa", c.inbox+"objects/", send("{}"))} {
			var e map[string]any
			c.Must(json.Unmarshal(a.body, &e))
			if a.code != code || e["http_status"] != fmt.Sprint(code) || e["title"] == nil || e["title"] == "" {
				c.t.Errorf("%d: %d %s", code, a.code, a.body)
			}
		}
	}},
	{"the_best_of_several_accepted_types_is_taken", func(c *conformance) {
		for accept, want := range map[string]int{"application/taxii+json;version=2.0;q=1, application/taxii+json;version=2.1;q=0.1": 200, "application/json;q=0.9, */*;q=0.1": 200, "application/json;q=0.9, application/taxii+json;version=2.1;q=0.0": 406,
			"application/json;q=1, text/*;q=0.5": 406, "application/taxii+json;version=\"2.1\"": 200} {
			c.is(want, "gama", "straza/", header("Accept", accept))
		}
		r := c.is(200, "gama", "straza/", func(r *http.Request) {
			r.Header["Accept"] = []string{"text/html", "application/taxii+json;version=2.1"}
		})
		if len(r.body) == 0 {
			c.t.Error("nothing")
		}
	}},
	{"a_page_says_when_its_own_first_and_last_came", func(c *conformance) {
		dated := c.manifest("gama", c.community, "") // rules before this one have added some
		var seen []string
		next := ""
		for range len(dated) {
			var e envelope
			head := c.get("gama", c.community+"objects/?limit=3"+next, &e)
			first, last := head.Get("X-TAXII-Date-Added-First"), head.Get("X-TAXII-Date-Added-Last")
			at := len(seen)
			if at+len(e.Objects) > len(dated) || len(e.Objects) == 0 {
				c.t.Fatalf("%d and %d objects of %d", at, len(e.Objects), len(dated))
			}
			for _, o := range e.Objects {
				seen = append(seen, o.ID)
			}
			if first != dated[at].DateAdded || last != dated[len(seen)-1].DateAdded {
				c.t.Errorf("objects %d to %d: %s to %s", at, len(seen), first, last)
			}
			if next = "&next=" + e.Next; !e.More {
				break
			}
		}
		if len(seen) != len(dated) {
			c.t.Errorf("%d of %d", len(seen), len(dated))
		}
	}},
	{"pages_of_the_manifest_and_of_objects_are_the_same", func(c *conformance) {
		var e envelope
		var m struct {
			More    bool
			Objects []taxii.ManifestRecord
		}
		c.get("gama", c.community+"objects/?limit=4", &e)
		c.get("gama", c.community+"manifest/?limit=4", &m)
		if len(e.Objects) != 4 || len(m.Objects) != 4 || !e.More || !m.More {
			c.t.Fatalf("%d and %d", len(e.Objects), len(m.Objects))
		}
		for i := range 4 {
			if e.Objects[i].ID != m.Objects[i].ID {
				c.t.Errorf("%d: %s and %s", i, e.Objects[i].ID, m.Objects[i].ID)
			}
		}
	}},
	{"added_after_and_match_and_limit_page_together", func(c *conformance) {
		want := c.manifest("gama", c.community, "match[spec_version]=2.1&match[type]=indicator&added_after="+c.dated[0].DateAdded)
		var got []string
		next := ""
		for {
			var e envelope
			c.get("gama", c.community+"objects/?match[spec_version]=2.1&match[type]=indicator&limit=1&added_after="+c.dated[0].DateAdded+next, &e)
			for _, o := range e.Objects {
				got = append(got, o.ID)
			}
			if next = "&next=" + e.Next; !e.More || len(got) > len(want) {
				break
			}
		}
		ids := []string{}
		for _, m := range want {
			ids = append(ids, m.ID)
		}
		if len(ids) < 2 || !slices.Equal(ids, got) {
			c.t.Errorf("%v, want %v", got, ids)
		}
	}},
	{"a_filter_that_nothing_passes_is_an_empty_page", func(c *conformance) {
		for _, q := range []string{"match[spec_version]=2.0", "match[id]=" + freshID(404), "match[type]=malware", "added_after=2126-01-01T00:00:00Z"} {
			for _, path := range []string{"objects/", "manifest/"} {
				if a := c.is(200, "gama", c.community+path+"?"+q); strings.TrimSpace(string(a.body)) != "{}" {
					c.t.Errorf("%s?%s: %s", path, q, a.body)
				}
			}
		}
	}},
	{"what_was_posted_stands_in_manifest_objects_and_versions", func(c *conformance) {
		c.post("alfa", fresh(20), raised(20, 3), raised(20, 2))
		c.drain(c.db)
		m := c.manifest("alfa", c.inbox, "match[version]=all&match[id]="+freshID(20))
		if len(m) != 3 || m[0].MediaType != "application/stix+json;version=2.1" || m[0].DateAdded >= m[1].DateAdded || m[1].DateAdded >= m[2].DateAdded {
			c.t.Errorf("%+v", m)
		}
		if got := c.all("alfa", c.inbox, "match[id]="+freshID(20)); len(got) != 1 || got[0].Modified != "2026-03-01T00:00:00.000Z" {
			c.t.Errorf("unasked: %v", got)
		}
		if got := c.all("alfa", c.inbox, "match[version]=first&match[id]="+freshID(20)); len(got) != 1 || got[0].Modified != "2026-01-01T00:00:00.000Z" {
			c.t.Errorf("first: %v", got)
		}
		var v taxii.Versions
		c.get("alfa", c.inbox+"objects/"+freshID(20)+"/versions/", &v)
		slices.Sort(v.Versions)
		if !slices.Equal(v.Versions, []string{"2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"}) {
			c.t.Errorf("%v", v)
		}
	}},
	{"the_last_version_deleted_leaves_the_one_before", func(c *conformance) {
		c.post("alfa", fresh(21), raised(21, 2))
		c.drain(c.db)
		path := c.inbox + "objects/" + freshID(21) + "/"
		c.is(200, "alfa", path+"?match[version]=last", method("DELETE"))
		if got := c.all("alfa", c.inbox, "match[id]="+freshID(21)); len(got) != 1 || got[0].Modified != "2026-01-01T00:00:00.000Z" {
			c.t.Errorf("%v", got)
		}
		c.is(200, "alfa", path+"?match[version]=all", method("DELETE"))
		c.is(404, "alfa", path)
	}},
	{"a_status_names_each_object_and_version", func(c *conformance) {
		st := c.post("alfa", fresh(22), raised(22, 2), `{"type":"x"}`)
		c.drain(c.db)
		var raw map[string]any
		c.get("alfa", "straza/status/"+st.ID+"/", &raw)
		for _, k := range []string{"id", "status", "request_timestamp", "total_count", "success_count", "failure_count", "pending_count", "successes", "failures"} {
			if raw[k] == nil {
				c.t.Errorf("no %s in %v", k, raw)
			}
		}
		var versions []string
		for _, s := range c.statusOf("alfa", st.ID).Successes {
			if s.ID != freshID(22) {
				c.t.Errorf("%+v", s)
			}
			versions = append(versions, s.Version)
		}
		if slices.Sort(versions); !slices.Equal(versions, []string{"2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"}) {
			c.t.Errorf("%v", versions)
		}
		c.is(404, "beta", "straza/status/"+st.ID+"/") // another's
	}},
	{"a_collection_says_who_may_read_and_write_and_what", func(c *conformance) {
		for path, write := range map[string]bool{c.inbox: true, c.collection("alfa", "community"): false} {
			var one taxii.Collection
			c.get("alfa", path, &one)
			if !one.CanRead || one.CanWrite != write || !slices.Contains(one.MediaTypes, "application/stix+json;version=2.1") {
				c.t.Errorf("%+v", one)
			}
			c.is(map[bool]int{true: 202, false: 403}[write], "alfa", path+"objects/", send(envelopeWith(other)))
		}
	}},
	{"post_takes_its_media_type_with_blanks_and_any_letters", func(c *conformance) {
		for _, typ := range []string{"application/taxii+json;version=2.1", "application/taxii+json; version=2.1", "APPLICATION/TAXII+JSON;VERSION=2.1", "application/taxii+json"} {
			c.is(202, "alfa", c.inbox+"objects/", send(envelopeWith(other)), header("Content-Type", typ))
		}
		c.is(406, "alfa", c.inbox+"objects/", send(envelopeWith(other)), header("Accept", "application/json"))
	}},
	{"a_body_that_is_no_json_is_400", func(c *conformance) {
		for _, body := range []string{`{"objects":[`, `nonsense`, `{"objects":7}`} {
			c.is(400, "alfa", c.inbox+"objects/", send(body))
		}
	}},
}
