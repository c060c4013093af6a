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

func lend(ctx context.Context, tx *store.Tx, e *Event, org int64) error {
	a := audiences{owner: e.Owner.ID, lent: org}
	id, err := a.whole(ctx, tx, e.Distribution, e.Group)
	if err != nil {
		return err
	}
	e.Audience = id
	_, err = tx.Exec(ctx, setAudience, e.ID, id)
	return err
}

// whole interns an event's own level, with the organisation it is lent to.
func (a *audiences) whole(ctx context.Context, tx *store.Tx, d Distribution, group int64) (int64, error) {
	if a.lent == 0 {
		return a.intern(ctx, tx, d, group)
	}
	return access.InternTx(ctx, tx, access.Audience{Owner: a.owner, Level: levels[d], Group: group, Named: []access.Principal{access.Org(a.lent)}})
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
	e.Owner, e.Origin, e.Creator, e.Distribution, e.Group = owner, owner, who.Person, d, group
	e.Published, e.Locked, e.Timestamp, e.Changed = false, false, max(now/1e6, e.Timestamp+1), now
	if e.Audience, err = a.intern(ctx, tx, d, group); err != nil {
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
	return rewriteEvent(ctx, tx, *e)
}
