package intel

import (
	"context"
	"errors"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// SharingGroup is a set of organisations among whom things are shared.
type SharingGroup struct {
	ID            int64
	UUID          string
	Name          string
	Releasability string
	Description   string
	Owner         Org
	Active        bool
	Local         bool
	Roaming       bool
	SyncUser      int64
	Created       int64 // µs
	Modified      int64 // µs
	Orgs          []GroupOrg
	Servers       []GroupServer
	Apart         bool // to AddGroup: the owner is no member unless it is among Orgs
}

// GroupOrg is one member; Extend lets it change the group.
type GroupOrg struct {
	ID     int64
	Org    Org
	Extend bool
}

// GroupServer is one server that the group covers; Server 0 is this installation.
type GroupServer struct {
	ID      int64
	Server  int64
	URL     string
	Name    string
	AllOrgs bool
}

// Groups lists the sharing groups that the caller is in or made, whole.
func (s *Service) Groups(ctx context.Context, who ident.Actor) (out []SharingGroup, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	err = s.view(ctx, who, "group.list", audit.Thing{Kind: "sharing group"}, func(tx *store.Tx) (err error) {
		if out, err = listGroups(ctx, tx, who); err != nil {
			return err
		}
		for i := range out {
			if err := fillGroup(ctx, tx, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// SharingGroup reads one group by id or UUID. Faults: NotFound for outsiders.
func (s *Service) SharingGroup(ctx context.Context, who ident.Actor, ref string) (g SharingGroup, err error) {
	if err := mayRead(who); err != nil {
		return g, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if g, err = seenGroup(ctx, tx, who, ref); err != nil {
			return err
		}
		return fillGroup(ctx, tx, &g)
	})
	return g, err
}

func seenGroup(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (g SharingGroup, err error) {
	id, uuid, err := refID(ref)
	if err != nil {
		return g, err
	}
	all, err := listGroups(ctx, tx, who)
	if err != nil {
		return g, err
	}
	for _, g := range all {
		if id != 0 && g.ID == id || uuid != "" && g.UUID == uuid {
			return g, nil
		}
	}
	return g, fault.New(fault.NotFound, "no sharing group %q", ref).WithKey("intel.fault.no-group")
}

func mayGroup(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	if onWire(who) && access.Allowed(who, "misp.sharing_group") {
		return nil
	}
	return access.Check(who, "intel.group")
}

// AddGroup makes a sharing group with its members and servers; the caller's own
// organisation becomes a member that may extend it, unless it stays apart. Organisations are given by
// id or UUID. Faults: Invalid, Conflict when the name or UUID is taken.
func (s *Service) AddGroup(ctx context.Context, who ident.Actor, g SharingGroup) (out SharingGroup, err error) {
	if err := mayGroup(who); err != nil {
		return out, err
	}
	g.Name = strings.TrimSpace(g.Name)
	if g.Name == "" {
		return out, fault.Field("name", "intel.fault.name", "a sharing group needs a name")
	}
	if g.UUID == "" {
		g.UUID = s.db.NewUUID()
	}
	uuid, ok := store.ParseUUID(g.UUID)
	if !ok {
		return out, fault.Field("uuid", "intel.fault.uuid", "no uuid")
	}
	g.UUID = uuid
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		g.ID = s.db.NewID()
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if g.Owner, err = ownOrg(ctx, tx, who.Org); err != nil {
			return err
		}
		g.Created, g.Modified = now, now
		if _, err := tx.Exec(ctx, insertGroup, g.ID, g.UUID, g.Name, g.Releasability, g.Description, g.Owner.ID, g.Active, g.Local,
			g.Roaming, g.SyncUser, now, now); store.IsUnique(err) {
			return fault.New(fault.Conflict, "the sharing group exists").WithKey("intel.fault.group-exists")
		} else if err != nil {
			return err
		}
		if err := s.members(ctx, tx, g); err != nil {
			return err
		}
		if out, _, err = readGroup(ctx, tx, g.ID); err != nil {
			return err
		}
		if err := fillGroup(ctx, tx, &out); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "group.add", groupThing(out), map[string]any{"organisations": len(out.Orgs), "servers": len(out.Servers)})
	})
	return out, err
}

func (s *Service) members(ctx context.Context, tx *store.Tx, g SharingGroup) error {
	if !g.Apart {
		if err := joinGroup(ctx, tx, g.ID, g.Owner.ID, true); err != nil {
			return err
		}
	}
	for _, m := range g.Orgs {
		o, err := knownOrg(ctx, tx, m.Org)
		if err != nil {
			return err
		}
		if err := joinGroup(ctx, tx, g.ID, o.ID, m.Extend || o.ID == g.Owner.ID); err != nil {
			return err
		}
	}
	for _, h := range g.Servers {
		if err := setHost(ctx, tx, g.ID, h); err != nil {
			return err
		}
	}
	return nil
}

func groupThing(g SharingGroup) audit.Thing {
	return audit.Thing{Kind: "sharing group", ID: g.ID, Label: g.UUID}
}

// EditGroup changes name, texts and flags; members have methods of their own.
// Who may: the organisation that made it and members that may extend it.
func (s *Service) EditGroup(ctx context.Context, who ident.Actor, ref string, change func(*SharingGroup)) (out SharingGroup, err error) {
	err = s.changeGroup(ctx, who, ref, "group.edit", func(tx *store.Tx, g *SharingGroup, now int64) error {
		change(g)
		if strings.TrimSpace(g.Name) == "" {
			return fault.Field("name", "intel.fault.name", "a sharing group needs a name")
		}
		_, err := tx.Exec(ctx, updateGroup, g.ID, g.Name, g.Releasability, g.Description, g.Active, g.Roaming, now)
		if store.IsUnique(err) {
			return fault.New(fault.Conflict, "the name is taken").WithKey("intel.fault.group-exists")
		}
		g.Modified, out = now, *g
		return err
	})
	return out, err
}

// DeleteGroup removes a group that nothing is shared with. Faults: Conflict "intel.fault.group-used".
func (s *Service) DeleteGroup(ctx context.Context, who ident.Actor, ref string) error {
	return s.changeGroup(ctx, who, ref, "group.delete", func(tx *store.Tx, g *SharingGroup, _ int64) error {
		if n, err := store.Int64(ctx, tx, groupUsed, g.ID); err != nil || n > 0 {
			if err == nil {
				err = fault.New(fault.Conflict, "sharing group %d is used %d times", g.ID, n).WithKey("intel.fault.group-used")
			}
			return err
		}
		for _, m := range g.Orgs {
			if _, err := leaveGroup(ctx, tx, g.ID, m.Org.ID); err != nil {
				return err
			}
		}
		for _, h := range g.Servers {
			if _, err := tx.Exec(ctx, dropHost, g.ID, h.Server); err != nil {
				return err
			}
		}
		err := access.LeaveTx(ctx, tx, access.Members(), access.Group(g.ID))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, dropGroup, g.ID)
		return err
	})
}

// AddGroupOrg makes an organisation, given by id or UUID, a member.
func (s *Service) AddGroupOrg(ctx context.Context, who ident.Actor, ref string, org Org, extend bool) error {
	return s.changeGroup(ctx, who, ref, "group.add-organisation", func(tx *store.Tx, g *SharingGroup, _ int64) error {
		o, err := knownOrg(ctx, tx, org)
		if err != nil {
			return err
		}
		return joinGroup(ctx, tx, g.ID, o.ID, extend)
	})
}

// RemoveGroupOrg ends a membership: what was shared is unseen from then on.
func (s *Service) RemoveGroupOrg(ctx context.Context, who ident.Actor, ref string, org Org) error {
	return s.changeGroup(ctx, who, ref, "group.remove-organisation", func(tx *store.Tx, g *SharingGroup, _ int64) error {
		o, err := knownOrg(ctx, tx, org)
		if err != nil {
			return err
		}
		n, err := leaveGroup(ctx, tx, g.ID, o.ID)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "organisation %d is no member", o.ID).WithKey("intel.fault.no-member")
		}
		return err
	})
}

// SetGroupServer adds or changes a server of the group.
func (s *Service) SetGroupServer(ctx context.Context, who ident.Actor, ref string, h GroupServer) error {
	return s.changeGroup(ctx, who, ref, "group.add-server", func(tx *store.Tx, g *SharingGroup, _ int64) error {
		return setHost(ctx, tx, g.ID, h)
	})
}

// RemoveGroupServer takes a server out.
func (s *Service) RemoveGroupServer(ctx context.Context, who ident.Actor, ref string, server int64) error {
	return s.changeGroup(ctx, who, ref, "group.remove-server", func(tx *store.Tx, g *SharingGroup, _ int64) error {
		n, err := tx.Exec(ctx, dropHost, g.ID, server)
		if err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.NotFound, "server %d is not in the group", server).WithKey("intel.fault.no-member"))
		}
		if server == 0 {
			return access.LeaveTx(ctx, tx, access.Members(), access.Group(g.ID))
		}
		return nil
	})
}

// changeGroup loads the group through what the caller sees, asks whether it may
// be changed, changes it and writes the line.
func (s *Service) changeGroup(ctx context.Context, who ident.Actor, ref, verb string, fn func(tx *store.Tx, g *SharingGroup, now int64) error) error {
	if err := mayGroup(who); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		g, err := seenGroup(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		if err := fillGroup(ctx, tx, &g); err != nil {
			return err
		}
		may := seesAll(who) || who.Org != 0 && g.Owner.ID == who.Org
		for _, m := range g.Orgs {
			may = may || m.Extend && m.Org.ID == who.Org
		}
		if !may {
			return fault.New(fault.Denied, "%s may not change sharing group %d", who, g.ID).WithKey("intel.fault.foreign-group")
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if err := fn(tx, &g, now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, bumpGroup, g.ID, now); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, verb, groupThing(g), nil)
	})
}

func noGroup() error {
	return fault.Field("sharing_group_id", "intel.fault.group", "unknown sharing group, or not authorised")
}
