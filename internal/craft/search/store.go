package search

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"straza/internal/kernel/store"
)

const (
	// Few is up to how many hits of a word a list starts from the word.
	Few = 2000
	// Walked is how much of a list is walked before its words are intersected; at
	// three microseconds a probe it is lost in what a page costs anyway.
	Walked = 3000
)

// Index names a room's table of words, its column with the object's id, and the table
// of the objects (column id), which only Or needs.
type Index struct{ Table, Object, List string }

// Span is the range [From, To) of the words that match one word of a query.
type Span struct{ From, To []byte }

// Beginning is the span of all words that begin with w.
func Beginning(w string) Span { return Span{[]byte(w), append([]byte(w), 0xff)} }

// Terms are the words of one query, the rarest first.
type Terms struct {
	index Index
	spans []Span
	none  bool
	rare  bool
	named string // list of ids that the query names by number, "" = none
}

// Terms looks how common each word is, counting up to Few.
func (x Index) Terms(ctx context.Context, tx *store.Tx, spans []Span) (Terms, error) {
	t := Terms{index: x, spans: slices.Clone(spans)}
	best, least := 0, int64(Few+1)
	for i, s := range spans {
		n, err := store.Int64(ctx, tx, x.hits(), s.From, s.To)
		if err != nil {
			return t, err
		}
		if t.none = t.none || n == 0; n < least {
			best, least = i, n
		}
	}
	if t.rare = least <= Few; t.rare {
		t.spans[0], t.spans[best] = t.spans[best], t.spans[0]
	}
	return t, nil
}

func (x Index) hits() string {
	return "SELECT COUNT(*) FROM (SELECT 1 FROM " + x.Table + " w WHERE w.word >= $1 AND w.word < $2 LIMIT " + strconv.Itoa(Few+1) + ") x"
}

// Or lets the query find these objects, too: those whose number it is. Only for a
// query of one word, because a number among words is a word.
func (t Terms) Or(ids []int64) Terms {
	if len(ids) == 0 || len(t.spans) != 1 {
		return t
	}
	t.named, t.none = store.In(ids), false
	return t
}

// Any tells whether the query has words at all.
func (t Terms) Any() bool { return len(t.spans) > 0 }

// None: a word that no object has ends the search before it begins.
func (t Terms) None() bool { return t.none }

// Rare tells whether one word is rare enough to start from.
func (t Terms) Rare() bool { return t.rare }

// Start tests the object with id column outer, beginning with the rarest word; arg
// takes an argument and gives its mark, in the order of the text.
func (t Terms) Start(outer string, arg func(any) string) string {
	if len(t.spans) == 0 {
		return "1 = 1"
	}
	set := t.entries(t.spans[0], arg) + t.numbers()
	tests := []string{outer + " IN (" + set + ")"}
	for _, s := range t.spans[1:] {
		tests = append(tests, t.probe(s, outer, arg))
	}
	return strings.Join(tests, " AND ")
}

// Probe tests the object with id column outer, one look into the index a word.
func (t Terms) Probe(outer string, arg func(any) string) string {
	tests := []string{"1 = 1"}
	for _, s := range t.spans {
		tests = append(tests, t.probe(s, outer, arg))
	}
	if t.named != "" {
		return "(" + tests[1] + " OR " + outer + " IN " + t.named + ")"
	}
	return strings.Join(tests, " AND ")
}

// Set tests that the object is in the intersection of the words' sets, made once.
func (t Terms) Set(outer string, arg func(any) string) string {
	if len(t.spans) == 0 {
		return "1 = 1"
	}
	sets := make([]string, len(t.spans))
	for i, s := range t.spans {
		sets[i] = t.entries(s, arg)
	}
	if len(sets) == 1 {
		sets[0] += t.numbers()
	}
	return outer + " IN (" + strings.Join(sets, " INTERSECT ") + ")"
}

// numbers adds what Or named to a word's set: an OR beside the set would have the
// planners walk the whole list.
func (t Terms) numbers() string {
	if t.named == "" {
		return ""
	}
	return " UNION SELECT n.id FROM " + t.index.List + " n WHERE n.id IN " + t.named
}

// entries: DISTINCT keeps PostgreSQL from walking all objects and asking the words of each.
func (t Terms) entries(s Span, arg func(any) string) string {
	return "SELECT DISTINCT w." + t.index.Object + " FROM " + t.index.Table + " w WHERE w.word >= " + arg(s.From) + " AND w.word < " + arg(s.To)
}

// probe is a scalar, because PostgreSQL turns EXISTS into a join with every such word.
func (t Terms) probe(s Span, outer string, arg func(any) string) string {
	return "(SELECT 1 FROM " + t.index.Table + " w WHERE w." + t.index.Object + " = " + outer + " AND w.word >= " + arg(s.From) + " AND w.word < " + arg(s.To) + " LIMIT 1) IS NOT NULL"
}

func (t Terms) newest(table, alias, order string, page func(from, words string) string) []func() (string, []any) {
	shape := func(test func(string, func(any) string) string, walks bool) func() (string, []any) {
		return func() (string, []any) {
			var args []any
			from := table
			if walks {
				from = "(SELECT * FROM " + table + " w ORDER BY " + order + " LIMIT " + strconv.Itoa(Walked) + ")"
			}
			words := test(alias+".id", func(v any) string { args = append(args, v); return "$" + strconv.Itoa(len(args)) })
			return page(from+" "+alias, words), args
		}
	}
	if t.Rare() {
		return []func() (string, []any){shape(t.Start, false)}
	}
	return []func() (string, []any){shape(t.Probe, true), shape(t.Set, false)}
}

func (x Index) rewrite(ctx context.Context, tx *store.Tx, object int64, words []string) error {
	if _, err := tx.Exec(ctx, "DELETE FROM "+x.Table+" WHERE "+x.Object+" = $1", object); err != nil {
		return err
	}
	rows := make([][]any, len(words))
	for i, w := range words {
		rows[i] = []any{object, []byte(w)}
	}
	return tx.InsertRows(ctx, x.Table, []string{x.Object, "word"}, rows)
}
