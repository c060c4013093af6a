package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"straza/internal/intel"
	"straza/internal/intel/inteltaxii"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// taxii serves the protocol to one person and gives how to read an address below it.
func (f *field) taxii(b *testing.B, who ident.Actor) func(path string) *http.Request {
	b.Helper()
	texts, err := i18n.NewCatalog(ui.Messages)
	must(b, err)
	srv := httptest.NewUnstartedServer(nil)
	origin, err := url.Parse("http://" + srv.Listener.Addr().String())
	must(b, err)
	who.Key = 1
	m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: texts, Gate: oneKey{who}})
	m.Surface(inteltaxii.Surface(inteltaxii.Deps{Intel: f.Intel, Secret: []byte("fedcba9876543210"), Title: "Bench"}))
	if srv.Config.Handler, err = m.Handler(); err != nil {
		b.Fatal(err)
	}
	srv.Start()
	b.Cleanup(srv.Close)
	return func(path string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, srv.URL+"/taxii2/"+path, nil)
		must(b, err)
		r.Header.Set("Authorization", "Bearer "+benchKey)
		r.Header.Set("Accept", "application/taxii+json;version=2.1")
		r.Header.Set("Accept-Encoding", "identity")
		return r
	}
}

var nextCursor = regexp.MustCompile(`"next":"([^"]+)"`)

// BenchmarkTAXIIPage: pages of 1,000 objects of a collection into which 20,000
// attributes were published, read from the first to the last as a member does. A
// page within 20 ms at the median is a goal; this one fails above ten times that.
func BenchmarkTAXIIPage(b *testing.B) {
	f := filled(b)
	get := f.taxii(b, f.reader)
	read := func(path string) (body string, took time.Duration) {
		start := time.Now()
		res, err := http.DefaultClient.Do(get(path))
		must(b, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		must(b, err)
		if res.StatusCode != http.StatusOK {
			b.Fatalf("%s: %d %.300s", path, res.StatusCode, text)
		}
		return string(text), time.Since(start)
	}
	var uuids []string
	for range 20 {
		e := f.add(b, scaled(1000), intel.Community, 0)
		_, err := f.Intel.Attach(ctx, f.writer, intel.Target{Event: e.UUID}, []string{"tlp:green"}, false)
		must(b, err)
		err = f.Intel.Publish(ctx, f.writer, e.UUID)
		must(b, err)
		uuids = append(uuids, e.UUID)
	}
	for start := time.Now(); ; { // until all of them are converted
		if _, took := read("straza/collections/community/manifest/?limit=1"); took < time.Second {
			b.Logf("converted in %v", time.Since(start).Round(time.Second))
			break
		}
	}
	for b.Loop() {
		var times []time.Duration
		objects, next := 0, ""
		for {
			body, took := read("straza/collections/community/objects/?limit=1000" + next)
			times = append(times, took)
			objects += strings.Count(body, `"spec_version"`)
			at := nextCursor.FindStringSubmatch(body)
			if at == nil {
				break
			}
			next = "&next=" + url.QueryEscape(at[1])
		}
		if objects < scaled(20_000) {
			b.Fatalf("%d objects", objects)
		}
		b.ReportMetric(float64(objects), "objects")
		b.ReportMetric(20, "goal-ms-p50")
		most(b, ms(part(times, 50)), 200, "ms-p50")
		b.ReportMetric(ms(part(times, 95)), "ms-p95")
	}
	for _, uuid := range uuids {
		f.drop(b, uuid)
	}
}

// BenchmarkTAXIIPost: an envelope of 10,000 new objects, from the first byte sent
// to the status received; at least 20,000 objects a second.
func BenchmarkTAXIIPost(b *testing.B) {
	f := filled(b)
	ask := f.taxii(b, f.writer)
	run := 0
	for b.Loop() {
		run++
		var doc strings.Builder
		doc.WriteString(`{"objects":[`)
		n := 10_000 // one envelope, whatever the scale
		for i := range n {
			if i > 0 {
				doc.WriteByte(',')
			}
			fmt.Fprintf(&doc, `{"type":"indicator","spec_version":"2.1","id":"indicator--%08d-%04d-4000-8000-000000000000","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"n%d","pattern":"[domain-name:value = 'n%d.example.com']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"}`, i, run, i, i)
		}
		doc.WriteString("]}")
		r := ask("straza/collections/inbox/objects/")
		r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader(doc.String())), int64(doc.Len())
		r.Header.Set("Content-Type", "application/taxii+json;version=2.1")
		start := time.Now()
		res, err := http.DefaultClient.Do(r)
		must(b, err)
		text, err := io.ReadAll(res.Body)
		must(b, err)
		res.Body.Close()
		took := time.Since(start)
		if res.StatusCode != http.StatusAccepted {
			b.Fatalf("%d %.300s", res.StatusCode, text)
		}
		least(b, float64(n)/took.Seconds(), 20_000, "objects/s")
	}
}
