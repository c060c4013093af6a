package enrich

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// parts is what a value says of hosts and addresses.
type parts struct {
	host string // lower case, without the dot at the end; "" = none
	addr netip.Addr
	net  netip.Prefix // valid when the value is a network
}

// partsOf reads a value of an attribute type of MISP. Composite values have a half that
// is a host or an address, the other does not matter here but for domain|ip.
func partsOf(typ, value string) (p parts) {
	first, second, _ := strings.Cut(value, "|")
	switch typ {
	case "url", "uri", "link":
		if u, err := url.Parse(value); err == nil {
			p.take(u.Hostname())
		}
	case "domain|ip":
		p.take(first)
		p.addr, _ = netip.ParseAddr(second)
	case "email", "email-src", "email-dst", "email-reply-to", "target-email", "whois-registrant-email", "dns-soa-email", "jabber-id", "eppn":
		if _, host, ok := strings.Cut(value, "@"); ok {
			p.take(host)
		}
	case "ip-src", "ip-dst", "ip-src|port", "ip-dst|port", "domain", "hostname", "hostname|port", "cookie-domain", "target-machine":
		p.take(first)
	}
	return p
}

func (p *parts) take(s string) {
	s = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), ".")
	if a, err := netip.ParseAddr(s); err == nil {
		p.addr = a.Unmap().WithZone("")
	} else if n, err := netip.ParsePrefix(s); err == nil {
		p.net, p.addr = n.Masked(), n.Addr().Unmap()
	} else if strings.ContainsRune(s, '.') && !strings.ContainsAny(s, " /:@") {
		p.host = s
	}
}

// name is what a host's name is made of.
type name struct {
	ASCII       string // as the DNS has it
	Unicode     string // as people read it; "" when that is the same
	Suffix      string // public suffix: co.rs
	ICANN       bool   // the registry of the country or the world, not somebody's platform
	Registrable string // the name that somebody registered: x.co.rs; "" for a suffix itself
	Mixed       bool   // a label that mixes scripts
	Like        string // the ASCII name that it resembles; "" when it resembles none
}

// nameOf takes a host's name apart (RFC 5890, publicsuffix.org).
func nameOf(host string) (n name, ok bool) {
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil {
		if ascii, err = idna.Punycode.ToASCII(host); err != nil { // underscores, and worse
			return n, false
		}
	}
	n.ASCII = strings.ToLower(ascii)
	if u, err := idna.Punycode.ToUnicode(n.ASCII); err == nil && u != n.ASCII {
		n.Unicode = u
	}
	n.Suffix, n.ICANN = publicsuffix.PublicSuffix(n.ASCII)
	if !n.ICANN && !strings.ContainsRune(n.Suffix, '.') { // no suffix of the list: a name of the inside
		n.Suffix = ""
		return n, true
	}
	n.Registrable, _ = publicsuffix.EffectiveTLDPlusOne(n.ASCII)
	shown := n.ASCII
	if n.Unicode != "" {
		shown = n.Unicode
	}
	for label := range strings.SplitSeq(shown, ".") {
		n.Mixed = n.Mixed || mixed(label)
	}
	if like := skeleton(shown); n.Unicode != "" && like != shown && isASCII(like) {
		n.Like = like
	}
	return n, true
}

// mixed tells whether a label holds letters of more than one of the scripts that are
// confused with each other; a hyphen or a digit belongs to all.
func mixed(label string) bool {
	seen := 0
	for _, t := range []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian} {
		if strings.ContainsFunc(label, func(r rune) bool { return unicode.Is(t, r) }) {
			seen++
		}
	}
	return seen > 1
}

// twins are letters of other scripts that look like Latin ones in common faces: a small
// part of Unicode's confusables (UTS 39), those of which names have been made.
var twins = map[rune]rune{
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ё': 'e', 'ғ': 'f', 'ɡ': 'g', 'һ': 'h', 'ћ': 'h', 'і': 'i', 'ї': 'i', 'ј': 'j', 'к': 'k',
	'ӏ': 'l', 'м': 'm', 'п': 'n', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'г': 'r', 'ѕ': 's', 'т': 't', 'ц': 'u', 'ѵ': 'v', 'ԝ': 'w', 'х': 'x', 'у': 'y', 'ү': 'y',
	'α': 'a', 'β': 'b', 'ε': 'e', 'η': 'n', 'ι': 'i', 'κ': 'k', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'χ': 'x', 'ω': 'w',
	'օ': 'o', 'ս': 'u', 'հ': 'h', 'ո': 'n', 'ց': 'g',
	'ı': 'i', 'ł': 'l', 'ø': 'o', 'đ': 'd', 'ß': 'b', 'ƅ': 'b', 'ⅼ': 'l', 'ⅰ': 'i', 'ɑ': 'a', 'ʏ': 'y', 'ɴ': 'n', 'ʀ': 'r', 'ᴏ': 'o', 'ꜱ': 's',
}

// marked are Latin letters with marks, by the bare letter: one does not see them in an
// address at a glance.
var marked = map[rune]string{'a': "àáâãäåāăąạ", 'c': "çćĉċč", 'd': "ďḍ", 'e': "èéêëēĕėęěẹ", 'g': "ĝğġģ", 'h': "ĥħḥ", 'i': "ìíîïĩīĭįị", 'j': "ĵ", 'k': "ķḳ",
	'l': "ĺļľŀḷ", 'm': "ṃ", 'n': "ñńņňŋṇ", 'o': "òóôõöōŏőọơ", 'r': "ŕŗřṛ", 's': "śŝşšșṣ", 't': "ţťŧțṭ", 'u': "ùúûüũūŭůűųụư", 'w': "ŵẁẃẅ", 'y': "ýÿŷỳ", 'z': "źżžẓ"}

var bare = func() map[rune]rune {
	m := make(map[rune]rune, len(twins)+150)
	for from, to := range twins {
		m[from] = to
	}
	for to, list := range marked {
		for _, from := range list {
			m[from] = to
		}
	}
	return m
}()

// skeleton is a name with every letter replaced by the Latin one that it resembles.
func skeleton(s string) string {
	return strings.Map(func(r rune) rune {
		if t, ok := bare[r]; ok {
			return t
		}
		return r
	}, strings.ToLower(s))
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// special names the kind of an address that is nobody's on the internet, a message's
// key; "" for the rest (RFC 6890 and its registry).
func special(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return ""
	case a.IsLoopback():
		return "enrich.special.loopback"
	case a.IsPrivate():
		return "enrich.special.private"
	case a.IsLinkLocalUnicast():
		return "enrich.special.link"
	case a.IsMulticast():
		return "enrich.special.multicast"
	case a.IsUnspecified():
		return "enrich.special.none"
	}
	for _, x := range reserved {
		if x.net.Contains(a) {
			return x.key
		}
	}
	return ""
}

var reserved = []struct {
	net netip.Prefix
	key string
}{
	{netip.MustParsePrefix("100.64.0.0/10"), "enrich.special.shared"}, {netip.MustParsePrefix("192.0.2.0/24"), "enrich.special.example"},
	{netip.MustParsePrefix("198.51.100.0/24"), "enrich.special.example"}, {netip.MustParsePrefix("203.0.113.0/24"), "enrich.special.example"},
	{netip.MustParsePrefix("2001:db8::/32"), "enrich.special.example"}, {netip.MustParsePrefix("198.18.0.0/15"), "enrich.special.bench"},
	{netip.MustParsePrefix("240.0.0.0/4"), "enrich.special.reserved"}, {netip.MustParsePrefix("0.0.0.0/8"), "enrich.special.none"},
}
