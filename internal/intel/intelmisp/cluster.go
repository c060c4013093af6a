package intelmisp

import (
	"encoding/json"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// folds keeps what one answer has asked of galaxies and their clusters: a large
// event names the same few on thousands of attributes.
type folds struct {
	clusters map[string]*catalog.Cluster // by lower-case tag; nil = none
	heads    map[int64]galaxyHead
	orgs     map[string]*misp.Org
	tags     map[string]*misp.Tag
}

// galaxyHead is a galaxy, and what its file says of all its clusters.
type galaxyHead struct {
	wire    misp.Galaxy
	version int64
	source  string
	authors []string
}

func (c *call) fold() *folds {
	if c.folds == nil {
		c.folds = &folds{clusters: map[string]*catalog.Cluster{}, heads: map[int64]galaxyHead{}, orgs: map[string]*misp.Org{}, tags: map[string]*misp.Tag{}}
	}
	return c.folds
}

// learn asks for the clusters of the tags that were not asked for yet.
func (a *api) learnClusters(c *call, tags []intel.TagUse) error {
	var names []string
	f := c.fold()
	for i := range tags {
		name := strings.ToLower(tags[i].Name)
		if _, known := f.clusters[name]; !known && tags[i].Galaxy() && tags[i].Exportable {
			f.clusters[name] = nil
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	found, err := a.Catalog.ClustersOfTags(c.ctx(), c.who, names)
	for name, cl := range found {
		f.clusters[name] = &cl
	}
	return err
}

// galaxies folds the tags that stand for clusters into their galaxies, in the
// order of the tags.
func (a *api) galaxies(c *call, tags []intel.TagUse, attribute bool) ([]misp.Galaxy, error) {
	out := []misp.Galaxy{}
	if err := a.learnClusters(c, tags); err != nil {
		return nil, err
	}
	at := map[int64]int{}
	for i := range tags {
		if !tags[i].Galaxy() || !tags[i].Exportable {
			continue
		}
		cl := c.fold().clusters[strings.ToLower(tags[i].Name)]
		if cl == nil {
			continue
		}
		w, head, err := a.clusterWire(c, *cl)
		if err != nil {
			return nil, err
		}
		k, known := at[cl.Galaxy]
		if !known {
			k = len(out)
			at[cl.Galaxy] = k
			out = append(out, head.wire)
		}
		w.GalaxyElement = nil
		w.TagID, w.Local = misp.Count(tags[i].ID), misp.B(tags[i].Local)
		if use := misp.N(tags[i].Use); attribute {
			w.AttributeTagID = use
		} else {
			w.EventTagID = use
		}
		w.RelationshipType = misp.Raw("false")
		if r := tags[i].Relationship; r != "" {
			w.RelationshipType, _ = marshal(r) // a text
		}
		out[k].GalaxyCluster = append(out[k].GalaxyCluster, w)
	}
	return out, nil
}

func (a *api) galaxyHead(c *call, id int64) (galaxyHead, error) {
	if h, ok := c.fold().heads[id]; ok {
		return h, nil
	}
	it, body, err := a.Catalog.Get(c.ctx(), c.who, catalog.Galaxy, itoa(id))
	if err != nil {
		return galaxyHead{}, err
	}
	h := galaxyWire(it, body)
	c.fold().heads[id] = h
	return h, nil
}

// upstreamGalaxy is what of a galaxy's file is shown.
type upstreamGalaxy struct {
	Icon    string          `json:"icon"`
	Version json.Number     `json:"version"`
	Source  string          `json:"source"`
	Authors []string        `json:"authors"`
	Order   json.RawMessage `json:"kill_chain_order"`
}

func galaxyWire(it catalog.Item, body json.RawMessage) galaxyHead {
	var up upstreamGalaxy
	_ = json.Unmarshal(body, &up) // what cannot be read is left out: the item's own fields suffice
	version := it.Version
	if n, err := up.Version.Int64(); err == nil {
		version = n // the galaxy's own; the item has its clusters'
	}
	g := misp.Galaxy{ID: misp.N(it.ID), UUID: misp.T(it.UUID), Name: misp.T(it.Name), Type: misp.T(it.Key), Description: misp.T(it.Description),
		Version: misp.N(version), Icon: misp.T(up.Icon), Namespace: misp.T(it.Class), Enabled: misp.B(it.Enabled), LocalOnly: misp.B(false)}
	if len(up.Order) > 0 {
		g.KillChainOrder = misp.Raw(up.Order)
	}
	return galaxyHead{wire: g, version: it.Version, source: up.Source, authors: up.Authors}
}

// clusterWire is a cluster with its elements and organisations. It leaves
// distribution and sharing group of an imported one out: today's PyMISP refuses
// them there, whatever their value (spec misp §5.5).
func (a *api) clusterWire(c *call, cl catalog.Cluster) (w misp.GalaxyCluster, head galaxyHead, err error) {
	if head, err = a.galaxyHead(c, cl.Galaxy); err != nil {
		return w, head, err
	}
	t := cl.Text()
	w = misp.GalaxyCluster{ID: misp.N(cl.ID), UUID: misp.T(cl.UUID), CollectionUUID: misp.T(""), Type: misp.T(cl.Type), Value: misp.T(cl.Value),
		TagName: misp.T(cl.Tag()), Description: misp.T(t.Description), GalaxyID: misp.N(cl.Galaxy), Source: misp.T(t.Source), Authors: orEmpty(t.Authors),
		Default: misp.B(cl.Own == nil), Deleted: misp.B(cl.Deleted), Relation: []misp.GalaxyClusterRelation{}, GalaxyElement: []misp.GalaxyElement{}, Meta: misp.Meta{}}
	if o := cl.Own; o != nil {
		w.Version, w.Distribution, w.SharingGroupID = misp.N(o.Version), misp.N(int64(o.Level)), misp.NullInt()
		if o.Level == int(intel.Group) {
			w.SharingGroupID = misp.N(o.Group)
		}
		w.OrgID, w.OrgcID, w.Locked, w.Published = misp.N(o.Org), misp.N(o.Origin), misp.B(o.Locked), misp.B(o.Published)
		w.ExtendsUUID, w.ExtendsVersion = misp.TextOrNull(o.ExtendsUUID), misp.NullInt()
		if o.ExtendsVersion != 0 {
			w.ExtendsVersion = misp.N(o.ExtendsVersion)
		}
		w.Org, w.Orgc = a.clusterOrg(c, o.Org, "", ""), a.clusterOrg(c, o.Origin, o.OriginUUID, o.OriginName)
	} else {
		w.CollectionUUID, w.Source, w.Authors = head.wire.UUID, misp.T(head.source), orEmpty(head.authors)
		w.Version, w.OrgID, w.OrgcID, w.Locked, w.Published = misp.N(head.version), misp.N(0), misp.N(0), misp.B(false), misp.B(false)
		w.ExtendsUUID, w.ExtendsVersion = misp.T(""), misp.N(0)
		w.Org, w.Orgc = nobodysOrg(), nobodysOrg()
	}
	for i, e := range t.Elements {
		w.GalaxyElement = append(w.GalaxyElement, misp.GalaxyElement{ID: misp.N(int64(i + 1)), ClusterID: misp.N(cl.ID), Key: misp.T(e.Key), Value: misp.T(e.Value)})
		if n := len(w.Meta); n > 0 && w.Meta[n-1].Key == e.Key {
			w.Meta[n-1].Values = append(w.Meta[n-1].Values, e.Value)
		} else {
			w.Meta = append(w.Meta, misp.MetaEntry{Key: e.Key, Values: []string{e.Value}})
		}
	}
	return w, head, nil
}

// nobodysOrg is whose the imported clusters are, as MISP names it.
func nobodysOrg() *misp.Org {
	return &misp.Org{ID: misp.N(0), Name: misp.T("MISP"), DateCreated: misp.T(""), DateModified: misp.T(""),
		Description: misp.T("Automatically generated MISP organisation"), Type: misp.T(""), Nationality: misp.T("Not specified"), Sector: misp.T(""),
		CreatedBy: misp.N(0), UUID: misp.T("0"), Contacts: misp.T(""), Local: misp.B(true), RestrictedToDomain: misp.Raw("[]"), LandingPage: misp.NullText()}
}

// clusterOrg is an organisation of here, or one that a peer named.
func (a *api) clusterOrg(c *call, id int64, uuid, name string) *misp.Org {
	key := uuid
	if id != 0 {
		key = itoa(id)
	}
	if w, ok := c.fold().orgs[key]; ok {
		return w
	}
	o, err := a.findOrg(c, key)
	if err != nil {
		o = Org{ID: id, UUID: uuid, Name: name}
	}
	w := orgWire(o)
	c.fold().orgs[key] = &w
	return &w
}

// relationWire is one relation with its tags, those that are known here.
func (a *api) relationWire(c *call, r catalog.Relation) misp.GalaxyClusterRelation {
	w := misp.GalaxyClusterRelation{ID: misp.N(r.ID), ClusterID: misp.N(r.Cluster), ReferencedID: misp.N(r.TargetID), ReferencedUUID: misp.T(r.Target),
		ReferencedType: misp.T(r.Kind), ClusterUUID: misp.T(r.From), Distribution: misp.N(int64(r.Level)), SharingGroupID: misp.NullInt(), Default: misp.B(r.Default)}
	if r.Group != 0 {
		w.SharingGroupID = misp.N(r.Group)
	}
	for _, name := range r.Tags {
		t, ok := c.fold().tags[name]
		if !ok {
			if found, _, _, err := a.Intel.Tag(c.ctx(), c.who, name); err == nil {
				tw := found.Wire()
				t = &tw
			}
			c.fold().tags[name] = t
		}
		if t != nil {
			w.Tag = append(w.Tag, *t)
		}
	}
	return w
}

// clusterAnswer is a cluster as its own answers show it: elements instead of
// meta, its galaxy beside it, relations; inbound ones in a view.
func (a *api) clusterAnswer(c *call, cl catalog.Cluster, view bool) ([]byte, error) {
	w, head, err := a.clusterWire(c, cl)
	if err != nil {
		return nil, err
	}
	w.Meta, w.Galaxy = nil, &head.wire
	from, to, err := a.Catalog.Relations(c.ctx(), c.who, itoa(cl.ID))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	for _, r := range from {
		w.Relation = append(w.Relation, a.relationWire(c, r))
	}
	if view {
		for _, r := range to {
			w.Targeting = append(w.Targeting, a.relationWire(c, r))
		}
		w.RelationshipIn = misp.Raw("[]")
	}
	return append(misp.Append([]byte(`{"GalaxyCluster":`), &w), '}'), nil
}

// clusterLine is a cluster as lists show it: its own columns.
func (a *api) clusterLine(c *call, cl catalog.Cluster) ([]byte, error) {
	w, _, err := a.clusterWire(c, cl)
	if err != nil {
		return nil, err
	}
	w.Meta, w.GalaxyElement, w.Relation, w.Org, w.Orgc = nil, nil, nil, nil, nil
	return append(misp.Append([]byte(`{"GalaxyCluster":`), &w), '}'), nil
}
