package store_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestBehindAPool: the address of the database may say how pgx asks (as behind a pooler
// that knows no prepared statements); every kind of value goes and comes as it is.
func TestBehindAPool(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			ctx, url := context.Background(), testkit.PostgresURL(t)
			db, err := store.Open(ctx, store.Config{URL: url + "&default_query_exec_mode=" + mode})
			must(t, err)
			t.Cleanup(func() { _ = db.Close() })
			at, raw := time.Date(2026, 11, 23, 2, 0, 0, 123456000, time.UTC), []byte{0, 255, '\\', 'x'}
			must(t, db.Update(ctx, func(tx *store.Tx) error {
				if _, err := tx.Exec(ctx, "CREATE TABLE pool_kind (i BIGINT, r DOUBLE PRECISION, b BOOLEAN, t TEXT, raw BYTEA, at TIMESTAMPTZ, nil TEXT)"); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, "INSERT INTO pool_kind VALUES ($1,$2,$3,$4,$5,$6,$7)", int64(-7), 1.5, true, "речи 'и' \\n", raw, at, nil)
				return err
			}))
			must(t, db.View(ctx, func(tx *store.Tx) error {
				var (
					i    int64
					r    float64
					b    bool
					text string
					got  []byte
					when time.Time
					none *string
				)
				found, err := tx.Row(ctx, "SELECT i, r, b, t, raw, at, nil FROM pool_kind WHERE i = $1 AND r < $2 AND b = $3 AND t = $4 AND raw = $5 AND at = $6",
					[]any{int64(-7), 2.5, true, "речи 'и' \\n", raw, at}, &i, &r, &b, &text, &got, &when, &none)
				if err == nil && (!found || i != -7 || r != 1.5 || !b || text != "речи 'и' \\n" || !bytes.Equal(got, raw) || !when.Equal(at) || none != nil) {
					t.Errorf("came back otherwise: %v %d %v %v %q %x %v %v", found, i, r, b, text, got, when, none)
				}
				return err
			}))
		})
	}
}
