package catalog

import (
	"context"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

const (
	itemCols = `c.id, c.kind, c.key, c.uuid, c.name, c.description, c.class, c.version, c.enabled, c.builtin, c.entries, c.types, c.changed,
		c.required, c.exclusive, c.highlighted, c.own`
	findItem = `SELECT ` + itemCols + ` FROM catalog_item c WHERE c.kind = $1 AND c.key = $2`
	itemByID = `SELECT ` + itemCols + ` FROM catalog_item c WHERE c.kind = $1 AND c.id = $2`
	byUUID   = `SELECT ` + itemCols + ` FROM catalog_item c WHERE c.kind = $1 AND c.uuid = $2 ORDER BY c.id LIMIT 1`
	byName   = `SELECT ` + itemCols + ` FROM catalog_item c WHERE c.kind = $1 AND c.name = $2 ORDER BY c.id LIMIT 1`
	ofKind   = `SELECT ` + itemCols + ` FROM catalog_item c WHERE c.kind = $1 ORDER BY c.name, c.id`
	readBody = `SELECT body FROM catalog_item WHERE id = $1`
	putItem  = `INSERT INTO catalog_item (id, kind, key, uuid, name, description, class, version, enabled, builtin, entries, types, body, changed,
		required, exclusive, highlighted, own) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)
		ON CONFLICT (kind, key) DO UPDATE SET uuid = excluded.uuid, name = excluded.name, description = excluded.description, class = excluded.class,
		version = excluded.version, builtin = excluded.builtin, entries = excluded.entries, types = excluded.types, body = excluded.body, changed = excluded.changed,
		exclusive = excluded.exclusive, own = excluded.own`
	setEnabled = `UPDATE catalog_item SET enabled = $2, changed = $3 WHERE id = $1`
	dropItem   = `DELETE FROM catalog_item WHERE id = $1`
	setMarks   = `UPDATE catalog_item SET required = $2, highlighted = $3, changed = $4 WHERE id = $1`
	lastChange = `SELECT COALESCE(MAX(changed), 0) FROM catalog_item WHERE kind = $1`
)

func scanItem(s store.Scanner) (it Item, err error) {
	var types string
	err = s.Scan(&it.ID, &it.Kind, &it.Key, &it.UUID, &it.Name, &it.Description, &it.Class, &it.Version, &it.Enabled, &it.Builtin,
		&it.Entries, &types, &it.Changed, &it.Required, &it.Exclusive, &it.Highlighted, &it.Own)
	if types != "" {
		it.Types = strings.Split(types, ",")
	}
	return it, err
}

func writeItem(ctx context.Context, tx *store.Tx, it Item, body []byte) error {
	_, err := tx.Exec(ctx, putItem, it.ID, it.Kind, it.Key, it.UUID, it.Name, it.Description, it.Class, it.Version, it.Enabled, it.Builtin,
		it.Entries, strings.Join(it.Types, ","), pack(body), it.Changed,
		it.Required, it.Exclusive, it.Highlighted, it.Own)
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
