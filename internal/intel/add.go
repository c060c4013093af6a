package intel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/kernel/access"
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
	Org     int64 // whose event it is, when no organisation stands behind the caller (an importer)
	Publish bool  // publish it as well, if the caller may
	Upsert  bool  // an event that is here already is edited instead of refused
	// Once makes adding idempotent: the same caller with the same key gets the event
	// that was stored then (State "again"), whatever the document says now; "" = no key.
	Once string
	// Version is the Changed of the event that an edit was made for; another one
	// there now is Conflict "fault.conflict". 0 = whatever is there.
	Version int64
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
	came    span // ids of what is new
}

func (s *Service) newLoader(who ident.Actor, opt AddOptions, head *misp.Event) *loader {
	id := s.db.NewID()
	l := &loader{s: s, who: who, opt: opt, head: head, draft: newDraft(s.db, id), event: Event{ID: id}}
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
		err := l.s.db.Update(ctx, func(tx *store.Tx) error {
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
		}, store.InLane(store.Bulk))
		if err != nil || l.exists {
			return err
		}
		l.loading = true
	}
	d := l.draft
	for d.size() > 0 || len(d.objects) > 0 {
		part := d.cut(chunkRows)
		err := l.s.db.Update(ctx, func(tx *store.Tx) error {
			now, err := store.Now(ctx, tx)
			if err != nil {
				return err
			}
			if n, err := tx.Exec(ctx, beatEvent, l.event.ID, now); err != nil || n != 1 {
				return errors.Join(err, goneUnless(n == 1))
			}
			return l.write(ctx, tx, part)
		}, store.InLane(store.Bulk))
		if err != nil {
			return err
		}
		l.count(part)
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
	l.saved.Dropped, l.saved.Attributes.Refused = l.draft.dropped, int64(l.draft.refused)
	if l.loading {
		if err := l.flush(ctx); err != nil {
			return errors.Join(err, l.abandon(ctx))
		}
		err := l.s.db.Update(ctx, func(tx *store.Tx) error { return l.finishLoading(ctx, tx) }, store.InLane(store.Bulk))
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
	fresh, event, exists := l.saved, l.event, l.exists
	write := func() error {
		return l.s.db.Update(ctx, func(tx *store.Tx) error {
			l.saved, l.event, l.exists, l.refs, l.hash, l.came = fresh, event, exists, nil, nil, span{} // it may run again
			return l.wholeTx(ctx, tx)
		}, store.InLane(lane))
	}
	err := write()
	if store.IsUnique(err) { // somebody stored the same UUID at the same moment: now it is found
		err = write()
	}
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
	if err := writeEvent(ctx, tx, l.event, 0); err != nil {
		return err
	}
	if err := l.write(ctx, tx, l.draft); err != nil {
		return err
	}
	l.count(l.draft)
	l.saved.State = "created"
	return l.close(ctx, tx)
}

// existing tells whether the event is here. Faults: Conflict unless it may be edited.
func (l *loader) existing(ctx context.Context, tx *store.Tx) (bool, error) {
	if l.editing != "" {
		e, err := readEvent(ctx, tx, l.who, l.editing)
		l.exists, l.event = err == nil, e
		return true, err
	}
	uuid, ok := store.ParseUUID(strings.TrimSpace(l.head.UUID.Or("")))
	if !ok {
		if l.head.UUID.Or("") != "" {
			return false, fault.Field("uuid", "intel.fault.uuid", "the event's uuid is none")
		}
		return false, nil
	}
	var id, loading int64
	found, err := tx.Row(ctx, eventByUUID, []any{uuid}, &id, &loading)
	if err != nil || !found || id == l.event.ID {
		return false, err
	}
	seen, err := readEvent(ctx, tx, l.who, uuid)
	if fault.Is(err, fault.NotFound) {
		id = 0
	} else if err != nil {
		return false, err
	}
	if l.opt.Upsert && id != 0 {
		l.exists, l.event = true, seen
		return true, nil
	}
	return false, fault.New(fault.Conflict, "event %s exists", uuid).WithKey("intel.fault.event-exists", id)
}

// header fills the new event's columns from the document and who sends it.
func (l *loader) header(ctx context.Context, tx *store.Tx) error {
	h, e := l.head, &l.event
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	if e.UUID == "" {
		if e.UUID, _ = store.ParseUUID(strings.TrimSpace(h.UUID.Or(""))); e.UUID == "" {
			e.UUID = l.s.db.NewUUID()
		}
		l.saved.UUID = e.UUID
		if n, err := store.Int64(ctx, tx, blocked, e.UUID); err != nil || n == 1 {
			return errors.Join(err, blockedUnless(n != 1))
		}
	}
	if e.Owner, err = ownOrg(ctx, tx, l.opt.Org); err != nil {
		return err
	}
	e.Origin = e.Owner
	if h.Orgc != nil && h.Orgc.Name.Or("") != "" && namesOrigin(l.who) {
		uuid, _ := store.ParseUUID(h.Orgc.UUID.Or(""))
		if e.Origin, err = l.s.foreignOrg(ctx, tx, l.who, uuid, h.Orgc.Name.V); err != nil {
			return err
		}
	}
	if err := admitOrigin(ctx, tx, e.Origin); err != nil {
		return err
	}
	e.Creator, e.Changed = l.who.Person, now
	if e.Created == 0 {
		e.Created = now
	}
	if err := fillHeader(e, h, now); err != nil {
		return err
	}
	e.Published = (h.Published.Or(false) || l.opt.Publish) && mayPublish(l.who)
	if e.Published && e.PublishTimestamp == 0 {
		e.PublishTimestamp = now / 1e6
	}
	e.Locked = h.Locked.Or(false) && namesOrigin(l.who)
	var names []string
	for _, t := range tagNames(h.Tag, h.EventTag, h.Galaxy) {
		names = append(names, t.name)
	}
	e.TLP, e.PAP = labels(names)
	l.aud = audiences{who: l.who, owner: e.Owner.ID}
	if e.Distribution, e.Group, e.Audience, err = l.aud.event(ctx, tx, h); err != nil {
		return err
	}
	return settle(ctx, tx, l.who, Event{}, e)
}

func blockedUnless(ok bool) error {
	if ok {
		return nil
	}
	return fault.New(fault.Denied, "the event is on the block list").WithKey("intel.fault.blocked")
}

// namesOrigin: who may say that somebody else made an event.
func namesOrigin(who ident.Actor) bool { return access.Allowed(who, "misp.sync") || seesAll(who) }

func mayPublish(who ident.Actor) bool {
	return !who.ReadOnly && (access.Allowed(who, "intel.publish") || onWire(who) && access.Allowed(who, "misp.publish"))
}

// fillHeader checks and takes the plain fields. Faults: Invalid.
func fillHeader(e *Event, h *misp.Event, now int64) error {
	var c fault.Collector
	e.Info = plain(strings.TrimSpace(h.Info.Or(e.Info)))
	c.Require(e.Info != "" && len(e.Info) <= textLimit64, "info", "intel.fault.info")
	e.Date = h.Date.Or(e.Date)
	if e.Date == "" {
		e.Date = time.UnixMicro(now).UTC().Format(time.DateOnly)
	}
	if at, err := time.Parse(time.DateOnly, strings.TrimSpace(e.Date)); err == nil {
		e.Date = at.Format(time.DateOnly)
	} else {
		c.Add("date", "intel.fault.date")
	}
	if e.Timestamp == 0 {
		e.Threat, e.Timestamp = 4, now/1e6
	}
	e.Threat = int(h.ThreatLevelID.Or(int64(e.Threat)))
	c.Require(e.Threat >= 1 && e.Threat <= 4, "threat_level_id", "intel.fault.threat")
	e.Analysis = int(h.Analysis.Or(int64(e.Analysis)))
	c.Require(e.Analysis >= 0 && e.Analysis <= 2, "analysis", "intel.fault.analysis")
	e.Timestamp = instant(h.Timestamp, e.Timestamp)
	e.PublishTimestamp = instant(h.PublishTimestamp, e.PublishTimestamp)
	e.SightingTimestamp = instant(h.SightingTimestamp, e.SightingTimestamp)
	e.NoCorrelation = h.DisableCorrelation.Or(e.NoCorrelation)
	e.ProposalLock = h.ProposalEmailLock.Or(e.ProposalLock)
	e.ExtendsUUID = short(h.ExtendsUUID.Or(e.ExtendsUUID))
	if h.Protected.Given() {
		v := h.Protected.V
		e.Protected = &v
	}
	return c.Err("the event's header")
}

// write inserts a part: objects, attributes, their data and tags. Rows whose
// UUID is taken are dropped, as MISP does with invalid parts of an event.
func (l *loader) write(ctx context.Context, tx *store.Tx, part *draft) error {
	objects, rows, err := l.place(ctx, tx, part)
	if err != nil {
		return err
	}
	if _, err := tx.CopyIn(ctx, "intel_object", objectColumns, columnsOf(objects)); err != nil {
		return err
	}
	if err := copyAttributes(ctx, tx, rows); err != nil {
		return err
	}
	if err := copyData(ctx, tx, rows); err != nil {
		return err
	}
	var uses []tagging
	sum := sha256.New()
	sum.Write(l.hash)
	for _, o := range objects {
		l.came.take(o.ID)
	}
	for _, a := range rows {
		l.came.take(a.ID)
		fmt.Fprintf(sum, "%s|%d\n", a.UUID, a.Timestamp)
		for _, t := range a.tags {
			id, err := l.aud.tag(ctx, tx, t)
			if err != nil {
				return err
			}
			if id != 0 && !t.remove {
				uses = append(uses, tagging{id, l.event.ID, a.ID, t.local, t.relationship})
			}
		}
	}
	l.hash = sum.Sum(nil)
	return copyTaggings(ctx, tx, uses)
}

const takenUUID = "The UUID provided is not unique."

// place resolves audiences and UUIDs of a part's rows and lists those that go in.
func (l *loader) place(ctx context.Context, tx *store.Tx, part *draft) (objects []*Object, rows []*Attribute, err error) {
	var uuids, objectUUIDs []string
	for i := range part.objects {
		o := &part.objects[i]
		objectUUIDs = append(objectUUIDs, given1(o.UUID, o.given))
		for j := range o.Attributes {
			uuids = append(uuids, given1(o.Attributes[j].UUID, o.Attributes[j].given))
		}
	}
	for i := range part.attrs {
		uuids = append(uuids, given1(part.attrs[i].UUID, part.attrs[i].given))
	}
	taken, err := known(ctx, tx, "intel_attribute", nonEmpty(uuids))
	if err != nil {
		return nil, nil, err
	}
	takenObjects, err := known(ctx, tx, "intel_object", nonEmpty(objectUUIDs))
	if err != nil {
		return nil, nil, err
	}
	put := func(a *Attribute) error {
		if _, twice := taken[a.UUID]; twice {
			part.drop(a.UUID, "uuid", takenUUID)
			return nil
		}
		taken[a.UUID] = [2]int64{}
		if err := l.aud.child(ctx, tx, &a.Distribution, &a.Group, &a.audience); err != nil {
			return err
		}
		l.event.ownAudiences += one(a.audience != nil)
		if !a.Deleted {
			l.event.Attributes++
		}
		rows = append(rows, a)
		return nil
	}
	for i := range part.attrs {
		if err := put(&part.attrs[i]); err != nil {
			return nil, nil, err
		}
	}
	for i := range part.objects {
		o := &part.objects[i]
		if _, twice := takenObjects[o.UUID]; twice {
			part.drop(o.UUID, "uuid", takenUUID)
			continue
		}
		takenObjects[o.UUID] = [2]int64{}
		if err := l.aud.child(ctx, tx, &o.Distribution, &o.Group, &o.audience); err != nil {
			return nil, nil, err
		}
		l.event.ownAudiences += one(o.audience != nil)
		objects = append(objects, o)
		for j := range o.Attributes {
			if err := put(&o.Attributes[j]); err != nil {
				return nil, nil, err
			}
		}
		l.refs = append(l.refs, o.References...)
	}
	return objects, rows, nil
}

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

func given1(uuid string, g given) string {
	if g.has(gUUID) {
		return uuid
	}
	return "" // ours, fresh: nobody has it
}

func nonEmpty(list []string) []string {
	out := list[:0]
	for _, v := range list {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

func (l *loader) count(part *draft) {
	l.saved.Attributes.Created += int64(part.size())
	l.saved.Objects.Created += int64(len(part.objects))
	if part != l.draft {
		l.saved.Attributes.Refused += int64(part.refused)
		l.saved.Attributes.Created -= int64(part.refused)
		l.saved.Dropped = append(l.saved.Dropped, part.dropped...)
	}
}

// finishLoading writes the whole header and makes the event visible.
func (l *loader) finishLoading(ctx context.Context, tx *store.Tx) error {
	if err := l.header(ctx, tx); err != nil {
		return err
	}
	return l.close(ctx, tx)
}

// close writes what needs the whole event: references, reports, the event's own
// tags, the counts, the audit line; and tells who listens.
func (l *loader) close(ctx context.Context, tx *store.Tx) error {
	if err := l.remember(ctx, tx); err != nil {
		return err
	}
	if err := writeReferences(ctx, tx, l.refs); err != nil {
		return err
	}
	if _, err := l.reports(ctx, tx, nil); err != nil {
		return err
	}
	var uses []tagging
	for _, t := range tagNames(l.head.Tag, l.head.EventTag, l.head.Galaxy) {
		id, err := l.aud.tag(ctx, tx, t)
		if err != nil {
			return err
		}
		if id != 0 && !t.remove {
			uses = append(uses, tagging{id, l.event.ID, 0, t.local, t.relationship})
		}
	}
	if err := copyTaggings(ctx, tx, uses); err != nil {
		return err
	}
	if err := rewriteEvent(ctx, tx, l.event); err != nil {
		return err
	}
	if err := l.keepSaid(ctx, tx); err != nil {
		return err
	}
	l.saved.ID, l.saved.UUID = l.event.ID, l.event.UUID
	if err := announce(ctx, tx, l.event, int(l.event.Attributes), l.event.Published); err != nil {
		return err
	}
	l.saved.State = "created"
	if err := l.arrived(ctx, tx); err != nil {
		return err
	}
	if err := l.also(ctx, tx); err != nil {
		return err
	}
	return l.s.log.Record(ctx, tx, l.who, "event.add", thing(l.event), map[string]any{
		"attributes": l.event.Attributes, "objects": l.saved.Objects.Read, "hash": hex.EncodeToString(l.hash)})
}

// keepSaid hands over the analyst data that came with the event and its parts.
func (l *loader) keepSaid(ctx context.Context, tx *store.Tx) error {
	if l.s.said == nil {
		return nil
	}
	d := draft{said: l.draft.said}
	d.say("Event", l.event.UUID, l.head.Note, l.head.Opinion, l.head.Relationship)
	for i := range l.head.EventReport {
		w := &l.head.EventReport[i]
		if uuid, ok := store.ParseUUID(w.UUID.Or("")); ok {
			d.say("EventReport", uuid, w.Note, w.Opinion, w.Relationship)
		}
	}
	return l.s.said.CaptureTx(ctx, tx, l.who, l.event.ID, d.said)
}

func (l *loader) also(ctx context.Context, tx *store.Tx) error {
	if l.opt.Also == nil {
		return nil
	}
	return l.opt.Also(ctx, tx, l.saved)
}

// reports adds or replaces the event's reports and counts those that changed.
func (l *loader) reports(ctx context.Context, tx *store.Tx, past *journal) (changed int64, err error) {
	for i := range l.head.EventReport {
		w := &l.head.EventReport[i]
		r := Report{ID: l.s.db.NewID(), EventID: l.event.ID, Name: short(w.Name.Or("")), Content: plain(w.Content.Or("")), Deleted: w.Deleted.Or(false),
			Distribution: Distribution(w.Distribution.Or(int64(OwnOrg))), Group: w.SharingGroupID.Or(0), Timestamp: instant(w.Timestamp, l.draft.now)}
		var ok bool
		if r.UUID, ok = uuidOr(l.s.db, w.UUID); !ok || r.Name == "" || len(r.Content) > reportLimit {
			continue
		}
		if err := l.aud.child(ctx, tx, &r.Distribution, &r.Group, &r.audience); err != nil {
			return changed, err
		}
		old, known := Report{}, false
		if past != nil {
			if old, known, err = reportOf(ctx, tx, r.EventID, r.UUID); err != nil {
				return changed, err
			}
		}
		n, err := writeReport(ctx, tx, r)
		if err != nil {
			return changed, err
		}
		if changed += n; n > 0 && known {
			past.report(&old, &r)
		} else if n > 0 {
			l.came.take(r.ID)
		}
	}
	return changed, nil
}

// abandon takes a half-loaded event away again.
func (l *loader) abandon(ctx context.Context) error {
	if !l.loading {
		return nil
	}
	return l.s.removeLoading(context.WithoutCancel(ctx), l.event.ID)
}
