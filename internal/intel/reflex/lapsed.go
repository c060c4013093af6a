package reflex

import (
	"context"

	"straza/internal/craft/pack"
	"straza/internal/craft/rule"
	"straza/internal/intel/expiry"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// Expiry tells which indicators ran out; *expiry.Service does.
type Expiry interface {
	Happening(ctx context.Context, who ident.Actor, id int64) (expiry.Happening, error)
	Recent(ctx context.Context, who ident.Actor, n int) ([]int64, error)
	InForce(ctx context.Context, who ident.Actor, event string) (int64, error)
}

// lapsed is the trigger that indicators of an event ran out. Its subjects are the
// happenings; acts are done to the event, or to the indicators that ran out.
func (r room) lapsed() rule.Trigger {
	more := []rule.Fact{{Name: "expired", Kind: pack.Number}, {Name: "expired_by", Kind: pack.Many, Choices: []string{"decayed", "last_seen", "given"}},
		{Name: "expired_types", Kind: pack.Many}, {Name: "expired_values", Kind: pack.Many}, {Name: "in_force", Kind: pack.Number}}
	return rule.Trigger{Name: Lapsed, Event: expiry.Expired{}.EventType(), Facts: append(facts(), more...), ID: idOf, Load: r.lapse, Recent: r.lapses, Perm: "intel.read"}
}

var why = map[int]string{expiry.Decayed: "decayed", expiry.LastSeen: "last_seen", expiry.Given: "given"}

// lapse reads a happening as an actor sees it, with all facts of its event.
func (r room) lapse(ctx context.Context, who ident.Actor, id int64) (*rule.Subject, error) {
	h, err := r.Expiry.Happening(ctx, who, id)
	if err != nil {
		return nil, err
	}
	s, err := r.load(ctx, who, h.Event)
	if err != nil {
		return nil, err
	}
	reasons, types, values := map[string]bool{}, map[string]bool{}, map[string]bool{}
	over := map[int64]bool{}
	for _, o := range h.List {
		reasons[why[o.Why]], types[o.Type], values[o.Value], over[o.Attribute] = true, true, true, true
	}
	left, err := r.Expiry.InForce(ctx, who, ref(h.Event))
	if err != nil {
		return nil, err
	}
	s.ID, s.Of, s.At = h.ID, h.Event, h.At
	s.Facts["expired"], s.Facts["in_force"] = pack.Num(float64(len(over))), pack.Num(float64(left))
	s.Facts["expired_by"], s.Facts["expired_types"], s.Facts["expired_values"] = pack.Texts(keys(reasons)...), pack.Texts(keys(types)...), pack.Texts(keys(values)...)
	return s, nil
}

// lapses gives the last happenings.
func (r room) lapses(ctx context.Context, who ident.Actor, n int) (out []*rule.Subject, err error) {
	ids, err := r.Expiry.Recent(ctx, who, n)
	for _, id := range ids {
		if err != nil {
			return nil, err
		}
		var s *rule.Subject
		if s, err = r.lapse(ctx, who, id); fault.Is(err, fault.NotFound) {
			err = nil
		} else if err == nil {
			out = append(out, s)
		}
	}
	return out, err
}
