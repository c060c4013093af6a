package intel

import (
	"context"
	"strconv"
	"strings"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// ChangeKind is what was changed.
type ChangeKind int

// What an event consists of. The last two are not things but moments of the journal.
const (
	ChangedEvent ChangeKind = iota
	ChangedObject
	ChangedAttribute
	ChangedReference
	ChangedReport

	changePublished ChangeKind = 8
	changeAdded     ChangeKind = 9
)

// ChangeKinds are the words for what is changed, by kind.
var ChangeKinds = []string{"event", "object", "attribute", "reference", "report"}

// String is the word of a kind.
func (k ChangeKind) String() string { return ChangeKinds[k] }

// fields are the values of a thing by name, as the journal keeps and tells them: texts
// as they are, "true" or "", levels and ids as digits, times by RFC 3339, a tag under
// "tag:" and its id with its name. What is absent is "".
type fields map[string]string

// entry is what one act did to one thing: the values that were there before it.
type entry struct {
	kind       ChangeKind
	thing      int64
	last       int64 // of a range
	gone       bool
	uuid       string
	own        *int64 // the thing's own audience before the act
	object     int64  // in which it stands, 0 for none
	was        fields
	key1, key2 *int64 // of an old value
	person     bool   // which was about a person
}

// journal collects the entries of one act, one for each thing.
type journal struct {
	list []entry
	at   map[[2]int64]int
}

// note adds an entry, or what it says to the one of the same thing: the first word on
// a field is the oldest.
func (j *journal) note(e entry) {
	if len(e.was) == 0 && !e.gone && e.last == 0 {
		return
	}
	key := [2]int64{int64(e.kind), e.thing}
	if i, ok := j.at[key]; ok && e.last == 0 {
		old := &j.list[i]
		for k, v := range e.was {
			if _, said := old.was[k]; !said {
				old.was[k] = v
			}
		}
		if old.gone = old.gone || e.gone; old.key1 == nil {
			old.key1, old.key2 = e.key1, e.key2
		}
		old.person = old.person || e.person
		return
	}
	if j.at == nil {
		j.at = map[[2]int64]int{}
	}
	j.at[key] = len(j.list)
	j.list = append(j.list, e)
}

// added notes that things with these ids came to the event in one act.
func (j *journal) added(first, last int64) {
	if last != 0 {
		j.note(entry{kind: changeAdded, thing: first, last: last})
	}
}

// lost gives the values of was that are others in is.
func lost(was, is fields) fields {
	out := fields{}
	for k, v := range was {
		if is[k] != v {
			out[k] = v
		}
	}
	for k := range is {
		if _, ok := was[k]; !ok {
			out[k] = ""
		}
	}
	return out
}

func truth(b bool) string {
	if b {
		return "true"
	}
	return ""
}

func moment(us *int64) string {
	if us == nil {
		return ""
	}
	return wireSeen(us).V
}

func digits(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func (a *Attribute) fields() fields {
	return fields{"type": a.Type, "category": a.Category, "value": a.Value, "relation": a.Relation, "comment": a.Comment, "to_ids": truth(a.ToIDS),
		"deleted": truth(a.Deleted), "disable_correlation": truth(a.NoCorrelation), "distribution": strconv.Itoa(int(a.Distribution)),
		"sharing_group": digits(a.Group), "first_seen": moment(a.FirstSeen), "last_seen": moment(a.LastSeen), "data": digits(a.DataSize)}
}

func (o *Object) fields() fields {
	return fields{"comment": o.Comment, "deleted": truth(o.Deleted), "distribution": strconv.Itoa(int(o.Distribution)), "sharing_group": digits(o.Group),
		"first_seen": moment(o.FirstSeen), "last_seen": moment(o.LastSeen)}
}

func (r *Reference) fields() fields {
	return fields{"relationship": r.Relationship, "comment": r.Comment, "deleted": truth(r.Deleted)}
}

// reportKept bounds an old text that the journal keeps: of a longer one it says that it
// was another, and how long.
const reportKept = textLimit64

func (r *Report) fields() fields {
	f := fields{"name": r.Name, "deleted": truth(r.Deleted), "distribution": strconv.Itoa(int(r.Distribution)), "sharing_group": digits(r.Group)}
	if len(r.Content) <= reportKept {
		f["content"] = r.Content
	} else {
		f["content"] = "(" + strconv.Itoa(len(r.Content)) + " B)"
	}
	return f
}

// fields of an event's header are what its authors write; the published flag is a
// version of its own.
func (e *Event) fields() fields {
	return fields{"info": e.Info, "date": e.Date, "threat": strconv.Itoa(e.Threat), "analysis": strconv.Itoa(e.Analysis), "distribution": strconv.Itoa(int(e.Distribution)),
		"sharing_group": digits(e.Group), "disable_correlation": truth(e.NoCorrelation), "extends": e.ExtendsUUID, "organisation": e.Origin.Name}
}

// attribute notes a changed attribute.
func (j *journal) attribute(was, is *Attribute) {
	e := entry{kind: ChangedAttribute, thing: was.ID, uuid: was.UUID, own: was.audience, object: was.ObjectID, was: lost(was.fields(), is.fields())}
	if _, other := e.was["value"]; other {
		k := was.key1
		e.key1, e.key2 = &k, was.key2
	}
	e.person = (e.key1 != nil || e.was["comment"] != "") && strings.Contains(personTypes, "'"+was.Type+"'")
	j.note(e)
}

func (j *journal) object(was, is *Object) {
	j.note(entry{kind: ChangedObject, thing: was.ID, uuid: was.UUID, own: was.audience, was: lost(was.fields(), is.fields())})
}

func (j *journal) reference(was *Reference, hard bool) {
	e := entry{kind: ChangedReference, thing: was.ID, uuid: was.UUID, object: was.ObjectID, gone: hard, was: fields{"deleted": ""}}
	if hard {
		e.was = fields{"relationship": was.Relationship}
	}
	j.note(e)
}

func (j *journal) report(was, is *Report) {
	j.note(entry{kind: ChangedReport, thing: was.ID, uuid: was.UUID, own: was.audience, was: lost(was.fields(), is.fields())})
}

// removed notes that a thing went for good: what it was called stays, its values go.
func (j *journal) removed(kind ChangeKind, thing int64, uuid string, own *int64, object int64, called string) {
	j.note(entry{kind: kind, thing: thing, uuid: uuid, own: own, object: object, gone: true, was: fields{"type": called}})
}

// tag notes that a tag was put on or taken off what at says.
func (j *journal) tag(at entry, id int64, name string, on bool) {
	if at.was = (fields{"tag:" + itoa(id): name}); on {
		at.was["tag:"+itoa(id)] = ""
	}
	j.note(at)
}

// tagOf is tag for who knows the tag by its id.
func (j *journal) tagOf(ctx context.Context, tx *store.Tx, at entry, id int64, on bool) error {
	name := ""
	if !on {
		var err error
		if name, err = nameOfTag(ctx, tx, id); err != nil {
			return err
		}
	}
	j.tag(at, id, name, on)
	return nil
}

// published notes that the event is published as it stands now.
func (j *journal) published(event int64) {
	j.note(entry{kind: changePublished, thing: event, last: 1})
}

// at is the place of an attribute's or the event's own tags in the journal.
func (a *Attribute) at() entry {
	return entry{kind: ChangedAttribute, thing: a.ID, uuid: a.UUID, own: a.audience, object: a.ObjectID}
}

func (e *Event) at() entry { return entry{kind: ChangedEvent, thing: e.ID, uuid: e.UUID} }

// span widens a range of ids.
type span struct{ first, last int64 }

func (s *span) take(id int64) {
	if s.last = max(s.last, id); s.first == 0 || id < s.first {
		s.first = id
	}
}

// dropAttributes softly deletes the attributes of an object, and notes each; with hard
// they are about to go for good.
func (m *merge) dropAttributes(ctx context.Context, tx *store.Tx, object, timestamp int64, hard bool) (int64, error) {
	list, err := attributesWithin(ctx, tx, m.l.event.ID, object)
	if err != nil {
		return 0, err
	}
	for i := range list {
		switch a := &list[i]; {
		case hard:
			m.past.removed(ChangedAttribute, a.ID, a.UUID, a.audience, object, a.Type)
		case !a.Deleted:
			e := a.at()
			e.was = fields{"deleted": ""}
			m.past.note(e)
		}
	}
	return dropObjectAttributes(ctx, tx, object, timestamp)
}

// keep writes the journal of an act on an event: before is the event as it was, after
// as it is.
func (j *journal) keep(ctx context.Context, tx *store.Tx, who ident.Actor, before, after *Event, now int64) error {
	if len(j.list) == 0 {
		return nil
	}
	return writeChanges(ctx, tx, who, before, after, now, j.list)
}

// journal writes what an edit did: to the header, to the parts, what came new, and
// whether the event is published with it.
func (m *merge) journal(ctx context.Context, tx *store.Tx, before *Event) error {
	e := &m.l.event
	at := e.at()
	at.was = lost(before.fields(), e.fields())
	m.past.note(at)
	for i := range m.refs {
		m.l.came.take(m.refs[i].ID)
	}
	m.past.added(m.l.came.first, m.l.came.last)
	if e.Published {
		m.past.published(e.ID)
	}
	return m.past.keep(ctx, tx, m.l.who, before, e, m.moment())
}

// arrived notes that a new event came, its parts in one range.
func (l *loader) arrived(ctx context.Context, tx *store.Tx) error {
	var j journal
	for i := range l.refs {
		l.came.take(l.refs[i].ID)
	}
	j.added(l.came.first, l.came.last)
	if l.event.Published {
		j.published(l.event.ID)
	}
	return j.keep(ctx, tx, l.who, &l.event, &l.event, l.event.Changed)
}
