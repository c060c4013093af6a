package testkit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/store"
)

// Standing lists the columns of all tables in which a word still stands, folded or not.
func Standing(t testing.TB, db *store.DB, words ...string) (out []string) {
	t.Helper()
	tables, err := db.Tables()
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(context.Background(), func(tx *store.Tx) error {
		for _, table := range tables {
			rows, err := tx.Query(context.Background(), "SELECT * FROM "+table)
			if err != nil {
				return err
			}
			cols, _ := rows.Columns()
			vals, at := make([]any, len(cols)), make([]any, len(cols))
			for i := range vals {
				at[i] = &vals[i]
			}
			for rows.Next() {
				if err := rows.Scan(at...); err != nil {
					return err
				}
				for i, v := range vals {
					text := fmt.Sprint(v)
					if b, ok := v.([]byte); ok {
						text = string(b)
					}
					for _, word := range words {
						if name := table + "." + cols[i]; strings.Contains(i18n.Fold(text), i18n.Fold(word)) && !slices.Contains(out, name) {
							out = append(out, name)
						}
					}
				}
			}
			if err := rows.Err(); err != nil {
				return err
			}
			_ = rows.Close()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
