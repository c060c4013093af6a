package store

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"straza/internal/kernel/fault"
	"straza/migrations"
)

// macros are the column types of the shared migrations. STRICT tables on SQLite
// refuse BIGINT, BOOLEAN and JSON, hence INTEGER and TEXT there.
var macros = map[Engine]*strings.Replacer{
	SQLite: strings.NewReplacer("$ID", "INTEGER", "$INT", "INTEGER", "$TIME", "INTEGER", "$BOOL", "INTEGER",
		"$UUID", "TEXT", "$TEXT", "TEXT", "$JSON", "TEXT", "$BLOB", "BLOB", "$REAL", "REAL", "$STRICT", " STRICT"),
	PostgreSQL: strings.NewReplacer("$ID", "BIGINT", "$INT", "BIGINT", "$TIME", "BIGINT", "$BOOL", "BOOLEAN",
		"$UUID", "UUID", "$TEXT", "TEXT", "$JSON", "TEXT", "$BLOB", "BYTEA", "$REAL", "DOUBLE PRECISION", "$STRICT", ""),
}

var suffixes = map[Engine]string{SQLite: ".lite.sql", PostgreSQL: ".pg.sql"}

// expanded gives the engine's migrations by their plain names, macros expanded.
func expanded(e Engine) (map[string][]byte, error) {
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, name := range names {
		plain := name
		if strings.Count(name, ".") == 2 {
			if !strings.HasSuffix(name, suffixes[e]) {
				continue
			}
			plain = strings.TrimSuffix(name, suffixes[e]) + ".sql"
		}
		text, err := migrations.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out[plain] = []byte("-- +goose Up\n" + macros[e].Replace(string(text)))
	}
	return out, nil
}

// asFS is an fs.FS in memory: a zip without compression is the standard library's own.
func asFS(files map[string][]byte) (fs.FS, error) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, text := range files {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(text); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
}

// MigrationState is what Migrate did or would do.
type MigrationState struct {
	Current int64    `json:"current"`
	Target  int64    `json:"target"`
	Pending []string `json:"pending"`
}

func (db *DB) provider() (*goose.Provider, map[string][]byte, error) {
	files, err := expanded(db.Engine)
	if err != nil {
		return nil, nil, err
	}
	dialect, opts := goose.DialectSQLite3, []goose.ProviderOption{goose.WithVerbose(false), goose.WithDisableGlobalRegistry(true),
		// Rooms number in blocks and touch only their own tables: a room's second
		// migration may be younger than another room's, with a smaller number.
		goose.WithAllowOutofOrder(true)}
	if db.Engine == PostgreSQL {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, nil, err
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	fsys, err := asFS(files)
	if err != nil {
		return nil, nil, err
	}
	p, err := goose.NewProvider(dialect, db.write, fsys, opts...)
	return p, files, err
}

// Status tells which migrations wait, without running any.
func (db *DB) Status(ctx context.Context) (MigrationState, error) {
	p, _, err := db.provider()
	if err != nil {
		return MigrationState{}, err
	}
	st := MigrationState{Pending: []string{}}
	if st.Current, st.Target, err = p.GetVersions(ctx); err != nil {
		return st, err
	}
	all, err := p.Status(ctx)
	for _, s := range all {
		if s.State == goose.StatePending {
			st.Pending = append(st.Pending, s.Source.Path)
		}
	}
	return st, err
}

// Migrate brings the schema up to date. Each migration is one transaction, so an
// interrupted one starts again. Faults: Conflict when a released migration was
// changed afterwards or the database is newer than this program.
func (db *DB) Migrate(ctx context.Context) (MigrationState, error) {
	if db.Engine == SQLite { // one writer: goose and the lanes must not meet
		if err := db.lanes.lock(ctx, People); err != nil {
			return MigrationState{}, err
		}
		defer db.lanes.unlock()
	}
	p, files, err := db.provider()
	if err != nil {
		return MigrationState{}, err
	}
	st := MigrationState{Pending: []string{}}
	if st.Current, st.Target, err = p.GetVersions(ctx); err != nil {
		return st, classify(err)
	}
	if st.Current > st.Target {
		return st, fault.New(fault.Conflict, "the database has schema %d, this program knows only %d: use the newer program", st.Current, st.Target)
	}
	err = db.syncedLater(ctx, func() error {
		results, err := p.Up(ctx)
		if err != nil {
			return classify(fmt.Errorf("migrating: %w", err))
		}
		for _, r := range results {
			st.Pending = append(st.Pending, r.Source.Path)
		}
		st.Current = st.Target
		return db.checkSums(ctx, files)
	})
	return st, err
}

// syncedLater runs fn without waiting for the disk at each of its commits (SQLite):
// the schema is two dozen of them, and on a busy disk that is the time to the first
// answer. Nothing of it was promised to anybody; a power cut leaves an earlier
// schema, which is brought up to date again; and the next commit that is promised
// syncs the whole log.
func (db *DB) syncedLater(ctx context.Context, fn func() error) error {
	if db.Engine != SQLite || fault.Planted("sync-skipped") {
		return fn()
	}
	if _, err := db.write.ExecContext(ctx, "PRAGMA synchronous = NORMAL"); err != nil {
		return classify(err)
	}
	err := fn()
	var now int
	_, back := db.write.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous = FULL")
	if back == nil {
		if back = db.write.QueryRowContext(context.WithoutCancel(ctx), "PRAGMA synchronous").Scan(&now); back == nil && now != 2 {
			back = fmt.Errorf("SQLite syncs as %d, not in full", now)
		}
	}
	return errors.Join(err, back)
}

// checkSums holds each migration against what was run here before.
func (db *DB) checkSums(ctx context.Context, files map[string][]byte) error {
	known := map[string]string{}
	rows, err := db.write.QueryContext(ctx, "SELECT name, value FROM store_fact WHERE name LIKE 'migration:%'")
	if err != nil {
		return err
	}
	for rows.Next() {
		var n, v string
		if err := rows.Scan(&n, &v); err != nil {
			_ = rows.Close()
			return err
		}
		known[n] = v
	}
	if err := errorsOf(rows); err != nil {
		return err
	}
	for name, f := range files {
		sum := sha256.Sum256(f)
		key, want := "migration:"+name, hex.EncodeToString(sum[:])
		have, ok := known[key]
		if ok && have != want {
			return fault.New(fault.Conflict, "migration %s was changed after it had been run here", name)
		}
		if !ok {
			if _, err := db.write.ExecContext(ctx, "INSERT INTO store_fact (name, value) VALUES ($1,$2) ON CONFLICT DO NOTHING", key, want); err != nil {
				return err
			}
		}
	}
	return nil
}

func errorsOf(rows *sql.Rows) error {
	err := rows.Err()
	if cerr := rows.Close(); err == nil {
		err = cerr
	}
	return err
}

var createTable = regexp.MustCompile(`(?mi)^(CREATE|DROP) TABLE\s+(\w+)`)

// Tables lists every table in the order of its creation, which is an order in
// which rows can be loaded. Search indexes (virtual tables) are not among them.
func (db *DB) Tables() ([]string, error) {
	files, err := expanded(db.Engine)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	var out []string
	for _, n := range names {
		for _, m := range createTable.FindAllSubmatch(files[n], -1) {
			table := string(bytes.ToLower(m[2]))
			if bytes.EqualFold(m[1], []byte("drop")) {
				out = slices.DeleteFunc(out, func(t string) bool { return t == table })
				continue
			}
			out = append(out, table)
		}
	}
	return out, nil
}

// Builtin tells the embedded SQLite's version and the schema this program brings.
func Builtin(ctx context.Context) (sqlite string, schema int64) {
	if mem, err := sql.Open("sqlite", ":memory:"); err == nil {
		_ = mem.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&sqlite)
		_ = mem.Close()
	}
	files, err := expanded(SQLite)
	if err != nil {
		return sqlite, 0
	}
	for name := range files {
		var n int64
		if _, err := fmt.Sscanf(name, "%d_", &n); err == nil {
			schema = max(schema, n)
		}
	}
	return sqlite, schema
}
