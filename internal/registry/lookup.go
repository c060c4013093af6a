package registry

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Get reads one organisation by UUID; a merged one as the tombstone it is (see
// MergedInto). Faults: NotFound, also for what may not be seen.
func (s *Service) Get(ctx context.Context, who ident.Actor, uuid string) (o Organisation, err error) {
	if err := mayRead(who); err != nil {
		return o, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if o, err = findOrg(ctx, tx, who, uuid); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		o = o.judged(s.pack().Verify, instant(now)).hide()
		return err
	})
	return o, err
}

// Own reads the asker's own organisation. Faults: NotFound when there is none.
func (s *Service) Own(ctx context.Context, who ident.Actor) (o Organisation, err error) {
	if who.Kind != ident.Person || who.Org == 0 {
		return o, fault.New(fault.NotFound, "%s belongs to no organisation", who)
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		id, err := store.Int64(ctx, tx, resolvedID, who.Org)
		if err != nil {
			return err
		}
		if o, err = orgByID(ctx, tx, who, id); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		o = o.judged(s.pack().Verify, instant(now)).hide()
		return err
	})
	return o, err
}

// OrgByRef finds an organisation by UUID or exact name, as the command line names
// it. Faults: NotFound; Conflict when several have the name.
func (s *Service) OrgByRef(ctx context.Context, who ident.Actor, ref string) (o Organisation, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		o, err = s.OrgByRefTx(ctx, tx, who, ref)
		return err
	})
	return o, err
}

// OrgByRefTx is OrgByRef within the caller's transaction. A merged organisation's
// UUID gives the one it resolves to.
func (s *Service) OrgByRefTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Organisation, error) {
	if err := mayRead(who); err != nil && access.Check(who, "registry.write") != nil {
		return Organisation{}, err
	}
	if uuid, ok := store.ParseUUID(ref); ok {
		o, err := findOrg(ctx, tx, who, uuid)
		if err == nil && o.resolved != o.ID {
			o, err = orgByID(ctx, tx, who, o.resolved)
		}
		return o.hide(), err
	}
	list, err := store.All(ctx, tx, scanOrg, selectOrgs(who)+orgsByName+cardSeen(who, "o", false)+" LIMIT 2", ref)
	switch {
	case err != nil:
		return Organisation{}, err
	case len(list) == 0:
		return Organisation{}, fault.New(fault.NotFound, "no organisation %q", ref).WithKey("registry.fault.no-organisation")
	case len(list) > 1:
		return Organisation{}, fault.New(fault.Conflict, "several organisations are called %q: use the UUID", ref).WithKey("registry.fault.ambiguous")
	}
	return list[0].hide(), nil
}

// OrgTx reads an organisation by our own number, resolved when it was merged, for
// rooms that hold that number in a row of theirs that who may see. Only the card.
func (s *Service) OrgTx(ctx context.Context, tx *store.Tx, who ident.Actor, id int64) (Organisation, error) {
	resolved, err := store.Int64(ctx, tx, resolvedID, id)
	if err != nil {
		return Organisation{}, err
	}
	o, err := orgByID(ctx, tx, who, resolved)
	return o.hide(), err
}

// Orgs names organisations by number, resolved, for lists of other rooms; numbers
// that do not exist are left out. As OrgTx, the caller's rows decide who sees them.
func (s *Service) Orgs(ctx context.Context, who ident.Actor, ids []int64) (byID map[int64]Organisation, err error) {
	byID = map[int64]Organisation{}
	if len(ids) == 0 {
		return byID, nil
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		targets, err := store.All(ctx, tx, scanPair, resolvedIDs+store.In(ids))
		if err != nil {
			return err
		}
		var resolved []int64
		for _, t := range targets {
			resolved = append(resolved, t[1])
		}
		list, err := store.All(ctx, tx, scanOrg, selectOrgs(who)+orgsIn+store.In(resolved))
		if err != nil {
			return err
		}
		found := map[int64]Organisation{}
		for _, o := range list {
			found[o.ID] = o.hide()
		}
		for _, t := range targets {
			byID[t[0]] = found[t[1]]
		}
		return nil
	})
	return byID, err
}

// HostTx gives the CERT that runs this installation. Faults: NotFound before it is entered.
func (s *Service) HostTx(ctx context.Context, tx *store.Tx, who ident.Actor) (Organisation, error) {
	o, found, err := store.FirstAgain(ctx, tx, scanOrg, selectOrgs(who)+theHost, nil) // each page asks twice
	if err == nil && !found {
		err = fault.New(fault.NotFound, "this installation has no host yet").WithKey("registry.fault.no-host")
	}
	return o.hide(), err
}

// Host is HostTx in a transaction of its own.
func (s *Service) Host(ctx context.Context, who ident.Actor) (o Organisation, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		o, err = s.HostTx(ctx, tx, who)
		return err
	})
	return o, err
}

// CERTs lists the active CERTs of this installation that who may see, the host first.
func (s *Service) CERTs(ctx context.Context, who ident.Actor) (list []Organisation, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err = s.CERTsTx(ctx, tx, who)
		return err
	})
	return list, err
}

// CERTsTx is CERTs within the caller's transaction.
func (s *Service) CERTsTx(ctx context.Context, tx *store.Tx, who ident.Actor) ([]Organisation, error) {
	list, err := store.All(ctx, tx, scanOrg, selectOrgs(who)+activeCERTs+cardSeen(who, "o", false)+hostFirst)
	for i := range list {
		list[i] = list[i].hide()
	}
	return list, err
}
