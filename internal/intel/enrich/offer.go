package enrich

import (
	"slices"
	"strings"

	"straza/internal/format/expansion"
	"straza/internal/format/extract"
	"straza/internal/format/misp"
)

// Bounds of what is shown of one answer.
const (
	maxOffers  = 500
	maxComment = 2_000
	maxData    = 1 << 20 // of an attachment in an answer, base64
)

// offers gathers what an answer holds, each once, without what was asked about.
type offers struct {
	list          []Offer
	askedT, asked string // type and value that were asked about
	cut           int
}

// offersOf reads an answer in either form as things to take over.
func offersOf(a expansion.Answer, typ, value string, g *Given) []Offer {
	o := &offers{askedT: typ, asked: value}
	for _, f := range a.Finds {
		for _, v := range f.Values {
			o.find(f, v)
		}
	}
	if a.Whole != nil {
		for i := range a.Whole.Attribute {
			o.attribute(&a.Whole.Attribute[i])
		}
		for i := range a.Whole.Object {
			o.object(&a.Whole.Object[i])
		}
		o.tags(a.Whole.Tag)
	}
	g.Skipped += o.cut
	return o.list
}

func (o *offers) add(x Offer) {
	same := func(y Offer) bool {
		return x.Kind == y.Kind && x.Type == y.Type && x.Value == y.Value && x.Text == y.Text && x.Object == nil && y.Object == nil
	}
	switch {
	case slices.ContainsFunc(o.list, same):
	case len(o.list) == maxOffers:
		o.cut++
	default:
		o.list = append(o.list, x)
	}
}

// find reads one value of the simple form: of the first type that it can be.
func (o *offers) find(f expansion.Find, value string) {
	for _, typ := range f.Types {
		switch typ {
		case "freetext":
			found, _ := extract.Scan(value, 200)
			for _, c := range found {
				o.value(c.Type, "", c.Value, f.Comment, f.ToIDS, f.Tags)
			}
			if len(found) > 0 {
				return
			}
			o.words(value)
			return
		case "comment", "markdown":
			o.words(value)
			return
		}
		if o.value(typ, "", value, f.Comment, f.ToIDS, f.Tags) {
			return
		}
	}
	o.cut++
}

func (o *offers) words(s string) {
	if s = clean(s); len(s) > maxComment {
		s = strings.ToValidUTF8(s[:maxComment], "") + "…"
	}
	if s != "" {
		o.add(Offer{Kind: OfComment, Text: s})
	}
}

// value offers an attribute when it can be one, and tells whether it can.
func (o *offers) value(typ, category, value, comment string, ids *bool, tags []string) bool {
	def, ok := misp.DefaultOf(typ)
	v, bad := misp.Normalise(typ, clean(value))
	if !ok || bad != nil || len(v.Value) > 64<<10 {
		return false
	}
	if typ == o.askedT && v.Value == o.asked { // what was asked about: what is new are its tags
		for _, t := range tags {
			o.tag(t)
		}
		return true
	}
	if !misp.Allows(category, typ) {
		category = def.Category
	}
	x := Offer{Kind: OfAttribute, Type: typ, Category: category, Value: v.Value, Comment: clean(comment), ToIDS: def.ToIDS}
	if ids != nil {
		x.ToIDS = *ids
	}
	for _, t := range tags {
		if t = clean(t); t != "" && len(t) <= 255 && len(x.Tags) < 20 {
			x.Tags = append(x.Tags, t)
		}
	}
	o.add(x)
	return true
}

func (o *offers) attribute(w *misp.Attribute) {
	var ids *bool
	if w.ToIDS.Given() {
		b := w.ToIDS.V
		ids = &b
	}
	if !o.value(w.Type.Or(""), w.Category.Or(""), w.Value.Or(""), w.Comment.Or(""), ids, tagNames(w.Tag)) {
		o.cut++
	}
}

func tagNames(list []misp.Tag) (out []string) {
	for i := range list {
		out = append(out, list[i].Name.Or(""))
	}
	return out
}

func (o *offers) tags(list []misp.Tag) {
	for _, t := range tagNames(list) {
		o.tag(t)
	}
}

func (o *offers) tag(name string) {
	if name = clean(name); name != "" && len(name) <= 255 {
		o.add(Offer{Kind: OfTag, Text: name})
	}
}

// object keeps of an object what an event may take from a stranger: no ids, no levels, no
// people, and only attributes that are valid.
func (o *offers) object(w *misp.Object) {
	out := misp.Object{UUID: w.UUID, Name: w.Name, MetaCategory: w.MetaCategory, Description: w.Description, TemplateUUID: w.TemplateUUID, TemplateVersion: w.TemplateVersion,
		Comment: w.Comment, FirstSeen: w.FirstSeen, LastSeen: w.LastSeen}
	for i := range w.Attribute {
		a := &w.Attribute[i]
		_, bad := misp.CheckType(a.Category.Or(""), a.Type.Or(""))
		if _, worse := misp.Normalise(a.Type.Or(""), a.Value.Or("")); bad != nil || worse != nil || len(a.Data.V) > maxData || len(out.Attribute) == 500 {
			o.cut++
			continue
		}
		x := misp.Attribute{ObjectRelation: a.ObjectRelation, Category: a.Category, Type: a.Type, Value: a.Value, ToIDS: a.ToIDS, Comment: a.Comment, DisableCorrelation: a.DisableCorrelation,
			FirstSeen: a.FirstSeen, LastSeen: a.LastSeen, Data: a.Data}
		for _, t := range tagNames(a.Tag) {
			if t = clean(t); t != "" {
				x.Tag = append(x.Tag, misp.Tag{Name: misp.T(t)})
			}
		}
		out.Attribute = append(out.Attribute, x)
	}
	for i := range w.ObjectReference {
		r := &w.ObjectReference[i]
		out.ObjectReference = append(out.ObjectReference, misp.ObjectReference{ReferencedUUID: r.ReferencedUUID, RelationshipType: r.RelationshipType, Comment: r.Comment})
	}
	if w.Name.Or("") == "" || len(out.Attribute) == 0 {
		o.cut++
		return
	}
	o.add(Offer{Kind: OfObject, Type: clean(w.Name.V), Value: summary(&out), Comment: clean(w.Comment.Or("")), Object: &out})
}

// summary is the first values of an object, for a line of a list.
func summary(w *misp.Object) string {
	var words []string
	for i := range w.Attribute {
		if v := clean(w.Attribute[i].Value.Or("")); len(words) < 4 && len(v) <= 120 {
			words = append(words, v)
		}
	}
	return strings.Join(words, " · ")
}

// clean is a text as it is stored: valid, without control characters.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
}
