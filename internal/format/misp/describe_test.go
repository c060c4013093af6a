package misp

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type describeTypes struct {
	Result struct {
		SaneDefaults map[string]struct {
			Category string `json:"default_category"`
			ToIDS    int    `json:"to_ids"`
		} `json:"sane_defaults"`
		Types      []string            `json:"types"`
		Categories []string            `json:"categories"`
		Mappings   map[string][]string `json:"category_type_mappings"`
	} `json:"result"`
}

func TestDescribeTypes(t *testing.T) {
	var d describeTypes
	if err := json.Unmarshal(DescribeTypes(), &d); err != nil {
		t.Fatal(err)
	}
	r := d.Result
	if len(r.Types) != 194 || len(r.Categories) != 16 || len(r.Mappings) != 16 || len(r.SaneDefaults) != 194 {
		t.Errorf("%d types, %d categories, %d mappings, %d defaults", len(r.Types), len(r.Categories), len(r.Mappings), len(r.SaneDefaults))
	}
	for typ, def := range r.SaneDefaults {
		if !Allows(def.Category, typ) {
			t.Errorf("%s may not stand in its default category %q", typ, def.Category)
		}
	}
	if Allows("Financial fraud", "md5") || Allows("no such", "md5") || IsCategory("network activity") {
		t.Error("too much is allowed")
	}
	if got, ok := DefaultOf("ip-dst"); !ok || got != (Default{"Network activity", true}) {
		t.Errorf("ip-dst: %+v", got)
	}
	// Compared with the client's own file where the test bed has installed it.
	if path := os.Getenv("PYMISP_DESCRIBE_TYPES"); path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var want describeTypes
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Error(diff)
		}
	}
}
