// Package openioc writes indicators as OpenIOC 1.0 (schemas.mandiant.com/2010/ioc):
// one document, one Indicator of OR, composites as an inner AND. Every value goes
// through XML's escapes; UUIDs of elements are the attributes' own.
package openioc

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"time"

	"straza/internal/format/indicator"
)

// Options of a document.
type Options struct {
	ID     string // UUID of the document
	Author string
	At     time.Time
}

// Writer writes items as they come.
type Writer struct {
	o     Options
	w     io.Writer
	buf   bytes.Buffer
	begun bool
}

// New returns a Writer on w.
func New(w io.Writer, o Options) *Writer { return &Writer{o: o, w: w} }

// Escape makes text fit for XML; what XML forbids becomes U+FFFD.
func Escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(strings.ToValidUTF8(s, "\ufffd"))) // a Buffer takes everything
	return b.String()
}

func (x *Writer) begin() {
	if x.begun {
		return
	}
	x.begun = true
	at := x.o.At.UTC().Format("2006-01-02T15:04:05")
	x.buf.WriteString(`<?xml version="1.0" encoding="utf-8"?>
<ioc xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" id="` + Escape(x.o.ID) + `" last-modified="` + at + `" xmlns="http://schemas.mandiant.com/2010/ioc">
  <short_description>Filtered indicator list</short_description>
  <description>Filtered indicator list</description>
  <keywords />
  <authored_by>` + Escape(x.o.Author) + `</authored_by>
  <authored_date>` + at + `</authored_date>
  <links />
  <definition>
    <Indicator operator="OR" id="` + Escape(x.o.ID) + `">
`)
}

// term is where OpenIOC looks for a part.
type term struct{ document, search, content string }

var hashes = map[string]term{
	"md5": {"FileItem", "FileItem/Md5sum", "md5"}, "sha1": {"FileItem", "FileItem/Sha1sum", "sha1"}, "sha256": {"FileItem", "FileItem/Sha256sum", "sha256"},
}

func termOf(p indicator.Part) (term, bool) {
	switch p.Kind {
	case indicator.IP, indicator.Network:
		if p.Side == indicator.Destination {
			return term{"RouteEntryItem", "RouteEntryItem/Destination", "IP"}, true
		}
		return term{"PortItem", "PortItem/remoteIP", "IP"}, true
	case indicator.Domain:
		return term{"Network", "Network/DNS", "string"}, true
	case indicator.URL:
		return term{"UrlHistoryItem", "UrlHistoryItem/URL", "string"}, true
	case indicator.Email:
		if p.Side == indicator.Destination {
			return term{"Email", "Email/To", "string"}, true
		}
		return term{"Email", "Email/From", "string"}, true
	case indicator.Subject:
		return term{"Email", "Email/Subject", "string"}, true
	case indicator.Attachment:
		return term{"Email", "Email/Attachment/Name", "string"}, true
	case indicator.UserAgent:
		return term{"Network", "Network/UserAgent", "string"}, true
	case indicator.Filename:
		return term{"FileItem", "FileItem/FileName", "string"}, true
	case indicator.Mutex:
		return term{"ProcessItem", "ProcessItem/HandleList/Handle/Name", "string"}, true
	case indicator.Pipe:
		return term{"ProcessItem", "ProcessItem/HandleList/Handle/Name", "string"}, true
	case indicator.Registry:
		return term{"RegistryItem", "RegistryItem/KeyPath", "string"}, true
	case indicator.Service:
		return term{"ServiceItem", "ServiceItem/name", "string"}, true
	case indicator.Hash:
		t, ok := hashes[p.Sub]
		return t, ok
	}
	return term{}, false
}

// Add writes the item; a composite as the AND of its halves.
func (x *Writer) Add(it *indicator.Item) error {
	x.begin()
	var parts []indicator.Part
	for _, p := range it.Parts() {
		if _, ok := termOf(p); ok {
			parts = append(parts, p)
		}
	}
	in := "      "
	if len(parts) > 1 {
		x.buf.WriteString(in + `<Indicator operator="AND" id="` + Escape(it.UUID) + "\">\n")
		in += "  "
	}
	for _, p := range parts {
		t, _ := termOf(p)
		x.buf.WriteString(in + `<IndicatorItem id="` + Escape(it.UUID) + "\" condition=\"is\">\n" +
			in + `  <Context document="` + t.document + `" search="` + t.search + "\" type=\"mir\" />\n" +
			in + `  <Content type="` + t.content + `">` + Escape(p.Value) + "</Content>\n" + in + "</IndicatorItem>\n")
	}
	if len(parts) > 1 {
		x.buf.WriteString("      </Indicator>\n")
	}
	return x.flush()
}

// Close ends the document.
func (x *Writer) Close() error {
	x.begin()
	x.buf.WriteString("    </Indicator>\n  </definition>\n</ioc>\n")
	return x.flush()
}

func (x *Writer) flush() error { _, err := x.buf.WriteTo(x.w); return err }
