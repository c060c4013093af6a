package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func TestUpdateCommitsOrNot(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		boom := errors.New("boom")
		err := db.Update(ctx, func(tx *store.Tx) error {
			if err := store.SetFact(ctx, tx, "a", "1"); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatalf("Update = %v, want boom", err)
		}
		must(t, db.Update(ctx, func(tx *store.Tx) error { return store.SetFact(ctx, tx, "b", "2") }))
		got := map[string]string{}
		must(t, db.View(ctx, func(tx *store.Tx) error {
			for _, n := range []string{"a", "b"} {
				v, err := store.Fact(ctx, tx, n)
				if err != nil {
					return err
				}
				got[n] = v
			}
			return nil
		}))
		if diff := cmp.Diff(map[string]string{"a": "", "b": "2"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// The trap of stack.md §3: $2,$1 must bind by number on both engines.
func TestParametersBindByNumber(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		var a, b string
		must(t, db.View(ctx, func(tx *store.Tx) error {
			_, err := tx.Row(ctx, "SELECT CAST($2 AS TEXT), CAST($1 AS TEXT)", []any{"one", "two"}, &a, &b)
			return err
		}))
		if a != "two" || b != "one" {
			t.Errorf("got %q, %q", a, b)
		}
	})
}

func TestWriteInsideViewIsRefused(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		err := db.View(ctx, func(tx *store.Tx) error { return store.SetFact(ctx, tx, "x", "y") })
		if err == nil {
			t.Error("a write inside View succeeded")
		}
	})
}

func TestOnceRunsOnce(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		var wg sync.WaitGroup
		var mu sync.Mutex
		results := map[string]bool{}
		for i := range 8 {
			wg.Go(func() {
				err := db.Update(ctx, func(tx *store.Tx) error {
					v, _, err := store.Once(ctx, tx, "k", func() (string, error) { return fmt.Sprint(i), nil })
					if err != nil {
						return err
					}
					mu.Lock()
					defer mu.Unlock()
					results[v] = true
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var last string
		must(t, db.Update(ctx, func(tx *store.Tx) (err error) {
			last, _, err = store.Once(ctx, tx, "k", func() (string, error) { return "never", nil })
			return err
		}))
		if last == "never" || len(results) != 1 || !results[last] {
			t.Errorf("kept result %q, told %v", last, results)
		}
	})
}

func TestNumbersAreUnique(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		var mu sync.Mutex
		seen := map[int64]bool{}
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				for range 7 {
					must(t, db.Update(ctx, func(tx *store.Tx) error {
						n, err := db.NextNumber(ctx, tx, "P-2026")
						if err != nil {
							return err
						}
						mu.Lock()
						defer mu.Unlock()
						if n < 1 || seen[n] {
							t.Errorf("number %d twice or below 1", n)
						}
						seen[n] = true
						return nil
					}))
				}
			})
		}
		wg.Wait()
		if len(seen) != 42 {
			t.Errorf("%d numbers, want 42", len(seen))
		}
	})
}

func TestSnapshotMovesBetweenEngines(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := clock.NewMoved(testkit.AsOf, 1)
	from, to, back := testkit.SQLite(t, now), testkit.Postgres(t, now), testkit.SQLite(t, now)
	must(t, from.Update(ctx, func(tx *store.Tx) error {
		for i := range 25 {
			if err := store.SetFact(ctx, tx, fmt.Sprintf("f%02d", i), "ч \"' \\ \n é"); err != nil {
				return err
			}
		}
		_, _, err := store.Once(ctx, tx, "k", func() (int, error) { return 7, nil })
		return err
	}))
	var a, b bytes.Buffer
	n1, err := from.Snapshot(ctx, &a)
	must(t, err)
	n2, err := to.Load(ctx, bytes.NewReader(a.Bytes()))
	must(t, err)
	_, err = to.Snapshot(ctx, &b)
	must(t, err)
	_, err = back.Load(ctx, bytes.NewReader(b.Bytes()))
	must(t, err)
	if n1 != n2 {
		t.Errorf("%d rows out, %d in", n1, n2)
	}
	must(t, back.View(ctx, func(tx *store.Tx) error {
		v, err := store.Fact(ctx, tx, "f24")
		if v != "ч \"' \\ \n é" {
			t.Errorf("after two moves: %q", v)
		}
		return err
	}))
}

func TestDamagedSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	var whole bytes.Buffer
	_, err := db.Snapshot(ctx, &whole)
	must(t, err)
	cut := whole.Bytes()[:whole.Len()-40]
	if _, err := db.Load(ctx, bytes.NewReader(cut)); !fault.Is(err, fault.Invalid) {
		t.Errorf("cut snapshot: %v", err)
	}
}

func TestLanesLetPeopleFirst(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.System())
	ctx := context.Background()
	held, order := make(chan struct{}), make(chan store.Lane, 3)
	release := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		must(t, db.Update(ctx, func(*store.Tx) error { close(held); <-release; return nil }))
	})
	<-held
	for _, lane := range []store.Lane{store.Bulk, store.Jobs, store.People} {
		queued := db.Waiting(lane)
		wg.Go(func() {
			must(t, db.Update(ctx, func(*store.Tx) error { order <- lane; return nil }, store.InLane(lane)))
		})
		for db.Waiting(lane) == queued {
			time.Sleep(time.Millisecond)
		}
	}
	close(release)
	wg.Wait()
	for _, want := range []store.Lane{store.People, store.Jobs, store.Bulk} {
		if got := <-order; got != want {
			t.Errorf("lane %d went before %d", got, want)
		}
	}
}

func TestIDsRise(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.System())
	last := int64(0)
	for range 5000 {
		id := db.NewID()
		if id <= last || id >= 1<<53 {
			t.Fatalf("id %d after %d", id, last)
		}
		last = id
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Numbers are leased while every connection of the pool is taken by a transaction
// that wants one: whoever took the lease's connection from the pool stood still here.
func TestNumbersWithTheWholePoolTaken(t *testing.T) {
	t.Parallel()
	db := testkit.Postgres(t, clock.NewMoved(testkit.AsOf, 1))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	const pool = 16
	var in, done sync.WaitGroup
	in.Add(pool)
	var mu sync.Mutex
	seen := map[int64]bool{}
	for range pool {
		done.Go(func() {
			entered := sync.OnceFunc(in.Done) // Update may run again
			err := db.Update(ctx, func(tx *store.Tx) error {
				entered()
				in.Wait()
				n, err := db.NextNumber(ctx, tx, "P-2026")
				mu.Lock()
				defer mu.Unlock()
				seen[n] = true
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if len(seen) != pool {
		t.Errorf("%d different numbers of %d", len(seen), pool)
	}
}

// TestBulkIsPlannedAnew: PostgreSQL keeps no plan of what a bulk transaction asks,
// and does for the others. One connection each, so that the statement is the same.
func TestBulkIsPlannedAnew(t *testing.T) {
	t.Parallel()
	db := testkit.Postgres(t, clock.System())
	ctx := context.Background()
	const text = "SELECT COUNT(*) FROM store_fact WHERE name IN ($1,$2)"
	for _, lane := range []store.Lane{store.Bulk, store.People} { // the former first: the counters are the connection's
		kept, want := int64(0), lane == store.People
		for range 12 {
			must(t, db.Update(ctx, func(tx *store.Tx) error {
				if _, err := store.Int64(ctx, tx, text, "a", fmt.Sprint("b", lane)); err != nil {
					return err
				}
				n, err := store.Int64(ctx, tx, "SELECT COALESCE(SUM(generic_plans), 0) FROM pg_prepared_statements WHERE statement = $1", text)
				kept += n
				return err
			}, store.InLane(lane)))
		}
		if kept > 0 != want {
			t.Errorf("lane %d: the kept plan was used %d times", lane, kept)
		}
	}
}
