package enrich

import "straza/internal/format/tlp"

// Manner says how far the question of a module goes. The administrator who switches a
// module on says so; nothing else knows.
type Manner string

// The manners. What nobody said anything about is taken for the loudest.
const (
	Inside  Manner = "inside"  // it answers from tables of its own: nobody else hears of the value
	Asks    Manner = "asks"    // it asks others what they know of the value
	Touches Manner = "touches" // it asks what the value names itself: its name servers, its pages
)

// Manners are all of them, from quiet to loud.
func Manners() []Manner { return []Manner{Inside, Asks, Touches} }

// Or is the manner, or the loudest for what is none.
func (m Manner) Or() Manner {
	if m == Inside || m == Asks {
		return m
	}
	return Touches
}

// asked is what the guard looks at.
type asked struct {
	Level  tlp.Level // strictest of event and attribute, the policy's where there is none
	PAP    tlp.PAP
	Own    bool // the event was made here
	Ours   bool // the value belongs to somebody in the registry
	Lead   bool // who asks may ask others about those
	Manner Manner
}

// Reasons why a question is held, message keys beside those of format/tlp.
const (
	heldPAP  = "intel.held.pap"
	heldOurs = "intel.held.ours"
)

// may says why a question must not leave; "" = it may. A module that asks others is a
// peer that nobody named: CLEAR and GREEN go there, AMBER and stricter do not. PAP:AMBER
// allows others to be asked, not the adversary's own servers; PAP:RED neither. What stays
// inside is a file that the organisation keeps: everything but RED.
func may(a asked) (held string) {
	way, c := tlp.Peer, tlp.Circumstance{Own: a.Own}
	if a.Manner.Or() == Inside {
		way, c.Named = tlp.Export, true
	}
	if v := tlp.Out(a.Level, way, c); v.Answer != tlp.Pass {
		return v.Reason
	}
	deed := map[Manner]tlp.Deed{Inside: tlp.SearchOwn, Asks: tlp.AskOthers, Touches: tlp.BlockProbe}[a.Manner.Or()]
	if !a.PAP.Allows(deed) {
		return heldPAP
	}
	if a.Ours && !a.Lead && a.Manner.Or() != Inside {
		return heldOurs
	}
	return ""
}
