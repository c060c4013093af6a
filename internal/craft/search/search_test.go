package search_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"straza/internal/craft/search"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// Every shape of one question gives the same objects, on both engines, whether its
// words are common, rare, apart or unknown.
func TestShapesAgree(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		fill(t, db)
		index := search.Index{Table: "words", Object: "object"}
		for _, c := range []struct {
			words []string
			want  func(i int) bool
			rare  bool
		}{
			{[]string{"paran"}, func(i int) bool { return i%2 == 0 }, false},
			{[]string{"par"}, func(i int) bool { return i%2 == 0 }, false},
			{[]string{"neparan", "paran"}, func(int) bool { return false }, false},
			{[]string{"paran", "broj7"}, func(i int) bool { return i%2 == 0 && fmt.Sprint(i)[0] == '7' }, true},
			{[]string{"broj17"}, func(i int) bool { return len(fmt.Sprint(i)) > 1 && fmt.Sprint(i)[:2] == "17" }, true},
			{[]string{"paran", "nema"}, func(int) bool { return false }, true},
			{nil, func(int) bool { return true }, false},
		} {
			var want []int64
			for i := range objects {
				if c.want(i) {
					want = append(want, int64(i+1))
				}
			}
			spans := []search.Span{}
			for _, w := range c.words {
				spans = append(spans, search.Beginning(w))
			}
			err := db.View(ctx, func(tx *store.Tx) error {
				terms, err := index.Terms(ctx, tx, spans)
				must(t, err)
				if terms.Rare() != c.rare || terms.None() != slices.Contains(c.words, "nema") || terms.Any() != (len(c.words) > 0) {
					t.Errorf("%v: rare %v, none %v", c.words, terms.Rare(), terms.None())
				}
				for name, shape := range map[string]func(string, func(any) string) string{"start": terms.Start, "probe": terms.Probe, "set": terms.Set} {
					var args []any
					test := shape("c.id", func(v any) string { args = append(args, v); return fmt.Sprintf("$%d", len(args)) })
					got, err := store.All(ctx, tx, store.ScanInt64, "SELECT c.id FROM (SELECT DISTINCT object AS id FROM words) c WHERE "+test+" ORDER BY c.id", args...)
					if err != nil || !slices.Equal(got, want) {
						t.Errorf("%v as %s: %d rows, want %d, %v", c.words, name, len(got), len(want), err)
					}
				}
				return nil
			})
			must(t, err)
		}
	})
}

const objects = 2*search.Few + 200

func fill(t *testing.T, db *store.DB) {
	t.Helper()
	ctx := context.Background()
	must(t, db.Update(ctx, func(tx *store.Tx) error {
		for _, text := range []string{"CREATE TABLE words (object BIGINT NOT NULL, word BYTEA NOT NULL)", "CREATE INDEX words_word ON words (word, object)", "CREATE INDEX words_object ON words (object, word)"} {
			if _, err := tx.Exec(ctx, text); err != nil {
				return err
			}
		}
		_, err := tx.CopyIn(ctx, "words", []string{"object", "word"}, func(yield func([]any, error) bool) {
			for i := range objects {
				for _, w := range []string{[]string{"paran", "neparan"}[i%2], fmt.Sprintf("broj%d", i)} {
					if !yield([]any{int64(i + 1), []byte(w)}, nil) {
						return
					}
				}
			}
		})
		return err
	}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
