package intel

import (
	"context"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Favourites are the ids of the tags that who chose for themselves, as far as they may
// still be known to who. Everybody who reads threat data may ask for their own.
func (s *Service) Favourites(ctx context.Context, who ident.Actor) (out map[int64]bool, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	out = map[int64]bool{}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err := store.All(ctx, tx, store.ScanInt64, favouritesOf+tagSeen(who), who.Person)
		for _, id := range list {
			out[id] = true
		}
		return err
	})
	return out, err
}

// Favour puts a tag among who's own favourites or takes it out. It is theirs alone:
// nobody else learns of it. Faults: NotFound, Denied for who is no person.
func (s *Service) Favour(ctx context.Context, who ident.Actor, ref string, on bool) (t Tag, err error) {
	if err := maySet(who); err != nil {
		return t, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if t, err = readTag(ctx, tx, who, ref); err != nil {
			return err
		}
		if on {
			n, err := store.Int64(ctx, tx, favouriteCount, who.Person)
			if err != nil {
				return err
			}
			if n >= favouritesMost {
				return fault.Field("tag", "intel.fault.favourites", "%d favourites are enough", n)
			}
			_, err = tx.Exec(ctx, addFavourite, s.db.NewID(), who.Person, t.ID)
			if err != nil {
				return err
			}
		} else if _, err := tx.Exec(ctx, dropFavourite, who.Person, t.ID); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "tag.favour", audit.Thing{Kind: "tag", ID: t.ID, Label: t.Name}, map[string]any{"on": on})
	})
	return t, err
}

// favouritesMost bounds what one person keeps.
const favouritesMost = 500
