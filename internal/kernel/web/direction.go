package web

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// showDirection writes the marks that turn the direction of what follows (U+202A to
// U+202E, U+2066 to U+2069) as words: a name or value from outside could look like
// another one by them. What stands in a tag or in a textarea is typed text on its way
// back and stays as it is.
func showDirection(page []byte) []byte {
	if nextDirection(page) < 0 {
		return page
	}
	out := make([]byte, 0, len(page)+64)
	tag, area := false, false
	for i := 0; i < len(page); {
		switch c := page[i]; {
		case c == '<':
			tag = true
			if bytes.HasPrefix(page[i:], []byte("<textarea")) {
				area = true
			} else if bytes.HasPrefix(page[i:], []byte("</textarea")) {
				area = false
			}
		case c == '>':
			tag = false
		case c == 0xE2 && !tag && !area && isDirection(page[i:]):
			r, n := utf8.DecodeRune(page[i:])
			out = fmt.Appendf(out, "[%U]", r)
			i += n
			continue
		}
		out = append(out, page[i])
		i++
	}
	return out
}

// nextDirection finds the first of the marks, -1 for none.
func nextDirection(b []byte) int {
	for i := 0; ; i++ {
		j := bytes.IndexByte(b[i:], 0xE2)
		if j < 0 {
			return -1
		}
		if i += j; isDirection(b[i:]) {
			return i
		}
	}
}

func isDirection(b []byte) bool {
	return len(b) > 2 && b[0] == 0xE2 && (b[1] == 0x80 && b[2] >= 0xAA && b[2] <= 0xAE || b[1] == 0x81 && b[2] >= 0xA6 && b[2] <= 0xA9)
}
