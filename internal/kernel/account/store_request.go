package account

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/store"
)

const requestColumns = `id, uuid, email, org_name, org_uuid, wishes, message, address, agent, created, state`

func scanRequest(r store.Scanner) (q Request, err error) {
	var wishes string
	err = r.Scan(&q.ID, &q.UUID, &q.Email, &q.OrgName, &q.OrgUUID, &wishes, &q.Message, &q.Address, &q.Agent, &q.Created, &q.State)
	if err == nil {
		err = json.Unmarshal([]byte(wishes), &q.Wishes)
	}
	return
}

// insertRequest writes a request unless its address waits already.
func insertRequest(ctx context.Context, tx *store.Tx, q Request, email string) (bool, error) {
	wishes, err := json.Marshal(q.Wishes)
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(ctx, `INSERT INTO account_request (id, uuid, email, org_name, org_uuid, wishes, message, address, agent, created, state, decided, decided_by)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,0,0) ON CONFLICT DO NOTHING`,
		q.ID, q.UUID, email, q.OrgName, q.OrgUUID, string(wishes), q.Message, q.Address, q.Agent, q.Created, string(q.State))
	return n == 1, err
}

func countRequests(ctx context.Context, tx *store.Tx) (int64, error) {
	return store.Int64(ctx, tx, `SELECT count(*) FROM account_request WHERE state = 'waiting'`)
}

func waitingRequests(ctx context.Context, tx *store.Tx) ([]Request, error) {
	return store.All(ctx, tx, scanRequest, `SELECT `+requestColumns+` FROM account_request WHERE state = 'waiting' ORDER BY id`)
}

// takeRequest decides a waiting request once; what it said of its sender goes with
// a discarded one.
func takeRequest(ctx context.Context, tx *store.Tx, id int64, to RequestState, now, by int64) (Request, bool, error) {
	q, found, err := store.First(ctx, tx, scanRequest, `UPDATE account_request SET state = $2, decided = $3, decided_by = $4
		WHERE id = $1 AND state = 'waiting' RETURNING `+requestColumns, id, string(to), now, by)
	if err != nil || !found {
		return q, found, err
	}
	_, err = tx.Exec(ctx, eraseRequest, id)
	return q, true, err
}

func countHolders(ctx context.Context, tx *store.Tx, role string) (int64, error) {
	return store.Int64(ctx, tx, `SELECT count(*) FROM account_person_role WHERE role = $1`, role)
}

func countSince(ctx context.Context, tx *store.Tx, since int64) (int64, error) {
	return store.Int64(ctx, tx, `SELECT count(*) FROM account_person WHERE state <> 'disabled' AND created >= $1`, since)
}

func countByOrg(ctx context.Context, tx *store.Tx) (map[int64]int64, error) {
	out := map[int64]int64{}
	rows, err := store.All(ctx, tx, func(r store.Scanner) (x [2]int64, err error) { err = r.Scan(&x[0], &x[1]); return },
		`SELECT org_id, count(*) FROM account_person WHERE state <> 'disabled' GROUP BY org_id`)
	for _, x := range rows {
		out[x[0]] = x[1]
	}
	return out, err
}
