package registry

import (
	"embed"
	"fmt"
	"slices"
	"time"

	"straza/internal/craft/pack"
	"straza/internal/kernel/i18n"
)

// List is a list of codes with names; the pack it stands in has version, days and source.
type List struct {
	Entries []Entry `yaml:"entries"`
}

// Entry is one code of a list.
type Entry struct {
	Code  string    `yaml:"code"`
	Names i18n.Text `yaml:"names"`
}

// Pack holds the lists of this room.
type Pack struct {
	Kinds    List // kinds of organisation
	Sectors  List
	Contacts List // kinds of contact
	Assets   List // kinds of asset
	Verify   Verification
}

// Verification is how contact points are kept right. Lengths are in days, so that
// they mean the same everywhere.
type Verification struct {
	EveryDays  int                  `yaml:"every_days"`  // a verification holds so long
	NewDays    int                  `yaml:"new_days"`    // one that was never verified is asked so long after it was entered
	AgainDays  int                  `yaml:"again_days"`  // no second letter to an address before
	Most       int                  `yaml:"most"`        // nor more letters to it
	WithinDays int                  `yaml:"within_days"` // in so many days
	ValidDays  int                  `yaml:"valid_days"`  // the letter's link works so long
	Letter     string               `yaml:"letter"`      // the words: registry.letter.<letter>
	Languages  map[string]i18n.Lang `yaml:"languages"`   // by country, where a contact has not said
	Otherwise  i18n.Lang            `yaml:"otherwise"`
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// Every is how long a verification holds.
func (v Verification) Every() time.Duration { return days(v.EveryDays) }

func (v Verification) validate() error {
	for name, n := range map[string]int{"every_days": v.EveryDays, "again_days": v.AgainDays, "most": v.Most, "within_days": v.WithinDays, "valid_days": v.ValidDays} {
		if n < 1 || n > 3660 {
			return fmt.Errorf("%s is 1 to 3660", name)
		}
	}
	if v.NewDays < 0 || v.NewDays > 3660 || v.Letter == "" || !v.Otherwise.Valid() {
		return fmt.Errorf("new_days, letter and otherwise are needed")
	}
	for country, l := range v.Languages {
		if !isCountry(country) || !l.Valid() {
			return fmt.Errorf("languages: %s: %s", country, l)
		}
	}
	return nil
}

// Has tells whether the list has a code.
func (l List) Has(code string) bool {
	return slices.ContainsFunc(l.Entries, func(e Entry) bool { return e.Code == code })
}

// Label names a code in a language; an unknown code stands for itself.
func (l List) Label(code string, lang i18n.Lang) string {
	for _, e := range l.Entries {
		if e.Code == code {
			return e.Names.In(lang)
		}
	}
	return code
}

// Codes lists the codes in the pack's order.
func (l List) Codes() []string {
	out := make([]string, len(l.Entries))
	for i, e := range l.Entries {
		out[i] = e.Code
	}
	return out
}

// Packs are the lists that come with the program.
//
//go:embed packs/*.yaml
var Packs embed.FS

// OwnPack reads the lists that come with the program.
func OwnPack() (*Pack, error) {
	shelf, err := pack.Load(Packs)
	if err != nil {
		return nil, err
	}
	return OpenPack(shelf, "9999-12-31")
}

// OpenPack reads the lists registry.{kinds,sectors,contacts,assets} and the rule
// registry.verification in force on a day. Every entry has a code once and a name in Serbian Cyrillic and English.
func OpenPack(shelf *pack.Shelf, day string) (*Pack, error) {
	out := &Pack{}
	for name, list := range map[string]*List{"kinds": &out.Kinds, "sectors": &out.Sectors, "contacts": &out.Contacts, "assets": &out.Assets} {
		p, ok := shelf.At("registry."+name, day)
		if !ok {
			return nil, fmt.Errorf("no pack registry.%s is in force on %s", name, day)
		}
		if err := p.Decode(list); err != nil {
			return nil, err
		}
		if err := list.validate(); err != nil {
			return nil, &pack.Error{File: p.File, Text: err.Error()}
		}
	}
	p, ok := shelf.At("registry.verification", day)
	if !ok {
		return nil, fmt.Errorf("no pack registry.verification is in force on %s", day)
	}
	if err := p.Decode(&out.Verify); err != nil {
		return nil, err
	}
	if err := out.Verify.validate(); err != nil {
		return nil, &pack.Error{File: p.File, Text: err.Error()}
	}
	if !out.Kinds.Has(KindCERT) || !out.Kinds.Has("other") {
		return nil, &pack.Error{File: "packs/kinds.yaml", Text: "kinds cert and other are needed"}
	}
	return out, nil
}

func (l List) validate() error {
	seen := map[string]bool{}
	for i, e := range l.Entries {
		if e.Code == "" || seen[e.Code] {
			return fmt.Errorf("entry %d: code %q is empty or there twice", i+1, e.Code)
		}
		seen[e.Code] = true
		for _, lang := range []i18n.Lang{i18n.SrCyrl, i18n.En} {
			if e.Names[lang] == "" {
				return fmt.Errorf("entry %s has no name in %s", e.Code, lang)
			}
		}
	}
	return nil
}
