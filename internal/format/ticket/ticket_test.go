package ticket

import (
	"bytes"
	"strings"
	"testing"
)

var key = []byte("0123456789abcdef")

func TestRead(t *testing.T) {
	t.Parallel()
	good := Make(key, "list a", []byte("place"))
	flipped := func(i int) string {
		b := []byte(good)
		if b[i]++; b[i] == 'z'+1 || b[i] == 'Z'+1 || b[i] == '9'+1 {
			b[i] = 'A'
		}
		return string(b)
	}
	for name, c := range map[string]struct {
		key         []byte
		scope, text string
		ok          bool
	}{
		"as made":           {key, "list a", good, true},
		"another scope":     {key, "list b", good, false},
		"a part of a scope": {key, "list", Make(key, "list ", []byte("aplace")), false},
		"another key":       {[]byte("fedcba9876543210"), "list a", good, false},
		"changed code":      {key, "list a", flipped(0), false},
		"changed content":   {key, "list a", flipped(len(good) - 2), false},
		"cut off":           {key, "list a", good[:len(good)-4], false},
		"longer":            {key, "list a", good + "AAAA", false},
		"nothing":           {key, "list a", "", false},
		"no base64":         {key, "list a", "!" + good, false},
		"padded":            {key, "list a", good + "=", false},
		"too long":          {key, "list a", Make(key, "list a", bytes.Repeat([]byte("x"), Most)), false},
	} {
		content, ok := Read(c.key, c.scope, c.text)
		if ok != c.ok || ok && string(content) != "place" {
			t.Errorf("%s: %q %v", name, content, ok)
		}
	}
	if _, ok := Read(key, "", Make(key, "", nil)); !ok {
		t.Error("an empty ticket is one, too")
	}
}

// What is read is what we made; nothing else is.
func FuzzRead(f *testing.F) {
	f.Add("scope", Make(key, "scope", []byte("x")))
	f.Add("", "")
	f.Add("a", strings.Repeat("A", 200))
	f.Fuzz(func(t *testing.T, scope, text string) {
		content, ok := Read(key, scope, text)
		if ok && Make(key, scope, content) != text {
			t.Errorf("%q is read, and was not made so", text)
		}
	})
}
