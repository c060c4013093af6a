package intel

import (
	"context"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// TagUses counts, for a page of tags, the events and attributes that carry each and that
// the caller sees; tags that nobody uses are not in the answer.
func (s *Service) TagUses(ctx context.Context, who ident.Actor, tags []int64) (out map[int64][2]int64, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = countUses(ctx, tx, who, tags)
		return err
	})
	return out, err
}

// MayEditTags is the right to make, change and delete tags. Faults: Denied.
func MayEditTags(who ident.Actor) error { return mayTagEdit(who) }
