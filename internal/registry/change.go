package registry

import (
	"context"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Change writes the fields that the patch names. version is the one the caller
// saw, 0 = any. Needs registry.write and that the organisation is of the caller's
// constituency (Keeps); the note and the disclosure need sight of the details. Faults: NotFound, Invalid by field,
// Conflict (changed meanwhile, name taken, merged), Denied.
func (s *Service) Change(ctx context.Context, who ident.Actor, uuid string, version int64, p Patch) (o Organisation, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		before, err := open(ctx, tx, who, uuid, version)
		if err != nil {
			return err
		}
		if err := mayWriteCard(who, before); err != nil {
			return err
		}
		if p.Note != nil || p.Disclosure != nil {
			if err := mayWriteParts(who, before); err != nil {
				return err
			}
		}
		o, err = s.write(ctx, tx, who, before, p.apply(before), "change")
		return err
	})
	return o.hide(), err
}

// Withdraw ends an organisation's membership; it and its history stay, seen by
// CERT teams. Needs registry.write. Faults as Change; the host cannot be withdrawn.
func (s *Service) Withdraw(ctx context.Context, who ident.Actor, uuid string, version int64) (Organisation, error) {
	return s.move(ctx, who, uuid, version, "withdraw")
}

// Restore takes a withdrawn organisation back. Needs registry.write.
func (s *Service) Restore(ctx context.Context, who ident.Actor, uuid string, version int64) (Organisation, error) {
	return s.move(ctx, who, uuid, version, "restore")
}

func (s *Service) move(ctx context.Context, who ident.Actor, uuid string, version int64, act string) (o Organisation, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		before, err := open(ctx, tx, who, uuid, version)
		if err != nil {
			return err
		}
		if err := mayWriteCard(who, before); err != nil {
			return err
		}
		if before.Host {
			return fault.New(fault.Conflict, "the host of the installation cannot be withdrawn").WithKey("registry.fault.host")
		}
		after := before
		if after.State, err = before.State.move(act); err != nil {
			return err
		}
		o, err = s.write(ctx, tx, who, before, after, act)
		return err
	})
	return o.hide(), err
}

// write checks after, writes it over before with all that follows from the
// difference, and records the act. Nothing changed writes nothing.
func (s *Service) write(ctx context.Context, tx *store.Tx, who ident.Actor, before, after Organisation, act string) (Organisation, error) {
	if err := s.pack().check(&after); err != nil {
		return before, err
	}
	if before.Host && after.Kind != KindCERT {
		return before, fault.New(fault.Conflict, "the host stays a CERT").WithKey("registry.fault.host")
	}
	fields := diff(before, after)
	if len(fields) == 0 {
		return before, nil
	}
	if err := mayWriteCard(who, before); err != nil { // for imports, which come straight here
		return before, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return before, err
	}
	after.Updated = instant(now)
	host, err := store.Int64(ctx, tx, hostID)
	if err != nil {
		return before, err
	}
	if err := s.place(ctx, tx, &after, host); err != nil {
		return before, err
	}
	if before.nameKey() != after.nameKey() {
		if id, err := store.Int64(ctx, tx, orgsByKey, after.nameKey()); err != nil {
			return before, err
		} else if id != 0 && id != after.ID {
			return before, taken()
		}
	}
	if err := writeOrg(ctx, tx, after); err != nil {
		return before, err
	}
	after.Version++
	if err := s.follow(ctx, tx, before, after); err != nil {
		return before, err
	}
	if err := s.record(ctx, tx, who, after, act, fields); err != nil {
		return before, err
	}
	return orgByID(ctx, tx, who, after.ID)
}

// follow keeps what hangs on the changed fields: parts' audience, search index,
// memberships, the constituents of a CERT that ceased to be one.
func (s *Service) follow(ctx context.Context, tx *store.Tx, before, after Organisation) error {
	if before.detail != after.detail {
		if err := setParts(ctx, tx, []int64{after.ID}, after.detail); err != nil {
			return err
		}
	}
	if err := indexWords(ctx, tx, after.ID); err != nil {
		return err
	}
	if before.Kind == after.Kind && before.State == after.State {
		return nil
	}
	if err := join(ctx, tx, after); err != nil {
		return err
	}
	if before.State != after.State && networksTouched(before, after) {
		if _, err := tx.Exec(ctx, bumpEpoch); err != nil {
			return err
		}
	}
	if before.Kind == KindCERT && (after.Kind != KindCERT || after.State != Active) {
		if err := dropRules(ctx, tx, after.ID); err != nil {
			return err
		}
		return s.reassign(ctx, tx)
	}
	return nil
}

// networksTouched: only an active organisation's networks answer a look-up.
func networksTouched(before, after Organisation) bool {
	return (before.State == Active) != (after.State == Active)
}
