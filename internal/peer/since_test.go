package peer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/peer"
	"straza/internal/testkit"

	"github.com/google/go-cmp/cmp"
)

// wire stands between two nodes: it makes pages small, breaks off where a test says, and
// keeps what went by.
type wire struct {
	*httptest.Server
	sync.Mutex
	rows   int                  // of a page
	broken func(n int) bool     // the nth page is not answered
	pages  int                  // asked for
	whole  int                  // lists that were begun from the beginning
	listed map[string]int       // "uuid timestamp": how often it was listed
	views  map[string]int       // by UUID: how often it was fetched
	last   map[string]any       // the last that was asked
	answer func(*http.Response) // what the other side says, changed
}

func newWire(t testing.TB, to *node, rows int) *wire {
	x := &wire{rows: rows, listed: map[string]int{}, views: map[string]int{}}
	target, err := url.Parse(to.URL)
	to.Must(err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error { x.heard(r); return nil }
	x.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !x.asked(r) {
			http.Error(w, "broken off", http.StatusBadGateway)
			return
		}
		r.Host = target.Host
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(x.Close)
	return x
}

func (x *wire) asked(r *http.Request) bool {
	x.Lock()
	defer x.Unlock()
	if uuid, ok := strings.CutPrefix(r.URL.Path, "/events/view/"); ok {
		x.views[uuid[:36]]++
	}
	if r.URL.Path != "/events/since" {
		return true
	}
	x.pages++
	x.last = map[string]any{}
	b, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(b, &x.last)
	if x.last["cursor"] == "" {
		x.whole++
	}
	x.last["limit"] = x.rows
	b, _ = json.Marshal(x.last)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	return x.broken == nil || !x.broken(x.pages)
}

func (x *wire) heard(r *http.Response) {
	x.Lock()
	defer x.Unlock()
	if x.answer != nil {
		x.answer(r)
	}
	if r.Request.URL.Path != "/events/since" || r.StatusCode != http.StatusOK {
		return
	}
	b, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(b))
	var page struct {
		Events []struct{ UUID, Timestamp string }
	}
	_ = json.Unmarshal(b, &page)
	for _, e := range page.Events {
		x.listed[e.UUID+" "+e.Timestamp]++
	}
}

// through enters a node as a peer behind a wire.
func (n *node) through(o *node, x *wire, flags peer.Flags) peer.Peer {
	n.T.Helper()
	p := n.knows(o, "there", flags)
	key := strings.Repeat(string(rune('a'+o.more%26)), 40)
	p, err := n.Peers.Edit(ctx, n.Lead, p.UUID, key, peer.Remote{}, func(p *peer.Peer) error { p.URL = x.URL; return nil })
	n.Must(err)
	return p
}

func (n *node) small(i int) intel.Event {
	return n.made(&misp.Event{Info: misp.T(fmt.Sprintf("No %d", i)), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", fmt.Sprintf("n%d.example.org", i), 5)}})
}

// anew publishes an event once more, changed.
func (n *node) anew(e intel.Event) intel.Event {
	n.T.Helper()
	got := n.has(e.UUID)
	_, err := n.Intel.EditEvent(ctx, n.Lead, e.UUID, intel.FromEvent(&misp.Event{Published: misp.B(true), Info: misp.T(got.Info + "."), Timestamp: misp.N(got.Timestamp + 60)}), intel.AddOptions{})
	n.Must(err)
	return n.has(e.UUID)
}

// A list that breaks off at any page is gone on with there: by another process, after a
// restart of either side, although events were published anew and added meanwhile.
// Everything comes, nothing is listed or fetched twice, and the reports are right.
func TestPullGoesOn(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		x := newWire(t, there, 3)
		p := here.through(there, x, peer.Flags{Pull: true})
		var events []intel.Event
		for i := range 10 {
			events = append(events, there.small(i))
		}
		x.broken = func(n int) bool { return n%2 == 0 } // one page each time
		var read int64
		for turn := 0; ; turn++ {
			if turn > 20 {
				t.Fatal("it does not end")
			}
			run, err := here.Peers.Pull(ctx, here.Lead, p.UUID, peer.Options{Force: true})
			whole(t, run)
			if err == nil {
				read += run.Counts.Events.Created + run.Counts.Events.Updated
				break
			}
			read += run.Counts.Events.Created + run.Counts.Events.Updated
			here.restart()
			if turn == 0 {
				events[0], events[9] = there.anew(events[0]), there.anew(events[9]) // listed, and not yet
				events = append(events, there.small(10))
			}
		}
		x.broken = nil
		here.pull(p, peer.Options{})
		if x.whole != 1 {
			t.Errorf("listed from the beginning %d times", x.whole)
		}
		for _, e := range events {
			if got := here.has(e.UUID); got.Timestamp != e.Timestamp || got.Info != e.Info {
				t.Errorf("%s is %q here", e.Info, got.Info)
			}
		}
		for row, n := range x.listed {
			if n != 1 {
				t.Errorf("%s was listed %d times", row, n)
			}
		}
		for uuid, n := range x.views {
			if n != 1 {
				t.Errorf("%s was fetched %d times", uuid, n)
			}
		}
		if read != int64(len(events)) {
			t.Errorf("the reports tell of %d events, %d came", read, len(events))
		}
		pages := x.pages
		idle := here.pull(p, peer.Options{})
		if !idle.Unchanged || idle.Counts.Events != (peer.Tally{}) || x.pages != pages+1 {
			t.Errorf("with nothing new: %+v after %d pages", idle, x.pages-pages)
		}
		events[3] = there.anew(events[3])
		if run := here.pull(p, peer.Options{}); run.Counts.Events != (peer.Tally{Read: 1, Updated: 1}) || run.Unchanged {
			t.Errorf("one changed: %+v", run.Counts.Events)
		}
		dry := here.pull(p, peer.Options{Dry: true})
		if dry.Counts.Events != (peer.Tally{Read: 11, Unchanged: 11}) {
			t.Errorf("a dry run looks at everything: %+v", dry.Counts.Events)
		}
		if fresh := here.pull(p, peer.Options{Fresh: true}); fresh.Counts.Events != (peer.Tally{Read: 11, Unchanged: 11}) || x.whole != 2 {
			t.Errorf("fresh: %+v, %d lists", fresh.Counts.Events, x.whole)
		}
	})
}

// A turn whose time is up goes on in the next one, page by page; the report is of the whole.
func TestPullListsInTurns(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		x := newWire(t, there, 2)
		p := here.through(there, x, peer.Flags{Pull: true})
		for i := range 5 {
			there.small(i)
		}
		held := here.pull(p, peer.Options{Technique: there.small(5).UUID})
		if held.Counts.Events.Created != 1 {
			t.Fatalf("%+v", held.Counts)
		}
		var run peer.Run
		for turn := 0; run.State != peer.Done; turn++ {
			if turn > 20 {
				t.Fatal("it does not end")
			}
			run = here.pull(p, peer.Options{Until: here.DB.Clock.Now()})
			here.restart()
		}
		if d := cmp.Diff(peer.Tally{Read: 6, Created: 5, Unchanged: 1}, run.Counts.Events); d != "" || x.whole != 1 {
			t.Errorf("%s, %d lists", d, x.whole)
		}
	})
}

// New sightings of an event that did not change come, too.
func TestPullGoesOnWithSightings(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		x := newWire(t, there, 2)
		p := here.through(there, x, peer.Flags{Pull: true, PullSightings: true})
		there.open()
		for i := range 4 {
			there.small(i)
		}
		here.pull(p, peer.Options{})
		for turn := range int64(2) {
			_, _, err := there.Intel.AddSightings(ctx, there.Lead, nil, []string{"n1.example.org", "n2.example.org", "n3.example.org"}, intel.Sighting{})
			there.Must(err)
			run := here.pull(p, peer.Options{})
			if run.Counts.Sightings.Created != 3 || run.Counts.Events != (peer.Tally{}) || run.Unchanged {
				t.Errorf("turn %d: %+v", turn, run.Counts)
			}
		}
		if x.whole != 1 {
			t.Errorf("%d lists", x.whole)
		}
	})
}

// A cursor is refused with a sentence to another key, under other filters, when it was
// changed, when its holder sees more or less than before, and when it is too old. The pull
// then lists everything, once.
func TestCursorRefused(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		here, there := newNode(t, testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 2))), newNode(t, db)
		x := newWire(t, there, 2)
		p := here.through(there, x, peer.Flags{Pull: true})
		key := strings.Repeat(string(rune('a'+there.more%26)), 40)
		other := there.key(there.A, access.Sync)
		for i := range 3 {
			there.small(i)
		}
		ask := func(key string, body map[string]any) (status int, message, cursor string, events int) {
			t.Helper()
			b, _ := json.Marshal(body)
			r, _ := http.NewRequest(http.MethodPost, there.URL+"/events/since", bytes.NewReader(b))
			r.Header.Set("Authorization", key)
			r.Header.Set("Accept", "application/json")
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("User-Agent", "MISP 2.5.34 - #test")
			resp, err := http.DefaultClient.Do(r)
			there.Must(err)
			defer resp.Body.Close()
			var a struct {
				Message, Cursor string
				Events          []any
			}
			there.Must(json.NewDecoder(resp.Body).Decode(&a))
			return resp.StatusCode, a.Message, a.Cursor, len(a.Events)
		}
		_, _, good, n := ask(key, map[string]any{"published": 1})
		if good == "" || n != 3 {
			t.Fatalf("%q, %d events", good, n)
		}
		flipped := []byte(good)
		flipped[30] ^= 1
		for name, c := range map[string]struct {
			key    string
			body   map[string]any
			status int
		}{
			"as given":          {key, map[string]any{"published": 1, "cursor": good}, 200},
			"another page size": {key, map[string]any{"published": 1, "cursor": good, "limit": 7}, 200},
			"another key":       {other, map[string]any{"published": 1, "cursor": good}, 400},
			"another filter":    {key, map[string]any{"published": 1, "cursor": good, "org": "x"}, 400},
			"without a filter":  {key, map[string]any{"cursor": good}, 400},
			"changed":           {key, map[string]any{"published": 1, "cursor": string(flipped)}, 400},
			"cut off":           {key, map[string]any{"published": 1, "cursor": good[:40]}, 400},
			"rubbish":           {key, map[string]any{"published": 1, "cursor": "../../etc"}, 400},
			"a list":            {key, map[string]any{"published": 1, "cursor": []string{good}}, 400},
			"very long":         {key, map[string]any{"published": 1, "cursor": strings.Repeat(good, 100)}, 400},
		} {
			status, message, _, _ := ask(c.key, c.body)
			if status != c.status || status == 400 && !strings.Contains(message, "not valid for this key and these filters") {
				t.Errorf("%s: %d %q", name, status, message)
			}
		}
		here.pull(p, peer.Options{})
		// Somebody becomes a member of a group whose event is older than the cursor.
		g, err := there.Intel.AddGroup(ctx, there.Lead, intel.SharingGroup{Name: "Closed", Active: true, Roaming: true, Orgs: []intel.GroupOrg{{Org: there.B}}})
		there.Must(err)
		there.Lead = there.Again(there.Lead)
		closed := there.made(&misp.Event{Info: misp.T("Closed"), Distribution: misp.N(4), SharingGroupID: misp.N(g.ID), Attribute: []misp.Attribute{attr("", "domain", "closed.example.org", 5)}})
		if run := here.pull(p, peer.Options{}); run.Counts.Events.Read != 0 || x.whole != 1 {
			t.Errorf("not a member: %+v, %d lists", run.Counts.Events, x.whole)
		}
		org, err := there.Registry.OrgByRef(ctx, ident.SystemPart("setup"), here.CERT.UUID)
		there.Must(err)
		there.Must(there.Intel.AddGroupOrg(ctx, there.Lead, g.UUID, intel.Org{ID: org.ID}, false))
		if run := here.pull(p, peer.Options{}); run.Counts.Events.Created != 1 || run.Counts.Events.Unchanged != 3 || x.whole != 2 {
			t.Errorf("as a member: %+v, %d lists", run.Counts.Events, x.whole)
		}
		here.has(closed.UUID)
		now.Add(31 * 24 * time.Hour)
		if status, message, _, _ := ask(key, map[string]any{"published": 1, "cursor": x.last["cursor"], "minimal": 1, "sightings": false}); status != http.StatusGone || !strings.Contains(message, "too old") {
			t.Errorf("after a month: %d %q", status, message)
		}
		if run := here.pull(p, peer.Options{}); run.Counts.Events != (peer.Tally{Read: 4, Unchanged: 4}) || x.whole != 3 {
			t.Errorf("after a month: %+v, %d lists", run.Counts.Events, x.whole)
		}
	})
}

// Other rules ask for another list; a peer without the extension is asked for its index,
// and so is one that has lost it.
func TestCursorOnlyWhereBothHaveIt(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		x := newWire(t, there, 2)
		p := here.through(there, x, peer.Flags{Pull: true})
		e := there.small(1)
		here.pull(p, peer.Options{})
		if x.pages != 1 {
			t.Fatalf("%d pages", x.pages)
		}
		_, err := here.Peers.Edit(ctx, here.Lead, p.UUID, "", peer.Remote{}, func(p *peer.Peer) error { p.PullRules.Tags.NOT = []string{"x:y"}; return nil })
		here.Must(err)
		if here.pull(p, peer.Options{}); x.whole != 2 {
			t.Errorf("other rules, and %d lists", x.whole)
		}
		x.answer = func(r *http.Response) { // it is a MISP from now on
			if r.Request.URL.Path == "/servers/getVersion" {
				b, _ := io.ReadAll(r.Body)
				b = bytes.Replace(b, []byte(`,"resumable_cursors":true`), nil, 1)
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
				r.Header.Del("Content-Length")
			}
		}
		there.anew(e)
		pages := x.pages
		if run := here.pull(p, peer.Options{}); run.Counts.Events != (peer.Tally{Read: 1, Updated: 1}) || x.pages != pages {
			t.Errorf("%+v after %d pages", run.Counts.Events, x.pages-pages)
		}
		if run := here.pull(p, peer.Options{}); !run.Unchanged {
			t.Errorf("its index is as it was: %+v", run.Counts)
		}
	})
}

// A hostile list does not hold us, blow us up or make us lose the place that we had.
func TestHostileCursors(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		s.more = `"resumable_cursors":true,`
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) { fmt.Fprint(w, doc(uuid, "")) }
		row := `{"uuid":"` + uuidA + `","timestamp":"1700000000"}`
		var asked []string
		answer := ""
		s.rest = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/events/since" {
				http.NotFound(w, r)
				return
			}
			var ask struct{ Cursor string }
			_ = json.NewDecoder(r.Body).Decode(&ask)
			asked = append(asked, ask.Cursor)
			switch {
			case strings.HasPrefix(answer, "status "):
				w.WriteHeader(map[string]int{"status 400": 400, "status 410": 410, "status 500": 500}[answer])
			default:
				fmt.Fprint(w, strings.ReplaceAll(answer, "COUNT", fmt.Sprint(len(asked))))
			}
		}
		for _, c := range []struct{ name, answer string }{
			{"no list", `[]`}, {"nothing", `{}`}, {"rubbish", `{"events":[`}, {"no place", `{"events":[` + row + `],"more":true}`},
			{"the same place again", `{"events":[],"cursor":"same","more":true}`},
			{"a place that is too long", `{"events":[],"cursor":"` + strings.Repeat("x", 5000) + `"}`},
			{"a place that we could not keep", `{"events":[],"cursor":"+a b"}`},
			{"other types", `{"events":{"a":1},"cursor":7}`},
			{"an endless list", `{"events":[],"cursor":"cCOUNT","more":true}`},
			{"refused at the beginning", `status 400`}, {"gone at the beginning", `status 410`}, {"500", `status 500`},
			{"huge", `{"events":[` + strings.Repeat(row+",", 200_000) + row + `],"cursor":"x"}`},
		} {
			answer, asked = c.answer, nil
			run, err := n.Peers.Pull(ctx, n.Lead, p.UUID, peer.Options{Force: true})
			whole(t, run)
			if err == nil || run.State != peer.Failed || counted(n) != 0 {
				t.Errorf("%s: %s, %v", c.name, run.State, err)
			}
		}
		// Rows that name nothing, or the same twice, count once or not at all.
		answer, asked = `{"events":[{"uuid":"x"},`+row+`,`+strings.ToUpper(row[:10])+strings.ToUpper(uuidA)+`","timestamp":1700000000}],"sighted":[{"uuid":"../../"}],"cursor":"end"}`, nil
		answer = strings.Replace(answer, `{"UUID":"`, `{"uuid":"`, 1)
		if run := n.pull(p, peer.Options{Force: true}); run.Counts.Events != (peer.Tally{Read: 1, Created: 1}) {
			t.Errorf("%+v", run.Counts)
		}
		// Refused later, it is asked for everything once; refused again, the run fails.
		answer, asked = `status 400`, nil
		if _, err := n.Peers.Pull(ctx, n.Lead, p.UUID, peer.Options{Force: true}); err == nil || len(asked) < 2 || asked[len(asked)-1] != "" {
			t.Errorf("asked %q: %v", asked, err)
		}
	})
}
