package intelweb

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestColumnsOf(t *testing.T) {
	t.Parallel()
	order := map[string][]string{"attack-PRE": {"recon", "resource"}, "attack-Linux": {"access", "execution", "c2", "impact"}, "attack-SaaS": {"access", "stealth", "impact"},
		"mobile-attack-iOS": {"access", "network-effects"}, "pre-attack": {"launch"}}
	for of, want := range map[string][]string{"enterprise": {"recon", "resource", "access", "stealth", "execution", "c2", "impact"}, "mobile": {"access", "network-effects"}, "pre": {"launch"}, "ics": nil} {
		if d := cmp.Diff(want, columnsOf(order, of)); d != "" {
			t.Errorf("%s: %s", of, d)
		}
	}
	if d := cmp.Diff([]string{"a", "b"}, columnsOf(map[string][]string{"attack-X": {"a", "b"}, "attack-Y": {"b"}}, "enterprise")); d != "" {
		t.Error(d)
	}
}

func TestArrange(t *testing.T) {
	t.Parallel()
	order := map[string][]string{"attack-Linux": {"initial-access", "impact"}}
	columns, left := arrange(order, "enterprise", []technique{{Code: "T2", Phases: []string{"attack-Windows:impact", "attack-Linux:initial-access"}, Attributes: 2},
		{Code: "T1", Phases: []string{"attack-Linux:impact"}}, {Code: "T3", Phases: []string{"mobile-attack-iOS:impact"}, Events: 1}})
	if len(columns) != 2 || columns[0].Name != "Initial access" || columns[0].Lit != 1 || len(columns[1].Techniques) != 2 || columns[1].Techniques[0].Code != "T1" || columns[1].Lit != 1 {
		t.Errorf("columns: %+v", columns)
	}
	if len(left) != 1 || left[0].Code != "T3" {
		t.Errorf("left: %+v", left)
	}
	for value, want := range map[string][2]string{"Spearphishing Attachment - T1566.001": {"Spearphishing Attachment", "T1566.001"}, "Own thing": {"Own thing", ""}, "A - B": {"A - B", ""}} {
		if name, code := splitCode(value); name != want[0] || code != want[1] {
			t.Errorf("%s: %q %q", value, name, code)
		}
	}
}
