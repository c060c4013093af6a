package bench

import (
	"bufio"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/intelapi"
	"straza/internal/kernel/access"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// BenchmarkFollowers: 5,000 sensors follow one collection over HTTP, on connections of
// their own; an event of ten attributes is published and converted. How long until the
// last has ten objects of it, and what a sensor costs in memory, both its ends counted.
func BenchmarkFollowers(b *testing.B) {
	f := filled(b)
	sensors := scaled(5000)
	texts, err := i18n.NewCatalog(ui.Messages, intel.Messages)
	must(b, err)
	srv := httptest.NewUnstartedServer(nil)
	origin, err := url.Parse("http://" + srv.Listener.Addr().String())
	must(b, err)
	who := f.reader
	who.Key = 1
	m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: texts, Gate: oneKey{who}})
	intelapi.Routes(m, f.Intel, nil)
	if srv.Config.Handler, err = m.Handler(); err != nil {
		b.Fatal(err)
	}
	srv.Start()
	b.Cleanup(srv.Close)
	b.Cleanup(func() { f.Intel.EndFollowing(ctx, ident.SystemPart("bench")) })
	_, err = f.Intel.SaveDefinition(ctx, f.Person(f.World.CERT, access.Lead, ident.Web), "", intel.Definition{Alias: "sensors", Title: "Sensors", Readers: intel.ReadMembers, Ceiling: tlp.Green, Days: 1}, true)
	must(b, err)
	for b.Loop() {
		use := measure(b)
		var listening, done sync.WaitGroup
		last := make(chan time.Time, sensors)
		start := time.Now()
		for range sensors {
			listening.Add(1)
			done.Go(func() { last <- sensor(b, origin.Host, "/api/v1/collections/sensors/stream?since=now", 10, &listening) })
		}
		listening.Wait()
		b.ReportMetric(time.Since(start).Seconds(), "s-connecting")
		b.ReportMetric(use.grown(b)*1000/float64(sensors), "kB-a-sensor")
		e := f.add(b, 10, intel.Community, 0)
		_, err := f.Intel.Attach(ctx, f.writer, intel.Target{Event: e.UUID}, []string{"tlp:green"}, false)
		must(b, err)
		must(b, f.Intel.Publish(ctx, f.writer, e.UUID))
		published := time.Now()
		for _, d := range f.Intel.Jobs() {
			if d.Kind == "intel.share-all" {
				must(b, d.Run(ctx, nil))
			}
		}
		converted := time.Now()
		done.Wait()
		close(last)
		var end time.Time
		for at := range last {
			if at.IsZero() {
				b.Fatal("a sensor was cut off")
			}
			if at.After(end) {
				end = at
			}
		}
		b.ReportMetric(converted.Sub(published).Seconds(), "s-converted")
		most(b, end.Sub(converted).Seconds(), 10, "s-until-the-last")
		f.drop(b, e.UUID)
	}
}

// sensor follows until it has n events, and says when; zero when it was cut off.
func sensor(b *testing.B, host, path string, n int, listening *sync.WaitGroup) time.Time {
	c, err := net.Dial("tcp", host)
	if err != nil {
		listening.Done()
		return time.Time{}
	}
	defer c.Close()
	_, err = c.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + benchKey + "\r\nAccept: text/event-stream\r\n\r\n"))
	lines := bufio.NewReaderSize(c, 1024)
	begun := false
	for err == nil {
		var line string
		line, err = lines.ReadString('\n')
		if !begun && (strings.HasPrefix(line, "id:") || strings.HasPrefix(line, ":")) {
			begun = true
			listening.Done()
		}
		if strings.HasPrefix(line, "event: added") || strings.HasPrefix(line, "event:added") {
			if n--; n == 0 {
				return time.Now()
			}
		}
	}
	if !begun {
		listening.Done()
	}
	return time.Time{}
}
