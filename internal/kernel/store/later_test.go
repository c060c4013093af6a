package store_test

import (
	"errors"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// What Later holds is there for the next statement, and at the end.
func TestLater(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := t.Context()
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, "CREATE TABLE late (id BIGINT NOT NULL PRIMARY KEY, word TEXT)")
			return err
		}))
		put := func(tx *store.Tx, id int64, word any) {
			t.Helper()
			must(t, tx.Later(ctx, "INSERT INTO late (id, word) VALUES ($1, $2)", id, word))
		}
		count := func(tx *store.Tx) int64 {
			t.Helper()
			n, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM late")
			must(t, err)
			return n
		}
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			put(tx, 1, "one")
			if n := count(tx); n != 1 {
				t.Errorf("a question sees %d rows of one held", n)
			}
			for id := int64(2); id <= 100; id++ {
				put(tx, id, nil)
			}
			if n, err := tx.Exec(ctx, "UPDATE late SET word = $1 WHERE word IS NULL", "many"); err != nil || n != 99 {
				t.Errorf("a change touches %d rows of 99 held, %v", n, err)
			}
			put(tx, 101, "last")
			return tx.CopyLater(ctx, "late", []string{"id", "word"}, func(yield func([]any, error) bool) { yield([]any{int64(102), "copied"}, nil) })
		}))
		boom := errors.New("boom")
		err := db.Update(ctx, func(tx *store.Tx) error {
			put(tx, 200, "never")
			put(tx, 201, "never")
			return boom
		})
		if !errors.Is(err, boom) {
			t.Errorf("an act that failed: %v", err)
		}
		must(t, db.View(ctx, func(tx *store.Tx) error {
			if n := count(tx); n != 102 {
				t.Errorf("%d rows, want 102", n)
			}
			if err := tx.Later(ctx, "DELETE FROM late"); err == nil {
				t.Error("a View writes")
			}
			return nil
		}))
	})
}

// What cannot be written fails the act, whole.
func TestLaterFails(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := t.Context()
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, "CREATE TABLE late (id BIGINT NOT NULL PRIMARY KEY)")
			return err
		}))
		insert := func(tx *store.Tx, ids ...int64) (err error) {
			for _, id := range ids {
				err = errors.Join(err, tx.Later(ctx, "INSERT INTO late (id) VALUES ($1)", id))
			}
			return err
		}
		if err := db.Update(ctx, func(tx *store.Tx) error { return insert(tx, 1, 2, 2, 3) }); !store.IsUnique(err) {
			t.Errorf("a row twice: %v", err)
		}
		err := db.Update(ctx, func(tx *store.Tx) error {
			if err := insert(tx, 1, 1); err != nil {
				return err
			}
			_, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM late")
			return err
		})
		if !store.IsUnique(err) {
			t.Errorf("a question behind a row that is there twice: %v", err)
		}
		must(t, db.Update(ctx, func(tx *store.Tx) error { return insert(tx, 7, 8) })) // the connection goes on
		must(t, db.View(ctx, func(tx *store.Tx) error {
			n, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM late")
			if n != 2 {
				t.Errorf("%d rows, want 2", n)
			}
			return err
		}))
	})
}
