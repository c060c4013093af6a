package peer

import (
	"context"
	"errors"
	"strconv"
	"time"

	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// Kinds of jobs.
const (
	jobPull      = "peer.pull"
	jobPush      = "peer.push"
	jobPublished = "peer.published"
	jobSighted   = "peer.sighted"
	jobProposed  = "peer.proposed"
	jobTick      = "peer.tick"
)

// slice is how long one turn of a run lasts before the rest is another job: a node
// that is told to stop waits no longer than that.
const slice = 20 * time.Second

type order struct {
	Peer      int64  `json:"peer"`
	Technique string `json:"technique"`
	Fresh     bool   `json:"fresh,omitempty"`
}

// Jobs are the room's clocks and background work.
func (s *Service) Jobs() []jobs.Def {
	return []jobs.Def{
		{Kind: jobPull, Apart: true, Timeout: 2 * time.Hour, Run: func(ctx context.Context, t *jobs.Task) error { return s.work(ctx, t, Pull) }},
		{Kind: jobPush, Apart: true, Timeout: 2 * time.Hour, Run: func(ctx context.Context, t *jobs.Task) error { return s.work(ctx, t, Push) }},
		{Kind: jobPublished, Run: s.published},
		{Kind: jobSighted, Run: s.sighted},
		{Kind: jobProposed, Run: s.proposed},
		{Kind: jobTick, Every: time.Minute, Run: s.tick},
	}
}

// Subscriptions: what is published goes to the peers, and what is said of it.
func Subscriptions() []jobs.Subscription {
	return []jobs.Subscription{{Event: intel.EventPublished{}.EventType(), Kind: jobPublished}, {Event: intel.EventSighted{}.EventType(), Kind: jobSighted},
		{Event: remark.ProposalMade{}.EventType(), Kind: jobProposed}, {Event: remark.ProposalDecided{}.EventType(), Kind: jobProposed}}
}

func enqueue(ctx context.Context, tx *store.Tx, way string, o order) error {
	kind := jobPull
	if way == Push {
		kind = jobPush
	}
	return jobs.Enqueue(ctx, tx, jobs.Job{Kind: kind, Key: strconv.FormatInt(o.Peer, 10), Payload: o, Priority: 5})
}

// work is one turn of a run. The other side's failures are the run's, not the job's:
// the breaker decides when it is tried again.
func (s *Service) work(ctx context.Context, t *jobs.Task, way string) error {
	var o order
	if err := t.Decode(&o); err != nil {
		return err
	}
	do := s.Pull
	if way == Push {
		do = s.PushTo
	}
	run, err := do(ctx, part(), strconv.FormatInt(o.Peer, 10), Options{Technique: o.Technique, Fresh: o.Fresh, Until: s.db.Clock.Now().Add(slice)})
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) || theirs(err) {
		return nil
	}
	if err != nil || run.State != Running {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if err := t.FinishTx(ctx, tx); err != nil {
			return err
		}
		return enqueue(ctx, tx, way, o)
	}, store.InLane(store.Jobs))
}

// published notes an event for every peer that is pushed to. Whether it goes there
// is decided when it would: rights and rules may change until then.
func (s *Service) published(ctx context.Context, t *jobs.Task) error {
	var e intel.EventPublished
	if err := t.Decode(&e); err != nil {
		return err
	}
	return s.noteFor(ctx, t, e.UUID, Push, 0, func(*Peer) bool { return true })
}

func (s *Service) sighted(ctx context.Context, t *jobs.Task) error {
	var e intel.EventSighted
	if err := t.Decode(&e); err != nil {
		return err
	}
	now := s.db.Clock.Now().Unix()
	return s.noteFor(ctx, t, e.UUID, wayOutSightings, now, func(p *Peer) bool { return p.PushSightings })
}

func (s *Service) proposed(ctx context.Context, t *jobs.Task) error {
	var p remark.ProposalMade // a decision names its event as well
	if err := t.Decode(&p); err != nil {
		return err
	}
	e, err := s.intel.Event(ctx, part(), strconv.FormatInt(p.Event, 10))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.noteFor(ctx, t, e.UUID, wayOutProposals, s.db.Clock.Now().Unix(), func(*Peer) bool { return true })
}

// noteFor notes an event, with the time of what is new, for the peers that are pushed
// to and lets them be sent it.
func (s *Service) noteFor(ctx context.Context, t *jobs.Task, event, way string, at int64, wants func(*Peer) bool) error {
	uuid, ok := store.ParseUUID(event)
	if !ok {
		return nil
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		list, err := store.All(ctx, tx, scanPeer, allPeers)
		if err != nil {
			return err
		}
		for i := range list {
			p := &list[i]
			if !p.Push || !wants(p) {
				continue
			}
			if err := writeItem(ctx, tx, &item{peer: p.ID, way: way, uuid: uuid, timestamp: at, state: itemWaiting}); err != nil {
				return err
			}
			if err := s.send(ctx, tx, p, Push, Update); err != nil {
				return err
			}
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}

// send enqueues a run unless the breaker is open: the tick comes back to it.
func (s *Service) send(ctx context.Context, tx *store.Tx, p *Peer, way, technique string) error {
	now, err := store.Now(ctx, tx)
	if err != nil || p.open(now) {
		return err
	}
	return enqueue(ctx, tx, way, order{Peer: p.ID, Technique: technique})
}

// tick starts what is due: pulls by their interval, pushes with something waiting,
// runs that were cut off.
func (s *Service) tick(ctx context.Context, t *jobs.Task) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		list, err := store.All(ctx, tx, scanPeer, allPeers)
		if err != nil {
			return err
		}
		for i := range list {
			if err := s.due(ctx, tx, &list[i], now); err != nil {
				return err
			}
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}

func (s *Service) due(ctx context.Context, tx *store.Tx, p *Peer, now int64) error {
	if p.open(now) {
		return nil
	}
	for _, way := range []string{Pull, Push} {
		run, found, err := store.First(ctx, tx, scanRun, openRun, p.ID, way)
		if err != nil {
			return err
		}
		technique := run.Technique
		switch {
		case found:
		case way == Pull && p.Pull && p.Every > 0 && now >= p.Pulled+int64(p.Every)*60e6:
			technique, found = Full, true
		case way == Push && p.Push:
			n, err := store.Int64(ctx, tx, countOut, p.ID)
			if err != nil {
				return err
			}
			technique, found = Update, n > 0
		}
		if found {
			if err := enqueue(ctx, tx, way, order{Peer: p.ID, Technique: technique}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Start lets the background do a pull or push now, breaker or not, and gives the
// number of the order. Needs peer.manage. Faults: NotFound, Invalid.
func (s *Service) Start(ctx context.Context, who ident.Actor, ref, way string, o Options) (p Peer, err error) {
	if err := s.mayManage(who); err != nil {
		return p, err
	}
	if err := o.check(); err != nil {
		return p, err
	}
	if way != Pull && way != Push {
		return p, errors.New("peer: unknown way " + way)
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if p, err = readPeer(ctx, tx, ref); err != nil {
			return err
		}
		if p.Health.OpenUntil != 0 { // somebody wants it now: one try goes through
			p.Health.OpenUntil = 0
			if err := writeHealth(ctx, tx, &p); err != nil {
				return err
			}
		}
		if err := enqueue(ctx, tx, way, order{Peer: p.ID, Technique: o.Technique, Fresh: o.Fresh}); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "peer.start", thing(p), map[string]any{"way": way, "technique": o.Technique})
	})
	return p, err
}
