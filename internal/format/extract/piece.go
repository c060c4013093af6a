package extract

import "strings"

// piece is a part of the text, perhaps rearmed, that knows where it came from.
type piece struct {
	s        string
	base     int   // offset of the raw word in the text
	at       []int // offset of each byte in the raw word, one more for the end; nil means as written
	disarmed bool
}

func (p piece) cut(i, j int) piece {
	q := piece{s: p.s[i:j], base: p.base, disarmed: p.disarmed}
	if p.at != nil {
		q.at = p.at[i : j+1]
	} else {
		q.base += i
	}
	return q
}

func (p piece) span() (start, end int) {
	if p.at != nil {
		return p.base + p.at[0], p.base + p.at[len(p.s)]
	}
	return p.base, p.base + len(p.s)
}

// trim takes off what prose puts around a word.
func (p piece) trim() piece {
	i, j := 0, len(p.s)
	for i < j && strings.IndexByte("([{*_~#-.:!?=/\\+$&", p.s[i]) >= 0 {
		// A leading colon or bracket may open an IPv6 address.
		if p.s[i] == ':' && strings.HasPrefix(p.s[i:], "::") || p.s[i] == '[' && strings.Contains(p.s[i:], "]:") {
			break
		}
		i++
	}
	for i < j && strings.IndexByte(".,:!?)]}*_~#-=/\\&", p.s[j-1]) >= 0 {
		if p.s[j-1] == ':' && strings.HasSuffix(p.s[i:j], "::") {
			break
		}
		j--
	}
	return p.cut(i, j)
}

// disguises in brackets, by what stands between them.
var disguises = []struct{ in, out string }{
	{".", "."}, {"dot", "."}, {"punkt", "."}, {"tačka", "."}, {":", ":"}, {"://", "://"}, {"/", "/"}, {"@", "@"}, {"at", "@"}, {"et", "@"},
}

// rearm undoes disguises in a word and keeps the way back to the offsets.
func rearm(p piece) piece {
	var b strings.Builder
	var at []int
	s := p.s
	for i := 0; i < len(s); {
		n, out := disguise(s[i:])
		if n == 0 {
			if at != nil {
				b.WriteByte(s[i])
				at = append(at, i)
			}
			i++
			continue
		}
		if at == nil {
			b.WriteString(s[:i])
			at = make([]int, 0, len(s)+1)
			for k := range i {
				at = append(at, k)
			}
		}
		b.WriteString(out)
		for range len(out) {
			at = append(at, i)
		}
		i += n
	}
	if at == nil {
		return p
	}
	at = append(at, len(s))
	return piece{s: b.String(), base: p.base, at: at, disarmed: true}
}

// disguise returns the length of the disguise at the start of s and what it
// stands for; 0 when there is none.
func disguise(s string) (n int, out string) {
	var closing byte
	switch s[0] {
	case '[':
		closing = ']'
	case '(':
		closing = ')'
	case '{':
		closing = '}'
	case '\\':
		if len(s) > 1 && s[1] == '.' {
			return 2, "."
		}
		return 0, ""
	default:
		return 0, ""
	}
	for _, d := range disguises {
		k := len(d.in) + 1
		if len(s) > k && s[k] == closing && strings.EqualFold(s[1:k], d.in) {
			return k + 1, d.out
		}
	}
	if s[0] == '[' && len(s) > 1 && s[1] == '.' { // half a disguise: evil[.example
		return 2, "."
	}
	return 0, ""
}
