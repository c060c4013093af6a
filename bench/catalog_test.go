package bench

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"straza/internal/catalog"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

const upstream = "../../shared/data"

func upstreamFiles() catalog.Files {
	return func(yield func(catalog.File, error) bool) {
		for _, dir := range []string{"misp-galaxy", "misp-taxonomies", "misp-objects", "misp-warninglists"} {
			fsys := os.DirFS(filepath.Join(upstream, dir))
			err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() && !yield(catalog.File{Name: p, Open: func() (io.ReadCloser, error) { return fsys.Open(p) }}, nil) {
					return fs.SkipAll
				}
				return err
			})
			if err != nil {
				yield(catalog.File{}, err)
			}
		}
	}
}

// BenchmarkCatalog takes in all upstream catalogues, searches their 46,000 clusters
// as one types, and asks their 136 warning lists about 100,000 values.
func BenchmarkCatalog(b *testing.B) {
	if _, err := os.Stat(upstream); err != nil {
		b.Skip("no upstream catalogues beside this tree")
	}
	for engine, open := range engines {
		b.Run(engine, func(b *testing.B) { catalogues(b, open(b, clock.System())) })
	}
}

func catalogues(b *testing.B, db *store.DB) {
	ctx, who := context.Background(), ident.SystemPart("importer")
	s := catalog.New(catalog.Deps{DB: db, Audit: testkit.Audit(db)})
	b.Run("import", func(b *testing.B) {
		m, start, before := measure(b), time.Now(), db.Size(ctx)
		rep, err := s.Import(ctx, who, upstreamFiles())
		must(b, err)
		if len(rep.Refused) > 0 || rep.Entries < 500_000 {
			b.Fatalf("%d entries, refused %v", rep.Entries, rep.Refused)
		}
		most(b, time.Since(start).Seconds(), 30, "s")
		most(b, m.peak(b), 300, "MB-peak")
		most(b, float64(db.Size(ctx)-before)/float64(49_758_835), 1.3, "of-compact-size") // all of it as JSON without blanks
	})
	b.Run("search", func(b *testing.B) {
		_, err := s.FindClusters(ctx, who, "apt", 50)
		must(b, err)
		var times []time.Duration
		for range 20 {
			for _, w := range []string{"a", "ap", "apt", "apt2", "apt28", "fancy b", "кобалт", "nothing at all here"} {
				start := time.Now()
				_, err := s.FindClusters(ctx, who, w, 50)
				must(b, err)
				times = append(times, time.Since(start))
			}
		}
		most(b, ms(part(times, 95)), 20, "ms-p95")
	})
	b.Run("lists", func(b *testing.B) {
		_, err := s.Hits(ctx, who, "ip-dst", "198.51.100.1")
		must(b, err)
		const n = 100_000
		types, values := make([]string, n), make([]string, n)
		for i := range n {
			switch i % 5 {
			case 0:
				types[i], values[i] = "ip-dst", fmt.Sprintf("%d.%d.%d.%d", i%223+1, i>>8&255, i&255, i%251)
			case 1:
				types[i], values[i] = "domain", fmt.Sprintf("host%d.example%d.com", i, i%977)
			case 2:
				types[i], values[i] = "md5", fmt.Sprintf("%032x", i*7919)
			case 3:
				types[i], values[i] = "email-src", fmt.Sprintf("person%d@mail%d.example.org", i, i%977)
			default:
				types[i], values[i] = "url", fmt.Sprintf("https://www.site%d.net/path/%d", i%5000, i)
			}
		}
		start, hits := time.Now(), 0
		for i := range n {
			h, err := s.Hits(ctx, who, types[i], values[i])
			must(b, err)
			hits += len(h)
		}
		b.ReportMetric(float64(hits), "hits")
		least(b, n/time.Since(start).Seconds(), 1e6, "values/s")
	})
}
