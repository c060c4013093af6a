package remark

import (
	"context"
	"strconv"

	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// Undecided is the level of a delegation whose receiver is to choose it.
const Undecided intel.Distribution = -1

// Delegation asks an organisation to take an event over.
type Delegation struct {
	ID           int64
	Event        int64
	EventUUID    string
	EventInfo    string
	To           intel.Org
	From         intel.Org
	Distribution intel.Distribution // that is asked for, or Undecided
	Group        int64
	Message      string
	Created      int64 // µs
	person       int64
}

func (d *Delegation) thing() audit.Thing {
	return audit.Thing{Kind: "event", ID: d.Event, Label: d.EventUUID}
}

// DelegationAsked is told when an organisation is asked to take an event over.
type DelegationAsked struct {
	ID    int64 `json:"id"`
	Event int64 `json:"event"`
}

// EventType is the stable name.
func (DelegationAsked) EventType() string { return "intel.delegation-asked" }

// mayDelegate: MISP's flag on the wire; on pages whoever may publish.
func mayDelegate(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	if intel.OnWire(who) {
		return access.Check(who, "misp.delegate")
	}
	return access.Check(who, "intel.publish")
}

const messageMost = 4000

// Delegate asks an organisation (id or UUID) to take an event of who's own over and
// to publish it as its own. Until it decides, or the request is taken back, it reads
// the event. Who may: misp.delegate, on pages intel.publish; of the organisation
// that made and holds the event. Faults: NotFound, Denied, Invalid on org_id,
// distribution, sharing_group_id, message; Conflict when one is open already.
func (s *Service) Delegate(ctx context.Context, who ident.Actor, event, org string, level intel.Distribution, group int64, message string) (d Delegation, err error) {
	if err := mayDelegate(who); err != nil {
		return d, err
	}
	message = clean(message)
	if len(message) > messageMost {
		return d, fault.Field("message", "intel.fault.remark.long", "the message is too long")
	}
	if level < Undecided || level > intel.Group {
		return d, fault.Field("distribution", "intel.fault.distribution", "unknown distribution %d", level)
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := s.d.Intel.EventTx(ctx, tx, who, event)
		if err != nil {
			return err
		}
		if e.Owner.ID != who.Org || e.Origin.ID != who.Org || who.Org == 0 {
			return denied(who, "delegate event", e.ID)
		}
		to, err := s.d.Intel.KnownOrgTx(ctx, tx, who, org)
		if fault.Is(err, fault.Invalid) || err == nil && (to.ID == who.Org || !to.Local) {
			return fault.Field("org_id", "intel.fault.organisation", "no organisation here that could take it over")
		}
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		d = Delegation{ID: s.d.DB.NewID(), Event: e.ID, EventUUID: e.UUID, EventInfo: e.Info, To: to, From: e.Owner, Distribution: level, Group: group,
			Message: message, Created: now, person: who.Person}
		if n, err := tx.Exec(ctx, addDelegation, d.ID, d.Event, to.ID, who.Org, who.Person, int64(level), group, message, now); err != nil || n != 1 {
			return orNot(err, fault.New(fault.Conflict, "event %d has a delegation request already", e.ID).WithKey("intel.fault.delegated"))
		}
		if err := s.d.Intel.LendTx(ctx, tx, who, &e, to.ID); err != nil {
			return err
		}
		if err := jobs.Publish(ctx, tx, DelegationAsked{ID: d.ID, Event: d.Event}); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "delegation.ask", d.thing(), map[string]any{"to": to.ID, "distribution": level})
	})
	return d, err
}

// AcceptDelegation makes the event who's organisation's own. With an undecided
// level, or when the receiver wants another, level decides; Undecided here as well
// keeps the event at home. Who may: the right to write threat data, of the asked
// organisation. Faults: NotFound, Denied, Invalid.
func (s *Service) AcceptDelegation(ctx context.Context, who ident.Actor, ref string, level intel.Distribution, group int64) (d Delegation, err error) {
	if err := intel.MayWrite(who); err != nil {
		return d, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if d, err = readDelegation(ctx, tx, who, ref); err != nil {
			return err
		}
		if d.To.ID != who.Org {
			return denied(who, "accept delegation", d.ID)
		}
		e, err := s.d.Intel.EventTx(ctx, tx, who, strconv.FormatInt(d.Event, 10))
		if err != nil {
			return err
		}
		if level == Undecided {
			level, group = d.Distribution, d.Group
		}
		if level == Undecided {
			level = intel.OwnOrg
		}
		if _, err := tx.Exec(ctx, dropDelegation, d.ID); err != nil {
			return err
		}
		if err := s.d.Intel.TakeOverTx(ctx, tx, who, &e, level, group); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "delegation.accept", d.thing(), map[string]any{"from": d.From.ID, "distribution": level})
	})
	return d, err
}

// DiscardDelegation refuses a request, or takes it back: the event is no longer
// lent. Who may: the right to write threat data, of either organisation. Faults:
// NotFound, Denied.
func (s *Service) DiscardDelegation(ctx context.Context, who ident.Actor, ref string) (d Delegation, err error) {
	if err := intel.MayWrite(who); err != nil {
		return d, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if d, err = readDelegation(ctx, tx, who, ref); err != nil {
			return err
		}
		if d.To.ID != who.Org && d.From.ID != who.Org && !intel.SeesAll(who) {
			return denied(who, "discard delegation", d.ID)
		}
		e, err := s.d.Intel.EventTx(ctx, tx, who, strconv.FormatInt(d.Event, 10))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropDelegation, d.ID); err != nil {
			return err
		}
		if err := s.d.Intel.ReturnTx(ctx, tx, who, &e); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "delegation.discard", d.thing(), map[string]any{"from": d.From.ID, "to": d.To.ID})
	})
	return d, err
}

// Delegations lists open requests to and from who's organisation; of one event, if
// event is not 0.
func (s *Service) Delegations(ctx context.Context, who ident.Actor, event int64) (out []Delegation, err error) {
	if err := intel.MayRead(who); err != nil {
		return nil, err
	}
	err = s.view(ctx, who, "delegation.list", audit.Thing{Kind: "delegation"}, func(tx *store.Tx) error {
		out, err = listDelegations(ctx, tx, who, event)
		return err
	})
	return out, err
}
