package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"straza/internal/intel"
	"straza/internal/intel/intelweb"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// pages serves the room's pages to one person and gives how to ask for one.
func (f *field) pages(b *testing.B, who ident.Actor) func(path string) *http.Request {
	b.Helper()
	texts, err := i18n.NewCatalog(ui.Messages, intel.Messages, intelweb.Files)
	must(b, err)
	srv := httptest.NewUnstartedServer(nil)
	origin, err := url.Parse("http://" + srv.Listener.Addr().String())
	must(b, err)
	m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: texts, Gate: oneKey{who}})
	intelweb.Routes(m, intelweb.Deps{Intel: f.Intel, Remarks: f.Remarks})
	if srv.Config.Handler, err = m.Handler(); err != nil {
		b.Fatal(err)
	}
	srv.Start()
	b.Cleanup(srv.Close)
	sum := sha256.Sum256([]byte(origin.String()))
	return func(path string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, srv.URL+path, nil)
		must(b, err)
		r.AddCookie(&http.Cookie{Name: "straza-" + hex.EncodeToString(sum[:4]) + "-session", Value: benchKey})
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Accept-Encoding", "identity")
		return r
	}
}

// BenchmarkFirstScreen: the page of the event of 350,000 attributes over HTTP, as
// its owner and as somebody from whom a thousandth is hidden: header, a hundred
// attributes, related events. Under 1 s each time, memory flat.
func BenchmarkFirstScreen(b *testing.B) {
	f := filled(b)
	for name, at := range map[string]struct {
		who  ident.Actor
		path string
	}{"owner": {f.writer, "/console/events/"}, "reader": {f.reader, "/portal/events/"}} {
		b.Run(name, func(b *testing.B) {
			page := f.pages(b, at.who)
			for b.Loop() {
				m := measure(b)
				var times []time.Duration
				for range 9 {
					_, all, _ := send(b, page(at.path+f.big.Ref()))
					times = append(times, all)
				}
				most(b, ms(part(times, 95)), 1000, "ms-p95")
				b.ReportMetric(ms(part(times, 50)), "ms-p50")
				most(b, m.grown(b), flat, "MB-grown")
			}
		})
	}
}
