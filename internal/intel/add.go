package intel

import (
	"context"
	"errors"
	"slices"

	"straza/internal/format/misp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// How much of an event is written in one transaction; what is larger is loaded
// in parts behind a mark and shows at once when it is whole.
const (
	wholeRows  = 10_000
	wholeBytes = 32 << 20
	chunkRows  = 5_000
)

// AddOptions says how an event is taken in.
type AddOptions struct {
	Narrow  bool  // objects that name no distribution are the own organisation\'s, as MISP stores them; else their event\'s
	Org     int64 // whose event it is, when no organisation stands behind the caller (an importer)
	Publish bool  // publish it as well, if the caller may
	Upsert  bool  // an event that is here already is edited instead of refused
	// Once makes adding idempotent: the same caller with the same key gets the event
	// that was stored then (State "again"), whatever the document says now; "" = no key.
	Once string
	// From is what brings the event when no person does, Ref 0 for none: it is noted with a new
	// event, and the same brings newer versions of it.
	From Origin
	// Version is the Changed of the event that an edit was made for; another one
	// there now is Conflict "fault.conflict". 0 = whatever is there.
	Version int64
	// Proof is the signature that came beside the document, nil for none: versions of a
	// protected event that other installations bring need one.
	Proof *Proof
	// Server tells that a server brings the document with the key of a person here.
	Server bool
	// Also runs in the transaction that stores the event and makes it visible, with
	// what became of it; it may run again. An event that stays as it is has none.
	Also func(ctx context.Context, tx *store.Tx, saved Saved) error
}

// Tally counts what became of the parts of an event.
type Tally struct {
	Read      int64 `json:"read"`
	Created   int64 `json:"created"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	Refused   int64 `json:"refused"`
}

// Add adds what became of others.
func (t *Tally) Add(o Tally) {
	t.Read += o.Read
	t.Created += o.Created
	t.Updated += o.Updated
	t.Unchanged += o.Unchanged
	t.Refused += o.Refused
}

// Saved is what became of one event.
type Saved struct {
	ID         int64
	UUID       string
	State      string // "created", "updated", "unchanged", "refused", "again"
	Attributes Tally
	Objects    Tally
	Dropped    []Dropped // the first hundred parts that were not stored, and why
}

// AddEvent stores one new event, whole or not at all. Who may: intel.write; who
// holds misp.sync may name another originator. Faults: Conflict
// "intel.fault.event-exists" with the existing id as argument (0 when the caller
// may not see it), Denied "intel.fault.blocked", Invalid with fields; a broken
// document comes back as *misp.Error.
func (s *Service) AddEvent(ctx context.Context, who ident.Actor, src Source, opt AddOptions) (saved Saved, err error) {
	n := 0
	err = s.Import(ctx, who, src, opt, func(r Saved, err error) error {
		if n++; n > 1 {
			return fault.New(fault.Invalid, "more than one event").WithKey("intel.fault.one-event")
		}
		saved = r
		return err
	})
	return saved, err
}

// Import stores any number of events, each whole or not at all, and tells done
// what became of each; an error of done ends it. Documents that break in the
// middle leave the events before the break.
func (s *Service) Import(ctx context.Context, who ident.Actor, src Source, opt AddOptions, done func(Saved, error) error) error {
	if err := mayWrite(who); err != nil {
		return err
	}
	if opt.Org == 0 {
		opt.Org = who.Org
	}
	if opt.Once != "" { // a large event is loaded in parts: the key belongs to the whole
		ctx = store.WithoutClaim(ctx)
	}
	var l *loader
	err := src(func(it misp.Item) (err error) {
		switch it.Kind {
		case misp.ItemStart:
			l = s.newLoader(who, opt, it.Event)
		case misp.ItemAttribute:
			l.saved.Attributes.Read++
			err = l.take(ctx, func(d *draft) { d.attribute(it.Attribute) })
		case misp.ItemObject:
			l.saved.Objects.Read++
			l.saved.Attributes.Read += int64(len(it.Object.Attribute))
			err = l.take(ctx, func(d *draft) { d.object(it.Object) })
		case misp.ItemEnd:
			err = l.finish(ctx)
			saved := l.saved
			l = nil
			if err != nil {
				saved.State = "refused"
			}
			return done(saved, err)
		}
		return err
	})
	if l != nil {
		err = errors.Join(err, l.abandon(ctx))
	}
	return err
}

// loader takes one event in.
type loader struct {
	s       *Service
	who     ident.Actor
	opt     AddOptions
	head    *misp.Event // grows until the end of the document
	draft   *draft
	event   Event
	aud     audiences
	saved   Saved
	refs    []Reference
	loading bool
	editing string // the event that the caller named, for EditEvent
	exists  bool   // edited, not added
	failed  error  // the rest of the event is read past
	hash    []byte
	came    span  // ids of what is new
	hoping  bool  // no UUID of the document is taken: they are looked up only when one was
	written []any // the event's row as this transaction inserted it, nil when it did not
}

// kept is what a transaction changes of a loader.
type kept struct {
	saved  Saved
	event  Event
	refs   []Reference
	hash   []byte
	came   span
	exists bool
}

// store runs a part of the loading in one transaction: again from where it stood when
// the engine asks for it, and when a UUID was taken after all (or is at this moment).
func (l *loader) store(ctx context.Context, lane store.Lane, fn func(tx *store.Tx) error) error {
	was := kept{l.saved, l.event, l.refs, l.hash, l.came, l.exists}
	was.refs, was.saved.Dropped = slices.Clip(was.refs), slices.Clip(was.saved.Dropped)
	write := func() error {
		return l.s.db.Update(ctx, func(tx *store.Tx) error {
			l.saved, l.event, l.refs, l.hash, l.came, l.exists = was.saved, was.event, was.refs, was.hash, was.came, was.exists
			l.aud, l.written = audiences{who: l.who, owner: l.event.Owner.ID}, nil // what was interned may have been undone
			return fn(tx)
		}, store.InLane(lane))
	}
	err := write()
	if store.IsUnique(err) {
		l.hoping = false
		err = write()
	}
	return err
}

func (s *Service) newLoader(who ident.Actor, opt AddOptions, head *misp.Event) *loader {
	id := s.db.NewID()
	l := &loader{s: s, who: who, opt: opt, head: head, draft: newDraft(s.db, id), event: Event{ID: id}}
	l.draft.narrow = opt.Narrow
	l.saved.ID = id
	return l
}

// take adds a piece; when the draft has grown past what one transaction holds,
// the event's loading begins. A fault (it exists, it is blocked) is kept and told
// at the end of the event, so that the next event of the document is read.
func (l *loader) take(ctx context.Context, add func(*draft)) error {
	if l.failed != nil {
		return nil
	}
	add(l.draft)
	limit := wholeRows
	if l.loading {
		limit = chunkRows
	}
	if l.exists || l.draft.size() <= limit && l.draft.weight < wholeBytes {
		return nil
	}
	err := l.flush(ctx)
	if fault.Of(err) != nil && fault.KindOf(err) != fault.Unavailable {
		l.failed = err
		return nil
	}
	return err
}

// flush writes what is held, marking the event as loading first.
func (l *loader) flush(ctx context.Context) error {
	if !l.loading {
		err := l.store(ctx, store.Bulk, func(tx *store.Tx) error {
			again, err := l.again(ctx, tx)
			if err != nil || again {
				l.exists = l.exists || again // the rest is read past
				return err
			}
			found, err := l.existing(ctx, tx)
			if err != nil || found {
				return err
			}
			if err := l.header(ctx, tx); err != nil {
				return err
			}
			return writeEvent(ctx, tx, l.event, l.event.Changed)
		})
		if err != nil || l.exists {
			return err
		}
		l.loading, l.hoping = true, true
	}
	d := l.draft
	for d.size() > 0 || len(d.objects) > 0 {
		part := d.cut(chunkRows)
		err := l.store(ctx, store.Bulk, func(tx *store.Tx) error {
			now, err := store.Now(ctx, tx)
			if err != nil {
				return err
			}
			if n, err := tx.Exec(ctx, beatEvent, l.event.ID, now); err != nil || n != 1 {
				return errors.Join(err, goneUnless(n == 1))
			}
			return l.write(ctx, tx, part)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func goneUnless(ok bool) error {
	if ok {
		return nil
	}
	return fault.New(fault.Conflict, "the event being loaded was taken away").WithKey("intel.fault.changed")
}

// cut takes the first parts of a draft off: at most n attributes, at least one object.
func (d *draft) cut(n int) *draft {
	part := &draft{db: d.db, eventID: d.eventID}
	k := min(n, len(d.attrs))
	part.attrs, d.attrs = d.attrs[:k], d.attrs[k:]
	for len(d.objects) > 0 && (part.size() < n || len(part.objects) == 0 && k == 0) {
		part.objects, d.objects = append(part.objects, d.objects[0]), d.objects[1:]
	}
	d.weight = 0
	return part
}

// finish writes a small event in one transaction, or ends the loading of a large one.
func (l *loader) finish(ctx context.Context) error {
	if l.failed != nil {
		return errors.Join(l.countStopped(ctx, l.failed), l.abandon(ctx))
	}
	l.saved.Attributes.Refused += int64(l.draft.refused)
	l.drop(l.draft.dropped...)
	if l.loading {
		if err := l.flush(ctx); err != nil {
			return errors.Join(err, l.abandon(ctx))
		}
		err := l.store(ctx, store.Bulk, func(tx *store.Tx) error { return l.finishLoading(ctx, tx) })
		if err != nil {
			return errors.Join(err, l.abandon(ctx))
		}
		l.saved.State = "created"
		return l.s.db.Update(ctx, func(tx *store.Tx) error { return analyse(ctx, tx) }, store.InLane(store.Bulk))
	}
	lane := store.People
	if l.draft.size() > 1000 {
		lane = store.Jobs
	}
	l.hoping = true
	err := l.store(ctx, lane, func(tx *store.Tx) error { return l.wholeTx(ctx, tx) })
	if l.opt.Upsert && keyOf(err) == notNewerKey {
		l.saved.State, err = "unchanged", nil
		l.saved.Attributes.Unchanged = l.saved.Attributes.Read
		l.saved.Objects.Unchanged = l.saved.Objects.Read
	}
	return l.countStopped(ctx, err)
}

func keyOf(err error) string {
	if f := fault.Of(err); f != nil {
		return f.Key
	}
	return ""
}

// errNew: no event was stored with the caller's key yet.
var errNew = errors.New("the key is new")

// again tells whether an event was stored with the caller's key before, and names it.
func (l *loader) again(ctx context.Context, tx *store.Tx) (bool, error) {
	if l.opt.Once == "" {
		return false, nil
	}
	uuid, _, err := store.Once(ctx, tx, l.onceKey(), func() (string, error) { return "", errNew })
	if errors.Is(err, errNew) {
		return false, nil
	}
	l.saved = Saved{UUID: uuid, State: "again"}
	return err == nil, err
}

func (l *loader) onceKey() string { return l.who.String() + "|event.add|" + l.opt.Once }

// remember keeps the event's name under the caller's key, in the act's transaction.
func (l *loader) remember(ctx context.Context, tx *store.Tx) error {
	if l.opt.Once == "" {
		return nil
	}
	_, taken, err := store.Once(ctx, tx, l.onceKey(), func() (string, error) { return l.event.UUID, nil })
	if err == nil && taken { // a large event that was being loaded twice at once
		err = fault.New(fault.Conflict, "the same key stored an event meanwhile").WithKey("fault.conflict")
	}
	return err
}

func (l *loader) wholeTx(ctx context.Context, tx *store.Tx) error {
	again, err := l.again(ctx, tx)
	if err != nil || again {
		return err
	}
	found, err := l.existing(ctx, tx)
	if err != nil {
		return err
	}
	if found {
		return l.edit(ctx, tx)
	}
	if err := l.header(ctx, tx); err != nil {
		return err
	}
	objects, rows, err := l.place(ctx, tx, l.draft)
	if err != nil {
		return err
	}
	if err := writeEvent(ctx, tx, l.event, 0); err != nil {
		return err
	}
	l.written = changeable(l.event)
	if err := l.copy(ctx, tx, objects, rows); err != nil {
		return err
	}
	l.saved.State = "created"
	return l.close(ctx, tx)
}
