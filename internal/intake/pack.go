package intake

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"straza/internal/craft/form"
	"straza/internal/craft/pack"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/registry"
)

// Packs are the room's own packs.
//
//go:embed packs/*.yaml
var Packs embed.FS

// Messages are the sentences of the room's faults.
//
//go:embed messages/*.json
var Messages embed.FS

// Book is what the room's packs say, in force on one day.
type Book struct {
	Form     *form.Form
	Terms    Terms
	Classes  []Class
	National []National
	Facts    []Fact
	Sectors  registry.List // names of sectors; empty where the registry's pack is not on the shelf
	choices  map[string]Suggestion
	levels   []level
	shelf    *pack.Shelf
}

// Terms are the CERT's own clocks.
type Terms struct{ Acknowledge, Triage, Answer time.Duration }

// Class is a class of the reference taxonomy with its types.
type Class struct {
	Choice `yaml:",inline"`
	Types  []Choice `yaml:"types"`
}

// National is an entry of the national list and the pairs that it maps to.
type National struct {
	Choice `yaml:",inline"`
	RSIT   []string `yaml:"rsit"`
}

// Suggestion is what a choice of the reporter suggests about the classification.
type Suggestion struct {
	Type     Type     `yaml:"type"`
	RSIT     []string `yaml:"rsit"`
	National []string `yaml:"national"`
}

// Fact is one of the six facts of a severity.
type Fact struct {
	Name    string    `yaml:"name"`
	Label   i18n.Text `yaml:"label"`
	Options []struct {
		Choice `yaml:",inline"`
		Points float64 `yaml:"points"`
	} `yaml:"options"`
}

type level struct {
	Level string    `yaml:"level"`
	When  pack.Cond `yaml:"when"`
}

// OpenBook reads the packs in force on a day. Faults name file and line.
func OpenBook(shelf *pack.Shelf, day string) (*Book, error) {
	b := &Book{shelf: shelf}
	p, err := b.at("intake.report", day)
	if err != nil {
		return nil, err
	}
	if b.Form, err = form.Parse(p); err != nil {
		return nil, err
	}
	for _, read := range []func(string) error{b.readTerms, b.readClasses, b.readSeverity} {
		if err := read(day); err != nil {
			return nil, err
		}
	}
	if p, ok := shelf.At("registry.sectors", day); ok {
		if err := p.Decode(&b.Sectors); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *Book) at(name, day string) (*pack.Pack, error) {
	p, ok := b.shelf.At(name, day)
	if !ok {
		return nil, fmt.Errorf("no pack %s is in force on %s", name, day)
	}
	return p, nil
}

func (b *Book) readTerms(day string) error {
	p, err := b.at("intake.terms", day)
	if err != nil {
		return err
	}
	var t struct{ Acknowledge, Triage, Answer pack.Cond }
	if err := p.Decode(&t); err != nil {
		return err
	}
	for _, x := range []struct {
		to   *time.Duration
		from pack.Cond
	}{{&b.Terms.Acknowledge, t.Acknowledge}, {&b.Terms.Triage, t.Triage}, {&b.Terms.Answer, t.Answer}} {
		v, err := x.from.Eval(nil)
		s, ok := v.Float()
		if err != nil || !ok || s <= 0 {
			return &pack.Error{File: p.File, Text: fmt.Sprintf("%q is no term such as 24 h", x.from)}
		}
		*x.to = time.Duration(s) * time.Second
	}
	return nil
}

func (b *Book) readClasses(day string) error {
	p, err := b.at("intake.classes", day)
	if err != nil {
		return err
	}
	var c struct {
		Classes  []Class               `yaml:"classes"`
		National []National            `yaml:"national"`
		Choices  map[string]Suggestion `yaml:"choices"`
	}
	if err := p.Decode(&c); err != nil {
		return err
	}
	b.Classes, b.National, b.choices = c.Classes, c.National, c.Choices
	for _, n := range b.National {
		if err := b.checkRSIT(n.RSIT); err != nil {
			return &pack.Error{File: p.File, Text: "national " + n.Value + ": " + err.Error()}
		}
	}
	for v, s := range b.choices {
		if err := s.Type.Validate(); err != nil || b.checkRSIT(s.RSIT) != nil || b.checkNational(s.National) != nil {
			return &pack.Error{File: p.File, Text: "choice " + v + ": unknown type or code"}
		}
	}
	return nil
}

func (b *Book) readSeverity(day string) error {
	p, err := b.at("intake.severity", day)
	if err != nil {
		return err
	}
	var s struct {
		Facts  []Fact  `yaml:"facts"`
		Levels []level `yaml:"levels"`
	}
	if err := p.Decode(&s); err != nil {
		return err
	}
	b.Facts, b.levels = s.Facts, s.Levels
	for _, l := range b.levels {
		for _, n := range l.When.Names() {
			if !slices.ContainsFunc(b.Facts, func(f Fact) bool { return f.Name == n }) {
				return &pack.Error{File: p.File, Text: fmt.Sprintf("level %s asks for %q, which is no fact", l.Level, n)}
			}
		}
		if severityRank(l.Level) == 0 {
			return &pack.Error{File: p.File, Text: fmt.Sprintf("unknown level %q", l.Level)}
		}
	}
	return nil
}

// Suggest gives what a choice on the form suggests.
func (b *Book) Suggest(what string) Suggestion {
	if s, ok := b.choices[what]; ok {
		return s
	}
	return Suggestion{Type: Incident}
}

// checkRSIT refuses codes that are no pair "class/type" nor a class alone.
func (b *Book) checkRSIT(codes []string) error {
	for _, c := range codes {
		class, typ, pair := strings.Cut(c, "/")
		i := slices.IndexFunc(b.Classes, func(k Class) bool { return k.Value == class })
		if i < 0 || pair && !slices.ContainsFunc(b.Classes[i].Types, func(t Choice) bool { return t.Value == typ }) {
			return fault.Field("rsit", "intake.fault.class", "unknown class or type %q", c)
		}
	}
	return nil
}

func (b *Book) checkNational(codes []string) error {
	for _, c := range codes {
		if !slices.ContainsFunc(b.National, func(n National) bool { return n.Value == c }) {
			return fault.Field("national", "intake.fault.class", "unknown national code %q", c)
		}
	}
	return nil
}

// RSITLabel names a pair or class in words.
func (b *Book) RSITLabel(code string) i18n.Text {
	class, typ, pair := strings.Cut(code, "/")
	for _, k := range b.Classes {
		if k.Value != class {
			continue
		}
		for _, t := range k.Types {
			if pair && t.Value == typ {
				return t.Label
			}
		}
		return k.Label
	}
	return i18n.Text{i18n.En: code}
}

// NationalLabel names an entry of the national list in words.
func (b *Book) NationalLabel(code string) i18n.Text {
	for _, n := range b.National {
		if n.Value == code {
			return n.Label
		}
	}
	return i18n.Text{i18n.En: code}
}

// WhatLabel names a choice of the form's first page.
func (b *Book) WhatLabel(what string) i18n.Text {
	if q, ok := b.Form.Question("what"); ok {
		for _, o := range q.Options {
			if o.Value == what {
				return o.Label
			}
		}
	}
	return nil
}

// Severity computes the severity from facts (name → value): "" when no fact is known.
// rule is the condition that decided, for the page that shows why.
func (b *Book) Severity(facts map[string]string) (sev, rule string, err error) {
	known := pack.Map{}
	for _, f := range b.Facts {
		v := facts[f.Name]
		if v == "" {
			continue
		}
		found := false
		for _, o := range f.Options {
			if o.Value == v {
				known[f.Name], found = pack.Num(o.Points), true
			}
		}
		if !found {
			return "", "", fault.Field(f.Name, "web.error.choice", "unknown value of %s", f.Name)
		}
	}
	for _, l := range b.levels {
		if l.When.Holds(known) {
			return l.Level, l.When.String(), nil
		}
	}
	return "", "", nil
}
