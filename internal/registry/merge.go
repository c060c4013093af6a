package registry

import (
	"context"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// UndoWithin is how long a merge can be undone (decisions §9).
const UndoWithin = 30 * 24 * time.Hour

// Merging is one merge, as it is listed at the organisation that took others in.
type Merging struct {
	UUID   string
	At     time.Time
	Until  time.Time // undo is possible before this moment
	Undone time.Time
	From   []Organisation // who was merged into it

	id, into int64
}

// Merge takes organisations that are one and the same into another: their
// contacts, resources and assets move, their names go on finding it, their UUIDs
// resolve to it, and their people see what its people see. All or nothing, and to
// be undone for 30 days. Needs registry.merge. Faults: NotFound, Denied, Conflict
// (host, a CERT, a foreign one as target, not active, already merged), Invalid.
func (s *Service) Merge(ctx context.Context, who ident.Actor, into string, from []string) (m Merging, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		target, losers, err := s.mergeable(ctx, tx, who, into, from)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		m = Merging{UUID: tx.DB().NewUUID(), At: instant(now), Until: instant(now).Add(UndoWithin), id: tx.DB().NewID(), into: target.ID}
		if err := insertMerge(ctx, tx, m); err != nil {
			return err
		}
		var fields []Field
		for _, o := range losers {
			if err := s.absorb(ctx, tx, who, m, target, o); err != nil {
				return err
			}
			m.From = append(m.From, o.hide())
			fields = append(fields, Field{Name: "merged", To: o.Name})
		}
		return s.settle(ctx, tx, who, &target, "take-in", fields)
	}, store.Serializable())
	return m, err
}

func (s *Service) mergeable(ctx context.Context, tx *store.Tx, who ident.Actor, into string, from []string) (target Organisation, losers []Organisation, err error) {
	if target, err = open(ctx, tx, who, into, 0); err != nil {
		return target, nil, err
	}
	if err := mayMerge(who, target); err != nil {
		return target, nil, err
	}
	if target.State != Active || !target.Local {
		return target, nil, fault.New(fault.Conflict, "organisation %d takes in no others", target.ID).WithKey("registry.fault.merge-target")
	}
	seen := map[int64]bool{target.ID: true}
	for _, uuid := range from {
		o, err := open(ctx, tx, who, uuid, 0)
		if err != nil {
			return target, nil, err
		}
		if err := mayMerge(who, o); err != nil {
			return target, nil, err
		}
		// A CERT has cases, numbers and a team of its own: that is a hand-over, not a merge.
		if o.Kind == KindCERT || seen[o.ID] {
			return target, nil, fault.New(fault.Conflict, "organisation %d cannot be merged", o.ID).WithKey("registry.fault.merge-source")
		}
		seen[o.ID] = true
		losers = append(losers, o)
	}
	if len(losers) == 0 {
		return target, nil, fault.Field("from", "registry.fault.merge-nothing", "nothing to merge")
	}
	return target, losers, nil
}

// mayMerge: the lead's right, at organisations of the own constituency whose details
// are open. Merging one away ends it, as withdrawing does.
func mayMerge(who ident.Actor, o Organisation) error {
	if err := access.Check(who, "registry.merge"); err != nil {
		return err
	}
	if err := mayWriteCard(who, o); err != nil {
		return err
	}
	return mayWriteParts(who, o)
}

// absorb moves one organisation into the target and leaves a tombstone.
func (s *Service) absorb(ctx context.Context, tx *store.Tx, who ident.Actor, m Merging, target, o Organisation) error {
	for _, k := range partKinds {
		if err := moveParts(ctx, tx, m, k, o.ID, target); err != nil {
			return err
		}
	}
	if err := insertItem(ctx, tx, m.id, "organisation", o.ID, o.ID, string(o.State)); err != nil {
		return err
	}
	before := o
	var err error
	if o.State, err = o.State.move("merge"); err != nil {
		return err
	}
	o.audience = o.detail
	if err := buryOrg(ctx, tx, o, target.ID); err != nil {
		return err
	}
	if err := join(ctx, tx, o); err != nil {
		return err
	}
	// One and the same from now on: each side's people read what the other's may.
	if err := access.JoinTx(ctx, tx, access.Org(o.ID), access.Org(target.ID)); err != nil {
		return err
	}
	if err := access.JoinTx(ctx, tx, access.Org(target.ID), access.Org(o.ID)); err != nil {
		return err
	}
	if err := summarise(ctx, tx, o.ID); err != nil {
		return err
	}
	return s.touch(ctx, tx, who, &o, "merge", append(diff(before, o), Field{Name: "into", To: target.Name}))
}

// settle writes what both directions end with: index, summary, look-up epoch, record.
func (s *Service) settle(ctx context.Context, tx *store.Tx, who ident.Actor, o *Organisation, act string, fields []Field) error {
	if err := indexWords(ctx, tx, o.ID); err != nil {
		return err
	}
	if err := summarise(ctx, tx, o.ID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, bumpEpoch); err != nil {
		return err
	}
	return s.touch(ctx, tx, who, o, act, fields)
}

// Merges lists the merges into an organisation, newest first. Faults: NotFound;
// Denied without the details.
func (s *Service) Merges(ctx context.Context, who ident.Actor, uuid string) (list []Merging, err error) {
	err = s.details(ctx, who, uuid, func(tx *store.Tx, o Organisation) error {
		list, err = mergesInto(ctx, tx, who, o.ID)
		return err
	})
	return list, err
}

// UndoMerge takes a merge into an organisation apart again: what moved goes back, whatever other merges
// happened since, and in any order; what was added since stays with the target.
// Needs registry.merge. Faults: NotFound, Denied, Gone after 30 days, Conflict
// when it is undone already or an old name is taken by now.
func (s *Service) UndoMerge(ctx context.Context, who ident.Actor, into, merge string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		m, target, err := s.undoable(ctx, tx, who, into, merge)
		if err != nil {
			return err
		}
		family, err := familyIDs(ctx, tx, target.resolved)
		if err != nil {
			return err
		}
		items, err := itemsOf(ctx, tx, m.id)
		if err != nil {
			return err
		}
		var freed []Organisation
		for _, it := range items { // organisations first: parts take their audience
			if it.kind != "organisation" {
				continue
			}
			o, err := s.exhume(ctx, tx, who, it)
			if err != nil {
				return err
			}
			if err := part(ctx, tx, o.ID, target.ID); err != nil {
				return err
			}
			freed = append(freed, o)
		}
		if err := resolveFamily(ctx, tx, family); err != nil {
			return err
		}
		for _, it := range items {
			if it.kind != "organisation" {
				if err := returnPart(ctx, tx, m, it, family, freed); err != nil {
					return err
				}
			}
		}
		if err := endMerge(ctx, tx, m); err != nil {
			return err
		}
		return s.settleAll(ctx, tx, who, target, freed)
	}, store.Serializable())
}

func (s *Service) undoable(ctx context.Context, tx *store.Tx, who ident.Actor, into, merge string) (m Merging, target Organisation, err error) {
	if target, err = findOrg(ctx, tx, who, into); err != nil {
		return m, target, err
	}
	if m, err = findMerge(ctx, tx, target.ID, merge); err != nil {
		return m, target, err
	}
	if err := mayMerge(who, target); err != nil {
		return m, target, err
	}
	now, err := store.Now(ctx, tx)
	switch {
	case err != nil:
	case !m.Undone.IsZero():
		err = fault.New(fault.Conflict, "merge %d is undone already", m.id).WithKey("registry.fault.merge-undone")
	case instant(now).After(m.Until):
		err = fault.New(fault.Gone, "merge %d can no longer be undone", m.id).WithKey("registry.fault.merge-late")
	}
	return m, target, err
}

// exhume gives an organisation the state back that it had before the merge.
func (s *Service) exhume(ctx context.Context, tx *store.Tx, who ident.Actor, it item) (Organisation, error) {
	o, err := orgByID(ctx, tx, who, it.row)
	if err != nil {
		return o, err
	}
	before := o
	o.State = State(it.was)
	if id, err := store.Int64(ctx, tx, orgsByKey, o.nameKey()); err != nil {
		return o, err
	} else if id != 0 {
		return o, taken()
	}
	if err := o.intern(ctx, tx); err != nil {
		return o, err
	}
	if err := raiseOrg(ctx, tx, o); err != nil {
		return o, err
	}
	if err := join(ctx, tx, o); err != nil {
		return o, err
	}
	return o, s.touch(ctx, tx, who, &o, "unmerge", diff(before, o))
}

// part ends what absorb joined.
func part(ctx context.Context, tx *store.Tx, a, b int64) error {
	if err := access.LeaveTx(ctx, tx, access.Org(a), access.Org(b)); err != nil {
		return err
	}
	return access.LeaveTx(ctx, tx, access.Org(b), access.Org(a))
}

// settleAll ends an undo at the target, at what it was merged into meanwhile, and
// at each organisation that is free again.
func (s *Service) settleAll(ctx context.Context, tx *store.Tx, who ident.Actor, target Organisation, freed []Organisation) error {
	fields := make([]Field, len(freed))
	for i, o := range freed {
		fields[i] = Field{Name: "merged", From: o.Name}
		if err := indexWords(ctx, tx, o.ID); err != nil {
			return err
		}
		if err := summarise(ctx, tx, o.ID); err != nil {
			return err
		}
	}
	if target.resolved != target.ID {
		if err := summarise(ctx, tx, target.resolved); err != nil {
			return err
		}
	}
	return s.settle(ctx, tx, who, &target, "let-go", fields)
}

// resolve follows merges to the organisation that stands for id today.
func resolve(into map[int64]int64, id int64) int64 {
	for range len(into) + 1 { // merges make no circles; a damaged table must not make us run for ever
		next := into[id]
		if next == 0 {
			return id
		}
		id = next
	}
	return id
}
