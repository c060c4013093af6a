package stix

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"straza/internal/format/misp"
	"straza/internal/format/tlp"
)

const (
	mdFive = "d41d8cd98f00b204e9800998ecf8427e"
	u1     = "c25327b3-2e74-4437-bd66-e0321bf3876c"
	u2     = "7f7b3dd1-7a1c-437e-994b-aa80361c0205"
	u3     = "70d6e0b9-0824-44aa-bca1-6b2b254a3cf9"
	u4     = "61818317-d1e1-40d1-9a1b-5a6a1e0ad2e5"
	head21 = `"spec_version":"2.1","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-02T00:00:00.000Z"`
)

func thingOf(typ, uuid, rest string) string {
	if rest != "" {
		rest = "," + rest
	}
	return `{"type":"` + typ + `","id":"` + typ + `--` + uuid + `",` + head21 + rest + `}`
}

func leftOf(left []Remains) (out []string) {
	for _, l := range left {
		out = append(out, fmt.Sprintf("%s: %s ×%d", l.Type, l.Reason, l.Count))
	}
	return out
}

// TestForeign: what others' bundles become, and what is told to have no place.
func TestForeign(t *testing.T) {
	seen := func(refs string) string {
		return thingOf("observed-data", u1, `"first_observed":"2026-01-01T10:00:00Z","last_observed":"2026-01-01T11:00:00Z","number_observed":1,"object_refs":[`+refs+`]`)
	}
	for _, c := range []struct {
		name    string
		objects []string
		want    []string
		left    []string
		tags    []string // of the event
	}{
		{name: "observed address", objects: []string{seen(`"ipv4-addr--` + u2 + `"`), `{"type":"ipv4-addr","id":"ipv4-addr--` + u2 + `","value":"198.51.100.7"}`},
			want: []string{"ip-dst=198.51.100.7"}},
		{name: "file with all that belongs to it", objects: []string{seen(`"file--` + u2 + `","directory--` + u3 + `"`),
			`{"type":"file","id":"file--` + u2 + `","name":"a.exe","size":17,"hashes":{"MD5":"` + mdFive + `"},"parent_directory_ref":"directory--` + u3 + `","ctime":"2026-01-01T00:00:00Z","magic_number_hex":"4d5a"}`,
			`{"type":"directory","id":"directory--` + u3 + `","path":"/tmp"}`},
			want: []string{"file{creation-time=2026-01-01T00:00:00.000000+0000 md5=" + mdFive + " filename=a.exe path=/tmp size-in-bytes=17}"},
			left: []string{"file.magic_number_hex: no place for this property ×1"}},
		{name: "traffic", objects: []string{`{"type":"network-traffic","id":"network-traffic--` + u1 + `","dst_ref":"ipv4-addr--` + u2 + `","dst_port":443,"protocols":["tcp"]}`,
			`{"type":"ipv4-addr","id":"ipv4-addr--` + u2 + `","value":"198.51.100.7"}`}, want: []string{"ip-dst|port=198.51.100.7|443"}},
		{name: "rule", objects: []string{thingOf("indicator", u1, `"pattern":"rule a { condition: true }","pattern_type":"yara","valid_from":"2026-01-01T00:00:00Z"`)}, want: []string{"yara=rule a { condition: true }!"}},
		{name: "rule of an unknown kind", objects: []string{thingOf("indicator", u1, `"pattern":"x","pattern_type":"eql","valid_from":"2026-01-01T00:00:00Z"`)},
			want: []string{"stix-object{type=indicator id=indicator--" + u1 + ` json={"type":"indicator","id":"indicator--` + u1 + `",` + head21 + `,"pattern":"x","pattern_type":"eql","valid_from":"2026-01-01T00:00:00Z"}}`},
			left: []string{"indicator: kept whole: MISP has no word for it ×1"}},
		{name: "revoked", objects: []string{thingOf("indicator", u1, `"pattern":"[domain-name:value = 'a.example.com']","pattern_type":"stix","revoked":true,"valid_from":"2026-01-01T00:00:00Z"`)}, want: []string{"domain=a.example.com"}},
		{name: "vulnerability", objects: []string{thingOf("vulnerability", u1, `"name":"a hole","external_references":[{"source_name":"cve","external_id":"CVE-2026-0001"}]`)}, want: []string{"vulnerability=CVE-2026-0001"}},
		{name: "technique", objects: []string{thingOf("attack-pattern", u1, `"name":"New Service","external_references":[{"source_name":"mitre-attack","external_id":"T1050"}]`)},
			tags: []string{`misp-galaxy:mitre-attack-pattern="New Service - T1050"`}},
		{name: "unknown actor", objects: []string{thingOf("threat-actor", u1, `"name":"Nobody"`)}, tags: []string{`misp-galaxy:stix-2.1-threat-actor="Nobody"`},
			want: []string{"stix-object{type=threat-actor id=threat-actor--" + u1 + ` json={"type":"threat-actor","id":"threat-actor--` + u1 + `",` + head21 + `,"name":"Nobody"}}`},
			left: []string{"threat-actor: kept whole: MISP has no word for it ×1"}},
		{name: "two with one uuid", objects: []string{`{"type":"ipv4-addr","id":"ipv4-addr--` + u1 + `","value":"198.51.100.7"}`, `{"type":"domain-name","id":"domain-name--` + u1 + `","value":"a.example.com"}`},
			want: []string{"domain=a.example.com", "ip-dst=198.51.100.7"}},
		{name: "a newer version counts", objects: []string{strings.Replace(indicatorOf("[domain-name:value = 'new.example.com']"), `"modified":"2026-01-01`, `"modified":"2026-02-01`, 1), indicatorOf("[domain-name:value = 'old.example.com']")},
			want: []string{"domain=new.example.com!"}, left: []string{"indicator: an older version of an object that is here too ×1", "indicator.indicator_types: no place for this property ×1"}},
		{name: "not objects", objects: []string{`{"type":"x","id":"y"}`, `{"id":7}`, `[]`, `"text"`, `null`, `{"type":"url","id":"url--` + u1 + `","value":"http://x.org/"}`},
			want: []string{"url=http://x.org/"}, left: []string{": no usable type and id ×2", "object: no usable type and id ×2", "x: no usable type and id ×1"}},
		{name: "wrong types everywhere", objects: []string{thingOf("indicator", u1, `"pattern":["a"],"labels":{"a":1},"object_marking_refs":7,"external_references":"x"`)},
			want: []string{"stix-object{type=indicator id=indicator--" + u1 + ` json={"type":"indicator","id":"indicator--` + u1 + `",` + head21 + `,"pattern":["a"],"labels":{"a":1},"object_marking_refs":7,"external_references":"x"}}`},
			left: []string{"indicator: kept whole: MISP has no word for it ×1", "indicator.external_references: no place for this property ×1"}},
	} {
		got, left := there(t, foreign(c.objects...))
		if d := cmp.Diff(c.want, brief(got[0])); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
		if d := cmp.Diff(c.left, leftOf(left)); d != "" {
			t.Errorf("%s leaves (-want +got):\n%s", c.name, d)
		}
		if d := cmp.Diff(c.tags, tagNames(got[0].Tag)); d != "" && len(c.tags)+len(got[0].Tag) > 0 {
			t.Errorf("%s: tags (-want +got):\n%s", c.name, d)
		}
	}
}

// TestForeignReport: header, labels, markings of both generations, relations,
// sightings, notes and opinions of a report that others made.
func TestForeignReport(t *testing.T) {
	doc := foreign(
		thingOf("identity", u4, `"name":"Other CERT","identity_class":"organization"`),
		thingOf("report", u1, `"created_by_ref":"identity--`+u4+`","name":"A campaign","description":"What happened","published":"2026-01-03T00:00:00Z","labels":["phishing"],"confidence":80,"report_types":["campaign"],
			"object_marking_refs":["marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"],"external_references":[{"source_name":"x","url":"https://example.org/r"}],
			"object_refs":["indicator--`+u2+`","malware--`+u3+`","file--`+u3+`","relationship--`+u1+`","relationship--`+u2+`","sighting--`+u1+`","note--`+u1+`","opinion--`+u1+`","x-thing--`+u1+`","url--`+u4+`"]`),
		thingOf("indicator", u2, `"name":"bad","pattern":"[domain-name:value = 'a.example.com']","pattern_type":"stix","valid_from":"2026-01-01T05:00:00Z","valid_until":"2026-03-01T00:00:00Z","object_marking_refs":["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]`),
		thingOf("malware", u3, `"name":"Evil","is_family":true`),
		`{"type":"file","id":"file--`+u3+`","name":"a.exe","size":3,"hashes":{"MD5":"`+mdFive+`"}}`,
		thingOf("relationship", u1, `"relationship_type":"indicates","source_ref":"indicator--`+u2+`","target_ref":"malware--`+u3+`"`),
		thingOf("relationship", u2, `"relationship_type":"drops","description":"then","source_ref":"file--`+u3+`","target_ref":"indicator--`+u2+`"`),
		thingOf("sighting", u1, `"sighting_of_ref":"indicator--`+u2+`","last_seen":"2026-02-01T00:00:00Z","count":1,"where_sighted_refs":["identity--`+u4+`"]`),
		thingOf("note", u1, `"abstract":"n","content":"text","object_refs":["report--`+u1+`"]`),
		thingOf("opinion", u1, `"opinion":"agree","explanation":"yes","object_refs":["indicator--`+u2+`"]`),
		thingOf("x-thing", u1, `"a":1`))
	got, left := there(t, doc)
	e := got[0]
	if e.Info.V != "A campaign" || e.UUID.V != u1 || e.Published.V || e.Orgc == nil || e.Orgc.Name.V != "Other CERT" || e.Distribution.V != 0 || e.Date.V != "2026-01-01" || e.PublishTimestamp.V != 1767398400 {
		t.Errorf("header: %+v", e)
	}
	if d := cmp.Diff([]string{"phishing", "tlp:amber+strict", `misp:confidence-level="usually-confident"`}, tagNames(e.Tag)); d != "" {
		t.Error(d)
	}
	if len(e.EventReport) != 2 || e.EventReport[0].Content.V != "What happened" || e.EventReport[1].Content.V != "text" {
		t.Errorf("reports: %+v", e.EventReport)
	}
	at := slices.IndexFunc(e.Attribute, func(a misp.Attribute) bool { return a.Type.V == "domain" })
	a := e.Attribute[at]
	if d := cmp.Diff([]string{"tlp:red", `misp-galaxy:stix-2.1-malware="Evil"`}, tagNames(a.Tag)); d != "" {
		t.Error(d)
	}
	if a.Comment.V != "bad" || a.FirstSeen.V != "2026-01-01T05:00:00.000000+00:00" || a.LastSeen.V != "2026-03-01T00:00:00.000000+00:00" || a.Timestamp.V != 1767312000 || a.UUID.V != u2 {
		t.Errorf("indicator: %+v", a)
	}
	if len(a.Sighting) != 1 || a.Sighting[0].DateSighting.V != 1769904000 || a.Sighting[0].Organisation.Name.V != "Other CERT" || len(a.Opinion) != 1 || a.Opinion[0].Opinion.V != 75 {
		t.Errorf("around it: %+v %+v", a.Sighting, a.Opinion)
	}
	o := e.Object[0]
	if o.Name.V != "file" || len(o.ObjectReference) != 1 || o.ObjectReference[0].ReferencedUUID.V != u2 || o.ObjectReference[0].RelationshipType.V != "drops" || o.ObjectReference[0].Comment.V != "then" {
		t.Errorf("object: %+v", o)
	}
	if d := cmp.Diff([]string{"malware: kept whole: MISP has no word for it ×1", "report.object_refs: refers to something that is not in the bundle ×1", "report.report_types: no place for this property ×1",
		"x-thing: kept whole: MISP has no word for it ×1"}, leftOf(left)); d != "" {
		t.Error(d)
	}
	if len(e.Object) != 3 {
		t.Errorf("objects: %v", brief(e))
	}
}

// TestChanged: an export that somebody changed without knowing our extension is
// read by its own words.
func TestChanged(t *testing.T) {
	objects, err := Convert(oneEvent(t, contextEvent), Options{})
	if err != nil {
		t.Fatal(err)
	}
	doc := bytes.ReplaceAll(AppendBundle(nil, objects), []byte("dst_ref.value = '198.51.100.7'"), []byte("dst_ref.value = '198.51.100.8'"))
	got, left := there(t, doc)
	if !slices.Contains(brief(got[0]), "ip-dst=198.51.100.8!") || slices.Contains(brief(got[0]), "ip-dst=198.51.100.7!") {
		t.Errorf("%v", brief(got[0]))
	}
	if !slices.ContainsFunc(left, func(l Remains) bool { return l.Reason == whyExtension }) {
		t.Errorf("not told: %v", left)
	}
}

// TestUnlabelled: no TLP is never CLEAR, and the default is the reader's.
func TestUnlabelled(t *testing.T) {
	for level, want := range map[tlp.Level][]string{tlp.None: {}, tlp.Amber: {"tlp:amber"}} {
		b, err := ReadBundle(bytes.NewReader(foreign(thingOf("report", u1, `"name":"x","object_refs":[]`))), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Events(ReadOptions{Default: level}, func(e *misp.Event) error {
			if got := tagNames(e.Tag); !slices.Equal(got, want) {
				t.Errorf("%v: %v", level, got)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHostile: what is too large, too deep or no bundle is refused as a whole and
// says so without content.
func TestHostile(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	for name, c := range map[string]struct {
		doc string
		lim Limits
	}{
		"empty":            {doc: ""},
		"no JSON":          {doc: "bundle--x"},
		"text":             {doc: `"x"`},
		"empty bundle":     {doc: `{"type":"bundle","id":"bundle--` + u1 + `","objects":[]}`},
		"objects no list":  {doc: `{"type":"bundle","objects":{"a":1}}`},
		"cut off":          {doc: `{"type":"bundle","objects":[{"type":"url"`},
		"something behind": {doc: `{"type":"bundle","objects":[{"type":"url","id":"url--` + u1 + `"}]} x`},
		"deep":             {doc: `{"type":"bundle","objects":[{"type":"x-a","id":"x-a--` + u1 + `","v":` + deep + `}]}`},
		"deeper":           {doc: strings.Repeat("[", 100_000)},
		"large":            {doc: string(foreign(indicatorOf(strings.Repeat("x", 5000)))), lim: Limits{Bytes: 4000}},
		"large object":     {doc: string(foreign(indicatorOf(strings.Repeat("x", 5000)))), lim: Limits{Object: 4000}},
		"many":             {doc: string(foreign(indicatorOf("a"), indicatorOf("b"), indicatorOf("c"))), lim: Limits{Objects: 2}},
	} {
		_, err := ReadBundle(strings.NewReader(c.doc), c.lim)
		var f *Fault
		if !errors.As(err, &f) || strings.Contains(f.Text, "xxxx") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// References to references to references cost no more than they hold.
	var refs, objects []string
	for i := range 300 {
		refs = append(refs, fmt.Sprintf(`"email-message--%08d-2e74-4437-bd66-e0321bf3876c"`, i))
	}
	for i := range 300 {
		objects = append(objects, fmt.Sprintf(`{"type":"email-message","id":%s,"to_refs":[%s]}`, refs[i], strings.Join(refs, ",")))
	}
	there(t, foreign(objects...))
}

// TestGolden reads what the field's converter wrote, if it lies there.
func TestGolden(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(os.Getenv("STIX_IN"), "*.json"))
	if os.Getenv("STIX_IN") == "" {
		t.Skip("STIX_IN names no directory of bundles")
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		events, left := there(t, b)
		t.Log(filepath.Base(f), len(events), leftOf(left))
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{"[a:b = 'c']", "[a:b.c[*].'d' IN ('x', 1, true, t'2026-01-01T00:00:00Z')] FOLLOWEDBY ([e:f != 2] AND [g:h EXISTS]) WITHIN 5 SECONDS", "[EXISTS a:b OR NOT a:c LIKE 'x']"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePattern(s)
		if err != nil {
			return
		}
		list, ok := p.alternatives()
		if ok && (len(list) == 0 || len(list) > alternativesKept) {
			t.Fatalf("%d alternatives", len(list))
		}
		for _, tests := range list {
			for _, c := range tests {
				if c.op != "=" || len(c.values) != 1 {
					t.Fatalf("%+v", c)
				}
			}
		}
	})
}

// FuzzBundle: whatever a bundle holds, reading it ends, its events can be written
// as MISP does, and what we write of them is STIX again.
func FuzzBundle(f *testing.F) {
	f.Add(string(foreign(indicatorOf("[ipv4-addr:value = '198.51.100.120']"))))
	objects, err := Convert(everyType(), Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(AppendBundle(nil, objects[:40])))
	f.Fuzz(func(t *testing.T, doc string) {
		b, err := ReadBundle(strings.NewReader(doc), Limits{Bytes: 1 << 18})
		if err != nil {
			return
		}
		if _, err := b.Events(ReadOptions{}, func(e *misp.Event) error {
			for i := range e.Attribute {
				if !uuidShape(e.Attribute[i].UUID.V) {
					t.Fatalf("uuid %q", e.Attribute[i].UUID.V)
				}
			}
			if err := misp.EncodeEvent(new(bytes.Buffer), e); err != nil {
				t.Fatal(err)
			}
			_, err := Convert(e, Options{})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}
