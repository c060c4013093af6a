package intel

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// peerSightings bounds how many sightings one call of a peer brings.
const peerSightings = 50_000

func mayBringSightings(who ident.Actor) error {
	if err := maySight(who); err != nil {
		return err
	}
	return access.Check(who, "misp.sync")
}

// KnownSightings gives those of the UUIDs that stand on the event already, so that a
// peer need not send them. Who may: misp.sync. NotFound for an event not seen.
func (s *Service) KnownSightings(ctx context.Context, who ident.Actor, event string, uuids []string) (known []string, err error) {
	if err := mayBringSightings(who); err != nil {
		return nil, err
	}
	if len(uuids) > peerSightings {
		return nil, fault.New(fault.Limited, "%d sightings at once", len(uuids))
	}
	err = s.view(ctx, who, "sighting.list", audit.Thing{Kind: "sighting"}, func(tx *store.Tx) error {
		e, err := readEvent(ctx, tx, who, event)
		if err != nil {
			return err
		}
		here, err := sightingUUIDs(ctx, tx, e.ID)
		for _, u := range uuids {
			if p, ok := store.ParseUUID(u); ok && here[p] {
				known = append(known, u)
			}
		}
		return err
	})
	return known, err
}

// BringSightings is BringSightingsTx in a transaction of its own; n is how many are new.
func (s *Service) BringSightings(ctx context.Context, who ident.Actor, event string, list []Sighting) (n int, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		n, _, err = s.BringSightingsTx(ctx, tx, who, event, list)
		return err
	})
	return n, err
}

// BringSightingsTx stores what a peer's organisations saw on attributes of one event
// that the caller sees; the same UUID twice is the same sighting. Attribute.UUID and
// Org (UUID and name, or nothing: the caller's own) are read of each. What is on no
// attribute seen is passed over and counted. Who may: misp.sync and misp.sighting.
// The event's sighting timestamp alone moves, when something is new.
func (s *Service) BringSightingsTx(ctx context.Context, tx *store.Tx, who ident.Actor, event string, list []Sighting) (n, passed int, err error) {
	if err := mayBringSightings(who); err != nil {
		return 0, 0, err
	}
	if len(list) > peerSightings {
		return 0, 0, fault.New(fault.Limited, "%d sightings at once", len(list))
	}
	e, err := readEvent(ctx, tx, who, event)
	if err != nil {
		return 0, 0, err
	}
	for i := range list {
		k, ok, err := s.bring(ctx, tx, who, e, list[i])
		if err != nil {
			return 0, 0, err
		}
		if n += k; !ok {
			passed++
		}
	}
	if n > 0 {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return 0, 0, err
		}
		if err := s.sighted(ctx, tx, who, []int64{e.ID}, now); err != nil {
			return 0, 0, err
		}
	}
	return n, passed, s.log.Record(ctx, tx, who, "sighting.add", thing(e), map[string]any{"sightings": n, "passed": passed, "peer": true})
}

func (s *Service) bring(ctx context.Context, tx *store.Tx, who ident.Actor, e Event, g Sighting) (stored int, ok bool, err error) {
	if g.Kind < Seen || g.Kind > Expiration || g.Attribute == nil {
		return 0, false, nil
	}
	a, err := readAttribute(ctx, tx, who, g.Attribute.UUID)
	if fault.Is(err, fault.NotFound) || err == nil && (a.EventID != e.ID || a.Deleted) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	uuid, ok := store.ParseUUID(g.UUID)
	if !ok {
		uuid = s.db.NewUUID()
	}
	org := Org{ID: who.Org}
	if of, given := store.ParseUUID(g.Org.UUID); given && g.Org.Name != "" {
		if org, err = s.foreignOrg(ctx, tx, who, of, g.Org.Name); err != nil {
			return 0, false, err
		}
	}
	if g.Seen <= 0 {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return 0, false, err
		}
		g.Seen = now / 1e6
	}
	if org.ID == 0 {
		return 0, false, nil
	}
	g.ID, g.UUID, g.EventID, g.AttributeID, g.Org = s.db.NewID(), uuid, e.ID, a.ID, org
	if g.Kind == Expiration { // or two peers would tell each other of it for ever
		if late, err := lateExpiration(ctx, tx, g); err != nil || late {
			return 0, err == nil, err
		}
		if err := replaceExpiration(ctx, tx, g); err != nil {
			return 0, false, err
		}
	}
	k, err := insertSighting(ctx, tx, g)
	return int(k), true, err
}
