package catalog

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	clusterCols = `k.id, k.galaxy_id, k.uuid, k.value, c.key, k.body, k.deleted, o.audience_id, COALESCE(o.level, 0), COALESCE(o.group_id, 0),
		COALESCE(o.org_id, 0), COALESCE(o.origin_id, 0), COALESCE(o.origin_uuid, ''), COALESCE(o.origin_name, ''), COALESCE(o.version, 0),
		COALESCE(o.extends_uuid, ''), COALESCE(o.extends_version, 0), COALESCE(o.published, FALSE), COALESCE(o.locked, FALSE),
		COALESCE(o.created, 0), COALESCE(o.modified, 0)`
	clusterFrom = ` FROM catalog_cluster k JOIN catalog_item c ON c.id = k.galaxy_id LEFT JOIN catalog_own o ON o.cluster_id = k.id`
	// From the few of one's own: CROSS JOIN is a join like any other, but keeps
	// SQLite from walking 46,000 imported ones in order of their ids.
	ownFrom       = ` FROM catalog_own o CROSS JOIN catalog_cluster k CROSS JOIN catalog_item c`
	ownJoin       = `k.id = o.cluster_id AND c.id = k.galaxy_id`
	ownNames      = `SELECT k.id, k.value_fold, k.also_fold FROM catalog_own o CROSS JOIN catalog_cluster k WHERE k.id = o.cluster_id AND k.deleted = 0 AND `
	insertCluster = `INSERT INTO catalog_cluster (id, galaxy_id, uuid, value, value_fold, tag_fold, also_fold, body, deleted) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,0)`
	updateCluster = `UPDATE catalog_cluster SET value = $2, value_fold = $3, also_fold = $4, body = $5 WHERE id = $1`
	insertOwn     = `INSERT INTO catalog_own (cluster_id, audience_id, level, group_id, org_id, origin_id, origin_uuid, origin_name, version, extends_uuid,
		extends_version, published, locked, created, modified) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)`
	updateOwn = `UPDATE catalog_own SET audience_id = $2, level = $3, group_id = $4, version = $5, extends_uuid = $6, extends_version = $7,
		published = $8, modified = $9 WHERE cluster_id = $1`
	setDeleted     = `UPDATE catalog_cluster SET deleted = $2 WHERE id = $1`
	setPublished   = `UPDATE catalog_own SET published = $2, modified = $3 WHERE cluster_id = $1`
	dropRelations  = `DELETE FROM catalog_relation WHERE cluster_id = $1`
	dropRelation   = `DELETE FROM catalog_relation WHERE id = $1`
	dropOwn        = `DELETE FROM catalog_own WHERE cluster_id = $1`
	dropCluster    = `DELETE FROM catalog_cluster WHERE id = $1`
	importedOf     = `SELECT k.id, k.uuid, k.deleted FROM catalog_cluster k WHERE k.galaxy_id = $1 AND NOT EXISTS (SELECT 1 FROM catalog_own o WHERE o.cluster_id = k.id)`
	dropImportRels = `DELETE FROM catalog_relation WHERE audience_id IS NULL AND cluster_id IN (SELECT k.id FROM catalog_cluster k WHERE k.galaxy_id = $1)`
	dropImported   = `DELETE FROM catalog_cluster WHERE galaxy_id = $1 AND NOT EXISTS (SELECT 1 FROM catalog_own o WHERE o.cluster_id = catalog_cluster.id)`
	insertRelation = `INSERT INTO catalog_relation (id, cluster_id, target, kind, tags, audience_id, level, group_id) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`
	updateRelation = `UPDATE catalog_relation SET target = $2, kind = $3, tags = $4, audience_id = $5, level = $6, group_id = $7 WHERE id = $1`
	insertBlock    = `INSERT INTO catalog_blocked (id, uuid, info, comment, org_name, created) VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT (uuid) DO NOTHING`
	updateBlock    = `UPDATE catalog_blocked SET info = $2, comment = $3, org_name = $4 WHERE id = $1`
	dropBlock      = `DELETE FROM catalog_blocked WHERE id = $1`
	blockCols      = `SELECT id, uuid, info, comment, org_name, created FROM catalog_blocked`
	importedNames  = `SELECT k.id, k.value_fold, k.also_fold FROM catalog_cluster k WHERE k.deleted = 0 AND NOT EXISTS (SELECT 1 FROM catalog_own o WHERE o.cluster_id = k.id) ORDER BY k.id`
	touchItem      = `UPDATE catalog_item SET changed = $2 WHERE id = $1`
)

var (
	clusterColumns  = []string{"id", "galaxy_id", "uuid", "value", "value_fold", "tag_fold", "also_fold", "body", "deleted"}
	relationColumns = []string{"id", "cluster_id", "target", "kind", "tags", "audience_id", "level", "group_id"}
)

func scanCluster(s store.Scanner) (c Cluster, err error) {
	var packed []byte
	var deleted int64
	var audience *int64
	var o Own
	err = s.Scan(&c.ID, &c.Galaxy, &c.UUID, &c.Value, &c.Type, &packed, &deleted, &audience, &o.Level, &o.Group, &o.Org, &o.Origin, &o.OriginUUID,
		&o.OriginName, &o.Version, &o.ExtendsUUID, &o.ExtendsVersion, &o.Published, &o.Locked, &o.Created, &o.Modified)
	if err != nil {
		return c, err
	}
	if c.Deleted = deleted != 0; audience != nil {
		o.audience = *audience
		c.Own = &o
	}
	c.Body, err = unpack(packed)
	return c, err
}

// clusterSeen: imported ones are everybody's, the others their audience's. all
// passes: a site administrator's read, of which the audit line was written.
func clusterSeen(who ident.Actor, all bool) string {
	if all {
		return "1 = 1"
	}
	return "(o.cluster_id IS NULL OR " + access.Visible(who, "o.audience_id") + ")"
}

// writeClusters replaces the imported clusters of a galaxy and their relations;
// one that has the UUID of one before keeps its id, so that what names it holds.
func writeClusters(ctx context.Context, tx *store.Tx, galaxy int64, list []Cluster) error {
	type before struct{ id, deleted int64 }
	ids := map[string]before{}
	var uuid string
	var b before
	for _, err := range store.Each(ctx, tx, func(s store.Scanner) (struct{}, error) { return struct{}{}, s.Scan(&b.id, &uuid, &b.deleted) }, importedOf, galaxy) {
		if err != nil {
			return err
		}
		if uuid != "" {
			ids[uuid] = b
		}
	}
	for _, text := range []string{dropImportRels, dropImported} {
		if _, err := tx.Exec(ctx, text, galaxy); err != nil {
			return err
		}
	}
	bodies := make([]clusterBody, len(list))
	_, err := tx.CopyIn(ctx, "catalog_cluster", clusterColumns, func(yield func([]any, error) bool) {
		for i := range list {
			c := &list[i]
			bodies[i] = openBody(c.Body)
			was := ids[c.UUID]
			delete(ids, c.UUID)
			if c.ID = was.id; c.ID == 0 {
				c.ID = tx.DB().NewID()
			}
			if !yield([]any{c.ID, galaxy, c.UUID, c.Value, i18n.Fold(c.Value), strings.ToLower(c.Tag()), alsoFold(bodies[i].Meta), pack(c.Body), was.deleted}, nil) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	_, err = tx.CopyIn(ctx, "catalog_relation", relationColumns, func(yield func([]any, error) bool) {
		for i := range bodies {
			for _, r := range bodies[i].Related {
				target, ok := store.ParseUUID(r.Dest)
				if ok && !yield([]any{tx.DB().NewID(), list[i].ID, target, r.Type, tagList(r.Tags), nil, 3, int64(0)}, nil) {
					return
				}
			}
		}
	})
	return err
}

// alsoFold joins a cluster's other names for the search.
func alsoFold(meta map[string]json.RawMessage) string {
	return i18n.Fold(strings.Join(append(namesIn(meta, "synonyms"), namesIn(meta, "external_id")...), "\n"))
}

func namesIn(meta map[string]json.RawMessage, key string) []string {
	if raw, ok := meta[key]; ok {
		return metaValues(raw)
	}
	return nil
}

func tagList(tags []string) string {
	if len(tags) == 0 {
		return ""
	}
	b, _ := json.Marshal(tags) // a list of texts
	return string(b)
}

// listClusters walks the clusters of a galaxy by id.
func listClusters(ctx context.Context, tx *store.Tx, who ident.Actor, galaxy int64, after int64, limit int) ([]Cluster, error) {
	return store.All(ctx, tx, scanCluster, "SELECT "+clusterCols+clusterFrom+" WHERE k.galaxy_id = $1 AND k.id > $2 AND k.deleted = 0 AND "+clusterSeen(who, false)+
		" ORDER BY k.id LIMIT $3", galaxy, after, limit)
}

func clustersByTag(ctx context.Context, tx *store.Tx, who ident.Actor, tags []string) ([]Cluster, error) {
	args := make([]any, len(tags))
	for i, t := range tags {
		args[i] = strings.ToLower(t)
	}
	return store.All(ctx, tx, scanCluster, "SELECT "+clusterCols+clusterFrom+" WHERE k.tag_fold IN ("+store.Marks(1, len(tags))+") AND k.deleted = 0 AND "+
		clusterSeen(who, false)+" ORDER BY k.id", args...)
}

func noCluster(ref string) error {
	return fault.New(fault.NotFound, "no cluster %q", ref).WithKey("catalog.fault.none")
}

// clusterBy finds a cluster by id or UUID; of several with one UUID the one of
// one's own stands first, then the oldest.
func clusterBy(ctx context.Context, tx *store.Tx, who ident.Actor, ref string, all bool) (Cluster, error) {
	cond, arg := "k.uuid = $1", any(strings.ToLower(ref))
	if id, ok := digits(ref); ok {
		cond, arg = "k.id = $1", id
	}
	c, found, err := store.First(ctx, tx, scanCluster, "SELECT "+clusterCols+clusterFrom+" WHERE "+cond+" AND "+clusterSeen(who, all)+
		" ORDER BY CASE WHEN o.cluster_id IS NULL THEN 1 ELSE 0 END, k.id LIMIT 1", arg)
	if err == nil && !found {
		err = noCluster(ref)
	}
	return c, err
}

func clustersByID(ctx context.Context, tx *store.Tx, who ident.Actor, all bool, ids []int64) ([]Cluster, error) {
	return store.All(ctx, tx, scanCluster, "SELECT "+clusterCols+clusterFrom+" WHERE k.id IN "+store.In(ids)+" AND k.deleted = 0 AND "+clusterSeen(who, all)+" ORDER BY k.id")
}

// findClusters is one page of a search by columns.
func findClusters(ctx context.Context, tx *store.Tx, who ident.Actor, f ClusterFilter, all bool, after int64, limit int) ([]Cluster, error) {
	conds, id := []string{clusterSeen(who, all)}, "k.id"
	var args []any
	in := func(col string, list []string) {
		if len(list) == 0 {
			return
		}
		conds = append(conds, col+" IN ("+store.Marks(len(args)+1, len(list))+")")
		for _, v := range list {
			args = append(args, v)
		}
	}
	in("k.uuid", folded(f.UUIDs))
	in("c.key", f.Types)
	in("k.tag_fold", folded(f.Tags))
	if len(f.IDs) > 0 {
		conds = append(conds, "k.id IN "+store.In(f.IDs))
	}
	if f.Galaxy != 0 {
		conds = append(conds, "k.galaxy_id = "+strconv.FormatInt(f.Galaxy, 10))
	}
	if f.Org != 0 {
		conds = append(conds, "o.origin_id = "+strconv.FormatInt(f.Org, 10))
	}
	from := clusterFrom
	if f.Own != nil && *f.Own {
		from, id = ownFrom, "o.cluster_id"
		conds = append(conds, ownJoin)
	} else if f.Own != nil {
		conds = append(conds, "o.cluster_id IS NULL")
	}
	if f.Published != nil {
		conds = append(conds, map[bool]string{true: "o.published", false: "(o.published IS NULL OR NOT o.published)"}[*f.Published])
	}
	if !f.Both {
		conds = append(conds, "k.deleted "+map[bool]string{true: "<>", false: "="}[f.Deleted]+" 0")
	}
	conds = append(conds, id+" > "+strconv.FormatInt(after, 10))
	return store.All(ctx, tx, scanCluster, "SELECT "+clusterCols+from+" WHERE "+strings.Join(conds, " AND ")+
		" ORDER BY "+id+" LIMIT "+strconv.Itoa(limit), args...)
}

// ownNamed finds, among the clusters of one's own, those that who sees and that
// have text in one of their names, by id.
func ownNamed(ctx context.Context, tx *store.Tx, who ident.Actor, all bool, want string) (ids []int64, err error) {
	seen := "1 = 1"
	if !all {
		seen = access.VisibleScan(who, "o.audience_id")
	}
	var id int64
	var value, also string
	for _, err := range store.Each(ctx, tx, func(s store.Scanner) (struct{}, error) { return struct{}{}, s.Scan(&id, &value, &also) },
		ownNames+seen+" ORDER BY o.cluster_id") {
		if err != nil {
			return nil, err
		}
		if strings.Contains(value, want) || strings.Contains(also, want) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func folded(list []string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = strings.ToLower(v)
	}
	return out
}

// relationsOf lists what points from or to clusters, each seen by who at both
// ends: a relation's own audience and its beginning's.
func relationsOf(ctx context.Context, tx *store.Tx, who ident.Actor, cond string, args ...any) ([]Relation, error) {
	seen := "(r.audience_id IS NULL OR " + access.Visible(who, "r.audience_id") + ") AND " + clusterSeen(who, false) + " AND k.deleted = 0"
	list, err := store.All(ctx, tx, scanRelation, `SELECT r.id, r.cluster_id, k.uuid, k.value, r.target, r.kind, r.tags, r.audience_id, r.level, r.group_id
		FROM catalog_relation r JOIN catalog_cluster k ON k.id = r.cluster_id LEFT JOIN catalog_own o ON o.cluster_id = k.id WHERE `+
		cond+" AND "+seen+" ORDER BY r.id LIMIT 5000", args...)
	if err != nil || len(list) == 0 {
		return list, err
	}
	return list, nameTargets(ctx, tx, who, list)
}

func scanRelation(s store.Scanner) (r Relation, err error) {
	var tags string
	var audience *int64
	err = s.Scan(&r.ID, &r.Cluster, &r.From, &r.FromName, &r.Target, &r.Kind, &tags, &audience, &r.Level, &r.Group)
	if r.Default = audience == nil; tags != "" && err == nil {
		err = json.Unmarshal([]byte(tags), &r.Tags)
	}
	return r, err
}

// nameTargets fills in what the far ends are called, where who may know them.
func nameTargets(ctx context.Context, tx *store.Tx, who ident.Actor, list []Relation) error {
	type end struct {
		id             int64
		uuid, name, in string
	}
	known := map[string]end{}
	uuids := make([]string, 0, len(list))
	for _, r := range list {
		if _, ok := known[r.Target]; !ok {
			known[r.Target] = end{}
			uuids = append(uuids, r.Target)
		}
	}
	for len(uuids) > 0 {
		part := uuids[:min(len(uuids), 200)]
		uuids = uuids[len(part):]
		args := make([]any, len(part))
		for i, u := range part {
			args[i] = u
		}
		ends, err := store.All(ctx, tx, func(s store.Scanner) (e end, err error) { err = s.Scan(&e.id, &e.uuid, &e.name, &e.in); return },
			"SELECT k.id, k.uuid, k.value, c.key"+clusterFrom+" WHERE k.uuid IN ("+store.Marks(1, len(part))+") AND k.deleted = 0 AND "+clusterSeen(who, false), args...)
		if err != nil {
			return err
		}
		for _, e := range ends {
			known[e.uuid] = e
		}
	}
	for i := range list {
		e := known[list[i].Target]
		list[i].TargetID, list[i].ToName, list[i].toType = e.id, e.name, e.in
	}
	return nil
}

func writeRelation(ctx context.Context, tx *store.Tx, cluster int64, r RelationDraft, audience int64) (int64, error) {
	id := tx.DB().NewID()
	_, err := tx.Exec(ctx, insertRelation, id, cluster, r.Target, r.Kind, tagList(r.Tags), audience, r.Level, r.Group)
	return id, err
}

// Block is a cluster that does not come in again.
type Block struct {
	ID      int64
	UUID    string
	Info    string
	Comment string
	Org     string
	Created int64 // µs
}

func scanBlock(s store.Scanner) (b Block, err error) {
	err = s.Scan(&b.ID, &b.UUID, &b.Info, &b.Comment, &b.Org, &b.Created)
	return b, err
}

func listBlocks(ctx context.Context, tx *store.Tx) ([]Block, error) {
	return store.All(ctx, tx, scanBlock, blockCols+" ORDER BY id")
}

// blockBy finds a block by its id or the cluster's UUID.
func blockBy(ctx context.Context, tx *store.Tx, ref string) (Block, error) {
	cond, arg := " WHERE uuid = $1", any(strings.ToLower(ref))
	if id, ok := digits(ref); ok {
		cond, arg = " WHERE id = $1", id
	}
	b, found, err := store.First(ctx, tx, scanBlock, blockCols+cond, arg)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no blocked cluster %q", ref).WithKey("catalog.fault.none")
	}
	return b, err
}

// freeUUID: neither taken by another cluster, seen or not, nor blocked.
func freeUUID(ctx context.Context, tx *store.Tx, uuid string) error {
	n, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM catalog_blocked WHERE uuid = $1", uuid)
	if err != nil {
		return err
	}
	if n > 0 {
		return fault.New(fault.Denied, "cluster %s is blocked", uuid).WithKey("catalog.fault.blocked")
	}
	if n, err = store.Int64(ctx, tx, "SELECT COUNT(*) FROM catalog_cluster WHERE uuid = $1", uuid); err != nil {
		return err
	}
	if n > 0 {
		return fault.New(fault.Conflict, "there is a cluster %s", uuid).WithKey("catalog.fault.taken")
	}
	return nil
}
