package intel

import (
	"context"
	"strings"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	mergeCols = `m.id, m.tag_id, m.into_id, m.name, m.colour, m.exportable, m.hidden, m.local_only, m.org_id, m.user_id, m.made_by, m.numerical_value,
		m.uses, m.state, m.person_id, m.by_org, m.at`
	mergeByID  = `SELECT ` + mergeCols + ` FROM intel_tag_merge m WHERE m.id = $1`
	mergesInto = `SELECT ` + mergeCols + ` FROM intel_tag_merge m WHERE m.into_id = $1 ORDER BY m.at DESC, m.id DESC LIMIT 50`
	addMerge   = `INSERT INTO intel_tag_merge (id, tag_id, into_id, name, colour, exportable, hidden, local_only, org_id, user_id, made_by, numerical_value, uses, state, person_id, by_org, at)
		SELECT $1, t.id, $2, t.name, t.colour, t.exportable, t.hidden, t.local_only, t.org_id, t.user_id, t.made_by, t.numerical_value, $3, $4, $5, $6, $7
		FROM intel_tag t WHERE t.id = $8`
	beginUndo = `UPDATE intel_tag_merge SET state = $2, tag_id = $3 WHERE id = $1`
	nextUses  = `SELECT u.id, u.use_id, u.event_id, u.attribute_id, u.local, u.relationship, u.dropped FROM intel_tag_merge_use u
		WHERE u.merge_id = $1 AND NOT u.left_there ORDER BY u.id LIMIT $2`
	// A use that was put on anew has another id, and one whose place has the tag again
	// stays the other's.
	moveBack = `UPDATE intel_tagging SET tag_id = $1 WHERE tag_id = $2 AND NOT EXISTS (SELECT 1 FROM intel_tagging o
		WHERE o.event_id = intel_tagging.event_id AND o.attribute_id = intel_tagging.attribute_id AND o.tag_id = $1) AND id IN `
	// What was dropped stood beside the other: it comes back where that still stands.
	putDropped = `INSERT INTO intel_tagging (id, tag_id, event_id, attribute_id, local, relationship)
		SELECT u.use_id, $1, u.event_id, u.attribute_id, u.local, u.relationship FROM intel_tag_merge_use u
		WHERE u.dropped AND EXISTS (SELECT 1 FROM intel_tagging g WHERE g.event_id = u.event_id AND g.attribute_id = u.attribute_id AND g.tag_id = $2) AND u.id IN %s
		ON CONFLICT DO NOTHING`
	backThere = `SELECT id FROM intel_tagging WHERE tag_id = $1 AND id IN `
	likeAgain = `INSERT INTO intel_favourite (id, person_id, tag_id) VALUES ($1,$2,$3) ON CONFLICT (person_id, tag_id) DO NOTHING`
	usesLeft  = `SELECT COUNT(*) FROM intel_tag_merge_use u JOIN intel_event e ON e.id = u.event_id LEFT JOIN intel_attribute a ON a.id = u.attribute_id
		WHERE u.merge_id = $1 AND u.left_there AND `
)

func scanMerge(s store.Scanner) (m PastMerge, err error) {
	t := &m.tag
	err = s.Scan(&m.ID, &t.ID, &m.Into, &t.Name, &t.Colour, &t.Exportable, &t.Hidden, &t.LocalOnly, &t.Org, &t.User, &t.madeBy, &t.Numerical,
		&m.uses, &m.State, &m.person, &m.org, &m.At)
	m.Name = t.Name
	return m, err
}

// noteMerge keeps what a tag is before it goes.
func noteMerge(ctx context.Context, tx *store.Tx, x merging, uses int64) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, addMerge, x.ID, x.Into, uses, Merging, x.Person, x.Org, now, x.From)
	return err
}

// keepUses keeps where a tag stands that is about to move.
func keepUses(ctx context.Context, tx *store.Tx, x merging, list []placeOfUse) error {
	_, err := tx.CopyIn(ctx, "intel_tag_merge_use", []string{"id", "merge_id", "use_id", "event_id", "attribute_id", "local", "relationship", "dropped", "left_there"}, func(yield func([]any, error) bool) {
		for i := range list {
			if p := &list[i]; !yield([]any{tx.DB().NewID(), x.ID, p.use, p.event, p.attribute, p.local, p.relationship, p.dropped, false}, nil) {
				return
			}
		}
	})
	return err
}

// keepLikers keeps whose favourite a tag is that is about to go.
func keepLikers(ctx context.Context, tx *store.Tx, x merging) error {
	list, err := store.All(ctx, tx, func(s store.Scanner) (row []any, err error) {
		var person int64
		var dropped bool
		err = s.Scan(&person, &dropped)
		return []any{tx.DB().NewID(), x.ID, person, dropped}, err
	}, likers, x.Into, x.From)
	if err != nil {
		return err
	}
	_, err = tx.CopyIn(ctx, "intel_tag_merge_liked", []string{"id", "merge_id", "person_id", "dropped"}, func(yield func([]any, error) bool) {
		for _, row := range list {
			if !yield(row, nil) {
				return
			}
		}
	})
	return err
}

// restore makes the tag that went anew, under the id that it had; one that has its name
// since stands in for it. Faults: Conflict when that would tell more.
func (m *PastMerge) restore(ctx context.Context, tx *store.Tx) (id int64, err error) {
	if _, here, err := store.First(ctx, tx, scanTag, tagByID, m.tag.ID); err != nil || here {
		return m.tag.ID, err
	}
	now, here, err := store.First(ctx, tx, scanTag, tagByName, m.Name)
	if err != nil {
		return 0, err
	}
	t := &m.tag
	if !here {
		_, err := tx.Exec(ctx, insertTag, t.ID, t.Name, strings.ToLower(t.Name), t.Colour, t.Exportable, t.Hidden, t.LocalOnly, t.Org, t.User, t.madeBy, null(t.Numerical))
		return t.ID, err
	}
	if widerTag(*t, now) {
		return 0, unmergeTaken(now.ID)
	}
	if t.madeBy == 0 { // it was a word of the common vocabulary
		_, err = tx.Exec(ctx, "UPDATE intel_tag SET made_by = 0 WHERE id = $1", now.ID)
	}
	return now.ID, err
}

// putBack puts one piece of what was merged back, and marks what was changed since; with
// the last of it favourites return, and done is true.
func putBack(ctx context.Context, tx *store.Tx, x merging) (done bool, err error) {
	if n, err := tx.Exec(ctx, holdMerge, Undoing, x.ID, Undoing); err != nil || n == 0 {
		return true, err
	}
	list, err := store.All(ctx, tx, func(s store.Scanner) (p placeOfUse, err error) {
		err = s.Scan(&p.id, &p.use, &p.event, &p.attribute, &p.local, &p.relationship, &p.dropped)
		return p, err
	}, nextUses, x.ID, mergePiece)
	if err != nil {
		return false, err
	}
	_, old, err := store.First(ctx, tx, scanTag, tagByID, x.From)
	if err != nil {
		return false, err
	}
	into, here, err := store.First(ctx, tx, scanTag, tagByID, x.Into)
	if err != nil {
		return false, err
	}
	whole := old && here // else somebody deleted one of them meanwhile
	if err := returnUses(ctx, tx, x, into.Name, list, whole); err != nil || len(list) == mergePiece {
		return false, err
	}
	if whole {
		if err := returnLikes(ctx, tx, x); err != nil {
			return false, err
		}
	}
	if _, err := tx.Exec(ctx, "DELETE FROM intel_tag_merge_liked WHERE merge_id = $1", x.ID); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, holdMerge, Undone, x.ID, Undoing)
	return err == nil, err
}

func returnUses(ctx context.Context, tx *store.Tx, x merging, into string, list []placeOfUse, whole bool) error {
	if len(list) == 0 {
		return nil
	}
	back := map[int64]bool{}
	if whole {
		var moved []int64
		rows := make([]int64, len(list))
		for i := range list {
			if rows[i] = list[i].id; !list[i].dropped {
				moved = append(moved, list[i].use)
			}
		}
		if _, err := tx.Exec(ctx, moveBack+store.In(moved), x.From, x.Into); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, strings.Replace(putDropped, "%s", store.In(rows), 1), x.From, x.Into); err != nil {
			return err
		}
		there, err := store.All(ctx, tx, store.ScanInt64, backThere+store.In(usesIn(list)), x.From)
		if err != nil {
			return err
		}
		for _, id := range there {
			back[id] = true
		}
	}
	var done []placeOfUse
	var gone, left []int64
	for _, p := range list {
		if back[p.use] {
			done, gone = append(done, p), append(gone, p.id)
		} else {
			left = append(left, p.id)
		}
	}
	if len(done) > 0 {
		if err := noteTagMoved(ctx, tx, x, fields{"tag:" + itoa(x.From): ""}, fields{"tag:" + itoa(x.Into): into}, done); err != nil {
			return err
		}
	}
	for text, ids := range map[string][]int64{"DELETE FROM intel_tag_merge_use WHERE id IN ": gone, "UPDATE intel_tag_merge_use SET left_there = TRUE WHERE id IN ": left} {
		if len(ids) == 0 {
			continue
		}
		if _, err := tx.Exec(ctx, text+store.In(ids)); err != nil {
			return err
		}
	}
	return nil
}

// returnLikes gives people their favourite back; the other stays theirs when it was theirs
// before, and is not given to who has put it away since.
func returnLikes(ctx context.Context, tx *store.Tx, x merging) error {
	list, err := store.All(ctx, tx, func(s store.Scanner) (v struct {
		person  int64
		dropped bool
	}, err error) {
		err = s.Scan(&v.person, &v.dropped)
		return v, err
	}, "SELECT person_id, dropped FROM intel_tag_merge_liked WHERE merge_id = $1", x.ID)
	for _, v := range list {
		if err == nil {
			_, err = tx.Exec(ctx, likeAgain, tx.DB().NewID(), v.person, x.From)
		}
		if err == nil && !v.dropped {
			_, err = tx.Exec(ctx, dropFavourite, v.person, x.Into)
		}
	}
	return err
}

// stands fills in how far a merging or its undo has come, and what was left as it is.
func (m *PastMerge) stands(ctx context.Context, tx *store.Tx, who ident.Actor) error {
	if m.State == Merging || m.State == Undoing {
		n, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_tag_merge_use WHERE merge_id = $1 AND NOT left_there", m.ID)
		if err != nil {
			return err
		}
		if m.State == Undoing {
			n = m.uses - n
		}
		m.Percent = int(100 * max(0, n) / max(1, m.uses))
	}
	var err error
	if m.State == Undoing || m.State == Undone {
		m.Left, err = store.Int64(ctx, tx, usesLeft+eventScan(who, "e")+" AND (u.attribute_id = 0 OR a.id IS NOT NULL AND "+childSeen(who, "a", true)+")", m.ID)
	}
	return err
}

// forgetMerges removes what can no longer be taken back, in pieces; done when all of it is.
func forgetMerges(ctx context.Context, tx *store.Tx, before int64) (done bool, err error) {
	ended := "SELECT id FROM intel_tag_merge WHERE at < $1"
	n, err := tx.Exec(ctx, "DELETE FROM intel_tag_merge_use WHERE id IN (SELECT id FROM intel_tag_merge_use WHERE merge_id IN ("+ended+") LIMIT $2)", before, mergePiece)
	if err != nil || n == mergePiece {
		return false, err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM intel_tag_merge_liked WHERE merge_id IN ("+ended+")", before); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, "DELETE FROM intel_tag_merge WHERE at < $1", before)
	return err == nil, err
}
