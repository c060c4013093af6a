package registry

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
)

// KindCERT is the kind whose organisations have teams; the others are data of the pack.
const KindCERT = "cert"

// Disclosure says to whom an organisation's card and details are open.
type Disclosure string

// Disclosures, widest first. An organisation always sees its own record.
const (
	ToMembers Disclosure = "members" // card: every organisation here; details: every CERT's team
	ToTeams   Disclosure = "teams"   // card and details: every CERT's team
	ToCERT    Disclosure = "cert"    // card and details: the team of its own CERT alone
)

// Organisation is the card of an organisation; Note and Contacts… are blank for
// who may not see details. Times are UTC.
type Organisation struct {
	ID             int64 // inside only; the outside knows UUID
	UUID           string
	Name           string    // as it is shown and found exactly
	Names          i18n.Text // in other languages and scripts, may be empty
	Aliases        []string  // short and former names
	Kind           string    // of the pack
	Sector         string    // of the pack, "" = none
	Country        string    // ISO 3166-1 alpha-2
	RegistrationNo string    // matični broj; elsewhere what the country's register uses
	TaxNo          string    // PIB
	Seat           string    // address of the seat
	Website        string    // absolute http(s) address
	Note           string    // detail: for CERT teams and the organisation itself
	Host           bool      // the CERT that runs this installation
	Local          bool      // of this installation, not merely named by a peer
	State          State
	MergedInto     string // UUID, state merged only
	CERT           int64  // who looks after it; its own id for a CERT
	CERTName       string
	Disclosure     Disclosure
	Contacts       ContactSummary // detail
	Details        bool           // the asker may see details
	Own            bool           // the asker belongs to it
	Created        time.Time
	Updated        time.Time
	Version        int64

	resolved               int64
	audience, detail, into int64
}

// ContactSummary says how fresh an organisation's contacts are.
type ContactSummary struct {
	Count     int64
	Bounced   int64
	Verified  time.Time // the oldest verification; zero when one was never verified
	Freshness Freshness
}

// Label names the organisation in a language.
func (o Organisation) Label(l i18n.Lang) string {
	if s := o.Names[l]; s != "" {
		return s
	}
	if l == i18n.SrLatn && o.Names[i18n.SrCyrl] != "" {
		return i18n.Latin(o.Names[i18n.SrCyrl])
	}
	return o.Name
}

// Limits of what somebody types, in characters.
const (
	maxName    = 300
	maxAliases = 50
	maxText    = 4000
	maxLine    = 300
)

// Draft is what an organisation begins with. Only Name is required: kind is
// "other", country "RS", disclosure "members" unless said.
type Draft struct {
	UUID           string // foreign records keep theirs; "" = made here
	Name           string
	Names          i18n.Text
	Aliases        []string
	Kind           string
	Sector         string
	Country        string
	RegistrationNo string
	TaxNo          string
	Seat           string
	Website        string
	Note           string
	Disclosure     Disclosure
	Once           string // Add again with the same key gives the same organisation; "" = no key
}

// Patch changes what is not nil.
type Patch struct {
	Name           *string
	Names          *i18n.Text
	Aliases        *[]string
	Kind           *string
	Sector         *string
	Country        *string
	RegistrationNo *string
	TaxNo          *string
	Seat           *string
	Website        *string
	Note           *string
	Disclosure     *Disclosure
}

// apply gives o with the patch over it.
func (p Patch) apply(o Organisation) Organisation {
	set(&o.Name, p.Name)
	set(&o.Names, p.Names)
	set(&o.Aliases, p.Aliases)
	set(&o.Kind, p.Kind)
	set(&o.Sector, p.Sector)
	set(&o.Country, p.Country)
	set(&o.RegistrationNo, p.RegistrationNo)
	set(&o.TaxNo, p.TaxNo)
	set(&o.Seat, p.Seat)
	set(&o.Website, p.Website)
	set(&o.Note, p.Note)
	set(&o.Disclosure, p.Disclosure)
	return o
}

func set[T any](dst *T, v *T) {
	if v != nil {
		*dst = *v
	}
}

// organisation is what n begins as.
func (n Draft) organisation() Organisation {
	o := Organisation{UUID: n.UUID, Name: n.Name, Names: n.Names, Aliases: n.Aliases, Kind: n.Kind, Sector: n.Sector,
		Country: n.Country, RegistrationNo: n.RegistrationNo, TaxNo: n.TaxNo, Seat: n.Seat, Website: n.Website,
		Note: n.Note, Disclosure: n.Disclosure, State: Active, Local: true, Version: 1}
	if o.Kind == "" {
		o.Kind = "other"
	}
	if o.Country == "" {
		o.Country = "RS"
	}
	if o.Disclosure == "" {
		o.Disclosure = ToMembers
	}
	return o
}

// check tidies o and says what is wrong with it, all fields at once.
func (p *Pack) check(o *Organisation) error {
	var c fault.Collector
	o.Name = tidy(o.Name)
	c.Require(o.Name != "", "name", "registry.fault.name-missing")
	checkLine(&c, "name", o.Name, maxName)
	for l, s := range o.Names {
		if !l.Valid() {
			c.Add("names", "registry.fault.language")
		}
		checkLine(&c, "names", s, maxName)
	}
	o.Names = tidyText(o.Names)
	o.Aliases = tidyList(o.Aliases)
	c.Require(len(o.Aliases) <= maxAliases, "aliases", "registry.fault.too-many")
	for _, a := range o.Aliases {
		checkLine(&c, "aliases", a, maxName)
	}
	c.Require(p.Kinds.Has(o.Kind), "kind", "registry.fault.kind")
	c.Require(o.Sector == "" || p.Sectors.Has(o.Sector), "sector", "registry.fault.sector")
	o.Country = strings.ToUpper(strings.TrimSpace(o.Country))
	c.Require(isCountry(o.Country), "country", "registry.fault.country")
	o.RegistrationNo, o.TaxNo = number(o.RegistrationNo), number(o.TaxNo)
	checkNumbers(&c, o)
	o.Seat, o.Note = tidy(o.Seat), strings.TrimSpace(o.Note)
	checkLine(&c, "seat", o.Seat, maxLine)
	checkText(&c, "note", o.Note)
	o.Website = strings.TrimSpace(o.Website)
	c.Require(o.Website == "" || isWebsite(o.Website), "website", "registry.fault.website")
	c.Require(o.Disclosure == ToMembers || o.Disclosure == ToTeams || o.Disclosure == ToCERT, "disclosure", "registry.fault.disclosure")
	// Who is looked after by whom is everybody's to know: a CERT's card is never hidden.
	c.Require(o.Kind != KindCERT || o.Disclosure == ToMembers, "disclosure", "registry.fault.disclosure")
	return c.Err("organisation")
}

// checkNumbers holds Serbian numbers against their form: 8 digits, and 9 digits
// that end in the check digit of ISO 7064 MOD 11,10. Other countries' are free.
func checkNumbers(c *fault.Collector, o *Organisation) {
	if o.Country != "RS" {
		checkLine(c, "registration_no", o.RegistrationNo, 40)
		checkLine(c, "tax_no", o.TaxNo, 40)
		return
	}
	c.Require(o.RegistrationNo == "" || len(o.RegistrationNo) == 8 && digits(o.RegistrationNo), "registration_no", "registry.fault.registration-no")
	c.Require(o.TaxNo == "" || isPIB(o.TaxNo), "tax_no", "registry.fault.tax-no")
}

func isPIB(s string) bool {
	if len(s) != 9 || !digits(s) {
		return false
	}
	p := 10
	for _, d := range s[:8] {
		p = (p + int(d-'0')) % 10
		if p == 0 {
			p = 10
		}
		p = p * 2 % 11
	}
	return (11-p)%10 == int(s[8]-'0')
}

func digits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

func isWebsite(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && len(s) <= maxLine &&
		strings.IndexFunc(s, unprintable) < 0
}

// number takes the blanks, dots and dashes out of a number as people write it.
func number(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '.' || r == '-' {
			return -1
		}
		return r
	}, s)
}

// tidy joins white space and composes letters (NFC), as one line.
func tidy(s string) string { return norm.NFC.String(strings.Join(strings.Fields(s), " ")) }

func tidyList(list []string) []string {
	out := []string{}
	for _, s := range list {
		if s = tidy(s); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func tidyText(t i18n.Text) i18n.Text {
	out := i18n.Text{}
	for l, s := range t {
		if s = tidy(s); s != "" {
			out[l] = s
		}
	}
	return out
}

func checkLine(c *fault.Collector, field, s string, most int) {
	c.Require(utf8.ValidString(s) && strings.IndexFunc(s, unprintable) < 0, field, "registry.fault.characters")
	c.Require(utf8.RuneCountInString(s) <= most, field, "registry.fault.too-long")
}

func checkText(c *fault.Collector, field, s string) {
	bad := func(r rune) bool { return unprintable(r) && r != '\n' && r != '\r' && r != '\t' }
	c.Require(utf8.ValidString(s) && strings.IndexFunc(s, bad) < 0, field, "registry.fault.characters")
	c.Require(utf8.RuneCountInString(s) <= maxText, field, "registry.fault.too-long")
}

// unprintable: control characters, and the marks that turn the direction of text
// around and so make one name look like another.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff || r == utf8.RuneError
}

// nameKey is what may exist once: the folded name, with the registration number
// when there is one, because schools and shops share names.
func (o Organisation) nameKey() string {
	key := i18n.Fold(o.Name)
	if o.RegistrationNo != "" {
		key += "|" + o.Country + o.RegistrationNo
	}
	return key
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // strings and maps of strings always marshal
		panic(err)
	}
	return string(b)
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return clock.FromMicros(us)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return clock.Micros(t)
}
