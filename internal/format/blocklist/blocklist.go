// Package blocklist writes what programs without rules of their own read: a value a
// line, hashes alone, fingerprints of values, hosts(5), a script for netfilter.
//
// Names and addresses are checked (package indicator), so that no value reaches a
// shell or a hosts file as anything else. Values of the plain list are written as
// they are, each on one line.
package blocklist

import (
	"crypto/md5" //nolint:gosec // MISP's own fingerprint of a value; protects nothing
	"encoding/hex"
	"io"
	"net/netip"
	"strings"
	"time"

	"straza/internal/format/indicator"
)

// List is which one.
type List uint8

// The lists.
const (
	Text List = iota
	Hashes
	Hosts
	Netfilter
	Cache // md5(value), of the whole value as it is stored
)

// Options of a Writer.
type Options struct {
	List  List
	At    time.Time // Hosts: when it was made
	Event bool      // Cache: the event's UUID behind a comma
	Whole bool      // Hosts: the names of composites too; MISP leaves them out
}

// Writer writes lines as items come.
type Writer struct {
	o     Options
	w     io.Writer
	buf   []byte
	parts []indicator.Part
	begun bool
}

// New returns a Writer on w.
func New(w io.Writer, o Options) *Writer { return &Writer{o: o, w: w} }

// batch is how much is gathered before it is written.
const batch = 8 << 10

func (x *Writer) begin() {
	if !x.begun && x.o.List == Hosts {
		x.buf = append(x.buf, "# Blocklist in the HOSTS format\n# Generated: "+x.o.At.UTC().Format("2006-01-02 15:04:05 -0700")+"\n"...)
	}
	x.begun = true
}

// Add writes the item's lines.
func (x *Writer) Add(it *indicator.Item) error {
	x.begin()
	switch x.o.List {
	case Text:
		x.buf = append(appendLine(x.buf, it.Value), '\n')
	case Cache:
		x.cache(it)
	default:
		x.parts = indicator.AppendParts(x.parts[:0], it.Type, it.Value)
		for i := range x.parts {
			x.part(&x.parts[i], strings.Contains(it.Type, "|"))
		}
	}
	if len(x.buf) < batch {
		return nil
	}
	return x.flush()
}

func (x *Writer) cache(it *indicator.Item) {
	sum := md5.Sum([]byte(it.Value))
	x.buf = hex.AppendEncode(x.buf, sum[:])
	if x.o.Event {
		x.buf = append(append(x.buf, ','), it.EventUUID...)
	}
	x.buf = append(x.buf, '\n')
}

func (x *Writer) part(p *indicator.Part, composite bool) {
	switch {
	case x.o.List == Hashes && p.Kind == indicator.Hash && whole[p.Sub]:
		x.buf = append(append(x.buf, p.Value...), '\n')
	case x.o.List == Hosts && p.Kind == indicator.Domain && (x.o.Whole || !composite):
		x.buf = append(append(append(x.buf, "0.0.0.0 "...), p.Value...), '\n')
	case x.o.List == Netfilter && (p.Kind == indicator.IP || p.Kind == indicator.Network):
		cmd := "iptables"
		if six(p.Value) {
			cmd = "ip6tables"
		}
		x.buf = append(append(append(x.buf, cmd+" -A INPUT -s "...), p.Value...), " -j DROP\n"...)
	}
}

// whole are hashes of a whole file.
var whole = map[string]bool{"md5": true, "sha1": true, "sha224": true, "sha256": true, "sha384": true, "sha512": true, "sha512/224": true,
	"sha512/256": true, "sha3-224": true, "sha3-256": true, "sha3-384": true, "sha3-512": true}

func six(s string) bool {
	a, err := netip.ParseAddr(strings.SplitN(s, "/", 2)[0])
	return err == nil && a.Is6()
}

// appendLine keeps a value on its line: ends of lines become blanks.
func appendLine(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c == '\n' || c == '\r' || c == 0 {
			dst = append(dst, ' ')
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// Close writes what is left.
func (x *Writer) Close() error {
	x.begin()
	return x.flush()
}

func (x *Writer) flush() error {
	if len(x.buf) == 0 {
		return nil
	}
	_, err := x.w.Write(x.buf)
	x.buf = x.buf[:0]
	return err
}
