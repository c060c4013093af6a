package intel

import (
	"context"
	"slices"
	"strconv"
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
	for row, err := range store.Each(ctx, tx, store.ScanString, "SELECT concat_ws('"+cut+"', a.id, a.type, octet_length(a.comment), a.comment, a.value)"+attributeFrom+w.sql()+order, w.args...) {
		if err != nil {
			return nil, err
		}
		r := unpacking{rest: row}
		id, typ := r.int(), r.text()
		comment := r.long(r.int())
		if p.valuePasses(typ, r.rest) && (p.Holds == "" || tagged[id] || p.holds(r.rest, comment)) {
			if ids = append(ids, id); len(ids) > idsHeld {
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

// Of how many events a text is looked for through the index of their attributes, and how
// many rows one stretch of the whole table has.
const (
	fewEvents = 400
	stretched = 50_000
)

// seekFrom goes through attributes behind last, by id, and takes the events of those that
// hold the plan's text out of sought. With a plan's own events it goes through all of
// theirs at once. A row comes as one text, see packedCols.
func (s *Service) seekFrom(ctx context.Context, tx *store.Tx, who ident.Actor, p *plan, last int64, tagged, sought map[int64]bool) (_ int64, more bool, err error) {
	var w where
	p.attributeWhere(&w, who, true)
	rest := ""
	if len(p.events) > 0 {
		w.add("a.event_id IN " + store.In(p.events))
	} else {
		w.add("a.id > ?", last)
		rest = " ORDER BY a.id LIMIT " + strconv.Itoa(s.strip)
	}
	var id, event string
	var at int64
	n, wanted := 0, false
	for row, err := range store.Each(ctx, tx, store.ScanString, "SELECT concat_ws('"+cut+"', a.id, a.event_id, octet_length(a.comment), a.comment, a.value) FROM intel_attribute a WHERE "+w.sql()+rest, w.args...) {
		if err != nil {
			return last, false, err
		}
		n++
		r := unpacking{rest: row}
		id = r.text()
		if of := r.text(); of != event {
			event = of
			at = number(of)
			wanted = sought[at]
		}
		if !wanted {
			continue
		}
		if comment := r.long(r.int()); p.holds(r.rest, comment) || len(tagged) > 0 && tagged[number(id)] {
			delete(sought, at)
			if wanted = false; len(sought) == 0 {
				return last, false, nil
			}
		}
	}
	return number(id), len(p.events) == 0 && n == s.strip, nil
}

// number reads an id that the database wrote.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
