package stix

import (
	"regexp"
	"slices"
	"strings"

	"straza/internal/format/misp"
)

// softObjects are templates for software, for what was found out about a file, and for
// requests of the web.
func softObjects() map[string]func(*parts) mapped {
	return map[string]func(*parts) mapped{
		"hashlookup": mapLookup, "lnk": mapFile, "android-app": mapApp, "cpe-asset": mapCPE, "http-request": mapRequest,
		"malware-analysis": mapAnalysis, "identity": mapSomebody, "owasp-crs-rule": textRule("raw-rule", "owasp-crs"),
		"wazuh-rule": textRule("wazuh-rule", "wazuh"), "nova-rule": textRule("raw-rule", "nova"),
	}
}

// mapLookup: the relations are named as hashlookup names them.
func mapLookup(p *parts) mapped {
	for theirs, ours := range map[string]string{"FileName": "filename", "FileSize": "size-in-bytes", "MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SSDEEP": "ssdeep", "TLSH": "tlsh"} {
		if l := p.rel[theirs]; l != nil {
			p.rel[ours] = l
			delete(p.rel, theirs)
		}
	}
	return mapFile(p)
}

// software is a software object: its name, CPE, vendor and version make its id (STIX
// 2.1, Software Object).
func software(p *parts, name, cpe, vendor, version string, want []string) mapped {
	contrib := one("name", name)
	for _, x := range [][2]string{{"cpe", cpe}, {"vendor", vendor}, {"version", version}} {
		if x[1] != "" {
			contrib.text(x[0], x[1])
		}
	}
	return observableOf("software", contrib, p.rest(), want)
}

func mapApp(p *parts) mapped {
	name := p.first("name", "appid")
	if name == nil {
		return mapped{}
	}
	return software(p, name.Value.V, "", "", "", compared("software:name", name))
}

var cpe23 = regexp.MustCompile(`^cpe:2\.3:[aoh*-](?::(?:[^:\\]|\\.)*){10}$`)

func mapCPE(p *parts) mapped {
	product, cpe := p.rel["product"], p.rel["cpe"]
	if len(product) == 0 && len(cpe) == 0 {
		return mapped{}
	}
	text := ""
	if len(cpe) > 0 && cpe23.MatchString(cpe[0].Value.V) {
		text = p.first("cpe").Value.V
	}
	name := text
	if len(product) > 0 {
		name = p.first("product").Value.V
	}
	if name == "" {
		return mapped{}
	}
	return software(p, name, text, p.textOf("vendor"), p.textOf("version"), nil)
}

// mapRequest: a request goes somewhere, by name or address, else it has no place.
func mapRequest(p *parts) mapped {
	to := p.rel["host"]
	relation := "host"
	if len(to) == 0 || !nameOK(to[0].Value.V) {
		to, relation = p.rel["ip-dst"], "ip-dst"
	}
	value := p.rel["uri"]
	if len(value) == 0 {
		value = p.rel["url"]
	}
	method := p.rel["method"]
	if len(to) == 0 || len(value) == 0 || len(method) == 0 || strings.Contains(to[0].Value.V, "/") {
		return mapped{}
	}
	p.take(relation)
	p.take("method")
	p.take(value[0].ObjectRelation.V)
	request := append(one("request_method", strings.ToLower(method[0].Value.V)), one("request_value", value[0].Value.V)...)
	var header props
	for _, x := range [][2]string{{"user-agent", "User-Agent"}, {"referer", "Referer"}, {"content-type", "Content-Type"}} {
		if a := p.first(x[0]); a != nil {
			header.raw(x[1], appendList(nil, []string{a.Value.V}))
		}
	}
	if len(header) > 0 {
		request.dict("request_header", header)
	}
	typ := "domain-name"
	if relation == "ip-dst" {
		typ = ipType(to[0].Value.V)
	}
	want := append(compared("network-traffic:extensions.'http-request-ext'.request_value", value[0]), wanted(to[:1], func(v string) string { return trafficPattern("dst", typ, v) })...)
	rest := p.rest()
	return mapped{pattern: pattern(want...), build: func(b *builder) {
		var contrib, ext props
		contrib.text("dst_ref", b.addAs(cmpOr(to[0].UUID.V, b.uuid), typ, one("value", to[0].Value.V), nil))
		contrib.texts("protocols", []string{"tcp", "http"})
		ext.dict("http-request-ext", request)
		contrib.dict("extensions", ext)
		b.list = append(b.list, sco{typ: "network-traffic", p: append(slices.Clone(contrib), rest...), contrib: contrib, uuid: b.uuid})
	}}
}

// mapAnalysis needs a product and a result (STIX 2.1, Malware Analysis).
func mapAnalysis(p *parts) mapped {
	product, result := p.first("product"), p.first("result")
	if product == nil || result == nil {
		return mapped{}
	}
	own := append(one("product", product.Value.V), one("result", strings.ToLower(result.Value.V))...)
	for _, x := range [][2]string{{"version", "version"}, {"configuration_version", "configuration_version"}, {"analysis_engine_version", "analysis_engine_version"},
		{"analysis_definition_version", "analysis_definition_version"}, {"result_name", "result_name"}} {
		if a := p.first(x[0]); a != nil {
			own.text(x[1], a.Value.V)
		}
	}
	var modules []string
	for _, a := range p.take("module") {
		modules = append(modules, a.Value.V)
	}
	own.texts("modules", modules)
	for _, x := range [][2]string{{"submitted_time", "submitted"}, {"start_time", "analysis_started"}, {"end_time", "analysis_ended"}} {
		if l := p.rel[x[0]]; len(l) > 0 {
			if at, ok := misp.ParseTime(l[0].Value.V); ok {
				p.take(x[0])
				own.text(x[1], stamp(at))
			}
		}
	}
	return mapped{sdo: "malware-analysis", own: append(own, p.rest()...)}
}

// mapSomebody: the class is one of the standard's words, else it is not said.
func mapSomebody(p *parts) mapped {
	name := p.textOf("name")
	if name == "" {
		return mapped{}
	}
	own := one("name", name)
	if l := p.rel["identity_class"]; len(l) > 0 && slices.Contains([]string{"individual", "group", "system", "organization", "class", "unknown"}, l[0].Value.V) {
		own.text("identity_class", p.textOf("identity_class"))
	}
	if d := p.textOf("description"); d != "" {
		own.text("description", d)
	}
	if c := p.textOf("contact_information"); c != "" {
		own.text("contact_information", c)
	}
	var roles []string
	for _, a := range p.take("roles") {
		roles = append(roles, a.Value.V)
	}
	own.texts("roles", roles)
	return mapped{sdo: "identity", own: append(own, p.rest()...)}
}

// textRule is an indicator whose pattern is a rule of a language that STIX has no name for.
func textRule(relation, language string) func(*parts) mapped {
	return func(p *parts) mapped {
		a := p.first(relation)
		if a == nil || !a.ToIDS.Or(false) {
			return mapped{}
		}
		return mapped{pattern: a.Value.V, patternType: language}
	}
}

// analysis makes an object of a malware analysis.
func (r *reading) analysis(it *item, o obj) bool {
	if r.restored(it, o) {
		return true
	}
	var list []part
	add := func(relation, typ, v string) {
		if v != "" {
			list = append(list, part{relation: relation, typ: typ, value: v})
		}
	}
	words := []string{"product", "result", "result_name", "version", "configuration_version", "analysis_engine_version", "analysis_definition_version"}
	for _, w := range words {
		add(w, "text", o.text(w))
	}
	for _, m := range o.texts("modules") {
		add("module", "text", m)
	}
	for _, x := range [][2]string{{"submitted_time", "submitted"}, {"start_time", "analysis_started"}, {"end_time", "analysis_ended"}} {
		if at, ok := unixOf(o.text(x[1])); ok {
			add(x[0], "datetime", at.Format("2006-01-02T15:04:05.000000-07:00"))
		}
	}
	if o.text("product") == "" {
		return false
	}
	r.object(it, o, 0, "malware-analysis", list, nil)
	r.unused(it, o, append(words, "modules", "submitted", "analysis_started", "analysis_ended")...)
	return true
}
