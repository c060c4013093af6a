package rule_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"straza/internal/craft/rule"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestHostileReceivers: who never answers, answers without end, sends elsewhere or stands
// where nothing may be called holds a worker no longer than the guard's time, is tried
// again a bounded number of times, and the run says what was wrong. The act behind it
// is not done, and other rules go on.
func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		ctx := context.Background()
		var elsewhere, calls atomic.Int64
		hang := make(chan struct{})
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
		bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			switch r.URL.Path {
			case "/mute":
				select {
				case <-hang:
				case <-r.Context().Done():
				}
			case "/endless":
				for b := make([]byte, 4096); r.Context().Err() == nil; {
					if _, err := w.Write(b); err != nil {
						return
					}
				}
			case "/away":
				http.Redirect(w, r, other.URL+"/taken", http.StatusTemporaryRedirect)
			}
		}))
		t.Cleanup(func() { close(hang); bad.Close(); other.Close() })
		w := newWorldOut(t, db, outbound.Config{Allow: loopback, Timeout: 150 * time.Millisecond, MaxBytes: 64 << 10, NoRedirects: true})
		hook := func(url string) rule.Rule {
			r, err := w.s.Add(ctx, w.ana, rule.Rule{Name: url, Trigger: "told", Active: true, Acts: []rule.Act{{Do: "webhook", With: map[string]string{"url": url}}, do(url)}}, false)
			must(t, err)
			return r
		}
		mute, endless, away := hook(bad.URL+"/mute"), hook(bad.URL+"/endless"), hook(bad.URL+"/away")
		inside := hook("http://[::1]:9/metadata") // not among what may be called
		_, err := w.s.Add(ctx, w.ana, rule.Rule{Name: "good", Trigger: "told", Active: true, Acts: []rule.Act{do("good")}}, false)
		must(t, err)
		w.happens(20)
		for range 10 {
			now.Add(3 * time.Hour)
			must(t, w.runner.Tick(ctx))
		}
		for _, c := range []struct {
			r     rule.Rule
			state string
			fault string
		}{{mute, rule.Failed, "rules.fault.silent"}, {away, rule.Failed, "rules.fault.refused"}, {inside, rule.Failed, "rules.fault.silent"}, {endless, rule.Done, ""}} {
			runs, err := w.s.Runs(ctx, w.ana, c.r.UUID, 0, 10)
			must(t, err)
			if len(runs) != 1 || runs[0].State != c.state || runs[0].Said[0].Fault != c.fault {
				t.Errorf("%s: %+v", c.r.Name, runs)
			}
		}
		if n := elsewhere.Load(); n != 0 {
			t.Errorf("a signed message went to another address %d times", n)
		}
		if n := calls.Load(); n > 6+1+1 {
			t.Errorf("%d calls", n)
		}
		if len(w.done) != 2 { // the good one, and what stands behind the endless answer
			t.Errorf("did %q", w.done)
		}
	})
}

// TestRulesEnd: a rule's act that makes another thing happen starts the rules on that,
// under their own limits: two that start each other stop at the hour's number and wait
// for a person.
func TestRulesEnd(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		w.again = true
		for _, name := range []string{"ping", "pong"} {
			_, err := w.s.Add(ctx, w.ana, rule.Rule{Name: name, Trigger: "told", Active: true, Hourly: 3, Acts: []rule.Act{do(name)}}, false)
			must(t, err)
		}
		w.happens(20)
		if n, err := w.s.CountWaiting(ctx, w.ana); err != nil || len(w.done) != 6 || n == 0 {
			t.Errorf("%d acts, %d wait, %v", len(w.done), n, err)
		}
	})
}

// TestWebhooksAreNotSentOn: what is signed for one receiver reaches no other, by no kind of
// redirect, and the run says that the receiver refused it.
func TestWebhooksAreNotSentOn(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx, away := context.Background(), testkit.NewAstray(t)
		var calls atomic.Int64
		turns := away.Turns("/0")
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			n, err := strconv.Atoi(r.URL.Path[1:])
			must(t, err)
			w.Header().Set("Location", turns[n].To)
			w.WriteHeader(turns[n].Status)
		}))
		t.Cleanup(srv.Close)
		w := newWorldOut(t, db, outbound.Config{Allow: loopback, NoRedirects: true})
		var rules []rule.Rule
		for i := range turns {
			r, err := w.s.Add(ctx, w.ana, rule.Rule{Name: turns[i].To, Trigger: "told", Active: true, Acts: []rule.Act{{Do: "webhook", With: map[string]string{"url": srv.URL + "/" + strconv.Itoa(i)}}}}, false)
			must(t, err)
			rules = append(rules, r)
		}
		w.happens(20)
		for i, r := range rules {
			runs, err := w.s.Runs(ctx, w.ana, r.UUID, 0, 10)
			must(t, err)
			if len(runs) != 1 || runs[0].State != rule.Failed || runs[0].Said[0].Fault != "rules.fault.refused" {
				t.Errorf("%d to %s: %+v", turns[i].Status, turns[i].To, runs)
			}
		}
		if n := calls.Load(); n != int64(len(turns)) {
			t.Errorf("%d calls of %d", n, len(turns))
		}
		away.Unseen(t)
	})
}
