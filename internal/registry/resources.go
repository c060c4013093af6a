package registry

import (
	"context"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Resources lists the networks, domains and AS numbers of an organisation that are
// in use. Faults: NotFound; Denied when the card may be seen but not the details.
func (s *Service) Resources(ctx context.Context, who ident.Actor, uuid string) ([]Resource, error) {
	list, _, err := s.ResourcePage(ctx, who, uuid, PartFilter{}, everything)
	return list, err
}

// ResourcePage lists them one page at a time, filtered; next is "" at the end.
// Faults as Resources; Invalid on "cursor", "kind" or "state".
func (s *Service) ResourcePage(ctx context.Context, who ident.Actor, uuid string, f PartFilter, p Page) (list []Resource, next string, err error) {
	if err := f.check(s.resourceKind); err != nil {
		return nil, "", err
	}
	err = s.details(ctx, who, uuid, func(tx *store.Tx, o Organisation) error {
		list, next, err = pageOf(eachResource(ctx, tx, o.ID, f.State), f, p)
		return err
	})
	return list, next, err
}

// Resource reads one, withdrawn ones too. Faults as Resources.
func (s *Service) Resource(ctx context.Context, who ident.Actor, uuid, resource string) (r Resource, err error) {
	err = s.details(ctx, who, uuid, func(tx *store.Tx, o Organisation) error {
		r, err = findResource(ctx, tx, o.ID, resource)
		return err
	})
	return r, err
}

func (s *Service) resourceKind(k string) string {
	switch k {
	case Network, Domain, ASN:
		return ""
	}
	return "registry.fault.resource-kind"
}

// AddResource enters a network, a domain or an AS number. What the organisation
// holds already is a Conflict; what another one holds too is not. What an
// organisation enters itself is claimed until a team has looked at it. Rights and
// further faults as AddContact.
func (s *Service) AddResource(ctx context.Context, who ident.Actor, uuid string, version int64, kind, value, note string) (r Resource, err error) {
	err = s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		if r, err = readResource(kind, value, note); err != nil {
			return err
		}
		return s.addResource(ctx, tx, who, o, &r)
	})
	return r, err
}

func readResource(kind, value, note string) (Resource, error) {
	r, err := ParseResource(kind, value)
	if err != nil {
		return r, err
	}
	r.Note = tidy(note)
	var c fault.Collector
	checkLine(&c, "note", r.Note, maxLine)
	return r, c.Err("resource")
}

func (s *Service) addResource(ctx context.Context, tx *store.Tx, who ident.Actor, o *Organisation, r *Resource) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	r.ID, r.UUID, r.org, r.Created, r.Updated = tx.DB().NewID(), tx.DB().NewUUID(), o.ID, instant(now), instant(now)
	r.Claimed = claimedBy(who, instant(now))
	if err := insertResource(ctx, tx, *r, o.detail); err != nil {
		return err
	}
	return s.touch(ctx, tx, who, o, "resource-add", []Field{{Name: r.Kind, To: r.Value}})
}

// claimedBy is when somebody who is no team, only of the organisation, said it.
func claimedBy(who ident.Actor, now time.Time) time.Time {
	if access.Allowed(who, "registry.write") {
		return time.Time{}
	}
	return now
}

// ChangeResource writes what the patch names; a value that the organisation changes
// itself is claimed again. Faults as AddResource; Conflict when it is withdrawn.
func (s *Service) ChangeResource(ctx context.Context, who ident.Actor, uuid string, version int64, resource string, p ResourcePatch) (Resource, error) {
	return s.onResource(ctx, who, uuid, version, resource, "resource-change", func(r *Resource, now time.Time) error {
		if !r.Withdrawn.IsZero() {
			return notInState(r.UUID)
		}
		value, note := r.Value, r.Note
		set(&value, p.Value)
		set(&note, p.Note)
		in, err := readResource(r.Kind, value, note)
		if err != nil {
			return err
		}
		if in.Value != r.Value {
			r.Claimed = claimedBy(who, now)
		}
		r.Value, r.Note, r.lo, r.hi = in.Value, in.Note, in.lo, in.hi
		return nil
	})
}

// WithdrawResource ends the use of one: it answers no look-up any more, stays, and
// can be restored. Rights and faults as ChangeResource.
func (s *Service) WithdrawResource(ctx context.Context, who ident.Actor, uuid string, version int64, resource string) (Resource, error) {
	return s.onResource(ctx, who, uuid, version, resource, "resource-withdraw", func(r *Resource, now time.Time) error {
		return withdraw(&r.Withdrawn, now, r.UUID)
	})
}

// RestoreResource takes a withdrawn one back. Conflict when the organisation has
// entered the same value anew.
func (s *Service) RestoreResource(ctx context.Context, who ident.Actor, uuid string, version int64, resource string) (Resource, error) {
	return s.onResource(ctx, who, uuid, version, resource, "resource-restore", func(r *Resource, _ time.Time) error {
		return restore(&r.Withdrawn, r.UUID)
	})
}

// CheckResource says that a team stands behind what the organisation claimed: from
// now on it answers look-ups. Needs registry.write.
func (s *Service) CheckResource(ctx context.Context, who ident.Actor, uuid string, version int64, resource string) (Resource, error) {
	if err := access.Check(who, "registry.write"); err != nil {
		return Resource{}, err
	}
	return s.onResource(ctx, who, uuid, version, resource, "resource-check", func(r *Resource, _ time.Time) error {
		if r.Claimed.IsZero() || !r.Withdrawn.IsZero() {
			return notInState(r.UUID)
		}
		r.Claimed = time.Time{}
		return nil
	})
}

// onResource changes one resource of an organisation and records which fields.
// Nothing changed writes nothing.
func (s *Service) onResource(ctx context.Context, who ident.Actor, uuid string, version int64, resource, act string, fn func(r *Resource, now time.Time) error) (r Resource, err error) {
	err = s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		before, err := findResource(ctx, tx, o.ID, resource)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		r = before
		if err := fn(&r, instant(now)); err != nil {
			return err
		}
		fields := pairs(resourceFields(before), resourceFields(r))
		if len(fields) == 0 {
			return nil
		}
		if r.Value == before.Value { // which one it was
			fields = append([]Field{{Name: r.Kind, From: r.Value, To: r.Value}}, fields...)
		}
		r.Updated = instant(now)
		if err := updateResource(ctx, tx, r); err != nil {
			return err
		}
		return s.touch(ctx, tx, who, o, act, fields)
	})
	return r, err
}
