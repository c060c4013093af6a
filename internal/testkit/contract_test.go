package testkit

import "testing"

// TestContractNotices: a checker that accepts everything would make every contract
// test worthless.
func TestContractNotices(t *testing.T) {
	t.Parallel()
	c := NewContract(t, []byte(`{"components":{"schemas":{"Id":{"type":"string","format":"uuid"}}}}`))
	schema := map[string]any{"type": "object", "required": []any{"id"}, "additionalProperties": false, "properties": map[string]any{
		"id": map[string]any{"$ref": "#/components/schemas/Id"}, "n": map[string]any{"type": "integer", "maximum": 9.0},
		"at": map[string]any{"type": []any{"string", "null"}, "format": "date-time"},
		"k":  map[string]any{"enum": []any{"a", "b"}}, "list": map[string]any{"type": "array", "items": map[string]any{"type": "string", "pattern": "^x"}},
		"one": map[string]any{"oneOf": []any{map[string]any{"type": "null"}, map[string]any{"type": "string"}}},
	}}
	const id = "0199d3a0-0000-7000-8000-000000000001"
	for name, x := range map[string]struct {
		v    map[string]any
		good bool
	}{
		"least":         {map[string]any{"id": id}, true},
		"all":           {map[string]any{"id": id, "n": 9.0, "at": nil, "k": "b", "list": []any{"xy"}, "one": nil}, true},
		"no id":         {map[string]any{}, false},
		"no UUID":       {map[string]any{"id": "7"}, false},
		"unknown":       {map[string]any{"id": id, "z": 1.0}, false},
		"half a number": {map[string]any{"id": id, "n": 1.5}, false},
		"too much":      {map[string]any{"id": id, "n": 10.0}, false},
		"no time":       {map[string]any{"id": id, "at": "soon"}, false},
		"none of them":  {map[string]any{"id": id, "k": "c"}, false},
		"in the list":   {map[string]any{"id": id, "list": []any{"y"}}, false},
		"neither":       {map[string]any{"id": id, "one": 1.0}, false},
	} {
		if why := c.check("", x.v, schema); x.good != (len(why) == 0) {
			t.Errorf("%s: %v", name, why)
		}
	}
	if len(c.check("", "x", map[string]any{"not": map[string]any{}})) == 0 {
		t.Error("an unknown keyword passes")
	}
}
