package peer

import (
	"context"

	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Answer says of one peer whether an event went there, and if not, why.
type Answer struct {
	Peer   string
	PeerID int64
	State  string // "sent", "held", "refused", "waiting"
	Reason string // message key, "" if none
	Detail string // the other side's words
	At     int64  // µs when it was settled, 0 = it is judged now
}

// WhyNot answers for every peer that is pushed to what became of the event as it
// stands now: sent, refused there, held back and why, or waiting. Needs peer.read and
// that the caller sees the event. Faults: NotFound.
func (s *Service) WhyNot(ctx context.Context, who ident.Actor, event string) (out []Answer, err error) {
	if err := access.Check(who, "peer.read"); err != nil {
		return nil, err
	}
	e, err := s.intel.Event(ctx, seer(who), event)
	if err != nil {
		return nil, err
	}
	var peers []Peer
	notes := map[int64]item{}
	var from int64
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if peers, err = store.All(ctx, tx, scanPeer, allPeers); err != nil {
			return err
		}
		list, err := store.All(ctx, tx, scanItem, itemsOfUUID, e.UUID, Push)
		for _, it := range list {
			notes[it.peer] = it
		}
		if err != nil {
			return err
		}
		from, err = store.Int64(ctx, tx, sourceOf, e.UUID)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range peers {
		if !peers[i].Push {
			continue
		}
		a, err := s.why(ctx, &peers[i], &e, notes[peers[i].ID], from)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// why prefers what the event's state says now: rules may have changed since.
func (s *Service) why(ctx context.Context, p *Peer, e *intel.Event, it item, from int64) (Answer, error) {
	a := Answer{Peer: p.Name, PeerID: p.ID, State: itemWaiting}
	current := it.id != 0 && it.timestamp >= e.Timestamp
	if current && (it.state == itemSent || it.state == itemRefused) {
		a.State, a.Reason, a.Detail, a.At = it.state, it.reason, it.detail, it.at
		return a, nil
	}
	there, err := s.registry.Orgs(ctx, ident.SystemPart("setup"), []int64{p.RemoteOrg})
	if err != nil {
		return a, err
	}
	sd := s.senderOf(p, there[p.RemoteOrg].UUID)
	reason, err := sd.event(ctx, e, s.intel.LabelOf(ctx, part(), e), from)
	if err == nil && reason == "" {
		some, derr := (&document{sender: sd, s: s, e: e}).anything(ctx)
		if err = derr; err == nil && !some {
			reason = holdNothing
		}
	}
	if fault.Is(err, fault.NotFound) {
		reason, err = holdGone, nil
	}
	if reason != "" {
		a.State, a.Reason = itemHeld, reason
		if current && it.state == itemHeld {
			a.At = it.at
		}
	}
	return a, err
}
