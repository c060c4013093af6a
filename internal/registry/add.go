package registry

import (
	"cmp"
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Add enters an organisation: row, search index, membership, history and audit
// line together. The first of kind cert becomes the host. Needs registry.write.
// Faults: Invalid by field, Conflict when the name or number is taken, Denied.
func (s *Service) Add(ctx context.Context, who ident.Actor, n Draft) (o Organisation, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if n.Once == "" {
			o, err = s.AddTx(ctx, tx, who, n)
			return err
		}
		uuid, again, err := store.Once(ctx, tx, who.String()+"|registry.add|"+n.Once, func() (string, error) {
			o, err = s.AddTx(ctx, tx, who, n)
			return o.UUID, err
		})
		if err == nil && again {
			o, err = findOrg(ctx, tx, who, uuid)
			o = o.hide()
		}
		return err
	})
	return o, err
}

// AddTx is Add within the caller's transaction.
func (s *Service) AddTx(ctx context.Context, tx *store.Tx, who ident.Actor, n Draft) (Organisation, error) {
	if err := access.Check(who, "registry.write"); err != nil {
		return Organisation{}, err
	}
	o, err := s.insert(ctx, tx, n.organisation())
	if err != nil {
		return o, err
	}
	if err := s.record(ctx, tx, who, o, "add", diff(Organisation{}, o)); err != nil {
		return o, err
	}
	o, err = orgByID(ctx, tx, who, o.ID)
	return o.hide(), err
}

// EnsureTx gives the organisation with a UUID that a peer's data names, entered as
// foreign (no member here, sees nothing) when it is new. A name that another one
// has already gets the beginning of the UUID behind it, as MISP does it. Needs no
// permission of its own: the caller's act (storing that data) has been allowed.
// The UUID of a merged organisation gives the one it resolves to.
func (s *Service) EnsureTx(ctx context.Context, tx *store.Tx, who ident.Actor, uuid, name string) (int64, error) {
	uuid, ok := store.ParseUUID(uuid)
	if !ok {
		return 0, fault.Field("uuid", "registry.fault.uuid", "no UUID")
	}
	id, err := store.Int64(ctx, tx, uuidResolved, uuid)
	if err != nil || id != 0 {
		return id, err
	}
	o := Draft{UUID: uuid, Name: name}.organisation()
	o.Local, o.Country = false, "ZZ" // ISO 3166's code for unknown
	if tidy(o.Name) == "" {
		o.Name = uuid
	}
	if id, err = store.Int64(ctx, tx, orgsByKey, o.nameKey()); err != nil {
		return 0, err
	} else if id != 0 {
		o.Name += " " + uuid[:8]
	}
	if o, err = s.insert(ctx, tx, o); err != nil {
		return 0, err
	}
	return o.ID, s.record(ctx, tx, who, o, "meet", diff(Organisation{}, o))
}

// Meet enters an organisation that is no member here, as EnsureTx does for peers'
// data. Needs registry.write. Faults: Invalid on name and uuid, Conflict when the
// UUID is known already.
func (s *Service) Meet(ctx context.Context, who ident.Actor, uuid, name string) (o Organisation, err error) {
	if err := access.Check(who, "registry.write"); err != nil {
		return o, err
	}
	if tidy(name) == "" {
		return o, fault.Field("name", "registry.fault.name-missing", "no name")
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if uuid == "" {
			uuid = tx.DB().NewUUID()
		}
		if known, ok := store.ParseUUID(uuid); ok {
			if id, err := store.Int64(ctx, tx, uuidTaken, known); err != nil || id != 0 {
				return cmp.Or[error](err, taken())
			}
		}
		id, err := s.EnsureTx(ctx, tx, who, uuid, name)
		if err != nil {
			return err
		}
		o, err = orgByID(ctx, tx, who, id)
		o = o.hide()
		return err
	})
	return o, err
}

// insert checks, completes and writes a new organisation.
func (s *Service) insert(ctx context.Context, tx *store.Tx, o Organisation) (Organisation, error) {
	if err := s.pack().check(&o); err != nil {
		return o, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return o, err
	}
	o.ID, o.Created, o.Updated = tx.DB().NewID(), instant(now), instant(now)
	if err := giveUUID(ctx, tx, &o); err != nil {
		return o, err
	}
	// Looking first gives a clean Conflict; the unique index decides the race.
	if id, err := store.Int64(ctx, tx, orgsByKey, o.nameKey()); err != nil {
		return o, err
	} else if id != 0 {
		return o, taken()
	}
	host, err := store.Int64(ctx, tx, hostID)
	if err != nil {
		return o, err
	}
	if o.Kind == KindCERT && o.Local && host == 0 {
		o.Host = true
	}
	if err := s.place(ctx, tx, &o, host); err != nil {
		return o, err
	}
	if err := writeNew(ctx, tx, o); err != nil {
		return o, err
	}
	if err := indexWords(ctx, tx, o.ID); err != nil {
		return o, err
	}
	if err := join(ctx, tx, o); err != nil {
		return o, err
	}
	if !o.Host {
		return o, nil
	}
	if s.founded != nil {
		if err := s.founded(ctx, tx, o); err != nil {
			return o, err
		}
	}
	return o, s.reassign(ctx, tx) // whoever came before the host gets its CERT now
}

func giveUUID(ctx context.Context, tx *store.Tx, o *Organisation) error {
	if o.UUID == "" {
		o.UUID = tx.DB().NewUUID()
		return nil
	}
	var ok bool
	if o.UUID, ok = store.ParseUUID(o.UUID); !ok {
		return fault.Field("uuid", "registry.fault.uuid", "no UUID")
	}
	id, err := store.Int64(ctx, tx, uuidTaken, o.UUID)
	if err == nil && id != 0 {
		err = taken()
	}
	return err
}

// place decides the CERT and interns both audiences.
func (s *Service) place(ctx context.Context, tx *store.Tx, o *Organisation, host int64) error {
	o.CERT = 0
	if o.Local {
		rules, err := listRules(ctx, tx)
		if err != nil {
			return err
		}
		o.CERT = decide(rules, *o, host)
	}
	return o.intern(ctx, tx)
}

// intern sets the audiences that follow from disclosure, state and CERT. They are
// shared by all organisations alike (see the package comment), hence no owner.
func (o *Organisation) intern(ctx context.Context, tx *store.Tx) (err error) {
	details := access.Audience{CERT: o.CERT, Level: access.LevelNamed, Named: []access.Principal{access.Teams()}}
	if o.Disclosure == ToCERT && o.CERT != 0 {
		details = access.Audience{CERT: o.CERT, Level: access.LevelTeam}
	}
	if o.detail, err = access.InternTx(ctx, tx, details); err != nil {
		return err
	}
	o.audience = o.detail
	if o.Disclosure == ToMembers && o.State == Active {
		o.audience, err = access.InternTx(ctx, tx, access.Audience{CERT: o.CERT, Level: access.LevelMembers})
	}
	return err
}

// join makes an active organisation a member, and a CERT's team one of the teams;
// otherwise it takes both away.
func join(ctx context.Context, tx *store.Tx, o Organisation) error {
	member, team := access.LeaveTx, access.LeaveTx
	if o.Local && o.State == Active {
		member = access.JoinTx
		if o.Kind == KindCERT {
			team = access.JoinTx
		}
	}
	if err := member(ctx, tx, access.Org(o.ID), access.Members()); err != nil {
		return err
	}
	if o.Kind != KindCERT { // most are none: name no principal for them
		if id, err := access.PrincipalTxRead(ctx, tx, access.Team(o.ID)); err != nil || id == 0 {
			return err
		}
	}
	return team(ctx, tx, access.Team(o.ID), access.Teams())
}
