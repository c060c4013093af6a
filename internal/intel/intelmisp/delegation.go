package intelmisp

import (
	"strconv"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/fault"
)

func delegationRows(read, write adder) {
	read("event_delegations/index", "", (*api).delegationIndex)
	write("event_delegations/delegateevent", "delegate", (*api).delegationAsk)
	write("event_delegations/acceptdelegation", "add", (*api).delegationAccept)
	write("event_delegations/deletedelegation", "add", (*api).delegationDelete)
}

const invalidDelegation = "Invalid delegation"

func delegationJSON(d *remark.Delegation) ordered {
	return ordered{{"id", itoa(d.ID)}, {"org_id", itoa(d.To.ID)}, {"requester_org_id", itoa(d.From.ID)}, {"event_id", itoa(d.Event)},
		{"message", d.Message}, {"distribution", strconv.Itoa(int(d.Distribution))}, {"sharing_group_id", itoa(d.Group)}}
}

func (a *api) delegationIndex(c *call) error {
	list, err := a.Remarks.Delegations(c.ctx(), c.who, 0)
	if err != nil {
		return err
	}
	out := []ordered{}
	for i := range list {
		d := &list[i]
		out = append(out, ordered{{"EventDelegation", delegationJSON(d)}, {"Event", ordered{{"id", itoa(d.Event)}, {"uuid", d.EventUUID}, {"info", d.EventInfo}}},
			{"Org", ordered{{"id", itoa(d.To.ID)}, {"name", d.To.Name}, {"uuid", d.To.UUID}}},
			{"RequesterOrg", ordered{{"id", itoa(d.From.ID)}, {"name", d.From.Name}, {"uuid", d.From.UUID}}}})
	}
	return c.value(out)
}

// level reads distribution and group of a request; absent is undecided.
func (p params) level() (intel.Distribution, int64) {
	return intel.Distribution(p.number("distribution", int(remark.Undecided))), int64(p.number("sharing_group_id", 0))
}

func (a *api) delegationAsk(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("EventDelegation")
	event := c.arg(0)
	if event == "" {
		event = p.text("event_id")
	}
	d, group := p.level()
	got, err := a.Remarks.Delegate(c.ctx(), c.who, event, p.text("org_id"), d, group, p.text("message"))
	if err != nil {
		return delegationFault("delegateEvent", err, notFound(invalidEvent))
	}
	return c.value(ordered{{"EventDelegation", delegationJSON(&got)}})
}

func delegationFault(action string, err, missing error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	switch f.Kind {
	case fault.NotFound:
		return missing
	case fault.Denied:
		return forbidden(misp.MsgNoPermission)
	case fault.Conflict:
		return unsaved(misp.Outcome{Controller: "EventDelegations", Action: action, Errors: "This event already has a pending delegation request. Please revoke the previous request before adding a new one."})
	case fault.Invalid:
		errs := map[string][]string{}
		for field := range f.Fields {
			errs[field] = []string{f.Detail}
		}
		return unsaved(misp.Outcome{Controller: "EventDelegations", Action: action, Errors: errs})
	}
	return err
}

func (a *api) delegationAccept(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	d, group := c.params.sub("EventDelegation").level()
	if _, err := a.Remarks.AcceptDelegation(c.ctx(), c.who, c.arg(0), d, group); err != nil {
		return delegationFault("acceptDelegation", err, notFound(invalidDelegation))
	}
	return c.done(misp.Outcome{Controller: "EventDelegations", Action: "acceptDelegation", Message: "Event ownership transferred.", ID: c.arg(0)})
}

func (a *api) delegationDelete(c *call) error {
	if _, err := a.Remarks.DiscardDelegation(c.ctx(), c.who, c.arg(0)); err != nil {
		return delegationFault("deleteDelegation", err, notFound(invalidDelegation))
	}
	return c.done(misp.Outcome{Controller: "EventDelegations", Action: "deleteDelegation", Message: "Delegation request deleted.", ID: c.arg(0)})
}
