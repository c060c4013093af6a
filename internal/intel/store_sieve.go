package intel

import (
	"context"
	"slices"
	"strings"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// sievedIDs lists the ids of a selective plan whose rows pass the tests in Go as well, so
// that of a large event only those are read whole that will be shown. More than idsHeld
// are not kept.
func sievedIDs(ctx context.Context, tx *store.Tx, who ident.Actor, p *plan) (ids []int64, err error) {
	tagged, err := taggedHolding(ctx, tx, who, p)
	if err != nil {
		return nil, err
	}
	w := foundBy(who, p)
	order := ""
	if p.Aged {
		order = p.way(true)
	}
	scan := func(s store.Scanner) (a Attribute, err error) {
		err = s.Scan(&a.ID, &a.Type, &a.Value, &a.Comment)
		return a, err
	}
	for a, err := range store.Each(ctx, tx, scan, "SELECT a.id, a.type, a.value, a.comment"+attributeFrom+w.sql()+order, w.args...) {
		if err != nil {
			return nil, err
		}
		if p.valuePasses(a.Type, a.Value) && (p.Holds == "" || tagged[a.ID] || p.holds(a.Value, a.Comment)) {
			if ids = append(ids, a.ID); len(ids) > idsHeld {
				return ids, nil
			}
		}
	}
	if !p.Aged {
		slices.Sort(ids)
		if p.backwards() {
			slices.Reverse(ids)
		}
	}
	return ids, nil
}

// taggedHolding are the attributes of the plan's events that have a tag of their own in
// which the text stands.
func taggedHolding(ctx context.Context, tx *store.Tx, who ident.Actor, p *plan) (map[int64]bool, error) {
	if p.Holds == "" {
		return nil, nil
	}
	tags, err := tagNamesAll(ctx, tx)
	if err != nil {
		return nil, err
	}
	of := []int64{}
	for _, t := range tags {
		if strings.Contains(strings.ToLower(t.Name), p.lower) {
			of = append(of, t.ID)
		}
	}
	if len(of) == 0 {
		return nil, nil
	}
	within := ""
	if len(p.events) > 0 {
		within = " AND g.event_id IN " + store.In(p.events)
	}
	list, err := store.All(ctx, tx, store.ScanInt64, "SELECT g.attribute_id FROM intel_tagging g WHERE g.attribute_id <> 0 AND g.tag_id IN "+store.In(of)+" AND "+usesSeen(who)+within)
	out := make(map[int64]bool, len(list))
	for _, id := range list {
		out[id] = true
	}
	return out, err
}
