package intelmisp

import (
	"encoding/json"
	"net/http"
	"slices"
	"straza/internal/catalog"
	"strconv"
	"strings"
	"testing"

	"straza/internal/kernel/store"
	"straza/internal/testkit"

	"straza/internal/kernel/clock"
)

// The world of the filter tests: an event that the community sees and one of equal
// content that only organisation A does, told apart by the word "secret".
const (
	openEvent   = "0f0f0f0f-0000-4000-8000-000000000001"
	secretEvent = "0f0f0f0f-0000-4000-8000-000000000002"
	otherEvent  = "0f0f0f0f-0000-4000-8000-000000000003"
)

func filterEvent(uuid, word, distribution string) string {
	tag := func(n string) string { return `{"name":"` + n + `"}` }
	return `{"Event":{"uuid":"` + uuid + `","info":"Talas ` + word + `","date":"2026-03-01","threat_level_id":"2","analysis":"1","distribution":"` + distribution + `","timestamp":"1795300000",
	"Tag":[` + tag("tlp:green") + `,` + tag("f:event") + `],
	"Attribute":[
	 {"type":"ip-dst","value":"198.51.100.1","comment":"` + word + ` first","to_ids":true,"timestamp":"1795300001","Tag":[` + tag("f:attribute") + `]},
	 {"type":"domain|ip","value":"` + word + `.example.org|198.51.100.2","to_ids":true,"timestamp":"1795300002"},
	 {"type":"ip-src","value":"2001:db8::7","to_ids":false,"timestamp":"1795300003"},
	 {"type":"email-src","value":"a@` + word + `.example.net","to_ids":true,"timestamp":"1795300004"},
	 {"type":"md5","value":"0123456789abcdef0123456789abcdef","to_ids":true,"timestamp":"1795300005","first_seen":"2026-01-01T00:00:00Z","last_seen":"2026-01-02T00:00:00Z"},
	 {"type":"comment","value":"text of ` + word + `","to_ids":false,"timestamp":"1795300006"},
	 {"type":"domain","value":"gone.` + word + `.example","to_ids":true,"deleted":true,"timestamp":"1795300007"}],
	"Object":[{"name":"file","distribution":"5","meta-category":"file","template_uuid":"688c46fb-5edb-40a3-8273-1af7923e2215","template_version":"24","description":"d",
	 "Attribute":[{"object_relation":"filename","type":"filename","value":"` + word + `.exe","to_ids":true,"timestamp":"1795300008"}]}]}}`
}

type filterCase struct {
	name, body string
	want       string // attributes, by their short names, of each event; "-" = none
}

// Short names of the attributes above, in the order of their ids.
var shorts = map[string]string{"198.51.100.1": "ip", "198.51.100.2": "dip", "2001:db8::7": "six", "net": "mail", "0123456789abcdef0123456789abcdef": "md5", "text": "text", "gone": "gone", "exe": "file"}

var attributeCases = []filterCase{
	{"everything", `{}`, "ip dip six mail md5 text file"},
	{"value", `{"value":"198.51.100.1"}`, "ip"},
	{"value, half of a composite", `{"value":"198.51.100.2"}`, "dip"},
	{"value, list", `{"value":["198.51.100.1","198.51.100.2"]}`, "ip dip"},
	{"value, two bars", `{"value":"198.51.100.1||198.51.100.2"}`, "ip dip"},
	{"value, long IPv6", `{"value":"2001:0db8:0:0::7"}`, "six"},
	{"value, case", `{"value":"0123456789ABCDEF0123456789ABCDEF"}`, "md5"},
	{"value, beginning", `{"value":"198.51.100.%"}`, "ip dip"},
	{"value, end", `{"value":"%cdef"}`, "md5"},
	{"value, anywhere", `{"value":"%1.100%"}`, "ip dip"},
	{"value, not", `{"value":"!198.51.100.1"}`, "dip six mail md5 text file"},
	{"value, OR and NOT", `{"value":{"OR":["198.51.100.%"],"NOT":["198.51.100.2"]}}`, "ip"},
	{"value, unknown", `{"value":"no.such.value"}`, "-"},
	{"type", `{"type":"ip-dst"}`, "ip"},
	{"type, case", `{"type":"IP-DST"}`, "ip"},
	{"type, list", `{"type":["ip-dst","md5"]}`, "ip md5"},
	{"type, OR", `{"type":{"OR":["ip-dst","md5"]}}`, "ip md5"},
	{"type, NOT", `{"type":{"NOT":["ip-dst","md5"]}}`, "dip six mail text file"},
	{"type, like", `{"type":"ip-%"}`, "ip six"},
	{"type, unknown", `{"type":"no-such"}`, "-"},
	{"category", `{"category":"Payload delivery"}`, "mail md5 file"},
	{"category, not", `{"category":"!Payload delivery"}`, "ip dip six text"},
	{"to_ids", `{"to_ids":1}`, "ip dip mail md5 file"},
	{"to_ids, false", `{"to_ids":false}`, "six text"},
	{"to_ids, both", `{"to_ids":[0,1]}`, "ip dip six mail md5 text file"},
	{"to_ids, exclude", `{"to_ids":"exclude"}`, "six text"},
	{"tag of the event", `{"tags":"f:event"}`, "ip dip six mail md5 text file"},
	{"tag of the attribute", `{"tags":"f:attribute"}`, "ip"},
	{"tags, AND", `{"tags":{"AND":["f:event","f:attribute"]}}`, "ip"},
	{"tags, two ampersands", `{"tags":"f:event&&f:attribute"}`, "ip"},
	{"tags, NOT", `{"tags":{"OR":["f:event"],"NOT":["f:attribute"]}}`, "dip six mail md5 text file"},
	{"tags, like", `{"tags":["f:attr%"]}`, "ip"},
	{"tags, case", `{"tags":["F:EVENT"]}`, "-"},
	{"tags, unknown OR", `{"tags":["no:such"]}`, "-"},
	{"tags, unknown AND", `{"tags":{"AND":["f:event","no:such"]}}`, "-"},
	{"tags, unknown NOT", `{"tags":["!no:such"]}`, "ip dip six mail md5 text file"},
	{"timestamp from", `{"timestamp":1795300004}`, "mail md5 text file"},
	{"timestamp range", `{"attribute_timestamp":[1795300002,1795300004]}`, "dip six mail"},
	{"timestamp, ago", `{"timestamp":"5d"}`, "ip dip six mail md5 text file"},
	{"timestamp, garbage", `{"timestamp":"ad"}`, "-"},
	{"event_timestamp", `{"event_timestamp":1895300000}`, "-"},
	{"first_seen", `{"first_seen":"2026-01-01"}`, "md5"},
	{"last_seen", `{"last_seen":"2026-06-01"}`, "-"},
	{"date from", `{"from":"2026-02-01","to":"2026-04-01"}`, "ip dip six mail md5 text file"},
	{"date from, none", `{"from":"2026-03-02"}`, "-"},
	{"date", `{"date":["2026-03-01","2026-03-01"]}`, "ip dip six mail md5 text file"},
	{"published", `{"published":1}`, "ip dip six mail md5 text file"},
	{"published, false", `{"published":false}`, "-"},
	{"last", `{"last":"1d"}`, "ip dip six mail md5 text file"},
	{"publish_timestamp range", `{"publish_timestamp":["2d","1d"]}`, "-"},
	{"threat", `{"threat_level_id":[2,3]}`, "ip dip six mail md5 text file"},
	{"threat, other", `{"threat_level_id":"1"}`, "-"},
	{"eventinfo", `{"eventinfo":"Talas%"}`, "ip dip six mail md5 text file"},
	{"eventinfo, case", `{"eventinfo":"TALAS%"}`, "-"},
	{"eventinfo, equal", `{"eventinfo":"Talas"}`, "-"},
	{"org by name", `{"org":"%NAME%"}`, "ip dip six mail md5 text file"},
	{"org by uuid", `{"org":"%UUID%"}`, "ip dip six mail md5 text file"},
	{"org by id", `{"org":"%ID%"}`, "ip dip six mail md5 text file"},
	{"org, not", `{"org":"!%NAME%"}`, "-"},
	{"org, unknown", `{"org":"no such"}`, "-"},
	{"object_relation", `{"object_relation":"filename"}`, "file"},
	{"object_name", `{"object_name":"file"}`, "file"},
	{"object_template_uuid", `{"object_template_uuid":"688c46fb-5edb-40a3-8273-1af7923e2215"}`, "file"},
	{"uuid of the event", `{"uuid":"` + openEvent + `"}`, "ip dip six mail md5 text file"},
	{"uuid, OR", `{"uuid":{"OR":["` + openEvent + `"]}}`, "ip dip six mail md5 text file"},
	{"uuid, NOT", `{"uuid":{"NOT":["` + openEvent + `"]}}`, "-"},
	{"uuid, not", `{"uuid":"!` + openEvent + `"}`, "-"},
	{"uuid, not another", `{"uuid":"!` + otherEvent + `"}`, "ip dip six mail md5 text file"},
	{"eventid, OR", `{"eventid":{"OR":["` + openEvent + `"]}}`, "ip dip six mail md5 text file"},
	{"eventid, not", `{"eventid":"!` + openEvent + `"}`, "-"},
	{"eventid, not another", `{"eventid":{"NOT":["` + otherEvent + `"]}}`, "ip dip six mail md5 text file"},
	{"sharinggroup, OR", `{"sharinggroup":{"OR":[3]}}`, "-"},
	{"sharinggroup, NOT", `{"sharinggroup":{"NOT":[3]}}`, "ip dip six mail md5 text file"},
	{"distribution, not", `{"distribution":"!3"}`, "ip dip six mail md5 text file"},
	{"distribution, NOT", `{"distribution":{"NOT":[0,1]}}`, "-"},
	{"distribution, garbage", `{"distribution":"x"}`, "-"},
	{"threat, OR", `{"threat_level_id":{"OR":["2"]}}`, "ip dip six mail md5 text file"},
	{"threat, not", `{"threat_level_id":"!2"}`, "-"},
	{"analysis, not", `{"analysis":"!0"}`, "ip dip six mail md5 text file"},
	{"analysis, NOT", `{"analysis":{"NOT":[1]}}`, "-"},
	{"deleted, both", `{"deleted":[0,1]}`, "ip dip six mail md5 text gone file"},
	{"deleted, only", `{"deleted":2}`, "gone"},
	{"quickFilter", `{"quickFilter":"first"}`, "ip dip six mail md5 text file"},
	{"searchall", `{"searchall":"nowhere"}`, "-"},
	{"what nobody knows", `{"no_such_filter":"x","order":"DROP TABLE"}`, "ip dip six mail md5 text file"},
	{"several at once", `{"type":["ip-dst","ip-src"],"to_ids":1,"tags":"f:event"}`, "ip"},
	{"request wrapped", `{"request":{"type":"md5"}}`, "md5"},
}

// found lists the short names of what was found in the open and in the secret event.
func found(t *testing.T, a answer) (open, secret []string) {
	t.Helper()
	var got struct {
		Response struct {
			Attribute []struct {
				Value string
				Event struct{ UUID string }
			}
		}
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("%v: %.200s", err, a.body)
	}
	for _, at := range got.Response.Attribute {
		name := at.Value
		for part, short := range shorts {
			if at.Value == part || strings.HasSuffix(at.Value, part) || strings.HasPrefix(at.Value, part) && (part == "text" || part == "gone") {
				name = short
			}
		}
		if at.Event.UUID == secretEvent {
			secret = append(secret, name)
		} else {
			open = append(open, name)
		}
	}
	return open, secret
}

func filterWorld(t *testing.T, db *store.DB, now *clock.Moved) *world {
	now.Set(unix(1795300100))
	w := newWorld(t, db)
	for _, e := range []string{filterEvent(openEvent, "open", "1"), filterEvent(secretEvent, "secret", "0")} {
		if got := w.ask("orgadmin", "POST", "/events/add", e); got.status != http.StatusOK {
			t.Fatalf("%d %.300s", got.status, got.body)
		}
	}
	for _, u := range []string{openEvent, secretEvent} {
		if got := w.ask("orgadmin", "POST", "/events/publish/"+u, ""); got.status != http.StatusOK {
			t.Fatalf("%d %.300s", got.status, got.body)
		}
	}
	return w
}

func (w *world) filled(body string) string {
	return strings.NewReplacer("%NAME%", w.A.Name, "%UUID%", w.A.UUID, "%ID%", itoa(w.A.ID)).Replace(body)
}

// TestFilters asks every filter of restSearch as the owner and, as its twin, as
// somebody who sees one of two like events: the same rows of the one, and of the other
// neither a row nor a count.
func TestFilters(t *testing.T) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := filterWorld(t, db, now)
		for _, c := range attributeCases {
			body := w.filled(c.body)
			want := strings.Fields(strings.Trim(c.want, "-"))
			open, secret := found(t, w.ask("orgadmin", "POST", "/attributes/restSearch", body))
			if !slices.Equal(open, want) || !strings.Contains(c.body, openEvent) && !slices.Equal(secret, want) {
				t.Errorf("%s: owner finds %v and %v, want %v", c.name, open, secret, want)
			}
			twin := w.ask("third", "POST", "/attributes/restSearch", body)
			open, secret = found(t, twin)
			if !slices.Equal(open, want) || len(secret) > 0 || strings.Contains(twin.body, "secret") {
				t.Errorf("%s: a stranger finds %v and %v, want %v", c.name, open, secret, want)
			}
			if n := twin.header.Get("X-Result-Count"); n != strconv.Itoa(len(want)) {
				t.Errorf("%s: a stranger is told of %s, want %d", c.name, n, len(want))
			}
			w.countsAsFound(t, c, body, want)
		}
	})
}

// countsAsFound: count, and the event scope, agree with the rows.
func (w *world) countsAsFound(t *testing.T, c filterCase, body string, want []string) {
	t.Helper()
	counted := strings.Replace(body, "{", `{"returnFormat":"count",`, 1)
	if counted = strings.Replace(counted, `,}`, `}`, 1); strings.Contains(body, "request") {
		counted = strings.Replace(body, `{"request":{`, `{"request":{"returnFormat":"count",`, 1)
	}
	if got := w.ask("third", "POST", "/attributes/restSearch", counted); got.body != strconv.Itoa(len(want)) {
		t.Errorf("%s: counted %s, want %d", c.name, got.body, len(want))
	}
	if strings.Contains(c.name, "not") || strings.Contains(c.name, "NOT") || c.name == "timestamp from" || c.name == "timestamp range" {
		return // of an event these ask something else
	}
	events := strconv.Itoa(min(1, len(want)))
	if got := w.ask("third", "POST", "/events/restSearch", counted); got.body != events {
		t.Errorf("%s: %s events, want %s", c.name, got.body, events)
	}
}

// TestPages: limit and page cut the list without gap or twin, in both scopes.
func TestPages(t *testing.T) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := filterWorld(t, db, now)
		var all []string
		for page := 1; page < 6; page++ {
			open, secret := found(t, w.ask("third", "POST", "/attributes/restSearch", `{"limit":2,"page":`+strconv.Itoa(page)+`}`))
			if len(open) > 2 || len(secret) > 0 {
				t.Errorf("page %d: %v %v", page, open, secret)
			}
			all = append(all, open...)
		}
		if want := strings.Fields("ip dip six mail md5 text file"); !slices.Equal(all, want) {
			t.Errorf("pages give %v, want %v", all, want)
		}
		for _, c := range []struct{ body, want string }{{`{"limit":1,"order":"Event.id desc","includeEventCorrelations":0}`, secretEvent}, {`{"limit":1,"page":2,"order":"id desc","includeEventCorrelations":0}`, openEvent}, {`{"limit":1,"page":3}`, ""}} {
			got := w.ask("orgadmin", "POST", "/events/restSearch", c.body)
			if c.want != "" && !strings.Contains(got.body, c.want) || strings.Count(got.body, `"Event":{"id"`) > 1 || c.want == "" && strings.Contains(got.body, "Talas") {
				t.Errorf("%s: %.200s", c.body, got.body)
			}
			if n := got.header.Get("X-Result-Count"); n != "2" {
				t.Errorf("%s: X-Result-Count %s, want all that match", c.body, n)
			}
		}
	})
}

// TestIncludes: every flag that adds or takes away, as the owner and as a stranger who
// must learn nothing of the other event through it.
func TestIncludes(t *testing.T) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := filterWorld(t, db, now)
		w.ask("orgadmin", "POST", "/sightings/add", `{"value":"198.51.100.1","source":"secret source"}`)
		_, err := w.Lists.AddList(t.Context(), w.people["admin"], catalog.ListDraft{Name: "documentation", Type: "cidr", Enabled: true,
			Types: []string{"ip-src", "ip-dst", "domain|ip", "ip-src|port", "ip-dst|port"}, Entries: []string{"198.51.100.0/24", "2001:db8::/32"}})
		w.Must(err)
		for _, c := range []struct {
			scope, body, has, hasNot string
		}{
			{"events", `{"metadata":1}`, `"info":"Talas open"`, `"Attribute"`},
			{"events", `{"excludeGalaxy":1}`, `"Galaxy":[]`, ""},
			{"events", `{"to_ids":1}`, "open.example.org", "text of"},
			{"events", `{"tags":{"OR":["f:event"],"NOT":["f:attribute"]}}`, "2001:db8::7", `"value":"198.51.100.1"`},
			{"events", `{"tags":["f:event","!f:attr%"],"returnFormat":"csv"}`, "2001:db8::7", `"198.51.100.1"`},
			{"events", `{"flatten":1}`, `"value":"open.exe"`, `"ObjectReference"`},
			{"events", `{"sgReferenceOnly":1}`, "Talas open", `"SharingGroup":{`},
			{"events", `{"includeEventCorrelations":0}`, `"RelatedEvent":[]`, ""},
			{"events", `{"extended":1}`, `"extensionEvents":{}`, ""},
			{"attributes", `{"type":"ip-dst","includeEventUuid":1}`, `"event_uuid":"` + openEvent, ""},
			{"attributes", `{"type":"ip-dst","includeEventTags":1}`, `"inherited":1`, ""},
			{"attributes", `{"type":"ip-dst","includeContext":1}`, `"threat_level_id":"2"`, ""},
			{"attributes", `{"type":"ip-dst","includeCorrelations":1}`, `"RelatedAttribute"`, ""},
			{"attributes", `{"type":"ip-dst","includeSightings":1}`, `"Sighting"`, ""},
			{"attributes", `{"type":"ip-dst","includeWarninglistHits":1}`, `"warninglist_name"`, ""},
			{"attributes", `{"enforceWarninglist":1}`, "0123456789abcdef", "198.51.100.1"},
			{"attributes", `{"returnFormat":"csv","enforceWarninglist":1}`, "0123456789abcdef", "198.51.100.1"},
			{"attributes", `{"returnFormat":"count","enforceWarninglist":1}`, "4", ""},
			{"attributes", `{"returnFormat":"csv","requested_attributes":["value","object_name","event_info","no such"],"headerless":1}`, `"open.exe","file","Talas open",""`, "value,"},
			{"attributes", `{"returnFormat":"csv","includeContext":1}`, `"Talas open"`, ""},
			{"attributes", `{"returnFormat":"cache","includeEventUuid":1}`, "," + openEvent, ""},
		} {
			owner := w.ask("orgadmin", "POST", "/"+c.scope+"/restSearch", c.body)
			twin := w.ask("third", "POST", "/"+c.scope+"/restSearch", c.body)
			for name, got := range map[string]answer{"owner": owner, "stranger": twin} {
				if got.status != http.StatusOK || !strings.Contains(got.body, c.has) && !(c.has == "4" && name == "owner") || c.hasNot != "" && strings.Contains(got.body, c.hasNot) {
					t.Errorf("%s %s as %s: %d, want %q and not %q in %.600s", c.scope, c.body, name, got.status, c.has, c.hasNot, got.body)
				}
			}
			if strings.Contains(twin.body, "secret") || strings.Contains(twin.body, secretEvent) {
				t.Errorf("%s %s leaks: %.600s", c.scope, c.body, twin.body)
			}
		}
	})
}

// TestFormats: every returnFormat in both scopes answers with its media type and
// headers, forces what goes into sensors, and tells a stranger nothing.
func TestFormats(t *testing.T) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := filterWorld(t, db, now)
		if got := w.ask("orgadmin", "POST", "/events/add", strings.ReplaceAll(filterEvent(otherEvent, "unpublished", "1"), "198.51.100.", "203.0.113.")); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
		for name, f := range formats {
			for _, scope := range []string{"events", "attributes"} {
				body := `{"returnFormat":"` + name + `","setup":{"dataset":{"title":"t"}}}`
				owner, twin := w.ask("orgadmin", "POST", "/"+scope+"/restSearch", body), w.ask("third", "POST", "/"+scope+"/restSearch", body)
				if f.events && scope == "attributes" {
					if owner.status != http.StatusNotFound {
						t.Errorf("%s of attributes: %d", name, owner.status)
					}
					continue
				}
				typ := f.typ
				if name == "stix" {
					typ = "application/json" // XML only to whom asks
				}
				if owner.status != http.StatusOK || owner.header.Get("Content-Type") != typ+"; charset=UTF-8" {
					t.Errorf("%s of %s: %d %s %.200s", name, scope, owner.status, owner.header.Get("Content-Type"), owner.body)
				}
				if m := owner.header.Get("X-Export-Module-Used"); m != name && name != "stix" {
					t.Errorf("%s of %s: module %s", name, scope, m)
				}
				if strings.Contains(twin.body, "secret") || strings.Contains(twin.body, secretEvent) || twin.status != http.StatusOK {
					t.Errorf("%s of %s leaks: %d %.300s", name, scope, twin.status, twin.body)
				}
				strict := f.rules.Strict
				if published, ids := !strings.Contains(owner.body, "unpublished"), !strings.Contains(owner.body, "2001:db8::7"); strict && (!published || !ids) {
					t.Errorf("%s of %s: published only %v, for detection only %v", name, scope, published, ids)
				}
			}
		}
		if got := w.ask("third", "POST", "/attributes/restSearch", `{"returnFormat":"rpz","policy":"x\n"}`); got.status != http.StatusBadRequest {
			t.Errorf("a setting that is none: %d", got.status)
		}
	})
}

// TestSpellings: XML and CSV by suffix, Accept and name, in every spelling of an address.
func TestSpellings(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if got := w.ask("orgadmin", "POST", "/events/add", filterEvent(openEvent, "open", "1")); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
		for _, c := range []struct{ method, path, body, accept, typ, has string }{
			{"GET", "/events/view/" + openEvent + ".xml", "", "", "application/xml", "<response>\n<Event><id>"},
			{"GET", "/events/" + openEvent + ".xml", "", "", "application/xml", "<info>Talas open</info>"},
			{"GET", "/events/view/" + openEvent, "", "application/xml", "application/xml", "<Event>"},
			{"GET", "/events/view/" + openEvent + ".csv", "", "", "text/csv", `"open.exe"`},
			{"GET", "/events/view/" + openEvent, "", "text/csv", "text/csv", "uuid,event_id,"},
			{"GET", "/events/index.xml", "", "", "application/xml", "<info>Talas open</info>"},
			{"GET", "/tags.xml", "", "", "application/xml", "<Tag><id>"},
			{"POST", "/attributes/restSearch.xml", `{"type":"md5"}`, "", "application/xml", "<response><Attribute><id>"},
			{"POST", "/attributes/rest_search", `{"type":"md5"}`, "application/xml", "application/xml", "<value>0123456789abcdef0123456789abcdef</value>"},
			{"POST", "/events/restSearch.csv", `{"type":"md5"}`, "", "text/csv", `"md5"`},
			{"POST", "/attributes/restSearch", `{"type":"md5"}`, "text/csv", "text/csv", `"md5"`},
			{"POST", "/attributes/restSearch", `{"returnFormat":"json","type":"md5"}`, "application/xml", "application/json", `"md5"`},
			{"POST", "/attributes/restSearch", `{"returnFormat":"stix","type":"md5"}`, "application/xml", "application/xml", "<stix:STIX_Package"},
			{"POST", "/attributes/restSearch", `{"returnFormat":"stix-json","type":"md5"}`, "", "application/json", `"version": "1.1.1"`},
			{"GET", "/attributes/restSearch/returnFormat:xml/type:md5", "", "", "application/xml", "<type>md5</type>"},
			{"GET", "/attributes/restSearch/text/%25/md5.json", "", "", "text/plain", ""},
			{"GET", "/servers/getVersion", "", "application/xml", "application/json", `"version"`},
			{"GET", "/events/view/999.xml", "", "", "application/json", "Invalid event"},
		} {
			var header []string
			if c.accept != "" {
				header = []string{"Accept", c.accept}
			}
			got := w.ask("third", c.method, c.path, c.body, header...)
			if typ, _, _ := strings.Cut(got.header.Get("Content-Type"), ";"); typ != c.typ || !strings.Contains(got.body, c.has) {
				t.Errorf("%s %s %s (%s): %d %s %.200s", c.method, c.path, c.body, c.accept, got.status, typ, got.body)
			}
		}
	})
}

// TestPagesBeyondAllNumbers: a page so far behind that its place is no number any more is
// an empty one, not a fault, nor the first.
func TestPagesBeyondAllNumbers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.made("orgadmin", filterEvent(openEvent, "open", "3"))
		const far = `"limit":"4611686018427387905","page":"3"`
		for _, x := range [][2]string{
			{"/events/index", `{` + far + `}`},
			{"/events/restSearch", `{` + far + `}`},
			{"/attributes/restSearch", `{` + far + `}`},
			{"/attributes/restSearch", `{"value":"198.51.100.1",` + far + `}`},
			{"/objects/restSearch", `{` + far + `}`},
			{"/organisations/index", `{` + far + `}`},
			{"/analyst_data/index/Note", `{` + far + `}`},
			{"/galaxy_clusters/restSearch", `{` + far + `}`},
		} {
			got := w.ask("admin", "POST", x[0], x[1])
			if got.status != http.StatusOK || strings.Contains(got.body, openEvent) || strings.Contains(got.body, "198.51.100.1") {
				t.Errorf("%s: %d %.200s", x[0], got.status, got.body)
			}
		}
	})
}
