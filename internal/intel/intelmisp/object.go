package intelmisp

import (
	"encoding/json"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

const invalidObject = "Invalid object."

func (a *api) objectView(c *call) error {
	ob, err := a.Intel.Object(c.ctx(), c.who, c.arg(0), deletedOf(c.params["deleted"]))
	if err == nil && ob.Deleted && !c.params.has("deleted") {
		err = notFound(invalidObject)
	}
	if err != nil {
		return instead(err, notFound(invalidObject), fault.NotFound)
	}
	e, err := a.Intel.Event(c.ctx(), c.who, itoa(ob.EventID))
	if err != nil {
		return err
	}
	if a.withheld(c, &e) {
		return notFound(invalidObject)
	}
	ob.Keep(a.lets(c, &e, nil))
	return a.objectAnswer(c, &ob, &e)
}

// objectParent is what an object tells of its event.
func objectParent(e *intel.Event) *misp.Event {
	return &misp.Event{ID: misp.N(e.ID), Info: misp.T(e.Info), OrgID: misp.N(e.Owner.ID), OrgcID: misp.N(e.Origin.ID)}
}

// objectAnswer writes {"Object":…} with its attributes as they are stored; the
// event beside it in views only.
func (a *api) objectAnswer(c *call, ob *intel.Object, e *intel.Event) error {
	w := ob.Wire()
	for i := range ob.Attributes {
		at := stored(&ob.Attributes[i])
		if e != nil {
			at.AttributeTag = links(exported(ob.Attributes[i].Tags, noLocal(c)), &ob.Attributes[i])
		}
		if ob.Attributes[i].DataSize > 0 && e != nil {
			if err := a.attach(c, ob.Attributes[i].ID, &at); err != nil {
				return err
			}
		}
		w.Attribute[i] = at
	}
	if e != nil {
		w.Event = objectParent(e)
	}
	w.ObjectReference = nil // measured: a view of an object leaves its references out
	if c.action == "edit" {
		parent := w.Event
		w.Event = nil // measured: here it stands beside the object
		return c.value(ordered{{"Object", w}, {"Event", ordered{{"id", itoa(parent.ID.V)}, {"info", parent.Info.V}, {"org_id", itoa(parent.OrgID.V)}, {"orgc_id", itoa(parent.OrgcID.V)}}}})
	}
	return c.json(append(misp.Append([]byte(`{"Object":`), &w), '}'))
}

// oneObject reads the object of a request.
func (c *call) oneObject() (misp.Object, params, error) {
	doc, err := c.document()
	if err != nil {
		return misp.Object{}, nil, err
	}
	list, _, err := misp.Read[misp.Object](doc, misp.Limits{Bytes: plainBytes, Depth: jsonDepth}, "Object")
	if err != nil || len(list) == 0 {
		return misp.Object{}, nil, badJSON()
	}
	v, err := decode(c.raw)
	if err != nil {
		return misp.Object{}, nil, badJSON()
	}
	m, _ := v.(map[string]any)
	return list[0], m, nil
}

func (a *api) objectAdd(c *call) error {
	w, body, err := c.oneObject()
	if err != nil {
		return err
	}
	e, err := a.Intel.Event(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound("Invalid event."), fault.NotFound)
	}
	if !w.Distribution.Given() {
		w.Distribution = misp.N(int64(intel.OwnOrg)) // measured: an object that names none is for the own organisation
	}
	if fail := a.template(c, &w, itoa(e.ID)); fail != nil {
		return fail
	}
	for i := range w.Attribute {
		intel.SealSample(&w.Attribute[i])
	}
	unique := categorised(w.Attribute) && (c.params.flag("breakOnDuplicate", false) || body.flag("breakOnDuplicate", false) || body.sub("Object").flag("breakOnDuplicate", false))
	ob, err := a.Intel.AddObject(c.ctx(), c.who, e.Ref(), w, unique)
	if err != nil {
		return objectFault(&w, itoa(e.ID), c.arg(1), err)
	}
	return a.objectAnswer(c, &ob, nil)
}

// categorised tells whether all attributes name their category: 2.5.1 finds no duplicate of an
// object otherwise (measured, spec misp §5.5).
func categorised(list []misp.Attribute) bool {
	return !slices.ContainsFunc(list, func(x misp.Attribute) bool { return x.Category.Or("") == "" })
}

// template fills in what the template knows; an object whose template is unknown
// must describe itself.
func (a *api) template(c *call, w *misp.Object, event string) error {
	if w.Description.Or("") != "" && w.Name.Or("") != "" {
		return nil
	}
	ref := w.TemplateUUID.Or("")
	if ref == "" && w.Name.Or("") == "" {
		ref = c.arg(1) // objects/add/<event>/<template>
	}
	t, ok, err := a.findTemplate(c, ref, w.Name.Or(""))
	if err != nil {
		return err
	}
	if !ok {
		missing := "description"
		if w.Name.Or("") == "" {
			missing = "name"
		}
		return unsaved(misp.Outcome{Controller: "Object", Action: "add",
			Errors: "Object could not be saved.\ntemplate: No valid template found and object lacking template information. (" + missing + ")"})
	}
	for _, f := range []struct {
		to   *misp.Text
		from string
	}{{&w.Name, t.Name}, {&w.Description, t.Description}, {&w.MetaCategory, t.MetaCategory}, {&w.TemplateUUID, t.UUID}} {
		if f.to.Or("") == "" {
			*f.to = misp.T(f.from)
		}
	}
	if !w.TemplateVersion.Given() {
		w.TemplateVersion = misp.N(t.item.Version)
	}
	return nil
}

// objectFault gives MISP's answers; two of them name the event in a crooked way.
func objectFault(w *misp.Object, event, template string, err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	crooked := event + "/" + template
	lower := func(text string) error {
		return unsaved(misp.Outcome{Controller: "objects", Action: "add", Message: "Could not add object", Errors: text, ID: crooked})
	}
	switch keyOf(f) {
	case "intel.fault.duplicate-object":
		return lower("Duplicate object found. Since breakOnDuplicate is set the object will not be added.")
	case "intel.fault.no-attributes":
		return lower("Could not save the object as no attributes were set.")
	case "intel.fault.uuid-taken":
		return unsaved(misp.Outcome{Controller: "Object", Action: "add", Errors: "Object could not be saved.\nuuid: The UUID provided is not unique"})
	case "intel.fault.attribute":
		field, relation := "value", ""
		for k := range f.Fields {
			field = k
		}
		for i := range w.Attribute {
			if _, bad := misp.CheckType(w.Attribute[i].Category.Or(""), w.Attribute[i].Type.V); bad != nil {
				relation = w.Attribute[i].ObjectRelation.V
				break
			}
			if _, bad := misp.Normalise(w.Attribute[i].Type.V, w.Attribute[i].Value.V); bad != nil {
				relation = w.Attribute[i].ObjectRelation.V
				break
			}
		}
		why, _ := json.Marshal(map[string][]string{field: {f.Detail}}) // texts only
		return lower("Could not save object as at least one attribute has failed validation (" + relation + "). " + string(why))
	}
	if f.Kind == fault.Denied {
		return forbidden(misp.MsgNoPermission)
	}
	if f.Kind == fault.Invalid {
		return lower("Object could not be saved. " + strings.TrimSpace(f.Detail))
	}
	return err
}

func (a *api) objectEdit(c *call) error {
	w, _, err := c.oneObject()
	if err != nil {
		return err
	}
	ref := c.arg(0)
	if ref == "" {
		ref = w.UUID.V
	}
	if a.leaving(c) {
		if ob, err := a.Intel.Object(c.ctx(), c.who, ref, intel.Without); err == nil && a.staying(c)(ob.EventID) {
			return notFound(invalidObject)
		}
	}
	ob, err := a.Intel.EditObject(c.ctx(), c.who, ref, w)
	if err != nil {
		err = instead(err, notFound(invalidObject), fault.NotFound, fault.Denied)
		if f := fault.Of(err); f != nil && f.Key == "intel.fault.not-newer" {
			return unsaved(misp.Outcome{Controller: "Object", Action: "edit", Errors: "Object could not be saved: Object in the request not newer than the local copy."})
		}
		return objectFault(&w, ref, "", err)
	}
	e, err := a.Intel.Event(c.ctx(), c.who, itoa(ob.EventID))
	if err != nil {
		return err
	}
	ob.Keep(a.lets(c, &e, nil))
	return a.objectAnswer(c, &ob, &e)
}

// objectDelete answers with the event's id, as MISP does.
func (a *api) objectDelete(c *call) error {
	hard, err := c.hard()
	if err != nil {
		return err
	}
	ob, err := a.Intel.DeleteObject(c.ctx(), c.who, c.arg(0), hard)
	if err != nil {
		err = instead(err, notFound(invalidObject), fault.NotFound)
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	return c.done(misp.Outcome{Controller: "Objects", Action: "delete", Message: "Object deleted", ID: itoa(ob.EventID)})
}

func (a *api) referenceAdd(c *call) error {
	doc, err := c.document()
	if err != nil {
		return err
	}
	list, _, err := misp.Read[misp.ObjectReference](doc, misp.Limits{Bytes: plainBytes, Depth: jsonDepth}, "ObjectReference")
	if err != nil || len(list) == 0 {
		return badJSON()
	}
	w := list[0]
	ref := c.arg(0)
	for _, named := range []string{w.ObjectUUID.Or(""), w.SourceUUID.Or("")} {
		if ref == "" {
			ref = named
		}
	}
	if ref == "" && w.ObjectID.Given() {
		ref = itoa(w.ObjectID.V)
	}
	ob, err := a.Intel.Object(c.ctx(), c.who, ref, intel.Without)
	if err != nil {
		return instead(err, notFound("Invalid object."), fault.NotFound)
	}
	r, err := a.Intel.AddReference(c.ctx(), c.who, itoa(ob.ID), w)
	if err != nil {
		err = instead(err, notFound("Invalid target."), fault.Invalid)
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	out := r.Wire(ob.UUID)
	raw, _ := out.MarshalJSON() // never fails
	return c.json(append(append([]byte(`{"ObjectReference":`), raw...), '}'))
}

func (a *api) referenceDelete(c *call) error {
	hard, err := c.hard()
	if err != nil {
		return err
	}
	r, err := a.Intel.DeleteReference(c.ctx(), c.who, c.arg(0), hard)
	if err != nil {
		err = instead(err, notFound("Invalid object reference."), fault.NotFound)
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	return c.done(misp.Outcome{Controller: "ObjectReferences", Action: "delete", Message: "ObjectReference deleted", ID: itoa(r.ID)})
}
