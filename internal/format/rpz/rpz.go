// Package rpz writes response policy zones: names and addresses that a resolver
// answers otherwise (draft-vixie-dnsop-dns-rpz-00, BIND 9 reference manual,
// response-policy).
//
// Every owner name is built from checked letters (indicator.Name) or from an
// address, every setting is checked by New; no value can end its line or its zone.
package rpz

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/indicator"
)

// Options are the zone's settings; the zero value answers NXDOMAIN.
type Options struct {
	Policy  string // NXDOMAIN, NODATA, DROP, PASSTHRU, TCP-ONLY or LOCAL-DATA
	Garden  string // LOCAL-DATA: the name that callers are led to
	NS      string // of the zone's SOA and NS records; "" localhost
	Mail    string // of the SOA, in its DNS form; "" root.localhost
	Serial  string // "" the date and 00
	At      time.Time
	Bounded int // longest owner name; 0 = 200, which leaves room for the zone's own
}

var policies = map[string]string{"": ".", "NXDOMAIN": ".", "NODATA": "*.", "DROP": "rpz-drop.", "PASSTHRU": "rpz-passthru.", "TCP-ONLY": "rpz-tcp-only."}

// ErrSettings says that a setting is none.
var ErrSettings = errors.New("rpz: a setting cannot be used")

// Writer writes records as items come.
type Writer struct {
	w      io.Writer
	buf    bytes.Buffer
	target string
	longer int
}

// New returns a Writer on w, the zone's head written with its first record.
func New(w io.Writer, o Options) (*Writer, error) {
	x := &Writer{w: w, longer: o.Bounded}
	if x.longer == 0 {
		x.longer = 200
	}
	policy := strings.ToUpper(strings.TrimSpace(o.Policy))
	target, ok := policies[policy]
	if policy == "LOCAL-DATA" || policy == "WALLED-GARDEN" {
		var name string
		if name, ok = indicator.Name(o.Garden); ok {
			target = name + "."
		}
	}
	if !ok {
		return nil, ErrSettings
	}
	x.target = target
	ns, ok := host(o.NS, "localhost")
	mail, ok2 := host(strings.ReplaceAll(o.Mail, "@", "."), "root.localhost")
	if o.Mail == "" {
		mail = "root.localhost" // measured: below the zone's own name
	}
	serial := o.Serial
	if serial == "" {
		serial = o.At.UTC().Format("20060102") + "00"
	}
	if _, err := strconv.ParseUint(serial, 10, 32); err != nil || !ok || !ok2 {
		return nil, ErrSettings
	}
	fmt.Fprintf(&x.buf, "$TTL 1w;\n@               SOA %s %s (%s 2h 30m 30d 1h)\n                NS %s\n\n", ns, mail, serial, ns)
	return x, nil
}

func host(s, def string) (string, bool) {
	if s == "" {
		s = def
	}
	if s == "localhost" || s == "root.localhost" {
		return s + ".", true
	}
	name, ok := indicator.Name(s)
	return name + ".", ok
}

// Add writes the item's records: a domain with all below it, a host name alone, an
// address or network.
func (x *Writer) Add(it *indicator.Item) error {
	for _, p := range it.Parts() {
		switch p.Kind {
		case indicator.Domain:
			x.record(p.Value)
			if !p.Host {
				x.record("*." + p.Value)
			}
		case indicator.IP:
			if a, err := netip.ParseAddr(p.Value); err == nil {
				x.record(Trigger(netip.PrefixFrom(a, a.BitLen())))
			}
		case indicator.Network:
			if n, err := netip.ParsePrefix(p.Value); err == nil && n.Bits() > 0 {
				x.record(Trigger(n))
			}
		}
	}
	return x.flush()
}

func (x *Writer) record(owner string) {
	if len(owner) <= x.longer {
		x.buf.WriteString(owner + " CNAME " + x.target + "\n")
	}
}

func (x *Writer) flush() error { _, err := x.buf.WriteTo(x.w); return err }

// Close writes what is left.
func (x *Writer) Close() error { return x.flush() }

// Trigger is a network as an owner name: its bits, then its parts from the last to
// the first; the longest run of zeros of an IPv6 network is "zz".
func Trigger(n netip.Prefix) string {
	n = n.Masked()
	bits := strconv.Itoa(n.Bits())
	if n.Addr().Is4() {
		b := n.Addr().As4()
		return fmt.Sprintf("%s.%d.%d.%d.%d.rpz-ip", bits, b[3], b[2], b[1], b[0])
	}
	b := n.Addr().As16()
	words := make([]uint16, 8)
	for i := range words {
		words[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	from, run := -1, 1
	for i := 0; i < 8; i++ {
		j := i
		for j < 8 && words[j] == 0 {
			j++
		}
		if j-i > run {
			from, run = i, j-i
		}
		i = max(i, j)
	}
	labels := []string{bits}
	for i := 7; i >= 0; i-- {
		switch {
		case from >= 0 && i == from+run-1:
			labels = append(labels, "zz")
			i = from
		default:
			labels = append(labels, strconv.FormatUint(uint64(words[i]), 16))
		}
	}
	return strings.Join(append(labels, "rpz-ip"), ".")
}
