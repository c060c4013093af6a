package catalog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTemplateAsks: fields come required first, then by weight, then by name; a
// requirement for what the template does not have asks nothing.
func TestTemplateAsks(t *testing.T) {
	t.Parallel()
	whole, err := readTemplate([]byte(`{"required":["z","ghost"],"requiredOneOf":["b","c","ghost"],"attributes":{
		"a":{"misp-attribute":"text","ui-priority":0,"sane_default":["x"],"disable_correlation":true},
		"b":{"misp-attribute":"ip-dst","ui-priority":1,"multiple":true,"to_ids":false,"categories":["Network activity"]},
		"c":{"misp-attribute":"url","ui-priority":"5","values_list":["p","q"]},
		"z":{"misp-attribute":"text","ui-priority":0,"description":"last of the alphabet"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	no := false
	want := ObjectTemplate{RequiredOne: []string{"b", "c"}, Fields: []TemplateField{
		{Relation: "z", Type: "text", Required: true, Description: "last of the alphabet"},
		{Relation: "c", Type: "url", OneOf: true, First: true, Values: []string{"p", "q"}},
		{Relation: "b", Type: "ip-dst", OneOf: true, First: true, Multiple: true, ToIDS: &no, Categories: []string{"Network activity"}},
		{Relation: "a", Type: "text", Suggested: []string{"x"}, Quiet: true}}}
	if d := cmp.Diff(want, whole); d != "" {
		t.Error(d)
	}
	free, err := readTemplate([]byte(`{"attributes":{"a":{"misp-attribute":"text"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		of   ObjectTemplate
		has  []string
		need []string
		one  bool
	}{{whole, nil, []string{"z"}, true}, {whole, []string{"z"}, nil, true}, {whole, []string{"c"}, []string{"z"}, false}, {whole, []string{"z", "b"}, nil, false}, {free, nil, nil, false}} {
		has := map[string]bool{}
		for _, name := range c.has {
			has[name] = true
		}
		need, one := c.of.Lacks(has)
		if d := cmp.Diff(c.need, need); d != "" || one != c.one {
			t.Errorf("with %v: lacks %v, one of: %v", c.has, need, one)
		}
	}
	if _, err := readTemplate([]byte(`{"attributes":[]}`)); err == nil {
		t.Error("a template without fields is read")
	}
}
