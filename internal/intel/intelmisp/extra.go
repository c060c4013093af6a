package intelmisp

import (
	"slices"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

func unix(sec int64) time.Time { return time.Unix(sec, 0).UTC() }

// relatedMost is how many related events an event's answer lists.
const relatedMost = 100

// decorate adds what an event is connected with: other events that share values
// and that the caller sees too, and the galaxies its tags stand for.
func (a *api) decorate(c *call, e *intel.Event, w *misp.Event, s show) error {
	if s.related {
		list, err := a.Intel.RelatedEvents(c.ctx(), c.who, e.Ref(), relatedMost, a.leaving(c))
		if err != nil {
			return err
		}
		for i := range list {
			if e := list[i].Event; !a.withheld(c, e) {
				kept, err := a.keptOf(c, e)
				if err != nil {
					return err
				}
				e.Attributes -= kept.Attributes
				w.RelatedEvent = append(w.RelatedEvent, misp.RelatedEvent{Event: *relatedEvent(e)})
			}
		}
		slices.SortFunc(w.RelatedEvent, func(x, y misp.RelatedEvent) int { return strings.Compare(y.Event.Date.V, x.Event.Date.V) })
	}
	if !s.galaxies {
		return nil
	}
	var err error
	w.Galaxy, err = a.galaxies(c, exported(e.Tags, s.noLocal), false)
	return err
}

func relatedEvent(e *intel.Event) *misp.Event {
	w := e.Wire()
	w.Attribute, w.Object, w.Tag = nil, nil, nil
	return w
}

// parentOfRelated is the short event beside a related attribute.
func parentOfRelated(e *intel.Event) *misp.Event {
	w := e.Wire()
	return &misp.Event{ID: w.ID, UUID: w.UUID, ThreatLevelID: w.ThreatLevelID, Analysis: w.Analysis, Info: w.Info, ExtendsUUID: w.ExtendsUUID,
		Distribution: w.Distribution, SharingGroupID: w.SharingGroupID, Published: w.Published, Date: w.Date, OrgcID: w.OrgcID, OrgID: w.OrgID}
}

// relatedEach is how many related attributes one attribute's answer lists.
const relatedEach = 50

// relatedStays is partWithheld for an attribute that another one leads to: its own tags are
// read only for who takes it away.
func (a *api) relatedStays(c *call, x *intel.Attribute) (bool, error) {
	if x.Event == nil || !a.outward(c, x.Event) {
		return false, nil
	}
	full, err := a.Intel.Attribute(c.ctx(), c.who, itoa(x.ID))
	if fault.Is(err, fault.NotFound) {
		return true, nil
	}
	return err == nil && a.partWithheld(c, &full, full.Event), err
}

// enrich adds what a search asked for beside an attribute.
func (a *api) enrich(c *call, at *intel.Attribute, w *misp.Attribute) error {
	p := c.params
	if p.flag("includeContext", false) {
		w.Event = contextEvent(at.Event, noLocal(c))
		w.Event.Orgc.Local = misp.B(at.Event.Origin.ID == at.Event.Owner.ID || a.isLocal(c, at.Event.Origin.ID))
	}
	if p.flag("includeCorrelations", false) {
		w.RelatedAttribute = []misp.Attribute{}
		found, err := a.Intel.RelatedTo(c.ctx(), c.who, []*intel.Attribute{at}, relatedEach)
		if err != nil {
			return err
		}
		for i := range found[at.ID] {
			x := &found[at.ID][i]
			if stays, err := a.relatedStays(c, x); err != nil {
				return err
			} else if stays {
				continue
			}
			r := x.Wire()
			if x.Event != nil {
				r.Event = parentOfRelated(x.Event)
			}
			w.RelatedAttribute = append(w.RelatedAttribute, r)
		}
	}
	if p.flag("includeSightings", false) {
		w.Sighting = []misp.Sighting{}
		err := a.Intel.Sightings(c.ctx(), c.who, intel.SightingFilter{Attribute: itoa(at.ID)}, func(g *intel.Sighting) error {
			x := g.Wire()
			x.Organisation = g.Org.Wire()
			w.Sighting = append(w.Sighting, x)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if p.flag("includeWarninglistHits", false) && w.Warnings == nil {
		return a.warn(c, at, w)
	}
	return nil
}

// warn adds the warning lists that hold an attribute's value.
func (a *api) warn(c *call, at *intel.Attribute, w *misp.Attribute) error {
	hits, err := a.Catalog.Hits(c.ctx(), c.who, at.Type, at.Value)
	if err != nil || len(hits) == 0 {
		return err
	}
	rows := make([]any, len(hits))
	for i, h := range hits {
		value := at.Value
		if strings.Contains(value, "|") {
			value = h.Value
		}
		row := ordered{{"value", value}, {"match", h.Matched}, {"warninglist_id", itoa(h.ID)}, {"warninglist_name", h.Name},
			{"warninglist_category", h.Category}}
		if h.Comment != "" {
			row = append(row, ordered{{"comment", h.Comment}}...)
		}
		rows[i] = row
	}
	w.Warnings, err = marshal(rows)
	return err
}

// contextEvent is the fuller parent of includeContext.
func contextEvent(e *intel.Event, noLocal bool) *misp.Event {
	w := e.Wire()
	full := &misp.Event{ID: w.ID, OrgcID: w.OrgcID, OrgID: w.OrgID, Date: w.Date, ThreatLevelID: w.ThreatLevelID, Info: w.Info, Published: w.Published,
		UUID: w.UUID, Analysis: w.Analysis, Timestamp: w.Timestamp, Distribution: w.Distribution, PublishTimestamp: w.PublishTimestamp,
		SharingGroupID: w.SharingGroupID, ExtendsUUID: w.ExtendsUUID, Orgc: w.Orgc, Tag: []misp.Tag{}}
	for _, t := range w.Tag {
		if goesOn(&t, noLocal) {
			full.Tag = append(full.Tag, misp.Tag{ID: t.ID, Name: t.Name, Colour: t.Colour, NumericalValue: t.NumericalValue, Local: t.Local})
		}
	}
	return full
}
