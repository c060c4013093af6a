package intelweb

import (
	"slices"
	"testing"

	"straza/internal/intel"
)

func TestSortBy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		group, order string
		want         []string
	}{
		{"", "value", []string{"a", "B", "c", "d"}},
		{"", "-value", []string{"d", "c", "B", "a"}},
		{"", "type", []string{"c", "B", "d", "a"}},
		{"category", "", []string{"a", "c", "B", "d"}},
		{"category", "-type", []string{"a", "c", "B", "d"}},
		{"object", "value", []string{"a", "B", "d", "c"}},
	} {
		list := []*intel.Attribute{{ID: 1, Type: "url", Value: "a", Category: "External analysis"}, {ID: 2, Type: "domain", Value: "c", Category: "Network activity", ObjectName: "file"},
			{ID: 3, Type: "ip-dst", Value: "B", Category: "Payload delivery"}, {ID: 4, Type: "ip-dst", Value: "d", Category: "Payload delivery"}}
		sortBy(list, c.group, c.order)
		var got []string
		for _, a := range list {
			got = append(got, a.Value)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("group %q order %q: %v, want %v", c.group, c.order, got, c.want)
		}
	}
}
