// Package tlp is the Traffic Light Protocol and the Permissible Actions Protocol:
// labels, their order, and how far a label lets something travel.
//
// The owner's audience says who receives; the label says how far it may go from
// there. The package decides only about ways out and knows no rows, people or
// peers: the caller says whether the thing is its own and whether those who would
// receive it were named by the owner.
//
// Standard: FIRST TLP 2.0 (2022); TLP 1's WHITE is read as CLEAR. PAP as in the
// MISP taxonomy of that name.
package tlp

import (
	"fmt"
	"strings"
)

// Level is a TLP label; greater is stricter. The zero value is "no label": what
// that means is the installation's policy (Or).
type Level uint8

// The five labels of TLP 2.0.
const (
	None Level = iota
	Clear
	Green
	Amber
	AmberStrict
	Red
)

var words = [...]string{"", "CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"}

// Levels are the five labels from the most open to the strictest.
func Levels() []Level { return []Level{Clear, Green, Amber, AmberStrict, Red} }

// String is the bare word in capitals, as it is stored and shown; "" for None.
func (l Level) String() string {
	if int(l) >= len(words) {
		return words[Red]
	}
	return words[l]
}

// Label is the label as FIRST wants it written, TLP:AMBER+STRICT; "" for None.
func (l Level) Label() string {
	if l == None {
		return ""
	}
	return "TLP:" + l.String()
}

// Tag is the tag of the MISP taxonomy, tlp:amber+strict; "" for None.
func (l Level) Tag() string { return strings.ToLower(l.Label()) }

// Or returns the label, or def where there is none.
func (l Level) Or(def Level) Level {
	if l == None {
		return def
	}
	return l
}

// Within reports whether the label is no stricter than the ceiling. Nothing
// unlabelled is within any ceiling: apply Or first.
func (l Level) Within(ceiling Level) bool { return l != None && l <= ceiling }

// MarshalText and UnmarshalText carry the bare word.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText takes what Parse takes, and "" as None.
func (l *Level) UnmarshalText(b []byte) error {
	got, ok := Parse(string(b))
	if !ok && len(b) > 0 {
		return fmt.Errorf("tlp: unknown label")
	}
	*l = got
	return nil
}

// Parse reads a label as people and programs write it: tlp:amber, TLP:AMBER+STRICT,
// Amber Strict, white. ok is false for anything else, tlp:unclear included.
func Parse(s string) (l Level, ok bool) {
	s, _ = label(s, "TLP")
	switch strings.NewReplacer(" ", "+", "_", "+", "-", "+").Replace(s) {
	case "CLEAR", "WHITE":
		return Clear, true
	case "GREEN":
		return Green, true
	case "AMBER":
		return Amber, true
	case "AMBER+STRICT", "AMBERSTRICT":
		return AmberStrict, true
	case "RED":
		return Red, true
	}
	return None, false
}

// label takes the protocol's name and the quotes of a machine tag off a label and
// capitalises the rest; named tells that the name stood there.
func label(s, name string) (rest string, named bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if rest, ok := strings.CutPrefix(s, name); ok {
		s, named = strings.TrimLeft(rest, ": ="), true
	}
	return strings.TrimSpace(strings.Trim(s, `"`)), named
}

// FromTag reads a tag's name; unlike Parse it wants the namespace, so that a tag
// called "red" is no label.
func FromTag(tag string) (Level, bool) {
	if len(tag) < 4 || !strings.EqualFold(tag[:4], "tlp:") {
		return None, false
	}
	return Parse(tag)
}

// FromTags returns the strictest label among tags, None when there is none.
func FromTags(tags []string) Level {
	l := None
	for _, t := range tags {
		if got, ok := FromTag(t); ok {
			l = max(l, got)
		}
	}
	return l
}
