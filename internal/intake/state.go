package intake

import "straza/internal/kernel/fault"

// State is where a report stands.
type State string

// The states.
const (
	Incoming     State = "new"          // it arrived
	Acknowledged State = "acknowledged" // the reporter was told so, by the clock
	Accepted     State = "accepted"     // it is part of a case
	Rejected     State = "rejected"     // with a reason
	HandedOver   State = "handed_over"  // another CERT has a copy of its own
	Duplicate    State = "duplicate"    // of another report
)

// States lists them in the order in which a filter offers them.
var States = []State{Incoming, Acknowledged, Accepted, Rejected, HandedOver, Duplicate}

// Acts that move a report between states. Undo is not among them: it goes back to
// exactly the state before the act that it takes back.
const (
	ActAcknowledge = "acknowledge"
	ActAccept      = "accept"
	ActReject      = "reject"
	ActHandOver    = "hand_over"
	ActDuplicate   = "duplicate"
)

// moves is the one table of transitions: state → act → state (docs/lifecycle.md).
var moves = map[State]map[string]State{
	Incoming:     {ActAcknowledge: Acknowledged, ActAccept: Accepted, ActReject: Rejected, ActHandOver: HandedOver, ActDuplicate: Duplicate},
	Acknowledged: {ActAccept: Accepted, ActReject: Rejected, ActHandOver: HandedOver, ActDuplicate: Duplicate},
	Accepted:     {},
	Rejected:     {},
	HandedOver:   {},
	Duplicate:    {},
}

// Validate refuses what is no state.
func (s State) Validate() error {
	if _, ok := moves[s]; ok {
		return nil
	}
	return fault.Field("state", "intake.fault.state", "unknown state %q", s)
}

// Open tells whether somebody still has to decide.
func (s State) Open() bool { return s == Incoming || s == Acknowledged }

// May tells whether an act has a place in this state.
func (s State) May(act string) bool { _, ok := moves[s][act]; return ok }

// move gives the state after an act. Faults: Conflict, so that a page which lags
// behind says so.
func (s State) move(act string) (State, error) {
	to, ok := moves[s][act]
	if !ok {
		return s, fault.New(fault.Conflict, "cannot %s a report that is %s", act, s).WithKey("intake.fault.move")
	}
	return to, nil
}

// Type is what sort of thing was reported.
type Type string

// The types (cert-services §1.4).
const (
	Incident      Type = "incident"
	NearMiss      Type = "near_miss"
	Threat        Type = "threat"
	Vulnerability Type = "vulnerability"
	Question      Type = "question" // answered and nothing else: never shared, never intelligence (PR-20)
)

// Types lists them in the order in which a form offers them.
var Types = []Type{Incident, NearMiss, Threat, Vulnerability, Question}

// Validate refuses what is no type.
func (t Type) Validate() error {
	for _, k := range Types {
		if t == k {
			return nil
		}
	}
	return fault.Field("type", "intake.fault.type", "unknown type %q; there are incident, near_miss, threat, vulnerability, question", t)
}

// Channel is how a report came.
type Channel string

// The channels.
const (
	ByWeb    Channel = "web"
	ByPhone  Channel = "phone"
	ByEmail  Channel = "email"
	ByAPI    Channel = "api"
	ByPortal Channel = "portal"
)

// Channels lists them in the order in which a filter offers them.
var Channels = []Channel{ByWeb, ByPhone, ByEmail, ByAPI, ByPortal}
