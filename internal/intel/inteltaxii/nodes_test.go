package inteltaxii_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"straza/internal/format/taxii"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestTwoNodes: two nodes (one with two readers, where the file has one process) convert the same events at the same time while they are
// published; every object comes once, and dates of addition rise as one reads.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		nodes := []*intel.Service{h.Intel, intel.New(intel.Deps{DB: db, Audit: testkit.Audit(db)})}
		if db.Engine == store.SQLite {
			nodes[1] = h.Intel
		}
		who := h.who["gama"]
		community := intel.Collection{Kind: intel.CommunityCollection}
		var wg sync.WaitGroup
		stop := make(chan struct{})
		polled := make([][]intel.SharedObject, len(nodes))
		for i, n := range nodes {
			wg.Add(1)
			go func() {
				defer wg.Done()
				after, last := int64(0), false
				for {
					list, _, err := n.SharedObjects(ctx, who, community, taxii.Query{}, after, 7)
					if err != nil {
						t.Error(err)
						return
					}
					polled[i] = append(polled[i], list...)
					if len(list) > 0 {
						after = list[len(list)-1].Added
						continue
					}
					if last {
						return
					}
					select {
					case <-stop:
						last = true // whatever is published is published: once more to the end
					default:
					}
				}
			}()
		}
		for n := range 8 {
			h.publish("alfa", sample(fmt.Sprint("event ", n), intel.Community, fmt.Sprintf("n%d.example.com", n)))
		}
		close(stop)
		wg.Wait()
		whole, _, err := h.Intel.SharedObjects(ctx, who, community, taxii.Query{}, 0, 10000)
		h.Must(err)
		if len(whole) < 8*4 || !slices.IsSortedFunc(whole, func(a, b intel.SharedObject) int { return cmp.Compare(a.Added, b.Added) }) {
			t.Fatalf("%d objects, or not in order", len(whole))
		}
		for i := range nodes {
			if !slices.Equal(polled[i], whole) {
				t.Errorf("node %d polled %d objects, there are %d", i, len(polled[i]), len(whole))
			}
		}
		dates := map[int64]bool{}
		for _, o := range whole {
			if dates[o.Added] {
				t.Errorf("two objects were added at %d", o.Added)
			}
			dates[o.Added] = true
		}
	})
}

// TestJobConverts: publishing is heard of, and the job does what a reader would
// otherwise wait for; the sweep finds what was not heard of.
func TestJobConverts(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		first := h.publish("alfa", sample("first", intel.Community, "a.example.com"))
		h.publish("alfa", sample("second", intel.Community, "b.example.com"))
		sub := intel.Subscriptions()[0]
		if sub.Event != (intel.EventPublished{}).EventType() {
			t.Errorf("subscribed to %s", sub.Event)
		}
		converted := func() (n int64) {
			h.Must(db.View(ctx, func(tx *store.Tx) (err error) {
				n, err = store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_stix_event")
				return err
			}))
			return n
		}
		payload, err := json.Marshal(intel.EventPublished{ID: first.ID, UUID: first.UUID})
		h.Must(err)
		for _, want := range []int64{1, 2} {
			for _, d := range h.Intel.Jobs() {
				if (d.Kind == sub.Kind) == (want == 1) {
					h.Must(d.Run(ctx, &jobs.Task{Kind: d.Kind, Payload: payload}))
				}
			}
			if n := converted(); n != want {
				t.Errorf("%d events converted, want %d", n, want)
			}
		}
	})
}
