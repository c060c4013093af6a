package catalog

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"

	"strings"
)

// mayCluster: who may make clusters at all.
func mayCluster(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	if who.Channel == ident.MISP {
		return access.Check(who, "misp.galaxy_editor")
	}
	if access.Allowed(who, "catalog.write") {
		return nil
	}
	return access.Check(who, "intel.write")
}

// seesAll is MISP's site administrator, on that surface with a key only.
func seesAll(who ident.Actor) bool {
	return who.Channel == ident.MISP && who.Key != 0 && access.Allowed(who, "misp.site_admin")
}

func clusterThing(c Cluster) audit.Thing {
	return audit.Thing{Kind: "cluster", ID: c.ID, Label: c.UUID}
}

// levels: MISP's 2 and 3 reach the same people here; what leaves is the peer's rule.
var levels = []string{access.LevelOwn, access.LevelMembers, access.LevelPeers, access.LevelAll, access.LevelGroup}

// audience interns who may see something of the caller's organisation. A sharing
// group must be the caller's to use.
func audienceOf(ctx context.Context, tx *store.Tx, who ident.Actor, level int, group int64) (int64, error) {
	a := access.Audience{Owner: who.Org, Level: levels[level]}
	if level == levelGroup {
		p, err := access.PrincipalTxRead(ctx, tx, access.Group(group))
		if err != nil {
			return 0, err
		}
		inside := p != 0 && seesAll(who)
		for _, have := range who.Principals {
			inside = inside || p != 0 && have == p
		}
		if !inside {
			return 0, fault.Field("sharing_group_id", "catalog.fault.group", "unknown sharing group, or not authorised")
		}
		a.Group = group
	}
	return access.InternTx(ctx, tx, a)
}

// AddCluster makes a cluster of the caller's organisation in a galaxy; with
// ExtendsUUID it is a fork of a cluster that the caller sees. Who may:
// misp.galaxy_editor on MISP's surface, intel.write elsewhere. Faults: NotFound
// (galaxy), Invalid, Conflict when the UUID is taken, Denied when it is blocked.
func (s *Service) AddCluster(ctx context.Context, who ident.Actor, galaxy string, d ClusterDraft) (c Cluster, err error) {
	if err := mayCluster(who); err != nil {
		return c, err
	}
	if err := d.check(); err != nil {
		return c, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		it, err := readItem(ctx, tx, Galaxy, galaxy)
		if err != nil {
			return err
		}
		c, err = s.insertCluster(ctx, tx, who, it, d, Own{Origin: who.Org, OriginUUID: who.OrgUUID, OriginName: who.OrgName})
		if err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "cluster.add", clusterThing(c), map[string]any{"galaxy": it.Key, "distribution": d.Level})
	})
	return c, err
}

// insertCluster writes one; own says who made it and whether it came from a peer.
func (s *Service) insertCluster(ctx context.Context, tx *store.Tx, who ident.Actor, it Item, d ClusterDraft, own Own) (c Cluster, err error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return c, err
	}
	if d.UUID == "" {
		d.UUID = s.db.NewUUID()
	}
	if err := freeUUID(ctx, tx, d.UUID); err != nil {
		return c, err
	}
	if d.ExtendsUUID != "" {
		from, err := clusterBy(ctx, tx, who, d.ExtendsUUID, seesAll(who))
		if err == nil && d.ExtendsVersion == 0 && from.Own != nil {
			d.ExtendsVersion = from.Own.Version
		}
		if err != nil && !(own.Locked && fault.Is(err, fault.NotFound)) { // a peer's fork may come before what it extends
			return c, instead(err, fault.Field("extends_uuid", "catalog.fault.extends", "no cluster to extend"))
		}
	}
	own.Level, own.Group, own.Org, own.ExtendsUUID, own.ExtendsVersion = d.Level, d.Group, who.Org, d.ExtendsUUID, d.ExtendsVersion
	own.Created, own.Modified = now, now
	if own.Version = d.Version; own.Version == 0 {
		own.Version = nextVersion(now, 0)
	}
	if own.audience, err = audienceOf(ctx, tx, who, d.Level, d.Group); err != nil {
		return c, err
	}
	c = Cluster{ID: s.db.NewID(), Galaxy: it.ID, UUID: d.UUID, Value: d.Value, Type: it.Key, Own: &own}
	if c.Body, err = newBody(d.Value, d.ClusterText); err != nil {
		return c, err
	}
	if _, err := tx.Exec(ctx, insertCluster, c.ID, it.ID, c.UUID, c.Value, i18n.Fold(c.Value), strings.ToLower(c.Tag()), alsoFold(openBody(c.Body).Meta), pack(c.Body)); err != nil {
		return c, err
	}
	if _, err := tx.Exec(ctx, insertOwn, c.ID, own.audience, own.Level, own.Group, own.Org, own.Origin, own.OriginUUID, own.OriginName, own.Version,
		own.ExtendsUUID, own.ExtendsVersion, own.Published, own.Locked, now, now); err != nil {
		return c, err
	}
	return c, s.relate(ctx, tx, who, c, d.Relations)
}

func instead(err, with error) error {
	if fault.Is(err, fault.NotFound) {
		return with
	}
	return err
}

func (s *Service) relate(ctx context.Context, tx *store.Tx, who ident.Actor, c Cluster, list []RelationDraft) error {
	for _, r := range list {
		audience, err := audienceOf(ctx, tx, who, r.Level, r.Group)
		if err != nil {
			return err
		}
		if _, err := writeRelation(ctx, tx, c.ID, r, audience); err != nil {
			return err
		}
	}
	return nil
}

// changeCluster loads a cluster, asks whether who may change it, and runs fn; one
// that who may not see does not exist, a foreign one is Denied.
func (s *Service) changeCluster(ctx context.Context, who ident.Actor, ref, verb string, may func(ident.Actor, Cluster) error,
	fn func(tx *store.Tx, c *Cluster, now int64) (map[string]any, error)) (c Cluster, err error) {
	if err := mayCluster(who); err != nil {
		return c, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) (err error) {
		if c, err = clusterBy(ctx, tx, who, ref, seesAll(who)); err != nil {
			return err
		}
		if err := may(who, c); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		detail, err := fn(tx, &c, now)
		if err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, verb, clusterThing(c), detail)
	})
	return c, err
}

// EditCluster lets change lay new fields over a cluster of one's own; relations
// stay unless Replace is set. Its version rises and it is no longer published.
// Who may: the organisation that made it. Faults: NotFound, Denied, Invalid.
func (s *Service) EditCluster(ctx context.Context, who ident.Actor, ref string, change func(*ClusterDraft)) (Cluster, error) {
	return s.changeCluster(ctx, who, ref, "cluster.edit", mayEditCluster, func(tx *store.Tx, c *Cluster, now int64) (map[string]any, error) {
		d := ClusterDraft{UUID: c.UUID, Value: c.Value, ClusterText: c.Text(), Level: c.Own.Level, Group: c.Own.Group,
			ExtendsUUID: c.Own.ExtendsUUID, ExtendsVersion: c.Own.ExtendsVersion}
		change(&d)
		d.UUID = c.UUID
		if err := d.check(); err != nil {
			return nil, err
		}
		return map[string]any{"distribution": d.Level}, s.rewriteCluster(ctx, tx, who, c, d, now)
	})
}

func (s *Service) rewriteCluster(ctx context.Context, tx *store.Tx, who ident.Actor, c *Cluster, d ClusterDraft, now int64) (err error) {
	o := *c.Own
	if d.Level != o.Level || d.Group != o.Group {
		if o.audience, err = audienceOf(ctx, tx, who, d.Level, d.Group); err != nil {
			return err
		}
	}
	if d.Version <= o.Version {
		d.Version = nextVersion(now, o.Version)
	}
	o.Level, o.Group, o.ExtendsUUID, o.ExtendsVersion, o.Version = d.Level, d.Group, d.ExtendsUUID, d.ExtendsVersion, d.Version
	o.Published, o.Modified = o.Locked && o.Published, now
	c.Value, c.Own = d.Value, &o
	if c.Body, err = newBody(d.Value, d.ClusterText); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, updateCluster, c.ID, c.Value, i18n.Fold(c.Value), alsoFold(openBody(c.Body).Meta), pack(c.Body)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, updateOwn, c.ID, o.audience, o.Level, o.Group, o.Version, o.ExtendsUUID, o.ExtendsVersion, o.Published, now); err != nil {
		return err
	}
	if !d.Replace {
		return nil
	}
	if _, err := tx.Exec(ctx, dropRelations, c.ID); err != nil {
		return err
	}
	return s.relate(ctx, tx, who, *c, d.Relations)
}

// PublishCluster lets peers fetch a cluster of one's own, or no longer. Who may:
// its organisation, with the right to publish. Faults: NotFound, Denied.
func (s *Service) PublishCluster(ctx context.Context, who ident.Actor, ref string, on bool) (Cluster, error) {
	may := func(who ident.Actor, c Cluster) error {
		if !access.Allowed(who, "misp.publish") && !access.Allowed(who, "intel.publish") {
			return fault.New(fault.Denied, "%s may not publish", who).WithKey("fault.denied")
		}
		return mayEditCluster(who, c)
	}
	verb := map[bool]string{true: "cluster.publish", false: "cluster.unpublish"}[on]
	return s.changeCluster(ctx, who, ref, verb, may, func(tx *store.Tx, c *Cluster, now int64) (map[string]any, error) {
		_, err := tx.Exec(ctx, setPublished, c.ID, on, now)
		c.Own.Published = on
		return nil, err
	})
}

// mayDrop: one's own by its organisation; an imported one softly, by the site
// administrator or who writes the catalogues.
func mayDrop(who ident.Actor, c Cluster) error {
	if c.Own != nil {
		return mayEditCluster(who, c)
	}
	if err := mayWrite(who); err != nil {
		return fault.New(fault.Denied, "%s did not make cluster %d", who, c.ID).WithKey("catalog.fault.foreign")
	}
	return nil
}

// DeleteCluster takes a cluster out of sight; hard, one of one's own goes for
// good and its UUID is blocked. Faults: NotFound, Denied.
func (s *Service) DeleteCluster(ctx context.Context, who ident.Actor, ref string, hard bool) (Cluster, error) {
	return s.changeCluster(ctx, who, ref, "cluster.delete", mayDrop, func(tx *store.Tx, c *Cluster, now int64) (map[string]any, error) {
		if c.Own == nil || !hard {
			_, err := tx.Exec(ctx, setDeleted, c.ID, now)
			s.droppedNames(tx)
			return map[string]any{"hard": false}, err
		}
		if _, err := tx.Exec(ctx, insertBlock, s.db.NewID(), c.UUID, c.Value, "", who.OrgName, now); err != nil {
			return nil, err
		}
		for _, text := range []string{dropRelations, dropOwn, dropCluster} {
			if _, err := tx.Exec(ctx, text, c.ID); err != nil {
				return nil, err
			}
		}
		return map[string]any{"hard": true}, nil
	})
}

// RestoreCluster brings a softly deleted cluster back. Faults: NotFound, Denied.
func (s *Service) RestoreCluster(ctx context.Context, who ident.Actor, ref string) (Cluster, error) {
	return s.changeCluster(ctx, who, ref, "cluster.restore", mayDrop, func(tx *store.Tx, c *Cluster, now int64) (map[string]any, error) {
		_, err := tx.Exec(ctx, setDeleted, c.ID, int64(0))
		c.Deleted = false
		s.droppedNames(tx)
		return nil, err
	})
}

func (s *Service) droppedNames(tx *store.Tx) { tx.AfterCommit(s.names.drop) }

// Relations lists what points from a cluster and what points to it, as far as the
// caller sees both ends. Faults: NotFound.
func (s *Service) Relations(ctx context.Context, who ident.Actor, ref string) (from, to []Relation, err error) {
	c, err := s.Cluster(ctx, who, ref)
	if err != nil {
		return nil, nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if from, err = relationsOf(ctx, tx, who, "r.cluster_id = $1", c.ID); err != nil {
			return err
		}
		to, err = relationsOf(ctx, tx, who, "r.target = $1", c.UUID)
		return err
	})
	return from, to, err
}

// AddRelation points from a cluster of one's own to another. Who may: as
// EditCluster. Faults: NotFound (the first), Denied, Invalid.
func (s *Service) AddRelation(ctx context.Context, who ident.Actor, from string, r RelationDraft) (out Relation, err error) {
	if err := r.check(); err != nil {
		return out, err
	}
	c, err := s.changeCluster(ctx, who, from, "cluster.relate", mayEditCluster, func(tx *store.Tx, c *Cluster, now int64) (map[string]any, error) {
		audience, err := audienceOf(ctx, tx, who, r.Level, r.Group)
		if err != nil {
			return nil, err
		}
		if out.ID, err = writeRelation(ctx, tx, c.ID, r, audience); err != nil {
			return nil, err
		}
		_, err = tx.Exec(ctx, setPublished, c.ID, false, now)
		return map[string]any{"to": r.Target}, err
	})
	out.Cluster, out.From, out.Target, out.Kind, out.Tags, out.Level, out.Group = c.ID, c.UUID, r.Target, r.Kind, r.Tags, r.Level, r.Group
	return out, err
}

// EditRelation lets change rewrite a relation; DeleteRelation takes one away.
// Both are authorised by the cluster where it begins. Faults: as AddRelation.
func (s *Service) EditRelation(ctx context.Context, who ident.Actor, id int64, change func(*RelationDraft)) (out Relation, err error) {
	return s.changeRelation(ctx, who, id, "cluster.relate", func(tx *store.Tx, r Relation) (Relation, error) {
		d := RelationDraft{Target: r.Target, Kind: r.Kind, Tags: r.Tags, Level: r.Level, Group: r.Group}
		change(&d)
		if err := d.check(); err != nil {
			return r, err
		}
		audience, err := audienceOf(ctx, tx, who, d.Level, d.Group)
		if err != nil {
			return r, err
		}
		r.Target, r.Kind, r.Tags, r.Level, r.Group = d.Target, d.Kind, d.Tags, d.Level, d.Group
		_, err = tx.Exec(ctx, updateRelation, r.ID, d.Target, d.Kind, tagList(d.Tags), audience, d.Level, d.Group)
		return r, err
	})
}

// DeleteRelation takes a relation away. Faults: as EditRelation.
func (s *Service) DeleteRelation(ctx context.Context, who ident.Actor, id int64) error {
	_, err := s.changeRelation(ctx, who, id, "cluster.unrelate", func(tx *store.Tx, r Relation) (Relation, error) {
		_, err := tx.Exec(ctx, dropRelation, r.ID)
		return r, err
	})
	return err
}

func (s *Service) changeRelation(ctx context.Context, who ident.Actor, id int64, verb string, fn func(*store.Tx, Relation) (Relation, error)) (out Relation, err error) {
	if err := mayCluster(who); err != nil {
		return out, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		list, err := relationsOf(ctx, tx, who, "r.id = $1", id)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fault.New(fault.NotFound, "no relation %d", id).WithKey("catalog.fault.none")
		}
		c, err := clusterBy(ctx, tx, who, itoa(list[0].Cluster), seesAll(who))
		if err != nil {
			return err
		}
		if err := mayEditCluster(who, c); err != nil {
			return err
		}
		if out, err = fn(tx, list[0]); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, verb, clusterThing(c), map[string]any{"relation": id})
	})
	return out, err
}
