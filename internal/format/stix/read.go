package stix

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
)

// ReadOptions say what a bundle's events get that the bundle does not tell.
type ReadOptions struct {
	Info         string    // of an event without a report; "" names the bundle
	Default      tlp.Level // label of an event without one; None leaves it unlabelled, which is never CLEAR
	Distribution int64     // of events that do not come from us; 0 is the own organisation
	At           time.Time // when it was read: the time of what has none
	NoNames      bool      // names of indicators are left out, for whom keeps the document beside the event
}

// Events makes events of a bundle: one of each report and grouping, one of what
// stands in none. It tells what had no place: nothing is dropped without that.
// What MISP has no word for is kept whole, as an object named KeptObject; a
// pattern that says more than "one of these values" as a stix2-pattern.
//
// It may be called once.
func (b *Bundle) Events(opt ReadOptions, yield func(*misp.Event) error) ([]Remains, error) {
	var reports []*item
	inside := map[string]bool{}
	for _, it := range b.items {
		if it.typ == "report" || it.typ == "grouping" {
			reports = append(reports, it)
			for _, id := range decode(it).texts("object_refs") {
				inside[id] = true
			}
		}
	}
	for i, it := range reports {
		r := b.reading(opt)
		o := decode(it)
		it.used = true
		var members []*item
		for _, id := range o.texts("object_refs") {
			if m := b.byID[id]; m != nil {
				members = append(members, m)
			} else {
				b.left.note(it.typ+".object_refs", whyNowhere, it.id)
			}
		}
		if i == 0 { // what hangs on nothing belongs to the first
			members = append(members, b.loose(inside)...)
		}
		r.header(it, o)
		if err := r.finish(members, yield); err != nil {
			return nil, err
		}
	}
	if len(reports) == 0 {
		r := b.reading(opt)
		r.bare()
		if err := r.finish(slices.Clone(b.items), yield); err != nil {
			return nil, err
		}
	}
	return b.left.list(), nil
}

// loose lists what no report refers to.
func (b *Bundle) loose(inside map[string]bool) (out []*item) {
	for _, it := range b.items {
		if !inside[it.id] && it.typ != "report" && it.typ != "grouping" {
			out = append(out, it)
		}
	}
	return out
}

// place is what an object became in the event.
type place struct {
	kind  byte // 'a' attribute, 'o' object, 'e' the event, 'c' a cluster
	at    int  // its index
	more  int  // objects told within it, which stand behind it
	whole bool // our extension said all of it
}

// reading is one event on its way.
type reading struct {
	b        *Bundle
	opt      ReadOptions
	e        *misp.Event
	level    tlp.Level // the event's label
	whole    bool      // our extension gave the header
	made     string    // created of the report, for what has no time
	places   map[string]place
	uuids    map[string]string // uuid → what it names
	known    map[string]bool   // uuids of references that are here already
	based    map[string]bool   // indicators' observed-data that say the same
	values   map[string]bool   // type and value of lone attributes
	clusters map[string]*misp.Galaxy
	linked   map[string]bool // clusters that something refers to
}

func (b *Bundle) reading(opt ReadOptions) *reading {
	return &reading{b: b, opt: opt, e: &misp.Event{}, places: map[string]place{}, uuids: map[string]string{}, known: map[string]bool{}, based: map[string]bool{},
		values: map[string]bool{}, clusters: map[string]*misp.Galaxy{}, linked: map[string]bool{}}
}

// obj is an object's properties. A property of another type than it should have
// reads as absent; the ledger is told by bad.
type obj map[string]any

func decode(it *item) obj {
	o := obj{}
	dec := json.NewDecoder(bytes.NewReader(it.raw()))
	dec.UseNumber()
	_ = dec.Decode(&o) // well-formed, or it would not be here
	return o
}

func (o obj) text(key string) string {
	s, _ := o[key].(string)
	return s
}

func (o obj) texts(key string) (out []string) {
	list, _ := o[key].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func (o obj) dict(key string) obj {
	m, _ := o[key].(map[string]any)
	return m
}

func (o obj) dicts(key string) (out []obj) {
	list, _ := o[key].([]any)
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func (o obj) number(key string) (int64, bool) {
	n, ok := o[key].(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

func (o obj) yes(key string) bool {
	v, _ := o[key].(bool)
	return v
}

// unixOf reads a STIX time.
func unixOf(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.UTC(), err == nil && t.Year() > 0 && t.Year() < 10000
}

// header makes the event of a report.
func (r *reading) header(it *item, o obj) {
	r.made = o.text("modified")
	if raw := extension(it)["event"]; raw != nil {
		if e, ok := sole(misp.Read[misp.Event](bytes.NewReader(raw), within, "Event")); ok && UUID(e.UUID.V, "event "+e.Info.V) == it.uuid() {
			r.e, r.whole = &e, true
			if e.UUID.V == "" {
				r.e.UUID = misp.T(it.uuid())
			}
			r.group(it, &r.e.Distribution, r.e.SharingGroup)
		}
	}
	if !r.whole {
		at, ok := unixOf(r.made)
		if !ok {
			at = r.opt.At
		}
		r.e.Info, r.e.UUID = misp.T(cmpOr(o.text("name"), "STIX "+it.typ)), misp.T(UUID(it.uuid(), ""))
		r.e.Distribution, r.e.Timestamp = misp.N(r.opt.Distribution), misp.N(at.Unix())
		r.e.ThreatLevelID, r.e.Analysis = misp.N(4), misp.N(0)
		r.e.Date = misp.T(at.Format(time.DateOnly))
		if c, ok := unixOf(o.text("created")); ok {
			r.e.Date = misp.T(c.Format(time.DateOnly))
		}
		r.e.Published = misp.B(false) // others' reports are looked at before they go on
		if p, ok := unixOf(o.text("published")); ok {
			r.e.PublishTimestamp = misp.N(p.Unix())
		}
		if !usable(it.uuid()) {
			r.e.Attribute = append(r.e.Attribute, r.comment(`Original UUID was: `+it.uuid()))
		}
		if d := o.text("description"); d != "" {
			r.e.EventReport = append(r.e.EventReport, misp.EventReport{UUID: misp.T(uuid5(nsMISP, it.id+" description")), Name: misp.T(short(cmpOr(o.text("name"), "Description"))),
				Content: misp.T(d), Timestamp: r.e.Timestamp, Distribution: misp.N(5)})
		}
		for _, ref := range o.dicts("external_references") {
			if u := ref.text("url"); u != "" {
				r.link(it, u, ref.text("description"))
			} else {
				r.b.left.note(it.typ+".external_references", whyProperty, it.id)
			}
		}
	}
	if r.e.Orgc == nil {
		r.e.Orgc = r.org(o.text("created_by_ref"))
	}
	r.places[it.id] = place{kind: 'e', whole: r.whole}
	r.uuids[r.e.UUID.V] = it.id
	r.label(it, o)
	r.unused(it, o, "name", "description", "published", "object_refs", "context", "external_references")
}

// group keeps what names no group to its holder.
func (r *reading) group(it *item, level *misp.Int, g *misp.SharingGroup) {
	if level.Or(0) == 4 && (g == nil || !uuidShape(g.UUID.Or(""))) {
		*level = misp.N(0)
		r.b.left.note(it.typ, whyGroup, it.id)
	}
}

func (r *reading) comment(text string) misp.Attribute {
	return misp.Attribute{UUID: misp.T(uuid5(nsMISP, text)), Type: misp.T("comment"), Category: misp.T("Other"), Value: misp.T(text), ToIDS: misp.B(false), Timestamp: r.e.Timestamp, Distribution: misp.N(5)}
}

func (r *reading) link(it *item, url, why string) {
	if v, fault := misp.Normalise("link", url); fault == nil && isURI(url) {
		r.e.Attribute = append(r.e.Attribute, misp.Attribute{UUID: misp.T(uuid5(nsMISP, it.id+" "+url)), Type: misp.T("link"), Category: misp.T("External analysis"),
			Value: misp.T(v.Value), Comment: misp.T(why), ToIDS: misp.B(false), Timestamp: r.e.Timestamp, Distribution: misp.N(5)})
		return
	}
	r.b.left.note(it.typ+".external_references", whyValue, it.id)
}

// bare makes the event of what stands in no report.
func (r *reading) bare() {
	uuid := ""
	if rest, ok := strings.CutPrefix(r.b.ID, "bundle--"); ok && uuidShape(rest) {
		uuid = UUID(rest, "")
	}
	name := r.opt.Info
	if name == "" {
		name = "STIX 2.1 Bundle"
		if uuid != "" {
			name += " (" + r.b.ID + ")"
		}
	}
	r.made = stamp(r.opt.At)
	r.e.Info, r.e.Date, r.e.Timestamp = misp.T(name), misp.T(r.opt.At.UTC().Format(time.DateOnly)), misp.N(r.opt.At.Unix())
	r.e.Distribution, r.e.ThreatLevelID, r.e.Analysis, r.e.Published = misp.N(r.opt.Distribution), misp.N(4), misp.N(0), misp.B(false)
	if uuid != "" {
		r.e.UUID = misp.T(uuid)
	} else {
		r.e.UUID = misp.T(uuid5(nsMISP, r.everyID()))
	}
	makers := map[string]bool{}
	for _, it := range r.b.items {
		if id := decode(it).text("created_by_ref"); id != "" && id != extensionAuthor {
			makers[id] = true
		}
	}
	if len(makers) == 1 {
		for id := range makers {
			r.e.Orgc = r.org(id)
		}
	}
}

func (r *reading) everyID() string {
	var b strings.Builder
	for _, it := range r.b.items {
		b.WriteString(it.id)
	}
	return b.String()
}

// org reads an identity as an organisation.
func (r *reading) org(id string) *misp.Org {
	it := r.b.byID[id]
	if it == nil || it.typ != "identity" {
		return nil
	}
	it.used = true
	name := decode(it).text("name")
	if name == "" {
		return nil
	}
	return &misp.Org{Name: misp.T(name), UUID: misp.T(UUID(it.uuid(), ""))}
}

// label takes the tags of a report: its labels, its marking, its confidence.
func (r *reading) label(it *item, o obj) {
	tags := r.tags(it, o, tlp.None)
	if !r.whole {
		r.e.Tag = tags
	} else {
		r.e.Tag = r.stricter(o, r.e.Tag, tlp.None)
	}
	r.level = tlp.FromTags(tagNames(r.e.Tag))
	if r.level == tlp.None && r.opt.Default != tlp.None {
		r.level = r.opt.Default
		r.e.Tag = append(r.e.Tag, misp.Tag{Name: misp.T(r.opt.Default.Tag())})
	}
}

// ours are labels that say how something was converted.
func ours(label string) bool {
	for _, p := range []string{"misp:tool=", "misp:type=", "misp:category=", "misp:to_ids=", "misp:name=", "misp:meta-category=", "misp:data-layer=", "misp:context-layer=", "misp:galaxy-name=", "misp:galaxy-type="} {
		if strings.HasPrefix(label, p) {
			return true
		}
	}
	return label == "Threat-Report"
}

// indicatorTypes stood in labels in STIX 2.0; they are no tags.
var indicatorTypes = map[string]bool{"anomalous-activity": true, "anonymization": true, "benign": true, "compromised": true, "malicious-activity": true, "attribution": true, "unknown": true}

// labelled reads one of our labels: misp:type="domain".
func (o obj) labelled(key string) string {
	for _, l := range o.texts("labels") {
		if v, ok := strings.CutPrefix(l, "misp:"+key+"="); ok {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}

// tags reads labels, markings and confidence; a label of the event's own level is
// not said again.
func (r *reading) tags(it *item, o obj, event tlp.Level) (out []misp.Tag) {
	add := func(name string) {
		if name != "" && len(name) <= 255 && !slices.ContainsFunc(out, func(t misp.Tag) bool { return t.Name.V == name }) {
			out = append(out, misp.Tag{Name: misp.T(name)})
		}
	}
	for _, l := range o.texts("labels") {
		switch {
		case ours(l):
		case it.typ == "indicator" && indicatorTypes[l]:
			r.b.left.note("indicator.indicator_types", whyProperty, it.id)
		default:
			add(l)
		}
	}
	for _, id := range o.texts("object_marking_refs") {
		level := LevelOf(id)
		switch m := r.b.byID[id]; {
		case level != tlp.None:
			if m != nil {
				m.used = true
			}
			if level != event {
				add(markTag(id, level))
			}
		case m == nil:
			r.b.left.note("object_marking_refs", whyNowhere, it.id)
		default:
			m.used = true
			add(r.statement(m))
		}
	}
	if n, ok := o.number("confidence"); ok {
		add(`misp:confidence-level="` + confidenceWord(n) + `"`)
	}
	if len(o.dicts("granular_markings")) > 0 {
		r.b.left.note(it.typ+".granular_markings", whyGranular, it.id)
	}
	return out
}

// markTag names a level as its generation does.
func markTag(id string, l tlp.Level) string {
	if id == white.id {
		return "tlp:white"
	}
	return l.Tag()
}

// statement makes a tag of a marking that is no TLP label.
func (r *reading) statement(m *item) string {
	o := decode(m)
	r.b.left.note("marking-definition", whyMarking, m.id)
	text := o.dict("definition").text("statement")
	if l, ok := tlp.FromTag("tlp:" + o.dict("definition").text("tlp")); ok {
		return l.Tag()
	}
	if text = cmpOr(text, o.text("name")); text == "" {
		return ""
	}
	return "marking:" + short(strings.Map(func(c rune) rune {
		if c < ' ' || c == '"' {
			return ' '
		}
		return c
	}, text))
}

func confidenceWord(n int64) string {
	best := "unconfident"
	for w, v := range confidences {
		if n >= v && v >= confidences[best] {
			best = w
		}
	}
	return best
}

// common are the properties that every object may have and that are read for all.
var common = []string{"type", "id", "spec_version", "created", "modified", "created_by_ref", "labels", "confidence", "object_marking_refs", "granular_markings", "extensions", "revoked", "defanged", "lang"}

// unused tells of the properties that nothing was made of. What our extension
// said whole has none.
func (r *reading) unused(it *item, o obj, used ...string) {
	if p, ok := r.places[it.id]; ok && p.whole {
		return
	}
	for key, v := range o {
		if slices.Contains(common, key) || slices.Contains(used, key) || v == nil {
			continue
		}
		r.b.left.note(it.typ+"."+short(key), whyProperty, it.id)
	}
	for id := range o.dict("extensions") {
		if id != Extension && id != tlpExtension && it.typ != "network-traffic" && it.typ != "file" && it.typ != "process" && it.typ != "user-account" {
			r.b.left.note(it.typ+".extensions", whyProperty, it.id)
		}
	}
}

// claim gives a uuid of the event to a thing: its own, or one made of its id when
// that is taken or of a kind that MISP refuses.
func (r *reading) claim(uuid, id string) string {
	u := UUID(uuid, id)
	if by, ok := r.uuids[u]; ok && by != id {
		u = uuid5(nsMISP, id)
	}
	for n := 2; ; n++ {
		if by, ok := r.uuids[u]; !ok || by == id {
			break
		}
		u = uuid5(nsMISP, id+" "+strconv.Itoa(n))
	}
	r.uuids[u] = id
	return u
}

// within bounds what our extension may hold.
var within = misp.Limits{Bytes: 64 << 20}

// sole gives the one thing that misp.Read found.
func sole[T any](list []T, many bool, err error) (v T, ok bool) {
	if err != nil || many || len(list) != 1 {
		return v, false
	}
	return list[0], true
}

// extension gives the keys of our extension in an object.
func extension(it *item) map[string]json.RawMessage {
	var o struct {
		Extensions map[string]json.RawMessage `json:"extensions"`
	}
	if json.Unmarshal(it.raw(), &o) != nil || o.Extensions[Extension] == nil {
		return nil
	}
	var inner map[string]json.RawMessage
	_ = json.Unmarshal(o.Extensions[Extension], &inner) // another shape says nothing
	return inner
}

// finish turns the members into the parts of the event and hands it over.
func (r *reading) finish(members []*item, yield func(*misp.Event) error) error {
	for _, pass := range [][]string{
		{"indicator"}, {"observed-data"}, {"x-misp-attribute"}, {"x-misp-object", "malware-analysis"}, {"vulnerability", "campaign"}, nil, // nil: observables
		clusterKinds, {"annotation"}, {"relationship"}, {"sighting"}, {"note", "opinion"},
	} {
		list := members
		if pass == nil {
			list = r.b.outerFirst(members)
		}
		for _, it := range list {
			if it.used && it.typ != "identity" || !(pass == nil && observable(it) || slices.Contains(pass, it.typ) || it.typ == "note" && slices.Contains(pass, "annotation")) {
				continue
			}
			if pass != nil && pass[0] == "annotation" { // an object of MISP, which relationships may name
				it.used = r.annotation(it, decode(it))
				continue
			}
			r.take(it)
		}
	}
	r.tagEvent()
	for _, it := range members {
		r.rest(it)
	}
	r.e.AttributeCount = misp.Int{}
	return yield(r.e)
}

// take dispatches one object; what makes nothing of it leaves it unused.
func (r *reading) take(it *item) {
	o := decode(it)
	switch it.typ {
	case "indicator":
		it.used = r.indicator(it, o)
	case "observed-data":
		it.used = r.observed(it, o)
	case "x-misp-attribute":
		it.used = r.customAttribute(it, o)
	case "x-misp-object":
		it.used = r.customObject(it, o)
	case "malware-analysis":
		it.used = r.analysis(it, o)
	case "vulnerability", "campaign":
		it.used = r.named(it, o) || r.cluster(it, o)
	case "relationship":
		it.used = r.relationship(it, o)
	case "sighting":
		it.used = r.sighting(it, o)
	case "note", "opinion":
		it.used = r.opinion(it, o)
	default:
		if observable(it) {
			it.used = r.observable(it, o, nil)
		} else {
			it.used = r.cluster(it, o)
		}
	}
}

// markings are those of two objects that stand for one thing: of TLP the strictest alone.
func markings(a, b obj) (out []any) {
	level := tlp.None
	ids := append(a.texts("object_marking_refs"), b.texts("object_marking_refs")...)
	for _, id := range ids {
		level = max(level, LevelOf(id))
	}
	for _, id := range ids {
		if l := LevelOf(id); l == tlp.None || l == level {
			out = append(out, id)
		}
	}
	return out
}

// stricter puts an object's marking in the place of the label among tags that came whole in our
// extension, where somebody made it stricter since; base is the label around them.
func (r *reading) stricter(o obj, tags []misp.Tag, base tlp.Level) []misp.Tag {
	for _, id := range o.texts("object_marking_refs") {
		if l := LevelOf(id); l > tlp.FromTags(tagNames(tags)).Or(base) {
			tags = slices.DeleteFunc(slices.Clone(tags), func(t misp.Tag) bool { _, ok := tlp.FromTag(t.Name.V); return ok })
			tags = append(tags, misp.Tag{Name: misp.T(markTag(id, l))})
		}
	}
	return tags
}
