package intel

import (
	"slices"
	"testing"

	"straza/internal/format/misp"
)

// TestExclusionKeys: a half that is excluded has no key, the other keeps its own.
func TestExclusionKeys(t *testing.T) {
	t.Parallel()
	x := newExclusions([]Exclusion{{Value: "8.8.8.8"}, {Value: "cdn.%"}, {Value: "%.example"}, {Value: "%middle%"}})
	key := misp.CorrelationKey
	for _, c := range []struct {
		typ, value string
		want       []int64
	}{
		{"ip-dst", "8.8.8.8", nil},
		{"ip-dst", "8.8.8.80", []int64{key("8.8.8.80")}},
		{"domain", "CDN.net", nil},
		{"domain", "a.example", nil},
		{"domain", "xmiddley", nil},
		{"domain|ip", "good.org|8.8.8.8", []int64{key("good.org")}},
		{"domain|ip", "cdn.org|9.9.9.9", []int64{key("9.9.9.9")}},
		{"domain|ip", "cdn.org|8.8.8.8", nil},
		{"ip-dst|port", "8.8.8.8|443", nil},
		{"comment", "x", nil},
	} {
		if got := x.keys(c.typ, c.value); !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %v, want %v", c.typ, c.value, got, c.want)
		}
	}
}
