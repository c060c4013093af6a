package stix

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
)

const (
	eventUUID = "0b1d55bb-1c43-4b31-8bdf-8e462c25ded7"
	orgUUID   = "badfae28-fb84-45a1-85ae-b9ffdeaefca4"
	attrUUID  = "c25327b3-2e74-4437-bd66-e0321bf3876c"
)

// made is what an event became, by type and id.
type made struct {
	t    *testing.T
	list []Object
	all  []map[string]any
}

func convert(t *testing.T, e *misp.Event, m Mode) *made {
	t.Helper()
	objects, err := Convert(e, Options{Mode: m})
	if err != nil {
		t.Fatal(err)
	}
	check(t, t.Name(), objects)
	if dir := os.Getenv("STIX_OUT"); dir != "" {
		name := strings.ReplaceAll(t.Name(), "/", "_") + "_" + strconv.Itoa(int(m)) + ".json"
		if err := os.WriteFile(filepath.Join(dir, name), AppendBundle(nil, objects), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := &made{t: t, list: objects}
	for _, o := range objects {
		var v map[string]any
		if err := json.Unmarshal(o.JSON, &v); err != nil {
			t.Fatal(err)
		}
		out.all = append(out.all, v)
	}
	return out
}

// of gives the only object of a type.
func (m *made) of(typ string) map[string]any {
	m.t.Helper()
	var found []map[string]any
	for _, v := range m.all {
		if v["type"] == typ {
			found = append(found, v)
		}
	}
	if len(found) != 1 {
		m.t.Fatalf("%d objects of type %s: %v", len(found), typ, m.types())
	}
	return found[0]
}

func (m *made) types() (out []string) {
	for _, v := range m.all {
		out = append(out, v["type"].(string))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// has wants values at keys.
func (m *made) has(typ string, want map[string]any) map[string]any {
	m.t.Helper()
	v := m.of(typ)
	for k, w := range want {
		if d := cmp.Diff(w, v[k]); d != "" {
			m.t.Errorf("%s of %s: %s", k, typ, d)
		}
	}
	return v
}

func anEvent(published bool, attrs ...misp.Attribute) *misp.Event {
	e := &misp.Event{UUID: misp.T(eventUUID), Info: misp.T("Something"), Date: misp.T("2026-03-01"), Timestamp: misp.N(1700000000), Published: misp.B(published), PublishTimestamp: misp.N(1700000100),
		Orgc: &misp.Org{Name: misp.T("CERT"), UUID: misp.T(orgUUID)}, Attribute: attrs}
	return e
}

func anAttribute(typ, value string, ids bool) misp.Attribute {
	def, _ := misp.DefaultOf(typ)
	return misp.Attribute{UUID: misp.T(attrUUID), Type: misp.T(typ), Category: misp.T(def.Category), Value: misp.T(value), ToIDS: misp.B(ids), Timestamp: misp.N(1700000001), Comment: misp.T("why")}
}

func anObject(name string, pairs ...string) *misp.Event {
	e := anEvent(true)
	o := misp.Object{UUID: misp.T("70d6e0b9-0824-44aa-bca1-6b2b254a3cf9"), Name: misp.T(name), MetaCategory: misp.T("misc"), Timestamp: misp.N(1700000002)}
	for i := 0; i+2 < len(pairs); i += 3 {
		o.Attribute = append(o.Attribute, misp.Attribute{ObjectRelation: misp.T(pairs[i]), Type: misp.T(pairs[i+1]), Value: misp.T(pairs[i+2]), ToIDS: misp.B(true)})
		if pairs[i+1] == "attachment" {
			o.Attribute[len(o.Attribute)-1].Data = misp.T("iVBORw0KGgo=")
		}
	}
	e.Object = []misp.Object{o}
	return e
}

type stixRule struct {
	name  string
	check func(t *testing.T)
}

func text(v any) string { b, _ := json.Marshal(v); return string(b) }

var eventRules = []stixRule{
	{"published_event_is_a_report", func(t *testing.T) {
		convert(t, anEvent(true, anAttribute("domain", "a.example.com", false)), Compatible).has("report", map[string]any{"id": "report--" + eventUUID, "name": "Something", "published": "2023-11-14T22:15:00.000Z"})
	}},
	{"unpublished_event_is_a_grouping", func(t *testing.T) {
		convert(t, anEvent(false, anAttribute("domain", "a.example.com", false)), Compatible).has("grouping", map[string]any{"id": "grouping--" + eventUUID, "context": "suspicious-activity"})
	}},
	{"created_and_modified_are_the_events_timestamp_in_ms", func(t *testing.T) {
		convert(t, anEvent(true, anAttribute("domain", "a.example.com", false)), Compatible).has("report", map[string]any{"created": "2023-11-14T22:13:20.000Z", "modified": "2023-11-14T22:13:20.000Z"})
	}},
	{"the_report_refers_to_everything", func(t *testing.T) {
		m := convert(t, anEvent(true, anAttribute("domain", "a.example.com", true)), Compatible)
		refs := text(m.of("report")["object_refs"])
		for _, v := range m.all {
			if typ := v["type"]; typ != "report" && typ != "identity" && typ != "marking-definition" && typ != "extension-definition" && !strings.Contains(refs, v["id"].(string)) {
				t.Errorf("%s is not in %s", v["id"], refs)
			}
		}
	}},
	{"labels_mark_our_own_content", func(t *testing.T) {
		labels := text(convert(t, anEvent(true, anAttribute("domain", "a.example.com", false)), Compatible).of("report")["labels"])
		if !strings.Contains(labels, `"Threat-Report"`) || !strings.Contains(labels, `misp:tool=`) {
			t.Error(labels)
		}
	}},
	{"an_empty_event_refers_to_a_note", func(t *testing.T) {
		m := convert(t, anEvent(true), Compatible)
		if refs := text(m.of("report")["object_refs"]); !strings.Contains(refs, m.of("note")["id"].(string)) {
			t.Error(refs)
		}
	}},
	{"the_maker_is_an_identity_and_created_by_everywhere", func(t *testing.T) {
		m := convert(t, anEvent(true, anAttribute("domain", "a.example.com", true)), Compatible)
		if !slices.ContainsFunc(m.all, func(v map[string]any) bool {
			return v["id"] == "identity--"+orgUUID && v["name"] == "CERT" && v["identity_class"] == "organization"
		}) {
			t.Error("no identity")
		}
		for _, typ := range []string{"report", "indicator", "observed-data", "relationship"} {
			m.has(typ, map[string]any{"created_by_ref": "identity--" + orgUUID})
		}
	}},
	{"attribute_without_ids_is_observed_data", func(t *testing.T) {
		m := convert(t, anEvent(true, anAttribute("domain", "a.example.com", false)), Compatible)
		m.has("observed-data", map[string]any{"id": "observed-data--" + attrUUID, "number_observed": 1.0, "first_observed": "2023-11-14T22:13:21.000Z", "last_observed": "2023-11-14T22:13:21.000Z"})
		if slices.Contains(m.types(), "indicator") {
			t.Error(m.types())
		}
	}},
	{"attribute_with_ids_is_an_indicator_based_on_it", func(t *testing.T) {
		m := convert(t, anEvent(true, anAttribute("domain", "a.example.com", true)), Compatible)
		m.has("indicator", map[string]any{"id": "indicator--" + attrUUID, "pattern_type": "stix", "pattern_version": "2.1", "valid_from": "2023-11-14T22:13:21.000Z"})
		m.has("relationship", map[string]any{"relationship_type": "based-on", "source_ref": "indicator--" + attrUUID, "target_ref": "observed-data--" + attrUUID})
	}},
	{"type_and_category_are_labels_and_phase", func(t *testing.T) {
		v := convert(t, anEvent(true, anAttribute("domain", "a.example.com", true)), Compatible).of("indicator")
		if l := text(v["labels"]); !strings.Contains(l, `misp:type=\"domain\"`) || !strings.Contains(l, `misp:category=\"Network activity\"`) {
			t.Error(l)
		}
		if p := text(v["kill_chain_phases"]); p != `[{"kill_chain_name":"misp-category","phase_name":"Network activity"}]` {
			t.Error(p)
		}
	}},
	{"comment_is_the_description", func(t *testing.T) {
		convert(t, anEvent(true, anAttribute("domain", "a.example.com", true)), Compatible).has("indicator", map[string]any{"description": "why"})
	}},
	{"first_and_last_seen_are_observed_and_valid", func(t *testing.T) {
		a := anAttribute("domain", "a.example.com", true)
		a.FirstSeen, a.LastSeen = misp.T("2026-01-02T00:00:00+00:00"), misp.T("2026-01-03T00:00:00+00:00")
		m := convert(t, anEvent(true, a), Compatible)
		for key, typ := range map[string]string{"first_observed": "observed-data", "valid_from": "indicator"} {
			if v, _ := m.of(typ)[key].(string); !strings.HasPrefix(v, "2026-01-02T00:00:00") {
				t.Errorf("%s: %s", key, v)
			}
		}
		for key, typ := range map[string]string{"last_observed": "observed-data", "valid_until": "indicator"} {
			if v, _ := m.of(typ)[key].(string); !strings.HasPrefix(v, "2026-01-03T00:00:00") {
				t.Errorf("%s: %s", key, v)
			}
		}
	}},
	{"sighting_is_a_sighting_where_it_was_seen", func(t *testing.T) {
		v := convert(t, oneEvent(t, contextEvent), Compatible).of("sighting")
		if text(v["where_sighted_refs"]) != `["identity--5335bbd8-faf0-557c-9b22-09828b2bfe25"]` || v["description"] != "sensor" {
			t.Error(text(v))
		}
	}},
	{"false_positive_is_a_strong_disagreement", func(t *testing.T) {
		if !slices.ContainsFunc(convert(t, oneEvent(t, contextEvent), Compatible).all, func(v map[string]any) bool { return v["type"] == "opinion" && v["opinion"] == "strongly-disagree" }) {
			t.Error("none")
		}
	}},
	{"reference_is_a_relationship_of_its_uuid", func(t *testing.T) {
		if !slices.ContainsFunc(convert(t, oneEvent(t, contextEvent), Compatible).all, func(v map[string]any) bool {
			return v["id"] == "relationship--340f5071-eb07-41f0-8d38-7e2c4a7f6d0a" && v["relationship_type"] == "connects-to"
		}) {
			t.Error("none")
		}
	}},
	{"event_report_is_a_labelled_note", func(t *testing.T) {
		if !slices.ContainsFunc(convert(t, oneEvent(t, contextEvent), Compatible).all, func(v map[string]any) bool {
			return v["id"] == "note--ce74843e-0ec2-59ad-a245-72bb8507a738" && v["abstract"] == "rep" && v["content"] == "# hello" && strings.Contains(text(v["labels"]), `misp:data-layer=\"Event Report\"`)
		}) {
			t.Error("none")
		}
	}},
	{"analyst_note_and_opinion", func(t *testing.T) {
		all := convert(t, oneEvent(t, contextEvent), Compatible).all
		if !slices.ContainsFunc(all, func(v map[string]any) bool {
			return v["id"] == "note--62ec5f71-ad77-5766-a56a-a95fea82381a" && v["content"] == "a note"
		}) ||
			!slices.ContainsFunc(all, func(v map[string]any) bool {
				return v["id"] == "opinion--7b065ee1-7d8f-424d-930f-89f2c79c6c10" && v["x_misp_opinion"] == 75.0
			}) {
			t.Error("none")
		}
	}},
	{"tags_are_labels_but_markings_and_confidence", func(t *testing.T) {
		e := anEvent(true, anAttribute("domain", "a.example.com", false))
		e.Tag = []misp.Tag{{Name: misp.T("tlp:green")}, {Name: misp.T("phishing")}, {Name: misp.T(`misp:confidence-level="usually-confident"`)}}
		labels := text(convert(t, e, Compatible).of("report")["labels"])
		if !strings.Contains(labels, "phishing") || strings.Contains(labels, "tlp:") || strings.Contains(labels, "confidence-level") {
			t.Error(labels)
		}
	}},
	{"confidence_is_a_number_the_lowest_wins", func(t *testing.T) {
		for tag, want := range map[string]float64{"completely-confident": 100, "usually-confident": 75, "fairly-confident": 50, "rarely-confident": 25, "unconfident": 0} {
			e := anEvent(true, anAttribute("domain", "a.example.com", false))
			e.Tag = []misp.Tag{{Name: misp.T(`misp:confidence-level="completely-confident"`)}, {Name: misp.T(`misp:confidence-level="` + tag + `"`)}}
			convert(t, e, Compatible).has("report", map[string]any{"confidence": want})
		}
	}},
}

// attributeMaps are rows of §2.2: what a type becomes, and its pattern.
var attributeMaps = []struct{ typ, value, sco, pattern string }{
	{"domain", "a.example.com", "domain-name", "[domain-name:value = 'a.example.com']"},
	{"hostname", "a.example.com", "domain-name", "[domain-name:value = 'a.example.com']"},
	{"domain|ip", "a.example.com|198.51.100.7", "domain-name ipv4-addr", "[domain-name:value = 'a.example.com' AND domain-name:resolves_to_refs[*].value = '198.51.100.7']"},
	{"ip-dst", "198.51.100.7", "ipv4-addr network-traffic", "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '198.51.100.7']"},
	{"ip-src", "2001:db8::1", "ipv6-addr network-traffic", "[network-traffic:src_ref.type = 'ipv6-addr' AND network-traffic:src_ref.value = '2001:db8::1']"},
	{"ip-dst|port", "198.51.100.7|8443", "ipv4-addr network-traffic", "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '198.51.100.7' AND network-traffic:dst_port = 8443]"},
	{"hostname|port", "a.example.com|25", "domain-name network-traffic", ""},
	{"url", "https://a.example.com/x", "url", "[url:value = 'https://a.example.com/x']"},
	{"link", "https://a.example.com/x", "url", "[url:value = 'https://a.example.com/x']"},
	{"email", "a@example.com", "email-addr", "[email-addr:value = 'a@example.com']"},
	{"email-src", "a@example.com", "email-addr email-message", "[email-message:from_ref.value = 'a@example.com']"},
	{"email-dst", "a@example.com", "email-addr email-message", "[email-message:to_refs[*].value = 'a@example.com']"},
	{"email-subject", "Due", "email-message", "[email-message:subject = 'Due']"},
	{"email-body", "Pay", "email-message", "[email-message:body = 'Pay']"},
	{"email-reply-to", "a@example.com", "email-message", "[email-message:additional_header_fields.reply_to = 'a@example.com']"},
	{"email-attachment", "a.doc", "email-message file", "[email-message:body_multipart[*].body_raw_ref.name = 'a.doc']"},
	{"md5", "d41d8cd98f00b204e9800998ecf8427e", "file", "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']"},
	{"sha256", strings.Repeat("ab", 32), "file", "[file:hashes.'SHA-256' = '" + strings.Repeat("ab", 32) + "']"},
	{"imphash", "d41d8cd98f00b204e9800998ecf8427e", "file", "[file:hashes.IMPHASH = 'd41d8cd98f00b204e9800998ecf8427e']"},
	{"filename", "a.exe", "file", "[file:name = 'a.exe']"},
	{"filename|md5", "a.exe|d41d8cd98f00b204e9800998ecf8427e", "file", "[file:name = 'a.exe' AND file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']"},
	{"mutex", "Global\\x", "mutex", "[mutex:name = 'Global\\\\x']"},
	{"regkey", `HKEY_LOCAL_MACHINE\Software\Evil`, "windows-registry-key", ""},
	{"AS", "AS64500", "autonomous-system", "[autonomous-system:number = 64500]"},
	{"mac-address", "00:1b:44:11:3a:b7", "mac-addr", "[mac-addr:value = '00:1b:44:11:3a:b7']"},
	{"x509-fingerprint-sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "x509-certificate", "[x509-certificate:hashes.'SHA-1' = 'da39a3ee5e6b4b0d3255bfef95601890afd80709']"},
	{"github-username", "evil", "user-account", ""},
	{"port", "443", "", "[network-traffic:dst_port = 443]"},
	{"size-in-bytes", "17", "", "[file:size = 17]"},
	{"user-agent", "evil/1.0", "", ""},
	{"yara", "rule a { condition: true }", "", "rule a { condition: true }"},
	{"sigma", "title: x", "", "title: x"},
	{"snort", "alert tcp any any -> any any (msg:\"x\"; sid:1;)", "", "alert tcp any any -> any any (msg:\"x\"; sid:1;)"},
	{"vulnerability", "CVE-2026-0001", "vulnerability", ""},
	{"campaign-name", "Evil Wave", "campaign", ""},
	{"btc", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "x-misp-attribute", ""},
}

// objectRows are rows of §2.2: what an object becomes.
var objectRows = []struct {
	name, typ string
	pairs     []string
}{
	{"file", "file", []string{"filename", "filename", "a.exe", "md5", "md5", "d41d8cd98f00b204e9800998ecf8427e"}},
	{"domain-ip", "domain-name", []string{"domain", "domain", "a.example.com", "ip", "ip-dst", "198.51.100.7"}},
	{"ip-port", "network-traffic", []string{"ip-dst", "ip-dst", "198.51.100.7", "dst-port", "port", "443"}},
	{"network-connection", "network-traffic", []string{"ip-src", "ip-src", "198.51.100.7", "ip-dst", "ip-dst", "198.51.100.8", "dst-port", "port", "443", "layer4-protocol", "text", "TCP"}},
	{"email", "email-message", []string{"subject", "email-subject", "Due", "from", "email-src", "a@example.com"}},
	{"process", "process", []string{"pid", "text", "12", "name", "text", "evil"}},
	{"registry-key", "windows-registry-key", []string{"key", "regkey", `HKEY_LOCAL_MACHINE\Software\Evil`}},
	{"mutex", "mutex", []string{"name", "mutex", "x"}},
	{"url", "url", []string{"url", "url", "https://a.example.com/"}},
	{"x509", "x509-certificate", []string{"x509-fingerprint-sha1", "x509-fingerprint-sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709"}},
	{"asn", "autonomous-system", []string{"asn", "AS", "64500"}},
	{"user-account", "user-account", []string{"username", "text", "evil"}},
	{"attack-pattern", "attack-pattern", []string{"name", "text", "Phishing", "id", "text", "98"}},
	{"course-of-action", "course-of-action", []string{"name", "text", "Block"}},
	{"vulnerability", "vulnerability", []string{"id", "vulnerability", "CVE-2026-0001"}},
	{"geolocation", "location", []string{"countrycode", "text", "RS", "country", "text", "Serbia"}},
	{"organization", "identity", []string{"name", "text", "Evil Inc"}},
	{"script", "tool", []string{"script", "text", "x", "language", "text", "Bash"}},
	{"yara", "indicator", []string{"yara", "yara", "rule a { condition: true }", "context", "text", "all"}},
	{"intrusion-set", "intrusion-set", []string{"name", "text", "Evil Crew"}},
	{"credential", "user-account", []string{"username", "text", "evil", "password", "text", "x"}},
	{"person", "identity", []string{"first-name", "first-name", "Ana", "last-name", "last-name", "Anic"}},
	{"directory", "directory", []string{"path", "text", "/tmp"}},
	{"sigma", "indicator", []string{"sigma", "sigma", "title: x"}},
	{"hashlookup", "file", []string{"FileName", "filename", "a.exe", "SHA-256", "sha256", strings.Repeat("a", 64), "FileSize", "size-in-bytes", "12", "source", "text", "x"}},
	{"lnk", "file", []string{"filename", "filename", "a.lnk", "lnk-local-path", "text", "c:/a"}},
	{"android-app", "software", []string{"name", "text", "Bank", "appid", "text", "rs.bank"}},
	{"cpe-asset", "software", []string{"cpe", "cpe", "cpe:2.3:a:kapija:kapija_400:7.2.10:*:*:*:*:*:*:*", "product", "text", "Kapija 400", "vendor", "text", "Kapija", "version", "text", "7.2.10"}},
	{"http-request", "network-traffic", []string{"method", "http-method", "POST", "host", "hostname", "c2.evil.example", "uri", "uri", "/gate.php", "user-agent", "user-agent", "x/1"}},
	{"malware-analysis", "malware-analysis", []string{"product", "text", "sandbox", "result", "text", "malicious", "start_time", "datetime", "2026-03-01T10:00:00+00:00", "module", "text", "static"}},
	{"identity", "identity", []string{"name", "text", "Ana", "identity_class", "text", "individual", "roles", "text", "analyst"}},
	{"owasp-crs-rule", "indicator", []string{"raw-rule", "text", "SecRule ARGS x", "message", "text", "m"}},
	{"wazuh-rule", "indicator", []string{"wazuh-rule", "text", "<rule id='1'/>"}},
	{"nova-rule", "indicator", []string{"raw-rule", "text", "rule x {}"}},
	{"image", "artifact", []string{"filename", "filename", "a.png", "attachment", "attachment", "a.png", "link", "link", "https://a.example.com/"}},
	{"artifact", "artifact", []string{"url", "url", "https://a.example.com/a", "sha256", "sha256", strings.Repeat("a", 64), "mime_type", "mime-type", "application/zip"}},
	{"pe", "file", []string{"imphash", "imphash", "23ea835ab4b9017c74dfb023d2301c99", "entrypoint-address", "text", "4096", "type", "text", "dll"}},
	{"registry-key-value", "windows-registry-key", []string{"name", "text", "n", "data", "text", "d", "data-type", "text", "REG_SZ"}},
	{"malware", "malware", []string{"name", "text", "Evil", "is_family", "boolean", "0"}},
	{"stix2-pattern", "indicator", []string{"stix2-pattern", "stix2-pattern", "[file:name LIKE '%.exe']", "comment", "comment", "why"}},
	{"elf", "x-misp-object", []string{"type", "text", "EXECUTABLE", "arch", "text", "x86_64"}},
	{"macho", "x-misp-object", []string{"name", "text", "a", "type", "text", "EXECUTE"}},
	{"unheard-of", "x-misp-object", []string{"a", "text", "b"}},
}

// galaxyRows are rows of §2.3.
var galaxyRows = []struct{ galaxy, typ string }{{"mitre-attack-pattern", "attack-pattern"}, {"mitre-course-of-action", "course-of-action"}, {"mitre-intrusion-set", "intrusion-set"}, {"malpedia", "malware"},
	{"ransomware", "malware"}, {"banker", "malware"}, {"stealer", "malware"}, {"backdoor", "malware"}, {"threat-actor", "threat-actor"}, {"microsoft-activity-group", "threat-actor"}, {"tool", "tool"}, {"rat", "tool"},
	{"botnet", "tool"}, {"exploit-kit", "tool"}, {"tds", "tool"}, {"branded-vulnerability", "vulnerability"}, {"sector", "identity"}, {"country", "location"}, {"region", "location"}, {"cert-seu-gocsector", "x-misp-galaxy-cluster"}}

func mapRules() (out []stixRule) {
	clean := regexp.MustCompile(`[^a-z0-9]+`)
	name := func(prefix, s string) string { return prefix + clean.ReplaceAllString(strings.ToLower(s), "_") }
	for _, a := range attributeMaps {
		out = append(out, stixRule{name("attribute_", a.typ), func(t *testing.T) {
			m := convert(t, anEvent(true, anAttribute(a.typ, a.value, true)), Compatible)
			for _, typ := range strings.Fields(a.sco) {
				m.of(typ)
			}
			if a.pattern != "" {
				m.has("indicator", map[string]any{"pattern": a.pattern})
			}
			if a.sco == "" && slices.Contains(m.types(), "observed-data") {
				t.Errorf("indicator only: %v", m.types())
			}
		}})
	}
	for _, o := range objectRows {
		out = append(out, stixRule{name("object_", o.name), func(t *testing.T) {
			if types := convert(t, anObject(o.name, o.pairs...), Compatible).types(); !slices.Contains(types, o.typ) || o.typ != "x-misp-object" && slices.Contains(types, "x-misp-object") {
				t.Errorf("%v", types)
			}
			convert(t, anObject(o.name, o.pairs...), Strict)
			for _, m := range []Mode{Compatible, Strict} {
				roundTrip(t, o.name, anObject(o.name, o.pairs...), m)
			}
		}})
	}
	for _, g := range galaxyRows {
		out = append(out, stixRule{name("galaxy_", g.galaxy), func(t *testing.T) {
			e := anEvent(true, anAttribute("domain", "a.example.com", false))
			e.Galaxy = []misp.Galaxy{{Name: misp.T(g.galaxy), Type: misp.T(g.galaxy), GalaxyCluster: []misp.GalaxyCluster{{UUID: misp.T("478aa214-2ca7-4ec0-9978-18798e514790"), Type: misp.T(g.galaxy), Value: misp.T("Evil")}}}}
			m := convert(t, e, Compatible)
			if !slices.ContainsFunc(m.all, func(v map[string]any) bool {
				return v["id"] == g.typ+"--478aa214-2ca7-4ec0-9978-18798e514790"
			}) {
				t.Errorf("%v", m.types())
			}
		}})
	}
	return out
}

// marked converts an event with a label.
func marked(t *testing.T, tag string, m Mode) *made {
	e := anEvent(true, anAttribute("domain", "a.example.com", false))
	e.Tag = []misp.Tag{{Name: misp.T(tag)}}
	return convert(t, e, m)
}

var markingRules = []stixRule{
	{"tlp_1_ids_in_compatible_mode", func(t *testing.T) {
		for tag, id := range map[string]string{"tlp:white": "613f2e26-407d-48c7-9eca-b8e91df99dc9", "tlp:green": "34098fce-860f-48ae-8e50-ebd3cc5e41da", "tlp:amber": "f88d31f6-486f-44da-b317-01333bde0b82", "tlp:red": "5e57c739-391a-4eb3-b6be-7d15ca92d5ed"} {
			marked(t, tag, Compatible).has("report", map[string]any{"object_marking_refs": []any{"marking-definition--" + id}})
		}
	}},
	{"tlp_2_ids", func(t *testing.T) {
		for tag, id := range map[string]string{"tlp:clear": "94868c89-83c2-464b-929b-a1a8aa3c8487", "tlp:amber+strict": "939a9414-2ddd-4d32-a0cd-375ea402b003"} {
			marked(t, tag, Compatible).has("report", map[string]any{"object_marking_refs": []any{"marking-definition--" + id}})
		}
		for tag, id := range map[string]string{"tlp:clear": "94868c89-83c2-464b-929b-a1a8aa3c8487", "tlp:green": "bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "tlp:amber": "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
			"tlp:amber+strict": "939a9414-2ddd-4d32-a0cd-375ea402b003", "tlp:red": "e828b379-4e03-4974-9ac4-e53a884c97c1"} {
			marked(t, tag, Strict).has("report", map[string]any{"object_marking_refs": []any{"marking-definition--" + id}})
		}
	}},
	{"both_generations_are_read", func(t *testing.T) {
		for id, l := range map[string]tlp.Level{"613f2e26-407d-48c7-9eca-b8e91df99dc9": tlp.Clear, "34098fce-860f-48ae-8e50-ebd3cc5e41da": tlp.Green, "f88d31f6-486f-44da-b317-01333bde0b82": tlp.Amber, "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": tlp.Red,
			"94868c89-83c2-464b-929b-a1a8aa3c8487": tlp.Clear, "bab4a63c-aed9-4cf5-a766-dfca5abac2bb": tlp.Green, "55d920b0-5e8b-4f79-9ee9-91f868d9b421": tlp.Amber, "939a9414-2ddd-4d32-a0cd-375ea402b003": tlp.AmberStrict, "e828b379-4e03-4974-9ac4-e53a884c97c1": tlp.Red} {
			if got := LevelOf("marking-definition--" + id); got != l {
				t.Errorf("%s: %v", id, got)
			}
		}
	}},
	{"unlabelled_is_the_default_never_clear", func(t *testing.T) {
		b, err := ReadBundle(bytes.NewReader(foreign(thingOf("report", u1, `"name":"x","object_refs":[]`))), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Events(ReadOptions{Default: tlp.Amber}, func(e *misp.Event) error {
			if names := tagNames(e.Tag); !slices.Contains(names, "tlp:amber") {
				t.Errorf("%v", names)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}},
}

var idRules = []stixRule{
	{"strict_observables_have_the_standards_ids", TestStrictIDs},
	{"compatible_ids_reuse_misp_uuids", func(t *testing.T) {
		convert(t, anEvent(true, anAttribute("domain", "a.example.com", false)), Compatible).has("domain-name", map[string]any{"id": "domain-name--" + attrUUID})
	}},
	{"derived_relationships_are_version_5_of_misps_namespace", func(t *testing.T) {
		want := "relationship--" + uuid5(nsMISP, "indicator--"+attrUUID+" - based-on - observed-data--"+attrUUID)
		if got := convert(t, anEvent(true, anAttribute("domain", "a.example.com", true)), Compatible).of("relationship")["id"]; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}},
	{"the_same_input_gives_the_same_bytes", func(t *testing.T) {
		for _, m := range []Mode{Compatible, Strict} {
			a, _ := Convert(oneEvent(t, contextEvent), Options{Mode: m})
			b, _ := Convert(oneEvent(t, contextEvent), Options{Mode: m})
			if !bytes.Equal(AppendBundle(nil, a), AppendBundle(nil, b)) {
				t.Error(m)
			}
		}
	}},
	{"strict_observables_of_two_events_are_one", func(t *testing.T) {
		a, b := anEvent(true, anAttribute("domain", "a.example.com", false)), anEvent(true, anAttribute("domain", "a.example.com", false))
		b.UUID, b.Attribute[0].UUID = misp.T("1b1d55bb-1c43-4b31-8bdf-8e462c25ded7"), misp.T("d25327b3-2e74-4437-bd66-e0321bf3876c")
		if x, y := convert(t, a, Strict).of("domain-name")["id"], convert(t, b, Strict).of("domain-name")["id"]; x != y {
			t.Errorf("%s, %s", x, y)
		}
	}},
	{"other_uuid_versions_are_replaced_and_named", func(t *testing.T) {
		doc := foreign(thingOf("report", "01890a5d-ac96-774b-bcce-b302099a8057", `"name":"x","published":"2026-01-01T00:00:00Z","object_refs":[]`))
		got, _ := there(t, doc)
		if len(got) != 1 || got[0].UUID.V[14] != '5' && got[0].UUID.V != "01890a5d-ac96-774b-bcce-b302099a8057" {
			t.Errorf("%+v", got)
		}
	}},
	{"two_objects_of_one_uuid_stay_two", func(t *testing.T) {
		got, _ := there(t, foreign(thingOf("indicator", u1, `"pattern":"[domain-name:value = 'a.example.com']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"`), thingOf("malware", u1, `"name":"Evil","is_family":false`)))
		n := 0
		for _, e := range got {
			n += len(e.Attribute) + len(e.Object) + len(e.Galaxy)
		}
		if n < 2 {
			t.Errorf("%d of two", n)
		}
	}},
	{"others_malware_analyses_become_objects", func(t *testing.T) {
		got, left := there(t, foreign(thingOf("malware-analysis", u1, `"product":"sandbox","result":"malicious","modules":["static"],"analysis_started":"2026-03-01T10:00:00Z"`)))
		if len(got) != 1 || len(got[0].Object) != 1 || got[0].Object[0].Name.V != "malware-analysis" || len(got[0].Object[0].Attribute) != 4 {
			t.Errorf("%+v, left %+v", got, left)
		}
	}},
	{"custom_objects_survive_the_round_trip", func(t *testing.T) { roundTrip(t, "custom", anObject("unheard-of", "a", "text", "b"), Compatible) }},
	{"the_round_trip_loses_nothing", func(t *testing.T) {
		for _, m := range []Mode{Compatible, Strict} {
			roundTrip(t, "context", oneEvent(t, contextEvent), m)
			roundTrip(t, "every type", everyType(), m)
		}
	}},
	{"what_had_no_place_is_reported", func(t *testing.T) {
		_, left := there(t, foreign(thingOf("x-nobody-knows", u2, `"x_what":"y"`), thingOf("report", u1, `"name":"x","published":"2026-01-01T00:00:00Z","object_refs":["x-nobody-knows--`+u2+`"],"x_odd":1`)))
		if len(left) == 0 {
			t.Error("nothing is said")
		}
	}},
}

var validatorRules = []stixRule{
	{"registry_keys_begin_with_the_hives_whole_name", func(t *testing.T) {
		v := convert(t, anEvent(true, anAttribute("regkey", `HKLM\Software\Evil`, false)), Strict).of("windows-registry-key")
		if key, _ := v["key"].(string); !strings.HasPrefix(key, `HKEY_LOCAL_MACHINE\`) {
			t.Error(key)
		}
	}},
	{"strict_indicators_have_name_description_and_types", func(t *testing.T) {
		a := anAttribute("domain", "a.example.com", true)
		a.Comment = misp.Text{}
		v := convert(t, anEvent(true, a), Strict).of("indicator")
		for _, k := range []string{"name", "description", "indicator_types", "created_by_ref"} {
			if v[k] == nil || v[k] == "" {
				t.Errorf("no %s", k)
			}
		}
	}},
	{"strict_phase_names_are_small_and_hyphenated", func(t *testing.T) {
		if p := text(convert(t, anEvent(true, anAttribute("domain", "a.example.com", true)), Strict).of("indicator")["kill_chain_phases"]); !strings.Contains(p, `"network-activity"`) {
			t.Error(p)
		}
	}},
	{"at_most_one_tlp_marking", func(t *testing.T) {
		e := anEvent(true, anAttribute("domain", "a.example.com", true))
		e.Tag = []misp.Tag{{Name: misp.T("tlp:green")}, {Name: misp.T("tlp:amber")}}
		for _, v := range convert(t, e, Compatible).all {
			n := 0
			list, _ := v["object_marking_refs"].([]any)
			for _, id := range list {
				if LevelOf(id.(string)) != tlp.None {
					n++
				}
			}
			if n > 1 {
				t.Errorf("%s: %v", v["id"], list)
			}
		}
	}},
	{"hashes_of_another_shape_are_custom", func(t *testing.T) {
		e := anEvent(true, anAttribute("md5", "d41d8cd98f00b204e9800998ecf842", false))
		if types := convert(t, e, Compatible).types(); slices.Contains(types, "file") {
			t.Errorf("%v", types)
		}
	}},
	{"integers_are_read_quoted_and_bare", func(t *testing.T) {
		for _, p := range []string{"443", "'443'"} {
			got, _ := there(t, foreign(thingOf("indicator", u1, `"pattern":"[network-traffic:dst_port = `+p+`]","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"`)))
			if b := text(got); len(got) != 1 || !strings.Contains(b, `"443"`) {
				t.Errorf("%s: %.300s", p, b)
			}
		}
	}},
}

func allStixRules() []stixRule {
	return slices.Concat(eventRules, mapRules(), markingRules, idRules, validatorRules)
}

// TestSTIXConformance: spec standards §2, one subtest for each rule.
func TestSTIXConformance(t *testing.T) {
	for _, r := range allStixRules() {
		t.Run(r.name, r.check)
	}
}

// TestSTIXRulesAreListed: docs/taxii.md lists the rules that are here.
func TestSTIXRulesAreListed(t *testing.T) {
	b, err := os.ReadFile("../../../docs/taxii.md")
	if err != nil {
		t.Fatal(err)
	}
	var have, listed []string
	for _, m := range regexp.MustCompile("`TestSTIXConformance/([a-z0-9_]+)`").FindAllStringSubmatch(string(b), -1) {
		listed = append(listed, m[1])
	}
	for _, r := range allStixRules() {
		have = append(have, r.name)
	}
	slices.Sort(have)
	slices.Sort(listed)
	if d := cmp.Diff(have, listed); d != "" {
		t.Errorf("(-rules +docs)\n%s", d)
	}
}
