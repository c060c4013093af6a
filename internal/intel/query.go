package intel

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Filter is a condition on a text: one of Or, all of And, none of Not. A % at
// either end stands for anything; without one, equality. Values, types and
// categories ignore case, tags do not. An empty filter lets everything pass.
type Filter struct{ Or, And, Not []string }

func (f Filter) empty() bool { return len(f.Or)+len(f.And)+len(f.Not) == 0 }

// Span is a range of seconds, both ends included; nil = open.
type Span struct{ From, To *int64 }

func (s Span) empty() bool { return s.From == nil && s.To == nil }

// Query asks for attributes or events. The zero value asks for everything that
// the caller sees.
type Query struct {
	Value    Filter // both halves of a composite
	Type     Filter
	Category Filter
	Relation Filter // object_relation
	Object   Filter // names of objects
	Template string // UUID of an object template
	Tag      Filter // on the attribute or its event
	Origin   Filter // organisations by id, UUID or name (MISP's org and orgc)
	Owner    Filter
	Info     Filter // of the event, in either script and any case
	InfoCase bool   // Info is tested letter by letter, as MISP's restSearch does
	Text     string // events that hold it anywhere: info, value, comment, tag; all their attributes
	Holds    string // of attributes: those that hold it themselves, in value, comment or a tag of their own

	Events  []string // ids or UUIDs
	Extends string   // UUID of the event that they extend
	UUIDs   []string // of events, attributes or objects
	Groups  []int64  // sharing groups
	Levels  []Distribution

	NotEvents []string // like Events, UUIDs and Groups: what is none of these
	NotUUIDs  []string
	NotGroups []int64

	From, To  string // event dates, both included
	Time      Span   // of the attribute (attribute scope) or the event (event scope)
	EventTime Span
	Published Span // publish timestamp
	Changed   Span // µs: changed here, of the event
	FirstSeen Span // µs
	LastSeen  Span // µs

	TLP string // label of the event: "AMBER+STRICT"; "" = any

	ToIDS       *bool
	IsPublished *bool
	Threat      []int
	Analysis    []int
	Deleted     Deleted
	Nothing     bool // what was asked for cannot be: an unreadable time, an unknown organisation

	After int64  // only ids greater than this: the next page of a keyset
	Aged  bool   // attributes by time of change and id instead of by id; Desc turns it round
	Past  *Place // of events, with Sort "changed" or "sighted", and of attributes, with Aged (seconds): only those behind this place in that order
	Limit int    // 0 = all
	Brief bool   // of events, in an order of numbers: no more than Limit are looked for, and counted
	Page  int    // 1-based, with Limit; 0 = none
	Sort  string // see sortable; "" = id
	Desc  bool

	Leaving bool // of what is others', only what its label lets go to another installation (see Leaves)

	Found func(total int64) // of events: told how many match in all, before the first is given; nil = nobody asks

	WithTags    bool // fill Tags of attributes, and of their events
	WithObjects bool // fill what attributes tell of the object that they stand in
}

// Place is where a page of events ended: the last one's Changed and ID.
type Place struct{ Changed, ID int64 }

// sortable are the orders that a caller may ask for: name → column. Everything
// else is ignored, as MISP does.
var sortable = map[string]string{"id": "e.id", "date": "e.date", "info": "e.info_fold", "timestamp": "e.timestamp",
	"publish_timestamp": "e.publish_timestamp", "threat_level_id": "e.threat", "analysis": "e.analysis", "published": "e.published",
	"distribution": "e.distribution", "orgc": "og.name", "org": "ow.name", "attribute_count": "e.attributes", "changed": "e.changed", "sighted": "e.sighting_timestamp"}

// attributeLevel tells whether the query asks something of attributes.
func (q *Query) attributeLevel() bool {
	return !q.Value.empty() || !q.Type.empty() || !q.Category.empty() || !q.Relation.empty() || !q.Object.empty() || q.Template != "" ||
		q.ToIDS != nil || !q.FirstSeen.empty() || !q.LastSeen.empty() || q.Deleted == Only
}

// names tells whether the query names things that must be looked up.
func (q *Query) names() bool {
	return !q.Tag.empty() || !q.Origin.empty() || !q.Owner.empty() || len(q.Events) > 0 || len(q.UUIDs) > 0 || len(q.NotEvents) > 0
}

// plan is a query whose names have been looked up: ids, keys, and tests in Go.
type plan struct {
	*Query
	keys, notKeys   []int64 // of values that must, must not be
	exact, exactNot []string
	likes, likesNot []string
	types, notTypes []string
	cats, notCats   []string
	origins, owners []int64
	notOrigins      []int64
	tags            [][]int64 // each list: one of these; all lists
	notTags         []int64
	events          []int64
	notEvents       []int64
	nothing         bool
	keyed           bool // a value's key leads to few rows
	selective       bool // an index leads to the rows: the key's, or led
	led             bool // by the ids below, found in the indexes of tags or UUIDs
	ledEvents       []int64
	ledAttributes   []int64
	places          map[int64]Place // of Brief: where each event was found
	strict          []strictTags    // of Leaving
	own             int64           // of Leaving: the caller's organisation
	untagged        tlp.Level       // … and what an unlabelled event counts as
	folded, lower   string          // of Holds
	said            string          // the last comment that was tested, and whether it holds the text
	saidSo          bool
}

// plan looks names up. It reads nothing that who may not: an unknown name and a
// hidden one give the same.
func (q *Query) plan(ctx context.Context, tx *store.Tx, who ident.Actor) (*plan, error) {
	p := &plan{Query: q, nothing: q.Nothing, lower: strings.ToLower(q.Holds), folded: i18n.Fold(q.Holds)}
	for _, v := range q.Value.Or {
		p.value(v, &p.exact, &p.keys, &p.likes)
	}
	for _, v := range q.Value.And {
		p.value(v, &p.exact, &p.keys, &p.likes)
	}
	for _, v := range q.Value.Not {
		p.value(v, &p.exactNot, &p.notKeys, &p.likesNot)
	}
	p.types, p.notTypes = p.names(q.Type, misp.Types())
	p.cats, p.notCats = p.names(q.Category, misp.Categories())
	if err := p.orgs(ctx, tx); err != nil {
		return nil, err
	}
	if err := p.tagIDs(ctx, tx); err != nil {
		return nil, err
	}
	if err := p.eventIDs(ctx, tx, who); err != nil {
		return nil, err
	}
	if tx != nil && (len(q.UUIDs) > 0 || len(p.tags) > 0) {
		if err := p.lead(ctx, tx); err != nil {
			return nil, err
		}
	}
	p.keyed = len(p.keys) > 0 && len(p.likes) == 0
	p.selective = p.keyed || p.led || len(q.Events) > 0
	return p, nil
}

// value sorts a term into exact ones (with the keys under which they may lie)
// and patterns.
func (p *plan) value(v string, exact *[]string, keys *[]int64, likes *[]string) {
	v = strings.TrimSpace(v)
	if pattern, like := likePattern(v); like {
		*likes = append(*likes, pattern)
		return
	}
	for _, form := range forms(v) {
		*exact = append(*exact, strings.ToLower(form))
		first, _, _ := strings.Cut(form, "|")
		for _, k := range []int64{misp.CorrelationKey(form), misp.CorrelationKey(first)} {
			if !slices.Contains(*keys, k) {
				*keys = append(*keys, k)
			}
		}
	}
}

// forms are a term as written and as it would have been stored: addresses
// compressed, defanged ones put right.
func forms(v string) []string {
	out := []string{v}
	if a, err := netip.ParseAddr(v); err == nil && a.String() != v {
		out = append(out, a.String())
	}
	if n, bad := misp.Normalise("url", v); bad == nil && n.Value != v && strings.Contains(n.Value, "://") {
		out = append(out, n.Value)
	}
	return out
}

// likePattern: leading or trailing % makes a pattern; what remains is lower case.
func likePattern(v string) (string, bool) {
	if len(v) < 2 || v[0] != '%' && v[len(v)-1] != '%' {
		return v, false
	}
	return strings.ToLower(v), true
}

// like tests a pattern with % at its ends; s is lower case.
func like(s, pattern string) bool {
	head, tail := strings.HasPrefix(pattern, "%"), strings.HasSuffix(pattern, "%")
	body := strings.Trim(pattern, "%")
	switch {
	case head && tail:
		return strings.Contains(s, body)
	case head:
		return strings.HasSuffix(s, body)
	}
	return strings.HasPrefix(s, body)
}

// names resolves a filter over a known list, case ignored, patterns allowed. A
// filter none of whose names exists lets nothing pass.
func (p *plan) names(f Filter, all []string) (in, out []string) {
	find := func(names []string) (found []string) {
		for _, n := range names {
			pattern, isLike := likePattern(n)
			for _, known := range all {
				if isLike && like(strings.ToLower(known), pattern) || strings.EqualFold(known, n) {
					found = append(found, known)
				}
			}
		}
		return found
	}
	in, out = find(append(slices.Clone(f.Or), f.And...)), find(f.Not)
	if len(f.Or)+len(f.And) > 0 && len(in) == 0 {
		p.nothing = true
	}
	return in, out
}

func (p *plan) orgs(ctx context.Context, tx *store.Tx) error {
	if p.Origin.empty() && p.Owner.empty() {
		return nil
	}
	all, err := listOrgs(ctx, tx)
	if err != nil {
		return err
	}
	find := func(names []string) (ids []int64) {
		for _, n := range names {
			for _, o := range all {
				if itoa(o.ID) == n || strings.EqualFold(o.UUID, n) || strings.EqualFold(o.Name, n) {
					ids = append(ids, o.ID)
				} else if pattern, isLike := likePattern(n); isLike && like(strings.ToLower(o.Name), pattern) {
					ids = append(ids, o.ID)
				}
			}
		}
		return ids
	}
	p.origins, p.notOrigins, p.owners = find(append(slices.Clone(p.Origin.Or), p.Origin.And...)), find(p.Origin.Not), find(p.Owner.Or)
	p.nothing = p.nothing || len(p.Origin.Or)+len(p.Origin.And) > 0 && len(p.origins) == 0 || len(p.Owner.Or) > 0 && len(p.owners) == 0
	return nil
}

// called tells whether a filter's word means the tag: its name, number or a pattern.
func (t Tag) called(word string) bool {
	pattern, isLike := likePattern(word)
	return t.Name == word || itoa(t.ID) == word || isLike && like(strings.ToLower(t.Name), pattern)
}

// Spares tells whether an attribute of an event that was found carries none of the tags
// that the query excludes: it is left out of the event else.
func (q *Query) Spares(a *Attribute) bool {
	return !slices.ContainsFunc(q.Tag.Not, func(word string) bool {
		return slices.ContainsFunc(a.Tags, func(u TagUse) bool { return u.called(word) })
	})
}

func (p *plan) tagIDs(ctx context.Context, tx *store.Tx) error {
	if p.Tag.empty() {
		return nil
	}
	all, err := tagNamesAll(ctx, tx)
	if err != nil {
		return err
	}
	find := func(n string) (ids []int64) {
		for _, t := range all {
			if t.called(n) {
				ids = append(ids, t.ID)
			}
		}
		return ids
	}
	var or []int64
	for _, n := range p.Tag.Or {
		or = append(or, find(n)...)
	}
	if len(p.Tag.Or) > 0 {
		p.tags, p.nothing = append(p.tags, or), p.nothing || len(or) == 0
	}
	for _, n := range p.Tag.And {
		ids := find(n)
		p.tags, p.nothing = append(p.tags, ids), p.nothing || len(ids) == 0
	}
	for _, n := range p.Tag.Not {
		p.notTags = append(p.notTags, find(n)...)
	}
	return nil
}

func (p *plan) eventIDs(ctx context.Context, tx *store.Tx, who ident.Actor) error {
	find := func(refs []string) (ids []int64) {
		for _, ref := range refs {
			if e, err := readEvent(ctx, tx, who, ref); err == nil {
				ids = append(ids, e.ID)
			}
		}
		return ids
	}
	p.events, p.notEvents = find(p.Events), find(p.NotEvents)
	p.nothing = p.nothing || len(p.Events) > 0 && len(p.events) == 0
	return nil
}

// inGo are the tests that SQL cannot make alike on both engines: patterns, case,
// and that a key's text is really equal.
func (p *plan) inGo(a *Attribute) bool {
	if !p.valuePasses(a.Type, a.Value) || !p.infoPasses(a.Event) {
		return false
	}
	if p.Leaving && !p.partLeaves(a) {
		return false
	}
	if p.Holds != "" {
		return p.holds(a.Value, a.Comment) || tagHolds(a.Tags, p.lower)
	}
	return true
}

// holds tests what an attribute says: its value in any case, its comment in either script
// too. The same comment often stands on many in a row.
func (p *plan) holds(value, comment string) bool {
	if strings.Contains(strings.ToLower(value), p.lower) {
		return true
	}
	if comment != p.said {
		p.said, p.saidSo = comment, strings.Contains(i18n.Fold(comment), p.folded)
	}
	return comment != "" && p.saidSo
}

// valuePasses tests a value and its halves.
func (p *plan) valuePasses(typ, value string) bool {
	if len(p.exact)+len(p.likes)+len(p.exactNot)+len(p.likesNot) == 0 {
		return true
	}
	v := strings.ToLower(value)
	first, second := halves(typ, v)
	hit := func(exact, likes []string) bool {
		return slices.ContainsFunc(exact, func(x string) bool { return x == v || x == first || second != "" && x == second }) ||
			slices.ContainsFunc(likes, func(x string) bool { return like(v, x) || second != "" && (like(first, x) || like(second, x)) })
	}
	return (len(p.exact)+len(p.likes) == 0 || hit(p.exact, p.likes)) && !hit(p.exactNot, p.likesNot)
}

func tagHolds(tags []TagUse, t string) bool {
	return slices.ContainsFunc(tags, func(u TagUse) bool { return strings.Contains(strings.ToLower(u.Name), t) })
}

// infoPasses tests the event's info: equality or pattern, both scripts.
func (p *plan) infoPasses(e *Event) bool {
	if p.Info.empty() || e == nil {
		return true
	}
	fold := i18n.Fold
	if p.InfoCase {
		fold = func(s string) string { return s }
	}
	info := fold(e.Info)
	test := func(v string) bool {
		head, tail := strings.HasPrefix(v, "%"), strings.HasSuffix(v, "%")
		body := fold(strings.Trim(v, "%"))
		if head {
			body = "%" + body
		}
		if tail {
			body += "%"
		}
		return body == info || (head || tail) && like(info, body)
	}
	for _, v := range p.Info.And {
		if !test(v) {
			return false
		}
	}
	return (len(p.Info.Or) == 0 || slices.ContainsFunc(p.Info.Or, test)) && !slices.ContainsFunc(p.Info.Not, test)
}
