// Package bracket tells how deep a JSON document nests before a decoder that recurses is
// given it: encoding/json goes down ten thousand levels, and what is decoded into a tree is
// walked again by ours.
package bracket

// Depth is how deep objects and lists stand in b, texts left out. It judges nothing else:
// what is no JSON has a depth too.
func Depth(b []byte) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}
