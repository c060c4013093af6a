package stix

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
)

// part is one value of a thing: where it stands in a MISP object, and of which
// type it is there and alone.
type part struct {
	object, relation, typ string
	value                 string
	data                  string
	group                 int // of several alike the how manieth, from 1; 0 where there is but one
}

// spot is where a path of STIX belongs in MISP.
type spot struct{ object, relation, typ string }

// spots maps paths, without the object's type only where many types share them.
var spots = map[string]spot{
	"domain-name:value": {"domain-ip", "domain", "domain"}, "domain-name:resolves_to_refs[*].value": {"domain-ip", "ip", "ip-dst"},
	"ipv4-addr:value": {"domain-ip", "ip", "ip-dst"}, "ipv6-addr:value": {"domain-ip", "ip", "ip-dst"},
	"url:value": {"url", "url", "url"}, "mac-addr:value": {"network-interface", "mac-address", "mac-address"},
	"mutex:name": {"mutex", "name", "mutex"}, "directory:path": {"directory", "path", "text"},
	"autonomous-system:number": {"asn", "asn", "AS"}, "autonomous-system:name": {"asn", "description", "text"}, "autonomous-system:rir": {"asn", "country", "text"},

	"email-addr:value": {"email", "from", "email"}, "email-addr:display_name": {"email", "from-display-name", "email-src-display-name"},
	"email-message:from_ref.value": {"email", "from", "email-src"}, "email-message:from_ref.display_name": {"email", "from-display-name", "email-src-display-name"},
	"email-message:sender_ref.value": {"email", "from", "email-src"},
	"email-message:to_refs[*].value": {"email", "to", "email-dst"}, "email-message:to_refs[*].display_name": {"email", "to-display-name", "email-dst-display-name"},
	"email-message:cc_refs[*].value": {"email", "cc", "email-dst"}, "email-message:bcc_refs[*].value": {"email", "bcc", "email-dst"},
	"email-message:subject": {"email", "subject", "email-subject"}, "email-message:body": {"email", "email-body", "email-body"},
	"email-message:message_id": {"email", "message-id", "email-message-id"}, "email-message:date": {"email", "send-date", "datetime"},
	"email-message:additional_header_fields.reply-to": {"email", "reply-to", "email-reply-to"}, "email-message:additional_header_fields.x-mailer": {"email", "x-mailer", "email-x-mailer"},
	"email-message:additional_header_fields.user-agent":         {"email", "user-agent", "text"},
	"email-message:body_multipart[*].body_raw_ref.name":         {"email", "attachment", "email-attachment"},
	"email-message:received_lines[*]":                           {"email", "received-header", "email-header"},
	"email-message:body_multipart[*].body_raw_ref.content_type": {"email", "mime-type", "mime-type"},

	"file:name": {"file", "filename", "filename"}, "file:size": {"file", "size-in-bytes", "size-in-bytes"}, "file:mime_type": {"file", "mimetype", "mime-type"},
	"file:parent_directory_ref.path": {"file", "path", "text"}, "file:ctime": {"file", "creation-time", "datetime"}, "file:mtime": {"file", "modification-time", "datetime"},
	"file:atime": {"file", "access-time", "datetime"}, "file:name_enc": {"file", "file-encoding", "text"},
	"artifact:url": {"artifact", "url", "url"}, "artifact:mime_type": {"artifact", "mime_type", "mime-type"},
	"artifact:encryption_algorithm": {"artifact", "encryption_algorithm", "text"}, "artifact:decryption_key": {"artifact", "decryption_key", "text"},

	"windows-registry-key:key": {"registry-key", "key", "regkey"}, "windows-registry-key:values[*].data": {"registry-key", "data", "text"},
	"windows-registry-key:values[*].name": {"registry-key", "name", "text"}, "windows-registry-key:values[*].data_type": {"registry-key", "data-type", "text"},
	"windows-registry-key:modified_time": {"registry-key", "last-modified", "datetime"},

	"network-traffic:dst_port": {"ip-port", "dst-port", "port"}, "network-traffic:src_port": {"ip-port", "src-port", "port"},
	"network-traffic:protocols[*]": {"ip-port", "protocol", "text"}, "network-traffic:start": {"ip-port", "first-seen", "datetime"}, "network-traffic:end": {"ip-port", "last-seen", "datetime"},
	"network-traffic:extensions.http-request-ext.request_method": {"http-request", "method", "http-method"}, "network-traffic:extensions.http-request-ext.request_value": {"http-request", "uri", "uri"},
	"network-traffic:extensions.http-request-ext.request_header.user-agent": {"http-request", "user-agent", "user-agent"}, "network-traffic:extensions.http-request-ext.request_header.host": {"http-request", "host", "hostname"},
	"network-traffic:extensions.http-request-ext.request_header.referer": {"http-request", "referer", "other"}, "network-traffic:extensions.http-request-ext.request_header.cookie": {"http-request", "cookie", "text"},

	"process:pid": {"process", "pid", "text"}, "process:name": {"process", "name", "text"}, "process:command_line": {"process", "command-line", "text"}, "process:cwd": {"process", "current-directory", "text"},
	"process:created_time": {"process", "creation-time", "datetime"}, "process:image_ref.name": {"process", "image", "filename"}, "process:parent_ref.pid": {"process", "parent-pid", "text"},
	"process:parent_ref.command_line": {"process", "parent-command-line", "text"}, "process:is_hidden": {"process", "hidden", "boolean"}, "process:parent_ref.image_ref.name": {"process", "parent-image", "filename"},

	"user-account:user_id": {"user-account", "user-id", "text"}, "user-account:account_login": {"user-account", "username", "text"}, "user-account:account_type": {"user-account", "account-type", "text"},
	"user-account:display_name": {"user-account", "display-name", "text"}, "user-account:credential": {"user-account", "password", "text"}, "user-account:is_disabled": {"user-account", "disabled", "boolean"},
	"user-account:is_privileged": {"user-account", "privileged", "boolean"}, "user-account:is_service_account": {"user-account", "is_service_account", "boolean"},
	"user-account:account_created": {"user-account", "created", "datetime"}, "user-account:account_last_login": {"user-account", "last_login", "datetime"},

	"software:name": {"cpe-asset", "product", "text"}, "software:cpe": {"cpe-asset", "cpe", "cpe"}, "software:vendor": {"cpe-asset", "vendor", "text"},
	"software:version": {"cpe-asset", "version", "text"}, "software:languages[*]": {"cpe-asset", "language", "text"}, "software:swid": {"cpe-asset", "swid", "text"},

	"x509-certificate:serial_number": {"x509", "serial-number", "text"}, "x509-certificate:issuer": {"x509", "issuer", "text"}, "x509-certificate:subject": {"x509", "subject", "text"},
	"x509-certificate:version": {"x509", "version", "text"}, "x509-certificate:validity_not_before": {"x509", "validity-not-before", "datetime"}, "x509-certificate:validity_not_after": {"x509", "validity-not-after", "datetime"},
	"x509-certificate:subject_public_key_algorithm": {"x509", "pubkey-info-algorithm", "text"}, "x509-certificate:subject_public_key_modulus": {"x509", "pubkey-info-modulus", "text"},
	"x509-certificate:signature_algorithm": {"x509", "signature_algorithm", "text"}, "x509-certificate:is_self_signed": {"x509", "self_signed", "boolean"},
}

// objectOf are the categories of the objects made here.
var objectOf = map[string]string{"domain-ip": "network", "ip-port": "network", "url": "network", "network-interface": "network", "asn": "network", "email": "network", "http-request": "network",
	"file": "file", "pe": "file", "artifact": "file", "registry-key": "file", "directory": "file", "mutex": "misc", "process": "misc", "user-account": "misc", "cpe-asset": "misc", "x509": "network"}

// hashSpot finds the type of a hash by its name, however that is written.
func hashSpot(typ, name string) (spot, bool) {
	plain := strings.NewReplacer("-", "", "_", "", "'", "").Replace(strings.ToLower(name))
	for t, std := range hashNames {
		if strings.ReplaceAll(strings.ToLower(std), "-", "") != plain {
			continue
		}
		if typ == "x509-certificate" {
			if t != "md5" && t != "sha1" && t != "sha256" {
				return spot{}, false
			}
			return spot{"x509", "x509-fingerprint-" + t, "x509-fingerprint-" + t}, true
		}
		if typ == "artifact" {
			return spot{"artifact", t, t}, true
		}
		return spot{"file", t, t}, true
	}
	return spot{}, false
}

// noise are paths that only say what another one says too.
func noise(typ, path, value string) bool {
	return path == "content_ref.payload_bin" || path == "content_ref.mime_type" || path == "content_ref.encryption_algorithm" || path == "content_ref.decryption_key" ||
		typ == "artifact" && path == "payload_bin" || strings.HasSuffix(path, "_ref.type") || strings.HasSuffix(path, "_refs[*].type") || typ == "email-message" && path == "is_multipart" ||
		typ == "network-traffic" && path == "protocols[*]" && slices.Contains([]string{"tcp", "ipv4", "ipv6"}, strings.ToLower(value))
}

// partOf gives the part that a path stands for. known is true for noise too, with
// a part that has no type.
func partOf(typ, path, value string) (p part, known bool) {
	group := groupAt(path)
	path = tidy(path)
	if noise(typ, path, value) {
		return part{}, true
	}
	at, ok := spots[typ+":"+path]
	if name, is := strings.CutPrefix(path, "hashes."); !ok && is {
		at, ok = hashSpot(typ, name)
	}
	if rest, is := strings.CutPrefix(path, "content_ref.hashes."); !ok && is && typ == "file" {
		at, ok = hashSpot("file", rest)
	}
	if !ok && typ == "file" {
		at, ok = binarySpot(path)
	}
	if relation, is := strings.CutPrefix(strings.TrimPrefix(path, "content_ref."), "x_misp_"); !ok && is && relation != "" && !strings.ContainsAny(relation, ".[") {
		at, ok = spot{"", strings.ReplaceAll(relation, "_", "-"), "text"}, true
	}
	if !ok && typ == "network-traffic" {
		at, ok = trafficSpot(path, value)
	}
	if !ok {
		return part{}, false
	}
	if at.typ == "boolean" {
		value = map[bool]string{true: "1", false: "0"}[value == "true"]
	}
	v, fault := misp.Normalise(at.typ, value)
	if fault != nil {
		return part{}, false
	}
	return part{object: at.object, relation: at.relation, typ: at.typ, value: v.Value, group: group}, true
}

// trafficSpot tells the ends of a connection apart by what they hold.
func trafficSpot(path, value string) (spot, bool) {
	dir := path[:min(3, len(path))]
	if path != "dst_ref.value" && path != "src_ref.value" {
		return spot{}, false
	}
	if _, fault := misp.Normalise("ip-dst", value); fault == nil {
		return spot{"ip-port", "ip-" + dir, "ip-" + dir}, true
	}
	if dir == "dst" {
		return spot{"ip-port", "hostname", "hostname"}, true
	}
	return spot{"ip-port", "hostname-src", "hostname"}, true
}

// tidy writes a path the one way that spots has: any index of a list as *, values
// as a list, header names in lower case with dashes.
func tidy(path string) string {
	for i := strings.IndexByte(path, '['); i >= 0; {
		j := strings.IndexByte(path[i:], ']')
		if j < 0 {
			break
		}
		path = path[:i] + "[*]" + path[i+j+1:]
		next := strings.IndexByte(path[i+3:], '[')
		if next < 0 {
			break
		}
		i += 3 + next
	}
	for _, name := range []string{"values", "to_refs", "cc_refs", "bcc_refs", "resolves_to_refs", "body_multipart"} {
		path = strings.Replace(path, name+".", name+"[*].", 1)
	}
	for _, head := range []string{"additional_header_fields.", "extensions.http-request-ext.request_header."} {
		if rest, ok := strings.CutPrefix(path, head); ok {
			rest, _, _ = strings.Cut(rest, "[")
			path = head + strings.ReplaceAll(strings.ToLower(rest), "_", "-")
		}
	}
	return path
}

// flat writes an observable as paths and values, what it refers to included.
type flat struct {
	b     *Bundle
	yield func(path, value string)
}

func (b *Bundle) flatten(o obj, yield func(path, value string)) {
	(&flat{b: b, yield: yield}).object(o, "", 0)
}

func (f *flat) object(o obj, prefix string, deep int) {
	keys := make([]string, 0, len(o))
	for k := range o {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		top := prefix == "" || deep > 0 && strings.Count(prefix, ".") == deep
		if top && k != "extensions" && slices.Contains(common, k) && (deep == 0 || k != "type") || k == Extension || len(prefix) > 200 {
			continue
		}
		f.value(o[k], prefix+k, k, deep)
	}
}

// refer goes into what an id refers to.
func (f *flat) refer(id, path string, deep int) bool {
	it := f.b.byID[id]
	if it == nil || deep >= 3 || f.b.follow < int(it.at.size) {
		return false
	}
	f.b.follow -= int(it.at.size)
	f.object(decode(it), path+".", deep+1)
	return true
}

func (f *flat) value(v any, path, key string, deep int) {
	switch v := v.(type) {
	case string:
		if !strings.HasSuffix(key, "_ref") || !f.refer(v, path, deep) {
			f.yield(path, v)
		}
	case json.Number:
		f.yield(path, v.String())
	case bool:
		f.yield(path, map[bool]string{true: "true", false: "false"}[v])
	case map[string]any:
		f.object(v, path+".", deep)
	case []any:
		for i, e := range v {
			step := "[*]"
			if key == "sections" || key == "values" { // which belong together
				step = "[" + strconv.Itoa(i) + "]"
			}
			if id, ok := e.(string); !ok || !strings.HasSuffix(key, "_refs") || !f.refer(id, path+step, deep) {
				f.value(e, path+step, "", deep)
			}
		}
	}
}

// composites are the pairs that MISP has one type for.
var composites = []struct{ first, second, typ string }{
	{"domain", "ip-dst", "domain|ip"}, {"ip-dst", "dst-port", "ip-dst|port"}, {"ip-src", "src-port", "ip-src|port"}, {"ip-src", "dst-port", "ip-src|port"},
	{"hostname", "dst-port", "hostname|port"}, {"regkey", "data", "regkey|value"}, {"regkey", "text", "regkey|value"},
}

// vague are types that say nothing without the object around them.
var vague = map[string]bool{"text": true, "datetime": true, "boolean": true, "other": true}

// lone gives the one attribute that parts make: one value, or one of the pairs
// that MISP writes together.
func lone(parts []part) (typ, value string, ok bool) {
	switch len(parts) {
	case 1:
		return parts[0].typ, parts[0].value, !vague[parts[0].typ]
	case 2:
	default:
		return "", "", false
	}
	for i := range 2 {
		a, b := parts[i], parts[1-i]
		for _, c := range composites {
			if a.typ == c.first && (b.relation == c.second || b.typ == c.second && c.second != "text") {
				return c.typ, a.value + "|" + b.value, true
			}
		}
		if a.typ == "filename" && a.object == "file" && b.object == "file" && hashNames[b.typ] != "" {
			if _, known := misp.DefaultOf("filename|" + b.typ); known {
				return "filename|" + b.typ, a.value + "|" + b.value, true
			}
		}
		if a.relation == "account-type" && a.value == "github" && b.relation == "username" {
			return "github-username", b.value, true
		}
	}
	return "", "", false
}

// together names the object that parts make, "" when they do not belong to one.
func together(parts []part) string {
	name := ""
	for _, p := range parts {
		switch {
		case p.object == "" || p.object == name:
		case name == "":
			name = p.object
		case name == "ip-port" && p.object == "http-request" || name == "http-request" && p.object == "ip-port":
			name = "http-request"
		case name == "file" && p.object == "pe":
		default:
			return ""
		}
	}
	return name
}
