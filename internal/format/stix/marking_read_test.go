package stix

import (
	"slices"
	"strings"
	"testing"

	"straza/internal/format/misp"
)

const (
	markRed   = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
	markAmber = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
	markGreen = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
)

// TestMarkingOfObservedData: what was observed is under the marking of the observation; of two
// the stricter.
func TestMarkingOfObservedData(t *testing.T) {
	for _, c := range []struct{ around, own, want string }{{markRed, "", "tlp:red"}, {markRed, markAmber, "tlp:red"}, {markAmber, markRed, "tlp:red"}, {"", markAmber, "tlp:amber"}} {
		refs := func(id string) string {
			if id == "" {
				return ""
			}
			return `,"object_marking_refs":["` + id + `"]`
		}
		got, _ := there(t, foreign(thingOf("observed-data", u1, `"first_observed":"2026-01-01T10:00:00Z","last_observed":"2026-01-01T11:00:00Z","number_observed":1,"object_refs":["ipv4-addr--`+u2+`"]`+refs(c.around)),
			`{"type":"ipv4-addr","id":"ipv4-addr--`+u2+`","value":"198.51.100.7"`+refs(c.own)+`}`))
		if tags := tagNames(got[0].Attribute[0].Tag); !slices.Equal(tags, []string{c.want}) {
			t.Errorf("%q around %q: %v", c.around, c.own, tags)
		}
	}
}

// TestStricterMarkingBeatsOurExtension: what we wrote and somebody marked more strictly since is
// read back as it is marked now; what was marked more openly stays as we said.
func TestStricterMarkingBeatsOurExtension(t *testing.T) {
	tag := func(name string) []misp.Tag { return []misp.Tag{{Name: misp.T(name)}} }
	e := anEvent(true, anAttribute("domain", "one.example.com", true), anAttribute("domain", "two.example.com", true))
	e.Tag = tag("tlp:green")
	e.Attribute[1].UUID = misp.T(u2)
	e.Attribute[1].Tag = tag("tlp:amber")
	e.Object = anObject("file", "filename", "filename", "a.exe").Object
	for _, c := range []struct {
		part, from, to string // of the object that has part, the marking that is changed
		want           [4]string
	}{
		{"", "", "", [4]string{"tlp:green", "", "tlp:amber", ""}},
		{"one.example.com", markGreen, markRed, [4]string{"tlp:green", "tlp:red", "tlp:amber", ""}},
		{"two.example.com", markAmber, markRed, [4]string{"tlp:green", "", "tlp:red", ""}},
		{"two.example.com", markAmber, markGreen, [4]string{"tlp:green", "", "tlp:amber", ""}},
		{`"a.exe"`, markGreen, markRed, [4]string{"tlp:green", "", "tlp:amber", "tlp:red"}},
		{`"type":"report"`, markGreen, markRed, [4]string{"tlp:red", "", "tlp:amber", ""}},
	} {
		var lines []string
		found := c.part == ""
		objects, err := Convert(e, Options{})
		for i := range objects {
			line := string(objects[i].JSON)
			if c.part != "" && strings.Contains(line, c.part) && strings.Contains(line, c.from) {
				found, line = true, strings.ReplaceAll(line, c.from, c.to)
			}
			lines = append(lines, line)
		}
		if err != nil || !found {
			t.Fatalf("%s: %v, found %v", c.part, err, found)
		}
		got, _ := there(t, foreign(lines...))
		label := func(list []misp.Tag) string { return strings.Join(tagNames(list), ",") }
		one, two, in := "", "", ""
		for i := range got[0].Attribute {
			a := &got[0].Attribute[i]
			if strings.HasPrefix(a.Value.V, "one") {
				one = label(a.Tag)
			} else {
				two = label(a.Tag)
			}
		}
		in = label(got[0].Object[0].Attribute[0].Tag)
		if have := [4]string{label(got[0].Tag), one, two, in}; have != c.want {
			t.Errorf("%s marked %s: %q, want %q", c.part, c.to, have, c.want)
		}
	}
}
