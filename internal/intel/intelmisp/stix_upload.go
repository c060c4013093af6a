package intelmisp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"straza/internal/format/misp"
	"straza/internal/format/stix"
	"straza/internal/intel"
)

const (
	stixBytes    = 64 << 20
	originalMost = 16 << 20 // a larger original is not kept beside its event
)

// eventUploadStix is events/upload_stix/2: a STIX bundle becomes an event, with
// the document as it came beside it. STIX 1 is not read here.
func (a *api) eventUploadStix(c *call) error {
	if v := c.arg(0); v != "2" {
		return forbidden(notHere)
	}
	r, err := c.open(stixBytes)
	if err != nil {
		return err
	}
	doc, err := io.ReadAll(r)
	if err != nil {
		return readFault(err)
	}
	var first string
	edit := func(e *misp.Event) {
		if len(doc) <= originalMost {
			e.Object = append(e.Object, original(doc))
		}
		if id, ok := bundleName(doc); ok && e.UUID.V == id {
			e.Info = misp.T("STIX 2.1 Bundle (bundle--" + id + ") and converted with the MISP-STIX import feature.")
			e.Distribution = misp.Int{} // as of any event that does not say
		}
	}
	in := intel.STIX{Limits: stix.Limits{Bytes: stixBytes}, Read: stix.ReadOptions{NoNames: len(doc) <= originalMost}, Edit: edit, Grouping: a.grouping(c)}
	left, err := a.Intel.ImportSTIX(c.ctx(), c.who, bytes.NewReader(doc), in, intel.AddOptions{}, func(s intel.Saved, err error) error {
		if first == "" {
			first = itoa(s.ID)
		}
		return err
	})
	var broken *stix.Fault
	if errors.As(err, &broken) {
		return badJSON()
	}
	if err != nil {
		return a.addFault(c, err)
	}
	tellLeft(c.w.Header(), left)
	return a.uploadAnswer(c, first)
}

// tellLeft names what of a document had no place: MISP's answer has no room for it, so it
// stands in a header, as JSON, the first of them.
func tellLeft(h http.Header, left []stix.Remains) {
	if len(left) == 0 {
		return
	}
	b, err := json.Marshal(left[:min(len(left), 20)])
	if err != nil || bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' || r > '~' }) {
		b = []byte(strconv.Itoa(len(left)))
	}
	h.Set("X-STIX-Left", string(b))
}

// bundleName is the uuid of a document's bundle.
func bundleName(doc []byte) (string, bool) {
	var b struct{ ID string }
	if json.Unmarshal(doc, &b) != nil || len(b.ID) != len("bundle--")+36 {
		return "", false
	}
	return b.ID[len("bundle--"):], true
}

// original is the object in which MISP keeps an imported document.
func original(doc []byte) misp.Object {
	part := func(typ, category, relation, value string) misp.Attribute {
		return misp.Attribute{Type: misp.T(typ), Category: misp.T(category), ObjectRelation: misp.T(relation), Value: misp.T(value), ToIDS: misp.B(false),
			Distribution: misp.N(5), DisableCorrelation: misp.B(true)}
	}
	file := part("attachment", "External analysis", "imported-sample", "uploaded_stix_file.json")
	file.Data = misp.T(base64.StdEncoding.EncodeToString(doc))
	return misp.Object{Name: misp.T("original-imported-file"), MetaCategory: misp.T("file"), Description: misp.T("Object describing the original file used to import data in MISP."),
		TemplateUUID: misp.T("4cd560e9-2cfe-40a1-9964-7b2e797ecac5"), TemplateVersion: misp.N(2), Distribution: misp.N(5),
		Attribute: []misp.Attribute{file, part("text", "Other", "format", "2.1")}}
}

// uploadAnswer is the event as MISP gives it back here: its parts beside it, not
// in it.
func (a *api) uploadAnswer(c *call, ref string) error {
	e, err := a.Intel.Event(c.ctx(), c.who, ref)
	if err != nil {
		return err
	}
	s := a.showOf(c, &e)
	s.data, s.related = false, false
	w, err := a.eventHeader(c, &e, s)
	if err != nil {
		return err
	}
	attributes, objects := []json.RawMessage{}, []json.RawMessage{}
	err = a.Intel.Attributes(c.ctx(), c.who, e.Ref(), intel.Part{}, func(at *intel.Attribute) error {
		x, err := a.attributeWire(c, at, s)
		if err == nil {
			attributes = append(attributes, beside(&x))
		}
		return err
	})
	if err != nil {
		return err
	}
	err = a.Intel.Objects(c.ctx(), c.who, e.Ref(), intel.Part{}, func(ob *intel.Object) error {
		x, err := a.objectWire(c, ob, s)
		if err != nil {
			return err
		}
		parts := []json.RawMessage{}
		for i := range x.Attribute {
			parts = append(parts, beside(&x.Attribute[i]))
		}
		x.Attribute = nil
		objects = append(objects, with(misp.AppendInEvent(nil, &x), "Attribute", parts))
		return nil
	})
	if err != nil {
		return err
	}
	tags, reports, org, orgc, mail := w.Tag, w.EventReport, w.Org, w.Orgc, w.EventCreatorEmail.V
	w.Attribute, w.Object, w.ShadowAttribute, w.RelatedEvent, w.Galaxy, w.EventReport, w.CryptographicKey, w.Tag, w.Org, w.Orgc = nil, nil, nil, nil, nil, nil, nil, nil, nil, nil
	head := with(misp.AppendInEvent(nil, w), "user_id", itoa(e.Creator))
	return c.value(ordered{{"Event", head}, {"ThreatLevel", ordered{{"name", threatName(e.Threat)}, {"id", itoa(int64(e.Threat))}}}, {"Attribute", attributes}, {"ShadowAttribute", []string{}},
		{"Object", objects}, {"EventTag", tagLinks(e.ID, tags)}, {"EventReport", reports}, {"CryptographicKey", []string{}}, {"Galaxy", []string{}}, {"Orgc", orgc}, {"Org", org},
		{"User", ordered{{"email", mail}}}, {"RelatedEvent", []string{}}, {"Sighting", []string{}}})
}

// beside is an attribute with its tags as links.
func beside(x *misp.Attribute) json.RawMessage {
	tags := x.Tag
	x.Tag, x.Data = nil, misp.Text{}
	return with(misp.AppendInEvent(nil, x), "AttributeTag", tagLinks(0, tags))
}

func tagLinks(event int64, tags []misp.Tag) []misp.TagLink {
	out := []misp.TagLink{}
	for i := range tags {
		l := misp.TagLink{TagID: tags[i].ID, Local: tags[i].Local, RelationshipType: tags[i].RelationshipType, Tag: &tags[i]}
		if event != 0 {
			l.EventID = misp.N(event)
		}
		out = append(out, l)
	}
	return out
}

// with adds a key to an object of JSON.
func with(object []byte, key string, value any) json.RawMessage {
	v, err := marshal(value)
	if err != nil || len(object) < 3 {
		return object
	}
	out := append(object[:len(object)-1:len(object)-1], `,"`+key+`":`...)
	return append(append(out, v...), '}')
}

func threatName(n int) string {
	return []string{"", "High", "Medium", "Low", "Undefined"}[min(max(n, 0), 4)]
}
