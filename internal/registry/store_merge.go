package registry

import (
	"context"
	"slices"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	insertMergeRow = `INSERT INTO registry_merge (id, uuid, into_id, at, until, undone) VALUES ($1,$2,$3,$4,$5,0)`
	insertItemRow  = `INSERT INTO registry_merge_item (id, merge_id, kind, row_id, from_org, was) VALUES ($1,$2,$3,$4,$5,$6)`
	mergeCols      = `SELECT id, uuid, into_id, at, until, undone FROM registry_merge `
	setUndone      = `UPDATE registry_merge SET undone = $2 WHERE id = $1`
	mergeItems     = `SELECT kind, row_id, from_org, was FROM registry_merge_item WHERE merge_id = $1 ORDER BY id`
	dropLaterItems = `DELETE FROM registry_merge_item WHERE kind = $1 AND row_id = $2 AND merge_id > $3`
	lostOrgs       = `WHERE o.id IN (SELECT i.row_id FROM registry_merge_item i WHERE i.merge_id = $1 AND i.kind = 'organisation') ORDER BY o.id`

	buryRow = `UPDATE registry_organisation SET state = $2, merged_into = $3, audience_id = $4 WHERE id = $1`
	// Whatever resolved to the buried one resolves to its target from now on.
	redirect   = `UPDATE registry_organisation SET resolved_id = $2 WHERE resolved_id = $1`
	raiseRow   = `UPDATE registry_organisation SET state = $2, merged_into = NULL, resolved_id = id, audience_id = $3, detail_audience_id = $4 WHERE id = $1`
	family     = `SELECT id FROM registry_organisation WHERE resolved_id = $1 ORDER BY id`
	intoOf     = `SELECT id, COALESCE(merged_into, 0) FROM registry_organisation WHERE id IN `
	setResolve = `UPDATE registry_organisation SET resolved_id = $2 WHERE id = $1`
)

// partKinds are the tables whose rows move with an organisation.
var partKinds = []string{"contact", "resource", "asset", "remark"}

// What the target holds already stays with the tombstone, hence the NOT EXISTS; so
// does what was withdrawn, which could come back beside its like.
var movable = map[string]string{
	"contact": `SELECT id FROM registry_contact WHERE org_id = $1 AND org_id <> $2 ORDER BY id`,
	"asset":   `SELECT id FROM registry_asset WHERE org_id = $1 AND org_id <> $2 ORDER BY id`,
	"remark":  `SELECT id FROM registry_remark WHERE org_id = $1 AND org_id <> $2 ORDER BY id`,
	"resource": `SELECT r.id FROM registry_resource r WHERE r.org_id = $1 AND r.withdrawn = 0 AND NOT EXISTS
		(SELECT 1 FROM registry_resource t WHERE t.org_id = $2 AND t.kind = r.kind AND t.value = r.value AND t.withdrawn = 0) ORDER BY r.id`,
}

// item is one thing that a merge moved.
type item struct {
	kind      string
	row, from int64
	was       string // of an organisation: its state
}

func scanItem(s store.Scanner) (i item, err error) {
	err = s.Scan(&i.kind, &i.row, &i.from, &i.was)
	return
}

func scanMerge(s store.Scanner) (m Merging, err error) {
	var at, until, undone int64
	err = s.Scan(&m.id, &m.UUID, &m.into, &at, &until, &undone)
	m.At, m.Until, m.Undone = instant(at), instant(until), instant(undone)
	return
}

func insertMerge(ctx context.Context, tx *store.Tx, m Merging) error {
	_, err := tx.Exec(ctx, insertMergeRow, m.id, m.UUID, m.into, micros(m.At), micros(m.Until))
	return err
}

func insertItem(ctx context.Context, tx *store.Tx, merge int64, kind string, row, from int64, was string) error {
	_, err := tx.Exec(ctx, insertItemRow, tx.DB().NewID(), merge, kind, row, from, was)
	return err
}

func moveParts(ctx context.Context, tx *store.Tx, m Merging, kind string, from int64, target Organisation) error {
	ids, err := store.All(ctx, tx, store.ScanInt64, movable[kind], from, target.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := insertItem(ctx, tx, m.id, kind, id, from, ""); err != nil {
			return err
		}
		if err := movePart(ctx, tx, kind, id, target.ID, target.detail); err != nil {
			return err
		}
	}
	return nil
}

func movePart(ctx context.Context, tx *store.Tx, kind string, id, org, audience int64) error {
	_, err := tx.Exec(ctx, `UPDATE registry_`+kind+` SET org_id = $2, audience_id = $3 WHERE id = $1`, id, org, audience)
	return err
}

func buryOrg(ctx context.Context, tx *store.Tx, o Organisation, into int64) error {
	if _, err := tx.Exec(ctx, buryRow, o.ID, o.State, into, o.audience); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, redirect, o.ID, into)
	return err
}

func raiseOrg(ctx context.Context, tx *store.Tx, o Organisation) error {
	_, err := tx.Exec(ctx, raiseRow, o.ID, o.State, o.audience, o.detail)
	if store.IsUnique(err) {
		return taken().Because(err)
	}
	return err
}

func findMerge(ctx context.Context, tx *store.Tx, into int64, uuid string) (m Merging, err error) {
	id, ok := store.ParseUUID(uuid)
	found := false
	if ok {
		m, found, err = store.First(ctx, tx, scanMerge, mergeCols+`WHERE into_id = $1 AND uuid = $2`, into, id)
	}
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no such merge")
	}
	return m, err
}

// mergesInto lists merges with the organisations they took in, as far as who may
// see those.
func mergesInto(ctx context.Context, tx *store.Tx, who ident.Actor, org int64) ([]Merging, error) {
	list, err := store.All(ctx, tx, scanMerge, mergeCols+`WHERE into_id = $1 ORDER BY id DESC`, org)
	if err != nil {
		return nil, err
	}
	for i, m := range list {
		lost, err := store.All(ctx, tx, scanOrg, selectOrgs(who)+lostOrgs, m.id)
		if err != nil {
			return nil, err
		}
		for _, o := range lost {
			if o.Details {
				list[i].From = append(list[i].From, o)
			}
		}
	}
	return list, nil
}

func endMerge(ctx context.Context, tx *store.Tx, m Merging) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, setUndone, m.id, now)
	return err
}

func itemsOf(ctx context.Context, tx *store.Tx, merge int64) ([]item, error) {
	return store.All(ctx, tx, scanItem, mergeItems, merge)
}

func familyIDs(ctx context.Context, tx *store.Tx, resolved int64) ([]int64, error) {
	return store.All(ctx, tx, store.ScanInt64, family, resolved)
}

// resolveFamily writes anew what each member of a former family resolves to.
func resolveFamily(ctx context.Context, tx *store.Tx, ids []int64) error {
	rows, err := store.All(ctx, tx, scanPair, intoOf+store.In(ids))
	if err != nil {
		return err
	}
	into := map[int64]int64{}
	for _, r := range rows {
		into[r[0]] = r[1]
	}
	for _, id := range ids {
		if _, err := tx.Exec(ctx, setResolve, id, resolve(into, id)); err != nil {
			return err
		}
	}
	return nil
}

// returnPart gives a row back to where a merge took it from. It may have moved on
// with later merges inside the family: then their claim to it ends, so that undoing
// them afterwards leaves it where it belongs. A row that was removed stays removed.
func returnPart(ctx context.Context, tx *store.Tx, m Merging, it item, family []int64, freed []Organisation) error {
	at := slices.IndexFunc(freed, func(o Organisation) bool { return o.ID == it.from })
	if at < 0 {
		return fault.New(fault.Internal, "merge %d moved a row of an organisation it did not take in", m.id)
	}
	now, err := store.Int64(ctx, tx, `SELECT org_id FROM registry_`+it.kind+` WHERE id = $1`, it.row)
	if err != nil || now == 0 || !slices.Contains(family, now) {
		return err
	}
	if err := movePart(ctx, tx, it.kind, it.row, it.from, freed[at].detail); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, dropLaterItems, it.kind, it.row, m.id)
	return err
}
