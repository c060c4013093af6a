package registry

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"straza/internal/kernel/fault"
)

// Kinds of resource.
const (
	Network = "network" // a CIDR
	Domain  = "domain"  // and everything below it
	ASN     = "asn"
)

// ResourceKinds lists them.
var ResourceKinds = []string{Network, Domain, ASN}

// Resource is what an organisation holds on the Internet. The same network may be
// held by a provider and by its customer: the most specific one answers.
type Resource struct {
	ID      int64
	UUID    string
	Kind    string
	Value   string // canonical: "10.1.0.0/16", "xn--…" as ASCII, "AS31042"
	Note    string
	Created time.Time
	Updated time.Time

	Withdrawn time.Time // zero = in use
	Claimed   time.Time // the organisation entered it and no team has looked at it: answers no look-up

	org    int64
	lo, hi []byte // 16 bytes, Network only
}

// ResourcePatch changes what is not nil; the kind of a resource stays.
type ResourcePatch struct {
	Value *string
	Note  *string
}

// ParseResource reads a value of a kind into its canonical form. Faults: Invalid
// on "kind" or "value".
func ParseResource(kind, value string) (Resource, error) {
	value = strings.TrimSpace(value)
	r := Resource{Kind: kind}
	switch kind {
	case Network:
		p, err := ParseCIDR(value)
		if err != nil {
			return r, err
		}
		r.Value = p.String()
		r.lo, r.hi = bounds(p)
	case Domain:
		d, err := ParseDomain(value)
		if err != nil {
			return r, err
		}
		r.Value = d
	case ASN:
		digits := strings.TrimPrefix(strings.ToUpper(value), "AS")
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 32)
		if err != nil || n == 0 {
			return r, fault.Field("value", "registry.fault.asn", "no AS number")
		}
		r.Value = "AS" + strconv.FormatUint(n, 10)
	default:
		return r, fault.Field("kind", "registry.fault.resource-kind", "unknown kind of resource")
	}
	return r, nil
}

// ParseCIDR reads "10.1.0.0/16" or a single address. Host bits must be zero, so
// that a slip of the finger does not name a network ten times as large. IPv4
// written as IPv6 counts as IPv4. Whole address families are refused.
func ParseCIDR(s string) (netip.Prefix, error) {
	bad := func(why string) (netip.Prefix, error) {
		return netip.Prefix{}, fault.Field("value", "registry.fault.network", "no network: %s", why)
	}
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return bad("not an address")
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return bad("not a CIDR")
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return bad("not a CIDR")
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	if p.Masked() != p {
		return netip.Prefix{}, fault.Field("value", "registry.fault.network-host-bits", "host bits are set")
	}
	if p.Bits() == 0 {
		return bad("everything")
	}
	return p, nil
}

// bounds gives the first and last address as 16 bytes (IPv4 mapped into IPv6), so
// that both families share one index.
func bounds(p netip.Prefix) (lo, hi []byte) {
	first := p.Masked().Addr().As16()
	last := first
	keep := p.Bits()
	if p.Addr().Is4() {
		keep += 96
	}
	for i := keep; i < 128; i++ {
		last[i/8] |= 1 << (7 - i%8)
	}
	return first[:], last[:]
}

// domainProfile maps to lower case and checks labels; both scripts of Serbia's
// domains (срб and rs) pass.
var domainProfile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// ParseDomain reads a domain name into lower-case ASCII (punycode). A bare
// top-level domain is refused: nobody here holds .rs.
func ParseDomain(s string) (string, error) {
	s = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), "*."), ".")
	d, err := domainProfile.ToASCII(s)
	again, err2 := domainProfile.ToASCII(d) // what maps on mapping again was no name to begin with
	_, err3 := netip.ParseAddr(d)
	if err != nil || err2 != nil || err3 == nil || again != d || !utf8.ValidString(s) ||
		!strings.Contains(d, ".") || strings.HasSuffix(d, ".") {
		return "", fault.Field("value", "registry.fault.domain", "no domain name")
	}
	return d, nil
}

// DomainText gives a domain as people read it.
func DomainText(ascii string) string {
	if s, err := idna.Display.ToUnicode(ascii); err == nil {
		return s
	}
	return ascii
}

// suffixes gives a domain and what it lies below, longest first, without the
// top-level domain: "a.b.gov.rs" → a.b.gov.rs, b.gov.rs, gov.rs.
func suffixes(domain string) []string {
	var out []string
	for strings.Contains(domain, ".") && len(out) < 127 {
		out = append(out, domain)
		_, domain, _ = strings.Cut(domain, ".")
	}
	return out
}
