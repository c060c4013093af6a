package intelmisp

import (
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
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

// outward tells that a call is a way out: it carries what it reads to another
// installation. A person's script reads what its distribution shows. The site
// administrator and the organisations whose the event is take their own.
func (a *api) outward(c *call, e *intel.Event) bool {
	return (synchronises(c) && !a.Unlabelled || server(c) && !site(c.who)) && e.Owner.ID != c.who.Org && e.Origin.ID != c.who.Org
}

// withheld tells that an event's label keeps it from whoever pulls it, although its
// distribution would not: the same rule as for what we push (TLP 2.0; spec misp §7.5).
func (a *api) withheld(c *call, e *intel.Event) bool {
	return a.outward(c, e) && !leaves(a.Intel.LabelOf(c.ctx(), c.who, e), e) || a.unproven(c, e)
}

func leaves(l tlp.Level, e *intel.Event) bool {
	return tlp.Out(l, tlp.Peer, tlp.Circumstance{Own: !e.Locked, Named: e.Distribution == intel.Group}).Answer == tlp.Pass
}

// withheldParts gives the test by which attributes with a stricter label of their own
// stay, nil where nothing does.
func (a *api) withheldParts(c *call, e *intel.Event) func(*intel.Attribute) bool {
	if !a.outward(c, e) {
		return nil
	}
	return func(at *intel.Attribute) bool {
		names := make([]string, len(at.Tags))
		for i := range at.Tags {
			names[i] = at.Tags[i].Name
		}
		l := tlp.FromTags(names)
		return l == tlp.None || leaves(l, e)
	}
}
