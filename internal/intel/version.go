package intel

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Version is a moment at which an event stood in a state worth a name.
type Version struct {
	At        int64 // µs
	Published bool  // it was published then; the first version is when it came here
}

// versionsMost bounds a list of versions.
const versionsMost = 200

// Versions lists an event's versions, newest first: each publication that was for the
// caller too, and when the event came. Faults: NotFound.
func (s *Service) Versions(ctx context.Context, who ident.Actor, event string) (out []Version, err error) {
	e, err := s.quiet(ctx, who, event)
	if err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err := publications(ctx, tx, who, e.ID, versionsMost)
		for _, at := range list {
			out = append(out, Version{at, true})
		}
		return err
	})
	if len(out) == 0 && e.PublishTimestamp*1e6 > e.Created { // published before versions were kept
		out = append(out, Version{e.PublishTimestamp * 1e6, true})
	}
	if n := len(out); n == 0 || out[n-1].At > e.Created {
		out = append(out, Version{e.Created, n > 0 && out[n-1].At == e.Created})
	}
	return out, err
}

// FieldChange is one value that is another now. Names are those of our JSON interface;
// "tag" has the tag's name in Was when it was taken off, in Is when it was put on.
type FieldChange struct{ Name, Was, Is string }

// Change is what became of one thing between two moments.
type Change struct {
	Kind   ChangeKind
	Act    string // "added", "changed", "deleted", "restored", "removed" (for good)
	ID     int64
	UUID   string
	Type   string // of an attribute its type, of an object its name, of a reference its relationship
	Title  string // the value, the info, the name: as it is at the later moment
	Within int64  // object of an attribute or reference, 0 for none
	Fields []FieldChange
	At     int64 // µs: the last act on it
	Person int64 // who did it, 0 when the caller may not change the event, or it is not known
}

// Changes asks for the differences between two moments of an event.
type Changes struct {
	From, To int64 // µs; From 0 = before it came, To 0 = now
	After    ChangeCursor
}

// ChangeCursor is the place after a change: what the next page begins with.
type ChangeCursor struct {
	Added  bool // past all that was changed, among what was added
	Kind   ChangeKind
	Within int64
	ID     int64
}

// Changes streams what became of an event's header, objects, attributes, references
// and reports between two moments, as far as the caller sees the things now and saw
// the old values when they stood there: first what was changed or deleted, then what
// was added. next is the cursor after the change. What was added and deleted again in
// between, and what ended as it began, is no difference. Faults: NotFound, Invalid
// when To is before From.
func (s *Service) Changes(ctx context.Context, who ident.Actor, event string, q Changes, yield func(c *Change, next ChangeCursor) error) error {
	e, err := s.Event(ctx, who, event)
	if err != nil {
		return err
	}
	if q.To == 0 {
		q.To = s.db.Clock.Now().UnixMicro()
	}
	if q.To < q.From {
		return fault.Field("to", "intel.fault.window", "the later version is the earlier one")
	}
	d := &differ{s: s, who: who, e: &e, q: q, names: mayEdit(who, e) == nil, groups: map[string]string{}}
	err = s.db.View(ctx, func(tx *store.Tx) (err error) {
		d.came, err = arrivals(ctx, tx, e.ID)
		return err
	})
	if err != nil {
		return err
	}
	if q.From < e.Created && !q.After.Added && q.After.Kind == ChangedEvent { // all of it is new
		q.After.Kind = ChangedObject
	}
	for at := q.After; ; {
		var list []Change
		var done bool
		err := s.db.View(ctx, func(tx *store.Tx) (err error) {
			list, at, done, err = d.page(ctx, tx, at)
			return err
		})
		for i := range list {
			if err == nil {
				err = yield(&list[i], ChangeCursor{at.Added && list[i].Act == "added", list[i].Kind, list[i].Within, list[i].ID})
			}
		}
		if err != nil || done {
			return err
		}
	}
}

// differ compares two moments of one event for one reader.
type differ struct {
	s      *Service
	who    ident.Actor
	e      *Event
	q      Changes
	names  bool // persons may be named
	came   []arrival
	groups map[string]string
}

// thingNow is a thing as it stands, with what the list says of it.
type thingNow struct {
	id, within         int64
	uuid, typ, titleIn string // titleIn: the field that names it
	is                 fields
}

// addedAt tells when a thing came and by whom: by the act whose range has its id, else
// by the id itself.
func (d *differ) addedAt(id int64) (at, person int64) {
	i, _ := slices.BinarySearchFunc(d.came, id, func(a arrival, id int64) int {
		if a.first <= id {
			return -1
		}
		return 1
	})
	for n := i - 1; n >= 0 && n >= i-16; n-- {
		if d.came[n].last >= id {
			return d.came[n].at, d.came[n].person
		}
	}
	return store.IDTime(id), 0
}

// floor is the least id of what came within the window: drafts take ids before the act.
func (d *differ) floor() int64 {
	low := store.FirstID(d.q.From)
	for _, a := range d.came {
		if a.at > d.q.From {
			low = min(low, a.first)
		}
	}
	return low
}

// page gives the next changes after a place; the second answer is where it stands.
func (d *differ) page(ctx context.Context, tx *store.Tx, at ChangeCursor) ([]Change, ChangeCursor, bool, error) {
	if at.Added {
		return d.addedPage(ctx, tx, at)
	}
	ids, err := thingsChanged(ctx, tx, d.who, d.e.ID, at.Kind, at.ID, d.q.From, d.q.To, batch)
	if err != nil {
		return nil, at, false, err
	}
	before, err := pastOf(ctx, tx, d.who, d.e.ID, at.Kind, ids, d.q.From)
	if err != nil {
		return nil, at, false, err
	}
	things, err := d.things(ctx, tx, at.Kind, "IN "+store.In(ids), len(ids)+1)
	if err != nil {
		return nil, at, false, err
	}
	var out []Change
	for _, id := range ids {
		c, ok := d.compare(at.Kind, id, things[id], before[id])
		if ok && c.Act != "added" {
			out = append(out, c)
		}
	}
	if err := d.nameGroups(ctx, tx, out); err != nil {
		return nil, at, false, err
	}
	switch {
	case len(ids) == batch:
		at.ID = ids[len(ids)-1]
	case at.Kind < ChangedReport:
		at = ChangeCursor{Kind: at.Kind + 1}
	default:
		at = ChangeCursor{Added: true, Kind: ChangedObject}
	}
	return out, at, false, nil
}

// addedPage gives the next things that came within the window and are still there at
// its end.
func (d *differ) addedPage(ctx context.Context, tx *store.Tx, at ChangeCursor) (out []Change, next ChangeCursor, done bool, err error) {
	low := max(d.floor(), 1)
	list, err := d.young(ctx, tx, at, low)
	if err != nil {
		return nil, at, false, err
	}
	ids := make([]int64, len(list))
	for i, t := range list {
		ids[i] = t.id
	}
	before, err := pastOf(ctx, tx, d.who, d.e.ID, at.Kind, ids, d.q.From)
	if err != nil {
		return nil, at, false, err
	}
	for i := range list {
		if c, ok := d.compare(at.Kind, list[i].id, &list[i], before[list[i].id]); ok && c.Act == "added" {
			out = append(out, c)
		}
	}
	next = at
	switch n := len(list); {
	case n == batch:
		next.Within, next.ID = list[n-1].within, list[n-1].id
	case at.Kind < ChangedReport:
		next = ChangeCursor{Added: true, Kind: at.Kind + 1}
	default:
		done = true
	}
	return out, next, done, nil
}

// compare rolls a thing back to both moments. rows are newest first and all of them
// later than From; is is nil when the thing is gone, or not for the reader.
func (d *differ) compare(kind ChangeKind, id int64, now *thingNow, rows []past) (c Change, ok bool) {
	c = Change{Kind: kind, ID: id}
	added, person := int64(0), int64(0)
	if kind != ChangedEvent {
		added, person = d.addedAt(id)
	}
	if added > d.q.To {
		return c, false
	}
	if now == nil {
		if len(rows) == 0 || !rows[0].gone || rows[0].at > d.q.To || added > d.q.From {
			return c, false
		}
		c.Act, c.UUID, c.Type, c.At, c.Person = "removed", rows[0].uuid, rows[0].was["type"]+rows[0].was["relationship"], rows[0].at, d.person(rows[0].person)
		return c, true
	}
	later := clone(now.is)
	for len(rows) > 0 && rows[0].at > d.q.To {
		rollBack(later, rows[0].was)
		rows = rows[1:]
	}
	first := clone(later)
	for _, r := range rows {
		rollBack(first, r.was)
	}
	c.UUID, c.Within, c.Type, c.Title = now.uuid, now.within, now.typ, later[now.titleIn]
	if kind == ChangedAttribute {
		c.Type = later["type"]
	}
	was, is := added <= d.q.From && first["deleted"] == "", later["deleted"] == ""
	if len(rows) > 0 {
		c.At, c.Person = rows[0].at, d.person(rows[0].person)
	}
	switch {
	case !was && !is:
		return c, false
	case !was && added > d.q.From:
		c.Act, c.At, c.Person = "added", added, d.person(person)
		return c, true
	case !was:
		c.Act = "restored"
	case !is:
		c.Act = "deleted"
	default:
		c.Act = "changed"
	}
	c.Fields = changedFields(first, later)
	return c, len(c.Fields) > 0 || c.Act != "changed"
}

func (d *differ) person(id int64) int64 {
	if d.names {
		return id
	}
	return 0
}

func clone(f fields) fields {
	out := make(fields, len(f))
	for k, v := range f {
		out[k] = v
	}
	return out
}

// rollBack puts the values back that stood there before an act.
func rollBack(f, was fields) {
	for k, v := range was {
		f[k] = v
	}
}

// order is how fields are listed: what a thing is first, who sees it later.
var order = []string{"info", "name", "type", "category", "value", "relation", "relationship", "comment", "content", "data", "to_ids", "first_seen", "last_seen", "date",
	"threat", "analysis", "distribution", "sharing_group", "disable_correlation", "extends", "organisation"}

// changedFields lists what differs, deletion aside, tags last.
func changedFields(was, is fields) (out []FieldChange) {
	for _, k := range order {
		if was[k] != is[k] {
			out = append(out, FieldChange{k, was[k], is[k]})
		}
	}
	n := len(out)
	seen := map[string]bool{}
	for _, f := range []fields{was, is} {
		for k := range f {
			if strings.HasPrefix(k, "tag:") && !seen[k] && (was[k] == "") != (is[k] == "") {
				out = append(out, FieldChange{"tag", was[k], is[k]})
			}
			seen[k] = true
		}
	}
	slices.SortFunc(out[n:], func(a, b FieldChange) int { return strings.Compare(a.Was+a.Is, b.Was+b.Is) })
	return out
}

// nameGroups puts the UUIDs of sharing groups in place of their numbers.
func (d *differ) nameGroups(ctx context.Context, tx *store.Tx, list []Change) error {
	name := func(s *string) error {
		id, err := strconv.ParseInt(*s, 10, 64)
		if err != nil {
			return nil
		}
		if _, known := d.groups[*s]; !known {
			g, _, err := readGroup(ctx, tx, id)
			if err != nil {
				return err
			}
			d.groups[*s] = g.UUID
		}
		*s = d.groups[*s]
		return nil
	}
	for i := range list {
		for j := range list[i].Fields {
			if f := &list[i].Fields[j]; f.Name == "sharing_group" {
				if err := name(&f.Was); err != nil {
					return err
				}
				if err := name(&f.Is); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// things reads things of a kind as they are, by id.
func (d *differ) things(ctx context.Context, tx *store.Tx, kind ChangeKind, which string, n int) (map[int64]*thingNow, error) {
	out := map[int64]*thingNow{}
	list, err := d.read(ctx, tx, kind, func(alias string) string { return alias + ".id " + which }, n)
	for i := range list {
		out[list[i].id] = &list[i]
	}
	return out, err
}

// young reads the next things of a kind that have ids from low on.
func (d *differ) young(ctx context.Context, tx *store.Tx, at ChangeCursor, low int64) ([]thingNow, error) {
	if at.Kind == ChangedAttribute {
		return d.read(ctx, tx, at.Kind, func(a string) string { return "(a.object_id, a.id) > ($2, $3) AND a.id >= $4" }, batch, at.Within, at.ID, low)
	}
	return d.read(ctx, tx, at.Kind, func(alias string) string { return alias + ".id > $2 AND " + alias + ".id >= $3" }, batch, at.ID, low)
}

// read gives things of a kind that the reader sees.
func (d *differ) read(ctx context.Context, tx *store.Tx, kind ChangeKind, where func(alias string) string, n int, args ...any) (out []thingNow, err error) {
	switch kind {
	case ChangedEvent:
		f := d.e.fields()
		addTags(f, d.e.Tags)
		return []thingNow{{id: d.e.ID, uuid: d.e.UUID, titleIn: "info", is: f}}, nil
	case ChangedObject:
		list, err := objectsNow(ctx, tx, d.who, d.e.ID, where("o"), n, args...)
		for i := range list {
			o := &list[i]
			out = append(out, thingNow{id: o.ID, uuid: o.UUID, typ: o.Name, titleIn: "comment", is: o.fields()})
		}
		return out, err
	case ChangedAttribute:
		list, err := attributesNow(ctx, tx, d.who, d.e.ID, where("a"), n, args...)
		if err != nil {
			return nil, err
		}
		if err := attachTags(ctx, tx, d.who, pointers(list)); err != nil {
			return nil, err
		}
		for i := range list {
			a := &list[i]
			f := a.fields()
			addTags(f, a.Tags)
			out = append(out, thingNow{id: a.ID, within: a.ObjectID, uuid: a.UUID, typ: a.Type, titleIn: "value", is: f})
		}
		return out, nil
	case ChangedReference:
		list, err := referencesNow(ctx, tx, d.who, d.e.ID, where("r"), n, args...)
		for i := range list {
			r := &list[i]
			out = append(out, thingNow{id: r.ID, within: r.ObjectID, uuid: r.UUID, typ: r.Relationship, titleIn: "comment", is: r.fields()})
		}
		return out, err
	case ChangedReport:
		list, err := reportsNow(ctx, tx, d.who, d.e.ID, where("p"), n, args...)
		for i := range list {
			r := &list[i]
			out = append(out, thingNow{id: r.ID, uuid: r.UUID, titleIn: "name", is: r.fields()})
		}
		return out, err
	}
	return nil, nil
}

func addTags(f fields, tags []TagUse) {
	for _, t := range tags {
		f["tag:"+itoa(t.ID)] = t.Name
	}
}
