package bulk

import (
	"bytes"
	"fmt"

	"straza/internal/format/misp"
	"straza/internal/intel"
)

// Kinds of act.
const (
	Tag    = "tag"    // on attributes of one event
	Edit   = "edit"   // of attributes of one event
	Undo   = "undo"   // of such an act
	Across = "across" // on attributes of several events
)

// States of an act: it goes on, it is done, its person stopped it, it was taken back.
const (
	Running = "running"
	Done    = "done"
	Stopped = "stopped"
	Undone  = "undone"
)

// Act is one act on many attributes.
type Act struct {
	ID      int64
	UUID    string // "" of one that was done while its person waited
	Person  int64
	Org     int64
	Event   int64 // 0 of one over several
	Kind    string
	State   string
	Ask     Ask
	Result  Result
	Total   int64 // attributes that are meant, 0 while nobody counted
	Created int64 // µs

	after int64 // the last attribute that is done
}

// Percent is how far an act is; 0 while nobody counted.
func (a *Act) Percent() int {
	if a.Total == 0 {
		return 0
	}
	return int(min(100, 100*a.Result.Read/a.Total))
}

// Ask is what an act is to do.
type Ask struct {
	Tag   string      `json:"tag,omitempty"`
	Edit  *Fields     `json:"edit,omitempty"`
	Scope intel.Scope `json:"scope"`
	At    int64       `json:"at,omitempty"` // of an undo: the act that is taken back
}

// Fields are those of an attribute that an act changes; what did not come stays as it is.
type Fields struct{ misp.Attribute }

// UnmarshalJSON reads what the attribute's own MarshalJSON wrote.
func (f *Fields) UnmarshalJSON(b []byte) error {
	list, _, err := misp.Read[misp.Attribute](bytes.NewReader(b), misp.Limits{}, "Attribute")
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("%d changes", len(list))
	}
	if err == nil {
		f.Attribute = list[0]
	}
	return err
}

// Result is what an act did so far.
type Result struct {
	intel.Bulk
	Read      int64   `json:"read,omitempty"`      // attributes that were gone through
	Fault     string  `json:"fault,omitempty"`     // message key of what ended it
	Parts     []Part  `json:"parts,omitempty"`     // of one over several events
	Sightings []int64 `json:"sightings,omitempty"` // that it made
}

// Part is what an act over several events did in one of them.
type Part struct {
	Event   int64 `json:"event"`
	At      int64 `json:"at"`
	Changed int   `json:"changed"`
}
