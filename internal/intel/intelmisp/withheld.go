package intelmisp

import (
	"strings"

	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
)

// server tells that another installation calls: they name themselves so (spec misp §7.1).
// Only what nobody gains by pretending hangs on it.
func server(c *call) bool {
	return strings.HasPrefix(c.r.Header.Get("User-Agent"), "MISP ") && access.Allowed(c.who, "misp.sync")
}

// synchronises tells that what a key reads goes to another installation, whatever the
// caller names itself: the key of a role that synchronises and has no other purpose here.
// The team's own people hold the flag too, and read for themselves, unless it is a
// server that calls with their key.
func synchronises(c *call) bool {
	return access.Allowed(c.who, "misp.sync") && !site(c.who) && (!c.who.OnTeam() || server(c))
}

// leaving tells that what a call reads of others leaves for another installation.
func (a *api) leaving(c *call) bool {
	return synchronises(c) && !a.Unlabelled || server(c) && !site(c.who)
}

// outward tells that a call is a way out: it carries what it reads to another
// installation. A person's script reads what its distribution shows. The site
// administrator and the organisations whose the event is take their own.
func (a *api) outward(c *call, e *intel.Event) bool {
	return a.leaving(c) && e.Owner.ID != c.who.Org && e.Origin.ID != c.who.Org
}

// withheld tells that an event's label keeps it from whoever pulls it, although its
// distribution would not: the same rule as for what we push (TLP 2.0; spec misp §7.5).
func (a *api) withheld(c *call, e *intel.Event) bool {
	return a.outward(c, e) && !intel.Leaves(a.Intel.LabelOf(c.ctx(), c.who, e), e) || a.unproven(c, e)
}

// partWithheld tells the same of an attribute: its event stays, or its own label is stricter.
func (a *api) partWithheld(c *call, at *intel.Attribute, e *intel.Event) bool {
	return a.withheld(c, e) || a.outward(c, e) && !intel.PartLeaves(at, e)
}

// staying is withheld by an event's id, for lists of what hangs on events: each is asked once.
func (a *api) staying(c *call) func(event int64) bool {
	if !a.leaving(c) {
		return func(int64) bool { return false }
	}
	known := map[int64]bool{}
	return func(id int64) bool {
		stays, asked := known[id]
		if !asked {
			e, err := a.Intel.Event(c.ctx(), c.who, itoa(id))
			stays = err != nil || a.withheld(c, &e)
			known[id] = stays
		}
		return stays
	}
}

// sightingStays is partWithheld by what a sighting is of.
func (a *api) sightingStays(c *call) func(*intel.Sighting) bool {
	stays, part := a.staying(c), a.partStays(c)
	return func(g *intel.Sighting) bool { return stays(g.EventID) || part(itoa(g.AttributeID)) }
}

// remarkStays tells the same of what others said about an event or an attribute.
func (a *api) remarkStays(c *call) func(*remark.Remark) bool {
	if !a.leaving(c) {
		return func(*remark.Remark) bool { return false }
	}
	stays, part := a.staying(c), a.partStays(c)
	return func(n *remark.Remark) bool {
		return n.EventID() != 0 && n.Org.ID != c.who.Org && n.Origin.ID != c.who.Org && (stays(n.EventID()) || part(n.Root()))
	}
}

// partStays is partWithheld by an attribute's number or UUID; each is asked once. What is no
// attribute here is not held by itself.
func (a *api) partStays(c *call) func(ref string) bool {
	known := map[string]bool{}
	return func(ref string) bool {
		if !a.leaving(c) {
			return false
		}
		held, asked := known[ref]
		if !asked {
			at, err := a.Intel.Attribute(c.ctx(), c.who, ref)
			held = err != nil && !fault.Is(err, fault.NotFound) || err == nil && a.partWithheld(c, &at, at.Event)
			known[ref] = held
		}
		return held
	}
}

// proposalStays tells the same of what was proposed to an event or an attribute.
func (a *api) proposalStays(c *call) func(*remark.Proposal) bool {
	stays, part := a.staying(c), a.partStays(c)
	return func(p *remark.Proposal) bool {
		return stays(p.Event) || p.Attribute != 0 && part(itoa(p.Attribute))
	}
}

// lets is the test by which attributes of an event pass that leaves: those that only lets,
// and whose own label lets them go. nil where all do.
func (a *api) lets(c *call, e *intel.Event, only func(*intel.Attribute) bool) func(*intel.Attribute) bool {
	if !a.outward(c, e) {
		return only
	}
	return func(at *intel.Attribute) bool { return intel.PartLeaves(at, e) && (only == nil || only(at)) }
}

// keptOf is what labels of their own keep of the parts of an event that leaves.
func (a *api) keptOf(c *call, e *intel.Event) (intel.Kept, error) {
	if !a.outward(c, e) {
		return intel.Kept{}, nil
	}
	return a.Intel.Kept(c.ctx(), c.who, e)
}
