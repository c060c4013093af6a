package intelmisp

import (
	"net/http"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

const invalidAttribute = "Invalid attribute"

// readAttribute reads one that is not deleted; MISP has a status of its own per action.
func (a *api) readAttribute(c *call, ref string, missing error) (intel.Attribute, error) {
	at, err := a.Intel.Attribute(c.ctx(), c.who, ref)
	if err != nil {
		return at, instead(err, missing, fault.NotFound)
	}
	if at.Deleted {
		return at, missing
	}
	return at, nil
}

func (a *api) attributeView(c *call) error {
	at, err := a.readAttribute(c, c.arg(0), notAllowed(invalidAttribute))
	if err != nil {
		return err
	}
	if a.partWithheld(c, &at, at.Event) {
		return notAllowed(invalidAttribute)
	}
	w := at.Wire()
	w.Tag = dropLocal(w.Tag, noLocal(c))
	if at.Event != nil {
		w.EventUUID = misp.T(at.Event.UUID)
	}
	if at.DataSize > 0 && c.r.Method != http.MethodHead {
		if err := a.attach(c, at.ID, &w); err != nil {
			return err
		}
	}
	return c.json(append(misp.Append([]byte(`{"Attribute":`), &w), '}'))
}

// attributeIndex lists the newest first, 60 a page unless asked otherwise.
func (a *api) attributeIndex(c *call) error {
	q := intel.Query{Limit: min(max(c.params.number("limit", 60), 1), 5000), Page: max(c.params.count("page", 1), 1), Desc: true, Leaving: a.leaving(c)}
	return c.list("", "", func(yield func([]byte) error) error {
		return a.Intel.SearchAttributes(c.ctx(), c.who, q, func(at *intel.Attribute) error {
			w := stored(at)
			w.Tag = nil
			return yield(misp.Append(nil, &w))
		})
	})
}

// stored is the form of answers to add: both halves of the value, tags as links.
func stored(at *intel.Attribute) misp.Attribute {
	w := at.Wire()
	halves(at, &w)
	w.Tag = nil
	return w
}

func halves(at *intel.Attribute, w *misp.Attribute) {
	first, second := at.Value, ""
	if misp.Composite(at.Type) {
		first, second, _ = strings.Cut(at.Value, "|")
	}
	w.Value1, w.Value2 = misp.T(first), misp.T(second)
}

// asJoined makes of an attribute's form in events the one in answers to a search for
// objects (measured): both halves of the value, tags as links, neither clusters nor
// proposals. Tags that it has stay beside the links, where clients look for them.
func asJoined(at *intel.Attribute, w *misp.Attribute, noLocal bool) {
	halves(at, w)
	w.Galaxy, w.ShadowAttribute, w.AttributeTag = nil, nil, links(exported(at.Tags, noLocal), at)
}

// links are an attribute's tags as join rows.
func links(tags []intel.TagUse, at *intel.Attribute) []misp.TagLink {
	out := []misp.TagLink{}
	for i := range tags {
		t := &tags[i]
		w := misp.Tag{ID: misp.N(t.ID), Name: misp.T(t.Name), Colour: misp.T(t.Colour), NumericalValue: misp.NullInt()}
		if t.Numerical != nil {
			w.NumericalValue = misp.N(*t.Numerical)
		}
		out = append(out, misp.TagLink{ID: misp.N(t.Use), AttributeID: misp.N(at.ID), EventID: misp.N(at.EventID), TagID: misp.N(t.ID),
			Local: misp.B(t.Local), RelationshipType: misp.TextOrNull(t.Relationship), Tag: &w})
	}
	return out
}

// sent reads the attributes of a request: one or a list, and a list of values in one.
func (c *call) sent() (list []misp.Attribute, err error) {
	b, err := c.read()
	if err != nil {
		return nil, err
	}
	if many, err := c.manyValues(b); err != nil || many != nil {
		return many, err
	}
	doc, err := c.document()
	if err != nil {
		return nil, err
	}
	list, _, err = misp.Read[misp.Attribute](doc, misp.Limits{Bytes: plainBytes, Depth: jsonDepth}, "Attribute")
	if err != nil {
		return nil, badJSON()
	}
	return list, nil
}

// manyValues makes one attribute per value of {"type":…,"value":[…]}.
func (c *call) manyValues(b []byte) ([]misp.Attribute, error) {
	if !strings.Contains(string(b), "[") {
		return nil, nil
	}
	v, err := decode(b)
	if err != nil {
		return nil, badJSON()
	}
	m, _ := v.(map[string]any)
	one := params(m).sub("Attribute")
	values, ok := one["value"].([]any)
	if !ok {
		return nil, nil
	}
	var out []misp.Attribute
	for _, v := range values {
		one["value"] = v
		raw, err := marshal(map[string]any(one))
		if err != nil {
			return nil, err
		}
		list, _, err := misp.Read[misp.Attribute](strings.NewReader(string(raw)), misp.Limits{}, "Attribute")
		if err != nil {
			return nil, badJSON()
		}
		out = append(out, list...)
	}
	return out, nil
}

func (a *api) attributeAdd(c *call) error {
	list, err := c.sent()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return notAllowed("No valid attribute data received.")
	}
	for i := range list {
		intel.SealSample(&list[i])
	}
	if hit, err := a.enforced(c, list); err != nil || hit {
		return orRefuse(err, unsaved(misp.Outcome{Controller: "Attributes", Action: "add", Errors: misp.MsgWarninglist}))
	}
	var added []intel.Attribute
	var refused []intel.Refused
	if c.params.flag("breakOnDuplicate", true) {
		added, refused, err = a.Intel.AddAttributes(c.ctx(), c.who, c.arg(0), list, false)
	} else {
		added, refused, err = a.Intel.PutAttributes(c.ctx(), c.who, c.arg(0), list)
	}
	if err != nil {
		err = instead(err, notFound(invalidEvent), fault.NotFound)
		err = instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
		return attributeFault(c, "add", err)
	}
	errs := map[string]any{}
	var good []intel.Attribute
	for i := range list {
		if refused[i] != nil {
			errs["attribute_"+itoa(int64(i))] = refused[i]
			continue
		}
		at, err := a.Intel.Attribute(c.ctx(), c.who, itoa(added[i].ID))
		if err != nil {
			return err
		}
		good = append(good, at)
	}
	if len(good) == 0 {
		o := misp.Outcome{Controller: "Attributes", Action: "add", Errors: errs}
		if len(list) == 1 {
			o.Errors = refused[0]
		}
		return unsaved(o)
	}
	return c.json(addedAttributes(good, errs))
}

// enforced tells whether a value stands on a warning list and the client wants
// such ones refused.
func (a *api) enforced(c *call, list []misp.Attribute) (bool, error) {
	wanted := c.params.flag("enforceWarninglist", false)
	if v, err := decode(c.raw); err == nil {
		m, _ := v.(map[string]any)
		wanted = wanted || params(m).flag("enforceWarninglist", false)
	}
	if !wanted {
		return false, nil
	}
	for i := range list {
		hits, err := a.Catalog.Hits(c.ctx(), c.who, list[i].Type.V, list[i].Value.V)
		if err != nil || len(hits) > 0 {
			return len(hits) > 0, err
		}
	}
	return false, nil
}

func orRefuse(err, refusal error) error {
	if err != nil {
		return err
	}
	return refusal
}

// addedAttributes: a single one is a dict, several are a list.
func addedAttributes(good []intel.Attribute, errs map[string]any) []byte {
	b := []byte(`{"Attribute":`)
	if len(good) == 1 && len(errs) == 0 {
		w := stored(&good[0])
		b = misp.Append(b, &w)
		b = append(b, `,"AttributeTag":[`...)
		for i, l := range links(exported(good[0].Tags, false), &good[0]) {
			if i > 0 {
				b = append(b, ',')
			}
			raw, _ := l.MarshalJSON() // never fails
			b = append(b, raw...)
		}
		return append(b, "]}"...)
	}
	b = append(b, '[')
	for i := range good {
		if i > 0 {
			b = append(b, ',')
		}
		w := stored(&good[i])
		b = misp.Append(b, &w)
	}
	b = append(b, ']')
	if len(errs) > 0 {
		raw, _ := marshal(errs) // texts only
		b = append(append(b, `,"errors":`...), raw...)
	}
	return append(b, '}')
}

// attributeFault turns a fault of one attribute into MISP's answer.
func attributeFault(c *call, action string, err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	switch {
	case f.Key == "intel.fault.not-newer":
		return notAllowed(misp.MsgAttrNotNewer)
	case f.Key == "intel.fault.group", f.Key == "intel.fault.foreign-group":
		return notAllowed(misp.MsgBadSharing)
	case f.Kind == fault.Invalid:
		errs := map[string][]string{}
		for field := range f.Fields {
			errs[field] = []string{f.Detail}
		}
		return unsaved(misp.Outcome{Controller: "Attributes", Action: action, Errors: errs})
	}
	return err
}

func (a *api) attributeEdit(c *call) error {
	doc, err := c.document()
	if err != nil {
		return err
	}
	list, _, err := misp.Read[misp.Attribute](doc, misp.Limits{Bytes: plainBytes, Depth: jsonDepth}, "Attribute")
	if err != nil || len(list) == 0 {
		return badJSON()
	}
	ref := c.arg(0)
	if ref == "" {
		ref = list[0].UUID.V
	}
	if a.leaving(c) { // what is not shown is not changed here either: versions of events come whole
		if at, err := a.Intel.Attribute(c.ctx(), c.who, ref); err == nil && a.partWithheld(c, &at, at.Event) {
			return notFound(invalidAttribute)
		}
	}
	at, err := a.Intel.EditAttribute(c.ctx(), c.who, ref, list[0])
	if err != nil {
		err = instead(err, notFound(invalidAttribute), fault.NotFound)
		err = instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
		return attributeFault(c, "edit", a.alsoValue(c, ref, &list[0], err))
	}
	w := at.Wire()
	w.Tag = dropLocal(w.Tag, false)
	return c.json(append(misp.Append([]byte(`{"Attribute":`), &w), '}'))
}

// alsoValue adds to the fault of a type what is wrong with the value under it: MISP says
// both at once.
func (a *api) alsoValue(c *call, ref string, w *misp.Attribute, err error) error {
	f := fault.Of(err)
	if f == nil || f.Kind != fault.Invalid || f.Fields["type"] == "" {
		return err
	}
	old, gone := a.Intel.Attribute(c.ctx(), c.who, ref)
	if gone != nil {
		return err
	}
	errs := map[string][]string{"type": {f.Detail}}
	if _, bad := misp.Normalise(w.Type.Or(old.Type), w.Value.Or(old.Value)); bad != nil {
		errs[bad.Field] = []string{bad.Text}
	}
	return unsaved(misp.Outcome{Controller: "Attributes", Action: "edit", Errors: errs})
}

// attributeDelete marks, or removes with a second argument.
func (a *api) attributeDelete(c *call) error {
	hard, err := c.hard()
	if err != nil {
		return err
	}
	if _, err := a.Intel.DeleteAttribute(c.ctx(), c.who, c.arg(0), hard); err != nil {
		err = instead(err, notFound(invalidAttribute), fault.NotFound)
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	return c.value(map[string]string{"message": "Attribute deleted."})
}

// attributeRestore takes a number only, and answers with where the attribute is.
func (a *api) attributeRestore(c *call) error {
	bad := notAllowed("Invalid Attribute")
	if !isDigits(c.arg(0)) {
		return bad
	}
	at, err := a.Intel.Attribute(c.ctx(), c.who, c.arg(0))
	if err == nil && at.Deleted {
		at, err = a.Intel.RestoreAttribute(c.ctx(), c.who, c.arg(0))
	}
	if err != nil {
		err = instead(err, bad, fault.NotFound)
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	c.w.Header().Set("Location", a.Origin+"/attributes/view/"+itoa(at.ID))
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(http.StatusFound)
	return nil
}

// attributeDeleteSelected deletes several of one event; each must be that event's.
func (a *api) attributeDeleteSelected(c *call) error {
	if !isDigits(c.arg(0)) {
		return notFound(invalidEvent)
	}
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("Attribute")
	ids := p.list("ids")
	if len(ids) == 0 {
		ids = p.list("id")
	}
	if len(ids) == 1 && strings.HasPrefix(ids[0], "[") {
		if v, err := decode([]byte(ids[0])); err == nil {
			ids = texts(v)
		}
	}
	gone := 0
	for _, id := range ids {
		at, err := a.Intel.Attribute(c.ctx(), c.who, id)
		if err == nil && itoa(at.EventID) != c.arg(0) {
			continue // another event's: not what the address names
		}
		if err == nil {
			_, err = a.Intel.DeleteAttribute(c.ctx(), c.who, id, p.flag("allow_hard_delete", false))
		}
		switch {
		case err == nil:
			gone++
		case !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied):
			return err
		}
	}
	msg := itoa(int64(gone)) + " attribute" + map[bool]string{true: "", false: "s"}[gone == 1] + " deleted."
	if gone == 0 {
		return unsaved(misp.Outcome{Controller: "Attributes", Action: "deleteSelected", Errors: msg, ID: c.arg(0)})
	}
	return c.done(misp.Outcome{Controller: "Attributes", Action: "deleteSelected", Message: msg, ID: c.arg(0)})
}
