package intel

import (
	"context"
	"fmt"
	"sync"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Bounds of following.
const (
	followersMost = 10_000
	followPage    = 100
	followTick    = 250 * time.Millisecond // how often one for all looks whether anything moved
	pagesKept     = 256                    // pages that those at the same place share
)

// Following is how somebody follows a collection.
type Following struct {
	Collection Collection
	Filter     NewsFilter
	From       Mark          // the zero one = everything from the beginning
	Beat       time.Duration // how long it may be silent
	// Again tells who is asking by now; an error ends the following. Nothing is given that
	// was read after anybody's rights changed, or a second or more later, without asking
	// it; it is asked at every beat, too.
	Again func(ctx context.Context) (ident.Actor, error)
}

// follower is what all who follow share: one goroutine that looks whether anything
// moved, and the pages of the moment, so that thousands at the same place with the same
// rights cost one reading.
type follower struct {
	mu    sync.Mutex
	count int
	moved chan struct{} // closed when something has
	ended chan struct{} // closed when the program ends
	over  bool
	stop  context.CancelFunc
	stamp [3]int64 // clock, rights, definitions
	pages map[string]*sharedPage
}

type sharedPage struct {
	done chan struct{}
	page NewsPage
	err  error
}

func newFollower() *follower {
	return &follower{moved: make(chan struct{}), ended: make(chan struct{}), pages: map[string]*sharedPage{}}
}

// Follow gives the changes of a defined collection as they happen, until ctx ends, the
// rights do, or give fails: pages of them, an empty one at every beat. again: the place
// is not known any more, and everything comes from the beginning. It holds one page at
// a time and waits for give: who reads slowly is given less often, nothing is queued.
// Faults: NotFound, Limited, Invalid on "since", Denied when rights ended; nil when the
// program ends.
func (s *Service) Follow(ctx context.Context, who ident.Actor, f Following, give func(p NewsPage, again bool) error) error {
	if err := mayCollect(who, f.Collection); err != nil {
		return err
	}
	if err := s.follow.join(s); err != nil {
		return err
	}
	defer s.follow.leave()
	beat := time.NewTimer(f.Beat)
	defer beat.Stop()
	x := &followed{s: s, who: who, f: f, at: f.From, asked: time.Now(), give: give}
	for {
		moved := s.follow.now()
		if err := x.toEnd(ctx, beat); err != nil {
			return err
		}
		if !x.begun { // who asks for news only is answered all the same
			if err := x.hand(NewsPage{Next: x.at}, false); err != nil {
				return err
			}
		}
		select {
		case <-moved:
		case <-beat.C:
			beat.Reset(f.Beat)
			if err := x.again(ctx); err != nil {
				return err
			}
			if err := x.hand(NewsPage{Next: x.at}, false); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-s.follow.ended:
			return nil
		}
	}
}

// followed is one who follows.
type followed struct {
	s     *Service
	who   ident.Actor
	f     Following
	at    Mark
	asked time.Time // when it was last asked who this is
	epoch int64     // of rights, as of that
	give  func(p NewsPage, again bool) error
	begun bool
}

func (x *followed) hand(p NewsPage, again bool) error {
	x.begun = true
	return x.give(p, again)
}

func (x *followed) again(ctx context.Context) (err error) {
	if x.f.Again != nil {
		x.who, err = x.f.Again(ctx)
	}
	x.asked = time.Now()
	return err
}

// toEnd gives all there is at the moment.
func (x *followed) toEnd(ctx context.Context, beat *time.Timer) error {
	for restart := false; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := x.s.follow.page(ctx, x)
		if fault.Is(err, fault.Gone) && !restart {
			x.at, restart = Mark{}, true
			if err := x.hand(NewsPage{}, true); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if p.epoch != x.epoch { // it was read with the rights of before
			if err := x.again(ctx); err != nil {
				return err
			}
			x.epoch = p.epoch
			continue
		}
		x.at = p.Next
		if len(p.List) > 0 {
			if time.Since(x.asked) > time.Second {
				if err := x.again(ctx); err != nil {
					return err
				}
			}
			if err := x.hand(p, false); err != nil {
				return err
			}
			beat.Reset(x.f.Beat)
		}
		if !p.More {
			return nil
		}
	}
}

// join counts one more, and begins to look when it is the first.
func (h *follower) join(s *Service) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over || h.count >= followersMost {
		return fault.New(fault.Limited, "%d follow already", h.count).After(30 * time.Second)
	}
	if h.count++; h.count == 1 {
		ctx, stop := context.WithCancel(context.Background())
		h.stop = stop
		go h.look(ctx, s)
	}
	return nil
}

func (h *follower) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count--; h.count == 0 {
		h.stop()
		h.pages = map[string]*sharedPage{}
	}
}

// now gives what closes at the next move.
func (h *follower) now() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.moved
}

// look wakes everybody when the clock of the collections, somebody's rights or a
// definition moved; on PostgreSQL another node may have moved them.
func (h *follower) look(ctx context.Context, s *Service) {
	for tick := time.NewTicker(followTick); ; {
		var now [3]int64
		err := s.db.View(ctx, func(tx *store.Tx) (err error) {
			if now[0], err = store.Int64(ctx, tx, deltaStamp); err != nil {
				return err
			}
			if now[1], err = access.EpochTx(ctx, tx); err != nil {
				return err
			}
			now[2], err = store.Int64(ctx, tx, definedStamp)
			return err
		})
		if err == nil {
			h.note(now)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}

func (h *follower) note(now [3]int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now == h.stamp {
		return
	}
	h.stamp, h.pages = now, map[string]*sharedPage{}
	close(h.moved)
	h.moved = make(chan struct{})
}

// page reads the page at a follower's place, or takes the one that another with the
// same rights at the same place has read since the last move.
func (h *follower) page(ctx context.Context, x *followed) (NewsPage, error) {
	key := fmt.Sprintf("%v %d %d %s", x.at, x.epoch, x.f.Filter.sum(), rightsOf(x.who)) + " " + x.f.Collection.Definition.UUID
	h.mu.Lock()
	p, found := h.pages[key]
	if !found {
		p = &sharedPage{done: make(chan struct{})}
		if len(h.pages) < pagesKept {
			h.pages[key] = p
		}
	}
	h.mu.Unlock()
	if !found {
		func() {
			defer close(p.done)
			read, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Minute) // others wait for it too
			defer stop()
			p.page, p.err = x.s.changes(read, x.who, x.f.Collection, x.f.Filter, x.at, followPage)
		}()
		return p.page, p.err
	}
	select {
	case <-p.done:
		return p.page, p.err
	case <-ctx.Done():
		return NewsPage{}, ctx.Err()
	}
}

// EndFollowing lets go of everybody who follows, when the program ends.
func (s *Service) EndFollowing(_ context.Context, who ident.Actor) {
	if who.Kind != ident.System {
		return
	}
	h := s.follow
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.over {
		h.over = true
		close(h.ended)
	}
}
