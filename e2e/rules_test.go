package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// consumer is a program that reads what we write, and how it says that it could not.
type consumer struct {
	format  string
	program string
	args    func(file, dir string) []string
	bad     *regexp.Regexp // in its output, whatever its exit code

	optional bool // not in every release of Debian
}

var consumers = []consumer{
	{"suricata", "suricata", func(file, dir string) []string {
		return []string{"-T", "-S", file, "-l", dir, "-c", "/etc/suricata/suricata.yaml"}
	},
		regexp.MustCompile(`(?m)^E: |[1-9]\d* rules failed`), true},
	{"yara", "yarac", func(file, dir string) []string { return []string{file, filepath.Join(dir, "compiled")} }, regexp.MustCompile(`error`), false},
	{"rpz", "named-checkzone", func(file, _ string) []string { return []string{"rpz.example", file} }, regexp.MustCompile(`(?i)error|failed|not loaded`), false},
}

// post sends JSON with a key and gives the answer.
func post(t *testing.T, url, key string, body any) (status int, answer string) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("POST", url, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", key)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// poisoned are values that try to be more than values, beside honest ones.
func poisoned() (list []map[string]any) {
	add := func(typ string, values ...string) {
		for _, v := range values {
			list = append(list, map[string]any{"type": typ, "value": v, "to_ids": true})
		}
	}
	add("ip-dst", "198.51.100.110", "2001:db8::1:0:7")
	add("ip-src", "203.0.113.0/25", "198.51.100.7")
	add("ip-dst|port", "198.51.100.8|8443")
	add("domain", "evil.example.org", "зло.срб", "evil.example.org\nx CNAME .")
	add("hostname", "c2.evil.example")
	add("domain|ip", "dip.example.org|198.51.100.111")
	add("url", `http://evil.example/a?b=c;d"e`, `http://evil.example/";)`+"\nalert ip any any -> any any (msg:\"x\";sid:1;)", "https://198.51.100.9:8080/x|y|", "http://evil.example/с размаком и ћирилицом")
	add("md5", strings.Repeat("f", 32))
	add("filename|sha256", `dir\a "b".exe|`+strings.Repeat("a", 64))
	add("imphash", strings.Repeat("b", 32))
	add("email-src", "od@evil.example")
	add("email-dst", "za@evil.example")
	add("email-subject", `Hitno; "račun"; |00| \ plati`)
	add("user-agent", `Mozilla/5.0 (X; "Y") \`, "|")
	add("mutex", `Global\{x}" ascii condition: true } rule y { condition: true }`)
	add("regkey", `HKLM\Software\Run\"`)
	add("pattern-in-file", "{ 4D 5A ?? 00 90 }", "{ 4D 5A", `"; } rule z {`)
	add("pattern-in-traffic", `GET /"; drop \x00 |41|`)
	add("ja3-fingerprint-md5", strings.Repeat("c", 32))
	add("x509-fingerprint-sha1", strings.Repeat("d", 40))
	add("yara", "rule given : a b\n{\n\tstrings:\n\t\t$a = \"x{\" // }\n\t\t$b = /a\\/b{2}/\n\tcondition:\n\t\t$a or $b\n}", "rule given { condition: true }",
		"include \"/etc/passwd\"\nrule inc { condition: true }", "rule open { condition: true")
	add("snort", `drop tcp any any -> any 80 (msg:"given\; one"; content:"abc"; sid:1; rev:7;)`, `alert tcp any any -> any 80 (msg:"given; two"; content:"abc"; sid:1;)`,
		`alert tcp any any -> any 80 (msg:"lua"; lua:x.lua; sid:2;)`, "no rule at all")
	return list
}

// TestRulesAreRead: real events and hostile values go in by MISP's interface; what
// comes out as rules and zones is loaded by the programs that it is for.
func TestRulesAreRead(t *testing.T) {
	s, key, _ := partners(t)
	event := map[string]any{"info": `Kampanja "Košava"; deo 1 \ $(id)`, "distribution": "1", "published": true, "Attribute": poisoned(),
		"Tag": []map[string]string{{"name": "tlp:green"}, {"name": `misp-galaxy:tool="X; \Y"`}}}
	if status, answer := post(t, s.Origin+"/misp/events/add", key, event); status != http.StatusOK {
		t.Fatalf("events/add: %d %.300s", status, answer)
	}
	n := 0
	for _, f := range realEvents(t) {
		status, _ := post(t, s.Origin+"/misp/events/add", key, f)
		if status == http.StatusOK {
			n++
		}
	}
	if n == 0 {
		t.Fatal("no real event was taken")
	}
	t.Run("sigma", func(t *testing.T) { sigmaReads(t, s, key) })
	for _, c := range consumers {
		for _, scope := range []string{"events", "attributes"} {
			t.Run(c.format+"/"+scope, func(t *testing.T) { c.reads(t, s, key, scope) })
		}
	}
}

func (c consumer) reads(t *testing.T, s *Server, key, scope string) {
	program, err := exec.LookPath(c.program)
	if err != nil && c.optional {
		t.Skipf("no %s in this machine's package lists", c.program)
	}
	if c.optional && outdated(program) {
		t.Skipf("the %s of this machine is older than 7", c.program)
	}
	needTool(t, err == nil, "%s is not installed (scripts/setup.sh consumers)", c.program)
	status, text := post(t, s.Origin+"/misp/"+scope+"/restSearch", key, map[string]any{"returnFormat": c.format})
	if status != http.StatusOK || strings.Count(text, "\n") < 12 {
		t.Fatalf("%d, %d bytes", status, len(text))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "given."+c.format)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := child(exec.CommandContext(ctx, program, c.args(file, dir)...))
	cmd.Env = cleanEnv()
	out, err := cmd.CombinedOutput()
	if err != nil || c.bad.Match(out) {
		t.Errorf("%s: %v\n%s", c.program, err, tail(string(out), 3000))
		return
	}
	t.Logf("live: %s 1", c.format)
}

// sigmaReads: pySigma parses every Sigma rule that we write, conditions too.
func sigmaReads(t *testing.T, s *Server, key string) {
	py := filepath.Join(root, "e2e", ".venv", "bin", "python")
	needTool(t, exec.Command(py, "-c", "import sigma.collection, yaml").Run() == nil, "pySigma is not installed (scripts/setup.sh python)")
	r, err := http.NewRequest("GET", s.Origin+"/api/v1/detection/sigma", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || bytes.Count(text, []byte("\ntitle:")) < 2 {
		t.Fatalf("%d %v %.300s", res.StatusCode, err, text)
	}
	file := filepath.Join(t.TempDir(), "given.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := child(exec.CommandContext(ctx, py, "-X", "utf8", filepath.Join(root, "e2e", "py", "sigma_read.py"), file))
	cmd.Env = cleanEnv()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("pySigma: %v\n%s", err, tail(string(out), 3000))
		return
	}
	t.Logf("live: sigma 1 (%s)", strings.TrimSpace(string(out)))
}

// outdated tells whether it is a Suricata from before the language of our rules.
func outdated(program string) bool {
	out, _ := exec.Command(program, "-V").CombinedOutput() // its exit code says nothing
	m := regexp.MustCompile(`version (\d+)\.`).FindSubmatch(out)
	return m != nil && len(m[1]) == 1 && m[1][0] < '7'
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// realEvents are the shared real events, marked as published.
func realEvents(t *testing.T) (list []map[string]any) {
	t.Helper()
	dir := SharedData(t, "misp-events")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no events in %s: %v", dir, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", f, err))
		}
		for _, e := range eventsIn(v) {
			e["published"] = true
			list = append(list, map[string]any{"Event": e})
		}
	}
	return list
}

// eventsIn finds the events in the wrappers that people use.
func eventsIn(v any) (list []map[string]any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			list = append(list, eventsIn(e)...)
		}
	case map[string]any:
		if e, ok := v["Event"].(map[string]any); ok {
			return append(list, e)
		}
		if e, ok := v["response"]; ok {
			return eventsIn(e)
		}
	}
	return list
}
