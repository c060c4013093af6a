package feed_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"straza/internal/intel"
	"straza/internal/intel/feed"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

var ctx = context.Background()

// other is somebody else's server, whose files a test changes.
type other struct {
	mu    sync.Mutex
	files map[string]string
	asked []string
	key   string
}

func (o *other) set(name, body string) { o.mu.Lock(); o.files[name] = body; o.mu.Unlock() }

func (o *other) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, r.URL.Path)
	o.key = r.Header.Get("X-Key")
	body, ok := o.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write([]byte(body))
}

// as resolves the one person of these tests, as accounts do.
type as struct{ who func() ident.Actor }

func (a as) ResolveTx(_ context.Context, _ *store.Tx, id int64, _ ident.Channel) (ident.Actor, error) {
	if who := a.who(); who.Person == id {
		return who, nil
	}
	return ident.Actor{}, fault.New(fault.Denied, "nobody")
}

type world struct {
	*inteltest.World
	s     *feed.Service
	o     *other
	url   string
	admin ident.Actor
	now   *clock.Moved
	run   *jobs.Runner
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := &world{World: inteltest.New(t, db), o: &other{files: map[string]string{}}, now: now}
		w.Must(w.Lists.Seed(ctx, ident.SystemPart("importer")))
		srv := httptest.NewServer(w.o)
		t.Cleanup(srv.Close)
		w.url = srv.URL
		w.admin = w.Person(w.CERT, access.Admin, ident.MISP)
		w.s = feed.New(feed.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, Lists: w.Lists, Registry: w.Registry, Keys: testkit.Vault(t),
			People: as{func() ident.Actor { return w.admin }}, World: outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})})
		w.run = jobs.New(db, w.s.Jobs(), nil)
		test(t, w)
	})
}

// fetch runs a feed as its job does and gives how it went.
func (w *world) fetch(id int64) feed.Feed {
	w.T.Helper()
	w.now.Add(time.Second)
	_, err := w.s.Queue(ctx, w.admin, false, id)
	w.Must(err)
	w.Must(w.run.Drain(ctx))
	f, err := w.s.Feed(ctx, w.admin, id)
	w.Must(err)
	return f
}

func (w *world) list(publish, delta bool) feed.Feed {
	w.T.Helper()
	f, err := w.s.Save(ctx, w.admin, 0, func(f *feed.Feed) {
		f.Name, f.Provider, f.URL, f.Format, f.Enabled = "Lista", "neko", w.url+"/list.txt", feed.FormatFreetext, true
		f.Distribution, f.Publish, f.Delta, f.Tag = 1, publish, delta, "osint:lista"
	})
	w.Must(err)
	return f
}

func (w *world) values(event int64) (out []string) {
	w.T.Helper()
	w.Must(w.Intel.SearchAttributes(ctx, w.admin, intel.Query{Events: []string{fmt.Sprint(event)}}, func(a *intel.Attribute) error {
		out = append(out, a.Value)
		return nil
	}))
	slices.Sort(out)
	return out
}

// TestDeltaMergeSyncs: what is new comes in, what is gone goes, and both raise the
// event's timestamp and publish it again, so that peers get the change.
func TestDeltaMergeSyncs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.o.set("/list.txt", "# remark\nevil-one.example.com\nevil-two.example.com\n44d88612fea8a8f36de82e1278abb02f\n")
		f := w.fetch(w.list(true, true).ID)
		if f.Fault != "" || f.Report.Created != 3 || f.Event == 0 {
			t.Fatalf("first fetch: %+v %s", f.Report, f.Fault)
		}
		before, err := w.Intel.Event(ctx, w.admin, fmt.Sprint(f.Event))
		w.Must(err)
		if !before.Published || len(before.Tags) != 1 {
			t.Errorf("published %t, tags %v", before.Published, before.Tags)
		}
		if f = w.fetch(f.ID); f.Report.Same != 3 || f.Report.Created+f.Report.Removed != 0 {
			t.Errorf("nothing new: %+v", f.Report)
		}
		if same, err := w.Intel.Event(ctx, w.admin, fmt.Sprint(f.Event)); err != nil || same.Timestamp != before.Timestamp {
			t.Errorf("nothing new moved the timestamp: %d, was %d (%v)", same.Timestamp, before.Timestamp, err)
		}
		w.o.set("/list.txt", "evil-one.example.com\nevil-three.example.com\n44d88612fea8a8f36de82e1278abb02f\n")
		if f = w.fetch(f.ID); f.Report.Created != 1 || f.Report.Removed != 1 {
			t.Errorf("one gone, one new: %+v", f.Report)
		}
		after, err := w.Intel.Event(ctx, w.admin, fmt.Sprint(f.Event))
		w.Must(err)
		if after.Timestamp <= before.Timestamp || !after.Published || after.PublishTimestamp <= before.PublishTimestamp {
			t.Errorf("the change does not go on: %d → %d, published %t", before.Timestamp, after.Timestamp, after.Published)
		}
		want := []string{"44d88612fea8a8f36de82e1278abb02f", "evil-one.example.com", "evil-three.example.com"}
		if got := w.values(f.Event); !slices.Equal(got, want) {
			t.Errorf("values %v, want %v", got, want)
		}
	})
}

// TestPoisonedFeed: resolvers, whole networks, governments and our own are kept out,
// nothing is published, and the reasons are told.
func TestPoisonedFeed(t *testing.T) {
	for name, tc := range map[string]struct{ line, why string }{
		"resolver": {"8.8.8.8", "intel.feed.why.list"}, "provider": {"185.0.0.0/8", "intel.feed.why.wide"},
		"government": {"https://portal.gov.rs/login", "intel.feed.why.government"}, "own": {"mreza.alfa-operator.rs", "intel.feed.why.own"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				lead := w.Person(w.CERT, access.Lead, ident.Web)
				_, err := w.Registry.AddResource(ctx, lead, w.A.UUID, 0, "domain", "alfa-operator.rs", "")
				w.Must(err)
				w.o.set("/list.txt", "evil.example.com\n"+tc.line+"\n")
				f := w.fetch(w.list(true, false).ID)
				if f.Fault != "" || f.Report.Stopped != 1 || !f.Report.Held || len(f.Report.Reasons) != 1 || f.Report.Reasons[0].Why != tc.why {
					t.Fatalf("%+v %s", f.Report, f.Fault)
				}
				e, err := w.Intel.Event(ctx, w.admin, fmt.Sprint(f.Event))
				w.Must(err)
				if e.Published {
					t.Error("it was published")
				}
				if got := w.values(f.Event); !slices.Equal(got, []string{"evil.example.com"}) {
					t.Errorf("stored %v", got)
				}
			})
		})
	}
}

const (
	one = "11111111-1111-4111-8111-111111111111"
	two = "22222222-2222-4222-8222-222222222222"
)

func event(uuid, info string, timestamp int, attrs string) string {
	return fmt.Sprintf(`{"Event":{"uuid":%q,"info":%q,"date":"2026-01-02","timestamp":"%d","published":true,"distribution":"3",
		"Orgc":{"name":"Izvor","uuid":"33333333-3333-4333-8333-333333333333"},"Attribute":[%s]}}`, uuid, info, timestamp, attrs)
}

// TestMISPFeed takes new and newer events, obeys rules, refuses a file that holds
// another event than its name says, and never touches what was made here.
func TestMISPFeed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		own := w.Add(w.admin, inteltest.Event("naš događaj", intel.Community, inteltest.Attr("domain", "nas.example.com")))
		attr := `{"type":"domain","value":"zlo.example.com","to_ids":true}`
		w.o.set("/f/manifest.json", `{"`+one+`":{"timestamp":"100","info":"a","Orgc":{"name":"Izvor"}},"`+two+`":{"timestamp":"100","info":"b","Orgc":{"name":"Drugi"}},
			"`+own.UUID+`":{"timestamp":"4000000000","info":"c","Orgc":{"name":"Izvor"}},"../../etc/passwd":{"timestamp":"1"}}`)
		w.o.set("/f/"+one+".json", event(one, "prvi", 100, attr))
		w.o.set("/f/"+two+".json", event(one, "podmetnut", 200, attr))
		w.o.set("/f/"+own.UUID+".json", event(own.UUID, "podmetnut", 4_000_000_000, attr))
		f, err := w.s.Save(ctx, w.admin, 0, func(f *feed.Feed) {
			f.Name, f.URL, f.Enabled, f.Distribution, f.Headers = "Događaji", w.url+"/f", true, 1, []string{"X-Key: tajna-feeda"}
		})
		w.Must(err)
		if strings.Contains(fmt.Sprint(f), "tajna-feeda") {
			t.Errorf("the answer shows the header: %v", f.Headers)
		}
		if f = w.fetch(f.ID); f.Fault != "" || f.Report.Created != 1 || f.Report.Refused != 2 {
			t.Errorf("%+v %s", f.Report, f.Fault)
		}
		if w.o.key != "tajna-feeda" {
			t.Errorf("the server got key %q", w.o.key)
		}
		got, err := w.Intel.Event(ctx, w.admin, one)
		w.Must(err)
		if got.Info != "prvi" || got.Distribution != intel.Community || got.Published || got.Origin.Name != "Izvor" || !got.Locked {
			t.Errorf("stored %+v", got)
		}
		if mine, err := w.Intel.Event(ctx, w.admin, own.UUID); err != nil || mine.Info != "naš događaj" {
			t.Errorf("a feed changed what was made here: %q %v", mine.Info, err)
		}
		w.o.set("/f/manifest.json", `{"`+one+`":{"timestamp":"300","info":"a","Orgc":{"name":"Izvor"}}}`)
		w.o.set("/f/"+one+".json", event(one, "prvi, dopunjen", 300, attr+`,{"type":"ip-dst","value":"8.8.8.8","to_ids":true}`))
		if f = w.fetch(f.ID); f.Report.Updated != 1 || f.Report.Stopped != 1 || !f.Report.Held {
			t.Errorf("newer: %+v", f.Report)
		}
		if got, err = w.Intel.Event(ctx, w.admin, one); err != nil || got.Info != "prvi, dopunjen" || got.Timestamp != 300 {
			t.Errorf("newer: %q %d %v", got.Info, got.Timestamp, err)
		}
		_, err = w.s.Save(ctx, w.admin, f.ID, func(f *feed.Feed) { f.Rules = []byte(`{"orgs":{"NOT":["Izvor"]}}`) })
		w.Must(err)
		w.o.set("/f/manifest.json", `{"`+one+`":{"timestamp":"900","info":"a","Orgc":{"name":"Izvor"}}}`)
		if f = w.fetch(f.ID); f.Report.Same != 1 {
			t.Errorf("a rule: %+v", f.Report)
		}
	})
}

// TestCache answers which feeds hold a value, and for whom.
func TestCache(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.o.set("/list.txt", "evil-one.example.com\nevil-two.example.com\n")
		a := w.list(false, false)
		w.o.set("/f/hashes.csv", "5f4dcc3b5aa765d61d8327deb882cf99,"+one+"\nxx,yy\n") // md5 of "password"
		b, err := w.s.Save(ctx, w.admin, 0, func(f *feed.Feed) { f.Name, f.URL, f.Caching, f.Visible = "B", w.url+"/f", true, true })
		w.Must(err)
		for _, id := range []int64{a.ID, b.ID} {
			_, err := w.s.Queue(ctx, w.admin, true, id)
			w.Must(err)
		}
		w.Must(w.run.Drain(ctx))
		member := w.Person(w.A, access.Member, ident.MISP)
		for _, tc := range []struct {
			who   ident.Actor
			value string
			feeds int
		}{{w.admin, "evil-one.example.com", 1}, {w.admin, "password", 1}, {w.admin, "nothing", 0}, {member, "evil-one.example.com", 0}, {member, "password", 1}} {
			hits, err := w.s.Holding(ctx, tc.who, tc.value)
			w.Must(err)
			if len(hits) != tc.feeds {
				t.Errorf("%s: %d feeds, want %d", tc.value, len(hits), tc.feeds)
			}
		}
		w.o.set("/list.txt", "evil-two.example.com\n")
		_, err = w.s.Queue(ctx, w.admin, true, a.ID)
		w.Must(err)
		w.Must(w.run.Drain(ctx))
		if hits, err := w.s.Holding(ctx, w.admin, "evil-one.example.com"); err != nil || len(hits) != 0 {
			t.Errorf("what is gone from the feed is still found: %v %v", hits, err)
		}
	})
}

// TestHealth: a feed that fails says so, waits, and is well again; closed rights stop it.
func TestHealth(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		f := w.list(false, false)
		if f = w.fetch(f.ID); f.Fault != "intel.fault.feed-silent" || f.Failures != 1 || f.Succeeded != 0 {
			t.Errorf("%q %d %d", f.Fault, f.Failures, f.Succeeded)
		}
		w.o.set("/list.txt", "evil-one.example.com\n")
		if f = w.fetch(f.ID); f.Fault != "" || f.Failures != 0 || f.Succeeded == 0 {
			t.Errorf("%q %d %d", f.Fault, f.Failures, f.Succeeded)
		}
		inner, err := w.s.Save(ctx, w.admin, 0, func(f *feed.Feed) {
			f.Name, f.URL, f.Enabled, f.Format = "x", "http://10.1.2.3/", true, feed.FormatFreetext
		})
		w.Must(err)
		if inner = w.fetch(inner.ID); inner.Fault != "intel.fault.feed-url" {
			t.Errorf("a private network: %q", inner.Fault)
		}
		for _, bad := range []string{"file:///etc/passwd", "gopher://x", "http://u:p@x/", ""} {
			if _, err := w.s.Save(ctx, w.admin, 0, func(f *feed.Feed) { f.Name, f.URL = "x", bad }); !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		member := w.Person(w.A, access.OrgAdmin, ident.MISP)
		if _, err := w.s.Save(ctx, member, f.ID, func(f *feed.Feed) { f.Name = "podmetnut" }); !fault.Is(err, fault.Denied) {
			t.Errorf("an organisation's administrator changes a feed: %v", err)
		}
		if list, err := w.s.Feeds(ctx, member); err != nil || len(list) != 0 {
			t.Errorf("a member sees %d feeds, %v", len(list), err)
		}
	})
}
