package misp

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestNormalise(t *testing.T) {
	h32, h64 := strings.Repeat("A", 32), strings.Repeat("Ab", 32)
	for _, tc := range []struct{ typ, in, want string }{
		{"ip-dst", " 2001:0DB8:0000::0001 ", "2001:db8::1"},
		{"ip-src", "192.0.2.0/24", "192.0.2.0/24"},
		{"ip-src", "192.0.2.1/32", "192.0.2.1"},
		{"ip-src", "192.0.2[.]1", "192.0.2.1"},
		{"ip-src", "2001:DB8::/32", "2001:db8::/32"},
		{"ip-src", "nope", "!IP address has an invalid format."},
		{"ip-src", "192.0.2.256", "!IP address has an invalid format."},
		{"ip-src", "192.0.2.0/33", "!Invalid CIDR notation value found."},
		{"ip-dst|port", "192.0.2.1:8443", "192.0.2.1|8443"},
		{"ip-dst|port", "[2001:DB8::1]:443", "2001:db8::1|443"},
		{"ip-src|port", "203.0.113.9|70000", "!Port numbers have to be integers between 1 and 65535."},
		{"ip-src|port", "203.0.113.9", "!Composite type found but the value is not in the format ip-src|port."},
		{"domain", "Evil.EXAMPLE.org.", "evil.example.org"},
		{"domain", "evil[.]example(dot)org", "evil.example.org"},
		{"domain", "пример.срб", "xn--e1afmkfd.xn--90a3ac"},
		{"domain", "no dots", "!Domain name has an invalid format. Please double check the value or select type \"other\"."},
		{"hostname", "_dmarc.example.org", "_dmarc.example.org"},
		{"hostname|port", "A.example.org:25", "a.example.org|25"},
		{"domain|ip", "A.example.org|2001:DB8::1", "a.example.org|2001:db8::1"},
		{"url", "hxxp://evil.example[.]org/a?b=c", "http://evil.example.org/a?b=c"},
		{"url", "hXXps[://]Evil.example.org/A", "https://Evil.example.org/A"},
		{"url", "http://a\nb", "!Value must not contain line breaks."},
		{"email-src", "Bad[@]Example.ORG", "bad@example.org"},
		{"email", "nobody", "!Email address has an invalid format. Please double check the value or select type \"other\"."},
		{"md5", h32, strings.ToLower(h32)},
		{"md5", "bad", "!Checksum has an invalid length or format (expected: 32 hexadecimal characters). Please double check the value or select type \"other\"."},
		{"filename|md5", "A.exe|" + h32, "A.exe|" + strings.ToLower(h32)},
		{"filename|md5", "a.exe|bad", "!Checksum has an invalid length or format (expected: filename|32 hexadecimal characters). Please double check the value or select type \"other\"."},
		{"malware-sample", "a.exe|" + h32, "a.exe|" + strings.ToLower(h32)},
		{"x509-fingerprint-sha256", strings.Join(strings.SplitAfter(h64, "b"), ":")[:95], strings.ToLower(h64)},
		{"AS", "as64500", "64500"}, {"AS", "1.1", "65537"},
		{"AS", "ASx", "!AS number have to be integer between 1 and 4294967295"},
		{"vulnerability", "cve-2024–0001", "CVE-2024-0001"},
		{"vulnerability", "CVE-24-1", "!Invalid format. Expected: CVE-xxxx-xxxx."},
		{"weakness", "cwe-79", "CWE-79"},
		{"datetime", "2026-02-03T04:05:06.123456+02:00", "2026-02-03T04:05:06.123456+0200"},
		{"datetime", "2026-02-03", "2026-02-03T00:00:00.000000+0000"},
		{"datetime", "soon", "!Datetime has to be in the ISO 8601 format."},
		{"boolean", "TRUE", "1"}, {"boolean", "maybe", "!The value has to be either true or false."},
		{"float", "3.14", "3.14"}, {"float", "NaN", "!The value has to be a number."},
		{"port", "0", "!Port numbers have to be integers between 1 and 65535."},
		{"mac-address", "00-1B-44-11-3A-B7", "00:1b:44:11:3a:b7"},
		{"regkey|value", "HKLM\\Software\\X|y", "HKLM\\Software\\X|y"},
		{"ssdeep", "96:abc:def", "96:abc:def"},
		{"ssdeep", "x:abc:def", "!Invalid SSDeep hash. The format has to be blocksize:hash:hash"},
		{"iban", "rs35 2600 0560 1001 6113 79", "RS35260005601001611379"},
		{"phone-number", "00381 (0)11 123-456", "+38111123456"},
		{"text", "\t a\nb \n", "a\nb"},
		{"domain", "", "!Value cannot be empty."}, {"text", " \n", "!Value cannot be empty."},
	} {
		got, err := Normalise(tc.typ, tc.in)
		have := got.Value
		if err != nil {
			have = "!" + err.Text
		}
		if have != tc.want {
			t.Errorf("%s %q: got %q, want %q", tc.typ, tc.in, have, tc.want)
		}
		if err == nil {
			if again, err := Normalise(tc.typ, got.Value); err != nil || again != got {
				t.Errorf("%s %q: not stable: %+v, %v", tc.typ, got.Value, again, err)
			}
		}
	}
	if v, _ := Normalise("filename|md5", "a|"+h32); v.Value1 != "a" || v.Value2 != strings.ToLower(h32) {
		t.Errorf("halves: %+v", v)
	}
}

// TestCorpusValuesStay: what real servers stored is valid here and stays as it is.
func TestCorpusValuesStay(t *testing.T) {
	n := 0
	check := func(a *Attribute) {
		n++
		if _, err := CheckType(a.Category.V, a.Type.V); err != nil {
			t.Errorf("%s/%s: %v", a.Category.V, a.Type.V, err)
		}
		if v, err := Normalise(a.Type.V, a.Value.V); err != nil || v.Value != a.Value.V {
			t.Errorf("%s %q: %q, %v", a.Type.V, a.Value.V, v.Value, err)
		}
	}
	for _, file := range corpus(t) {
		for _, e := range decodeFile(t, file) {
			for i := range e.Attribute {
				check(&e.Attribute[i])
			}
			for i := range e.Object {
				for j := range e.Object[i].Attribute {
					check(&e.Object[i].Attribute[j])
				}
			}
		}
	}
	if n != 1647 {
		t.Errorf("checked %d attributes, want 1647", n)
	}
}

// TestRecordedValues: what was sent to a real server becomes here what became of
// it there, and what it refused is refused with its words.
func TestRecordedValues(t *testing.T) {
	accepted, refused := 0, 0
	for _, r := range recordings(t) {
		if !strings.HasPrefix(r.Path, "/attributes/add") || r.Method != "POST" {
			continue
		}
		list, many, err := Read[Attribute](bytes.NewReader(r.RequestBody), Limits{}, "Attribute")
		if err != nil || many || len(list) != 1 {
			continue
		}
		sent := list[0]
		_, fault := CheckType(sent.Category.Or(""), sent.Type.Or(""))
		if sent.Type.V == "malware-sample" {
			continue // its hash comes from the data
		}
		got, bad := Normalise(sent.Type.Or(""), sent.Value.Or(""))
		if fault == nil {
			fault = bad
		}
		var answer struct {
			Attribute *Attribute2
			Errors    json.RawMessage `json:"errors"`
		}
		if json.Unmarshal(r.ResponseBody, &answer) != nil {
			continue
		}
		switch {
		case r.Status == 200 && answer.Attribute != nil:
			accepted++
			if a := answer.Attribute; fault != nil || a.Value != got.Value || a.Value1 != got.Value1 || a.Value2 != got.Value2 {
				t.Errorf("%s: got %+v, %v; the server has %+v", r.Name, got, fault, a)
			}
		case r.Status == 403 && bytes.Contains(answer.Errors, []byte("similar")), bytes.Contains(answer.Errors, []byte("warninglist")):
		case r.Status == 403 && len(answer.Errors) > 0:
			refused++
			want, _ := json.Marshal(map[string][]string{fault.Field: {fault.Text}})
			if compacted(t, answer.Errors) != string(want) {
				t.Errorf("%s: got %s, the server said %s", r.Name, want, answer.Errors)
			}
		}
	}
	if accepted < 5 || refused < 5 {
		t.Errorf("only %d accepted and %d refused were compared", accepted, refused)
	}
}

// TestRecordedEventValues: the same for the attributes inside a whole event.
func TestRecordedEventValues(t *testing.T) {
	n := 0
	for _, r := range recordings(t) {
		if r.Path != "/events/add" || r.Status != 200 || r.Truncated > 0 {
			continue
		}
		var sent []*Event
		if err := DecodeEvents(bytes.NewReader(r.RequestBody), Limits{}, func(e *Event) error { sent = append(sent, e); return nil }); err != nil || len(sent) != 1 {
			continue
		}
		got := decodeAll(t, bytes.NewReader(r.ResponseBody))[0]
		if len(got.Attribute) != len(sent[0].Attribute) {
			continue // invalid and double ones were dropped
		}
		for i, a := range sent[0].Attribute {
			want := got.Attribute[i]
			v, err := Normalise(a.Type.V, a.Value.V)
			def, _ := DefaultOf(a.Type.V)
			if err != nil || v.Value != want.Value.V || a.ToIDS.Or(def.ToIDS) != want.ToIDS.V || a.Category.Or(def.Category) != want.Category.V {
				t.Errorf("%s: %s %q: got %q %v, the server has %q %v %q", r.Name, a.Type.V, a.Value.V, v.Value, err, want.Value.V, want.ToIDS.V, want.Category.V)
			}
			for _, seen := range [][2]Text{{a.FirstSeen, want.FirstSeen}, {a.LastSeen, want.LastSeen}} {
				if at, ok := ParseTime(seen[0].V); seen[0].Given() && (!ok || FormatSeen(at) != seen[1].V) {
					t.Errorf("%s: %q became %q, the server has %q", r.Name, seen[0].V, FormatSeen(at), seen[1].V)
				}
			}
			n++
		}
	}
	if n < 15 {
		t.Errorf("only %d attributes were compared", n)
	}
}

// Attribute2 is what the answer says, decoded without our types.
type Attribute2 struct {
	Value  string `json:"value"`
	Value1 string `json:"value1"`
	Value2 string `json:"value2"`
}

func TestCorrelationKeys(t *testing.T) {
	keys := func(typ, value string) []int64 {
		v, err := Normalise(typ, value)
		if err != nil {
			t.Fatal(typ, value, err)
		}
		return CorrelationKeys(typ, v)
	}
	if a, b := keys("domain", "A.example.org"), keys("domain|ip", "a.EXAMPLE.org|192.0.2.1"); len(a) != 1 || len(b) != 2 || a[0] != b[0] {
		t.Error(a, b)
	}
	if k := keys("ip-dst|port", "192.0.2.1|443"); len(k) != 1 || k[0] != keys("ip-src", "192.0.2.1")[0] {
		t.Error("only the address of ip|port correlates")
	}
	for _, typ := range []string{"comment", "port", "float", "boolean"} {
		if keys(typ, "1") != nil {
			t.Errorf("%s must not correlate", typ)
		}
	}
}

func TestParseTime(t *testing.T) {
	for in, want := range map[string]string{
		"2026-01-02T03:04:05.678901+01:00": "2026-01-02T02:04:05.678901+00:00",
		"2026-01-03":                       "2026-01-03T00:00:00.000000+00:00",
		"2026-01-02 03:04:05":              "2026-01-02T03:04:05.000000+00:00",
		"1600000000.25":                    "2020-09-13T12:26:40.250000+00:00",
		"2026-02-03T04:05:06.123456+0200":  "2026-02-03T02:05:06.123456+00:00",
	} {
		if got, ok := ParseTime(in); !ok || FormatSeen(got) != want {
			t.Errorf("%s: %s, %v", in, FormatSeen(got), ok)
		}
	}
	for _, in := range []string{"", "x", "2026-13-01", "99999999999999999999", "1.x", "-"} {
		if got, ok := ParseTime(in); ok {
			t.Errorf("%q was read as %v", in, got)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	for _, typ := range Types() {
		f.Add(typ, "a|b")
	}
	f.Add("ip-dst|port", "[::ffff:1.2.3.4]:80")
	f.Add("url", "hxxp[://]x[.]y")
	f.Fuzz(func(t *testing.T, typ, value string) {
		v, err := Normalise(typ, value)
		if err != nil {
			return
		}
		if again, err := Normalise(typ, v.Value); err != nil || again.Value != v.Value {
			t.Fatalf("%s %q → %q → %q, %v", typ, value, v.Value, again.Value, err)
		}
	})
}
