package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"
)

// kept opens a database with a small table and gives how to look at its one
// reading connection.
func kept(t *testing.T, limit int) (*DB, func(fn func(c *liteConn))) {
	t.Helper()
	db, err := Open(context.Background(), Config{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.read.SetMaxOpenConns(1)
	look := func(fn func(c *liteConn)) {
		conn, err := db.read.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.Raw(func(dc any) error { fn(dc.(*liteConn)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	look(func(c *liteConn) { c.limit = limit })
	write(t, db, "CREATE TABLE x (n INTEGER)")
	for i := range 3 {
		write(t, db, "INSERT INTO x (n) VALUES ($1)", i)
	}
	return db, look
}

func write(t *testing.T, db *DB, text string, args ...any) {
	t.Helper()
	if err := db.Update(context.Background(), func(tx *Tx) error { _, err := tx.Exec(context.Background(), text, args...); return err }); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, db *DB, text string, args ...any) (n int64) {
	t.Helper()
	if err := db.View(context.Background(), func(tx *Tx) (err error) {
		n, err = Int64(context.Background(), tx, text, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestStatementsAreKeptFromTheirSecondUse(t *testing.T) {
	db, look := kept(t, 2)
	for i, want := range []int{0, 1, 1} {
		if n := number(t, db, "SELECT COUNT(*) FROM x WHERE n < $1", i); n != int64(i) {
			t.Errorf("use %d counts %d", i, n)
		}
		look(func(c *liteConn) {
			if len(c.kept) != want {
				t.Errorf("after use %d %d are kept, want %d", i, len(c.kept), want)
			}
		})
	}
	for i := range 4 { // the first is crowded out, and still answers
		text := fmt.Sprintf("SELECT COUNT(*) + %d FROM x", i)
		number(t, db, text)
		number(t, db, text)
	}
	look(func(c *liteConn) {
		if len(c.kept) != 2 || c.kept["SELECT COUNT(*) + 3 FROM x"] == nil {
			t.Errorf("%d are kept", len(c.kept))
		}
	})
	if n := number(t, db, "SELECT COUNT(*) FROM x WHERE n < $1", 2); n != 2 {
		t.Errorf("counts %d", n)
	}
}

func TestKeptStatementSeesANewSchema(t *testing.T) {
	db, _ := kept(t, 8)
	const text = "SELECT SUM(n) FROM x"
	for range 3 {
		number(t, db, text)
	}
	write(t, db, "ALTER TABLE x RENAME COLUMN n TO was")
	write(t, db, "ALTER TABLE x ADD COLUMN n INTEGER DEFAULT 7")
	if n := number(t, db, text); n != 21 {
		t.Errorf("sums to %d, want 21", n)
	}
	write(t, db, "DROP TABLE x")
	if err := db.View(context.Background(), func(tx *Tx) error { _, err := Int64(context.Background(), tx, text); return err }); err == nil {
		t.Error("a table that is gone still answers")
	}
}

func TestKeptStatementWalkedTwiceAtOnce(t *testing.T) {
	db, _ := kept(t, 8)
	const text = "SELECT n FROM x ORDER BY n"
	number(t, db, text)
	number(t, db, text)
	ctx := context.Background()
	pairs := 0
	if err := db.View(ctx, func(tx *Tx) error {
		for a, err := range Each(ctx, tx, ScanInt64, text) {
			if err != nil {
				return err
			}
			next := int64(0)
			for b, err := range Each(ctx, tx, ScanInt64, text) {
				if err != nil || b != next {
					return errors.Join(err, fmt.Errorf("%d within %d, want %d", b, a, next))
				}
				next, pairs = next+1, pairs+1
			}
		}
		return nil
	}); err != nil || pairs != 9 {
		t.Errorf("%d pairs, %v", pairs, err)
	}
}

func TestKeptStatementAfterItWasGivenUp(t *testing.T) {
	db, _ := kept(t, 8)
	const text = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < $1) SELECT MAX(n) FROM c"
	number(t, db, text, 1)
	number(t, db, text, 2)
	ctx, stop := context.WithCancel(context.Background())
	go stop()
	err := db.View(ctx, func(tx *Tx) error { _, err := Int64(ctx, tx, text, int64(1)<<60); return err })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if n := number(t, db, text, 3); n != 3 {
		t.Errorf("afterwards %d", n)
	}
}

func TestOnlyRowsAreKept(t *testing.T) {
	for text, want := range map[string]bool{"SELECT 1": true, "\n\tINSERT INTO x": true, "WITH a AS": true, "UPDATE x": true, "DELETE FROM x": true,
		"CREATE TABLE x (n)": false, "PRAGMA user_version": false, "BEGIN": false, "": false} {
		if keepable(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
	if _, err := newLiteConn(struct{ driver.Conn }{noConn{}}); err == nil {
		t.Error("a driver without the interfaces is taken")
	}
}

type noConn struct{ driver.Conn }

func (noConn) Close() error { return nil }
