package intel

import (
	"cmp"
	"context"
	"errors"
	"time"

	"straza/internal/format/stix"
	"straza/internal/format/taxii"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// CollectionKind names a class of audiences.
type CollectionKind string

// The collections that exist. There is none for people without a key.
const (
	CommunityCollection CollectionKind = "community" // published for every member
	OwnCollection       CollectionKind = "own"       // of the caller's organisation
	GroupCollection     CollectionKind = "group"     // shared within one sharing group
	WholeCollection     CollectionKind = "whole"     // everything, for a site administrator's key
	DefinedCollection   CollectionKind = "defined"   // what somebody defined
)

// Collection is a view of published events: those of one class that the caller
// sees, object by object.
type Collection struct {
	Kind  CollectionKind
	Org   Org          // OwnCollection
	Group SharingGroup // GroupCollection; no members or servers

	Definition *Definition // DefinedCollection
}

// SharedObject is the head of one version of one STIX object in a collection.
type SharedObject struct {
	ID, Type string
	Version  string // as in the object; "" for those without one: the date of addition stands for it
	Added    int64  // µs; unique and rising within the installation

	row, event, batch int64
	refs, shared      bool
	first             bool // no version of it before
	tlp               int64
	from              stixSource
}

// Collections lists the views that the caller may read.
func (s *Service) Collections(ctx context.Context, who ident.Actor) (out []Collection, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	out = append(out, Collection{Kind: CommunityCollection})
	if who.Org != 0 {
		out = append(out, Collection{Kind: OwnCollection, Org: Org{ID: who.Org, UUID: who.OrgUUID, Name: who.OrgName}})
	}
	if inboxOpen(who) {
		out = append(out, Collection{Kind: InboxCollection, Org: Org{ID: who.Org, UUID: who.OrgUUID, Name: who.OrgName}})
	}
	if seesAll(who) {
		out = append(out, Collection{Kind: WholeCollection})
	}
	err = s.view(ctx, who, "collection.list", audit.Thing{Kind: "collection"}, func(tx *store.Tx) error {
		groups, err := listGroups(ctx, tx, who)
		for _, g := range groups {
			if g.Active {
				out = append(out, Collection{Kind: GroupCollection, Group: g})
			}
		}
		if err != nil {
			return err
		}
		list, err := s.readableDefinitions(ctx, tx, who)
		for i := range list {
			out = append(out, Collection{Kind: DefinedCollection, Definition: &list[i]})
		}
		return err
	})
	return out, err
}

// SharedObjects lists what a collection holds behind a date of addition (µs, 0
// from the beginning), in the order of addition, at most limit; more tells that
// there is more. Of q the filters count, not its paging. An event that was
// published before the call is in it. Faults: NotFound for a collection that is
// not the caller's.
func (s *Service) SharedObjects(ctx context.Context, who ident.Actor, c Collection, q taxii.Query, after int64, limit int) (list []SharedObject, more bool, err error) {
	if err := mayCollect(who, c); err != nil {
		return nil, false, err
	}
	if c.Kind == InboxCollection {
		return s.inboxPage(ctx, who, q, after, limit)
	}
	if err := s.catchUp(ctx); err != nil {
		return nil, false, err
	}
	if err := s.collected(ctx, c.Definition); err != nil {
		return nil, false, err
	}
	err = s.view(ctx, who, "collection.read", audit.Thing{Kind: "collection", Label: string(c.Kind)}, func(tx *store.Tx) error {
		if c, err = s.fresh(ctx, tx, who, c); err != nil {
			return err
		}
		if c.Kind == GroupCollection {
			if id, err := usableGroup(ctx, tx, who, c.Group.ID); err != nil || id == 0 {
				return orNot(err, noCollection())
			}
		}
		w := &stixWalk{who: who, c: c, q: q, limit: limit + 1, before: map[string]bool{}}
		list, err = w.page(ctx, tx, after)
		return err
	})
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	return list, more, err
}

// SharedContent gives the objects of a list that SharedObjects gave to the same
// caller, in its order; one that was withdrawn meanwhile is left out. yield ends
// it by an error, which is returned.
func (s *Service) SharedContent(ctx context.Context, who ident.Actor, c Collection, list []SharedObject, yield func(json []byte) error) error {
	if err := mayCollect(who, c); err != nil {
		return err
	}
	for len(list) > 0 {
		part := list[:min(len(list), contentPart)]
		list = list[len(part):]
		var content map[int64][]byte
		err := s.db.View(ctx, func(tx *store.Tx) (err error) {
			content, err = s.content(ctx, tx, who, c, part)
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range part {
			if b := content[o.row]; b != nil {
				if err := yield(b); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// contentPart is how many objects are in memory at a time: 128 fill a list of ids.
const contentPart = 128

func (s *Service) content(ctx context.Context, tx *store.Tx, who ident.Actor, c Collection, part []SharedObject) (map[int64][]byte, error) {
	if c.Kind == InboxCollection {
		return inboxContent(ctx, tx, who.Org, part)
	}
	c, err := s.fresh(ctx, tx, who, c)
	if err != nil {
		return nil, err
	}
	part, err = still(ctx, tx, who, c, part)
	if err != nil || len(part) == 0 {
		return nil, err
	}
	rows := make([]int64, len(part))
	for i, o := range part {
		rows[i] = o.row
	}
	out, err := readStix(ctx, tx, rows)
	if err != nil {
		return nil, err
	}
	for _, o := range part {
		if !o.refs || out[o.row] == nil {
			continue
		}
		refs, err := reportRefs(ctx, tx, who, c, o.event)
		if err != nil {
			return nil, err
		}
		if len(refs) == 0 { // nothing of it for this reader; a report must refer to something
			refs = []string{stix.Author(out[o.row])}
		}
		out[o.row] = stix.WithRefs(out[o.row], refs)
	}
	return out, nil
}

// fresh gives a defined collection as it stands at this moment, to one who may read it.
func (s *Service) fresh(ctx context.Context, tx *store.Tx, who ident.Actor, c Collection) (Collection, error) {
	if c.Kind != DefinedCollection {
		return c, nil
	}
	if c.Definition == nil {
		return c, noCollection()
	}
	var err error
	c.Definition, err = s.readable(ctx, tx, who, c.Definition.ID)
	return c, err
}

func mayCollect(who ident.Actor, c Collection) error {
	if err := mayRead(who); err != nil {
		return err
	}
	if (c.Kind == OwnCollection || c.Kind == InboxCollection) && (who.Org == 0 || c.Org.ID != who.Org) || c.Kind == WholeCollection && !seesAll(who) {
		return noCollection()
	}
	return nil
}

func noCollection() error {
	return fault.New(fault.NotFound, "no such collection")
}

// Kinds of job of this room.
const (
	jobShare = "intel.share"
	jobSweep = "intel.share-all"
	jobSeal  = "intel.seal"
)

// Jobs is the room's background work.
func (s *Service) Jobs() []jobs.Def {
	return append(append(s.inboxJobs(), s.unmergeJobs()...), []jobs.Def{
		{Kind: jobShare, Timeout: 30 * time.Minute, Run: func(ctx context.Context, t *jobs.Task) error {
			var e EventPublished
			if err := t.Decode(&e); err != nil {
				return err
			}
			return s.sharing.do(ctx, func() error { return s.shareEvent(ctx, e.ID) })
		}},
		{Kind: jobSweep, Every: 10 * time.Minute, Timeout: 30 * time.Minute, Run: func(ctx context.Context, _ *jobs.Task) error {
			return errors.Join(s.shareSince(ctx, patient{ctx}, 0), s.collectEvery(ctx))
		}},
		s.collectJob(),
		s.mergeJob(),
		{Kind: jobSeal, Every: 24 * time.Hour, Timeout: 30 * time.Minute, Run: dataCells(s.vault).SealOld(s.db)},
	}...)
}

// Subscriptions are the events that the room's own jobs hear of.
func Subscriptions() []jobs.Subscription {
	return []jobs.Subscription{{Event: EventPublished{}.EventType(), Kind: jobShare}}
}

// turnstile lets one conversion run at a time: they would only redo each other's
// work. What it knows is used by the one inside only.
type turnstile struct {
	turn  chan struct{}
	swept bool            // this process has looked through all events
	sick  map[int64]int64 // when an event could not be converted, µs
}

func newTurnstile() *turnstile {
	return &turnstile{turn: make(chan struct{}, 1), sick: map[int64]int64{}}
}

// patient is a context that is not in a hurry: a job has a deadline too.
type patient struct{ context.Context }

func (patient) Deadline() (time.Time, bool) { return time.Time{}, false }

// do runs fn when it is its turn; wait ends the waiting, not fn.
func (t *turnstile) do(wait context.Context, fn func() error) error {
	select {
	case t.turn <- struct{}{}:
	case <-wait.Done():
		return wait.Err()
	}
	defer func() { <-t.turn }()
	return fn()
}

const (
	behind   = 15 * 60 * 1e6 // µs that a reader looks back for events not converted yet; the job looks at all
	respite  = 10 * 60 * 1e6 // µs for which readers leave an event alone that could not be converted
	patience = 5 * time.Second
)

// catchUp converts what was published before this moment, so that whoever reads
// right after publishing finds it. After some seconds it begins no further event
// and waits for none: what is left comes later, with later dates of addition. An
// event that cannot be converted keeps nobody from reading; the job tells of it.
func (s *Service) catchUp(ctx context.Context) error {
	wait, stop := context.WithTimeout(ctx, patience)
	defer stop()
	since := int64(0)
	_ = s.sharing.do(wait, func() error {
		if !s.sharing.swept {
			return nil
		}
		return s.db.View(ctx, func(tx *store.Tx) error {
			last, err := lastConverted(ctx, tx)
			since = max(0, last-behind)
			return err
		})
	})
	_ = s.shareSince(ctx, wait, since)
	return ctx.Err()
}

// shareSince converts the events that have changed since then, each in its turn;
// wait ends it before the next one. A caller who does not wait for ever passes
// over events that failed lately. The first error does not keep the others back.
func (s *Service) shareSince(ctx, wait context.Context, since int64) (first error) {
	var ids []int64
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		ids, err = unconverted(ctx, tx, since)
		return err
	})
	if err != nil {
		return err
	}
	_, hurried := wait.Deadline()
	for _, id := range ids {
		if wait.Err() != nil {
			return errors.Join(first, wait.Err())
		}
		err := s.sharing.do(wait, func() error {
			now := s.db.Clock.Now().UnixMicro()
			if at, ok := s.sharing.sick[id]; ok && hurried && now-at < respite {
				return nil
			}
			err := s.shareEvent(ctx, id)
			if delete(s.sharing.sick, id); err != nil && ctx.Err() == nil && !errors.Is(err, errMoved) {
				s.sharing.sick[id] = now
			}
			return err
		})
		first = cmp.Or(first, err)
	}
	if since == 0 {
		_ = s.sharing.do(wait, func() error { s.sharing.swept = true; return nil })
	}
	return first
}
