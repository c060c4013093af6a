package registry

import (
	"context"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Resources lists the networks, domains and AS numbers of an organisation.
// Faults: NotFound; Denied when the card may be seen but not the details.
func (s *Service) Resources(ctx context.Context, who ident.Actor, uuid string) (list []Resource, err error) {
	err = s.details(ctx, who, uuid, func(tx *store.Tx, o Organisation) error {
		list, err = resourcesOf(ctx, tx, o.ID)
		return err
	})
	return list, err
}

// Assets lists the assets of an organisation. Faults as Resources.
func (s *Service) Assets(ctx context.Context, who ident.Actor, uuid string) (list []Asset, err error) {
	err = s.details(ctx, who, uuid, func(tx *store.Tx, o Organisation) error {
		list, err = assetsOf(ctx, tx, o.ID)
		return err
	})
	return list, err
}

// AddResource enters a network, a domain or an AS number. What the organisation
// holds already is a Conflict; what another one holds too is not. Rights and
// further faults as AddContact.
func (s *Service) AddResource(ctx context.Context, who ident.Actor, uuid string, version int64, kind, value, note string) (r Resource, err error) {
	err = s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		if r, err = ParseResource(kind, value); err != nil {
			return err
		}
		r.Note = tidy(note)
		var c fault.Collector
		checkLine(&c, "note", r.Note, maxLine)
		if err := c.Err("resource"); err != nil {
			return err
		}
		return s.addResource(ctx, tx, who, o, &r)
	})
	return r, err
}

func (s *Service) addResource(ctx context.Context, tx *store.Tx, who ident.Actor, o *Organisation, r *Resource) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	r.ID, r.UUID, r.org, r.Created = tx.DB().NewID(), tx.DB().NewUUID(), o.ID, instant(now)
	if err := insertResource(ctx, tx, *r, o.detail); err != nil {
		return err
	}
	return s.touch(ctx, tx, who, o, "resource-add", []Field{{Name: r.Kind, To: r.Value}})
}

// RemoveResource takes one out. Rights and faults as AddContact.
func (s *Service) RemoveResource(ctx context.Context, who ident.Actor, uuid string, version int64, resource string) error {
	return s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		r, err := findResource(ctx, tx, o.ID, resource)
		if err != nil {
			return err
		}
		if err := deleteResource(ctx, tx, r.ID); err != nil {
			return err
		}
		return s.touch(ctx, tx, who, o, "resource-remove", []Field{{Name: r.Kind, From: r.Value}})
	})
}

// AddAsset enters an asset. Rights and faults as AddContact.
func (s *Service) AddAsset(ctx context.Context, who ident.Actor, uuid string, version int64, in AssetInput) (a Asset, err error) {
	err = s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		if err := s.pack().checkAsset(&in); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		a = Asset{ID: tx.DB().NewID(), UUID: tx.DB().NewUUID(), Kind: in.Kind, Name: in.Name, Product: in.Product,
			Criticality: in.Criticality, Note: in.Note, Created: instant(now), Updated: instant(now), org: o.ID}
		if err := insertAsset(ctx, tx, a, o.detail); err != nil {
			return err
		}
		return s.touch(ctx, tx, who, o, "asset-add", added(assetFields(a)))
	})
	return a, err
}

// RemoveAsset takes one out. Rights and faults as AddContact.
func (s *Service) RemoveAsset(ctx context.Context, who ident.Actor, uuid string, version int64, asset string) error {
	return s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		a, err := findAsset(ctx, tx, o.ID, asset)
		if err != nil {
			return err
		}
		if err := deleteAsset(ctx, tx, a.ID); err != nil {
			return err
		}
		return s.touch(ctx, tx, who, o, "asset-remove", removed(assetFields(a)))
	})
}

// details runs a read of an organisation's details for somebody who may see them.
func (s *Service) details(ctx context.Context, who ident.Actor, uuid string, fn func(tx *store.Tx, o Organisation) error) error {
	if err := mayRead(who); err != nil {
		return err
	}
	return s.db.View(ctx, func(tx *store.Tx) error {
		o, err := findOrg(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		if !o.Details {
			return fault.New(fault.Denied, "the details of organisation %d are not open to %s", o.ID, who).WithKey("fault.denied")
		}
		return fn(tx, o)
	})
}
