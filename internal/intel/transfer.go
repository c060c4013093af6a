package intel

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// LendTx lets one further organisation read an event, or with 0 nobody further:
// while somebody is asked to take it over. Children with an audience of their own
// stay what they are. Who may: the right to edit the event.
func (s *Service) LendTx(ctx context.Context, tx *store.Tx, who ident.Actor, e *Event, org int64) error {
	if err := mayEdit(who, *e); err != nil {
		return err
	}
	return lend(ctx, tx, e, org)
}

// ReturnTx takes a loan back that the borrower, or whoever may edit, gives up.
func (s *Service) ReturnTx(ctx context.Context, tx *store.Tx, _ ident.Actor, e *Event) error {
	return lend(ctx, tx, e, 0)
}

// lend interns the event's audience anew, its level as it is: a draft stays one.
func lend(ctx context.Context, tx *store.Tx, e *Event, org int64) error {
	a, err := access.AudienceTx(ctx, tx, e.Audience)
	if err != nil {
		return err
	}
	now := access.Audience{Owner: a.Owner, Level: a.Level, Group: a.Group}
	if org != 0 {
		now.Named = []access.Principal{access.Org(org)}
	}
	if e.Audience, err = access.InternTx(ctx, tx, now); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, reachEvent, e.ID, e.Audience)
	return err
}

// borrower names the organisation that an event is lent to, if there is one.
func borrower(ctx context.Context, tx *store.Tx, event int64) ([]access.Principal, error) {
	if event == 0 {
		return nil, nil
	}
	org, err := store.Int64(ctx, tx, lentTo, event)
	if err != nil || org == 0 {
		return nil, err
	}
	return []access.Principal{access.Org(org)}, nil
}

// TakeOverTx makes who's organisation owner and origin of an event that was lent to
// it: the level is d, the published flag falls, the timestamp rises, rows that were
// for the old owner are for the new one, local tags and open proposals go. The
// caller has checked that it was offered. Faults: Invalid for an unknown level or a
// group that is not who's.
func (s *Service) TakeOverTx(ctx context.Context, tx *store.Tx, who ident.Actor, e *Event, d Distribution, group int64) error {
	if err := mayWrite(who); err != nil {
		return err
	}
	owner, err := ownOrg(ctx, tx, who.Org)
	if err != nil {
		return err
	}
	if d < OwnOrg || d > Group {
		return fault.Field("distribution", "intel.fault.distribution", "unknown distribution %d", d)
	}
	a := audiences{who: who, owner: owner.ID}
	if d != Group {
		group = 0
	} else if group, err = usableGroup(ctx, tx, who, group); err != nil || group == 0 {
		return orNot(err, noGroup())
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	was := *e
	e.Owner, e.Origin, e.Creator, e.Distribution, e.Group = owner, owner, who.Person, d, group
	e.Published, e.Locked, e.Timestamp, e.Changed = false, false, max(now/1e6, e.Timestamp+1), now
	if err := settle(ctx, tx, who, Event{}, e); err != nil {
		return err
	}
	if err := passChildren(ctx, tx, &a, e.ID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, closeProposals+"event_id = $3", e.Timestamp, true, e.ID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, dropLocalTags, e.ID, true); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, passEvent, e.ID, owner.ID, who.Person); err != nil {
		return err
	}
	if err := rewriteEvent(ctx, tx, *e); err != nil {
		return err
	}
	var j journal
	at := e.at()
	at.was = lost(was.fields(), e.fields())
	j.note(at)
	return j.keep(ctx, tx, who, &was, e, now)
}
