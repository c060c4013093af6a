package catalog

import (
	"context"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/store"
)

const (
	itemCols = `c.id, c.kind, c.key, c.uuid, c.name, c.description, c.class, c.version, c.enabled, c.builtin, c.entries, c.types, c.changed`
	findItem = `SELECT ` + itemCols + ` FROM catalog_item c WHERE c.kind = $1 AND c.key = $2`
	itemByID = `SELECT ` + itemCols + ` FROM catalog_item c WHERE c.kind = $1 AND c.id = $2`
	byUUID   = `SELECT ` + itemCols + ` FROM catalog_item c WHERE c.kind = $1 AND c.uuid = $2 ORDER BY c.id LIMIT 1`
	byName   = `SELECT ` + itemCols + ` FROM catalog_item c WHERE c.kind = $1 AND c.name = $2 ORDER BY c.id LIMIT 1`
	ofKind   = `SELECT ` + itemCols + ` FROM catalog_item c WHERE c.kind = $1 ORDER BY c.name, c.id`
	readBody = `SELECT body FROM catalog_item WHERE id = $1`
	putItem  = `INSERT INTO catalog_item (id, kind, key, uuid, name, description, class, version, enabled, builtin, entries, types, body, changed)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)
		ON CONFLICT (kind, key) DO UPDATE SET uuid = excluded.uuid, name = excluded.name, description = excluded.description, class = excluded.class,
		version = excluded.version, builtin = excluded.builtin, entries = excluded.entries, types = excluded.types, body = excluded.body, changed = excluded.changed`
	setEnabled  = `UPDATE catalog_item SET enabled = $2, changed = $3 WHERE id = $1`
	lastChange  = `SELECT COALESCE(MAX(changed), 0) FROM catalog_item WHERE kind = $1`
	dropOfKind  = `DELETE FROM catalog_cluster WHERE galaxy_id = $1`
	clusterCols = `k.id, k.galaxy_id, k.uuid, k.value, c.key, k.body`
	clusterFrom = ` FROM catalog_cluster k JOIN catalog_item c ON c.id = k.galaxy_id`
)

var clusterColumns = []string{"id", "galaxy_id", "uuid", "value", "value_fold", "tag_fold", "body"}

func scanItem(s store.Scanner) (it Item, err error) {
	var types string
	err = s.Scan(&it.ID, &it.Kind, &it.Key, &it.UUID, &it.Name, &it.Description, &it.Class, &it.Version, &it.Enabled, &it.Builtin,
		&it.Entries, &types, &it.Changed)
	if types != "" {
		it.Types = strings.Split(types, ",")
	}
	return it, err
}

func scanCluster(s store.Scanner) (c Cluster, err error) {
	var packed []byte
	if err = s.Scan(&c.ID, &c.Galaxy, &c.UUID, &c.Value, &c.Type, &packed); err == nil {
		c.Body, err = unpack(packed)
	}
	return c, err
}

func writeItem(ctx context.Context, tx *store.Tx, it Item, body []byte) error {
	_, err := tx.Exec(ctx, putItem, it.ID, it.Kind, it.Key, it.UUID, it.Name, it.Description, it.Class, it.Version, it.Enabled, it.Builtin,
		it.Entries, strings.Join(it.Types, ","), pack(body), it.Changed)
	return err
}

// writeClusters replaces all clusters of a galaxy.
func writeClusters(ctx context.Context, tx *store.Tx, galaxy int64, list []Cluster) error {
	if _, err := tx.Exec(ctx, dropOfKind, galaxy); err != nil {
		return err
	}
	_, err := tx.CopyIn(ctx, "catalog_cluster", clusterColumns, func(yield func([]any, error) bool) {
		for i := range list {
			c := &list[i]
			if !yield([]any{tx.DB().NewID(), galaxy, c.UUID, c.Value, i18n.Fold(c.Value), strings.ToLower(c.Tag()), pack(c.Body)}, nil) {
				return
			}
		}
	})
	return err
}

// readItem finds a catalogue by id, key, UUID or name.
func readItem(ctx context.Context, tx *store.Tx, kind, ref string) (Item, error) {
	type look struct {
		text string
		arg  any
	}
	looks := []look{{findItem, ref}, {byUUID, strings.ToLower(ref)}, {byName, ref}}
	if kind == Taxonomy {
		looks = append(looks, look{findItem, strings.ToLower(ref)})
	}
	if id, ok := digits(ref); ok {
		looks = append([]look{{itemByID, id}}, looks...)
	}
	for _, l := range looks {
		it, found, err := store.First(ctx, tx, scanItem, l.text, kind, l.arg)
		if err != nil || found {
			return it, err
		}
	}
	return Item{}, fault.New(fault.NotFound, "no %s %q", kind, ref).WithKey("catalog.fault.none")
}

func bodyOf(ctx context.Context, tx *store.Tx, id int64) ([]byte, error) {
	var b []byte
	if _, err := tx.Row(ctx, readBody, []any{id}, &b); err != nil {
		return nil, err
	}
	return unpack(b)
}

// listClusters: of one galaxy, from a folded value on, or by folded text.
func listClusters(ctx context.Context, tx *store.Tx, galaxy int64, after int64, limit int) ([]Cluster, error) {
	return store.All(ctx, tx, scanCluster, "SELECT "+clusterCols+clusterFrom+" WHERE k.galaxy_id = $1 AND k.id > $2 ORDER BY k.id LIMIT $3", galaxy, after, limit)
}

func clustersByTag(ctx context.Context, tx *store.Tx, tags []string) ([]Cluster, error) {
	args := make([]any, len(tags))
	for i, t := range tags {
		args[i] = strings.ToLower(t)
	}
	return store.All(ctx, tx, scanCluster, "SELECT "+clusterCols+clusterFrom+" WHERE k.tag_fold IN ("+store.Marks(1, len(tags))+") ORDER BY k.id", args...)
}

func clusterBy(ctx context.Context, tx *store.Tx, ref string) (Cluster, error) {
	cond, arg := "k.uuid = $1", any(strings.ToLower(ref))
	if id, ok := digits(ref); ok {
		cond, arg = "k.id = $1", id
	}
	c, found, err := store.First(ctx, tx, scanCluster, "SELECT "+clusterCols+clusterFrom+" WHERE "+cond+" ORDER BY k.id LIMIT 1", arg)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no cluster %q", ref).WithKey("catalog.fault.none")
	}
	return c, err
}

// found names a cluster in the first pass of a search.
type foundCluster struct {
	id   int64
	fold string
}

func foldedClusters(ctx context.Context, tx *store.Tx, after int64, limit int) ([]foundCluster, error) {
	return store.All(ctx, tx, func(s store.Scanner) (f foundCluster, err error) { err = s.Scan(&f.id, &f.fold); return },
		"SELECT k.id, k.value_fold FROM catalog_cluster k WHERE k.id > $1 ORDER BY k.id LIMIT $2", after, limit)
}

func clustersByID(ctx context.Context, tx *store.Tx, ids []int64) ([]Cluster, error) {
	return store.All(ctx, tx, scanCluster, "SELECT "+clusterCols+clusterFrom+" WHERE k.id IN "+store.In(ids)+" ORDER BY k.id")
}
