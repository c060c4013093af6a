package intel

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/format/stix"
	"straza/internal/format/tlp"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// convert streams the event through the converter.
func (c *conversion) convert() error {
	w := c.event.Wire()
	w.SharingGroup = c.named(c.event.Distribution, c.event.Group)
	if err := c.reports(w); err != nil {
		return err
	}
	conv := stix.New(w, stix.Options{Default: c.s.untagged}, c.emit)
	if err := c.attributes(conv); err != nil {
		return err
	}
	if err := c.objects(conv); err != nil {
		return err
	}
	if err := c.relations(); err != nil {
		return err
	}
	c.at = stixSource{}
	if err := conv.Close(); err != nil || c.unnamed != nil {
		return errors.Join(err, c.unnamed)
	}
	return c.flush()
}

func (c *conversion) reports(w *misp.Event) error {
	var list []Report
	err := c.s.db.View(c.ctx, func(tx *store.Tx) (err error) {
		list, err = listReports(c.ctx, tx, sharer, c.event.ID, Without)
		return err
	})
	for i := range list {
		rep := list[i].Wire()
		rep.SharingGroup = c.named(list[i].Distribution, list[i].Group)
		w.EventReport = append(w.EventReport, rep)
		c.links[list[i].UUID] = stixSource{report: list[i].ID, audiences: audienceText(list[i].audience)}
	}
	return err
}

func (c *conversion) attributes(conv *stix.Converter) error {
	after := int64(0)
	return pages(0, batch, func(n int) (int, error) {
		var list []Attribute
		var data map[int64][]byte
		err := c.s.db.View(c.ctx, func(tx *store.Tx) (err error) {
			if list, err = listAttributes(c.ctx, tx, sharer, c.event.ID, after, Without, n); err != nil {
				return err
			}
			if err = attachTags(c.ctx, tx, sharer, pointers(list)); err != nil {
				return err
			}
			data, err = attachments(c.ctx, tx, c.s.vault, list)
			return err
		})
		for i := range list {
			a := &list[i]
			after = a.ID
			if err == nil {
				c.attribute(conv, a, data[a.ID], nil)
			}
		}
		return len(list), err
	})
}

// attribute converts one attribute that stands alone, or is told apart from its
// object because fewer may see it.
func (c *conversion) attribute(conv *stix.Converter, a *Attribute, data []byte, in *Object) {
	c.at = stixSource{object: a.ObjectID, attribute: a.ID, audiences: audienceText(a.audience)}
	if in != nil {
		c.at.audiences = audienceText(a.audience, in.audience)
	} else if a.audience == nil {
		c.at.audiences = ""
	}
	w := c.wireOut(a, data)
	conv.Attribute(&w)
}

// named is the sharing group of a part, by its UUID alone: who reads the part is in it,
// but who is asked to take an event over reads it too, and need not know the members.
func (c *conversion) named(d Distribution, group int64) *misp.SharingGroup {
	if d != Group || group == 0 || c.unnamed != nil {
		return nil
	}
	if c.groups == nil {
		c.groups = map[int64]string{}
	}
	uuid, known := c.groups[group]
	if !known {
		c.unnamed = c.s.db.View(c.ctx, func(tx *store.Tx) error {
			g, _, err := readGroup(c.ctx, tx, group)
			uuid = g.UUID
			return err
		})
		c.groups[group] = uuid
	}
	if uuid == "" {
		return nil
	}
	return &misp.SharingGroup{UUID: misp.T(uuid)}
}

// wireOut is an attribute as it may leave: without local tags. The label that one of those
// gives it marks it all the same.
func (c *conversion) wireOut(a *Attribute, data []byte) misp.Attribute {
	label := a.own()
	a.Tags = TagsOut(a.Tags)
	w := a.Wire()
	if label > tlp.FromTags(usedNames(a.Tags)) {
		w.Tag = append(w.Tag, misp.Tag{Name: misp.T(label.Tag())})
	}
	w.SharingGroup = c.named(a.Distribution, a.Group)
	if len(data) > 0 {
		w.Data = misp.T(base64.StdEncoding.EncodeToString(data))
	}
	return w
}

func attachments(ctx context.Context, tx *store.Tx, v *vault.Vault, list []Attribute) (map[int64][]byte, error) {
	out := map[int64][]byte{}
	for i := range list {
		a := &list[i]
		if a.DataSize == 0 || a.DataSize > dataShared {
			continue
		}
		b, err := readData(ctx, tx, v, a.ID)
		if err != nil {
			return nil, err
		}
		out[a.ID] = b
	}
	return out, nil
}

// objects converts the objects of an event: those that others hold with these,
// annotations when all that they are about is known.
func (c *conversion) objects(conv *stix.Converter) error {
	held, within, err := c.holding()
	if err != nil {
		return err
	}
	after, last := int64(0), []wholeObject{}
	err = pages(0, objectBatch, func(n int) (int, error) {
		var list []Object
		var all []wholeObject
		err := c.s.db.View(c.ctx, func(tx *store.Tx) (err error) {
			if list, err = listObjects(c.ctx, tx, sharer, c.event.ID, after, Without, n); err != nil {
				return err
			}
			all, err = c.filled(tx, list, held, within)
			return err
		})
		for i := range list {
			after = list[i].ID
		}
		for i := range all {
			if err == nil && stix.Annotates(all[i].Name) {
				last = append(last, all[i])
			} else if err == nil {
				c.object(conv, &all[i])
			}
		}
		return len(list), err
	})
	for i := range last {
		if err == nil {
			if err = c.about(&last[i]); err == nil {
				c.object(conv, &last[i])
			}
		}
	}
	return err
}

// wholeObject is an object with what it holds and the data of all their attributes.
type wholeObject struct {
	Object
	inner []Object
	data  map[int64][]byte
}

// holding gives the objects that others hold, and each of these. Only who sees the one
// sees the other, or each stands alone.
func (c *conversion) holding() (held map[int64][]int64, within map[int64]bool, err error) {
	held, within = map[int64][]int64{}, map[int64]bool{}
	err = c.s.db.View(c.ctx, func(tx *store.Tx) error {
		list, err := heldObjects(c.ctx, tx, c.event.ID)
		for _, h := range list {
			if stix.Holds(h.outerName, h.innerName) && !within[h.inner] {
				within[h.inner] = true
				held[h.outer] = append(held[h.outer], h.inner)
			}
		}
		return err
	})
	return held, within, err
}

func (c *conversion) filled(tx *store.Tx, list []Object, held map[int64][]int64, within map[int64]bool) (out []wholeObject, err error) {
	list = slices.DeleteFunc(slices.Clone(list), func(o Object) bool { return within[o.ID] })
	ids := []int64{}
	for i := range list {
		ids = append(ids, held[list[i].ID]...)
	}
	n := len(list)
	if len(ids) > 0 {
		inner, err := objectsOf(c.ctx, tx, ids)
		if err != nil {
			return nil, err
		}
		list = append(list, inner...)
	}
	if err := fillObjects(c.ctx, tx, sharer, list, Without); err != nil {
		return nil, err
	}
	data, at := map[int64][]byte{}, map[int64]Object{}
	for i := range list {
		more, err := attachments(c.ctx, tx, c.s.vault, list[i].Attributes)
		if err != nil {
			return nil, err
		}
		maps.Copy(data, more)
		at[list[i].ID] = list[i]
	}
	for _, o := range list[:n] {
		f := wholeObject{Object: o, data: data}
		for _, id := range held[o.ID] {
			if x, ok := at[id]; ok {
				f.inner = append(f.inner, x)
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// about leaves out of an annotation what fewer may see than the annotation.
func (c *conversion) about(o *wholeObject) error {
	var uuids []string
	for _, r := range o.References {
		uuids = append(uuids, r.TargetUUID)
	}
	return c.s.db.View(c.ctx, func(tx *store.Tx) error {
		ends, err := farEnds(c.ctx, tx, c.event.ID, uuids)
		o.References = slices.DeleteFunc(o.References, func(r Reference) bool {
			reach := strings.Trim(ends[r.TargetUUID].reach, ".")
			return reach != "" && reach != strings.Trim(audienceText(o.audience), ".")
		})
		return err
	})
}

// object converts an object with those of its attributes that everybody sees who
// sees the object; the others stand alone, each under its own audience.
func (c *conversion) object(conv *stix.Converter, o *wholeObject) {
	here := stixSource{object: o.ID, audiences: audienceText(o.audience)}
	w, apart := c.wireObject(&o.Object, o.data)
	var inner []*misp.Object
	for i := range o.inner {
		x, more := c.wireObject(&o.inner[i], o.data)
		if inner = append(inner, &x); len(more) > 0 {
			defer c.apart(conv, &o.inner[i], more, o.data)
		}
	}
	for _, r := range o.References {
		c.links[r.UUID] = here
		c.targets[r.UUID] = r.TargetUUID
	}
	for i := range o.inner {
		for _, r := range o.inner[i].References {
			c.links[r.UUID] = here
			c.targets[r.UUID] = r.TargetUUID
		}
	}
	if len(w.Attribute) > 0 || len(apart) == 0 {
		c.at = here
		if stix.Annotates(o.Name) {
			c.links[o.UUID] = here
		}
		conv.Object(&w, inner...)
	}
	c.apart(conv, &o.Object, apart, o.data)
}

func (c *conversion) apart(conv *stix.Converter, o *Object, list []Attribute, data map[int64][]byte) {
	for i := range list {
		c.attribute(conv, &list[i], data[list[i].ID], o)
	}
}

// wireObject is an object as it may leave, and those of its attributes that fewer see.
func (c *conversion) wireObject(o *Object, data map[int64][]byte) (w misp.Object, apart []Attribute) {
	whole := *o
	whole.Attributes = nil
	for _, a := range o.Attributes {
		if c.narrower(&a, o) {
			apart = append(apart, a)
		} else {
			whole.Attributes = append(whole.Attributes, a)
		}
	}
	w = whole.Wire()
	w.SharingGroup = c.named(o.Distribution, o.Group)
	w.Attribute = w.Attribute[:0]
	for i := range whole.Attributes {
		w.Attribute = append(w.Attribute, c.wireOut(&whole.Attributes[i], data[whole.Attributes[i].ID]))
	}
	return w, apart
}

// narrower tells whether an attribute may be hidden from somebody who sees its
// object.
func (c *conversion) narrower(a *Attribute, o *Object) bool {
	if a.audience == nil || *a.audience == c.event.Audience || o.audience != nil && *a.audience == *o.audience {
		return false
	}
	wide := func(d Distribution) bool { return d == Community || d == Connected || d == All }
	return !wide(a.Distribution) || !wide(c.event.Distribution) && !wide(o.Distribution)
}

// relations finds where references point to: a relationship is seen by who sees
// both ends.
func (c *conversion) relations() error {
	var uuids []string
	for _, u := range c.targets {
		uuids = append(uuids, u)
	}
	return c.s.db.View(c.ctx, func(tx *store.Tx) error {
		ends, err := farEnds(c.ctx, tx, c.event.ID, uuids)
		for ref, u := range c.targets {
			from, to := c.links[ref], ends[u]
			from.otherObject, from.otherAttribute, from.audiences = to.object, to.attribute, from.audiences+">"+to.reach
			c.links[ref] = from
		}
		return err
	})
}

func audienceText(list ...*int64) string {
	var b strings.Builder
	for _, a := range list {
		b.WriteByte('.')
		if a != nil {
			b.WriteString(itoa(*a))
		}
	}
	return b.String()
}
