package search

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/store"
)

// Words adds the folded words of a text to out, each once, up to most: two to sixty bytes
// of letters, digits, and the hyphens and dots within.
func Words(out []string, text string, most int) []string {
	for _, w := range strings.FieldsFunc(i18n.Fold(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '.'
	}) {
		if w = strings.Trim(w, "-."); len(w) >= 2 && len(w) <= 60 && len(out) < most && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// Rewrite gives an object these words and no others.
func (x Index) Rewrite(ctx context.Context, tx *store.Tx, object int64, words []string) error {
	return x.rewrite(ctx, tx, object, words)
}

// Newest gives the shapes of one page of a list that is read from its newest row on:
// whoever gets too few rows from one asks the next. page makes the statement of where its
// rows come from (table under an alias, or its newest rows in an order) and of the test of
// the words.
func (t Terms) Newest(table, alias, order string, page func(from, words string) string) []func() (string, []any) {
	return t.newest(table, alias, order, page)
}
