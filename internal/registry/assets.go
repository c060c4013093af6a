package registry

import (
	"context"
	"time"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Assets lists the assets of an organisation that are in use, the most critical
// first. Faults as Resources.
func (s *Service) Assets(ctx context.Context, who ident.Actor, uuid string) ([]Asset, error) {
	list, _, err := s.AssetPage(ctx, who, uuid, PartFilter{}, everything)
	return list, err
}

// AssetPage lists them one page at a time, filtered. Faults as ResourcePage.
func (s *Service) AssetPage(ctx context.Context, who ident.Actor, uuid string, f PartFilter, p Page) (list []Asset, next string, err error) {
	if err := f.check(s.assetKind); err != nil {
		return nil, "", err
	}
	err = s.details(ctx, who, uuid, func(tx *store.Tx, o Organisation) error {
		list, next, err = pageOf(eachAsset(ctx, tx, o.ID, f.State), f, p)
		return err
	})
	return list, next, err
}

// Asset reads one, withdrawn ones too. Faults as Resources.
func (s *Service) Asset(ctx context.Context, who ident.Actor, uuid, asset string) (a Asset, err error) {
	err = s.details(ctx, who, uuid, func(tx *store.Tx, o Organisation) error {
		a, err = findAsset(ctx, tx, o.ID, asset)
		return err
	})
	return a, err
}

func (s *Service) assetKind(k string) string {
	if s.pack().Assets.Has(k) {
		return ""
	}
	return "registry.fault.asset-kind"
}

// AddAsset enters an asset. Rights and faults as AddContact.
func (s *Service) AddAsset(ctx context.Context, who ident.Actor, uuid string, version int64, in AssetInput) (a Asset, err error) {
	err = s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		a, err = s.addAsset(ctx, tx, who, o, in)
		return err
	})
	return a, err
}

func (s *Service) addAsset(ctx context.Context, tx *store.Tx, who ident.Actor, o *Organisation, in AssetInput) (a Asset, err error) {
	if err := s.pack().checkAsset(&in); err != nil {
		return a, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return a, err
	}
	a = Asset{ID: tx.DB().NewID(), UUID: tx.DB().NewUUID(), Created: instant(now), org: o.ID}.with(in, instant(now))
	if err := insertAsset(ctx, tx, a, o.detail); err != nil {
		return a, err
	}
	return a, s.touch(ctx, tx, who, o, "asset-add", added(assetFields(a)))
}

// ChangeAsset writes what the patch names. Rights and faults as AddContact;
// Conflict when it is withdrawn.
func (s *Service) ChangeAsset(ctx context.Context, who ident.Actor, uuid string, version int64, asset string, p AssetPatch) (Asset, error) {
	return s.onAsset(ctx, who, uuid, version, asset, "asset-change", func(a *Asset, now time.Time) error {
		if !a.Withdrawn.IsZero() {
			return notInState(a.UUID)
		}
		in := p.apply(*a)
		if err := s.pack().checkAsset(&in); err != nil {
			return err
		}
		*a = a.with(in, now)
		return nil
	})
}

// WithdrawAsset ends the use of one; it stays and can be restored. Rights and
// faults as ChangeAsset.
func (s *Service) WithdrawAsset(ctx context.Context, who ident.Actor, uuid string, version int64, asset string) (Asset, error) {
	return s.onAsset(ctx, who, uuid, version, asset, "asset-withdraw", func(a *Asset, now time.Time) error {
		return withdraw(&a.Withdrawn, now, a.UUID)
	})
}

// RestoreAsset takes a withdrawn one back.
func (s *Service) RestoreAsset(ctx context.Context, who ident.Actor, uuid string, version int64, asset string) (Asset, error) {
	return s.onAsset(ctx, who, uuid, version, asset, "asset-restore", func(a *Asset, _ time.Time) error {
		return restore(&a.Withdrawn, a.UUID)
	})
}

// onAsset changes one asset of an organisation and records which fields. Nothing
// changed writes nothing.
func (s *Service) onAsset(ctx context.Context, who ident.Actor, uuid string, version int64, asset, act string, fn func(a *Asset, now time.Time) error) (a Asset, err error) {
	err = s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		before, err := findAsset(ctx, tx, o.ID, asset)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		a = before
		if err := fn(&a, instant(now)); err != nil {
			return err
		}
		fields := pairs(assetFields(before), assetFields(a))
		if len(fields) == 0 {
			a = before
			return nil
		}
		if a.Name == before.Name { // which one it was
			fields = append(named(a.Name), fields...)
		}
		a.Updated = instant(now)
		if err := updateAsset(ctx, tx, a); err != nil {
			return err
		}
		return s.touch(ctx, tx, who, o, act, fields)
	})
	return a, err
}
