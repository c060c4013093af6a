// Package sensor writes indicator lists of programs that watch hosts and networks:
// Kunai's IOC JSON, Zeek's intelligence files (Zeek, Intelligence Framework) and
// Sigma rules (Sigma specification 2.0). JSON and YAML are written by their encoders,
// Zeek's fields by its own escapes.
package sensor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"straza/internal/format/indicator"
)

// Kunai writes a JSON list.
type Kunai struct {
	w      io.Writer
	source string
	n      int
}

// NewKunai returns a Kunai on w; source names the installation.
func NewKunai(w io.Writer, source string) *Kunai { return &Kunai{w: w, source: source} }

// severity of what Kunai looks for, by type; what it does not look for is not here.
var severity = map[string]int{"ip-dst": 5, "ip-dst|port": 5, "domain|ip": 5, "domain": 7, "hostname": 7, "hostname|port": 7, "url": 7, "md5": 10, "sha1": 10, "sha256": 10, "sha512": 10,
	"filename|md5": 10, "filename|sha1": 10, "filename|sha256": 10, "filename|sha512": 10}

// Add writes the item if Kunai looks for its type: of a composite the half that is
// no name.
func (x *Kunai) Add(it *indicator.Item) error {
	s, ok := severity[it.Type]
	if !ok {
		return nil
	}
	parts := it.Parts()
	if len(parts) == 0 {
		return nil
	}
	b, err := json.Marshal(struct {
		Type     string `json:"type"`
		UUID     string `json:"uuid"`
		Source   string `json:"source"`
		Value    string `json:"value"`
		Event    string `json:"event_uuid"`
		Severity int    `json:"severity"`
	}{it.Type, it.UUID, x.source, parts[len(parts)-1].Value, it.EventUUID, s})
	if err != nil {
		return err
	}
	sep := byte(',')
	if x.n++; x.n == 1 {
		sep = '['
	}
	_, err = x.w.Write(append([]byte{sep}, b...))
	return err
}

// Close ends the list.
func (x *Kunai) Close() error {
	end := "]"
	if x.n == 0 {
		end = "[]"
	}
	_, err := io.WriteString(x.w, end)
	return err
}

// Zeek writes a file for Intel::read_files.
type Zeek struct {
	w      io.Writer
	buf    bytes.Buffer
	source string
	origin string
	begun  bool
}

// NewZeek returns a Zeek on w; source names the installation, origin is its address.
func NewZeek(w io.Writer, source, origin string) *Zeek {
	return &Zeek{w: w, source: source, origin: origin}
}

func zeekType(p indicator.Part) string {
	switch p.Kind {
	case indicator.IP:
		return "Intel::ADDR"
	case indicator.Network:
		return "Intel::SUBNET"
	case indicator.Domain:
		return "Intel::DOMAIN"
	case indicator.URL:
		return "Intel::URL"
	case indicator.Email:
		return "Intel::EMAIL"
	case indicator.UserAgent:
		return "Intel::SOFTWARE"
	case indicator.Filename, indicator.Attachment:
		return "Intel::FILE_NAME"
	case indicator.Cert:
		return "Intel::CERT_HASH"
	case indicator.Hash:
		if p.Sub == "md5" || p.Sub == "sha1" || p.Sub == "sha256" {
			return "Intel::FILE_HASH"
		}
	}
	return ""
}

func (x *Zeek) begin() {
	if !x.begun {
		x.buf.WriteString("#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\tmeta.url\n")
	}
	x.begun = true
}

// Add writes the item's lines.
func (x *Zeek) Add(it *indicator.Item) error {
	x.begin()
	for _, p := range it.Parts() {
		kind := zeekType(p)
		if kind == "" {
			continue
		}
		value := p.Value
		if p.Kind == indicator.URL { // Zeek's URLs have no scheme
			if _, rest, ok := strings.Cut(value, "://"); ok {
				value = rest
			}
		}
		fields := []string{value, kind, x.source, it.Info, fmt.Sprintf("%s/events/view/%d", x.origin, it.EventID)}
		for i, f := range fields {
			if i > 0 {
				x.buf.WriteByte('\t')
			}
			x.buf.WriteString(Field(f))
		}
		x.buf.WriteByte('\n')
	}
	_, err := x.buf.WriteTo(x.w)
	return err
}

// Close writes what is left.
func (x *Zeek) Close() error {
	x.begin()
	_, err := x.buf.WriteTo(x.w)
	return err
}

// Field escapes a field as Zeek reads it: \xNN for what would end it, "-" for nothing.
func Field(s string) string {
	if s == "" {
		return "-"
	}
	if s == "-" {
		return `\x2d`
	}
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x20 || c == 0x7f || c == '\\' || i == 0 && c == '#':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
