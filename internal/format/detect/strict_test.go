package detect_test

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// zeek reads a line as Zeek's Input Framework does (ascii reader: five fields by tabs,
// \xNN is a byte, "-" is nothing) and holds the indicator against its type (Intelligence
// Framework, Intel::Type).
func zeek(l string) error {
	f := strings.Split(l, "\t")
	if len(f) != 5 {
		return fmt.Errorf("not five fields: %q", l)
	}
	for i := range f {
		s, err := unescape(f[i])
		if err != nil {
			return fmt.Errorf("%q: %w", l, err)
		}
		f[i] = s
	}
	value := f[0]
	if f[0] == "" || strings.HasPrefix(l, "-\t") {
		return fmt.Errorf("no indicator: %q", l)
	}
	switch f[1] {
	case "Intel::ADDR":
		if _, err := netip.ParseAddr(value); err != nil {
			return err
		}
	case "Intel::SUBNET":
		if p, err := netip.ParsePrefix(value); err != nil || p.Masked() != p {
			return fmt.Errorf("no network: %q", value)
		}
	case "Intel::DOMAIN":
		if !domain.MatchString(value) {
			return fmt.Errorf("no name: %q", value)
		}
	case "Intel::URL":
		if strings.Contains(value, "://") && !strings.ContainsAny(strings.SplitN(value, "://", 2)[0], "/?#") {
			return fmt.Errorf("a scheme in %q", value)
		}
	case "Intel::EMAIL":
		if !strings.Contains(value, "@") {
			return fmt.Errorf("no address: %q", value)
		}
	case "Intel::FILE_HASH", "Intel::CERT_HASH":
		b, err := hex.DecodeString(value)
		if err != nil || !slices.Contains([]int{16, 20, 32}, len(b)) {
			return fmt.Errorf("no hash: %q", value)
		}
	case "Intel::SOFTWARE", "Intel::FILE_NAME":
	default:
		return fmt.Errorf("no type of Zeek's: %q", f[1])
	}
	return nil
}

var domain = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x20 || c == 0x7f {
			return "", fmt.Errorf("byte %#x as it is", c)
		}
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		if i+3 >= len(s) || s[i+1] != 'x' {
			return "", fmt.Errorf("a stray backslash in %q", s)
		}
		n, err := hex.DecodeString(s[i+2 : i+4])
		if err != nil {
			return "", err
		}
		b.Write(n)
		i += 3
	}
	return b.String(), nil
}

var (
	sigmaTag  = regexp.MustCompile(`^[a-z0-9_-]+\.[a-z0-9._-]+$`)
	sigmaID   = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	sigmaDate = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	sigmaTLP  = []string{"tlp.red", "tlp.amber", "tlp.amber-strict", "tlp.green", "tlp.clear"}
)

// sigma holds a rule of ours against the specification of Sigma rules 2.0.0: which keys
// there are, what they may be, that the condition names what the detection holds, and
// that fields carry only modifiers of the standard with values that fit them.
func sigma(v map[string]any) error {
	for k := range v {
		if !slices.Contains([]string{"title", "id", "status", "description", "author", "date", "tags", "logsource", "detection", "level"}, k) {
			return fmt.Errorf("a key %q", k)
		}
	}
	text := func(k string) string { s, _ := v[k].(string); return s }
	switch {
	case text("title") == "" || utf8.RuneCountInString(text("title")) > 256:
		return fmt.Errorf("title %q", text("title"))
	case !sigmaID.MatchString(text("id")):
		return fmt.Errorf("id %q", text("id"))
	case text("status") != "experimental" || !slices.Contains([]string{"informational", "low", "medium", "high", "critical"}, text("level")):
		return fmt.Errorf("status %q, level %q", text("status"), text("level"))
	case v["date"] != nil && !sigmaDate.MatchString(text("date")):
		return fmt.Errorf("date %v", v["date"])
	}
	tags, _ := v["tags"].([]any)
	for _, x := range tags {
		if s, _ := x.(string); !sigmaTag.MatchString(s) || strings.HasPrefix(s, "tlp.") && !slices.Contains(sigmaTLP, s) {
			return fmt.Errorf("tag %v", x)
		}
	}
	source, _ := v["logsource"].(map[string]any)
	if c, _ := source["category"].(string); !slices.Contains([]string{"dns", "proxy", "firewall", "process_creation"}, c) {
		return fmt.Errorf("logsource %v", v["logsource"])
	}
	what, _ := v["detection"].(map[string]any)
	if what["condition"] != "selection" || len(what) != 2 {
		return fmt.Errorf("detection %v", what)
	}
	list, _ := what["selection"].([]any)
	if len(list) == 0 {
		return fmt.Errorf("nothing is selected: %v", what)
	}
	for _, x := range list {
		fields, _ := x.(map[string]any)
		for name, values := range fields {
			if err := sigmaField(name, values); err != nil {
				return err
			}
		}
	}
	return nil
}

func sigmaField(name string, values any) error {
	name, modifier, _ := strings.Cut(name, "|")
	if name == "" || !slices.Contains([]string{"", "endswith", "contains", "cidr"}, modifier) {
		return fmt.Errorf("field %q with %q", name, modifier)
	}
	list, _ := values.([]any)
	if len(list) == 0 {
		return fmt.Errorf("%s has no values", name)
	}
	for _, x := range list {
		s, ok := x.(string)
		if !ok || s == "" {
			return fmt.Errorf("%s holds %v", name, x)
		}
		if _, err := netip.ParsePrefix(s); modifier == "cidr" && err != nil {
			return fmt.Errorf("%q is no network", s)
		}
		for i := range len(s) { // a wildcard that nobody wrote selects anything
			if c := s[i]; (c == '*' || c == '?') && (i == 0 || s[i-1] != '\\') {
				return fmt.Errorf("a wildcard in %q", s)
			}
		}
	}
	return nil
}
