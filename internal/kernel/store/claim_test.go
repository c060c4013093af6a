package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// An act under a key commits once: one after the other, at once, and again after it
// failed; reading under the key takes nothing.
func TestClaim(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		act := func(key string) error {
			return db.Update(db.Claim(ctx, key), func(tx *store.Tx) error {
				_, err := db.NextNumber(ctx, tx, "claimed")
				if err == nil {
					err = store.SetFact(ctx, tx, "claimed."+key, "yes")
				}
				return err
			})
		}
		failed := errors.New("not this time")
		if err := db.Update(db.Claim(ctx, "k"), func(*store.Tx) error { return failed }); !errors.Is(err, failed) {
			t.Fatalf("a failing act: %v", err)
		}
		if err := db.ViewLogged(db.Claim(ctx, "k"), func(*store.Tx) error { return nil }, func(*store.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		answers := make(chan error, 8)
		for range cap(answers) {
			wg.Add(1)
			go func() { defer wg.Done(); answers <- act("k") }()
		}
		wg.Wait()
		close(answers)
		done := 0
		for err := range answers {
			var again *store.Again
			switch {
			case err == nil:
				done++
			case !errors.As(err, &again):
				t.Errorf("at once: %v", err)
			}
		}
		if done != 1 {
			t.Fatalf("done %d times", done)
		}
		if err := db.KeepAnswer(ctx, "k", `{"status":201}`); err != nil {
			t.Fatal(err)
		}
		var again *store.Again
		if err := act("k"); !errors.As(err, &again) || again.Answer == "{}" {
			t.Errorf("the kept answer: %v", err)
		}
		if err := act("other"); err != nil {
			t.Errorf("another key: %v", err)
		}
		c := db.Claim(ctx, "two") // one request may write twice: only the first write is the act
		for range 2 {
			if err := db.Update(c, func(*store.Tx) error { return nil }); err != nil {
				t.Errorf("the second write of a request: %v", err)
			}
		}
	})
}
