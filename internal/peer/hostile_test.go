package peer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/peer"
	"straza/internal/testkit"

	"github.com/google/go-cmp/cmp"
)

// script is a peer that does what a test says, and keeps what it was asked.
type script struct {
	index   func(w http.ResponseWriter, r *http.Request)
	view    func(w http.ResponseWriter, r *http.Request, uuid string)
	rest    http.HandlerFunc
	version http.HandlerFunc // instead of the usual answer
	asked   atomic.Int64
	url     string
	more    string // of getVersion
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	switch {
	case s.version != nil && strings.HasPrefix(r.URL.Path, "/servers/getVersion"):
		s.version(w, r)
	case strings.HasPrefix(r.URL.Path, "/servers/getVersion"):
		fmt.Fprint(w, `{`+s.more+`"version":"2.5.1","perm_sync":true,"perm_sighting":true,"request_encoding":["gzip"],"uuid":"5f5f5f5f-1111-4222-8333-444444444444"}`)
	case r.URL.Path == "/events/index":
		s.index(w, r)
	case strings.HasPrefix(r.URL.Path, "/events/view/"):
		uuid, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/events/view/"), "/")
		s.view(w, r, uuid)
	case s.rest != nil:
		s.rest(w, r)
	default:
		http.NotFound(w, r)
	}
}

// hostile runs a test against a script on both engines.
func hostile(t *testing.T, test func(t *testing.T, n *node, s *script, p peer.Peer)) {
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		n, s := newNode(t, db), &script{}
		srv := httptest.NewServer(s)
		t.Cleanup(srv.Close)
		s.url = srv.URL
		p, err := n.Peers.Add(ctx, n.Lead, peer.Peer{Name: "evil", URL: srv.URL, Flags: peer.Flags{Pull: true, Push: true}, Patience: 5}, "k", peer.Remote{UUID: orgEvil, Name: "Evil"})
		n.Must(err)
		test(t, n, s, p)
	})
}

const (
	orgEvil = "00000000-0000-4000-8000-00000000e711"
	uuidA   = "aaaaaaaa-0000-4000-8000-000000000001"
	uuidB   = "bbbbbbbb-0000-4000-8000-000000000002"
	uuidC   = "cccccccc-0000-4000-8000-000000000003"
)

func listed(uuids ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		var rows []string
		for _, u := range uuids {
			rows = append(rows, `{"id":"1","timestamp":"1700000000","published":true,"uuid":"`+u+`","orgc_uuid":"`+orgEvil+`"}`)
		}
		fmt.Fprint(w, "["+strings.Join(rows, ",")+"]")
	}
}

// doc is an event as a peer shows it; more is put into it before the attributes.
func doc(uuid, more string, attrs ...string) string {
	if len(attrs) == 0 {
		attrs = []string{`{"uuid":"` + strings.Replace(uuid, "-0000-4000", "-0001-4000", 1) + `","type":"domain","category":"Network activity","value":"` + uuid[:8] + `.example.org","distribution":"5","timestamp":"1700000000"}`}
	}
	return `{"Event":{"uuid":"` + uuid + `","info":"x","date":"2026-01-01","timestamp":"1700000000","distribution":"3","published":true,` + more +
		`"Orgc":{"uuid":"` + orgEvil + `","name":"Evil"},"Attribute":[` + strings.Join(attrs, ",") + `]}}`
}

func counted(n *node) (events int64) {
	n.Must(n.DB.View(ctx, func(tx *store.Tx) (err error) {
		events, err = store.Int64(ctx, tx, `SELECT COUNT(*) FROM intel_event WHERE loading = 0`)
		return err
	}))
	return events
}

func whole(t *testing.T, run peer.Run) {
	t.Helper()
	if e := run.Counts.Events; e.Read != e.Created+e.Updated+e.Unchanged+e.Refused+e.Left {
		t.Errorf("the counts do not add up: %+v", e)
	}
}

// What comes by another way between the list and the event: one is made here, one is put
// on the block list, one comes from somebody else in an older version.
func TestEventsThatComeMeanwhile(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		peers := ident.SystemPart("peer")
		s.index = listed(uuidA, uuidB, uuidC)
		var once sync.Once
		meanwhile := func() {
			n.made(&misp.Event{UUID: misp.T(uuidA), Info: misp.T("ours")})
			_, _, err := n.Intel.AddBlocks(ctx, n.Lead, intel.EventBlocks, []string{uuidB}, intel.Block{})
			n.Must(err)
			_, err = n.Intel.AddEvent(ctx, peers, intel.FromEvent(&misp.Event{UUID: misp.T(uuidC), Info: misp.T("older"), Timestamp: misp.N(1_600_000_000),
				Distribution: misp.N(3), Locked: misp.B(true), Orgc: &misp.Org{UUID: misp.T(orgEvil), Name: misp.T("Evil")}}), intel.AddOptions{Org: p.Org})
			n.Must(err)
		}
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) {
			once.Do(meanwhile) // all three are asked for side by side
			fmt.Fprint(w, doc(uuid, ""))
		}
		run := n.pull(p, peer.Options{})
		whole(t, run)
		if run.Counts.Events != (peer.Tally{Read: 3, Updated: 1, Refused: 2}) || run.Counts.Reasons["peer.reason.own"] != 1 || run.Counts.Reasons["peer.reason.blocked"] != 1 {
			t.Errorf("%+v %q", run.Counts, run.Detail)
		}
		if a, c := n.has(uuidA), n.has(uuidC); a.Info != "ours" || c.Info != "x" || c.Attributes != 1 {
			t.Errorf("%q, and %q with %d attributes", a.Info, c.Info, c.Attributes)
		}
	})
}

// One event breaks off, one gives 500, one is fine: the fine one is stored, the
// others are left for later and named; in the end they are refused, not forgotten.
func TestHostileTruncatedAnd500(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		s.index = listed(uuidA, uuidB, uuidC)
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) {
			switch uuid {
			case uuidA:
				b := doc(uuid, "")
				w.Header().Set("Content-Length", fmt.Sprint(len(b)))
				_, _ = io.WriteString(w, b[:len(b)-40])
			case uuidB:
				http.Error(w, "no", http.StatusInternalServerError)
			default:
				fmt.Fprint(w, doc(uuid, ""))
			}
		}
		run := n.pull(p, peer.Options{})
		whole(t, run)
		if run.Counts.Events != (peer.Tally{Read: 3, Created: 1, Left: 2}) || counted(n) != 1 || run.Detail == "" {
			t.Fatalf("%+v %q", run.Counts, run.Detail)
		}
		for range 4 {
			run = n.pull(p, peer.Options{})
			whole(t, run)
		}
		if run.Counts.Events.Refused != 2 || run.Counts.Reasons["peer.reason.tries"] != 2 {
			t.Errorf("%+v", run.Counts)
		}
	})
}

// A peer that says one thing and shows another: other events, other originators,
// two events, none, rubbish behind the event, an empty one, what is blocked here.
func TestHostileContent(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		own := n.made(&misp.Event{UUID: misp.T(uuidC), Info: misp.T("Ours"), Distribution: misp.N(3), Timestamp: misp.N(1_600_000_000), Attribute: []misp.Attribute{attr("", "domain", "ours.example.org", 5)}})
		for reason, answer := range map[string]string{
			"peer.reason.other":  doc(uuidB, ""),
			"peer.reason.empty":  strings.Replace(doc(uuidA, "", `{}`), `[{}]`, `[]`, 1),
			"peer.reason.broken": doc(uuidA, "") + `]`,
			"peer.reason.gone":   "",
		} {
			s.index = listed(uuidA)
			s.view = func(w http.ResponseWriter, r *http.Request, _ string) {
				if answer == "" {
					http.NotFound(w, r)
					return
				}
				fmt.Fprint(w, answer)
			}
			_, err := n.Peers.Edit(ctx, n.Lead, p.UUID, "", peer.Remote{}, func(*peer.Peer) error { return nil }) // what was refused is looked at again
			n.Must(err)
			run := n.pull(p, peer.Options{})
			whole(t, run)
			if run.Counts.Reasons[reason] != 1 || counted(n) != 1 {
				t.Errorf("%s: %+v, %d events", reason, run.Counts, counted(n))
			}
			again := n.pull(p, peer.Options{Fresh: true}) // remembered: not fetched again
			if again.Counts.Reasons[reason] != 1 {
				t.Errorf("%s again: %+v", reason, again.Counts)
			}
		}
		// It offers a newer version of what was made here.
		s.index, s.view = listed(uuidC), func(w http.ResponseWriter, _ *http.Request, uuid string) { fmt.Fprint(w, doc(uuid, "")) }
		if run := n.pull(p, peer.Options{}); run.Counts.Reasons["peer.reason.own"] != 1 {
			t.Errorf("%+v", run.Counts)
		}
		if got := n.has(own.UUID); got.Info != "Ours" {
			t.Errorf("ours became %q", got.Info)
		}
	})
}

// A foreign event keeps its originator, and a peer cannot take attributes of another
// event for its own.
func TestHostileEditsForeignObjects(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		s.index = listed(uuidA, uuidB)
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) { fmt.Fprint(w, doc(uuid, "")) }
		n.pull(p, peer.Options{})
		newer := strings.NewReplacer(`"1700000000"`, `"1700000100"`)
		s.index = func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			listed(uuidA, uuidB)(rec, r)
			fmt.Fprint(w, newer.Replace(rec.Body.String()))
		}
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) {
			b := newer.Replace(doc(uuid, ""))
			if uuid == uuidA { // another originator
				b = strings.ReplaceAll(b, orgEvil, "11111111-0000-4000-8000-000000000000")
			} else { // A's attribute, with another value
				b = newer.Replace(doc(uuid, "", `{"uuid":"aaaaaaaa-0001-4000-8000-000000000001","type":"domain","value":"stolen.example.org","distribution":"5","timestamp":"1700000100"}`,
					`{"uuid":"bbbbbbbb-0002-4000-8000-000000000002","type":"domain","value":"more.example.org","distribution":"5","timestamp":"1700000100"}`))
			}
			fmt.Fprint(w, b)
		}
		run := n.pull(p, peer.Options{})
		whole(t, run)
		if run.Counts.Reasons["peer.reason.origin"] != 1 || run.Counts.Events.Updated != 1 {
			t.Errorf("%+v", run.Counts)
		}
		a, err := n.Intel.Attribute(ctx, ident.SystemPart("peer"), "aaaaaaaa-0001-4000-8000-000000000001")
		if err != nil || a.Value != "aaaaaaaa.example.org" {
			t.Errorf("A's attribute became %q, %v", a.Value, err)
		}
	})
}

// Widening: numbers of groups and levels that the sender makes up reach nobody more.
func TestHostileWidensNothing(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		g, err := n.Intel.AddGroup(ctx, n.Lead, intel.SharingGroup{Name: "Ours", Active: true, Orgs: []intel.GroupOrg{{Org: n.A}, {Org: n.B}}})
		n.Must(err)
		s.index = listed(uuidA, uuidB)
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) {
			at := func(k int, rest string) string {
				return fmt.Sprintf(`{"uuid":"%s-00%02d-4000-8000-000000000001","type":"domain","value":"v%d.example.org","timestamp":"1700000000",%s}`, uuid[:8], k, k, rest)
			}
			if uuid == uuidB { // the event itself for a group known here by number only
				b := strings.Replace(doc(uuid, "", at(1, `"distribution":"5"`)), `"distribution":"3"`, fmt.Sprintf(`"distribution":"4","sharing_group_id":"%d"`, g.ID), 1)
				fmt.Fprint(w, b)
				return
			}
			b := doc(uuid, "", at(1, `"distribution":"1"`), at(2, `"distribution":"2"`), at(3, fmt.Sprintf(`"distribution":"4","sharing_group_id":"%d"`, g.ID)),
				at(4, `"distribution":"4","sharing_group_id":"9","SharingGroup":{"uuid":"99999999-0000-4000-8000-000000000009","name":"Nobody","active":true,"SharingGroupOrg":[]}`), at(5, `"distribution":"0"`))
			fmt.Fprint(w, strings.Replace(b, `"distribution":"3"`, `"distribution":"2"`, 1))
		}
		run := n.pull(p, peer.Options{})
		whole(t, run)
		if run.Counts.Reasons["peer.reason.group"] != 1 || counted(n) != 1 {
			t.Errorf("%+v", run.Counts)
		}
		got := map[string]intel.Distribution{}
		n.Must(n.Intel.Attributes(ctx, ident.SystemPart("peer"), uuidA, intel.Part{}, func(a *intel.Attribute) error { got[a.Value] = a.Distribution; return nil }))
		want := map[string]intel.Distribution{"v1.example.org": 0, "v2.example.org": 1, "v3.example.org": 0, "v4.example.org": 0, "v5.example.org": 0}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if e := n.has(uuidA); e.Distribution != intel.Community {
			t.Errorf("2 came as %d", e.Distribution)
		}
	})
}

// TestHostileRedirects: no redirect of any kind, to anywhere, from any of the doors that we
// knock at is followed: neither our key nor an event goes elsewhere, and one is asked once.
func TestHostileRedirects(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		away := testkit.NewAstray(t)
		e := n.made(&misp.Event{Info: misp.T("Out"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "a.example.org", 5)}})
		var turn testkit.Turn
		var turned int
		redirect := func(w http.ResponseWriter, r *http.Request) {
			turned++
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Location", turn.To)
			w.WriteHeader(turn.Status)
		}
		viewed := func(w http.ResponseWriter, r *http.Request, _ string) { redirect(w, r) }
		pull := func() (bool, error) {
			run, err := n.Peers.Pull(ctx, n.Lead, p.UUID, peer.Options{Force: true, Fresh: true})
			return run.Counts.Events.Created == 0, err
		}
		for door, c := range map[string]struct {
			set  func()
			do   func() (kept bool, err error)
			most int // requests that may end in a redirect
			fail bool
		}{
			"version": {func() { s.version = redirect }, pull, 1, true},
			"index":   {func() { s.index = redirect }, pull, 1, true},
			"event":   {func() { s.index, s.view = listed(uuidA), viewed }, pull, 1, false},
			"filter": {func() { s.rest = redirect }, func() (bool, error) {
				run, err := n.Peers.PushTo(ctx, n.Lead, p.UUID, peer.Options{Force: true})
				return run.Counts.Events.Created == 0, err
			}, 1, true},
			"add": {func() {
				s.view = func(w http.ResponseWriter, r *http.Request, _ string) { http.NotFound(w, r) }
				s.rest = func(w http.ResponseWriter, r *http.Request) {
					if strings.HasPrefix(r.URL.Path, "/events/filterEventIdsForPush") {
						_ = json.NewEncoder(w).Encode([]string{e.UUID})
						return
					}
					redirect(w, r)
				}
			}, func() (bool, error) {
				run, err := n.Peers.PushTo(ctx, n.Lead, p.UUID, peer.Options{Force: true})
				return run.Counts.Events.Created == 0, err
			}, 1, false},
		} {
			turns := away.Turns(s.url + "/servers/getVersion")
			if door != "index" { // the places are the same client's affair; the statuses not
				turns = []testkit.Turn{{Status: 301, To: away.Allowed}, {Status: 307, To: away.Allowed + "/in"}, {Status: 308, To: away.Inner}}
			}
			for _, turn = range turns {
				s.version, s.rest, s.index, s.view, turned = nil, nil, listed(), nil, 0
				c.set()
				nothing, err := c.do()
				if !nothing || c.fail && err == nil || turned == 0 || turned > c.most {
					t.Errorf("%s, %d to %s: asked %d times, nothing taken or given %v, %v", door, turn.Status, turn.To, turned, nothing, err)
				}
			}
		}
		away.Unseen(t)
	})
}

// The breaker: after a failure nobody is sent there, by hand it goes at once, and
// success closes it. Another peer does not notice.
func TestDeadPeerBlocksNobody(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		s.index = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
		if _, err := n.Peers.Pull(ctx, n.Lead, p.UUID, peer.Options{}); err == nil {
			t.Fatal("502 went well")
		}
		before := s.asked.Load()
		if _, err := n.Peers.Pull(ctx, n.Lead, p.UUID, peer.Options{}); !fault.Is(err, fault.Unavailable) || s.asked.Load() != before {
			t.Errorf("the breaker let somebody through: %v, %d calls", err, s.asked.Load()-before)
		}
		s.index = listed()
		n.pull(p, peer.Options{Force: true})
		n.pull(p, peer.Options{})
		got, err := n.Peers.Peer(ctx, n.Lead, p.UUID)
		if err != nil || got.Health.Failures != 0 || got.Health.Code != peer.OK {
			t.Errorf("%+v %v", got.Health, err)
		}
	})
}

// Endless and slow: an index without an end stops, a peer that says nothing, or a byte now
// and then, is left after our patience.
func TestHostileEndlessAndSlow(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		s.index = func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "[")
			row := []byte(`{"id":"1","timestamp":"1700000000","uuid":"` + uuidA + `"},`)
			for r.Context().Err() == nil {
				if _, err := w.Write(bytes.Repeat(row, 1000)); err != nil {
					return
				}
			}
		}
		start := time.Now()
		if _, err := n.Peers.Pull(ctx, n.Lead, p.UUID, peer.Options{}); err == nil {
			t.Error("an endless index went well")
		}
		s.index = func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice who has left
			<-r.Context().Done()
		}
		if _, err := n.Peers.Pull(ctx, n.Lead, p.UUID, peer.Options{Force: true}); err == nil {
			t.Error("silence went well")
		}
		s.index = func(w http.ResponseWriter, r *http.Request) { // a byte now and then, and never an end
			drip := time.NewTicker(100 * time.Millisecond)
			defer drip.Stop()
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(" ")); err != nil || http.NewResponseController(w).Flush() != nil {
					return
				}
				<-drip.C
			}
		}
		if _, err := n.Peers.Pull(ctx, n.Lead, p.UUID, peer.Options{Force: true}); err == nil {
			t.Error("dripping went well")
		}
		if d := time.Since(start); d > 60*time.Second {
			t.Errorf("patience of 5 s three times took %s", d)
		}
		if c := counted(n); c != 0 {
			t.Errorf("%d events", c)
		}
	})
}

// The other side's words about an event that it refuses reach us as words only.
func TestHostileAnswersToPush(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		e := n.made(&misp.Event{Info: misp.T("Out"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "a.example.org", 5)}})
		s.view = func(w http.ResponseWriter, r *http.Request, _ string) { http.NotFound(w, r) }
		s.rest = func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/events/filterEventIdsForPush") {
				_ = json.NewEncoder(w).Encode([]string{e.UUID, "nonsense"})
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusMethodNotAllowed)
			fmt.Fprintf(w, `{"message":"<script>\u0000\n%s"}`, strings.Repeat("я", 1000))
		}
		run := n.push(p, peer.Options{})
		whole(t, run)
		why, err := n.Peers.WhyNot(ctx, n.Lead, e.UUID)
		n.Must(err)
		if run.Counts.Events.Refused != 1 || len(why) != 1 || why[0].State != "refused" || len([]rune(why[0].Detail)) > 200 || strings.ContainsAny(why[0].Detail, "\n\x00") {
			t.Errorf("%+v %+v", run.Counts, why)
		}
	})
}

// A pull that is cut off in the middle goes on where it stood: no gap, no twin, and
// the report of the whole is right.
func TestCutOffPullResumes(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		var all []string
		for i := range 30 {
			all = append(all, fmt.Sprintf("dddddddd-0000-4000-8000-%012d", i))
		}
		s.index = listed(all...)
		broke := errors.New("cut")
		var down atomic.Bool
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) {
			if down.Load() || uuid > all[11] && !down.Swap(uuid > all[11] && !strings.HasSuffix(uuid, "x")) {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			k := uuid[len(uuid)-4:]
			fmt.Fprint(w, doc(uuid, "", `{"uuid":"dddddddd-0001-4000-8000-00000000`+k+`","type":"domain","value":"v`+k+`.example.org","distribution":"5","timestamp":"1700000000"}`))
		}
		run, err := n.Peers.Pull(ctx, n.Lead, p.UUID, peer.Options{})
		if err == nil {
			err = broke
		}
		whole(t, run)
		if run.State != peer.Failed || run.Counts.Events.Left == 0 {
			t.Fatalf("%+v %v", run, err)
		}
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) {
			k := uuid[len(uuid)-4:]
			fmt.Fprint(w, doc(uuid, "", `{"uuid":"dddddddd-0001-4000-8000-00000000`+k+`","type":"domain","value":"v`+k+`.example.org","distribution":"5","timestamp":"1700000000"}`))
		}
		second := n.pull(p, peer.Options{Force: true})
		whole(t, second)
		if got := run.Counts.Events.Created + second.Counts.Events.Created; got != 30 || counted(n) != 30 || second.Counts.Events.Unchanged != run.Counts.Events.Created {
			t.Errorf("first %+v, second %+v, %d events", run.Counts.Events, second.Counts.Events, counted(n))
		}
	})
}

// A preview of a peer that refuses, talks nonsense or is gone says so in the words of the
// connection test; it is no inner fault.
func TestPreviewOfASilentPeer(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		for key, index := range map[string]func(http.ResponseWriter, *http.Request){
			peer.Forbidden.Key(): func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, `{"message":"Authentication failed."}`, http.StatusForbidden)
			},
			peer.Unexpected.Key(): func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "x", 500) },
			"nonsense":            func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<html>`) },
		} {
			s.index = index
			if key == "nonsense" {
				key = peer.Unexpected.Key()
			}
			_, err := n.Peers.Preview(ctx, n.Lead, p.UUID, 1)
			if e := fault.Of(err); e == nil || e.Kind != fault.Unavailable || e.Key != key {
				t.Errorf("%v, want %s", err, key)
			}
		}
		gone, err := n.Peers.Edit(ctx, n.Lead, p.UUID, "k", peer.Remote{}, func(p *peer.Peer) error { p.URL = "http://127.0.0.1:1"; return nil })
		n.Must(err)
		if _, err = n.Peers.Preview(ctx, n.Lead, gone.UUID, 1); fault.Of(err) == nil || fault.Of(err).Key != peer.Unreachable.Key() {
			t.Errorf("gone: %v", err)
		}
		s.index = listed(uuidA)
		if _, err := n.Peers.Edit(ctx, n.Lead, p.UUID, "k", peer.Remote{}, func(p *peer.Peer) error { p.URL = s.url; return nil }); err != nil {
			t.Fatal(err)
		}
		if offers, err := n.Peers.Preview(ctx, n.Lead, p.UUID, 1); err != nil || len(offers) != 1 {
			t.Errorf("answering again: %d, %v", len(offers), err)
		}
	})
}
