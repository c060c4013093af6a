package dossier

import (
	"strings"
	"testing"

	"straza/internal/intel"
	"straza/internal/kernel/fault"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const u1, u2, u3 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"

func TestDiff(t *testing.T) {
	t.Parallel()
	e := func(id int64, target, text string) Element {
		return Element{ID: id, Target: target, Kind: "Event", Description: text}
	}
	for name, x := range map[string]struct {
		have, want, add, change []Element
		drop                    []int64
	}{
		"same":   {have: []Element{e(1, u1, "")}, want: []Element{e(0, u1, "")}},
		"new":    {want: []Element{e(0, u1, ""), e(0, u1, "twice")}, add: []Element{e(0, u1, "")}},
		"words":  {have: []Element{e(1, u1, "a")}, want: []Element{e(0, u1, "b")}, change: []Element{e(1, u1, "b")}},
		"gone":   {have: []Element{e(1, u1, ""), e(2, u2, "")}, want: []Element{e(0, u2, "")}, drop: []int64{1}},
		"others": {have: []Element{e(1, u1, "")}, want: []Element{e(0, u2, "")}, add: []Element{e(0, u2, "")}, drop: []int64{1}},
	} {
		add, change, drop := diff(x.have, x.want)
		opt := cmp.AllowUnexported(Element{})
		if d := cmp.Diff(x.add, add, opt, cmpopts.EquateEmpty()) + cmp.Diff(x.change, change, opt, cmpopts.EquateEmpty()) + cmp.Diff(x.drop, drop); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestWordsAreChecked(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	level := func(d intel.Distribution) *intel.Distribution { return &d }
	for field, d := range map[string]Draft{"name": {Name: text("  ")}, "type": {Name: text("n"), Type: text("x")},
		"description": {Name: text("n"), Description: text(strings.Repeat("a", textMost+1))}, "distribution": {Name: text("n"), Distribution: level(5)}} {
		c := Dossier{Type: "other", Distribution: 1}
		f := fault.Of(c.lay(d))
		if f == nil || f.Fields[field] == "" {
			t.Errorf("%s: %v", field, f)
		}
	}
	for field, e := range map[string]Element{"element_uuid": {Target: "x", Kind: "Event"}, "element_type": {Target: u1, Kind: "Server"},
		"uuid": {UUID: "x", Target: u1, Kind: "Event"}, "description": {Target: u1, Kind: "Event", Description: strings.Repeat("a", wordMost+1)}} {
		_, err := e.checked(false)
		if f := fault.Of(err); f == nil || f.Fields[field] == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
	if e, err := (Element{Target: strings.ToUpper(u3), Kind: "GalaxyCluster"}).checked(false); err != nil || e.Target != u3 {
		t.Errorf("%v %v", e, err)
	}
}
