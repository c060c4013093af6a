package stix

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
)

// binaryObjects are templates for content and what is known of it. ELF and Mach-O files
// stay objects of MISP: STIX 2.1 has an extension for Windows alone (§6.7.5), and the
// field's converter refuses observed data of them.
func binaryObjects() map[string]func(*parts) mapped {
	return map[string]func(*parts) mapped{
		"image": mapImage, "artifact": mapArtifact, "pe": mapPE, "registry-key-value": mapKeyValue,
		"malware": mapMalware, "stix2-pattern": mapPattern,
	}
}

// bytesOf is the content of the first attribute of a relation, "" when it has none.
func (p *parts) bytesOf(relation string) (*misp.Attribute, string) {
	l := p.rel[relation]
	if len(l) == 0 || l[0].Data.V == "" {
		return nil, ""
	}
	if _, err := base64.StdEncoding.DecodeString(l[0].Data.V); err != nil {
		return nil, ""
	}
	p.take(relation)
	return l[0], l[0].Data.V
}

var pictures = map[string]string{"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "svg": "image/svg+xml", "bmp": "image/bmp", "tif": "image/tiff", "tiff": "image/tiff"}

// mapImage is a file with its content beside it.
func mapImage(p *parts) mapped {
	name, content := p.first("filename"), (*misp.Attribute)(nil)
	content, data := p.bytesOf("attachment")
	shown := ""
	switch {
	case name != nil:
		shown = name.Value.V
	case content != nil:
		shown = content.Value.V
	default:
		return mapped{}
	}
	want := compared("file:name", name)
	var beside props
	if content != nil {
		beside.text("mime_type", pictures[strings.ToLower(shown[strings.LastIndexByte(shown, '.')+1:])])
		beside.text("x_misp_filename", content.Value.V)
		if u := p.first("url"); u != nil {
			beside.text("x_misp_url", u.Value.V)
			want = append(want, compared("file:content_ref.url", u)...)
		}
	}
	rest := p.rest()
	return mapped{content: content, pattern: pattern(want...), build: func(b *builder) {
		own := slices.Clone(rest)
		if content != nil {
			own = append(one("content_ref", b.addAs(cmpOr(content.UUID.V, b.uuid), "artifact", one("payload_bin", data), beside)), own...)
		}
		b.add("file", one("name", shown), own)
		slices.Reverse(b.list) // readers look for the file first
	}}
}

var cipher = []string{"AES-256-GCM", "ChaCha20-Poly1305", "mime-type-indicated"}

// mapArtifact is content, or where it is to be had, which the standard wants a hash with.
func mapArtifact(p *parts) mapped {
	var hashes, contrib, own props
	var want []string
	for _, typ := range []string{"md5", "sha1", "sha256", "sha512", "sha3-256", "sha3-512", "ssdeep", "tlsh"} {
		if l := p.rel[typ]; len(l) > 0 && hashOK(hashNames[typ], l[0].Value.V) {
			p.take(typ)
			hashes.text(hashNames[typ], l[0].Value.V)
			want = append(want, compared("artifact:"+strings.TrimPrefix(hashPath(hashNames[typ]), "file:"), l[0])...)
		}
	}
	content, data := p.bytesOf("payload_bin")
	link := p.rel["url"]
	switch {
	case content != nil:
		contrib.text("payload_bin", data)
	case len(link) > 0 && isURI(link[0].Value.V) && len(hashes) > 0:
		p.take("url")
		own.text("url", link[0].Value.V)
		want = append(want, compared("artifact:url", link[0])...)
	default:
		return mapped{}
	}
	if len(hashes) > 0 {
		contrib.dict("hashes", hashes[:1])
		own.dict("hashes", hashes)
	}
	if content != nil {
		own.text("payload_bin", data)
	}
	if a := p.first("mime_type"); a != nil {
		own.text("mime_type", a.Value.V)
		want = append(want, compared("artifact:mime_type", a)...)
	}
	if a := p.rel["encryption_algorithm"]; len(a) > 0 && slices.Contains(cipher, a[0].Value.V) {
		own.text("encryption_algorithm", p.textOf("encryption_algorithm"))
		own.text("decryption_key", p.textOf("decryption_key"))
	}
	if content != nil { // not under its relation's name: what ends in _bin is content to validators
		own.text("x_misp_filename", content.Value.V)
	}
	own = append(own, p.rest()...)
	return mapped{content: content, pattern: pattern(want...), build: func(b *builder) {
		b.list = append(b.list, sco{typ: "artifact", p: own, contrib: contrib, uuid: b.uuid})
	}}
}

const (
	binary     = "file:extensions.'windows-pebinary-ext'."
	binaryType = "unknown" // the standard wants one, of an open vocabulary
)

var hexOK = regexp.MustCompile(`^([0-9a-fA-F]{2})+$`)

// numbered adds whole numbers under the standard's names.
func (p *parts) numbered(own *props, path string, names [][2]string) (want []string) {
	for _, x := range names {
		l := p.rel[x[0]]
		if len(l) == 0 {
			continue
		}
		n, err := strconv.ParseInt(l[0].Value.V, 10, 64)
		if err != nil || n < 0 {
			continue
		}
		p.take(x[0])
		own.number(x[1], n)
		want = append(want, wanted(l[:1], func(v string) string { return isNumber(path+x[1], v) })...)
	}
	return want
}

// sought compares what has only a property of ours with it, where it is meant for detection.
func (p *parts) sought(path string) (want []string) {
	for _, a := range p.usable {
		if !p.used[a] {
			want = append(want, compared(path+"x_misp_"+strings.ReplaceAll(relationType(cmpOr(a.ObjectRelation.V, a.Type.V)), "-", "_"), a)...)
		}
	}
	return want
}

// mapPE is a file of Windows; its sections are the objects within.
func mapPE(p *parts) mapped {
	var name, ext, header, hashes props
	if a := p.rel["original-filename"]; len(a) > 0 {
		name.text("name", a[0].Value.V)
	} else if a := p.rel["internal-filename"]; len(a) > 0 {
		name.text("name", a[0].Value.V)
	}
	for _, typ := range []string{"authentihash", "imphash", "pehash"} {
		if l := p.rel[typ]; len(l) > 0 && hashOK(hashNames[typ], l[0].Value.V) && len(hashes) == 0 {
			hashes.text(hashNames[typ], l[0].Value.V)
		}
	}
	if len(name) == 0 { // a file has a name or a hash
		if name.dict("hashes", hashes); len(name) == 0 {
			return mapped{}
		}
	}
	kind := p.first("type")
	ext.text("pe_type", binaryType)
	want := compared(binary+"pe_type", kind)
	if kind != nil {
		ext = one("pe_type", kind.Value.V)
	}
	if a := p.first("imphash"); a != nil {
		ext.text("imphash", a.Value.V)
		want = append(want, compared(binary+"imphash", a)...)
	}
	for _, x := range [][2]string{{"machine-type-hex", "machine_hex"}, {"pointer-to-symbol-table", "pointer_to_symbol_table_hex"}, {"characteristics-hex", "characteristics_hex"}} {
		if l := p.rel[x[0]]; len(l) > 0 && hexOK.MatchString(l[0].Value.V) {
			p.take(x[0])
			ext.text(x[1], l[0].Value.V)
			want = append(want, compared(binary+x[1], l[0])...)
		}
	}
	want = append(want, p.numbered(&ext, binary, [][2]string{{"number-sections", "number_of_sections"}, {"number-of-symbols", "number_of_symbols"}, {"size-of-optional-header", "size_of_optional_header"}})...)
	want = append(want, p.numbered(&header, binary+"optional_header.", [][2]string{{"entrypoint-address", "address_of_entry_point"}})...)
	ext.dict("optional_header", header)
	sections, more, held := peSections(p)
	ext.raw("sections", appendRaws(sections))
	want = append(append(want, p.sought(binary)...), more...)
	ext = append(ext, p.rest()...)
	return mapped{pattern: pattern(want...), held: held, build: func(b *builder) {
		var all props
		all.dict("windows-pebinary-ext", ext)
		contrib := slices.Clone(name)
		contrib.dict("extensions", all)
		b.list = append(b.list, sco{typ: "file", p: contrib, contrib: contrib, uuid: b.uuid})
	}}
}

// peSections: one without a name is told by itself.
func peSections(p *parts) (out [][]byte, want []string, held []*misp.Object) {
	for i := range p.inner {
		q := &p.inner[i]
		path := binary + "sections[" + strconv.Itoa(len(out)) + "]."
		name := q.first("name")
		if name == nil || name.Value.V == "" {
			continue
		}
		own := one("name", name.Value.V)
		want = append(want, compared(path+"name", name)...)
		want = append(want, q.numbered(&own, path, [][2]string{{"size-in-bytes", "size"}})...)
		if l := q.rel["entropy"]; len(l) > 0 {
			if f, err := strconv.ParseFloat(l[0].Value.V, 64); err == nil && f >= 0 && f < 1e6 {
				q.take("entropy")
				own.raw("entropy", strconv.AppendFloat(nil, f, 'f', -1, 64))
			}
		}
		var hashes props
		for _, typ := range []string{"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "ssdeep"} {
			if l := q.rel[typ]; len(l) > 0 && hashOK(hashNames[typ], l[0].Value.V) {
				q.take(typ)
				hashes.text(hashNames[typ], l[0].Value.V)
				want = append(want, compared(path+strings.TrimPrefix(hashPath(hashNames[typ]), "file:"), l[0])...)
			}
		}
		own.dict("hashes", hashes)
		want = append(want, q.sought(path)...)
		out = append(out, append(own, q.rest()...).append(nil))
		held = append(held, q.of)
	}
	return out, want, held
}

func mapMalware(p *parts) mapped {
	var own props
	if a := p.first("name"); a != nil {
		own.text("name", a.Value.V)
	} else {
		return mapped{}
	}
	own.text("description", p.textOf("description"))
	list := func(key, relation string) {
		var values []string
		for _, a := range p.take(relation) {
			values = append(values, a.Value.V)
		}
		own.texts(key, distinct(values))
	}
	list("malware_types", "malware_type")
	family := p.first("is_family")
	own.truth("is_family", family != nil && family.Value.V == "1")
	list("aliases", "alias")
	var seen []string
	for _, key := range []string{"first_seen", "last_seen"} {
		if l := p.rel[key]; len(l) > 0 {
			if at, ok := misp.ParseTime(l[0].Value.V); ok && (len(seen) == 0 || stamp(at) >= seen[0]) {
				p.take(key)
				seen = append(seen, stamp(at))
				own.text(key, stamp(at))
			}
		}
	}
	list("architecture_execution_envs", "architecture_execution_env")
	list("implementation_languages", "implementation_language")
	list("capabilities", "capability")
	return mapped{sdo: "malware", own: append(own, p.rest()...)}
}

// mapPattern is an indicator whose pattern the object holds.
func mapPattern(p *parts) mapped {
	a := p.first("stix2-pattern")
	if a == nil || !a.ToIDS.Or(false) {
		return mapped{}
	}
	if _, err := ParsePattern(a.Value.V); err != nil {
		return mapped{}
	}
	return mapped{pattern: a.Value.V, patternType: "stix"}
}

// annotated are the STIX objects that an annotation is about.
func (c *Converter) annotated(o *misp.Object) (refs []string) {
	if !Annotates(o.Name.V) {
		return nil
	}
	for i := range o.ObjectReference {
		if r := &o.ObjectReference[i]; !r.Deleted.Or(false) {
			refs = append(refs, c.primary[r.ReferencedUUID.V])
		}
	}
	return distinct(refs)
}

// annotation writes a note on what an object refers to.
func (c *Converter) annotation(p *parts, t thing, refs []string) {
	var own props
	own.text("content", p.textOf("text"))
	own.texts("object_refs", refs)
	own.texts("labels", t.labels)
	own = append(own, p.rest()...)
	c.extendThing(&own, t)
	c.primary[t.uuid] = c.publish(head{typ: "note", id: "note--" + UUID(t.uuid, ""), created: t.created, source: t.uuid, tags: t.tags}, own)
}
