package misp

import (
	"strings"
	"testing"
)

func TestBare(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	w := Bare(&b)
	for _, p := range []string{"{\n\t\"a b\"", ":\v\f\r 1}", ""} {
		if n, err := w.Write([]byte(p)); n != len(p) || err != nil {
			t.Errorf("%d %v", n, err)
		}
	}
	if b.String() != `{"ab":1}` {
		t.Error(b.String())
	}
}

func TestKnowsProtected(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{"2.4.155": false, "2.4.156": true, "2.4.99": false, "2.5.0": true, "2.3.200": false, "2.4": false, "": true, "3.0.0": true, "2.4.x": false} {
		if got := KnowsProtected(v); got != want {
			t.Errorf("%q: %v", v, got)
		}
	}
}
