package inteltaxii_test

import (
	"fmt"
	"net/url"
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

func ids(list []object) (out []string) {
	for _, o := range list {
		out = append(out, o.ID+" "+o.Modified)
	}
	return out
}

// manifest reads a whole manifest.
func (h *house) manifest(name, path, query string) (out []taxii.ManifestRecord) {
	h.t.Helper()
	next := ""
	for {
		var m taxii.Manifest
		h.get(name, path+"manifest/?"+query+next, &m)
		out = append(out, m.Objects...)
		if !m.More {
			return out
		}
		next = "&next=" + m.Next
	}
}

// TestPaging: whatever the page, whether by next, by added_after or by both in
// turn, nothing is lost and nothing comes twice (§3.4, §3.5).
func TestPaging(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.publish("alfa", sample("first", intel.Community, "a.example.com", "b.example.com", "c.example.com"))
		h.publish("alfa", sample("second", intel.Community, "d.example.com"))
		h.publish("beta", sample("third", intel.Community, "e.example.com", "f.example.com"))
		h.publish("alfa", sample("hidden", intel.OwnOrg, "g.example.com"))
		path := h.collection("gama", "community")
		want := ids(h.all("gama", path, ""))
		if len(want) < 20 || len(slices.Compact(slices.Sorted(slices.Values(want)))) != len(want) {
			t.Fatalf("%d objects: %v", len(want), want)
		}
		for limit := 1; limit <= len(want)+1; limit++ {
			byNext := h.all("gama", path, fmt.Sprintf("limit=%d", limit))
			var byDate, mixed []object
			after, next := "", ""
			for step := 0; ; step++ {
				var e envelope
				head := h.get("gama", path+fmt.Sprintf("objects/?limit=%d%s", limit, after), &e)
				byDate = append(byDate, e.Objects...)
				if len(e.Objects) > limit || e.More && len(e.Objects) == 0 {
					t.Fatalf("limit %d: %d objects", limit, len(e.Objects))
				}
				if !e.More {
					break
				}
				after = "&added_after=" + head.Get("X-TAXII-Date-Added-Last")
			}
			for step, filter := 0, ""; ; step++ {
				var e envelope
				head := h.get("gama", path+fmt.Sprintf("objects/?limit=%d%s%s", limit, filter, next), &e)
				mixed = append(mixed, e.Objects...)
				if !e.More {
					break
				}
				if next = "&next=" + e.Next; step%2 == 1 {
					next, filter = "", "&added_after="+head.Get("X-TAXII-Date-Added-Last")
				}
			}
			for way, got := range map[string][]object{"next": byNext, "added_after": byDate, "both": mixed} {
				if diff := cmp.Diff(want, ids(got)); diff != "" {
					t.Errorf("limit %d by %s (-want +got):\n%s", limit, way, diff)
				}
			}
		}
		m := h.manifest("gama", path, "limit=3")
		for i, r := range m { // exclusive, to the microsecond
			if got := h.manifest("gama", path, "added_after="+r.DateAdded); len(got) != len(m)-i-1 {
				t.Errorf("after record %d: %d of %d", i, len(got), len(m))
			}
		}
		if got := h.all("gama", path, "added_after=2026-11-22T07:22:00Z"); len(got) != len(want) { // no fraction
			t.Errorf("added_after without fraction: %d", len(got))
		}
	})
}

// TestNewcomers: what is published between two pages comes later, once.
func TestNewcomers(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		e := h.publish("alfa", sample("first", intel.Community, "a.example.com", "b.example.com", "c.example.com"))
		path := h.collection("gama", "community")
		seen := map[string]int{}
		next := ""
		for i := range 40 {
			var p envelope
			h.get("gama", path+"objects/?limit=2"+next, &p)
			for _, o := range p.Objects {
				seen[o.ID+" "+o.Modified]++
			}
			switch i {
			case 1: // a new event
				h.publish("beta", sample("second", intel.Community, "d.example.com"))
			case 2: // an event again, with one attribute more
				h.now.Add(time.Second)
				_, _, err := h.Intel.AddAttributes(ctx, h.who["alfa"], e.UUID, []misp.Attribute{inteltest.Attr("domain", "new.example.com")}, false)
				h.Must(err)
				h.again("alfa", e.UUID)
			}
			if !p.More {
				break
			}
			next = "&next=" + p.Next
		}
		for _, o := range h.all("gama", path, "") {
			if seen[o.ID+" "+o.Modified] != 1 {
				t.Errorf("%s %s came %d times", o.ID, o.Modified, seen[o.ID+" "+o.Modified])
			}
		}
		for k, n := range seen {
			if n != 1 {
				t.Errorf("%s came %d times", k, n)
			}
		}
	})
}

// TestFilters: match, and what is malformed (§3.5; interoperability §3.13).
func TestFilters(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.publish("alfa", sample("first", intel.Community, "a.example.com", "b.example.com", "c.example.com"))
		h.publish("beta", sample("second", intel.Community, "d.example.com"))
		path := h.collection("gama", "community")
		whole := h.all("gama", path, "")
		pick := func(keep func(object) bool) []string {
			return ids(slices.DeleteFunc(slices.Clone(whole), func(o object) bool { return !keep(o) }))
		}
		first, second := whole[2], whole[5]
		for query, want := range map[string][]string{
			"match[type]=indicator":                              pick(func(o object) bool { return o.Type == "indicator" }),
			"match[type]=indicator,identity":                     pick(func(o object) bool { return o.Type == "indicator" || o.Type == "identity" }),
			"match[type]=malware":                                nil,
			"match[id]=" + first.ID:                              ids([]object{first}),
			"match[id]=" + second.ID + "," + first.ID:            ids([]object{first, second}),
			"match[id]=" + first.ID + "&match[type]=" + "report": nil,
			"match[spec_version]=2.1":                            ids(whole),
			"match[spec_version]=2.0,2.1":                        ids(whole),
			"match[spec_version]=2.0":                            nil,
			"match[version]=all":                                 ids(whole),
			"match[version]=first":                               ids(whole),
			"match[version]=last,first":                          ids(whole),
			"match[unknown]=x":                                   ids(whole),
			"match[version]=2020-01-01T00:00:00Z":                pick(func(o object) bool { return o.Type == "identity" || o.Type == "extension-definition" }),
		} {
			if diff := cmp.Diff(want, ids(h.all("gama", path, query))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
			if got := h.manifest("gama", path, query); len(got) != len(want) {
				t.Errorf("manifest with %s: %d of %d", query, len(got), len(want))
			}
		}
		var page envelope
		h.get("gama", path+"objects/?limit=2&match[type]=indicator,report", &page)
		one := "objects/" + first.ID + "/"
		for _, query := range []string{"objects/?limit=0", "objects/?limit=-1", "objects/?limit=x", "objects/?limit=1&limit=2", "objects/?added_after=yesterday",
			"objects/?added_after=2026-11-22T07:22:00+01:00", "objects/?match[id]=x", "objects/?match[type]=a&match[type]=b", "objects/?match[version]=all,last",
			"objects/?match[version]=soon", "objects/?match[type]=", "objects/?match[spec_version]=two", "objects/?next=abc", "manifest/?limit=0", one + "?match[version]=all,first",
			one + "?limit=0", one + "versions/?limit=0",
			"objects/?match[type]=indicator&next=" + page.Next, "objects/?next=" + page.Next, // other filters
			"objects/?match[type]=indicator,report&added_after=2026-11-22T07:22:00Z&next=" + page.Next} {
			if a := h.ask("gama", path+query); a.code != 400 {
				t.Errorf("%s: %d %s", query, a.code, a.body)
			}
		}
		if a := h.ask("gama", path+"objects/?limit=1&match[type]=report,indicator&next="+page.Next); a.code != 200 { // order and limit may change
			t.Errorf("the same filters in another order: %d %s", a.code, a.body)
		}
		if a := h.ask("beta", path+"objects/?match[type]=indicator,report&next="+page.Next); a.code != 400 {
			t.Errorf("somebody else's cursor: %d", a.code)
		}
		if a := h.ask("beta", h.collection("beta", "own")+"objects/?match[type]=indicator,report&next="+page.Next); a.code != 400 {
			t.Errorf("a cursor of another collection: %d", a.code)
		}
		if a := h.ask("gama", path+one+"?match[version]=1999-01-01T00:00:00Z"); a.code != 200 || string(a.body) != "{}" {
			t.Errorf("a version that is not there: %d %s", a.code, a.body)
		}
		big := make([]string, 150)
		for i := range big {
			big[i] = fmt.Sprintf("n%d.example.com", i)
		}
		h.publish("alfa", sample("big", intel.Community, big...))
		for query, most := range map[string]int{"": 100, "limit=1000000": 1000, "limit=250": 250} {
			var e envelope
			h.get("gama", path+"objects/?"+query, &e)
			if len(e.Objects) > most || len(e.Objects) < most && e.More {
				t.Errorf("limit %q: %d objects, more %v", query, len(e.Objects), e.More)
			}
		}
	})
}

// TestVersions: an edit makes a new version, with the same created and a later
// modified; a change of label too (§3.5.2, STIX 2.1 §3.6).
func TestVersions(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		e := h.publish("alfa", sample("first", intel.Community, "a.example.com", "b.example.com"))
		path := h.collection("gama", "community")
		var attr intel.Attribute
		h.Must(h.Intel.Attributes(ctx, h.who["alfa"], e.UUID, intel.Part{Limit: 1}, func(a *intel.Attribute) error { attr = *a; return nil }))
		before := h.all("gama", path, "match[type]=indicator")
		mark := h.manifest("gama", path, "")
		last := mark[len(mark)-1].DateAdded
		h.now.Add(time.Minute)
		_, err := h.Intel.EditAttribute(ctx, h.who["alfa"], attr.UUID, misp.Attribute{Comment: misp.T("seen again")})
		h.Must(err)
		if got := h.all("gama", path, ""); len(got) != 0 {
			t.Errorf("an event that is being edited shows %d objects", len(got))
		}
		h.again("alfa", e.UUID)
		fresh := h.all("gama", path, "added_after="+last)
		var kinds []string
		for _, o := range fresh {
			kinds = append(kinds, o.Type)
		}
		slices.Sort(kinds)
		if diff := cmp.Diff([]string{"indicator", "observed-data", "relationship", "report"}, kinds); diff != "" {
			t.Errorf("what is new after an edit (-want +got):\n%s", diff)
		}
		now2 := h.all("gama", path, "match[type]=indicator")
		if len(now2) != 1 || now2[0].ID != before[0].ID || now2[0].Modified <= before[0].Modified || now2[0].Created != before[0].Created || !strings.Contains(now2[0].raw, "seen again") {
			t.Errorf("the new version: %v", now2)
		}
		one := path + "objects/" + before[0].ID + "/"
		for query, want := range map[string][]string{"": {now2[0].Modified}, "?match[version]=last": {now2[0].Modified}, "?match[version]=first": {before[0].Modified},
			"?match[version]=all": {before[0].Modified, now2[0].Modified}, "?match[version]=first,last": {before[0].Modified, now2[0].Modified},
			"?match[version]=" + url.QueryEscape(before[0].Modified): {before[0].Modified}} {
			var got envelope
			h.get("gama", one+query, &got)
			var list []string
			for _, o := range got.Objects {
				list = append(list, o.Modified)
			}
			if diff := cmp.Diff(want, list); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
		var v, p1, p2 taxii.Versions
		h.get("gama", one+"versions/", &v)
		h.get("gama", one+"versions/?limit=1", &p1)
		h.get("gama", one+"versions/?limit=1&next="+p1.Next, &p2)
		if want := []string{before[0].Modified, now2[0].Modified}; !slices.Equal(v.Versions, want) || !p1.More || p2.More || !slices.Equal(append(p1.Versions, p2.Versions...), want) {
			t.Errorf("versions %v, %v then %v", v, p1, p2)
		}
		// The event's label changes its attributes' markings, and so their version.
		h.now.Add(time.Minute)
		_, err = h.Intel.Attach(ctx, h.who["alfa"], intel.Target{Event: e.UUID}, []string{"tlp:clear"}, false)
		h.Must(err)
		h.again("alfa", e.UUID)
		after := h.all("gama", path, "match[type]=indicator")
		if len(after) != 1 || after[0].Modified <= now2[0].Modified || after[0].Created != before[0].Created || slices.Equal(after[0].Marks, now2[0].Marks) {
			t.Errorf("after a new label: %+v, before %+v", after, now2)
		}
		// Publishing again without a change adds nothing but the report's new date.
		m := h.manifest("gama", path, "")
		h.again("alfa", e.UUID)
		if got := h.all("gama", path, "added_after="+m[len(m)-1].DateAdded); len(got) != 1 || got[0].Type != "report" {
			t.Errorf("published again: %v", ids(got))
		}
	})
}
