package stix

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
)

// moreObjects are the templates whose meaning is one observable, one object of the domain,
// or a rule (spec standards §2.2), as misp-stix maps them.
func moreObjects() map[string]func(*parts) mapped {
	out := map[string]func(*parts) mapped{
		"network-connection": mapIPPort, "network-socket": mapIPPort, "netflow": mapIPPort,
		"mutex": mapMutex, "directory": mapDirectory, "process": mapProcess, "email": mapEmail, "x509": mapX509,
		"attack-pattern": sdoOf("attack-pattern", "name", "description", "summary"), "course-of-action": sdoOf("course-of-action", "name", "description"),
		"intrusion-set": sdoOf("intrusion-set", "name", "description"), "vulnerability": sdoOf("vulnerability", "id", "description", "summary"),
		"geolocation": mapPlace, "script": mapScript,
		"yara": ruleOf("yara"), "sigma": ruleOf("sigma"), "suricata": ruleOf("suricata"),
	}
	maps.Copy(out, softObjects())
	maps.Copy(out, binaryObjects())
	for _, name := range []string{"user-account", "credential", "facebook-account", "twitter-account", "github-user", "gitlab-user", "telegram-account", "reddit-account", "parler-account"} {
		out[name] = mapAccount(name)
	}
	for name, class := range map[string]string{"organization": "organization", "legal-entity": "organization", "news-agency": "organization", "person": "individual", "employee": "individual"} {
		out[name] = mapIdentity(class)
	}
	return out
}

// textOf gives the value of the first of some relations, "" when there is none.
func (p *parts) textOf(relations ...string) string {
	if a := p.first(relations...); a != nil {
		return a.Value.V
	}
	return ""
}

// observableOf is a mapping to one observable; m.pattern comes of those meant for detection.
func observableOf(typ string, contrib, own props, want []string) mapped {
	return mapped{pattern: pattern(want...), build: func(b *builder) {
		b.list = append(b.list, sco{typ: typ, p: append(slices.Clone(contrib), own...), contrib: contrib, uuid: b.uuid})
	}}
}

// compared are the comparisons of one attribute with a path, when it is meant for detection.
func compared(path string, list ...*misp.Attribute) (out []string) {
	for _, a := range list {
		if a != nil {
			out = append(out, wanted([]*misp.Attribute{a}, func(v string) string { return is(path, v) })...)
		}
	}
	return out
}

func mapMutex(p *parts) mapped {
	a := p.first("name")
	if a == nil {
		return mapped{}
	}
	return observableOf("mutex", one("name", a.Value.V), p.rest(), compared("mutex:name", a))
}

func mapDirectory(p *parts) mapped {
	a := p.first("path")
	if a == nil {
		return mapped{}
	}
	return observableOf("directory", one("path", a.Value.V), p.rest(), compared("directory:path", a))
}

// mapProcess: a process has no properties that make its id (STIX 2.1, Process Object).
func mapProcess(p *parts) mapped {
	var own props
	pid, line, dir, image := p.first("pid"), p.first("command-line"), p.first("current-directory"), p.first("image", "name")
	var want []string
	if pid != nil {
		if n, err := strconv.ParseInt(pid.Value.V, 10, 32); err == nil && n >= 0 {
			own.number("pid", n)
			want = append(want, wanted([]*misp.Attribute{pid}, func(v string) string { return isNumber("process:pid", v) })...)
		} else {
			delete(p.used, pid)
		}
	}
	if line != nil {
		own.text("command_line", line.Value.V)
	}
	if dir != nil {
		own.text("cwd", dir.Value.V)
	}
	if len(own) == 0 && image == nil {
		return mapped{}
	}
	want = append(want, append(compared("process:command_line", line), compared("process:image_ref.name", image)...)...)
	own = append(own, p.rest()...)
	return mapped{pattern: pattern(want...), build: func(b *builder) {
		whole := slices.Clone(own)
		if image != nil {
			whole.text("image_ref", b.addAs(cmpOr(image.UUID.V, b.uuid), "file", one("name", image.Value.V), nil))
		}
		b.list = append(b.list, sco{typ: "process", p: whole, uuid: b.uuid})
	}}
}

func mapEmail(p *parts) mapped {
	from, subject, body, id := p.first("from"), p.first("subject"), p.first("email-body"), p.first("message-id")
	to := p.take("to")
	if from == nil && subject == nil && body == nil && id == nil && len(to) == 0 {
		return mapped{}
	}
	want := slices.Concat(compared("email-message:from_ref.value", from), compared("email-message:subject", subject), compared("email-message:body", body), compared("email-message:message_id", id), compared("email-message:to_refs[*].value", to...))
	rest := p.rest()
	return mapped{pattern: pattern(want...), build: func(b *builder) {
		addr := func(a *misp.Attribute) string {
			return b.addAs(cmpOr(a.UUID.V, b.uuid), "email-addr", one("value", a.Value.V), nil)
		}
		var contrib, own props
		if from != nil {
			contrib.text("from_ref", addr(from))
		}
		if subject != nil {
			contrib.text("subject", subject.Value.V)
		}
		if body != nil {
			contrib.text("body", body.Value.V)
		}
		own.truth("is_multipart", false)
		var refs []string
		for _, a := range to {
			refs = append(refs, addr(a))
		}
		own.texts("to_refs", distinct(refs))
		if id != nil {
			own.text("message_id", id.Value.V)
		}
		b.list = append(b.list, sco{typ: "email-message", p: slices.Concat(contrib, own, rest), contrib: contrib, uuid: b.uuid})
	}}
}

func mapX509(p *parts) mapped {
	var hashes, contrib, own props
	var want []string
	for _, typ := range []string{"md5", "sha1", "sha256"} {
		a := p.first("x509-fingerprint-" + typ)
		if a == nil || !hashOK(hashNames[typ], a.Value.V) {
			delete(p.used, a)
			continue
		}
		hashes.text(hashNames[typ], a.Value.V)
		want = append(want, compared("x509-certificate:hashes.'"+hashNames[typ]+"'", a)...)
	}
	if len(hashes) == 0 {
		return mapped{}
	}
	contrib.dict("hashes", hashes[:1])
	own.dict("hashes", hashes)
	serial := p.first("serial-number")
	if serial != nil {
		contrib.text("serial_number", serial.Value.V)
		own.text("serial_number", serial.Value.V)
	}
	for rel, key := range map[string]string{"issuer": "issuer", "subject": "subject", "version": "version"} {
		if a := p.first(rel); a != nil {
			own.text(key, a.Value.V)
		}
	}
	slices.SortFunc(own, func(a, b prop) int { return strings.Compare(a.key, b.key) })
	own = append(own, p.rest()...)
	return mapped{pattern: pattern(want...), build: func(b *builder) {
		b.list = append(b.list, sco{typ: "x509-certificate", p: own, contrib: contrib, uuid: b.uuid})
	}}
}

func mapAccount(template string) func(*parts) mapped {
	kind := strings.TrimSuffix(strings.TrimSuffix(template, "-account"), "-user")
	return func(p *parts) mapped {
		login, id, shown := p.first("username", "account-name", "login"), p.first("user-id", "account-id", "id"), p.first("display-name", "user-name")
		if login == nil && id == nil {
			return mapped{}
		}
		var contrib, own props
		if kind != "user" && kind != "credential" {
			contrib.text("account_type", kind)
		}
		if id != nil {
			contrib.text("user_id", id.Value.V)
		}
		if login != nil {
			contrib.text("account_login", login.Value.V)
		}
		if shown != nil {
			own.text("display_name", shown.Value.V)
		}
		want := append(compared("user-account:account_login", login), compared("user-account:user_id", id)...)
		return observableOf("user-account", contrib, append(own, p.rest()...), want)
	}
}

// sdoOf maps a template to an object of the domain by the relation of its name.
func sdoOf(typ, name string, description ...string) func(*parts) mapped {
	return func(p *parts) mapped {
		a := p.first(name)
		if a == nil {
			return mapped{}
		}
		own := one("name", a.Value.V)
		if d := p.textOf(description...); d != "" {
			own.text("description", d)
		}
		if typ == "vulnerability" { // readers ask for a reference
			source := "vulnerability"
			if strings.HasPrefix(a.Value.V, "CVE-") {
				source = "cve"
			}
			ref := append(one("source_name", source), one("external_id", a.Value.V)...)
			own.raw("external_references", appendRaws([][]byte{ref.append(nil)}))
		}
		return mapped{sdo: typ, own: append(own, p.rest()...)}
	}
}

func mapIdentity(class string) func(*parts) mapped {
	return func(p *parts) mapped {
		name := p.textOf("name", "full-name", "commercial-name")
		if name == "" {
			name = strings.TrimSpace(p.textOf("first-name") + " " + p.textOf("last-name"))
		}
		if name == "" {
			return mapped{}
		}
		own := append(one("name", name), one("identity_class", class)...)
		if d := p.textOf("description"); d != "" {
			own.text("description", d)
		}
		return mapped{sdo: "identity", own: append(own, p.rest()...)}
	}
}

var countryCode = regexp.MustCompile(`^[A-Za-z]{2}$`)

// mapPlace: a location needs a country, or both of latitude and longitude.
func mapPlace(p *parts) mapped {
	var own props
	lat, lon := p.rel["latitude"], p.rel["longitude"]
	if len(lat) > 0 && len(lon) > 0 {
		x, err1 := strconv.ParseFloat(lat[0].Value.V, 64)
		y, err2 := strconv.ParseFloat(lon[0].Value.V, 64)
		if err1 == nil && err2 == nil && x >= -90 && x <= 90 && y >= -180 && y <= 180 {
			p.take("latitude")
			p.take("longitude")
			own.raw("latitude", strconv.AppendFloat(nil, x, 'f', -1, 64))
			own.raw("longitude", strconv.AppendFloat(nil, y, 'f', -1, 64))
		}
	}
	if l := p.rel["countrycode"]; len(l) > 0 && countryCode.MatchString(l[0].Value.V) {
		p.take("countrycode")
		own.text("country", strings.ToUpper(l[0].Value.V))
	}
	if len(own) == 0 {
		return mapped{}
	}
	if c := p.textOf("city"); c != "" {
		own.text("city", c)
	}
	if a := p.textOf("address"); a != "" {
		own.text("street_address", a)
	}
	return mapped{sdo: "location", own: append(own, p.rest()...)}
}

func mapScript(p *parts) mapped {
	name := p.textOf("filename")
	if name == "" {
		name = "script"
	}
	own := one("name", short(name))
	typ := "tool"
	if slices.ContainsFunc(p.rel["state"], func(a *misp.Attribute) bool { return strings.EqualFold(a.Value.V, "Malicious") }) {
		typ = "malware"
		own.truth("is_family", false)
	}
	if d := p.textOf("comment"); d != "" {
		own.text("description", d)
	}
	return mapped{sdo: typ, own: append(own, p.rest()...)}
}

// ruleOf is an indicator whose pattern is the rule.
func ruleOf(typ string) func(*parts) mapped {
	return func(p *parts) mapped {
		a := p.first(typ)
		if a == nil || !a.ToIDS.Or(false) {
			return mapped{}
		}
		return mapped{pattern: a.Value.V, patternType: typ}
	}
}

// domain writes an object that STIX has a word of its own for.
func (c *Converter) domain(m mapped, t thing) {
	own := slices.Clone(m.own)
	if m.sdo == "malware" { // readers take a third label for its kind
		t.labels = t.labels[:2]
	}
	own.texts("labels", t.labels)
	c.extendThing(&own, t)
	c.primary[t.uuid] = c.publish(head{typ: m.sdo, id: m.sdo + "--" + UUID(t.uuid, ""), created: t.created, source: t.uuid, tags: t.tags}, own)
}
