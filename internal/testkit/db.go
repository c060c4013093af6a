// Package testkit gives tests a database per engine, a moved clock and personas.
// It knows only the kernel.
package testkit

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
)

// AsOf is the moment at which every test's clock starts: a Sunday morning in Belgrade.
var AsOf = time.Date(2026, 11, 22, 7, 22, 0, 0, time.UTC)

// Each runs test once on every engine, in parallel, on an empty migrated
// database with a moved clock. PostgreSQL is named by STRAZA_TEST_PG; without it
// that half is skipped, with CI=true its absence fails.
func Each(t *testing.T, test func(t *testing.T, db *store.DB, now *clock.Moved)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		now := clock.NewMoved(AsOf, 1)
		test(t, SQLite(t, now), now)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		now := clock.NewMoved(AsOf, 1)
		test(t, Postgres(t, now), now)
	})
}

var template struct {
	sync.Mutex
	sqlite []byte
	pgDone bool
	pgErr  error
}

// SQLite gives an empty migrated SQLite database: a copy of one migrated file.
func SQLite(t testing.TB, c clock.Clock) *store.DB {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "straza.db"), sqliteTemplate(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, store.Config{Folder: dir, Clock: c})
}

func sqliteTemplate(t testing.TB) []byte {
	t.Helper()
	template.Lock()
	defer template.Unlock()
	if template.sqlite != nil {
		return template.sqlite
	}
	dir, err := os.MkdirTemp("", "straza-template")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := store.Open(context.Background(), store.Config{Folder: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err = db.Close(); err != nil {
		t.Fatal(err)
	}
	if template.sqlite, err = os.ReadFile(filepath.Join(dir, "straza.db")); err != nil {
		t.Fatal(err)
	}
	return template.sqlite
}

var pgCount atomic.Int64

// run names this process's databases. The pid alone comes back, and a run that was
// killed leaves its databases behind.
var run = fmt.Sprintf("%d_%x", os.Getpid(), time.Now().UnixNano())

// PostgresURL gives the URL of a fresh, empty, unmigrated PostgreSQL database
// that is dropped after the test; see Each about its absence.
func PostgresURL(t testing.TB) string { return pgCreate(t, "template1") }

// Postgres gives an empty migrated PostgreSQL database, made from a template.
func Postgres(t testing.TB, c clock.Clock) *store.DB {
	t.Helper()
	base := pgBase(t)
	tpl := fmt.Sprintf("straza_tpl_%s", run)
	template.Lock()
	if !template.pgDone {
		template.pgDone, template.pgErr = true, pgTemplate(base, tpl)
	}
	err := template.pgErr
	template.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	return open(t, store.Config{URL: pgCreate(t, tpl), Clock: c})
}

func pgBase(t testing.TB) string {
	t.Helper()
	base := os.Getenv("STRAZA_TEST_PG")
	if base == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("STRAZA_TEST_PG is not set: PostgreSQL is compulsory in CI")
		}
		t.Skip("STRAZA_TEST_PG is not set: no PostgreSQL here (make test starts one)")
	}
	return base
}

func pgTemplate(base, name string) error {
	if err := pgExec(base, "CREATE DATABASE "+name); err != nil {
		return err
	}
	db, err := store.Open(context.Background(), store.Config{URL: pgURL(base, name)})
	if err != nil {
		return err
	}
	if _, err := db.Migrate(context.Background()); err != nil {
		return err
	}
	return db.Close()
}

func pgCreate(t testing.TB, tpl string) string {
	t.Helper()
	base := pgBase(t)
	name := fmt.Sprintf("straza_t_%s_%d", run, pgCount.Add(1))
	template.Lock() // PostgreSQL copies a template only while nobody else does
	err := pgExec(base, "CREATE DATABASE "+name+" TEMPLATE "+tpl)
	template.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pgExec(base, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	return pgURL(base, name)
}

// pgURL replaces the database's name in a URL.
func pgURL(base, name string) string {
	head, query, _ := strings.Cut(base, "?")
	head = head[:strings.LastIndex(head, "/")+1] + name
	if query != "" {
		head += "?" + query
	}
	return head
}

func pgExec(base, text string) error {
	db, err := sql.Open("pgx", base)
	if err != nil {
		return err
	}
	defer db.Close()
	for try := 0; ; try++ {
		_, err = db.Exec(text)
		// Another test process may be copying template1 at this moment.
		if err == nil || try == 20 || !strings.Contains(err.Error(), "being accessed by other users") {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func open(t testing.TB, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Plan is how the engine means to answer a query, a step a line. PostgreSQL is told to use
// indexes where there is one: on an empty table it would rather read the whole.
func Plan(t testing.TB, db *store.DB, text string, args ...any) string {
	t.Helper()
	var steps []string
	err := db.Update(t.Context(), func(tx *store.Tx) (err error) {
		if db.Engine == store.SQLite {
			steps, err = store.All(t.Context(), tx, func(s store.Scanner) (step string, err error) {
				var n int64
				err = s.Scan(&n, &n, &n, &step)
				return step, err
			}, "EXPLAIN QUERY PLAN "+text, args...)
			return err
		}
		if _, err = tx.Exec(t.Context(), "SET LOCAL enable_seqscan = off"); err == nil {
			steps, err = store.All(t.Context(), tx, store.ScanString, "EXPLAIN "+text, args...)
		}
		return err
	})
	if err != nil {
		t.Fatalf("%v of %s", err, text)
	}
	return strings.Join(steps, "\n")
}
