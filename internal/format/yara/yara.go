// Package yara writes rules for YARA 4 (https://yara.readthedocs.io, "Writing YARA
// rules"): generated ones from indicators that are no rules themselves, and rules
// that somebody wrote, as they are.
//
// A generated rule quotes values in text strings with \xNN for every byte that is
// not a printable ASCII letter, sign or blank, so that no value can close its quotes.
// A given rule is passed on only when it reads as whole rules: quotes, comments and
// braces balanced, and without "include", which reads files where it is compiled.
package yara

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"straza/internal/format/indicator"
)

// Options of a Writer.
type Options struct {
	PerEvent bool // one rule for what of an event comes together, instead of one for each item
	JSON     bool // a JSON list of rules, each with its origin
}

// most is how many strings and hashes one rule of an event holds.
const most = 500

// Writer writes rules as items come; items of an event are expected together.
type Writer struct {
	o       Options
	w       io.Writer
	buf     bytes.Buffer
	event   indicator.Item
	part    int
	strings []string
	hashes  []string
	imports map[string]bool
	names   map[string]bool // of given rules: a name may stand once in a file
	n       int
	begun   bool
}

// New returns a Writer on w.
func New(w io.Writer, o Options) *Writer {
	return &Writer{o: o, w: w, imports: map[string]bool{}, names: map[string]bool{}}
}

func (x *Writer) begin() {
	if x.begun {
		return
	}
	x.begun = true
	if x.o.JSON {
		x.buf.WriteByte('[')
	} else {
		x.buf.WriteString("// Rules for YARA, made by Straža from shared indicators.\n")
	}
}

// Add writes the item's rule, or keeps it for its event's.
func (x *Writer) Add(it *indicator.Item) error {
	x.begin()
	if x.o.PerEvent && it.EventUUID != x.event.EventUUID {
		x.close()
		x.event, x.part = *it, 0
	}
	if it.Type == "yara" {
		x.given(it)
		return x.flush()
	}
	for _, p := range it.Parts() {
		x.take(p)
	}
	switch {
	case !x.o.PerEvent:
		x.rule(it, "MISP_ATTRIBUTE_"+ident(it.UUID), true)
	case len(x.strings)+len(x.hashes) >= most:
		x.close()
	}
	return x.flush()
}

// Close writes what is left.
func (x *Writer) Close() error {
	x.begin()
	if x.o.PerEvent {
		x.close()
	}
	if x.o.JSON {
		x.buf.WriteString("]")
	}
	return x.flush()
}

func (x *Writer) flush() error { _, err := x.buf.WriteTo(x.w); return err }

func (x *Writer) close() {
	if len(x.strings)+len(x.hashes) > 0 {
		x.part++
		x.rule(&x.event, fmt.Sprintf("MISP_EVENT_%s_PART%d", ident(x.event.EventUUID), x.part), false)
	}
}

// ident is a UUID as part of a rule's name.
func ident(uuid string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, uuid)
}

func (x *Writer) take(p indicator.Part) {
	switch p.Kind {
	case indicator.Hash:
		switch p.Sub {
		case "md5", "sha1", "sha256":
			x.imports["hash"] = true
			x.hashes = append(x.hashes, "hash."+p.Sub+`(0, filesize) == "`+p.Value+`"`)
		case "imphash":
			x.imports["pe"] = true
			x.hashes = append(x.hashes, `pe.imphash() == "`+p.Value+`"`)
		}
	case indicator.Bytes:
		if hex, ok := hexString(p.Value); ok {
			x.keep("$ = " + hex)
			return
		}
		x.text(p.Value)
	case indicator.IP, indicator.Domain, indicator.URL, indicator.Email, indicator.UserAgent, indicator.Mutex, indicator.Registry, indicator.Pipe, indicator.Service:
		x.text(p.Value)
	}
}

// shortest and longest bound a text to look for: shorter ones are everywhere.
const (
	shortest = 4
	longest  = 2000
)

func (x *Writer) text(s string) {
	if len(s) >= shortest && len(s) <= longest {
		x.keep("$ = " + Quote(s) + " ascii wide")
	}
}

func (x *Writer) keep(s string) {
	if !slices.Contains(x.strings, s) {
		x.strings = append(x.strings, s)
	}
}

// Quote writes a text string.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c > 0x7e:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// hexString reads "{ 4D 5A ?? }" or plain pairs of digits.
func hexString(s string) (string, bool) {
	braced := strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}")
	if braced {
		s = s[1 : len(s)-1]
	}
	s = strings.Join(strings.Fields(s), "")
	if len(s) < 2*shortest || len(s)%2 != 0 || len(s) > 2*longest || s[0] == '?' || s[len(s)-1] == '?' {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(s); i += 2 {
		pair := s[i : i+2]
		if pair != "??" && strings.Trim(pair, "0123456789abcdefABCDEF") != "" {
			return "", false
		}
		b.WriteString(" " + pair)
	}
	return "{" + b.String() + " }", true
}

// rule writes what was taken as one rule.
func (x *Writer) rule(it *indicator.Item, name string, own bool) {
	if len(x.strings)+len(x.hashes) == 0 {
		return
	}
	var b strings.Builder
	for _, m := range []string{"hash", "pe"} {
		if x.imports[m] {
			b.WriteString(`import "` + m + "\"\n")
		}
	}
	b.WriteString("rule " + name + " : generated\n{\n\tmeta:\n")
	b.WriteString("\t\tMISP_EVENT_INFO = " + Quote(it.Info) + "\n\t\tMISP_EVENT_UUID = " + Quote(it.EventUUID) +
		"\n\t\tMISP_ORIGIN = \"Automatically generated from non-Yara attribute(s)\"\n")
	if own {
		b.WriteString("\t\tMISP_UUID = " + Quote(it.UUID+" ("+it.Type+")") + "\n")
	}
	if len(x.strings) > 0 {
		b.WriteString("\tstrings:\n")
		for _, s := range x.strings {
			b.WriteString("\t\t" + s + "\n")
		}
	}
	b.WriteString("\tcondition:\n\t\t")
	or := "\n\t\tor "
	b.WriteString(strings.Join(x.hashes, or))
	if len(x.strings) > 0 {
		if len(x.hashes) > 0 {
			b.WriteString(or)
		}
		b.WriteString("any of them")
	}
	b.WriteString("\n}\n")
	x.out(it, name, b.String(), own)
	x.strings, x.hashes = x.strings[:0], x.hashes[:0]
	clear(x.imports)
}

// out writes one rule's text, or its JSON.
func (x *Writer) out(it *indicator.Item, name, text string, own bool) {
	if !x.o.JSON {
		x.buf.WriteString(text)
		return
	}
	v := struct {
		Name  string `json:"name"`
		UUID  string `json:"uuid,omitempty"`
		Event string `json:"event_uuid"`
		Rule  string `json:"rule"`
	}{name, it.UUID, it.EventUUID, text}
	if !own {
		v.UUID = ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		return // texts only: cannot fail
	}
	if x.n++; x.n > 1 {
		x.buf.WriteByte(',')
	}
	x.buf.Write(b)
}

// given passes a written rule on; names that stand already get a number.
func (x *Writer) given(it *indicator.Item) {
	text := strings.ReplaceAll(it.Value, "\r\n", "\n")
	marks, ok := Names(text)
	if !ok {
		return
	}
	var b strings.Builder
	at := 0
	for _, m := range marks {
		name := m.Name
		for n := 2; x.names[name]; n++ {
			name = fmt.Sprintf("%s_%d", m.Name, n)
		}
		x.names[name] = true
		b.WriteString(text[at:m.At] + name)
		at = m.At + len(m.Name)
	}
	b.WriteString(text[at:] + "\n")
	x.out(it, marks[0].Name, b.String(), true)
}
