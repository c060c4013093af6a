// Package detect is the table of what detection content can be made: a name, how it
// is served, what goes into it, and its encoder. The MISP surface, the command line
// and the pages all take their formats from here.
package detect

import (
	"io"
	"time"

	"straza/internal/format/blocklist"
	"straza/internal/format/indicator"
	"straza/internal/format/nids"
	"straza/internal/format/openioc"
	"straza/internal/format/rpz"
	"straza/internal/format/sensor"
	"straza/internal/format/stix1"
	"straza/internal/format/yara"
)

// Writer takes items and writes them. Close ends the document; it is called once,
// also when there was no item.
type Writer interface {
	Add(it *indicator.Item) error
	Close() error
}

// Head is what a document says about itself.
type Head struct {
	ID     string // UUID of the document
	Org    string // whose installation it comes from
	Author string // organisation of who asked; "" Org
	UUID   string // of the installation
	Origin string // its public address, without a closing slash
	At     time.Time
	Events bool                     // what of an event comes together is one thing where the format knows such
	Whole  bool                     // what MISP leaves out of a list although it belongs there goes in
	Param  func(name string) string // settings of the format; nil = none
}

func (h Head) param(name string) string {
	if h.Param == nil {
		return ""
	}
	return h.Param(name)
}

// Format is one row of the table.
type Format struct {
	Name  string
	Media string // media type
	Ext   string // of a file
	// Strict formats go into sensors: only attributes for detection, of published
	// events, whatever was asked for.
	Strict bool
	// Ours are not MISP's: they are offered by the command line and the pages.
	Ours bool
	// Blocks formats stop what stands in them, which the adversary may notice.
	Blocks  bool
	make    func(io.Writer, Head) (Writer, error)
	Comment string // what a line that is none of the content begins with; "" there is none
}

// New opens a document.
func (f Format) New(w io.Writer, h Head) (Writer, error) { return f.make(w, h) }

// Find gives a format by its name.
func Find(name string) (Format, bool) {
	for _, f := range formats {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// Formats lists all, in the order in which they are offered.
func Formats() []Format { return append([]Format{}, formats...) }

const (
	text = "text/plain"
	json = "application/json"
	xml  = "application/xml"
)

var formats = []Format{
	{Name: "suricata", Comment: "# ", Media: text, Ext: "rules", Strict: true, make: rules(nids.Suricata)},
	{Name: "snort", Comment: "# ", Media: text, Ext: "rules", Strict: true, make: rules(nids.Snort)},
	{Name: "yara", Comment: "// ", Media: text, Ext: "yar", make: yaraRules(false)},
	{Name: "yara-json", Media: json, Ext: "json", make: yaraRules(true)},
	{Name: "sigma", Comment: "# ", Media: "application/yaml", Ext: "yml", Strict: true, Ours: true, make: func(w io.Writer, _ Head) (Writer, error) { return sensor.NewSigma(w), nil }},
	{Name: "zeek", Comment: "# ", Media: text, Ext: "intel", Strict: true, Ours: true, make: func(w io.Writer, h Head) (Writer, error) { return sensor.NewZeek(w, h.Org, h.Origin), nil }},
	{Name: "kunai", Media: json, Ext: "json", Strict: true, make: func(w io.Writer, h Head) (Writer, error) {
		return sensor.NewKunai(w, "["+h.Org+" MISP] "+h.UUID), nil
	}},
	{Name: "rpz", Blocks: true, Comment: "; ", Media: text, Ext: "zone", Strict: true, make: zone},
	{Name: "hosts", Blocks: true, Comment: "# ", Media: text, Ext: "hosts", make: list(blocklist.Hosts)},
	{Name: "netfilter", Blocks: true, Comment: "# ", Media: text, Ext: "sh", make: list(blocklist.Netfilter)},
	{Name: "hashes", Media: text, Ext: "txt", Strict: true, make: list(blocklist.Hashes)},
	{Name: "text", Media: text, Ext: "txt", Strict: true, make: list(blocklist.Text)},
	{Name: "cache", Media: text, Ext: "txt", make: list(blocklist.Cache)},
	{Name: "openioc", Media: xml, Ext: "ioc", Strict: true, make: func(w io.Writer, h Head) (Writer, error) {
		if h.Author == "" {
			h.Author = h.Org
		}
		return openioc.New(w, openioc.Options{ID: h.ID, Author: h.Author, At: h.At}), nil
	}},
	{Name: "stix", Media: xml, Ext: "xml", make: stix(false)},
	{Name: "stix-json", Media: json, Ext: "json", make: stix(true)},
}

func rules(d nids.Dialect) func(io.Writer, Head) (Writer, error) {
	return func(w io.Writer, h Head) (Writer, error) {
		return nids.New(w, nids.Options{Dialect: d, Origin: h.Origin, Labels: h.Events}), nil
	}
}

func yaraRules(asJSON bool) func(io.Writer, Head) (Writer, error) {
	return func(w io.Writer, h Head) (Writer, error) {
		return yara.New(w, yara.Options{PerEvent: h.Events, JSON: asJSON}), nil
	}
}

func list(l blocklist.List) func(io.Writer, Head) (Writer, error) {
	return func(w io.Writer, h Head) (Writer, error) {
		return blocklist.New(w, blocklist.Options{List: l, At: h.At, Event: on(h.param("includeEventUuid")), Whole: h.Whole}), nil
	}
}

func on(s string) bool { return s != "" && s != "0" && s != "false" }

func zone(w io.Writer, h Head) (Writer, error) {
	x, err := rpz.New(w, rpz.Options{Policy: h.param("policy"), Garden: h.param("walled_garden"), NS: h.param("ns"), Mail: h.param("email"), Serial: h.param("serial"), At: h.At})
	if err != nil {
		return nil, err
	}
	return x, nil
}

func stix(asJSON bool) func(io.Writer, Head) (Writer, error) {
	return func(w io.Writer, h Head) (Writer, error) {
		return stix1.New(w, stix1.Options{JSON: asJSON, ID: h.ID, Org: h.Org, Origin: h.Origin, At: h.At, Events: h.Events}), nil
	}
}
