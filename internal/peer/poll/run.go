package poll

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"straza/internal/intel"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/peer"
)

// Options of a poll.
type Options struct {
	Fresh bool      // from the beginning of each collection
	Force bool      // breaker or not
	Until time.Time // begin no further page after it; zero = to the end
}

const (
	jobPoll = "peer.poll"
	jobTick = "peer.poll-tick"

	// slice is how long one turn lasts before the rest is another job.
	slice = 20 * time.Second
)

type order struct {
	Server int64 `json:"server"`
	Fresh  bool  `json:"fresh,omitempty"`
}

// after is a server's health after an exchange that ended with cause.
func after(h Health, cause error, now int64) Health {
	if cause == nil {
		return Health{Code: peer.OK, Checked: now}
	}
	h.Code, h.Detail, h.Checked = peer.CodeOf(cause), peer.DetailOf(cause), now
	h.Failures++
	h.OpenUntil = now + peer.Pause(h.Failures, cause).Microseconds()
	return h
}

// Poll reads the chosen collections of a server behind the places kept, page by page
// into the inbox of its organisation, and tells what it brought. A cause on the other
// side ends it: the report counts what came before, Health has the reason, and it is
// the fault given, too. Needs peer.manage. Faults: NotFound, Conflict while a poll of
// it runs or, without Force, while the breaker is open, Unavailable.
func (s *Service) Poll(ctx context.Context, who ident.Actor, ref string, o Options) (x Server, err error) {
	if err := mayManage(who); err != nil {
		return x, err
	}
	x, list, err := s.Server(ctx, who, ref)
	if err != nil {
		return x, err
	}
	if !s.enter(x.ID) {
		return x, fault.New(fault.Conflict, "server %d is being polled", x.ID).WithKey("peer.fault.busy")
	}
	defer s.leave(x.ID)
	if !o.Force && x.open(s.d.DB.Clock.Now().UnixMicro()) {
		return x, fault.New(fault.Conflict, "server %d failed lately", x.ID).WithKey("peer.fault.open")
	}
	r, err := s.connect(&x)
	if err != nil {
		return x, err
	}
	x.Report = Report{}
	cause := s.each(ctx, r, &x, list, o)
	return x, errors.Join(cause, s.end(ctx, who, &x, cause))
}

func (s *Service) enter(id int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[id] {
		return false
	}
	s.busy[id] = true
	return true
}

func (s *Service) leave(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, id)
}

// each reads the chosen collections one after another. One that the server no longer
// shows us keeps the others from nothing.
func (s *Service) each(ctx context.Context, r *remote, x *Server, list []Collection, o Options) (first error) {
	if o.Fresh {
		if err := s.d.DB.Update(ctx, func(tx *store.Tx) error { return fromTheBeginning(ctx, tx, x.ID) }); err != nil {
			return err
		}
	}
	for i := range list {
		c := &list[i]
		if !c.Chosen {
			continue
		}
		if o.Fresh {
			c.After, c.page = "", ""
		}
		whole, err := s.collection(ctx, r, x, c, o)
		var said *peer.NoAnswer
		switch {
		case whole:
			x.Report.Collections++
		case errors.As(err, &said) && (said.Status == http.StatusNotFound || said.Status == http.StatusForbidden):
			x.Report.Lost++
			x.Report.refuse(peer.Cut(c.Title + ": " + peer.DetailOf(err)))
			first = cmp.Or(first, err)
		default:
			x.Report.Left++
			if err != nil {
				return err
			}
		}
	}
	if x.Report.Collections+x.Report.Left > 0 {
		return nil
	}
	return first
}

// collection reads one to its end, or until it is time.
func (s *Service) collection(ctx context.Context, r *remote, x *Server, c *Collection, o Options) (whole bool, err error) {
	stale := false
	seen := map[string]bool{} // places this turn began a page at: none may come again
	for {
		if !o.Until.IsZero() && s.d.DB.Clock.Now().After(o.Until) {
			return false, nil
		}
		at := c.After + "\x00" + c.page
		if seen[at] {
			return false, peer.Odd("the server gives the same page again")
		}
		seen[at] = true
		p, err := r.objects(ctx, c)
		var said *peer.NoAnswer
		if c.page != "" && errors.As(err, &said) && said.Status == http.StatusBadRequest {
			if c.page = ""; !stale { // its token is no longer valid there: on by date of addition
				stale = true
				delete(seen, c.After+"\x00")
			}
			continue
		}
		if err != nil {
			return false, err
		}
		if len(p.list) == 0 && p.more {
			return false, peer.Odd("an empty page says that there is more")
		}
		whole, err = advance(c, p)
		if err != nil {
			return false, err
		}
		if err := s.keep(ctx, x, c, p.list, whole); err != nil || whole {
			return whole, err
		}
	}
}

// advance moves a collection's place behind a page, by the standard's rules (3.5): the
// token where one was given, else the date of the last object.
func advance(c *Collection, p sheet) (whole bool, err error) {
	switch {
	case !p.more:
		c.page = ""
		if p.last != "" {
			c.After = p.last
		}
		return true, nil
	case p.next != "":
		// The token belongs to the filters it came with, so the date stays until the end.
		c.page = p.next
	case p.last != "" && p.last != c.After:
		c.After, c.page = p.last, ""
	default:
		return false, peer.Odd("there is more, and no way to it")
	}
	return false, nil
}

// keep puts a page into the inbox, then the place behind it.
func (s *Service) keep(ctx context.Context, x *Server, c *Collection, list []intel.InboxEntry, whole bool) error {
	x.Report.Pages++
	if len(list) > 0 {
		who := part()
		who.Org = x.Org
		st, err := s.d.Intel.DeliverPolled(ctx, who, x.ID, list)
		if err != nil {
			return err
		}
		x.Report.Read += int64(st.TotalCount)
		x.Report.New += int64(st.PendingCount)
		x.Report.Known += int64(st.SuccessCount)
		x.Report.Refused += int64(st.FailureCount)
		for _, f := range st.Failures {
			x.Report.refuse(peer.Cut(f.Message))
		}
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if whole {
			c.Polled = now
		}
		return keepPlace(ctx, tx, c, len(list))
	}, store.InLane(store.Jobs))
}

// end keeps how a poll went.
func (s *Service) end(ctx context.Context, who ident.Actor, x *Server, cause error) error {
	ctx = context.WithoutCancel(ctx)
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		have, err := readServer(ctx, tx, strconv.FormatInt(x.ID, 10))
		if fault.Is(err, fault.NotFound) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		if theirs(cause) || cause == nil {
			x.Health = after(have.Health, cause, now)
		}
		if cause == nil && x.Report.Left == 0 {
			x.Polled = now
		}
		if err := writeHealth(ctx, tx, x); err != nil {
			return err
		}
		if err := keepReport(ctx, tx, x); err != nil {
			return err
		}
		r := x.Report
		return s.d.Audit.Record(ctx, tx, who, "taxii.poll", audit.Thing{Kind: "taxii", ID: x.ID, Label: x.Name}, map[string]any{"read": r.Read, "new": r.New,
			"known": r.Known, "refused": r.Refused, "collections": r.Collections, "left": r.Left, "code": int(x.Health.Code)})
	})
}

// theirs tells a cause on the other side from one of ours.
func theirs(err error) bool {
	var said *peer.NoAnswer
	if errors.As(err, &said) {
		return true
	}
	f := fault.Of(err)
	return f != nil && (f.Kind == fault.Unavailable || f.Kind == fault.Invalid || f.Kind == fault.Denied || f.Kind == fault.Limited)
}

// Start lets the background poll a server now, breaker or not. Needs peer.manage.
func (s *Service) Start(ctx context.Context, who ident.Actor, ref string, fresh bool) (x Server, err error) {
	if err := mayManage(who); err != nil {
		return x, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if x, err = readServer(ctx, tx, ref); err != nil {
			return err
		}
		if x.Health.OpenUntil != 0 { // somebody wants it now: one try goes through
			x.Health.OpenUntil = 0
			if err := writeHealth(ctx, tx, &x); err != nil {
				return err
			}
		}
		if err := enqueue(ctx, tx, order{x.ID, fresh}); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "taxii.start", thing(x), map[string]any{"fresh": fresh})
	})
	return x, err
}

func enqueue(ctx context.Context, tx *store.Tx, o order) error {
	return jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobPoll, Key: strconv.FormatInt(o.Server, 10), Payload: o, Priority: 5})
}

// Jobs are the polls, each beside everybody else's, and the clock that asks for them.
func (s *Service) Jobs() []jobs.Def {
	return []jobs.Def{
		{Kind: jobPoll, Apart: true, Timeout: 2 * time.Hour, Run: s.work},
		{Kind: jobTick, Every: time.Minute, Run: s.tick},
	}
}

// work is one turn of a poll. The other side's failures are the poll's, not the
// job's: the breaker decides when it is tried again.
func (s *Service) work(ctx context.Context, t *jobs.Task) error {
	var o order
	if err := t.Decode(&o); err != nil {
		return err
	}
	x, err := s.Poll(ctx, part(), strconv.FormatInt(o.Server, 10), Options{Fresh: o.Fresh, Until: s.d.DB.Clock.Now().Add(slice)})
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) || theirs(err) {
		return nil
	}
	if err != nil || x.Report.Left == 0 {
		return err
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if err := t.FinishTx(ctx, tx); err != nil {
			return err
		}
		return enqueue(ctx, tx, order{Server: o.Server})
	}, store.InLane(store.Jobs))
}

// tick starts the polls that are due.
func (s *Service) tick(ctx context.Context, t *jobs.Task) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		list, err := listServers(ctx, tx)
		if err != nil {
			return err
		}
		for i := range list {
			x := &list[i]
			if x.Every == 0 || x.open(now) || now < max(x.Polled, x.Health.Checked)+int64(x.Every)*60e6 && x.Polled != 0 {
				continue
			}
			if err := enqueue(ctx, tx, order{Server: x.ID}); err != nil {
				return err
			}
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}
