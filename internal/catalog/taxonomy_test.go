package catalog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConflicts(t *testing.T) {
	t.Parallel()
	entries := []Entry{{Tag: "ns:a"}, {Tag: "ns:b"}, {Tag: `ns:c="1"`, Exclusive: true}, {Tag: `ns:c="2"`, Exclusive: true}, {Tag: `ns:d="1"`, Exclusive: true}}
	for _, c := range []struct {
		name  string
		whole bool
		tags  []string
		want  []Conflict
	}{
		{"nothing is exclusive between a and b", false, []string{"ns:a", "ns:b"}, nil},
		{"of an exclusive taxonomy one tag stands", true, []string{"ns:a", "NS:B", "other:x"}, []Conflict{{"ns", []string{"NS:B", "ns:a"}}}},
		{"of an exclusive predicate one value stands", false, []string{`ns:c="1"`, `ns:c="2"`, "ns:a"}, []Conflict{{"ns:c", []string{`ns:c="1"`, `ns:c="2"`}}}},
		{"two exclusive predicates do not meet", false, []string{`ns:c="1"`, `ns:d="1"`}, nil},
		{"one tag twice is one tag", true, []string{"ns:a", "ns:a"}, nil},
		{"a tag the taxonomy does not know counts for nothing", true, []string{"ns:a", "ns:zzz"}, nil},
	} {
		if diff := cmp.Diff(c.want, conflicts(entries, "ns", c.whole, c.tags)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
	}
}
