package store_test

import (
	"context"
	"slices"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func TestSpokenNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		said    string
		year, n int64
		ok      bool
	}{
		{"s-114", 0, 114, true}, {"s114", 0, 114, true}, {"114", 0, 114, true}, {"000114", 0, 114, true}, {"s-2026-114", 2026, 114, true},
		{"2026-114", 2026, 114, true}, {"s2026-000114", 2026, 114, true}, {"1", 0, 1, true}, {"999999", 0, 999999, true},
		{"", 0, 0, false}, {"s", 0, 0, false}, {"s-", 0, 0, false}, {"0", 0, 0, false}, {"1234567", 0, 0, false}, {"p-114", 0, 0, false},
		{"114a", 0, 0, false}, {"s--114", 0, 0, false}, {"20a6-114", 0, 0, false}, {"1-2-3", 0, 0, false}, {"-114", 0, 0, false},
	} {
		year, n, ok := store.Spoken("s", c.said)
		if ok != c.ok || ok && (year != c.year || n != c.n) {
			t.Errorf("%q: %d %d %v", c.said, year, n, ok)
		}
	}
}

func TestNumbersOfEverySeries(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			for _, s := range []string{"S-2025", "S-2026", "NC2-S-2026", "P-2026", "UP-2026", "XS-2026"} {
				if _, err := db.NextNumber(ctx, tx, s); err != nil {
					return err
				}
			}
			return nil
		}))
		must(t, db.View(ctx, func(tx *store.Tx) error {
			for said, want := range map[string][]string{"s114": {"NC2-S-2026-000114", "S-2025-000114", "S-2026-000114"}, "2025-7": {"S-2025-000007"}, "x": nil} {
				got, err := store.NumbersTx(ctx, tx, "S", said)
				slices.Sort(got)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%q: %v, want %v, %v", said, got, want, err)
				}
			}
			return nil
		}))
	})
}

func TestLetteredNumber(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"s-136": "s", "s136": "s", "s-2026-136": "s", "s2026-000136": "s", "p-136": "p", "up-2026-31": "up", "nc2-s-2026-000114": "s", "nc2-s-7": "s",
		"136": "", "2026-136": "", "": "", "s": "", "s-": "", "s-x": "", "s-1234567": "", "ж-136": "", "f5-136": "", "10.0.0.1": "", "-136": "",
	} {
		if got := store.Lettered(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}
