package peer_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/peer"

	"github.com/google/go-cmp/cmp"
)

// storm stands before a node and spoils some of its answers, each in one of the ways in
// which lines and servers fail.
type storm struct {
	*httptest.Server
	rng    *rand.Rand
	left   int
	struck map[string]int
	misp   bool // the node is a MISP: it has no extensions
}

func newStorm(t testing.TB, to *node, faults int) *storm {
	target, err := url.Parse(to.URL)
	to.Must(err)
	x := &storm{rng: rand.New(rand.NewPCG(21, uint64(faults))), left: faults, struck: map[string]int{}}
	proxy := httputil.NewSingleHostReverseProxy(target)
	x.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		r.Host = target.Host
		proxy.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		if x.misp && r.URL.Path == "/servers/getVersion" {
			body = bytes.Replace(body, []byte(`,"resumable_cursors":true`), nil, 1)
		}
		h := rec.Header()
		h.Del("Content-Length")
		if x.left > 0 && x.rng.IntN(3) == 0 {
			x.left--
			x.spoil(w, h, body, x.rng.IntN(7))
			return
		}
		x.give(w, h, rec.Code, body)
	}))
	t.Cleanup(x.Close)
	return x
}

func (x *storm) give(w http.ResponseWriter, h http.Header, status int, body []byte) {
	for k, v := range h {
		w.Header()[k] = v
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (x *storm) spoil(w http.ResponseWriter, h http.Header, body []byte, how int) {
	name := []string{"500", "503", "line cut", "connection cut", "JSON cut", "redirect", "empty"}[how]
	x.struck[name]++
	switch name {
	case "500":
		x.give(w, http.Header{}, 500, []byte(`{"message":"An Internal Error Has Occurred."}`))
	case "503":
		x.give(w, http.Header{"Retry-After": {"1"}}, 503, nil)
	case "line cut": // fewer bytes than were promised
		h.Set("Content-Length", fmt.Sprint(len(body)+10))
		x.give(w, h, 200, body[:len(body)/2])
		panic(http.ErrAbortHandler)
	case "connection cut":
		panic(http.ErrAbortHandler)
	case "JSON cut": // whole as HTTP goes
		x.give(w, h, 200, body[:len(body)/2])
	case "redirect":
		x.give(w, http.Header{"Location": {"https://elsewhere.example.org/"}}, 302, nil)
	case "empty":
		x.give(w, h, 200, nil)
	}
}

// everything is what a node holds that came from elsewhere: events and attributes with
// how often they are there.
func (n *node) everything() map[string]int {
	n.T.Helper()
	out := map[string]int{}
	_, err := n.Intel.SearchEvents(ctx, ident.SystemPart("peer"), intel.Query{}, func(e *intel.Event) error {
		out[fmt.Sprint("event ", e.UUID, " ", e.Timestamp, " ", e.Info)]++
		return nil
	})
	n.Must(err)
	n.Must(n.Intel.SearchAttributes(ctx, ident.SystemPart("peer"), intel.Query{}, func(a *intel.Attribute) error {
		out["attribute "+a.UUID+" "+a.Value]++
		return nil
	}))
	n.Must(n.Intel.Sightings(ctx, ident.SystemPart("peer"), intel.SightingFilter{}, func(g *intel.Sighting) error { out["sighting "+g.UUID]++; return nil }))
	return out
}

// F21: after fifty random faults, at any call, everything is here, once, and as it is
// there; the place in the list was not moved by a call that failed. With cursors, and
// against a peer that has none.
func TestF21FiftyRandomFaults(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("cursors %v", !plain), func(t *testing.T) {
			t.Parallel()
			pair(t, func(t *testing.T, here, there *node) {
				x := newStorm(t, there, 50)
				x.misp = plain
				here.Must(there.Intel.SetHouseSetting(ctx, there.Person(there.CERT, "admin", ident.Web), intel.SightingPolicy, []byte(`"2"`)))
				p := here.through(there, &wire{Server: x.Server}, peer.Flags{Pull: true, PullSightings: true, PullAnalyst: true, PullClusters: true})
				var events []intel.Event
				for i := range 12 {
					events = append(events, there.made(&misp.Event{Info: misp.T(fmt.Sprint("No ", i)), Distribution: misp.N(3), Attribute: []misp.Attribute{
						attr("", "domain", fmt.Sprintf("a%d.example.org", i), 5), attr("", "domain", fmt.Sprintf("b%d.example.org", i), 3)}}))
				}
				_, _, err := there.Intel.AddSightings(ctx, there.Lead, nil, []string{"a1.example.org", "b7.example.org"}, intel.Sighting{})
				there.Must(err)
				for turn := 0; ; turn++ {
					if turn > 120 {
						t.Fatalf("it does not end: %d faults left, struck %v", x.left, x.struck)
					}
					run, err := here.Peers.Pull(ctx, here.Lead, p.UUID, peer.Options{Force: true})
					whole(t, run)
					if run.Counts.Events.Refused > 0 {
						t.Fatalf("a fault of the line became a refusal: %+v", run.Counts)
					}
					if turn%8 == 3 && turn < 60 {
						k := turn % len(events)
						events[k] = there.anew(events[k])
					}
					if err == nil && run.Counts.Events.Left == 0 && x.left == 0 {
						break
					}
				}
				here.pull(p, peer.Options{Force: true})
				got := here.everything()
				if d := cmp.Diff(there.everything(), got); d != "" {
					t.Errorf("after %v: %s", x.struck, d)
				}
				if idle := here.pull(p, peer.Options{}); !idle.Unchanged {
					t.Errorf("something is still to be had: %+v", idle.Counts)
				}
			})
		})
	}
}

// F21, a line that is not what it should be: a certificate that nobody signed, nobody
// there at all. Nothing is sent, and the operator reads why.
func TestF21WrongCertificateAndNobody(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		var asked atomic.Bool
		secret := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
		defer secret.Close()
		secret.Config.ErrorLog = nil
		for _, address := range []string{secret.URL, "http://127.0.0.1:1"} {
			_, err := n.Peers.Edit(ctx, n.Lead, p.UUID, "k", peer.Remote{}, func(p *peer.Peer) error { p.URL = address; return nil })
			n.Must(err)
			run, err := n.Peers.Pull(ctx, n.Lead, p.UUID, peer.Options{Force: true})
			got, perr := n.Peers.Peer(ctx, n.Lead, p.UUID)
			n.Must(perr)
			if err == nil || run.State != peer.Failed || run.Detail == "" || got.Health.Code != peer.Unreachable || asked.Load() {
				t.Errorf("%s: %s %q, code %d, %v", address, run.State, run.Detail, got.Health.Code, err)
			}
		}
	})
}

// F21, wrong counts: what an answer says of how much there is changes nothing of what is
// counted, and rows that come twice are one.
func TestF21WrongCounts(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		s.index = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Result-Count", "100000")
			listed(uuidA, uuidA, strings.ToUpper(uuidA), uuidB)(w, r)
		}
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) {
			_, _ = io.WriteString(w, strings.Replace(doc(uuid, ""), `"info":"x"`, `"info":"x","attribute_count":"9999"`, 1))
		}
		run := n.pull(p, peer.Options{})
		if run.Counts.Events != (peer.Tally{Read: 2, Created: 2}) || run.Counts.Attributes.Created != 2 {
			t.Errorf("%+v", run.Counts)
		}
		var attributes int64
		n.Must(n.DB.View(ctx, func(tx *store.Tx) (err error) {
			attributes, err = store.Int64(ctx, tx, `SELECT SUM(attributes) FROM intel_event`)
			return err
		}))
		if attributes != 2 {
			t.Errorf("%d attributes are counted", attributes)
		}
	})
}

// sightedScript is a peer with one event and a sighting on its attribute; spoil may change
// what it answers.
func (n *node) sightedScript(s *script, p peer.Peer, spoil func(path, body string) (int, string)) {
	n.T.Helper()
	_, err := n.Peers.Edit(ctx, n.Lead, p.UUID, "", peer.Remote{}, func(p *peer.Peer) error { p.PullSightings = true; return nil })
	n.Must(err)
	say := func(w http.ResponseWriter, path, body string) {
		status, body := spoil(path, body)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
	s.index = func(w http.ResponseWriter, _ *http.Request) {
		say(w, "index", `[{"id":"1","timestamp":"1700000000","sighting_timestamp":"1700000009","published":true,"uuid":"`+uuidA+`","orgc_uuid":"`+orgEvil+`"}]`)
	}
	s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) { say(w, "view", doc(uuid, "")) }
	at := strings.Replace(uuidA, "-0000-4000", "-0001-4000", 1)
	s.rest = func(w http.ResponseWriter, r *http.Request) {
		body := `{"response":[]}`
		if r.URL.Path == "/sightings/restSearch/event" {
			body = `{"response":[{"Sighting":{"uuid":"` + uuidB + `","event_uuid":"` + uuidA + `","attribute_uuid":"` + at + `","type":"0","date_sighting":"1700000009",
				"Organisation":{"uuid":"` + orgEvil + `","name":"Evil"}}}]}`
		}
		say(w, r.URL.Path, body)
	}
}

// pulls goes on until a run ends well, and counts the sightings that are here then.
func (n *node) sightingsAfter(p peer.Peer, most int) (seen int) {
	n.T.Helper()
	for range most {
		run, err := n.Peers.Pull(ctx, n.Lead, p.UUID, peer.Options{Force: true})
		if len(run.Counts.Reasons) > 0 {
			n.T.Fatalf("let be: %v", run.Counts.Reasons)
		}
		if err == nil && run.Counts.Events.Left == 0 {
			break
		}
	}
	n.Must(n.Intel.Sightings(ctx, ident.SystemPart("peer"), intel.SightingFilter{}, func(*intel.Sighting) error { seen++; return nil }))
	return seen
}

// F21: an answer about sightings that is spoiled again and again is asked for once more;
// only what is too large is let be, event by event.
func TestF21SpoiledSightingsComeLater(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		cuts := []int{0, 40, 100, 2, 0, 60, 150, 0}
		n.sightedScript(s, p, func(path, body string) (int, string) {
			if path == "/sightings/restSearch/event" && len(cuts) > 0 {
				body, cuts = body[:cuts[0]], cuts[1:]
			}
			return http.StatusOK, body
		})
		if seen := n.sightingsAfter(p, 12); seen != 1 || len(cuts) > 0 {
			t.Errorf("%d sightings, %d answers left", seen, len(cuts))
		}
	})
}

// F21: sightings of an event that could not be had yet come after it.
func TestF21SightingsWaitForTheirEvent(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		faults := 2
		n.sightedScript(s, p, func(path, body string) (int, string) {
			if path == "view" && faults > 0 {
				faults--
				return http.StatusInternalServerError, `{"message":"An Internal Error Has Occurred."}`
			}
			return http.StatusOK, body
		})
		if seen := n.sightingsAfter(p, 6); seen != 1 || faults > 0 {
			t.Errorf("%d sightings, %d faults left", seen, faults)
		}
	})
}
