package intel

import (
	"context"
	"slices"
	"strconv"

	"straza/internal/format/misp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// What follows is for the room's other chamber (intel/remark), which keeps what
// people say of threat data that is not theirs: the one predicate, the one set of
// rights, and acts as parts of a larger one.

// EventSeen is the SQL test that who may see the event under alias.
func EventSeen(who ident.Actor, alias string) string { return eventSeen(who, alias) }

// ChildSeen is the SQL test that who may see the attribute under alias, its event given.
func ChildSeen(who ident.Actor, alias string) string { return childSeen(who, alias, false) }

// OwnSeen is the SQL test of an object's or report's own audience.
func OwnSeen(who ident.Actor, alias string) string { return ownSeen(who, alias) }

// OnWire tells whether who came by a protocol of the field, where MISP's flags rule.
func OnWire(who ident.Actor) bool { return onWire(who) }

// SeesAll tells whether who is MISP's site administrator, with a key, on the wire.
func SeesAll(who ident.Actor) bool { return seesAll(who) }

// MayRead and MayWrite are the rights to read and to write threat data at all;
// MayEdit the right to change this event. Faults: Denied.
func MayRead(who ident.Actor) error { return mayRead(who) }

// MayWrite: see MayRead.
func MayWrite(who ident.Actor) error { return mayWrite(who) }

// MayEdit: see MayRead.
func MayEdit(who ident.Actor, e *Event) error { return mayEdit(who, *e) }

// NamesOrigin tells whether who may say that somebody else made a thing.
func NamesOrigin(who ident.Actor) bool { return namesOrigin(who) }

// EventTx reads the header of an event that who may see, without tags or counts.
func (s *Service) EventTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Event, error) {
	return readEvent(ctx, tx, who, ref)
}

// AttributeTx reads an attribute that who may see, its event beside it.
func (s *Service) AttributeTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Attribute, error) {
	return readAttribute(ctx, tx, who, ref)
}

// OrgTx finds an organisation by UUID, by name when it has none; the registry
// notes one that was never met. For who may name an origin.
func (s *Service) OrgTx(ctx context.Context, tx *store.Tx, who ident.Actor, uuid, name string) (Org, error) {
	if !namesOrigin(who) {
		return Org{}, fault.New(fault.Denied, "%s may not name an origin", who)
	}
	return s.foreignOrg(ctx, tx, who, uuid, name)
}

// OwnOrgTx reads the organisation in whose name who acts. Faults: Denied when there is none.
func (s *Service) OwnOrgTx(ctx context.Context, tx *store.Tx, who ident.Actor) (Org, error) {
	return ownOrg(ctx, tx, who.Org)
}

// KnownOrgTx finds an organisation by id or UUID; everybody may know their names.
// Faults: Invalid.
func (s *Service) KnownOrgTx(ctx context.Context, tx *store.Tx, _ ident.Actor, ref string) (Org, error) {
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil {
		return knownOrg(ctx, tx, Org{ID: id})
	}
	return knownOrg(ctx, tx, Org{UUID: ref})
}

// AudienceTx interns a level for rows that an organisation here holds. A group
// that who may not use leaves the row to its own organisation, never wider.
func (s *Service) AudienceTx(ctx context.Context, tx *store.Tx, who ident.Actor, owner int64, d *Distribution, group *int64, w *misp.SharingGroup) (int64, error) {
	a := audiences{who: who, owner: owner}
	if *d < OwnOrg || *d > Group {
		return 0, fault.Field("distribution", "intel.fault.distribution", "unknown distribution %d", *d)
	}
	if *d != Group {
		*group = 0
		return a.intern(ctx, tx, *d, 0)
	}
	id, err := a.group(ctx, tx, *group, w)
	if err != nil {
		return 0, err
	}
	if *group = id; id == 0 {
		*d = OwnOrg
	}
	return a.intern(ctx, tx, *d, *group)
}

// Check reads an attribute that came as a row, nothing written. The second answer
// says in MISP's words why it cannot be one; nil when it can.
func Check(db *store.DB, w *misp.Attribute) (Attribute, *misp.Invalid) {
	return newDraft(db, 0).row(w)
}

// RefID reads how a caller names a thing: digits are an id, else a UUID.
// Faults: NotFound for what is neither.
func RefID(ref string) (id int64, uuid string, err error) { return refID(ref) }

// Wanted picks from what a peer offers (UUID → last change, seconds) what it should send, by
// UUID: what who does not see here, and what is newer than one here that came from elsewhere.
func Wanted(offered map[string]int64, here func(uuid string) (modified int64, locked, seen bool)) (want []string) {
	for u, at := range offered {
		uuid, ok := store.ParseUUID(u)
		if !ok {
			continue
		}
		if modified, locked, seen := here(uuid); !seen || locked && at > modified {
			want = append(want, u)
		}
	}
	slices.Sort(want)
	return want
}
