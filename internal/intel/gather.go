package intel

import (
	"context"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// How much a Gathering takes: more is written by itself, and people who write wait for
// no more than this.
const (
	gatherEach  = 500 // attributes of one event
	gatherBytes = 1 << 20
	gatherRows  = 1000
	gatherMost  = 20 // events
)

// Gathered is the State of an event that was read and is not written yet.
const Gathered = "gathered"

// Gathering takes small events that Import read (AddOptions.Gather), so that several are
// written in one transaction: most of what a small event costs is its commit. Nothing of
// them is there until Store or Alone has returned. Not for use by several at once.
type Gathering struct {
	s    *Service
	list []*loader
	rows int
}

// Gathering begins one, for a caller who may import.
func (s *Service) Gathering(_ context.Context, _ ident.Actor) *Gathering { return &Gathering{s: s} }

// take holds an event back, if it is small enough.
func (g *Gathering) take(l *loader) bool {
	n := l.draft.size() + len(l.draft.objects)
	if g == nil || l.loading || n > gatherEach || l.draft.weight > gatherBytes || l.opt.Once != "" {
		return false
	}
	g.list, g.rows = append(g.list, l), g.rows+n
	l.hoping = true
	return true
}

// Len is how many events are held.
func (g *Gathering) Len() int { return len(g.list) }

// Full tells that what is held should be written before more is read.
func (g *Gathering) Full() bool { return g.rows >= gatherRows || len(g.list) >= gatherMost }

// Cut forgets all but the first n events.
func (g *Gathering) Cut(n int) {
	for len(g.list) > n {
		last := g.list[len(g.list)-1]
		g.rows -= last.draft.size() + len(last.draft.objects)
		g.list = g.list[:len(g.list)-1]
	}
}

// Store writes all that is held in one transaction, each event with its AddOptions.Also,
// and holds nothing then. When one cannot be written, nothing is, everything is held
// still, and Alone tells which it was.
func (g *Gathering) Store(ctx context.Context) error {
	if len(g.list) == 0 {
		return nil
	}
	was := make([]kept, len(g.list))
	for i, l := range g.list {
		was[i] = l.keep()
	}
	back := func() {
		for i, l := range g.list {
			l.restore(was[i])
		}
	}
	err := g.s.db.Update(ctx, func(tx *store.Tx) error {
		back()
		for _, l := range g.list {
			if err := l.wholeTx(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	}, store.InLane(store.Jobs))
	if err != nil {
		back()
		return err
	}
	g.Cut(0)
	return nil
}

// Alone writes the first event that is held, by itself, and holds it no more.
func (g *Gathering) Alone(ctx context.Context) (Saved, error) {
	l := g.list[0]
	g.list, g.rows = g.list[1:], g.rows-l.draft.size()-len(l.draft.objects)
	err := l.small(ctx)
	saved := l.saved
	if err != nil {
		saved.State = "refused"
	}
	return saved, err
}
