package intel

import (
	"context"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/kernel/store"
)

// Grouping turns the sharing groups of one document that came from elsewhere into
// those of this installation. A group is who its UUID says; a number is the sender's
// and means here what an earlier group of the same document said. Nothing becomes
// wider: a part whose group is not for us is its holder's alone.
type Grouping struct {
	capture func(ctx context.Context, w *misp.SharingGroup) (int64, error)
	known   map[string]int64 // by UUID; 0 = not for us
	numbers map[int64]int64  // the sender's number of a group that was mentioned
	// Foreign tells that a number without a mention means nothing; else it is taken
	// for the caller's own choice of a group here, and held against their rights.
	Foreign bool
}

// NewGrouping makes one for a document. capture takes a group in and gives its id
// here, 0 when it is not for us; known is kept from document to document, nil = none.
func NewGrouping(known map[string]int64, capture func(ctx context.Context, w *misp.SharingGroup) (int64, error)) *Grouping {
	if known == nil {
		known = map[string]int64{}
	}
	return &Grouping{capture: capture, known: known, numbers: map[int64]int64{}}
}

// Level puts a level and its group into the terms of here and takes the group's
// document away. ok is false for a group that is not for us; level and number are
// then as they came, without the group.
func (g *Grouping) Level(ctx context.Context, d *misp.Int, group *misp.Int, w **misp.SharingGroup, absent int64) (ok bool, err error) {
	if d.Or(absent) != int64(Group) {
		*group, *w = misp.N(0), nil
		return true, nil
	}
	var id int64
	theirs := group.Or(0)
	switch uuid, is := groupUUID(*w); {
	case is:
		if id, err = g.take(ctx, uuid, *w); err != nil {
			return false, err
		}
		if theirs != 0 {
			g.numbers[theirs] = id
		}
	case *w != nil && !g.Foreign: // a group without a name: which one is meant cannot be known
	default:
		var mentioned bool
		if id, mentioned = g.numbers[theirs]; !mentioned && !g.Foreign {
			id = theirs
		}
	}
	g.numbers[id] = id // the header of an event is given twice
	*group, *w = misp.N(id), nil
	return id != 0, nil
}

// Part is Level for what stands inside an event: without its group it is its holder's.
func (g *Grouping) Part(ctx context.Context, d, group *misp.Int, w **misp.SharingGroup, absent int64) error {
	ok, err := g.Level(ctx, d, group, w, absent)
	if err == nil && !ok {
		*d = misp.N(int64(OwnOrg))
	}
	return err
}

// Object is Part for an object and its attributes.
func (g *Grouping) Object(ctx context.Context, o *misp.Object) error {
	for i := range o.Attribute {
		a := &o.Attribute[i]
		if err := g.Part(ctx, &a.Distribution, &a.SharingGroupID, &a.SharingGroup, int64(Inherit)); err != nil {
			return err
		}
	}
	return g.Part(ctx, &o.Distribution, &o.SharingGroupID, &o.SharingGroup, int64(Inherit))
}

func (g *Grouping) take(ctx context.Context, uuid string, w *misp.SharingGroup) (int64, error) {
	if id, known := g.known[uuid]; known {
		return id, nil
	}
	id, err := g.capture(ctx, w)
	if err == nil {
		g.known[uuid] = id
	}
	return id, err
}

func groupUUID(w *misp.SharingGroup) (string, bool) {
	if w == nil {
		return "", false
	}
	return store.ParseUUID(strings.TrimSpace(w.UUID.Or("")))
}

// Grouped passes a document on with its groups in the terms of here. An event whose
// group is not for the caller keeps its level without a group: storing it refuses.
func Grouped(ctx context.Context, src Source, fresh func() *Grouping) Source {
	return func(fn func(misp.Item) error) error {
		var g *Grouping
		return src(func(it misp.Item) (err error) {
			switch it.Kind {
			case misp.ItemStart, misp.ItemEnd:
				if it.Kind == misp.ItemStart {
					g = fresh()
				}
				h := it.Event
				if h.Distribution.Or(0) == int64(Group) && (it.Kind == misp.ItemEnd || h.SharingGroup != nil) {
					_, err = g.Level(ctx, &h.Distribution, &h.SharingGroupID, &h.SharingGroup, 0)
				}
				for i := range h.EventReport {
					if err == nil && it.Kind == misp.ItemEnd {
						r := &h.EventReport[i]
						err = g.Part(ctx, &r.Distribution, &r.SharingGroupID, &r.SharingGroup, int64(OwnOrg))
					}
				}
			case misp.ItemAttribute:
				a := it.Attribute
				err = g.Part(ctx, &a.Distribution, &a.SharingGroupID, &a.SharingGroup, int64(Inherit))
			case misp.ItemObject:
				err = g.Object(ctx, it.Object)
			}
			if err != nil {
				return err
			}
			return fn(it)
		})
	}
}
