package export

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"straza/internal/format/tlp"
	"straza/internal/kernel/ident"
)

// Extent is how much a file holds. Whoever exports adds up all rows before the first
// is written, in the same snapshot.
type Extent struct {
	Rows int64     // that leave
	Held int64     // that were asked for and may not leave
	TLP  tlp.Level // the strictest label of what leaves; None when nothing does
}

// Add counts n rows with a label.
func (e *Extent) Add(l tlp.Level, n int64) {
	switch {
	case n == 0:
	case !Leaves(l):
		e.Held += n
	default:
		e.Rows += n
		e.TLP = max(e.TLP, l)
	}
}

// Level reads a label as rooms store it ("AMBER"); what has none counts as AMBER, the
// label that nobody regrets.
func Level(label string) tlp.Level {
	l, _ := tlp.Parse(label)
	return l.Or(tlp.Amber)
}

// Leaves tells whether a row with a label may stand in a file made by somebody of its
// audience: everything but RED.
func Leaves(l tlp.Level) bool {
	return tlp.Out(l, tlp.Export, tlp.Circumstance{Own: true, Named: true}).Answer == tlp.Pass
}

// Stamp says where a file comes from.
type Stamp struct {
	Installation string // name of the CERT whose installation it is
	Origin       string // its public address, without a closing slash
	At           time.Time
	By           string // see By
	Extent
}

// By names who takes something out: a person with the organisation, and the key that
// was used; a part of Straža or an operator as the log says.
func By(who ident.Actor) string {
	if who.Kind != ident.Person {
		return who.String()
	}
	name := who.Name
	if name == "" {
		name = who.String()
	}
	if who.OrgName != "" {
		name += " (" + who.OrgName + ")"
	}
	if who.Key != 0 {
		name += ", key " + strconv.FormatInt(who.Key, 10)
	}
	return name
}

// From is the installation by name and address, in one line.
func (s Stamp) From() string {
	if s.Origin == "" {
		return s.Installation
	}
	return strings.TrimSpace(s.Installation + " <" + s.Origin + ">")
}

func (s Stamp) at() string { return s.At.UTC().Truncate(time.Second).Format(time.RFC3339) }

// label is the strictest label, "" for a file that holds nothing.
func (s Stamp) label() string {
	if s.TLP == tlp.None {
		return ""
	}
	return s.TLP.Label()
}

// File is the name of a file: what it is, from where, when, and its label.
func (s Stamp) File(name, ext string) string {
	parts := []string{name}
	if u, err := url.Parse(s.Origin); err == nil && u.Host != "" {
		parts = append(parts, strings.ReplaceAll(u.Host, ":", "-"))
	}
	parts = append(parts, s.At.UTC().Format("20060102T150405Z"))
	if l := s.label(); l != "" {
		parts = append(parts, strings.NewReplacer(":", "-", "+", "-").Replace(l))
	}
	return strings.Join(parts, "_") + "." + ext
}

// Line is the stamp as the first line of a format that has comments; lead is what they
// begin with ("# ").
func (s Stamp) Line(lead string) string {
	clean := func(v string) string { return strings.Join(strings.Fields(v), " ") }
	parts := []string{lead + "Straža export from " + clean(s.From()), "at " + s.at(), "by " + clean(s.By)}
	if l := s.label(); l != "" {
		parts = append(parts, l)
	}
	parts = append(parts, strconv.FormatInt(s.Rows, 10)+" rows, "+strconv.FormatInt(s.Held, 10)+" held back")
	return strings.Join(parts, "; ") + "\n"
}

// Fields is the stamp as it stands in JSON.
type Fields struct {
	From   string `json:"installation"`
	Origin string `json:"origin,omitempty"`
	At     string `json:"at"`
	By     string `json:"by"`
	TLP    string `json:"tlp"`
	Rows   int64  `json:"rows"`
	Held   int64  `json:"held"`
}

// Fields gives the stamp's fields, for a format that has more to say in the same object.
func (s Stamp) Fields() Fields {
	return Fields{s.Installation, s.Origin, s.at(), s.By, s.label(), s.Rows, s.Held}
}

// MarshalJSON is the object that stands in front of a JSON export.
func (s Stamp) MarshalJSON() ([]byte, error) { return json.Marshal(s.Fields()) }

// Header is the stamp as the value of an HTTP header: the JSON object in ASCII.
func (s Stamp) Header() string {
	raw, _ := s.MarshalJSON() // strings and numbers always marshal
	var b strings.Builder
	for _, r := range string(raw) {
		if r < 0x7f {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			b.WriteString(`\u` + strconv.FormatInt(0x10000+int64(u), 16)[1:])
		}
	}
	return b.String()
}
