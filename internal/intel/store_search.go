package intel

import (
	"context"
	"strconv"
	"strings"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// where gathers conditions and their parameters.
type where struct {
	parts []string
	args  []any
}

// add takes a condition in which every ? stands for the next of args.
func (w *where) add(cond string, args ...any) {
	for _, a := range args {
		w.args = append(w.args, a)
		cond = strings.Replace(cond, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	w.parts = append(w.parts, cond)
}

// in adds col IN (list) or NOT IN; an empty list adds nothing.
func (w *where) in(col string, list []string, not bool) {
	if len(list) == 0 {
		return
	}
	op := " IN ("
	if not {
		op = " NOT IN ("
	}
	args := make([]any, len(list))
	marks := make([]string, len(list))
	for i, v := range list {
		args[i], marks[i] = v, "?"
	}
	w.add(col+op+strings.Join(marks, ",")+")", args...)
}

func (w *where) span(col string, s Span) {
	if s.From != nil {
		w.add(col+" >= ?", *s.From)
	}
	if s.To != nil {
		w.add(col+" <= ?", *s.To)
	}
}

func (w *where) sql() string {
	if len(w.parts) == 0 {
		return "1 = 1"
	}
	return strings.Join(w.parts, " AND ")
}

// attributeWhere is what a plan asks of an attribute (a); the event (e) is joined.
func (p *plan) attributeWhere(w *where, who ident.Actor, scan bool) {
	w.add(childSeen(who, "a", scan))
	if stays := p.partLeavingWhere("a"); stays != "" {
		w.add(stays)
	}
	if d := p.Deleted.sql("a"); d != "" {
		w.add(strings.TrimPrefix(d, " AND "))
	}
	if len(p.keys) > 0 && len(p.likes) == 0 {
		keys := make([]any, 0, 2*len(p.keys))
		for range 2 {
			for _, k := range p.keys {
				keys = append(keys, k)
			}
		}
		marks := strings.Repeat(",?", len(p.keys))[1:]
		w.add("(a.key1 IN ("+marks+") OR a.key2 IN ("+marks+"))", keys...)
	}
	w.in("a.type", p.types, false)
	w.in("a.type", p.notTypes, true)
	w.in("a.category", p.cats, false)
	w.in("a.category", p.notCats, true)
	w.in("a.relation", p.Relation.Or, false)
	w.in("a.relation", p.Relation.Not, true)
	if w.in("a.uuid", p.NotUUIDs, true); len(p.NotUUIDs) > 0 {
		var o where
		o.args = w.args
		o.in("so.uuid", p.NotUUIDs, false)
		w.args = o.args
		w.parts = append(w.parts, "a.object_id NOT IN (SELECT so.id FROM intel_object so WHERE "+o.sql()+")")
	}
	if p.ToIDS != nil {
		w.add("a.to_ids = ?", *p.ToIDS)
	}
	w.span("a.first_seen", p.FirstSeen)
	w.span("a.last_seen", p.LastSeen)
	if len(p.Object.Or) > 0 || p.Template != "" {
		var o where
		o.args = w.args
		o.in("so.name", p.Object.Or, false)
		if p.Template != "" {
			o.add("so.template_uuid = ?", p.Template)
		}
		w.args = o.args
		w.parts = append(w.parts, "a.object_id <> 0 AND EXISTS (SELECT 1 FROM intel_object so WHERE so.id = a.object_id AND "+o.sql()+")")
	}
}

// scope is which rows a query is about.
type scope int

const (
	ofAttributes scope = iota
	ofEvents
)

// eventWhere is what a plan asks of an event (e).
func (p *plan) eventWhere(w *where, who ident.Actor, sc scope) {
	if sc == ofEvents || p.keyed {
		w.add(eventSeen(who, "e"))
	} else {
		w.add(eventScan(who, "e"))
	}
	if p.From != "" {
		w.add("e.date >= ?", p.From)
	}
	if p.To != "" {
		w.add("e.date <= ?", p.To)
	}
	w.span("e.timestamp", p.EventTime)
	w.span("e.publish_timestamp", p.Published)
	w.span("e.changed", p.Changed)
	if p.TLP != "" {
		w.add("e.tlp = ?", p.TLP)
	}
	if p.Leaving {
		w.add(p.leavingWhere())
	}
	if p.Extends != "" {
		w.add("e.extends_uuid = ?", p.Extends)
	}
	if p.IsPublished != nil {
		w.add("e.published = ?", *p.IsPublished)
	}
	if len(p.origins) > 0 {
		w.add("e.orgc_id IN " + store.In(p.origins))
	}
	if len(p.notOrigins) > 0 {
		w.add("e.orgc_id NOT IN " + store.In(p.notOrigins))
	}
	if len(p.owners) > 0 {
		w.add("e.org_id IN " + store.In(p.owners))
	}
	if len(p.Threat) > 0 {
		w.add("e.threat IN " + store.In(wide(p.Threat)))
	}
	if len(p.Analysis) > 0 {
		w.add("e.analysis IN " + store.In(wide(p.Analysis)))
	}
	if len(p.Levels) > 0 {
		w.add("e.distribution IN " + store.In(wide(p.Levels)))
	}
	if len(p.Groups) > 0 {
		w.add("e.group_id IN " + store.In(p.Groups))
	}
	if len(p.NotGroups) > 0 {
		w.add("e.group_id NOT IN " + store.In(p.NotGroups))
	}
	if len(p.notEvents) > 0 {
		w.add("e.id NOT IN " + store.In(p.notEvents))
	}
	w.in("e.uuid", p.NotUUIDs, true)
	if sc == ofEvents && len(p.events) > 0 {
		w.add("e.id IN " + store.In(p.events))
	}
	if sc == ofEvents {
		w.span("e.timestamp", p.Time)
	}
	p.tagWhere(w, who, sc)
	p.uuidWhere(w, who, sc)
}

func wide[T ~int](list []T) []int64 {
	out := make([]int64, len(list))
	for i, v := range list {
		out[i] = int64(v)
	}
	return out
}

// tagWhere: in attribute scope an event's tag counts for all its attributes; in
// event scope a visible attribute's tag counts for its event, except in NOT.
func (p *plan) tagWhere(w *where, who ident.Actor, sc scope) {
	among := func(ids []int64) string { return "g.tag_id IN " + store.In(ids) + " AND " + usesSeen(who) }
	for _, ids := range p.tags {
		on := "e.id IN (SELECT g.event_id FROM intel_tagging g WHERE g.attribute_id = 0 AND " + among(ids)
		if sc == ofAttributes {
			on += ") OR a.id IN (SELECT g.attribute_id FROM intel_tagging g WHERE g.attribute_id <> 0 AND " + among(ids) + ")"
		} else { // one list, so that it leads
			on += " UNION SELECT a.event_id FROM intel_tagging g JOIN intel_attribute a ON a.id = g.attribute_id WHERE " + among(ids) +
				p.Deleted.sql("a") + " AND " + childSeen(who, "a", true) + p.andLeaving("a") + ")"
		}
		w.add("(" + on + ")")
	}
	if len(p.notTags) == 0 {
		return
	}
	w.add("NOT EXISTS (SELECT 1 FROM intel_tagging g WHERE g.event_id = e.id AND g.attribute_id = 0 AND " + among(p.notTags) + ")")
	if sc == ofAttributes {
		w.add("NOT EXISTS (SELECT 1 FROM intel_tagging g WHERE g.event_id = e.id AND g.attribute_id = a.id AND " + among(p.notTags) + ")")
	}
}

// uuidWhere: a UUID may be the event's, an attribute's or an object's.
func (p *plan) uuidWhere(w *where, who ident.Actor, sc scope) {
	if len(p.UUIDs) == 0 {
		return
	}
	var list []string
	for _, u := range p.UUIDs {
		if u, ok := store.ParseUUID(u); ok {
			list = append(list, u)
		}
	}
	if len(list) == 0 {
		w.add("1 = 0")
		return
	}
	var any where
	any.args = w.args
	any.in("e.uuid", list, false)
	if sc == ofAttributes {
		any.in("a.uuid", list, false)
		any.parts = append(any.parts, "a.object_id IN (SELECT uo.id FROM intel_object uo WHERE "+sub(&any, "uo.uuid", list)+")")
	} else {
		any.parts = append(any.parts, "e.id IN (SELECT ua.event_id FROM intel_attribute ua WHERE "+sub(&any, "ua.uuid", list)+" AND "+childSeen(who, "ua", true)+p.andLeaving("ua")+")",
			"e.id IN (SELECT uo.event_id FROM intel_object uo WHERE "+sub(&any, "uo.uuid", list)+" AND "+ownSeen(who, "uo")+")")
	}
	w.args = any.args
	w.parts = append(w.parts, "("+strings.Join(any.parts, " OR ")+")")
}

// sub builds an IN of its own with the parameters of w.
func sub(w *where, col string, list []string) string {
	s := where{args: w.args}
	s.in(col, list, false)
	w.args = s.args
	return s.sql()
}

// The order of this join is meant: CROSS JOIN keeps SQLite from starting at the
// events when the attributes have the index that leads to few rows.
const attributeFrom = ` FROM intel_attribute a CROSS JOIN intel_event e WHERE e.id = a.event_id AND `

// How many events and attributes may lead a search; a tag on more of them is
// tested row by row while the table is walked.
const (
	leadEvents     = 2_000
	leadAttributes = 20_000
	leadTimed      = 20_000
)

// lead finds, in the indexes of UUIDs or else of tags, the events and attributes
// that a search is about. Whether they are seen is tested with the rows.
func (p *plan) lead(ctx context.Context, tx *store.Tx) (err error) {
	ids := func(limit int, text string, args ...any) []int64 {
		if err != nil {
			return nil
		}
		var list []int64
		list, err = store.All(ctx, tx, store.ScanInt64, text+" LIMIT "+strconv.Itoa(limit+1), args...)
		return list
	}
	if len(p.UUIDs) > 0 {
		var w where
		for _, u := range p.UUIDs {
			if u, ok := store.ParseUUID(u); ok {
				w.args = append(w.args, u)
			}
		}
		if len(w.args) == 0 {
			p.nothing = true
			return nil
		}
		in := " IN (" + store.Marks(1, len(w.args)) + ")"
		p.ledEvents = ids(leadEvents, "SELECT id FROM intel_event WHERE uuid"+in, w.args...)
		p.ledAttributes = ids(leadAttributes, "SELECT id FROM intel_attribute WHERE uuid"+in+
			" UNION SELECT a.id FROM intel_object o JOIN intel_attribute a ON a.event_id = o.event_id AND a.object_id = o.id WHERE o.uuid"+in, w.args...)
	} else {
		in := " AND tag_id IN " + store.In(p.tags[0])
		p.ledEvents = ids(leadEvents, "SELECT DISTINCT event_id FROM intel_tagging WHERE attribute_id = 0"+in)
		p.ledAttributes = ids(leadAttributes, "SELECT attribute_id FROM intel_tagging WHERE attribute_id <> 0"+in)
	}
	p.led = len(p.ledEvents) <= leadEvents && len(p.ledAttributes) <= leadAttributes
	return err
}

// fewSince tells whether the time span alone leads to few rows.
func fewSince(ctx context.Context, tx *store.Tx, p *plan) (bool, error) {
	var w where
	w.span("a.timestamp", p.Time)
	n, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM (SELECT 1 FROM intel_attribute a WHERE "+w.sql()+" LIMIT "+strconv.Itoa(leadTimed+1)+") few", w.args...)
	return n <= leadTimed, err
}

// foundBy is the WHERE of a plan that an index leads. a.id + 0: the id's own
// B-tree must not be taken for the order, or the whole table is walked.
func foundBy(who ident.Actor, p *plan) where {
	var w where
	if len(p.events) > 0 {
		w.add("a.event_id IN " + store.In(p.events))
	}
	if p.led {
		w.add("(a.event_id IN " + store.In(p.ledEvents) + " OR a.id IN " + store.In(p.ledAttributes) + ")")
	}
	w.span("a.timestamp", p.Time)
	p.attributeWhere(&w, who, !p.keyed)
	p.eventWhere(&w, who, ofAttributes)
	if p.After > 0 {
		w.add("a.id + 0 > ?", p.After)
	}
	if p.Aged && p.Past != nil {
		p.behind(&w, "a.timestamp + 0", *p.Past)
	}
	return w
}

// way is the order of attributes: by id, or by time of change. With few, the + 0 keeps
// the planner from walking an index of the whole table for the order's sake.
func (p *plan) way(few bool) string {
	dir := ""
	if p.backwards() {
		dir = " DESC"
	}
	switch {
	case p.Aged && few:
		return " ORDER BY a.timestamp + 0" + dir + ", a.id + 0" + dir
	case p.Aged:
		return " ORDER BY a.timestamp" + dir + ", a.id" + dir
	case few:
		return " ORDER BY a.id + 0" + dir
	}
	return " ORDER BY a.id" + dir
}

// behind goes on after a place in the order by time of change.
func (p *plan) behind(w *where, col string, at Place) {
	op := ">"
	if p.Desc {
		op = "<"
	}
	w.add("("+col+", a.id) "+op+" (?, ?)", at.Changed, at.ID)
}

// backwards: the newest attributes first. Other orders are of events only.
func (p *plan) backwards() bool { return p.Desc && (p.Aged || p.Sort == "" || p.Sort == "id") }

// attributeIDs lists at most limit ids of a selective plan, ascending.
func attributeIDs(ctx context.Context, tx *store.Tx, who ident.Actor, p *plan, limit int) ([]int64, error) {
	w := foundBy(who, p)
	return store.All(ctx, tx, store.ScanInt64, "SELECT a.id"+attributeFrom+w.sql()+p.way(true)+" LIMIT "+strconv.Itoa(limit), w.args...)
}

// attributesFound reads the first rows of a plan led by a value's key, by id.
func attributesFound(ctx context.Context, tx *store.Tx, who ident.Actor, p *plan, limit int) ([]Attribute, error) {
	w := foundBy(who, p)
	return store.All(ctx, tx, scanPacked, "SELECT "+packedCols+attributeFrom+w.sql()+p.way(true)+" LIMIT "+strconv.Itoa(limit), w.args...)
}

// attributesByID reads rows whose ids were found a moment ago, again as who sees them.
func attributesByID(ctx context.Context, tx *store.Tx, who ident.Actor, ids []int64) ([]Attribute, error) {
	list, args := few(1, ids)
	return store.All(ctx, tx, scanPacked, "SELECT "+packedCols+attributeFrom+"a.id IN "+list+" AND "+childSeen(who, "a", true)+
		" AND "+eventScan(who, "e")+" ORDER BY a.id", args...)
}

// attributesFrom walks the table by id, or by time of change: for plans without an
// index of their own.
func attributesFrom(ctx context.Context, tx *store.Tx, who ident.Actor, p *plan, after Place, limit int) ([]Attribute, error) {
	var w where
	switch {
	case p.Aged:
		p.behind(&w, "a.timestamp", after)
	case p.backwards():
		w.add("a.id < ?", after.ID)
		w.add("a.id > ?", p.After)
	default:
		w.add("a.id > ?", after.ID)
	}
	if len(p.events) > 0 {
		w.add("a.event_id IN " + store.In(p.events))
	}
	w.span("a.timestamp", p.Time)
	p.attributeWhere(&w, who, true)
	p.eventWhere(&w, who, ofAttributes)
	return store.All(ctx, tx, scanPacked, "SELECT "+packedCols+attributeFrom+w.sql()+p.way(false)+" LIMIT "+strconv.Itoa(limit), w.args...)
}

func countAttributes(ctx context.Context, tx *store.Tx, who ident.Actor, p *plan) (int64, error) {
	var w where
	if len(p.events) > 0 {
		w.add("a.event_id IN " + store.In(p.events))
	}
	w.span("a.timestamp", p.Time)
	if p.After > 0 {
		w.add("a.id > ?", p.After)
	}
	p.attributeWhere(&w, who, true)
	p.eventWhere(&w, who, ofAttributes)
	return store.Int64(ctx, tx, "SELECT COUNT(*)"+attributeFrom+w.sql(), w.args...)
}

// nameObjects fills in what is told of the objects that attributes stand in:
// who sees the attribute sees its object.
func nameObjects(ctx context.Context, tx *store.Tx, list []Attribute) error {
	of := map[int64]Object{}
	var ids []int64
	for i := range list {
		id := list[i].ObjectID
		if _, known := of[id]; id != 0 && !known {
			of[id] = Object{}
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	in, args := few(1, ids)
	rows, err := store.All(ctx, tx, func(s store.Scanner) (o Object, err error) {
		err = s.Scan(&o.ID, &o.UUID, &o.Name, &o.MetaCategory, &o.Distribution, &o.Group)
		return
	}, "SELECT id, uuid, name, meta_category, distribution, group_id FROM intel_object WHERE id IN "+in, args...)
	if err != nil {
		return err
	}
	for _, o := range rows {
		of[o.ID] = o
	}
	for i := range list {
		o := of[list[i].ObjectID]
		list[i].ObjectUUID, list[i].ObjectName, list[i].ObjectMeta = o.UUID, o.Name, o.MetaCategory
		list[i].ObjectDistribution, list[i].ObjectGroup = o.Distribution, o.Group
	}
	return nil
}
