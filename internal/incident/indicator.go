package incident

import (
	"context"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// Pick is an indicator that somebody ticked; As puts it into an object of that name
// (ObjectFile, ObjectEmail), "" leaves it an attribute by itself.
type Pick struct {
	Type, Category, Value, Comment string
	ToIDS                          bool
	As                             string
}

// Sharing is what becomes of ticked indicators: attributes and objects of a new
// event, or of one that is there.
type Sharing struct {
	Event        string // id or UUID; "" = a new one
	Info         string
	TLP          string // of a new event; "" = the case's
	Distribution intel.Distribution
	Group        int64
	Picks        []Pick
	Publish      bool
	Sure         bool // somebody was asked about an AMBER to all members and said yes
}

func (s *Service) intel() (Intel, error) {
	if s.d.Intel == nil {
		return nil, fault.New(fault.Unavailable, "no intel room is wired").WithKey("incident.fault.nointel")
	}
	return s.d.Intel, nil
}

// Extract finds indicators in text for a case that who may change; nothing is written.
func (s *Service) Extract(ctx context.Context, who ident.Actor, ref, text string) (out []intel.Candidate, more bool, err error) {
	room, err := s.intel()
	if err != nil {
		return nil, false, err
	}
	if _, err := s.Get(ctx, who, ref); err != nil {
		return nil, false, err
	}
	return room.Extract(ctx, who, text)
}

// Share turns ticked indicators into attributes and objects of an event and links
// both, in one transaction: case, event, links and audit lines commit together or
// not at all. Faults: Invalid on "distribution" when the label does not let the event
// go to whom was chosen, on "sure" when somebody has to be asked first.
func (s *Service) Share(ctx context.Context, who ident.Actor, ref string, sh Sharing) (d Done, out intel.Shared, err error) {
	room, err := s.intel()
	if err != nil {
		return d, out, err
	}
	if err := access.Check(who, "intel.write"); err != nil {
		return d, out, err
	}
	if len(sh.Picks) == 0 || len(sh.Picks) > 10_000 {
		return d, out, fault.Field("pick", "incident.fault.nothing", "nothing was ticked")
	}
	plain, objects, err := shape(sh.Picks)
	if err != nil {
		return d, out, err
	}
	if err := s.mayShare(ctx, who, ref, sh); err != nil {
		return d, out, err
	}
	d, err = s.change(ctx, who, ref, 0, "share", func(a *act) error {
		in := intel.Share{Event: sh.Event, Info: strings.TrimSpace(sh.Info), Distribution: sh.Distribution, Group: sh.Group, Publish: sh.Publish,
			For: intel.Origin{Kind: "case", Ref: a.c.ID}, Threat: threat(a.c.Severity), Attributes: plain, Objects: objects}
		if in.Event == "" {
			if in.Info == "" {
				in.Info = a.c.Title
			}
			in.Tags = sh.tags(a.c)
		}
		if out, err = room.ShareTx(ctx, a.tx, who, in); err != nil {
			return err
		}
		a.detail["event"], a.detail["attributes"], a.detail["objects"], a.detail["published"] = out.Event.ID, len(out.Attributes), len(objects), sh.Publish
		// Sharing more into the same event is an act all the same, though no link comes.
		if err := a.link(LinkEvent, out.Event.ID, cutRunes(out.Event.Info, 200), ""); err != nil {
			return err
		}
		if len(a.changes) == 0 {
			a.label = cutRunes(out.Event.Info, 200)
			a.changes = append(a.changes, change{Table: "incident_case", ID: a.c.ID, Before: map[string]any{}, After: map[string]any{}})
		}
		return nil
	})
	return d, out, err
}

// Events lists the events made for a case, and the ids of the attributes that came
// from it, as far as who sees them.
func (s *Service) Events(ctx context.Context, who ident.Actor, ref string) ([]intel.Event, []int64, error) {
	room, err := s.intel()
	if err != nil {
		return nil, nil, err
	}
	c, err := s.Get(ctx, who, ref)
	if err != nil {
		return nil, nil, err
	}
	return room.EventsFor(ctx, who, "case", c.ID)
}

func attribute(p Pick) misp.Attribute {
	a := misp.Attribute{Type: misp.T(p.Type), Category: misp.T(p.Category), Value: misp.T(p.Value), Comment: misp.T(p.Comment), ToIDS: misp.B(p.ToIDS)}
	return a
}

// threat maps our severity to MISP's threat levels: 1 high, 2 medium, 3 low, 4 undefined.
func threat(severity string) int {
	return map[string]int{"very-high": 1, "high": 1, "medium": 2, "low": 3}[severity]
}

func cutRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
