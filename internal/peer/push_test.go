package peer_test

import (
	"testing"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/peer"
	"straza/internal/testkit"

	"github.com/google/go-cmp/cmp"
)

func (n *node) push(p peer.Peer, o peer.Options) peer.Run {
	n.T.Helper()
	run, err := n.Peers.PushTo(ctx, n.Lead, p.UUID, o)
	n.Must(err)
	return run
}

// runner does a node's background work.
func (n *node) runner() *jobs.Runner {
	return jobs.New(n.DB, append(n.Peers.Jobs(), n.Intel.Jobs()...), peer.Subscriptions())
}

// What leaves passes level, label and types; what does not is told with its reason.
func TestPushSendsWhatMayLeave(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		p := here.knows(there, "there", peer.Flags{Push: true})
		_, err := here.Peers.Edit(ctx, here.Lead, p.UUID, "", peer.Remote{}, func(p *peer.Peer) error { p.BlockedTypes = []string{"email"}; return nil })
		here.Must(err)
		goes := here.made(&misp.Event{Info: misp.T("Goes"), Distribution: misp.N(2), Attribute: []misp.Attribute{attr("", "domain", "a.example.org", 5),
			attr("", "domain", "b.example.org", 1), attr("", "domain", "c.example.org", 3), attr("", "email", "x@example.org", 5)},
			Tag:    []misp.Tag{{Name: misp.T("tlp:clear")}, {Name: misp.T("ours:only"), Local: misp.B(true)}},
			Object: []misp.Object{{Name: misp.T("file"), Distribution: misp.N(5), Attribute: []misp.Attribute{attr("", "md5", "d41d8cd98f00b204e9800998ecf8427e", 2), attr("", "filename", "own.txt", 0)}}}})
		held := map[string]intel.Event{
			"peer.hold.level":     here.made(&misp.Event{Info: misp.T("Community"), Distribution: misp.N(1), Attribute: []misp.Attribute{attr("", "domain", "d.example.org", 5)}}),
			"tlp.held.named_ones": here.made(&misp.Event{Info: misp.T("Amber"), Distribution: misp.N(3), Tag: []misp.Tag{{Name: misp.T("tlp:amber")}}, Attribute: []misp.Attribute{attr("", "domain", "e.example.org", 5)}}),
			"peer.hold.nothing":   here.made(&misp.Event{Info: misp.T("Nothing"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "f.example.org", 0)}}),
		}
		run := here.push(p, peer.Options{})
		if d := cmp.Diff(peer.Tally{Read: 4, Created: 1, Refused: 3}, run.Counts.Events); d != "" {
			t.Errorf("%s %v", d, run.Counts.Reasons)
		}
		for reason, e := range held {
			why, err := here.Peers.WhyNot(ctx, here.Lead, e.UUID)
			here.Must(err)
			if len(why) != 1 || why[0].State != "held" || why[0].Reason != reason {
				t.Errorf("%s: %+v, want %s", e.Info, why, reason)
			}
			if _, err := there.Intel.Event(ctx, ident.SystemPart("peer"), e.UUID); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s went out: %v", e.Info, err)
			}
		}
		got := there.has(goes.UUID)
		if got.Distribution != intel.Community || !got.Locked || got.Origin.UUID != here.CERT.UUID || got.TLP != "CLEAR" || len(got.Tags) != 1 || got.Attributes != 3 {
			t.Errorf("stored there as %+v", got)
		}
		if why, _ := here.Peers.WhyNot(ctx, here.Lead, goes.UUID); len(why) != 1 || why[0].State != "sent" {
			t.Errorf("%+v", why)
		}
		if again := here.push(p, peer.Options{}); again.Counts.Events != (peer.Tally{Read: 4, Unchanged: 1, Refused: 3}) {
			t.Errorf("again %+v", again.Counts)
		}
		// A wider ceiling is a new look; AMBER still goes to named ones only.
		_, err = here.Peers.Edit(ctx, here.Lead, p.UUID, "", peer.Remote{}, func(p *peer.Peer) error { p.Ceiling = tlp.Amber; return nil })
		here.Must(err)
		if why, _ := here.Peers.WhyNot(ctx, here.Lead, held["tlp.held.named_ones"].UUID); len(why) != 1 || why[0].Reason != "tlp.held.named_ones" {
			t.Errorf("%+v", why)
		}
	})
}

// Publishing is enough: the outbox does the rest; an edit follows as an edit.
func TestPublishingPushes(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		here.knows(there, "there", peer.Flags{Push: true})
		r := here.runner()
		e := here.made(&misp.Event{Info: misp.T("News"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "a.example.org", 5)}})
		here.Must(r.Drain(ctx))
		there.has(e.UUID)
		_, err := here.Intel.EditEvent(ctx, here.Lead, e.UUID, intel.FromEvent(&misp.Event{Published: misp.B(true), Timestamp: misp.N(e.Timestamp + 60),
			Attribute: []misp.Attribute{attr("", "domain", "b.example.org", 5)}}), intel.AddOptions{})
		here.Must(err)
		here.Must(r.Drain(ctx))
		if got := there.has(e.UUID); got.Attributes != 2 {
			t.Errorf("the edit did not follow: %+v", got)
		}
	})
}

// F22: three nodes in a ring, each pushing to and pulling from both others: an event goes
// round, keeps its originator, and after two rounds nothing moves any more.
func TestF22LoopsConverge(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		n := []*node{newNode(t, db), newNode(t, testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 2))), newNode(t, testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 3)))}
		for i := range n { // each is a member at the others before anybody hears of it as a stranger
			n[(i+1)%3].member(n[i].CERT)
			n[(i+2)%3].member(n[i].CERT)
		}
		for i := range n {
			n[i].knows(n[(i+1)%3], "next", peer.Flags{Push: true, Pull: true})
			n[i].knows(n[(i+2)%3], "last", peer.Flags{Push: true, Pull: true})
		}
		e := n[0].made(&misp.Event{Info: misp.T("Round"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "a.example.org", 5), attr("", "domain", "b.example.org", 2)}})
		for round := range 3 {
			for i := range n {
				n[i].Must(n[i].runner().Drain(ctx))
				for _, name := range []string{"next", "last"} {
					run, err := n[i].Peers.Pull(ctx, n[i].Lead, name, peer.Options{})
					n[i].Must(err)
					if c := run.Counts; round == 2 && c.Events.Created+c.Events.Updated+c.Events.Left+c.Attributes.Created+c.Attributes.Updated > 0 {
						t.Errorf("round %d, node %d from %s: %+v", round, i, name, c)
					}
				}
			}
		}
		for i := range n {
			got := n[i].has(e.UUID)
			if got.Origin.UUID != n[0].CERT.UUID || got.Timestamp != e.Timestamp || got.Locked != (i > 0) {
				t.Errorf("node %d holds %+v", i, got)
			}
			left := 0
			n[i].Must(n[i].DB.View(ctx, func(tx *store.Tx) error {
				k, err := store.Int64(ctx, tx, `SELECT COUNT(*) FROM intel_event`)
				left = int(k)
				return err
			}))
			if left != 1 {
				t.Errorf("node %d holds %d events", i, left)
			}
		}
		// The attribute for connected communities went one step, and is narrower there.
		if a := n[1].has(e.UUID).Attributes; a != 2 {
			t.Errorf("%d attributes one step on", a)
		}
	})
}
