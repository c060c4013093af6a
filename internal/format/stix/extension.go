package stix

import (
	"encoding/base64"

	"straza/internal/format/misp"
)

// Extension is the id of our property extension: what MISP says of a thing and
// STIX has no word for, in MISP's own JSON. With it our export comes back without
// loss; readers that do not know it pass it over, as the standard tells them to.
//
// It stands in the one object that stands for the thing, under one key: event
// (report, grouping), attribute and object (indicator, else observed-data, else
// what else was made of them), objects beside object (those told within it), sighting, report (note), analyst (note, opinion),
// cluster. Numbers and persons of one installation are not in it;
// a sharing group is, by its UUID, as far as the caller gives one: who gets an event of a
// group is told which, never who is not in it.
const Extension = "extension-definition--c2b7d4b0-0a4b-5f0e-9d3c-6f1f3a6f7a11"

const extensionAuthor = "identity--0e6a3b53-0b59-5f0a-8a55-6a0f6b6f2f5e"

const (
	extensionMade   = "2020-01-01T00:00:00.000Z"
	extensionSchema = "Property extension. One of the keys event, attribute, object, sighting, report, analyst, cluster holds the thing as MISP 2.5 writes it in JSON (objects beside object a list of those that the STIX object tells of too), without the numeric ids of an installation; uuid lists of Galaxy refer to clusters that stand in the same bundle. What another property of the STIX object says (content, payload_bin) is left out."
)

// extendThing adds the extension of an attribute or object.
func (c *Converter) extendThing(p *props, t thing) {
	c.extendWith(p, append(props{{t.key, t.whole}}, ifAny("objects", t.within)...))
}

func ifAny(key string, raw []byte) (p props) {
	p.raw(key, raw)
	return p
}

// extend adds the extension under one key; raw is JSON.
func (c *Converter) extend(p *props, key string, raw []byte) { c.extendWith(p, props{{key, raw}}) }

func (c *Converter) extendWith(p *props, what props) {
	if c.opt.Plain {
		return
	}
	if c.first(Extension) {
		var own props
		own.text("name", "Straža")
		own.text("identity_class", "system")
		c.publish(head{typ: "identity", id: extensionAuthor, created: extensionMade, noAuthor: true, noMarking: true, unlisted: true, shared: true}, own)
		own = nil
		own.text("name", "MISP, whole")
		own.text("description", "What MISP says of a thing and STIX has no word for.")
		own.text("schema", extensionSchema)
		own.text("version", "1.0.0")
		own.texts("extension_types", []string{"property-extension"})
		c.publish(head{typ: "extension-definition", id: Extension, created: extensionMade, author: extensionAuthor, noMarking: true, unlisted: true, shared: true}, own)
	}
	inner := append(one("extension_type", "property-extension"), what...)
	var ext props
	ext.dict(Extension, inner)
	p.dict("extensions", ext)
}

// attribute is an attribute as the extension holds it; the content of a file that
// stands elsewhere in the bundle is left out.
func (n naming) attribute(a *misp.Attribute, dataElsewhere bool) misp.Attribute {
	out := misp.Attribute{UUID: a.UUID, Type: a.Type, Category: a.Category, Value: a.Value, Value1: a.Value1, Value2: a.Value2, ToIDS: a.ToIDS,
		Timestamp: a.Timestamp, Distribution: a.Distribution, Comment: a.Comment, DisableCorrelation: a.DisableCorrelation,
		SharingGroup: groupOf(a.Distribution, a.SharingGroup, false), FirstSeen: a.FirstSeen, LastSeen: a.LastSeen, ObjectRelation: a.ObjectRelation, Data: a.Data, Deleted: a.Deleted,
		Tag: carriedTags(a.Tag), Galaxy: n.stubs(a.Galaxy), Relationship: carriedAnalysts(a.Relationship),
		ShadowAttribute: carriedProposals(a.ShadowAttribute), Sighting: wordless(a.Sighting)}
	if dataElsewhere {
		out.Data = misp.Text{}
	}
	return out
}

// dataStands tells whether a file's content is exported as an artifact.
func dataStands(a *misp.Attribute) bool {
	if a.Type.V != "attachment" && a.Type.V != "malware-sample" || a.Data.V == "" {
		return false
	}
	_, err := base64.StdEncoding.DecodeString(a.Data.V)
	return err == nil
}

func (n naming) object(o *misp.Object) misp.Object {
	out := misp.Object{UUID: o.UUID, Name: o.Name, MetaCategory: o.MetaCategory, Description: o.Description, TemplateUUID: o.TemplateUUID,
		TemplateVersion: o.TemplateVersion, Timestamp: o.Timestamp, Distribution: o.Distribution, Comment: o.Comment, Deleted: o.Deleted,
		SharingGroup: groupOf(o.Distribution, o.SharingGroup, false), FirstSeen: o.FirstSeen, LastSeen: o.LastSeen, Relationship: carriedAnalysts(o.Relationship)}
	for i := range o.Attribute {
		if !o.Attribute[i].Deleted.Or(false) {
			out.Attribute = append(out.Attribute, n.attribute(&o.Attribute[i], false))
		}
	}
	for i := range o.ObjectReference {
		if r := o.ObjectReference[i]; !r.Deleted.Or(false) {
			out.ObjectReference = append(out.ObjectReference, misp.ObjectReference{UUID: r.UUID, Timestamp: r.Timestamp, ReferencedUUID: r.ReferencedUUID,
				ReferencedType: r.ReferencedType, RelationshipType: r.RelationshipType, Comment: r.Comment, Deleted: r.Deleted})
		}
	}
	return out
}

func (n naming) event(e *misp.Event) misp.Event {
	out := misp.Event{UUID: e.UUID, Info: e.Info, Date: e.Date, ThreatLevelID: e.ThreatLevelID, Analysis: e.Analysis, Published: e.Published,
		SharingGroup: groupOf(e.Distribution, e.SharingGroup, true),
		Timestamp:    e.Timestamp, PublishTimestamp: e.PublishTimestamp, Distribution: e.Distribution, ProposalEmailLock: e.ProposalEmailLock,
		Locked: e.Locked, DisableCorrelation: e.DisableCorrelation, ExtendsUUID: e.ExtendsUUID, Protected: e.Protected,
		Tag: carriedTags(e.Tag), Galaxy: n.stubs(e.Galaxy), Relationship: carriedAnalysts(e.Relationship),
		ShadowAttribute: carriedProposals(e.ShadowAttribute), Sighting: carriedSightings(e.Sighting)}
	for _, k := range e.CryptographicKey {
		k.ID, k.ParentID = misp.Int{}, misp.Int{}
		out.CryptographicKey = append(out.CryptographicKey, k)
	}
	return out
}

// groupOf is the sharing group of what is shared within one: with its members in the
// header, where a reader that knows it not may be allowed to take it in, else by name.
func groupOf(level misp.Int, g *misp.SharingGroup, whole bool) *misp.SharingGroup {
	if g == nil || level.Or(0) != 4 || !uuidShape(g.UUID.Or("")) {
		return nil
	}
	out := &misp.SharingGroup{UUID: g.UUID, Name: g.Name}
	if !whole || g.Orgs == nil {
		return out
	}
	out.Releasability, out.Description, out.OrganisationUUID, out.Active, out.Roaming, out.Modified = g.Releasability, g.Description, g.OrganisationUUID, g.Active, g.Roaming, g.Modified
	out.Organisation = carriedOrg(g.Organisation)
	for _, o := range g.Orgs {
		out.Orgs = append(out.Orgs, misp.SharingGroupOrg{Extend: o.Extend, Organisation: carriedOrg(o.Organisation)})
	}
	return out
}

func carriedTags(tags []misp.Tag) []misp.Tag {
	var out []misp.Tag
	for _, t := range tags {
		if t.Deleted.Or(false) {
			continue
		}
		out = append(out, misp.Tag{Name: t.Name, Colour: t.Colour, Exportable: t.Exportable, NumericalValue: t.NumericalValue, Local: t.Local, RelationshipType: t.RelationshipType})
	}
	return out
}

// clusterStubs names the clusters in use; each stands whole in its own object.
func (n naming) stubs(list []misp.Galaxy) []misp.Galaxy {
	var out []misp.Galaxy
	for _, g := range list {
		stub := misp.Galaxy{UUID: g.UUID, Type: g.Type}
		for _, k := range g.GalaxyCluster {
			stub.GalaxyCluster = append(stub.GalaxyCluster, misp.GalaxyCluster{UUID: misp.T(n.of(&k)), Local: k.Local, RelationshipType: k.RelationshipType})
		}
		out = append(out, stub)
	}
	return out
}

func clusterUUID(k *misp.GalaxyCluster) string { return UUID(k.UUID.Or(""), "cluster "+k.TagName.V) }

// otherUUID is for a cluster whose uuid another one has taken: old events give
// all clusters of a galaxy the same.
func otherUUID(k *misp.GalaxyCluster) string {
	return uuid5(nsMISP, "cluster "+k.UUID.V+" "+k.TagName.V+" "+k.Value.V)
}

// naming gives each cluster of an event a uuid of its own.
type naming map[string]string

func (n naming) of(k *misp.GalaxyCluster) string {
	u, what := clusterUUID(k), k.TagName.V+" "+k.Value.V
	if first, ok := n[u]; ok && first != what {
		return otherUUID(k)
	}
	n[u] = what
	return u
}

// carriedCluster is a cluster with its galaxy's head.
func carriedCluster(g *misp.Galaxy, k *misp.GalaxyCluster) misp.GalaxyCluster {
	out := misp.GalaxyCluster{UUID: k.UUID, CollectionUUID: k.CollectionUUID, Type: k.Type, Value: k.Value, TagName: k.TagName, Description: k.Description,
		Source: k.Source, Authors: k.Authors, Version: k.Version, Meta: k.Meta, ExtendsUUID: k.ExtendsUUID, ExtendsVersion: k.ExtendsVersion}
	for _, e := range k.GalaxyElement {
		out.GalaxyElement = append(out.GalaxyElement, misp.GalaxyElement{Key: e.Key, Value: e.Value})
	}
	for _, r := range k.Relation {
		out.Relation = append(out.Relation, misp.GalaxyClusterRelation{ReferencedUUID: r.ReferencedUUID, ReferencedType: r.ReferencedType, ClusterUUID: r.ClusterUUID, Tag: carriedTags(r.Tag)})
	}
	out.Galaxy = &misp.Galaxy{UUID: g.UUID, Name: g.Name, Type: g.Type, Description: g.Description, Version: g.Version, Icon: g.Icon, Namespace: g.Namespace, KillChainOrder: g.KillChainOrder}
	return out
}

// wordless are the sightings that STIX has no object for: expirations.
func wordless(list []misp.Sighting) []misp.Sighting {
	var some []misp.Sighting
	for _, s := range list {
		if s.Type.Or(0) > 1 {
			some = append(some, s)
		}
	}
	return carriedSightings(some)
}

func carriedSightings(list []misp.Sighting) []misp.Sighting {
	var out []misp.Sighting
	for i := range list {
		out = append(out, carriedSighting(&list[i]))
	}
	return out
}

func carriedSighting(s *misp.Sighting) misp.Sighting {
	return misp.Sighting{UUID: s.UUID, DateSighting: s.DateSighting, Source: s.Source, Type: s.Type, AttributeUUID: s.AttributeUUID, Organisation: carriedOrg(s.Organisation)}
}

func carriedOrg(o *misp.Org) *misp.Org {
	if o == nil {
		return nil
	}
	return &misp.Org{Name: o.Name, UUID: o.UUID}
}

// carriedProposals leaves out who is behind them but for the organisation.
func carriedProposals(list []misp.ShadowAttribute) []misp.ShadowAttribute {
	var out []misp.ShadowAttribute
	for _, s := range list {
		s.ID, s.OldID, s.EventID, s.OrgID, s.EventOrgID, s.Email, s.Org = misp.Int{}, misp.Int{}, misp.Int{}, misp.Int{}, misp.Int{}, misp.Text{}, carriedOrg(s.Org)
		out = append(out, s)
	}
	return out
}

func carriedAnalysts(list []misp.Analyst) []misp.Analyst {
	var out []misp.Analyst
	for i := range list {
		out = append(out, carriedAnalyst(&list[i]))
	}
	return out
}

func carriedAnalyst(n *misp.Analyst) misp.Analyst {
	out := *n
	out.ID, out.SharingGroupID, out.OrgUUID, out.Org = misp.Int{}, misp.Int{}, misp.Text{}, nil
	out.CanEdit, out.MaxDepthReached, out.RelatedObject, out.Orgc = misp.Flag{}, misp.Flag{}, nil, carriedOrg(n.Orgc)
	out.Notes, out.Opinions, out.Relationships = carriedAnalysts(n.Notes), carriedAnalysts(n.Opinions), carriedAnalysts(n.Relationships)
	return out
}
