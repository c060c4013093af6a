package registry

import (
	"slices"
	"strings"
	"unicode"

	"straza/internal/kernel/i18n"
)

const (
	maxWords    = 60 // of one organisation in the index
	maxWordSize = 40 // bytes
	maxTerms    = 6  // of one query
)

// words gives the folded words under which an organisation is found, in both
// scripts: its names, aliases and numbers.
func words(o Organisation) []string {
	all := []string{o.Name, o.RegistrationNo, o.TaxNo}
	all = append(all, o.Aliases...)
	for _, l := range i18n.Langs {
		all = append(all, o.Names[l])
	}
	return fold(strings.Join(all, " "), maxWords)
}

// terms gives what a query asks for. A word of one letter must match whole, a
// longer one as a beginning.
func terms(query string) []string { return fold(query, maxTerms) }

func fold(s string, most int) []string {
	var out []string
	for _, w := range strings.FieldsFunc(i18n.Fold(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(w) > maxWordSize {
			w = strings.ToValidUTF8(w[:maxWordSize], "")
		}
		if w != "" && len(out) < most && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// span gives the byte range [from, to) of the words that begin with a term.
func span(term string) (from, to []byte) {
	from = []byte(term)
	if len([]rune(term)) == 1 {
		return from, append([]byte(term), 0)
	}
	to = []byte(term)
	for i := len(to) - 1; i >= 0; i-- {
		if to[i] < 0xff { // UTF-8 has no byte 0xff, so the last byte can always be raised
			to[i]++
			return from, to[:i+1]
		}
	}
	return from, []byte{0xff}
}

// clue is what a query may be beside words: an address, a domain, an AS number.
type clue struct {
	network *Resource
	domains []string // longest first
	asn     string
}

func clueOf(query string) (c clue) {
	query = strings.TrimSpace(query)
	if p, err := ParseCIDR(query); err == nil {
		r := Resource{Kind: Network, Value: p.String()}
		r.lo, r.hi = bounds(p)
		c.network = &r
		return c
	}
	if len(query) > 2 && strings.EqualFold(query[:2], "as") {
		if r, err := ParseResource(ASN, query); err == nil {
			c.asn = r.Value
			return c
		}
	}
	if _, domain, ok := strings.Cut(query, "@"); ok {
		query = domain
	}
	if !strings.ContainsAny(query, " \t") {
		if d, err := ParseDomain(query); err == nil {
			c.domains = suffixes(d)
		}
	}
	return c
}
