package jobs

import (
	"context"
	"math"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Row is a job as the operator's page shows it; payloads are not shown.
type Row struct {
	ID                       int64
	Kind, State              string
	Attempt                  int64
	RunAt, Created, Finished int64 // µs
	Reason                   string
}

// Turn is a periodic job and when it runs.
type Turn struct {
	Name          string
	NextRun, Last int64 // µs, Last 0 = never
}

// Counts tells how many jobs are waiting, running and quarantined.
func (r *Runner) Counts(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{Waiting: 0, Running: 0, Quarantined: 0}
	err := r.db.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, countStates)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var s string
			var n int64
			if err := rows.Scan(&s, &n); err != nil {
				return err
			}
			out[s] = n
		}
		return rows.Err()
	})
	return out, err
}

// List shows the jobs of a state, newest first, 50 a page; next is 0 at the end.
// Needs admin.jobs.
func (r *Runner) List(ctx context.Context, who ident.Actor, state string, before int64) (rows []Row, next int64, err error) {
	if err := access.Check(who, "admin.jobs"); err != nil {
		return nil, 0, err
	}
	if before == 0 {
		before = math.MaxInt64
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		rows, err = store.All(ctx, tx, func(s store.Scanner) (j Row, err error) {
			err = s.Scan(&j.ID, &j.Kind, &j.State, &j.Attempt, &j.RunAt, &j.Created, &j.Finished, &j.Reason)
			return
		}, listJobs, state, before)
		return err
	})
	if len(rows) > 50 {
		rows = rows[:50]
		next = rows[49].ID
	}
	return rows, next, err
}

// Turns lists the periodic jobs. Needs admin.jobs.
func (r *Runner) Turns(ctx context.Context, who ident.Actor) (out []Turn, err error) {
	if err := access.Check(who, "admin.jobs"); err != nil {
		return nil, err
	}
	err = r.db.View(ctx, func(tx *store.Tx) error {
		out, err = store.All(ctx, tx, func(s store.Scanner) (t Turn, err error) {
			err = s.Scan(&t.Name, &t.NextRun, &t.Last)
			return
		}, listTurns)
		return err
	})
	return out, err
}

// Again lets a quarantined job try once more. Needs admin.jobs. Faults: NotFound.
func (r *Runner) Again(ctx context.Context, who ident.Actor, log *audit.Log, id int64) error {
	return r.decide(ctx, who, log, id, "job.again", func(tx *store.Tx, now int64) (int64, error) {
		n, err := tx.Exec(ctx, againJob, id, now)
		tx.AfterCommit(r.db.Wake)
		return n, err
	})
}

// Discard throws a quarantined job away. Needs admin.jobs. Faults: NotFound.
func (r *Runner) Discard(ctx context.Context, who ident.Actor, log *audit.Log, id int64) error {
	return r.decide(ctx, who, log, id, "job.discard", func(tx *store.Tx, _ int64) (int64, error) {
		return tx.Exec(ctx, dropJob, id)
	})
}

func (r *Runner) decide(ctx context.Context, who ident.Actor, log *audit.Log, id int64, verb string, act func(*store.Tx, int64) (int64, error)) error {
	if err := access.Check(who, "admin.jobs"); err != nil {
		return err
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		n, err := act(tx, now)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "quarantined job %d", id)
		}
		return log.Record(ctx, tx, who, verb, audit.Thing{Kind: "job", ID: id}, nil)
	})
}

// HoldTx puts every waiting job whose kind begins with prefix into quarantine:
// after a restore nothing that was waiting is sent unasked.
func HoldTx(ctx context.Context, tx *store.Tx, prefix, reason string) error {
	_, err := tx.Exec(ctx, holdJobs, prefix, prefix+"\uffff", reason)
	return err
}
