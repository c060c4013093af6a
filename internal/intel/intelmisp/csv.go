package intelmisp

import (
	"strconv"
	"strings"

	"straza/internal/intel"
)

// rows writes attributes as MISP's CSV.
type rows struct {
	s       *search
	columns []string
	names   []string // the columns as cell knows them
	buf     []byte
	of      *intel.Event // whose cells are kept: attributes of one event come together
	kept    map[string]field
}

// field is one cell: numbers stand bare, texts in quotes.
type field struct {
	text   string
	number bool
}

var plainColumns = strings.Fields("uuid event_id category type value comment to_ids date object_relation attribute_tag object_uuid object_name object_meta_category")

var contextColumns = strings.Fields(`event_info event_member_org event_source_org event_distribution event_threat_level_id event_analysis
	event_date event_tag event_timestamp`)

func (s *search) csv() *rows {
	l := &rows{s: s, columns: plainColumns}
	if want := s.c.params.list("requested_attributes"); len(want) > 0 {
		l.columns = want
	} else if s.c.params.flag("includeContext", false) {
		l.columns = append(append([]string{}, plainColumns...), contextColumns...)
	}
	for _, c := range l.columns {
		l.names = append(l.names, plainName(c))
	}
	return l
}

func (l *rows) begin() error {
	if l.s.c.params.flag("headerless", false) {
		return nil
	}
	head := make([]string, len(l.names))
	for i, c := range l.names {
		head[i] = strings.ReplaceAll(c, "-", "_")
	}
	_, err := l.s.out.Write([]byte(strings.Join(head, ",") + "\n"))
	return err
}

// plainName keeps a column's name to what a column may be called: it is written
// into the answer as it came.
func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

func (l *rows) end() error {
	_, err := l.s.out.Write(append(l.buf, '\n'))
	return err
}

// gathered is how much is written at once.
const gathered = 8 << 10

// attribute writes one row: numbers bare, texts quoted, as MISP does.
func (l *rows) attribute(at *intel.Attribute) error {
	if l.of != at.Event {
		l.of, l.kept = at.Event, map[string]field{}
	}
	for i, name := range l.names {
		if i > 0 {
			l.buf = append(l.buf, ',')
		}
		l.cell(at, name)
	}
	if l.buf = append(l.buf, '\n'); len(l.buf) < gathered {
		return nil
	}
	_, err := l.s.out.Write(l.buf)
	l.buf = l.buf[:0]
	return err
}

func (l *rows) number(n int64) { l.buf = strconv.AppendInt(l.buf, n, 10) }

func (l *rows) text(s string) {
	l.buf = append(l.buf, '"')
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			break
		}
		l.buf = append(append(l.buf, s[:i]...), `""`...)
		s = s[i+1:]
	}
	l.buf = append(append(l.buf, s...), '"')
}

func digit(on bool) int64 {
	if on {
		return 1
	}
	return 0
}

func (l *rows) cell(at *intel.Attribute, name string) {
	switch name {
	case "uuid":
		l.text(at.UUID)
	case "id":
		l.number(at.ID)
	case "event_id":
		l.number(at.EventID)
	case "object_id":
		l.number(at.ObjectID)
	case "category":
		l.text(at.Category)
	case "type":
		l.text(at.Type)
	case "value":
		l.text(at.Value)
	case "comment":
		l.text(at.Comment)
	case "to_ids":
		l.number(digit(at.ToIDS))
	case "date", "timestamp":
		l.number(at.Timestamp)
	case "object_relation":
		l.text(at.Relation)
	case "attribute_tag":
		l.text(tagList(exported(at.Tags, l.s.show.noLocal)))
	case "first_seen":
		l.text(at.Wire().FirstSeen.V)
	case "last_seen":
		l.text(at.Wire().LastSeen.V)
	case "deleted":
		l.number(digit(at.Deleted))
	case "disable_correlation":
		l.number(digit(at.NoCorrelation))
	case "distribution":
		l.number(int64(at.Distribution))
	case "sharing_group_id":
		l.number(at.Group)
	case "object_uuid":
		l.text(at.ObjectUUID)
	case "object_name":
		l.text(at.ObjectName)
	case "object_meta_category", "object_meta-category":
		l.text(at.ObjectMeta)
	default:
		v, ok := l.kept[name]
		if !ok {
			v.text, v.number = eventCell(at.Event, name, l.s.show.noLocal)
			l.kept[name] = v
		}
		if v.number {
			l.buf = append(l.buf, v.text...)
		} else {
			l.text(v.text)
		}
	}
}

var threats = []string{"", "High", "Medium", "Low", "Undefined"}

func eventCell(e *intel.Event, name string, noLocal bool) (v string, number bool) {
	switch name {
	case "event_info":
		return e.Info, false
	case "event_uuid":
		return e.UUID, false
	case "event_member_org":
		return e.Owner.Name, false
	case "event_source_org":
		return e.Origin.Name, false
	case "event_distribution":
		return strconv.Itoa(int(e.Distribution)), true
	case "event_threat_level_id":
		return threats[e.Threat], false
	case "event_analysis":
		return strconv.Itoa(e.Analysis), true
	case "event_date":
		return e.Date, false
	case "event_tag":
		return tagList(exported(e.Tags, noLocal)), false
	case "event_timestamp":
		return itoa(e.Timestamp), true
	}
	return "", false
}

func tagList(tags []intel.TagUse) string {
	var names []string
	for _, t := range tags {
		names = append(names, t.Name)
	}
	return strings.Join(names, ",")
}
