package catalogweb

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// modelPage is the form of a decaying model, with its curve as the numbers in it draw it.
type modelPage struct {
	ownPage
	Curve *ui.LineChart
	Drop  string // where a model of one's own is taken away; "" while it is new
}

const models = base + "/models"

// numbers are the fields of a model that hold one.
var numbers = []string{"lifetime", "decay_speed", "threshold", "default_base_score"}

func (p *pages) newModel(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, url.Values{"formula": {catalog.FormulaPolynomial}, "lifetime": {"30"}, "decay_speed": {"1"}, "threshold": {"30"}, "default_base_score": {"80"}, "types": {"ip-dst, domain, hostname, url"}})
	return p.t.Render(w, r, "modelform", modelForm(r, f, catalog.Item{}))
}

// modelForm asks for a model; what its numbers can draw is drawn.
func modelForm(r *http.Request, f *web.Form, it catalog.Item) *modelPage {
	title, back := web.T(r, "catalog.model.new"), models
	if it.ID != 0 {
		title, back = web.T(r, "catalog.model.edit"), models+"/"+strconv.FormatInt(it.ID, 10)
	}
	out := &modelPage{ownPage: ownPage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title}, Cancel: ui.Button{Label: web.T(r, "catalog.cancel"), Href: back, Variant: "tertiary"}}}
	out.Crumbs = []ui.Crumb{{Label: web.T(r, "catalog.models"), Href: models}, {Label: title}}
	if it.ID != 0 {
		out.Drop = back + "/drop"
	}
	name, text, formula := f.Field("name", "catalog.name"), f.Field("description", "catalog.description"), f.Field("formula", "catalog.model.formula")
	name.MaxLength, text.Optional, text.MaxLength, formula.Type, formula.Hint = 255, true, 4000, "select", web.T(r, "catalog.model.formula.hint")
	for _, x := range catalog.Formulas() {
		formula.Options = append(formula.Options, ui.Option{Value: x, Label: x})
	}
	out.Fields = []ui.Field{name, text, formula}
	for _, n := range numbers {
		x := f.Field(n, "catalog.model."+n)
		x.Hint, x.MaxLength = web.T(r, "catalog.model."+n+".hint"), 20
		out.Fields = append(out.Fields, x)
	}
	weights, types := f.Field("base_score_config", "catalog.model.weights"), f.Field("types", "catalog.model.types")
	weights.Type, weights.Rows, weights.Mono, weights.Optional, weights.Hint = "textarea", 5, true, true, web.T(r, "catalog.model.weights.hint")
	types.Type, types.Rows, types.Mono, types.Hint = "textarea", 4, true, web.T(r, "catalog.model.types.hint")
	out.Fields = append(out.Fields, weights, types)
	if d, err := modelDraft(f); err == nil && d.Parameters.Lifetime > 0 {
		out.Curve = curve(r, &catalog.DecayModel{Formula: d.Formula, Parameters: d.Parameters})
	}
	return out
}

// modelDraft reads the form. Faults: Invalid with the fields that cannot be read.
func modelDraft(f *web.Form) (d catalog.ModelDraft, err error) {
	var c fault.Collector
	n := make([]float64, len(numbers))
	for i, name := range numbers {
		n[i], err = strconv.ParseFloat(strings.ReplaceAll(f.Text(name, 20), ",", "."), 64)
		c.Require(err == nil, name, "catalog.fault.number")
	}
	d = catalog.ModelDraft{Name: f.Text("name", 255), Description: f.Text("description", 4000), Formula: f.OneOf("formula", catalog.Formulas()...),
		Parameters: catalog.Parameters{Lifetime: n[0], Speed: n[1], Threshold: n[2], Default: n[3], Weights: map[string]float64{}}}
	for line := range strings.Lines(f.Text("base_score_config", 20_000)) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		last := len(words) - 1
		w, err := strconv.ParseFloat(strings.ReplaceAll(words[last], ",", "."), 64)
		c.Require(err == nil && last == 1, "base_score_config", "catalog.fault.weight")
		d.Parameters.Weights[strings.ToLower(words[0])] = w
	}
	known := misp.Types()
	for _, t := range strings.FieldsFunc(f.Text("types", 20_000), func(c rune) bool { return c == ',' || c == ' ' || c == '\n' || c == '\r' }) {
		c.Require(slices.Contains(known, t), "types", "catalog.fault.types")
		if !slices.Contains(d.Types, t) {
			d.Types = append(d.Types, t)
		}
	}
	c.Require(len(d.Types) > 0, "types", "catalog.fault.types")
	return d, c.Err("a decaying model")
}

// ownModel reads a model that was made here; another has no form.
func (p *pages) ownModel(r *http.Request) (*catalog.DecayModel, error) {
	id, err := ref(r)
	if err != nil {
		return nil, err
	}
	m, err := p.s.DecayModel(r.Context(), web.Actor(r), id)
	if err == nil && !m.Own {
		err = fault.New(fault.NotFound, "model %d was not made here", m.ID).WithKey("catalog.fault.none")
	}
	return m, err
}

func (p *pages) editModel(w http.ResponseWriter, r *http.Request) error {
	m, err := p.ownModel(r)
	if err != nil {
		return err
	}
	say := func(v float64) []string { return []string{strconv.FormatFloat(v, 'f', -1, 64)} }
	var weights []string
	for _, k := range slices.Sorted(maps.Keys(m.Weights)) {
		weights = append(weights, k+" "+say(m.Weights[k])[0])
	}
	f := web.NewForm(r, url.Values{"name": {m.Name}, "description": {m.Description}, "formula": {m.Formula}, "lifetime": say(m.Lifetime), "decay_speed": say(m.Speed), "threshold": say(m.Threshold),
		"default_base_score": say(m.Default), "base_score_config": {strings.Join(weights, "\n")}, "types": {strings.Join(m.Types, ", ")}})
	return p.t.Render(w, r, "modelform", modelForm(r, f, m.Item))
}

// saveModel makes a model or changes one of one's own; asked to draw, it keeps nothing.
func (p *pages) saveModel(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	var old catalog.Item
	of := ""
	if r.PathValue("id") != "" {
		m, err := p.ownModel(r)
		if err != nil {
			return err
		}
		old, of = m.Item, strconv.FormatInt(m.ID, 10)
	}
	d, err := modelDraft(f)
	if err == nil && f.Text("do", 10) == "draw" {
		return p.t.Render(w, r, "modelform", modelForm(r, f, old))
	}
	var it catalog.Item
	if err == nil {
		it, err = p.s.SaveModel(r.Context(), web.Actor(r), of, func(x *catalog.ModelDraft) { *x = d })
	}
	if x := fault.Of(err); x != nil && x.Kind == fault.Invalid && f.Fail(err) {
		page := modelForm(r, f, old)
		page.Errors = f.Summary(slices.Concat([]string{"name", "formula"}, numbers, []string{"base_score_config", "types"})...)
		return p.t.Invalid(w, r, "modelform", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(models+"/"+strconv.FormatInt(it.ID, 10), web.Done("catalog.done.changed"))
}

func (p *pages) dropModel(_ http.ResponseWriter, r *http.Request) error {
	m, err := p.ownModel(r)
	if err != nil {
		return err
	}
	if err := p.s.DropModel(r.Context(), web.Actor(r), strconv.FormatInt(m.ID, 10)); err != nil {
		return err
	}
	return web.Redirect(models, web.Done("catalog.done.changed"))
}
