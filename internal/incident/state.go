package incident

import (
	"slices"

	"straza/internal/kernel/fault"
)

// State is where a case stands.
type State string

// States of a case.
const (
	Fresh      State = "new"
	InProgress State = "in-progress"
	Waiting    State = "waiting" // for somebody outside; our clock stands still, with a reason
	Resolved   State = "resolved"
	Closed     State = "closed"
)

// States lists the states in the order of a case's life.
var States = []State{Fresh, InProgress, Waiting, Resolved, Closed}

// moves is the one transition table. From Closed back is reopening: it keeps the
// history and needs the right to close.
var moves = map[State][]State{
	Fresh:      {InProgress, Waiting, Resolved},
	InProgress: {Waiting, Resolved},
	Waiting:    {InProgress, Resolved},
	Resolved:   {Closed, InProgress},
	Closed:     {InProgress},
}

// Validate refuses what is no state.
func (s State) Validate() error {
	if slices.Contains(States, s) {
		return nil
	}
	return fault.Field("state", "incident.fault.state", "unknown state %q; there are new, in-progress, waiting, resolved, closed", string(s))
}

// Next lists the states a case may move to from s.
func (s State) Next() []State { return moves[s] }

// May tells whether a case may move from s to t.
func (s State) May(t State) bool { return slices.Contains(moves[s], t) }

// Open tells whether somebody still has to work on the case.
func (s State) Open() bool { return s == Fresh || s == InProgress || s == Waiting }

// Levels of severity, mildest first (cert-services §3.3).
var Levels = []string{"low", "medium", "high", "very-high"}

// rankOf orders severities: 0 = not assessed.
func rankOf(level string) int64 { return int64(slices.Index(Levels, level) + 1) }

// States of a countermeasure.
const (
	Requested = "requested"
	Active    = "active"
	Removed   = "removed"
)

// measureMoves is the life of a countermeasure; removal may be of one that was
// never put in place.
var measureMoves = map[string][]string{Requested: {Active, Removed}, Active: {Removed}, Removed: {Active}}

// States of a party.
const (
	PartyOurs   = "ours"   // we owe the next word
	PartyTheirs = "theirs" // they do
	PartyDone   = "done"   // nothing more is expected
)

var partyStates = []string{PartyOurs, PartyTheirs, PartyDone}
