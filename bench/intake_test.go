package bench

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"straza/internal/craft/form"
	"straza/internal/intake"
	"straza/internal/intake/intakeapi"
	"straza/internal/intake/intaketest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

// engines opens both engines, each on a disk of its own.
var engines = map[string]func(testing.TB, clock.Clock) *store.DB{"sqlite": testkit.SQLite, "postgres": testkit.Postgres}

// BenchmarkQueue lists, filters, searches and counts 100,000 reports as an analyst;
// p95 < 200 ms each, alone and with four clients at once.
func BenchmarkQueue(b *testing.B) {
	for engine, open := range engines {
		b.Run(engine, func(b *testing.B) {
			w := intaketest.New(b, open(b, clock.NewMoved(testkit.AsOf, 1)))
			_, like := w.Send(b, intaketest.Plain("Прва"))
			intaketest.Fill(b, w.DB, like, scaled(100_000))
			for name, f := range map[string]intake.Filter{
				"open":          {State: "open"},
				"all":           {},
				"filter":        {State: "accepted", Type: intake.Threat, Severity: "high"},
				"filter-rare":   {State: "open", Type: intake.Vulnerability},
				"late":          {State: "open", Late: true},
				"search-number": {Query: "P-2025-004711"},
				"search-common": {Query: "рачунару закључане"},
				"search-broad":  {Query: "la"},
				"search-apart":  {Query: "пошиљци лозинки"},
				"search-none":   {Query: "xyzzy"},
				"since":         {Since: testkit.AsOf.Add(-24 * time.Hour)},
			} {
				b.Run("list/"+name, func(b *testing.B) {
					listed(b, func(int) error { _, _, err := w.S.List(ctx, w.Ana, f, intake.Page{}); return err })
				})
				b.Run("count/"+name, func(b *testing.B) {
					listed(b, func(int) error { _, _, err := w.S.Count(ctx, w.Ana, f); return err })
				})
			}
		})
	}
}

// BenchmarkReports sends reports with an attachment of 200 KB through the interface
// for machines, each on disk before it is answered: eight senders without pause, at
// least 20 a second; then a burst of 100 a second for ten seconds, however fast the
// answers come; p95 ≤ 1 s in both. An incident is kept plain, a vulnerability is
// sealed, as everything is in a CERT that seals. PostgreSQL is as durable as the
// server behind STRAZA_TEST_PG (scripts/pg.sh start NAME --durable).
func BenchmarkReports(b *testing.B) {
	for engine, open := range engines {
		b.Run(engine, func(b *testing.B) {
			w := intaketest.New(b, open(b, clock.System()))
			catalog, err := i18n.NewCatalog(ui.Messages, form.Messages)
			must(b, err)
			origin, _ := url.Parse("http://localhost:8480")
			m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: catalog})
			intakeapi.Routes(m, w.S)
			h, err := m.Handler()
			must(b, err)
			for _, kind := range []string{"incident", "vulnerability"} {
				b.Run(kind+"/sustained", func(b *testing.B) { sendMany(b, h, kind, scaled(600)) })
				b.Run(kind+"/burst", func(b *testing.B) { sendBurst(b, h, kind, 100, scaled(1000)) })
			}
		})
	}
}

func sendMany(b *testing.B, h http.Handler, kind string, n int) {
	work, took := make(chan int), make([]time.Duration, n)
	var wg sync.WaitGroup
	begun := time.Now()
	for range 8 {
		wg.Go(func() {
			for i := range work {
				start := time.Now()
				if code := sendOne(h, kind, i); code != http.StatusCreated {
					b.Errorf("report %d: %d", i, code)
				}
				took[i] = time.Since(start)
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	rate := float64(n) / time.Since(begun).Seconds()
	b.ReportMetric(rate, "reports/s")
	b.ReportMetric(20, "limit-reports/s")
	if rate < 20 {
		b.Errorf("%.0f reports a second, at least 20", rate)
	}
	slices.Sort(took)
	within(b, took[n*95/100], time.Second)
}

// sendBurst sends n reports at a fixed rate, whether or not the earlier ones are
// answered. The burst is held when its last answer comes within a second of its end.
func sendBurst(b *testing.B, h http.Handler, kind string, rate, n int) {
	took := make([]time.Duration, n)
	var wg sync.WaitGroup
	begun := time.Now()
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for i := range n {
		due := begun.Add(time.Duration(i) * time.Second / time.Duration(rate))
		for time.Now().Before(due) {
			<-tick.C
		}
		wg.Go(func() {
			if code := sendOne(h, kind, 1_000_000+i); code != http.StatusCreated {
				b.Errorf("report %d: %d", i, code)
			}
			took[i] = time.Since(due) // from when it was due: a late start counts
		})
	}
	wg.Wait()
	got := float64(n) / max(time.Since(begun).Seconds()-1, float64(n)/float64(rate))
	b.ReportMetric(got, "reports/s")
	b.ReportMetric(float64(rate), "limit-reports/s")
	if got < float64(rate) {
		b.Errorf("%.0f reports a second, %d came", got, rate)
	}
	slices.Sort(took)
	within(b, took[n*95/100], time.Second)
}

var attachment = bytes.Repeat([]byte("Стража"), 200<<10/12)

func sendOne(h http.Handler, kind string, i int) int {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	_ = m.WriteField("report", fmt.Sprintf(`{"type":%q,"description":"Пријава број %d са http://lazna-%d.rs/x и још неколико речи о томе шта се догодило","contact":{"name":"Милица","email":"m%d@primer.rs"}}`, kind, i, i, i))
	f, _ := m.CreateFormFile("file", "snimak.png")
	_, _ = f.Write(attachment)
	_ = m.Close()
	r := httptest.NewRequest(http.MethodPost, "http://localhost:8480/api/v1/reports", &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Code
}
