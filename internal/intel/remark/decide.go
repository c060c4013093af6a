package remark

import (
	"context"
	"encoding/base64"
	"strconv"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// Accept does what a proposal asks for: the event is edited in the same act, its
// published flag falls and its timestamp rises. Who may: the right to edit the
// event. Faults: NotFound (also when it is decided already), Denied, Invalid.
func (s *Service) Accept(ctx context.Context, who ident.Actor, ref string) (Proposal, error) {
	return s.decide(ctx, who, ref, "proposal.accept", func(tx *store.Tx, p *Proposal, e *intel.Event) error {
		if p.State != Open || p.Deleted {
			return noProposal(ref)
		}
		if err := intel.MayEdit(who, e); err != nil {
			return err
		}
		p.State = Accepted
		return s.apply(ctx, tx, who, p)
	})
}

// Discard closes a proposal without doing it. Who may: the right to edit the
// event, and its author's organisation. Faults: NotFound, Denied.
func (s *Service) Discard(ctx context.Context, who ident.Actor, ref string) (Proposal, error) {
	return s.decide(ctx, who, ref, "proposal.discard", func(_ *store.Tx, p *Proposal, e *intel.Event) error {
		if p.State != Open || p.Deleted {
			return noProposal(ref)
		}
		p.State = Discarded
		if err := intel.MayEdit(who, e); err != nil {
			if p.Org.ID != who.Org || who.Org == 0 || intel.MayWrite(who) != nil {
				return err
			}
			p.State = Withdrawn
		}
		return nil
	})
}

// Reopen takes a decision back: what was done is undone, and the proposal waits
// again. Who may: as for the decision. Faults: NotFound, Denied, Conflict when the
// attribute was changed since.
func (s *Service) Reopen(ctx context.Context, who ident.Actor, ref string) (Proposal, error) {
	return s.decide(ctx, who, ref, "proposal.reopen", func(tx *store.Tx, p *Proposal, e *intel.Event) error {
		err := intel.MayEdit(who, e)
		if p.State == Withdrawn && p.Org.ID == who.Org && who.Org != 0 {
			err = intel.MayWrite(who)
		}
		if err != nil {
			return err
		}
		if p.State == Open {
			return noProposal(ref)
		}
		if p.State == Accepted {
			if err := s.undo(ctx, tx, who, p); err != nil {
				return err
			}
		}
		p.State, p.before = Open, ""
		return nil
	})
}

func noProposal(ref string) error {
	return fault.New(fault.NotFound, "no open proposal %q", ref).WithKey("intel.fault.no-proposal")
}

// decide loads a proposal through its event, lets fn change its state, writes it.
func (s *Service) decide(ctx context.Context, who ident.Actor, ref, verb string, fn func(tx *store.Tx, p *Proposal, e *intel.Event) error) (p Proposal, err error) {
	if err := intel.MayWrite(who); err != nil {
		return p, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if p, err = readProposal(ctx, tx, s.d.Vault, who, ref); err != nil {
			return err
		}
		e, err := s.d.Intel.EventTx(ctx, tx, who, strconv.FormatInt(p.Event, 10))
		if err != nil {
			return err
		}
		was := p.State
		if err := fn(tx, &p, &e); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		p.Deleted, p.Timestamp, p.decidedBy = p.State != Open, max(now/1e6, p.Timestamp), who.Person
		if n, err := tx.Exec(ctx, setState, p.ID, was, p.State, p.Deleted, p.Timestamp, p.decidedBy, p.before, p.made); err != nil || n != 1 {
			return orNot(err, fault.New(fault.Conflict, "proposal %d was decided meanwhile", p.ID).WithKey("fault.conflict"))
		}
		if p.State != Open && p.Person != who.Person {
			if err := jobs.Publish(ctx, tx, ProposalDecided{ID: p.ID, Event: p.Event, Accepted: p.State == Accepted}); err != nil {
				return err
			}
		}
		return s.d.Audit.Record(ctx, tx, who, verb, p.thing(), map[string]any{"proposal": p.ID, "attribute": max(p.Attribute, p.made), "state": p.State})
	})
	return p, err
}

// apply does what the proposal asks for, by the rights of who accepts it.
func (s *Service) apply(ctx context.Context, tx *store.Tx, who ident.Actor, p *Proposal) error {
	ref := strconv.FormatInt(p.Attribute, 10)
	switch {
	case p.Attribute == 0:
		return s.applyNew(ctx, tx, who, p)
	case p.Removal:
		_, err := s.d.Intel.DeleteAttributeTx(ctx, tx, who, ref, false)
		return err
	}
	a, err := s.d.Intel.AttributeTx(ctx, tx, who, ref)
	if err != nil {
		return err
	}
	p.before = keep(&a)
	w := p.content()
	return s.d.Intel.EditAttributeTx(ctx, tx, who, ref, w)
}

// applyNew adds the attribute. One that an undone acceptance left softly deleted
// comes back; an equal one that is there already is what was asked for.
func (s *Service) applyNew(ctx context.Context, tx *store.Tx, who ident.Actor, p *Proposal) error {
	if p.made != 0 {
		_, err := s.d.Intel.RestoreAttributeTx(ctx, tx, who, strconv.FormatInt(p.made, 10))
		return err
	}
	w := p.content()
	w.UUID = misp.T(p.UUID)
	out, refused, err := s.d.Intel.AddAttributesTx(ctx, tx, who, strconv.FormatInt(p.Event, 10), []misp.Attribute{w}, true)
	if err != nil {
		return err
	}
	if refused[0] != nil {
		for field, texts := range refused[0] {
			return fault.Field(field, "intel.fault.attribute", "%s", texts[0])
		}
	}
	if out[0].UUID == p.UUID {
		p.made = out[0].ID
	}
	return nil
}

// content is the attribute that the proposal describes.
func (p *Proposal) content() misp.Attribute {
	w := misp.Attribute{Category: misp.T(p.Category), Type: misp.T(p.Type), Value: misp.T(p.Value), Comment: misp.T(p.Comment), ToIDS: misp.B(p.ToIDS),
		FirstSeen: seen(p.FirstSeen), LastSeen: seen(p.LastSeen)}
	if len(p.Data) > 0 {
		w.Data = misp.T(base64.StdEncoding.EncodeToString(p.Data))
	}
	return w
}

// dataOf decodes an attachment that came; Check has accepted it before.
func dataOf(w *misp.Attribute) []byte {
	b, err := base64.StdEncoding.DecodeString(w.Data.Or(""))
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

// undo takes an accepted proposal's work back, unless the attribute is no longer
// as it left it.
func (s *Service) undo(ctx context.Context, tx *store.Tx, who ident.Actor, p *Proposal) error {
	ref := strconv.FormatInt(max(p.Attribute, p.made), 10)
	if ref == "0" {
		return nil // an equal attribute was there before: nothing was done
	}
	a, err := s.d.Intel.AttributeTx(ctx, tx, who, ref)
	if err != nil {
		return err
	}
	if a.Deleted != p.Removal || !p.Removal && (a.Value != p.Value || a.Type != p.Type || a.Category != p.Category || a.Comment != p.Comment || a.ToIDS != p.ToIDS) {
		return fault.New(fault.Conflict, "attribute %d was changed since", a.ID).WithKey("intel.fault.changed")
	}
	switch {
	case p.Removal:
		_, err = s.d.Intel.RestoreAttributeTx(ctx, tx, who, ref)
		return err
	case p.Attribute == 0:
		_, err = s.d.Intel.DeleteAttributeTx(ctx, tx, who, ref, false)
		return err
	}
	w, err := kept(p.before)
	if err != nil {
		return err
	}
	return s.d.Intel.EditAttributeTx(ctx, tx, who, ref, w)
}
