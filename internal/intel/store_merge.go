package intel

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	usesOfTag = `SELECT COUNT(*) FROM intel_tagging WHERE tag_id = $1`
	// The next places where one tag stands, and whether another does there, too.
	somePlaces = `SELECT g.id, g.event_id, g.attribute_id, g.local, g.relationship, EXISTS (SELECT 1 FROM intel_tagging o WHERE o.event_id = g.event_id AND o.attribute_id = g.attribute_id AND o.tag_id = $1)
		FROM intel_tagging g WHERE g.tag_id = $2 ORDER BY g.event_id, g.attribute_id LIMIT $3`
	// Where the other stands already this one is taken off, else it becomes the other.
	moveTag = `UPDATE intel_tagging SET tag_id = $1 WHERE tag_id = $2 AND NOT EXISTS (SELECT 1 FROM intel_tagging o
		WHERE o.event_id = intel_tagging.event_id AND o.attribute_id = intel_tagging.attribute_id AND o.tag_id = $1) AND id IN `
	dropMoved     = `DELETE FROM intel_tagging WHERE tag_id = $1 AND id IN `
	moveFavourite = `UPDATE intel_favourite SET tag_id = $1 WHERE tag_id = $2 AND NOT EXISTS (SELECT 1 FROM intel_favourite o
		WHERE o.person_id = intel_favourite.person_id AND o.tag_id = $1)`
	likers = `SELECT f.person_id, EXISTS (SELECT 1 FROM intel_favourite o WHERE o.person_id = f.person_id AND o.tag_id = $1) FROM intel_favourite f WHERE f.tag_id = $2`
	// holdMerge waits for whoever else works on a merging; 0 rows when it stands otherwise.
	holdMerge = `UPDATE intel_tag_merge SET state = $1 WHERE id = $2 AND state = $3`
)

// moveUses moves one piece of the uses of a tag to another, and keeps what it moved; with
// the last of them the tag itself goes, and done is true. It has gone already, the other
// has, or the merging is being taken back: done as well.
func moveUses(ctx context.Context, tx *store.Tx, x merging) (done bool, err error) {
	if n, err := tx.Exec(ctx, holdMerge, Merging, x.ID, Merging); err != nil || n == 0 {
		return true, err
	}
	from, here, err := store.First(ctx, tx, scanTag, tagByID, x.From)
	if err != nil || !here {
		return true, err
	}
	if _, here, err = store.First(ctx, tx, scanTag, tagByID, x.Into); err != nil || !here {
		return true, err
	}
	list, err := store.All(ctx, tx, scanPlace, somePlaces, x.Into, x.From, mergePiece)
	if err != nil {
		return false, err
	}
	if len(list) > 0 {
		if err := keepUses(ctx, tx, x, list); err != nil {
			return false, err
		}
		if err := noteTagMoved(ctx, tx, x, fields{"tag:" + itoa(x.From): from.Name}, fields{"tag:" + itoa(x.Into): ""}, list); err != nil {
			return false, err
		}
		in := store.In(usesIn(list))
		if _, err := tx.Exec(ctx, moveTag+in, x.Into, x.From); err != nil {
			return false, err
		}
		if _, err := tx.Exec(ctx, dropMoved+in, x.From); err != nil {
			return false, err
		}
	}
	if len(list) == mergePiece {
		return false, nil
	}
	if err := keepLikers(ctx, tx, x); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, moveFavourite, x.Into, x.From); err != nil {
		return false, err
	}
	if _, err = dropTag(ctx, tx, x.From); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, holdMerge, IsMerged, x.ID, Merging)
	return err == nil, err
}

// placeOfUse is one use of a tag that is merged; dropped: the other stood there, too.
type placeOfUse struct {
	id, use, event, attribute int64
	local                     bool
	relationship              string
	dropped                   bool
}

func scanPlace(s store.Scanner) (p placeOfUse, err error) {
	err = s.Scan(&p.use, &p.event, &p.attribute, &p.local, &p.relationship, &p.dropped)
	return p, err
}

func usesIn(list []placeOfUse) []int64 {
	out := make([]int64, len(list))
	for i := range list {
		out[i] = list[i].use
	}
	return out
}

// noteTagMoved writes into the versions of what a tag stands on what was there before:
// was, and, where the other is not there for its own sake, that one's absence.
func noteTagMoved(ctx context.Context, tx *store.Tx, x merging, was, without fields, list []placeOfUse) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	alone, err := json.Marshal(was)
	if err != nil {
		return err
	}
	for k, v := range without {
		was[k] = v
	}
	both, err := json.Marshal(was)
	if err != nil {
		return err
	}
	dropped := map[[2]int64]bool{}
	for i := range list {
		dropped[[2]int64{list[i].event, list[i].attribute}] = list[i].dropped
	}
	return noteUses(ctx, tx, ident.Actor{Person: x.Person, Org: x.Org}, now, tagUsesAmong+store.In(usesIn(list)), nil, func(event, attribute int64) ([]byte, error) {
		if dropped[[2]int64{event, attribute}] {
			return alone, nil
		}
		return both, nil
	})
}
