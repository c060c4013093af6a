package stix

import (
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
)

// Mode chooses how ids are made.
type Mode uint8

// The modes; see the package comment.
const (
	Compatible Mode = iota
	Strict
)

// Options of a conversion; the zero value is the compatible mode.
type Options struct {
	Mode    Mode
	Default tlp.Level // label of what carries none; None leaves it unmarked
	Plain   bool      // without our extension, which what MISP alone says travels in
}

// Converter turns one event into objects, in this order: New, Attribute and
// Add (or Object) in any number, Close. Objects are handed to emit as they are made; those
// that others refer to come first where that is possible.
type Converter struct {
	opt     Options
	emit    func(Object) error
	e       *misp.Event
	seconds int64 // the event's timestamp
	author  string
	label   tlp.Level
	refs    []string
	once    map[string]bool   // ids that may come again: identities, markings, clusters, strict observables
	primary map[string]string // MISP uuid → the object that stands for it
	links   []link
	waiting []misp.Object
	names   naming
	n       int
	err     error
}

type link struct{ source, target, typ, uuid, created, comment string }

// New starts the conversion of one event. The header carries organisation, tags,
// galaxies, reports and sightings; its Attribute and Object are not read. It must
// not change until Close.
func New(e *misp.Event, opt Options, emit func(Object) error) *Converter {
	c := &Converter{opt: opt, emit: emit, e: e, seconds: e.Timestamp.Or(0), once: map[string]bool{}, primary: map[string]string{}, names: naming{}}
	c.label = tlp.FromTags(tagNames(e.Tag)).Or(opt.Default)
	c.author = c.identity(e.Orgc)
	c.primary[e.UUID.V] = c.eventID()
	return c
}

// Convert turns a whole event into its objects.
func Convert(e *misp.Event, opt Options) ([]Object, error) {
	var out []Object
	c := New(e, opt, func(o Object) error { out = append(out, o); return nil })
	for i := range e.Attribute {
		c.Attribute(&e.Attribute[i])
	}
	for i := range e.Object {
		c.Add(&e.Object[i])
	}
	return out, c.Close()
}

// Add converts an object of which nobody knows what it holds: those that hold others, are
// held, or are about others wait for Close.
func (c *Converter) Add(o *misp.Object) {
	if name := o.Name.V; Annotates(name) || slices.Contains([]string{"pe", "pe-section", "registry-key", "registry-key-value"}, name) {
		c.waiting = append(c.waiting, *o)
		return
	}
	c.Object(o)
}

// arranged lists objects each with those that it holds behind it, annotations last.
func arranged(list []misp.Object) (out [][]*misp.Object) {
	byUUID, within := map[string]*misp.Object{}, map[*misp.Object]bool{}
	for i := range list {
		if o := &list[i]; !o.Deleted.Or(false) && o.UUID.V != "" {
			byUUID[o.UUID.V] = o
		}
	}
	groups := make([][]*misp.Object, len(list))
	for i := range list {
		o := &list[i]
		groups[i] = []*misp.Object{o}
		for _, r := range o.ObjectReference {
			x := byUUID[r.ReferencedUUID.V]
			if x != nil && !within[x] && !o.Deleted.Or(false) && !r.Deleted.Or(false) && Holds(o.Name.V, x.Name.V) {
				within[x] = true
				groups[i] = append(groups[i], x)
			}
		}
	}
	for _, last := range []bool{false, true} {
		for i := range list {
			if !within[&list[i]] && Annotates(list[i].Name.V) == last {
				out = append(out, groups[i])
			}
		}
	}
	return out
}

// AppendBundle appends a bundle of objects. Its id is made of theirs, so that the
// same content is the same bundle.
func AppendBundle(dst []byte, objects []Object) []byte {
	var ids strings.Builder
	for _, o := range objects {
		ids.WriteString(o.ID)
	}
	dst = append(dst, `{"type":"bundle","id":"bundle--`+uuid5(nsMISP, ids.String())+`","objects":[`...)
	for i, o := range objects {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, o.JSON...)
	}
	return append(dst, `]}`...)
}

func tagNames(tags []misp.Tag) []string {
	names := make([]string, 0, len(tags))
	for i := range tags {
		if !tags[i].Deleted.Or(false) {
			names = append(names, tags[i].Name.V)
		}
	}
	return names
}

func (c *Converter) send(o Object) {
	if c.err == nil {
		c.err = c.emit(o)
	}
}

// head is what every SDO and SRO begins with.
type head struct {
	typ, id   string
	created   string
	source    string
	tags      []string
	author    string // "" is the event's
	noAuthor  bool
	noMarking bool
	unlisted  bool // stays out of the report
	shared    bool
}

// publish writes an object with the common properties around its own.
func (c *Converter) publish(h head, own props) string {
	var p props
	p.text("type", h.typ)
	p.text("spec_version", "2.1")
	p.text("id", h.id)
	if !h.noAuthor {
		p.text("created_by_ref", cmpOr(h.author, c.author))
	}
	p.text("created", h.created)
	p.text("modified", h.created)
	p = append(p, own...)
	c.mark(&p, h)
	c.send(Object{ID: h.id, Type: h.typ, Created: h.created, Modified: h.created, Source: h.source, Shared: h.shared, JSON: p.append(nil)})
	if !h.unlisted {
		c.refs = append(c.refs, h.id)
	}
	return h.id
}

// mark adds confidence, labels and markings that come from tags. Without a label
// of its own a thing carries the event's.
func (c *Converter) mark(p *props, h head) {
	var labels []string
	level, white := c.label, hasWhite(tagNames(c.e.Tag))
	if own := tlp.FromTags(h.tags); own != tlp.None {
		level, white = own, hasWhite(h.tags)
	}
	sure := int64(-1)
	for _, t := range h.tags {
		if _, isTLP := tlp.FromTag(t); isTLP || strings.HasPrefix(t, "misp-galaxy:") {
			continue
		}
		if n, ok := confidence(t); ok {
			if sure < 0 || n < sure {
				sure = n
			}
			continue
		}
		labels = append(labels, t)
	}
	if sure >= 0 {
		p.number("confidence", sure)
	}
	if i := slices.IndexFunc(*p, func(q prop) bool { return q.key == "labels" }); i >= 0 && len(labels) > 0 {
		raw := (*p)[i].raw
		(*p)[i].raw = append(append(raw[:len(raw)-1:len(raw)-1], ','), appendList(nil, labels)[1:]...)
	} else {
		p.texts("labels", labels)
	}
	if m, ok := markingOf(level, white, c.opt.Mode); ok && !h.noMarking {
		c.marking(m)
		p.texts("object_marking_refs", []string{m.id})
	}
}

func hasWhite(tags []string) bool {
	return slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, "tlp:white") })
}

func (c *Converter) marking(m marking) {
	if c.first(m.id) {
		created := "2022-10-01T00:00:00.000Z"
		if !strings.Contains(m.json, created) {
			created = "2017-01-20T00:00:00.000Z"
		}
		c.send(Object{ID: m.id, Type: "marking-definition", Created: created, Modified: created, Shared: true, JSON: []byte(m.json)})
	}
}

func (c *Converter) first(id string) bool {
	if c.once[id] {
		return false
	}
	c.once[id] = true
	return true
}

// identity writes an organisation once and returns its id.
func (c *Converter) identity(o *misp.Org) string {
	name, uuid := "unknown", ""
	if o != nil {
		name, uuid = o.Name.Or(name), o.UUID.Or("")
	}
	id := "identity--" + UUID(uuid, "organisation "+name)
	if c.first(id) {
		// Organisations have no date in an event: a fixed one keeps the object the
		// same in every event.
		created := "2020-01-01T00:00:00.000Z"
		var own props
		own.text("name", name)
		own.text("identity_class", "organization")
		c.publish(head{typ: "identity", id: id, created: created, source: uuid, noAuthor: true, noMarking: true, unlisted: true, shared: true}, own)
	}
	return id
}

// scoID is the id of an observable: the standard's in strict mode, MISP's uuid in
// compatible mode and where nothing contributes.
func (c *Converter) scoID(s sco) string {
	if c.opt.Mode == Strict && len(s.contrib) > 0 {
		return s.typ + "--" + uuid5(nsObservable, string(s.contrib.canonical()))
	}
	u := UUID(s.uuid, s.typ)
	if len(s.contrib) == 0 && u[14] != '4' {
		// The standard wants version 4 where nothing contributes; a random one would
		// differ with every export.
		u = uuid5(nsMISP, u)
		u = u[:14] + "4" + u[15:]
	}
	return s.typ + "--" + u
}

// observables writes what a builder collected and returns the ids, each once.
func (c *Converter) observables(b *builder, tags []string) []string {
	var ids []string
	for _, s := range b.list {
		id := c.scoID(s)
		if slices.Contains(ids, id) {
			continue
		}
		ids = append(ids, id)
		if c.opt.Mode == Strict && !c.first(id) {
			continue
		}
		var p props
		p.text("type", s.typ)
		p.text("spec_version", "2.1")
		p.text("id", id)
		p = append(p, s.p...)
		c.mark(&p, head{tags: onlyTLP(tags)})
		c.send(Object{ID: id, Type: s.typ, Source: s.uuid, Shared: c.opt.Mode == Strict, JSON: p.append(nil)})
		c.refs = append(c.refs, id)
	}
	// The field's converter takes them in this order: a name, a connection, addresses.
	for _, first := range []string{"network-traffic--", "domain-name--"} {
		if at := slices.IndexFunc(ids, func(id string) bool { return strings.HasPrefix(id, first) }); at > 0 {
			id := ids[at]
			ids = slices.Insert(slices.Delete(ids, at, at+1), 0, id)
		}
	}
	return ids
}

func onlyTLP(tags []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(t string) bool { _, ok := tlp.FromTag(t); return !ok })
}

// thing is what indicator and observed-data say about their attribute or object.
type thing struct {
	uuid     string
	created  string
	from, to string // first and last seen
	tags     []string
	labels   []string
	category string
	name     string
	comment  string
	ids      bool
	key      string // of the extension: attribute or object
	whole    []byte // what stands there
	within   []byte // a list of the objects told within it
}

func (c *Converter) thing(uuid misp.Text, at misp.Int, first, last misp.Text) thing {
	c.n++
	t := thing{created: seconds(at, c.seconds), uuid: uuid.Or("")}
	if t.uuid == "" {
		t.uuid = uuid5(nsMISP, c.e.UUID.V+" "+strconv.Itoa(c.n))
	}
	t.from, t.to = t.created, ""
	if v, ok := misp.ParseTime(first.V); ok && first.Given() {
		t.from = stamp(v)
	}
	if v, ok := misp.ParseTime(last.V); ok && last.Given() && stamp(v) >= t.from {
		t.to = stamp(v)
	}
	return t
}

// Attribute converts one attribute; deleted ones say nothing.
func (c *Converter) Attribute(a *misp.Attribute) {
	if a.Deleted.Or(false) {
		return
	}
	t := c.thing(a.UUID, a.Timestamp, a.FirstSeen, a.LastSeen)
	typ := a.Type.Or("text")
	t.tags, t.category, t.comment, t.ids, t.name = tagNames(a.Tag), a.Category.Or("Other"), a.Comment.Or(""), a.ToIDS.Or(false), a.Value.Or("")
	t.labels = []string{`misp:type="` + typ + `"`, `misp:category="` + t.category + `"`}
	m, ok := mapped{}, false
	v, fault := misp.Normalise(typ, a.Value.Or(""))
	if fault == nil { // what MISP would refuse cannot be said in STIX's own words either
		m, ok = mapAttribute(typ, v, a.Data.Or(""))
	}
	custom := !ok || m.sdo == "" && m.build == nil && !t.ids
	whole := c.names.attribute(a, custom || dataStands(a))
	t.key, t.whole = "attribute", misp.Append(nil, &whole)
	switch {
	case ok && m.sdo != "":
		c.named(m.sdo, v.Value, t)
	case custom:
		c.customAttribute(a, t)
	default:
		c.observe(m, t)
	}
	c.context(t, a.Galaxy, a.Sighting)
	c.analysts(t.uuid, a.Note, a.Opinion)
}

// observe writes observables with their observed-data, and for what is meant for
// detection an indicator based on it.
func (c *Converter) observe(m mapped, t thing) {
	uuid := UUID(t.uuid, "")
	var seen string
	if m.build != nil {
		b := &builder{c: c, uuid: t.uuid}
		m.build(b)
		ids := c.observables(b, t.tags)
		var own props
		own.text("first_observed", t.from)
		own.text("last_observed", max(t.from, t.to))
		own.number("number_observed", 1)
		own.texts("object_refs", ids)
		own.texts("labels", t.labels)
		if !t.ids || m.pattern == "" {
			c.extendThing(&own, t)
		}
		seen = c.publish(head{typ: "observed-data", id: "observed-data--" + uuid, created: t.created, source: t.uuid, tags: t.tags}, own)
		c.primary[t.uuid] = seen
	}
	if !t.ids || m.pattern == "" {
		return
	}
	var own props
	own.text("name", short(t.name))
	own.text("description", t.comment)
	if c.opt.Mode == Strict {
		if t.comment == "" {
			own.text("description", "Published for detection without further comment.")
		}
		own.texts("indicator_types", []string{"unknown"})
	}
	own.text("pattern", m.pattern)
	own.text("pattern_type", cmpOr(m.patternType, "stix"))
	if m.patternType == "" || m.patternType == "stix" {
		own.text("pattern_version", "2.1")
	}
	own.text("valid_from", t.from)
	if t.to > t.from {
		own.text("valid_until", t.to)
	}
	own.raw("kill_chain_phases", c.phase(t.category))
	own.texts("labels", t.labels)
	c.extendThing(&own, t)
	id := c.publish(head{typ: "indicator", id: "indicator--" + uuid, created: t.created, source: t.uuid, tags: t.tags}, own)
	c.primary[t.uuid] = id
	if seen != "" {
		c.relate(link{source: id, target: seen, typ: "based-on", created: t.created}, t.tags)
	}
}

func cmpOr(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// phase is the kill chain that MISP's categories make.
func (c *Converter) phase(category string) []byte {
	if category == "" {
		return nil
	}
	if c.opt.Mode == Strict {
		category = strings.ReplaceAll(strings.ToLower(category), " ", "-")
	}
	var p props
	p.text("kill_chain_name", "misp-category")
	p.text("phase_name", category)
	return appendRaws([][]byte{p.append(nil)})
}

// short cuts a name for people at 256 letters.
func short(s string) string {
	n := 0
	for i := range s {
		if n++; n > 256 {
			return s[:i] + "…"
		}
	}
	return s
}

// named writes a vulnerability or campaign.
func (c *Converter) named(typ, name string, t thing) {
	var own props
	own.text("name", name)
	own.text("description", t.comment)
	own.texts("labels", t.labels)
	if typ == "vulnerability" && strings.HasPrefix(name, "CVE-") {
		ref := append(one("source_name", "cve"), one("external_id", name)...)
		own.raw("external_references", appendRaws([][]byte{ref.append(nil)}))
	}
	c.extendThing(&own, t)
	c.primary[t.uuid] = c.publish(head{typ: typ, id: typ + "--" + UUID(t.uuid, ""), created: t.created, source: t.uuid, tags: t.tags}, own)
}

// customAttribute carries what STIX has no word for.
func (c *Converter) customAttribute(a *misp.Attribute, t thing) {
	var own props
	own.texts("labels", append(t.labels, `misp:to_ids="`+map[bool]string{true: "True", false: "False"}[t.ids]+`"`))
	own.text("x_misp_type", a.Type.Or("text"))
	own.text("x_misp_category", t.category)
	own.text("x_misp_value", a.Value.Or(""))
	own.text("x_misp_comment", t.comment)
	own.text("x_misp_data", a.Data.Or(""))
	if t.from != t.created {
		own.text("x_misp_first_seen", t.from)
	}
	own.text("x_misp_last_seen", t.to)
	c.extendThing(&own, t)
	c.primary[t.uuid] = c.publish(head{typ: "x-misp-attribute", id: "x-misp-attribute--" + UUID(t.uuid, ""), created: t.created, source: t.uuid, tags: t.tags}, own)
}

// relate writes a relationship; its id is made of its ends and type unless MISP
// gave it one.
func (c *Converter) relate(l link, tags []string) {
	id := "relationship--" + uuid5(nsMISP, l.source+" - "+l.typ+" - "+l.target)
	if l.uuid != "" {
		id = "relationship--" + UUID(l.uuid, "")
	}
	var own props
	own.text("relationship_type", l.typ)
	own.text("description", l.comment)
	own.text("source_ref", l.source)
	own.text("target_ref", l.target)
	if c.first(id) {
		c.publish(head{typ: "relationship", id: id, created: l.created, source: l.uuid, tags: onlyTLP(tags)}, own)
	}
}

// relationType fits a MISP relationship into the letters the standard allows.
func relationType(s string) string {
	s = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
	if s = strings.Trim(s, "-"); s == "" {
		return "related-to"
	}
	return s
}

// eventID is the id of the report or grouping.
func (c *Converter) eventID() string {
	typ := "grouping"
	if c.e.Published.Or(false) {
		typ = "report"
	}
	return typ + "--" + UUID(c.e.UUID.Or(""), "event "+c.e.Info.V)
}

// Close writes what needs the whole event: references, reports, opinions and the
// report itself. It returns the first error of emit.
func (c *Converter) Close() error {
	for _, x := range arranged(c.waiting) {
		c.Object(x[0], x[1:]...)
	}
	for _, l := range c.links {
		l.source, l.target = c.primary[l.source], c.primary[l.target]
		if l.source != "" && l.target != "" && l.source != l.target { // a reference out of the event has no end
			c.relate(l, nil)
		}
	}
	e := c.e
	created := seconds(e.Timestamp, 0)
	id := c.eventID()
	typ, _, _ := strings.Cut(id, "--")
	for i := range e.Galaxy {
		c.galaxy(&e.Galaxy[i], "", created, nil)
	}
	for i := range e.EventReport {
		c.report(&e.EventReport[i], id)
	}
	c.analysts(e.UUID.V, e.Note, e.Opinion)
	if len(c.refs) == 0 {
		var own props
		own.text("abstract", "Empty event")
		own.text("content", "The event holds no attributes, objects or reports.")
		own.texts("object_refs", []string{id})
		c.publish(head{typ: "note", id: "note--" + uuid5(nsMISP, id+" empty"), created: created, source: e.UUID.V}, own)
	}
	var own props
	own.text("name", cmpOr(e.Info.V, "Untitled"))
	if typ == "report" {
		own.text("published", seconds(e.PublishTimestamp, c.seconds))
	} else {
		own.text("context", "suspicious-activity")
	}
	own.texts("object_refs", c.refs)
	own.texts("labels", []string{"Threat-Report", `misp:tool="MISP-STIX-Converter"`})
	whole := c.names.event(e)
	c.extend(&own, "event", misp.Append(nil, &whole))
	c.publish(head{typ: typ, id: id, created: created, source: e.UUID.V, tags: tagNames(e.Tag), unlisted: true}, own)
	return c.err
}
