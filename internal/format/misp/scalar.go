package misp

import (
	"strconv"
	"strings"
)

// Presence tells an absent key from a null and from a value.
type Presence uint8

// The three presences; the zero value of every scalar is Absent.
const (
	Absent Presence = iota
	Null
	Given
)

// Text is a JSON string as peers send it: a number or a boolean is taken by its
// PHP text ("5", "1", ""). It leaves as a string, or as null.
type Text struct {
	V  string
	Is Presence
}

// T returns a given Text.
func T(s string) Text { return Text{V: s, Is: Given} }

// NullText returns a Text that leaves as null.
func NullText() Text { return Text{Is: Null} }

// TextOrNull returns T(s), or null for the empty string.
func TextOrNull(s string) Text {
	if s == "" {
		return NullText()
	}
	return T(s)
}

// Given reports whether a value (perhaps empty) was sent.
func (t Text) Given() bool { return t.Is == Given }

// Or returns the value, or def when it is absent or null.
func (t Text) Or(def string) string {
	if t.Is == Given {
		return t.V
	}
	return def
}

// Int is a whole number that travels as a string of digits: ids, distributions,
// Unix seconds. A text that is no whole number is kept in Bad, with V = 0, so
// that the caller can answer as MISP does instead of refusing the document.
type Int struct {
	V   int64
	Bad string
	Is  Presence
}

// N returns a given Int.
func N(n int64) Int { return Int{V: n, Is: Given} }

// NullInt returns an Int that leaves as null.
func NullInt() Int { return Int{Is: Null} }

// Given reports whether a well-formed number was sent.
func (n Int) Given() bool { return n.Is == Given && n.Bad == "" }

// Or returns the number, or def when it is absent, null or no number.
func (n Int) Or(def int64) int64 {
	if n.Given() {
		return n.V
	}
	return def
}

// Level is Or for a level of distribution: what is no number is no level (-1), never
// the default, which might be wider than what was meant.
func (n Int) Level(def int64) int64 {
	if n.Bad != "" {
		return -1
	}
	return n.Or(def)
}

// parseInt reads what peers call a number: digits, with spaces or a fraction
// (Python clients send time.time() as it is), which is cut off.
func parseInt(s string) Int {
	t := strings.TrimSpace(s)
	if n, err := strconv.ParseInt(t, 10, 64); err == nil {
		return N(n)
	}
	if f, err := strconv.ParseFloat(t, 64); err == nil && f > -1e15 && f < 1e15 {
		return N(int64(f))
	}
	if t == "" {
		return NullInt()
	}
	return Int{Bad: s, Is: Given}
}

// Flag is a boolean that comes as true, 1, "1", "true" or their opposites and
// leaves as a JSON boolean.
type Flag struct {
	V  bool
	Is Presence
}

// B returns a given Flag.
func B(v bool) Flag { return Flag{V: v, Is: Given} }

// Given reports whether a value was sent.
func (f Flag) Given() bool { return f.Is == Given }

// Or returns the value, or def when it is absent or null.
func (f Flag) Or(def bool) bool {
	if f.Is == Given {
		return f.V
	}
	return def
}

// parseFlag reads a flag's text the way PHP casts it: only "", "0" and the word
// false are no.
func parseFlag(s string) Flag {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "0", "false", "no", "off":
		return B(false)
	}
	return B(true)
}

// Num is one of the few counters that leave MISP as a bare JSON number.
type Num struct {
	V  int64
	Is Presence
}

// Count returns a given Num.
func Count(n int64) Num { return Num{V: n, Is: Given} }

// Raw is a piece of JSON carried as it came, without white space; nil is absent.
type Raw []byte
