package registry

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/kernel/i18n"
)

// Change is one row of an organisation's history.
type Change struct {
	ID      int64
	Version int64
	At      time.Time
	Actor   string // display name, or the part of Straža
	Act     string // add, change, withdraw, contact-add …
	Fields  []Field
}

// Field is one field that an act changed; From is "" when there was nothing.
type Field struct {
	Name string `json:"f"`
	From string `json:"o,omitempty"`
	To   string `json:"n,omitempty"`
}

// diff lists the fields in which two states of an organisation differ, in a fixed order.
func diff(before, after Organisation) []Field {
	return pairs(fieldsOf(before), fieldsOf(after))
}

func fieldsOf(o Organisation) [][2]string {
	return [][2]string{
		{"name", o.Name}, {"names", textLine(o.Names)}, {"aliases", strings.Join(o.Aliases, "; ")},
		{"kind", o.Kind}, {"sector", o.Sector}, {"country", o.Country},
		{"registration_no", o.RegistrationNo}, {"tax_no", o.TaxNo}, {"seat", o.Seat}, {"website", o.Website},
		{"note", o.Note}, {"state", string(o.State)}, {"disclosure", string(o.Disclosure)},
	}
}

func contactFields(c Contact) [][2]string {
	return [][2]string{{"kind", c.Kind}, {"name", c.Name}, {"job", c.Job}, {"phone", c.Phone}, {"email", c.Email}, {"hours", c.Hours}, {"lang", string(c.Lang)}}
}

func assetFields(a Asset) [][2]string {
	return [][2]string{{"kind", a.Kind}, {"name", a.Name}, {"product", a.Product}, {"criticality", strconv.FormatInt(a.Criticality, 10)}, {"note", a.Note},
		{"withdrawn", day(a.Withdrawn)}}
}

func resourceFields(r Resource) [][2]string {
	return [][2]string{{r.Kind, r.Value}, {"note", r.Note}, {"claimed", day(r.Claimed)}, {"withdrawn", day(r.Withdrawn)}}
}

func pairs(before, after [][2]string) []Field {
	var out []Field
	for i, f := range after {
		if before[i][1] != f[1] {
			out = append(out, Field{Name: f[0], From: before[i][1], To: f[1]})
		}
	}
	return out
}

// added and removed are the diffs of a part that was not there or is no more.
func added(fields [][2]string) []Field {
	var out []Field
	for _, f := range fields {
		if f[1] != "" {
			out = append(out, Field{Name: f[0], To: f[1]})
		}
	}
	return out
}

func removed(fields [][2]string) []Field {
	out := added(fields)
	for i := range out {
		out[i].From, out[i].To = out[i].To, ""
	}
	return out
}

// named says which part an act was about that changed none of its fields.
func named(name string) []Field { return []Field{{Name: "name", From: name, To: name}} }

// names gives the field names alone, for the audit line: never content.
func names(fields []Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name
	}
	return out
}

func textLine(t i18n.Text) string {
	var out []string
	for _, l := range slices.Sorted(maps.Keys(t)) {
		out = append(out, string(l)+": "+t[l])
	}
	return strings.Join(out, "; ")
}
