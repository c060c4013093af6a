package catalog

import (
	"math/bits"
	"strings"
)

// parts finds which of many texts stands within another. Each is kept under the
// rarest four bytes of it, so that one walk over the other text meets few of them:
// a list of 8,000 mail domains costs what one of ten does.
type parts struct {
	texts []string
	short []int32            // of fewer than four bytes: looked for one by one
	sieve []uint64           // one bit of a gram's hash
	mask  uint32             // of the sieve's bits
	grams map[uint32][]place // by gram
}

// place is where a gram stands in a text.
type place struct{ text, at int32 }

func newParts(texts []string) *parts {
	if len(texts) == 0 {
		return nil
	}
	p := &parts{texts: texts, grams: map[uint32][]place{}}
	// Thirty-two bits a text: one window in thirty-two is looked up for nothing.
	size := uint32(1) << max(10, bits.Len(uint(len(texts)*32)))
	p.sieve, p.mask = make([]uint64, size/64), size-1
	seen := map[uint32]int{}
	for _, t := range texts {
		for i := range max(0, len(t)-3) {
			seen[gram(t, i)]++
		}
	}
	for n, t := range texts {
		if len(t) < 4 {
			p.short = append(p.short, int32(n))
			continue
		}
		best := 0
		for i := range len(t) - 3 {
			if seen[gram(t, i)] < seen[gram(t, best)] {
				best = i
			}
		}
		g := gram(t, best)
		p.grams[g] = append(p.grams[g], place{int32(n), int32(best)})
		b := p.bit(g)
		p.sieve[b/64] |= 1 << (b % 64)
	}
	return p
}

func gram(s string, i int) uint32 {
	return uint32(s[i]) | uint32(s[i+1])<<8 | uint32(s[i+2])<<16 | uint32(s[i+3])<<24
}

// bit spreads a gram over the sieve; the factor is Knuth's.
func (p *parts) bit(g uint32) uint32 { return (g * 2654435761) >> 7 & p.mask }

// in gives the first of the texts, in their own order, that stands within s.
func (p *parts) in(s string) (string, bool) {
	if p == nil {
		return "", false
	}
	first := int32(len(p.texts))
	for _, n := range p.short {
		if n < first && strings.Contains(s, p.texts[n]) {
			first = n
		}
	}
	for i := range max(0, len(s)-3) {
		g := gram(s, i)
		if b := p.bit(g); p.sieve[b/64]&(1<<(b%64)) == 0 {
			continue
		}
		for _, at := range p.grams[g] {
			if from := i - int(at.at); at.text < first && from >= 0 && strings.HasPrefix(s[from:], p.texts[at.text]) {
				first = at.text
			}
		}
	}
	if int(first) == len(p.texts) {
		return "", false
	}
	return p.texts[first], true
}
