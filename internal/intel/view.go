package intel

import (
	"context"
	"path"
	"strings"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Deleted says what a read does with softly deleted rows.
type Deleted int

// The three ways.
const (
	Without Deleted = iota // as if they were not there
	With                   // both
	Only                   // deleted ones alone
)

// sql is the piece of a WHERE for alias.
func (d Deleted) sql(alias string) string {
	switch d {
	case With:
		return ""
	case Only:
		return " AND " + alias + ".deleted"
	}
	return " AND NOT " + alias + ".deleted"
}

// batch is how many rows a stream reads before it lets the connection go: a slow
// receiver holds no transaction.
const batch = 500

// objectBatch is the same for objects, each with all that it holds.
const objectBatch = 100

// Event reads an event's header by id or UUID, with its tags and the count of
// attributes that the caller sees. Faults: NotFound.
func (s *Service) Event(ctx context.Context, who ident.Actor, ref string) (e Event, err error) {
	if err := mayRead(who); err != nil {
		return e, err
	}
	err = s.view(ctx, who, "event.view", audit.Thing{Kind: "event", Label: ref}, func(tx *store.Tx) error {
		e, err = s.header(ctx, tx, who, ref)
		return err
	})
	return e, err
}

func (s *Service) header(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Event, error) {
	e, err := readEvent(ctx, tx, who, ref)
	if err != nil {
		return e, err
	}
	if e.Tags, err = eventTags(ctx, tx, who, e.ID); err != nil {
		return e, err
	}
	return e, countFor(ctx, tx, who, &e)
}

// countFor puts in the number of attributes that who sees, and when one of them was
// sighted. While no child has an audience of its own, both are the same for everybody and
// already known.
func countFor(ctx context.Context, tx *store.Tx, who ident.Actor, e *Event) error {
	if e.ownAudiences == 0 || seesAll(who) {
		return nil
	}
	if e.SightingTimestamp > 0 {
		last, seen, err := lastSighted(ctx, tx, who, e.ID)
		if err != nil {
			return err
		}
		if last != seen { // the newest is on something hidden
			e.SightingTimestamp = 0
			if seen > 0 {
				e.SightingTimestamp = store.IDTime(seen) / 1e6
			}
		}
	}
	hidden, err := countHidden(ctx, tx, who, e.ID)
	e.Attributes -= hidden
	return err
}

// Part asks for children of an event.
type Part struct {
	Deleted Deleted
	After   int64 // only those with a greater id: the next page
	Limit   int   // 0 = all
}

// Attributes streams the attributes of an event that stand in no object, by id,
// with their tags; yield ends it by an error, which is returned. Faults: NotFound.
func (s *Service) Attributes(ctx context.Context, who ident.Actor, event string, p Part, yield func(*Attribute) error) error {
	e, err := s.quiet(ctx, who, event)
	if err != nil {
		return err
	}
	after := p.After
	return pages(p.Limit, batch, func(n int) (last int, err error) {
		var list []Attribute
		err = s.db.View(ctx, func(tx *store.Tx) error {
			if list, err = listAttributes(ctx, tx, who, e.ID, after, p.Deleted, n); err != nil {
				return err
			}
			return attachTags(ctx, tx, who, pointers(list))
		})
		for i := range list {
			after = list[i].ID
			if err == nil {
				err = yield(&list[i])
			}
		}
		return len(list), err
	})
}

// Objects streams the objects of an event by id, each with those of its
// attributes and references that the caller sees. Faults: NotFound.
func (s *Service) Objects(ctx context.Context, who ident.Actor, event string, p Part, yield func(*Object) error) error {
	e, err := s.quiet(ctx, who, event)
	if err != nil {
		return err
	}
	after := p.After
	return pages(p.Limit, objectBatch, func(n int) (last int, err error) {
		var list []Object
		err = s.db.View(ctx, func(tx *store.Tx) error {
			if list, err = listObjects(ctx, tx, who, e.ID, after, p.Deleted, n); err != nil {
				return err
			}
			return fillObjects(ctx, tx, who, list, p.Deleted)
		})
		for i := range list {
			after = list[i].ID
			if err == nil {
				err = yield(&list[i])
			}
		}
		return len(list), err
	})
}

// quiet finds an event that was looked at before in the same act: no new audit line.
func (s *Service) quiet(ctx context.Context, who ident.Actor, ref string) (e Event, err error) {
	if err := mayRead(who); err != nil {
		return e, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		e, err = readEvent(ctx, tx, who, ref)
		return err
	})
	return e, err
}

// pages calls next with how many rows to read, size at a time, until it gives fewer or
// limit is reached.
func pages(limit, size int, next func(n int) (int, error)) error {
	for left := limit; ; {
		n := size
		if limit > 0 {
			n = min(n, left)
		}
		got, err := next(n)
		if err != nil || got < n {
			return err
		}
		if left -= got; limit > 0 && left <= 0 {
			return nil
		}
	}
}

func pointers(list []Attribute) []*Attribute {
	out := make([]*Attribute, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// fillObjects reads the attributes, tags and references of a batch of one event's objects.
func fillObjects(ctx context.Context, tx *store.Tx, who ident.Actor, list []Object, deleted Deleted) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]int64, len(list))
	at := make(map[int64]*Object, len(list))
	for i := range list {
		ids[i] = list[i].ID
		at[list[i].ID] = &list[i]
	}
	attrs, err := objectAttributes(ctx, tx, who, list[0].EventID, ids, deleted)
	if err != nil {
		return err
	}
	if err := attachTags(ctx, tx, who, pointers(attrs)); err != nil {
		return err
	}
	for _, a := range attrs {
		at[a.ObjectID].Attributes = append(at[a.ObjectID].Attributes, a)
	}
	refs, err := listReferences(ctx, tx, who, ids, deleted)
	for _, r := range refs {
		at[r.ObjectID].References = append(at[r.ObjectID].References, r)
	}
	return err
}

// Data reads an attribute's attachment. Faults: NotFound.
func (s *Service) Data(ctx context.Context, who ident.Actor, attribute string) (b []byte, err error) {
	a, err := s.Attribute(ctx, who, attribute)
	if err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		b, err = readData(ctx, tx, s.vault, a.ID)
		return err
	})
	return b, err
}

// File reads an attribute's attachment to take it away; that leaves a trace. Faults:
// NotFound, also when there is none.
func (s *Service) File(ctx context.Context, who ident.Actor, attribute string) (b []byte, err error) {
	a, err := s.Attribute(ctx, who, attribute)
	if err != nil {
		return nil, err
	}
	err = s.db.ViewLogged(ctx, func(tx *store.Tx) error {
		return s.log.Record(ctx, tx, who, "attribute.file", audit.Thing{Kind: "attribute", ID: a.ID, Label: a.UUID}, map[string]any{"bytes": a.DataSize})
	}, func(tx *store.Tx) error {
		b, err = readData(ctx, tx, s.vault, a.ID)
		return err
	})
	if err == nil && len(b) == 0 {
		err = fault.New(fault.NotFound, "attribute %s has no attachment", attribute)
	}
	return b, err
}

// FileName is under which name an attachment leaves; a sample is an archive.
func FileName(a *Attribute) string {
	name := FileOf(a.Value)
	if a.Type == "malware-sample" {
		name += ".zip"
	}
	return name
}

// FileOf is the name in a value of a file, "name|hash" or the name alone: its last part,
// on any system.
func FileOf(value string) string {
	name, _, _ := strings.Cut(value, "|")
	return path.Base(strings.ReplaceAll(name, `\`, "/"))
}

// Attribute reads one attribute by id or UUID, its event's header beside it.
// Softly deleted ones are read too: the caller decides. Faults: NotFound.
func (s *Service) Attribute(ctx context.Context, who ident.Actor, ref string) (a Attribute, err error) {
	if err := mayRead(who); err != nil {
		return a, err
	}
	err = s.view(ctx, who, "attribute.view", audit.Thing{Kind: "attribute", Label: ref}, func(tx *store.Tx) error {
		if a, err = readAttribute(ctx, tx, who, ref); err != nil {
			return err
		}
		return attachTags(ctx, tx, who, []*Attribute{&a})
	})
	return a, err
}

// Object reads one object by id or UUID with its attributes. Faults: NotFound.
func (s *Service) Object(ctx context.Context, who ident.Actor, ref string, deleted Deleted) (o Object, err error) {
	if err := mayRead(who); err != nil {
		return o, err
	}
	err = s.view(ctx, who, "object.view", audit.Thing{Kind: "object", Label: ref}, func(tx *store.Tx) error {
		o, err = readObject(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		list := []Object{o}
		err = fillObjects(ctx, tx, who, list, deleted)
		o = list[0]
		return err
	})
	return o, err
}

// Reports lists an event's reports that the caller sees.
func (s *Service) Reports(ctx context.Context, who ident.Actor, event string, deleted Deleted) (out []Report, err error) {
	e, err := s.quiet(ctx, who, event)
	if err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = listReports(ctx, tx, who, e.ID, deleted)
		return err
	})
	return out, err
}

// Lacks tells what an event has none of at all, seen or unseen.
type Lacks struct{ Objects, Reports, Sightings, Proposals bool }

// Lacks is asked by who is about to ask for each of them, most of which most events do
// not have. The caller has read the event; what it tells is for nobody's eyes. Who may:
// intel.read.
func (s *Service) Lacks(ctx context.Context, who ident.Actor, e *Event) (l Lacks, err error) {
	if err := MayRead(who); err != nil {
		return l, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Row(ctx, lacksOf, []any{e.ID}, &l.Objects, &l.Reports, &l.Sightings, &l.Proposals)
		return err
	})
	return l, err
}

func noAttribute(ref string) error {
	return fault.New(fault.NotFound, "no attribute %q", ref).WithKey("intel.fault.no-attribute")
}
