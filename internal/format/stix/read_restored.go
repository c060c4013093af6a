package stix

import (
	"bytes"
	"strings"

	"straza/internal/format/misp"
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
		r.e.Attribute = append(r.e.Attribute, a)
		r.places[it.id] = place{'a', len(r.e.Attribute) - 1, true}
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
	if !ok || UUID(x.UUID.V, "") != it.uuid() || it.typ == "indicator" && objectPattern(&x) != o.text("pattern") {
		r.b.left.note(it.typ, whyExtension, it.id)
		return false
	}
	x.UUID = misp.T(r.claimWhole(x.UUID.V, it.id))
	r.group(it, &x.Distribution, x.SharingGroup)
	for i := range x.Attribute {
		r.refine(&x.Attribute[i], it)
	}
	for _, ref := range x.ObjectReference {
		r.known[ref.UUID.V] = true
	}
	r.e.Object = append(r.e.Object, x)
	r.places[it.id] = place{'o', len(r.e.Object) - 1, true}
	return true
}

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

func objectPattern(x *misp.Object) string {
	p := partsOf(x)
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
