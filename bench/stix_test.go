package bench

import (
	"fmt"
	"io"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/stix"
)

// BenchmarkSTIXRead: a bundle of 100 MB, 350,000 objects whose references go far (all
// indicators, then what was observed, names, relationships), becomes an event in memory
// of its own. The text is held packed; the index of ids and the event are not.
func BenchmarkSTIXRead(b *testing.B) {
	n := scaled(350_000)
	for b.Loop() {
		r, w := io.Pipe()
		size := make(chan int64, 1)
		go func() { size <- spread(w, n); w.Close() }()
		mem, began := measure(b), time.Now()
		bundle, err := stix.ReadBundle(r, stix.Limits{})
		must(b, err)
		events, found := 0, 0
		_, err = bundle.Events(stix.ReadOptions{At: began}, func(e *misp.Event) error {
			events, found = events+1, found+len(e.Attribute)
			return nil
		})
		must(b, err)
		if took := time.Since(began); events != 1 || found != n/4 {
			b.Fatalf("%d events of %d attributes", events, found)
		} else {
			least(b, float64(n)/took.Seconds(), 7_000, "objects/s")
		}
		b.ReportMetric(float64(<-size)/1e6, "MB-of-text")
		most(b, mem.grown(b), 500, "MB")
	}
}

// spread writes a bundle of n objects and tells how long it is.
func spread(w io.Writer, n int) (size int64) {
	const at = `"created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z"`
	put := func(format string, args ...any) {
		k, _ := fmt.Fprintf(w, format, args...) // a reader that gave up says so itself
		size += int64(k)
	}
	put(`{"type":"bundle","id":"bundle--4dfddb34-0e54-5084-a4ea-c02a0fd70dd0","objects":[`)
	each := func(format string, args func(i int, uuid string) []any) {
		for i := range n / 4 {
			u := fmt.Sprintf("82a48ef4-acc4-4f85-882c-%012x", i)
			put(format, args(i, u)...)
		}
	}
	each(`{"type":"indicator","spec_version":"2.1","id":"indicator--%s",`+at+`,"pattern":"[domain-name:value = 'host-%d.example.com']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z","labels":["misp:type=\"domain\""]},`,
		func(i int, u string) []any { return []any{u, i} })
	each(`{"type":"observed-data","spec_version":"2.1","id":"observed-data--%s",`+at+`,"first_observed":"2026-01-01T00:00:00Z","last_observed":"2026-01-01T00:00:00Z","number_observed":1,"object_refs":["domain-name--%s"],"labels":["misp:type=\"domain\""]},`,
		func(_ int, u string) []any { return []any{u, u} })
	each(`{"type":"domain-name","spec_version":"2.1","id":"domain-name--%s","value":"host-%d.example.com"},`, func(i int, u string) []any { return []any{u, i} })
	each(`{"type":"relationship","spec_version":"2.1","id":"relationship--%s",`+at+`,"relationship_type":"based-on","source_ref":"indicator--%s","target_ref":"observed-data--%s"},`,
		func(_ int, u string) []any { return []any{u, u, u} })
	put(`{"type":"identity","spec_version":"2.1","id":"identity--82a48ef4-acc4-4f85-882c-000000000000",` + at + `,"name":"x","identity_class":"organization"}]}`)
	return size
}
