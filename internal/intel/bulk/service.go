package bulk

import (
	"context"
	"errors"
	"strconv"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// People says who somebody is at this moment: *account.Service.
type People interface {
	ResolveTx(ctx context.Context, tx *store.Tx, person int64, c ident.Channel) (ident.Actor, error)
}

// Deps is what the chamber needs.
type Deps struct {
	DB     *store.DB
	Audit  *audit.Log
	Intel  *intel.Service
	People People
}

// Service is the door to acts on many attributes. Safe for concurrent use.
type Service struct{ d Deps }

// New makes the chamber.
func New(d Deps) *Service { return &Service{d: d} }

const (
	jobGo    = "intel.bulk-go"
	jobSweep = "intel.bulk-sweep"

	// runMost is how many acts of one person may go on at a time.
	runMost = 5
)

type task struct {
	Act int64 `json:"act"`
}

// Tag puts a tag on the attributes of an event that a scope leaves. Of more than
// intel.BulkMost the first ones get it at once and a job goes on with the others: the act
// then has a UUID, by which Act tells how far it is. Who may: misp.tagger, and the right to
// edit the event. Faults: NotFound, Denied, Invalid for no name, Limited when too many of
// the caller's acts go on.
func (s *Service) Tag(ctx context.Context, who ident.Actor, event string, scope intel.Scope, name string) (Act, error) {
	e, err := s.d.Intel.Event(ctx, who, event)
	if err != nil {
		return Act{}, err
	}
	a := s.act(who, e.ID, Tag, Ask{Tag: name, Scope: scope})
	return a, s.step(ctx, who, &a)
}

// Edit lays the fields that came over the attributes of an event that a scope leaves, as
// intel's EditAttributes does over some; for the rest as Tag. Who may: the right to edit
// the event. Faults: as Tag's; Invalid for a level or sharing group that is none.
func (s *Service) Edit(ctx context.Context, who ident.Actor, event string, scope intel.Scope, w misp.Attribute) (Act, error) {
	e, err := s.d.Intel.Event(ctx, who, event)
	if err != nil {
		return Act{}, err
	}
	a := s.act(who, e.ID, Edit, Ask{Edit: &Fields{w}, Scope: scope})
	return a, s.step(ctx, who, &a)
}

// UndoAttributes takes an act of the caller's on one event back, as intel's does, named by
// its moment; one that goes on is stopped first. Of more than intel.BulkMost attributes the
// first go back at once and a job goes on. Faults: NotFound, Denied, Limited.
func (s *Service) UndoAttributes(ctx context.Context, who ident.Actor, event string, at int64) (Act, error) {
	e, err := s.d.Intel.Event(ctx, who, event)
	if err != nil {
		return Act{}, err
	}
	a := s.act(who, e.ID, Undo, Ask{At: at})
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if err := stopAt(ctx, tx, who, e.ID, at); err != nil {
			return err
		}
		was, found, err := actAt(ctx, tx, who, e.ID, at)
		if found {
			a.Total = int64(was.Result.Changed)
		}
		return err
	})
	if err != nil {
		return Act{}, err
	}
	return a, s.step(ctx, who, &a)
}

func (s *Service) act(who ident.Actor, event int64, kind string, ask Ask) Act {
	return Act{ID: s.d.DB.NewID(), Person: who.Person, Org: who.Org, Event: event, Kind: kind, State: Running, Ask: ask}
}

// step does the next piece of an act and notes it in the same transaction.
func (s *Service) step(ctx context.Context, who ident.Actor, a *Act) error {
	if a.Kind == Undo {
		return s.undoStep(ctx, who, a)
	}
	ids, more, err := s.next(ctx, who, a)
	if err != nil {
		return err
	}
	next, event := *a, strconv.FormatInt(a.Event, 10)
	p := intel.Piece{At: a.Result.At, Also: func(ctx context.Context, tx *store.Tx, b intel.Bulk) error {
		if next = *a; len(ids) > 0 {
			next.after = ids[len(ids)-1]
		}
		next.Result.Add(b)
		next.Result.Read += int64(len(ids))
		return s.note(ctx, tx, who, a, &next, more)
	}}
	if a.Ask.Edit != nil {
		_, err = s.d.Intel.EditPiece(ctx, who, event, ids, a.Ask.Edit.Attribute, p)
	} else {
		_, err = s.d.Intel.TagPiece(ctx, who, event, ids, a.Ask.Tag, p)
	}
	if err == nil {
		*a = next
	}
	return err
}

func (s *Service) undoStep(ctx context.Context, who ident.Actor, a *Act) error {
	next := *a
	_, _, err := s.d.Intel.UndoPiece(ctx, who, strconv.FormatInt(a.Event, 10), intel.Back{At: a.Ask.At, After: a.after}, a.Result.At, func(ctx context.Context, tx *store.Tx, u intel.Back, b intel.Bulk) error {
		next = *a
		next.after = u.After
		next.Result.Add(b)
		next.Result.Read = int64(next.Result.Changed)
		return s.note(ctx, tx, who, a, &next, u.More)
	})
	if err == nil {
		*a = next
	}
	return err
}

// next gives the attributes of the next piece, and whether there are others behind it.
func (s *Service) next(ctx context.Context, who ident.Actor, a *Act) (ids []int64, more bool, err error) {
	q := s.query(a)
	q.After, q.Limit = a.after, intel.BulkMost+1
	err = s.d.Intel.SearchAttributes(ctx, who, q, func(x *intel.Attribute) error {
		ids = append(ids, x.ID)
		return nil
	})
	if more = len(ids) > intel.BulkMost; more {
		ids = ids[:intel.BulkMost]
	}
	return ids, more, err
}

func (s *Service) query(a *Act) intel.Query { return a.Ask.Scope.Query(strconv.FormatInt(a.Event, 10)) }

// errMoved: another run of the act, or its person, was here since this one read it.
var errMoved = errors.New("the act has moved")

// note writes how far an act came. One that its first piece does not end becomes a row and
// a job; one that goes on moves from where this run found it, or not at all.
func (s *Service) note(ctx context.Context, tx *store.Tx, who ident.Actor, was, is *Act, more bool) error {
	if !more {
		is.State = Done
	}
	if was.UUID != "" {
		return move(ctx, tx, was.after, is)
	}
	if is.Kind == Undo {
		if err := undoneAt(ctx, tx, who, is.Event, is.Ask.At); err != nil {
			return err
		}
	}
	if !more {
		return nil
	}
	n, err := store.Int64(ctx, tx, countRunning, who.Person)
	if err != nil {
		return err
	}
	if n >= runMost {
		return fault.New(fault.Limited, "%d acts go on", n).WithKey("intel.fault.bulk-open")
	}
	is.UUID = s.d.DB.NewUUID()
	if err := insert(ctx, tx, is); err != nil {
		return err
	}
	if err := s.enqueue(ctx, tx, is); err != nil {
		return err
	}
	return s.d.Audit.Record(ctx, tx, who, "bulk.begin", thing(is), map[string]any{"kind": is.Kind, "event": is.Event, "narrowed": is.Ask.Scope != intel.Scope{}})
}

func (s *Service) enqueue(ctx context.Context, tx *store.Tx, a *Act) error {
	return jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobGo, Key: a.UUID, Payload: task{a.ID}})
}

func thing(a *Act) audit.Thing { return audit.Thing{Kind: "bulk", ID: a.ID, Label: a.UUID} }

// Act reads one of the caller's own by its UUID. Faults: NotFound for anybody else's.
func (s *Service) Act(ctx context.Context, who ident.Actor, ref string) (a Act, err error) {
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		a, err = read(ctx, tx, who, ref)
		return err
	})
	return a, err
}

// Running lists the caller's acts on an event that go on.
func (s *Service) Running(ctx context.Context, who ident.Actor, event int64) (list []Act, err error) {
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		list, err = running(ctx, tx, who, event)
		return err
	})
	return list, err
}

// Stop ends an act of the caller's before its next piece; what is done stands and can be
// taken back. Faults: NotFound; Conflict when it is over.
func (s *Service) Stop(ctx context.Context, who ident.Actor, ref string) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		a, err := read(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		if a.State != Running {
			return tooLate()
		}
		a.State = Stopped
		if err := move(ctx, tx, a.after, &a); err != nil {
			return late(err)
		}
		return s.d.Audit.Record(ctx, tx, who, "bulk.stop", thing(&a), nil)
	})
}

// late says to a person that an act has moved meanwhile.
func late(err error) error {
	if errors.Is(err, errMoved) {
		return tooLate()
	}
	return err
}

func tooLate() error {
	return fault.New(fault.Conflict, "the act is in another state").WithKey("fault.conflict")
}

// Jobs go on with acts, and sweep: an act is forgotten a month after its last piece, what
// it did stays.
func (s *Service) Jobs() []jobs.Def {
	return []jobs.Def{
		{Kind: jobGo, Timeout: time.Hour, Tries: 20, Run: func(ctx context.Context, t *jobs.Task) error {
			var x task
			if err := t.Decode(&x); err != nil {
				return err
			}
			return s.goOn(ctx, x.Act)
		}},
		{Kind: jobSweep, Every: 24 * time.Hour, Timeout: 10 * time.Minute, Run: func(ctx context.Context, _ *jobs.Task) error { return s.sweep(ctx) }},
	}
}

const keptFor = int64(30 * 24 * time.Hour / time.Microsecond)

func (s *Service) sweep(ctx context.Context) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err == nil {
			_, err = tx.Exec(ctx, deleteOld, now-keptFor)
		}
		return err
	}, store.InLane(store.Jobs))
}

// goOn does the pieces of an act that are left, in the name of its person with their
// rights of now. What may not be done any more ends it, with what was done before.
func (s *Service) goOn(ctx context.Context, id int64) error {
	a, who, found, err := s.begin(ctx, id)
	if err == nil && found && a.State == Running && a.Total == 0 && a.Kind != Undo {
		err = s.count(ctx, who, &a)
	}
	for err == nil && found && a.State == Running {
		err = s.step(ctx, who, &a)
	}
	switch f := fault.Of(err); {
	case errors.Is(err, errMoved):
		return nil
	case f != nil && (f.Kind == fault.Denied || f.Kind == fault.NotFound || f.Kind == fault.Invalid):
		a.State, a.Result.Fault = Done, keyOf(f)
		err = s.d.DB.Update(ctx, func(tx *store.Tx) error { return move(ctx, tx, a.after, &a) })
		if errors.Is(err, errMoved) {
			err = nil
		}
	}
	return err
}

func keyOf(f *fault.Error) string {
	if f.Key == "" {
		return "fault.denied"
	}
	return f.Key
}

// begin reads an act, and its person as they are now.
func (s *Service) begin(ctx context.Context, id int64) (a Act, who ident.Actor, found bool, err error) {
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if a, found, err = readByID(ctx, tx, id); err == nil && found {
			who, err = s.d.People.ResolveTx(ctx, tx, a.Person, ident.Web)
		}
		return err
	})
	if err == nil && found && who.Org != a.Org {
		err = fault.New(fault.Denied, "%s is of another organisation now", who)
	}
	return a, who, found, err
}

// count says how many attributes are meant in all: those that are done may not be what
// the scope asks for any more.
func (s *Service) count(ctx context.Context, who ident.Actor, a *Act) error {
	q := s.query(a)
	q.After = a.after
	n, err := s.d.Intel.CountAttributes(ctx, who, q)
	if err != nil {
		return err
	}
	a.Total = max(a.Result.Read+n, 1)
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, setTotal, a.ID, a.Total)
		return err
	}, store.InLane(store.Jobs))
}
