package store

import (
	"context"
	"sync"

	"straza/internal/kernel/clock"
)

// unsettled are the writes under way that have taken their time (Now) and have not ended:
// what they will have changed carries that time, and nobody sees it yet.
type unsettled struct {
	mu sync.Mutex
	at map[*Tx]int64
}

// take gives a write its time and remembers it until forget. The clock is read with the
// list in hand: between a time and its entry nobody may ask what is settled.
func (u *unsettled) take(tx *Tx) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := clock.Micros(tx.db.Clock.Now())
	if tx.writes {
		if u.at == nil {
			u.at = map[*Tx]int64{}
		}
		u.at[tx] = now
	}
	return now
}

func (u *unsettled) forget(tx *Tx) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.at, tx)
}

// earliest is the time of the oldest write under way, or now.
func (u *unsettled) earliest(c clock.Clock) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	at := clock.Micros(c.Now())
	for _, t := range u.at {
		at = min(at, t)
	}
	return at
}

// Settled gives the moment (µs) before which nothing more will be committed under a time
// of Now's: who has read everything with an earlier time has missed nothing, although
// writes commit in another order than they begin. Ask before the transaction that reads
// begins. Rows must take their times from Now, in the transaction that writes them.
//
// On PostgreSQL it is the start of the oldest transaction that writes, of any node (all
// log in as one role: of another one's the database tells nothing). One
// that has written nothing for two minutes counts as a reader's: a copy or an export that
// lasts half an hour must not hold everybody else up.
func (db *DB) Settled(ctx context.Context) (at int64, err error) {
	if r := readingOf(ctx, db); r != nil {
		defer r.fresh()
	}
	if db.Engine == SQLite || !clock.IsSystem(db.Clock) {
		return db.unsettled.earliest(db.Clock), nil
	}
	err = db.View(ctx, func(tx *Tx) error {
		at, err = Int64(ctx, tx, oldestWrite)
		return err
	})
	return at, err
}

const oldestWrite = `SELECT CAST(extract(epoch FROM LEAST(clock_timestamp(), COALESCE(MIN(xact_start), clock_timestamp()))) * 1000000 AS BIGINT)
	FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
	AND (backend_xid IS NOT NULL OR xact_start > clock_timestamp() - interval '2 minutes')`
