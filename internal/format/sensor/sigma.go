package sensor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"straza/internal/format/indicator"
)

// Sigma writes YAML documents: rules that somebody wrote, read and written again, and
// for each event one rule for each place where its indicators would be met.
type Sigma struct {
	w     io.Writer
	event indicator.Item
	names []string // DNS
	urls  []string // proxy
	addrs []string // firewall
	files []string // hashes of processes' images
	n     int
}

// perRule bounds a rule's list.
const perRule = 500

// NewSigma returns a Sigma on w.
func NewSigma(w io.Writer) *Sigma { return &Sigma{w: w} }

// Add keeps the item for its event's rules, or passes a written rule on. Items of an
// event are expected together.
func (x *Sigma) Add(it *indicator.Item) error {
	if it.EventUUID != x.event.EventUUID {
		if err := x.event1(); err != nil {
			return err
		}
		x.event = *it
	}
	if it.Type == "sigma" {
		return x.given(it.Value)
	}
	for _, p := range it.Parts() {
		switch p.Kind {
		case indicator.Domain:
			x.names = once(x.names, p.Value)
		case indicator.URL:
			x.urls = once(x.urls, p.Value)
		case indicator.IP, indicator.Network:
			x.addrs = once(x.addrs, p.Value)
		case indicator.Hash:
			if p.Sub == "md5" || p.Sub == "sha1" || p.Sub == "sha256" || p.Sub == "imphash" {
				x.files = once(x.files, strings.ToUpper(p.Sub)+"="+strings.ToUpper(p.Value))
			}
		}
	}
	if max(len(x.names), len(x.urls), len(x.addrs), len(x.files)) >= perRule {
		return x.event1()
	}
	return nil
}

// once adds what a rule, of at most perRule, does not hold yet.
func once(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// Close writes what is left.
func (x *Sigma) Close() error { return x.event1() }

type logsource struct {
	Category string `yaml:"category"`
	Product  string `yaml:"product,omitempty"`
}

type sigmaRule struct {
	Title       string         `yaml:"title"`
	ID          string         `yaml:"id"`
	Status      string         `yaml:"status"`
	Description string         `yaml:"description"`
	Author      string         `yaml:"author,omitempty"`
	Date        string         `yaml:"date,omitempty"`
	Tags        []string       `yaml:"tags,omitempty"`
	Logsource   logsource      `yaml:"logsource"`
	Detection   map[string]any `yaml:"detection"`
	Level       string         `yaml:"level"`
}

// event1 writes the rules of the event under way.
func (x *Sigma) event1() error {
	for _, r := range []struct {
		what   string
		from   logsource
		fields []map[string]any
		list   []string
	}{
		// The name itself or what lies below it: "notevil.example" is another.
		{"DNS query", logsource{Category: "dns"}, []map[string]any{{"query": x.names}, {"query|endswith": dotted(x.names)}}, x.names},
		{"URL", logsource{Category: "proxy"}, []map[string]any{{"c-uri|contains": literal(x.urls)}}, x.urls},
		{"address", logsource{Category: "firewall"}, places(x.addrs), x.addrs},
		{"file", logsource{Category: "process_creation", Product: "windows"}, []map[string]any{{"Hashes|contains": x.files}}, x.files},
	} {
		if len(r.list) == 0 {
			continue
		}
		id := sha256.Sum256([]byte(x.event.EventUUID + "\n" + strings.Join(r.list, "\n")))
		rule := sigmaRule{Title: title(r.what+": "+x.event.Info, 100), ID: uuid5(id[:16]), Status: "experimental",
			Description: "Made from shared indicators of event " + x.event.EventUUID, Author: x.event.Org,
			Logsource: r.from, Detection: map[string]any{"selection": r.fields, "condition": "selection"}, Level: level(x.event.Threat)}
		if x.event.Timestamp > 0 {
			rule.Date = time.Unix(x.event.Timestamp, 0).UTC().Format(time.DateOnly)
		}
		if x.event.TLP != "" {
			rule.Tags = []string{"tlp." + strings.ReplaceAll(strings.ToLower(x.event.TLP), "+", "-")}
		}
		if err := x.document(rule); err != nil {
			return err
		}
	}
	x.names, x.urls, x.addrs, x.files = x.names[:0], x.urls[:0], x.addrs[:0], x.files[:0]
	return nil
}

// places tells addresses, which are compared, from networks, which hold them.
func places(list []string) (out []map[string]any) {
	var hosts, nets []string
	for _, s := range list {
		if strings.Contains(s, "/") {
			nets = append(nets, s)
		} else {
			hosts = append(hosts, s)
		}
	}
	if len(hosts) > 0 {
		out = append(out, map[string]any{"dst_ip": hosts})
	}
	if len(nets) > 0 {
		out = append(out, map[string]any{"dst_ip|cidr": nets})
	}
	return out
}

func dotted(names []string) (out []string) {
	for _, n := range names {
		out = append(out, "."+n)
	}
	return out
}

// literal takes the meaning from Sigma's own wildcards.
func literal(list []string) (out []string) {
	for _, s := range list {
		out = append(out, strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(s))
	}
	return out
}

func level(threat int) string {
	return map[int]string{1: "high", 2: "medium", 3: "low"}[threat] + map[bool]string{true: "informational"}[threat < 1 || threat > 3]
}

func title(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func uuid5(b []byte) string {
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// given reads somebody's rule and writes it again, so that it is one document and no
// more than YAML says.
func (x *Sigma) given(text string) error {
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		var n yaml.Node
		if d.Decode(&n) != nil {
			return nil // the end, or what cannot be read
		}
		if len(n.Content) != 1 || n.Content[0].Kind != yaml.MappingNode {
			continue
		}
		keys := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content[0].Content); i += 2 {
			keys[n.Content[0].Content[i].Value] = n.Content[0].Content[i+1]
		}
		title, detection := keys["title"], keys["detection"]
		if title != nil && title.Tag == "!!str" && title.Value != "" && detection != nil && detection.Kind == yaml.MappingNode && !aliased(&n, 0) {
			if err := x.document(&n); err != nil {
				return err
			}
		}
	}
}

// aliased finds anchors' uses: a small text could unfold to a large one.
func aliased(n *yaml.Node, depth int) bool {
	if n.Kind == yaml.AliasNode || depth > 30 {
		return true
	}
	for _, c := range n.Content {
		if aliased(c, depth+1) {
			return true
		}
	}
	return false
}

func (x *Sigma) document(v any) error {
	var b bytes.Buffer
	if x.n++; x.n > 1 {
		b.WriteString("---\n")
	}
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := b.WriteTo(x.w)
	return err
}
