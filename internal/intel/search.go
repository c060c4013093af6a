package intel

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// idsHeld bounds the ids that a selective search keeps: 8 bytes each. What finds
// more walks the table instead.
const idsHeld = 500_000

// SearchAttributes streams the attributes that match, by id, each with its
// event's header. What the caller may not see is left out before limits apply.
// yield ends it by an error, which is returned.
func (s *Service) SearchAttributes(ctx context.Context, who ident.Actor, q Query, yield func(*Attribute) error) error {
	p, err := s.prepare(ctx, who, &q, "attribute.search")
	if err != nil || p.nothing {
		return err
	}
	if p.Text != "" {
		if p.events, err = s.eventsWithText(ctx, who, p); err != nil || len(p.events) == 0 {
			return err
		}
		p.selective = true
	}
	r := &run{s: s, who: who, plan: p, heads: map[int64]*Event{}, yield: yield}
	if q.Page > 1 {
		r.skip = (q.Page - 1) * q.Limit
	}
	if !p.selective && !p.Time.empty() {
		if err := s.db.View(ctx, func(tx *store.Tx) error {
			p.selective, err = fewSince(ctx, tx, p)
			return err
		}); err != nil {
			return err
		}
	}
	if p.selective {
		whole, err := r.byIDs(ctx)
		if err != nil || whole {
			return err
		}
	}
	return r.walk(ctx)
}

// prepare checks the right to read and looks names up; a site administrator's
// search leaves its line.
func (s *Service) prepare(ctx context.Context, who ident.Actor, q *Query, verb string) (p *plan, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	if !seesAll(who) && !q.names() && !q.Leaving {
		p, err = q.plan(ctx, nil, who)
	} else {
		err = s.view(ctx, who, verb, audit.Thing{Kind: "event"}, func(tx *store.Tx) error {
			if p, err = q.plan(ctx, tx, who); err == nil && q.Leaving {
				p.strict, err = readStrict(ctx, tx)
			}
			return err
		})
	}
	if err == nil {
		p.own, p.untagged = who.Org, s.untagged
	}
	return p, err
}

// run is a search under way.
type run struct {
	s     *Service
	who   ident.Actor
	plan  *plan
	heads map[int64]*Event // headers of the last events, shared by their attributes
	skip  int
	given int
	yield func(*Attribute) error
}

// byIDs asks for few rows at once; when there are more, it finds all ids first,
// then reads rows. whole is false when there are too many ids to keep.
func (r *run) byIDs(ctx context.Context) (whole bool, err error) {
	var ids []int64
	var list []Attribute
	limit := idsHeld + 1
	if r.plan.Limit > 0 && r.pure() {
		limit = min(limit, r.skip+r.plan.Limit)
	}
	err = r.s.db.View(ctx, func(tx *store.Tx) error {
		if r.plan.keyed {
			if list, err = attributesFound(ctx, tx, r.who, r.plan, min(limit, batch)); err != nil || len(list) < batch {
				return r.dress(ctx, tx, list, err)
			}
		}
		if r.pure() {
			ids, err = attributeIDs(ctx, tx, r.who, r.plan, limit)
		} else {
			ids, err = sievedIDs(ctx, tx, r.who, r.plan)
		}
		return err
	})
	if err != nil || len(ids) > idsHeld {
		return false, err
	}
	if r.plan.keyed && ids == nil {
		_, err := r.hand(list, nil)
		return true, err
	}
	if r.pure() {
		ids = ids[min(r.skip, len(ids)):]
		r.skip = 0
	}
	for part := range slices.Chunk(ids, batch) {
		err := r.s.db.View(ctx, func(tx *store.Tx) error {
			list, err = attributesByID(ctx, tx, r.who, part)
			switch {
			case r.plan.Aged:
				slices.SortFunc(list, r.plan.byAge)
			case r.plan.backwards():
				slices.Reverse(list)
			}
			return r.dress(ctx, tx, list, err)
		})
		if done, err := r.hand(list, err); done || err != nil {
			return true, err
		}
	}
	return true, nil
}

// pure tells that SQL alone decides, so that limits may be put there.
func (r *run) pure() bool {
	p := r.plan
	return p.Value.empty() && p.Info.empty() && p.Holds == "" && !p.Leaving
}

// walked is the largest batch of a walk: each one builds its list of readable
// audiences anew, which on PostgreSQL costs 1.33 times with 1,000 rows, 1.21 with these.
const walked = 4000

// walk goes through the table by id. The first batches are small, so that the
// first answer comes soon; a page is one batch. When all is wanted, the next batch is
// read while one is handed over: the two need no connection in common.
func (r *run) walk(ctx context.Context) error {
	after, n := r.plan.beginning(), 50
	if limit := r.plan.Limit; limit > 0 && r.pure() {
		n = min(r.skip+limit, 1000)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ahead := r.plan.Limit == 0 && !r.s.db.Still(ctx)
	b := r.read(ctx, after, n)
	for {
		full := len(b.list) == n
		if full {
			after = Place{b.list[n-1].Timestamp, b.list[n-1].ID}
			n = min(n*2, walked)
		}
		var next chan stretch
		if full && ahead {
			next = make(chan stretch, 1)
			go func(n int) { next <- r.read(ctx, after, n) }(n)
		}
		done, err := r.hand(b.list, b.err)
		if done || err != nil || !full {
			stop()
			if next != nil { // nothing of a search goes on behind its end
				<-next
			}
			return err
		}
		if next != nil {
			b = <-next
		} else {
			b = r.read(ctx, after, n)
		}
	}
}

// stretch is a batch of a walk.
type stretch struct {
	list []Attribute
	err  error
}

func (r *run) read(ctx context.Context, after Place, n int) (b stretch) {
	b.err = r.s.db.View(ctx, func(tx *store.Tx) (err error) {
		b.list, err = attributesFrom(ctx, tx, r.who, r.plan, after, n)
		return r.dress(ctx, tx, b.list, err)
	})
	return b
}

// beginning is the place that a walk starts behind.
func (p *plan) beginning() Place {
	switch {
	case p.Aged && p.Past != nil:
		return *p.Past
	case p.backwards():
		return Place{math.MaxInt64, math.MaxInt64}
	case p.Aged:
		return Place{math.MinInt64, math.MinInt64}
	}
	return Place{ID: p.After}
}

// byAge compares attributes in the order of Aged.
func (p *plan) byAge(a, b Attribute) int {
	n := cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(a.ID, b.ID))
	if p.Desc {
		return -n
	}
	return n
}

// dress adds event headers and, when asked for, tags.
func (r *run) dress(ctx context.Context, tx *store.Tx, list []Attribute, err error) error {
	if err != nil || len(list) == 0 {
		return err
	}
	if r.plan.WithTags || r.plan.Holds != "" || r.plan.Leaving {
		attach := attachTags
		if len(list) >= 1000 && r.plan.whole() {
			attach = attachTagsWithin // nearly everything of these events is here
		}
		if err := attach(ctx, tx, r.who, pointers(list)); err != nil {
			return err
		}
	}
	if r.plan.WithObjects {
		if err := nameObjects(ctx, tx, list); err != nil {
			return err
		}
	}
	if len(r.heads) > 2000 {
		clear(r.heads)
	}
	var missing []int64
	asked := map[int64]bool{}
	for i := range list {
		if id := list[i].EventID; r.heads[id] == nil && !asked[id] {
			asked[id] = true
			missing = append(missing, id)
		}
	}
	// The rows were just read through their events, in this transaction.
	if err := r.s.headers(ctx, tx, r.who, "1 = 1", missing, r.plan.WithTags || r.plan.Holds != "", r.heads); err != nil {
		return err
	}
	for i := range list {
		list[i].Event = r.heads[list[i].EventID]
	}
	return nil
}

// whole tells that next to nothing is asked of attributes, so that a batch holds
// nearly all of its events.
func (p *plan) whole() bool {
	return !p.attributeLevel() && len(p.tags)+len(p.notTags)+len(p.UUIDs)+len(p.NotUUIDs) == 0 && p.Time.empty() && p.Text == "" && p.Holds == ""
}

// headers reads event headers into a map; seen is the test of who may see them.
func (s *Service) headers(ctx context.Context, tx *store.Tx, who ident.Actor, seen string, ids []int64, tags bool, into map[int64]*Event) error {
	if len(ids) == 0 {
		return nil
	}
	list, err := eventsByID(ctx, tx, seen, ids)
	if err != nil {
		return err
	}
	var of map[int64][]TagUse
	if tags {
		if of, err = tagsOfEvents(ctx, tx, who, ids); err != nil {
			return err
		}
	}
	for i := range list {
		list[i].Tags = of[list[i].ID]
		into[list[i].ID] = &list[i]
	}
	return nil
}

// hand gives what passes the tests in Go to the caller; done at the limit.
func (r *run) hand(list []Attribute, err error) (done bool, _ error) {
	if err != nil {
		return false, err
	}
	for i := range list {
		if list[i].Event == nil || !r.plan.inGo(&list[i]) {
			continue
		}
		if r.skip > 0 {
			r.skip--
			continue
		}
		if err := r.yield(&list[i]); err != nil {
			return true, err
		}
		if r.given++; r.plan.Limit > 0 && r.given == r.plan.Limit {
			return true, nil
		}
	}
	return false, nil
}

// CountAttributes counts what SearchAttributes would give without its limit.
func (s *Service) CountAttributes(ctx context.Context, who ident.Actor, q Query) (n int64, err error) {
	q.Limit, q.Page, q.WithTags = 0, 0, false
	p, err := s.prepare(ctx, who, &q, "attribute.count")
	if err != nil || p.nothing {
		return 0, err
	}
	r := &run{s: s, who: who, plan: p}
	if !r.pure() || p.Text != "" {
		err = s.SearchAttributes(ctx, who, q, func(*Attribute) error { n++; return nil })
		return n, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		n, err = countAttributes(ctx, tx, who, p)
		return err
	})
	return n, err
}

// SearchEvents streams the headers of events that match, with tags and the
// caller's attribute counts, in the order asked for, and tells how many match in
// all, whatever the limit.
func (s *Service) SearchEvents(ctx context.Context, who ident.Actor, q Query, yield func(*Event) error) (total int64, err error) {
	p, err := s.prepare(ctx, who, &q, "event.search")
	if err != nil || p.nothing {
		return 0, err
	}
	ids, total, err := s.matchingPage(ctx, who, p)
	if err != nil {
		return 0, err
	}
	if p.Found != nil {
		p.Found(total)
	}
	for part := range slices.Chunk(ids, 200) {
		heads := map[int64]*Event{}
		err := s.db.View(ctx, func(tx *store.Tx) error {
			if err := s.headers(ctx, tx, who, eventSeen(who, "e"), part, true, heads); err != nil {
				return err
			}
			for _, e := range heads {
				if err := countFor(ctx, tx, who, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		for _, id := range part {
			if e := heads[id]; e != nil {
				e.place = p.places[id]
				if err := yield(e); err != nil {
					return total, err
				}
			}
		}
	}
	return total, nil
}

// matchingPage lists the ids of the events on the page asked for, in order, and counts
// how many match in all. A page that SQL alone can cut costs no row of the others.
func (s *Service) matchingPage(ctx context.Context, who ident.Actor, p *plan) (ids []int64, total int64, err error) {
	if p.Limit > 0 && !p.Brief && p.Text == "" && p.Info.empty() {
		within, err := s.within(ctx, who, p)
		if err != nil {
			return nil, 0, err
		}
		err = s.db.View(ctx, func(tx *store.Tx) (err error) {
			ids, total, err = pageOfEvents(ctx, tx, who, p, within)
			return err
		})
		return ids, total, err
	}
	if ids, err = s.matching(ctx, who, p); err != nil {
		return nil, 0, err
	}
	total = int64(len(ids))
	if p.Page > 1 {
		ids = ids[min((p.Page-1)*p.Limit, len(ids)):]
	}
	if p.Limit > 0 {
		ids = ids[:min(p.Limit, len(ids))]
	}
	return ids, total, nil
}

// within lists the events that the values asked for lead to; nil when none is asked for.
func (s *Service) within(ctx context.Context, who ident.Actor, p *plan) ([]int64, error) {
	if !p.needsAttributes() {
		return nil, nil
	}
	return s.eventsOfAttributes(ctx, who, p)
}

// matching lists the ids of the events of a plan, in order.
func (s *Service) matching(ctx context.Context, who ident.Actor, p *plan) ([]int64, error) {
	within, err := s.within(ctx, who, p)
	if err != nil {
		return nil, err
	}
	var list []found
	err = s.db.View(ctx, func(tx *store.Tx) (err error) {
		list, err = findEvents(ctx, tx, who, p, within)
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.Brief {
		p.places = map[int64]Place{}
		for _, f := range list {
			p.places[f.id] = Place{f.at, f.id}
		}
	}
	if p.Text != "" {
		return s.withText(ctx, who, p, list)
	}
	ids := make([]int64, 0, len(list))
	for _, f := range list {
		if p.infoPasses(&Event{Info: f.info}) {
			ids = append(ids, f.id)
		}
	}
	return ids, nil
}

// needsAttributes: values lead to few attributes, and patterns are tested in Go.
func (p *plan) needsAttributes() bool {
	return len(p.keys)+len(p.likes)+len(p.notKeys)+len(p.likesNot) > 0
}

// eventsOfAttributes gives the events that have a matching attribute. Several
// values joined by AND must all stand in the event.
func (s *Service) eventsOfAttributes(ctx context.Context, who ident.Actor, p *plan) ([]int64, error) {
	terms := [][]string{p.Value.Or}
	if len(p.Value.And) > 0 {
		terms = nil
		for _, v := range p.Value.And {
			terms = append(terms, []string{v})
		}
		if len(p.Value.Or) > 0 {
			terms = append(terms, p.Value.Or)
		}
	}
	var out []int64
	for i, term := range terms {
		q := *p.Query
		q.Value, q.Limit, q.Page, q.After, q.Time, q.Info, q.Text = Filter{Or: term, Not: p.Value.Not}, 0, 0, 0, Span{}, Filter{}, ""
		q.UUIDs = nil
		in := map[int64]bool{}
		if err := s.SearchAttributes(ctx, who, q, func(a *Attribute) error { in[a.EventID] = true; return nil }); err != nil {
			return nil, err
		}
		if i == 0 {
			out = []int64{}
			for id := range in {
				out = append(out, id)
			}
		} else {
			out = slices.DeleteFunc(out, func(id int64) bool { return !in[id] })
		}
	}
	return out, nil
}

// eventsWithText lists the events that an attribute search with a text is about.
func (s *Service) eventsWithText(ctx context.Context, who ident.Actor, p *plan) ([]int64, error) {
	q := Query{Text: p.Text, Events: p.Events, Deleted: p.Deleted, Leaving: p.Leaving}
	of, err := s.prepare(ctx, who, &q, "event.search")
	if err != nil || of.nothing {
		return nil, err
	}
	return s.matching(ctx, who, of)
}

// withText keeps the events that hold the text anywhere: info, tag, or in a
// visible attribute's value, comment or tag.
func (s *Service) withText(ctx context.Context, who ident.Actor, p *plan, list []found) ([]int64, error) {
	t := strings.Trim(p.Text, "%")
	tagged, err := s.eventsTaggedLike(ctx, who, t, p.Leaving)
	if err != nil {
		return nil, err
	}
	sought := map[int64]bool{}
	for _, f := range list {
		if !tagged[f.id] && !strings.Contains(i18n.Fold(f.info), i18n.Fold(t)) {
			sought[f.id] = true
		}
	}
	if err := s.seek(ctx, who, Query{Holds: t, Deleted: p.Deleted, Leaving: p.Leaving}, sought); err != nil {
		return nil, err
	}
	var ids []int64
	for _, f := range list {
		if !sought[f.id] {
			ids = append(ids, f.id)
		}
	}
	return ids, nil
}

// seek takes those out of the events sought that have a visible attribute which holds
// what the query says. Few events are read by themselves, many with the whole table, in
// stretches, so that no snapshot stays open long.
func (s *Service) seek(ctx context.Context, who ident.Actor, q Query, sought map[int64]bool) error {
	if len(sought) == 0 {
		return nil
	}
	p, err := s.prepare(ctx, who, &q, "event.search")
	if err != nil || p.nothing {
		return err
	}
	if len(sought) <= s.few {
		p.events = slices.Sorted(maps.Keys(sought))
	}
	for last, more := int64(0), true; more && len(sought) > 0; {
		err := s.db.View(ctx, func(tx *store.Tx) error {
			tagged, err := taggedHolding(ctx, tx, who, p)
			if err != nil {
				return err
			}
			last, more, err = s.seekFrom(ctx, tx, who, p, last, tagged, sought)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) eventsTaggedLike(ctx context.Context, who ident.Actor, text string, leaving bool) (map[int64]bool, error) {
	out := map[int64]bool{}
	q := Query{Tag: Filter{Or: []string{"%" + text + "%"}}, Leaving: leaving}
	p, err := s.prepare(ctx, who, &q, "event.search")
	if err != nil || p.nothing {
		return out, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err := findEvents(ctx, tx, who, p, nil)
		for _, f := range list {
			out[f.id] = true
		}
		return err
	})
	return out, err
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
