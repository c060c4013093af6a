package registry

import (
	"embed"
	"fmt"
	"slices"

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

// OpenPack reads the lists registry.{kinds,sectors,contacts,assets} in force on a
// day. Every entry has a code once and a name in Serbian Cyrillic and English.
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
