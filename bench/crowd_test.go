package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
)

// BenchmarkCrowdedValues: 6,000 small events half of whose values are the same two
// hundred, as many writers about one campaign leave them. What machines ask all day
// about such events, p95 over HTTP: ten headers by tag, ten headers of the index, one
// whole event.
func BenchmarkCrowdedValues(b *testing.B) {
	f := &field{World: inteltest.New(b, engine(b))}
	f.writer = f.Person(f.World.CERT, access.Analyst, ident.MISP)
	var events []string
	for i := range scaled(6_000) {
		head := &misp.Event{Info: misp.T(fmt.Sprintf("crowd %d", i)), UUID: misp.T(f.DB.NewUUID()), Distribution: misp.N(int64(intel.Community))}
		head.Tag = []misp.Tag{{Name: misp.T(fmt.Sprintf("crowd:%d", i%50))}}
		saved, err := f.Intel.AddEvent(ctx, f.writer, mixed(f.DB, head, []int{1, 5, 10, 40}[i%4], func(i int, a *misp.Attribute) {
			a.Type, a.Value = misp.T("domain"), misp.T(fmt.Sprintf("shared%d.crowd.example", rng.IntN(200)))
			if i%2 == 1 {
				a.Value = misp.T(fmt.Sprintf("h%x.crowd.example", rng.Uint64()))
			}
		}), intel.AddOptions{})
		must(b, err)
		events = append(events, saved.UUID)
	}
	srv := f.surface(b, f.Again(f.writer))
	for _, c := range []struct {
		name  string
		limit float64
		ask   func() (method, path, body string)
	}{
		{"tag", 40, func() (string, string, string) {
			return "POST", "/events/restSearch", fmt.Sprintf(`{"returnFormat":"json","tags":["crowd:%d"],"limit":10,"metadata":true}`, rng.IntN(50))
		}},
		{"index", 20, func() (string, string, string) {
			return "POST", "/events/index", fmt.Sprintf(`{"limit":10,"page":%d}`, 1+rng.IntN(5))
		}},
		{"event", 20, func() (string, string, string) {
			return "GET", "/events/view/" + events[rng.IntN(len(events))], ""
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				var times []time.Duration
				for range 200 {
					method, path, body := c.ask()
					_, took, _ := ask(b, method, srv.URL+path, strings.NewReader(body))
					times = append(times, took)
				}
				b.ReportMetric(ms(part(times, 50)), "ms-p50")
				most(b, ms(part(times, 95)), c.limit, "ms-p95")
			}
		})
	}
}
