package web

import (
	"strings"
	"testing"
)

// TestDirectionMarksAreShown: what turns the direction is read as words, in every text
// of a page; typed text that comes back stays as it was.
func TestDirectionMarksAreShown(t *testing.T) {
	const rlo, lri, dash = "\u202e", "\u2066", "\u2013"
	for in, want := range map[string]string{
		"":                                      "",
		"<p>x" + dash + "y</p>":                 "<p>x" + dash + "y</p>",
		"<title>evil" + rlo + "fdp.exe</title>": "<title>evil[U+202E]fdp.exe</title>",
		"<b>" + lri + dash + rlo + "</b>":       "<b>[U+2066]" + dash + "[U+202E]</b>",
		`<input value="a` + rlo + `b">c` + rlo:  `<input value="a` + rlo + `b">c[U+202E]`,
		"<textarea rows=3>a" + rlo + "b</textarea>" + rlo: "<textarea rows=3>a" + rlo + "b</textarea>[U+202E]",
		strings.Repeat("–", 100) + "\xe2\x80":             strings.Repeat("–", 100) + "\xe2\x80",
	} {
		if got := string(showDirection([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
