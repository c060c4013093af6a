package stix

import (
	"strconv"
	"strings"

	"straza/internal/format/misp"
)

// attribute adds an attribute that stands for a STIX object and returns its place.
func (r *reading) attribute(it *item, o obj, n int, typ, value string) int {
	id := it.id
	if n > 0 {
		id += " " + strconv.Itoa(n)
	}
	uuid := it.uuid()
	if n > 0 {
		uuid = uuid5(nsMISP, id)
	}
	def, _ := misp.DefaultOf(typ)
	a := misp.Attribute{UUID: misp.T(r.claim(uuid, id)), Type: misp.T(typ), Value: misp.T(value), Category: misp.T(category(typ, o, def.Category)),
		Comment: misp.T(r.remark(it, o, value)), Timestamp: misp.N(r.when(o)), Distribution: misp.N(5), ToIDS: misp.B(detects(it, o)), DisableCorrelation: misp.B(false)}
	if !usable(it.uuid()) && n == 0 {
		a.Comment = misp.T(strings.TrimSpace(a.Comment.V + " - Original UUID was: " + it.uuid()))
	}
	r.seen(o, &a.FirstSeen, &a.LastSeen)
	a.Tag = r.tags(it, o, r.level)
	r.e.Attribute = append(r.e.Attribute, a)
	at := len(r.e.Attribute) - 1
	if n == 0 {
		r.places[it.id] = place{kind: 'a', at: at}
	}
	return at
}

func (r *reading) when(o obj) int64 {
	for _, s := range []string{o.text("modified"), o.text("created"), r.made} {
		if t, ok := unixOf(s); ok && t.Unix() >= 0 {
			return t.Unix()
		}
	}
	return r.e.Timestamp.Or(0)
}

// detects tells whether something is meant for detection: indicators are unless
// revoked, the rest only when a label says so.
func detects(it *item, o obj) bool {
	if l := o.labelled("to_ids"); l != "" {
		return strings.EqualFold(l, "true")
	}
	return it.typ == "indicator" && !o.yes("revoked")
}

func category(typ string, o obj, def string) string {
	for _, c := range []string{o.labelled("category"), o.text("x_misp_category")} {
		if misp.Allows(c, typ) {
			return c
		}
	}
	for _, p := range o.dicts("kill_chain_phases") {
		if c := p.text("phase_name"); p.text("kill_chain_name") == "misp-category" && misp.Allows(c, typ) {
			return c
		}
	}
	return cmpOr(def, "Other")
}

// remark is the description, with the name before it when that says more than
// the value.
func (r *reading) remark(it *item, o obj, value string) string {
	name, text := o.text("name"), o.text("description")
	if r.opt.NoNames || it.typ != "indicator" || name == "" || name == value || name == short(value) || o.labelled("type") != "" || o.labelled("name") != "" || strings.Contains(text, name) {
		return text
	}
	if text == "" {
		return name
	}
	return name + ": " + text
}

// seen reads first and last seen, of which the exporter makes valid_from and the
// like; what only repeats the object's own time is none.
func (r *reading) seen(o obj, first, last *misp.Text) {
	from := cmpOr(o.text("first_observed"), o.text("valid_from"))
	to := cmpOr(o.text("last_observed"), o.text("valid_until"))
	made, _ := unixOf(o.text("created"))
	mod, _ := unixOf(o.text("modified"))
	f, ok := unixOf(from)
	if ok && !f.Equal(made) && !f.Equal(mod) {
		*first = misp.T(misp.FormatSeen(f))
	}
	if l, ok2 := unixOf(to); ok2 && !l.Before(f) && (first.Given() || !l.Equal(f)) {
		*last = misp.T(misp.FormatSeen(l))
		if !first.Given() && ok {
			*first = misp.T(misp.FormatSeen(f))
		}
	}
}

// object adds an object made of parts.
func (r *reading) object(it *item, o obj, n int, name string, parts []part, want map[string]bool) {
	id, uuid := it.id, it.uuid()
	if n > 0 {
		id += " " + strconv.Itoa(n)
		uuid = uuid5(nsMISP, id)
	}
	x := misp.Object{UUID: misp.T(r.claim(uuid, id)), Name: misp.T(name), MetaCategory: misp.T(cmpOr(o.labelled("meta-category"), cmpOr(objectOf[name], "misc"))),
		Timestamp: misp.N(r.when(o)), Distribution: misp.N(5), Comment: misp.T(r.remark(it, o, ""))}
	r.seen(o, &x.FirstSeen, &x.LastSeen)
	tags := r.tags(it, o, r.level)
	parts, inner := split(name, parts)
	for i, p := range fitted(name, parts) {
		def, _ := misp.DefaultOf(p.typ)
		ids := detects(it, o)
		if want != nil {
			ids = want[p.value]
		}
		a := misp.Attribute{UUID: misp.T(r.claim(uuid5(nsMISP, id+" "+strconv.Itoa(i)+" "+p.value), id+"/"+strconv.Itoa(i))), Type: misp.T(p.typ), ObjectRelation: misp.T(p.relation),
			Value: misp.T(p.value), Category: misp.T(cmpOr(def.Category, "Other")), ToIDS: misp.B(ids && def.ToIDS), Timestamp: x.Timestamp, Distribution: misp.N(5), Comment: misp.T("")}
		if p.data != "" {
			a.Data = misp.T(p.data)
		}
		a.Tag = tags
		x.Attribute = append(x.Attribute, a)
	}
	place := place{kind: 'o', at: len(r.e.Object), more: len(inner)}
	r.e.Object = append(r.e.Object, x)
	if n == 0 {
		r.places[it.id] = place
	}
	for i := range inner {
		in := &r.e.Object[place.at].ObjectReference
		u := r.within(it, o, id, &inner[i], want)
		*in = append(*in, misp.ObjectReference{UUID: misp.T(r.claim(uuid5(nsMISP, id+" holds "+u), id+" holds "+strconv.Itoa(i))), ReferencedUUID: misp.T(u), ReferencedType: misp.N(1),
			RelationshipType: misp.T(inner[i].word), Timestamp: x.Timestamp, Comment: misp.T(""), Deleted: misp.B(false)})
	}
}

// phases tells of kill chains that are not our own categories.
func (r *reading) phases(it *item, o obj) {
	for _, p := range o.dicts("kill_chain_phases") {
		if p.text("kill_chain_name") != "misp-category" {
			r.b.left.note(it.typ+".kill_chain_phases", whyProperty, it.id)
		}
	}
}

func (r *reading) customAttribute(it *item, o obj) bool {
	if r.restored(it, o) {
		return true
	}
	typ := o.text("x_misp_type")
	v, fault := misp.Normalise(typ, o.text("x_misp_value"))
	if _, ok := misp.DefaultOf(typ); !ok || fault != nil {
		return false
	}
	at := r.attribute(it, o, 0, typ, v.Value)
	a := &r.e.Attribute[at]
	a.Comment, a.Data = misp.T(cmpOr(o.text("x_misp_comment"), a.Comment.V)), misp.T(o.text("x_misp_data"))
	if a.Data.V == "" {
		a.Data = misp.Text{}
	}
	r.unused(it, o, "x_misp_type", "x_misp_category", "x_misp_value", "x_misp_comment", "x_misp_data", "x_misp_first_seen", "x_misp_last_seen")
	return true
}

func (r *reading) customObject(it *item, o obj) bool {
	if r.restored(it, o) {
		return true
	}
	list := o.dicts("x_misp_attributes")
	if o.text("x_misp_name") == "" || len(list) == 0 {
		return false
	}
	var parts []part
	want := map[string]bool{}
	for _, a := range list {
		v, fault := misp.Normalise(a.text("type"), a.text("value"))
		if _, ok := misp.DefaultOf(a.text("type")); !ok || fault != nil {
			return false
		}
		parts = append(parts, part{relation: cmpOr(a.text("object_relation"), a.text("type")), typ: a.text("type"), value: v.Value, data: a.text("data")})
		if a.yes("to_ids") {
			want[v.Value] = true
		}
	}
	r.object(it, o, 0, short(o.text("x_misp_name")), parts, want)
	x := &r.e.Object[len(r.e.Object)-1]
	x.MetaCategory, x.Comment = misp.T(cmpOr(o.text("x_misp_meta_category"), "misc")), misp.T(o.text("x_misp_comment"))
	r.unused(it, o, "x_misp_name", "x_misp_meta_category", "x_misp_comment", "x_misp_attributes")
	return true
}

// named makes an attribute of a vulnerability or campaign that is no cluster.
func (r *reading) named(it *item, o obj) bool {
	if extension(it)["cluster"] != nil || o.labelled("galaxy-type") != "" {
		return false
	}
	if r.restored(it, o) {
		return true
	}
	typ, value := "campaign-name", o.text("name")
	if it.typ == "vulnerability" {
		typ = "vulnerability"
		for _, ref := range o.dicts("external_references") {
			if ref.text("source_name") == "cve" && ref.text("external_id") != "" {
				value = ref.text("external_id")
			}
		}
	}
	v, fault := misp.Normalise(typ, value)
	if fault != nil {
		return false
	}
	r.attribute(it, o, 0, typ, v.Value)
	r.unused(it, o, "name", "description", "external_references")
	return true
}
