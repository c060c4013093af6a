package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"straza/internal/kernel/ident"
)

// ObjectTemplate is an object template as a form needs it.
type ObjectTemplate struct {
	Item
	Fields      []TemplateField // required ones first, then by weight, then by name
	RequiredOne []string        // relations of which an object has at least one; empty asks none
}

// TemplateField is one relation of a template.
type TemplateField struct {
	Relation    string
	Type        string // of the attribute
	Description string
	Categories  []string // that it may stand in; empty: as the type has it
	Values      []string // the only values, when there are any
	Suggested   []string // usual values
	Required    bool
	OneOf       bool // of RequiredOne
	Multiple    bool
	First       bool  // the template's makers show it first
	ToIDS       *bool // nil: as the type has it
	Quiet       bool  // does not correlate
}

// ObjectTemplate reads a template by id, UUID or name. Everybody with an account may
// read. Faults: NotFound.
//
// Format: MISP object template (misp-objects, schema_objects.json).
func (s *Service) ObjectTemplate(ctx context.Context, who ident.Actor, ref string) (t ObjectTemplate, err error) {
	it, body, err := s.Get(ctx, who, Template, ref)
	if err != nil {
		return t, err
	}
	t, err = readTemplate(body)
	t.Item = it
	return t, err
}

// readTemplate reads the upstream JSON. Relations that a requirement names and the
// template does not have ask nothing: nobody could fill them in.
func readTemplate(body []byte) (t ObjectTemplate, err error) {
	var f struct {
		Required   []string `json:"required"`
		OneOf      []string `json:"requiredOneOf"`
		Attributes map[string]struct {
			Type        string   `json:"misp-attribute"`
			Description string   `json:"description"`
			Categories  []string `json:"categories"`
			Values      []string `json:"values_list"`
			Suggested   []string `json:"sane_default"`
			Multiple    bool     `json:"multiple"`
			Priority    number   `json:"ui-priority"`
			ToIDS       *bool    `json:"to_ids"`
			Quiet       bool     `json:"disable_correlation"`
		} `json:"attributes"`
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return t, err
	}
	weight := map[string]number{}
	for _, name := range slices.Sorted(maps.Keys(f.Attributes)) {
		a := f.Attributes[name]
		weight[name] = a.Priority
		x := TemplateField{Relation: name, Type: a.Type, Description: a.Description, Categories: a.Categories, Values: a.Values, Suggested: a.Suggested,
			Required: slices.Contains(f.Required, name), OneOf: slices.Contains(f.OneOf, name), Multiple: a.Multiple, First: a.Priority > 0, ToIDS: a.ToIDS, Quiet: a.Quiet}
		if x.OneOf {
			t.RequiredOne = append(t.RequiredOne, name)
		}
		t.Fields = append(t.Fields, x)
	}
	slices.SortStableFunc(t.Fields, func(a, b TemplateField) int {
		return cmp.Or(rank(b.Required)-rank(a.Required), int(weight[b.Relation]-weight[a.Relation]))
	})
	return t, nil
}

func rank(first bool) int {
	if first {
		return 1
	}
	return 0
}

// Lacks tells which required relations an object without them lacks, and whether it
// has none of those of which one is needed; has names the relations it has.
func (t *ObjectTemplate) Lacks(has map[string]bool) (required []string, one bool) {
	for _, x := range t.Fields {
		if x.Required && !has[x.Relation] {
			required = append(required, x.Relation)
		}
	}
	return required, len(t.RequiredOne) > 0 && !slices.ContainsFunc(t.RequiredOne, func(name string) bool { return has[name] })
}
