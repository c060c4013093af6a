package stix

import (
	"slices"
	"strings"

	"straza/internal/format/misp"
)

// indicator makes attributes or an object of an indicator.
func (r *reading) indicator(it *item, o obj) bool {
	seen := "observed-data--" + it.uuid()
	if r.restored(it, o) {
		return true
	}
	defer r.unused(it, o, "name", "description", "pattern", "pattern_type", "pattern_version", "valid_from", "valid_until", "kill_chain_phases")
	if _, beside := r.b.byID[seen]; beside && o.labelled("name") != "" {
		r.based[it.uuid()] = true // the observed data tells more; it reads the pattern too
		r.places[it.id] = place{}
		return true
	}
	r.phases(it, o)
	text := o.text("pattern")
	switch kind := cmpOr(o.text("pattern_type"), "stix"); {
	case text == "":
		return false
	case kind != "stix":
		if _, ok := misp.DefaultOf(kind); !ok || !slices.Contains([]string{"yara", "sigma", "snort", "suricata", "zeek", "bro"}, kind) {
			return false
		}
		r.attribute(it, o, 0, kind, text)
		return true
	}
	if p, err := ParsePattern(text); err == nil {
		if list, ok := p.alternatives(); ok && r.patterned(it, o, list) {
			return true
		}
	}
	r.attribute(it, o, 0, "stix2-pattern", text)
	return true
}

// patterned makes one attribute or object of each alternative; nothing unless all
// of them can be said.
func (r *reading) patterned(it *item, o obj, list [][]comparison) bool {
	things := make([][]part, 0, len(list))
	for _, tests := range list {
		var parts []part
		for _, c := range tests {
			p, known := partOf(c.typ, c.path, c.values[0])
			if !known {
				return false
			}
			if p.typ != "" {
				parts = append(parts, p)
			}
		}
		if _, _, ok := lone(parts); !ok && (len(parts) == 0 || together(parts) == "") {
			return false
		}
		things = append(things, parts)
	}
	for i, parts := range things {
		r.thing(it, o, i, parts, nil)
	}
	return len(things) > 0
}

// thing makes an attribute or an object of parts; n counts within the same STIX
// object. seen tells which values are meant for detection, nil = all.
func (r *reading) thing(it *item, o obj, n int, parts []part, seen map[string]bool) bool {
	name, kind := o.labelled("name"), o.labelled("type")
	if kind != "" {
		if typ, value, ok := said(kind, parts); ok {
			return r.attributeOf(it, o, n, typ, value, parts)
		}
	}
	if name == "" {
		if typ, value, ok := lone(distinctParts(parts)); ok {
			return r.attributeOf(it, o, n, typ, value, parts)
		}
		if name = together(parts); name == "" {
			return false
		}
	}
	r.object(it, o, n, name, parts, seen)
	return true
}

func (r *reading) attributeOf(it *item, o obj, n int, typ, value string, parts []part) bool {
	at := r.attribute(it, o, n, typ, value)
	if len(parts) == 1 && parts[0].typ == typ { // as the field's converter leaves it
		r.e.Attribute[at].ObjectRelation = misp.T(parts[0].relation)
	}
	for _, p := range parts {
		if p.data != "" && (typ == "attachment" || typ == "malware-sample") {
			r.e.Attribute[at].Data = misp.T(p.data)
		}
	}
	return true
}

func distinctParts(parts []part) (out []part) {
	for _, p := range parts {
		if !slices.ContainsFunc(out, func(q part) bool { return q.typ == p.typ && q.value == p.value && q.group == p.group }) {
			out = append(out, p)
		}
	}
	return out
}

// said gives the value of the type that a label names.
func said(typ string, parts []part) (string, string, bool) {
	if _, ok := misp.DefaultOf(typ); !ok {
		return "", "", false
	}
	var values []string
	for _, p := range parts {
		if !slices.Contains(values, p.value) {
			values = append(values, p.value)
		}
	}
	value := ""
	switch {
	case len(values) == 0:
		return "", "", false
	case typ == "malware-sample" || misp.Composite(typ):
		first, second, _ := strings.Cut(strings.Replace(typ, "malware-sample", "filename|md5", 1), "|")
		a, b := half(first, parts), half(second, parts)
		if value = a + "|" + b; a == "" || b == "" {
			return "", "", false
		}
	case len(values) > 1:
		if value = half(typ, parts); value == "" {
			return "", "", false
		}
	default:
		value = values[0]
	}
	v, fault := misp.Normalise(typ, value)
	return typ, v.Value, fault == nil
}

// half finds the value for one half of a type.
func half(typ string, parts []part) string {
	for _, p := range parts {
		switch {
		case p.typ == typ, typ == "ip" && strings.HasPrefix(p.typ, "ip-"), typ == "value" && p.relation == "data", strings.HasPrefix(typ, "ip-") && strings.HasPrefix(p.typ, "ip-"),
			typ == "hostname" && p.typ == "domain", typ == "domain" && p.typ == "hostname":
			return p.value
		}
	}
	return ""
}
