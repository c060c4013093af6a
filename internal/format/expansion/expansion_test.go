package expansion

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadModules(t *testing.T) {
	t.Parallel()
	list, skipped, err := ReadModules(strings.NewReader(`[
		{"name":"dns","type":"expansion","mispattributes":{"input":["hostname","domain"],"output":["ip-src"]},"meta":{"version":"0.3","description":"A lookup","config":["nameserver"]}},
		{"name":"asn","type":"expansion","mispattributes":{"input":["ip-src"],"format":"misp_standard"},"meta":{"name":"ASN","version":2,"config":{"key":{"type":"String"},"api":{}}}},
		{"name":"csvimport","type":"import","mispattributes":{"userConfig":{}},"meta":null},
		{"name":"dns","type":"expansion"}, {"name":"../../x","type":"expansion"}, {"name":7}, "words", null, {"type":"expansion"},
		{"name":"odd","type":"expansion","mispattributes":{"input":"md5"},"meta":[1,2]}]`))
	want := []Module{
		{Name: "asn", Type: "expansion", Title: "ASN", Version: "2", Input: []string{"ip-src"}, Standard: true, Config: []string{"api", "key"}},
		{Name: "csvimport", Type: "import"},
		{Name: "dns", Type: "expansion", Description: "A lookup", Version: "0.3", Input: []string{"hostname", "domain"}, Output: []string{"ip-src"}, Config: []string{"nameserver"}},
		{Name: "odd", Type: "expansion"},
	}
	if diff := cmp.Diff(want, list); diff != "" || skipped != 6 || err != nil {
		t.Errorf("%d skipped, %v: %s", skipped, err, diff)
	}
	if !list[2].Takes("domain") || list[2].Takes("md5") || list[1].Takes("ip-src") {
		t.Error("what a module takes")
	}
}

func TestReadAnswer(t *testing.T) {
	t.Parallel()
	no := false
	for _, c := range []struct {
		name, in string
		want     Answer
	}{
		{"simple", `{"results":[{"types":["ip-dst","ip-src"],"values":["198.51.100.7","198.51.100.7"],"comment":"A","tags":["x"],"to_ids":false},{"types":"text","values":"one"}]}`,
			Answer{Finds: []Find{{Types: []string{"ip-dst", "ip-src"}, Values: []string{"198.51.100.7"}, Comment: "A", Tags: []string{"x"}, ToIDS: &no}, {Types: []string{"text"}, Values: []string{"one"}}}}},
		{"values that are no texts", `{"results":[{"types":["text"],"values":[{"a":1},7,null,true]}]}`, Answer{Finds: []Find{{Types: []string{"text"}, Values: []string{"{\n \"a\": 1\n}", "7", "true"}}}}},
		{"entries of the wrong kind", `{"results":[1,"x",null,{"types":[],"values":["a"]},{"types":["md5"]},{"values":[]}]}`, Answer{Skipped: 6}},
		{"its words", `{"error":"Misperrors: no result"}`, Answer{Said: "Misperrors: no result"}},
		{"an error without words", `{"error":{"code":1}}`, Answer{Said: "error"}},
		{"words as results", `{"results":"nothing found"}`, Answer{Said: "nothing found"}},
		{"empty", `{"results":[]}`, Answer{}},
	} {
		got, err := ReadAnswer(strings.NewReader(c.in))
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", c.name, err, diff)
		}
	}
}

func TestReadStandard(t *testing.T) {
	t.Parallel()
	a, err := ReadAnswer(strings.NewReader(`{"results":{"Attribute":[{"type":"ip-dst","value":"198.51.100.7","uuid":"00000000-0000-4000-8000-000000000001","Tag":[{"name":"t"}]},"x",7],
		"Object":[{"name":"asn","meta-category":"network","template_uuid":"4ec55cc6-9e49-4c64-b794-03c25c1a6587","uuid":"5e0d4f0c-0000-4000-8000-000000000002",
			"Attribute":[{"type":"AS","object_relation":"asn","value":"64500"}],"ObjectReference":[{"referenced_uuid":"00000000-0000-4000-8000-000000000001","relationship_type":"related-to"}]}],
		"Tag":[{"name":"tlp:clear"}],"Galaxy":5}}`))
	if err != nil || a.Whole == nil || a.Skipped != 2 {
		t.Fatalf("%+v, %v", a, err)
	}
	w := a.Whole
	if len(w.Attribute) != 1 || w.Attribute[0].Tag[0].Name.V != "t" || len(w.Object) != 1 || w.Object[0].Attribute[0].Value.V != "64500" ||
		w.Object[0].ObjectReference[0].RelationshipType.V != "related-to" || w.Tag[0].Name.V != "tlp:clear" {
		t.Errorf("%+v", w)
	}
}

// TestHostile: what a broken or malicious server sends ends in a fault that says what it is.
func TestHostile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", NotJSON}, {"a page", "<html>502</html>", NotJSON}, {"cut off", `{"results":[{"types":["md5"],"val`, NotJSON},
		{"deep", `{"results":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, TooDeep},
		{"deep and open", strings.Repeat(`{"a":`, 1_000_000), TooDeep},
		{"huge", `{"results":"` + strings.Repeat("x", MaxAnswer) + `"}`, TooLarge},
		{"a list", `[]`, Strange}, {"a word", `"x"`, Strange}, {"null", `null`, Strange}, {"no results", `{}`, Strange}, {"null results", `{"results":null}`, Strange}, {"a number", `{"results":7}`, Strange},
		{"an attribute of strange types", `{"results":{"Attribute":[{"value":{"a":[1]}}]}}`, Strange},
		{"an object of strange types", `{"results":{"Object":[{"Attribute":"x"}]}}`, Strange},
	} {
		_, err := ReadAnswer(strings.NewReader(c.in))
		var f *Fault
		if !errors.As(err, &f) || f.Key != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	many := `{"results":[{"types":["text"],"values":[` + strings.TrimSuffix(strings.Repeat(`"a","b",`, 20_000), ",") + `]},{"types":["text"],"values":["c"]}]}`
	a, err := ReadAnswer(strings.NewReader(many))
	if err != nil || len(a.Finds) == 0 || len(a.Finds[0].Values) > maxFinds {
		t.Errorf("%d, %v", len(a.Finds), err)
	}
	if _, _, err := ReadModules(strings.NewReader(`{"error":"x"}`)); err == nil {
		t.Error("an object is no list of modules")
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	for _, q := range []Query{{Module: "dns", Type: "domain", Value: "evil.rs", UUID: "u", Config: map[string]string{"nameserver": "x"}}, {Module: "asn", Type: "ip-src", Value: "198.51.100.7", UUID: "u", Standard: true}} {
		b, err := q.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadQuery(b)
		q.Config = nil
		if diff := cmp.Diff(q, got); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
	for _, in := range []string{``, `{}`, `{"module":"x"}`, `{"module":"x","attribute":{}}`, `{"module":"../","domain":"a"}`, `{"domain":"a"}`, `[]`} {
		if _, err := ReadQuery([]byte(in)); err == nil {
			t.Errorf("%s was taken for a question", in)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"results":[{"types":["ip-dst"],"values":["198.51.100.7",{"a":1}]}]}`)
	f.Add(`{"results":{"Attribute":[{"type":"md5","value":1}],"Object":[{}],"Tag":[7]}}`)
	f.Add(`[{"name":"dns","type":"expansion","mispattributes":{"input":["hostname"]},"meta":{"config":["x"]}}]`)
	f.Fuzz(func(t *testing.T, in string) {
		if a, err := ReadAnswer(strings.NewReader(in)); err == nil && a.Whole == nil && a.Said != "" && len(a.Finds) > 0 {
			t.Errorf("words and finds: %+v", a)
		}
		_, _, _ = ReadModules(strings.NewReader(in))
		_, _ = ReadQuery([]byte(in))
	})
}
