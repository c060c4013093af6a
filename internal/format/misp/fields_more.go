package misp

func (g *Galaxy) field(key string) node {
	switch key {
	case "id":
		return &g.ID
	case "uuid":
		return &g.UUID
	case "name":
		return &g.Name
	case "type":
		return &g.Type
	case "description":
		return &g.Description
	case "version":
		return &g.Version
	case "icon":
		return &g.Icon
	case "namespace":
		return &g.Namespace
	case "enabled":
		return &g.Enabled
	case "local_only":
		return &g.LocalOnly
	case "kill_chain_order":
		return &g.KillChainOrder
	case "GalaxyCluster":
		return listOf(&g.GalaxyCluster)
	}
	return nil
}

func (c *GalaxyCluster) field(key string) node {
	switch key {
	case "SharingGroup":
		return nested(&c.SharingGroup)
	case "id":
		return &c.ID
	case "uuid":
		return &c.UUID
	case "collection_uuid":
		return &c.CollectionUUID
	case "type":
		return &c.Type
	case "value":
		return &c.Value
	case "tag_name":
		return &c.TagName
	case "description":
		return &c.Description
	case "galaxy_id":
		return &c.GalaxyID
	case "source":
		return &c.Source
	case "authors":
		return &texts{&c.Authors}
	case "version":
		return &c.Version
	case "distribution":
		return &c.Distribution
	case "sharing_group_id":
		return &c.SharingGroupID
	case "org_id":
		return &c.OrgID
	case "orgc_id":
		return &c.OrgcID
	case "default":
		return &c.Default
	case "locked":
		return &c.Locked
	case "extends_uuid":
		return &c.ExtendsUUID
	case "extends_version":
		return &c.ExtendsVersion
	case "published":
		return &c.Published
	case "deleted":
		return &c.Deleted
	case "meta":
		return &c.Meta
	case "tag_id":
		return &c.TagID
	case "attribute_tag_id":
		return &c.AttributeTagID
	case "event_tag_id":
		return &c.EventTagID
	case "local":
		return &c.Local
	case "relationship_type":
		return &c.RelationshipType
	}
	return c.part(key)
}

func (c *GalaxyCluster) part(key string) node {
	switch key {
	case "Galaxy":
		return nested(&c.Galaxy)
	case "GalaxyElement":
		return listOf(&c.GalaxyElement)
	case "GalaxyClusterRelation":
		return listOf(&c.Relation)
	case "TargetingClusterRelation":
		return listOf(&c.Targeting)
	case "RelationshipInbound":
		return &c.RelationshipIn
	case "Org":
		return nested(&c.Org)
	case "Orgc":
		return nested(&c.Orgc)
	}
	return nil
}

func (e *GalaxyElement) field(key string) node {
	switch key {
	case "id":
		return &e.ID
	case "galaxy_cluster_id":
		return &e.ClusterID
	case "key":
		return &e.Key
	case "value":
		return &e.Value
	}
	return nil
}

func (r *GalaxyClusterRelation) field(key string) node {
	switch key {
	case "id":
		return &r.ID
	case "galaxy_cluster_id":
		return &r.ClusterID
	case "referenced_galaxy_cluster_id":
		return &r.ReferencedID
	case "referenced_galaxy_cluster_uuid":
		return &r.ReferencedUUID
	case "referenced_galaxy_cluster_type":
		return &r.ReferencedType
	case "galaxy_cluster_uuid":
		return &r.ClusterUUID
	case "distribution":
		return &r.Distribution
	case "sharing_group_id":
		return &r.SharingGroupID
	case "default":
		return &r.Default
	case "Tag":
		return listOf(&r.Tag)
	}
	return nil
}

func (o *Org) field(key string) node {
	switch key {
	case "id":
		return &o.ID
	case "name":
		return &o.Name
	case "date_created":
		return &o.DateCreated
	case "date_modified":
		return &o.DateModified
	case "description":
		return &o.Description
	case "type":
		return &o.Type
	case "nationality":
		return &o.Nationality
	case "sector":
		return &o.Sector
	case "created_by":
		return &o.CreatedBy
	case "uuid":
		return &o.UUID
	case "contacts":
		return &o.Contacts
	case "local":
		return &o.Local
	case "restricted_to_domain":
		return &o.RestrictedToDomain
	case "landingpage":
		return &o.LandingPage
	case "user_count":
		return &o.UserCount
	case "created_by_email":
		return &o.CreatedByEmail
	}
	return nil
}

func (s *SharingGroup) field(key string) node {
	switch key {
	case "id":
		return &s.ID
	case "name":
		return &s.Name
	case "releasability":
		return &s.Releasability
	case "description":
		return &s.Description
	case "uuid":
		return &s.UUID
	case "organisation_uuid":
		return &s.OrganisationUUID
	case "org_id":
		return &s.OrgID
	case "sync_user_id":
		return &s.SyncUserID
	case "active":
		return &s.Active
	case "created":
		return &s.Created
	case "modified":
		return &s.Modified
	case "local":
		return &s.Local
	case "roaming":
		return &s.Roaming
	case "sync_org_name":
		return &s.SyncOrgName
	case "org_count":
		return &s.OrgCount
	case "Organisation":
		return nested(&s.Organisation)
	case "sync_org":
		return nested(&s.SyncOrg)
	case "SharingGroupOrg":
		return listOf(&s.Orgs)
	case "SharingGroupServer":
		return listOf(&s.Servers)
	}
	return nil
}

func (s *SharingGroupOrg) field(key string) node {
	switch key {
	case "id":
		return &s.ID
	case "sharing_group_id":
		return &s.SharingGroupID
	case "org_id":
		return &s.OrgID
	case "extend":
		return &s.Extend
	case "Organisation":
		return nested(&s.Organisation)
	}
	return nil
}

func (s *SharingGroupServer) field(key string) node {
	switch key {
	case "id":
		return &s.ID
	case "sharing_group_id":
		return &s.SharingGroupID
	case "server_id":
		return &s.ServerID
	case "all_orgs":
		return &s.AllOrgs
	case "Server":
		return nested(&s.Server)
	}
	return nil
}

func (s *Server) field(key string) node {
	switch key {
	case "id":
		return &s.ID
	case "url":
		return &s.URL
	case "name":
		return &s.Name
	}
	return nil
}

func (s *ShadowAttribute) field(key string) node {
	switch key {
	case "id":
		return &s.ID
	case "old_id":
		return &s.OldID
	case "event_id":
		return &s.EventID
	case "type":
		return &s.Type
	case "category":
		return &s.Category
	case "uuid":
		return &s.UUID
	case "to_ids":
		return &s.ToIDS
	case "comment":
		return &s.Comment
	case "org_id":
		return &s.OrgID
	case "event_org_id":
		return &s.EventOrgID
	case "email":
		return &s.Email
	case "timestamp":
		return &s.Timestamp
	case "first_seen":
		return &s.FirstSeen
	case "last_seen":
		return &s.LastSeen
	case "deleted":
		return &s.Deleted
	case "proposal_to_delete":
		return &s.ProposalToDelete
	case "disable_correlation":
		return &s.DisableCorrelation
	case "value":
		return &s.Value
	case "data":
		return &s.Data
	case "org_uuid":
		return &s.OrgUUID
	case "old_uuid":
		return &s.OldUUID
	case "event_uuid":
		return &s.EventUUID
	case "Org":
		if s.Org != nil && !s.Org.Local.present() { // the index shows it shorter than the event
			return one[Org, *Org]{p: &s.Org, st: parent}
		}
		return nested(&s.Org)
	}
	return nil
}

func (s *Sighting) field(key string) node {
	switch key {
	case "id":
		return &s.ID
	case "attribute_id":
		return &s.AttributeID
	case "event_id":
		return &s.EventID
	case "org_id":
		return &s.OrgID
	case "date_sighting", "timestamp":
		return &s.DateSighting
	case "uuid":
		return &s.UUID
	case "source":
		return &s.Source
	case "type":
		return &s.Type
	case "value":
		return &s.Value
	case "values":
		return &texts{&s.Values}
	case "attribute_uuid":
		return &s.AttributeUUID
	case "event_uuid":
		return &s.EventUUID
	case "Attribute":
		return nested(&s.Attribute)
	case "Event":
		return nested(&s.Event)
	case "Organisation":
		return one[Org, *Org]{p: &s.Organisation, st: related}
	}
	return nil
}

func (r *EventReport) field(key string) node {
	switch key {
	case "id":
		return &r.ID
	case "uuid":
		return &r.UUID
	case "event_id":
		return &r.EventID
	case "name":
		return &r.Name
	case "content":
		return &r.Content
	case "distribution":
		return &r.Distribution
	case "sharing_group_id":
		return &r.SharingGroupID
	case "timestamp":
		return &r.Timestamp
	case "deleted":
		return &r.Deleted
	case "SharingGroup":
		return nested(&r.SharingGroup)
	case "Note":
		return listOf(&r.Note)
	case "Opinion":
		return listOf(&r.Opinion)
	case "Relationship":
		return listOf(&r.Relationship)
	}
	return nil
}

func (k *CryptographicKey) field(key string) node {
	switch key {
	case "id":
		return &k.ID
	case "uuid":
		return &k.UUID
	case "type":
		return &k.Type
	case "timestamp":
		return &k.Timestamp
	case "parent_id":
		return &k.ParentID
	case "parent_type":
		return &k.ParentType
	case "key_data":
		return &k.KeyData
	case "revoked":
		return &k.Revoked
	case "fingerprint":
		return &k.Fingerprint
	}
	return nil
}

func (n *Analyst) field(key string) node {
	switch key {
	case "id":
		return &n.ID
	case "uuid":
		return &n.UUID
	case "object_uuid":
		return &n.ObjectUUID
	case "object_type":
		return &n.ObjectType
	case "authors":
		return &n.Authors
	case "org_uuid":
		return &n.OrgUUID
	case "orgc_uuid":
		return &n.OrgcUUID
	case "created":
		return &n.Created
	case "modified":
		return &n.Modified
	case "distribution":
		return &n.Distribution
	case "sharing_group_id":
		return &n.SharingGroupID
	case "locked":
		return &n.Locked
	case "note":
		return &n.Note
	case "language":
		return &n.Language
	case "opinion":
		return &n.Opinion
	case "comment":
		return &n.Comment
	case "relationship_type":
		return &n.RelationshipType
	case "related_object_uuid":
		return &n.RelatedObjectUUID
	case "related_object_type":
		return &n.RelatedObjectType
	case "note_type":
		return &n.NoteType
	case "note_type_name":
		return &n.NoteTypeName
	case "_canEdit":
		return &n.CanEdit
	case "_max_depth_reached":
		return &n.MaxDepthReached
	case "related_object":
		return &n.RelatedObject
	}
	return n.part(key)
}

func (n *Analyst) part(key string) node {
	switch key {
	case "Orgc":
		return nested(&n.Orgc)
	case "Org":
		return nested(&n.Org)
	case "SharingGroup":
		return nested(&n.SharingGroup)
	case "Note":
		return listOf(&n.Notes)
	case "Opinion":
		return listOf(&n.Opinions)
	case "Relationship":
		return listOf(&n.Relationships)
	}
	return nil
}
