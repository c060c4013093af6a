package intelapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/intelapi"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

var setup = ident.SystemPart("setup")

// line is a house with real accounts and keys, whose sensors stay on the line.
type line struct {
	*server
	now      *clock.Moved
	accounts *account.Service
	lead     ident.Actor
	alfa     ident.Actor
	defined  intel.Definition
	group    intel.SharingGroup
	handler  http.Handler
	mux      *web.Mux
}

func newLine(t *testing.T, db *store.DB, now *clock.Moved) *line {
	t.Helper()
	w := inteltest.New(t, db)
	orgs := testkit.Orgs{}
	for _, o := range []intel.Org{w.CERT, w.A, w.B} {
		orgs[o.ID] = account.Org{ID: o.ID, UUID: o.UUID, Name: o.Name, CERT: o == w.CERT}
	}
	l := &line{server: &server{t: t, w: w}, now: now, accounts: testkit.Accounts(t, db, orgs, account.Deps{})}
	l.lead = testkit.Person(t, l.accounts, account.NewPerson{Email: "lead@example.com", Org: w.CERT.ID, Roles: []string{access.Lead}})
	l.alfa = testkit.Person(t, l.accounts, account.NewPerson{Email: "alfa@example.com", Org: w.A.ID, Roles: []string{access.OrgAdmin}})
	testkit.Person(t, l.accounts, account.NewPerson{Email: "beta@example.com", Org: w.B.ID, Roles: []string{access.Publisher}})
	testkit.Person(t, l.accounts, account.NewPerson{Email: "cert@example.com", Org: w.CERT.ID, Roles: []string{access.Analyst}})
	texts, err := i18n.NewCatalog(ui.Messages, intel.Messages)
	w.Must(err)
	origin, err := url.Parse("https://cert.example")
	w.Must(err)
	l.mux = web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef0123456789abcdef"), Catalog: texts, Gate: l.accounts.Gate(), Now: now.Now})
	intelapi.Routes(l.mux, w.Intel, nil)
	l.handler, err = l.mux.Handler()
	w.Must(err)
	l.group, err = w.Intel.AddGroup(context.Background(), l.again(l.alfa), intel.SharingGroup{Name: "Alfa and Beta", Active: true, Orgs: []intel.GroupOrg{{Org: w.B}}})
	w.Must(err)
	l.defined, err = w.Intel.SaveDefinition(context.Background(), l.lead, "", intel.Definition{Alias: "sensors", Title: "S", Readers: intel.ReadMembers, Ceiling: tlp.Green, Types: []string{"indicator"}}, false)
	w.Must(err)
	return l
}

func (l *line) again(who ident.Actor) ident.Actor { return l.w.Again(who) }

func (l *line) key(of string) (account.Key, string) {
	l.t.Helper()
	k, secret, err := l.accounts.AddKey(context.Background(), setup, of+"@example.com", account.NewKey{Name: "sensor", Scopes: []string{"intel:read"}})
	l.w.Must(err)
	return k, secret
}

// publish stores and publishes an event without converting it: the stream does.
func (l *line) publish(level intel.Distribution, value string) intel.Event {
	l.t.Helper()
	e := inteltest.Event(value, level)
	a := inteltest.Attr("domain", value)
	a.ToIDS = misp.B(true)
	e.Attribute, e.Tag = []misp.Attribute{a}, []misp.Tag{{Name: misp.T("tlp:green")}}
	if level == intel.Group {
		e.SharingGroupID = misp.N(l.group.ID)
	}
	l.now.Add(time.Second)
	got := l.w.Add(l.again(l.alfa), e)
	l.now.Add(time.Second)
	l.w.Must(l.w.Intel.Publish(context.Background(), l.again(l.alfa), got.UUID))
	l.sweep()
	return got
}

// TestStreamEndsWithTheRights: whatever takes a reader's right while the stream is open ends
// it, and what is published after that moment is not sent.
func TestStreamEndsWithTheRights(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(l *line, k account.Key) error{
		"the key is revoked": func(l *line, k account.Key) error {
			_, err := l.accounts.RevokeKey(context.Background(), setup, k.UUID)
			return err
		},
		"the key is bound to another network": func(l *line, k account.Key) error {
			_, err := l.accounts.ChangeKey(context.Background(), setup, k.UUID, account.KeyChange{AllowIP: &[]string{"203.0.113.0/24"}})
			return err
		},
		"the account is closed": func(l *line, _ account.Key) error {
			_, err := l.accounts.Disable(context.Background(), setup, "beta@example.com")
			return err
		},
		"the person loses the role": func(l *line, _ account.Key) error {
			_, err := l.accounts.SetRoles(context.Background(), setup, "cert@example.com", []string{access.Auditor}, 0)
			return err
		},
		"the organisation is no reader any more": func(l *line, _ account.Key) error {
			d := l.defined
			d.Readers, d.Orgs = intel.ReadNamed, []intel.Org{l.w.A}
			_, err := l.w.Intel.SaveDefinition(context.Background(), l.lead, d.UUID, d, false)
			return err
		},
		"the collection is deleted": func(l *line, _ account.Key) error {
			return l.w.Intel.DeleteDefinition(context.Background(), l.lead, l.defined.UUID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
				l := newLine(t, db, now)
				of := "beta"
				if name == "the person loses the role" {
					of = "cert"
				}
				k, secret := l.key(of)
				l.publish(intel.Community, "before.example.com")
				next, stop := l.listenAt(secret)
				defer stop()
				if e, ok := next(); !ok || !strings.Contains(e.data, "before.example.com") {
					t.Fatalf("%+v", e)
				}
				l.w.Must(end(l, k))
				l.publish(intel.Community, "after.example.com")
				if e, ok := next(); ok {
					t.Errorf("told afterwards: %+v", e)
				}
			})
		})
	}
}

// listenAt opens a stream at the line's own door.
func (l *line) listenAt(secret string) (func() (sse, bool), func()) {
	l.site = nil
	srv := httptest.NewServer(l.handler)
	l.t.Cleanup(srv.Close)
	return follow(l.t, srv.URL+"/api/v1/collections/sensors/stream?type=indicator", "cert.example", secret, "", nil)
}

// TestStreamOfAnAudienceThatShrinks: who is taken out of a sharing group while the stream is
// open is sent nothing more of it, and everything else.
func TestStreamOfAnAudienceThatShrinks(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		l := newLine(t, db, now)
		_, secret := l.key("beta")
		l.publish(intel.Group, "shared.example.com")
		next, stop := l.listenAt(secret)
		defer stop()
		if e, ok := next(); !ok || !strings.Contains(e.data, "shared.example.com") {
			t.Fatalf("%+v", e)
		}
		l.w.Must(l.w.Intel.RemoveGroupOrg(context.Background(), l.again(l.alfa), l.group.UUID, l.w.B))
		l.publish(intel.Group, "secret.example.com")
		l.publish(intel.Community, "open.example.com")
		if e, ok := next(); !ok || !strings.Contains(e.data, "open.example.com") {
			t.Errorf("%+v %v", e, ok)
		}
	})
}

// stuck is a reader that takes the first bytes and then nothing more: a write ends when the
// time is over that the server gave it.
type stuck struct {
	*httptest.ResponseRecorder
	mu       sync.Mutex
	deadline time.Time
	writes   int
	begun    chan struct{} // closed when the first write is through
	given    time.Duration
}

func (s *stuck) SetWriteDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline, s.given = at, time.Until(at)
	return nil
}

func (s *stuck) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writes++; s.writes > 1 {
		if s.deadline.IsZero() {
			return 0, errors.New("would wait for ever")
		}
		return 0, os.ErrDeadlineExceeded // the time is over
	}
	close(s.begun)
	return s.ResponseRecorder.Write(b)
}

func (s *stuck) Flush() {}

// TestSlowReaderIsCutOff: every write has its time, and whoever lets it pass is let go of;
// nobody else waits for it.
func TestSlowReaderIsCutOff(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		l := newLine(t, db, now)
		_, secret := l.key("beta")
		l.publish(intel.Community, "one.example.com")
		quick, stop := l.listenAt(secret)
		defer stop()
		quick()
		slow, gone := &stuck{ResponseRecorder: httptest.NewRecorder(), begun: make(chan struct{})}, make(chan struct{})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		r := httptest.NewRequest("GET", "https://cert.example/api/v1/collections/sensors/stream?type=indicator", nil).WithContext(ctx)
		r.Header.Set("Authorization", "Bearer "+secret)
		go func() { l.handler.ServeHTTP(slow, r); close(gone) }()
		<-slow.begun
		l.publish(intel.Community, "two.example.com")
		if e, ok := quick(); !ok || !strings.Contains(e.data, "two.example.com") {
			t.Errorf("another reader: %+v %v", e, ok)
		}
		<-gone
		if ctx.Err() != nil || slow.given <= 0 || slow.given > 10*time.Second || slow.writes != 2 {
			t.Errorf("%v: given %v, %d writes", ctx.Err(), slow.given, slow.writes)
		}
	})
}

// TestStreamsEndWithTheProgram: a server that shuts down lets go of open streams at once.
func TestStreamsEndWithTheProgram(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		l := newLine(t, db, now)
		_, secret := l.key("beta")
		l.publish(intel.Community, "one.example.com")
		srv := httptest.NewUnstartedServer(l.handler)
		srv.Config.RegisterOnShutdown(func() { l.w.Intel.EndFollowing(context.Background(), setup) })
		srv.Start()
		var list []func() (sse, bool)
		for range 20 {
			next, stop := follow(t, srv.URL+"/api/v1/collections/sensors/stream?type=indicator", "cert.example", secret, "", nil)
			defer stop()
			next()
			list = append(list, next)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		begun := time.Now()
		if err := srv.Config.Shutdown(ctx); err != nil || time.Since(begun) > 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		for _, next := range list {
			if e, ok := next(); ok {
				t.Errorf("%+v", e)
			}
		}
	})
}

// TestReset: a mark that cannot be gone on from is told, once, and everything comes again:
// on the stream as reset, in the plain form as 410; one of another collection is a fault.
func TestReset(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		l := newLine(t, db, now)
		_, secret := l.key("beta")
		var served sync.WaitGroup
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			served.Add(1)
			defer served.Done()
			l.handler.ServeHTTP(w, r)
		}))
		defer srv.Close()
		at := srv.URL + "/api/v1/collections/"
		open := func(alias, last string) (func() (sse, bool), func()) {
			return follow(t, at+alias+"/stream?type=indicator", "cert.example", secret, last, nil)
		}
		get := func(path string) int {
			r, err := http.NewRequest("GET", at+path, nil)
			l.w.Must(err)
			r.Host = "cert.example"
			r.Header.Set("Authorization", "Bearer "+secret)
			res, err := http.DefaultClient.Do(r)
			l.w.Must(err)
			_ = res.Body.Close()
			return res.StatusCode
		}
		gone := l.publish(intel.Community, "gone.example.com")
		next, stop := open("sensors", "")
		first, _ := next()
		stop()
		served.Wait() // followers share pages for a moment, and the clock of this test leaps over a month
		other, err := l.w.Intel.SaveDefinition(context.Background(), l.lead, "", intel.Definition{Alias: "others", Title: "O", Readers: intel.ReadMembers, Ceiling: tlp.Green}, false)
		l.w.Must(err)
		if code := get("others/changes?since=" + first.id); code != 422 {
			t.Errorf("a mark of another collection: %d", code)
		}
		if code := get(other.UUID + "/stream?since=" + first.id); code != 422 {
			t.Errorf("a stream with a mark of another collection: %d", code)
		}
		// What left is known for thirty days.
		l.w.Must(l.w.Intel.Unpublish(context.Background(), l.again(l.alfa), gone.UUID))
		now.Add(31 * 24 * time.Hour)
		l.publish(intel.Community, "new.example.com")
		if code := get("sensors/changes?type=indicator&since=" + first.id); code != 410 {
			t.Errorf("a mark that is too old: %d", code)
		}
		next, stop = open("sensors", first.id)
		defer stop()
		var got []string
		for range 2 {
			e, _ := next()
			got = append(got, e.event)
			if e.event == "reset" && e.id != "" {
				t.Errorf("a reset with a mark: %+v", e)
			}
		}
		if strings.Join(got, " ") != "reset added" {
			t.Errorf("%v", got)
		}
		l.publish(intel.Community, "newer.example.com")
		if e, _ := next(); e.event != "added" || !strings.Contains(e.data, "newer.example.com") {
			t.Errorf("after the reset: %+v", e)
		}
	})
}
