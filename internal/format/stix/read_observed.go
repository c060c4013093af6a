package stix

import (
	"encoding/base64"
	"slices"
	"strings"
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
	if refs := markings(around, o); len(refs) > 0 {
		o["object_marking_refs"] = refs
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
		out = r.bytes(it, decode(content), out)
	}
	return out
}

// bytes adds a file's content; an archive under the usual password is a sample.
func (r *reading) bytes(it *item, a obj, parts []part) []part {
	data := a.text("payload_bin")
	if _, err := base64.StdEncoding.DecodeString(data); err != nil || data == "" {
		return parts
	}
	name := cmpOr(half("filename", parts), cmpOr(a.text("x_misp_filename"), "content"))
	if md5 := half("md5", parts); md5 != "" && a.text("decryption_key") == "infected" && it.typ == "file" {
		return append(parts, part{object: "file", relation: "malware-sample", typ: "malware-sample", value: name + "|" + md5, data: data})
	}
	if it.typ == "artifact" {
		return append(parts, part{object: "artifact", relation: "payload_bin", typ: "attachment", value: name, data: data})
	}
	return append(parts, part{object: "file", relation: "attachment", typ: "attachment", value: name, data: data})
}
