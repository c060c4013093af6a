package privacy

import (
	"bufio"
	"bytes"
	_ "embed" // the classification
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"straza/internal/kernel/i18n"
)

//go:embed columns.txt
var columnsText []byte

//go:embed categories.json
var categoriesText []byte

// None is the class of columns that hold no personal data.
const None = "none"

// Category is a kind of personal data: why it is held and on what ground.
type Category struct {
	Key     string    `json:"key"`
	Purpose i18n.Text `json:"purpose"`
	Ground  i18n.Text `json:"ground"`
	Days    int       `json:"days"` // the term we propose; 0 = no erasure by time
}

// Columns is the classification: table → column → category.
type Columns map[string]map[string]string

func parseCategories() (out []Category, err error) {
	if err = json.Unmarshal(categoriesText, &out); err != nil {
		return nil, fmt.Errorf("categories.json: %w", err)
	}
	return out, nil
}

// parseColumns reads columns.txt and refuses unknown categories, tables and columns
// that stand twice.
func parseColumns(text []byte, categories []Category) (Columns, error) {
	out := Columns{}
	sc := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		words := strings.Fields(line)
		table, category := words[0], ""
		if out[table] != nil {
			return nil, fmt.Errorf("columns.txt:%d: %s stands twice", n, table)
		}
		out[table] = map[string]string{}
		for _, w := range words[1:] {
			if name, ok := strings.CutSuffix(w, ":"); ok {
				if category = name; name != None && !slices.ContainsFunc(categories, func(c Category) bool { return c.Key == name }) {
					return nil, fmt.Errorf("columns.txt:%d: unknown category %q", n, name)
				}
				continue
			}
			if category == "" || out[table][w] != "" {
				return nil, fmt.Errorf("columns.txt:%d: column %s has no category or two", n, w)
			}
			out[table][w] = category
		}
	}
	return out, sc.Err()
}

// Place is a table and the columns of it that one category holds.
type Place struct {
	Table   string
	Columns []string
}

// places gives where a category's data are, in order.
func (c Columns) places(category string) (out []Place) {
	for table, cols := range c {
		p := Place{Table: table}
		for col, k := range cols {
			if k == category {
				p.Columns = append(p.Columns, col)
			}
		}
		if len(p.Columns) > 0 {
			slices.Sort(p.Columns)
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Place) int { return strings.Compare(a.Table, b.Table) })
	return out
}
