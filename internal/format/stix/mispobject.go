package stix

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"straza/internal/format/misp"
)

// Holds tells whether objects of one template are told within the STIX object of another
// that refers to them: the sections of an executable, the values of a key.
func Holds(outer, inner string) bool {
	return outer == "pe" && inner == "pe-section" || outer == "registry-key" && inner == "registry-key-value"
}

// Annotates tells whether objects of a template are about others, and so come last.
func Annotates(name string) bool { return name == "annotation" }

// Object converts one object with its attributes and references. inner are those that it
// refers to and Holds; what finds no place within it is converted by itself. Annotations
// come after all that they are about.
func (c *Converter) Object(o *misp.Object, inner ...*misp.Object) {
	if o.Deleted.Or(false) {
		return
	}
	p := partsOf(o)
	for _, x := range inner {
		p.inner = append(p.inner, partsOf(x))
	}
	var m mapped
	if fn := objectMap(o.Name.Or("object")); fn != nil {
		m = fn(&p)
	}
	list := []*misp.Object{o}
	var alone []*misp.Object
	for _, x := range inner {
		if m.holds(x) {
			list = append(list, x)
		} else {
			alone = append(alone, x)
		}
	}
	t := c.objectThing(list, m)
	refs := c.annotated(o)
	switch {
	case len(refs) > 0 && p.textOf("text") != "":
		c.annotation(&p, t, refs)
	case m.sdo != "":
		c.domain(m, t)
	case m.build == nil && (m.patternType == "" || !t.ids):
		c.customObject(o, &p, t)
	default:
		c.observe(m, t)
	}
	for _, x := range list {
		c.around(x, t)
	}
	for _, x := range alone {
		c.Object(x)
	}
}

// objectThing is what is said of an object, and of those within it.
func (c *Converter) objectThing(list []*misp.Object, m mapped) thing {
	o := list[0]
	t := c.thing(o.UUID, o.Timestamp, o.FirstSeen, o.LastSeen)
	name, cat := o.Name.Or("object"), o.MetaCategory.Or("misc")
	t.comment, t.category = o.Comment.Or(""), cat
	for _, x := range list {
		for _, a := range partsOf(x).usable {
			t.ids = t.ids || a.ToIDS.Or(false)
			t.tags = append(t.tags, tagNames(a.Tag)...)
			if t.name == "" {
				t.name = a.Value.Or("")
			}
		}
	}
	t.tags = distinct(t.tags)
	t.labels = []string{`misp:name="` + name + `"`, `misp:meta-category="` + cat + `"`, `misp:to_ids="` + map[bool]string{true: "True", false: "False"}[t.ids] + `"`}
	whole := c.names.object(o)
	if m.content != nil {
		for i := range whole.Attribute {
			if a := &whole.Attribute[i]; a.UUID == m.content.UUID && a.ObjectRelation == m.content.ObjectRelation && a.Data == m.content.Data {
				a.Data = misp.Text{}
				break
			}
		}
	}
	t.key, t.whole = "object", misp.Append(nil, &whole)
	var within [][]byte
	for _, x := range list[1:] {
		w := c.names.object(x)
		within = append(within, misp.Append(nil, &w))
	}
	t.within = appendRaws(within)
	return t
}

// around writes what hangs on an object and its attributes.
func (c *Converter) around(o *misp.Object, t thing) {
	whole := c.primary[t.uuid]
	if o.UUID.V != "" {
		c.primary[o.UUID.V] = whole
	}
	for i := range o.Attribute {
		a := &o.Attribute[i]
		if a.Deleted.Or(false) {
			continue
		}
		if a.UUID.V != "" {
			c.primary[a.UUID.V] = whole
		}
		at := t
		at.uuid, at.tags = a.UUID.V, tagNames(a.Tag)
		c.context(at, a.Galaxy, a.Sighting)
		c.analysts(a.UUID.V, a.Note, a.Opinion)
	}
	c.analysts(cmpOr(o.UUID.V, t.uuid), o.Note, o.Opinion)
	c.references(o, t)
}

// partsOf sorts an object's attributes by relation. What MISP would refuse, or is
// no name that DNS could hold, is only carried along.
func partsOf(o *misp.Object) parts {
	p := parts{of: o, rel: map[string][]*misp.Attribute{}}
	for i := range o.Attribute {
		a := &o.Attribute[i]
		if a.Deleted.Or(false) {
			continue
		}
		p.all = append(p.all, a)
		if v, fault := misp.Normalise(a.Type.Or("text"), a.Value.V); fault != nil || v.Value != a.Value.V {
			continue
		} else if (a.Type.V == "domain" || a.Type.V == "hostname") && !nameOK(v.Value) {
			continue
		}
		p.usable = append(p.usable, a)
		p.rel[a.ObjectRelation.Or("")] = append(p.rel[a.ObjectRelation.Or("")], a)
	}
	return p
}

func (c *Converter) references(o *misp.Object, t thing) {
	note := strings.HasPrefix(c.primary[t.uuid], "note--")
	for i := range o.ObjectReference {
		r := &o.ObjectReference[i]
		if !r.Deleted.Or(false) && !(note && c.primary[r.ReferencedUUID.V] != "") { // a note names what it is about itself
			c.links = append(c.links, link{source: cmpOr(o.UUID.V, t.uuid), target: r.ReferencedUUID.V, typ: relationType(r.RelationshipType.V),
				uuid: r.UUID.V, created: seconds(r.Timestamp, c.seconds), comment: r.Comment.Or("")})
		}
	}
}

// parts are the attributes of an object by their relation.
type parts struct {
	of     *misp.Object
	inner  []parts // objects that it Holds
	all    []*misp.Attribute
	usable []*misp.Attribute // those that rel holds
	rel    map[string][]*misp.Attribute
	used   map[*misp.Attribute]bool
}

// take returns the attributes of a relation and marks them as mapped.
func (p *parts) take(relation string) []*misp.Attribute {
	if p.used == nil {
		p.used = map[*misp.Attribute]bool{}
	}
	for _, a := range p.rel[relation] {
		p.used[a] = true
	}
	return p.rel[relation]
}

func (p *parts) first(relations ...string) *misp.Attribute {
	for _, r := range relations {
		if l := p.rel[r]; len(l) > 0 {
			p.take(r)
			return l[0]
		}
	}
	return nil
}

// rest are the attributes nothing was made of, as properties of our own, so that
// they are not lost.
func (p *parts) rest() props {
	var out props
	done := map[string]bool{}
	for _, a := range p.all {
		key := "x_misp_" + strings.ReplaceAll(relationType(cmpOr(a.ObjectRelation.V, a.Type.V)), "-", "_")
		if p.used[a] || done[key] || len(key) > 250 {
			continue
		}
		done[key] = true
		var values []string
		for _, b := range p.all {
			if b.ObjectRelation.V == a.ObjectRelation.V && !p.used[b] && b.Value.V != "" {
				values = append(values, b.Value.V)
			}
		}
		if len(values) == 1 {
			out.text(key, values[0])
		} else {
			out.texts(key, values)
		}
	}
	return out
}

// wanted returns the comparisons of those attributes that are meant for detection.
func wanted(list []*misp.Attribute, path func(v string) string) []string {
	var out []string
	for _, a := range list {
		if a.ToIDS.Or(false) {
			out = append(out, path(a.Value.V))
		}
	}
	return out
}

// objectMaps are the object templates with observables of their own.
var objectMaps = map[string]func(*parts) mapped{
	"file": mapFile, "domain-ip": mapDomainIP, "ip-port": mapIPPort, "url": mapURL, "registry-key": mapKey, "asn": mapASN,
}

// objectMap gives the mapping of a template, nil for those that travel as x-misp-object.
func objectMap(name string) func(*parts) mapped {
	if fn := objectMaps[name]; fn != nil {
		return fn
	}
	return objectsBesides()[name]
}

var objectsBesides = sync.OnceValue(moreObjects)

func mapFile(p *parts) mapped {
	var own, hashes, idHash, rest props
	var want []string
	add := func(path string, list []*misp.Attribute) {
		want = append(want, wanted(list, func(v string) string { return is(path, v) })...)
	}
	if names := p.take("filename"); len(names) > 0 {
		own.text("name", names[0].Value.V)
		add("file:name", names)
		var more []string
		for _, a := range names[1:] {
			more = append(more, a.Value.V)
		}
		rest.texts("x_misp_filenames", more)
	}
	for _, typ := range []string{"md5", "sha1", "sha256", "sha512", "sha224", "sha384", "sha3-224", "sha3-256", "sha3-384", "sha3-512", "ssdeep", "tlsh", "imphash", "authentihash", "vhash", "pehash", "telfhash"} {
		if l := p.rel[typ]; len(l) > 0 && hashOK(hashNames[typ], l[0].Value.V) {
			p.take(typ)
			hashes.text(hashNames[typ], l[0].Value.V)
			add(hashPath(hashNames[typ]), l[:1])
		}
	}
	if len(own) == 0 && len(hashes) == 0 {
		return mapped{}
	}
	// Of several hashes the first alone makes the id (STIX 2.1, File Object).
	contrib := append(props{}, own...)
	if len(hashes) > 0 {
		idHash = hashes[:1]
		contrib.dict("hashes", idHash)
		own.dict("hashes", hashes)
	}
	if a := p.first("size-in-bytes"); a != nil {
		if n, err := strconv.ParseInt(a.Value.V, 10, 64); err == nil {
			own.number("size", n)
			want = append(want, wanted([]*misp.Attribute{a}, func(v string) string { return isNumber("file:size", v) })...)
		}
	}
	if a := p.first("mimetype"); a != nil {
		own.text("mime_type", a.Value.V)
	}
	own = append(append(own, rest...), p.rest()...)
	return mapped{pattern: pattern(want...), build: func(b *builder) {
		b.list = append(b.list, sco{typ: "file", p: own, contrib: contrib, uuid: b.uuid})
	}}
}

func mapDomainIP(p *parts) mapped {
	names := append(p.take("domain"), p.take("hostname")...)
	ips := p.take("ip")
	if len(names) == 0 {
		return mapped{}
	}
	want := wanted(names, func(v string) string { return is("domain-name:value", v) })
	want = append(want, wanted(ips, func(v string) string { return is("domain-name:resolves_to_refs[*].value", v) })...)
	rest := p.rest()
	return mapped{pattern: pattern(want...), build: func(b *builder) {
		var refs []string
		for _, a := range ips {
			refs = append(refs, b.addIP(cmpOr(a.UUID.V, b.uuid), a.Value.V))
		}
		for i, a := range names {
			var more props
			more.texts("resolves_to_refs", distinct(refs))
			uuid := b.uuid
			if i > 0 {
				uuid = cmpOr(a.UUID.V, b.uuid)
			} else {
				more = append(more, rest...)
			}
			b.addAs(uuid, "domain-name", one("value", a.Value.V), more)
		}
	}}
}

func mapIPPort(p *parts) mapped {
	to, from := p.first("ip-dst", "ip"), p.first("ip-src")
	host := p.first("hostname", "domain", "hostname-dst")
	var protocols []string
	for _, rel := range []string{"layer3-protocol", "layer4-protocol", "layer7-protocol", "protocol"} {
		if v := strings.ToLower(p.textOf(rel)); v != "" {
			protocols = append(protocols, v)
		}
	}
	if protocols = distinct(protocols); len(protocols) == 0 {
		protocols = []string{"tcp"}
	}
	dst, src := p.first("dst-port"), p.first("src-port")
	if to == nil && from == nil && host == nil {
		return mapped{}
	}
	var want []string
	side := func(dir string, a *misp.Attribute, typ string) {
		if a != nil {
			want = append(want, wanted([]*misp.Attribute{a}, func(v string) string { return trafficPattern(dir, cmpOr(typ, ipType(v)), v) })...)
		}
	}
	side("dst", to, "")
	side("src", from, "")
	if to == nil {
		side("dst", host, "domain-name")
	}
	if dst != nil {
		want = append(want, wanted([]*misp.Attribute{dst}, func(v string) string { return isNumber("network-traffic:dst_port", v) })...)
	}
	rest := p.rest()
	return mapped{pattern: pattern(want...), build: func(b *builder) {
		var own props
		ref := func(key string, a *misp.Attribute) {
			if a != nil {
				own.text(key, b.addIP(cmpOr(a.UUID.V, b.uuid), a.Value.V))
			}
		}
		ref("src_ref", from)
		ref("dst_ref", to)
		if host != nil {
			id := b.addAs(cmpOr(host.UUID.V, b.uuid), "domain-name", one("value", host.Value.V), nil)
			if to == nil {
				own.text("dst_ref", id)
			}
		}
		own.port("dst_port", dst)
		own.port("src_port", src)
		own.texts("protocols", protocols)
		b.add("network-traffic", own, rest)
	}}
}

func (p *props) port(key string, a *misp.Attribute) {
	if a == nil {
		return
	}
	if n, err := strconv.Atoi(a.Value.V); err == nil && n >= 0 && n <= 65535 {
		p.number(key, int64(n))
	}
}

func mapURL(p *parts) mapped {
	u := p.first("url")
	if u == nil || !isURI(u.Value.V) {
		return mapped{}
	}
	rest := p.rest()
	return mapped{pattern: pattern(wanted([]*misp.Attribute{u}, func(v string) string { return is("url:value", v) })...),
		build: func(b *builder) { b.add("url", one("value", u.Value.V), rest) }}
}

func mapKey(p *parts) mapped {
	k := p.first("key")
	if k == nil {
		return mapped{}
	}
	key := expandHive(k.Value.V)
	if hive := p.first("hive"); hive != nil && !strings.HasPrefix(strings.ToUpper(key), "HKEY_") {
		key = expandHive(hive.Value.V + `\` + key)
	}
	if !keyOK(key) {
		return mapped{}
	}
	values, want, held := keyValues(p)
	want = append(wanted([]*misp.Attribute{k}, func(string) string { return is("windows-registry-key:key", key) }), want...)
	var rest props
	if l := p.rel["last-modified"]; len(l) > 0 {
		if at, ok := misp.ParseTime(l[0].Value.V); ok {
			p.take("last-modified")
			rest.text("modified_time", stamp(at))
		}
	}
	rest = append(rest, p.rest()...)
	return mapped{pattern: pattern(want...), held: held, build: func(b *builder) {
		contrib := one("key", key)
		contrib.raw("values", appendRaws(values))
		b.add("windows-registry-key", contrib, rest)
	}}
}

// keyValues are the values of a key: its own, and those of the objects within it. One
// without words is told by itself.
func keyValues(p *parts) (values [][]byte, want []string, held []*misp.Object) {
	one := func(q *parts) bool {
		var value props
		for _, x := range [][2]string{{"name", "name"}, {"data", "data"}, {"data-type", "data_type"}} {
			a := q.first(x[0])
			if a == nil || x[0] == "data-type" && !slices.Contains(keyTypes, a.Value.V) {
				delete(q.used, a)
				continue
			}
			value.text(x[1], a.Value.V)
			want = append(want, compared("windows-registry-key:values[*]."+x[1], a)...)
		}
		if len(value) > 0 {
			if q != p { // its own are properties of the key
				value = append(value, q.rest()...)
			}
			values = append(values, value.append(nil))
		}
		return len(value) > 0
	}
	one(p)
	for i := range p.inner {
		if one(&p.inner[i]) {
			held = append(held, p.inner[i].of)
		}
	}
	return values, want, held
}

// keyTypes are the standard's types of values (STIX 2.1, Windows Registry Datatype Enumeration).
var keyTypes = []string{"REG_NONE", "REG_SZ", "REG_EXPAND_SZ", "REG_BINARY", "REG_DWORD", "REG_DWORD_BIG_ENDIAN", "REG_DWORD_LITTLE_ENDIAN", "REG_LINK", "REG_MULTI_SZ",
	"REG_RESOURCE_LIST", "REG_FULL_RESOURCE_DESCRIPTION", "REG_RESOURCE_REQUIREMENTS_LIST", "REG_QWORD", "REG_INVALID_TYPE"}

// mapKeyValue is a value whose key nothing tells.
func mapKeyValue(p *parts) mapped {
	values, want, _ := keyValues(p)
	if len(values) == 0 {
		return mapped{}
	}
	rest := p.rest()
	return mapped{pattern: pattern(want...), build: func(b *builder) {
		var contrib props
		contrib.raw("values", appendRaws(values))
		b.add("windows-registry-key", contrib, rest)
	}}
}

func mapASN(p *parts) mapped {
	a := p.first("asn")
	if a == nil {
		return mapped{}
	}
	v, fault := misp.Normalise("AS", a.Value.V)
	if fault != nil {
		return mapped{}
	}
	n, _ := strconv.ParseInt(v.Value, 10, 64) // Normalise left only digits
	var name props
	if d := p.first("description"); d != nil {
		name.text("name", d.Value.V)
	}
	rest := p.rest()
	return mapped{pattern: pattern(wanted([]*misp.Attribute{a}, func(string) string { return isNumber("autonomous-system:number", v.Value) })...),
		build: func(b *builder) {
			var own props
			own.number("number", n)
			b.add("autonomous-system", own, append(name, rest...))
		}}
}

// customObject carries an object STIX has no word for, attributes and all.
func (c *Converter) customObject(o *misp.Object, p *parts, t thing) {
	var own props
	own.texts("labels", t.labels)
	own.text("x_misp_name", o.Name.Or("object"))
	own.text("x_misp_meta_category", o.MetaCategory.Or("misc"))
	own.text("x_misp_comment", t.comment)
	var list [][]byte
	for _, a := range p.all {
		var q props
		q.text("type", a.Type.V)
		q.text("object_relation", a.ObjectRelation.V)
		q.text("category", a.Category.V)
		q.text("value", a.Value.V)
		q.text("uuid", a.UUID.V)
		q.truth("to_ids", a.ToIDS.Or(false))
		q.text("comment", a.Comment.V)
		list = append(list, q.append(nil))
	}
	own.raw("x_misp_attributes", appendRaws(list))
	c.extendThing(&own, t)
	c.primary[t.uuid] = c.publish(head{typ: "x-misp-object", id: "x-misp-object--" + UUID(t.uuid, ""), created: t.created, source: t.uuid, tags: t.tags}, own)
}
