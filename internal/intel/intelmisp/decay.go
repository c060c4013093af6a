package intelmisp

import (
	"encoding/json"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

func decayRows(read, write adder) {
	read("decaying_model/index", "", (*api).modelIndex)
	read("decaying_model/view", "", (*api).modelView)
	read("decaying_model/getalldecayingmodels", "", (*api).modelIndex)
	write("decaying_model/update", "site_admin", (*api).upToDate)
	write("decaying_model/add", "decaying", (*api).modelSave)
	write("decaying_model/edit", "decaying", (*api).modelSave)
	write("decaying_model/delete", "decaying", (*api).modelDelete)
	write("decaying_model/enable", "decaying", (*api).modelSwitch)
	write("decaying_model/disable", "decaying", (*api).modelSwitch)
	read("decaying_model_mapping/viewassociatedtypes", "", (*api).modelTypes)
	write("decaying_model_mapping/linkattributetypetomodel", "decaying", (*api).modelLink)
}

// decaying scores the attributes of one answer.
type decaying struct {
	a       *api
	c       *call
	models  []*catalog.DecayModel
	now     int64
	exclude bool // what every model calls decayed is left out
	show    bool

	event    int64 // of the attributes under way
	tags     []intel.TagUse
	sighted  map[int64][]misp.Sighting
	lastAt   int64 // attribute scored last
	lastList []catalog.Score
}

// decaying reads what a request asks of decaying models, nil when nothing.
// decayingModel names some of those in force, modelOverrides lays other parameters
// over them, score another threshold.
func (a *api) decaying(c *call) (*decaying, error) {
	d := &decaying{a: a, c: c, now: now(c).Unix(), exclude: c.params.flag("excludeDecayed", false), show: c.params.flag("includeDecayScore", false)}
	if !d.exclude && !d.show {
		return nil, nil
	}
	models, err := a.Catalog.Models(c.ctx(), c.who, true)
	if err != nil {
		return nil, err
	}
	only := c.params.list("decayingModel")
	over, _ := c.params["modelOverrides"].(map[string]any)
	if s, ok := c.params["modelOverrides"].(string); ok {
		v, _ := decode([]byte(s)) // what is no JSON overrides nothing
		over, _ = v.(map[string]any)
	}
	for _, m := range models {
		if len(only) > 0 && !contains(only, itoa(m.ID)) && !contains(only, m.UUID) && !contains(only, m.Name) {
			continue
		}
		for key, to := range map[string]*float64{"lifetime": &m.Lifetime, "decay_speed": &m.Speed, "threshold": &m.Threshold, "default_base_score": &m.Default} {
			if f, ok := float(over[key]); ok {
				*to = f
			}
		}
		if f, ok := float(c.params["score"]); ok {
			m.Threshold = f
		}
		d.models = append(d.models, m)
	}
	return d, nil
}

func float(v any) (float64, bool) {
	f, err := json.Number(text(v)).Float64()
	return f, err == nil && f >= 0 && f <= 1e6
}

// enter begins an event: its tags count for its attributes, its sightings are read
// as the caller sees them.
func (d *decaying) enter(e *intel.Event) (err error) {
	if d == nil || d.event == e.ID {
		return nil
	}
	d.event, d.tags, d.lastAt = e.ID, e.Tags, 0
	d.sighted, err = d.a.sightings(d.c, e)
	return err
}

// scores asks every model that is meant for the attribute's type.
func (d *decaying) scores(at *intel.Attribute) ([]catalog.Score, error) {
	if at.Event != nil {
		if err := d.enter(at.Event); err != nil {
			return nil, err
		}
	}
	if d.lastAt == at.ID {
		return d.lastList, nil
	}
	d.lastAt, d.lastList = at.ID, nil
	aged := agedOf(at, d.tags, d.sighted[at.ID])
	for _, m := range d.models {
		if m.Matches(at.Type) {
			d.lastList = append(d.lastList, m.At(aged, d.now))
		}
	}
	return d.lastList, nil
}

// agedOf collects what models ask of an attribute; a taxonomy that it carries
// itself stands before its event's.
func agedOf(at *intel.Attribute, event []intel.TagUse, sighted []misp.Sighting) catalog.Aged {
	out := intel.AgedOf(at, event)
	for _, g := range sighted {
		switch g.Type.V {
		case intel.Seen:
			out.Sightings++
			out.LastSeen = max(out.LastSeen, g.DateSighting.V)
		case intel.FalsePositive:
			out.False++
		}
	}
	return out
}

// keeps tells whether an attribute stays: one that no model is meant for does, and
// one that some model does not call decayed.
func (d *decaying) keeps(at *intel.Attribute) (bool, error) {
	if d == nil || !d.exclude {
		return true, nil
	}
	list, err := d.scores(at)
	for _, s := range list {
		if !s.Decayed {
			return true, err
		}
	}
	return len(list) == 0, err
}

// mark adds the scores to an attribute's answer; without a model there is no key.
func (d *decaying) mark(at *intel.Attribute, w *misp.Attribute) error {
	if d == nil || !d.show {
		return nil
	}
	list, err := d.scores(at)
	if err != nil || len(list) == 0 {
		return err
	}
	rows := make([]any, len(list))
	for i, s := range list {
		rows[i] = ordered{{"score", s.Score}, {"base_score", s.Base}, {"decayed", s.Decayed},
			{"DecayingModel", ordered{{"id", itoa(s.Model.ID)}, {"name", s.Model.Name}}}}
	}
	w.DecayScore, err = marshal(rows)
	return err
}

func modelWire(m *catalog.DecayModel) ordered {
	weights := m.Weights
	if weights == nil {
		weights = map[string]float64{}
	}
	return ordered{{"id", itoa(m.ID)}, {"uuid", m.UUID}, {"name", m.Name}, {"parameters", ordered{{"lifetime", m.Lifetime}, {"decay_speed", m.Speed},
		{"threshold", m.Threshold}, {"default_base_score", m.Default}, {"base_score_config", weights}}}, {"attribute_types", orEmpty(m.Types)},
		{"description", m.Description}, {"org_id", "0"}, {"enabled", m.Enabled}, {"version", itoa(m.Version)}, {"formula", m.Formula},
		{"ref", []string{}}, {"all_orgs", true}, {"default", !m.Own}}
}

func (a *api) modelIndex(c *call) error {
	only := c.action == "getalldecayingmodels" && params{"": c.arg(0)}.flag("", false)
	list, err := a.Catalog.Models(c.ctx(), c.who, only)
	if err != nil {
		return err
	}
	return c.list("", "", formed(list, func(m *catalog.DecayModel) any {
		return ordered{{"DecayingModel", modelWire(m)}}
	}))
}

func (a *api) modelView(c *call) error {
	m, err := a.Catalog.DecayModel(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound("Invalid Decaying Model"), fault.NotFound)
	}
	return c.value(ordered{{"DecayingModel", modelWire(m)}})
}

func modelFault(err error) error {
	err = instead(err, notFound("Invalid Decaying Model"), fault.NotFound)
	err = instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	return instead(err, unsaved(misp.Outcome{Controller: "DecayingModels", Action: "edit", Errors: "The model could not be saved."}), fault.Invalid, fault.Conflict)
}

// modelSave makes or rewrites a model; of imported ones the types alone.
func (a *api) modelSave(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("DecayingModel")
	it, err := a.Catalog.SaveModel(c.ctx(), c.who, c.arg(0), func(d *catalog.ModelDraft) { modelFields(p, d) })
	if err != nil {
		return modelFault(err)
	}
	m, err := a.Catalog.DecayModel(c.ctx(), c.who, itoa(it.ID))
	if err != nil {
		return err
	}
	return c.value(ordered{{"DecayingModel", modelWire(m)}})
}

func modelFields(p params, d *catalog.ModelDraft) {
	for key, to := range map[string]*string{"name": &d.Name, "description": &d.Description, "formula": &d.Formula} {
		if p.has(key) {
			*to = p.text(key)
		}
	}
	if p.has("attribute_types") {
		d.Types = p.list("attribute_types")
	}
	q, ok := p["parameters"].(map[string]any)
	if s, is := p["parameters"].(string); is {
		v, _ := decode([]byte(s)) // what is no JSON changes nothing
		q, ok = v.(map[string]any)
	}
	if !ok {
		return
	}
	for key, to := range map[string]*float64{"lifetime": &d.Parameters.Lifetime, "decay_speed": &d.Parameters.Speed,
		"threshold": &d.Parameters.Threshold, "default_base_score": &d.Parameters.Default} {
		if f, ok := float(q[key]); ok {
			*to = f
		}
	}
	if w, ok := q["base_score_config"].(map[string]any); ok {
		d.Parameters.Weights = map[string]float64{}
		for k, v := range w {
			if f, ok := float(v); ok {
				d.Parameters.Weights[strings.ToLower(k)] = f
			}
		}
	}
}

func (a *api) modelDelete(c *call) error {
	if err := a.Catalog.DropModel(c.ctx(), c.who, c.arg(0)); err != nil {
		return modelFault(err)
	}
	return c.done(misp.Outcome{Controller: "DecayingModels", Action: "delete", Message: "Decaying Model deleted.", ID: c.arg(0)})
}

func (a *api) modelSwitch(c *call) error {
	if _, err := a.Catalog.Enable(c.ctx(), c.who, catalog.Model, c.arg(0), c.action == "enable"); err != nil {
		return modelFault(err)
	}
	msg := "Decaying Model " + map[bool]string{true: "enabled.", false: "disabled."}[c.action == "enable"]
	return c.done(misp.Outcome{Controller: "DecayingModel", Action: c.action, Message: msg, ID: c.arg(0)})
}

func (a *api) modelTypes(c *call) error {
	m, err := a.Catalog.DecayModel(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return modelFault(err)
	}
	return c.value(orEmpty(m.Types))
}

// modelLink maps a model to attribute types.
func (a *api) modelLink(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("DecayingModelMapping")
	types := p.list("attribute_types")
	if s, ok := p["attributetypes"].(string); ok {
		var list []string
		if json.Unmarshal([]byte(s), &list) == nil {
			types = list
		}
	}
	if _, err := a.Catalog.SaveModel(c.ctx(), c.who, c.arg(0), func(d *catalog.ModelDraft) { d.Types = types }); err != nil {
		return modelFault(err)
	}
	return c.done(misp.Outcome{Controller: "DecayingModelMapping", Action: "linkAttributeTypeToModel", Message: "The model has been linked to these types.", ID: c.arg(0)})
}
