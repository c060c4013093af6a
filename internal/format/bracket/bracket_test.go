package bracket_test

import (
	"strings"
	"testing"

	"straza/internal/format/bracket"
)

func TestDepth(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		``: 0, `7`: 0, `[]`: 1, `{"a":[1,{"b":2}],"c":[]}`: 3, `[[],[[]]]`: 3,
		`"[[["`: 0, `["[\"[",{}]`: 2, `["\\",[]]`: 2, `]]][`: 0, `["[`: 1, `"\`: 0,
		strings.Repeat("[", 5000): 5000,
	} {
		if got := bracket.Depth([]byte(text)); got != want {
			t.Errorf("Depth(%.20q) = %d, want %d", text, got, want)
		}
	}
}
