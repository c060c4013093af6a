package intel

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"straza/internal/format/misp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// change runs one act on the children of an event that who may edit: the event's
// timestamp, published flag, counts and the audit line follow in the same
// transaction. Nothing is written when nothing changed.
func (s *Service) change(ctx context.Context, who ident.Actor, event, verb string, fn func(tx *store.Tx, m *merge) error) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		return s.changeTx(ctx, tx, who, event, verb, fn)
	})
}

func (s *Service) changeTx(ctx context.Context, tx *store.Tx, who ident.Actor, event, verb string, fn func(tx *store.Tx, m *merge) error) error {
	e, err := readEvent(ctx, tx, who, event)
	if err != nil {
		return err
	}
	if err := mayEdit(who, e); err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	l := s.newLoader(who, AddOptions{}, &misp.Event{})
	l.event, l.aud = e, audiences{who: who, owner: e.Owner.ID}
	l.draft = newDraft(s.db, e.ID)
	m := &merge{l: l, verb: verb, now: now, news: draft{db: s.db, eventID: e.ID}}
	if err := fn(tx, m); err != nil {
		return err
	}
	if !m.changed && m.news.size() == 0 && len(m.news.objects) == 0 && len(m.refs) == 0 {
		return m.past.keep(ctx, tx, who, &e, &e, now) // local tags at most
	}
	l.event.Published = false
	return m.end(ctx, tx, e)
}

// Refused is why one element of a list was not stored: field → MISP's sentence.
type Refused map[string][]string

func refuse(bad *misp.Invalid) Refused { return Refused{bad.Field: {bad.Text}} }

var similar = &misp.Invalid{Field: "value", Text: "A similar attribute already exists for this event."}

// AddAttributes adds attributes to an event: a good one goes in though its
// neighbour is refused. Both answers are as long as list: what was stored (ID 0
// where refused) and why not (nil where stored). With update an equal one that is
// here is returned instead of refused. Who may: the right to edit the event.
func (s *Service) AddAttributes(ctx context.Context, who ident.Actor, event string, list []misp.Attribute, update bool) (out []Attribute, refused []Refused, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		out, refused, err = s.AddAttributesTx(ctx, tx, who, event, list, update)
		return err
	})
	return out, refused, err
}

// AddAttributesTx is AddAttributes within an act of the caller's.
func (s *Service) AddAttributesTx(ctx context.Context, tx *store.Tx, who ident.Actor, event string, list []misp.Attribute, update bool) (out []Attribute, refused []Refused, err error) {
	err = s.changeTx(ctx, tx, who, event, "attribute.add", func(tx *store.Tx, m *merge) error {
		out, refused = make([]Attribute, len(list)), make([]Refused, len(list))
		return m.add(ctx, tx, list, update, out, refused)
	})
	return out, refused, err
}

// PutAttributes is AddAttributes where an equal one that is here is written over by what
// comes, under its id: what was not sent is as in a new one, except who sees it.
func (s *Service) PutAttributes(ctx context.Context, who ident.Actor, event string, list []misp.Attribute) (out []Attribute, refused []Refused, err error) {
	err = s.change(ctx, who, event, "attribute.add", func(tx *store.Tx, m *merge) error {
		out, refused, m.over = make([]Attribute, len(list)), make([]Refused, len(list)), true
		return m.add(ctx, tx, list, true, out, refused)
	})
	return out, refused, err
}

func (m *merge) add(ctx context.Context, tx *store.Tx, list []misp.Attribute, update bool, out []Attribute, refused []Refused) error {
	taken := map[string]bool{}
	for i := range list {
		a, bad := m.l.draft.row(&list[i])
		if bad == nil {
			a.EventID = m.l.event.ID
			have, err := known(ctx, tx, "intel_attribute", nonEmpty([]string{given1(a.UUID, a.given)}))
			if err != nil {
				return err
			}
			if len(have) > 0 || taken[a.UUID] {
				bad = &misp.Invalid{Field: "uuid", Text: takenUUID}
			}
			taken[a.UUID] = true
		}
		if bad == nil {
			id, err := twin(ctx, tx, &a)
			if err != nil {
				return err
			}
			if id != 0 && update {
				have, err := storedAttributes(ctx, tx, a.EventID, []int64{id})
				if err != nil {
					return err
				}
				if m.over {
					if err := m.instead(ctx, tx, have[id], a); err != nil {
						return err
					}
				}
				out[i] = *have[id]
				continue
			}
			if id != 0 || m.holds(&a) {
				bad = similar
			}
		}
		if bad != nil {
			refused[i] = refuse(bad)
			continue
		}
		if err := m.l.aud.child(ctx, tx, &a.Distribution, &a.Group, &a.audience); err != nil {
			return err
		}
		out[i] = a
		m.news.attrs = append(m.news.attrs, &a)
	}
	return nil
}

// instead puts a new row in the place of an equal one: what was not sent is as in a row
// that is new (measured), except who sees it.
func (m *merge) instead(ctx context.Context, tx *store.Tx, old *Attribute, a Attribute) error {
	a.given |= gComment | gToIDS | gNoCorrelation | gSeen
	return m.apply(ctx, tx, old, &a)
}

// holds tells whether an equal attribute is about to be added.
func (m *merge) holds(a *Attribute) bool {
	for _, b := range m.news.attrs {
		if b.key1 == a.key1 && b.Type == a.Type && b.Category == a.Category && b.Value == a.Value {
			return true
		}
	}
	return false
}

// EditAttribute changes the fields that came. Who may: the right to edit the
// event. Faults: NotFound (softly deleted ones included, unless the edit restores
// them), Conflict when not newer, Invalid.
func (s *Service) EditAttribute(ctx context.Context, who ident.Actor, ref string, w misp.Attribute) (Attribute, error) {
	err := s.db.Update(ctx, func(tx *store.Tx) error { return s.EditAttributeTx(ctx, tx, who, ref, w) })
	if err != nil {
		return Attribute{}, err
	}
	return s.Attribute(ctx, who, ref)
}

// EditAttributeTx is EditAttribute within an act of the caller's.
func (s *Service) EditAttributeTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string, w misp.Attribute) error {
	a, err := readAttribute(ctx, tx, who, ref)
	if err != nil {
		return err
	}
	return s.changeTx(ctx, tx, who, itoa(a.EventID), "attribute.edit", func(tx *store.Tx, m *merge) error {
		have, err := storedAttributes(ctx, tx, a.EventID, []int64{a.ID})
		if err != nil {
			return err
		}
		old := have[a.ID]
		if old == nil || old.Deleted && w.Deleted.Or(true) {
			return noAttribute(ref)
		}
		if w.Timestamp.Given() && w.Timestamp.V <= old.Timestamp {
			return fault.New(fault.Conflict, "attribute %d is newer here", a.ID).WithKey(notNewerKey)
		}
		full := overlay(old.Wire(), w)
		row, bad := m.l.draft.row(&full)
		if bad != nil {
			return fault.Field(bad.Field, "intel.fault.attribute", "%s", bad.Text)
		}
		row.given &^= gUUID
		if !w.Timestamp.Given() {
			row.given &^= gTimestamp
		}
		return m.apply(ctx, tx, old, &row)
	})
}

// overlay lays the fields of b that came over a.
func overlay(a, b misp.Attribute) misp.Attribute {
	texts := [][2]*misp.Text{{&a.Category, &b.Category}, {&a.Type, &b.Type}, {&a.Value, &b.Value}, {&a.Comment, &b.Comment},
		{&a.ObjectRelation, &b.ObjectRelation}, {&a.FirstSeen, &b.FirstSeen}, {&a.LastSeen, &b.LastSeen}, {&a.Data, &b.Data}}
	for _, t := range texts {
		if t[1].Is != misp.Absent {
			*t[0] = *t[1]
		}
	}
	for _, f := range [][2]*misp.Flag{{&a.ToIDS, &b.ToIDS}, {&a.Deleted, &b.Deleted}, {&a.DisableCorrelation, &b.DisableCorrelation}} {
		if f[1].Given() {
			*f[0] = *f[1]
		}
	}
	for _, n := range [][2]*misp.Int{{&a.Distribution, &b.Distribution}, {&a.SharingGroupID, &b.SharingGroupID}, {&a.Timestamp, &b.Timestamp}} {
		if n[1].Given() {
			*n[0] = *n[1]
		}
	}
	a.Tag, a.AttributeTag, a.Galaxy = b.Tag, b.AttributeTag, b.Galaxy
	a.Note, a.Opinion, a.Relationship = b.Note, b.Opinion, b.Relationship
	return a
}

// DeleteAttribute softly deletes (the row stays, marked, with a new timestamp),
// or removes for good with hard. Faults: NotFound, also when it is deleted already.
func (s *Service) DeleteAttribute(ctx context.Context, who ident.Actor, ref string, hard bool) (a Attribute, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		a, err = s.DeleteAttributeTx(ctx, tx, who, ref, hard)
		return err
	})
	return a, err
}

// DeleteAttributeTx is DeleteAttribute within an act of the caller's.
func (s *Service) DeleteAttributeTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string, hard bool) (Attribute, error) {
	a, err := readAttribute(ctx, tx, who, ref)
	if err != nil {
		return a, err
	}
	return a, s.changeTx(ctx, tx, who, itoa(a.EventID), "attribute.delete", func(tx *store.Tx, m *merge) error {
		have, err := storedAttributes(ctx, tx, a.EventID, []int64{a.ID})
		if err != nil {
			return err
		}
		old := have[a.ID]
		if old == nil || old.Deleted && !hard {
			return noAttribute(ref)
		}
		m.changed = true
		m.l.event.Attributes -= one(!old.Deleted)
		if hard {
			m.l.event.ownAudiences -= one(old.audience != nil)
			m.past.removed(ChangedAttribute, old.ID, old.UUID, old.audience, old.ObjectID, old.Type)
			return removeAttribute(ctx, tx, a.EventID, a.ID)
		}
		was := *old
		old.Deleted, old.Timestamp = true, max(m.now/1e6, old.Timestamp+1)
		m.past.attribute(&was, old)
		return rewriteAttribute(ctx, tx, old)
	})
}

// RestoreAttribute takes a soft deletion back.
func (s *Service) RestoreAttribute(ctx context.Context, who ident.Actor, ref string) (a Attribute, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		a, err = s.RestoreAttributeTx(ctx, tx, who, ref)
		return err
	})
	return a, err
}

// RestoreAttributeTx is RestoreAttribute within an act of the caller's.
func (s *Service) RestoreAttributeTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Attribute, error) {
	a, err := readAttribute(ctx, tx, who, ref)
	if err != nil {
		return a, err
	}
	err = s.changeTx(ctx, tx, who, itoa(a.EventID), "attribute.restore", func(tx *store.Tx, m *merge) error {
		have, err := storedAttributes(ctx, tx, a.EventID, []int64{a.ID})
		if err != nil || have[a.ID] == nil || !have[a.ID].Deleted {
			return orNot(err, noAttribute(ref))
		}
		old := have[a.ID]
		m.changed = true
		m.l.event.Attributes++
		was := *old
		old.Deleted, old.Timestamp = false, max(m.now/1e6, old.Timestamp+1)
		m.past.attribute(&was, old)
		return rewriteAttribute(ctx, tx, old)
	})
	a.Deleted = false
	return a, err
}

// AddObject adds an object with its attributes and references. With unique an
// object of the same name with the same attributes is refused. Faults: Invalid
// (no valid attribute, the UUID is taken), Conflict "intel.fault.duplicate-object".
func (s *Service) AddObject(ctx context.Context, who ident.Actor, event string, w misp.Object, unique bool) (Object, error) {
	var uuid string
	err := s.change(ctx, who, event, "object.add", func(tx *store.Tx, m *merge) error {
		m.l.draft = newDraft(s.db, m.l.event.ID)
		m.l.draft.object(&w)
		o := m.l.draft.objects[0]
		if len(o.Attributes) == 0 {
			for _, d := range m.l.draft.dropped {
				return fault.Field(d.Field, "intel.fault.attribute", "%s", d.Text)
			}
			return fault.Field("Attribute", "intel.fault.no-attributes", "an object needs attributes")
		}
		if len(m.l.draft.dropped) > 0 {
			d := m.l.draft.dropped[0]
			return fault.Field(d.Field, "intel.fault.attribute", "%s", d.Text)
		}
		have, err := known(ctx, tx, "intel_object", nonEmpty([]string{given1(o.UUID, o.given)}))
		if err != nil || len(have) > 0 {
			return orNot(err, fault.Field("uuid", "intel.fault.uuid-taken", "%s", takenUUID))
		}
		if unique {
			if err := m.noDuplicate(ctx, tx, &o); err != nil {
				return err
			}
		}
		uuid = o.UUID
		m.news.objects = append(m.news.objects, o)
		return nil
	})
	if err != nil {
		return Object{}, err
	}
	return s.Object(ctx, who, uuid, Without)
}

// noDuplicate looks for an object with the same template and the same set of
// (relation, value), found by its first value.
func (m *merge) noDuplicate(ctx context.Context, tx *store.Tx, o *Object) error {
	ids, err := objectsHolding(ctx, tx, o)
	if err != nil {
		return err
	}
	want := map[string]bool{}
	for _, a := range o.Attributes {
		want[a.Relation+"\x00"+a.Value] = true
	}
	for _, id := range ids {
		have, err := valuesOf(ctx, tx, id)
		if err != nil {
			return err
		}
		same := len(have) == len(want)
		for _, v := range have {
			same = same && want[v]
		}
		if same {
			return fault.New(fault.Conflict, "object %d holds the same", id).WithKey("intel.fault.duplicate-object", id)
		}
	}
	return nil
}

// EditObject changes an object's own fields and, when a list of attributes came,
// makes it the object's list: known ones are changed, new ones added, the rest
// softly deleted. Who may: the right to edit the event.
func (s *Service) EditObject(ctx context.Context, who ident.Actor, ref string, w misp.Object) (Object, error) {
	return s.editObject(ctx, who, ref, nil, w, func(tx *store.Tx, m *merge, o Object) error {
		row := &m.l.draft.objects[0]
		if !row.given.has(gList) {
			return nil
		}
		named := map[string]bool{}
		for i := range row.Attributes {
			named[row.Attributes[i].UUID] = true
		}
		// Those that the editor does not see were not his to mention: they stay.
		return m.dropSome(ctx, tx, o, func(a *Attribute) bool { return !named[a.UUID] && !m.matches(a) })
	})
}

// ReviseObject changes an object as somebody does by hand: attributes with a UUID are
// changed, those without one added, those in drop softly deleted, and the rest stays.
// Nothing goes because it was not named, and an attribute that does not fit refuses the
// whole. version is the Version that the change was made for; another one there now is
// Conflict "fault.conflict". at names the act for UndoAttributes, 0 when nothing was
// changed. Who may: the right to edit the event. Faults: NotFound, Denied, Invalid, Conflict.
func (s *Service) ReviseObject(ctx context.Context, who ident.Actor, ref string, version int64, w misp.Object, drop []string) (at int64, err error) {
	var act *merge
	_, err = s.editObject(ctx, who, ref, &version, w, func(tx *store.Tx, m *merge, o Object) error {
		act = m
		for _, d := range m.l.draft.dropped {
			return fault.Field(d.Field, "intel.fault.attribute", "%s", d.Text)
		}
		return m.dropSome(ctx, tx, o, func(a *Attribute) bool { return slices.Contains(drop, a.UUID) })
	})
	if err == nil && (act.changed || act.news.size() > 0) {
		at = act.now
	}
	return at, err
}

// editObject is the work of both: drop takes away what is to go. With a version the
// object has to be at it, as the caller sees it, in the transaction that changes it.
func (s *Service) editObject(ctx context.Context, who ident.Actor, ref string, version *int64, w misp.Object, drop func(tx *store.Tx, m *merge, o Object) error) (Object, error) {
	o, err := s.Object(ctx, who, ref, Without)
	if err != nil {
		return o, err
	}
	err = s.change(ctx, who, itoa(o.EventID), "object.edit", func(tx *store.Tx, m *merge) error {
		if version != nil {
			if err := unmoved(ctx, tx, who, o.ID, *version); err != nil {
				return err
			}
		}
		have, err := storedObjects(ctx, tx, o.EventID, []int64{o.ID})
		if err != nil || have[o.ID] == nil {
			return orNot(err, fault.New(fault.NotFound, "no object %q", ref).WithKey("intel.fault.no-object"))
		}
		if w.Timestamp.Given() && w.Timestamp.V <= have[o.ID].Timestamp {
			return fault.New(fault.Conflict, "object %d is newer here", o.ID).WithKey(notNewerKey)
		}
		m.l.draft = newDraft(s.db, o.EventID)
		m.l.draft.object(&w)
		row := &m.l.draft.objects[0]
		for i := range row.Attributes {
			row.Attributes[i].EventID, row.Attributes[i].ObjectID = o.EventID, o.ID
		}
		if err := m.attributes(ctx, tx, pointers(row.Attributes)); err != nil {
			return err
		}
		if err := drop(tx, m, o); err != nil {
			return err
		}
		for i := range row.References {
			row.References[i].ObjectID = o.ID
		}
		m.refs = append(m.refs, row.References...)
		_, err = m.applyObject(ctx, tx, have[o.ID], row)
		return err
	})
	if err != nil {
		return o, err
	}
	return s.Object(ctx, who, itoa(o.ID), Without)
}

// Version tells the state of an object that was read with its attributes: what somebody
// may change in it by its form. It is a digest, because two changes in one second have
// the same timestamp. Pure.
func (o *Object) Version() int64 {
	h := fnv.New64a()
	say := func(parts ...any) { _, _ = fmt.Fprintf(h, "%q\n", parts) }
	say(o.Comment, o.Deleted, o.Distribution, o.Group, o.Timestamp)
	for i := range o.Attributes {
		a := &o.Attributes[i]
		say(a.ID, a.Relation, a.Type, a.Category, a.Value, a.Comment, a.ToIDS, a.Deleted, a.Distribution, a.Group, a.Timestamp)
	}
	return int64(h.Sum64()>>1) | 1 // never 0, which a form has while its object is new
}

// unmoved refuses when an object is not at a version any more, and holds it until the
// end, so that of two forms that were made from one state the second one sees the first.
func unmoved(ctx context.Context, tx *store.Tx, who ident.Actor, object, version int64) error {
	if err := holdObject(ctx, tx, object); err != nil {
		return err
	}
	o, err := readObject(ctx, tx, who, itoa(object))
	if err != nil {
		return err
	}
	list := []Object{o}
	if err := fillObjects(ctx, tx, who, list, Without); err != nil {
		return err
	}
	if list[0].Version() != version {
		return fault.New(fault.Conflict, "object %d was changed meanwhile", object).WithKey("fault.conflict")
	}
	return nil
}

// dropSome softly deletes those attributes of an object that goes says.
func (m *merge) dropSome(ctx context.Context, tx *store.Tx, o Object, goes func(*Attribute) bool) error {
	for i := range o.Attributes {
		a := o.Attributes[i]
		if !goes(&a) {
			continue
		}
		was := a
		a.Deleted, a.Timestamp = true, max(m.now/1e6, a.Timestamp+1)
		m.past.attribute(&was, &a)
		m.changed = true
		m.l.event.Attributes--
		if err := rewriteAttribute(ctx, tx, &a); err != nil {
			return err
		}
	}
	return nil
}

// matches tells whether the edit named an attribute by its value instead of its UUID.
func (m *merge) matches(a *Attribute) bool {
	for i := range m.l.draft.objects[0].Attributes {
		b := &m.l.draft.objects[0].Attributes[i]
		if !b.given.has(gUUID) && b.Type == a.Type && b.Category == a.Category && b.Value == a.Value {
			return true
		}
	}
	return false
}

// DeleteObject softly deletes an object with its attributes, or removes it for
// good with hard.
func (s *Service) DeleteObject(ctx context.Context, who ident.Actor, ref string, hard bool) (Object, error) {
	o, err := s.Object(ctx, who, ref, With)
	if err != nil {
		return o, err
	}
	return o, s.change(ctx, who, itoa(o.EventID), "object.delete", func(tx *store.Tx, m *merge) error {
		have, err := storedObjects(ctx, tx, o.EventID, []int64{o.ID})
		if err != nil || have[o.ID] == nil || have[o.ID].Deleted && !hard {
			return orNot(err, fault.New(fault.NotFound, "no object %q", ref).WithKey("intel.fault.no-object"))
		}
		if !hard {
			return m.dropObject(ctx, tx, have[o.ID])
		}
		m.changed = true
		n, err := m.dropAttributes(ctx, tx, o.ID, m.now/1e6, true)
		if err != nil {
			return err
		}
		m.l.event.Attributes -= n
		m.past.removed(ChangedObject, o.ID, o.UUID, have[o.ID].audience, 0, o.Name)
		return removeObject(ctx, tx, o.EventID, o.ID)
	})
}

// dropObject softly deletes an object and its attributes.
func (m *merge) dropObject(ctx context.Context, tx *store.Tx, o *Object) error {
	m.changed = true
	n, err := m.dropAttributes(ctx, tx, o.ID, m.now/1e6, false)
	if err != nil {
		return err
	}
	m.l.event.Attributes -= n
	was := *o
	o.Deleted, o.Timestamp = true, max(m.now/1e6, o.Timestamp+1)
	m.past.object(&was, o)
	return rewriteObject(ctx, tx, o)
}

// AddReference points from an object to an attribute or object of the same
// event. The same reference may stand twice.
func (s *Service) AddReference(ctx context.Context, who ident.Actor, object string, w misp.ObjectReference) (r Reference, err error) {
	o, err := s.Object(ctx, who, object, Without)
	if err != nil {
		return r, err
	}
	err = s.change(ctx, who, itoa(o.EventID), "reference.add", func(tx *store.Tx, m *merge) error {
		w.UUID = misp.Text{} // a UUID sent with it is ignored, as MISP does
		ref, ok := m.l.draft.reference(&w)
		if !ok {
			return fault.Field("referenced_uuid", "intel.fault.uuid", "a reference needs a target")
		}
		ref.EventID, ref.ObjectID = o.EventID, o.ID
		list := []Reference{ref}
		if err := resolve(ctx, tx, list, o.EventID); err != nil {
			return err
		}
		if list[0].TargetID == 0 {
			return fault.Field("referenced_uuid", "intel.fault.uuid", "the target is not in the event")
		}
		r = list[0]
		m.refs = append(m.refs, r)
		return nil
	})
	return r, err
}

// DeleteReference softly deletes a reference, or removes it with hard.
func (s *Service) DeleteReference(ctx context.Context, who ident.Actor, ref string, hard bool) (r Reference, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) (err error) {
		if r, err = readReference(ctx, tx, ref); err != nil {
			return err
		}
		_, err = readObject(ctx, tx, who, itoa(r.ObjectID))
		return err
	})
	if err != nil {
		return Reference{}, err
	}
	return r, s.change(ctx, who, itoa(r.EventID), "reference.delete", func(tx *store.Tx, m *merge) error {
		m.changed = true
		m.past.reference(&r, hard)
		return removeReference(ctx, tx, r, hard, m.now/1e6)
	})
}
