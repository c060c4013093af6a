package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
)

// Tx is one transaction; it is not safe for concurrent use.
type Tx struct {
	db     *DB
	tx     *sql.Tx
	conn   *sql.Conn
	writes bool
	now    int64
	after  []func()
	kept   map[question]any // answers within a Reading, else nil
	later  []laterStmt      // statements that Later holds
}

// Option changes how Update runs.
type Option func(*options)

type options struct {
	lane         Lane
	serializable bool
}

// InLane puts a write into the Jobs or Bulk lane.
func InLane(l Lane) Option { return func(o *options) { o.lane = l } }

// Serializable is for the few named decisions that need it (rights, the last
// administrator, merges) and touch no shared counter.
func Serializable() Option { return func(o *options) { o.serializable = true } }

const reruns = 5

// planAnew: a connection of PostgreSQL keeps the plan of a statement from about its
// sixth use on, made for the table of that moment. What writes in bulk makes tables
// grow from nothing, and the plan for nothing is to walk the whole: 500 keys were
// then compared one by one with each row of an inbox. Elsewhere a kept plan saves
// more than half of a short query's time.
const planAnew = "SET LOCAL plan_cache_mode = force_custom_plan"

// Update runs fn in a writing transaction and commits. fn may run again, up to
// five times, when PostgreSQL asks for it: it must have no effects of its own
// outside the transaction (see Tx.AfterCommit). When Update returns nil, what
// was written is on disk. Faults: whatever fn returns; Unavailable when the disk
// is full or the database away.
func (db *DB) Update(ctx context.Context, fn func(tx *Tx) error, opts ...Option) error {
	if c, _ := ctx.Value(claimKey{}).(*claim); c != nil && !c.used.Load() {
		return db.claimed(ctx, c, fn, opts)
	}
	if r := readingOf(ctx, db); r != nil {
		r.fresh()
		defer r.fresh()
	}
	var o options
	for _, f := range opts {
		f(&o)
	}
	if db.Engine == SQLite {
		if err := db.lanes.lock(ctx, o.lane); err != nil {
			return err
		}
		defer db.lanes.unlock()
	}
	for try := 1; ; try++ {
		after, err := db.once(ctx, fn, o)
		if err == nil {
			for _, f := range after {
				f()
			}
			return nil
		}
		if !isRerun(err) || try == reruns {
			return classify(err)
		}
		select { // spread the losers, so that they do not meet again
		case <-time.After(time.Duration(rand.IntN(1<<try)) * 2 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (db *DB) once(ctx context.Context, fn func(tx *Tx) error, o options) (after []func(), err error) {
	if fault.Planted("ack-before-commit") {
		ctx = context.WithoutCancel(ctx)
	}
	var so sql.TxOptions
	if o.serializable && db.Engine == PostgreSQL {
		so.Isolation = sql.LevelSerializable
	}
	conn, stx, err := begin(ctx, db.write, &so)
	if err != nil {
		return nil, err
	}
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	tx := &Tx{db: db, tx: stx, conn: conn, writes: true}
	defer db.unsettled.forget(tx)
	defer func() {
		if p := recover(); p != nil {
			_ = stx.Rollback()
			panic(p)
		}
	}()
	if o.lane == Bulk && db.Engine == PostgreSQL {
		_, err = tx.Exec(ctx, planAnew)
	}
	if err == nil {
		err = fn(tx)
	}
	if err == nil {
		err = tx.flush(ctx)
	}
	if err != nil {
		err = cut(conn, err)
		_ = stx.Rollback()
		return nil, err
	}
	if fault.Planted("ack-before-commit") {
		late := conn
		conn = nil
		time.AfterFunc(30*time.Millisecond, func() { _ = stx.Commit(); _ = late.Close() })
		return tx.after, nil
	}
	if err := stx.Commit(); err != nil {
		err = cut(conn, fmt.Errorf("committing: %w", err))
		_ = stx.Rollback()
		return nil, err
	}
	return tx.after, nil
}

// begin takes a connection and begins. Connections that died while they lay in the
// pool are thrown away one after the other: nothing was begun on them. When the
// database is away, making a new one says so.
func begin(ctx context.Context, pool *sql.DB, so *sql.TxOptions) (*sql.Conn, *sql.Tx, error) {
	for try := 0; ; try++ {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return nil, nil, err
		}
		tx, err := conn.BeginTx(ctx, so)
		if err == nil {
			return conn, tx, nil
		}
		err = cut(conn, err)
		_ = conn.Close()
		if !fault.Is(err, fault.Unavailable) || try == maxDead {
			return nil, nil, err
		}
	}
}

// maxDead is above any pool's size.
const maxDead = 100

// View runs fn in a read-only transaction that sees one moment of the data: that of
// the Moment it runs in, if there is one.
func (db *DB) View(ctx context.Context, fn func(tx *Tx) error) error {
	if m := momentOf(ctx, db); m != nil {
		return m.view(ctx, fn)
	}
	if r := readingOf(ctx, db); r != nil {
		if ok, err := r.view(fn); ok {
			return err
		}
	}
	return db.viewing(ctx, fn)
}

func (db *DB) viewing(ctx context.Context, fn func(tx *Tx) error) error {
	conn, stx, err := begin(ctx, db.read, db.reading())
	if err != nil {
		return classify(err)
	}
	defer conn.Close()
	defer func() { _ = stx.Rollback() }()
	return classify(cut(conn, fn(&Tx{db: db, tx: stx, conn: conn})))
}

// ViewLogged is a read that must leave a trace: log commits first (an audit
// line), then fn reads. Not one byte may be shown when log fails.
func (db *DB) ViewLogged(ctx context.Context, log func(tx *Tx) error, fn func(tx *Tx) error) error {
	if err := db.Update(context.WithValue(ctx, claimKey{}, (*claim)(nil)), log); err != nil {
		return err
	}
	return db.View(ctx, fn)
}

// DB gives the database of a transaction, for ids and the engine.
func (tx *Tx) DB() *DB { return tx.db }

// Engine tells which engine runs, for the few queries that must differ.
func (tx *Tx) Engine() Engine { return tx.db.Engine }

// AfterCommit runs fn once the transaction has committed: wake a worker, send a
// signal. Never for what must not be lost.
func (tx *Tx) AfterCommit(fn func()) { tx.after = append(tx.after, fn) }

// Exec runs a statement and tells how many rows it touched. Both engines keep the
// statements of a connection prepared.
func (tx *Tx) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	if !tx.writes {
		return 0, errWriteInView
	}
	if err := tx.flush(ctx); err != nil {
		return 0, err
	}
	res, err := tx.tx.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, fmt.Errorf("%w (%s)", err, brief(text))
	}
	return res.RowsAffected()
}

func (tx *Tx) exec(ctx context.Context, text string, args ...any) error {
	_, err := tx.Exec(ctx, text, args...)
	return err
}

var errWriteInView = errors.New("store: a write inside View")

// Query runs a query; the rows must be closed before the next statement.
func (tx *Tx) Query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if err := tx.flush(ctx); err != nil {
		return nil, err
	}
	rows, err := tx.tx.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, brief(text))
	}
	return rows, nil
}

// Row scans the first row into dest; found is false when there is none.
func (tx *Tx) Row(ctx context.Context, text string, args []any, dest ...any) (found bool, err error) {
	if err := tx.flush(ctx); err != nil {
		return false, err
	}
	err = tx.tx.QueryRowContext(ctx, text, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w (%s)", err, brief(text))
	}
	return true, nil
}

// Scanner is a row under the cursor.
type Scanner interface{ Scan(dest ...any) error }

// All reads every row through scan. For what fits on a page; lists that may be
// long use Each.
func All[T any](ctx context.Context, tx *Tx, scan func(Scanner) (T, error), text string, args ...any) ([]T, error) {
	var out []T
	err := tx.each(ctx, text, args, func(s Scanner) (bool, error) {
		v, err := scan(s)
		out = append(out, v)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// each hands every row to fn until it says no more. The one loop of All, Each and
// First: they exist once for every type that is read, this does not.
func (tx *Tx) each(ctx context.Context, text string, args []any, fn func(Scanner) (more bool, err error)) error {
	rows, err := tx.Query(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if more, err := fn(rows); !more || err != nil {
			return err
		}
	}
	return rows.Err()
}

// Each streams rows through scan; the loop may stop early.
func Each[T any](ctx context.Context, tx *Tx, scan func(Scanner) (T, error), text string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		stopped := false
		err := tx.each(ctx, text, args, func(s Scanner) (bool, error) {
			v, err := scan(s)
			if err == nil {
				stopped = !yield(v, nil)
			}
			return !stopped, err
		})
		if err != nil && !stopped {
			var zero T
			yield(zero, err)
		}
	}
}

// First reads the first row through scan; found is false when there is none.
func First[T any](ctx context.Context, tx *Tx, scan func(Scanner) (T, error), text string, args ...any) (v T, found bool, err error) {
	err = tx.each(ctx, text, args, func(s Scanner) (bool, error) {
		v, err = scan(s)
		found = err == nil
		return false, err
	})
	return v, found, err
}

// Int64 reads one number, 0 when there is no row.
func Int64(ctx context.Context, tx *Tx, text string, args ...any) (int64, error) {
	var n sql.NullInt64
	_, err := tx.Row(ctx, text, args, &n)
	return n.Int64, err
}

// ScanInt64 is the scan of a list of ids.
func ScanInt64(s Scanner) (n int64, err error) { err = s.Scan(&n); return }

// ScanString is the scan of a list of texts.
func ScanString(s Scanner) (v string, err error) { err = s.Scan(&v); return }

// Now is the one clock of a decision, in microseconds: the database's own on
// PostgreSQL while the system clock is wired, else the wired one. It stands
// still within a transaction.
func Now(ctx context.Context, tx *Tx) (int64, error) {
	if tx.now != 0 {
		return tx.now, nil
	}
	if tx.db.Engine == SQLite || !clock.IsSystem(tx.db.Clock) {
		tx.now = tx.db.unsettled.take(tx)
		return tx.now, nil
	}
	n, err := Int64(ctx, tx, "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)")
	tx.now = n
	return n, err
}

// fewRows are inserted by one statement where more go by COPY: that takes three round
// trips on PostgreSQL, and a goroutine, before its first row.
const fewRows = 8

// CopyIn inserts many rows into table: COPY on PostgreSQL, one prepared
// statement on SQLite. Rows come one by one; a row has one value a column.
func (tx *Tx) CopyIn(ctx context.Context, table string, cols []string, rows iter.Seq2[[]any, error]) (n int64, err error) {
	return tx.copyIn(ctx, table, cols, rows, tx.exec)
}

// CopyLater is CopyIn for rows that nothing in the transaction reads: a few go as by Later.
func (tx *Tx) CopyLater(ctx context.Context, table string, cols []string, rows iter.Seq2[[]any, error]) error {
	_, err := tx.copyIn(ctx, table, cols, rows, tx.Later)
	return err
}

func (tx *Tx) copyIn(ctx context.Context, table string, cols []string, rows iter.Seq2[[]any, error], few execFunc) (n int64, err error) {
	if tx.db.Engine == PostgreSQL {
		src := &copySource{}
		src.next, src.stop = iter.Pull2(rows)
		defer src.stop()
		for len(src.first) <= fewRows && src.pull() {
			src.first = append(src.first, slices.Clone(src.row))
		}
		switch {
		case src.err != nil:
			return 0, src.err
		case len(src.first) <= fewRows:
			return int64(len(src.first)), insertRows(ctx, table, cols, src.first, few)
		}
		if err := tx.flush(ctx); err != nil {
			return 0, err
		}
		err = tx.conn.Raw(func(dc any) error {
			n, err = dc.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table}, cols, src)
			return err
		})
		if src.err != nil { // PostgreSQL says of it only that the COPY was given up
			err = src.err
		}
		return n, err
	}
	text := "INSERT INTO " + table + " (" + join(cols) + ") VALUES (" + Marks(1, len(cols)) + ")"
	var st *sql.Stmt
	for row, err := range rows {
		if err == nil && st == nil {
			if st, err = tx.tx.PrepareContext(ctx, text); err == nil {
				defer st.Close()
			}
		}
		if err != nil {
			return n, err
		}
		if _, err := st.ExecContext(ctx, row...); err != nil {
			return n, fmt.Errorf("%w (%s)", err, brief(text))
		}
		n++
	}
	return n, nil
}

// insertMost is how many rows one statement of InsertRows carries.
const insertMost = 50

// InsertRows inserts a few rows in as few statements as go: words, marks and the
// like of one act, each of which would cost a round trip. For thousands use CopyIn.
func (tx *Tx) InsertRows(ctx context.Context, table string, cols []string, rows [][]any) error {
	return insertRows(ctx, table, cols, rows, tx.exec)
}

func insertRows(ctx context.Context, table string, cols []string, rows [][]any, exec execFunc) error {
	for part := range slices.Chunk(rows, insertMost) {
		var text strings.Builder
		text.WriteString("INSERT INTO " + table + " (" + join(cols) + ") VALUES ")
		args := make([]any, 0, len(part)*len(cols))
		for i, row := range part {
			if i > 0 {
				text.WriteByte(',')
			}
			text.WriteString("(" + Marks(len(args)+1, len(cols)) + ")")
			args = append(args, row...)
		}
		if err := exec(ctx, text.String(), args...); err != nil {
			return err
		}
	}
	return nil
}

// copySource hands on the rows that were read ahead, then the others.
type copySource struct {
	next  func() ([]any, error, bool)
	stop  func()
	first [][]any
	row   []any
	err   error
}

func (s *copySource) pull() (ok bool) {
	s.row, s.err, ok = s.next()
	return ok && s.err == nil
}

func (s *copySource) Next() bool {
	if len(s.first) > 0 {
		s.row, s.first = s.first[0], s.first[1:]
		return true
	}
	return s.pull()
}
func (s *copySource) Values() ([]any, error) { return s.row, nil }
func (s *copySource) Err() error             { return s.err }

func join(cols []string) string {
	out := ""
	for i, c := range cols {
		if i > 0 {
			out += ", "
		}
		out += c
	}
	return out
}

// brief names a statement in errors; statements are constants, so no content leaks.
func brief(text string) string {
	if len(text) > 90 {
		return text[:90] + "…"
	}
	return text
}
