package intel

import (
	"context"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// audiences turns MISP's distribution levels of one event and its children into
// interned audiences, and tag names into ids, each asked for once.
type audiences struct {
	who   ident.Actor
	owner int64 // the organisation here that holds the event: always in reach
	ids   map[[2]int64]int64
	known map[string]int64
	// groups that were asked for → the same, or 0 when who may not use it: an event of
	// 100,000 attributes names one or two
	groups map[int64]int64
}

// levels: MISP's 2 and 3 reach the same people here; what leaves is the peer's rule.
var levels = map[Distribution]string{OwnOrg: access.LevelOwn, Community: access.LevelMembers, Connected: access.LevelPeers,
	All: access.LevelAll, Group: access.LevelGroup}

func (a *audiences) intern(ctx context.Context, tx *store.Tx, d Distribution, group int64) (int64, error) {
	k := [2]int64{int64(d), group}
	if id := a.ids[k]; id != 0 {
		return id, nil
	}
	id, err := access.InternTx(ctx, tx, access.Audience{Owner: a.owner, Level: levels[d], Group: group})
	if err != nil {
		return 0, err
	}
	if a.ids == nil {
		a.ids = map[[2]int64]int64{}
	}
	a.ids[k] = id
	return id, nil
}

// event gives the event's own level. Faults: Invalid "sharing_group_id" when the
// group is unknown or not the caller's to use.
func (a *audiences) event(ctx context.Context, tx *store.Tx, h *misp.Event) (d Distribution, group, audience int64, err error) {
	d = Distribution(h.Distribution.Level(int64(Community)))
	if d < OwnOrg || d > Group {
		return 0, 0, 0, fault.Field("distribution", "intel.fault.distribution", "unknown distribution %d", d)
	}
	if d == Group {
		if group, err = a.group(ctx, tx, h.SharingGroupID.Or(0), h.SharingGroup); err != nil {
			return 0, 0, 0, err
		}
		if group == 0 {
			return 0, 0, 0, fault.Field("sharing_group_id", "intel.fault.group", "unknown sharing group, or not authorised")
		}
	}
	audience, err = a.intern(ctx, tx, d, group)
	return d, group, audience, err
}

// child gives the audience of an attribute, object or report. One whose group is
// unknown, or whose level is none, is kept for its own organisation, never widened.
func (a *audiences) child(ctx context.Context, tx *store.Tx, d *Distribution, group *int64, out **int64) error {
	*out = nil
	if *d < OwnOrg || *d > Inherit {
		*d = OwnOrg
	}
	if *d == Inherit {
		*group = 0
		return nil
	}
	if *d == Group {
		id, err := a.group(ctx, tx, *group, nil)
		if err != nil {
			return err
		}
		if *group = id; id == 0 {
			*d = OwnOrg
		}
	} else {
		*group = 0
	}
	id, err := a.intern(ctx, tx, *d, *group)
	*out = &id
	return err
}

// group finds a sharing group that the caller may use, 0 when there is none.
func (a *audiences) group(ctx context.Context, tx *store.Tx, id int64, w *misp.SharingGroup) (int64, error) {
	if w != nil && w.UUID.Or("") != "" {
		uuid, ok := store.ParseUUID(w.UUID.V)
		if !ok {
			return 0, nil
		}
		g, found, err := readGroupByUUID(ctx, tx, uuid)
		if err != nil || !found {
			return 0, err
		}
		id = g.ID
	}
	usable, asked := a.groups[id]
	if id == 0 || asked {
		return usable, nil
	}
	usable, err := usableGroup(ctx, tx, a.who, id)
	if err != nil {
		return 0, err
	}
	if a.groups == nil {
		a.groups = map[int64]int64{}
	}
	a.groups[id] = usable
	return usable, nil
}

// tag gives the id of a tag by name; an unknown one is made by who may make
// tags, and skipped (0) for others.
func (a *audiences) tag(ctx context.Context, tx *store.Tx, n tagName) (int64, error) {
	if id, ok := a.known[n.name]; ok {
		return id, nil
	}
	find := findTag
	switch {
	case n.cluster:
		find = findAnyTag
	case n.exact:
		find = findExactTag
	}
	t, found, err := find(ctx, tx, a.who, n.name)
	if err != nil {
		return 0, err
	}
	madeBy := a.owner
	if isLabel(n.name) || n.cluster {
		madeBy = 0
	}
	switch {
	case found && !mayUseTag(a.who, t):
		t.ID = 0
	case !found && (mayMakeTags(a.who) || isLabel(n.name) || n.cluster):
		t, _, err = writeTag(ctx, tx, Tag{Name: n.name, Colour: n.colour, Exportable: true, Numerical: n.numerical, madeBy: madeBy})
	}
	if err != nil {
		return 0, err
	}
	if a.known == nil {
		a.known = map[string]int64{}
	}
	a.known[n.name] = t.ID
	return t.ID, nil
}

func mayMakeTags(who ident.Actor) bool { return access.Allowed(who, "misp.tag_editor") }

// isLabel: TLP and PAP are never lost for want of a right, or what is marked would
// go further than its owner allowed.
func isLabel(name string) bool {
	return tlp.FromTags([]string{name}) != tlp.None || tlp.PAPFromTags([]string{name}) != tlp.PAPNone
}

// mayUseTag: a tag may be kept for one organisation or person.
func mayUseTag(who ident.Actor, t Tag) bool {
	return (t.Org == 0 || t.Org == who.Org) && (t.User == 0 || t.User == who.Person)
}
