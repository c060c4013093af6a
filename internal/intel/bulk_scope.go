package intel

import (
	"strings"
	"unicode"

	"straza/internal/format/misp"
)

// Scope is what the filter over an event's table asks of its attributes, as it stands in
// the address. The zero value lets all pass.
type Scope struct {
	Text     string `json:"text,omitempty"` // anywhere: value, comment, tag of their own
	Type     string `json:"type,omitempty"`
	Category string `json:"category,omitempty"`
	Tag      string `json:"tag,omitempty"` // a part of its name
	ToIDS    bool   `json:"ids,omitempty"` // for detection only
}

// Query asks for the attributes of an event that pass, without tags. Pure.
func (s Scope) Query(event string) Query {
	q := Query{Events: []string{event}}
	q.Holds, q.Nothing = Sought(s.Text)
	if s.Type != "" {
		q.Type.Or = []string{s.Type}
	}
	if s.Category != "" {
		q.Category.Or = []string{s.Category}
	}
	if s.Tag != "" {
		q.Tag.Or = []string{"%" + s.Tag + "%"}
	}
	if yes := true; s.ToIDS {
		q.ToIDS = &yes
	}
	return q
}

// Sought is what somebody typed into a search field, armed again and without the room's own
// signs for anything; nothing is true when those alone were typed. Pure.
func Sought(typed string) (text string, nothing bool) {
	text = strings.Trim(typed, "%")
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return "", typed != ""
	}
	return misp.Refang(text), false
}
