package stix

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
)

// observables of STIX 2.1 §6.
var observableTypes = []string{"artifact", "autonomous-system", "directory", "domain-name", "email-addr", "email-message", "file", "ipv4-addr", "ipv6-addr", "mac-addr",
	"mutex", "network-traffic", "process", "software", "url", "user-account", "windows-registry-key", "x509-certificate"}

func observable(it *item) bool { return slices.Contains(observableTypes, it.typ) }

// eachRef calls fn for the ids in properties that end in _ref and _refs.
func eachRef(o obj, deep int, fn func(id string)) {
	for key, v := range o {
		switch v := v.(type) {
		case string:
			if strings.HasSuffix(key, "_ref") {
				fn(v)
			}
		case []any:
			for _, e := range v {
				if id, ok := e.(string); ok && strings.HasSuffix(key, "_refs") {
					fn(id)
				} else if d, ok := e.(map[string]any); ok && deep < 4 {
					eachRef(d, deep+1, fn)
				}
			}
		}
	}
}

// useRefs marks what an object is made of as told, references of references too.
func (r *reading) useRefs(o obj, deep int) {
	eachRef(o, 0, func(id string) {
		if it := r.b.byID[id]; it != nil && observable(it) && !it.used && deep < 4 {
			it.used = true
			r.useRefs(decode(it), deep+1)
		}
	})
}

// restored puts in place what our extension says whole. It counts only when the
// object's own words agree: the id, and for an indicator the pattern, which others
// may have changed without knowing the extension.
func (r *reading) restored(it *item, o obj) bool {
	ext := extension(it)
	if raw := ext["attribute"]; raw != nil {
		a, ok := sole(misp.Read[misp.Attribute](bytes.NewReader(raw), within, "Attribute"))
		if ok && a.UUID.V == "" {
			a.UUID = misp.T(it.uuid())
		}
		if !ok || UUID(a.UUID.V, "") != it.uuid() || it.typ == "indicator" && patternOf(&a) != o.text("pattern") {
			r.b.left.note(it.typ, whyExtension, it.id)
			return false
		}
		if a.Data.V == "" {
			a.Data = r.payload(it, o, a.Data)
		}
		r.refine(&a, it)
		r.e.Attribute = append(r.e.Attribute, a)
		r.places[it.id] = place{'a', len(r.e.Attribute) - 1, true}
		return true
	}
	raw := ext["object"]
	if raw == nil {
		return false
	}
	x, ok := sole(misp.Read[misp.Object](bytes.NewReader(raw), within, "Object"))
	if ok && x.UUID.V == "" {
		x.UUID = misp.T(it.uuid())
	}
	if !ok || UUID(x.UUID.V, "") != it.uuid() || it.typ == "indicator" && objectPattern(&x) != o.text("pattern") {
		r.b.left.note(it.typ, whyExtension, it.id)
		return false
	}
	x.UUID = misp.T(r.claimWhole(x.UUID.V, it.id))
	if x.Distribution.Or(0) == 4 {
		x.Distribution = misp.N(0)
		r.b.left.note(it.typ, whyGroup, it.id)
	}
	for i := range x.Attribute {
		r.refine(&x.Attribute[i], it)
	}
	for _, ref := range x.ObjectReference {
		r.known[ref.UUID.V] = true
	}
	r.e.Object = append(r.e.Object, x)
	r.places[it.id] = place{'o', len(r.e.Object) - 1, true}
	return true
}

// refine finishes an attribute from our extension: its clusters stand elsewhere.
func (r *reading) refine(a *misp.Attribute, it *item) {
	id := it.id
	if a.UUID.V != it.uuid() {
		id += "/" + a.UUID.V
	}
	if a.UUID.V != "" { // MISP gives one to what has none
		a.UUID = misp.T(r.claimWhole(a.UUID.V, id))
	}
	if a.Distribution.Or(0) == 4 {
		a.Distribution = misp.N(0)
		r.b.left.note(it.typ, whyGroup, it.id)
	}
	a.Galaxy = r.fill(a.Galaxy)
}

// claimWhole is claim for a uuid of MISP's, which may be of any version.
func (r *reading) claimWhole(uuid, id string) string {
	u := strings.ToLower(uuid)
	if by, ok := r.uuids[u]; uuidShape(u) && (!ok || by == id) {
		r.uuids[u] = id
		return uuid
	}
	return r.claim(u, id)
}

// patternOf is the pattern that we make of an attribute.
func patternOf(a *misp.Attribute) string {
	v, fault := misp.Normalise(a.Type.Or("text"), a.Value.Or(""))
	if fault != nil {
		return ""
	}
	m, _ := mapAttribute(a.Type.Or("text"), v, a.Data.Or(""))
	return m.pattern
}

func objectPattern(x *misp.Object) string {
	p := partsOf(x)
	if fn := objectMap(x.Name.Or("object")); fn != nil {
		return fn(&p).pattern
	}
	return ""
}

// payload finds the content of a file among the observables beside it.
func (r *reading) payload(it *item, o obj, none misp.Text) misp.Text {
	refs := o.texts("object_refs")
	if it.typ == "indicator" {
		if seen := r.b.byID["observed-data--"+it.uuid()]; seen != nil {
			refs = decode(seen).texts("object_refs")
		}
	}
	for _, id := range refs {
		if a := r.b.byID[id]; a != nil && a.typ == "artifact" {
			if data := decode(a).text("payload_bin"); data != "" {
				return misp.T(data)
			}
		}
	}
	if custom := o.text("x_misp_data"); custom != "" {
		return misp.T(custom)
	}
	return none
}

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
		if !slices.ContainsFunc(out, func(q part) bool { return q.typ == p.typ && q.value == p.value }) {
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
		r.places[it.id] = place{'a', at, false}
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
	for i, p := range distinctParts(parts) {
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
	r.e.Object = append(r.e.Object, x)
	if n == 0 {
		r.places[it.id] = place{'o', len(r.e.Object) - 1, false}
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

// observed makes attributes or an object of observed data and what it refers to.
func (r *reading) observed(it *item, o obj) bool {
	if _, told := r.places["indicator--"+it.uuid()]; told && !r.based[it.uuid()] || r.restored(it, o) {
		r.useRefs(o, 0)
		if _, own := r.places[it.id]; !own {
			r.places[it.id] = r.places["indicator--"+it.uuid()]
		}
		return true
	}
	list := r.observables(o)
	if len(list) == 0 {
		return false
	}
	if o.labelled("type") == "" && o.labelled("name") == "" {
		some := false
		if n, ok := o.number("number_observed"); ok && n > 1 {
			r.b.left.note("observed-data.number_observed", whyProperty, it.id)
		}
		r.unused(it, o, "first_observed", "last_observed", "number_observed", "object_refs")
		for _, s := range list {
			if s.used {
				some = true
				continue
			}
			s.used = r.observable(s, decode(s), o)
			some = some || s.used
			if p, ok := r.places[s.id]; ok && r.places[it.id] == (place{}) {
				r.places[it.id] = p
			}
		}
		return some
	}
	var parts []part
	for _, s := range list {
		parts = append(parts, r.parts(s, decode(s))...)
	}
	var want map[string]bool
	if r.based[it.uuid()] {
		want = r.wanted("indicator--" + it.uuid())
	}
	if len(parts) == 0 || !r.thing(it, o, 0, parts, want) {
		return false
	}
	if r.based[it.uuid()] {
		r.places["indicator--"+it.uuid()] = r.places[it.id]
	}
	r.useRefs(o, 0)
	return true
}

// wanted lists the values in an indicator's pattern.
func (r *reading) wanted(id string) map[string]bool {
	out := map[string]bool{}
	p, err := ParsePattern(decode(r.b.byID[id]).text("pattern"))
	if err != nil {
		return out
	}
	list, _ := p.alternatives()
	for _, tests := range list {
		for _, c := range tests {
			if q, known := partOf(c.typ, c.path, c.values[0]); known {
				out[q.value] = true
			}
		}
	}
	return out
}

// observables are those that observed data refers to, and those that it holds
// itself as STIX 2.0 did, under ids of our making.
func (r *reading) observables(o obj) (out []*item) {
	for _, id := range o.texts("object_refs") {
		if s := r.b.byID[id]; s != nil && observable(s) {
			out = append(out, s)
		}
	}
	return r.b.outerFirst(out)
}

// observable makes an attribute or an object of one observable, with the times of
// the observed data around it, if there is one.
func (r *reading) observable(it *item, o, around obj) bool {
	parts := r.parts(it, o)
	for _, key := range []string{"first_observed", "last_observed", "created", "modified", "labels"} {
		if v, ok := around[key]; ok && o[key] == nil {
			o[key] = v
		}
	}
	if len(parts) == 0 {
		return false
	}
	if typ, value, ok := lone(distinctParts(parts)); ok {
		if r.values[typ+" "+value] {
			r.useRefs(o, 0)
			return true
		}
		r.values[typ+" "+value] = true
	}
	if !r.thing(it, o, 0, parts, nil) {
		return false
	}
	r.useRefs(o, 0)
	return true
}

// parts reads an observable's values and tells of those without a place.
func (r *reading) parts(it *item, o obj) (out []part) {
	r.b.flatten(o, func(path, value string) {
		switch p, known := partOf(it.typ, path, value); {
		case !known:
			r.b.left.note(it.typ+"."+short(tidy(path)), whyProperty, it.id)
		case p.typ != "":
			out = append(out, p)
		}
	})
	content := it
	if it.typ == "file" {
		content = r.b.byID[o.text("content_ref")]
	}
	if content != nil && content.typ == "artifact" {
		out = r.content(decode(content), out)
	}
	return out
}

// content adds a file's bytes; an archive under the usual password is a sample.
func (r *reading) content(a obj, parts []part) []part {
	data := a.text("payload_bin")
	if _, err := base64.StdEncoding.DecodeString(data); err != nil || data == "" {
		return parts
	}
	name := cmpOr(half("filename", parts), "content")
	if md5 := half("md5", parts); md5 != "" && a.text("decryption_key") == "infected" {
		return append(parts, part{"file", "malware-sample", "malware-sample", name + "|" + md5, data})
	}
	return append(parts, part{"file", "attachment", "attachment", name, data})
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
		parts = append(parts, part{"", cmpOr(a.text("object_relation"), a.text("type")), a.text("type"), v.Value, a.text("data")})
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
