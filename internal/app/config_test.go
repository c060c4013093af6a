package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
)

// values gives, for every setting, three good values and a bad one ("" = none is bad).
var values = map[string][4]string{
	"database":        {"postgres://a/b", "postgres://c/d", "postgresql://e/f", "mysql://x"},
	"listen":          {"127.0.0.1:1", "localhost:2", "[::1]:3", "nonsense"},
	"internal-listen": {"127.0.0.1:4", "localhost:5", "[::1]:6", "0.0.0.0:7"},
	"origin":          {"https://a.example", "https://b.example", "http://c.example:8", "https://a.example/path"},
	"keys":            {"/a", "/b", "/c", ""},
	"unseal":          {"unix:///a", "unix:///b", "https://c:1#sha256=00", "tcp://x"},
	"tls-cert":        {"a", "b", "c", ""},
	"tls-key":         {"a", "b", "c", ""},
	"trusted-proxies": {"10.0.0.0/8", "10.1.0.0/16", "::1/128", "everybody"},
	"log-level":       {"debug", "warn", "error", "loud"},
	"log-format":      {"json", "text", "json", "xml"},
	"mail":            {"smtp://a", "smtps://b", "smtp://c:25", "http://x"},
	"mail-from":       {"a@b.c", "d@e.f", "g@h.i", ""},
	"mail-listen":     {"127.0.0.1:8", "127.0.0.1:9", "127.0.0.1:10", "nonsense"},
	"imap":            {"imaps://a", "imaps://b", "imaps://c", ""},
	"allow-net":       {"10.0.0.0/8", "10.1.0.0/16", "::1/128", "127.0.0.1"},
	"demo":            {"true", "false", "true", "perhaps"},
	"node":            {"1", "2", "7", "8"},
}

// Every setting: flag before environment before straza.toml before default, and a
// bad value from any of them names the key, where it came from and what is allowed.
func TestEverySetting(t *testing.T) {
	t.Parallel()
	for _, s := range settings {
		if s.key == "data" {
			continue // the file itself lies there: flag, environment, default only
		}
		v, ok := values[s.key]
		if !ok {
			t.Errorf("%s has no values here", s.key)
			continue
		}
		file := func(value string) map[string]string {
			dir := t.TempDir()
			text := s.key + " = \"" + value + "\"\n"
			switch s.key { // settings that want another beside them
			case "tls-cert":
				text += "tls-key = \"x\"\n"
			case "tls-key":
				text += "tls-cert = \"x\"\n"
			}
			if err := os.WriteFile(filepath.Join(dir, "straza.toml"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return map[string]string{"data": dir}
		}
		env := []string{s.variable() + "=" + v[1]}
		flags := file(v[2])
		for _, step := range []struct {
			env            []string
			flag           bool
			want, fromWhom string
		}{
			{nil, false, v[2], "straza.toml"}, {env, false, v[1], s.variable()}, {env, true, v[0], "--" + s.key},
		} {
			delete(flags, s.key)
			if step.flag {
				flags[s.key] = v[0]
			}
			c, err := loadConfig(flags, step.env)
			if err != nil || c.get(s.key) != step.want || c.sources[s.key] != step.fromWhom {
				t.Errorf("%s: %q from %q, %v; want %q from %q", s.key, c.get(s.key), c.sources[s.key], err, step.want, step.fromWhom)
			}
		}
		if v[3] == "" {
			continue
		}
		empty := map[string]string{"data": t.TempDir()}
		for from, load := range map[string]func() (Config, error){
			"straza.toml": func() (Config, error) { return loadConfig(file(v[3]), nil) },
			s.variable():  func() (Config, error) { return loadConfig(empty, []string{s.variable() + "=" + v[3]}) },
			"--" + s.key:  func() (Config, error) { return loadConfig(map[string]string{"data": empty["data"], s.key: v[3]}, nil) },
		} {
			_, err := load()
			var exit *cli.Exit
			f := fault.Of(err)
			if !errors.As(err, &exit) || exit.Code != cli.Usage || f == nil || !strings.Contains(f.Detail, s.key) || !strings.Contains(f.Detail, from) {
				t.Errorf("%s = %q by %s: %v", s.key, v[3], from, err)
			} else if _, named := f.Fields[s.key]; !named {
				t.Errorf("%s: the fault names no field: %v", s.key, err)
			}
		}
	}
}
