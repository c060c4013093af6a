package intel

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	usesOfTag  = `SELECT COUNT(*) FROM intel_tagging WHERE tag_id = $1`
	somePlaces = `SELECT id FROM intel_tagging WHERE tag_id = $1 ORDER BY event_id, attribute_id LIMIT $2`
	// Where the other stands already this one is taken off, else it becomes the other.
	moveTag = `UPDATE intel_tagging SET tag_id = $1 WHERE tag_id = $2 AND NOT EXISTS (SELECT 1 FROM intel_tagging o
		WHERE o.event_id = intel_tagging.event_id AND o.attribute_id = intel_tagging.attribute_id AND o.tag_id = $1) AND id IN `
	dropMoved     = `DELETE FROM intel_tagging WHERE tag_id = $1 AND id IN `
	moveFavourite = `UPDATE intel_favourite SET tag_id = $1 WHERE tag_id = $2 AND NOT EXISTS (SELECT 1 FROM intel_favourite o
		WHERE o.person_id = intel_favourite.person_id AND o.tag_id = $1)`
	otherThere = `SELECT event_id, attribute_id FROM intel_tagging o WHERE o.tag_id = $1 AND EXISTS (SELECT 1 FROM intel_tagging g
		WHERE g.event_id = o.event_id AND g.attribute_id = o.attribute_id AND g.tag_id = $2 AND g.id IN `
)

// moveUses moves one piece of the uses of a tag to another; with the last of them the tag
// itself goes, and done is true. It has gone already, or the other has: done as well.
func moveUses(ctx context.Context, tx *store.Tx, x merging) (done bool, err error) {
	from, here, err := store.First(ctx, tx, scanTag, tagByID, x.From)
	if err != nil || !here {
		return true, err
	}
	if _, here, err = store.First(ctx, tx, scanTag, tagByID, x.Into); err != nil || !here {
		return true, err
	}
	ids, err := store.All(ctx, tx, store.ScanInt64, somePlaces, x.From, mergePiece)
	if err != nil {
		return false, err
	}
	if len(ids) > 0 {
		if err := noteTagMoved(ctx, tx, x, from.Name, ids); err != nil {
			return false, err
		}
		in := store.In(ids)
		if _, err := tx.Exec(ctx, moveTag+in, x.Into, x.From); err != nil {
			return false, err
		}
		if _, err := tx.Exec(ctx, dropMoved+in, x.From); err != nil {
			return false, err
		}
	}
	if len(ids) == mergePiece {
		return false, nil
	}
	if _, err := tx.Exec(ctx, moveFavourite, x.Into, x.From); err != nil {
		return false, err
	}
	_, err = dropTag(ctx, tx, x.From)
	return err == nil, err
}

// noteTagMoved writes into the versions of what the tag stands on that it was there, and
// that the other was not.
func noteTagMoved(ctx context.Context, tx *store.Tx, x merging, name string, ids []int64) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	both := map[[2]int64]bool{}
	list, err := store.All(ctx, tx, func(s store.Scanner) (v [2]int64, err error) { err = s.Scan(&v[0], &v[1]); return }, otherThere+store.In(ids)+")", x.Into, x.From)
	if err != nil {
		return err
	}
	for _, v := range list {
		both[v] = true
	}
	return noteUses(ctx, tx, ident.Actor{Person: x.Person, Org: x.Org}, now, tagUsesAmong+store.In(ids), nil, func(event, attribute int64) ([]byte, error) {
		was := fields{"tag:" + itoa(x.From): name}
		if !both[[2]int64{event, attribute}] {
			was["tag:"+itoa(x.Into)] = ""
		}
		return json.Marshal(was)
	})
}
