package intel

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// partLeavingWhere is PartLeaves of the attributes under an alias, but for those of the
// caller's own organisation; "" where no label keeps any. In SQL, so that what stays is not
// found by its value either.
func (p *plan) partLeavingWhere(a string) string {
	if !p.Leaving || len(p.strict) == 0 {
		return ""
	}
	org := strconv.FormatInt(p.own, 10)
	is := map[bool]string{true: "", false: "NOT "}
	var any []string
	for _, x := range p.strict {
		any = append(any, is[!x.own]+"he.locked AND "+is[x.named]+"he.distribution = "+strconv.Itoa(int(Group))+" AND hg.tag_id IN "+store.In(x.ids))
	}
	return "NOT EXISTS (SELECT 1 FROM intel_tagging hg JOIN intel_event he ON he.id = hg.event_id WHERE hg.event_id = " + a + ".event_id AND hg.attribute_id = " + a +
		".id AND he.org_id <> " + org + " AND he.orgc_id <> " + org + " AND (" + strings.Join(any, " OR ") + "))"
}

// andLeaving is partLeavingWhere behind other conditions.
func (p *plan) andLeaving(a string) string {
	if sql := p.partLeavingWhere(a); sql != "" {
		return " AND " + sql
	}
	return ""
}

// keptParts reads Kept of an event by the tags that keep an attribute of it.
func keptParts(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, tags []int64) (k Kept, err error) {
	strict := func(a string) string {
		return "EXISTS (SELECT 1 FROM intel_tagging hg WHERE hg.tag_id IN " + store.In(tags) + " AND hg.event_id = " + a + ".event_id AND hg.attribute_id = " + a + ".id)"
	}
	rows, err := tx.Query(ctx, "SELECT a.uuid, a.object_id, a.deleted FROM intel_attribute a WHERE a.id IN (SELECT hg.attribute_id FROM intel_tagging hg"+
		" WHERE hg.tag_id IN "+store.In(tags)+" AND hg.event_id = $1 AND hg.attribute_id <> 0) AND "+childSeen(who, "a", false), event)
	if err != nil {
		return k, err
	}
	defer rows.Close()
	objects := map[int64]bool{}
	for rows.Next() {
		var uuid string
		var object int64
		var deleted bool
		if err := rows.Scan(&uuid, &object, &deleted); err != nil {
			return k, err
		}
		k.hold(uuid)
		if !deleted {
			k.Attributes++
		}
		if object != 0 {
			objects[object] = true
		}
	}
	if err := rows.Err(); err != nil || len(objects) == 0 {
		return k, err
	}
	rows.Close()
	emptied, err := store.All(ctx, tx, func(s store.Scanner) (uuid string, err error) { err = s.Scan(&uuid); return }, "SELECT o.uuid FROM intel_object o WHERE o.id IN "+
		store.In(slices.Collect(maps.Keys(objects)))+" AND NOT EXISTS (SELECT 1 FROM intel_attribute a WHERE a.event_id = $1 AND a.object_id = o.id AND NOT a.deleted AND NOT "+strict("a")+")", event)
	for _, uuid := range emptied {
		k.hold(uuid)
	}
	return k, err
}

func (k *Kept) hold(uuid string) {
	if k.parts == nil {
		k.parts = map[string]bool{}
	}
	k.parts[uuid] = true
}
