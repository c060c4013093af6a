package bench

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel/intelmisp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// oneKey is a gate that knows one key and who holds it.
type oneKey struct{ who ident.Actor }

const benchKey = "0123456789012345678901234567890123456789"

func (k oneKey) ByKey(_ context.Context, key string, _ netip.Addr, ch ident.Channel) (ident.Actor, error) {
	if key != benchKey {
		return ident.Actor{}, fault.New(fault.NotFound, "no such key")
	}
	k.who.Channel = ch
	return k.who, nil
}

func (oneKey) BySession(context.Context, string) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.NotFound, "no sessions")
}

// surface serves MISP's interface to one person over HTTP.
func (f *field) surface(b *testing.B, who ident.Actor) *httptest.Server {
	b.Helper()
	messages, err := i18n.NewCatalog(ui.Messages)
	must(b, err)
	srv := httptest.NewUnstartedServer(nil)
	origin, err := url.Parse("http://" + srv.Listener.Addr().String())
	must(b, err)
	who.Key = 1
	m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: messages, Gate: oneKey{who}})
	m.Surface(intelmisp.Surface(intelmisp.Deps{Intel: f.Intel, Catalog: f.Lists, Origin: origin.String()}))
	if srv.Config.Handler, err = m.Handler(); err != nil {
		b.Fatal(err)
	}
	srv.Start()
	b.Cleanup(srv.Close)
	return srv
}

// ask sends a request and reads the answer to its end: time to the first byte,
// to the last, bytes, and the largest heap seen on the way.
func ask(b *testing.B, method, address string, body io.Reader) (first, all time.Duration, n int64, heap uint64) {
	b.Helper()
	r, err := http.NewRequest(method, address, body)
	must(b, err)
	r.Header.Set("Authorization", benchKey)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "PyMISP 2.5.34")
	r.Header.Set("Accept-Encoding", "identity")
	start := time.Now()
	res, err := http.DefaultClient.Do(r)
	must(b, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		b.Fatalf("%s %s: %d %s", method, address, res.StatusCode, text)
	}
	buf := make([]byte, 64<<10)
	var m runtime.MemStats
	for {
		k, err := res.Body.Read(buf)
		if n == 0 && k > 0 {
			first = time.Since(start)
		}
		if n>>23 != (n+int64(k))>>23 { // every 8 MiB
			runtime.ReadMemStats(&m)
			heap = max(heap, m.HeapAlloc)
		}
		n += int64(k)
		if err == io.EOF {
			break
		}
		must(b, err)
	}
	return first, time.Since(start), n, heap
}

// BenchmarkMISPAdd10000: events/add of 10,000 mixed attributes over HTTP, the
// whole event read back, beside the raw insert of the same rows. At least 40 %.
func BenchmarkMISPAdd10000(b *testing.B) {
	f := filled(b)
	srv := f.surface(b, f.writer)
	for b.Loop() {
		uuid := f.DB.NewUUID()
		var doc strings.Builder
		x := misp.NewEncoder(&doc)
		head := &misp.Event{Info: misp.T("bench over HTTP"), UUID: misp.T(uuid), Distribution: misp.N(1)}
		must(b, x.Begin(head))
		must(b, mixed(f.DB, head, 10_000)(func(it misp.Item) error {
			if it.Kind == misp.ItemAttribute {
				return x.Attribute(it.Attribute)
			}
			return nil
		}))
		must(b, x.End())
		must(b, x.Flush())
		_, took, _, _ := ask(b, "POST", srv.URL+"/events/add/metadata:1", strings.NewReader(doc.String()))
		e, err := f.Intel.Event(ctx, f.writer, uuid)
		must(b, err)
		raw := f.raw(b, e)
		b.ReportMetric(10_000/took.Seconds(), "rows/s")
		b.ReportMetric(raw.Seconds()/took.Seconds()*100, "%-of-raw(>=40)")
		b.ReportMetric(float64(system())/1e6, "MB(<=300)")
	}
}

// BenchmarkMISPSearch: attributes/restSearch over HTTP: one value among all, p95
// at most 10 ms; one per cent of all, first byte within 50 ms.
func BenchmarkMISPSearch(b *testing.B) {
	f := filled(b)
	srv := f.surface(b, f.reader)
	for b.Loop() {
		var times []time.Duration
		for range 500 {
			v := f.values[rng.IntN(len(f.values))]
			_, took, _, _ := ask(b, "POST", srv.URL+"/attributes/restSearch", strings.NewReader(`{"returnFormat":"json","value":"`+v+`"}`))
			times = append(times, took)
		}
		slices.Sort(times)
		b.ReportMetric(ms(times[len(times)*95/100]), "ms-p95(<=10)")
		first, all, n, _ := ask(b, "POST", srv.URL+"/attributes/restSearch", strings.NewReader(`{"returnFormat":"json","type":"mutex"}`))
		b.ReportMetric(ms(first), "ms-first(<=50)")
		b.ReportMetric(ms(all), "ms-all")
		b.ReportMetric(float64(n)/1e6, "MB-sent")
	}
}

// BenchmarkMISPView: the largest event as one JSON answer: streamed, the heap flat.
func BenchmarkMISPView(b *testing.B) {
	f := filled(b)
	srv := f.surface(b, f.reader)
	for b.Loop() {
		runtime.GC()
		first, all, n, heap := ask(b, "GET", srv.URL+"/events/view/"+f.big.UUID, nil)
		b.ReportMetric(ms(first), "ms-first")
		b.ReportMetric(ms(all), "ms-all")
		b.ReportMetric(float64(n)/1e6, "MB-sent")
		b.ReportMetric(float64(heap)/1e6, "MB-heap(flat)")
	}
}
