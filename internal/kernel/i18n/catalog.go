package i18n

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"html/template"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// message is one entry in one language: other always, the rest when plural. There are
// some ten thousand of them in memory at any time, hence no map.
type message struct {
	by              string // placeholder whose number chooses the form; "" = no plural
	other, one, few string
}

// form gives the text of a CLDR category, other's where the language does not tell it apart.
func (m *message) form(name string) string {
	switch {
	case name == "one" && m.one != "":
		return m.one
	case name == "few" && m.few != "":
		return m.few
	}
	return m.other
}

// forms are the texts that there are, by category.
func (m *message) forms() map[string]string {
	out := map[string]string{"other": m.other}
	if m.one != "" {
		out["one"] = m.one
	}
	if m.few != "" {
		out["few"] = m.few
	}
	return out
}

// Catalog is every message of every room in three languages. Safe for use by
// many goroutines; never changed after NewCatalog.
type Catalog struct {
	langs   map[Lang]map[string]message
	mu      sync.Mutex
	missing map[string]bool
}

// NewCatalog joins the messages of rooms. Each fsys holds messages/sr-Cyrl.json
// and messages/en.json (messages/sr-Latn.json where the rule is not enough): an
// object of key to text, or to {"plural":"n","one":…,"few":…,"other":…}. A key
// that two rooms define is an error; so is a file that is no such object.
func NewCatalog(fsys ...fs.FS) (*Catalog, error) {
	c := &Catalog{langs: map[Lang]map[string]message{SrCyrl: {}, SrLatn: {}, En: {}}, missing: map[string]bool{}}
	for _, f := range fsys {
		for _, l := range Langs {
			if err := c.load(f, l); err != nil {
				return nil, err
			}
		}
	}
	for key, m := range c.langs[SrCyrl] {
		if _, ok := c.langs[SrLatn][key]; ok {
			continue
		}
		c.langs[SrLatn][key] = message{m.by, Latin(m.other), Latin(m.one), Latin(m.few)}
	}
	return c, nil
}

func (c *Catalog) load(fsys fs.FS, l Lang) error {
	name := "messages/" + string(l) + ".json"
	raw, err := fs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) && l == SrLatn {
		return nil
	}
	if err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return fmt.Errorf("messages: %s: %w", name, err)
	}
	for key, v := range entries {
		if _, twice := c.langs[l][key]; twice {
			return fmt.Errorf("messages: %s: key %q is defined by two rooms", name, key)
		}
		m, err := parseMessage(v)
		if err != nil {
			return fmt.Errorf("messages: %s: %q: %w", name, key, err)
		}
		c.langs[l][key] = m
	}
	return nil
}

func parseMessage(v json.RawMessage) (message, error) {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return message{other: s}, nil
	}
	var forms struct{ Plural, Other, One, Few string }
	read := json.NewDecoder(bytes.NewReader(v))
	read.DisallowUnknownFields()
	if err := read.Decode(&forms); err != nil {
		return message{}, errors.New("neither a text nor an object of plural forms (one, few, other)")
	}
	if forms.Plural == "" || forms.Other == "" {
		return message{}, errors.New(`a plural needs "plural" (the placeholder) and "other"`)
	}
	return message{forms.Plural, forms.Other, forms.One, forms.Few}, nil
}

var placeholder = regexp.MustCompile(`\{[a-z][a-z0-9_]*\}`)

// Has tells whether key is known in l.
func (c *Catalog) Has(l Lang, key string) bool { _, ok := c.langs[l.or()][key]; return ok }

// Keys lists all keys of Serbian Cyrillic, ascending.
func (c *Catalog) Keys() []string {
	keys := make([]string, 0, len(c.langs[SrCyrl]))
	for k := range c.langs[SrCyrl] {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Missing lists keys that were asked for and are not there, for tests.
func (c *Catalog) Missing() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]string, 0, len(c.missing))
	for k := range c.missing {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// T gives the text of key in l with its placeholders filled. args are pairs of
// name and value: T(l, "case.tasks", "n", 5, "name", "Ana"). Integers are written
// as the language writes numbers. A missing key shows as ⟦key⟧ and is noted.
func (c *Catalog) T(l Lang, key string, args ...any) string {
	text, ok := c.form(l, key, args)
	if !ok {
		return "⟦" + key + "⟧"
	}
	return fill(l, strings.ReplaceAll(text, "`", ""), args, func(s string) string { return s })
}

// HTML is T for a page: arguments are escaped, foreign words between backticks
// and arguments in the other script stand in marked spans. An argument that is
// template.HTML already goes in as it is.
func (c *Catalog) HTML(l Lang, key string, args ...any) template.HTML {
	text, ok := c.form(l, key, args)
	if !ok {
		return template.HTML("⟦" + html.EscapeString(key) + "⟧")
	}
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		esc := html.EscapeString(part)
		if i%2 == 1 {
			b.WriteString(markOpen(part) + fill(l, esc, args, html.EscapeString) + "</span>")
			continue
		}
		b.WriteString(fill(l, esc, args, func(s string) string { return string(Mark(l, s)) }))
	}
	return template.HTML(b.String())
}

// form finds the text of key, in the plural form that the arguments ask for.
func (c *Catalog) form(l Lang, key string, args []any) (string, bool) {
	m, ok := c.langs[l.or()][key]
	if !ok {
		c.mu.Lock()
		c.missing[key] = true
		c.mu.Unlock()
		return "", false
	}
	if m.by == "" {
		return m.other, true
	}
	n, _ := lookup(args, m.by)
	return m.form(pluralForm(l, n)), true
}

// lookup finds a named argument.
func lookup(args []any, name string) (any, bool) {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return args[i+1], true
		}
	}
	return nil, false
}

// fill replaces placeholders; text values pass through quote.
func fill(l Lang, text string, args []any, quote func(string) string) string {
	if len(args) == 0 || !strings.Contains(text, "{") {
		return text
	}
	return placeholder.ReplaceAllStringFunc(text, func(ph string) string {
		v, ok := lookup(args, ph[1:len(ph)-1])
		if !ok {
			return ph
		}
		switch v := v.(type) {
		case template.HTML:
			return string(v)
		case string:
			return quote(v)
		case Text:
			return quote(v.In(l))
		}
		if n, ok := asInt(v); ok {
			return Number(l, n)
		}
		return quote(fmt.Sprint(v))
	})
}

// pluralForm names the CLDR category of n in l; a value that is no number is other.
func pluralForm(l Lang, v any) string {
	n, ok := asInt(v)
	if !ok {
		return "other"
	}
	if n < 0 {
		n = -n
	}
	tag := language.English
	if l.Serbian() {
		tag = language.Serbian
	}
	switch plural.Cardinal.MatchPlural(tag, int(n%1_000_000), 0, 0, 0, 0) {
	case plural.One:
		return "one"
	case plural.Few:
		return "few"
	}
	return "other"
}

func asInt(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case int32:
		return int64(n), true
	case uint64:
		return int64(n), true
	}
	return 0, false
}

// Check compares the languages: every key in both, the same placeholders, the
// plural forms that the language has, no empty text, backticks in pairs.
func (c *Catalog) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	sr, en := c.langs[SrCyrl], c.langs[En]
	for _, key := range c.Keys() {
		e, ok := en[key]
		if !ok {
			bad("%s: missing in en", key)
			continue
		}
		if sr[key].by != e.by {
			bad("%s: plural by %q in sr-Cyrl, by %q in en", key, sr[key].by, e.by)
		}
		want := placeholders(sr[key].other)
		for _, l := range Langs {
			m := c.langs[l][key]
			for form, text := range m.forms() {
				if strings.TrimSpace(text) == "" || strings.Count(text, "`")%2 != 0 {
					bad("%s: %s %s: empty, or an odd number of backticks", key, l, form)
				}
				if got := placeholders(text); m.by == "" && !slices.Equal(got, want) || !subset(got, want, m.by) {
					bad("%s: %s %s: placeholders %v, want %v", key, l, form, got, want)
				}
			}
			if m.by != "" && (m.one == "" || l.Serbian() && m.few == "") {
				bad("%s: %s: plural form missing (one, few, other in Serbian; one, other in English)", key, l)
			}
		}
	}
	for key := range en {
		if _, ok := sr[key]; !ok {
			bad("%s: missing in sr-Cyrl", key)
		}
	}
	for key := range c.langs[SrLatn] {
		if _, ok := sr[key]; !ok {
			bad("%s: sr-Latn overrides nothing", key)
		}
	}
	return errors.Join(errs...)
}

func placeholders(s string) []string {
	found := placeholder.FindAllString(s, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// subset allows a plural form to leave out the number itself ("one report").
func subset(got, want []string, by string) bool {
	for _, w := range want {
		if w != "{"+by+"}" && !slices.Contains(got, w) {
			return false
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) && g != "{"+by+"}" {
			return false
		}
	}
	return true
}

// Placeholders lists the placeholder names of key, ascending, the number that
// chooses a plural form included; false when there is no such key.
func (c *Catalog) Placeholders(key string) ([]string, bool) {
	m, ok := c.langs[SrCyrl][key]
	if !ok {
		return nil, false
	}
	var out []string
	for _, text := range m.forms() {
		for _, ph := range placeholders(text) {
			out = append(out, ph[1:len(ph)-1])
		}
	}
	if m.by != "" {
		out = append(out, m.by)
	}
	slices.Sort(out)
	return slices.Compact(out), true
}
