package intelapi_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// sse is one server-sent event.
type sse struct{ id, event, data string }

// listen opens a stream; next gives its events, and ok false at its end.
func (s *server) listen(key, path, last string) (next func() (sse, bool), close func()) {
	s.t.Helper()
	srv := httptest.NewServer(s.site)
	s.t.Cleanup(srv.Close)
	return follow(s.t, srv.URL+"/api/v1"+path, strings.TrimPrefix(testkit.SiteOrigin, "https://"), key, last, s.contract)
}

// follow opens the stream at an address of a host.
func follow(t *testing.T, address, host, key, last string, contract *testkit.Contract) (next func() (sse, bool), close func()) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	r, err := http.NewRequestWithContext(ctx, "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("Authorization", "Bearer "+key)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") || res.Header.Get("Content-Encoding") != "" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	if contract != nil {
		contract.Check(t, r, res.StatusCode, res.Header, nil)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 4<<20)
	return func() (e sse, ok bool) {
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ":")
			switch value = strings.TrimPrefix(value, " "); name {
			case "id":
				e.id = value
			case "event":
				e.event = value
			case "data":
				e.data = value
			case "":
				if e.event != "" {
					return e, true
				}
			}
		}
		return e, false
	}, func() { stop(); res.Body.Close() }
}

// sweep converts what was published, as the job does.
func (s *server) sweep() {
	s.t.Helper()
	for _, d := range s.w.Intel.Jobs() {
		if d.Kind == "intel.share-all" {
			s.w.Must(d.Run(context.Background(), nil))
		}
	}
}

func (s *server) publishes(who ident.Actor, now *clock.Moved, info, value string) intel.Event {
	e := inteltest.Event(info, intel.Community)
	a := inteltest.Attr("domain", value)
	a.ToIDS = misp.B(true)
	e.Attribute, e.Tag = []misp.Attribute{a}, []misp.Tag{{Name: misp.T("tlp:green")}}
	now.Add(time.Second)
	got := s.w.Add(who, e)
	now.Add(time.Second)
	s.w.Must(s.w.Intel.Publish(context.Background(), who, got.UUID))
	s.sweep()
	return got
}

// TestStream: events come as they happen and carry marks; who comes back with the last
// one goes on behind it; the plain form goes on from the same marks; nobody listens to
// what is not his; the end of the rights is the end of the stream.
func TestStream(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s := newServer(t, db)
		alfa, lead := s.gate["alfa"], s.gate["lead"]
		ctx := context.Background()
		d, err := s.w.Intel.SaveDefinition(ctx, lead, "", intel.Definition{Alias: "sensors", Title: "S", Readers: intel.ReadNamed, Orgs: []intel.Org{s.w.A, s.w.B}, Ceiling: tlp.Green, Types: []string{"indicator"}}, false)
		s.w.Must(err)
		s.publishes(alfa, now, "one", "one.example.com")
		if got := s.items("beta", "/collections"); len(got) != 1 || got[0]["alias"] != "sensors" || len(s.items("cert2", "/collections")) != 0 {
			t.Errorf("%v", got)
		}
		s.want(404, "cert2", "GET", "/collections/sensors/changes", "")
		s.want(404, "cert2", "GET", "/collections/"+d.UUID+"/stream", "")
		s.want(422, "beta", "GET", "/collections/sensors/changes?since=abc", "")
		s.want(401, "", "GET", "/collections/sensors/stream", "")

		next, end := s.listen("beta", "/collections/sensors/stream?type=indicator", "")
		first, _ := next()
		if first.event != "added" || !strings.Contains(first.data, "one.example.com") || first.id == "" {
			t.Fatalf("%+v", first)
		}
		two := s.publishes(alfa, now, "two", "two.example.com")
		second, _ := next()
		if second.event != "added" || !strings.Contains(second.data, "two.example.com") {
			t.Fatalf("%+v", second)
		}
		end()
		three := s.publishes(alfa, now, "three", "three.example.com")
		s.w.Must(s.w.Intel.Unpublish(ctx, alfa, two.UUID))
		next, end = s.listen("beta", "/collections/sensors/stream?type=indicator", second.id)
		var got []string
		for range 2 {
			e, _ := next()
			got = append(got, e.event)
		}
		end()
		if want := []string{"added", "retracted"}; !slices.Equal(got, want) {
			t.Errorf("%v", got)
		}
		v := s.want(200, "beta", "GET", "/collections/sensors/changes?type=indicator&limit=1&since="+second.id, "")
		if items := v["items"].([]any); len(items) != 1 || v["next"] == nil || items[0].(map[string]any)["event"] != "added" {
			t.Errorf("%v", v)
		}
		v = s.want(200, "beta", "GET", "/collections/sensors/changes?type=indicator&since="+v["next"].(string), "")
		if items := v["items"].([]any); len(items) != 1 || v["next"] != nil || items[0].(map[string]any)["object"] != nil {
			t.Errorf("%v", v)
		}
		v = s.want(200, "beta", "GET", "/collections/sensors/changes?since=now", "")
		if len(v["items"].([]any)) != 0 {
			t.Errorf("news only: %v", v)
		}

		// The rights end while it is open.
		next, end = s.listen("beta", "/collections/sensors/stream?since=now", "")
		defer end()
		d.Orgs = []intel.Org{s.w.A}
		_, err = s.w.Intel.SaveDefinition(ctx, lead, d.UUID, d, false)
		s.w.Must(err)
		if e, ok := next(); ok {
			t.Errorf("somebody who reads no more is told %+v", e)
		}
		// Narrowed in kind: marks from before begin anew.
		s.want(410, "alfa", "GET", "/collections/sensors/changes?since="+s.narrowed(lead, d, three), "")
	})
}

// followed is the traffic of the contract's test.
func (s *server) followed(now *clock.Moved) {
	d := intel.Definition{Alias: "contract", Title: "C", Readers: intel.ReadMembers, Ceiling: tlp.Green}
	_, err := s.w.Intel.SaveDefinition(context.Background(), s.gate["lead"], "", d, false)
	s.w.Must(err)
	s.publishes(s.gate["alfa"], now, "contract", "contract.example.com")
	s.items("beta", "/collections")
	s.items("beta", "/collections/contract/changes?limit=2")
	next, end := s.listen("beta", "/collections/contract/stream", "")
	defer end()
	if e, ok := next(); !ok || e.event != "added" {
		s.t.Errorf("%+v", e)
	}
}

// narrowed gives a mark of a collection from before its ceiling came down.
func (s *server) narrowed(lead ident.Actor, d intel.Definition, _ intel.Event) string {
	v := s.want(200, "alfa", "GET", "/collections/"+d.UUID+"/changes", "")
	d.Ceiling = tlp.Clear
	_, err := s.w.Intel.SaveDefinition(context.Background(), lead, d.UUID, d, false)
	s.w.Must(err)
	return v["since"].(string)
}
