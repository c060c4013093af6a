package stix

import (
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
)

// binarySpots are the properties of windows-pebinary-ext and of its sections.
var binarySpots = map[string]spot{
	"imphash": {"pe", "imphash", "imphash"}, "pe_type": {"pe", "type", "text"}, "machine_hex": {"pe", "machine-type-hex", "hex"}, "number_of_sections": {"pe", "number-sections", "counter"},
	"time_date_stamp": {"pe", "compilation-timestamp", "datetime"}, "pointer_to_symbol_table_hex": {"pe", "pointer-to-symbol-table", "hex"}, "number_of_symbols": {"pe", "number-of-symbols", "counter"},
	"size_of_optional_header": {"pe", "size-of-optional-header", "size-in-bytes"}, "characteristics_hex": {"pe", "characteristics-hex", "hex"}, "optional_header.address_of_entry_point": {"pe", "entrypoint-address", "text"},
	"sections[*].name": {"pe-section", "name", "text"}, "sections[*].size": {"pe-section", "size-in-bytes", "size-in-bytes"}, "sections[*].entropy": {"pe-section", "entropy", "float"},
}

// binarySpot finds the place of a path of an executable.
func binarySpot(path string) (spot, bool) {
	rest, ok := strings.CutPrefix(path, "extensions.windows-pebinary-ext.")
	if !ok {
		return spot{}, false
	}
	if at, ok := binarySpots[rest]; ok {
		return at, true
	}
	object := "pe"
	if inner, ok := strings.CutPrefix(rest, "sections[*]."); ok {
		object, rest = "pe-section", inner
	}
	if name, ok := strings.CutPrefix(rest, "hashes."); ok {
		at, ok := hashSpot("file", name)
		at.object = object
		return at, ok
	}
	if relation, ok := strings.CutPrefix(rest, "x_misp_"); ok && relation != "" && !strings.ContainsAny(relation, ".[") {
		return spot{object, strings.ReplaceAll(relation, "_", "-"), "text"}, true
	}
	return spot{}, false
}

// groupAt tells which section or value a path is of, from 1.
func groupAt(path string) int {
	for _, list := range []string{"extensions.windows-pebinary-ext.sections[", "extensions.'windows-pebinary-ext'.sections[", "values["} {
		if rest, ok := strings.CutPrefix(path, list); ok {
			digits, _, _ := strings.Cut(rest, "]")
			if n, err := strconv.Atoi(digits); err == nil && n >= 0 {
				return n + 1
			}
		}
	}
	return 0
}

// group is an object within another.
type group struct {
	name, word string
	parts      []part
	inner      []group
}

// split parts those of objects within from an object's own: the sections of an
// executable, an executable's own beside its file's, values where a key has several.
func split(name string, parts []part) (own []part, inner []group) {
	several := false
	for _, p := range parts {
		several = several || p.group > 1 && p.object == "registry-key"
	}
	at := func(list *[]group, name, word string, n int) *group {
		for len(*list) < n {
			*list = append(*list, group{name: name, word: word})
		}
		return &(*list)[n-1]
	}
	var pe, sections []group
	for _, p := range parts {
		switch {
		case p.group > 0 && p.group <= 1000 && p.object == "pe-section":
			g := at(&sections, "pe-section", "includes", p.group)
			g.parts = append(g.parts, p)
		case name == "file" && p.object == "pe":
			g := at(&pe, "pe", "includes", 1)
			g.parts = append(g.parts, p)
		case several && p.group > 0 && p.group <= 1000 && p.object == "registry-key" && name == "registry-key":
			g := at(&inner, "registry-key-value", "contains", p.group)
			g.parts = append(g.parts, p)
		default:
			own = append(own, p)
		}
	}
	sections = slices.DeleteFunc(sections, func(g group) bool { return len(g.parts) == 0 })
	if name == "file" && len(sections) > 0 {
		at(&pe, "pe", "includes", 1).inner = sections
	} else {
		inner = append(inner, sections...)
	}
	return own, append(inner, pe...)
}

// within adds an object that another one holds and returns its uuid.
func (r *reading) within(it *item, o obj, id string, g *group, want map[string]bool) string {
	id += " " + g.name + " " + strconv.Itoa(len(r.e.Object))
	x := misp.Object{UUID: misp.T(r.claim(uuid5(nsMISP, id), id)), Name: misp.T(g.name), MetaCategory: misp.T("file"), Timestamp: misp.N(r.when(o)), Distribution: misp.N(5), Comment: misp.T("")}
	tags, ids := r.tags(it, o, r.level), detects(it, o)
	for i, p := range fitted(g.name, g.parts) {
		def, _ := misp.DefaultOf(p.typ)
		wanted := ids
		if want != nil {
			wanted = want[p.value]
		}
		x.Attribute = append(x.Attribute, misp.Attribute{UUID: misp.T(r.claim(uuid5(nsMISP, id+" "+strconv.Itoa(i)), id+"/"+strconv.Itoa(i))), Type: misp.T(p.typ), ObjectRelation: misp.T(p.relation),
			Value: misp.T(p.value), Category: misp.T(cmpOr(def.Category, "Other")), ToIDS: misp.B(wanted && def.ToIDS), Timestamp: x.Timestamp, Distribution: misp.N(5), Comment: misp.T(""), Tag: tags})
	}
	at := len(r.e.Object)
	r.e.Object = append(r.e.Object, x)
	for i := range g.inner {
		u := r.within(it, o, id, &g.inner[i], want)
		r.e.Object[at].ObjectReference = append(r.e.Object[at].ObjectReference, misp.ObjectReference{UUID: misp.T(r.claim(uuid5(nsMISP, id+" holds "+u), id+" holds "+strconv.Itoa(i))),
			ReferencedUUID: misp.T(u), ReferencedType: misp.N(1), RelationshipType: misp.T(g.inner[i].word), Timestamp: x.Timestamp, Comment: misp.T(""), Deleted: misp.B(false)})
	}
	return x.UUID.V
}

// relations are those that a property of ours names, with their types: the property has
// lost the difference between - and _, and the type.
var relations = map[string]map[string]spot{
	"pe": {"original-filename": {relation: "original-filename", typ: "filename"}, "internal-filename": {relation: "internal-filename", typ: "filename"}, "compilation-timestamp": {relation: "compilation-timestamp", typ: "datetime"},
		"impfuzzy": {relation: "impfuzzy", typ: "impfuzzy"}, "pehash": {relation: "pehash", typ: "pehash"}, "authentihash": {relation: "authentihash", typ: "authentihash"}, "richpe": {relation: "richpe", typ: "md5"}, "pdb": {relation: "pdb", typ: "pdb"}},
	"pe-section": {"virtual-address": {relation: "virtual_address", typ: "hex"}, "virtual-size": {relation: "virtual_size", typ: "size-in-bytes"}, "offset": {relation: "offset", typ: "hex"}},
	"image":      {"url": {relation: "url", typ: "url"}, "link": {relation: "link", typ: "link"}, "archive": {relation: "archive", typ: "link"}, "filename": {relation: "filename", typ: "filename"}},
	"annotation": {"ref": {relation: "ref", typ: "link"}, "creation-date": {relation: "creation-date", typ: "datetime"}, "modification-date": {relation: "modification-date", typ: "datetime"}},
}

// fitted are the parts of an object as its template has them, without what only the STIX
// object around them needed: a file's name beside an executable's, a content's kind.
func fitted(object string, list []part) (out []part) {
	said := func(p part) bool {
		return slices.ContainsFunc(list, func(q part) bool {
			return q.value == p.value && q.object != p.object && (q.object == "pe" || q.typ == "attachment")
		})
	}
	for _, p := range list {
		beside := object == "pe" && p.object == "file" || object == "artifact" && p.object == "" && p.relation == "filename"
		if beside && said(p) || object == "image" && p.typ == "mime-type" {
			continue
		}
		out = append(out, named(object, p))
	}
	return distinctParts(out)
}

// named gives a part the relation and type that its template has.
func named(object string, p part) part {
	at, ok := relations[object][p.relation]
	if !ok || p.typ != "text" {
		return p
	}
	if v, fault := misp.Normalise(at.typ, p.value); fault == nil {
		p.relation, p.typ, p.value = at.relation, at.typ, v.Value
	}
	return p
}

// annotation makes an object of a note that says it is one.
func (r *reading) annotation(it *item, o obj) bool {
	if extension(it)["object"] != nil {
		return r.restored(it, o)
	}
	if o.labelled("name") != "annotation" || o.text("content") == "" {
		return false
	}
	list := []part{{relation: "text", typ: "text", value: o.text("content")}}
	used := []string{"content", "object_refs"}
	for key := range o {
		relation, ours := strings.CutPrefix(key, "x_misp_")
		relation = strings.ReplaceAll(relation, "_", "-")
		if !ours {
			continue
		}
		used = append(used, key)
		values := o.texts(key)
		if s := o.text(key); s != "" {
			values = []string{s}
		}
		for _, v := range values {
			list = append(list, part{relation: relation, typ: "text", value: v})
		}
		for _, d := range append(o.dicts(key), o.dict(key)) { // a file, as the field's converter writes it
			if d.text("value") != "" && d.text("data") != "" {
				list = append(list, part{relation: relation, typ: "attachment", value: d.text("value"), data: d.text("data")})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b part) int { return strings.Compare(a.relation, b.relation) })
	r.object(it, o, 0, "annotation", list, nil)
	x := &r.e.Object[len(r.e.Object)-1]
	for i, id := range o.texts("object_refs") {
		to := r.places[id]
		if u := r.uuidAt(to); u != "" {
			x.ObjectReference = append(x.ObjectReference, misp.ObjectReference{UUID: misp.T(r.claim(uuid5(nsMISP, it.id+" annotates "+u), it.id+" annotates "+strconv.Itoa(i))), ReferencedUUID: misp.T(u),
				ReferencedType: misp.N(map[byte]int64{'o': 1}[to.kind]), RelationshipType: misp.T("annotates"), Timestamp: x.Timestamp, Comment: misp.T(""), Deleted: misp.B(false)})
		}
	}
	r.unused(it, o, used...)
	return true
}
