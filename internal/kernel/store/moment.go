package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"straza/internal/kernel/fault"
)

// momentMost is how long one Moment may last, and momentsMost how many there are at a
// time: on PostgreSQL an old snapshot keeps dead rows, on SQLite the write-ahead log
// from being folded in.
const (
	momentMost  = 30 * time.Minute
	momentsMost = 3
	momentWait  = 10 * time.Second
)

// beginMoment fixes the snapshot. SQLite's begins with the first read of a table.
var beginMoment = map[Engine]string{
	SQLite:     "SELECT CAST(COUNT(*) AS TEXT) FROM sqlite_schema",
	PostgreSQL: "SELECT pg_export_snapshot()",
}

type momentKey struct{}

// moment is a read transaction that stays open while others read beside it.
type moment struct {
	db   *DB
	tx   *sql.Tx
	conn *sql.Conn
	name string // PostgreSQL's name of the snapshot
}

// Moment runs fn while the data stand still for it: tx, and every View under the ctx
// that fn gets, see the same moment, however often and however deep. For what counts
// first and gives rows after. Writes under that ctx go ahead and are not seen. A Moment
// within a Moment is the outer one. Faults: Limited when too many are under way;
// Unavailable when it lasts longer than half an hour: the snapshot is then given up
// whether fn returns or not, because a reader that is slow must not hold it for ever.
func (db *DB) Moment(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	if m := momentOf(ctx, db); m != nil {
		return m.view(ctx, func(tx *Tx) error { return fn(ctx, tx) })
	}
	release, err := db.momentSlot(ctx)
	if err != nil {
		return err
	}
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, db.momentFor())
	defer cancel()
	conn, stx, err := begin(ctx, db.read, db.reading())
	if err != nil {
		release()
		return classify(err)
	}
	giveUp := sync.OnceFunc(func() {
		_ = stx.Rollback()
		_ = conn.Close()
		release()
	})
	defer giveUp()
	defer context.AfterFunc(ctx, giveUp)()
	m := &moment{db: db, tx: stx, conn: conn}
	tx := m.own()
	if _, err := tx.Row(ctx, beginMoment[db.Engine], nil, &m.name); err != nil {
		return classify(cut(conn, err))
	}
	err = fn(context.WithValue(ctx, momentKey{}, m), tx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && outer.Err() == nil { // also when the last read was quicker than the giving up
		return fault.New(fault.Unavailable, "the snapshot was given up after %s: whoever takes the file is too slow", db.momentFor()).WithKey("fault.moment").Because(err)
	}
	return classify(cut(conn, err))
}

// MomentLogged is Moment for a read that must leave a trace: log commits first.
func (db *DB) MomentLogged(ctx context.Context, log func(tx *Tx) error, fn func(ctx context.Context, tx *Tx) error) error {
	if err := db.Update(WithoutClaim(ctx), log); err != nil {
		return err
	}
	return db.Moment(ctx, fn)
}

// Present gives a ctx that has left its Moment and its Reading: for what many share, and
// nobody must fill with the past.
func Present(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, readingKey{}, (*reading)(nil))
	return context.WithValue(ctx, momentKey{}, (*moment)(nil))
}

// Still tells that ctx reads one Moment: on SQLite all its reads share a connection.
func (db *DB) Still(ctx context.Context) bool { return momentOf(ctx, db) != nil }

func momentOf(ctx context.Context, db *DB) *moment {
	if m, _ := ctx.Value(momentKey{}).(*moment); m != nil && m.db == db {
		return m
	}
	return nil
}

func (m *moment) own() *Tx { return &Tx{db: m.db, tx: m.tx, conn: m.conn} }

// view reads the same moment once more. SQLite reads several lists on one connection;
// PostgreSQL needs another connection, which takes the snapshot over by its name.
func (m *moment) view(ctx context.Context, fn func(tx *Tx) error) error {
	if m.db.Engine == SQLite {
		return classify(cut(m.conn, fn(m.own())))
	}
	return m.db.viewing(ctx, func(tx *Tx) error {
		// A name of PostgreSQL's own making; SET takes no parameters.
		if _, err := tx.tx.ExecContext(ctx, "SET TRANSACTION SNAPSHOT '"+strings.ReplaceAll(m.name, "'", "")+"'"); err != nil {
			return fmt.Errorf("joining the snapshot: %w", err)
		}
		return fn(tx)
	})
}

// momentSlot waits a little for its turn.
func (db *DB) momentSlot(ctx context.Context) (release func(), err error) {
	wait := time.NewTimer(momentWait)
	defer wait.Stop()
	select {
	case db.moments <- struct{}{}:
		return func() { <-db.moments }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-wait.C:
		return nil, fault.New(fault.Limited, "%d exports are under way", momentsMost).WithKey("fault.moments").After(time.Minute)
	}
}

func (db *DB) momentFor() time.Duration {
	if db.MomentMost > 0 {
		return db.MomentMost
	}
	return momentMost
}

func (db *DB) reading() *sql.TxOptions {
	if db.Engine == PostgreSQL {
		return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	}
	return &sql.TxOptions{}
}
