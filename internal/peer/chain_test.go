package peer_test

import (
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/peer"
	"straza/internal/testkit"
)

// A protected event along three nodes: the one in the middle passes on only what its own
// key may sign, each version is checked at each hop, and a retraction is no version.
func TestProtectedAlongThree(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		a, b, c := newNode(t, testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 2))), newNode(t, db), newNode(t, testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 3)))
		c.member(a.CERT) // known at the end before the event comes
		fromA := b.knows(a, "a", peer.Flags{Pull: true, Retract: true})
		fromB := c.knows(b, "b", peer.Flags{Pull: true, Retract: true})
		move := func() (peer.Tally, peer.Tally) {
			t.Helper()
			return b.pull(fromA, peer.Options{Force: true}).Counts.Events, c.pull(fromB, peer.Options{Force: true}).Counts.Events
		}
		key := func(of *node) intel.EventKey {
			t.Helper()
			own, err := of.seal.Keys(ctx, of.Lead)
			a.Must(err)
			k, err := a.Intel.AddEventKey(ctx, a.Lead, a.has(uuidA).UUID, own[0].Armored)
			a.Must(err)
			return k
		}
		e := a.made(&misp.Event{UUID: misp.T(uuidA), Info: misp.T("Protected"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "a.example.org", 5)}})
		a.Must(a.Intel.SetProtected(ctx, a.Lead, e.UUID, 0, true, ""))
		key(a)
		a.Must(a.Intel.Publish(ctx, a.Lead, e.UUID))
		atB, _ := move()
		if got := b.has(e.UUID); atB.Created != 1 || !got.IsProtected() || !c.gone(e.UUID) {
			t.Fatalf("without its key the middle passed it on: %+v, gone at the end %v", atB, c.gone(e.UUID))
		}
		middle := key(b)
		e = a.anew(e)
		if atB, atC := move(); atB.Updated != 1 || atC.Created != 1 {
			t.Fatalf("with its key: %+v %+v", atB, atC)
		}
		if got := c.has(e.UUID); got.Info != e.Info || !got.IsProtected() || got.Origin.UUID != a.CERT.UUID {
			t.Errorf("at the end: %+v", got)
		}
		keys, err := c.Intel.EventKeys(ctx, c.Lead, e.UUID)
		if c.Must(err); len(keys) != 2 {
			t.Errorf("%d keys at the end", len(keys))
		}
		// The middle's key leaves the list: what comes after does not reach the end.
		was := e.Info
		_, err = a.Intel.DropEventKey(ctx, a.Lead, middle.UUID)
		a.Must(err)
		e = a.anew(e)
		if atB, _ := move(); atB.Updated != 1 || b.has(e.UUID).Info != e.Info || c.has(e.UUID).Info != was {
			t.Errorf("after its key was taken away the middle passed on %q (%+v)", c.has(e.UUID).Info, atB)
		}
		// A retraction carries no signature of a listed key: it takes nothing protected away,
		// says so, and stands in the way of nothing that comes after it.
		next := a.made(&misp.Event{UUID: misp.T(uuidB), Info: misp.T("Open"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "b.example.org", 5)}})
		move()
		a.Must(a.Intel.DeleteEvent(ctx, a.Lead, e.UUID))
		run := b.pull(fromA, peer.Options{})
		if b.gone(e.UUID) || run.Counts.Retractions != (peer.Tally{Read: 1, Refused: 1}) || run.Counts.Reasons["peer.reason.stranger"] != 1 {
			t.Errorf("retracted what is protected: %+v", run.Counts)
		}
		a.Must(a.Intel.DeleteEvent(ctx, a.Lead, next.UUID))
		run = b.pull(fromA, peer.Options{})
		if run.Counts.Retractions != (peer.Tally{Read: 1, Updated: 1}) || !b.gone(next.UUID) {
			t.Errorf("the next retraction: %+v, gone %v", run.Counts, b.gone(next.UUID))
		}
	})
}
