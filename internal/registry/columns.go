package registry

import (
	"strings"
	"time"

	"straza/internal/kernel/i18n"
)

// column is one column of the CSV form: how a record is written into it and, for
// those that may be imported, read from it.
type column struct {
	name  string
	write func(*Record) string
	read  func(*Record, string)
}

// several joins values in one cell; none of our values contains a semicolon.
const several = "; "

// columns is the CSV form, the same for export and import.
var columns = []column{
	{"id", func(r *Record) string { return r.ID }, func(r *Record, v string) { r.ID = v }},
	{"name", func(r *Record) string { return r.Name }, func(r *Record, v string) { r.Name = v }},
	inLanguage("name_sr_cyrl", i18n.SrCyrl),
	inLanguage("name_sr_latn", i18n.SrLatn),
	inLanguage("name_en", i18n.En),
	{"aliases", func(r *Record) string { return strings.Join(r.Aliases, several) }, func(r *Record, v string) { r.Aliases = split(v) }},
	{"kind", func(r *Record) string { return r.Kind }, func(r *Record, v string) { r.Kind = v }},
	{"sector", func(r *Record) string { return deref(r.Sector) }, func(r *Record, v string) { r.Sector = &v }},
	{"country", func(r *Record) string { return r.Country }, func(r *Record, v string) { r.Country = v }},
	{"registration_no", func(r *Record) string { return r.RegistrationNo }, func(r *Record, v string) { r.RegistrationNo = v }},
	{"tax_no", func(r *Record) string { return r.TaxNo }, func(r *Record, v string) { r.TaxNo = v }},
	{"seat", func(r *Record) string { return r.Seat }, func(r *Record, v string) { r.Seat = v }},
	{"website", func(r *Record) string { return r.Website }, func(r *Record, v string) { r.Website = v }},
	{"note", func(r *Record) string { return r.Note }, func(r *Record, v string) { r.Note = v }},
	{"disclosure", func(r *Record) string { return string(r.Disclosure) }, func(r *Record, v string) { r.Disclosure = Disclosure(v) }},
	held("networks", Network),
	held("domains", Domain),
	held("asns", ASN),
	ofContact("contact_kind", func(c *ContactRecord) *string { return &c.Kind }),
	ofContact("contact_name", func(c *ContactRecord) *string { return &c.Name }),
	ofContact("contact_job", func(c *ContactRecord) *string { return &c.Job }),
	ofContact("contact_phone", func(c *ContactRecord) *string { return &c.Phone }),
	ofContact("contact_email", func(c *ContactRecord) *string { return &c.Email }),
	{"state", func(r *Record) string { return string(r.State) }, nil},
	{"cert", func(r *Record) string { return r.CERT }, nil},
	{"contact_freshness", func(r *Record) string { return string(r.Freshness) }, nil},
	{"created", func(r *Record) string { return stamp(r.Created) }, nil},
	{"updated", func(r *Record) string { return stamp(r.Updated) }, nil},
}

func inLanguage(name string, l i18n.Lang) column {
	return column{name, func(r *Record) string { return r.Names[l] }, func(r *Record, v string) {
		if r.Names == nil {
			r.Names = i18n.Text{}
		}
		r.Names[l] = v
	}}
}

func held(name, kind string) column {
	return column{name, func(r *Record) string { return strings.Join(r.values(kind), several) }, func(r *Record, v string) {
		for _, x := range split(v) {
			r.Resources = append(r.Resources, ResourceRecord{Kind: kind, Value: x})
		}
	}}
}

// ofContact: the CSV form has room for the first contact; JSON carries all.
func ofContact(name string, field func(*ContactRecord) *string) column {
	return column{name, func(r *Record) string {
		if len(r.Contacts) == 0 {
			return ""
		}
		return *field(&r.Contacts[0])
	}, func(r *Record, v string) {
		if len(r.Contacts) == 0 {
			r.Contacts = []ContactRecord{{}}
		}
		*field(&r.Contacts[0]) = v
	}}
}

func split(v string) []string {
	var out []string
	for s := range strings.SplitSeq(v, ";") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// A spreadsheet runs a cell that begins with one of these as a formula; an
// apostrophe in front makes it text (OWASP, CSV injection). Reading takes it off.
const formulaStart = "=+-@\t\r\n"

func plainCell(s string) string {
	if len(s) > 1 && s[0] == '\'' && strings.ContainsRune(formulaStart, rune(s[1])) {
		return s[1:]
	}
	return s
}

// ImportColumns lists the columns that an import reads, for the page that explains it.
func ImportColumns() []string {
	var out []string
	for _, c := range columns {
		if c.read != nil {
			out = append(out, c.name)
		}
	}
	return out
}
