package remark

import (
	"context"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// PushProposals is PushProposalsTx in a transaction of its own.
func (s *Service) PushProposals(ctx context.Context, who ident.Actor, event string, list []misp.ShadowAttribute) (n, refused int, err error) {
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		n, refused, err = s.PushProposalsTx(ctx, tx, who, event, list)
		return err
	})
	return n, refused, err
}

// PushProposalsTx takes proposals of an event from another installation: those that
// are not here are stored, those that were decided there are marked. n counts both;
// refused those that are no proposals for this event. Who may: misp.sync. Nobody is
// told. Faults: Denied, NotFound.
func (s *Service) PushProposalsTx(ctx context.Context, tx *store.Tx, who ident.Actor, event string, list []misp.ShadowAttribute) (n, refused int, err error) {
	if err := maySync(who); err != nil {
		return 0, 0, err
	}
	e, err := s.d.Intel.EventTx(ctx, tx, who, event)
	if err != nil {
		return 0, 0, err
	}
	for i := range list {
		took, ok, err := s.pushOne(ctx, tx, who, &e, &list[i])
		if err != nil {
			return 0, 0, err
		}
		if !ok {
			refused++
		} else if took {
			n++
		}
	}
	if n == 0 {
		return 0, refused, nil
	}
	return n, refused, s.d.Audit.Record(ctx, tx, who, "proposal.push", (&Proposal{Event: e.ID, EventUUID: e.UUID}).thing(), map[string]any{"stored": n, "refused": refused})
}

func maySync(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	if who.Kind == ident.System {
		return nil
	}
	return access.Check(who, "misp.sync")
}

// pushOne stores or marks one; ok is false for what is no proposal here.
func (s *Service) pushOne(ctx context.Context, tx *store.Tx, who ident.Actor, e *intel.Event, w *misp.ShadowAttribute) (took, ok bool, err error) {
	p, ok, err := s.incoming(ctx, tx, who, e, w)
	if err != nil || !ok {
		return false, ok, err
	}
	var id, timestamp int64
	var deleted bool
	found, err := tx.Row(ctx, sameProposal, []any{e.ID, p.UUID, p.Org.ID, p.Type, p.Category, p.Value, p.Removal}, &id, &deleted, &timestamp)
	if err != nil {
		return false, true, err
	}
	if !found {
		return true, true, insertProposal(ctx, tx, s.d.Vault, &p)
	}
	if p.Timestamp <= timestamp || p.Deleted == deleted {
		return false, true, nil
	}
	_, err = tx.Exec(ctx, markPushed, id, p.Deleted, p.State, p.Timestamp)
	return true, true, err
}

// incoming reads a proposal of a peer. One about an attribute that is not in the
// event, or that who may not see, is none.
func (s *Service) incoming(ctx context.Context, tx *store.Tx, who ident.Actor, e *intel.Event, w *misp.ShadowAttribute) (p Proposal, ok bool, err error) {
	a := misp.Attribute{UUID: w.UUID, Type: w.Type, Category: w.Category, Value: w.Value, Comment: w.Comment, ToIDS: w.ToIDS,
		FirstSeen: w.FirstSeen, LastSeen: w.LastSeen, Data: w.Data}
	row, bad := intel.Check(s.d.DB, &a)
	if bad != nil || !w.UUID.Given() {
		return p, false, nil
	}
	p = proposalOf(&row)
	p.Data, p.Removal, p.Deleted = dataOf(&a), w.ProposalToDelete.Or(false), w.Deleted.Or(false)
	if w.OldID.Or(0) != 0 || w.OldUUID.Or("") != "" || p.Removal {
		ref := w.OldUUID.Or(p.UUID)
		at, err := s.d.Intel.AttributeTx(ctx, tx, who, ref)
		if fault.Is(err, fault.NotFound) || err == nil && at.EventID != e.ID {
			return p, false, nil
		}
		if err != nil {
			return p, false, err
		}
		p.Attribute, p.UUID = at.ID, at.UUID
	}
	if p.Org, err = s.originOf(ctx, tx, who, w.Org); err != nil {
		return p, false, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return p, false, err
	}
	p.ID, p.Event, p.EventUUID, p.Owner, p.State = s.d.DB.NewID(), e.ID, e.UUID, e.Owner.ID, Open
	if p.Deleted {
		p.State = Discarded
	}
	p.Timestamp, p.Created = min(max(w.Timestamp.Or(now/1e6), 0), now/1e6), now
	return p, true, nil
}

// originOf is the organisation that a peer names, else who's own.
func (s *Service) originOf(ctx context.Context, tx *store.Tx, who ident.Actor, w *misp.Org) (intel.Org, error) {
	if w == nil || w.Name.Or("") == "" || !intel.NamesOrigin(who) {
		return s.d.Intel.OwnOrgTx(ctx, tx, who)
	}
	uuid, _ := store.ParseUUID(w.UUID.Or(""))
	return s.d.Intel.OrgTx(ctx, tx, who, uuid, w.Name.V)
}
