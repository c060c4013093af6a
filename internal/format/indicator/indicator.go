package indicator

import (
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Item is one attribute. Times are Unix seconds.
type Item struct {
	ID, EventID     int64
	UUID, EventUUID string
	Type, Category  string
	Value, Comment  string
	Info            string   // of the event
	Org             string   // that made it
	Tags            []string // names of the event's labels
	Own             []string // names of the attribute's
	TLP             string   // of the event: "GREEN" …, "" none
	Threat          int      // of the event: 1 high … 4 undefined
	Timestamp       int64
	ToIDS           bool
}

// Kind is what a sensor looks for.
type Kind uint8

// The kinds.
const (
	IP      Kind = iota + 1 // an address
	Network                 // a prefix
	Domain                  // a domain or host name, lower case
	URL
	Email   // an address
	Subject // of a letter
	Attachment
	UserAgent
	Filename
	Hash // Sub names the algorithm: "md5" … "ssdeep"
	Mutex
	Registry
	Pipe
	Service
	JA3   // fingerprint of a TLS client
	Cert  // SHA-1 of a certificate
	Bytes // a pattern in memory or in a file
	ASN
)

// Side says on which end of a connection something stands.
type Side uint8

// The sides.
const (
	Either Side = iota
	Source
	Destination
)

// Part is one thing to look for.
type Part struct {
	Kind  Kind
	Sub   string // the algorithm of a Hash
	Host  bool   // a Domain that is one machine's name: what lies below it is not meant
	Value string
	Side  Side
	Port  int // with an IP or a Domain; 0 none
}

// Parts takes an item apart. Types that no sensor can look for, and values that are
// not what their type says, give none.
func (it *Item) Parts() []Part { return AppendParts(nil, it.Type, it.Value) }

// AppendParts is Parts with a slice to fill.
func AppendParts(dst []Part, typ, value string) []Part {
	left, right, two := strings.Cut(typ, "|")
	if two {
		a, b, ok := strings.Cut(value, "|")
		if !ok {
			return dst
		}
		switch {
		case right == "port":
			port, err := strconv.ParseUint(strings.TrimSpace(b), 10, 16)
			if err != nil || port == 0 {
				return dst
			}
			n := len(dst)
			if dst = single(dst, left, a); len(dst) > n {
				dst[n].Port = int(port)
			}
			return dst
		case left == "domain" && right == "ip":
			dst = single(dst, "domain", a)
			n := len(dst)
			if dst = single(dst, "ip-dst", b); len(dst) > n {
				dst[n].Side = Either // a name's address is met on either end
			}
			return dst
		case left == "filename":
			return single(single(dst, "filename", a), right, b)
		case left == "regkey":
			return single(dst, "regkey", a)
		}
		return dst
	}
	if typ == "malware-sample" {
		a, b, _ := strings.Cut(value, "|")
		return single(single(dst, "filename", a), "md5", b)
	}
	return single(dst, typ, value)
}

var plain = map[string]Kind{"email": Email, "email-src": Email, "email-dst": Email, "email-reply-to": Email, "whois-registrant-email": Email,
	"email-subject": Subject, "email-attachment": Attachment, "attachment": Filename, "user-agent": UserAgent, "filename": Filename,
	"mutex": Mutex, "regkey": Registry, "named pipe": Pipe, "windows-service-name": Service, "pattern-in-file": Bytes,
	"pattern-in-memory": Bytes, "pattern-in-traffic": Bytes, "hex": Bytes}

func single(dst []Part, typ, value string) []Part {
	value = strings.TrimSpace(value)
	p := Part{Value: value}
	switch typ {
	case "ip-src", "ip-dst":
		p.Side = Source
		if typ == "ip-dst" {
			p.Side = Destination
		}
		if a, err := netip.ParseAddr(value); err == nil && a.Zone() == "" {
			p.Kind, p.Value = IP, a.Unmap().String()
		} else if n, err := netip.ParsePrefix(value); err == nil {
			p.Kind, p.Value = Network, n.Masked().String()
		}
	case "domain", "hostname":
		if name, ok := Name(value); ok {
			p.Kind, p.Value = Domain, name
			p.Host = typ == "hostname"
		}
	case "url", "uri", "link":
		if typ != "link" && printable(value) {
			p.Kind = URL
		}
	case "ja3-fingerprint-md5", "x509-fingerprint-sha1":
		if hexOf(value) == map[string]int{"ja3-fingerprint-md5": 32, "x509-fingerprint-sha1": 40}[typ] {
			p.Kind, p.Value = map[string]Kind{"ja3-fingerprint-md5": JA3, "x509-fingerprint-sha1": Cert}[typ], strings.ToLower(value)
		}
	case "AS":
		if n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(value), "AS"), 10, 32); err == nil {
			p.Kind, p.Value = ASN, strconv.FormatUint(n, 10)
		}
	case "email", "email-src", "email-dst", "email-reply-to", "whois-registrant-email":
		if mailbox(value) {
			p.Kind = Email
			p.Side = map[string]Side{"email-src": Source, "email-dst": Destination}[typ]
		}
	default:
		p.Kind = plain[typ]
		if n := digits[typ]; n > 0 && hexOf(value) == n {
			p.Kind, p.Sub, p.Value = Hash, typ, strings.ToLower(value)
		} else if fuzzy[typ] && printable(value) {
			p.Kind, p.Sub = Hash, typ
		}
	}
	if p.Kind == 0 || p.Value == "" {
		return dst
	}
	return append(dst, p)
}

// digits is how many hexadecimal digits a hash has.
var digits = map[string]int{"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128, "sha512/224": 56, "sha512/256": 64,
	"sha3-224": 56, "sha3-256": 64, "sha3-384": 96, "sha3-512": 128, "imphash": 32, "authentihash": 64, "pehash": 40}

var fuzzy = map[string]bool{"ssdeep": true, "tlsh": true, "impfuzzy": true, "vhash": true, "telfhash": true, "cdhash": true}

// hexOf is how many digits a hexadecimal text has, -1 for another text.
func hexOf(s string) int {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return -1
		}
	}
	return len(s)
}

// printable: no control characters, so that a value stays on its line.
func printable(s string) bool {
	for _, r := range s {
		if r < 0x20 || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfffd {
			return false
		}
	}
	return s != ""
}

// mailbox is a plain address: no quotes, no spaces, one @.
func mailbox(s string) bool {
	at := strings.IndexByte(s, '@')
	if at < 0 || strings.Count(s, "@") != 1 || len(s) > 320 {
		return false
	}
	for _, r := range s[:at] {
		if r <= ' ' || r > 0x7e || strings.ContainsRune(`"(),:;<>[\]`, r) {
			return false
		}
	}
	_, ok := Name(s[at+1:])
	return ok
}

// Name gives a domain or host name as DNS has it: lower case, without the last dot,
// labels of at most 63 letters, digits, hyphens and underscores, at most 253 in all,
// at least two labels. Names in other scripts go in their xn-- form.
func Name(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if !ascii(s) {
		x, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return "", false
		}
		s = x
	}
	if s == "" || len(s) > 253 || !ascii(s) || numeric(s) {
		return "", false
	}
	labels := 0
	for label := range strings.SplitSeq(s, ".") {
		labels++
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", false
		}
		for i := range len(label) {
			if c := label[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return "", false
			}
		}
	}
	return s, labels > 1
}

func numeric(s string) bool { _, err := netip.ParseAddr(s); return err == nil }

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
