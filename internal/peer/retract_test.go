package peer_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/peer"

	"github.com/google/go-cmp/cmp"
)

func (n *node) gone(uuid string) bool {
	n.T.Helper()
	_, err := n.Intel.Event(ctx, ident.SystemPart("peer"), uuid)
	return fault.Is(err, fault.NotFound)
}

// What its maker deletes there is deleted here, if we agreed to that; what somebody
// else only tidied up is not; nobody is told of what they could not see.
func TestRetractions(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		p := here.knows(there, "there", peer.Flags{Pull: true})
		event := func(level int64) intel.Event {
			return there.made(&misp.Event{Info: misp.T("Wrong"), Distribution: misp.N(level), Attribute: []misp.Attribute{attr("", "domain", "a.example.org", 5)}})
		}
		one, two, hidden := event(3), event(3), event(0)
		here.pull(p, peer.Options{})
		for _, e := range []intel.Event{one, hidden} {
			there.Must(there.Intel.DeleteEvent(ctx, there.Lead, e.UUID))
		}
		here.pull(p, peer.Options{Fresh: true})
		if here.gone(one.UUID) {
			t.Fatal("deleted although we did not agree to that")
		}
		_, err := here.Peers.Edit(ctx, here.Lead, p.UUID, "", peer.Remote{}, func(p *peer.Peer) error { p.Retract = true; return nil })
		here.Must(err)
		run := here.pull(p, peer.Options{})
		if d := cmp.Diff(peer.Tally{Read: 1, Updated: 1}, run.Counts.Retractions); d != "" || !here.gone(one.UUID) || here.gone(two.UUID) {
			t.Errorf("%s, gone %v %v", d, here.gone(one.UUID), here.gone(two.UUID))
		}
		if again := here.pull(p, peer.Options{}); again.Counts.Retractions != (peer.Tally{}) {
			t.Errorf("again %+v", again.Counts.Retractions)
		}
		// Housekeeping here is no retraction: whoever pulls from us keeps theirs.
		here.Must(here.Intel.DeleteEvent(ctx, here.Lead, two.UUID))
		list, err := here.Intel.Retractions(ctx, ident.SystemPart("peer"), 0, 10)
		if err != nil || len(list) != 1 || list[0].UUID != one.UUID || list[0].Orgc != there.CERT.UUID {
			t.Errorf("we retract %+v %v", list, err)
		}
	})
}

// A retraction that is forged, of another's event, or of ours, takes nothing away.
func TestHostileRetractions(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		own := n.made(&misp.Event{UUID: misp.T(uuidC), Info: misp.T("Ours"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "ours.example.org", 5)}})
		s.index = listed(uuidA, uuidB)
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) { fmt.Fprint(w, doc(uuid, "")) }
		n.pull(p, peer.Options{})
		signer := &node{World: n.World}
		forger := &node{World: n.World}
		_, verifier, _ := signer.sign("x\n")
		s.more = `"retraction":true,"signer":"` + verifier + `",`
		item := func(id int, uuid, orgc string, by *node) map[string]string {
			x := intel.Retraction{UUID: uuid, Orgc: orgc, At: 1}
			signed, _, _ := by.sign(x.Text())
			return map[string]string{"id": fmt.Sprint(id), "uuid": uuid, "orgc_uuid": orgc, "at": "1", "note": signed}
		}
		moved := item(6, uuidA, orgEvil, signer)
		moved["uuid"] = uuidB // signed for another event
		list := []map[string]string{item(1, uuidA, orgEvil, forger), item(2, own.UUID, orgEvil, signer), item(3, own.UUID, n.CERT.UUID, signer),
			item(4, uuidA, n.CERT.UUID, signer), item(5, "nonsense", orgEvil, signer), moved, item(7, "eeeeeeee-0000-4000-8000-000000000001", orgEvil, signer)}
		s.rest = func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, "/events/retractions") {
				http.NotFound(w, r)
				return
			}
			var ask struct{ After json.Number }
			_ = json.NewDecoder(r.Body).Decode(&ask)
			out := []map[string]string{}
			for _, x := range list {
				if x["id"] > ask.After.String() {
					out = append(out, x)
				}
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"retractions": out})
		}
		_, err := n.Peers.Edit(ctx, n.Lead, p.UUID, "", peer.Remote{}, func(p *peer.Peer) error { p.Retract = true; return nil })
		n.Must(err)
		run := n.pull(p, peer.Options{Force: true})
		if d := cmp.Diff(peer.Tally{Read: 7, Refused: 6, Unchanged: 1}, run.Counts.Retractions); d != "" || counted(n) != 3 {
			t.Errorf("%s %v, %d events", d, run.Counts.Reasons, counted(n))
		}
		// Another key, later, is not believed.
		_, other, _ := forger.sign("x\n")
		s.more = `"retraction":true,"signer":"` + other + `",`
		list = append(list, item(8, uuidA, orgEvil, forger))
		if run = n.pull(p, peer.Options{Force: true}); n.gone(uuidA) || run.Counts.Reasons["peer.reason.signer"] == 0 {
			t.Errorf("%+v", run.Counts)
		}
		list = append(list, item(9, uuidA, orgEvil, signer))
		if run = n.pull(p, peer.Options{Force: true}); !n.gone(uuidA) || run.Counts.Retractions.Updated != 1 {
			t.Errorf("%+v", run.Counts)
		}
	})
}
