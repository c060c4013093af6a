package stix

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
)

const picture = "iVBORw0KGgo="

func uuidOf(n int) string {
	return "5ac337df-e078-4e99-8b17-02550a0002" + string("0123456789abcdef"[n/16]) + string("0123456789abcdef"[n%16])
}

// objectOfPairs is an object with a uuid; what begins with ! is meant for detection.
func objectOfPairs(n int, name string, pairs ...string) misp.Object {
	o := misp.Object{UUID: misp.T(uuidOf(n * 16)), Name: misp.T(name), MetaCategory: misp.T("file"), Timestamp: misp.N(1700000002), Distribution: misp.N(5), Comment: misp.T("")}
	for i := 0; i+2 < len(pairs); i += 3 {
		v, ids := strings.CutPrefix(pairs[i+2], "!")
		a := misp.Attribute{UUID: misp.T(uuidOf(n*16 + i/3 + 1)), ObjectRelation: misp.T(pairs[i]), Type: misp.T(pairs[i+1]), Value: misp.T(v), ToIDS: misp.B(ids), Timestamp: misp.N(1700000002), Distribution: misp.N(5)}
		if pairs[i+1] == "attachment" {
			a.Data = misp.T(picture)
		}
		o.Attribute = append(o.Attribute, a)
	}
	return o
}

func refer(from *misp.Object, to, word string) {
	from.ObjectReference = append(from.ObjectReference, misp.ObjectReference{UUID: misp.T(uuid5(nsMISP, from.UUID.V+to)), ReferencedUUID: misp.T(to), ReferencedType: misp.N(1), RelationshipType: misp.T(word), Timestamp: misp.N(1700000002), Comment: misp.T("")})
}

// executable is a file, what it is for Windows, and its sections; the last one has no name.
func executable() *misp.Event {
	e := anEvent(true)
	file := objectOfPairs(1, "file", "filename", "filename", "!a.exe", "md5", "md5", "d41d8cd98f00b204e9800998ecf8427e")
	pe := objectOfPairs(2, "pe", "imphash", "imphash", "!23ea835ab4b9017c74dfb023d2301c99", "type", "text", "exe", "number-sections", "counter", "2", "entrypoint-address", "text", "4096",
		"machine-type-hex", "hex", "014C", "original-filename", "filename", "putty.exe", "company-name", "text", "S", "compilation-timestamp", "datetime", "2019-03-16T12:31:22+00:00")
	one := objectOfPairs(3, "pe-section", "name", "text", ".rsrc", "size-in-bytes", "size-in-bytes", "305152", "entropy", "float", "7.83", "md5", "md5", "!d41d8cd98f00b204e9800998ecf8427e", "offset", "hex", "0400")
	two := objectOfPairs(4, "pe-section", "name", "text", ".text", "size-in-bytes", "size-in-bytes", "305152")
	three := objectOfPairs(5, "pe-section", "entropy", "float", "1.5")
	refer(&file, pe.UUID.V, "includes")
	for _, s := range []misp.Object{one, two, three} {
		refer(&pe, s.UUID.V, "includes")
	}
	one.Attribute[3].Sighting = []misp.Sighting{{UUID: misp.T(uuidOf(0xf0)), DateSighting: misp.N(1700000005), Type: misp.N(0), Source: misp.T("x"), AttributeUUID: one.Attribute[3].UUID, Organisation: e.Orgc}}
	e.Object = []misp.Object{one, file, three, pe, two} // in no order
	return e
}

func TestExecutable(t *testing.T) {
	e := executable()
	m := convert(t, e, Compatible)
	var file map[string]any
	sections := 0
	for _, v := range m.all {
		if v["type"] == "file" && v["extensions"] != nil {
			file = v
		}
		if v["type"] == "x-misp-object" {
			sections++
		}
	}
	if sections != 1 {
		t.Errorf("%d objects of MISP's own, want the section without a name alone", sections)
	}
	want := `{"windows-pebinary-ext":{"pe_type":"exe","imphash":"23ea835ab4b9017c74dfb023d2301c99","machine_hex":"014C","number_of_sections":2,"optional_header":{"address_of_entry_point":4096},"sections":[{"name":".rsrc","size":305152,"entropy":7.83,"hashes":{"MD5":"d41d8cd98f00b204e9800998ecf8427e"},"x_misp_offset":"0400"},{"name":".text","size":305152}],"x_misp_original_filename":"putty.exe","x_misp_company_name":"S","x_misp_compilation_timestamp":"2019-03-16T12:31:22+00:00"}}`
	var w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(w, file["extensions"]); d != "" {
		t.Error(d)
	}
	pattern := "[file:extensions.'windows-pebinary-ext'.imphash = '23ea835ab4b9017c74dfb023d2301c99' AND file:extensions.'windows-pebinary-ext'.sections[0].hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']"
	if !slices.ContainsFunc(m.all, func(v map[string]any) bool { return v["pattern"] == pattern }) {
		t.Error("no indicator of the executable")
	}
	for _, mode := range []Mode{Compatible, Strict} {
		roundTrip(t, "executable", e, mode)
	}
}

// plainly is what a reader without our extension makes of our export.
func plainly(t *testing.T, e *misp.Event) []string {
	t.Helper()
	objects, err := Convert(e, Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := there(t, AppendBundle(nil, objects))
	return brief(got[0])
}

// TestBinariesReadPlainly: what others write, and we without our extension, becomes the
// objects it is made of.
func TestBinariesReadPlainly(t *testing.T) {
	some := func(list ...misp.Object) *misp.Event {
		e := anEvent(true)
		e.Object = list
		return e
	}
	pe, one, two := objectOfPairs(2, "pe", "type", "text", "exe", "original-filename", "filename", "putty.exe"), objectOfPairs(3, "pe-section", "name", "text", ".a", "virtual_address", "hex", "1000"), objectOfPairs(4, "pe-section", "name", "text", ".b", "size-in-bytes", "size-in-bytes", "7")
	refer(&pe, one.UUID.V, "includes")
	refer(&pe, two.UUID.V, "includes")
	key, value, other := objectOfPairs(2, "registry-key", "key", "regkey", `HKEY_LOCAL_MACHINE\x`, "name", "text", "n", "data", "text", "d", "data-type", "text", "REG_SZ"), objectOfPairs(3, "registry-key-value", "name", "text", "m", "data", "text", "e"), objectOfPairs(4, "registry-key-value", "data-type", "text", "no type")
	refer(&key, value.UUID.V, "contains")
	refer(&key, other.UUID.V, "contains")
	about := objectOfPairs(5, "annotation", "text", "text", "seen before", "type", "text", "Executive Summary", "ref", "link", "https://a.example.com/x")
	mutex := objectOfPairs(6, "mutex", "name", "mutex", "m")
	refer(&about, mutex.UUID.V, "annotates")
	for name, x := range map[string]struct {
		e    *misp.Event
		want []string
	}{
		"pe": {some(pe, one, two), []string{"pe-section{name=.a virtual_address=1000}", "pe-section{name=.b size-in-bytes=7}", "pe{type=exe original-filename=putty.exe}"}},
		"image": {some(objectOfPairs(2, "image", "attachment", "attachment", "a.png", "url", "url", "https://a.example.com/a.png", "image-text", "text", "hello")),
			[]string{"image{filename=a.png url=https://a.example.com/a.png image-text=hello attachment=a.png}"}},
		"artifact": {some(objectOfPairs(2, "artifact", "payload_bin", "attachment", "a.zip", "encryption_algorithm", "text", "mime-type-indicated", "decryption_key", "text", "x")),
			[]string{"artifact{decryption_key=x encryption_algorithm=mime-type-indicated payload_bin=a.zip}"}},
		"artifact elsewhere": {some(objectOfPairs(2, "artifact", "url", "url", "!https://a.example.com/a", "md5", "md5", "d41d8cd98f00b204e9800998ecf8427e")),
			[]string{"artifact{md5=d41d8cd98f00b204e9800998ecf8427e url=https://a.example.com/a!}"}},
		"key":        {some(key, value), []string{`registry-key-value{data=d data-type=REG_SZ name=n}`, `registry-key-value{data=e name=m}`, `registry-key{key=HKEY_LOCAL_MACHINE\x}`}},
		"value":      {some(value), []string{"registry-key-value{data=e name=m}"}},
		"annotation": {some(about, mutex), []string{"annotation{ref=https://a.example.com/x text=seen before type=Executive Summary}", "mutex{name=m}"}},
	} {
		for _, m := range []Mode{Compatible, Strict} {
			roundTrip(t, name, x.e, m)
		}
		if d := cmp.Diff(x.want, plainly(t, x.e)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// TestWordsOfContent: which objects of STIX these templates become, and which need more
// than they have to become one.
func TestWordsOfContent(t *testing.T) {
	bare := anEvent(true)
	bare.Object = []misp.Object{objectOfPairs(2, "artifact", "url", "url", "https://a.example.com/a"), objectOfPairs(3, "pe", "company-name", "text", "S"), objectOfPairs(4, "annotation", "text", "text", "of nothing"),
		objectOfPairs(5, "elf", "type", "text", "EXECUTABLE"), objectOfPairs(6, "image", "url", "url", "https://a.example.com/a")}
	if d := cmp.Diff([]string{"extension-definition", "identity", "relationship", "report", "x-misp-object"}, slices.Insert(convert(t, bare, Compatible).types(), 2, "relationship")); d != "" {
		t.Error(d)
	}
	roundTrip(t, "bare", bare, Compatible)

	e := anEvent(true)
	e.Object = []misp.Object{objectOfPairs(2, "image", "attachment", "attachment", "a.PNG", "filename", "filename", "!b.png")}
	m := convert(t, e, Compatible)
	m.has("artifact", map[string]any{"payload_bin": picture, "mime_type": "image/png", "x_misp_filename": "a.PNG"})
	m.has("file", map[string]any{"name": "b.png", "content_ref": "artifact--" + uuidOf(0x21)})
	m.has("indicator", map[string]any{"pattern": "[file:name = 'b.png']"})
	if n := strings.Count(string(AppendBundle(nil, m.list)), picture); n != 1 {
		t.Errorf("the content stands %d times", n)
	}

	e.Object = []misp.Object{objectOfPairs(2, "malware", "name", "text", "Evil", "is_family", "boolean", "1", "alias", "text", "E", "first_seen", "datetime", "2026-03-01T10:00:00.000000+0000"),
		objectOfPairs(3, "stix2-pattern", "stix2-pattern", "stix2-pattern", "![file:name LIKE '%.exe']"),
		objectOfPairs(4, "registry-key", "key", "regkey", `HKEY_LOCAL_MACHINE\x`, "last-modified", "datetime", "2026-03-01T10:00:00.000000+0000", "data-type", "text", "REG_DWORD", "data", "text", "!7")}
	m = convert(t, e, Compatible)
	m.has("malware", map[string]any{"name": "Evil", "is_family": true, "aliases": []any{"E"}, "first_seen": "2026-03-01T10:00:00.000Z"})
	m.has("windows-registry-key", map[string]any{"modified_time": "2026-03-01T10:00:00.000Z", "values": []any{map[string]any{"data": "7", "data_type": "REG_DWORD"}}})
	for _, want := range []string{"[file:name LIKE '%.exe']", "[windows-registry-key:values[*].data = '7']"} {
		if !slices.ContainsFunc(m.all, func(v map[string]any) bool {
			return v["pattern"] == want && v["pattern_type"] == "stix" && v["pattern_version"] == "2.1"
		}) {
			t.Errorf("no indicator %s", want)
		}
	}
	roundTrip(t, "domain", e, Compatible)
}

// TestAnnotation: a note names what it is about, whatever stands first, and its
// references are not told twice.
func TestAnnotation(t *testing.T) {
	e := anEvent(true, anAttribute("domain", "a.example.com", false))
	about := objectOfPairs(2, "annotation", "text", "text", "seen before", "attachment", "attachment", "a.txt")
	mutex := objectOfPairs(3, "mutex", "name", "mutex", "m")
	for _, to := range []string{mutex.UUID.V, attrUUID, eventUUID, "00000000-0000-4000-8000-000000000000"} {
		refer(&about, to, "annotates")
	}
	refer(&mutex, about.UUID.V, "described-by")
	e.Object = []misp.Object{about, mutex}
	m := convert(t, e, Compatible)
	m.has("note", map[string]any{"content": "seen before", "object_refs": []any{"observed-data--" + mutex.UUID.V, "observed-data--" + attrUUID, "report--" + eventUUID}})
	m.has("relationship", map[string]any{"relationship_type": "described-by", "target_ref": "note--" + about.UUID.V})
	for _, mode := range []Mode{Compatible, Strict} {
		roundTrip(t, "annotation", e, mode)
	}
}
