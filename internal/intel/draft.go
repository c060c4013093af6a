package intel

import (
	"encoding/base64"
	"hash/fnv"
	"io"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
)

// Source hands events over piece by piece, in the order of misp.Decode.
type Source func(fn func(misp.Item) error) error

// FromReader is a document of events, in any wrapper that occurs.
func FromReader(r io.Reader, lim misp.Limits) Source {
	return func(fn func(misp.Item) error) error { return misp.Decode(r, lim, fn) }
}

// FromEvent is one event in memory.
func FromEvent(e *misp.Event) Source {
	return func(fn func(misp.Item) error) error {
		if err := fn(misp.Item{Kind: misp.ItemStart, Event: e}); err != nil {
			return err
		}
		for i := range e.Attribute {
			if err := fn(misp.Item{Kind: misp.ItemAttribute, Event: e, Attribute: &e.Attribute[i]}); err != nil {
				return err
			}
		}
		for i := range e.Object {
			if err := fn(misp.Item{Kind: misp.ItemObject, Event: e, Object: &e.Object[i]}); err != nil {
				return err
			}
		}
		return fn(misp.Item{Kind: misp.ItemEnd, Event: e})
	}
}

// Dropped is a part of an event that was not stored, and why.
type Dropped struct {
	UUID  string
	Field string // "type", "category", "value", "uuid", "distribution", "first_seen", "data"
	Text  string // MISP's own sentence
}

const droppedKept = 100 // of each event; Saved.Attributes.Refused counts them all

// draft collects the pieces of one event as rows, ids given, nothing written.
type draft struct {
	db      *store.DB
	now     int64 // seconds
	eventID int64
	attrs   []*Attribute
	objects []Object
	weight  int // bytes held, about
	seen    map[uint64]struct{}
	dropped []Dropped
	refused int
	narrow  bool   // see AddOptions.Narrow
	said    []Said // analyst data that came with the pieces
}

// saidMost bounds the analyst data of one event.
const saidMost = 10_000

// say notes what is said of a piece.
func (d *draft) say(typ, target string, notes, opinions, relationships []misp.Analyst) {
	for i, list := range [][]misp.Analyst{notes, opinions, relationships} {
		for _, w := range list {
			if len(d.said) < saidMost {
				d.said = append(d.said, Said{Kind: [...]string{"Note", "Opinion", "Relationship"}[i], Target: target, TargetType: typ, Analyst: w})
			}
		}
	}
}

func newDraft(db *store.DB, eventID int64) *draft {
	return &draft{db: db, eventID: eventID, now: db.Clock.Now().Unix(), seen: map[uint64]struct{}{}}
}

func (d *draft) drop(uuid, field, text string) {
	d.refused++
	if len(d.dropped) < droppedKept {
		d.dropped = append(d.dropped, Dropped{UUID: uuid, Field: field, Text: text})
	}
}

// attribute takes one that stands in no object. One that equals another (value,
// type, category) and has no UUID of its own is merged into it, as MISP does; with
// one it is kept, because real events of peers hold such twins.
func (d *draft) attribute(w *misp.Attribute) {
	a, bad := d.row(w)
	if bad != nil {
		d.drop(w.UUID.V, bad.Field, bad.Text)
		return
	}
	if !a.Deleted {
		h := fnv.New64a()
		_, _ = io.WriteString(h, a.Type+"\x00"+a.Category+"\x00"+a.Value)
		if _, twice := d.seen[h.Sum64()]; twice && !a.given.has(gUUID) {
			d.drop(a.UUID, "value", "A similar attribute already exists for this event.")
			return
		}
		d.seen[h.Sum64()] = struct{}{}
	}
	d.attrs = append(d.attrs, &a)
	d.weight += 400 + len(a.Value) + len(a.Comment) + len(a.data)
}

// object takes one with its attributes and references; an object none of whose
// attributes is valid is kept: its references may matter.
func (d *draft) object(w *misp.Object) {
	o := d.objectRow(w)
	for i := range w.Attribute {
		a, bad := d.row(&w.Attribute[i])
		if bad != nil {
			d.drop(w.Attribute[i].UUID.V, bad.Field, bad.Text)
			continue
		}
		a.ObjectID = o.ID
		o.Attributes = append(o.Attributes, a)
		d.weight += 400 + len(a.Value) + len(a.Comment) + len(a.data)
	}
	d.objects = append(d.objects, o)
	d.weight += 400 + len(o.Description)
}

// size counts the attributes held.
func (d *draft) size() int {
	n := len(d.attrs)
	for i := range d.objects {
		n += len(d.objects[i].Attributes)
	}
	return n
}

// row makes a row of what came, or says why it cannot be stored.
func (d *draft) row(w *misp.Attribute) (a Attribute, invalid *misp.Invalid) {
	a = Attribute{ID: d.db.NewID(), EventID: d.eventID, Type: strings.TrimSpace(w.Type.V), Category: w.Category.Or(""),
		Relation: plain(w.ObjectRelation.Or("")), Comment: plain(w.Comment.Or("")), Deleted: w.Deleted.Or(false),
		NoCorrelation: w.DisableCorrelation.Or(false), Distribution: Distribution(w.Distribution.Level(int64(Inherit))),
		Group: w.SharingGroupID.Or(0), Timestamp: instant(w.Timestamp, d.now)}
	a.given = flags(w.UUID.Given() && w.UUID.V != "", gUUID) | flags(w.Timestamp.Given(), gTimestamp) | flags(w.Category.Given(), gCategory) |
		flags(w.Type.Given(), gType) | flags(w.Value.Given(), gValue) | flags(w.ObjectRelation.Given(), gRelation) |
		flags(w.Comment.Given(), gComment) | flags(w.ToIDS.Given(), gToIDS) | flags(w.Deleted.Given(), gDeleted) |
		flags(w.DisableCorrelation.Given(), gNoCorrelation) | flags(w.Distribution.Given(), gDistribution) |
		flags(w.FirstSeen.Is != misp.Absent || w.LastSeen.Is != misp.Absent, gSeen)
	var bad *misp.Invalid
	if a.Category, bad = misp.CheckType(a.Category, a.Type); bad != nil {
		return a, bad
	}
	def, _ := misp.DefaultOf(a.Type)
	a.ToIDS = w.ToIDS.Or(def.ToIDS)
	if len(w.Value.V) > valueLimit || len(a.Comment) > textLimit64 || len(a.Relation) > 255 {
		return a, &misp.Invalid{Field: "value", Text: "The value or its comment is too long."}
	}
	if bad = a.setValue(plain(w.Value.Or(""))); bad != nil {
		return a, bad
	}
	var ok bool
	if a.UUID, ok = uuidOr(d.db, w.UUID); !ok {
		return a, &misp.Invalid{Field: "uuid", Text: "Invalid UUID."}
	}
	if !validDistribution(a.Distribution) {
		return a, &misp.Invalid{Field: "distribution", Text: "Invalid distribution."}
	}
	if a.FirstSeen, a.LastSeen, ok = seen(w.FirstSeen, w.LastSeen); !ok {
		return a, &misp.Invalid{Field: "first_seen", Text: "Invalid first or last seen."}
	}
	if w.Data.Or("") != "" {
		if a.data, ok = decodeData(w.Data.V); !ok {
			return a, &misp.Invalid{Field: "data", Text: "Invalid base64."}
		}
		a.DataSize = int64(len(a.data))
	}
	a.tags = tagNames(w.Tag, w.AttributeTag, w.Galaxy)
	d.say("Attribute", a.UUID, w.Note, w.Opinion, w.Relationship)
	return a, nil
}

func (d *draft) objectRow(w *misp.Object) Object {
	level := Inherit
	if d.narrow {
		level = OwnOrg
	}
	o := Object{ID: d.db.NewID(), EventID: d.eventID, Name: short(w.Name.Or("")), MetaCategory: short(w.MetaCategory.Or("")),
		Description: short(w.Description.Or("")), TemplateUUID: short(w.TemplateUUID.Or("")), TemplateVersion: w.TemplateVersion.Or(0),
		Comment: short(w.Comment.Or("")), Deleted: w.Deleted.Or(false), Distribution: Distribution(w.Distribution.Level(int64(level))),
		Group: w.SharingGroupID.Or(0), Timestamp: instant(w.Timestamp, d.now)}
	if !validDistribution(o.Distribution) {
		o.Distribution = OwnOrg // never wider than what was meant
	}
	o.given = flags(w.UUID.Given() && w.UUID.V != "", gUUID) | flags(w.Timestamp.Given(), gTimestamp) | flags(w.Comment.Given(), gComment) |
		flags(w.Deleted.Given(), gDeleted) | flags(w.Distribution.Given(), gDistribution) | flags(w.Attribute != nil, gList) |
		flags(w.FirstSeen.Is != misp.Absent || w.LastSeen.Is != misp.Absent, gSeen)
	var ok bool
	if o.UUID, ok = uuidOr(d.db, w.UUID); !ok {
		o.UUID = d.db.NewUUID()
	}
	d.say("Object", o.UUID, w.Note, w.Opinion, w.Relationship)
	o.FirstSeen, o.LastSeen, _ = seen(w.FirstSeen, w.LastSeen)
	for i := range w.ObjectReference {
		if r, ok := d.reference(&w.ObjectReference[i]); ok {
			r.ObjectID = o.ID
			o.References = append(o.References, r)
		}
	}
	return o
}

// reference: one that points nowhere is left out.
func (d *draft) reference(w *misp.ObjectReference) (Reference, bool) {
	r := Reference{ID: d.db.NewID(), EventID: d.eventID, Relationship: short(w.RelationshipType.Or("")), Comment: short(w.Comment.Or("")),
		Deleted: w.Deleted.Or(false), Timestamp: instant(w.Timestamp, d.now), TargetType: int(w.ReferencedType.Or(0))}
	var ok bool
	if r.TargetUUID, ok = store.ParseUUID(w.ReferencedUUID.Or("")); !ok {
		return r, false
	}
	if r.UUID, ok = uuidOr(d.db, w.UUID); !ok {
		r.UUID = d.db.NewUUID()
	}
	return r, true
}

// Longest texts that are stored: a value, a comment or description, a report.
const (
	valueLimit  = 1 << 20
	textLimit64 = 64 << 10
	reportLimit = 16 << 20
)

// plain makes a text that both engines store: valid UTF-8 without U+0000.
func plain(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// short is plain, cut to what a comment may hold.
func short(s string) string {
	if len(s) > textLimit64 {
		s = s[:textLimit64]
	}
	return plain(s)
}

// instant takes a sender's timestamp when it lies between 1970 and 9999.
func instant(n misp.Int, now int64) int64 {
	if t := n.Or(now); t >= 0 && t <= 253402300799 {
		return t
	}
	return now
}

func flags(ok bool, f given) given {
	if ok {
		return f
	}
	return 0
}

func validDistribution(d Distribution) bool { return d >= OwnOrg && d <= Inherit }

// uuidOr gives the UUID that came, or a new one; ok is false for what is none.
func uuidOr(db *store.DB, t misp.Text) (string, bool) {
	if t.Or("") == "" {
		return db.NewUUID(), true
	}
	return store.ParseUUID(strings.TrimSpace(t.V))
}

// decodeData reads base64, line breaks allowed.
func decodeData(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n ") {
		s = strings.NewReplacer("\r", "", "\n", "", " ", "").Replace(s)
	}
	b, err := base64.StdEncoding.DecodeString(s)
	return b, err == nil
}

// seen reads first and last seen; a bare date is midnight UTC.
func seen(first, last misp.Text) (f, l *int64, ok bool) {
	one := func(t misp.Text) *int64 {
		if t.Or("") == "" {
			return nil
		}
		at, good := misp.ParseTime(t.V)
		if !good {
			ok = false
			return nil
		}
		us := clock.Micros(at)
		return &us
	}
	ok = true
	f, l = one(first), one(last)
	if f != nil && l != nil && *f > *l {
		ok = false
	}
	return f, l, ok
}

// tagNames joins the three shapes in which tags come. Galaxies are tags too:
// views fold them, senders repeat them, and some send only the galaxy.
func tagNames(tags []misp.Tag, links []misp.TagLink, galaxies []misp.Galaxy) []tagName {
	var out []tagName
	add := func(t *misp.Tag, local bool, rel string) {
		name := plain(strings.TrimSpace(t.Name.Or("")))
		if name == "" || len(name) > 255 {
			return
		}
		for i := range out {
			if strings.EqualFold(out[i].name, name) {
				return
			}
		}
		n := tagName{name: name, colour: t.Colour.Or(""), local: local, relationship: rel, remove: t.Deleted.Or(false)}
		if t.NumericalValue.Given() {
			v := t.NumericalValue.V
			n.numerical = &v
		}
		out = append(out, n)
	}
	for i := range tags {
		add(&tags[i], tags[i].Local.Or(false), tags[i].RelationshipType.Or(""))
	}
	for i := range links {
		if links[i].Tag != nil {
			add(links[i].Tag, links[i].Local.Or(false), links[i].RelationshipType.Or(""))
		}
	}
	for i := range galaxies {
		for j := range galaxies[i].GalaxyCluster {
			c := &galaxies[i].GalaxyCluster[j]
			add(&misp.Tag{Name: c.TagName}, c.Local.Or(false), "")
		}
	}
	return out
}
