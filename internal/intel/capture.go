package intel

import (
	"context"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Held is what is here under the UUID of a peer's event.
type Held struct {
	ID        int64
	Timestamp int64 // seconds; 0 when the UUID is only on the block list
	Locked    bool  // came from a peer: a peer may bring it up to date
	Blocked   bool
	Origin    string // UUID of the organisation that made it
	Created   int64  // µs, here
}

// HeldEvents tells which of a peer's events are here or on the block list. Who
// may: misp.sync, and only events that the caller sees are told of.
func (s *Service) HeldEvents(ctx context.Context, who ident.Actor, uuids []string) (out map[string]Held, err error) {
	if err := access.Check(who, "misp.sync"); err != nil {
		return nil, err
	}
	good := make([]string, 0, len(uuids))
	for _, u := range uuids {
		if u, ok := store.ParseUUID(u); ok {
			good = append(good, u)
		}
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = heldEvents(ctx, tx, who, good)
		return err
	})
	return out, err
}

// Sender says from where a sharing group came.
type Sender struct {
	Here   string // this installation's address, as peers know it
	URL    string // the sender's address, "" if it is not known
	Server int64  // the sender's row among the peers here, 0 if none
	Org    int64  // the organisation that sends, by its id here
	Home   bool   // the sender is moved into this installation: its server is this one
}

// CaptureGroup takes in a sharing group that came with somebody's data and gives the
// id under which the caller may share within it, 0 when they must not: it does not
// reach this installation, is not active, or they are not in it. One that is new
// here is taken from who holds misp.sync and misp.sharing_group and is in it; a newer
// one brings members up to date when its sender was in it and it was not made here.
// Nothing becomes wider: a server is this one only by its address, never by its number.
func (s *Service) CaptureGroup(ctx context.Context, who ident.Actor, w *misp.SharingGroup, from Sender) (id int64, err error) {
	uuid, ok := groupUUID(w)
	if !ok || who.ReadOnly {
		return 0, nil
	}
	brings := access.Allowed(who, "misp.sync") && access.Allowed(who, "misp.sharing_group")
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		g, found, err := readGroupByUUID(ctx, tx, uuid)
		if err != nil {
			return err
		}
		fresh := !found || !g.Local && groupTime(w.Modified) > g.Modified
		if fresh && found {
			if fresh, err = inGroup(ctx, tx, g.ID, from); err != nil {
				return err
			}
		}
		switch {
		case fresh && brings:
			if g, err = s.capture(ctx, tx, who, g, w, from); err != nil || g.ID == 0 {
				id = 0
				return err
			}
		case !found:
			id = 0
			return nil
		}
		id, err = usableGroup(ctx, tx, who, g.ID)
		return err
	}, store.InLane(store.Jobs))
	return id, err
}

// capture writes a group that reaches this installation; g is the one here, if any.
func (s *Service) capture(ctx context.Context, tx *store.Tx, who ident.Actor, g SharingGroup, w *misp.SharingGroup, from Sender) (SharingGroup, error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return g, err
	}
	members, local, err := s.captureMembers(ctx, tx, who, w)
	if err != nil {
		return g, err
	}
	hosts, whole := captureHosts(w, from)
	_, in := members[from.Org]
	if from.Home && who.Kind == ident.System {
		local = true
	}
	if !local && !whole || !w.Active.Or(true) && !from.Home || who.Kind == ident.Person && !in && !whole {
		return SharingGroup{}, nil
	}
	verb, fresh := "group.receive", g.ID == 0
	if fresh {
		if g, err = s.newCaptured(ctx, tx, who, w, now); err != nil || g.ID == 0 {
			return g, err
		}
	} else if _, err := tx.Exec(ctx, updateGroup, g.ID, g.Name, short(w.Releasability.Or("")), short(w.Description.Or("")), true, w.Roaming.Or(false),
		groupTime(w.Modified)); err != nil {
		return g, err
	} else if err := s.emptyGroup(ctx, tx, g.ID, members); err != nil {
		return g, err
	}
	for org, extend := range members {
		if err := joinGroup(ctx, tx, g.ID, org, extend); err != nil {
			return g, err
		}
	}
	for _, h := range hosts {
		if err := setHost(ctx, tx, g.ID, h); err != nil {
			return g, err
		}
	}
	return g, s.log.Record(ctx, tx, who, verb, groupThing(g), map[string]any{"organisations": len(members), "servers": len(hosts), "new": fresh})
}

// captureMembers gives the group's organisations by their ids here, the creator
// among them, and whether one of them is of this installation.
func (s *Service) captureMembers(ctx context.Context, tx *store.Tx, who ident.Actor, w *misp.SharingGroup) (members map[int64]bool, local bool, err error) {
	members = map[int64]bool{}
	add := func(o *misp.Org, extend bool) error {
		if o == nil || len(members) >= groupMost {
			return nil
		}
		uuid, ok := store.ParseUUID(strings.TrimSpace(o.UUID.Or("")))
		if !ok {
			return nil
		}
		org, err := s.foreignOrg(ctx, tx, who, uuid, plain(o.Name.Or("")))
		if err != nil {
			if fault.Is(err, fault.Invalid) { // an organisation without a usable name is no member
				return nil
			}
			return err
		}
		members[org.ID] = members[org.ID] || extend
		local = local || org.Local
		return nil
	}
	if err := add(groupMaker(w), true); err != nil {
		return nil, false, err
	}
	for i := range w.Orgs {
		if err := add(w.Orgs[i].Organisation, w.Orgs[i].Extend.Or(false)); err != nil {
			return nil, false, err
		}
	}
	return members, local, nil
}

// groupMaker is the organisation that made a group; a sender may name it by its UUID
// alone, as one of the members. One that nobody made is not taken in.
func groupMaker(w *misp.SharingGroup) *misp.Org {
	if w.Organisation != nil {
		return w.Organisation
	}
	for i := range w.Orgs {
		if o := w.Orgs[i].Organisation; o != nil && w.OrganisationUUID.Or("") != "" && strings.EqualFold(o.UUID.Or(""), w.OrganisationUUID.V) {
			return o
		}
	}
	return nil
}

// groupMost bounds the members of one group that comes from outside.
const groupMost = 10_000

// captureHosts gives the group's servers as this installation sees them; whole
// tells that all organisations here are meant. The sender's server 0 is the sender.
func captureHosts(w *misp.SharingGroup, from Sender) (hosts []GroupServer, whole bool) {
	for i := range w.Servers {
		if i >= groupMost {
			break
		}
		e := &w.Servers[i]
		h := GroupServer{AllOrgs: e.AllOrgs.Or(false)}
		if e.Server != nil {
			h.URL, h.Name = strings.TrimRight(plain(e.Server.URL.Or("")), "/"), short(e.Server.Name.Or(""))
		}
		switch {
		case from.Home && (e.ServerID.Or(-1) == 0 || h.URL != "" && h.URL == strings.TrimRight(from.URL, "/")):
			h.Server, h.URL, whole = 0, strings.TrimRight(from.Here, "/"), whole || h.AllOrgs
		case h.URL != "" && h.URL == strings.TrimRight(from.Here, "/"):
			h.Server, whole = 0, whole || h.AllOrgs
		case e.ServerID.Or(-1) == 0 && (h.URL == "" || h.URL == strings.TrimRight(from.URL, "/")) || h.URL != "" && h.URL == strings.TrimRight(from.URL, "/"):
			h.Server, h.URL = from.Server, strings.TrimRight(from.URL, "/")
		default:
			h.Server = -1 // known by its address only
		}
		if h.Server == 0 && h.URL != strings.TrimRight(from.Here, "/") || h.URL == "" {
			continue // a sender without a row and an address
		}
		hosts = append(hosts, h)
	}
	return hosts, whole
}

// newCaptured writes the row of a group that was not here; a name that is taken
// gets the beginning of the UUID behind it, as MISP does with digits.
func (s *Service) newCaptured(ctx context.Context, tx *store.Tx, who ident.Actor, w *misp.SharingGroup, now int64) (g SharingGroup, err error) {
	uuid, _ := store.ParseUUID(strings.TrimSpace(w.UUID.V))
	g = SharingGroup{ID: s.db.NewID(), UUID: uuid, Name: short(strings.TrimSpace(w.Name.Or(""))), Releasability: short(w.Releasability.Or("")),
		Description: short(w.Description.Or("")), Active: true, Roaming: w.Roaming.Or(false), Created: now, Modified: groupTime(w.Modified)}
	if g.Modified == 0 {
		g.Modified = now
	}
	if g.Name == "" {
		g.Name = uuid
	}
	taken, err := store.Int64(ctx, tx, groupNamed, g.Name)
	if err != nil {
		return g, err
	}
	if taken != 0 {
		g.Name += " " + uuid[:8]
	}
	if maker := groupMaker(w); maker != nil {
		if creator, ok := store.ParseUUID(maker.UUID.Or("")); ok {
			g.Owner, err = s.foreignOrg(ctx, tx, who, creator, plain(maker.Name.Or("")))
		}
	}
	if err != nil || g.Owner.ID == 0 {
		return SharingGroup{}, err
	}
	_, err = tx.Exec(ctx, insertGroup, g.ID, g.UUID, g.Name, g.Releasability, g.Description, g.Owner.ID, true, false, g.Roaming, who.Person, g.Created, g.Modified)
	return g, err
}

// emptyGroup takes out the members that the newer state no longer names.
func (s *Service) emptyGroup(ctx context.Context, tx *store.Tx, group int64, keep map[int64]bool) error {
	old, err := store.All(ctx, tx, scanMember, groupOrgs, group)
	if err != nil {
		return err
	}
	for _, m := range old {
		if _, stays := keep[m.Org.ID]; stays {
			continue
		}
		if _, err := leaveGroup(ctx, tx, group, m.Org.ID); err != nil {
			return err
		}
	}
	return nil
}

// groupTime reads a group's "2006-01-02 15:04:05" as microseconds, 0 for none.
func groupTime(t misp.Text) int64 {
	at, err := time.Parse(time.DateTime, strings.TrimSpace(t.Or("")))
	if err != nil {
		return 0
	}
	return at.UnixMicro()
}

// LabelOf gives the TLP label in force on an event: its own, else the installation's
// policy for unlabelled ones. The caller has read the event.
func (s *Service) LabelOf(_ context.Context, _ ident.Actor, e *Event) tlp.Level {
	level, _ := tlp.Parse(e.TLP)
	return level.Or(s.untagged)
}
