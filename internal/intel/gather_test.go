package intel_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// gathered hands events to a Gathering and notes what Also was told, by transaction.
type gathered struct {
	*inteltest.World
	who ident.Actor
	g   *intel.Gathering
	txs map[*store.Tx]int
}

func (x *gathered) take(e *misp.Event) (saved intel.Saved) {
	x.T.Helper()
	opt := intel.AddOptions{Upsert: true, Gather: x.g, Also: func(_ context.Context, tx *store.Tx, _ intel.Saved) error {
		x.txs[tx]++
		return nil
	}}
	x.Must(x.Intel.Import(ctx, x.who, intel.FromEvent(e), opt, func(sv intel.Saved, err error) error { saved = sv; return err }))
	return saved
}

func (x *gathered) here() (n int) {
	_, err := x.Intel.SearchEvents(ctx, x.who, intel.Query{}, func(*intel.Event) error { n++; return nil })
	x.Must(err)
	return n
}

// Small events that are gathered are written in one transaction or not at all; when one of
// them cannot be, each is tried by itself and only that one is refused.
func TestGathering(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		x := &gathered{World: w, who: w.Person(w.CERT, access.Sync, ident.MISP), txs: map[*store.Tx]int{}}
		x.g = w.Intel.Gathering(ctx, x.who)
		event := func(name string, n int) *misp.Event {
			e := inteltest.Event(name, intel.Community)
			for i := range n {
				e.Attribute = append(e.Attribute, inteltest.Attr("domain", fmt.Sprintf("%s-%d.example.net", name, i)))
			}
			return e
		}
		for i := range 4 {
			if sv := x.take(event(fmt.Sprint("small", i), 3)); sv.State != intel.Gathered {
				t.Fatalf("%+v", sv)
			}
		}
		if sv := x.take(event("large", 600)); sv.State != "created" {
			t.Errorf("a large event is %q", sv.State)
		}
		if n := x.here(); n != 1 || x.g.Len() != 4 {
			t.Errorf("%d events are here, %d are held", n, x.g.Len())
		}
		must(t, x.g.Store(ctx))
		if n := x.here(); n != 5 || x.g.Len() != 0 || len(x.txs) != 2 {
			t.Errorf("%d events, %d held, %d transactions", n, x.g.Len(), len(x.txs))
		}

		// The third names an event that nobody may bring: the store refuses all, then it alone.
		blocked := db.NewUUID()
		_, _, err := w.Intel.AddBlocks(ctx, w.Person(w.CERT, access.Admin, ident.Web), intel.EventBlocks, []string{blocked}, intel.Block{})
		must(t, err)
		var names []string
		for i := range 4 {
			e := event(fmt.Sprint("mixed", i), 2)
			if i == 2 {
				e.UUID = misp.T(blocked)
			}
			names = append(names, e.Info.V)
			x.take(e)
		}
		if err := x.g.Store(ctx); fault.KindOf(err) != fault.Denied {
			t.Errorf("Store = %v", err)
		}
		if n := x.here(); n != 5 || x.g.Len() != 4 {
			t.Errorf("after a Store that failed %d events are here, %d are held", n, x.g.Len())
		}
		for i := range names {
			sv, err := x.g.Alone(ctx)
			if refused := i == 2; refused != (err != nil) || refused != (sv.State == "refused") {
				t.Errorf("%s: %q, %v", names[i], sv.State, err)
			}
			if i != 2 && sv.Attributes != (intel.Tally{Read: 2, Created: 2}) {
				t.Errorf("%s: counted twice: %+v", names[i], sv.Attributes)
			}
		}
		if n := x.here(); n != 8 {
			t.Errorf("%d events at the end", n)
		}
	})
}

// A twin among those gathered is found: the second becomes what it would have been alone.
func TestGatheringTwins(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		x := &gathered{World: w, who: w.Person(w.CERT, access.Sync, ident.MISP), txs: map[*store.Tx]int{}}
		x.g = w.Intel.Gathering(ctx, x.who)
		part := inteltest.Attr("domain", "one.example.net")
		part.UUID = misp.T(db.NewUUID())
		x.take(inteltest.Event("first", intel.Community, part))
		x.take(inteltest.Event("second", intel.Community, part, inteltest.Attr("domain", "two.example.net")))
		if err := x.g.Store(ctx); err == nil {
			t.Error("a UUID stands twice")
		}
		if _, err := x.g.Alone(ctx); err != nil {
			t.Error(err)
		}
		sv, err := x.g.Alone(ctx)
		if want := (intel.Tally{Read: 2, Created: 1, Refused: 1}); err != nil || sv.Attributes != want {
			t.Errorf("%+v, %v", sv.Attributes, err)
		}
		cut, stop := context.WithCancel(ctx)
		x.take(inteltest.Event("third", intel.Community, inteltest.Attr("domain", "three.example.net")))
		stop()
		if err := x.g.Store(cut); !errors.Is(err, context.Canceled) || x.g.Len() != 1 {
			t.Errorf("Store = %v, %d held", err, x.g.Len())
		}
		x.g.Cut(0)
		if n := x.here(); n != 2 || x.g.Len() != 0 || x.g.Full() {
			t.Errorf("%d events, %d held", n, x.g.Len())
		}
	})
}
