// Package extract finds indicators in text that people wrote or pasted: a mail,
// a report, a log, a list.
//
// It is one pass by hand over words, without regular expressions, so that its
// time is linear in the text whatever the text is. Disarmed addresses (hxxp,
// [.], (dot), [@] and their kin) are restored; values come out in the form in
// which MISP stores them (misp.Normalise), so that they can be compared at once.
//
// What is found is a suggestion: the analyst ticks. A missed indicator costs more
// than a superfluous one, but names are believed only under a public suffix, and
// Bitcoin addresses only with a right checksum.
package extract

import (
	"strings"

	"straza/internal/format/misp"
)

// Candidate is one indicator, at its first occurrence.
type Candidate struct {
	Type     string // MISP attribute type
	Value    string // as MISP stores it
	Also     string // another type it may be ("" when it is clear): zip, sh, py are suffixes and extensions
	Start    int    // byte offsets in the text, from first to behind last
	End      int
	Count    int  // occurrences
	Disarmed bool // it was written so that it could do no harm
}

// Scan returns the indicators of text in the order of their first occurrence, at
// most max of them (0 means 100,000); more tells that there were others. Text
// need not be valid UTF-8.
func Scan(text string, max int) (list []Candidate, more bool) {
	if max <= 0 {
		max = 100_000
	}
	s := scanner{text: text, max: max, found: map[found]int{}, known: map[string]int{}}
	s.run()
	return s.list, s.more
}

type found struct{ typ, value string }

type scanner struct {
	text  string
	max   int
	list  []Candidate
	more  bool
	found map[found]int
	known map[string]int // word → index in list, or -1: logs repeat themselves
	hits  int            // of the word at hand
	last  int            // index of the latest of them
}

// Classes of bytes. delim ends a word; the others say what a word may be.
const (
	delim = 1 << iota
	dot
	colon
	at
	slash
	bracket
	digit
	other // a letter or sign that is no hexadecimal digit
	back
)

var class = func() (t [256]uint16) {
	for c := range 256 {
		switch {
		case c <= ' ', c == '"', c == '\'', c == '`', c == '<', c == '>', c == ',', c == ';', c == '|', c == 0x7f:
			t[c] = delim
		case '0' <= c && c <= '9':
			t[c] = digit
		case 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		case c == '.':
			t[c] = dot
		case c == ':':
			t[c] = colon
		case c == '@':
			t[c] = at
		case c == '/':
			t[c] = slash
		case c == '\\':
			t[c] = back
		case strings.IndexByte("[](){}", byte(c)) >= 0:
			t[c] = bracket
		default:
			t[c] = other
		}
	}
	return t
}()

func (s *scanner) run() {
	for i := 0; i < len(s.text); {
		if class[s.text[i]]&delim != 0 {
			i++
			continue
		}
		start := i
		var mask uint16
		for i < len(s.text) {
			c := class[s.text[i]]
			if c&delim != 0 {
				break
			}
			mask |= c
			i++
		}
		if !promising(mask, i-start) {
			continue
		}
		if mask&colon != 0 || mask&bracket != 0 {
			if end := s.url(start, i); end > 0 {
				i = end
				continue
			}
		}
		s.word(start, i, mask)
		if s.more {
			return
		}
	}
}

// promising throws out the words of plain prose by their letters alone.
func promising(mask uint16, n int) bool {
	switch {
	case n < 4 || n > 4096:
		return false
	case mask&(dot|colon|at|bracket|back) != 0:
		return true
	case mask&other == 0:
		return n >= 32 // a hash
	}
	return mask&digit != 0 // CVE-…, AS…, bc1…
}

// word looks at one word, and at its parts when it is nothing as a whole.
func (s *scanner) word(start, end int, mask uint16) {
	raw := s.text[start:end]
	if len(raw) <= 128 {
		if i, ok := s.known[raw]; ok {
			if i >= 0 {
				s.list[i].Count++
			}
			return
		}
	}
	s.hits = 0
	p := piece{s: raw, base: start}
	if mask&(bracket|back) != 0 {
		p = rearm(p)
	}
	if p = p.trim(); !s.whole(p) {
		s.parts(p)
	}
	if len(raw) <= 128 && len(s.known) < 1<<16 && s.hits < 2 {
		s.known[raw] = -1
		if s.hits == 1 {
			s.known[raw] = s.last
		}
	}
}

// parts tries the pieces between signs that join words in logs and prose:
// key=value first, then md5:hash and path/to, because an IPv6 address holds colons.
func (s *scanner) parts(p piece) {
	s.split(p, "=&*#~!?$%^+(){}", func(q piece) {
		if q = q.trim(); !s.whole(q) {
			s.split(q, `:/\[]`, func(r piece) { s.whole(r.trim()) })
		}
	})
}

func (s *scanner) split(p piece, signs string, fn func(piece)) {
	start := 0
	for i := 0; i <= len(p.s); i++ {
		if i < len(p.s) && strings.IndexByte(signs, p.s[i]) < 0 {
			continue
		}
		if i-start >= 4 {
			fn(p.cut(start, i))
		}
		start = i + 1
	}
}

// emit records one finding of a type, unless MISP would refuse the value.
func (s *scanner) emit(typ, also, value string, p piece) bool {
	v, fault := misp.Normalise(typ, value)
	if fault != nil {
		return false
	}
	key := found{typ, v.Value}
	s.hits++
	if i, ok := s.found[key]; ok {
		s.list[i].Count++
		s.last = i
		return true
	}
	if len(s.list) == s.max {
		s.more = true
		return true
	}
	s.last = len(s.list)
	s.found[key] = s.last
	start, end := p.span()
	s.list = append(s.list, Candidate{Type: typ, Value: v.Value, Also: also, Start: start, End: end, Count: 1, Disarmed: p.at != nil || p.disarmed})
	return true
}
