package registry

import "straza/internal/kernel/fault"

// State is where an organisation stands.
type State string

// The states.
const (
	Active    State = "active"
	Withdrawn State = "withdrawn" // not a member any more; kept, found by CERT teams
	Merged    State = "merged"    // a tombstone: its UUID resolves to another organisation
)

// States lists them in the order in which a filter offers them.
var States = []State{Active, Withdrawn, Merged}

// Validate refuses what is no state.
func (s State) Validate() error {
	if _, ok := moves[s]; ok {
		return nil
	}
	return fault.Field("state", "registry.fault.state", "unknown state %q", s)
}

// moves is the one table of transitions: act → from → to.
var moves = map[State]map[string]State{
	Active:    {"withdraw": Withdrawn, "merge": Merged},
	Withdrawn: {"restore": Active, "merge": Merged},
	Merged:    {}, // leaves only by undoing the merge, to the state it was in
}

// move gives the state after an act. Faults: Conflict when the act has no place
// in this state, so that a page which lags behind says so.
func (s State) move(act string) (State, error) {
	to, ok := moves[s][act]
	if !ok {
		return s, fault.New(fault.Conflict, "cannot %s an organisation that is %s", act, s).WithKey("registry.fault.state-move")
	}
	return to, nil
}
