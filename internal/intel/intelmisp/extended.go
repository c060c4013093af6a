package intelmisp

import (
	"straza/internal/format/misp"
	"straza/internal/intel"
)

// extensionsMost bounds how many events an extended view is put together from.
const extensionsMost = 100

// extensions finds the events that extend e, as far as the caller sees them, and
// names them in its header.
func (a *api) extensions(c *call, e *intel.Event, w *misp.Event) (list []*intel.Event, err error) {
	named := ordered{}
	_, err = a.Intel.SearchEvents(c.ctx(), c.who, intel.Query{Extends: e.UUID, Limit: extensionsMost, Leaving: a.leaving(c)}, func(x *intel.Event) error {
		creator := int64(0) // a user's id does not leave its organisation
		if x.Origin.ID == c.who.Org || site(c.who) {
			creator = x.Creator
		}
		list = append(list, x)
		named = append(named, ordered{{itoa(x.ID), ordered{{"id", itoa(x.ID)}, {"info", x.Info}, {"orgc_id", itoa(x.Origin.ID)}, {"user_id", itoa(creator)},
			{"Orgc", *x.Origin.Wire()}}}}...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	raw, err := marshal(named)
	w.ExtensionEvents = misp.Raw(raw)
	return list, err
}
