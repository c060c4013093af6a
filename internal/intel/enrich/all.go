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

// Wish is what Enrich is to do without anybody ticking.
type Wish struct {
	Event      string   // id or UUID
	Attributes []string // ids or UUIDs of its attributes; none = its first 200
	Modules    []string // to be asked
	Known      bool     // what is known without asking anybody, too
	Notes      bool     // tags and comments alone: no new attributes and objects
}

// All asks modules about an event's attributes, or one of them, and takes over everything
// that they say: for scripts, which cannot tick. See Enrich.
func (s *Service) All(ctx context.Context, who ident.Actor, event, attribute string, modules []string) (Enriched, error) {
	if err := mayAsk(who); err != nil {
		return Enriched{}, err
	}
	w := Wish{Event: event, Modules: modules}
	if attribute != "" {
		w.Attributes = []string{attribute}
	}
	return s.Enrich(ctx, who, w)
}

// Enrich looks at attributes of an event and takes over all that is known and answered.
// The guard decides about each value that would leave. Who may: who may edit the event,
// and ask where modules are named. Faults: as Ask, when nothing at all was answered.
func (s *Service) Enrich(ctx context.Context, who ident.Actor, w Wish) (out Enriched, err error) {
	e, err := s.d.Intel.Event(ctx, who, w.Event)
	if err != nil {
		return out, err
	}
	if err := intel.MayEdit(who, &e); err != nil {
		return out, err
	}
	list, err := s.attributesOf(ctx, who, &e, w.Attributes)
	if err != nil {
		return out, err
	}
	if err := s.on(ctx, who, w.Modules); err != nil {
		return out, err
	}
	var picks []Pick
	var last error
	for i := range list {
		a := &list[i]
		add := func(offers []Offer) {
			for _, o := range offers {
				if !w.Notes || o.Kind == OfTag || o.Kind == OfComment {
					picks = append(picks, Pick{Attribute: a.UUID, Key: o.Key})
				}
			}
		}
		if w.Known {
			_, offers, err := s.Known(ctx, who, a.Type, a.Value)
			if err != nil {
				return out, err
			}
			add(offers)
		}
		for _, m := range w.Modules {
			g, err := s.Ask(ctx, who, Question{Attribute: a.UUID, Module: m})
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
			add(g.Offers)
		}
	}
	if out.Asked == 0 && last != nil && len(picks) == 0 {
		return out, last
	}
	return out, s.takeParts(ctx, who, e.Ref(), picks, &out.Outcome)
}

// on tells whether modules are entered and switched on. Faults: NotFound.
func (s *Service) on(ctx context.Context, who ident.Actor, modules []string) error {
	if len(modules) == 0 {
		return nil
	}
	there, err := s.Modules(ctx, who)
	for _, m := range modules {
		if err == nil && !slices.Contains(there, m) {
			err = fault.New(fault.NotFound, "no module %q that is on", m).WithKey("intel.fault.no-module")
		}
	}
	return err
}

// Modules names the modules that are on. Who may: who may ask. Faults: Denied.
func (s *Service) Modules(ctx context.Context, who ident.Actor) (out []string, err error) {
	if err := mayAsk(who); err != nil {
		return nil, err
	}
	servers, err := s.Servers(ctx, who)
	for i := range servers {
		for _, m := range servers[i].Modules {
			if servers[i].Enabled && m.On && !slices.Contains(out, m.Name) {
				out = append(out, m.Name)
			}
		}
	}
	return out, err
}

func (s *Service) attributesOf(ctx context.Context, who ident.Actor, e *intel.Event, refs []string) (out []intel.Attribute, err error) {
	for _, ref := range refs {
		a, err := s.d.Intel.Attribute(ctx, who, ref)
		if err == nil && a.EventID != e.ID {
			err = fault.New(fault.NotFound, "attribute %s in event %d", ref, e.ID)
		}
		if err != nil {
			return nil, err
		}
		if out = append(out, a); len(out) == allMost {
			break
		}
	}
	if len(refs) > 0 {
		return out, nil
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
