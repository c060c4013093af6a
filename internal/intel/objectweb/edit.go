package objectweb

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// keptRow is an attribute that the form does not hold: it stays as it is.
type keptRow struct{ Relation, Value, Href string }

// placed holds an object's attributes as a template's form does: those of each field, in
// their order, and the rest, for which the form has no place: files, relations or types
// that the template does not know, and a second value where it wants one. Pure.
func placed(o *intel.Object, t *catalog.ObjectTemplate) (in map[string][]*intel.Attribute, rest []*intel.Attribute) {
	in = map[string][]*intel.Attribute{}
	for i := range o.Attributes {
		a := &o.Attributes[i]
		n := slices.IndexFunc(t.Fields, func(x catalog.TemplateField) bool { return x.Relation == a.Relation && x.Type == a.Type })
		if n < 0 || isFile(a.Type) || !fits(&t.Fields[n], a.Value) || !t.Fields[n].Multiple && len(in[a.Relation]) > 0 {
			rest = append(rest, a)
			continue
		}
		in[a.Relation] = append(in[a.Relation], a)
	}
	return in, rest
}

// fits tells whether the control of a field gives a value back as it stands.
func fits(x *catalog.TemplateField, value string) bool {
	if len(x.Values) > 0 {
		return slices.Contains(x.Values, value)
	}
	return strings.TrimSpace(value) == value && !(x.Multiple && strings.Contains(value, "\n") && !slices.Contains(longTypes, x.Type))
}

// revised compares what stands in the fields with what was written there: what is new is
// added, what is gone goes, and where one value of a relation became another it is changed
// in its place, with the tags and sightings that it has. Pure.
func revised(in map[string][]*intel.Attribute, written []misp.Attribute) (set []misp.Attribute, drop []string) {
	kept, fresh := map[string]bool{}, map[string][]int{}
	for i, w := range written {
		relation := w.ObjectRelation.V
		if n := slices.IndexFunc(in[relation], func(a *intel.Attribute) bool { return same(a, w) }); n >= 0 {
			kept[in[relation][n].UUID] = true
		} else {
			fresh[relation] = append(fresh[relation], i)
		}
	}
	gone := map[string][]string{}
	for relation, list := range in {
		for _, a := range list {
			if !kept[a.UUID] {
				gone[relation] = append(gone[relation], a.UUID)
			}
		}
		if len(gone[relation]) != 1 || len(fresh[relation]) != 1 {
			drop = append(drop, gone[relation]...)
			delete(gone, relation)
		}
	}
	for i, w := range written {
		if relation := w.ObjectRelation.V; slices.Contains(fresh[relation], i) {
			if len(gone[relation]) == 1 {
				w = misp.Attribute{UUID: misp.T(gone[relation][0]), Type: w.Type, Value: w.Value}
			}
			set = append(set, w)
		}
	}
	slices.Sort(drop)
	return set, drop
}

// same tells whether a value that was written is the one that stands there.
func same(a *intel.Attribute, w misp.Attribute) bool {
	v, bad := misp.Normalise(a.Type, w.Value.V)
	return a.Value == w.Value.V || bad == nil && a.Value == v.Value
}

// object is the object of the address with its template, in an event the caller may
// change. A template that is switched off still knows its own objects.
func (p *pages) object(r *http.Request) (*intel.Event, *intel.Object, *catalog.ObjectTemplate, error) {
	e, err := eventweb.Mine(r, p.d.Intel)
	if err != nil {
		return nil, nil, nil, err
	}
	ref, err := web.Ref(r, "object")
	if err != nil {
		return nil, nil, nil, err
	}
	o, err := p.d.Intel.Object(r.Context(), web.Actor(r), ref, intel.Without)
	if err == nil && o.EventID != e.ID {
		err = fault.New(fault.NotFound, "object %s in event %s", ref, e.Ref())
	}
	if err != nil {
		return nil, nil, nil, err
	}
	t, err := p.d.Catalog.ObjectTemplate(r.Context(), web.Actor(r), o.TemplateUUID)
	if fault.Is(err, fault.NotFound) {
		return e, &o, nil, nil
	}
	return e, &o, &t, err
}

func (p *pages) editObject(w http.ResponseWriter, r *http.Request) error {
	e, o, t, err := p.object(r)
	if err != nil {
		return err
	}
	if t == nil {
		return p.toObject(r, e, o, web.Done("intel.object.untemplated"))
	}
	v := url.Values{"comment": {o.Comment}, "distribution": {strconv.Itoa(int(o.Distribution))}}
	if o.Group != 0 {
		v.Set("group", strconv.FormatInt(o.Group, 10))
	}
	in, _ := placed(o, t)
	for i := range t.Fields {
		x := &t.Fields[i]
		var list []string
		for _, a := range in[x.Relation] {
			list = append(list, a.Value)
		}
		if len(x.Values) == 0 && len(list) > 0 && !slices.Contains(longTypes, x.Type) {
			list = []string{strings.Join(list, "\n")}
		}
		v[fieldOf(x.Relation)] = list
	}
	page, err := p.revisePage(r, web.NewForm(r, v), e, o, t)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "object", page)
}

// revisePage is the template's form for an object that is there.
func (p *pages) revisePage(r *http.Request, f *web.Form, e *intel.Event, o *intel.Object, t *catalog.ObjectTemplate) (*objectPage, error) {
	page, err := p.objectForm(r, f, e, t)
	if err != nil {
		return nil, err
	}
	page.Title = web.T(r, "intel.object.edit", "name", o.Name)
	page.Header.Title, page.Crumbs = page.Title, eventweb.Crumbs(r, e, ui.Crumb{Label: o.Name})
	page.Action, page.Version = page.At+"/objects/"+o.UUID, o.Version()
	if v := f.Int("version"); v != 0 {
		page.Version = v
	}
	_, rest := placed(o, t)
	for _, a := range rest {
		page.Kept = append(page.Kept, keptRow{a.Relation, a.Value, page.At + "/attributes/" + a.UUID})
	}
	return page, nil
}

// saveObject changes what differs from what stands there, and nothing else.
func (p *pages) saveObject(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, o, t, err := p.object(r)
	if err != nil {
		return err
	}
	if t == nil {
		return p.toObject(r, e, o, web.Done("intel.object.untemplated"))
	}
	in, rest := placed(o, t)
	held := map[string]bool{}
	for _, a := range rest {
		held[a.Relation] = true
	}
	wire := objectOf(f, t, held)
	set, drop := revised(in, wire.Attribute)
	edit := misp.Object{Name: misp.T(o.Name), Comment: wire.Comment, Attribute: set}
	if wire.Distribution.V != int64(o.Distribution) || wire.Distribution.V == int64(intel.Group) && wire.SharingGroupID.V != o.Group {
		edit.Distribution, edit.SharingGroupID = wire.Distribution, wire.SharingGroupID
	}
	at := int64(0)
	err = f.Err("object")
	switch {
	case err != nil:
	case len(wire.Attribute)+len(rest) == 0:
		err = fault.New(fault.Invalid, "an object without attributes").WithKey("intel.object.empty")
	default:
		at, err = p.d.Intel.ReviseObject(r.Context(), web.Actor(r), o.UUID, f.Int("version"), edit, drop)
	}
	if f.Fail(err) {
		page, err := p.revisePage(r, f, e, o, t)
		if err != nil {
			return err
		}
		return p.again(w, r, f, page)
	}
	if err != nil {
		return err
	}
	done := web.Done("intel.object.changed")
	if at != 0 {
		done = done.WithUndo(base(r)+"/"+e.Ref()+"/attributes/undo", "at", strconv.FormatInt(at, 36))
	}
	return p.toObject(r, e, o, done)
}
