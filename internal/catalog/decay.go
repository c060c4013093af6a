package catalog

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"straza/internal/kernel/fault"
)

// Formulas of decaying models, by MISP's names (spec misp §5.8).
const (
	FormulaBase       = "Base"
	FormulaPolynomial = "Polynomial"
	FormulaExtended   = "PolynomialExtended"
	FormulaSightings  = "Sightings"
)

// Formulas are all of them, in the order of lists.
func Formulas() []string {
	return []string{FormulaBase, FormulaPolynomial, FormulaExtended, FormulaSightings}
}

const daySeconds = 86_400

// Parameters of a decaying model. Weights are taxonomies, or their predicates
// ("ns:predicate"), with what their tags' numerical values count for.
type Parameters struct {
	Lifetime  float64            `json:"lifetime"`    // days until nothing is left
	Speed     float64            `json:"decay_speed"` // 1 = a straight line; below: late, above: at once
	Threshold float64            `json:"threshold"`   // decayed below it
	Default   float64            `json:"default_base_score"`
	Weights   map[string]float64 `json:"base_score_config"`
}

// DecayModel tells how an attribute loses its worth.
type DecayModel struct {
	Item
	Formula string
	Parameters

	values map[string]float64 // lower-case tag → numerical value, of the taxonomies weighed
}

// Aged is what of an attribute a model asks. Times are Unix seconds.
type Aged struct {
	Type      string
	Tags      []ValuedTag // its own; of a taxonomy that has none there, its event's
	Changed   int64
	LastSeen  int64 // last time it was seen: a sighting, or its own last_seen; 0 = never
	Sightings int64 // true ones
	False     int64 // false positives
}

// ValuedTag is a tag with the value that the installation gave it, nil = none.
type ValuedTag struct {
	Name  string
	Value *int64
}

// Score is what one model says of one attribute.
type Score struct {
	Model   *DecayModel
	Score   float64 // 0 to 100
	Base    float64
	Decayed bool
}

// TagsOf are the tags that models weigh of an attribute: its own, and its event's with
// predicates that it has none of.
func TagsOf(own, event []ValuedTag) []ValuedTag {
	out := slices.Clone(own)
	for _, t := range event {
		if !slices.ContainsFunc(own, func(x ValuedTag) bool { return x.prefix() == t.prefix() }) {
			out = append(out, t)
		}
	}
	return out
}

// Values are the numerical values of the tags that a model weighs, by tag in small letters.
func (m *DecayModel) Values() map[string]float64 { return m.values }

// prefix is a tag's taxonomy with its predicate; space the taxonomy alone.
func (t ValuedTag) prefix() string { p, _, _ := strings.Cut(strings.ToLower(t.Name), "="); return p }
func (t ValuedTag) space() string  { return namespaceOf(t.Name) }

// weight gives what a tag counts for in a model, 0 = nothing.
func (m *DecayModel) weight(t ValuedTag) float64 {
	if w, ok := m.Weights[t.prefix()]; ok {
		return w
	}
	return m.Weights[t.space()]
}

// Base gives the score that an attribute begins with: the tags' numerical values,
// each by the share that its taxonomy's weight has among those there; without any,
// the model's default.
func (m *DecayModel) Base(tags []ValuedTag) float64 {
	sum, total := 0.0, 0.0
	for _, t := range tags {
		w := m.weight(t)
		v, known := m.values[strings.ToLower(t.Name)]
		if t.Value != nil {
			v, known = float64(*t.Value), true
		}
		if w <= 0 || !known {
			continue
		}
		sum, total = sum+w*v, total+w
	}
	if total == 0 {
		return clamp(m.Default)
	}
	return clamp(sum / total)
}

func clamp(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, 0), 100)
}

// lifetime in seconds: in the extended formula a retention tag (retention:30d)
// takes the model's place.
func (m *DecayModel) lifetime(tags []ValuedTag) float64 {
	life := m.Lifetime * daySeconds
	if m.Formula != FormulaExtended {
		return life
	}
	for _, t := range tags {
		if rest, ok := strings.CutPrefix(strings.ToLower(t.Name), "retention:"); ok {
			if d := retention(strings.Trim(rest, `"`)); d > 0 {
				return d
			}
		}
	}
	return life
}

// retention reads 10d, 2w, 6m, 1y as seconds; 0 = it is none.
func retention(s string) float64 {
	if len(s) < 2 {
		return 0
	}
	n, err := strconv.Atoi(s[:len(s)-1])
	if err != nil || n <= 0 || n > 10_000 {
		return 0
	}
	return float64(n) * map[byte]float64{'d': 1, 'w': 7, 'm': 30, 'y': 365}[s[len(s)-1]] * daySeconds
}

// At scores an attribute at an instant (Unix seconds).
func (m *DecayModel) At(a Aged, now int64) Score {
	base := m.Base(a.Tags)
	s := Score{Model: m, Base: base, Score: m.Curve(base, float64(now-max(a.Changed, min(a.LastSeen, now))), m.lifetime(a.Tags))}
	if n := a.Sightings + a.False; m.Formula == FormulaSightings && n > 0 {
		s.Score *= float64(a.Sightings) / float64(n) // what was called false as often as true is worth half
	}
	s.Decayed = s.Score < m.Threshold
	return s
}

// Ends is the moment (Unix seconds) at which an attribute falls below the threshold
// when nobody sees it again before: now when it is below already, 0 = never.
func (m *DecayModel) Ends(a Aged, now int64) int64 {
	a.LastSeen = min(a.LastSeen, now)
	low, high := now, now+int64(m.lifetime(a.Tags))+1
	switch {
	case m.At(a, low).Decayed:
		return now
	case !m.At(a, high).Decayed:
		return 0
	}
	for high-low > 1 { // above at low, below at high
		if mid := low + (high-low)/2; m.At(a, mid).Decayed {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// Ends is the moment (Unix seconds) at which every model meant for an attribute's type
// calls it decayed when nobody sees it again before: now when they do already, 0 = never.
// meant is false when none is meant for it.
func Ends(models []*DecayModel, a Aged, now int64) (last int64, meant bool) {
	for _, m := range models {
		if !m.Matches(a.Type) {
			continue
		}
		end := m.Ends(a, now)
		if end == 0 {
			return 0, true
		}
		last, meant = max(last, end), true
	}
	return last, meant
}

// Curve is the formula itself: what is left of base after age, of a life, both in
// seconds. Base stays until its life ends; the others fall by
// base × (1 − (age/life)^(1/speed)).
func (m *DecayModel) Curve(base, age, life float64) float64 {
	switch {
	case life <= 0 || age >= life:
		return 0
	case age <= 0 || m.Formula == FormulaBase:
		return base
	case m.Speed <= 0:
		return base
	}
	return clamp(base * (1 - math.Pow(age/life, 1/m.Speed)))
}

// Matches tells whether the model is meant for a type.
func (m *DecayModel) Matches(typ string) bool { return slices.Contains(m.Types, typ) }

// check holds a model's parameters against what they may be. Faults: Invalid.
func (p Parameters) check(formula string) error {
	var c fault.Collector
	between := func(v, low, high float64, field string) {
		c.Require(!math.IsNaN(v) && v >= low && v <= high, field, "catalog.fault.number")
	}
	between(p.Lifetime, 0, 36_500, "lifetime")
	between(p.Speed, 0, 1_000, "decay_speed")
	between(p.Threshold, 0, 100, "threshold")
	between(p.Default, 0, 100, "default_base_score")
	for _, w := range p.Weights {
		between(w, 0, 1_000, "base_score_config")
	}
	c.Require(slices.Contains(Formulas(), formula), "formula", "catalog.fault.formula")
	return c.Err("a decaying model")
}

// modelFile is a decaying model in upstream format; numbers come as texts too.
type modelFile struct {
	Name        string          `json:"name"`
	UUID        string          `json:"uuid,omitempty"`
	Version     any             `json:"version"`
	Description string          `json:"description"`
	Formula     string          `json:"formula"`
	Parameters  json.RawMessage `json:"parameters"`
	Types       []string        `json:"attribute_types"`
	Ref         json.RawMessage `json:"ref,omitempty"`
}

// formulaOf reads a formula's name in any case.
func formulaOf(s string) string {
	for _, f := range Formulas() {
		if strings.EqualFold(f, s) {
			return f
		}
	}
	return s
}

// loose reads a number that may be written as a text.
type loose float64

// UnmarshalJSON takes 1, 1.5 and "1.5".
func (n *loose) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "" || s == "null" {
		return nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if *n = loose(v); err != nil {
		return fmt.Errorf("%.20q is no number", s)
	}
	return nil
}

func parametersOf(raw json.RawMessage) (p Parameters, err error) {
	var f struct {
		Lifetime  loose           `json:"lifetime"`
		Speed     loose           `json:"decay_speed"`
		Threshold loose           `json:"threshold"`
		Default   loose           `json:"default_base_score"`
		Weights   json.RawMessage `json:"base_score_config"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return p, err
	}
	p = Parameters{float64(f.Lifetime), float64(f.Speed), float64(f.Threshold), float64(f.Default), map[string]float64{}}
	var weights map[string]loose // PHP writes an empty one as []
	if json.Unmarshal(f.Weights, &weights) == nil {
		for k, w := range weights {
			p.Weights[strings.ToLower(k)] = float64(w)
		}
	}
	return p, nil
}
