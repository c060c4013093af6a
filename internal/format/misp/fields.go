package misp

// The places of every type, and the orders in which a MISP 2.5 server writes
// them. A key that stands in no order is read and never written.

var (
	attributeEvent = []string{"id", "type", "category", "to_ids", "uuid", "event_id", "distribution", "timestamp",
		"comment", "sharing_group_id", "deleted", "disable_correlation", "object_id", "object_relation",
		"first_seen", "last_seen", "value", "data", "warnings", "Galaxy", "Note", "Opinion", "Relationship",
		"SharingGroup", "ShadowAttribute", "Tag", "Sighting", "RelatedAttribute", "decay_score"}
	attributeAlone = []string{"id", "event_id", "object_id", "object_relation", "category", "type", "value1", "value2",
		"to_ids", "uuid", "timestamp", "distribution", "sharing_group_id", "comment", "deleted",
		"disable_correlation", "first_seen", "last_seen", "value", "event_uuid", "data", "SharingGroup",
		"AttributeTag", "Sighting", "RelatedAttribute", "Event", "Object", "Galaxy", "ShadowAttribute", "Tag",
		"warnings", "decay_score", "Note", "Opinion", "Relationship"}
	attributeRelated = []string{"id", "event_id", "object_id", "object_relation", "category", "type", "uuid",
		"timestamp", "distribution", "sharing_group_id", "to_ids", "comment", "value", "Event"}

	eventView = []string{"id", "orgc_id", "org_id", "date", "threat_level_id", "info", "published", "uuid",
		"attribute_count", "analysis", "timestamp", "distribution", "proposal_email_lock", "locked",
		"publish_timestamp", "sighting_timestamp", "sharing_group_id", "disable_correlation", "extends_uuid",
		"protected", "event_creator_email", "extensionEvents", "Org", "Orgc", "SharingGroup", "Attribute", "ShadowAttribute",
		"RelatedEvent", "Galaxy", "Object", "EventReport", "CryptographicKey", "Tag", "EventTag", "Sighting",
		"Feed", "warnings", "Note", "Opinion", "Relationship"}
	eventParent  = []string{"org_id", "distribution", "publish_timestamp", "id", "info", "orgc_id", "uuid"}
	eventRelated = []string{"id", "date", "threat_level_id", "info", "published", "uuid", "analysis", "timestamp",
		"distribution", "org_id", "orgc_id", "Org", "Orgc"}

	objectEvent = []string{"id", "name", "meta-category", "description", "template_uuid", "template_version",
		"event_id", "uuid", "timestamp", "distribution", "sharing_group_id", "comment", "deleted", "first_seen",
		"last_seen", "ObjectReference", "SharingGroup", "Attribute", "Note", "Opinion", "Relationship"}
	objectAlone = []string{"id", "name", "meta-category", "description", "template_uuid", "template_version",
		"event_id", "uuid", "timestamp", "distribution", "sharing_group_id", "comment", "deleted", "first_seen",
		"last_seen", "SharingGroup", "ObjectReference", "Event", "Attribute", "Note", "Opinion", "Relationship"}
	referenceOrder = []string{"id", "uuid", "timestamp", "object_id", "event_id", "source_uuid", "referenced_uuid",
		"referenced_id", "referenced_type", "relationship_type", "comment", "deleted", "object_uuid", "Object",
		"Attribute"}

	tagEvent = []string{"id", "name", "colour", "exportable", "user_id", "hide_tag", "numerical_value", "is_galaxy",
		"is_custom_galaxy", "local_only", "local", "relationship_type", "inherited"}
	tagAlone = []string{"id", "name", "colour", "exportable", "org_id", "user_id", "hide_tag", "numerical_value",
		"is_galaxy", "is_custom_galaxy", "local_only", "local", "relationship_type", "inherited", "favourite",
		"count", "attribute_count"}
	tagLinkOrder = []string{"id", "attribute_id", "event_id", "tag_id", "local", "relationship_type", "Tag"}

	galaxyOrder = []string{"id", "uuid", "name", "type", "description", "version", "icon", "namespace", "enabled",
		"local_only", "kill_chain_order", "GalaxyCluster"}
	clusterOrder = []string{"id", "uuid", "collection_uuid", "type", "value", "tag_name", "description", "galaxy_id",
		"source", "authors", "version", "distribution", "sharing_group_id", "org_id", "orgc_id", "default",
		"locked", "extends_uuid", "extends_version", "published", "deleted", "SharingGroup", "Galaxy", "GalaxyElement",
		"GalaxyClusterRelation", "Org", "Orgc", "TargetingClusterRelation", "RelationshipInbound", "meta",
		"tag_id", "attribute_tag_id", "event_tag_id", "local", "relationship_type"}
	elementOrder  = []string{"id", "galaxy_cluster_id", "key", "value"}
	relationOrder = []string{"id", "galaxy_cluster_id", "referenced_galaxy_cluster_id",
		"referenced_galaxy_cluster_uuid", "referenced_galaxy_cluster_type", "galaxy_cluster_uuid", "distribution",
		"sharing_group_id", "default", "Tag"}

	orgOrder = []string{"id", "name", "date_created", "date_modified", "description", "type", "nationality", "sector",
		"created_by", "uuid", "contacts", "local", "restricted_to_domain", "landingpage", "user_count",
		"created_by_email"}
	orgSighting       = []string{"id", "uuid", "name"}
	orgProposal       = []string{"name", "uuid", "id"}
	sharingGroupOrder = []string{"id", "name", "releasability", "description", "uuid", "organisation_uuid", "org_id",
		"sync_user_id", "active", "created", "modified", "local", "roaming", "sync_org_name", "org_count",
		"Organisation", "sync_org", "SharingGroupOrg", "SharingGroupServer"}
	sharingOrgOrder    = []string{"id", "sharing_group_id", "org_id", "extend", "Organisation"}
	sharingServerOrder = []string{"id", "sharing_group_id", "server_id", "all_orgs", "Server"}
	serverOrder        = []string{"id", "url", "name"}

	shadowEvent = []string{"id", "type", "category", "to_ids", "uuid", "event_uuid", "event_id", "old_id", "comment",
		"org_id", "proposal_to_delete", "timestamp", "first_seen", "last_seen", "value", "data", "Org"}
	shadowAlone = []string{"id", "old_id", "event_id", "type", "category", "uuid", "to_ids", "comment", "org_id",
		"event_org_id", "email", "timestamp", "first_seen", "last_seen", "deleted", "proposal_to_delete",
		"disable_correlation", "value", "data", "org_uuid", "old_uuid", "event_uuid", "Org"}
	sightingOrder = []string{"id", "attribute_id", "event_id", "org_id", "date_sighting", "uuid", "source", "type",
		"value", "attribute_uuid", "event_uuid", "Attribute", "Event", "Organisation"}
	reportOrder = []string{"id", "uuid", "event_id", "name", "content", "distribution", "sharing_group_id",
		"timestamp", "deleted", "SharingGroup", "Note", "Opinion", "Relationship"}
	cryptoOrder = []string{"id", "uuid", "type", "timestamp", "parent_id", "parent_type", "key_data", "revoked",
		"fingerprint"}
	analystOrder = []string{"id", "uuid", "object_uuid", "object_type", "authors", "org_uuid", "orgc_uuid", "created",
		"modified", "distribution", "sharing_group_id", "locked", "note", "language", "opinion", "comment",
		"relationship_type", "related_object_uuid", "related_object_type", "note_type", "note_type_name", "Orgc",
		"Org", "SharingGroup", "_canEdit", "_max_depth_reached", "related_object", "Note", "Opinion", "Relationship"}
)

func (e *Event) order(st style) []string {
	switch st {
	case parent:
		return eventParent
	case related:
		return eventRelated
	}
	return eventView
}

func (a *Attribute) order(st style) []string {
	switch st {
	case inEvent:
		return attributeEvent
	case related:
		return attributeRelated
	}
	return attributeAlone
}

func (o *Object) order(st style) []string {
	if st == inEvent {
		return objectEvent
	}
	return objectAlone
}

func (t *Tag) order(st style) []string {
	if st == inEvent {
		return tagEvent
	}
	return tagAlone
}

func (o *Org) order(st style) []string {
	switch st {
	case parent:
		return orgProposal
	case related:
		return orgSighting
	}
	return orgOrder
}

func (s *ShadowAttribute) order(st style) []string {
	if st == inEvent {
		return shadowEvent
	}
	return shadowAlone
}

func (r *RelatedEvent) order(style) []string          { return []string{"Event"} }
func (o *ObjectReference) order(style) []string       { return referenceOrder }
func (l *TagLink) order(style) []string               { return tagLinkOrder }
func (g *Galaxy) order(style) []string                { return galaxyOrder }
func (c *GalaxyCluster) order(style) []string         { return clusterOrder }
func (e *GalaxyElement) order(style) []string         { return elementOrder }
func (r *GalaxyClusterRelation) order(style) []string { return relationOrder }
func (s *SharingGroup) order(style) []string          { return sharingGroupOrder }
func (s *SharingGroupOrg) order(style) []string       { return sharingOrgOrder }
func (s *SharingGroupServer) order(style) []string    { return sharingServerOrder }
func (s *Server) order(style) []string                { return serverOrder }
func (s *Sighting) order(style) []string              { return sightingOrder }
func (r *EventReport) order(style) []string           { return reportOrder }
func (k *CryptographicKey) order(style) []string      { return cryptoOrder }
func (n *Analyst) order(style) []string               { return analystOrder }

func (r *RelatedEvent) field(key string) node {
	if key == "Event" {
		return relatedEvent{&r.Event}
	}
	return nil
}

// relatedEvent is an event in its short form, whatever surrounds it.
type relatedEvent struct{ p *Event }

func (e relatedEvent) present() bool                    { return true }
func (e relatedEvent) write(dst []byte, _ style) []byte { return writeRecord(dst, e.p, related) }
func (e relatedEvent) read(r *reader) error             { _, err := r.record(e.p); return err }

// relatedList are attributes in their short form.
type relatedList struct{ many[Attribute, *Attribute] }

func (l relatedList) write(dst []byte, _ style) []byte { return l.many.write(dst, related) }

func (e *Event) field(key string) node {
	switch key {
	case "id":
		return &e.ID
	case "orgc_id":
		return &e.OrgcID
	case "org_id":
		return &e.OrgID
	case "user_id":
		return &e.UserID
	case "date":
		return &e.Date
	case "threat_level_id":
		return &e.ThreatLevelID
	case "info":
		return &e.Info
	case "published":
		return &e.Published
	case "uuid":
		return &e.UUID
	case "attribute_count":
		return &e.AttributeCount
	case "analysis":
		return &e.Analysis
	case "timestamp":
		return &e.Timestamp
	case "distribution":
		return &e.Distribution
	case "proposal_email_lock":
		return &e.ProposalEmailLock
	case "locked":
		return &e.Locked
	case "publish_timestamp":
		return &e.PublishTimestamp
	case "sighting_timestamp":
		return &e.SightingTimestamp
	case "sharing_group_id":
		return &e.SharingGroupID
	case "disable_correlation":
		return &e.DisableCorrelation
	case "extends_uuid":
		return &e.ExtendsUUID
	case "protected":
		return &e.Protected
	case "event_creator_email":
		return &e.EventCreatorEmail
	case "Feed":
		return &e.Feed
	case "warnings":
		return &e.Warnings
	case "extensionEvents":
		return &e.ExtensionEvents
	}
	return e.part(key)
}

func (e *Event) part(key string) node {
	switch key {
	case "Org":
		return nested(&e.Org)
	case "Orgc":
		return nested(&e.Orgc)
	case "SharingGroup":
		return nested(&e.SharingGroup)
	case "Attribute":
		return listOf(&e.Attribute)
	case "ShadowAttribute":
		return listOf(&e.ShadowAttribute)
	case "RelatedEvent":
		return listOf(&e.RelatedEvent)
	case "Galaxy":
		return listOf(&e.Galaxy)
	case "Object":
		return listOf(&e.Object)
	case "EventReport":
		return listOf(&e.EventReport)
	case "CryptographicKey":
		return listOf(&e.CryptographicKey)
	case "Tag":
		return listOf(&e.Tag)
	case "EventTag":
		return listOf(&e.EventTag)
	case "Sighting":
		return listOf(&e.Sighting)
	case "Note":
		return listOf(&e.Note)
	case "Opinion":
		return listOf(&e.Opinion)
	case "Relationship":
		return listOf(&e.Relationship)
	}
	return nil
}

func (a *Attribute) field(key string) node {
	switch key {
	case "id":
		return &a.ID
	case "event_id":
		return &a.EventID
	case "object_id":
		return &a.ObjectID
	case "object_relation":
		return &a.ObjectRelation
	case "category":
		return &a.Category
	case "type":
		return &a.Type
	case "value1":
		return &a.Value1
	case "value2":
		return &a.Value2
	case "to_ids":
		return &a.ToIDS
	case "uuid":
		return &a.UUID
	case "timestamp":
		return &a.Timestamp
	case "distribution":
		return &a.Distribution
	case "sharing_group_id":
		return &a.SharingGroupID
	case "comment":
		return &a.Comment
	case "deleted":
		return &a.Deleted
	case "disable_correlation":
		return &a.DisableCorrelation
	case "first_seen":
		return &a.FirstSeen
	case "last_seen":
		return &a.LastSeen
	case "value":
		return &a.Value
	case "event_uuid":
		return &a.EventUUID
	case "data":
		return &a.Data
	case "batch_import":
		return &a.BatchImport
	case "encrypt":
		return &a.Encrypt
	case "warnings":
		return &a.Warnings
	case "decay_score":
		return &a.DecayScore
	}
	return a.part(key)
}

func (a *Attribute) part(key string) node {
	switch key {
	case "Event":
		// With its context the event is shown whole, else by a few keys.
		if a.Event != nil && !a.Event.ThreatLevelID.present() {
			return one[Event, *Event]{p: &a.Event, st: parent}
		}
		return nested(&a.Event)
	case "Object":
		return nested(&a.Object)
	case "SharingGroup":
		return nested(&a.SharingGroup)
	case "Galaxy":
		return listOf(&a.Galaxy)
	case "ShadowAttribute":
		return listOf(&a.ShadowAttribute)
	case "Tag":
		return listOf(&a.Tag)
	case "AttributeTag":
		return listOf(&a.AttributeTag)
	case "Sighting":
		return listOf(&a.Sighting)
	case "RelatedAttribute":
		return relatedList{many[Attribute, *Attribute]{&a.RelatedAttribute}}
	case "Note":
		return listOf(&a.Note)
	case "Opinion":
		return listOf(&a.Opinion)
	case "Relationship":
		return listOf(&a.Relationship)
	}
	return nil
}

func (o *Object) field(key string) node {
	switch key {
	case "id":
		return &o.ID
	case "name":
		return &o.Name
	case "meta-category":
		return &o.MetaCategory
	case "description":
		return &o.Description
	case "template_uuid":
		return &o.TemplateUUID
	case "template_version":
		return &o.TemplateVersion
	case "event_id":
		return &o.EventID
	case "uuid":
		return &o.UUID
	case "timestamp":
		return &o.Timestamp
	case "distribution":
		return &o.Distribution
	case "sharing_group_id":
		return &o.SharingGroupID
	case "comment":
		return &o.Comment
	case "deleted":
		return &o.Deleted
	case "first_seen":
		return &o.FirstSeen
	case "last_seen":
		return &o.LastSeen
	case "ObjectReference":
		return listOf(&o.ObjectReference)
	case "Event":
		return nested(&o.Event)
	case "SharingGroup":
		return nested(&o.SharingGroup)
	case "Attribute":
		return listOf(&o.Attribute)
	case "Note":
		return listOf(&o.Note)
	case "Opinion":
		return listOf(&o.Opinion)
	case "Relationship":
		return listOf(&o.Relationship)
	}
	return nil
}

func (o *ObjectReference) field(key string) node {
	switch key {
	case "id":
		return &o.ID
	case "uuid":
		return &o.UUID
	case "timestamp":
		return &o.Timestamp
	case "object_id":
		return &o.ObjectID
	case "event_id":
		return &o.EventID
	case "source_uuid":
		return &o.SourceUUID
	case "referenced_uuid":
		return &o.ReferencedUUID
	case "referenced_id":
		return &o.ReferencedID
	case "referenced_type":
		return &o.ReferencedType
	case "relationship_type":
		return &o.RelationshipType
	case "comment":
		return &o.Comment
	case "deleted":
		return &o.Deleted
	case "object_uuid":
		return &o.ObjectUUID
	case "Object":
		return &o.Object
	case "Attribute":
		return &o.Attribute
	}
	return nil
}

func (t *Tag) field(key string) node {
	switch key {
	case "id":
		return &t.ID
	case "name":
		return &t.Name
	case "colour":
		return &t.Colour
	case "exportable":
		return &t.Exportable
	case "org_id":
		return &t.OrgID
	case "user_id":
		return &t.UserID
	case "hide_tag":
		return &t.HideTag
	case "numerical_value":
		return &t.NumericalValue
	case "is_galaxy":
		return &t.IsGalaxy
	case "is_custom_galaxy":
		return &t.IsCustomGalaxy
	case "local_only":
		return &t.LocalOnly
	case "local":
		return &t.Local
	case "relationship_type":
		return &t.RelationshipType
	case "inherited":
		return &t.Inherited
	case "deleted":
		return &t.Deleted
	case "favourite":
		return &t.Favourite
	case "count":
		return &t.Count
	case "attribute_count":
		return &t.AttributeCount
	}
	return nil
}

func (l *TagLink) field(key string) node {
	switch key {
	case "id":
		return &l.ID
	case "attribute_id":
		return &l.AttributeID
	case "event_id":
		return &l.EventID
	case "tag_id":
		return &l.TagID
	case "local":
		return &l.Local
	case "relationship_type":
		return &l.RelationshipType
	case "Tag":
		return nested(&l.Tag)
	}
	return nil
}
