package intelmisp

import (
	"crypto/md5"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"straza/internal/intel"
)

// lines writes attributes in one of the formats of lines.
type lines struct {
	s       *search
	columns []string
	object  *intel.Object // the last one looked up: attributes of one come together
	buf     []byte
}

var plainColumns = strings.Fields("uuid event_id category type value comment to_ids date object_relation attribute_tag object_uuid object_name object_meta_category")

var contextColumns = strings.Fields(`event_info event_member_org event_source_org event_distribution event_threat_level_id event_analysis
	event_date event_tag event_timestamp`)

func (s *search) lines() *lines {
	l := &lines{s: s, columns: plainColumns}
	if want := s.c.params.list("requested_attributes"); len(want) > 0 {
		l.columns = want
	} else if s.c.params.flag("includeContext", false) {
		l.columns = append(append([]string{}, plainColumns...), contextColumns...)
	}
	return l
}

func (l *lines) begin() error {
	if l.s.format == "hosts" {
		_, err := l.s.out.Write([]byte("# Blocklist in the HOSTS format\n# Generated: " + now(l.s.c).UTC().Format("2006-01-02 15:04:05 -0700") + "\n"))
		return err
	}
	if l.s.format != "csv" || l.s.c.params.flag("headerless", false) {
		return nil
	}
	head := make([]string, len(l.columns))
	for i, c := range l.columns {
		head[i] = strings.ReplaceAll(plainName(c), "-", "_")
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

func (l *lines) end() error {
	if l.s.format != "csv" {
		return nil
	}
	_, err := l.s.out.Write([]byte("\n"))
	return err
}

var hashTypes = set("md5 sha1 sha224 sha256 sha384 sha512 sha512/224 sha512/256 sha3-224 sha3-256 sha3-384 sha3-512")

func (l *lines) attribute(at *intel.Attribute) error {
	l.buf = l.buf[:0]
	switch l.s.format {
	case "text":
		l.buf = append(append(l.buf, at.Value...), '\n')
	case "hashes":
		name, hash, composite := strings.Cut(at.Value, "|")
		typ := at.Type
		if rest, ok := strings.CutPrefix(typ, "filename|"); ok && composite {
			typ, name = rest, hash
		}
		if !hashTypes[typ] {
			return nil
		}
		l.buf = append(append(l.buf, name...), '\n')
	case "hosts":
		if at.Type != "domain" && at.Type != "hostname" {
			return nil
		}
		l.buf = append(append(append(l.buf, "0.0.0.0 "...), at.Value...), '\n')
	case "netfilter":
		addr := addressOf(at)
		if addr == "" {
			return nil
		}
		l.buf = append(append(append(l.buf, "iptables -A INPUT -s "...), addr...), " -j DROP\n"...)
	case "cache":
		sum := md5.Sum([]byte(at.Value)) // MISP's own fingerprint of a value, whole
		l.buf = append(l.buf, hex.EncodeToString(sum[:])...)
		if l.s.c.params.flag("includeEventUuid", false) {
			l.buf = append(append(l.buf, ','), at.Event.UUID...)
		}
		l.buf = append(l.buf, '\n')
	case "csv":
		if err := l.csv(at); err != nil {
			return err
		}
	}
	_, err := l.s.out.Write(l.buf)
	return err
}

// addressOf gives an attribute's IPv4 address or network, "" if it has none. What
// does not read as one never reaches a firewall's script.
func addressOf(at *intel.Attribute) string {
	v := at.Value
	switch at.Type {
	case "ip-src", "ip-dst":
	case "ip-src|port", "ip-dst|port":
		v, _, _ = strings.Cut(v, "|")
	case "domain|ip":
		_, v, _ = strings.Cut(v, "|")
	default:
		return ""
	}
	if p, err := netip.ParsePrefix(v); err == nil && p.Addr().Is4() {
		return p.String()
	}
	if a, err := netip.ParseAddr(v); err == nil && a.Is4() {
		return a.String()
	}
	return ""
}

// csv writes one row: numbers bare, texts quoted, as MISP does.
func (l *lines) csv(at *intel.Attribute) error {
	if at.ObjectID != 0 && (l.object == nil || l.object.ID != at.ObjectID) {
		ob, err := l.s.a.Intel.Object(l.s.c.ctx(), l.s.c.who, itoa(at.ObjectID), intel.With)
		if err != nil {
			return err
		}
		l.object = &ob
	}
	for i, name := range l.columns {
		if i > 0 {
			l.buf = append(l.buf, ',')
		}
		v, number := l.cell(at, plainName(name))
		if number {
			l.buf = append(l.buf, v...)
			continue
		}
		l.buf = append(l.buf, '"')
		l.buf = append(l.buf, strings.ReplaceAll(v, `"`, `""`)...)
		l.buf = append(l.buf, '"')
	}
	l.buf = append(l.buf, '\n')
	return nil
}

func (l *lines) cell(at *intel.Attribute, name string) (v string, number bool) {
	switch name {
	case "uuid":
		return at.UUID, false
	case "id":
		return itoa(at.ID), true
	case "event_id":
		return itoa(at.EventID), true
	case "category":
		return at.Category, false
	case "type":
		return at.Type, false
	case "value":
		return at.Value, false
	case "comment":
		return at.Comment, false
	case "to_ids":
		return params{"": at.ToIDS}.digit(""), true
	case "date", "timestamp":
		return itoa(at.Timestamp), true
	case "object_relation":
		return at.Relation, false
	case "attribute_tag":
		return tagList(at.Tags), false
	case "first_seen", "last_seen":
		w := at.Wire()
		if name == "first_seen" {
			return w.FirstSeen.V, false
		}
		return w.LastSeen.V, false
	case "deleted":
		return params{"": at.Deleted}.digit(""), true
	case "distribution":
		return strconv.Itoa(int(at.Distribution)), true
	}
	if ob := l.object; at.ObjectID != 0 && strings.HasPrefix(name, "object_") {
		return map[string]string{"object_uuid": ob.UUID, "object_name": ob.Name, "object_meta_category": ob.MetaCategory}[name], false
	}
	return eventCell(at.Event, name)
}

func (p params) digit(key string) string {
	if p.flag(key, false) {
		return "1"
	}
	return "0"
}

var threats = []string{"", "High", "Medium", "Low", "Undefined"}

func eventCell(e *intel.Event, name string) (v string, number bool) {
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
		return tagList(e.Tags), false
	case "event_timestamp":
		return itoa(e.Timestamp), true
	}
	return "", false
}

func tagList(tags []intel.TagUse) string {
	var names []string
	for _, t := range tags {
		if t.Exportable {
			names = append(names, t.Name)
		}
	}
	return strings.Join(names, ",")
}
