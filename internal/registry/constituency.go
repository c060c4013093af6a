package registry

import (
	"cmp"
	"slices"

	"straza/internal/kernel/fault"
)

// Bases of a constituency rule, strongest first: a rule about one organisation
// beats one about its sector, that beats one about its kind, that beats the rest.
const (
	ByOrganisation = "organisation" // Value: UUID
	BySector       = "sector"       // Value: code of the pack
	ByKind         = "kind"         // Value: code of the pack
	ByDefault      = "default"      // Value: ""
)

// Bases lists them, strongest first.
var Bases = []string{ByOrganisation, BySector, ByKind, ByDefault}

// Rule says that a CERT looks after whom. One basis and value belongs to one CERT
// only, so that two rules never contradict each other at the same strength.
type Rule struct {
	CERT  int64
	Basis string
	Value string
	Label string // for pages: the organisation's name, else ""
}

// Validate refuses a rule that the pack does not know.
func (p *Pack) checkRule(r Rule) error {
	ok := false
	switch r.Basis {
	case ByOrganisation:
		ok = r.Value != ""
	case BySector:
		ok = p.Sectors.Has(r.Value)
	case ByKind:
		ok = p.Kinds.Has(r.Value) && r.Value != KindCERT
	case ByDefault:
		ok = r.Value == ""
	}
	if !ok {
		return fault.Field("rules", "registry.fault.rule", "no constituency rule: %s", r.Basis)
	}
	return nil
}

// decide gives the CERT that looks after an organisation, host when no rule
// speaks of it. A CERT looks after itself.
func decide(rules []Rule, o Organisation, host int64) int64 {
	if o.Kind == KindCERT {
		return o.ID
	}
	best := -1
	for i, r := range rules {
		if r.covers(o) && (best < 0 || r.strength() < rules[best].strength()) {
			best = i
		}
	}
	if best < 0 {
		return host
	}
	return rules[best].CERT
}

func (r Rule) covers(o Organisation) bool {
	switch r.Basis {
	case ByOrganisation:
		return r.Value == o.UUID
	case BySector:
		return o.Sector != "" && r.Value == o.Sector
	case ByKind:
		return r.Value == o.Kind
	}
	return r.Basis == ByDefault
}

func (r Rule) strength() int { return slices.Index(Bases, r.Basis) }

func sortRules(rules []Rule) {
	slices.SortFunc(rules, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(a.strength(), b.strength()), cmp.Compare(a.Value, b.Value))
	})
}
