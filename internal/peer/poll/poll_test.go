package poll_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/taxii"
	"straza/internal/intel"
	"straza/internal/intel/inteltaxii"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/peer"
	"straza/internal/peer/poll"
	"straza/internal/testkit"
)

var ctx = context.Background()

const secret = "0123456789012345678901234567890123456789"

// house polls other servers.
type house struct {
	*inteltest.World
	db   *store.DB
	now  *clock.Moved
	s    *poll.Service
	lead ident.Actor
}

func newHouse(t testing.TB, db *store.DB, now *clock.Moved) *house {
	h := &house{World: inteltest.New(t, db), db: db, now: now}
	h.s = poll.New(poll.Deps{DB: db, Audit: testkit.Audit(db), Intel: h.Intel, Registry: h.Registry, Keys: testkit.Vault(t),
		Out: outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	h.lead = h.Person(h.CERT, access.Lead, ident.Web)
	return h
}

// server enters a server and chooses all that it lets us read.
func (h *house) server(address, login string) poll.Server {
	h.T.Helper()
	x, err := h.s.Add(ctx, h.lead, poll.Server{Name: "Other", URL: address, Login: login}, secret, "")
	h.Must(err)
	x, list, err := h.s.Look(ctx, h.lead, x.UUID)
	h.Must(err)
	if x.Health.Code != peer.OK {
		h.T.Fatalf("%+v", x.Health)
	}
	var ids []string
	for _, c := range list {
		if c.Read {
			ids = append(ids, c.Ref)
		}
	}
	_, err = h.s.Choose(ctx, h.lead, x.UUID, ids)
	h.Must(err)
	return x
}

func (h *house) inbox() (ids []string) {
	h.T.Helper()
	h.Must(jobs.New(h.db, h.Intel.Jobs(), nil).Drain(ctx))
	who := h.lead
	for after := int64(0); ; {
		list, more, err := h.Intel.SharedObjects(ctx, who, intel.Collection{Kind: intel.InboxCollection, Org: h.CERT}, taxii.Query{}, after, 500)
		h.Must(err)
		for _, o := range list {
			ids, after = append(ids, o.ID), o.Added
		}
		if !more {
			return ids
		}
	}
}

type gate struct{ who ident.Actor }

func (g gate) ByKey(_ context.Context, key string, _ netip.Addr, ch ident.Channel) (ident.Actor, error) {
	if key != secret {
		return ident.Actor{}, fault.New(fault.NotFound, "no such key")
	}
	g.who.Channel, g.who.Key = ch, 1
	return g.who, nil
}

func (g gate) BySession(context.Context, string) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.NotFound, "no sessions here")
}

// straza serves another installation's TAXII to one of its members.
func straza(w *inteltest.World, who ident.Actor) string {
	srv := httptest.NewUnstartedServer(nil)
	origin, err := url.Parse("http://" + srv.Listener.Addr().String())
	w.Must(err)
	texts, err := i18n.NewCatalog(ui.Messages)
	w.Must(err)
	m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: texts, Gate: gate{who}})
	m.Surface(inteltaxii.Surface(inteltaxii.Deps{Intel: w.Intel, Secret: []byte("fedcba9876543210"), Title: "There"}))
	srv.Config.Handler, err = m.Handler()
	w.Must(err)
	srv.Start()
	w.T.Cleanup(srv.Close)
	return srv.URL + "/taxii2/"
}

// TestPollsAnotherStraza: what a member there may read lies here, once; what was
// published there since comes with the next poll; what is not for that member never.
func TestPollsAnotherStraza(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		moved := clock.NewMoved(testkit.AsOf, 7)
		far := testkit.SQLite(t, moved)
		there := inteltest.New(t, far)
		publish := func(info, value string, level int64) {
			t.Helper()
			who := there.Person(there.B, access.OrgAdmin, ident.MISP)
			who.Key = 1
			moved.Add(time.Second)
			saved, err := there.Intel.AddEvent(ctx, who, intel.FromEvent(&misp.Event{Info: misp.T(info), Distribution: misp.N(level), Tag: []misp.Tag{{Name: misp.T("tlp:green")}},
				Attribute: []misp.Attribute{{Type: misp.T("domain"), Value: misp.T(value), ToIDS: misp.B(true)}}}), intel.AddOptions{})
			there.Must(err)
			moved.Add(time.Second)
			there.Must(there.Intel.Publish(ctx, who, saved.UUID))
		}
		publish("first", "first.example", 1)
		publish("theirs alone", "hidden.example", 0)
		x := h.server(straza(there, there.Person(there.A, access.Member, ident.TAXII)), "machine")
		if x.Title != "There" {
			t.Errorf("title %q", x.Title)
		}
		got, err := h.s.Poll(ctx, h.lead, x.UUID, poll.Options{})
		h.Must(err)
		if r := got.Report; r.New == 0 || r.Read != r.New+r.Known+r.Refused || r.Left+r.Lost != 0 || got.Health.Code != peer.OK || got.Polled == 0 {
			t.Errorf("first poll: %+v %+v", r, got.Health)
		}
		before := h.inbox()
		if len(before) == 0 || int64(len(before)) != got.Report.New {
			t.Errorf("%d in the inbox, %d new", len(before), got.Report.New)
		}
		h.holds("first.example", true)
		h.holds("hidden.example", false)
		got, err = h.s.Poll(ctx, h.lead, x.UUID, poll.Options{})
		h.Must(err)
		if r := got.Report; r.Read != 0 || r.Pages == 0 {
			t.Errorf("nothing new: %+v", r)
		}
		publish("second", "second.example", 1)
		got, err = h.s.Poll(ctx, h.lead, x.UUID, poll.Options{})
		h.Must(err)
		if r := got.Report; r.New == 0 || r.Read > int64(len(before)) {
			t.Errorf("something new: %+v", r)
		}
		h.holds("second.example", false) // the worker has not been there
		h.inbox()
		h.holds("second.example", true)
		got, err = h.s.Poll(ctx, h.lead, x.UUID, poll.Options{Fresh: true})
		h.Must(err)
		if r := got.Report; r.New != 0 || r.Known == 0 || r.Known != r.Read {
			t.Errorf("all of it again: %+v", r)
		}
	})
}

// holds tells whether the team finds a value here; nobody of another organisation does.
func (h *house) holds(value string, want bool) {
	h.T.Helper()
	for who, want := range map[*ident.Actor]bool{&h.lead: want, new(ident.Actor): false} {
		if who.Person == 0 {
			*who = h.Person(h.A, access.Member, ident.Web)
		}
		n, err := h.Intel.CountAttributes(ctx, *who, intel.Query{Text: value})
		h.Must(err)
		if (n > 0) != want {
			h.T.Errorf("%s finds %s %d times, want %v", who, value, n, want)
		}
	}
}

// scripted is a TAXII server that answers pages as it is told.
type scripted struct {
	t     *testing.T
	url   string
	asked []string // queries of pages
	page  func(n int, r *http.Request, w http.ResponseWriter)
}

func newScripted(t *testing.T, page func(n int, r *http.Request, w http.ResponseWriter)) *scripted {
	s := &scripted{t: t, page: page}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); r.Header.Get("Authorization") != "Bearer "+secret && (user != "machine" || pass != secret) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.Header.Get("Accept") != taxii.MediaType {
			t.Errorf("Accept %q", r.Header.Get("Accept"))
		}
		w.Header().Set("Content-Type", "application/taxii+json; version=2.1")
		switch r.URL.Path {
		case "/taxii2/":
			fmt.Fprint(w, `{"title":"Scripted\u0007","api_roots":["/api/","https://elsewhere.example/api/"]}`)
		case "/api/collections/":
			fmt.Fprint(w, `{"collections":[{"id":"c1","title":"One","can_read":true,"can_write":false},{"id":"c2","title":"Two","can_read":false,"can_write":true}]}`)
		case "/api/collections/c1/objects/":
			s.asked = append(s.asked, r.URL.RawQuery)
			s.page(len(s.asked), r, w)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL + "/taxii2/"
	return s
}

func thing(n int) string {
	return fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":"indicator--82a48ef4-acc4-4f85-982c-%012d","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","pattern":"[domain-name:value = 'n%d.example']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"}`, n, n)
}

func sheet(w http.ResponseWriter, last, tail string, objects ...string) {
	if last != "" {
		w.Header().Set("X-TAXII-Date-Added-Last", last)
	}
	fmt.Fprintf(w, `{"objects":[%s]%s}`, strings.Join(objects, ","), tail)
}

// stamp is the date of addition of a scripted page.
func stamp(n int) string { return fmt.Sprintf("2026-01-02T00:00:%02d.000000Z", n) }

// TestPollGoesOn: by token where there is one, by date where there is none, and by
// date when a token is no longer valid (§3.4, §3.5).
func TestPollGoesOn(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		s := newScripted(t, func(n int, r *http.Request, w http.ResponseWriter) {
			switch n {
			case 1:
				sheet(w, stamp(1), `,"more":true,"next":"tok1"`, thing(1))
			case 2:
				sheet(w, stamp(2), `,"more":true`, thing(2)) // no token: by date
			case 3:
				sheet(w, stamp(3), `,"more":true,"next":"tok3"`, thing(3), `{"type":"broken"}`)
			case 4:
				w.WriteHeader(http.StatusBadRequest) // the token has gone
			case 5:
				sheet(w, stamp(5), ``, thing(3), thing(4))
			default:
				fmt.Fprint(w, `{}`)
			}
		})
		x := h.server(s.url, "")
		if x.Title != "Scripted" {
			t.Errorf("title %q", x.Title)
		}
		got, err := h.s.Poll(ctx, h.lead, x.UUID, poll.Options{})
		h.Must(err)
		want := []string{"limit=1000", "limit=1000&next=tok1", "added_after=" + url.QueryEscape(stamp(2)) + "&limit=1000",
			"added_after=" + url.QueryEscape(stamp(2)) + "&limit=1000&next=tok3", "added_after=" + url.QueryEscape(stamp(2)) + "&limit=1000"}
		if !slices.Equal(s.asked, want) {
			t.Errorf("asked %q\nwant  %q", s.asked, want)
		}
		if r := got.Report; r.Read != 6 || r.New != 4 || r.Known != 1 || r.Refused != 1 || len(r.Reasons) != 1 || r.Pages != 4 || r.Collections != 1 {
			t.Errorf("%+v", r)
		}
		if n := len(h.inbox()); n != 4 {
			t.Errorf("%d in the inbox", n)
		}
		if _, err = h.s.Poll(ctx, h.lead, x.UUID, poll.Options{}); err != nil || s.asked[5] != "added_after="+url.QueryEscape(stamp(5))+"&limit=1000" {
			t.Errorf("then: %q %v", s.asked[5], err)
		}
		_, list, err := h.s.Server(ctx, h.lead, x.UUID)
		h.Must(err)
		if len(list) != 2 || list[0].After != stamp(5) || !list[0].Chosen || list[1].Chosen || list[0].Objects != 6 {
			t.Errorf("%+v", list)
		}
	})
}

// TestPollHostile: a server that lies, breaks off or runs in circles is left, what came
// before stays, the place stays before what did not come, and the breaker opens.
func TestPollHostile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		page func(n int, r *http.Request, w http.ResponseWriter)
		code peer.Code
		read int64
	}{
		"the same token": {func(n int, _ *http.Request, w http.ResponseWriter) {
			sheet(w, stamp(1), `,"more":true,"next":"t"`, thing(n))
		}, peer.Unexpected, 2},
		"the same date":   {func(n int, _ *http.Request, w http.ResponseWriter) { sheet(w, stamp(1), `,"more":true`, thing(n)) }, peer.Unexpected, 1},
		"more and no way": {func(_ int, _ *http.Request, w http.ResponseWriter) { sheet(w, "", `,"more":true`, thing(1)) }, peer.Unexpected, 0},
		"empty for ever":  {func(_ int, _ *http.Request, w http.ResponseWriter) { sheet(w, "", `,"more":true,"next":"x"`) }, peer.Unexpected, 0},
		"no JSON":         {func(_ int, _ *http.Request, w http.ResponseWriter) { fmt.Fprint(w, "<html>") }, peer.Unexpected, 0},
		"another type": {func(_ int, _ *http.Request, w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "{}")
		}, peer.Unexpected, 0},
		"cut short":       {func(_ int, _ *http.Request, w http.ResponseWriter) { fmt.Fprint(w, `{"objects":[`+thing(1)) }, peer.Unreachable, 0},
		"an error":        {func(_ int, _ *http.Request, w http.ResponseWriter) { w.WriteHeader(500) }, peer.Unexpected, 0},
		"key withdrawn":   {func(_ int, _ *http.Request, w http.ResponseWriter) { w.WriteHeader(401) }, peer.Forbidden, 0},
		"collection gone": {func(_ int, _ *http.Request, w http.ResponseWriter) { w.WriteHeader(404) }, peer.Unexpected, 0},
		"a redirect": {func(_ int, _ *http.Request, w http.ResponseWriter) {
			w.Header().Set("Location", "/taxii2/")
			w.WriteHeader(302)
		}, peer.Unexpected, 0},
		"a page without end": {endless, peer.Unexpected, 0},
		"a token of megabytes": {func(_ int, _ *http.Request, w http.ResponseWriter) {
			sheet(w, "", `,"more":true,"next":"`+strings.Repeat("x", 1<<20)+`"`, thing(1))
		}, peer.Unexpected, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
			h := newHouse(t, db, nil)
			s := newScripted(t, c.page)
			x := h.server(s.url, "machine")
			got, err := h.s.Poll(ctx, h.lead, x.UUID, poll.Options{})
			if err == nil || got.Health.Code != c.code || got.Report.Read != c.read || got.Health.Failures != 1 || got.Health.OpenUntil == 0 {
				t.Fatalf("%v, %+v, %+v", err, got.Health, got.Report)
			}
			if n := len(s.asked); n > 3 {
				t.Errorf("asked %d times", n)
			}
			if strings.Contains(got.Health.Detail, secret) {
				t.Error("the detail has the secret")
			}
			if _, err := h.s.Poll(ctx, h.lead, x.UUID, poll.Options{}); !fault.Is(err, fault.Conflict) {
				t.Errorf("the breaker: %v", err)
			}
			asked := len(s.asked)
			if _, err := h.s.Poll(ctx, h.lead, x.UUID, poll.Options{Force: true}); fault.Is(err, fault.Conflict) || len(s.asked) == asked {
				t.Errorf("by force: %v", err)
			}
		})
	}
}

// TestPollPeersDefects: what real servers do wrong (spec standards §1.2, §1.4) and is got
// along with, case by case: what is asked, and how much comes.
func TestPollPeersDefects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		page func(n int, r *http.Request, w http.ResponseWriter)
		want []string // queries of a first poll and a second
		read int64
	}{
		"medallion forgets its token": {func(n int, r *http.Request, w http.ResponseWriter) {
			switch {
			case n == 1:
				sheet(w, stamp(1), `,"more":true,"next":"abc"`, thing(1))
			case r.URL.Query().Get("next") != "":
				w.Header().Set("Content-Type", taxii.MediaType)
				w.WriteHeader(400)
				fmt.Fprint(w, `{"title":"Invalid","description":"The server did not understand the request or filter parameters: 'next' not valid","http_status":"400"}`)
			default:
				sheet(w, stamp(2), "", thing(1), thing(2))
			}
		}, []string{"limit=1000", "limit=1000&next=abc", "limit=1000"}, 3},
		"more without next": {func(n int, _ *http.Request, w http.ResponseWriter) {
			sheet(w, stamp(n), map[bool]string{true: `,"more":true`}[n == 1], thing(n))
		}, []string{"limit=1000", "added_after=" + url.QueryEscape(stamp(1)) + "&limit=1000"}, 2},
		"dates without fraction": {func(n int, _ *http.Request, w http.ResponseWriter) {
			sheet(w, "2026-01-02T00:00:01Z", map[bool]string{true: `,"more":true`}[n == 1], thing(n))
		}, []string{"limit=1000", "added_after=" + url.QueryEscape("2026-01-02T00:00:01.000000Z") + "&limit=1000"}, 2},
		"dates of JavaScript": {func(_ int, _ *http.Request, w http.ResponseWriter) {
			sheet(w, "Fri Jan 02 2026 00:00:01 GMT+0000 (Coordinated Universal Time)", "", thing(1))
		}, []string{"limit=1000"}, 1},
		"a date that is undefined": {func(_ int, _ *http.Request, w http.ResponseWriter) { sheet(w, "undefined", "", thing(1)) }, []string{"limit=1000"}, 1},
		"no date headers":          {func(_ int, _ *http.Request, w http.ResponseWriter) { sheet(w, "", "", thing(1)) }, []string{"limit=1000"}, 1},
		"plain JSON as media type": {func(_ int, _ *http.Request, w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"objects":[%s]}`, thing(1))
		}, []string{"limit=1000"}, 1},
		"unversioned objects": {func(_ int, _ *http.Request, w http.ResponseWriter) {
			sheet(w, stamp(1), "", `{"type":"domain-name","spec_version":"2.1","id":"domain-name--82a48ef4-acc4-4f85-982c-870edf5db19d","value":"a.example.com"}`)
		}, []string{"limit=1000"}, 1},
		"an empty list instead of none": {func(_ int, _ *http.Request, w http.ResponseWriter) {
			w.Header().Set("Content-Type", taxii.MediaType)
			fmt.Fprint(w, `{"more":false,"next":null,"objects":[]}`)
		}, []string{"limit=1000"}, 0},
		"more than was asked for": {func(_ int, _ *http.Request, w http.ResponseWriter) {
			var list []string
			for n := range 1500 {
				list = append(list, thing(n))
			}
			sheet(w, stamp(1), "", list...)
		}, []string{"limit=1000"}, 1500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
				h := newHouse(t, db, now)
				s := newScripted(t, c.page)
				x := h.server(s.url, "machine")
				got, err := h.s.Poll(ctx, h.lead, x.UUID, poll.Options{})
				if err != nil || got.Report.Read != c.read || got.Report.Refused != 0 || got.Health.Code != peer.OK {
					t.Fatalf("%v, %+v %+v", err, got.Report, got.Health)
				}
				if !slices.Equal(s.asked, c.want) {
					t.Errorf("asked %q\nwant  %q", s.asked, c.want)
				}
			})
		})
	}
}

func endless(_ int, _ *http.Request, w http.ResponseWriter) {
	fmt.Fprint(w, `{"objects":[`)
	for n := range 25_000 {
		fmt.Fprint(w, thing(n), ",")
	}
	fmt.Fprint(w, thing(0), `]}`)
}

// TestPollRetryAfter: a server that asks for patience gets it.
func TestPollRetryAfter(t *testing.T) {
	t.Parallel()
	moved := clock.NewMoved(testkit.AsOf, 1)
	h := newHouse(t, testkit.SQLite(t, moved), moved)
	s := newScripted(t, func(_ int, _ *http.Request, w http.ResponseWriter) {
		w.Header().Set("Retry-After", "7200")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	x := h.server(s.url, "")
	got, err := h.s.Poll(ctx, h.lead, x.UUID, poll.Options{})
	if wait := time.Duration(got.Health.OpenUntil-got.Health.Checked) * time.Microsecond; err == nil || wait != 2*time.Hour {
		t.Errorf("waits %v, %v", wait, err)
	}
}

// TestPollCutOff: a poll that ends in the middle goes on where it was, in the
// background, without gap or double.
func TestPollCutOff(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		fail := true
		s := newScripted(t, func(_ int, r *http.Request, w http.ResponseWriter) {
			n := 1
			_, _ = fmt.Sscanf(r.URL.Query().Get("next"), "page%d", &n)
			if n == 3 && fail {
				fail = false
				w.WriteHeader(503)
				return
			}
			tail := fmt.Sprintf(`,"more":true,"next":"page%d"`, n+1)
			if n == 4 {
				tail = ""
			}
			sheet(w, stamp(n), tail, thing(2*n), thing(2*n+1))
		})
		x := h.server(s.url, "")
		if _, err := h.s.Edit(ctx, h.lead, x.UUID, "", "", func(x *poll.Server) { x.Every = 15 }); err != nil {
			t.Fatal(err)
		}
		got, err := h.s.Poll(ctx, h.lead, x.UUID, poll.Options{})
		if err == nil || got.Report.New != 4 || got.Report.Left != 1 || got.Polled != 0 {
			t.Errorf("cut off: %+v, %v", got.Report, err)
		}
		_, err = h.s.Start(ctx, h.lead, x.UUID, false)
		h.Must(err)
		h.Must(jobs.New(db, slices.Concat(h.s.Jobs(), h.Intel.Jobs()), nil).Drain(ctx))
		got, _, err = h.s.Server(ctx, h.lead, x.UUID)
		h.Must(err)
		if got.Report.New != 4 || got.Report.Known != 0 || got.Health.Code != peer.OK || got.Polled == 0 {
			t.Errorf("gone on: %+v %+v", got.Report, got.Health)
		}
		if ids := h.inbox(); len(ids) != 8 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 8 {
			t.Errorf("%v", ids)
		}
	})
}

// TestPollDoors: who may what, and that a secret goes nowhere else.
func TestPollDoors(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		s := newScripted(t, func(_ int, _ *http.Request, w http.ResponseWriter) { fmt.Fprint(w, "{}") })
		x := h.server(s.url, "machine")
		analyst, member := h.Person(h.CERT, access.Analyst, ident.Web), h.Person(h.A, access.OrgAdmin, ident.Web)
		if _, err := h.s.Servers(ctx, analyst); err != nil {
			t.Errorf("the team reads: %v", err)
		}
		for name, err := range map[string]error{
			"read":    second(h.s.Servers(ctx, member)),
			"add":     second(h.s.Add(ctx, analyst, poll.Server{Name: "x", URL: s.url}, "", "")),
			"edit":    second(h.s.Edit(ctx, analyst, x.UUID, "", "", func(*poll.Server) {})),
			"delete":  h.s.Delete(ctx, analyst, x.UUID),
			"choose":  second(h.s.Choose(ctx, analyst, x.UUID, nil)),
			"poll":    second(h.s.Poll(ctx, analyst, x.UUID, poll.Options{})),
			"start":   second(h.s.Start(ctx, analyst, x.UUID, false)),
			"looking": third(h.s.Look(ctx, member, x.UUID)),
		} {
			if !fault.Is(err, fault.Denied) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, want := range map[string]struct {
			x     poll.Server
			field string
		}{
			"taken":      {poll.Server{Name: "Other", URL: s.url}, "name"},
			"no name":    {poll.Server{URL: s.url}, "name"},
			"no address": {poll.Server{Name: "n", URL: "ftp://x/"}, "url"},
			"login":      {poll.Server{Name: "n", URL: s.url, Login: "a:b"}, "login"},
			"patience":   {poll.Server{Name: "n", URL: s.url, Patience: 1}, "patience"},
			"interval":   {poll.Server{Name: "n", URL: s.url, Every: -1}, "every"},
			"paper":      {poll.Server{Name: "n", URL: s.url, CA: "x"}, "ca"},
		} {
			_, err := h.s.Add(ctx, h.lead, want.x, "", "")
			if f := fault.Of(err); f == nil || f.Fields[want.field] == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		move := func(secret string) error {
			return second(h.s.Edit(ctx, h.lead, x.UUID, secret, "", func(x *poll.Server) { x.URL = "https://attacker.example/" }))
		}
		if f := fault.Of(move("")); f == nil || f.Fields["secret"] == "" {
			t.Error("the secret moved to another address")
		}
		if err := move("another"); err != nil {
			t.Errorf("with a secret of its own: %v", err)
		}
		if _, err := h.s.Choose(ctx, h.lead, x.UUID, []string{"nothing"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a collection that is not: %v", err)
		}
		h.Must(h.s.Delete(ctx, h.lead, x.UUID))
		if _, _, err := h.s.Server(ctx, h.lead, x.UUID); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleted: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func third[T, U any](_ T, _ U, err error) error { return err }

// TestPollRedirects: a TAXII server that sends us elsewhere, in whichever way, at whichever
// of its resources, gets nothing more, and the secret stays with it.
func TestPollRedirects(t *testing.T) {
	t.Parallel()
	away := testkit.NewAstray(t)
	var turn testkit.Turn
	turned := 0
	redirect := func(w http.ResponseWriter) {
		turned++
		w.Header().Set("Location", turn.To)
		w.WriteHeader(turn.Status)
	}
	h := newHouse(t, testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1)), nil)
	s := newScripted(t, func(_ int, _ *http.Request, w http.ResponseWriter) { redirect(w) })
	x := h.server(s.url, "")
	for _, turn = range away.Turns("/taxii2/") {
		before := turned
		got, err := h.s.Poll(ctx, h.lead, x.UUID, poll.Options{Force: true})
		if err == nil || got.Health.Code != peer.Unexpected || turned != before+1 {
			t.Errorf("%d to %s: asked %d times, %v", turn.Status, turn.To, turned-before, err)
		}
	}
	// The discovery resource itself.
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { redirect(w) }))
	t.Cleanup(srv.Close)
	y, err := h.s.Add(ctx, h.lead, poll.Server{Name: "Turns", URL: srv.URL + "/taxii2/"}, secret, "")
	h.Must(err)
	for _, turn = range away.Turns("/taxii2/") {
		got, list, err := h.s.Look(ctx, h.lead, y.UUID)
		if h.Must(err); got.Health.Code == peer.OK || len(list) != 0 {
			t.Errorf("%d to %s: %+v", turn.Status, turn.To, got.Health)
		}
	}
	away.Unseen(t)
}
