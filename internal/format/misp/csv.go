package misp

import (
	"io"
	"strconv"
	"strings"
)

// Columns of MISP's CSV: those of every export, and those that includeContext adds.
var (
	csvColumns = []string{"uuid", "event_id", "category", "type", "value", "comment", "to_ids", "date", "object_relation",
		"attribute_tag", "object_uuid", "object_name", "object_meta_category"}
	csvContext = []string{"event_info", "event_member_org", "event_source_org", "event_distribution",
		"event_threat_level_id", "event_analysis", "event_date", "event_tag", "event_timestamp"}
)

// CSVOptions choose the columns.
type CSVOptions struct {
	Requested  []string // nil: the usual ones; dashes are read as underscores
	Context    bool     // add the event's
	Headerless bool
}

// CSVWriter writes attributes as MISP's CSV: numbers bare, every text quoted, one
// more line end at the end. A text that a spreadsheet would run as a formula is
// left as it is: clients compare values letter by letter.
type CSVWriter struct {
	w       io.Writer
	columns []string
	header  bool
	buf     []byte
}

// NewCSVWriter returns a CSVWriter on w.
func NewCSVWriter(w io.Writer, o CSVOptions) *CSVWriter {
	c := &CSVWriter{w: w, header: !o.Headerless}
	for _, name := range o.Requested {
		c.columns = append(c.columns, strings.ReplaceAll(name, "-", "_"))
	}
	if o.Requested == nil {
		c.columns = append(c.columns, csvColumns...)
	}
	if o.Context {
		c.columns = append(c.columns, csvContext...)
	}
	return c
}

// Attribute writes one line. o is the object it stands in and e its event; both
// may be nil.
func (c *CSVWriter) Attribute(a *Attribute, o *Object, e *Event) error {
	c.start()
	for i, name := range c.columns {
		if i > 0 {
			c.buf = append(c.buf, ',')
		}
		c.cell(name, a, o, e)
	}
	c.buf = append(c.buf, '\n')
	return c.flush(32 << 10)
}

// Close writes what is left; without any line the header stands alone.
func (c *CSVWriter) Close() error {
	c.start()
	c.buf = append(c.buf, '\n')
	return c.flush(0)
}

func (c *CSVWriter) start() {
	if c.header {
		c.header = false
		c.buf = append(append(c.buf, strings.Join(c.columns, ",")...), '\n')
	}
}

func (c *CSVWriter) flush(limit int) error {
	if len(c.buf) <= limit {
		return nil
	}
	_, err := c.w.Write(c.buf)
	c.buf = c.buf[:0]
	return err
}

func (c *CSVWriter) cell(name string, a *Attribute, o *Object, e *Event) {
	if strings.HasPrefix(name, "event_") && name != "event_id" && name != "event_uuid" {
		c.eventCell(name, e)
		return
	}
	if strings.HasPrefix(name, "object_") && name != "object_relation" && name != "object_id" {
		c.objectCell(name, o)
		return
	}
	switch name {
	case "date":
		c.value(&a.Timestamp)
	case "attribute_tag":
		c.text(tagList(a.Tag))
	case "event_uuid":
		if e != nil && !a.EventUUID.Given() {
			c.value(&e.UUID)
			return
		}
		c.value(&a.EventUUID)
	default:
		c.value(a.field(name))
	}
}

func (c *CSVWriter) objectCell(name string, o *Object) {
	if o == nil {
		c.text("")
		return
	}
	name = strings.TrimPrefix(name, "object_")
	if name == "meta_category" {
		name = "meta-category"
	}
	c.value(o.field(name))
}

func (c *CSVWriter) eventCell(name string, e *Event) {
	if e == nil {
		c.text("")
		return
	}
	switch name {
	case "event_member_org":
		c.text(orgName(e.Org))
	case "event_source_org":
		c.text(orgName(e.Orgc))
	case "event_threat_level_id":
		c.text(ThreatLevel(e.ThreatLevelID.V))
	case "event_tag":
		c.text(tagList(e.Tag))
	default:
		c.value(e.field(strings.TrimPrefix(name, "event_")))
	}
}

// ThreatLevel names the levels 1 to 4.
func ThreatLevel(id int64) string {
	names := []string{"", "High", "Medium", "Low", "Undefined"}
	if id < 1 || id > 4 {
		return ""
	}
	return names[id]
}

func orgName(o *Org) string {
	if o == nil {
		return ""
	}
	return o.Name.V
}

func tagList(tags []Tag) string {
	names := make([]string, len(tags))
	for i := range tags {
		names[i] = tags[i].Name.V
	}
	return strings.Join(names, ",")
}

// value writes a scalar; what is no scalar, absent or unknown is an empty text.
func (c *CSVWriter) value(n node) {
	switch n := n.(type) {
	case *Int:
		if n.Given() {
			c.buf = strconv.AppendInt(c.buf, n.V, 10)
			return
		}
		c.text(n.Bad)
	case *Flag:
		c.buf = append(c.buf, map[bool]byte{true: '1', false: '0'}[n.V])
	case *Text:
		c.text(n.V)
	default:
		c.text("")
	}
}

func (c *CSVWriter) text(s string) {
	c.buf = append(append(append(c.buf, '"'), strings.ReplaceAll(s, `"`, `""`)...), '"')
}
