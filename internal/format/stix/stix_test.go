package stix

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"straza/internal/format/misp"
	"straza/internal/format/tlp"
)

var update = flag.Bool("update", false, "rewrite golden files")

func corpusEvents(t testing.TB) map[string]*misp.Event {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(file), "..", "..", "..", "..", "shared", "data", "misp-events")
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	if len(files) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("corpus missing at ../shared/data/misp-events")
		}
		t.Skip("corpus missing at ../shared/data/misp-events")
	}
	out := map[string]*misp.Event{}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := misp.DecodeEvents(bytes.NewReader(b), misp.Limits{}, func(e *misp.Event) error { out[filepath.Base(path)] = e; return nil }); err != nil {
			t.Fatal(path, err)
		}
	}
	return out
}

var idShape = regexp.MustCompile(`^[a-z][a-z0-9-]+--[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// check holds every bundle to what the validator would say of its structure: ids
// of the right shape, each once, and nothing that refers to what is not there.
func check(t *testing.T, name string, objects []Object) {
	t.Helper()
	ids := map[string]bool{}
	for _, o := range objects {
		if !idShape.MatchString(o.ID) || !strings.HasPrefix(o.ID, o.Type+"--") {
			t.Errorf("%s: id %s of a %s", name, o.ID, o.Type)
		}
		if ids[o.ID] {
			t.Errorf("%s: %s twice", name, o.ID)
		}
		ids[o.ID] = true
	}
	for _, o := range objects {
		var v map[string]any
		if err := json.Unmarshal(o.JSON, &v); err != nil {
			t.Fatalf("%s: %v in %s", name, err, o.JSON)
		}
		if v["id"] != o.ID || v["type"] != o.Type || o.Modified != "" && o.Type != "marking-definition" && v["modified"] != o.Modified {
			t.Errorf("%s: envelope and object differ: %+v", name, v)
		}
		walk(v, "", func(key, s string) {
			if (strings.HasSuffix(key, "_ref") || strings.HasSuffix(key, "_refs")) && !ids[s] {
				t.Errorf("%s: %s of %s refers to %s, which is not there", name, key, o.ID, s)
			}
		})
	}
}

func walk(v any, key string, fn func(key, s string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			walk(x, k, fn)
		}
	case []any:
		for _, x := range v {
			walk(x, key, fn)
		}
	case string:
		fn(key, v)
	}
}

// TestCorpus converts every event in both modes, twice. With STIX_OUT set it
// leaves the bundles there for stix2-validator, which end-to-end tests run.
func TestCorpus(t *testing.T) {
	kinds := map[string]int{}
	for name, e := range corpusEvents(t) {
		for _, m := range []Mode{Compatible, Strict} {
			objects, err := Convert(e, Options{Mode: m, Default: tlp.Green})
			if err != nil {
				t.Fatal(name, err)
			}
			check(t, name, objects)
			bundle := AppendBundle(nil, objects)
			again, _ := Convert(e, Options{Mode: m, Default: tlp.Green})
			if !bytes.Equal(bundle, AppendBundle(nil, again)) {
				t.Errorf("%s: two conversions differ", name)
			}
			for _, o := range objects {
				kinds[o.Type]++
			}
			if out := os.Getenv("STIX_OUT"); out != "" {
				if err := os.WriteFile(filepath.Join(out, []string{"compatible_", "strict_"}[m]+name), bundle, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, typ := range []string{"identity", "marking-definition", "indicator", "observed-data", "file", "domain-name", "url", "ipv4-addr", "network-traffic", "relationship", "report", "grouping", "attack-pattern", "x-misp-attribute"} {
		if kinds[typ] == 0 {
			t.Errorf("the corpus made no %s", typ)
		}
	}
	t.Log(kinds)
}

// everyType is an event with one attribute of every type, to_ids and not.
func everyType() *misp.Event {
	values := map[string]string{
		"md5": "d41d8cd98f00b204e9800998ecf8427e", "sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"domain": "evil.example.org", "hostname": "_dmarc.evil.example.org", "domain|ip": "evil.example.org|2001:db8::1", "ip-src": "198.51.100.0/24", "ip-dst": "2001:db8::1",
		"ip-src|port": "198.51.100.7|80", "ip-dst|port": "2001:db8::1|443", "hostname|port": "evil.example.org|25", "url": "https://evil.example.org/a?b='c'", "uri": "urn:x:y", "link": "not a uri",
		"email": "a@example.org", "email-src": "a@example.org", "email-dst": "b@example.org", "email-subject": "It's \\ due", "email-reply-to": "c@example.org",
		"regkey": `HKLM\Software\Evil`, "regkey|value": `HKCU\Software\Evil|1`, "AS": "64500", "port": "443", "size-in-bytes": "17", "mac-address": "00:1b:44:11:3a:b7",
		"vulnerability": "CVE-2026-0001", "weakness": "CWE-79", "malware-sample": "a.exe|d41d8cd98f00b204e9800998ecf8427e", "ssdeep": "96:abc:def", "datetime": "2026-01-01T00:00:00.000000+0000",
		"x509-fingerprint-sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "filename|md5": "a'b.exe|d41d8cd98f00b204e9800998ecf8427e", "yara": "rule a { condition: true }", "http-method": "POST",
	}
	e := &misp.Event{UUID: misp.T("01890a5d-ac96-774b-bcce-b302099a8057"), Info: misp.T("every type"), Timestamp: misp.N(1600000000), Published: misp.B(true), PublishTimestamp: misp.N(1600000100),
		Orgc: &misp.Org{Name: misp.T("Org"), UUID: misp.T("55f6ea5e-51ac-4344-b8a4-57a3950d210f")}, Tag: []misp.Tag{{Name: misp.T("tlp:amber+strict")}, {Name: misp.T(`misp:confidence-level="usually-confident"`)}, {Name: misp.T("osint")}}}
	n := 0
	for typ, size := range map[string]int{"sha224": 56, "sha384": 96, "sha512": 128, "sha3-224": 56, "sha3-256": 64, "sha3-384": 96, "sha3-512": 128} {
		values[typ] = strings.Repeat("ab", size/2)
		values["filename|"+typ] = "x.exe|" + values[typ]
	}
	for _, typ := range misp.Types() {
		value := values[typ]
		if value == "" {
			value = "some value"
			if misp.Composite(typ) {
				value = "some|value"
			}
		}
		for _, ids := range []bool{true, false} {
			n++
			def, _ := misp.DefaultOf(typ)
			a := misp.Attribute{Type: misp.T(typ), Value: misp.T(value), Category: misp.T(def.Category), ToIDS: misp.B(ids), Timestamp: misp.N(1600000001), Comment: misp.T("c")}
			a.UUID = misp.T(uuid5(nsMISP, typ+value+map[bool]string{true: "1", false: "0"}[ids]))
			if typ == "malware-sample" {
				a.Data = misp.T("UEsDBA==")
			}
			e.Attribute = append(e.Attribute, a)
		}
	}
	return e
}

func TestEveryType(t *testing.T) {
	for _, m := range []Mode{Compatible, Strict} {
		objects, err := Convert(everyType(), Options{Mode: m})
		if err != nil {
			t.Fatal(err)
		}
		check(t, "every type", objects)
		if out := os.Getenv("STIX_OUT"); out != "" {
			if err := os.WriteFile(filepath.Join(out, []string{"compatible", "strict"}[m]+"_types.json"), AppendBundle(nil, objects), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, o := range objects {
			if o.Type != "identity" && o.Type != "marking-definition" && o.Type != "extension-definition" && !bytes.Contains(o.JSON, []byte("939a9414-2ddd-4d32-a0cd-375ea402b003")) {
				t.Errorf("%s leaves without the event's label", o.ID)
			}
		}
	}
}

// contextEvent holds what hangs around attributes: objects, references, clusters,
// sightings, reports, analyst data.
const contextEvent = `{"Event":{"uuid":"6b1d55bb-1c43-5b31-bbdf-8e462c25ded7","info":"Кампања","date":"2026-03-01","published":false,"timestamp":"1795321969",
"Orgc":{"name":"CERT","uuid":"badfae28-fb84-55a1-85ae-b9ffdeaefca4"},"Tag":[{"name":"tlp:green"},{"name":"phishing"}],
"Galaxy":[{"name":"Attack Pattern","type":"mitre-attack-pattern","GalaxyCluster":[{"uuid":"478aa214-2ca7-4ec0-9978-18798e514790","type":"mitre-attack-pattern","value":"New Service - T1050","tag_name":"x","description":"d","meta":{"external_id":["T1050"],"kill_chain":["mitre-attack:persistence"],"refs":["https://attack.example.org/T1050"]}}]}],
"Attribute":[{"uuid":"c25327b3-2e74-5437-bd66-e0321bf3876c","type":"ip-dst","category":"Network activity","value":"198.51.100.7","to_ids":true,"timestamp":"1795321969","first_seen":"2026-01-02T02:04:05.678901+00:00","last_seen":"2026-01-03T00:00:00.000000+00:00","Tag":[{"name":"tlp:red"}],
 "Galaxy":[{"name":"Tool","type":"tool","GalaxyCluster":[{"uuid":"f8c04528-1233-5e75-bf25-f80131d35e3e","type":"tool","value":"Evil Tool","meta":{"synonyms":["ET","ET"]}}]}],
 "Sighting":[{"uuid":"085e2522-1954-4a40-af8d-8817546dca95","type":"0","date_sighting":"1700000100","source":"sensor","Organisation":{"name":"B","uuid":"5335bbd8-faf0-557c-9b22-09828b2bfe25"}},{"uuid":"0f901ee9-b983-4e5d-ab61-70db99ffa1f1","type":"1","date_sighting":"1700000200","Organisation":{"name":"B","uuid":"5335bbd8-faf0-557c-9b22-09828b2bfe25"}}],
 "Note":[{"uuid":"62ec5f71-ad77-5766-a56a-a95fea82381a","note":"a note","authors":"me","modified":"2026-11-22 04:33:41"}],"Opinion":[{"uuid":"7b065ee1-7d8f-424d-930f-89f2c79c6c10","opinion":"75","comment":"agree"}]},
 {"uuid":"7f7b3dd1-7a1c-537e-994b-aa80361c0205","type":"comment","category":"Other","value":"gone","deleted":true}],
"Object":[{"uuid":"70d6e0b9-0824-54aa-bca1-6b2b254a3cf9","name":"file","meta-category":"file","timestamp":"1795321971","Attribute":[{"uuid":"6b78565b-78be-545d-b49a-7d5b5bf34207","object_relation":"filename","type":"filename","value":"b.exe","to_ids":true},{"uuid":"b15cb9f5-f68a-490c-abf3-f7aa11dd016d","object_relation":"sha1","type":"sha1","value":"da39a3ee5e6b4b0d3255bfef95601890afd80709","to_ids":true},{"object_relation":"size-in-bytes","type":"size-in-bytes","value":"17"},{"object_relation":"state","type":"text","value":"Malicious"}],
 "ObjectReference":[{"uuid":"340f5071-eb07-41f0-8d38-7e2c4a7f6d0a","referenced_uuid":"c25327b3-2e74-5437-bd66-e0321bf3876c","relationship_type":"Connects to!","timestamp":"1795321999"},{"uuid":"948b5117-ffef-4348-be87-7d49757bcb5f","referenced_uuid":"00000000-0000-4000-8000-000000000000","relationship_type":"x"}]},
 {"uuid":"61818317-d1e1-50d1-9a1b-5a6a1e0ad2e5","name":"unheard-of","meta-category":"misc","timestamp":"1795321971","Attribute":[{"object_relation":"foo","type":"text","value":"bar"}]}],
"EventReport":[{"uuid":"ce74843e-0ec2-59ad-a245-72bb8507a738","name":"rep","content":"# hello","timestamp":"1795321971"}]}}`

func TestContext(t *testing.T) {
	var e *misp.Event
	if err := misp.DecodeEvents(strings.NewReader(contextEvent), misp.Limits{}, func(x *misp.Event) error { e = x; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, m := range []Mode{Compatible, Strict} {
		name := []string{"compatible", "strict"}[m]
		objects, err := Convert(e, Options{Mode: m})
		if err != nil {
			t.Fatal(err)
		}
		check(t, name, objects)
		var got bytes.Buffer
		for _, o := range objects {
			if err := json.Indent(&got, o.JSON, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
		}
		golden := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got.String()); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if out := os.Getenv("STIX_OUT"); out != "" {
			if err := os.WriteFile(filepath.Join(out, name+"_context.json"), AppendBundle(nil, objects), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestEmptyEvent(t *testing.T) {
	objects, err := Convert(&misp.Event{Info: misp.T("nothing")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	check(t, "empty", objects)
	if last := objects[len(objects)-1]; last.Type != "grouping" || !bytes.Contains(last.JSON, []byte("note--")) {
		t.Errorf("an empty event needs a note to refer to: %s", last.JSON)
	}
}

// TestStrictIDs: the id of the standard's own kind, from an independent
// calculation (uuid5 of the namespace over {"value":"198.51.100.3"}).
func TestStrictIDs(t *testing.T) {
	e := &misp.Event{Info: misp.T("x"), Attribute: []misp.Attribute{
		{Type: misp.T("ip-dst"), Value: misp.T("198.51.100.3"), UUID: misp.T("c25327b3-2e74-5437-bd66-e0321bf3876c")},
		{Type: misp.T("ip-src"), Value: misp.T("198.51.100.3"), UUID: misp.T("7f7b3dd1-7a1c-537e-994b-aa80361c0205")}}}
	objects, err := Convert(e, Options{Mode: Strict})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, o := range objects {
		if o.ID == "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the address stands %d times, want once", n)
	}
}

func TestPatternQuoting(t *testing.T) {
	m, ok := mapAttribute("filename", misp.Value{Value: `a'b\c`, Value1: `a'b\c`}, "")
	if !ok || m.pattern != `[file:name = 'a\'b\\c']` {
		t.Errorf("got %s", m.pattern)
	}
}

func TestLevelOf(t *testing.T) {
	for _, l := range tlp.Levels() {
		for _, m := range []Mode{Compatible, Strict} {
			mk, ok := markingOf(l, true, m)
			if !ok || LevelOf(mk.id) != l {
				t.Errorf("%v in mode %d: %s", l, m, mk.id)
			}
			if !json.Valid([]byte(mk.json)) {
				t.Errorf("%v: %s", l, mk.json)
			}
		}
	}
	if LevelOf("marking-definition--00000000-0000-4000-8000-000000000000") != tlp.None {
		t.Error("an unknown marking is no label")
	}
}

// FuzzConvert: whatever an event holds, every object is JSON and every reference
// resolves.
func FuzzConvert(f *testing.F) {
	f.Add(contextEvent)
	f.Add(`{"info":"x","Attribute":[{"type":"regkey|value","value":"|","to_ids":1}]}`)
	f.Fuzz(func(t *testing.T, doc string) {
		var events []*misp.Event
		if misp.DecodeEvents(strings.NewReader(doc), misp.Limits{Bytes: 1 << 16}, func(e *misp.Event) error { events = append(events, e); return nil }) != nil {
			return
		}
		for _, e := range events {
			objects, err := Convert(e, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range objects {
				if !json.Valid(o.JSON) || !idShape.MatchString(o.ID) {
					t.Fatalf("%s: %s", o.ID, o.JSON)
				}
			}
		}
	})
}

func BenchmarkConvert(b *testing.B) {
	e := everyType()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Convert(e, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(e.Attribute)), "attributes/op")
}
