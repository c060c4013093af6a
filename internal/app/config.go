package app

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/vault"
)

// setting is one row of spec program §2: a flag, an environment variable, a key
// of straza.toml and a default. check says what is allowed.
type setting struct {
	key, def, help string
	env            string // without STRAZA_; "" = from the key
	toggle         bool   // a flag without a value
	secret         bool   // hidden by `straza config`
	check          func(string) error
}

var settings = []setting{
	{key: "data", def: "./data", help: "the installation's folder"},
	{key: "database", help: "postgres://… for PostgreSQL; SQLite in the data folder otherwise", secret: true, check: checkDatabase},
	{key: "listen", def: "127.0.0.1:8480", help: "host:port; port 0 picks a free one", check: checkListen},
	{key: "internal-listen", help: "separate loopback listener for /metrics and profiling", check: checkLoopback},
	{key: "origin", help: "the one origin in links and cookies", check: checkOrigin},
	{key: "keys", help: "the web node's keys; default <data>/keys or systemd's credentials directory"},
	{key: "unseal", help: "the process that may open sealed reports; started by serve itself otherwise", check: checkUnseal},
	{key: "tls-cert", help: "certificate file: serve TLS itself"},
	{key: "tls-key", help: "key file of the certificate"},
	{key: "trusted-proxies", help: "CIDRs of proxies whose forwarded addresses count", check: checkCIDRs},
	{key: "log-level", def: "info", help: "debug, info, warn or error", check: oneOf("debug", "info", "warn", "error")},
	{key: "log-format", help: "json, or text (default on a terminal)", check: oneOf("", "json", "text")},
	{key: "mail", help: "smtp://… or smtps://…; caught in the database otherwise", secret: true, check: checkMail},
	{key: "mail-from", help: "own address"},
	{key: "mail-listen", help: "host:port for incoming mail", check: checkListen},
	{key: "imap", help: "imaps://… to fetch incoming mail from", secret: true},
	{key: "allow-net", env: "ALLOW_NETS", help: "private networks that the outbound client may reach", check: checkCIDRs},
	{key: "demo", help: "demo conveniences; only on an installation filled by straza demo", toggle: true, check: oneOf("", "true", "false")},
	{key: "node", def: "0", help: "0 to 7: number of this node beside others on one PostgreSQL", check: oneOf("0", "1", "2", "3", "4", "5", "6", "7")},
}

func (s setting) variable() string {
	name := s.env
	if name == "" {
		name = strings.ToUpper(strings.ReplaceAll(s.key, "-", "_"))
	}
	return "STRAZA_" + name
}

// Config is the settings in force and where each came from.
type Config struct {
	values  map[string]string
	sources map[string]string
}

func (c Config) get(key string) string { return c.values[key] }
func (c Config) data() string          { return c.values["data"] }
func (c Config) demo() bool            { return c.values["demo"] == "true" }
func (c Config) list(key string) []string {
	return strings.FieldsFunc(c.values[key], func(r rune) bool { return r == ',' || r == ' ' })
}

// keysDir is where the web node's keys are: named, systemd's when it brings them, or
// in the data folder.
func (c Config) keysDir(environ []string) string {
	if k := c.get("keys"); k != "" {
		return k
	}
	for _, e := range environ {
		if dir, ok := strings.CutPrefix(e, "CREDENTIALS_DIRECTORY="); ok && dir != "" && vault.Holds(dir) {
			return dir
		}
	}
	return c.ownKeys()
}

// ownKeys is the folder of keys in the data folder; what is public of them stays
// there even when systemd brings the secret ones, read-only.
func (c Config) ownKeys() string { return filepath.Join(c.data(), "keys") }

// origin is the one in links: named, or localhost with the port listened on.
func (c Config) origin() string {
	if o := c.get("origin"); o != "" {
		return o
	}
	return "http://localhost:" + portOf(c.get("listen"))
}

// otherEnv are STRAZA_ variables that are no settings of the program.
var otherEnv = []string{"STRAZA_TEST_PG", "STRAZA_VERSION", "STRAZA_FAULT", "STRAZA_UNSEAL_TOKEN"}

// splitSettings takes the settings out of a command's arguments.
func splitSettings(args []string) (flags map[string]string, rest []string, err error) {
	flags = map[string]string{}
	for i := 0; i < len(args); i++ {
		// For these two --keys names a file of keys, not the folder (spec program §3).
		if keysFile := slices.Contains(rest, "backup") || slices.Contains(rest, "restore"); keysFile {
			if tail, ok := cutFlag(args[i], "keys"); ok {
				rest = append(rest, "--keys-file"+tail)
				continue
			}
		}
		// The unsealing process listens and keeps keys elsewhere than the web node.
		if slices.Contains(rest, "unseal") {
			if tail, ok := cutFlag(args[i], "listen"); ok {
				rest = append(rest, "--unseal-listen"+tail)
				continue
			}
			if tail, ok := cutFlag(args[i], "keys"); ok {
				rest = append(rest, "--unseal-keys"+tail)
				continue
			}
		}
		name, value, has := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		k := slices.IndexFunc(settings, func(s setting) bool { return s.key == name })
		if args[i] == "--" {
			return flags, append(rest, args[i:]...), nil
		}
		if !strings.HasPrefix(args[i], "-") || k < 0 {
			rest = append(rest, args[i])
			continue
		}
		switch {
		case has:
		case settings[k].toggle:
			value = "true"
		case i+1 < len(args):
			i++
			value = args[i]
		default:
			return nil, nil, cli.UsageError("--%s needs a value: %s", name, settings[k].help)
		}
		flags[name] = value
	}
	return flags, rest, nil
}

// cutFlag takes "--name" or "--name=value" apart.
func cutFlag(arg, name string) (tail string, ok bool) {
	tail, ok = strings.CutPrefix(strings.TrimPrefix(arg, "-"), "-"+name)
	return tail, ok && (tail == "" || tail[0] == '=')
}

// loadConfig joins flags, environment, straza.toml and defaults, in that order of
// precedence. Faults: usage errors that name the key and what is allowed.
func loadConfig(flags map[string]string, environ []string) (Config, error) {
	c := Config{values: map[string]string{}, sources: map[string]string{}}
	env, err := fromEnvironment(environ)
	if err != nil {
		return c, err
	}
	folder := "./data"
	for _, from := range []map[string]string{env, flags} {
		if v, ok := from["data"]; ok {
			folder = v
		}
	}
	file, err := fromFile(filepath.Join(folder, "straza.toml"))
	if err != nil {
		return c, err
	}
	for _, s := range settings {
		c.values[s.key], c.sources[s.key] = s.def, "default"
		for _, from := range []struct {
			name string
			m    map[string]string
		}{{"straza.toml", file}, {s.variable(), env}, {"--" + s.key, flags}} {
			if v, ok := from.m[s.key]; ok {
				c.values[s.key], c.sources[s.key] = v, from.name
			}
		}
		if s.check != nil {
			if err := s.check(c.values[s.key]); err != nil {
				return c, settingError(s.key, "%s (%s): %v", s.key, c.sources[s.key], err)
			}
		}
	}
	return c, c.together()
}

// settingError is a usage error that names its key to machines too.
func settingError(key, format string, args ...any) error {
	return &cli.Exit{Code: cli.Usage, Err: fault.Field(key, "", format, args...)}
}

func fromEnvironment(environ []string) (map[string]string, error) {
	out := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "STRAZA_") || slices.Contains(otherEnv, name) {
			continue
		}
		k := slices.IndexFunc(settings, func(s setting) bool { return s.variable() == name })
		if k < 0 {
			return nil, cli.UsageError("unknown variable %s; known are %s", name, known(setting.variable))
		}
		out[settings[k].key] = value
	}
	return out, nil
}

func fromFile(path string) (map[string]string, error) {
	raw := map[string]any{}
	if _, err := os.Stat(path); err != nil {
		return nil, nil //nolint:nilerr // no file is the usual case
	}
	if _, err := toml.DecodeFile(path, &raw); err != nil {
		return nil, cli.UsageError("%s: %v", path, err)
	}
	out := map[string]string{}
	for k, v := range raw {
		if !slices.ContainsFunc(settings, func(s setting) bool { return s.key == k && k != "data" }) {
			return nil, cli.UsageError("%s: unknown key %q; known are %s", path, k, known(func(s setting) string { return s.key }))
		}
		switch v := v.(type) {
		case string, bool, int64:
			out[k] = fmt.Sprint(v)
		case []any:
			parts := make([]string, len(v))
			for i := range v {
				parts[i] = fmt.Sprint(v[i])
			}
			out[k] = strings.Join(parts, ",")
		default:
			return nil, cli.UsageError("%s: %s must be a text, a number, true or false, or a list of texts", path, k)
		}
	}
	return out, nil
}

func known(name func(setting) string) string {
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = name(s)
	}
	return strings.Join(names, ", ")
}

// together checks what depends on several settings.
func (c Config) together() error {
	host, port, _ := net.SplitHostPort(c.get("listen"))
	if c.get("origin") == "" && port != "0" && !loopback(host) {
		return settingError("origin", "origin: --listen %s is not loopback, so --origin URL must say under which address people reach it", c.get("listen"))
	}
	if (c.get("tls-cert") == "") != (c.get("tls-key") == "") {
		return settingError("tls-key", "tls-cert and tls-key go together")
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func checkDatabase(v string) error {
	if v != "" && !strings.HasPrefix(v, "postgres://") && !strings.HasPrefix(v, "postgresql://") {
		return fmt.Errorf("must be postgres://user@host/name, or absent for SQLite")
	}
	return nil
}

func checkListen(v string) error {
	if v == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(v); err != nil {
		return fmt.Errorf("must be host:port, for example 127.0.0.1:8480")
	}
	return nil
}

func checkLoopback(v string) error {
	if err := checkListen(v); err != nil || v == "" {
		return err
	}
	if host, _, _ := net.SplitHostPort(v); !loopback(host) {
		return fmt.Errorf("must be a loopback address")
	}
	return nil
}

func checkOrigin(v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("must be http(s)://host[:port] and nothing behind it")
	}
	return nil
}

func checkUnseal(v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err == nil && (u.Scheme == "unix" && u.Path != "" || u.Scheme == "https" && u.Host != "" && strings.HasPrefix(u.Fragment, "sha256=")) {
		return nil
	}
	return fmt.Errorf("must be unix:///path, or https://host:port#sha256=… as straza unseal prints it")
}

func checkMail(v string) error {
	if v != "" && !strings.HasPrefix(v, "smtp://") && !strings.HasPrefix(v, "smtps://") {
		return fmt.Errorf("must be smtp://host:port or smtps://user:password@host:port")
	}
	return nil
}

func checkCIDRs(v string) error {
	for _, p := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
		if _, err := netip.ParsePrefix(p); err != nil {
			return fmt.Errorf("%q is no network such as 10.1.0.0/16", p)
		}
	}
	return nil
}

func oneOf(allowed ...string) func(string) error {
	return func(v string) error {
		if slices.Contains(allowed, v) {
			return nil
		}
		return fmt.Errorf("%q is not one of %s", v, strings.Join(slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" }), ", "))
	}
}
