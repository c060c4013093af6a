package peer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/peer"

	"github.com/google/go-cmp/cmp"
)

// What docs/misp.md lists of synchronisation, as far as no other test is about it.

// Each way in which a connection can fail has its number and its words.
func TestSpec73ConnectionCodes(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, _ *script, p peer.Peer) {
		version := func(w http.ResponseWriter) { fmt.Fprint(w, `{"version":"2.5.1","perm_sync":true}`) }
		echo := func(w http.ResponseWriter, r *http.Request, body, accept string) {
			var ask struct{ TestString string }
			_ = json.NewDecoder(r.Body).Decode(&ask)
			fmt.Fprintf(w, `{"body":{"testString":%q},"headers":{"Accept":%q,"Content-type":"application/json","Authorization":"OK"}}`, body+ask.TestString, accept)
		}
		refuse := func(message string) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, `{"message":"`+message+`"}`, http.StatusForbidden)
			}
		}
		ok := func(w http.ResponseWriter, _ *http.Request) { version(w) }
		type pair struct{ version, post http.HandlerFunc }
		for code, h := range map[peer.Code]pair{
			peer.OK:         {ok, func(w http.ResponseWriter, r *http.Request) { echo(w, r, "", "application/json") }},
			peer.Unexpected: {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>hello") }, nil},
			peer.Forbidden:  {refuse("Authentication failed."), nil},
			peer.Password:   {refuse("You have to change your password first."), nil},
			peer.Terms:      {refuse("You have to accept the terms."), nil},
			peer.BodyLost:   {ok, func(w http.ResponseWriter, r *http.Request) { echo(w, r, "x", "application/json") }},
			peer.HeaderLost: {ok, func(w http.ResponseWriter, r *http.Request) { echo(w, r, "", "") }},
			peer.NoPostTest: {ok, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }},
		} {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/servers/postTest" {
					h.post(w, r)
					return
				}
				h.version(w, r)
			}))
			_, err := n.Peers.Edit(ctx, n.Lead, p.UUID, "k", peer.Remote{}, func(p *peer.Peer) error { p.URL = srv.URL; return nil })
			n.Must(err)
			got, err := n.Peers.Test(ctx, n.Lead, p.UUID)
			srv.Close()
			if err != nil || got.Health.Code != code {
				t.Errorf("code %d, want %d (%q) %v", got.Health.Code, code, got.Health.Detail, err)
			}
		}
	})
}

// Update takes what is here already and nothing else; a UUID takes one.
func TestSpec74Techniques(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		p := here.knows(there, "there", peer.Flags{Pull: true})
		known := there.small(1)
		here.pull(p, peer.Options{})
		known = there.anew(known)
		fresh, other := there.small(2), there.small(3)
		if run := here.pull(p, peer.Options{Technique: peer.Update}); run.Counts.Events != (peer.Tally{Read: 1, Updated: 1}) || here.has(known.UUID).Info != known.Info || !here.gone(fresh.UUID) {
			t.Errorf("update: %+v", run.Counts.Events)
		}
		if run := here.pull(p, peer.Options{Technique: fresh.UUID}); run.Counts.Events != (peer.Tally{Read: 1, Created: 1}) || here.gone(fresh.UUID) || !here.gone(other.UUID) {
			t.Errorf("one: %+v", run.Counts.Events)
		}
		if run := here.pull(p, peer.Options{}); run.Counts.Events.Created != 1 || here.gone(other.UUID) {
			t.Errorf("full: %+v", run.Counts.Events)
		}
	})
}

// A peer of the same organisation keeps levels and local tags; one whose events are to be
// looked at first brings them unpublished; what was deleted here stays away.
func TestSpec74ReceiverRules(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		p := here.knows(there, "there", peer.Flags{Pull: true, Unpublish: true})
		e := there.made(&misp.Event{Info: misp.T("Looked at"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "a.example.org", 5)}})
		here.pull(p, peer.Options{})
		if got := here.has(e.UUID); got.Published {
			t.Errorf("published: %+v", got)
		}
		here.Must(here.Intel.DeleteEvent(ctx, here.Lead, e.UUID))
		there.anew(e)
		if run := here.pull(p, peer.Options{}); run.Counts.Reasons["peer.reason.blocked"] != 1 || !here.gone(e.UUID) {
			t.Errorf("what was deleted here: %+v", run.Counts)
		}
		_, err := here.Peers.Edit(ctx, here.Lead, p.UUID, "", peer.Remote{}, func(p *peer.Peer) error { p.Internal, p.Unpublish = true, false; return nil })
		here.Must(err)
		own := there.made(&misp.Event{Info: misp.T("Ours"), Distribution: misp.N(1), Tag: []misp.Tag{{Name: misp.T("ours:only"), Local: misp.B(true)}},
			Attribute: []misp.Attribute{attr("", "domain", "one.example.org", 1), attr("", "domain", "two.example.org", 2)}})
		here.pull(p, peer.Options{})
		got := here.has(own.UUID)
		levels := map[string]intel.Distribution{}
		here.Must(here.Intel.Attributes(ctx, ident.SystemPart("peer"), own.UUID, intel.Part{}, func(a *intel.Attribute) error { levels[a.Value] = a.Distribution; return nil }))
		if d := cmp.Diff(map[string]intel.Distribution{"one.example.org": 1, "two.example.org": 2}, levels); d != "" || got.Distribution != intel.Community || !got.Published || !got.Locked {
			t.Errorf("of the same organisation: %+v %s", got, d)
		}
	})
}

// Our rules go into the question, and parts that they leave out are not stored.
func TestSpec74PullRules(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		var asked map[string]any
		s.index = func(w http.ResponseWriter, r *http.Request) {
			asked = map[string]any{}
			b, _ := io.ReadAll(r.Body)
			_ = json.Unmarshal(b, &asked)
			listed(uuidA)(w, r)
		}
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) {
			b := doc(uuid, "", `{"uuid":"aaaaaaaa-0001-4000-8000-000000000001","type":"domain","value":"a.example.org","timestamp":"1700000000"}`,
				`{"uuid":"aaaaaaaa-0002-4000-8000-000000000001","type":"comment","value":"left out","timestamp":"1700000000"}`)
			fmt.Fprint(w, strings.Replace(b, `"Attribute":[`, `"Tag":[{"name":"good:tag"}],"Object":[{"uuid":"aaaaaaaa-0003-4000-8000-000000000001","name":"file","template_uuid":"688c46fb-5edb-40a3-8273-1af7923e2215","timestamp":"1700000000","Attribute":[]}],"Attribute":[`, 1))
		}
		rules, err := peer.ParseRules(`{"tags":{"OR":["good:tag"],"NOT":["bad:tag"]},"orgs":{"OR":["Evil"],"NOT":[]},"type_attributes":{"NOT":["comment"]},"type_objects":{"NOT":["688c46fb-5edb-40a3-8273-1af7923e2215"]},"url_params":"{\"searchdatefrom\":\"2020-01-01\",\"minimal\":0}"}`)
		n.Must(err)
		_, err = n.Peers.Edit(ctx, n.Lead, p.UUID, "", peer.Remote{}, func(p *peer.Peer) error { p.PullRules = rules; return nil })
		n.Must(err)
		run := n.pull(p, peer.Options{})
		want := map[string]any{"minimal": 1.0, "published": 1.0, "tag": "good:tag|!bad:tag", "org": "Evil", "searchdatefrom": "2020-01-01"}
		if d := cmp.Diff(want, asked); d != "" {
			t.Error(d)
		}
		if run.Counts.Events.Created != 1 || run.Counts.Attributes.Created != 1 || run.Counts.Objects.Created != 0 {
			t.Errorf("%+v", run.Counts)
		}
		// A peer that does not keep to what it was asked is not believed.
		rules.Orgs.OR = []string{"Somebody else"}
		_, err = n.Peers.Edit(ctx, n.Lead, p.UUID, "", peer.Remote{}, func(p *peer.Peer) error { p.PullRules = rules; return nil })
		n.Must(err)
		s.index = listed(uuidB)
		if run = n.pull(p, peer.Options{}); run.Counts.Reasons["peer.reason.rules"] != 1 {
			t.Errorf("%+v", run.Counts)
		}
	})
}

// Who pushes learns from filterEventIdsForPush and HEAD nothing of events that it does
// not see: one that is here and hidden is wanted like one that never was.
func TestSpec75FilterTellsNothingHidden(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, there, _ *node) {
		key := there.key(there.A, access.Sync)
		seen := there.made(&misp.Event{Info: misp.T("Seen"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "a.example.org", 5)}})
		hidden := there.made(&misp.Event{Info: misp.T("Hidden"), Distribution: misp.N(0), Attribute: []misp.Attribute{attr("", "domain", "b.example.org", 5)}})
		never := there.DB.NewUUID()
		do := func(method, path, body string) (int, string) {
			t.Helper()
			r, _ := http.NewRequest(method, there.URL+path, bytes.NewReader([]byte(body)))
			r.Header.Set("Authorization", key)
			r.Header.Set("Accept", "application/json")
			r.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultClient.Do(r)
			there.Must(err)
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			return resp.StatusCode, string(b)
		}
		var ask []string
		for _, u := range []string{seen.UUID, hidden.UUID, never} {
			ask = append(ask, `{"Event":{"uuid":"`+u+`","timestamp":"1"}}`)
		}
		status, body := do(http.MethodPost, "/events/filterEventIdsForPush", "["+strings.Join(ask, ",")+"]")
		var want []string
		_ = json.Unmarshal([]byte(body), &want)
		slices.Sort(want)
		both := []string{hidden.UUID, never}
		slices.Sort(both)
		if d := cmp.Diff(both, want); status != 200 || d != "" {
			t.Errorf("%d %s", status, d)
		}
		for u, code := range map[string]int{seen.UUID: 200, hidden.UUID: 404, never: 404} {
			if got, _ := do(http.MethodHead, "/events/view/"+u, ""); got != code {
				t.Errorf("HEAD of %s: %d, want %d", u, got, code)
			}
			if got, _ := do(http.MethodGet, "/events/checkuuid/"+u, ""); got != code {
				t.Errorf("checkuuid of %s: %d, want %d", u, got, code)
			}
		}
	})
}
