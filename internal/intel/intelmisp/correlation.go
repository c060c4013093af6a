package intelmisp

import (
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

func correlationRows(read, write adder) {
	read("correlations/overcorrelations", "site_admin", (*api).overCorrelations)
	read("correlations/top", "site_admin", (*api).topCorrelations)
	write("correlations/generateoccurrences", "site_admin", (*api).nothingToGenerate)
	write("correlations/generatetopcorrelations", "site_admin", (*api).nothingToGenerate)
}

// overCorrelations lists the values that MISP would no longer correlate; here they still
// do, with bounds, and are shown so that somebody may exclude them.
func (a *api) overCorrelations(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	return a.frequents(c, max(c.params.number("limit", intel.FrequentLeast), 2), func(f intel.Frequent, i int) ordered {
		return ordered{{"OverCorrelatingValue", ordered{{"id", itoa(int64(i + 1))}, {"value", f.Value}, {"occurrence", itoa(f.Count)}, {"excluded", f.Excluded}}}}
	})
}

func (a *api) topCorrelations(c *call) error {
	return a.frequents(c, 2, func(f intel.Frequent, _ int) ordered {
		return ordered{{"Correlation", ordered{{"value", f.Value}, {"count", itoa(f.Count)}, {"excluded", f.Excluded}}}}
	})
}

func (a *api) frequents(c *call, least int, form func(intel.Frequent, int) ordered) error {
	list, _, err := a.Intel.Frequents(c.ctx(), c.who, least)
	if err != nil {
		return instead(err, forbidden(notHere), fault.Denied)
	}
	out := []ordered{}
	for i, f := range list {
		out = append(out, form(f, i))
	}
	return c.value(out)
}

// nothingToGenerate: correlations are found when they are read; nothing is counted in advance.
func (a *api) nothingToGenerate(c *call) error {
	return c.value(ordered{{"saved", true}, {"success", true}, {"name", "Job queued."}, {"message", "Job queued."}, {"url", c.path}})
}
