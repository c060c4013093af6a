package inteltaxii_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"straza/internal/format/taxii"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/inteltaxii"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// picks compares what a filter leaves with those of the whole that want keeps.
func (c *conformance) picks(query string, want func(object) bool) {
	c.t.Helper()
	keep := ids(slices.DeleteFunc(slices.Clone(c.whole), func(o object) bool { return !want(o) }))
	if got := ids(c.all("gama", c.community, query)); !slices.Equal(got, keep) {
		c.t.Errorf("%s: %v, want %v", query, got, keep)
	}
	if got := c.manifest("gama", c.community, query); len(got) != len(keep) {
		c.t.Errorf("%s: manifest has %d of %d", query, len(got), len(keep))
	}
}

var matchRules = []rule{
	{"match_comma_is_or", func(c *conformance) {
		c.picks("match[type]=indicator,identity", func(o object) bool { return o.Type == "indicator" || o.Type == "identity" })
		c.picks("match[id]="+c.whole[2].ID+","+c.whole[5].ID, func(o object) bool { return o.ID == c.whole[2].ID || o.ID == c.whole[5].ID })
	}},
	{"match_fields_are_and", func(c *conformance) {
		c.picks("match[id]="+c.edited+"&match[type]=report", func(object) bool { return false })
		c.picks("match[id]="+c.edited+"&match[type]=indicator", func(o object) bool { return o.ID == c.edited })
	}},
	{"repeated_parameter_is_400", func(c *conformance) {
		for _, q := range []string{"limit=1&limit=2", "match[type]=a&match[type]=b", "match[id]=" + c.edited + "&match[id]=" + c.edited, "match[version]=all&match[version]=all",
			"match[spec_version]=2.1&match[spec_version]=2.1", "added_after=2020-01-01T00:00:00Z&added_after=2020-01-01T00:00:00Z"} {
			c.is(400, "gama", c.community+"objects/?"+q)
			c.is(400, "gama", c.community+"manifest/?"+q)
		}
	}},
	{"match_version_last_is_the_default", func(c *conformance) {
		for _, q := range []string{"", "match[version]=last"} {
			for _, o := range c.all("gama", c.community, q) {
				if o.ID == c.edited && o.Modified != c.changed {
					c.t.Errorf("%q gives %s", q, o.Modified)
				}
			}
		}
	}},
	{"match_version_first_all_and_exact", func(c *conformance) {
		for q, want := range map[string][]string{"first": {c.before}, "last": {c.changed}, "all": {c.before, c.changed}, "first,last": {c.before, c.changed},
			url.QueryEscape(c.before): {c.before}, url.QueryEscape(c.before + "," + c.changed): {c.before, c.changed}, "2001-01-01T00:00:00Z": nil} {
			var got []string
			for _, o := range c.all("gama", c.community, "match[id]="+c.edited+"&match[version]="+q) {
				got = append(got, o.Modified)
			}
			if !slices.Equal(got, want) {
				c.t.Errorf("%s: %v, want %v", q, got, want)
			}
		}
	}},
	{"match_version_all_stands_alone", func(c *conformance) {
		c.is(400, "gama", c.community+"objects/?match[version]=all,last")
		c.is(400, "gama", c.community+"objects/"+c.edited+"/?match[version]=first,all")
	}},
	{"match_version_twice_the_same_is_400", func(c *conformance) {
		for _, q := range []string{"last,last", "first,first", c.before + "," + c.before} {
			c.is(400, "gama", c.community+"objects/?match[version]="+url.QueryEscape(q))
		}
	}},
	{"match_spec_version_defaults_to_the_newest", func(c *conformance) {
		for q, n := range map[string]int{"": len(c.whole), "match[spec_version]=2.1": len(c.whole), "match[spec_version]=2.0,2.1": len(c.whole), "match[spec_version]=2.0": 0} {
			got := c.all("gama", c.community, q)
			if len(got) != n {
				c.t.Errorf("%q: %d of %d", q, len(got), n)
			}
			for _, o := range got {
				if o.SpecVersion != "2.1" {
					c.t.Errorf("%s", o.raw)
				}
			}
		}
	}},
	{"malformed_match_is_400", func(c *conformance) {
		for _, q := range []string{"match[id]=x", "match[id]=indicator--", "match[type]=", "match[version]=soon", "match[spec_version]=two", "match[type]=a,,b"} {
			c.is(400, "gama", c.community+"objects/?"+q)
		}
	}},
	{"unknown_match_is_passed_over", func(c *conformance) {
		c.picks("match[confidence]=9&x_own=1", func(object) bool { return true })
	}},
	{"unversioned_observables_have_the_date_added", func(c *conformance) {
		for _, m := range c.dated {
			if strings.HasPrefix(m.ID, "domain-name--") && m.Version != m.DateAdded {
				c.t.Errorf("%+v", m)
			}
		}
	}},
	{"marking_definitions_have_created", func(c *conformance) {
		c.publish("beta", tagged(sample("marked", intel.Community, "marked.example.com"), "tlp:green"))
		n := 0
		for _, o := range c.all("gama", c.community, "match[type]=marking-definition") {
			for _, m := range c.manifest("gama", c.community, "match[id]="+o.ID) {
				if n++; m.Version != o.Created {
					c.t.Errorf("%+v, created %s", m, o.Created)
				}
			}
		}
		if n == 0 {
			c.t.Error("none: this proves nothing")
		}
	}},
}

var fresh = func(n int) string {
	return fmt.Sprintf(`{"type":"x-other","spec_version":"2.1","id":"x-other--82a48ef4-acc4-4f85-982c-%012d","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z"}`, n)
}

var writeRules = []rule{
	{"post_is_202_with_a_status", func(c *conformance) {
		st := c.post("alfa", fresh(1))
		if !uuid4.MatchString(st.ID) || st.TotalCount != 1 {
			c.t.Errorf("%+v", st)
		}
		c.statusOf("alfa", st.ID)
	}},
	{"pending_is_real_until_the_worker_took_it", func(c *conformance) {
		st := c.post("alfa", fresh(2), fresh(3))
		if st.Status != "pending" || st.PendingCount != 2 || c.statusOf("alfa", st.ID).Status != "pending" {
			c.t.Errorf("%+v", st)
		}
		c.drain(c.db)
		if st := c.statusOf("alfa", st.ID); st.Status != "complete" || st.SuccessCount != 2 {
			c.t.Errorf("%+v", st)
		}
	}},
	{"exact_duplicate_is_a_success", func(c *conformance) {
		if st := c.post("alfa", badIP, badIP); st.Status != "complete" || st.SuccessCount != 2 || st.FailureCount != 0 {
			c.t.Errorf("%+v", st)
		}
	}},
	{"each_object_is_judged_alone", func(c *conformance) {
		st := c.post("alfa", `{"type":"x","id":"y"}`, fresh(4), `7`)
		if st.FailureCount != 2 || st.PendingCount != 1 || st.Failures[0].Message == "" {
			c.t.Errorf("%+v", st)
		}
	}},
	{"counts_sum_and_equal_the_lists", func(c *conformance) { // statusOf tests it
		c.statusOf("alfa", c.post("alfa", badIP, fresh(5), `{}`).ID)
		c.statusOf("alfa", c.posted.ID)
	}},
	{"status_is_kept_a_day_then_404", func(c *conformance) {
		st := c.post("alfa", fresh(6))
		c.drain(c.db)
		c.now.Add(24*time.Hour - time.Minute)
		c.is(200, "alfa", "straza/status/"+st.ID+"/")
		c.now.Add(time.Hour)
		c.is(404, "alfa", "straza/status/"+st.ID+"/")
	}},
	{"413_only_above_max_content_length", func(c *conformance) {
		var r taxii.APIRoot
		c.get("alfa", "straza/", &r)
		blank := strings.Repeat(" ", int(r.MaxContentLength)-len(envelopeWith(other)))
		c.is(202, "alfa", c.inbox+"objects/", send(envelopeWith(other)+blank))
		c.is(413, "alfa", c.inbox+"objects/", send(envelopeWith(other)+blank+" "))
	}},
	{"422_when_there_is_nothing_to_process", func(c *conformance) {
		c.is(422, "alfa", c.inbox+"objects/", send(`{}`))
		c.is(422, "alfa", c.inbox+"objects/", send(`{"objects":[]}`))
		c.is(400, "alfa", c.inbox+"objects/", send(`[]`))
	}},
	{"custom_properties_of_an_envelope_are_passed_over", func(c *conformance) {
		c.is(202, "alfa", c.inbox+"objects/", send(`{"x_sender":{"a":[1]},"objects":[`+other+`],"x_more":1}`))
	}},
	{"delete_needs_reading_and_writing", func(c *conformance) {
		c.is(403, "alfa", c.collection("alfa", "community")+"objects/"+c.edited+"/", method("DELETE")) // reads
		c.is(404, "beta", c.inbox+"objects/"+c.edited+"/", method("DELETE"))                           // neither
	}},
	{"deleted_is_404_and_out_of_the_manifest", func(c *conformance) {
		id := "x-other--82a48ef4-acc4-4f85-982c-000000000007"
		c.post("alfa", fresh(7))
		c.drain(c.db)
		c.is(200, "alfa", c.inbox+"objects/"+id+"/")
		if a := c.is(200, "alfa", c.inbox+"objects/"+id+"/", method("DELETE")); len(a.body) != 0 {
			c.t.Errorf("%s", a.body)
		}
		c.is(404, "alfa", c.inbox+"objects/"+id+"/")
		c.is(404, "alfa", c.inbox+"objects/"+id+"/versions/")
		c.is(404, "alfa", c.inbox+"objects/"+id+"/", method("DELETE"))
		if got := c.manifest("alfa", c.inbox, "match[id]="+id); len(got) != 0 {
			c.t.Errorf("%v", got)
		}
	}},
	{"delete_takes_version_and_spec_version", func(c *conformance) {
		newer := strings.Replace(fresh(8), `"modified":"2026-01-01`, `"modified":"2026-02-01`, 1)
		c.post("alfa", fresh(8), newer)
		c.drain(c.db)
		path := c.inbox + "objects/x-other--82a48ef4-acc4-4f85-982c-000000000008/"
		c.is(404, "alfa", path+"?match[spec_version]=2.0", method("DELETE"))
		c.is(400, "alfa", path+"?match[version]=soon", method("DELETE"))
		c.is(200, "alfa", path+"?match[version]=2026-02-01T00:00:00Z", method("DELETE"))
		var v taxii.Versions
		if c.get("alfa", path+"versions/", &v); !slices.Equal(v.Versions, []string{"2026-01-01T00:00:00.000Z"}) {
			c.t.Errorf("%v", v)
		}
	}},
	{"versions_of_what_is_sent_are_kept_byte_for_byte", func(c *conformance) {
		odd := `{"type":"x-other", "x_own":{"b":1.50,"a":"é"},"spec_version":"2.1","id":"x-other--82a48ef4-acc4-4f85-982c-000000000009","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z"}`
		c.post("alfa", odd)
		c.drain(c.db)
		if got := c.all("alfa", c.inbox, "match[id]=x-other--82a48ef4-acc4-4f85-982c-000000000009"); len(got) != 1 || got[0].raw != odd {
			c.t.Errorf("%v", got)
		}
	}},
}

// full is a gate at which too many stand.
type full struct{ web.Gate }

func (full) ByKey(context.Context, string, netip.Addr, ident.Channel) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.Limited, "too many").After(90 * time.Second)
}

var errorRules = []rule{
	{"error_has_a_title_and_the_code_as_text", func(c *conformance) {
		for path, code := range map[string]int{"straza/nothing/": 404, c.community + "objects/?limit=0": 400} {
			var e map[string]any
			c.Must(json.Unmarshal(c.is(code, "gama", path).body, &e))
			if e["title"] == "" || e["title"] == nil || e["http_status"] != fmt.Sprint(code) || e["error_id"] == nil {
				c.t.Errorf("%v", e)
			}
		}
	}},
	{"not_authenticated_is_401_with_a_challenge", func(c *conformance) {
		for _, edit := range []func(*http.Request){func(r *http.Request) { r.Header.Del("Authorization") }, header("Authorization", "Bearer x"), header("Authorization", "Basic !")} {
			a := c.is(401, "gama", "straza/", edit)
			if got := strings.Join(a.head.Values("WWW-Authenticate"), ", "); !strings.Contains(got, "Basic ") || !strings.Contains(got, "Bearer ") {
				c.t.Errorf("%q", got)
			}
		}
	}},
	{"reading_without_right_is_404", func(c *conformance) {
		for _, path := range []string{"", "objects/", "manifest/", "objects/" + c.edited + "/", "objects/" + c.edited + "/versions/"} {
			c.is(404, "beta", c.inbox+path)
		}
	}},
	{"writing_without_right_is_403", func(c *conformance) {
		c.is(403, "alfa", c.collection("alfa", "community")+"objects/", send(envelopeWith(other)))
	}},
	{"basic_is_offered_whatever_the_letters_of_its_name", func(c *conformance) {
		for _, scheme := range []string{"Basic", "basic", "BASIC"} {
			c.is(200, "gama", "straza/", func(r *http.Request) {
				r.Header.Set("Authorization", scheme+strings.TrimPrefix(r.Header.Get("Authorization"), "Basic"))
			})
		}
	}},
	{"bearer_is_taken_too", func(c *conformance) {
		c.is(200, "gama", "straza/", header("Authorization", "Bearer "+c.keys["gama"]))
		c.is(200, "gama", "straza/", header("Authorization", "bearer "+c.keys["gama"]))
	}},
	{"user_names_with_at_and_passwords_with_colons_are_read_whole", func(c *conformance) {
		c.is(200, "gama", "straza/", func(r *http.Request) { r.SetBasicAuth("gama@example.com", c.keys["gama"]) })
		c.is(401, "gama", "straza/", func(r *http.Request) { r.SetBasicAuth("gama", c.keys["gama"]+":x") }) // not cut at the colon
	}},
	{"no_user_agent_is_no_reason_to_refuse", func(c *conformance) { c.is(200, "gama", "straza/", header("User-Agent", "")) }},
	{"429_says_when_to_come_back", func(c *conformance) {
		texts, err := i18n.NewCatalog(ui.Messages)
		c.Must(err)
		m := web.New(web.Config{Catalog: texts, Origin: &url.URL{Scheme: "http", Host: "localhost"}, Secret: make([]byte, 32), Gate: full{}, Now: c.now.Now})
		m.Surface(inteltaxii.Surface(inteltaxii.Deps{Intel: c.Intel, Secret: []byte("fedcba9876543210")}))
		site, err := m.Handler()
		c.Must(err)
		r, w := httptest.NewRequest("GET", "http://localhost/taxii2/", nil), httptest.NewRecorder()
		r.SetBasicAuth("gama", c.keys["gama"])
		site.ServeHTTP(w, r)
		if w.Code != 429 || w.Header().Get("Retry-After") != "90" || w.Header().Get("Content-Type") != taxii.MediaType || !strings.Contains(w.Body.String(), `"http_status":"429"`) {
			c.t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}},
	{"only_codes_of_the_standard", func(c *conformance) {
		known := []int{200, 202, 400, 401, 403, 404, 405, 406, 413, 415, 422, 429, 500, 503}
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"} {
			for _, path := range []string{"", "straza/", "straza/collections/", c.community, c.community + "objects/", c.community + "manifest/", "straza/status/x/", "straza/%ff/", "straza/collections/%00/"} {
				if a := c.ask("gama", path, method(m)); !slices.Contains(known, a.code) {
					c.t.Errorf("%s %s: %d", m, path, a.code)
				}
			}
		}
	}},
}

// reportOf finds an event's report in the community's collection by its name, "" when it is not there.
func (c *conformance) reportOf(name, info string) string {
	c.t.Helper()
	for _, o := range c.all(name, c.collection(name, "community"), "match[type]=report") {
		if o.Name == info {
			return o.ID
		}
	}
	return ""
}

var designRules = []rule{
	{"dates_of_addition_are_unique_and_rise", func(c *conformance) {
		seen := map[string]bool{}
		for _, m := range c.manifest("beta", c.collection("beta", "own"), "limit=1000") {
			if seen[m.DateAdded] {
				c.t.Errorf("twice: %s", m.DateAdded)
			}
			seen[m.DateAdded] = true
		}
		if len(seen) < 1000 {
			c.t.Errorf("%d: this proves little", len(seen))
		}
	}},
	{"next_outlives_a_restart", func(c *conformance) {
		var e, rest envelope
		c.get("gama", c.community+"objects/?limit=2", &e)
		c.serve() // another process with the same secret
		c.get("gama", c.community+"objects/?limit=1000&next="+e.Next, &rest)
		if rest.Objects[0].ID != c.whole[2].ID {
			c.t.Errorf("%v", ids(rest.Objects))
		}
	}},
	{"what_is_tagged_in_later_is_newly_added", func(c *conformance) {
		old := c.publish("beta", tagged(sample("old", intel.Community, "old.example.com"), "tlp:green"))
		c.define(intel.Definition{Alias: "late", Tags: []string{"late"}})
		c.publish("beta", tagged(sample("new", intel.Community, "new.example.com"), "tlp:green", "late"))
		at := c.holds("gama", "late", "new")
		c.now.Add(time.Hour)
		_, err := c.Intel.Attach(ctx, c.who["lead"], intel.Target{Event: old.UUID}, []string{"late"}, true)
		c.Must(err)
		if got := c.holds("gama", "late", "new", "old"); !slices.Equal(got[:len(at)], at) {
			c.t.Errorf("%v, before %v", got, at)
		}
	}},
	{"what_is_withdrawn_is_gone", func(c *conformance) {
		e := c.publish("beta", sample("brief", intel.Community, "brief.example.com"))
		id := c.reportOf("gama", "brief")
		c.is(200, "gama", c.community+"objects/"+id+"/")
		c.Must(c.Intel.Unpublish(ctx, c.who["beta"], e.UUID))
		c.is(404, "gama", c.community+"objects/"+id+"/")
	}},
	{"red_and_amber_strict_reach_no_stranger", func(c *conformance) {
		for _, label := range []string{"tlp:red", "tlp:amber+strict", "tlp:amber"} {
			e := c.publish("beta", tagged(sample(label, intel.Community, regexp.MustCompile(`\W`).ReplaceAllString(label, "")+".example.com"), label))
			if label == "tlp:red" && c.reportOf("beta", label) != "" || c.reportOf("gama", label) != "" {
				c.t.Errorf("%s of %s is delivered", label, e.UUID)
			}
		}
		_, err := c.Intel.SaveDefinition(ctx, c.lead(), "", intel.Definition{Alias: "strict", Title: "S", Readers: intel.ReadMembers, Ceiling: tlp.AmberStrict}, true)
		if err == nil {
			c.t.Error("a collection of AMBER+STRICT for all members")
		}
	}},
	{"markings_and_makers_are_delivered_too", func(c *conformance) {
		c.define(intel.Definition{Alias: "sensors", Types: []string{"indicator"}})
		have, need := map[string]bool{}, map[string]bool{}
		for _, o := range c.all("gama", c.collection("gama", "sensors"), "") {
			have[o.ID] = true
			for _, m := range append(o.Marks, o.CreatedBy) {
				need[m] = m != ""
			}
		}
		for id, yes := range need {
			if yes && !have[id] {
				c.t.Errorf("%s is referred to and not there", id)
			}
		}
		if len(need) < 2 {
			c.t.Errorf("%v: this proves nothing", need)
		}
	}},
	{"what_is_posted_waits_for_review", func(c *conformance) {
		c.Must(json.Unmarshal(c.is(202, "alfa", c.inbox+"objects/", send(envelopeWith(strings.ReplaceAll(badIP, "198.51.100.120", "198.51.100.121"), fresh(20)))).body, &taxii.Status{}))
		c.drain(c.db)
		for _, path := range []string{c.community, c.collection("beta", "own")} {
			for _, o := range c.all("beta", path, "limit=1000") {
				if strings.Contains(o.raw, "198.51.100.121") {
					c.t.Errorf("others read %s", o.raw)
				}
			}
		}
	}},
}

var peerRules = []rule{
	{"misp_push_script", func(c *conformance) { // taxii2-client: root, collection, POST without waiting, scheme in small letters
		small := func(r *http.Request) {
			r.Header.Set("Authorization", "basic"+strings.TrimPrefix(r.Header.Get("Authorization"), "Basic"))
			r.Header.Set("Accept", "application/taxii+json;version=2.1")
			r.Header.Set("User-Agent", "python-requests/2.31.0")
		}
		c.is(200, "alfa", "straza/", small)
		c.is(200, "alfa", c.inbox, small)
		for n := range 3 {
			c.is(202, "alfa", c.inbox+"objects/", send(envelopeWith(fresh(30+n), fresh(40+n)), small))
		}
	}},
	{"opencti_pull_by_date_and_next", func(c *conformance) {
		var got []object
		for next := ""; ; {
			var e envelope
			c.get("gama", c.community+"objects/?added_after=2020-01-01T00:00:00.000Z&limit=3"+next, &e)
			got = append(got, e.Objects...)
			if !e.More {
				break
			}
			next = "&next=" + e.Next
		}
		if all := c.all("gama", c.community, "limit=1000"); !slices.Equal(ids(got), ids(all)) {
			c.t.Errorf("%d of %d", len(got), len(all))
		}
	}},
	{"sentinel_pull_by_date_alone", func(c *conformance) {
		seen, after := 0, "2020-01-01T00:00:00Z"
		for range 100 {
			var e envelope
			head := c.get("gama", c.community+"objects/?added_after="+after, &e)
			if len(e.Objects) == 0 {
				break
			}
			seen, after = seen+len(e.Objects), head.Get("X-TAXII-Date-Added-Last")
		}
		if all := c.all("gama", c.community, "limit=1000"); seen != len(all) {
			c.t.Errorf("%d of %d", seen, len(all))
		}
	}},
	{"taxii2_client_pages_by_the_size_of_the_first", func(c *conformance) {
		var first envelope
		c.get("gama", c.community+"objects/", &first)
		n, next := len(first.Objects), first.Next
		for first.More {
			var e envelope
			c.get("gama", c.community+fmt.Sprintf("objects/?limit=%d&next=%s", len(first.Objects), next), &e)
			if n += len(e.Objects); !e.More {
				break
			}
			next = e.Next
		}
		if all := c.all("gama", c.community, "limit=1000"); n != len(all) {
			c.t.Errorf("%d of %d", n, len(all))
		}
	}},
	{"collection_id_stands_in_its_address", func(c *conformance) {
		var list taxii.Collections
		c.get("gama", "straza/collections/", &list)
		for _, x := range list.Collections {
			var one taxii.Collection
			if c.get("gama", "straza/collections/"+x.ID+"/", &one); one.ID != x.ID {
				c.t.Errorf("%+v", one)
			}
		}
	}},
	{"head_is_get_without_a_body", func(c *conformance) {
		a := c.is(200, "gama", c.community+"objects/", method("HEAD"))
		if len(a.body) != 0 || !sixths.MatchString(a.head.Get("X-TAXII-Date-Added-First")) {
			c.t.Errorf("%s %v", a.body, a.head)
		}
	}},
}
