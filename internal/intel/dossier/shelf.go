package dossier

import (
	"context"

	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// shelfMost is how many dossiers one shelf shows on each side.
const shelfMost = 100

// PutMost is how many things one press puts into a dossier.
const PutMost = 100

// Shelf tells in which dossiers a thing that the caller sees stands, and which others
// they may put it into, newest change first; without elements. Who may: whoever reads
// threat data. A UUID that the caller may not know of stands in none.
func (s *Service) Shelf(ctx context.Context, who ident.Actor, target string) (holds, free []Dossier, err error) {
	if err := intel.MayRead(who); err != nil {
		return nil, nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if uuid, ok := store.ParseUUID(target); ok {
			if holds, err = holding(ctx, tx, who, uuid); err != nil {
				return err
			}
		}
		if mayWrite(who) != nil {
			return nil
		}
		in := map[int64]bool{}
		for i := range holds {
			in[holds[i].ID] = true
		}
		list, err := ownNewest(ctx, tx, who)
		for i := range list {
			if list[i].Mine && !in[list[i].ID] {
				free = append(free, list[i])
			}
		}
		return err
	})
	return holds, free, err
}

// PutAll is Put of several things, each by its UUID; out are those that are in now.
// Faults: as Put.
func (s *Service) PutAll(ctx context.Context, who ident.Actor, ref string, uuids []string, why string) (out []Element, err error) {
	if len(uuids) == 0 || len(uuids) > PutMost {
		return nil, fault.Field("uuid", "intel.fault.dossier.kind", "%d things at once", len(uuids))
	}
	for _, u := range uuids {
		e, err := s.Put(ctx, who, ref, u, why)
		if err != nil {
			return out, err
		}
		out = append(out, e)
	}
	return out, nil
}
