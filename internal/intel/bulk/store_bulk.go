package bulk

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	cols      = `b.id, b.uuid, b.person_id, b.org_id, b.event_id, b.kind, b.state, b.ask, b.result, b.after_id, b.total, b.created`
	selectAny = `SELECT ` + cols + ` FROM intel_bulk b WHERE `
	// An act is its person's, as long as they act for the same organisation.
	ofPerson     = `b.person_id = $1 AND b.org_id = $2`
	selectOwn    = selectAny + ofPerson + ` AND b.uuid = $3`
	selectID     = selectAny + `b.id = $1`
	listRunning  = selectAny + ofPerson + ` AND b.event_id = $3 AND b.state = 'running' ORDER BY b.id`
	countRunning = `SELECT COUNT(*) FROM intel_bulk WHERE person_id = $1 AND state = 'running'`

	insertBulk = `INSERT INTO intel_bulk (id, uuid, person_id, org_id, event_id, kind, state, ask, result, at, after_id, total, created, changed)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)`
	// Of two runs of an act, and of a run and who stops it, one finds the row as it read it.
	moveBulk   = `UPDATE intel_bulk SET state = $4, result = $5, at = $6, after_id = $7, changed = $8 WHERE id = $1 AND state = $2 AND after_id = $3`
	setTotal   = `UPDATE intel_bulk SET total = $2 WHERE id = $1`
	stopMoment = `UPDATE intel_bulk SET state = 'stopped' WHERE event_id = $1 AND at = $2 AND person_id = $3 AND org_id = $4 AND state = 'running'`
	undoMoment = `UPDATE intel_bulk SET state = 'undone' WHERE event_id = $1 AND at = $2 AND person_id = $3 AND org_id = $4 AND state IN ('done', 'stopped')`
	selectAt   = selectAny + ofPerson + ` AND b.event_id = $3 AND b.at = $4`
	deleteOld  = `DELETE FROM intel_bulk WHERE changed < $1 AND state <> 'running'`
)

func scan(s store.Scanner) (a Act, err error) {
	var ask, result string
	if err = s.Scan(&a.ID, &a.UUID, &a.Person, &a.Org, &a.Event, &a.Kind, &a.State, &ask, &result, &a.after, &a.Total, &a.Created); err != nil {
		return a, err
	}
	if err = json.Unmarshal([]byte(ask), &a.Ask); err == nil {
		err = json.Unmarshal([]byte(result), &a.Result)
	}
	return a, err
}

func read(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Act, error) {
	none := fault.New(fault.NotFound, "no such act")
	uuid, ok := store.ParseUUID(ref)
	if !ok {
		return Act{}, none
	}
	a, found, err := store.First(ctx, tx, scan, selectOwn, who.Person, who.Org, uuid)
	if err == nil && !found {
		err = none
	}
	return a, err
}

func readByID(ctx context.Context, tx *store.Tx, id int64) (Act, bool, error) {
	return store.First(ctx, tx, scan, selectID, id)
}

func running(ctx context.Context, tx *store.Tx, who ident.Actor, event int64) ([]Act, error) {
	return store.All(ctx, tx, scan, listRunning, who.Person, who.Org, event)
}

func texts(a *Act) (ask, result string, err error) {
	one, err := json.Marshal(a.Ask)
	if err != nil {
		return "", "", err
	}
	two, err := json.Marshal(a.Result)
	return string(one), string(two), err
}

func insert(ctx context.Context, tx *store.Tx, a *Act) error {
	ask, result, err := texts(a)
	if err != nil {
		return err
	}
	if a.Created, err = store.Now(ctx, tx); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertBulk, a.ID, a.UUID, a.Person, a.Org, a.Event, a.Kind, a.State, ask, result, a.Result.At, a.after, a.Total, a.Created, a.Created)
	return err
}

// move writes an act that stood at a place and went on.
func move(ctx context.Context, tx *store.Tx, from int64, a *Act) error {
	return change(ctx, tx, Running, from, a)
}

// change writes an act that was in a state and at a place, else it fails with errMoved.
func change(ctx context.Context, tx *store.Tx, state string, from int64, a *Act) error {
	_, result, err := texts(a)
	if err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, moveBulk, a.ID, state, from, a.State, result, a.Result.At, a.after, now)
	if err == nil && n == 0 {
		err = errMoved
	}
	return err
}

// stopAt ends the act of a moment before its next piece.
func stopAt(ctx context.Context, tx *store.Tx, who ident.Actor, event, at int64) error {
	_, err := tx.Exec(ctx, stopMoment, event, at, who.Person, who.Org)
	return err
}

// undoneAt notes that the act of a moment is taken back.
func undoneAt(ctx context.Context, tx *store.Tx, who ident.Actor, event, at int64) error {
	_, err := tx.Exec(ctx, undoMoment, event, at, who.Person, who.Org)
	return err
}

func actAt(ctx context.Context, tx *store.Tx, who ident.Actor, event, at int64) (Act, bool, error) {
	return store.First(ctx, tx, scan, selectAt, who.Person, who.Org, event, at)
}
