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

const notNewerKey = "intel.fault.not-newer"

// EditEvent merges a document into the event named by id or UUID (spec misp
// §5.1): fields that did not come are kept, but an absent published means
// unpublish; attributes and objects are found by UUID, changed when newer, added
// when unknown, left alone when they belong to another event; tags add up, one
// marked deleted is taken off. Who may: the right to edit it. Faults: NotFound,
// Denied, Conflict "intel.fault.not-newer" when the document's timestamp is not
// newer than what is here.
func (s *Service) EditEvent(ctx context.Context, who ident.Actor, event string, src Source, opt AddOptions) (saved Saved, err error) {
	if err := mayWrite(who); err != nil {
		return saved, err
	}
	var l *loader
	err = src(func(it misp.Item) (err error) {
		switch it.Kind {
		case misp.ItemStart:
			if l != nil {
				return fault.New(fault.Invalid, "more than one event").WithKey("intel.fault.one-event")
			}
			l = s.newLoader(who, opt, it.Event)
			l.editing, l.exists = event, true
		case misp.ItemAttribute:
			l.saved.Attributes.Read++
			err = l.take(ctx, func(d *draft) { d.attribute(it.Attribute) })
		case misp.ItemObject:
			l.saved.Objects.Read++
			l.saved.Attributes.Read += int64(len(it.Object.Attribute))
			err = l.take(ctx, func(d *draft) { d.object(it.Object) })
		case misp.ItemEnd:
			err = l.finish(ctx)
			saved = l.saved
		}
		return err
	})
	return saved, err
}

// merge is the work of one edit.
type merge struct {
	l       *loader
	verb    string
	now     int64 // µs
	act     int64 // µs: the moment of the act of which this is a further piece; 0 = of its own
	changed bool
	over    bool  // an equal attribute is written over
	news    draft // what is added
	refs    []Reference
	past    journal
}

// edit merges the draft into the event that is here.
func (l *loader) edit(ctx context.Context, tx *store.Tx) error {
	if err := mayRenew(ctx, tx, l.who, l.event, l.opt.From); err != nil {
		return err
	}
	if l.event.Locked { // what a peer brings of an organisation that is not wanted any more
		if err := admitOrigin(ctx, tx, l.event.Origin); err != nil {
			return err
		}
	}
	if err := stale(l.event, l.opt.Version); err != nil {
		return err
	}
	if l.head.Timestamp.Given() && l.head.Timestamp.V <= l.event.Timestamp {
		return fault.New(fault.Conflict, "event %d is here with timestamp %d, %d came", l.event.ID, l.event.Timestamp, l.head.Timestamp.V).
			WithKey(notNewerKey)
	}
	if err := l.guard(ctx, tx); err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	l.saved.ID, l.saved.UUID = l.event.ID, l.event.UUID
	l.aud, l.hoping = audiences{who: l.who, owner: l.event.Owner.ID}, false
	m := &merge{l: l, verb: "event.edit", now: now, news: draft{db: l.s.db, eventID: l.event.ID}}
	before := l.event
	if err := m.header(ctx, tx); err != nil {
		return err
	}
	m.changed = headerDiffers(before, l.event)
	if err := m.children(ctx, tx); err != nil {
		return err
	}
	if err := m.tags(ctx, tx, l.event.at(), tagNames(l.head.Tag, l.head.EventTag, l.head.Galaxy)); err != nil {
		return err
	}
	n, err := l.reports(ctx, tx, &m.past)
	if err != nil {
		return err
	}
	fresh, err := m.fresher(ctx, tx)
	if err != nil {
		return err
	}
	keys, err := l.keys(ctx, tx)
	if err != nil {
		return err
	}
	if m.changed = m.changed || n > 0 || fresh || keys; !m.changed {
		l.saved.State = "unchanged"
		if before.Locked && namesOrigin(l.who) && l.event.Timestamp > before.Timestamp {
			// or a peer's index would call it newer, and it would be fetched, for ever
			if _, err := tx.Exec(ctx, redateEvent, l.event.ID, l.event.Timestamp); err != nil {
				return err
			}
		}
		if err := m.past.keep(ctx, tx, l.who, &before, &before, m.now); err != nil { // local tags change none either
			return err
		}
		return l.keepSaid(ctx, tx) // analyst data changes no event
	}
	return m.end(ctx, tx, before)
}

// mayRenew is mayChange, also for what nobody in person made and came from where this comes from.
func mayRenew(ctx context.Context, tx *store.Tx, who ident.Actor, e Event, from Origin) error {
	err := mayChange(who, e)
	if err == nil || from.Ref == 0 || who.Kind != ident.System || who.Person != 0 || e.Creator != 0 || e.Origin.ID != who.Org {
		return err
	}
	list, fail := store.All(ctx, tx, scanOrigin, originsOf, e.ID)
	if slices.ContainsFunc(list, func(o Origin) bool { return o.Kind == from.Kind && o.Ref == from.Ref }) {
		err = nil
	}
	return errors.Join(fail, err)
}

// fresher tells whether the document adds a part that is not here yet.
func (m *merge) fresher(ctx context.Context, tx *store.Tx) (bool, error) {
	if m.news.size() > 0 || len(m.news.objects) > 0 {
		return true, nil
	}
	var uuids []string
	for _, r := range m.refs {
		uuids = append(uuids, r.UUID)
	}
	have, err := known(ctx, tx, "intel_reference", uuids)
	return len(have) < len(uuids), err
}

// header takes the fields that came.
func (m *merge) header(ctx context.Context, tx *store.Tx) error {
	l, e := m.l, &m.l.event
	err := fillHeader(e, l.head, m.now)
	if err != nil {
		return err
	}
	if l.head.ExtendsUUID.Given() {
		if e.ExtendsUUID, err = extended(ctx, tx, l.who, e.ExtendsUUID); err != nil {
			return err
		}
	}
	if l.head.Distribution.Given() || l.head.SharingGroupID.Given() || l.head.SharingGroup != nil {
		h := *l.head
		if !h.Distribution.Given() {
			h.Distribution = misp.N(int64(e.Distribution))
		}
		if !h.SharingGroupID.Given() {
			h.SharingGroupID = misp.N(e.Group)
		}
		if e.Distribution, e.Group, e.Audience, err = l.aud.event(ctx, tx, &h); err != nil {
			return err
		}
	}
	e.Published = (l.head.Published.Or(false) || l.opt.Publish) && mayPublish(l.who)
	return nil
}

// headerDiffers compares what an edit may change; the timestamp alone is no change.
func headerDiffers(a, b Event) bool {
	return a.Info != b.Info || a.Date != b.Date || a.Threat != b.Threat || a.Analysis != b.Analysis || a.Published != b.Published ||
		a.Distribution != b.Distribution || a.Group != b.Group || a.NoCorrelation != b.NoCorrelation || a.ProposalLock != b.ProposalLock ||
		a.ExtendsUUID != b.ExtendsUUID || a.IsProtected() != b.IsProtected()
}

// children sorts attributes and objects into changed, added and left alone.
func (m *merge) children(ctx context.Context, tx *store.Tx) error {
	d := m.l.draft
	for _, a := range d.attrs {
		a.EventID = m.l.event.ID
	}
	if err := m.attributes(ctx, tx, d.attrs); err != nil {
		return err
	}
	var uuids []string
	for i := range d.objects {
		uuids = append(uuids, given1(d.objects[i].UUID, d.objects[i].given))
	}
	have, err := known(ctx, tx, "intel_object", nonEmpty(uuids))
	if err != nil {
		return err
	}
	var ids []int64
	for _, v := range have {
		ids = append(ids, v[0])
	}
	stored, err := storedObjects(ctx, tx, m.l.event.ID, ids)
	if err != nil {
		return err
	}
	for i := range d.objects {
		o := &d.objects[i]
		o.EventID = m.l.event.ID
		for j := range o.Attributes {
			o.Attributes[j].EventID = o.EventID
		}
		if err := m.object(ctx, tx, o, have, stored); err != nil {
			return err
		}
	}
	return nil
}

func (m *merge) object(ctx context.Context, tx *store.Tx, o *Object, have map[string][2]int64, stored map[int64]*Object) error {
	at, known := have[o.UUID]
	if !known {
		m.news.objects = append(m.news.objects, *o)
		return nil
	}
	old := stored[at[0]]
	if old == nil { // another event's
		m.l.saved.Objects.Refused++
		return nil
	}
	for j := range o.Attributes {
		o.Attributes[j].ObjectID = old.ID
	}
	for j := range o.References {
		o.References[j].ObjectID, o.References[j].EventID = old.ID, old.EventID
	}
	m.refs = append(m.refs, o.References...)
	if err := m.attributes(ctx, tx, pointers(o.Attributes)); err != nil {
		return err
	}
	changed, err := m.applyObject(ctx, tx, old, o)
	if changed {
		m.l.saved.Objects.Updated++
	} else {
		m.l.saved.Objects.Unchanged++
	}
	return err
}

// applyObject puts the fields that came into the stored object; soft deletion
// takes its attributes along.
func (m *merge) applyObject(ctx context.Context, tx *store.Tx, old, o *Object) (bool, error) {
	if o.given.has(gTimestamp) && o.Timestamp <= old.Timestamp {
		return false, nil
	}
	was := *old
	if o.given.has(gComment) {
		old.Comment = o.Comment
	}
	if o.given.has(gDeleted) {
		old.Deleted = o.Deleted
	}
	if o.given.has(gSeen) {
		old.FirstSeen, old.LastSeen = o.FirstSeen, o.LastSeen
	}
	if o.given.has(gDistribution) {
		old.Distribution, old.Group = o.Distribution, o.Group
		if err := m.l.aud.child(ctx, tx, &old.Distribution, &old.Group, &old.audience); err != nil {
			return false, err
		}
	}
	if old.Comment == was.Comment && old.Deleted == was.Deleted && equalSeen(old.FirstSeen, was.FirstSeen) &&
		equalSeen(old.LastSeen, was.LastSeen) && old.Distribution == was.Distribution && old.Group == was.Group {
		return false, nil
	}
	old.Timestamp = m.now / 1e6
	if o.given.has(gTimestamp) {
		old.Timestamp = o.Timestamp
	}
	m.l.event.ownAudiences += one(old.audience != nil) - one(was.audience != nil)
	m.changed = true
	m.past.object(&was, old)
	if err := rewriteObject(ctx, tx, old); err != nil {
		return true, err
	}
	if old.Deleted && !was.Deleted {
		n, err := m.dropAttributes(ctx, tx, old.ID, old.Timestamp, false)
		m.l.event.Attributes -= n
		return true, err
	}
	return true, nil
}

// attributes merges a list that stands in one place (no object, or one that is here).
func (m *merge) attributes(ctx context.Context, tx *store.Tx, list []*Attribute) error {
	var uuids []string
	for _, a := range list {
		uuids = append(uuids, given1(a.UUID, a.given))
	}
	have, err := known(ctx, tx, "intel_attribute", nonEmpty(uuids))
	if err != nil {
		return err
	}
	var ids []int64
	for _, v := range have {
		if v[1] == m.l.event.ID {
			ids = append(ids, v[0])
		}
	}
	stored, err := storedAttributes(ctx, tx, m.l.event.ID, ids)
	if err != nil {
		return err
	}
	for _, a := range list {
		at, known := have[a.UUID]
		if !known {
			err = m.fresh(ctx, tx, a)
		} else if old := stored[at[0]]; old == nil {
			m.l.saved.Attributes.Refused++ // another event's: ignored silently
		} else {
			err = m.apply(ctx, tx, old, a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fresh notes an attribute that is not here yet; one without a UUID that equals
// another is that other.
func (m *merge) fresh(ctx context.Context, tx *store.Tx, a *Attribute) error {
	if !a.given.has(gUUID) {
		id, err := twin(ctx, tx, a)
		if err != nil {
			return err
		}
		if id != 0 {
			m.l.saved.Attributes.Unchanged++
			return nil
		}
	}
	b := *a // the document stays as it came: the transaction may run again
	m.news.attrs = append(m.news.attrs, &b)
	return nil
}

// apply puts the fields that came into the stored attribute when they are newer.
func (m *merge) apply(ctx context.Context, tx *store.Tx, old, a *Attribute) error {
	if a.given.has(gTimestamp) && a.Timestamp <= old.Timestamp {
		m.l.saved.Attributes.Unchanged++
		return nil
	}
	was := *old
	if bad := old.takeFrom(a); bad != nil {
		m.l.saved.Attributes.Refused++
		return nil
	}
	if a.given.has(gDistribution) {
		old.Distribution, old.Group = a.Distribution, a.Group
		if err := m.l.aud.child(ctx, tx, &old.Distribution, &old.Group, &old.audience); err != nil {
			return err
		}
	}
	before := m.changed
	m.changed = false
	if err := m.tags(ctx, tx, was.at(), a.tags); err != nil {
		return err
	}
	tagged := m.changed
	m.changed = before
	if !tagged && len(a.data) == 0 && !old.differs(&was) {
		m.l.saved.Attributes.Unchanged++
		return nil
	}
	m.changed = true
	m.l.saved.Attributes.Updated++
	old.Timestamp = m.now / 1e6
	if a.given.has(gTimestamp) {
		old.Timestamp = a.Timestamp
	}
	m.l.event.ownAudiences += one(old.audience != nil) - one(was.audience != nil)
	m.l.event.Attributes += one(was.Deleted) - one(old.Deleted)
	m.past.attribute(&was, old)
	if err := rewriteAttribute(ctx, tx, old); err != nil {
		return err
	}
	return copyData(ctx, tx, m.l.s.vault, []*Attribute{old})
}

// takeFrom copies the fields that came. Type and value are checked together.
func (a *Attribute) takeFrom(b *Attribute) *misp.Invalid {
	if b.given.has(gType) {
		a.Type = b.Type
	}
	if b.given.has(gCategory) {
		a.Category = b.Category
	}
	if b.given.has(gType) || b.given.has(gCategory) {
		if _, bad := misp.CheckType(a.Category, a.Type); bad != nil {
			return bad
		}
	}
	if b.given.has(gValue) || b.given.has(gType) {
		v := a.Value
		if b.given.has(gValue) {
			v = b.Value
		}
		if bad := a.setValue(v); bad != nil {
			return bad
		}
	}
	if b.given.has(gRelation) {
		a.Relation = b.Relation
	}
	if b.given.has(gComment) {
		a.Comment = b.Comment
	}
	if b.given.has(gToIDS) {
		a.ToIDS = b.ToIDS
	}
	if b.given.has(gDeleted) {
		a.Deleted = b.Deleted
	}
	if b.given.has(gNoCorrelation) {
		a.NoCorrelation = b.NoCorrelation
	}
	if b.given.has(gSeen) {
		a.FirstSeen, a.LastSeen = b.FirstSeen, b.LastSeen
	}
	if len(b.data) > 0 {
		a.data, a.DataSize = b.data, b.DataSize
	}
	return nil
}

func (a *Attribute) differs(b *Attribute) bool {
	return a.Type != b.Type || a.Category != b.Category || a.Value != b.Value || a.Relation != b.Relation || a.Comment != b.Comment ||
		a.ToIDS != b.ToIDS || a.Deleted != b.Deleted || a.NoCorrelation != b.NoCorrelation || a.Distribution != b.Distribution ||
		a.Group != b.Group || !equalSeen(a.FirstSeen, b.FirstSeen) || !equalSeen(a.LastSeen, b.LastSeen)
}

func equalSeen(a, b *int64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// tags attaches what came and detaches what came marked as deleted.
func (m *merge) tags(ctx context.Context, tx *store.Tx, at entry, list []tagName) error {
	attribute := at.thing
	if at.kind == ChangedEvent {
		attribute = 0
	}
	for _, t := range list {
		id, err := m.l.aud.tag(ctx, tx, t)
		if err != nil {
			return err
		}
		if id == 0 {
			continue
		}
		var n int64
		if t.remove {
			n, err = tx.Exec(ctx, detachTag, m.l.event.ID, attribute, id)
		} else {
			n, err = tx.Exec(ctx, attachTag, tx.DB().NewID(), id, m.l.event.ID, attribute, t.local, t.relationship)
		}
		if err == nil && n > 0 {
			err = m.past.tagOf(ctx, tx, at, id, !t.remove)
		}
		if err != nil {
			return err
		}
		m.changed = m.changed || n > 0 && !t.local
	}
	return nil
}

// end writes what is new, the event's row, the audit line.
func (m *merge) end(ctx context.Context, tx *store.Tx, before Event) error {
	l := m.l
	if err := l.write(ctx, tx, &m.news); err != nil {
		return err
	}
	if err := writeReferences(ctx, tx, append(l.refs, m.refs...)); err != nil {
		return err
	}
	e := &l.event
	if !l.head.Timestamp.Given() {
		e.Timestamp = max(m.now/1e6, before.Timestamp)
	}
	e.Changed = m.now
	if e.Published && !l.head.PublishTimestamp.Given() {
		e.PublishTimestamp = m.now / 1e6
	}
	names, err := store.All(ctx, tx, store.ScanString, eventTagList, e.ID)
	if err != nil {
		return err
	}
	e.TLP, e.PAP = labels(names)
	if err := l.labelled(ctx, tx, before.PublishTimestamp); err != nil {
		return err
	}
	if err := settle(ctx, tx, l.who, before, e); err != nil {
		return err
	}
	if err := rewriteEvent(ctx, tx, *e); err != nil {
		return err
	}
	if err := m.journal(ctx, tx, &before); err != nil {
		return err
	}
	if err := l.keepSaid(ctx, tx); err != nil {
		return err
	}
	if err := announce(ctx, tx, *e, m.news.size(), e.Published); err != nil {
		return err
	}
	l.saved.State = "updated"
	if err := l.also(ctx, tx); err != nil {
		return err
	}
	return l.s.log.Record(ctx, tx, l.who, m.verb, thing(*e), map[string]any{"created": l.saved.Attributes.Created,
		"updated": l.saved.Attributes.Updated, "objects": l.saved.Objects.Created + l.saved.Objects.Updated, "published": e.Published})
}
