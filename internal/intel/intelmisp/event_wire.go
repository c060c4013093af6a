package intelmisp

import (
	"encoding/base64"
	"slices"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// eventHeader is the wire form of all but attributes and objects.
func (a *api) eventHeader(c *call, e *intel.Event, s show) (*misp.Event, error) {
	w := e.Wire()
	w.SightingTimestamp, w.AttributeCount = misp.Int{}, misp.N(e.Attributes-s.kept.Attributes)
	w.Tag = dropLocal(w.Tag, s.noLocal)
	w.Org.Local = misp.B(true)
	w.Orgc.Local = misp.B(e.Origin.ID == e.Owner.ID || a.isLocal(c, e.Origin.ID))
	w.ShadowAttribute, w.RelatedEvent, w.Galaxy = s.proposalsOf(0), []misp.RelatedEvent{}, []misp.Galaxy{}
	if s.alone {
		w.RelatedEvent = nil // who wants none gets no list
	}
	w.EventReport = []misp.EventReport{}
	var err error
	if w.CryptographicKey, err = a.keysOf(c, e); err != nil {
		return nil, err
	}
	if e.Origin.ID == c.who.Org || site(c.who) {
		if email, err := a.creator(c, e.Creator); err == nil {
			w.EventCreatorEmail = misp.T(email)
		}
	}
	if e.Group != 0 {
		if w.SharingGroup, err = a.groupOf(c, e.Group); err != nil {
			return nil, err
		}
	}
	if s.metadata {
		w.Attribute, w.Object, w.ShadowAttribute, w.EventReport = nil, nil, nil, nil
		return w, a.decorate(c, e, w, s)
	}
	var reports []intel.Report
	if !s.lacks.Reports {
		if reports, err = a.Intel.Reports(c.ctx(), c.who, e.Ref(), s.deleted); err != nil {
			return nil, err
		}
	}
	for i := range reports {
		r := reports[i].Wire()
		if reports[i].Group != 0 {
			if r.SharingGroup, err = a.groupOf(c, reports[i].Group); err != nil {
				return nil, err
			}
		}
		if err := a.saidOf(c, s.said[reports[i].UUID], whole, &r.Note, &r.Opinion, &r.Relationship); err != nil {
			return nil, err
		}
		w.EventReport = append(w.EventReport, r)
	}
	if err := a.saidOf(c, s.said[e.UUID], deepest, &w.Note, &w.Opinion, &w.Relationship); err != nil {
		return nil, err
	}
	return w, a.decorate(c, e, w, s)
}

// groupOf reads a sharing group once per request; nil when the caller may not
// know its members.
func (a *api) groupOf(c *call, id int64) (*misp.SharingGroup, error) {
	if c.noGroups {
		return nil, nil
	}
	if w, ok := c.groups[id]; ok {
		if c.shortGroups && w != nil {
			return &misp.SharingGroup{UUID: w.UUID}, nil
		}
		return w, nil
	}
	g, err := a.Intel.SharingGroup(c.ctx(), c.who, itoa(id))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if c.groups == nil {
		c.groups = map[int64]*misp.SharingGroup{}
	}
	if err == nil {
		c.groups[id] = groupInside(&g, &misp.Server{ID: misp.N(0), Name: misp.T(a.Origin), URL: misp.T(a.Origin)})
	} else {
		c.groups[id] = nil
	}
	return c.groups[id], nil
}

// goesOn tells whether a tag is told: exportable, and with noLocal not for here alone.
func goesOn(t *misp.Tag, noLocal bool) bool {
	return t.Exportable.Or(true) && !(noLocal && (t.Local.V || t.LocalOnly.V))
}

func dropLocal(tags []misp.Tag, drop bool) []misp.Tag {
	kept := tags[:0]
	for _, t := range tags {
		if goesOn(&t, drop) {
			kept = append(kept, t)
		}
	}
	if len(kept) == 0 {
		return nil // an event without tags has no such key
	}
	return kept
}

// attributeWire is the form inside events and objects.
func (a *api) attributeWire(c *call, at *intel.Attribute, s show) (misp.Attribute, error) {
	w := at.Wire()
	w.Tag = dropLocal(w.Tag, s.noLocal)
	w.Galaxy, w.ShadowAttribute = []misp.Galaxy{}, s.proposalsOf(at.ID)
	w.Sighting = s.seen[at.ID]
	if err := a.lists(c, at, s, &w); err != nil {
		return w, err
	}
	if err := a.saidOf(c, s.said[at.UUID], whole, &w.Note, &w.Opinion, &w.Relationship); err != nil {
		return w, err
	}
	if at.Group != 0 {
		var err error
		if w.SharingGroup, err = a.groupOf(c, at.Group); err != nil {
			return w, err
		}
	}
	if s.data && at.DataSize > 0 {
		if err := a.attach(c, at.ID, &w); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (a *api) attach(c *call, id int64, w *misp.Attribute) error {
	b, err := a.Intel.Data(c.ctx(), c.who, itoa(id))
	if err != nil {
		return err
	}
	w.Data = misp.T(base64.StdEncoding.EncodeToString(b))
	return nil
}

func (a *api) objectWire(c *call, ob *intel.Object, s show) (misp.Object, error) {
	w := ob.Wire()
	w.Description = misp.TextOrNull(ob.Description)
	w.ObjectReference = slices.DeleteFunc(w.ObjectReference, func(r misp.ObjectReference) bool { return s.kept.Holds(r.ReferencedUUID.V) })
	if err := a.saidOf(c, s.said[ob.UUID], whole, &w.Note, &w.Opinion, &w.Relationship); err != nil {
		return w, err
	}
	if ob.Group != 0 {
		var err error
		if w.SharingGroup, err = a.groupOf(c, ob.Group); err != nil {
			return w, err
		}
	}
	for i := range ob.Attributes {
		at, err := a.attributeWire(c, &ob.Attributes[i], s)
		if err != nil {
			return w, err
		}
		w.Attribute[i] = at
	}
	return w, nil
}

// lists adds what the catalogues say of an attribute: the galaxies that its tags
// stand for, and the warning lists that hold its value.
func (a *api) lists(c *call, at *intel.Attribute, s show, w *misp.Attribute) (err error) {
	if s.warnings {
		if err := a.warn(c, at, w); err != nil {
			return err
		}
	}
	if err := s.decay.mark(at, w); err != nil {
		return err
	}
	if s.galaxies {
		w.Galaxy, err = a.galaxies(c, exported(at.Tags, s.noLocal), true)
	}
	return err
}
