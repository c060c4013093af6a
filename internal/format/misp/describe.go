package misp

import (
	_ "embed" // the table of types
	"slices"
	"strings"
	"sync"
)

//go:embed describe.tsv
var describeTable string

// Default is what MISP presumes about an attribute when the sender is silent.
type Default struct {
	Category string
	ToIDS    bool
}

// description is the parsed table.
type description struct {
	types      []string
	categories []string
	allowed    map[string][]string        // category → types, in order
	allows     map[string]map[string]bool // category → type
	defaults   map[string]Default
}

var described = sync.OnceValue(func() *description {
	d := &description{allowed: map[string][]string{}, allows: map[string]map[string]bool{}, defaults: map[string]Default{}}
	for line := range strings.Lines(describeTable) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case f[0] == "category" && len(f) == 3:
			d.categories = append(d.categories, f[1])
			d.allowed[f[1]] = strings.Split(f[2], ",")
			set := map[string]bool{}
			for _, t := range d.allowed[f[1]] {
				set[t] = true
			}
			d.allows[f[1]] = set
		case f[0] == "type" && len(f) == 4:
			d.types = append(d.types, f[1])
			d.defaults[f[1]] = Default{Category: f[2], ToIDS: f[3] == "1"}
		}
	}
	return d
})

// Types returns the 194 attribute types in MISP's order.
func Types() []string { return slices.Clone(described().types) }

// Categories returns the 16 categories in MISP's order.
func Categories() []string { return slices.Clone(described().categories) }

// TypesOf returns the types allowed in a category, in MISP's order; nil when
// there is no such category.
func TypesOf(category string) []string { return slices.Clone(described().allowed[category]) }

// DefaultOf returns the category and to_ids that MISP presumes for a type; ok is
// false when there is no such type. Names are case-sensitive, as in MISP.
func DefaultOf(typ string) (d Default, ok bool) {
	d, ok = described().defaults[typ]
	return d, ok
}

// IsCategory reports whether there is such a category.
func IsCategory(category string) bool { return described().allowed[category] != nil }

// Allows reports whether a type may stand in a category.
func Allows(category, typ string) bool { return described().allows[category][typ] }

// DescribeTypes returns the body of attributes/describeTypes.json.
func DescribeTypes() []byte { return describedJSON() }

var describedJSON = sync.OnceValue(func() []byte {
	d := described()
	b := []byte(`{"result":{"sane_defaults":{`)
	for i, t := range d.types {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, t), `:{"default_category":`...)
		b = appendString(b, d.defaults[t].Category)
		if d.defaults[t].ToIDS {
			b = append(b, `,"to_ids":1}`...)
		} else {
			b = append(b, `,"to_ids":0}`...)
		}
	}
	b = append(appendTexts(append(b, `},"types":`...), d.types), `,"categories":`...)
	b = append(appendTexts(b, d.categories), `,"category_type_mappings":{`...)
	for i, c := range d.categories {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendTexts(append(appendString(b, c), ':'), d.allowed[c])
	}
	return append(b, `}}}`...)
})
