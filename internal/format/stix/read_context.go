package stix

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"straza/internal/format/misp"
)

// clusterKinds are the types that become clusters of galaxies.
var clusterKinds = []string{"attack-pattern", "campaign", "course-of-action", "intrusion-set", "malware", "threat-actor", "tool", "vulnerability", "infrastructure", "identity", "location", "x-misp-galaxy-cluster"}

// mitre are the galaxies and number signs of the field's catalogue.
var mitre = map[string]struct{ galaxy, sign string }{
	"attack-pattern": {"mitre-attack-pattern", "T"}, "course-of-action": {"mitre-course-of-action", "M"}, "intrusion-set": {"mitre-intrusion-set", "G"},
	"malware": {"mitre-malware", "S"}, "tool": {"mitre-tool", "S"}, "campaign": {"mitre-campaign", "C"},
}

// cluster remembers an object as a cluster; what refers to it puts the tag where
// it belongs.
func (r *reading) cluster(it *item, o obj) bool {
	if !slices.Contains(clusterKinds, it.typ) {
		return false
	}
	if r.clusters[it.id] != nil || extension(it)["object"] != nil && r.restored(it, o) {
		return true
	}
	g, whole := r.galaxy(it, o)
	if g == nil {
		return false
	}
	r.clusters[it.id] = g
	r.places[it.id] = place{kind: 'c', whole: whole}
	for key := range o { // metadata of the cluster
		if strings.HasPrefix(key, "x_misp_") && (len(o.texts(key)) > 0 || o.text(key) != "") {
			delete(o, key)
		}
	}
	r.unused(it, o, "name", "description", "aliases", "external_references", "kill_chain_phases", "identity_class", "country", "region", "is_family", "x_misp_name", "x_misp_type", "x_misp_value", "x_misp_description", "x_misp_meta", "x_misp_original_names", "malware_types", "tool_types", "threat_actor_types")
	// A catalogue's entry is looked up by its name; what others wrote stands nowhere else.
	return whole || o.labelled("galaxy-type") != "" || strings.HasPrefix(g.Type.V, "mitre-")
}

// galaxy reads a cluster with its galaxy's head around it. whole tells that our
// extension said all of it; nil that the object is none.
func (r *reading) galaxy(it *item, o obj) (g *misp.Galaxy, whole bool) {
	if raw := extension(it)["cluster"]; raw != nil {
		k, ok := sole(misp.Read[misp.GalaxyCluster](bytes.NewReader(raw), within, "GalaxyCluster"))
		if ok && k.Galaxy != nil && (clusterUUID(&k) == it.uuid() || otherUUID(&k) == it.uuid()) {
			g := *k.Galaxy
			k.Galaxy = nil
			g.GalaxyCluster = []misp.GalaxyCluster{k}
			return &g, true
		}
		r.b.left.note(it.typ, whyExtension, it.id)
	}
	typ, value := cmpOr(o.labelled("galaxy-type"), o.text("x_misp_type")), cmpOr(o.text("x_misp_value"), o.text("name"))
	if typ == "" && (it.typ == "identity" && o.text("identity_class") != "class" || it.typ == "location") || value == "" {
		return nil, false
	}
	number, source := "", mitre[it.typ]
	var links []string
	for _, ref := range o.dicts("external_references") {
		if strings.HasPrefix(ref.text("source_name"), "mitre-") && strings.HasPrefix(ref.text("external_id"), cmpOr(source.sign, "-")) {
			number = ref.text("external_id")
		}
		if u := ref.text("url"); u != "" {
			links = append(links, u)
		}
	}
	if number != "" && (typ == "" || strings.HasPrefix(typ, "mitre-")) && !strings.HasSuffix(value, number) {
		value += " - " + number
		typ = cmpOr(typ, source.galaxy)
	}
	typ = galaxyWord(cmpOr(typ, "stix-2.1-"+it.typ))
	k := misp.GalaxyCluster{UUID: misp.T(UUID(it.uuid(), "")), Type: misp.T(typ), Value: misp.T(value), TagName: misp.T(`misp-galaxy:` + typ + `="` + strings.ReplaceAll(value, `"`, "'") + `"`),
		Description: misp.T(cmpOr(o.text("description"), o.text("x_misp_description")))}
	k.Meta = clusterMeta(o, number, links)
	if len(k.TagName.V) > 255 {
		return nil, false
	}
	return &misp.Galaxy{Name: misp.T(cmpOr(o.labelled("galaxy-name"), cmpOr(o.text("x_misp_name"), typ))), Type: misp.T(typ), GalaxyCluster: []misp.GalaxyCluster{k}}, false
}

// galaxyWord keeps the signs that a galaxy's name may have inside a tag.
func galaxyWord(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '=' || c == '"' || c <= ' ' {
			return '-'
		}
		return c
	}, s)
}

func clusterMeta(o obj, number string, links []string) (m misp.Meta) {
	add := func(key string, values []string) {
		if len(values) > 0 {
			m = append(m, misp.MetaEntry{Key: key, Values: values})
		}
	}
	if number != "" {
		add("external_id", []string{number})
	}
	add("refs", links)
	add("synonyms", o.texts("aliases"))
	var chain []string
	for _, p := range o.dicts("kill_chain_phases") {
		chain = append(chain, p.text("kill_chain_name")+":"+p.text("phase_name"))
	}
	add("kill_chain", chain)
	names := o.dict("x_misp_original_names")
	for _, key := range slices.Sorted(maps.Keys(o)) { // the field's converter writes the rest of the metadata so
		name, ok := strings.CutPrefix(key, "x_misp_")
		if !ok || slices.Contains([]string{"x_misp_name", "x_misp_type", "x_misp_value", "x_misp_description", "x_misp_meta"}, key) {
			continue
		}
		values := o.texts(key)
		if s := o.text(key); s != "" {
			values = []string{s}
		}
		add(cmpOr(names.text(key), name), values)
	}
	meta := o.dict("x_misp_meta")
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		values := meta.texts(key)
		if s := meta.text(key); s != "" {
			values = []string{s}
		}
		add(key, values)
	}
	return m
}

// fill puts the clusters that our extension only names in place.
func (r *reading) fill(stubs []misp.Galaxy) []misp.Galaxy {
	var out []misp.Galaxy
	for _, stub := range stubs {
		var g *misp.Galaxy
		for _, k := range stub.GalaxyCluster {
			it := r.clusterItem(k.UUID.V)
			if it == nil {
				r.b.left.note("x-misp-galaxy-cluster", whyNowhere, short(k.UUID.V))
				continue
			}
			found := r.clusters[it.id]
			if found == nil {
				if found, _ = r.galaxy(it, decode(it)); found == nil {
					continue
				}
				r.clusters[it.id] = found
				r.places[it.id] = place{kind: 'c', whole: true}
			}
			it.used, r.linked[it.id] = true, true
			if g == nil {
				head := *found
				head.GalaxyCluster = nil
				g = &head
			}
			one := found.GalaxyCluster[0]
			one.Local, one.RelationshipType = k.Local, k.RelationshipType
			g.GalaxyCluster = append(g.GalaxyCluster, one)
		}
		if g == nil && len(stub.GalaxyCluster) == 0 {
			g = &stub
		}
		if g != nil {
			out = append(out, *g)
		}
	}
	return out
}

func (r *reading) clusterItem(uuid string) *item {
	for _, typ := range clusterKinds {
		if it := r.b.byID[typ+"--"+uuid]; it != nil {
			return it
		}
	}
	return nil
}

// tagEvent puts the clusters that nothing refers to on the event itself.
func (r *reading) tagEvent() {
	if r.whole {
		r.e.Galaxy = r.fill(r.e.Galaxy)
	}
	ids := make([]string, 0, len(r.clusters))
	for id := range r.clusters {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if !r.linked[id] {
			g := r.clusters[id]
			r.e.Galaxy = append(r.e.Galaxy, *g)
			r.e.Tag = withTag(r.e.Tag, g.GalaxyCluster[0].TagName.V)
		}
	}
}

func withTag(tags []misp.Tag, name string) []misp.Tag {
	if name == "" || slices.ContainsFunc(tags, func(t misp.Tag) bool { return t.Name.V == name }) {
		return tags
	}
	return append(tags[:len(tags):len(tags)], misp.Tag{Name: misp.T(name)})
}

// attach puts a cluster on an attribute, or on those of an object.
func (r *reading) attach(p place, id string) bool {
	g := r.clusters[id]
	tag := g.GalaxyCluster[0].TagName.V
	switch {
	case p.whole: // our extension named its clusters; what came later is added
	case p.kind == 'a':
		a := &r.e.Attribute[p.at]
		a.Galaxy = append(a.Galaxy, *g)
		a.Tag = withTag(a.Tag, tag)
	case p.kind == 'o':
		for i := range r.e.Object[p.at].Attribute {
			a := &r.e.Object[p.at].Attribute[i]
			a.Tag = withTag(a.Tag, tag)
		}
	default:
		return false
	}
	r.linked[id] = true
	return true
}

// relationship makes a reference or a tag of a relationship.
func (r *reading) relationship(it *item, o obj) bool {
	from, to, typ := o.text("source_ref"), o.text("target_ref"), o.text("relationship_type")
	source, target := r.places[from], r.places[to]
	if r.known[it.uuid()] {
		return true
	}
	if typ == "based-on" && strings.HasPrefix(from, "indicator--") && strings.TrimPrefix(from, "indicator--") == strings.TrimPrefix(to, "observed-data--") {
		return true
	}
	made := it.uuid() == uuid5(nsMISP, from+" - "+typ+" - "+to)
	if target.kind == 'c' && (source.kind == 'a' || source.kind == 'o') {
		if source.whole && made {
			r.linked[to] = true
			return true
		}
		return r.attach(source, to)
	}
	uuid := r.uuidAt(target)
	if source.kind != 'o' || uuid == "" || source == target {
		return false
	}
	x := &r.e.Object[source.at]
	kind := int64(0)
	if target.kind == 'o' {
		kind = 1
	}
	x.ObjectReference = append(x.ObjectReference, misp.ObjectReference{UUID: misp.T(r.claim(it.uuid(), it.id)), ReferencedUUID: misp.T(uuid), ReferencedType: misp.N(kind),
		RelationshipType: misp.T(cmpOr(typ, "related-to")), Comment: misp.T(o.text("description")), Timestamp: misp.N(r.when(o)), Deleted: misp.B(false)})
	r.unused(it, o, "source_ref", "target_ref", "relationship_type", "description")
	return true
}

func (r *reading) uuidAt(p place) string {
	switch p.kind {
	case 'a':
		return r.e.Attribute[p.at].UUID.V
	case 'o':
		return r.e.Object[p.at].UUID.V
	}
	return ""
}

// attributeAt is the attribute that says most of a place.
func (r *reading) attributeAt(p place) *misp.Attribute {
	switch {
	case p.kind == 'a':
		return &r.e.Attribute[p.at]
	case p.kind == 'o' && len(r.e.Object[p.at].Attribute) > 0:
		return &r.e.Object[p.at].Attribute[0]
	}
	return nil
}

// find gives the attribute with a uuid, in or out of objects.
func (r *reading) find(uuid string, p place) *misp.Attribute {
	for k := p.at; p.kind == 'o' && uuid != "" && k <= p.at+p.more; k++ {
		for i := range r.e.Object[k].Attribute {
			if a := &r.e.Object[k].Attribute[i]; a.UUID.V == uuid {
				return a
			}
		}
	}
	return r.attributeAt(p)
}

// sighting hangs a sighting on the attribute that was seen.
func (r *reading) sighting(it *item, o obj) bool {
	p := r.places[o.text("sighting_of_ref")]
	if raw := extension(it)["sighting"]; raw != nil {
		if s, ok := sole(misp.Read[misp.Sighting](bytes.NewReader(raw), within, "Sighting")); ok && r.hang(p, s) {
			r.useSighters(o)
			return true
		}
	}
	at := cmpOr(o.text("last_seen"), cmpOr(o.text("first_seen"), o.text("modified")))
	t, ok := unixOf(at)
	if !ok {
		return false
	}
	s := misp.Sighting{UUID: misp.T(r.claim(it.uuid(), it.id)), Type: misp.N(0), DateSighting: misp.N(t.Unix()), Source: misp.T(o.text("description"))}
	if where := o.texts("where_sighted_refs"); len(where) > 0 {
		s.Organisation = r.org(where[0])
	}
	if s.Organisation == nil {
		s.Organisation = r.org(o.text("created_by_ref"))
	}
	if !r.hang(p, s) {
		return false
	}
	if n, ok := o.number("count"); ok && n > 1 {
		r.b.left.note("sighting.count", whyProperty, it.id)
	}
	r.unused(it, o, "first_seen", "last_seen", "description", "sighting_of_ref", "where_sighted_refs", "count")
	return true
}

func (r *reading) useSighters(o obj) {
	for _, id := range o.texts("where_sighted_refs") {
		if it := r.b.byID[id]; it != nil && it.typ == "identity" {
			it.used = true
		}
	}
}

func (r *reading) hang(p place, s misp.Sighting) bool {
	a := r.find(s.AttributeUUID.V, p)
	if a == nil {
		return false
	}
	a.Sighting = append(a.Sighting, s)
	return true
}

// opinion reads notes and opinions: reports, analyst data, false positives.
func (r *reading) opinion(it *item, o obj) bool {
	ext := extension(it)
	on := place{}
	for _, id := range o.texts("object_refs") {
		if p, ok := r.places[id]; ok {
			on = p
			break
		}
	}
	switch {
	case ext["report"] != nil:
		return r.wholeReport(it, o, ext["report"])
	case ext["sighting"] != nil:
		s, ok := sole(misp.Read[misp.Sighting](bytes.NewReader(ext["sighting"]), within, "Sighting"))
		return ok && r.hang(on, s)
	case ext["analyst"] != nil:
		n, ok := sole(misp.Read[misp.Analyst](bytes.NewReader(ext["analyst"]), within, "Note"))
		return ok && r.analyst(it, on, n)
	case it.typ == "opinion" && o.labelled("context-layer") == "False Positive Sighting":
		return r.falsePositive(it, o, on)
	case it.typ == "note" && o.labelled("context-layer") == "":
		if o.text("content") == "" {
			return false
		}
		if r.b.Read > 0 && o.text("abstract") == "Empty event" && r.whole {
			return true
		}
		r.e.EventReport = append(r.e.EventReport, misp.EventReport{UUID: misp.T(r.claim(it.uuid(), it.id)), Name: misp.T(short(cmpOr(o.text("abstract"), "Note"))), Content: misp.T(o.text("content")),
			Timestamp: misp.N(r.when(o)), Distribution: misp.N(5)})
		r.unused(it, o, "abstract", "content", "object_refs")
		return true
	}
	n := misp.Analyst{UUID: misp.T(r.claim(it.uuid(), it.id)), Authors: misp.T(strings.Join(o.texts("authors"), ", ")), Orgc: r.org(o.text("created_by_ref")), Distribution: misp.N(5)}
	if t, ok := unixOf(o.text("modified")); ok {
		n.Modified = misp.T(t.Format("2006-01-02 15:04:05"))
	}
	if t, ok := unixOf(o.text("created")); ok {
		n.Created = misp.T(t.Format("2006-01-02 15:04:05"))
	}
	if n.Note = misp.T(o.text("content")); it.typ == "opinion" {
		score, ok := o.number("x_misp_opinion")
		if !ok {
			score = opinionScore(o.text("opinion"))
		}
		n.Note, n.Opinion, n.Comment = misp.Text{}, misp.N(score), misp.T(o.text("explanation"))
	}
	return r.analyst(it, on, n)
}

func opinionScore(word string) int64 {
	for i, w := range []string{"strongly-disagree", "disagree", "neutral", "agree", "strongly-agree"} {
		if w == word {
			return int64(i) * 25
		}
	}
	return 50
}

func (r *reading) wholeReport(it *item, o obj, raw json.RawMessage) bool {
	rep, ok := sole(misp.Read[misp.EventReport](bytes.NewReader(raw), within, "EventReport"))
	if !ok {
		return false
	}
	if !rep.Content.Given() {
		rep.Content = misp.T(o.text("content"))
	}
	if rep.UUID.V != "" {
		rep.UUID = misp.T(r.claimWhole(rep.UUID.V, it.id))
	}
	r.group(it, &rep.Distribution, rep.SharingGroup)
	r.e.EventReport = append(r.e.EventReport, rep)
	return true
}

func (r *reading) falsePositive(it *item, o obj, on place) bool {
	s := misp.Sighting{UUID: misp.T(r.claim(it.uuid(), it.id)), Type: misp.N(1), DateSighting: misp.N(r.when(o)), Source: misp.T(o.text("explanation")), Organisation: r.org(o.text("created_by_ref"))}
	return r.hang(on, s)
}

// analyst hangs a note or opinion on what it is about.
func (r *reading) analyst(it *item, on place, n misp.Analyst) bool {
	notes, opinions := &r.e.Note, &r.e.Opinion
	switch on.kind {
	case 'e':
	case 'a':
		notes, opinions = &r.e.Attribute[on.at].Note, &r.e.Attribute[on.at].Opinion
	case 'o':
		notes, opinions = &r.e.Object[on.at].Note, &r.e.Object[on.at].Opinion
		for k := on.at; k <= on.at+on.more && n.ObjectUUID.V != ""; k++ {
			x := &r.e.Object[k]
			if x.UUID.V == n.ObjectUUID.V {
				notes, opinions = &x.Note, &x.Opinion
			}
			for i := range x.Attribute {
				if x.Attribute[i].UUID.V == n.ObjectUUID.V {
					notes, opinions = &x.Attribute[i].Note, &x.Attribute[i].Opinion
				}
			}
		}
	default:
		return false
	}
	if it.typ == "opinion" {
		notes = opinions
	}
	*notes = append(*notes, n)
	return true
}

// KeptObject is the name of the MISP object that holds a STIX object whole, when
// MISP has no word for it: its type, its id, and its JSON.
const KeptObject = "stix-object"

const keptTemplate = "0c0e3b1f-6d5f-5c8e-8a37-9d1f0a3b6c55"

// rest keeps what nothing was made of.
func (r *reading) rest(it *item) {
	if it.used {
		return
	}
	it.used = true
	switch it.typ {
	case "extension-definition":
		if it.id == Extension {
			return
		}
	case "marking-definition":
		if LevelOf(it.id) != 0 {
			return
		}
	case "identity":
		if it.id == extensionAuthor || r.author(it) {
			return
		}
	case "report", "grouping":
		r.b.left.note(it.typ, whyNested, it.id)
		return
	}
	o := decode(it)
	if o.yes("revoked") {
		r.b.left.note(it.typ, whyRevoked, it.id)
	}
	r.b.left.note(it.typ, whyKept, it.id)
	x := misp.Object{UUID: misp.T(r.claim(it.uuid(), it.id)), Name: misp.T(KeptObject), MetaCategory: misp.T("misc"), TemplateUUID: misp.T(keptTemplate), TemplateVersion: misp.N(1),
		Description: misp.T("A STIX object that MISP has no word for, whole."), Timestamp: misp.N(r.when(o)), Distribution: misp.N(5), Comment: misp.T(short(o.text("name")))}
	for i, p := range []part{{relation: "type", value: it.typ}, {relation: "id", value: it.id}, {relation: "json", value: string(it.raw())}} {
		x.Attribute = append(x.Attribute, misp.Attribute{UUID: misp.T(r.claim(uuid5(nsMISP, it.id+" kept "+p.relation), it.id+" kept "+string(rune('0'+i)))), Type: misp.T("text"), ObjectRelation: misp.T(p.relation),
			Value: misp.T(p.value), Category: misp.T("Other"), ToIDS: misp.B(false), Timestamp: x.Timestamp, Distribution: misp.N(5), DisableCorrelation: misp.B(true), Comment: misp.T("")})
	}
	r.e.Object = append(r.e.Object, x)
}

// author tells whether an identity only says who made or saw the rest.
func (r *reading) author(it *item) bool {
	if r.e.Orgc != nil && r.e.Orgc.UUID.V == UUID(it.uuid(), "") {
		return true
	}
	if r.b.makers == nil {
		r.b.makers = map[string]bool{}
		for _, other := range r.b.items {
			o := decode(other)
			r.b.makers[o.text("created_by_ref")] = true
			for _, id := range o.texts("where_sighted_refs") {
				r.b.makers[id] = true
			}
		}
	}
	o := decode(it)
	for key := range o {
		if !slices.Contains(common, key) && key != "name" && key != "identity_class" {
			return false
		}
	}
	return r.b.makers[it.id] && o.text("identity_class") == "organization"
}
