package store

import (
	"cmp"
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"
)

// readingRest is how long the transaction of a Reading stays open with nobody reading,
// unless DB says otherwise: whoever receives slowly holds neither a connection nor a
// snapshot.
const readingRest = 50 * time.Millisecond

// readingMost is how long one transaction is shared, in a long stream: a snapshot that
// stays keeps PostgreSQL's dead rows, and SQLite's log from being folded in.
const readingMost = time.Second

type readingKey struct{}

// reading is one read transaction that the Views of an act share, one after the other.
type reading struct {
	db   *DB
	ctx  context.Context
	mu   sync.Mutex // held while somebody reads
	conn *sql.Conn  // nil between transactions
	tx   *sql.Tx
	from time.Time // when tx began
	rest *time.Timer
	kept map[question]any
	old  atomic.Bool // something was written while somebody read
	over atomic.Bool // done was called
}

// Reading lets the Views under the ctx that it gives share read transactions, for an act
// that reads much in many small pieces: beginning and ending each costs two round trips
// on PostgreSQL. A View within a View gets a transaction of its own, and so does the next
// one after a pause, an error, or an Update or Settled under the same ctx. It says nothing
// of what two Views see; whoever counts first and lists after needs a Moment. Never for
// an act that waits for what others write. done must be called, and may be called again;
// what is read after it under the same ctx shares nothing.
func (db *DB) Reading(ctx context.Context) (within context.Context, done func()) {
	if momentOf(ctx, db) != nil || readingOf(ctx, db) != nil {
		return ctx, func() {}
	}
	r := &reading{db: db, ctx: ctx}
	r.rest = time.AfterFunc(time.Hour, r.rested)
	r.rest.Stop()
	return context.WithValue(ctx, readingKey{}, r), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.over.Store(true)
		r.end()
	}
}

func readingOf(ctx context.Context, db *DB) *reading {
	if r, _ := ctx.Value(readingKey{}).(*reading); r != nil && r.db == db && !r.over.Load() {
		return r
	}
	return nil
}

// view reads in the shared transaction; ok is false when somebody else does right now,
// or the act is over.
func (r *reading) view(fn func(tx *Tx) error) (ok bool, err error) {
	if !r.mu.TryLock() {
		return false, nil
	}
	defer r.mu.Unlock()
	if r.over.Load() {
		return false, nil
	}
	r.rest.Stop()
	if r.old.Load() || time.Since(r.from) > readingMost {
		r.end()
	}
	if r.tx == nil {
		if r.conn, r.tx, err = begin(r.ctx, r.db.read, r.db.reading()); err != nil {
			r.conn, r.tx = nil, nil
			return true, classify(err)
		}
		r.from, r.kept = time.Now(), map[question]any{}
	}
	whole := false
	defer func() {
		if !whole { // failed, or a panic on its way: PostgreSQL takes nothing more in it
			r.end()
		}
	}()
	if err = fn(&Tx{db: r.db, tx: r.tx, conn: r.conn, kept: r.kept}); err != nil {
		return true, classify(cut(r.conn, err))
	}
	whole = !r.old.Load()
	r.rest.Reset(cmp.Or(r.db.readingRest, readingRest))
	return true, nil
}

// fresh ends the transaction, so that the next View sees what was just written; while
// somebody reads, when they have read.
func (r *reading) fresh() {
	r.old.Store(true)
	r.idle()
}

// rested waits for the lock: the View that set the clock may hold it yet, and nothing
// would end the transaction after.
func (r *reading) rested() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
}

func (r *reading) idle() {
	if r.mu.TryLock() {
		defer r.mu.Unlock()
		r.end()
	}
}

// end gives the connection back; the lock is held.
func (r *reading) end() {
	r.rest.Stop()
	r.old.Store(false)
	if r.tx != nil {
		_ = r.tx.Rollback()
		_ = r.conn.Close()
		r.conn, r.tx, r.kept = nil, nil, nil
	}
}

// question is a query with the one thing that it asks for, nil for none.
type question struct {
	text string
	arg  any
}

// FirstAgain is First for what the parts of an act ask for again and again, each for
// itself: within a shared transaction of a Reading the same question is put once. Nobody
// may change what the value points to.
func FirstAgain[T any](ctx context.Context, tx *Tx, scan func(Scanner) (T, error), text string, arg any) (v T, found bool, err error) {
	q := question{text, arg}
	if v, found = tx.kept[q].(T); found {
		return v, true, nil
	}
	if arg == nil {
		v, found, err = First(ctx, tx, scan, text)
	} else {
		v, found, err = First(ctx, tx, scan, text, arg)
	}
	if found && tx.kept != nil {
		tx.kept[q] = v
	}
	return v, found, err
}
