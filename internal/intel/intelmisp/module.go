package intelmisp

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/expansion"
	"straza/internal/format/misp"
	"straza/internal/intel/enrich"
	"straza/internal/kernel/fault"
)

func moduleRows(read, write adder) {
	read("modules/index", "auth", (*api).moduleIndex)
	write("modules/queryenrichment", "auth", (*api).moduleQuery)
	write("events/enrichevent", "add", (*api).eventEnrich)
	write("attributes/enrich", "add", (*api).attributeEnrich)
}

// moduleIndex lists the modules that are switched on, as their servers describe them.
func (a *api) moduleIndex(c *call) error {
	list, err := a.Enrich.Servers(c.ctx(), c.who)
	if err != nil {
		return err
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for i := range list {
			for j := range list[i].Modules {
				m := &list[i].Modules[j]
				if !list[i].Enabled || !m.On {
					continue
				}
				attrs := ordered{{"input", orEmpty(m.Input)}, {"output", orEmpty(m.Output)}}
				if m.Standard {
					attrs = append(attrs, ordered{{"format", "misp_standard"}}...)
				}
				b, err := marshal(ordered{{"name", m.Name}, {"type", m.Type}, {"mispattributes", attrs},
					{"meta", ordered{{"name", m.Title}, {"version", m.Version}, {"description", m.Description}, {"module-type", []string{"expansion"}}}}})
				if err == nil {
					err = yield(b)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// moduleQuery hands a question in the protocol of modules on, after the guard, and gives
// the module's answer as it came. The settings that clients send along are not used.
func (a *api) moduleQuery(c *call) error {
	raw, err := c.read()
	if err != nil {
		return err
	}
	q, err := expansion.ReadQuery(raw)
	if err != nil {
		return fail(400, "Invalid query: a module and a value are needed.")
	}
	ask := enrich.Question{Module: q.Module, Type: q.Type, Value: q.Value}
	if at, err := a.Intel.Attribute(c.ctx(), c.who, q.UUID); isRef(q.UUID) && err == nil && at.Type == q.Type && at.Value == q.Value {
		ask = enrich.Question{Module: q.Module, Attribute: at.UUID}
	}
	g, err := a.Enrich.Ask(c.ctx(), c.who, ask)
	if err != nil {
		return moduleFault(err)
	}
	if len(q.UUID) == 36 && isRef(q.UUID) {
		g.Raw = bytes.ReplaceAll(g.Raw, []byte(enrich.Placeholder), []byte(q.UUID))
	}
	return c.json(g.Raw)
}

// moduleFault says why nothing left, or what the server of modules did, in words: MISP
// shows such sentences to who asked.
func moduleFault(err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	switch {
	case strings.HasPrefix(f.Key, "tlp.held.") || strings.HasPrefix(f.Key, "intel.held."):
		return forbidden("The value may not leave this installation: " + f.Key[strings.LastIndexByte(f.Key, '.')+1:] + ".")
	case f.Kind == fault.NotFound:
		return notFound("Module not found or not available.")
	case f.Kind == fault.Invalid:
		return fail(400, "The module does not take this value.")
	}
	return err
}

// wantedModules are the keys of the body that are true: {"dns":true}.
func (c *call) wantedModules() ([]string, error) {
	if err := c.form(); err != nil {
		return nil, err
	}
	p := c.params
	for _, wrap := range []string{"Event", "Attribute"} {
		if in := p.sub(wrap); len(in) > 0 {
			p = in
		}
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(p)) {
		if p.flag(k, false) {
			out = append(out, k)
		}
	}
	return out, nil
}

func (a *api) eventEnrich(c *call) error {
	e, err := a.Intel.Event(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound(invalidEvent), fault.NotFound)
	}
	return a.enrichWith(c, "Events", "enrichEvent", e.Ref(), "")
}

func (a *api) attributeEnrich(c *call) error {
	at, err := a.Intel.Attribute(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound(invalidAttribute), fault.NotFound)
	}
	return a.enrichWith(c, "Attributes", "enrich", strconv.FormatInt(at.EventID, 10), at.UUID)
}

// enrichWith asks the modules named about an event's attributes, or one of them, and
// stores everything that they say, as MISP does.
func (a *api) enrichWith(c *call, controller, action, event, attribute string) error {
	modules, err := c.wantedModules()
	if err != nil {
		return err
	}
	out, err := a.Enrich.All(c.ctx(), c.who, event, attribute, modules)
	if err != nil {
		return moduleFault(err)
	}
	words := "#" + strconv.Itoa(out.Attributes) + " attributes have been created during the enrichment process."
	if out.Held > 0 {
		words += " " + strconv.Itoa(out.Held) + " values may not leave this installation."
	}
	if out.Failed > 0 {
		words += " " + strconv.Itoa(out.Failed) + " questions got no answer."
	}
	return c.done(misp.Outcome{Controller: controller, Action: action, ID: c.arg(0), Message: words})
}
