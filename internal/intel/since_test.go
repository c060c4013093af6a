package intel_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"

	"github.com/google/go-cmp/cmp"
)

// lister walks the list of events as somebody, and keeps what it was told.
type lister struct {
	*inteltest.World
	who     ident.Actor
	at      intel.Walk
	told    []string // in the order in which it came
	sighted []string
	pages   []int
}

// walk goes to the end of a walk, so many rows a page; between, if given, runs after each page.
func (l *lister) walk(most int, between func(page int)) {
	l.T.Helper()
	for page := 1; ; page++ {
		rows := 0
		next, more, err := l.Intel.EventsSince(ctx, l.who, l.at, intel.Since{Sighted: true, Most: most,
			Keep:     func(e *intel.Event) (bool, error) { return e.Info != "withheld", nil },
			Change:   func(e *intel.Event) error { rows++; l.told = append(l.told, e.Info); return nil },
			Sighting: func(e *intel.Event) error { rows++; l.sighted = append(l.sighted, e.Info); return nil }})
		l.Must(err)
		if more && rows != most {
			l.T.Errorf("a page of %d rows, %d were asked for and there is more", rows, most)
		}
		l.at, l.pages = next, append(l.pages, rows)
		if !more {
			return
		}
		if between != nil {
			between(page)
		}
	}
}

func (l *lister) took() (told, sighted []string) {
	told, sighted = l.told, l.sighted
	l.told, l.sighted = nil, nil
	return told, sighted
}

func listing(t *testing.T, test func(t *testing.T, l *lister, now *clock.Moved, put func(info string) intel.Event)) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		lead := w.Person(w.CERT, access.Lead, ident.MISP)
		put := func(info string) intel.Event {
			return w.Add(lead, inteltest.Event(info, intel.All, inteltest.Attr("domain", info+".example.com")))
		}
		test(t, &lister{World: w, who: w.Person(w.A, access.Sync, ident.MISP)}, now, put)
	})
}

func (l *lister) again(e intel.Event, info string) {
	l.T.Helper()
	lead := l.Person(l.CERT, access.Lead, ident.MISP)
	got, err := l.Intel.Event(ctx, lead, e.UUID)
	l.Must(err)
	_, err = l.Intel.EditEvent(ctx, lead, e.UUID, intel.FromEvent(&misp.Event{Info: misp.T(info), Timestamp: misp.N(got.Timestamp + 60)}), intel.AddOptions{})
	l.Must(err)
}

// A walk tells everything once, in the order of change, and the next one what is new:
// what changed while it lasted comes then, not twice in it.
func TestEventsSinceWalks(t *testing.T) {
	t.Parallel()
	listing(t, func(t *testing.T, l *lister, _ *clock.Moved, put func(string) intel.Event) {
		a, b, c := put("a"), put("b"), put("c")
		put("withheld")
		d := put("d")
		l.walk(2, func(page int) {
			if page == 1 { // a was told, c was not
				l.again(a, "a2")
				l.again(c, "c2")
				put("e")
			}
		})
		told, _ := l.took()
		if diff := cmp.Diff([]string{"a", "b", "d"}, told); diff != "" {
			t.Error("first:", diff)
		}
		l.walk(10, nil)
		if told, _ = l.took(); cmp.Diff([]string{"a2", "c2", "e"}, told) != "" {
			t.Error("second:", told)
		}
		l.walk(10, nil)
		if told, sighted := l.took(); len(told)+len(sighted) != 0 {
			t.Errorf("nothing changed, and told was %v, %v", told, sighted)
		}
		// Sightings change no event; they are told behind the changes, and once.
		lead := l.Person(l.CERT, access.Lead, ident.MISP)
		for range 3 {
			_, _, err := l.Intel.AddSightings(ctx, lead, nil, []string{"b.example.com"}, intel.Sighting{})
			l.Must(err)
		}
		l.again(d, "d2")
		l.walk(1, nil)
		if told, sighted := l.took(); cmp.Diff([]string{"d2"}, told) != "" || cmp.Diff([]string{"b"}, sighted) != "" {
			t.Error("sighted:", told, sighted)
		}
		_ = b
	})
}

// Who does not see an event gets neither row nor trace of it: places and pages are those
// of a world without it.
func TestEventsSinceLeaksNothing(t *testing.T) {
	t.Parallel()
	listing(t, func(t *testing.T, l *lister, _ *clock.Moved, put func(string) intel.Event) {
		lead := l.Person(l.CERT, access.Lead, ident.MISP)
		for _, hidden := range []bool{false, true} {
			l.at = intel.Walk{}
			if hidden {
				for i := range 7 {
					l.Add(lead, inteltest.Event(fmt.Sprintf("own %d", i), intel.OwnOrg, inteltest.Attr("domain", "own.example.com")))
				}
			} else {
				for i := range 5 {
					put(fmt.Sprintf("seen %d", i))
				}
			}
			l.pages = nil
			l.walk(2, nil)
			told, _ := l.took()
			if len(told) != 5 || cmp.Diff([]int{2, 2, 1}, l.pages) != "" {
				t.Errorf("hidden %v: %v in pages of %v", hidden, told, l.pages)
			}
		}
		if l.at.ID != 0 {
			t.Errorf("the end of a walk names event %d", l.at.ID)
		}
		_, _, err := l.Intel.EventsSince(ctx, l.Person(l.A, access.Member, ident.MISP), intel.Walk{}, intel.Since{})
		if !fault.Is(err, fault.Denied) {
			t.Errorf("who does not synchronise got %v", err)
		}
	})
}

// A write that takes its time first and commits last is not passed by: nothing behind its
// time is given until it has ended.
func TestEventsSinceWaitsForWritesUnderWay(t *testing.T) {
	t.Parallel()
	listing(t, func(t *testing.T, l *lister, _ *clock.Moved, put func(string) intel.Event) {
		put("before")
		lead := l.Person(l.CERT, access.Lead, ident.MISP)
		inside, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			_, err := l.Intel.AddEvent(ctx, lead, intel.FromEvent(inteltest.Event("slow", intel.All, inteltest.Attr("domain", "slow.example.com"))), intel.AddOptions{Publish: true,
				Also: func(context.Context, *store.Tx, intel.Saved) error { close(inside); <-end; return nil }})
			ended <- err
		}()
		<-inside
		if l.DB.Engine == store.PostgreSQL { // another write overtakes it
			put("quick")
		}
		l.walk(10, nil)
		if told, _ := l.took(); cmp.Diff([]string{"before"}, told) != "" {
			t.Error("while it is under way:", told)
		}
		close(end)
		l.Must(<-ended)
		l.walk(10, nil)
		want := []string{"slow"}
		if l.DB.Engine == store.PostgreSQL {
			want = append(want, "quick")
		}
		if told, _ := l.took(); cmp.Diff(want, told) != "" {
			t.Error("afterwards:", told)
		}
	})
}

// Whatever happens between pages of whatever size, the last that was told of each event
// is what it is in the end, and no walk tells one twice.
func TestEventsSinceHasNoGap(t *testing.T) {
	t.Parallel()
	listing(t, func(t *testing.T, l *lister, now *clock.Moved, put func(string) intel.Event) {
		rng := rand.New(rand.NewPCG(1, 2))
		var events []intel.Event
		is := map[string]string{} // by UUID: the title it has
		made := 0
		act := func() {
			now.Add(time.Duration(rng.IntN(3)) * time.Second)
			for range rng.IntN(3) {
				made++
				title := fmt.Sprintf("t%d", made)
				if len(events) > 0 && rng.IntN(2) == 0 {
					e := events[rng.IntN(len(events))]
					l.again(e, title)
					is[e.UUID] = title
					continue
				}
				e := put(title)
				events = append(events, e)
				is[e.UUID] = title
			}
		}
		have := map[string]string{}
		for walk := 0; walk < 12; walk++ {
			act()
			seen := map[string]bool{}
			for more := true; more; {
				var err error
				l.at, more, err = l.Intel.EventsSince(ctx, l.who, l.at, intel.Since{Most: 1 + rng.IntN(3), Keep: func(*intel.Event) (bool, error) { return true, nil },
					Change: func(e *intel.Event) error {
						if seen[e.UUID] {
							t.Errorf("walk %d tells %s twice", walk, e.Info)
						}
						seen[e.UUID] = true
						have[e.UUID] = e.Info
						return nil
					}})
				l.Must(err)
				if rng.IntN(2) == 0 {
					act()
				}
			}
		}
		l.walk(5, nil)
		for _, told := range l.told {
			for uuid, title := range is {
				if title == told {
					have[uuid] = told
				}
			}
		}
		if diff := cmp.Diff(is, have); diff != "" {
			t.Error(diff)
		}
	})
}
