package bench

import (
	"errors"
	"io"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// raw inserts the rows of an event once more, under other ids, UUIDs and keys.
func (f *field) raw(b *testing.B, e intel.Event) time.Duration {
	b.Helper()
	cols, list := f.rows(b, e)
	event := f.DB.NewID()
	for _, row := range list {
		f.anew(cols, row, event)
	}
	start := time.Now()
	must(b, f.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.CopyIn(ctx, "intel_attribute", cols, func(yield func([]any, error) bool) {
			for _, row := range list {
				if !yield(row, nil) {
					return
				}
			}
		})
		return err
	}))
	took := time.Since(start)
	must(b, f.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM intel_attribute WHERE event_id = $1", event)
		return err
	}))
	return took
}

// anew makes a row read from the table another one of an event.
func (f *field) anew(cols []string, row []any, event int64) {
	for i, c := range cols {
		switch {
		case c == "id":
			row[i] = f.DB.NewID()
		case c == "event_id":
			row[i] = event
		case c == "uuid":
			row[i] = store.NewRandomUUID(f.DB.Clock)
		case c == "key1" || c == "key2" && row[i] != nil:
			row[i] = rng.Int64()
		}
	}
}

// rows reads all attributes of an event as they stand.
func (f *field) rows(b *testing.B, e intel.Event) (cols []string, list [][]any) {
	b.Helper()
	must(b, f.DB.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, "SELECT * FROM intel_attribute WHERE event_id = $1", e.ID)
		if err != nil {
			return err
		}
		defer rows.Close()
		if cols, err = rows.Columns(); err != nil {
			return err
		}
		for rows.Next() {
			row, ptrs := make([]any, len(cols)), make([]any, len(cols))
			for i := range row {
				ptrs[i] = &row[i]
			}
			if err := rows.Scan(ptrs...); err != nil {
				return err
			}
			list = append(list, row)
		}
		return rows.Err()
	}))
	return cols, list
}

// BenchmarkOneValue: one value among 1M, by turns as a reader with 50 groups and as
// one whom no predicate holds back: the predicate costs at most 0.1 ms.
func BenchmarkOneValue(b *testing.B) {
	f := filled(b)
	look := func(who ident.Actor, value string) time.Duration {
		q := intel.Query{Value: intel.Filter{Or: []string{value}}}
		start, n := time.Now(), 0
		must(b, f.Intel.SearchAttributes(ctx, who, q, func(*intel.Attribute) error { n++; return nil }))
		if n == 0 {
			b.Fatal("not found")
		}
		return time.Since(start)
	}
	for b.Loop() {
		var on, off []time.Duration
		for i := range 4000 {
			value := f.Values[rng.IntN(len(f.Values))]
			look(f.reader, value) // into the cache, for both alike
			if i%2 == 0 {
				off = append(off, look(ident.SystemPart("demo"), value))
			}
			on = append(on, look(f.reader, value))
			if i%2 != 0 {
				off = append(off, look(ident.SystemPart("demo"), value))
			}
		}
		most(b, ms(part(on, 95)), 10, "ms-p95")
		most(b, ms(part(on, 50)-part(off, 50)), 0.1, "ms-predicate")
		b.ReportMetric(ms(part(on, 50)), "ms-p50")
	}
}

// BenchmarkPredicate: everything one sees streamed as JSON with the audience
// predicate, per row beside the same without. At most 1.3 times; memory flat.
func BenchmarkPredicate(b *testing.B) {
	f := filled(b)
	stream := func(who ident.Actor) (perRow float64, n int) {
		start := time.Now()
		var buf []byte
		must(b, f.Intel.SearchAttributes(ctx, who, intel.Query{}, func(a *intel.Attribute) error {
			w := a.Wire()
			buf = misp.Append(buf[:0], &w)
			n++
			_, err := io.Discard.Write(buf)
			return err
		}))
		return float64(time.Since(start).Nanoseconds()) / float64(n), n
	}
	for b.Loop() {
		stream(f.reader) // into the cache, for both alike
		off, all := stream(ident.SystemPart("demo"))
		m := measure(b)
		on, n := stream(f.reader)
		b.Logf("%d of %d attributes seen", n, all)
		b.ReportMetric(off, "ns/row-off")
		b.ReportMetric(on, "ns/row-on")
		most(b, on/off, 1.3, "times")
		most(b, m.grown(b), flat, "MB-grown")
	}
}

// flat is how much the process may grow (MB) while it streams, whatever the size:
// the pages that the engine keeps, buffers, and what waits for the collector.
const flat = 64

// BenchmarkOnePercent: three ways in which a search gives 10,000 of 1M attributes:
// a type that every hundredth has, the last second of the time stamps, the
// tag of ten events. The first within 50 ms.
func BenchmarkOnePercent(b *testing.B) {
	f := filled(b)
	for name, q := range f.onePercent(b) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var firsts []time.Duration
				n := 0
				for range 9 {
					start := time.Now()
					n = 0
					must(b, f.Intel.SearchAttributes(ctx, f.reader, q, func(*intel.Attribute) error {
						if n++; n == 1 {
							firsts = append(firsts, time.Since(start))
						}
						return nil
					}))
				}
				most(b, ms(part(firsts, 50)), 50, "ms-first")
				b.ReportMetric(float64(n), "rows")
			}
		})
	}
}

// onePercent gives questions that a hundredth of the attributes answers.
func (f *field) onePercent(b *testing.B) map[string]intel.Query {
	b.Helper()
	const tag = "bench:hundredth"
	n, last := scaled(10_000), int64(0)
	have, err := f.Intel.CountAttributes(ctx, f.writer, intel.Query{Tag: intel.Filter{Or: []string{tag}}})
	must(b, err)
	if have == 0 {
		for range 10 {
			e := f.add(b, n/10, intel.Community, 0, func(_ int, a *misp.Attribute) { a.Timestamp = misp.N(2_000_000_000) })
			_, err := f.Intel.Attach(ctx, f.writer, intel.Target{Event: e.UUID}, []string{tag}, false)
			must(b, err)
		}
	}
	last = 2_000_000_000
	return map[string]intel.Query{
		"type": {Type: intel.Filter{Or: []string{"mutex"}}},
		"time": {Time: intel.Span{From: &last}},
		"tag":  {Tag: intel.Filter{Or: []string{tag}}},
	}
}

// BenchmarkByTag: the thousand attributes of one tagged event, the first within
// 50 ms, whatever else is there.
func BenchmarkByTag(b *testing.B) {
	f := filled(b)
	e := f.add(b, 1000, intel.Community, 0)
	_, err := f.Intel.Attach(ctx, f.writer, intel.Target{Event: e.UUID}, []string{"bench:rare"}, false)
	must(b, err)
	for b.Loop() {
		start, n := time.Now(), 0
		var first time.Duration
		must(b, f.Intel.SearchAttributes(ctx, f.reader, intel.Query{Tag: intel.Filter{Or: []string{"bench:rare"}}}, func(*intel.Attribute) error {
			if n++; n == 1 {
				first = time.Since(start)
			}
			return nil
		}))
		if n != 1000 {
			err = errors.Join(err, errors.New("not all attributes"))
		}
		most(b, ms(first), 50, "ms-first")
	}
	must(b, err)
	f.drop(b, e.UUID)
}
