package intel

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/tlp"
	"straza/internal/kernel/fault"
)

func TestDefinitionIsChecked(t *testing.T) {
	t.Parallel()
	good := func(edit func(*Definition)) Definition {
		d := Definition{Alias: "ransomware", Title: "R", Readers: ReadMembers, Ceiling: tlp.Green}
		edit(&d)
		return d
	}
	for _, c := range []struct {
		name  string
		d     Definition
		asked bool
		want  map[string]string
	}{
		{name: "as usual", d: good(func(*Definition) {})},
		{name: "CLEAR", d: good(func(d *Definition) { d.Ceiling = tlp.Clear })},
		{name: "AMBER to all asks", d: good(func(d *Definition) { d.Ceiling = tlp.Amber }), want: map[string]string{"asked": tlp.ReasonAskMembers}},
		{name: "and was asked", d: good(func(d *Definition) { d.Ceiling = tlp.Amber }), asked: true},
		{name: "AMBER to a group", d: good(func(d *Definition) { d.Ceiling, d.Readers = tlp.Amber, ReadGroup })},
		{name: "AMBER+STRICT to all", d: good(func(d *Definition) { d.Ceiling = tlp.AmberStrict }), asked: true, want: map[string]string{"ceiling": tlp.ReasonNamedOrgs}},
		{name: "AMBER+STRICT to named ones", d: good(func(d *Definition) { d.Ceiling, d.Readers = tlp.AmberStrict, ReadNamed })},
		{name: "RED to named ones", d: good(func(d *Definition) { d.Ceiling, d.Readers = tlp.Red, ReadNamed }), asked: true, want: map[string]string{"ceiling": tlp.ReasonPersons}},
		{name: "no label", d: good(func(d *Definition) { d.Ceiling = tlp.None }), want: map[string]string{"ceiling": "intel.fault.collection-ceiling"}},
		{name: "no title", d: good(func(d *Definition) { d.Title = " " }), want: map[string]string{"title": "intel.fault.name"}},
		{name: "a collection that is there always", d: good(func(d *Definition) { d.Alias = "whole" }), want: map[string]string{"alias": "intel.fault.collection-alias"}},
		{name: "a group's", d: good(func(d *Definition) { d.Alias = "group-x" }), want: map[string]string{"alias": "intel.fault.collection-alias"}},
		{name: "no alias of an address", d: good(func(d *Definition) { d.Alias = "a/b" }), want: map[string]string{"alias": "intel.fault.collection-alias"}},
		{name: "a kind that nobody knows", d: good(func(d *Definition) { d.Types = []string{"indicator", "x'y"} }), want: map[string]string{"types": "intel.fault.collection-types"}},
		{name: "nobody reads", d: good(func(d *Definition) { d.Readers = "" }), want: map[string]string{"readers": "intel.fault.collection-readers"}},
		{name: "negative age", d: good(func(d *Definition) { d.Days = -1 }), want: map[string]string{"days": "intel.fault.collection-days"}},
		{name: "a long tag", d: good(func(d *Definition) { d.NotTags = []string{strings.Repeat("x", 256)} }), want: map[string]string{"not_tags": "intel.fault.collection-tags"}},
	} {
		c.d.normal()
		var got map[string]string
		if f := fault.Of(c.d.check(c.asked)); f != nil {
			got = f.Fields
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestDefinitionIsTidied(t *testing.T) {
	t.Parallel()
	d := Definition{Alias: " a ", Tags: []string{" x", "x", "", "y "}, Types: []string{""}}
	if d.normal(); d.Alias != "a" || !cmp.Equal(d.Tags, []string{"x", "y"}) || len(d.Types) != 0 {
		t.Errorf("%+v", d)
	}
}
