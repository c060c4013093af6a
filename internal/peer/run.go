package peer

import (
	"maps"
	"slices"

	"straza/internal/intel"
)

// Ways of a run.
const (
	Pull = "pull"
	Push = "push"
)

// States of a run: one that was cut off is running until it is taken up again.
const (
	Running = "running"
	Done    = "done"
	Failed  = "failed" // ended early; what is left is taken up by the next run
)

// Techniques of a pull; a UUID is one event.
const (
	Full   = "full"   // everything that we may have
	Update = "update" // only what is here already
)

// Phases of a run, in their order.
const (
	phaseIndex       = "index"
	phaseEvents      = "events"
	phaseClusters    = "clusters"
	phaseProposals   = "proposals"
	phaseSightings   = "sightings"
	phaseAnalyst     = "analyst"
	phaseCollections = "collections"
	phaseOver        = "over"
)

// Ways of notes beside those of events: which events have sightings or proposals to
// be fetched or sent; their timestamp is that of the latest one settled or waiting.
const (
	waySightings    = "pull-sightings"
	wayOutSightings = "push-sightings"
	wayOutProposals = "push-proposals"
)

// Tally counts what became of things of one kind: Read = Created + Updated +
// Unchanged + Refused + Left.
type Tally struct {
	Read      int64 `json:"read"`
	Created   int64 `json:"created"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	Refused   int64 `json:"refused"`
	Left      int64 `json:"left"`
}

func (t *Tally) add(o intel.Tally) {
	t.Read += o.Read
	t.Created += o.Created
	t.Updated += o.Updated
	t.Unchanged += o.Unchanged
	t.Refused += o.Refused
}

// Counts is a run's report. On a push, Created are events that the other side did
// not have, Updated those that it had, Unchanged those that it holds as new.
type Counts struct {
	Orgs       Tally `json:"organisations,omitzero"` // these five of a move alone
	Groups     Tally `json:"sharing_groups,omitzero"`
	Tags       Tally `json:"tags,omitzero"`
	Taxonomies Tally `json:"taxonomies,omitzero"`
	Galaxies   Tally `json:"galaxies,omitzero"`
	Events     Tally `json:"events"`
	Attributes Tally `json:"attributes"`
	Objects    Tally `json:"objects"`
	// Retractions: Updated are the events that were deleted here as their maker did there.
	Retractions Tally            `json:"retractions,omitzero"`
	Clusters    Tally            `json:"clusters"`
	Proposals   Tally            `json:"proposals"`
	Sightings   Tally            `json:"sightings"`
	Analyst     Tally            `json:"analyst_data"`
	Collections Tally            `json:"collections,omitzero"`
	Misfits     []Misfit         `json:"misfits,omitempty"` // of a move: what had no place, the first thousand
	Reasons     map[string]int64 `json:"reasons"`           // why something was refused, held or is left
}

func (c Counts) copy() Counts {
	c.Misfits = slices.Clone(c.Misfits)
	c.Reasons = maps.Clone(c.Reasons)
	if c.Reasons == nil {
		c.Reasons = map[string]int64{}
	}
	return c
}

// ofSignature are the reasons that lie in a signature: somebody changed something on its
// way, or a key is amiss. They have a place of their own in a report.
var ofSignature = []string{reasonUnsigned, reasonForged, reasonStranger, reasonUnfit, reasonSigner}

// BySignature parts the reasons of a run: those that lie in a signature, with how often
// they were met in all, and the rest; both ascending.
func (c *Counts) BySignature() (signature []string, n int64, rest []string) {
	for _, k := range slices.Sorted(maps.Keys(c.Reasons)) {
		if slices.Contains(ofSignature, k) {
			signature, n = append(signature, k), n+c.Reasons[k]
		} else {
			rest = append(rest, k)
		}
	}
	return signature, n, rest
}

// summed counts as read what was noted while the run worked, too.
func (c Counts) summed() Counts {
	e := &c.Events
	e.Left = max(e.Left, 0)
	e.Read = e.Created + e.Updated + e.Unchanged + e.Refused + e.Left
	return c
}

// Run is one pull or push.
type Run struct {
	ID        int64
	Peer      int64
	Way       string
	Technique string
	State     string
	Started   int64 // µs
	Ended     int64 // µs, 0 = not yet
	Counts    Counts
	Detail    string // why it failed
	Dry       bool   // only looked; never stored
	Unchanged bool   // the other side said that its index is as it was

	phase  string
	cursor string // how far the phase came
	etag   string
}

// States of an item.
const (
	itemWaiting = "waiting"
	itemRefused = "refused" // not taken, or the other side would not have it
	itemHeld    = "held"    // not sent, by our own rules
	itemSent    = "sent"
)

// item is what is known of one event and one peer.
type item struct {
	id, peer  int64
	way, uuid string
	timestamp int64
	state     string
	reason    string
	detail    string
	tries     int
	at        int64
}

// Item is what is known of one event and one peer, for people.
type Item struct {
	Peer      int64
	Way       string
	Event     string // UUID
	Timestamp int64  // seconds: which version of it
	State     string // "waiting", "refused", "held", "sent"
	Reason    string // message key, "" if none
	Detail    string
	At        int64 // µs
}

func (it item) public() Item {
	return Item{Peer: it.peer, Way: it.way, Event: it.uuid, Timestamp: it.timestamp, State: it.state, Reason: it.reason, Detail: it.detail, At: it.at}
}
