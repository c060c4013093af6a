package intel

import (
	"straza/internal/format/indicator"
	"straza/internal/format/misp"
	"straza/internal/kernel/clock"
)

// Wire gives the short form of an organisation; some answers add whether it is local.
func (o Org) Wire() *misp.Org {
	return &misp.Org{ID: misp.N(o.ID), Name: misp.T(o.Name), UUID: misp.T(o.UUID)}
}

// Wire gives the event's header in MISP's form: scalars, organisations, tags.
// Lists of attributes, objects and reports are the caller's to add.
func (e *Event) Wire() *misp.Event {
	w := &misp.Event{ID: misp.N(e.ID), OrgcID: misp.N(e.Origin.ID), OrgID: misp.N(e.Owner.ID), Date: misp.T(e.Date),
		ThreatLevelID: misp.N(int64(e.Threat)), Info: misp.T(e.Info), Published: misp.B(e.Published), UUID: misp.T(e.UUID),
		AttributeCount: misp.N(e.Attributes), Analysis: misp.N(int64(e.Analysis)), Timestamp: misp.N(e.Timestamp),
		Distribution: misp.N(int64(e.Distribution)), ProposalEmailLock: misp.B(e.ProposalLock), Locked: misp.B(e.Locked),
		PublishTimestamp: misp.N(e.PublishTimestamp), SightingTimestamp: misp.N(e.SightingTimestamp), SharingGroupID: misp.N(e.Group),
		DisableCorrelation: misp.B(e.NoCorrelation), ExtendsUUID: misp.T(e.ExtendsUUID), Protected: misp.Flag{Is: misp.Null},
		Org: e.Owner.Wire(), Orgc: e.Origin.Wire(), Tag: wireTags(e.Tags), Attribute: []misp.Attribute{}, Object: []misp.Object{}}
	if e.Protected != nil {
		w.Protected = misp.B(*e.Protected)
	}
	return w
}

// Wire gives an attribute in MISP's form; Data is the caller's to add.
func (a *Attribute) Wire() misp.Attribute {
	w := misp.Attribute{ID: misp.N(a.ID), EventID: misp.N(a.EventID), ObjectID: misp.N(a.ObjectID), ObjectRelation: misp.TextOrNull(a.Relation),
		Category: misp.T(a.Category), Type: misp.T(a.Type), ToIDS: misp.B(a.ToIDS), UUID: misp.T(a.UUID), Timestamp: misp.N(a.Timestamp),
		Distribution: misp.N(int64(a.Distribution)), SharingGroupID: misp.N(a.Group), Comment: misp.T(a.Comment), Deleted: misp.B(a.Deleted),
		DisableCorrelation: misp.B(a.NoCorrelation), FirstSeen: wireSeen(a.FirstSeen), LastSeen: wireSeen(a.LastSeen), Value: misp.T(a.Value)}
	if len(a.Tags) > 0 {
		w.Tag = wireTags(a.Tags)
	}
	return w
}

// Wire gives an object with its attributes and references in MISP's form.
func (o *Object) Wire() misp.Object {
	w := misp.Object{ID: misp.N(o.ID), Name: misp.T(o.Name), MetaCategory: misp.T(o.MetaCategory), Description: misp.T(o.Description),
		TemplateUUID: misp.T(o.TemplateUUID), TemplateVersion: misp.N(o.TemplateVersion), EventID: misp.N(o.EventID), UUID: misp.T(o.UUID),
		Timestamp: misp.N(o.Timestamp), Distribution: misp.N(int64(o.Distribution)), SharingGroupID: misp.N(o.Group), Comment: misp.T(o.Comment),
		Deleted: misp.B(o.Deleted), FirstSeen: wireSeen(o.FirstSeen), LastSeen: wireSeen(o.LastSeen),
		Attribute: []misp.Attribute{}, ObjectReference: []misp.ObjectReference{}}
	for i := range o.Attributes {
		w.Attribute = append(w.Attribute, o.Attributes[i].Wire())
	}
	for _, r := range o.References {
		w.ObjectReference = append(w.ObjectReference, r.Wire(o.UUID))
	}
	return w
}

// Wire gives a reference in MISP's form; source is its object's UUID.
func (r *Reference) Wire(source string) misp.ObjectReference {
	return misp.ObjectReference{ID: misp.N(r.ID), UUID: misp.T(r.UUID), Timestamp: misp.N(r.Timestamp), ObjectID: misp.N(r.ObjectID),
		EventID: misp.N(r.EventID), SourceUUID: misp.T(source), ReferencedUUID: misp.T(r.TargetUUID), ReferencedID: misp.N(r.TargetID),
		ReferencedType: misp.N(int64(r.TargetType)), RelationshipType: misp.T(r.Relationship), Comment: misp.T(r.Comment),
		Deleted: misp.B(r.Deleted), ObjectUUID: misp.T(source)}
}

// Wire gives a report in MISP's form.
func (r *Report) Wire() misp.EventReport {
	return misp.EventReport{ID: misp.N(r.ID), UUID: misp.T(r.UUID), EventID: misp.N(r.EventID), Name: misp.T(r.Name), Content: misp.T(r.Content),
		Distribution: misp.N(int64(r.Distribution)), SharingGroupID: misp.N(r.Group), Timestamp: misp.N(r.Timestamp), Deleted: misp.B(r.Deleted)}
}

// Wire gives a tag in MISP's form.
func (t *Tag) Wire() misp.Tag {
	w := misp.Tag{ID: misp.N(t.ID), Name: misp.T(t.Name), Colour: misp.T(t.Colour), Exportable: misp.B(t.Exportable), OrgID: misp.N(t.Org),
		UserID: misp.N(t.User), HideTag: misp.B(t.Hidden), NumericalValue: misp.NullInt(), IsGalaxy: misp.B(t.Galaxy()),
		IsCustomGalaxy: misp.B(t.OwnGalaxy()), LocalOnly: misp.B(t.LocalOnly)}
	if t.Numerical != nil {
		w.NumericalValue = misp.N(*t.Numerical)
	}
	return w
}

func wireTags(uses []TagUse) []misp.Tag {
	out := make([]misp.Tag, len(uses))
	for i := range uses {
		out[i] = uses[i].Tag.Wire()
		out[i].Local = misp.B(uses[i].Local)
		out[i].RelationshipType = misp.TextOrNull(uses[i].Relationship)
	}
	return out
}

// Wire gives a sharing group in MISP's form, members and servers included.
func (g *SharingGroup) Wire() *misp.SharingGroup {
	w := &misp.SharingGroup{ID: misp.N(g.ID), Name: misp.T(g.Name), Releasability: misp.T(g.Releasability), Description: misp.T(g.Description),
		UUID: misp.T(g.UUID), OrganisationUUID: misp.T(g.Owner.UUID), OrgID: misp.N(g.Owner.ID), SyncUserID: misp.N(g.SyncUser),
		Active: misp.B(g.Active), Created: wireTime(g.Created), Modified: wireTime(g.Modified), Local: misp.B(g.Local), Roaming: misp.B(g.Roaming),
		Organisation: g.Owner.Wire(), Orgs: []misp.SharingGroupOrg{}, Servers: []misp.SharingGroupServer{}}
	for _, m := range g.Orgs {
		w.Orgs = append(w.Orgs, misp.SharingGroupOrg{ID: misp.N(m.ID), SharingGroupID: misp.N(g.ID), OrgID: misp.N(m.Org.ID),
			Extend: misp.B(m.Extend), Organisation: m.Org.Wire()})
	}
	for _, h := range g.Servers {
		s := misp.SharingGroupServer{ID: misp.N(h.ID), SharingGroupID: misp.N(g.ID), ServerID: misp.N(h.Server), AllOrgs: misp.B(h.AllOrgs)}
		if h.Server != 0 || h.URL != "" {
			s.Server = &misp.Server{ID: misp.N(h.Server), URL: misp.T(h.URL), Name: misp.T(h.Name)}
		}
		w.Servers = append(w.Servers, s)
	}
	return w
}

func wireSeen(us *int64) misp.Text {
	if us == nil {
		return misp.NullText()
	}
	return misp.T(misp.FormatSeen(clock.FromMicros(*us)))
}

func wireTime(us int64) misp.Text {
	return misp.T(clock.FromMicros(us).Format("2006-01-02 15:04:05"))
}

// Indicator fills in an attribute with its event, as detection content needs it. The
// attribute's Event must be there; local tags are left out, so that they stay here.
func (a *Attribute) Indicator(it *indicator.Item) {
	e := a.Event
	*it = indicator.Item{ID: a.ID, EventID: a.EventID, UUID: a.UUID, EventUUID: e.UUID, Type: a.Type, Category: a.Category, Value: a.Value, Comment: a.Comment,
		Info: e.Info, Org: e.Origin.Name, Tags: leavingNames(e.Tags), Own: leavingNames(a.Tags), TLP: e.TLP, Threat: e.Threat, Timestamp: a.Timestamp, ToIDS: a.ToIDS}
}

func leavingNames(uses []TagUse) []string {
	var out []string
	for i := range uses {
		if uses[i].Exportable && !uses[i].Local {
			out = append(out, uses[i].Name)
		}
	}
	return out
}
