package intel

import (
	"context"
	"slices"

	"straza/internal/format/misp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// Kinds of sighting.
const (
	Seen          = 0
	FalsePositive = 1
	Expiration    = 2 // at most one of an organisation: a later one replaces it
)

// Sighting says that an organisation met a value, or that it means nothing.
type Sighting struct {
	ID, EventID, AttributeID int64
	UUID                     string
	EventUUID                string // in lists
	Org                      Org
	Kind                     int
	Source                   string
	Seen                     int64      // seconds
	Attribute                *Attribute // in lists: the attribute, without tags
}

// Wire gives a sighting in MISP's form.
func (g *Sighting) Wire() misp.Sighting {
	return misp.Sighting{ID: misp.N(g.ID), AttributeID: misp.N(g.AttributeID), EventID: misp.N(g.EventID), OrgID: misp.N(g.Org.ID),
		DateSighting: misp.N(g.Seen), UUID: misp.T(g.UUID), Source: misp.T(g.Source), Type: misp.N(int64(g.Kind))}
}

// SightedMost bounds how many attributes one value marks.
const SightedMost = 1000

// AddSightings marks attributes as sighted: those named, and every visible one
// that has one of the values. g gives kind, source and time (0 = now). A sighting
// bumps the event's sighting timestamp alone. Who may: misp.sighting, or intel.write. n is
// how many were stored; last is the last of them. Faults: Denied, Invalid "type",
// NotFound when no attribute is meant.
func (s *Service) AddSightings(ctx context.Context, who ident.Actor, attributes, values []string, g Sighting) (n int, last Sighting, err error) {
	if err := maySight(who); err != nil {
		return 0, g, err
	}
	if g.Kind < Seen || g.Kind > Expiration {
		return 0, g, fault.Field("type", "intel.fault.sighting-kind", "unknown kind of sighting %d", g.Kind)
	}
	var list []Attribute
	for _, ref := range attributes {
		a, err := s.Attribute(ctx, who, ref)
		if err != nil {
			return 0, g, err
		}
		list = append(list, a)
	}
	if len(values) > 0 {
		err := s.SearchAttributes(ctx, who, Query{Value: Filter{Or: values}, Limit: SightedMost}, func(a *Attribute) error {
			list = append(list, *a)
			return nil
		})
		if err != nil {
			return 0, g, err
		}
	}
	list = slices.DeleteFunc(list, func(a Attribute) bool { return a.Deleted })
	if len(list) == 0 {
		return 0, g, fault.New(fault.NotFound, "no attribute is meant").WithKey("intel.fault.no-attribute")
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		made, at, err := s.sight(ctx, tx, who, list, g)
		n, last = len(made), at
		return err
	})
	return n, last, err
}

func maySight(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	if onWire(who) {
		return access.Check(who, "misp.sighting")
	}
	return access.Check(who, "intel.write")
}

// sight gives the ids of the sightings that were stored, and the last one.
func (s *Service) sight(ctx context.Context, tx *store.Tx, who ident.Actor, list []Attribute, g Sighting) (made []int64, last Sighting, err error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return nil, g, err
	}
	g.Org = Org{ID: who.Org, UUID: who.OrgUUID, Name: who.OrgName}
	if g.Seen == 0 {
		g.Seen = now / 1e6
	}
	given := g.UUID
	var events []int64
	for _, a := range list {
		// Rights may have changed since it was found: the attribute is authorised again here.
		if _, err := readAttribute(ctx, tx, who, itoa(a.ID)); err != nil {
			return made, g, err
		}
		g.ID, g.EventID, g.AttributeID = s.db.NewID(), a.EventID, a.ID
		if g.UUID = given; given == "" || len(made) > 0 {
			g.UUID = s.db.NewUUID()
		}
		if g.Kind == Expiration {
			if err := replaceExpiration(ctx, tx, g); err != nil {
				return made, g, err
			}
		}
		k, err := insertSighting(ctx, tx, g)
		if err != nil {
			return made, g, err
		}
		if last = g; k > 0 {
			made = append(made, g.ID)
		}
		if k > 0 && !slices.Contains(events, a.EventID) {
			events = append(events, a.EventID)
		}
	}
	if err := s.sighted(ctx, tx, who, events, now); err != nil {
		return made, g, err
	}
	return made, last, s.log.Record(ctx, tx, who, "sighting.add", audit.Thing{Kind: "event", ID: last.EventID}, map[string]any{"sightings": len(made), "kind": g.Kind})
}

// EventSighted is told when something on an event was sighted, here or elsewhere.
type EventSighted struct {
	ID   int64  `json:"id"`
	UUID string `json:"uuid"`
}

// EventType is the stable name.
func (EventSighted) EventType() string { return "intel.event-sighted" }

// sighted marks events for who exchanges sightings, and tells of those that are published.
func (s *Service) sighted(ctx context.Context, tx *store.Tx, who ident.Actor, events []int64, now int64) error {
	for _, id := range events {
		if err := markSighted(ctx, tx, id, now); err != nil {
			return err
		}
		e, err := readEvent(ctx, tx, who, itoa(id))
		if err != nil {
			return err
		}
		if !e.Published {
			continue
		}
		if err := jobs.Publish(ctx, tx, EventSighted{ID: e.ID, UUID: e.UUID}); err != nil {
			return err
		}
	}
	return nil
}

// PublishSightings lets peers ask again for the sightings of an event. Who may: who
// sees it, and misp.publish or intel.publish. Faults: NotFound, Denied.
func (s *Service) PublishSightings(ctx context.Context, who ident.Actor, event string) error {
	if !mayPublish(who) {
		return fault.New(fault.Denied, "%s may not publish", who)
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		e, err := readEvent(ctx, tx, who, event)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.sighted(ctx, tx, who, []int64{e.ID}, now); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "sighting.publish", thing(e), nil)
	})
}

// SightingFilter narrows Sightings; zero fields do not. One of Event and
// Attribute, or a time, should be given.
type SightingFilter struct {
	Event     string // id or UUID
	Attribute string
	Kind      *int
	Org       int64
	Source    string
	Seen      Span
}

// Sightings streams sightings by id: of attributes that the caller sees, all on
// events that the own organisation holds, elsewhere those of the own organisation
// and what the installation's policy shows.
func (s *Service) Sightings(ctx context.Context, who ident.Actor, f SightingFilter, yield func(*Sighting) error) error {
	if err := mayRead(who); err != nil {
		return err
	}
	var event, attribute int64
	err := s.view(ctx, who, "sighting.list", audit.Thing{Kind: "sighting"}, func(tx *store.Tx) error {
		if f.Event != "" {
			e, err := readEvent(ctx, tx, who, f.Event)
			if err != nil {
				return err
			}
			event = e.ID
		}
		if f.Attribute != "" {
			a, err := readAttribute(ctx, tx, who, f.Attribute)
			attribute = a.ID
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	after := int64(0)
	return pages(0, batch, func(n int) (int, error) {
		var list []Sighting
		err := s.db.View(ctx, func(tx *store.Tx) (err error) {
			list, err = listSightings(ctx, tx, who, f, [3]int64{event, attribute, after}, n)
			return err
		})
		for i := range list {
			after = list[i].ID
			if err == nil {
				err = yield(&list[i])
			}
		}
		return len(list), err
	})
}

// DeleteSighting removes a sighting of the own organisation. Faults: NotFound
// also for those of others.
func (s *Service) DeleteSighting(ctx context.Context, who ident.Actor, ref string) error {
	if err := maySight(who); err != nil {
		return err
	}
	id, uuid, err := refID(ref)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		event, err := removeSighting(ctx, tx, who, id, uuid)
		if err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "sighting.delete", audit.Thing{Kind: "event", ID: event}, nil)
	})
}

// SightedDays is how often an attribute was met: in all, and on each of the last days,
// the oldest first, today last.
type SightedDays struct {
	All  int64
	Days []int64
}

// SightingDays counts the sightings that the caller sees of a page of attributes, with
// one query for all of them; attributes without any are not in the answer.
func (s *Service) SightingDays(ctx context.Context, who ident.Actor, list []*Attribute, days int) (out map[int64]*SightedDays, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	out = map[int64]*SightedDays{}
	if len(list) == 0 {
		return out, nil
	}
	ids := make([]int64, len(list))
	for i, a := range list {
		ids[i] = a.ID
	}
	err = s.view(ctx, who, "sighting.list", audit.Thing{Kind: "sighting"}, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		counts, err := sightingDays(ctx, tx, who, ids, now/1e6, days)
		for _, c := range counts {
			d := out[c.attribute]
			if d == nil {
				d = &SightedDays{Days: make([]int64, days)}
				out[c.attribute] = d
			}
			if d.All += c.n; c.ago >= 0 && c.ago < int64(days) {
				d.Days[int64(days)-1-c.ago] += c.n
			}
		}
		return err
	})
	return out, err
}
