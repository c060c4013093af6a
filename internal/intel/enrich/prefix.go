package enrich

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"straza/internal/kernel/fault"
)

// Origin is a network of an imported table: whose system announces it, in which country
// it is entered, both as the table says.
type Origin struct {
	Net     netip.Prefix
	ASN     uint32 // 0 = not said
	Country string // ISO 3166 in capitals, "" = not said
	Name    string // of the system or its holder
	Table   string // which table said so
}

// Bounds of a table.
const (
	maxOrigins = 5_000_000
	maxName    = 200
)

// readOrigins reads a table of networks line by line: fields parted by tabs, commas or
// semicolons, with or without a line of names, packed with gzip or not. A line begins
// with a network, or with the first and last address of a range (also as numbers, as
// some tables have IPv4); a system's number, a country's two letters and a name follow in
// whatever order. Lines that name neither system nor country are left out; lines that
// cannot be read are told by their numbers.
func readOrigins(r io.Reader, yield func(Origin) error, refused func(line int)) (err error) {
	in, rest := bufio.NewReaderSize(r, 64<<10), &io.LimitedReader{N: 1}
	if head, _ := in.Peek(2); string(head) == "\x1f\x8b" {
		z, err := gzip.NewReader(in)
		if err != nil {
			return noTable(err)
		}
		defer z.Close()
		rest = &io.LimitedReader{R: z, N: maxTable}
		in = bufio.NewReaderSize(rest, 64<<10)
	}
	comma := delimiter(in)
	var names columns
	n, begun := 0, false
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for line := 1; lines.Scan(); line++ {
		text := strings.TrimSuffix(lines.Text(), "\r")
		if text == "" || text[0] == '#' {
			continue
		}
		rec, ok := fieldsOf(text, comma)
		if first := !begun; ok && first {
			begun = true
			if names = header(rec); names != nil {
				continue
			}
		}
		var o Origin
		var nets []netip.Prefix
		if ok {
			o, nets, ok = names.origin(rec)
		}
		if !ok {
			refused(line)
			continue
		}
		if o.ASN == 0 && o.Country == "" {
			continue
		}
		for _, o.Net = range nets {
			if n++; n > maxOrigins {
				return fault.New(fault.Limited, "more than %d networks", maxOrigins).WithKey("intel.fault.table-large")
			}
			if err := yield(o); err != nil {
				return err
			}
		}
	}
	switch err := lines.Err(); {
	case rest.N == 0: // there may be more: half a table must not look whole
		return fault.New(fault.Limited, "a table of more than %d bytes", maxTable).WithKey("intel.fault.table-large")
	case errors.Is(err, bufio.ErrTooLong), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, io.ErrUnexpectedEOF):
		return noTable(err)
	default:
		return err
	}
}

// Bounds of a table: of a line, and of a packed one when it is unpacked.
const (
	maxLine  = 64 << 10
	maxTable = 1 << 30
)

func noTable(err error) error {
	return fault.New(fault.Invalid, "the table cannot be read").WithKey("intel.fault.table").Because(err)
}

// fieldsOf parts a line; quoted fields are read as CSV has them, and never go on in the
// next line.
func fieldsOf(line string, comma rune) ([]string, bool) {
	if !strings.Contains(line, `"`) {
		return strings.Split(line, string(comma)), true
	}
	c := csv.NewReader(strings.NewReader(line))
	c.Comma, c.LazyQuotes = comma, true
	rec, err := c.Read()
	return rec, err == nil
}

// delimiter is what parts the fields of the first line.
func delimiter(in *bufio.Reader) rune {
	head, _ := in.Peek(4096)
	line, _, _ := strings.Cut(string(head), "\n")
	for _, d := range "\t;" {
		if strings.ContainsRune(line, d) {
			return d
		}
	}
	return ','
}

// columns says in which field what stands, by "net", "last", "asn", "country", "name";
// nil = there was no line of names.
type columns map[string]int

var columnNames = map[string]string{"network": "net", "prefix": "net", "cidr": "net", "ip_prefix": "net", "subnet": "net", "start": "net", "start_ip": "net", "range_start": "net",
	"end": "last", "end_ip": "last", "range_end": "last", "asn": "asn", "as": "asn", "as_number": "asn", "autonomous_system_number": "asn", "country": "country", "country_code": "country", "cc": "country",
	"country_iso_code": "country", "name": "name", "as_name": "name", "as_description": "name", "autonomous_system_organization": "name", "organization": "name", "org": "name", "description": "name", "holder": "name"}

func header(rec []string) columns {
	c := columns{}
	for i, f := range rec {
		if what, ok := columnNames[strings.ToLower(strings.TrimSpace(f))]; ok {
			if _, twice := c[what]; !twice {
				c[what] = i
			}
		}
	}
	if _, ok := c["net"]; !ok {
		return nil
	}
	return c
}

func (c columns) field(rec []string, what string) string {
	if i, ok := c[what]; ok && i < len(rec) {
		return strings.TrimSpace(rec[i])
	}
	return ""
}

func (c columns) origin(rec []string) (o Origin, nets []netip.Prefix, ok bool) {
	if c != nil {
		nets, ok = networks(c.field(rec, "net"), c.field(rec, "last"))
		o.ASN, o.Country, o.Name = asn(c.field(rec, "asn")), country(c.field(rec, "country")), cut(c.field(rec, "name"))
		return o, nets, ok
	}
	if len(rec) < 2 {
		return o, nil, false
	}
	rest := rec[1:]
	if nets, ok = networks(strings.TrimSpace(rec[0]), strings.TrimSpace(rec[1])); ok && !strings.Contains(rec[0], "/") {
		rest = rec[2:]
	}
	for _, f := range rest {
		f = strings.TrimSpace(f)
		switch {
		case o.ASN == 0 && asn(f) != 0:
			o.ASN = asn(f)
		case o.Country == "" && country(f) != "":
			o.Country = country(f)
		case len(f) > len(o.Name) && f != "None" && f != "Not routed":
			o.Name = cut(f)
		}
	}
	return o, nets, ok
}

func cut(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "")
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "")
	}
	return s
}

// asn reads AS64500 or 64500; 0 is no system.
func asn(s string) uint32 {
	if len(s) > 2 && strings.EqualFold(s[:2], "as") {
		s = s[2:]
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

func country(s string) string {
	if len(s) != 2 || s[0]|0x20 < 'a' || s[0]|0x20 > 'z' || s[1]|0x20 < 'a' || s[1]|0x20 > 'z' {
		return ""
	}
	return strings.ToUpper(s)
}

// networks are a network as it is, or the networks that make up a range.
func networks(first, last string) ([]netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(first); err == nil {
		return []netip.Prefix{unmapped(p)}, true
	}
	a, okA := address(first)
	b, okB := address(last)
	if okA && !okB && last == "" || okA && strings.Contains(last, "/") {
		return nil, false
	}
	if !okA || !okB || a.BitLen() != b.BitLen() || b.Less(a) {
		return nil, false
	}
	return span(a, b), true
}

func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

func address(s string) (netip.Addr, bool) {
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(n))
		return netip.AddrFrom4(b), true
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil && a.Zone() == ""
}

// span covers the addresses from a to b by as few networks as there can be.
func span(a, b netip.Addr) (out []netip.Prefix) {
	for {
		p := netip.PrefixFrom(a, a.BitLen())
		for p.Bits() > 0 {
			wider := netip.PrefixFrom(a, p.Bits()-1)
			if wider.Masked().Addr() != a || b.Less(end(wider)) {
				break
			}
			p = wider
		}
		out = append(out, p)
		next := end(p).Next()
		if !next.IsValid() || b.Less(next) {
			return out
		}
		a = next
	}
}

// end is the last address of a network.
func end(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < p.Addr().BitLen(); i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
