package intelmisp

import (
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

func exclusionRows(read, write adder) {
	read("correlation_exclusions/index", "site_admin", (*api).exclusionIndex)
	read("correlation_exclusions/view", "site_admin", (*api).exclusionView)
	write("correlation_exclusions/add", "site_admin", (*api).exclusionAdd)
	write("correlation_exclusions/delete", "site_admin", (*api).exclusionDelete)
	write("correlation_exclusions/clean", "site_admin", (*api).exclusionClean)
}

func exclusionWire(e intel.Exclusion) ordered {
	return ordered{{"CorrelationExclusion", ordered{{"id", itoa(e.ID)}, {"value", e.Value}, {"from_json", false}, {"comment", e.Comment}}}}
}

func (a *api) exclusionIndex(c *call) error {
	list, err := a.Intel.Exclusions(c.ctx(), c.who)
	if err != nil {
		return err
	}
	return c.list("", "", formed(list, func(e intel.Exclusion) any {
		return exclusionWire(e)
	}))
}

func (a *api) exclusionView(c *call) error {
	list, err := a.Intel.Exclusions(c.ctx(), c.who)
	if err != nil {
		return err
	}
	for _, e := range list {
		if itoa(e.ID) == c.arg(0) {
			return c.value(exclusionWire(e))
		}
	}
	return notFound("Invalid CorrelationExclusion")
}

func (a *api) exclusionAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("CorrelationExclusion")
	e, err := a.Intel.Exclude(c.ctx(), c.who, intel.Exclusion{Value: p.text("value"), Comment: p.text("comment")})
	if err != nil {
		return instead(err, unsaved(misp.Outcome{Controller: "CorrelationExclusions", Action: "add", Errors: map[string][]string{"value": {"The value is already in the exclusion list, or empty."}}}),
			fault.Invalid, fault.Conflict)
	}
	return c.value(exclusionWire(e))
}

func (a *api) exclusionDelete(c *call) error {
	id := params{"": c.arg(0)}.number("", 0)
	if err := a.Intel.Include(c.ctx(), c.who, int64(id)); err != nil {
		return instead(err, notFound("Invalid CorrelationExclusion"), fault.NotFound)
	}
	return c.done(misp.Outcome{Controller: "CorrelationExclusions", Action: "delete", Message: "CorrelationExclusion deleted.", ID: id})
}

// exclusionClean has nothing to clean: correlations are found when they are read.
func (a *api) exclusionClean(c *call) error {
	return c.done(misp.Outcome{Controller: "CorrelationExclusions", Action: "clean", Message: "Correlations cleanup initiated, based on the exclusion rules."})
}
