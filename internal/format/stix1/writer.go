package stix1

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"
	"unicode"

	"straza/internal/format/indicator"
	"straza/internal/format/openioc"
)

// Options of a document.
type Options struct {
	JSON   bool
	ID     string // UUID of the package
	Org    string // that writes it; its letters and digits are the prefix of ids
	Origin string // the namespace behind the prefix
	At     time.Time
	Events bool // a package for each event; else one list of indicators
}

// Writer writes items as they come; those of an event are expected together.
type Writer struct {
	o      Options
	w      io.Writer
	buf    bytes.Buffer
	prefix string
	event  string // UUID of the event that is open
	last   indicator.Item
	begun  bool
	n, in  int // packages, indicators in the open one
}

// New returns a Writer on w.
func New(w io.Writer, o Options) *Writer {
	p := strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return -1
	}, o.Org)
	if p == "" || !unicode.IsLetter(rune(p[0])) {
		p = "Straza" + p
	}
	return &Writer{o: o, w: w, prefix: p}
}

func (x *Writer) id(what, uuid string) string { return x.prefix + ":" + what + "-" + uuid }

var esc = openioc.Escape

// js writes a value as JSON; it is made of texts, maps and lists only.
func js(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n")
}

func (x *Writer) begin() {
	if x.begun {
		return
	}
	x.begun = true
	title := "Export from " + x.o.Org + "'s MISP"
	if x.o.JSON {
		x.buf.WriteString(`{"id": ` + js(x.id("STIXPackage", x.o.ID)) + `, "version": "1.1.1", "stix_header": ` + jsonHeader(title) + `, "timestamp": ` +
			js(x.o.At.UTC().Format("2006-01-02T15:04:05.000000")))
		if x.o.Events {
			x.buf.WriteString(`, "related_packages": {"related_packages": [`)
		} else {
			x.buf.WriteString(`, "indicators": [`)
		}
		return
	}
	x.buf.WriteString("<stix:STIX_Package\n\txmlns:" + x.prefix + `="` + esc(x.o.Origin) + "\"\n")
	for _, ns := range namespaces {
		x.buf.WriteString("\txmlns:" + ns[0] + `="` + ns[1] + "\"\n")
	}
	x.buf.WriteString("\tid=\"" + x.id("STIXPackage", esc(x.o.ID)) + `" version="1.1.1" timestamp="` + x.o.At.UTC().Format(time.RFC3339) + "\">\n")
	x.buf.WriteString(xmlHeader(title))
	if x.o.Events {
		x.buf.WriteString("<stix:Related_Packages>\n")
	} else {
		x.buf.WriteString("<stix:Indicators>\n")
	}
}

func jsonHeader(title string) string {
	return `{"package_intent": [{"value": "Threat Report", "xsi:type": "stixVocabs:PackageIntentVocab-1.0"}], "title": ` + js(title) + `}`
}

func xmlHeader(title string) string {
	return `<stix:STIX_Header><stix:Title>` + esc(title) + `</stix:Title><stix:Package_Intent xsi:type="stixVocabs:PackageIntentVocab-1.0">Threat Report</stix:Package_Intent></stix:STIX_Header>` + "\n"
}

// namespaces are those of STIX 1.1.1, CybOX 2.1 and their vocabularies.
var namespaces = [][2]string{
	{"xsi", "http://www.w3.org/2001/XMLSchema-instance"},
	{"stix", "http://stix.mitre.org/stix-1"}, {"stixCommon", "http://stix.mitre.org/common-1"}, {"stixVocabs", "http://stix.mitre.org/default_vocabularies-1"},
	{"indicator", "http://stix.mitre.org/Indicator-2"}, {"incident", "http://stix.mitre.org/Incident-1"},
	{"marking", "http://data-marking.mitre.org/Marking-1"}, {"tlpMarking", "http://data-marking.mitre.org/extensions/MarkingStructure#TLP-1"},
	{"cybox", "http://cybox.mitre.org/cybox-2"}, {"cyboxCommon", "http://cybox.mitre.org/common-2"}, {"cyboxVocabs", "http://cybox.mitre.org/default_vocabularies-2"},
	{"AddressObj", "http://cybox.mitre.org/objects#AddressObject-2"}, {"DomainNameObj", "http://cybox.mitre.org/objects#DomainNameObject-1"},
	{"HostnameObj", "http://cybox.mitre.org/objects#HostnameObject-1"}, {"URIObj", "http://cybox.mitre.org/objects#URIObject-2"},
	{"FileObj", "http://cybox.mitre.org/objects#FileObject-2"}, {"EmailMessageObj", "http://cybox.mitre.org/objects#EmailMessageObject-2"},
	{"MutexObj", "http://cybox.mitre.org/objects#MutexObject-2"}, {"WinRegistryKeyObj", "http://cybox.mitre.org/objects#WinRegistryKeyObject-2"},
	{"CustomObj", "http://cybox.mitre.org/objects#CustomObject-1"},
}

// Add writes the item as an indicator, in its event's package when events are asked for.
func (x *Writer) Add(it *indicator.Item) error {
	x.begin()
	if x.o.Events && it.EventUUID != x.event {
		x.closeEvent()
		x.event = it.EventUUID
		x.openEvent(it)
	}
	x.last = *it
	if x.in++; x.in > 1 && x.o.JSON {
		x.buf.WriteString(", ")
	}
	x.indicator(it)
	return x.flush()
}

func (x *Writer) openEvent(it *indicator.Item) {
	if x.n++; x.n > 1 && x.o.JSON {
		x.buf.WriteString(", ")
	}
	x.in = 0
	title := "Export from " + it.Org + "'s MISP"
	if x.o.JSON {
		x.buf.WriteString(`{"package": {"id": ` + js(x.id("STIXPackage", it.EventUUID)) + `, "version": "1.1.1", "stix_header": ` + jsonHeader(title) +
			`, "incidents": [{"id": ` + js(x.id("Incident", it.EventUUID)) + `, "title": ` + js(it.Info) + `, "timestamp": ` + js(stamp(it.Timestamp)) +
			`, "related_indicators": {"indicators": [`)
		return
	}
	x.buf.WriteString("<stix:Related_Package><stix:Package id=\"" + x.id("STIXPackage", esc(it.EventUUID)) + "\" version=\"1.1.1\">\n" + xmlHeader(title) +
		"<stix:Incidents><stix:Incident id=\"" + x.id("Incident", esc(it.EventUUID)) + `" timestamp="` + stamp(it.Timestamp) + `" xsi:type="incident:IncidentType"><incident:Title>` +
		esc(it.Info) + "</incident:Title>\n<incident:Related_Indicators>\n")
}

func (x *Writer) closeEvent() {
	if x.event == "" {
		return
	}
	it := &x.last
	history := []string{"Event Threat Level: " + []string{"Undefined", "High", "Medium", "Low", "Undefined"}[min(max(it.Threat, 0), 4)]}
	for _, t := range it.Tags {
		if !strings.HasPrefix(strings.ToLower(t), "tlp:") {
			history = append(history, "MISP Tag: "+t)
		}
	}
	colour := map[string]string{"CLEAR": "WHITE", "GREEN": "GREEN", "AMBER": "AMBER", "AMBER+STRICT": "AMBER", "RED": "RED"}[strings.ToUpper(it.TLP)]
	if x.o.JSON {
		var items []any
		for _, h := range history {
			items = append(items, map[string]any{"journal_entry": map[string]string{"value": h, "time_precision": "second"}})
		}
		x.buf.WriteString(`]}, "history": {"history_items": ` + js(items) + `}, "information_source": {"identity": {"name": ` + js(it.Org) + `}}`)
		if colour != "" {
			x.buf.WriteString(`, "handling": [{"marking_structures": [{"color": "` + colour + `", "xsi:type": "tlpMarking:TLPMarkingStructureType"}]}]`)
		}
		x.buf.WriteString(`}]}}`)
		return
	}
	x.buf.WriteString("</incident:Related_Indicators>\n<incident:History>")
	for _, h := range history {
		x.buf.WriteString(`<incident:History_Item><incident:Journal_Entry time_precision="second">` + esc(h) + `</incident:Journal_Entry></incident:History_Item>`)
	}
	x.buf.WriteString("</incident:History>\n<incident:Information_Source><stixCommon:Identity><stixCommon:Name>" + esc(it.Org) + "</stixCommon:Name></stixCommon:Identity></incident:Information_Source>\n")
	if colour != "" {
		x.buf.WriteString(`<incident:Handling><marking:Marking><marking:Marking_Structure xsi:type="tlpMarking:TLPMarkingStructureType" color="` + colour + `"/></marking:Marking></incident:Handling>` + "\n")
	}
	x.buf.WriteString("</stix:Incident></stix:Incidents></stix:Package></stix:Related_Package>\n")
}

// Close ends the document.
func (x *Writer) Close() error {
	x.begin()
	x.closeEvent()
	switch {
	case x.o.JSON && x.o.Events:
		x.buf.WriteString("]}}")
	case x.o.JSON:
		x.buf.WriteString("]}")
	case x.o.Events:
		x.buf.WriteString("</stix:Related_Packages>\n</stix:STIX_Package>\n")
	default:
		x.buf.WriteString("</stix:Indicators>\n</stix:STIX_Package>\n")
	}
	return x.flush()
}

func (x *Writer) flush() error { _, err := x.buf.WriteTo(x.w); return err }

func stamp(sec int64) string { return time.Unix(sec, 0).UTC().Format("2006-01-02T15:04:05+00:00") }
