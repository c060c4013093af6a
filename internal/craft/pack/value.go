package pack

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is what sort of value a fact is.
type Kind byte

// Kinds of value. Unknown is what nobody has answered.
const (
	Unknown Kind = iota
	Yesno
	Number
	Word
	Many
)

var kindNames = [...]string{"unknown", "yes or no", "number", "text", "list"}

func (k Kind) String() string { return kindNames[k] }

// Value is one fact. The zero value is unknown.
type Value struct {
	Kind Kind
	yes  bool
	num  float64
	text string
	list []Value
}

// Yes gives a truth value.
func Yes(b bool) Value { return Value{Kind: Yesno, yes: b} }

// Num gives a number; lengths of time are numbers of seconds.
func Num(f float64) Value { return Value{Kind: Number, num: f} }

// Text gives a text.
func Text(s string) Value { return Value{Kind: Word, text: s} }

// Texts gives a list of texts.
func Texts(list ...string) Value {
	v := Value{Kind: Many}
	for _, s := range list {
		v.list = append(v.list, Text(s))
	}
	return v
}

// Bool gives the truth and whether there is one.
func (v Value) Bool() (yes, known bool) { return v.yes, v.Kind == Yesno }

// Float gives the number and whether there is one.
func (v Value) Float() (float64, bool) { return v.num, v.Kind == Number }

// String shows the value in faults.
func (v Value) String() string {
	switch v.Kind {
	case Yesno:
		return fmt.Sprint(v.yes)
	case Number:
		return fmt.Sprint(v.num)
	case Word:
		return fmt.Sprintf("%q", v.text)
	case Many:
		parts := make([]string, len(v.list))
		for i, x := range v.list {
			parts[i] = x.String()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "unknown"
}

// Facts gives the value of a name; a name without one is unknown.
type Facts interface{ Fact(name string) Value }

// Map is Facts from a map.
type Map map[string]Value

// Fact gives the value of a name.
func (m Map) Fact(name string) Value { return m[name] }

func (v Value) equal(w Value) bool {
	if v.Kind != w.Kind {
		return false
	}
	switch v.Kind {
	case Yesno:
		return v.yes == w.yes
	case Number:
		return v.num == w.num
	case Word:
		return v.text == w.text
	case Many:
		return slices.EqualFunc(v.list, w.list, Value.equal)
	}
	return true
}

func (v Value) has(w Value) bool { return slices.ContainsFunc(v.list, w.equal) }
