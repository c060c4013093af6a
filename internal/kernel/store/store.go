package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
)

// Engine is which database is underneath.
type Engine string

// The two engines.
const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgres"
)

// Config says where the data is.
type Config struct {
	Folder string      // SQLite: the folder of straza.db; made if missing
	URL    string      // PostgreSQL: postgres://…; "" = SQLite
	Clock  clock.Clock // nil = the system's
	Node   int         // 0–7, part of every id; several app nodes on one PostgreSQL differ
}

// DB is the database. Safe for concurrent use.
type DB struct {
	Engine Engine
	Clock  clock.Clock

	write, read *sql.DB // one pool each on SQLite, the same pool on PostgreSQL
	// lease is PostgreSQL's connection for what a transaction needs from outside
	// itself (a block of numbers). From the common pool it would wait for transactions
	// that wait for it: sixteen reports at once stood still for ever.
	lease     *sql.DB
	lanes     lanes
	ids       ids
	series    seriesBlocks
	unsettled unsettled
	fixed     fixed
	// readingRest is set by tests; 0 = the constant.
	readingRest time.Duration
	wake        chan struct{}

	moments chan struct{} // those under way
	// MomentMost bounds a Moment; 0 = half an hour.
	MomentMost time.Duration
}

// Wake says that a commit left work behind; Woken is where workers wait for it.
// A hint only: whoever misses it finds the work at the next look.
func (db *DB) Wake() {
	select {
	case db.wake <- struct{}{}:
	default:
	}
}

// Woken gives the hints of Wake.
func (db *DB) Woken() <-chan struct{} { return db.wake }

// Open opens the database without touching the schema (see Migrate).
// Faults: Unavailable when it cannot be reached.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db := &DB{wake: make(chan struct{}, 1), moments: make(chan struct{}, momentsMost), Clock: cfg.Clock, ids: ids{node: int64(cfg.Node & 7)}}
	if db.Clock == nil {
		db.Clock = clock.System()
	}
	var err error
	if cfg.URL == "" {
		err = db.openSQLite(cfg.Folder)
	} else {
		err = db.openPostgres(cfg.URL)
	}
	if err != nil {
		return nil, err
	}
	if err := db.read.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, classify(fmt.Errorf("opening the database: %w", err))
	}
	return db, db.checkVersion(ctx)
}

// sqliteDSN: WAL with synchronous=FULL, because what a person was told is saved
// is saved; temp_store=MEMORY, so that no plaintext reaches a temporary file.
func sqliteDSN(path string, write bool) string {
	q := "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-8192)"
	if fault.Planted("sync-skipped") {
		q = strings.Replace(q, "synchronous(FULL)", "synchronous(OFF)", 1)
	}
	if write {
		return "file:" + path + q + "&_txlock=immediate&_pragma=wal_autocheckpoint(4000)"
	}
	return "file:" + path + q + "&_txlock=deferred&_pragma=query_only(1)"
}

func (db *DB) openSQLite(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	path := filepath.Join(folder, "straza.db")
	var err error
	db.Engine = SQLite
	if db.write, err = openLite(sqliteDSN(path, true)); err != nil {
		return err
	}
	db.write.SetMaxOpenConns(1)
	// The writer comes first: a reader on a missing file could not set WAL.
	if err := db.write.Ping(); err != nil {
		return classify(fmt.Errorf("opening %s: %w", path, err))
	}
	if db.read, err = openLite(sqliteDSN(path, false)); err != nil {
		return err
	}
	db.read.SetMaxOpenConns(4 + momentsMost)
	db.read.SetMaxIdleConns(4)
	return nil
}

func (db *DB) openPostgres(url string) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	pool, lease := openPgx(cfg), openPgx(cfg)
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(8)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	lease.SetMaxOpenConns(1) // who leases holds db.series.mu
	lease.SetConnMaxIdleTime(time.Minute)
	db.Engine, db.write, db.read, db.lease = PostgreSQL, pool, pool, lease
	return nil
}

// openPgx opens a pool whose connections know the PostgreSQL type of each kind of value
// that database/sql hands on. pgx would know those of forty kinds and of all their arrays,
// 1.4 MB of them, which the Makefile leaves out; they are asked for only where the address
// says default_query_exec_mode=exec or simple_protocol, as it must before some poolers.
func openPgx(cfg *pgx.ConnConfig) *sql.DB {
	return stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(_ context.Context, c *pgx.Conn) error {
		m := c.TypeMap()
		m.RegisterDefaultPgType(int64(0), "int8")
		m.RegisterDefaultPgType(float64(0), "float8")
		m.RegisterDefaultPgType(false, "bool")
		m.RegisterDefaultPgType("", "text")
		m.RegisterDefaultPgType([]byte(nil), "bytea")
		m.RegisterDefaultPgType(time.Time{}, "timestamptz")
		return nil
	}))
}

// checkVersion refuses a SQLite that has the WAL-reset corruption (before 3.51.3).
func (db *DB) checkVersion(ctx context.Context) error {
	if db.Engine != SQLite {
		return nil
	}
	var v string
	if err := db.read.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&v); err != nil {
		return err
	}
	var a, b, c int
	if _, err := fmt.Sscanf(v, "%d.%d.%d", &a, &b, &c); err != nil || a*1000000+b*1000+c < 3051003 {
		return fmt.Errorf("SQLite %s has the WAL-reset corruption; 3.51.3 or newer is needed", v)
	}
	return nil
}

// Version names the engine's version, for `straza version` and `doctor`.
func (db *DB) Version(ctx context.Context) string {
	q := "SELECT sqlite_version()"
	if db.Engine == PostgreSQL {
		q = "SHOW server_version"
	}
	var v string
	_ = db.read.QueryRowContext(ctx, q).Scan(&v)
	return v
}

// Close ends all connections; on SQLite the write-ahead log is folded in.
func (db *DB) Close() error {
	if db.read == db.write {
		return errors.Join(db.lease.Close(), db.write.Close())
	}
	return errors.Join(db.read.Close(), db.write.Close())
}

// NewID makes an id that no other row has.
func (db *DB) NewID() int64 { return db.ids.next(db.Clock.Now()) }

// NewUUID makes a version 7 UUID.
func (db *DB) NewUUID() string { return NewUUID(db.Clock) }

// In writes ids as an SQL list "(1,2,3)"; an empty list matches nothing. Ids are
// numbers of ours, so they may stand in the text.
func In(list []int64) string {
	if len(list) == 0 {
		return "(NULL)"
	}
	var b strings.Builder
	for i, v := range list {
		if i == 0 {
			b.WriteByte('(')
		} else {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d", v)
	}
	b.WriteByte(')')
	return b.String()
}

// Marks writes n parameter marks "$from,$from+1,…".
func Marks(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "$%d", from+i)
	}
	return b.String()
}

// Like makes the pattern of "x LIKE $n ESCAPE '\'" that finds s anywhere in x,
// taken literally. x is a folded column: LIKE's own case rules differ by engine.
func Like(s string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(s) + "%"
}
