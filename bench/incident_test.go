package bench

import (
	"context"
	"fmt"
	"testing"

	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// BenchmarkCases lists, filters, searches and counts 100,000 cases as the team that
// has them and as the team of another CERT, which has two;
// p95 < 200 ms each, alone and with four clients at once.
func BenchmarkCases(b *testing.B) {
	for engine, open := range map[string]func(testing.TB, clock.Clock) *store.DB{"sqlite": testkit.SQLite, "postgres": testkit.Postgres} {
		b.Run(engine, func(b *testing.B) {
			w := incidenttest.New(b, open(b, clock.NewMoved(testkit.AsOf, 1)))
			like := w.Open(b, w.Ana, "Први")
			for range 2 {
				w.Open(b, w.Petar, "Туђ")
			}
			n := scaled(100_000)
			incidenttest.Fill(b, w, like, w.Ana, n)
			for name, who := range map[string]ident.Actor{"own": w.Ana, "other": w.Petar} {
				for what, f := range map[string]incident.Filter{"all": {}, "open": {State: "open"}, "mine": {Mine: true}, "severity": {Severity: "very-high", State: "closed"}, "class": {Class: "fraud"},
					"common word": {Query: "податак"}, "rare word": {Query: fmt.Sprintf("rec%d", n-3)}, "two words": {Query: "пецање подат"}, "apart": {Query: "пецање мрежу"}, "word and class": {Query: "упад", Class: "fraud"}, "by severity": {Sort: "-severity"}} {
					b.Run(name+"/"+what, func(b *testing.B) {
						listed(b, func(int) error {
							list, more, err := w.S.List(context.Background(), who, f, incident.Page{})
							if err == nil && more {
								key, id := list[len(list)-1].Keys(f.Sort)
								_, _, err = w.S.List(context.Background(), who, f, incident.Page{Key: key, ID: id})
							}
							return err
						})
					})
					b.Run(name+"/count "+what, func(b *testing.B) {
						listed(b, func(int) error { _, _, err := w.S.Count(context.Background(), who, f); return err })
					})
				}
			}
			b.Run("overview", func(b *testing.B) {
				listed(b, func(int) error { _, err := w.S.Overview(context.Background(), w.Ana); return err })
			})
		})
	}
}
