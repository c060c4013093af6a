package intel

import (
	"context"
	"strconv"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// found is an event in the first pass of a search: its id, what Go tests, and for Brief
// where it stands in the order.
type found struct {
	id   int64
	info string
	at   int64
}

func scanFound(s store.Scanner) (f found, err error) { err = s.Scan(&f.id, &f.info, &f.at); return }

// findEvents lists the events of a plan in the order asked for.
func findEvents(ctx context.Context, tx *store.Tx, who ident.Actor, p *plan, within []int64) ([]found, error) {
	w := p.eventsWhere(who, within)
	at, info, limit := "0", "e.info", ""
	if p.Brief {
		at = orderOf(p.Sort, who)
	}
	if p.Brief && p.Limit > 0 && p.Text == "" && p.Info.empty() {
		limit = " LIMIT " + strconv.Itoa(p.Limit)
	}
	if p.Text == "" && p.Info.empty() {
		info = "''"
	}
	return store.All(ctx, tx, scanFound, "SELECT e.id, "+info+", "+at+eventFrom+" WHERE "+w.sql()+p.eventsOrder(who)+limit, w.args...)
}

// pageOfEvents counts the events of a plan and lists the ids of the page asked for.
func pageOfEvents(ctx context.Context, tx *store.Tx, who ident.Actor, p *plan, within []int64) (ids []int64, total int64, err error) {
	w := p.eventsWhere(who, within)
	if total, err = store.Int64(ctx, tx, "SELECT COUNT(*)"+eventFrom+" WHERE "+w.sql(), w.args...); err != nil {
		return nil, 0, err
	}
	skip := max(p.Page-1, 0) * p.Limit
	if int64(skip) >= total {
		return nil, total, nil
	}
	ids, err = store.All(ctx, tx, store.ScanInt64, "SELECT e.id"+eventFrom+" WHERE "+w.sql()+p.eventsOrder(who)+
		" LIMIT "+strconv.Itoa(p.Limit)+" OFFSET "+strconv.Itoa(skip), w.args...)
	return ids, total, err
}

// eventsWhere is all that a plan asks of an event.
func (p *plan) eventsWhere(who ident.Actor, within []int64) where {
	var w where
	p.eventWhere(&w, who, ofEvents)
	if within != nil {
		w.add("e.id IN " + store.In(within))
	} else if p.attributeLevel() {
		a := where{args: w.args}
		p.attributeWhere(&a, who, true)
		w.args = a.args
		w.parts = append(w.parts, "EXISTS (SELECT 1 FROM intel_attribute a WHERE a.event_id = e.id AND "+a.sql()+")")
	}
	if p.After > 0 {
		w.add("e.id > ?", p.After)
	}
	if p.Past != nil { // the first test is what leads into the index
		col, behind := orderOf(p.Sort, who), ">"
		if p.Desc {
			behind = "<"
		}
		w.add(col+" "+behind+"= ? AND ("+col+" "+behind+" ? OR e.id "+behind+" ?)", p.Past.Changed, p.Past.Changed, p.Past.ID)
	}
	return w
}

// eventsOrder is the order of events that a plan asks for.
func (p *plan) eventsOrder(who ident.Actor) string {
	dir := ""
	if p.Desc {
		dir = " DESC"
	}
	col := orderOf(p.Sort, who)
	if col == "e.id" {
		return " ORDER BY e.id" + dir
	}
	return " ORDER BY " + col + dir + ", e.id" + dir
}

// orderOf gives what a named order sorts by. The number of attributes is the one that
// who sees; events of which everybody sees the same have it in the row.
func orderOf(name string, who ident.Actor) string {
	col := sortable[name]
	switch {
	case col == "":
		return "e.id"
	case name == "attribute_count" && !seesAll(who):
		return "CASE WHEN e.own_audiences = 0 THEN e.attributes ELSE (SELECT COUNT(*) FROM intel_attribute ca WHERE ca.event_id = e.id AND NOT ca.deleted AND " +
			childSeen(who, "ca", true) + ") END"
	}
	return col
}

// eventsByID reads headers that pass the test seen, in no order.
func eventsByID(ctx context.Context, tx *store.Tx, seen string, ids []int64) ([]Event, error) {
	list, args := few(1, ids)
	return store.All(ctx, tx, scanEvent, "SELECT "+eventCols+eventFrom+" WHERE e.id IN "+list+" AND "+seen, args...)
}

// few writes ids as parameters from $from on, filled up to one of four lengths, so
// that texts stay the same and both engines keep them prepared; a longer list
// stands in the text.
func few(from int, ids []int64) (list string, args []any) {
	n := filled(len(ids))
	if n == 0 {
		return store.In(ids), nil
	}
	for i := range n {
		args = append(args, ids[min(i, len(ids)-1)])
	}
	return "(" + store.Marks(from, n) + ")", args
}

// filled is the length to which a list of n is filled up; 0 when it is not.
func filled(n int) int {
	for _, full := range []int{16, 128, 512, 1024} {
		if 0 < n && n <= full {
			return full
		}
	}
	return 0
}

func listOrgs(ctx context.Context, tx *store.Tx) ([]Org, error) {
	return store.All(ctx, tx, scanOrg, allOrgs)
}

// tagsOfEvents reads the tags of several events, as who sees them.
func tagsOfEvents(ctx context.Context, tx *store.Tx, who ident.Actor, ids []int64) (map[int64][]TagUse, error) {
	list, args := few(1, ids)
	rows, err := tx.Query(ctx, "SELECT "+tagCols+", g.id, g.local, g.relationship, g.event_id FROM intel_tagging g JOIN intel_tag t ON t.id = g.tag_id "+
		"WHERE g.attribute_id = 0 AND g.event_id IN "+list+" AND "+usesSeen(who)+" ORDER BY g.id", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[int64][]TagUse{}
	for rows.Next() {
		u, err := scanUse(rows)
		if err != nil {
			return nil, err
		}
		out[u.attribute] = append(out[u.attribute], u.TagUse)
	}
	return out, rows.Err()
}
