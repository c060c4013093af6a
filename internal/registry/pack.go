package registry

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"straza/internal/kernel/i18n"
)

//go:embed packs/*.yaml
var ownPacks embed.FS

// List is one dated, versioned list of codes with names and a source.
type List struct {
	Name    string  `yaml:"name"`
	Version string  `yaml:"version"`
	From    string  `yaml:"from"` // date from which it holds
	Source  string  `yaml:"source"`
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

// OwnPack reads the lists that come with the program.
func OwnPack() (*Pack, error) { return LoadPack(ownPacks) }

// LoadPack reads packs/{kinds,sectors,contacts,assets}.yaml of fsys. Every entry
// has a code once and a name in Serbian Cyrillic and English; unknown keys, a
// missing source or date are errors that name the file.
func LoadPack(fsys fs.FS) (*Pack, error) {
	p := &Pack{}
	for name, list := range map[string]*List{"kinds": &p.Kinds, "sectors": &p.Sectors, "contacts": &p.Contacts, "assets": &p.Assets} {
		path := "packs/" + name + ".yaml"
		text, err := fs.ReadFile(fsys, path)
		if err != nil {
			return nil, fmt.Errorf("registry pack: %w", err)
		}
		dec := yaml.NewDecoder(bytes.NewReader(text))
		dec.KnownFields(true)
		if err := dec.Decode(list); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("registry pack %s: %w", path, err)
		}
		if err := list.validate(); err != nil {
			return nil, fmt.Errorf("registry pack %s: %w", path, err)
		}
	}
	if !p.Kinds.Has(KindCERT) || !p.Kinds.Has("other") {
		return nil, errors.New("registry pack packs/kinds.yaml: kinds cert and other are needed")
	}
	return p, nil
}

func (l List) validate() error {
	if l.Name == "" || l.Version == "" || l.Source == "" {
		return errors.New("name, version and source are needed")
	}
	if _, err := time.Parse(time.DateOnly, l.From); err != nil {
		return fmt.Errorf("from %q is no date", l.From)
	}
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
