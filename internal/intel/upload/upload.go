package upload

import (
	"straza/internal/format/stix"
	"straza/internal/format/tlp"
	"straza/internal/intel"
)

// Formats of a file.
const (
	STIX = "stix"
	MISP = "misp"
)

// States of an upload: it is being read, was read, could not be; is being imported, was;
// was taken back.
const (
	Reading   = "reading"
	Read      = "read"
	Broken    = "broken"
	Importing = "importing"
	Done      = "done"
	Undone    = "undone"
)

// MaxBytes is the largest file that is taken.
const MaxBytes = 100_000_000

// Upload is one file and what became of it.
type Upload struct {
	ID      int64
	UUID    string
	Person  int64
	Org     int64
	Name    string // as its sender called it
	Format  string
	Size    int64
	State   string
	Options Options
	Found   Found
	Result  Result
	Events  int64 // read so far, of a job that runs
	Created int64 // µs
	Changed int64

	file string // of the blob; "" once it is gone
}

// Reach is how far something goes. Said is false where a file is silent.
type Reach struct {
	Level intel.Distribution
	Group int64 // of level Group, by its id here
	Said  bool
}

// Options are what a person chooses before the import.
type Options struct {
	Choose  bool               `json:"choose,omitempty"` // of reach; else it is as the file says
	Level   intel.Distribution `json:"level,omitempty"`
	Group   int64              `json:"group,omitempty"`
	Label   string             `json:"label,omitempty"`   // TLP of events that carry none: "AMBER"; "" = they stay so
	Publish bool               `json:"publish,omitempty"` // at once, what its label allows
	Update  bool               `json:"update,omitempty"`  // bring events that are here already up to date
}

// Narrowed is the reach that both the file and the choice allow. A file that is silent
// takes the choice, without one its holder's organisation; of two that do not contain
// each other (two groups, a group and all who are here) neither is taken.
func Narrowed(came Reach, o Options) Reach {
	own := Reach{Level: intel.OwnOrg, Said: true}
	chosen := Reach{Level: o.Level, Group: o.Group, Said: true}
	if o.Level != intel.Group {
		chosen.Group = 0
	}
	switch {
	case !came.Said && !o.Choose, came.Level == intel.OwnOrg && came.Said:
		return own
	case !came.Said:
		return chosen
	case !o.Choose:
		return came
	case chosen.Level == intel.OwnOrg:
		return own
	case came.Level == intel.Group && chosen.Level == intel.Group:
		if came.Group == chosen.Group {
			return came
		}
		return own
	case came.Level == intel.Group: // its members may be anywhere
		if chosen.Level == intel.All {
			return came
		}
		return own
	case chosen.Level == intel.Group:
		if came.Level == intel.All {
			return chosen
		}
		return own
	}
	return Reach{Level: min(came.Level, chosen.Level), Said: true}
}

// Bounds of what is kept of a file: the counts go on.
const (
	headsKept   = 50
	reasonsKept = 100
)

// Found is what a file holds.
type Found struct {
	Events     int64          `json:"events"`
	Attributes int64          `json:"attributes"`
	Objects    int64          `json:"objects"`
	References int64          `json:"references"`
	Reports    int64          `json:"reports"`
	Sightings  int64          `json:"sightings"`
	Labels     map[string]int `json:"labels,omitempty"` // events by label; "" for none
	Levels     []Level        `json:"levels,omitempty"`
	Makers     map[string]int `json:"makers,omitempty"` // events by the organisation that is named as their maker
	Here       Here           `json:"here"`
	Reasons    []Reason       `json:"reasons,omitempty"` // what has no place
	Heads      []Head         `json:"heads,omitempty"`   // the first events
	Fault      string         `json:"fault,omitempty"`   // message key of a file that could not be read
	Detail     string         `json:"detail,omitempty"`  // in English, without content
}

// Here counts events that are here already, as far as the person sees them.
type Here struct {
	Older   int64 `json:"older,omitempty"`   // the file brings something newer, and the person may change them
	Same    int64 `json:"same,omitempty"`    // nothing newer in the file
	Foreign int64 `json:"foreign,omitempty"` // newer in the file, somebody else's here
}

// Level counts events that came with a level, and the group's name of the fourth.
type Level struct {
	Level intel.Distribution `json:"level"`
	Said  bool               `json:"said"`
	UUID  string             `json:"uuid,omitempty"`
	Name  string             `json:"name,omitempty"`
	Group int64              `json:"group,omitempty"` // here, 0 when it is not for the person
	Count int64              `json:"count"`
}

// Reason counts what has no place.
type Reason struct {
	Type  string `json:"type"`
	Text  string `json:"text"` // a sentence of the format's reader, in English
	Count int64  `json:"count"`
}

// Head is one event of a file.
type Head struct {
	UUID       string `json:"uuid"`
	Info       string `json:"info"`
	Date       string `json:"date"`
	Maker      string `json:"maker,omitempty"`
	TLP        string `json:"tlp,omitempty"`
	Attributes int64  `json:"attributes"`
	State      string `json:"state"` // new, older, same, foreign
}

// Widest is the label of the file that lets most people read; ok is false without events.
func (f *Found) Widest() (l tlp.Level, ok bool) {
	for word := range f.Labels {
		level, known := tlp.Parse(word)
		if !known {
			level = tlp.None
		}
		if !ok || level < l {
			l, ok = level, true
		}
	}
	return l, ok
}

// Result is what became of a file.
type Result struct {
	Events     intel.Tally `json:"events"`
	Attributes intel.Tally `json:"attributes"`
	Objects    intel.Tally `json:"objects"`
	Held       int64       `json:"held,omitempty"` // to be published, but the label forbids it
	Reasons    []Reason    `json:"reasons,omitempty"`
	Refused    []Refusal   `json:"refused,omitempty"`
	Fault      string      `json:"fault,omitempty"`
	Gone       int64       `json:"gone,omitempty"` // taken back
	Kept       int64       `json:"kept,omitempty"` // not taken back: changed since
}

// Refusal is an event, or a part of one, that was not stored.
type Refusal struct {
	UUID string `json:"uuid"`
	Key  string `json:"key,omitempty"`  // message key
	Text string `json:"text,omitempty"` // what there is no key for, in English
}

// tally counts reasons of one type and text.
type tally struct {
	list []Reason
	at   map[[2]string]int
}

func (t *tally) add(typ, text string, n int64) {
	if t.at == nil {
		t.at = map[[2]string]int{}
	}
	key := [2]string{clean(typ), clean(text)}
	i, ok := t.at[key]
	if !ok && len(t.list) >= reasonsKept {
		key[0] = ""
		if i, ok = t.at[key]; !ok {
			key[1] = ""
			i, ok = t.at[key]
		}
	}
	if !ok {
		i = len(t.list)
		t.at[key] = i
		t.list = append(t.list, Reason{Type: key[0], Text: key[1]})
	}
	t.list[i].Count += n
}

func (t *tally) remains(left []stix.Remains) {
	for _, l := range left {
		t.add(l.Type, l.Reason, int64(l.Count))
	}
}
