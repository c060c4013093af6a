// Package nids writes rules for network sensors: Suricata (7, Suricata user guide
// §8) and Snort 2.
//
// One attribute gives up to eight rules. A value enters a rule only inside a quoted
// option and by the option's own escapes (content: hexadecimal between bars), or as
// an address or name whose letters were checked; so no value can close its quotes,
// end its rule or begin another. Rule numbers (sid) come from the attribute's UUID,
// so that a sensor's exceptions keep their meaning from one export to the next.
package nids

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"straza/internal/format/indicator"
)

// Dialect is whose rules are written.
type Dialect uint8

// The dialects.
const (
	Suricata Dialect = iota
	Snort
)

// Options of a Writer.
type Options struct {
	Dialect Dialect
	Origin  string // public address of this installation: rules point to their event
	Labels  bool   // name the event's labels in messages
}

// Writer writes rules as items come.
type Writer struct {
	o     Options
	w     io.Writer
	buf   bytes.Buffer
	taken map[uint32]struct{} // blocks of rule numbers given away: 4 bytes an item that has rules
	begun bool
	ref   string
}

// New returns a Writer on w.
func New(w io.Writer, o Options) *Writer {
	ref := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || strings.ContainsRune(`;"\()`, r) {
			return -1
		}
		return r
	}, o.Origin)
	return &Writer{o: o, w: w, taken: map[uint32]struct{}{}, ref: ref}
}

const head = `# Rules for %s, made by Straža from shared indicators.
# Needed in the sensor's settings: $HOME_NET (own networks), $EXTERNAL_NET (all others),
# $SMTP_SERVERS (own mail servers)%s.
`

func (x *Writer) begin() {
	if x.begun {
		return
	}
	x.begun = true
	if x.o.Dialect == Snort {
		fmt.Fprintf(&x.buf, head, "Snort 2", ", $HTTP_PORTS (where HTTP is spoken)")
	} else {
		fmt.Fprintf(&x.buf, head, "Suricata", "")
	}
}

// Numbers of rules: a block of eight for each item, above what the vendors of rule
// sets use and below 2^31, which some tools still take for the largest.
const (
	firstSID  = 1_000_000_000
	blocks    = 1 << 27
	blockSize = 8
)

// block is the item's own block of numbers; two whose hashes meet lie side by side.
func (x *Writer) block(it *indicator.Item) uint32 {
	sum := sha256.Sum256([]byte(it.UUID))
	b := binary.BigEndian.Uint32(sum[:]) % blocks
	for {
		if _, taken := x.taken[b]; !taken {
			x.taken[b] = struct{}{}
			return b
		}
		b = (b + 1) % blocks
	}
}

// longest is how many bytes of a value a rule looks for; longer ones are no rule's.
const longest = 1000

// rule is one rule before its number: the part before the bracket, what the message
// says, the options.
type rule struct{ head, text, options, tag string }

// Add writes the item's rules.
func (x *Writer) Add(it *indicator.Item) error {
	x.begin()
	var rules []rule
	if it.Type == "snort" {
		return x.given(it)
	}
	for _, p := range it.Parts() {
		if len(p.Value) > longest {
			continue
		}
		if it.Type == "pattern-in-file" || it.Type == "pattern-in-memory" {
			continue // not on the wire
		}
		rules = append(rules, x.rules(p)...)
	}
	if len(rules) == 0 {
		return x.flush()
	}
	sid := firstSID + x.block(it)*blockSize
	for i, r := range rules[:min(len(rules), blockSize)] {
		x.write(it, r, sid+uint32(i))
	}
	return x.flush()
}

func (x *Writer) write(it *indicator.Item, r rule, sid uint32) {
	labels := ""
	if x.o.Labels {
		labels = strings.Join(it.Tags, ",")
	}
	fmt.Fprintf(&x.buf, `alert %s (msg: "MISP e%d [%s] %s"; %s %s classtype:trojan-activity; sid:%d; rev:1; priority:%d; %s) `+"\n",
		r.head, it.EventID, Message(labels), Message(r.text), r.options, r.tag, sid, priority(it.Threat), x.reference(it))
}

// reference leads from an alert to its event, where the address is known.
func (x *Writer) reference(it *indicator.Item) string {
	if x.ref == "" {
		return ""
	}
	return fmt.Sprintf("reference:url,%s/events/view/%d;", x.ref, it.EventID)
}

func priority(threat int) int { return min(max(threat, 1), 4) }

func (x *Writer) flush() error {
	_, err := x.buf.WriteTo(x.w)
	return err
}

// Close writes what is left.
func (x *Writer) Close() error {
	x.begin()
	return x.flush()
}

// Message makes text fit for a quoted message: signs that end or escape something
// there become harmless ones that look alike.
func Message(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '"':
			return '\''
		case ';':
			return ','
		case '\\':
			return '/'
		}
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return ' '
		}
		return r
	}, s)
}

// Content writes bytes for a quoted content option: letters, digits and harmless
// signs as they are, everything else in hexadecimal between bars.
func Content(s string) string {
	var b strings.Builder
	hex := false
	for i := range len(s) {
		c := s[i]
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._-/=&%+@!~,?*'$#^<>[]{} ", c) >= 0
		switch {
		case plain && hex:
			b.WriteByte('|')
			hex = false
		case !plain && !hex:
			b.WriteByte('|')
			hex = true
		case !plain:
			b.WriteByte(' ')
		}
		if plain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%02x", c)
		}
	}
	if hex {
		b.WriteByte('|')
	}
	return b.String()
}

const session = "tag:session,600,seconds;"

func (x *Writer) rules(p indicator.Part) []rule {
	switch p.Kind {
	case indicator.IP, indicator.Network:
		return address(p)
	case indicator.Domain:
		if x.o.Dialect == Snort {
			return snortName(p)
		}
		return suricataName(p)
	case indicator.Email:
		return mail(p)
	case indicator.Subject:
		return []rule{smtp("Bad Email Subject", "Subject|3a|", p.Value)}
	case indicator.Attachment:
		return []rule{smtp("Bad Email Attachment", "Content-Disposition|3a|", p.Value)}
	case indicator.URL:
		return x.url(p)
	case indicator.UserAgent:
		if x.o.Dialect == Snort {
			return []rule{{httpSnort, "Outgoing User-Agent: " + p.Value,
				`flow:to_server,established; content:"User-Agent|3a|"; nocase; http_header; content:"` + Content(p.Value) + `"; fast_pattern; http_header;`, session}}
		}
		return []rule{{httpSuricata, "Outgoing User-Agent: " + p.Value,
			`flow:to_server,established; http.user_agent; content:"` + Content(p.Value) + `"; fast_pattern; bsize:` + strconv.Itoa(len(p.Value)) + `;`, session}}
	case indicator.JA3:
		if x.o.Dialect == Suricata {
			return []rule{{"tls $HOME_NET any -> any any", "JA3 Hash: " + p.Value, `ja3.hash; content:"` + p.Value + `"; fast_pattern;`, session}}
		}
	case indicator.Cert:
		if x.o.Dialect == Suricata {
			return []rule{{"tls any any -> any any", "Certificate SHA1: " + p.Value, `tls.cert_fingerprint; content:"` + colons(p.Value) + `"; fast_pattern;`, session}}
		}
	case indicator.Bytes:
		if pattern := Content(p.Value); len(p.Value) >= 4 {
			return []rule{{"ip any any -> any any", "Pattern: " + p.Value, `content:"` + pattern + `"; fast_pattern;`, ""}}
		}
	}
	return nil
}

func colons(hex string) string {
	var b strings.Builder
	for i := 0; i+1 < len(hex); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(hex[i : i+2])
	}
	return b.String()
}

const (
	httpSuricata = "http $HOME_NET any -> $EXTERNAL_NET any"
	httpSnort    = "tcp $HOME_NET any -> $EXTERNAL_NET $HTTP_PORTS"
)

// address: what comes from a source, what goes to a destination; both when the type
// does not say. With a port, over both transports.
func address(p indicator.Part) (out []rule) {
	protos, port, shown := []string{"ip"}, "any", p.Value
	if p.Port > 0 {
		protos, port = []string{"tcp", "udp"}, strconv.Itoa(p.Port)
		shown += " port " + port
	}
	for _, proto := range protos {
		if p.Side != indicator.Source {
			out = append(out, rule{proto + " $HOME_NET any -> " + p.Value + " " + port, "Outgoing To IP: " + shown, "", ""})
		}
		if p.Side != indicator.Destination {
			out = append(out, rule{proto + " " + p.Value + " " + port + " -> $HOME_NET any", "Incoming From IP: " + shown, "", ""})
		}
	}
	return out
}

// bound is what may stand before a name: nothing, or the end of another label.
const bound = `(^|[^A-Za-z0-9-])`

func escaped(name string) string { return strings.ReplaceAll(name, ".", `\.`) }

func suricataName(p indicator.Part) []rule {
	word := "Domain "
	if p.Host {
		word = "Hostname: "
	}
	return []rule{
		{"dns any any -> any any", word + p.Value, `dns.query; content:"` + p.Value + `"; nocase; pcre: "/` + bound + escaped(p.Value) + `$/i";`, ""},
		{httpSuricata, "Outgoing HTTP " + word + p.Value, `flow:to_server,established; http.header; content: "Host|3a|"; nocase; http.header; content:"` + p.Value +
			`"; fast_pattern; nocase; pcre: "/` + bound + escaped(p.Value) + `[^A-Za-z0-9-\.]/Hi";`, session},
	}
}

func snortName(p indicator.Part) []rule {
	word := "Domain: "
	if p.Host {
		word = "Hostname: "
	}
	question := `content:"|01 00 00 01 00 00 00 00 00 01|"; depth:10; offset:2; content:"` + labels(p.Value) + `"; fast_pattern; nocase;`
	return []rule{
		{"udp any any -> any 53", word + p.Value, question, ""},
		{"tcp any any -> any 53", word + p.Value, question + " flow:established;", ""},
		{httpSnort, "Outgoing HTTP " + word + p.Value, `flow:to_server,established; content: "Host|3a|"; nocase; http_header; content:"` + p.Value +
			`"; fast_pattern; nocase; http_header; pcre: "/` + bound + escaped(p.Value) + `[^A-Za-z0-9-\.]/H";`, session},
	}
}

// labels is a name on the wire: each label behind its length.
func labels(name string) string {
	var b strings.Builder
	for label := range strings.SplitSeq(name, ".") {
		fmt.Fprintf(&b, "|%02x|%s", len(label), label)
	}
	return b.String() + "|00|"
}

func mail(p indicator.Part) (out []rule) {
	if p.Side != indicator.Destination {
		out = append(out, smtp("Source Email Address", "MAIL FROM|3a|", p.Value))
	}
	if p.Side != indicator.Source {
		out = append(out, smtp("Destination Email Address", "RCPT TO|3a|", p.Value))
	}
	return out
}

func smtp(text, field, value string) rule {
	return rule{"tcp $EXTERNAL_NET any -> $SMTP_SERVERS 25", text + ": " + value,
		`flow:established,to_server; content:"` + field + `"; nocase; content:"` + Content(value) + `"; fast_pattern; nocase; content:"|0D 0A 0D 0A|"; within:8192;`, session}
}

// url looks for the path in the clear; what goes over TLS is not to be seen, and its
// host alone would say too much.
func (x *Writer) url(p indicator.Part) []rule {
	rest := p.Value
	if scheme, after, ok := strings.Cut(rest, "://"); ok {
		if !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
			return nil
		}
		rest = after
	}
	rest, _, _ = strings.Cut(rest, "#") // a fragment is not sent
	at := strings.IndexAny(rest, "/?")
	host, path := rest, "/"
	if at >= 0 {
		host, path = rest[:at], rest[at:]
	}
	if _, h, ok := strings.Cut(host, "@"); ok {
		host = h
	}
	if h, _, ok := strings.Cut(host, ":"); ok && strings.Count(host, ":") == 1 {
		host = h
	}
	if path == "" || strings.ContainsAny(path, " \t") {
		return nil
	}
	if path[0] != '/' {
		path = "/" + path
	}
	name, ok := indicator.Name(host)
	if !ok {
		if len((&indicator.Item{Type: "ip-dst", Value: host}).Parts()) == 0 {
			return nil
		}
		name = host
	}
	if x.o.Dialect == Snort {
		return []rule{{httpSnort, "Outgoing HTTP URL: " + p.Value, `flow:to_server,established; content: "Host|3a|"; nocase; http_header; content:"` + Content(name) +
			`"; nocase; http_header; content:"` + Content(path) + `"; fast_pattern; http_raw_uri;`, session}}
	}
	return []rule{{httpSuricata, "Outgoing HTTP URL: " + p.Value, `flow:to_server,established; http.host; content:"` + Content(name) +
		`"; http.uri.raw; content:"` + Content(path) + `"; fast_pattern; startswith;`, session}}
}
