package catalog

import (
	"fmt"
	"strings"
)

// Kinds of catalogue.
const (
	Taxonomy      = "taxonomy"
	Galaxy        = "galaxy"
	Template      = "template"
	Relationships = "relationships"
	WarningList   = "warninglist"
	Model         = "model"
	NoticeList    = "noticelist"
)

// Kinds are all kinds, in the order of lists.
func Kinds() []string {
	return []string{Taxonomy, Galaxy, Template, Relationships, WarningList, Model, NoticeList}
}

// Item is one catalogue without its body.
type Item struct {
	ID          int64
	Kind        string
	Key         string // what it is known by: namespace, type, UUID or name
	UUID        string
	Name        string
	Description string
	Class       string // galaxy: namespace; template: meta-category; warning list: type (string, cidr …)
	Version     int64
	Enabled     bool
	Builtin     bool
	Entries     int64
	Types       []string // warning list: attribute types it is matched for
	Changed     int64    // µs
	Required    bool     // taxonomy: nothing is published without one of its tags
	Exclusive   bool     // taxonomy: of all its tags only one may be attached
	Highlighted bool     // taxonomy: shown first
	Own         bool     // made here, not imported
}

// Entry is one tag of a taxonomy.
type Entry struct {
	Tag         string // namespace:predicate="value"
	Expanded    string
	Description string
	Colour      string
	Numerical   *int64
	Exclusive   bool // of the tags of its predicate (or taxonomy) only one may be attached
}

// machinetag is a taxonomy in upstream format.
type machinetag struct {
	Namespace   string `json:"namespace"`
	Description string `json:"description"`
	Expanded    string `json:"expanded"`
	UUID        string `json:"uuid"`
	Version     number `json:"version"`
	Exclusive   bool   `json:"exclusive"`
	Predicates  []struct {
		entry
		Exclusive bool `json:"exclusive"`
	} `json:"predicates"`
	Values []struct {
		Predicate string  `json:"predicate"`
		Entry     []entry `json:"entry"`
	} `json:"values"`
}

type entry struct {
	Value       string `json:"value"`
	Expanded    string `json:"expanded"`
	Description string `json:"description"`
	Colour      string `json:"colour"`
	Numerical   *int64 `json:"numerical_value"`
}

// entries lists the tags of a taxonomy: a predicate without values is a tag itself.
func (m *machinetag) entries() []Entry {
	values := map[string][]entry{}
	for _, v := range m.Values {
		values[v.Predicate] = append(values[v.Predicate], v.Entry...)
	}
	var out []Entry
	for _, p := range m.Predicates {
		exclusive := m.Exclusive || p.Exclusive
		if len(values[p.Value]) == 0 {
			out = append(out, Entry{Tag: m.Namespace + ":" + p.Value, Expanded: p.Expanded, Description: p.Description,
				Colour: p.Colour, Numerical: p.Numerical, Exclusive: exclusive})
		}
		for _, e := range values[p.Value] {
			out = append(out, Entry{Tag: fmt.Sprintf(`%s:%s="%s"`, m.Namespace, p.Value, e.Value), Expanded: either(e.Expanded, e.Value),
				Description: e.Description, Colour: either(e.Colour, p.Colour), Numerical: e.Numerical, Exclusive: exclusive})
		}
	}
	return out
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// number reads versions, which come as numbers, as texts and as dates.
type number int64

// UnmarshalJSON takes digits wherever they stand.
func (n *number) UnmarshalJSON(b []byte) error {
	for _, c := range strings.Trim(string(b), `"`) {
		if c >= '0' && c <= '9' && *n < 1e15 {
			*n = *n*10 + number(c-'0')
		}
	}
	return nil
}
