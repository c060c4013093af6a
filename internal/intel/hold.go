package intel

import (
	"context"

	"straza/internal/format/tlp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// ownDoor tells whether a person works on our own pages or JSON interface, where an
// event is a draft until it is published. What comes by the field's protocols or an
// import is shown by its distribution as sent, as peers expect it.
func ownDoor(who ident.Actor) bool {
	return who.Kind == ident.Person && (who.Channel == ident.Web || who.Channel == ident.API)
}

// settle gives an event's row its audience: by its distribution, or while it is a
// draft that was made or changed by our own door its organisation's alone; in both
// with the organisation that is asked to take it over. was is the
// event before (the zero Event when it is new): a draft stays one whoever changes it.
// Publishing by our own door is refused when the label contradicts the readers
// (decisions §1). Faults: Invalid on tlp.
func settle(ctx context.Context, tx *store.Tx, who ident.Actor, was Event, e *Event) error {
	named, err := borrower(ctx, tx, was.ID)
	if err != nil {
		return err
	}
	own, err := access.InternTx(ctx, tx, access.Audience{Owner: e.Owner.ID, Level: access.LevelOwn, Named: named})
	if err != nil {
		return err
	}
	draft := ownDoor(who) || was.ID != 0 && !was.Published && was.Distribution != OwnOrg && was.Audience == own
	if draft && !e.Published || e.Distribution == OwnOrg {
		e.Audience = own
		return nil
	}
	if e.Published && ownDoor(who) {
		if err := allowed(ctx, tx, e); err != nil {
			return err
		}
	}
	e.Audience, err = access.InternTx(ctx, tx, access.Audience{Owner: e.Owner.ID, Level: levels[e.Distribution], Group: e.Group, Named: named})
	return err
}

// allowed refuses readers whom the event's label does not.
func allowed(ctx context.Context, tx *store.Tx, e *Event) error {
	var r Readers
	switch e.Distribution {
	case Community, Connected, All:
		r.Members = true
	case Group:
		_, whole, err := groupReaders(ctx, tx, e.Group, nil)
		if err != nil {
			return err
		}
		r.Members = whole
	}
	level, ok := tlp.Parse(e.TLP)
	if ok && tlp.Fits(level, reachOf(e.Distribution, r)).Answer == tlp.Hold {
		return fault.Field("tlp", "intel.fault.held", "the label %s does not allow so many readers", e.TLP)
	}
	return nil
}
