package privacy

import (
	"context"
	"slices"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// Law 9: every column of the live schema is classified, and nothing else is.
func TestEveryColumnIsClassified(t *testing.T) {
	t.Parallel()
	categories, err := parseCategories()
	if err != nil {
		t.Fatal(err)
	}
	columns, err := parseColumns(columnsText, categories)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		tables, err := db.Tables()
		if err != nil {
			t.Fatal(err)
		}
		query := `SELECT name FROM pragma_table_info($1)`
		if db.Engine == store.PostgreSQL {
			query = `SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1`
		}
		n := 0
		err = db.View(ctx, func(tx *store.Tx) error {
			for _, table := range tables {
				live, err := store.All(ctx, tx, store.ScanString, query, table)
				if err != nil {
					return err
				}
				n += len(live)
				for _, c := range live {
					if columns[table][c] == "" {
						t.Errorf("%s.%s is not classified: add it to columns.txt", table, c)
					}
				}
				for c := range columns[table] {
					if !slices.Contains(live, c) {
						t.Errorf("%s.%s is classified and does not exist", table, c)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for table := range columns {
			if !slices.Contains(tables, table) && table != "search_lite" {
				if db.Engine == store.SQLite || !liteOnly[table] {
					t.Errorf("table %s is classified and does not exist", table)
				}
			}
		}
		if n < 700 {
			t.Errorf("only %d columns were compared", n)
		}
	})
}

// liteOnly are tables that only SQLite has.
var liteOnly = map[string]bool{}

// A column without a category, an unknown one, or one that stands twice is refused.
func TestBrokenClassification(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a id\n", "a none: id\na none: id\n", "a wrong: id\n", "a none: id id\n"} {
		if _, err := parseColumns([]byte(text), nil); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}

// Every category says why, on what ground, in both languages, and holds something.
func TestCategories(t *testing.T) {
	t.Parallel()
	s, err := New(Deps{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.categories {
		for _, l := range []string{c.Purpose["sr-Cyrl"], c.Purpose["en"], c.Ground["sr-Cyrl"], c.Ground["en"]} {
			if l == "" {
				t.Errorf("%s lacks a text", c.Key)
			}
		}
		if len(s.columns.places(c.Key)) == 0 {
			t.Errorf("%s holds nothing", c.Key)
		}
	}
}

func FuzzColumns(f *testing.F) {
	f.Add(columnsText)
	f.Add([]byte("a none: id  x: y\n"))
	categories, _ := parseCategories()
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := parseColumns(text, categories); err == nil {
			for table, cols := range c {
				for col, k := range cols {
					if k == "" {
						t.Errorf("%s.%s without a category", table, col)
					}
				}
			}
		}
	})
}
