package catalog

import (
	"math"
	"testing"
)

func model(formula string, p Parameters) *DecayModel {
	return &DecayModel{Formula: formula, Parameters: p, values: map[string]float64{`admiralty-scale:source-reliability="a"`: 100, `admiralty-scale:source-reliability="d"`: 25, `conf:level="high"`: 90}}
}

func value(n int64) *int64 { return &n }

// TestBaseScore: the values of the tags weighed, by their weights' shares.
func TestBaseScore(t *testing.T) {
	t.Parallel()
	m := model(FormulaPolynomial, Parameters{Default: 70, Weights: map[string]float64{"admiralty-scale:source-reliability": 0.75, "conf": 0.25}})
	for _, c := range []struct {
		name string
		tags []ValuedTag
		want float64
	}{
		{"no tag", nil, 70},
		{"a tag nobody weighs", []ValuedTag{{Name: "tlp:red"}}, 70},
		{"a weighed tag without a value", []ValuedTag{{Name: `conf:level="odd"`}}, 70},
		{"one weighed tag counts alone", []ValuedTag{{Name: `admiralty-scale:source-reliability="d"`}}, 25},
		{"case does not matter", []ValuedTag{{Name: `Admiralty-Scale:Source-Reliability="A"`}}, 100},
		{"two by their shares", []ValuedTag{{Name: `admiralty-scale:source-reliability="a"`}, {Name: `conf:level="high"`}}, 97.5},
		{"the installation's own value stands", []ValuedTag{{Name: `conf:level="high"`, Value: value(10)}}, 10},
		{"a value past the scale is cut", []ValuedTag{{Name: `conf:level="high"`, Value: value(900)}}, 100},
	} {
		if got := m.Base(c.tags); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestScore walks every formula along an attribute's life.
func TestScore(t *testing.T) {
	t.Parallel()
	const day = int64(daySeconds)
	p := Parameters{Lifetime: 10, Speed: 1, Threshold: 30, Default: 80}
	fast, slow := p, p
	fast.Speed, slow.Speed = 2, 0.5
	for _, c := range []struct {
		name    string
		m       *DecayModel
		a       Aged
		days    int64
		want    float64
		decayed bool
	}{
		{"at once all is there", model(FormulaPolynomial, p), Aged{}, 0, 80, false},
		{"half its life, a straight line", model(FormulaPolynomial, p), Aged{}, 5, 40, false},
		{"just below the threshold", model(FormulaPolynomial, p), Aged{}, 7, 24, true},
		{"its life is over", model(FormulaPolynomial, p), Aged{}, 10, 0, true},
		{"long past it", model(FormulaPolynomial, p), Aged{}, 1000, 0, true},
		{"from the future", model(FormulaPolynomial, p), Aged{}, -3, 80, false},
		{"fast: less than a third is left at half", model(FormulaPolynomial, fast), Aged{}, 5, 80 * (1 - math.Sqrt(0.5)), true},
		{"slow keeps three quarters at half", model(FormulaPolynomial, slow), Aged{}, 5, 60, false},
		{"a sighting starts it anew", model(FormulaPolynomial, p), Aged{LastSeen: 5 * day}, 5, 80, false},
		{"an older sighting does not take it back", model(FormulaPolynomial, p), Aged{Changed: 4 * day, LastSeen: 1 * day}, 5, 72, false},
		{"a sighting from the future counts as now", model(FormulaPolynomial, p), Aged{LastSeen: 50 * day}, 5, 80, false},
		{"base stays until its life ends", model(FormulaBase, p), Aged{}, 9, 80, false},
		{"base ends with its life", model(FormulaBase, p), Aged{}, 10, 0, true},
		{"extended without a retention tag", model(FormulaExtended, p), Aged{}, 5, 40, false},
		{"extended: the retention tag ends it sooner", model(FormulaExtended, p), Aged{Tags: []ValuedTag{{Name: "retention:5d"}}}, 5, 0, true},
		{"extended: the retention tag keeps it longer", model(FormulaExtended, p), Aged{Tags: []ValuedTag{{Name: "retention:20d"}}}, 5, 60, false},
		{"the plain formula knows no retention", model(FormulaPolynomial, p), Aged{Tags: []ValuedTag{{Name: "retention:5d"}}}, 5, 40, false},
		{"sightings: none is as the polynomial", model(FormulaSightings, p), Aged{}, 5, 40, false},
		{"sightings: as often false as true is half", model(FormulaSightings, p), Aged{Sightings: 2, False: 2}, 0, 40, false},
		{"sightings: all false is nothing", model(FormulaSightings, p), Aged{False: 3}, 0, 0, true},
		{"no lifetime is no score", model(FormulaPolynomial, Parameters{Default: 80, Speed: 1}), Aged{}, 0, 0, false},
		{"no speed does not divide by nought", model(FormulaPolynomial, Parameters{Default: 80, Lifetime: 10}), Aged{}, 5, 80, false},
	} {
		got := c.m.At(c.a, c.days*day)
		if math.Abs(got.Score-c.want) > 1e-9 || got.Decayed != c.decayed {
			t.Errorf("%s: %v decayed %v, want %v %v", c.name, got.Score, got.Decayed, c.want, c.decayed)
		}
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]float64{"1d": 1, "2w": 14, "3m": 90, "1y": 365, "expired": 0, "d": 0, "-1d": 0, "1x": 0, "99999999d": 0} {
		if got := retention(s) / daySeconds; got != want {
			t.Errorf("%s: %v days, want %v", s, got, want)
		}
	}
}

// TestEnds: the moment at which a value falls below the threshold is that of the score.
func TestEnds(t *testing.T) {
	t.Parallel()
	const day = int64(daySeconds)
	p := Parameters{Lifetime: 10, Speed: 1, Threshold: 30, Default: 80}
	for name, c := range map[string]struct {
		m    *DecayModel
		a    Aged
		now  int64
		want float64 // days
	}{
		"a straight line from 80 to 30":       {model(FormulaPolynomial, p), Aged{}, 0, 6.25},
		"a sighting starts it anew":           {model(FormulaPolynomial, p), Aged{LastSeen: 5 * day}, 5 * day, 11.25},
		"one from the future counts as now":   {model(FormulaPolynomial, p), Aged{LastSeen: 500 * day}, 0, 6.25},
		"base stays until its life ends":      {model(FormulaBase, p), Aged{}, 0, 10},
		"a retention tag takes the life over": {model(FormulaExtended, p), Aged{Tags: []ValuedTag{{Name: "retention:20d"}}}, 0, 12.5},
		"below already":                       {model(FormulaPolynomial, p), Aged{}, 9 * day, 9},
		"no threshold is never fallen below":  {model(FormulaPolynomial, Parameters{Default: 80, Lifetime: 10, Speed: 1}), Aged{}, 0, 0},
	} {
		got := c.m.Ends(c.a, c.now)
		if math.Abs(float64(got)-c.want*float64(day)) > 1.5 {
			t.Errorf("%s: day %v, want %v", name, float64(got)/float64(day), c.want)
		}
		c.a.LastSeen = min(c.a.LastSeen, c.now)
		if got > c.now && (c.m.At(c.a, got-1).Decayed || !c.m.At(c.a, got).Decayed) {
			t.Errorf("%s: the score does not turn there", name)
		}
	}
}
