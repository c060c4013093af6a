package stix

import (
	"bytes"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
)

// restored puts in place what our extension says whole. It counts only when the
// object's own words agree: the id, and for an indicator the pattern, which others
// may have changed without knowing the extension.
func (r *reading) restored(it *item, o obj) bool {
	ext := extension(it)
	if raw := ext["attribute"]; raw != nil {
		a, ok := sole(misp.Read[misp.Attribute](bytes.NewReader(raw), within, "Attribute"))
		if ok && a.UUID.V == "" {
			a.UUID = misp.T(it.uuid())
		}
		if !ok || UUID(a.UUID.V, "") != it.uuid() || it.typ == "indicator" && patternOf(&a) != o.text("pattern") {
			r.b.left.note(it.typ, whyExtension, it.id)
			return false
		}
		if a.Data.V == "" {
			a.Data = r.payload(it, o, a.Data)
		}
		r.refine(&a, it)
		a.Tag = r.stricter(o, a.Tag, r.level)
		r.e.Attribute = append(r.e.Attribute, a)
		r.places[it.id] = place{kind: 'a', at: len(r.e.Attribute) - 1, whole: true}
		return true
	}
	raw := ext["object"]
	if raw == nil {
		return false
	}
	x, ok := sole(misp.Read[misp.Object](bytes.NewReader(raw), within, "Object"))
	if ok && x.UUID.V == "" {
		x.UUID = misp.T(it.uuid())
	}
	inner, fine := objectsWithin(ext["objects"])
	if !ok || !fine || UUID(x.UUID.V, "") != it.uuid() || it.typ == "indicator" && objectPattern(&x, inner) != o.text("pattern") {
		r.b.left.note(it.typ, whyExtension, it.id)
		return false
	}
	r.content(&x, it, o)
	r.tighten(&x, inner, o)
	at := len(r.e.Object)
	r.restore(&x, it, it.id)
	for i := range inner {
		r.restore(&inner[i], it, it.id+"/"+inner[i].UUID.V)
	}
	r.places[it.id] = place{kind: 'o', at: at, more: len(inner), whole: true}
	return true
}

// objectsWithin reads the objects that are told within another.
func objectsWithin(raw []byte) ([]misp.Object, bool) {
	if raw == nil {
		return nil, true
	}
	list, _, err := misp.Read[misp.Object](bytes.NewReader(raw), within, "Object")
	return list, err == nil
}

func (r *reading) restore(x *misp.Object, it *item, id string) {
	x.UUID = misp.T(r.claimWhole(x.UUID.V, id))
	r.group(it, &x.Distribution, x.SharingGroup)
	for i := range x.Attribute {
		r.refine(&x.Attribute[i], it)
	}
	for _, ref := range x.ObjectReference {
		r.known[ref.UUID.V] = true
	}
	r.e.Object = append(r.e.Object, *x)
}

// content puts a file's bytes back that stand as an artifact.
func (r *reading) content(x *misp.Object, it *item, o obj) {
	relation := contentOf[x.Name.V]
	for i := range x.Attribute {
		if a := &x.Attribute[i]; relation != "" && a.ObjectRelation.V == relation {
			if a.Data.V == "" {
				a.Data = r.payload(it, o, a.Data)
			}
			return
		}
	}
}

// contentOf are the relations whose bytes stand as an artifact.
var contentOf = map[string]string{"image": "attachment", "artifact": "payload_bin"}

// refine finishes an attribute from our extension: its clusters stand elsewhere.
func (r *reading) refine(a *misp.Attribute, it *item) {
	id := it.id
	if a.UUID.V != it.uuid() {
		id += "/" + a.UUID.V
	}
	if a.UUID.V != "" { // MISP gives one to what has none
		a.UUID = misp.T(r.claimWhole(a.UUID.V, id))
	}
	r.group(it, &a.Distribution, a.SharingGroup)
	a.Galaxy = r.fill(a.Galaxy)
}

// claimWhole is claim for a uuid of MISP's, which may be of any version.
func (r *reading) claimWhole(uuid, id string) string {
	u := strings.ToLower(uuid)
	if by, ok := r.uuids[u]; uuidShape(u) && (!ok || by == id) {
		r.uuids[u] = id
		return uuid
	}
	return r.claim(u, id)
}

// patternOf is the pattern that we make of an attribute.
func patternOf(a *misp.Attribute) string {
	v, fault := misp.Normalise(a.Type.Or("text"), a.Value.Or(""))
	if fault != nil {
		return ""
	}
	m, _ := mapAttribute(a.Type.Or("text"), v, a.Data.Or(""))
	return m.pattern
}

func objectPattern(x *misp.Object, inner []misp.Object) string {
	p := partsOf(x)
	for i := range inner {
		p.inner = append(p.inner, partsOf(&inner[i]))
	}
	if fn := objectMap(x.Name.Or("object")); fn != nil {
		return fn(&p).pattern
	}
	return ""
}

// payload finds the content of a file among the observables beside it.
func (r *reading) payload(it *item, o obj, none misp.Text) misp.Text {
	refs := o.texts("object_refs")
	if it.typ == "indicator" {
		if seen := r.b.byID["observed-data--"+it.uuid()]; seen != nil {
			refs = decode(seen).texts("object_refs")
		}
	}
	for _, id := range refs {
		if a := r.b.byID[id]; a != nil && a.typ == "artifact" {
			if data := decode(a).text("payload_bin"); data != "" {
				return misp.T(data)
			}
		}
	}
	if custom := o.text("x_misp_data"); custom != "" {
		return misp.T(custom)
	}
	return none
}

// tighten labels the attributes of an object, and of those within it, as the object is marked
// now: only where that is stricter than all of them were, whose strictest marked it.
func (r *reading) tighten(x *misp.Object, inner []misp.Object, o obj) {
	had := r.level
	all := append([]misp.Object{*x}, inner...)
	for i := range all {
		for j := range all[i].Attribute {
			had = max(had, tlp.FromTags(tagNames(all[i].Attribute[j].Tag)))
		}
	}
	if len(r.stricter(o, nil, had)) == 0 {
		return
	}
	for i := range all { // they share their attributes with x and inner
		for j := range all[i].Attribute {
			a := &all[i].Attribute[j]
			a.Tag = r.stricter(o, a.Tag, r.level)
		}
	}
}
