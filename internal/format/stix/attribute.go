package stix

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
)

// sco is an observable before it has its id.
type sco struct {
	typ     string
	p       props // without type, id and marking
	contrib props // the id-contributing properties; none means the id is made of the MISP uuid
	uuid    string
}

// mapped is what one attribute (or one object) means in STIX.
type mapped struct {
	build       func(b *builder) // adds the observables; nil when there are none
	pattern     string
	patternType string          // "" is stix
	sdo         string          // an object of the domain instead of all that
	own         props           // of it
	held        []*misp.Object  // of those within it, the ones that it tells of
	content     *misp.Attribute // whose data stands as an artifact
}

func (m *mapped) holds(o *misp.Object) bool { return slices.Contains(m.held, o) }

// builder collects the observables of one attribute or object.
type builder struct {
	c    *Converter
	uuid string
	list []sco
}

// add appends an observable and returns its id.
func (b *builder) add(typ string, contrib, rest props) string {
	return b.addAs(b.uuid, typ, contrib, rest)
}

func (b *builder) addAs(uuid, typ string, contrib, rest props) string {
	s := sco{typ: typ, contrib: contrib, p: append(append(props{}, contrib...), rest...), uuid: uuid}
	b.list = append(b.list, s)
	return b.c.scoID(s)
}

func one(key, value string) props {
	var p props
	p.text(key, value)
	return p
}

// ipType names the observable for an address; "" when the text is none.
func ipType(v string) string {
	if strings.Contains(v, ":") {
		return "ipv6-addr"
	}
	return "ipv4-addr"
}

// hashNames are the dictionary keys of hashes: the standard's where it has one.
var hashNames = map[string]string{
	"md5": "MD5", "sha1": "SHA-1", "sha224": "SHA-224", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512",
	"sha3-224": "SHA3-224", "sha3-256": "SHA3-256", "sha3-384": "SHA3-384", "sha3-512": "SHA3-512",
	"ssdeep": "SSDEEP", "tlsh": "TLSH", "imphash": "IMPHASH", "authentihash": "AUTHENTIHASH", "pehash": "PEHASH",
	"vhash": "VHASH", "telfhash": "TELFHASH", "impfuzzy": "IMPFUZZY", "cdhash": "CDHASH",
}

// hashDigits are the lengths that validators demand, by dictionary key.
var hashDigits = map[string]int{"MD5": 32, "SHA-1": 40, "SHA-224": 56, "SHA-256": 64, "SHA-384": 96, "SHA-512": 128,
	"SHA3-224": 56, "SHA3-256": 64, "SHA3-384": 96, "SHA3-512": 128, "TLSH": 70}

// hashOK checks the shapes that the standard's schemas demand of hashes; what has
// another shape travels as a custom object.
func hashOK(name, v string) bool {
	low := strings.ToLower(v)
	switch n := hashDigits[name]; {
	case name == "SSDEEP":
		return v != "" && len(v) <= 128 && strings.Trim(low, "abcdefghijklmnopqrstuvwxyz0123456789/+:.") == ""
	case name == "TLSH":
		return len(v) == n && strings.Trim(low, "t0123456789abcdef") == ""
	case n > 0:
		return len(v) == n && strings.Trim(low, "0123456789abcdef") == ""
	}
	return v != ""
}

func hashPath(name string) string {
	if strings.ContainsAny(name, "-") {
		return "file:hashes.'" + name + "'"
	}
	return "file:hashes." + name
}

// mapAttribute returns the meaning of a value; ok is false for types that travel
// as x-misp-attribute.
func mapAttribute(typ string, v misp.Value, data string) (m mapped, ok bool) {
	if name := hashNames[typ]; name != "" && hashOK(name, v.Value) {
		return mapped{build: func(b *builder) { b.addFile("", name, v.Value, nil) }, pattern: pattern(is(hashPath(name), v.Value))}, true
	}
	if second, isFile := strings.CutPrefix(typ, "filename|"); isFile && hashNames[second] != "" && hashOK(hashNames[second], v.Value2) {
		name := hashNames[second]
		return mapped{build: func(b *builder) { b.addFile(v.Value1, name, v.Value2, nil) },
			pattern: pattern(is("file:name", v.Value1), is(hashPath(name), v.Value2))}, true
	}
	if fp, isCert := strings.CutPrefix(typ, "x509-fingerprint-"); isCert && hashNames[fp] != "" && hashOK(hashNames[fp], v.Value) {
		return mapCertificate(hashNames[fp], v.Value), true
	}
	for _, fn := range []func(string, misp.Value, string) (mapped, bool){mapNetwork, mapMail, mapHost, mapRule} {
		if m, ok = fn(typ, v, data); ok {
			return m, true
		}
	}
	return mapped{}, false
}

func (b *builder) addFile(name, hash, value string, rest props) string {
	var p, h props
	p.text("name", name)
	h.text(hash, value)
	p.dict("hashes", h)
	return b.add("file", p, rest)
}

func mapCertificate(name, value string) mapped {
	return mapped{build: func(b *builder) {
		var p, h props
		h.text(name, value)
		p.dict("hashes", h)
		b.add("x509-certificate", p, nil)
	}, pattern: pattern(is("x509-certificate:hashes.'"+name+"'", value))}
}

func (b *builder) addIP(uuid, v string) string { return b.addAs(uuid, ipType(v), one("value", v), nil) }

// traffic is a network-traffic object to or from a reference.
func (b *builder) traffic(dir, ref, port string) {
	var p, rest props
	p.text(dir+"_ref", ref)
	if n, err := strconv.Atoi(port); err == nil {
		p.number("dst_port", int64(n))
	}
	p.texts("protocols", []string{"tcp"})
	b.add("network-traffic", p, rest)
}

func trafficPattern(dir, typ, v string) string {
	return is("network-traffic:"+dir+"_ref.type", typ) + " AND " + is("network-traffic:"+dir+"_ref.value", v)
}

// nameOK refuses what exists in DNS and is no host name: _dmarc.example.org. It
// may be sought by a pattern and not stand as an observable.
func nameOK(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Contains(label, "_") || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

func mapNetwork(typ string, v misp.Value, _ string) (m mapped, ok bool) {
	dir := "dst"
	if strings.HasPrefix(typ, "ip-src") {
		dir = "src"
	}
	switch typ {
	case "domain", "hostname":
		if nameOK(v.Value) {
			m.build = func(b *builder) { b.add("domain-name", one("value", v.Value), nil) }
		}
		m.pattern = pattern(is("domain-name:value", v.Value))
	case "domain|ip":
		if !nameOK(v.Value1) {
			return m, false
		}
		m.build = func(b *builder) {
			ip := b.addIP(b.uuid, v.Value2)
			var rest props
			rest.texts("resolves_to_refs", []string{ip})
			b.add("domain-name", one("value", v.Value1), rest)
		}
		m.pattern = pattern(is("domain-name:value", v.Value1), is("domain-name:resolves_to_refs[*].value", v.Value2))
	case "ip-src", "ip-dst":
		m.build = func(b *builder) { b.traffic(dir, b.addIP(b.uuid, v.Value), "") }
		m.pattern = pattern(trafficPattern(dir, ipType(v.Value), v.Value))
	case "ip-src|port", "ip-dst|port":
		m.build = func(b *builder) { b.traffic(dir, b.addIP(b.uuid, v.Value1), v.Value2) }
		m.pattern = pattern(trafficPattern(dir, ipType(v.Value1), v.Value1), isNumber("network-traffic:dst_port", v.Value2))
	case "hostname|port":
		if !nameOK(v.Value1) {
			return m, false
		}
		m.build = func(b *builder) { b.traffic("dst", b.add("domain-name", one("value", v.Value1), nil), v.Value2) }
		m.pattern = pattern(trafficPattern("dst", "domain-name", v.Value1), isNumber("network-traffic:dst_port", v.Value2))
	case "url", "uri", "link":
		if !isURI(v.Value) {
			return m, false
		}
		m.build = func(b *builder) { b.add("url", one("value", v.Value), nil) }
		m.pattern = pattern(is("url:value", v.Value))
	case "AS":
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil {
			return m, false
		}
		m.build = func(b *builder) {
			var p props
			p.number("number", n)
			b.add("autonomous-system", p, nil)
		}
		m.pattern = pattern(isNumber("autonomous-system:number", v.Value))
	case "mac-address":
		m.build = func(b *builder) { b.add("mac-addr", one("value", v.Value), nil) }
		m.pattern = pattern(is("mac-addr:value", v.Value))
	case "port":
		m.pattern = pattern(isNumber("network-traffic:dst_port", v.Value))
	case "http-method":
		m.pattern = pattern(is("network-traffic:extensions.'http-request-ext'.request_method", v.Value))
	case "user-agent":
		m.pattern = pattern(is("network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'", v.Value))
	default:
		return m, false
	}
	return m, true
}

// isURI is the check of RFC 3986 as validators make it: a scheme, and none of the
// signs that must be encoded.
func isURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || scheme == "" || rest == "" || strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" || scheme[0] < 'A' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return false
		}
		if c == '%' && (i+2 >= len(s) || !isHexDigit(s[i+1]) || !isHexDigit(s[i+2])) {
			return false
		}
	}
	// Brackets stand only around an IPv6 host.
	host, after := "", rest
	if strings.HasPrefix(rest, "//") {
		host = rest[2:]
		after = ""
		if i := strings.IndexAny(host, "/?#"); i >= 0 {
			host, after = host[:i], host[i:]
		}
	}
	return !strings.ContainsAny(after, "[]") && strings.Count(after, "#") < 2 && (!strings.ContainsAny(host, "[]") || strings.HasPrefix(host, "[") && strings.Contains(host, "]"))
}

func isHexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func mapMail(typ string, v misp.Value, _ string) (m mapped, ok bool) {
	message := func(fill func(b *builder, p *props)) func(*builder) {
		return func(b *builder) {
			var p props
			p.truth("is_multipart", false)
			fill(b, &p)
			var contrib props
			for _, q := range p {
				if q.key == "from_ref" || q.key == "subject" || q.key == "body" {
					contrib = append(contrib, q)
				}
			}
			b.list = append(b.list, sco{typ: "email-message", p: p, contrib: contrib, uuid: b.uuid})
		}
	}
	addr := func(b *builder) string { return b.add("email-addr", one("value", v.Value), nil) }
	header := func(key string) func(*builder) {
		return message(func(_ *builder, p *props) {
			var h props
			h.text(key, v.Value)
			p.dict("additional_header_fields", h)
		})
	}
	switch typ {
	case "email", "target-email", "whois-registrant-email", "dns-soa-email":
		m.build = func(b *builder) { addr(b) }
		m.pattern = pattern(is("email-addr:value", v.Value))
	case "email-src":
		m.build = message(func(b *builder, p *props) { p.text("from_ref", addr(b)) })
		m.pattern = pattern(is("email-message:from_ref.value", v.Value))
	case "email-dst":
		m.build = message(func(b *builder, p *props) { p.texts("to_refs", []string{addr(b)}) })
		m.pattern = pattern(is("email-message:to_refs[*].value", v.Value))
	case "email-subject":
		m.build = message(func(_ *builder, p *props) { p.text("subject", v.Value) })
		m.pattern = pattern(is("email-message:subject", v.Value))
	case "email-body":
		m.build = message(func(_ *builder, p *props) { p.text("body", v.Value) })
		m.pattern = pattern(is("email-message:body", v.Value))
	case "email-attachment":
		m.build = func(b *builder) {
			var p, part props
			p.truth("is_multipart", true)
			part.text("body_raw_ref", b.add("file", one("name", v.Value), nil))
			part.text("content_disposition", "attachment; filename=\""+strings.Map(func(r rune) rune {
				if r == '"' || r == '\\' || r < ' ' {
					return '_'
				}
				return r
			}, v.Value)+"\"")
			p.raw("body_multipart", appendRaws([][]byte{part.append(nil)}))
			b.list = slices.Insert(b.list, len(b.list)-1, sco{typ: "email-message", p: p, uuid: b.uuid}) // readers look for the file behind it
		}
		m.pattern = pattern(is("email-message:body_multipart[*].body_raw_ref.name", v.Value))
	case "email-message-id":
		m.build = message(func(_ *builder, p *props) { p.text("message_id", v.Value) })
		m.pattern = pattern(is("email-message:message_id", v.Value))
	case "email-reply-to":
		m.build = header("Reply-To")
		m.pattern = pattern(is("email-message:additional_header_fields.reply_to", v.Value))
	case "email-x-mailer":
		m.build = header("X-Mailer")
		m.pattern = pattern(is("email-message:additional_header_fields.x_mailer", v.Value))
	default:
		return m, false
	}
	return m, true
}

func mapHost(typ string, v misp.Value, data string) (m mapped, ok bool) {
	switch typ {
	case "filename":
		m.build = func(b *builder) { b.add("file", one("name", v.Value), nil) }
		m.pattern = pattern(is("file:name", v.Value))
	case "attachment", "malware-sample":
		return mapSample(typ, v, data), true
	case "mutex":
		m.build = func(b *builder) { b.add("mutex", one("name", v.Value), nil) }
		m.pattern = pattern(is("mutex:name", v.Value))
	case "regkey", "regkey|value":
		key := expandHive(v.Value1)
		if !keyOK(key) {
			return m, false
		}
		m.build = func(b *builder) { b.addKey(b.uuid, key, props{}.with("data", v.Value2)) }
		m.pattern = pattern(is("windows-registry-key:key", key))
		if v.Value2 != "" {
			m.pattern = pattern(is("windows-registry-key:key", key), is("windows-registry-key:values[*].data", v.Value2))
		}
	case "github-username":
		m.build = func(b *builder) {
			b.add("user-account", append(one("account_type", "github"), one("account_login", v.Value)...), nil)
		}
		m.pattern = pattern(is("user-account:account_type", "github"), is("user-account:account_login", v.Value))
	case "size-in-bytes":
		m.pattern = pattern(isNumber("file:size", v.Value))
	case "vulnerability", "campaign-name":
		m.sdo = map[string]string{"vulnerability": "vulnerability", "campaign-name": "campaign"}[typ]
	default:
		return m, false
	}
	return m, true
}

func (p props) with(key, value string) props {
	p.text(key, value)
	return p
}

func (b *builder) addKey(uuid, key string, value props) {
	p := one("key", key)
	if len(value) > 0 {
		p.raw("values", appendRaws([][]byte{value.append(nil)}))
	}
	b.addAs(uuid, "windows-registry-key", p, nil)
}

// hives are written out because the standard demands it.
var hives = []struct{ short, long string }{
	{"HKLM", "HKEY_LOCAL_MACHINE"}, {"HKCU", "HKEY_CURRENT_USER"}, {"HKCR", "HKEY_CLASSES_ROOT"}, {"HKCC", "HKEY_CURRENT_CONFIG"}, {"HKU", "HKEY_USERS"},
}

func expandHive(key string) string {
	for _, h := range hives {
		if len(key) > len(h.short) && strings.EqualFold(key[:len(h.short)], h.short) && strings.IndexByte(`\:`, key[len(h.short)]) >= 0 {
			return h.long + `\` + strings.TrimLeft(key[len(h.short):], `:\`)
		}
	}
	return key
}

// keyOK refuses keys that hold a short hive's name anywhere: the published schema
// lacks the brackets around its alternatives, and validators follow it.
func keyOK(key string) bool {
	for _, h := range hives {
		if h.short != "HKLM" && (strings.Contains(key, h.short) || strings.Contains(key, strings.ToLower(h.short))) || strings.HasPrefix(key, "HKLM") || strings.Contains(key, "hklm") {
			return false
		}
	}
	return true
}

// mapSample is a file with its content, when that came along; a malware sample is
// an archive under the field's usual password.
func mapSample(typ string, v misp.Value, data string) mapped {
	var m mapped
	parts := []string{is("file:name", v.Value1)}
	if v.Value2 != "" {
		parts = append(parts, is("file:hashes.MD5", v.Value2))
	}
	if _, err := base64.StdEncoding.DecodeString(data); err != nil {
		data = ""
	}
	m.pattern = pattern(parts...)
	m.build = func(b *builder) {
		p := one("name", v.Value1)
		var h, rest props
		h.text("MD5", v.Value2)
		p.dict("hashes", h)
		if data != "" {
			a := one("payload_bin", data)
			var more props
			if typ == "malware-sample" {
				more.text("mime_type", "application/zip")
				more.text("encryption_algorithm", "mime-type-indicated")
				more.text("decryption_key", "infected")
			}
			rest.text("content_ref", b.add("artifact", a, more))
		}
		b.add("file", p, rest)
	}
	return m
}

// mapRule are detection rules, which travel as the pattern itself.
func mapRule(typ string, v misp.Value, _ string) (mapped, bool) {
	switch typ {
	case "yara", "sigma", "snort", "suricata":
		return mapped{pattern: v.Value, patternType: typ}, true
	case "stix2-pattern":
		if _, err := ParsePattern(v.Value); err == nil {
			return mapped{pattern: v.Value}, true
		}
	}
	return mapped{}, false
}
