package intelmisp

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
)

func unix(sec int64) time.Time { return time.Unix(sec, 0).UTC() }

// relatedMost is how many related events an event's answer lists.
const relatedMost = 100

// decorate adds what an event is connected with: other events that share values
// and that the caller sees too, and the galaxies its tags stand for.
func (a *api) decorate(c *call, e *intel.Event, w *misp.Event, s show) error {
	if s.related {
		list, _, err := a.Intel.Correlations(c.ctx(), c.who, e.Ref(), relatedMost)
		if err != nil {
			return err
		}
		for i := range list {
			w.RelatedEvent = append(w.RelatedEvent, misp.RelatedEvent{Event: *relatedEvent(list[i].Event)})
		}
		slices.SortFunc(w.RelatedEvent, func(x, y misp.RelatedEvent) int { return strings.Compare(y.Event.Date.V, x.Event.Date.V) })
	}
	if !s.galaxies {
		return nil
	}
	var err error
	w.Galaxy, err = a.galaxies(c, e.Tags)
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

// galaxies folds the tags that stand for clusters into their galaxies.
func (a *api) galaxies(c *call, tags []intel.TagUse) ([]misp.Galaxy, error) {
	out := []misp.Galaxy{}
	var names []string
	for i := range tags {
		if tags[i].Galaxy() && tags[i].Exportable {
			names = append(names, tags[i].Name)
		}
	}
	if len(names) == 0 {
		return out, nil
	}
	found, err := a.Catalog.ClustersOfTags(c.ctx(), c.who, names)
	if err != nil {
		return nil, err
	}
	at := map[int64]int{}
	for i := range tags {
		cl, ok := found[strings.ToLower(tags[i].Name)]
		if !ok {
			continue
		}
		k, known := at[cl.Galaxy]
		if !known {
			g, err := a.galaxyHead(c, cl.Galaxy)
			if err != nil {
				return nil, err
			}
			k = len(out)
			at[cl.Galaxy] = k
			out = append(out, g)
		}
		w := clusterWire(cl)
		w.GalaxyElement = nil
		w.TagID, w.Local = misp.Count(tags[i].ID), misp.B(tags[i].Local)
		w.RelationshipType = misp.Raw("false")
		out[k].GalaxyCluster = append(out[k].GalaxyCluster, w)
	}
	return out, nil
}

func (a *api) galaxyHead(c *call, id int64) (misp.Galaxy, error) {
	it, body, err := a.Catalog.Get(c.ctx(), c.who, catalog.Galaxy, itoa(id))
	if err != nil {
		return misp.Galaxy{}, err
	}
	return galaxyWire(it, body), nil
}

// upstreamGalaxy is what of a galaxy's file is shown.
type upstreamGalaxy struct {
	Icon  string          `json:"icon"`
	Order json.RawMessage `json:"kill_chain_order"`
}

func galaxyWire(it catalog.Item, body json.RawMessage) misp.Galaxy {
	var up upstreamGalaxy
	_ = json.Unmarshal(body, &up) // what cannot be read is left out: the item's own fields suffice
	g := misp.Galaxy{ID: misp.N(it.ID), UUID: misp.T(it.UUID), Name: misp.T(it.Name), Type: misp.T(it.Key), Description: misp.T(it.Description),
		Version: misp.N(it.Version), Icon: misp.T(up.Icon), Namespace: misp.T(it.Class), Enabled: misp.B(it.Enabled), LocalOnly: misp.B(false)}
	if len(up.Order) > 0 {
		g.KillChainOrder = misp.Raw(up.Order)
	}
	return g
}

// upstreamCluster is what of a cluster's JSON is shown.
type upstreamCluster struct {
	Value       string                     `json:"value"`
	Description string                     `json:"description"`
	Meta        map[string]json.RawMessage `json:"meta"`
}

// clusterWire leaves distribution and sharing group out: today's PyMISP refuses
// them on a default cluster, whatever their value (spec misp §5.5).
func clusterWire(cl catalog.Cluster) misp.GalaxyCluster {
	var up upstreamCluster
	_ = json.Unmarshal(cl.Body, &up) // as above
	w := misp.GalaxyCluster{ID: misp.N(cl.ID), UUID: misp.T(cl.UUID), CollectionUUID: misp.T(""), Type: misp.T(cl.Type), Value: misp.T(cl.Value),
		TagName: misp.T(cl.Tag()), Description: misp.T(up.Description), GalaxyID: misp.N(cl.Galaxy), Source: misp.T(""), Authors: []string{},
		Version: misp.N(1), OrgID: misp.N(0), OrgcID: misp.N(0), Default: misp.B(true), Locked: misp.B(false), ExtendsUUID: misp.T(""),
		ExtendsVersion: misp.N(0), Published: misp.B(false), Deleted: misp.B(false), Meta: misp.Meta{}}
	keys := make([]string, 0, len(up.Meta))
	for k := range up.Meta {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		entry := misp.MetaEntry{Key: k, Values: metaValues(up.Meta[k])}
		w.Meta = append(w.Meta, entry)
		for _, v := range entry.Values {
			w.GalaxyElement = append(w.GalaxyElement, misp.GalaxyElement{ID: misp.N(0), ClusterID: misp.N(cl.ID), Key: misp.T(k), Value: misp.T(v)})
		}
	}
	return w
}

func metaValues(raw json.RawMessage) []string {
	v, err := decode(raw)
	if err != nil {
		return nil
	}
	if list, ok := v.([]any); ok {
		out := []string{}
		for _, e := range list {
			out = append(out, text(e))
		}
		return out
	}
	return []string{text(v)}
}

// relatedEach is how many related attributes one attribute's answer lists.
const relatedEach = 50

// enrich adds what a search asked for beside an attribute.
func (a *api) enrich(c *call, at *intel.Attribute, w *misp.Attribute) error {
	p := c.params
	if p.flag("includeContext", false) {
		w.Event = contextEvent(at.Event)
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
	if p.flag("includeWarninglistHits", false) {
		hits, err := a.Catalog.Hits(c.ctx(), c.who, at.Type, at.Value)
		if err != nil {
			return err
		}
		var rows []any
		for _, h := range hits {
			rows = append(rows, ordered{{"match", h.Matched}, {"value", at.Value}, {"warninglist_id", itoa(h.ID)}, {"warninglist_name", h.Name},
				{"warninglist_category", h.Category}})
		}
		if rows != nil {
			raw, err := marshal(rows)
			if err != nil {
				return err
			}
			w.Warnings = misp.Raw(raw)
		}
	}
	return nil
}

// contextEvent is the fuller parent of includeContext.
func contextEvent(e *intel.Event) *misp.Event {
	w := e.Wire()
	full := &misp.Event{ID: w.ID, OrgcID: w.OrgcID, OrgID: w.OrgID, Date: w.Date, ThreatLevelID: w.ThreatLevelID, Info: w.Info, Published: w.Published,
		UUID: w.UUID, Analysis: w.Analysis, Timestamp: w.Timestamp, Distribution: w.Distribution, PublishTimestamp: w.PublishTimestamp,
		SharingGroupID: w.SharingGroupID, ExtendsUUID: w.ExtendsUUID, Orgc: w.Orgc, Tag: []misp.Tag{}}
	for _, t := range w.Tag {
		if t.Exportable.V {
			full.Tag = append(full.Tag, misp.Tag{ID: t.ID, Name: t.Name, Colour: t.Colour, NumericalValue: t.NumericalValue, Local: t.Local})
		}
	}
	return full
}
