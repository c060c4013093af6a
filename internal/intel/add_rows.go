package intel

import (
	"context"
	"crypto/sha256"
	"strconv"

	"straza/internal/kernel/store"
)

// write inserts a part and counts it: objects, attributes, their data and tags. Rows
// whose UUID is taken are dropped, as MISP does with invalid parts of an event.
func (l *loader) write(ctx context.Context, tx *store.Tx, part *draft) error {
	objects, rows, err := l.place(ctx, tx, part)
	if err != nil {
		return err
	}
	return l.copy(ctx, tx, objects, rows)
}

func (l *loader) copy(ctx context.Context, tx *store.Tx, objects []*Object, rows []*Attribute) error {
	if _, err := tx.CopyIn(ctx, "intel_object", objectColumns, columnsOf(objects)); err != nil {
		return err
	}
	if err := copyAttributes(ctx, tx, rows); err != nil {
		return err
	}
	if err := copyData(ctx, tx, l.s.vault, rows); err != nil {
		return err
	}
	l.saved.Attributes.Created += int64(len(rows))
	l.saved.Objects.Created += int64(len(objects))
	var uses []tagging
	sum := sha256.New()
	sum.Write(l.hash)
	var line []byte
	for _, o := range objects {
		l.came.take(o.ID)
	}
	for _, a := range rows {
		l.came.take(a.ID)
		line = append(strconv.AppendInt(append(append(line[:0], a.UUID...), '|'), a.Timestamp, 10), '\n')
		sum.Write(line)
		for _, t := range a.tags {
			id, err := l.aud.tag(ctx, tx, t)
			if err != nil {
				return err
			}
			if id != 0 && !t.remove {
				uses = append(uses, tagging{id, l.event.ID, a.ID, t.local, t.relationship})
			}
		}
	}
	l.hash = sum.Sum(nil)
	return copyTaggings(ctx, tx, uses)
}

const takenUUID = "The UUID provided is not unique."

// place resolves audiences and UUIDs of a part's rows and lists those that go in.
func (l *loader) place(ctx context.Context, tx *store.Tx, part *draft) (objects []*Object, rows []*Attribute, err error) {
	var uuids, objectUUIDs []string
	for i := range part.objects {
		o := &part.objects[i]
		objectUUIDs = append(objectUUIDs, given1(o.UUID, o.given))
		for j := range o.Attributes {
			uuids = append(uuids, given1(o.Attributes[j].UUID, o.Attributes[j].given))
		}
	}
	for _, a := range part.attrs {
		uuids = append(uuids, given1(a.UUID, a.given))
	}
	taken, takenObjects := map[string][2]int64{}, map[string][2]int64{}
	if !l.hoping {
		if taken, err = known(ctx, tx, "intel_attribute", nonEmpty(uuids)); err != nil {
			return nil, nil, err
		}
		if takenObjects, err = known(ctx, tx, "intel_object", nonEmpty(objectUUIDs)); err != nil {
			return nil, nil, err
		}
	}
	put := func(a *Attribute) error {
		if _, twice := taken[a.UUID]; twice {
			l.saved.Attributes.Refused++
			l.drop(Dropped{UUID: a.UUID, Field: "uuid", Text: takenUUID})
			return nil
		}
		taken[a.UUID] = [2]int64{}
		if err := l.aud.child(ctx, tx, &a.Distribution, &a.Group, &a.audience); err != nil {
			return err
		}
		l.event.ownAudiences += one(a.audience != nil)
		if !a.Deleted {
			l.event.Attributes++
		}
		rows = append(rows, a)
		return nil
	}
	for _, a := range part.attrs {
		if err := put(a); err != nil {
			return nil, nil, err
		}
	}
	for i := range part.objects {
		o := &part.objects[i]
		if _, twice := takenObjects[o.UUID]; twice {
			l.saved.Objects.Refused++
			l.saved.Attributes.Refused += int64(len(o.Attributes))
			l.drop(Dropped{UUID: o.UUID, Field: "uuid", Text: takenUUID})
			continue
		}
		takenObjects[o.UUID] = [2]int64{}
		if err := l.aud.child(ctx, tx, &o.Distribution, &o.Group, &o.audience); err != nil {
			return nil, nil, err
		}
		l.event.ownAudiences += one(o.audience != nil)
		objects = append(objects, o)
		for j := range o.Attributes {
			if err := put(&o.Attributes[j]); err != nil {
				return nil, nil, err
			}
		}
		l.refs = append(l.refs, o.References...)
	}
	return objects, rows, nil
}

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

func given1(uuid string, g given) string {
	if g.has(gUUID) {
		return uuid
	}
	return "" // ours, fresh: nobody has it
}

func nonEmpty(list []string) []string {
	out := list[:0]
	for _, v := range list {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

// drop notes what was not stored, the first of it by name.
func (l *loader) drop(list ...Dropped) {
	l.saved.Dropped = append(l.saved.Dropped, list[:min(len(list), droppedKept-len(l.saved.Dropped))]...)
}
