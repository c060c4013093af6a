package enrich

import (
	"context"
	"errors"
	"slices"

	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// allMost is how many attributes of an event All asks about: each costs a question per
// module, and the caller waits.
const allMost = 200

// Enriched is what became of enriching an event as a whole.
type Enriched struct {
	Outcome
	Asked  int
	Held   int // questions that the guard kept here
	Failed int // questions that the other side did not answer
}

var errEnough = errors.New("enough")

// All asks modules about an event's attributes, or one of them, and takes over everything
// that they say: for scripts, which cannot tick. The guard decides about each value. Who
// may: who may ask and may edit the event. Faults: as Ask, when nothing at all was
// answered.
func (s *Service) All(ctx context.Context, who ident.Actor, event, attribute string, modules []string) (out Enriched, err error) {
	if err := mayAsk(who); err != nil {
		return out, err
	}
	e, err := s.d.Intel.Event(ctx, who, event)
	if err != nil {
		return out, err
	}
	if err := intel.MayEdit(who, &e); err != nil {
		return out, err
	}
	list, err := s.attributesOf(ctx, who, &e, attribute)
	if err != nil {
		return out, err
	}
	servers, err := s.Servers(ctx, who)
	if err != nil {
		return out, err
	}
	for _, m := range modules {
		if !slices.ContainsFunc(servers, func(v Server) bool { x := v.module(m); return v.Enabled && x != nil && x.On }) {
			return out, fault.New(fault.NotFound, "no module %q that is on", m).WithKey("intel.fault.no-module")
		}
	}
	var picks []Pick
	var last error
	for i := range list {
		for _, m := range modules {
			g, err := s.Ask(ctx, who, Question{Attribute: list[i].UUID, Module: m})
			switch key := keyOf(err); {
			case err == nil:
				out.Asked++
			case key == "intel.fault.module-type":
				continue
			case fault.Is(err, fault.Denied):
				out.Held, last = out.Held+1, err
				continue
			case fault.Is(err, fault.Unavailable):
				out.Failed, last = out.Failed+1, err
				continue
			default:
				return out, err
			}
			for _, o := range g.Offers {
				picks = append(picks, Pick{Attribute: list[i].UUID, Key: o.Key})
			}
		}
	}
	if out.Asked == 0 && last != nil {
		return out, last
	}
	return out, s.takeParts(ctx, who, e.Ref(), picks, &out.Outcome)
}

func (s *Service) attributesOf(ctx context.Context, who ident.Actor, e *intel.Event, attribute string) (out []intel.Attribute, err error) {
	if attribute != "" {
		a, err := s.d.Intel.Attribute(ctx, who, attribute)
		if err == nil && a.EventID != e.ID {
			err = fault.New(fault.NotFound, "attribute %s in event %d", attribute, e.ID)
		}
		return []intel.Attribute{a}, err
	}
	err = s.d.Intel.SearchAttributes(ctx, who, intel.Query{Events: []string{e.Ref()}, Limit: allMost + 1}, func(a *intel.Attribute) error {
		if len(out) == allMost {
			return errEnough
		}
		out = append(out, *a)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}

// takeParts takes over by Most attributes at a time.
func (s *Service) takeParts(ctx context.Context, who ident.Actor, event string, picks []Pick, sum *Outcome) error {
	for len(picks) > 0 {
		n, seen := 0, map[string]bool{}
		for n < len(picks) && (seen[picks[n].Attribute] || len(seen) < Most) {
			seen[picks[n].Attribute] = true
			n++
		}
		part, err := s.Take(ctx, who, event, picks[:n])
		if err != nil {
			return err
		}
		sum.Done, sum.Same, sum.Refused, sum.Attributes, picks = sum.Done+part.Done, sum.Same+part.Same, sum.Refused+part.Refused, sum.Attributes+part.Attributes, picks[n:]
	}
	return nil
}
