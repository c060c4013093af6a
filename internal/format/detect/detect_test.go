package detect_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"straza/internal/format/detect"
	"straza/internal/format/indicator"
	"straza/internal/format/nids"
	"straza/internal/format/yara"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var head = detect.Head{ID: "0194f2a0-0000-7000-8000-000000000001", Org: "Национални ЦЕРТ", Author: "Partner A", UUID: "0194f2a0-0000-7000-8000-0000000000ff",
	Origin: "https://straza.example", At: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Events: true}

// items are one of each type that means something to a sensor, in two events.
func items() (out []indicator.Item) {
	add := func(event int64, typ, value string) {
		n := int64(len(out) + 1)
		out = append(out, indicator.Item{ID: n, EventID: event, UUID: uuid(n), EventUUID: uuid(1000 + event), Type: typ, Category: "Network activity", Value: value,
			Info: `Kampanja "Košava"; deo 1`, Org: "CERT", Tags: []string{"tlp:green", `misp-galaxy:tool="X;Y"`}, TLP: "GREEN", Threat: 2, Timestamp: 1795322026, ToIDS: true})
	}
	for _, v := range [][2]string{{"ip-dst", "198.51.100.110"}, {"ip-src", "198.51.100.7"}, {"ip-dst", "2001:db8::1:0:7"}, {"ip-src", "203.0.113.0/25"},
		{"ip-dst|port", "198.51.100.8|8443"}, {"domain", "evil.example.org"}, {"domain", "зло.срб"}, {"hostname", "c2.evil.example"}, {"hostname|port", "c2.evil.example|80"},
		{"domain|ip", "dip.example.org|198.51.100.111"}, {"url", `http://evil.example/a?b=c;d"e`}, {"url", "https://198.51.100.9:8080/x|y"}, {"md5", strings.Repeat("f", 32)}} {
		add(1, v[0], v[1])
	}
	for _, v := range [][2]string{{"filename|sha256", `dir\a "b".exe|` + strings.Repeat("a", 64)}, {"sha1", strings.Repeat("1", 40)}, {"ssdeep", "3:abc:def"},
		{"imphash", strings.Repeat("b", 32)}, {"email-src", "od@evil.example"}, {"email-dst", "za@evil.example"}, {"email-subject", `Hitno: "račun"; plati`},
		{"email-attachment", "račun.exe"}, {"user-agent", `Mozilla/5.0 (X; "Y")`}, {"mutex", `Global\{x}`}, {"regkey", `HKLM\Software\Run`}, {"named pipe", `\\.\pipe\x`},
		{"pattern-in-file", "{ 4D 5A ?? 00 90 }"}, {"pattern-in-traffic", "GET /\x01\"; drop"}, {"ja3-fingerprint-md5", strings.Repeat("c", 32)},
		{"x509-fingerprint-sha1", strings.Repeat("d", 40)}, {"AS", "AS64500"}, {"comment", "not for sensors"},
		{"yara", "rule given : a b\n{\n\tstrings:\n\t\t$a = \"x{\" // }\n\t\t$b = /a\\/b{2}/\n\tcondition:\n\t\t$a or $b\n}"}, {"yara", "rule given { condition: true }"},
		{"yara", "include \"/etc/passwd\"\nrule x { condition: true }"}, {"yara", "rule open { condition: true"},
		{"snort", `alert tcp any any -> any 80 (msg:"given\; one"; content:"abc"; sid:1; rev:7;)`}, {"snort", `alert tcp any any -> any 80 (msg:"given; two"; content:"abc"; sid:1;)`}, {"snort", `alert tcp any any -> any 80 (msg:"runs"; lua:x.lua; sid:2;)`},
		{"snort", "no rule"}, {"sigma", "title: given\ndetection:\n  a: {b: c}\n  condition: a\n"}, {"sigma", "title: alias\ndetection: &x {a: *x}\n"}} {
		add(2, v[0], v[1])
	}
	return out
}

func uuid(n int64) string {
	s := strconv.FormatInt(n, 10)
	return "5f5f5f5f-1111-4222-8333-" + strings.Repeat("0", 12-len(s)) + s
}

func write(t testing.TB, f detect.Format, h detect.Head, list []indicator.Item) string {
	t.Helper()
	var out bytes.Buffer
	w, err := f.New(&out, h)
	if err != nil {
		t.Fatal(f.Name, err)
	}
	for i := range list {
		if err := w.Add(&list[i]); err != nil {
			t.Fatal(f.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(f.Name, err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	for _, f := range detect.Formats() {
		for _, scope := range []string{"events", "attributes"} {
			h := head
			h.Events = scope == "events"
			got := write(t, f, h, items())
			path := filepath.Join("testdata", f.Name+"."+scope+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
			if err := sound(f.Name, got); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if err := sound(f.Name, write(t, f, h, nil)); err != nil {
				t.Errorf("%s, empty: %v", path, err)
			}
		}
	}
}

// TestContentSaysItsBytes: what a content option says is the value, byte for byte.
func TestContentSaysItsBytes(t *testing.T) {
	for _, s := range []string{"plain", `a"b;c\d|e:f(g)`, "\x00\x01\xff", "račun", "||", ""} {
		if got := unhex(nids.Content(s)); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func unhex(content string) string {
	var out []byte
	for i, part := range strings.Split(content, "|") {
		if i%2 == 0 {
			out = append(out, part...)
			continue
		}
		for _, h := range strings.Fields(part) {
			n, _ := strconv.ParseUint(h, 16, 8)
			out = append(out, byte(n))
		}
	}
	return string(out)
}

func TestRuleNumbersStay(t *testing.T) {
	f, _ := detect.Find("suricata")
	sid := regexp.MustCompile(`sid:(\d+);`)
	all := items()
	whole := sid.FindAllStringSubmatch(write(t, f, head, all), -1)
	alone := sid.FindAllStringSubmatch(write(t, f, head, all[5:6]), -1)
	seen := map[string]bool{}
	for _, m := range whole {
		if n, err := strconv.ParseInt(m[1], 10, 32); err != nil || n < 1_000_000_000 || seen[m[1]] {
			t.Errorf("number %s", m[1])
		}
		seen[m[1]] = true
	}
	if len(alone) != 2 || !seen[alone[0][1]] || !seen[alone[1][1]] {
		t.Errorf("the same attribute has other numbers alone: %v", alone)
	}
}

func TestZoneSettings(t *testing.T) {
	f, _ := detect.Find("rpz")
	for _, c := range []struct {
		set  map[string]string
		want string // "" refused
	}{
		{map[string]string{"policy": "NODATA"}, "evil.example.org CNAME *.\n"},
		{map[string]string{"policy": "drop"}, "evil.example.org CNAME rpz-drop.\n"},
		{map[string]string{"policy": "Local-Data", "walled_garden": "stop.cert.example"}, "evil.example.org CNAME stop.cert.example.\n"},
		{map[string]string{"policy": "Local-Data"}, ""},
		{map[string]string{"policy": "Local-Data", "walled_garden": "x.example. \n*.rs CNAME ."}, ""},
		{map[string]string{"ns": "ns.cert.example", "email": "dns@cert.example", "serial": "7"}, "SOA ns.cert.example. dns.cert.example. (7 "},
		{map[string]string{"serial": "7)\nrs CNAME ."}, ""},
		{map[string]string{"ns": "a b"}, ""},
		{map[string]string{"policy": "nonsense"}, ""},
	} {
		h := head
		h.Param = func(k string) string { return c.set[k] }
		var out bytes.Buffer
		w, err := f.New(&out, h)
		if c.want == "" {
			if err == nil {
				t.Errorf("%v: taken", c.set)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", c.set, err)
			continue
		}
		it := items()[5]
		if err := errors.Join(w.Add(&it), w.Close()); err != nil || !strings.Contains(out.String(), c.want) {
			t.Errorf("%v: %v\n%s", c.set, err, out.String())
		}
	}
}

var (
	record  = regexp.MustCompile(`^(\*\.)?[a-z0-9._-]+ CNAME (\.|\*\.|rpz-[a-z-]+\.)$`)
	hosts   = regexp.MustCompile(`^0\.0\.0\.0 [a-z0-9._-]+$`)
	tables  = regexp.MustCompile(`^ip6?tables -A INPUT -s [0-9a-f:./]+ -j DROP$`)
	options = map[string]bool{"msg": true, "content": true, "depth": true, "offset": true, "nocase": true, "fast_pattern": true, "flow": true, "tag": true, "classtype": true,
		"sid": true, "rev": true, "priority": true, "reference": true, "pcre": true, "http.header": true, "http_header": true, "http.host": true, "http.uri.raw": true, "http_raw_uri": true,
		"startswith": true, "dns.query": true, "within": true, "http.user_agent": true, "bsize": true, "ja3.hash": true, "tls.cert_fingerprint": true}
	front = regexp.MustCompile(`^alert (ip|tcp|udp|dns|http|tls) \S+ \S+ -> \S+ \S+ $`)
)

// sound reads a document as its consumer would: every line, record or element is one
// that the encoder means, whatever values it was given.
func sound(format, text string) error {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	switch format {
	case "suricata", "snort":
		return each(lines, "#", rule)
	case "rpz":
		return each(lines[min(4, len(lines)):], ";", matching(record))
	case "hosts":
		return each(lines, "#", matching(hosts))
	case "netfilter":
		return each(lines, "#", matching(tables))
	case "zeek":
		return each(lines, "#", zeek)
	case "yara":
		if _, ok := yara.Names(text); !ok && strings.Contains(text, "rule") {
			return errors.New("no rules: " + text)
		}
	case "yara-json", "kunai", "stix-json":
		if !json.Valid([]byte(text)) {
			return errors.New("no JSON: " + text)
		}
	case "openioc", "stix":
		return readXML(text)
	case "sigma":
		return readYAML(text)
	}
	return nil
}

func each(lines []string, comment string, test func(string) error) error {
	for _, l := range lines {
		if l == "" || strings.HasPrefix(l, comment) {
			continue
		}
		if err := test(l); err != nil {
			return err
		}
	}
	return nil
}

func matching(re *regexp.Regexp) func(string) error {
	return func(l string) error {
		if !re.MatchString(l) {
			return errors.New("not ours: " + l)
		}
		return nil
	}
}

// rule reads one rule and its options; those of a given rule are another's.
func rule(l string) error {
	if strings.Contains(l, "given") {
		return nil
	}
	head, rest, ok := strings.Cut(l, "(")
	rest, closed := strings.CutSuffix(strings.TrimSpace(rest), ")")
	if !ok || !closed || !front.MatchString(head) {
		return errors.New("no rule: " + l)
	}
	list, ok := nids.SplitOptions(rest)
	if !ok {
		return errors.New("options left open: " + l)
	}
	for _, o := range list {
		name, _, _ := strings.Cut(o, ":")
		if !options[strings.TrimSpace(name)] {
			return errors.New("option " + o + " in " + l)
		}
	}
	return nil
}

func readXML(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func readYAML(text string) error {
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		var v map[string]any
		err := d.Decode(&v)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if v["title"] == nil || v["detection"] == nil {
			return errors.New("no rule of Sigma")
		}
		if s, _ := v["description"].(string); strings.HasPrefix(s, "Made from shared indicators") { // the others are people's
			if err := sigma(v); err != nil {
				return err
			}
		}
	}
}

// FuzzEncoders: no value, info or label makes a document say more than its encoder
// meant. Rules that people wrote have tests of their own.
func FuzzEncoders(f *testing.F) {
	for _, it := range items() {
		f.Add(it.Type, it.Value, it.Info, "tlp:green")
	}
	f.Add("url", "http://a.example/\"; sid:1;) alert ip any any -> any any (msg:\"x", "\n", "\";")
	f.Add("domain", "a.example CNAME .\n*", "x\ny", "|")
	f.Add("mutex", "\" ascii\n\tcondition: true } rule x {", "*/ }", "]")
	f.Fuzz(func(t *testing.T, typ, value, info, tag string) {
		if typ == "yara" || typ == "snort" || typ == "sigma" || strings.Contains(value+info+tag, "given") {
			return
		}
		it := indicator.Item{ID: 1, EventID: 2, UUID: uuid(1), EventUUID: uuid(2), Type: typ, Category: "Other", Value: value, Comment: info, Info: info, Org: tag,
			Tags: []string{tag}, TLP: "AMBER", Threat: 1, ToIDS: true}
		for _, format := range detect.Formats() {
			for _, events := range []bool{true, false} {
				h := head
				h.Org, h.Author, h.Events = tag, tag, events
				if err := sound(format.Name, write(t, format, h, []indicator.Item{it})); err != nil {
					t.Fatalf("%s: %v", format.Name, err)
				}
			}
		}
	})
}

// FuzzGiven: a rule that somebody wrote is passed on as one rule, or not at all.
func FuzzGiven(f *testing.F) {
	for _, it := range items() {
		if it.Type == "yara" || it.Type == "snort" || it.Type == "sigma" {
			f.Add(it.Type, it.Value)
		}
	}
	f.Fuzz(func(t *testing.T, typ, value string) {
		of := map[string][]string{"yara": {"yara", "yara-json"}, "snort": {"suricata", "snort"}, "sigma": {"sigma"}}[typ]
		for _, name := range of {
			format, _ := detect.Find(name)
			it := indicator.Item{UUID: uuid(1), EventUUID: uuid(2), Type: typ, Value: value}
			text := write(t, format, head, []indicator.Item{it})
			if typ == "snort" {
				text = strings.ReplaceAll(text, "given", "")
				rest, _ := strings.CutSuffix(text, "\n")
				_, body, found := strings.Cut(rest[strings.LastIndex(rest, "#"):], "\nalert ")
				if found && (strings.Contains(body, "\n") || !strings.Contains(body, "sid:1")) {
					t.Fatalf("%q gives %q", value, text)
				}
				continue
			}
			if err := sound(name, text); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	})
}
