package bench

import (
	"os"
	"strings"
	"testing"
	"time"

	"straza/internal/intel"
)

// BenchmarkTenMillion: what a tenfold database costs, in one run beside itself at 1M.
// events/add of 10,000 attributes keeps its rate as the raw insert does, times 1.3 at
// most; one value among 10M is found within 10 ms (p95); memory at most 300 MB. It
// takes a quarter of an hour and 12 GB: only with STRAZA_BENCH_TEN=1, on a field of
// its own.
func BenchmarkTenMillion(b *testing.B) {
	if os.Getenv("STRAZA_BENCH_TEN") == "" {
		b.Skip("STRAZA_BENCH_TEN=1 fills 10M attributes")
	}
	f := filled(b)
	defer func() { made = nil }() // it is another one now
	srv := f.surface(b, f.writer)
	add := func() (took, raw time.Duration) {
		var tooks, raws []time.Duration
		for range 5 {
			uuid := f.DB.NewUUID()
			_, all, _ := ask(b, "POST", srv.URL+"/events/add/metadata:1", strings.NewReader(f.document(b, uuid, 10_000)))
			tooks = append(tooks, all)
			e, err := f.Intel.Event(ctx, f.writer, uuid)
			must(b, err)
			raws = append(raws, f.raw(b, e))
			f.drop(b, uuid)
		}
		return part(tooks, 50), part(raws, 50)
	}
	for b.Loop() {
		one, rawOne := add()
		start := time.Now()
		for n := scaled(1_000_000); n < scaled(10_000_000); n += 10_000 {
			f.add(b, 10_000, intel.Community, 0)
		}
		b.Logf("9M attributes more in %v", time.Since(start).Round(time.Second))
		m := measure(b)
		ten, rawTen := add()
		b.ReportMetric(10_000/one.Seconds(), "rows/s-at-1M")
		b.ReportMetric(10_000/ten.Seconds(), "rows/s-at-10M")
		b.ReportMetric(10_000/rawTen.Seconds(), "raw-rows/s-at-10M")
		most(b, ten.Seconds()/one.Seconds(), 1.3*rawTen.Seconds()/rawOne.Seconds(), "times-slower")
		var times []time.Duration
		for range 1000 {
			_, took, _ := ask(b, "POST", srv.URL+"/attributes/restSearch",
				strings.NewReader(`{"returnFormat":"json","value":"`+f.Values[rng.IntN(len(f.Values))]+`"}`))
			times = append(times, took)
		}
		most(b, ms(part(times, 95)), 10, "ms-p95-value")
		most(b, m.peak(b), 300, "MB")
	}
}
