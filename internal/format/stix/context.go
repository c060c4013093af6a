package stix

import (
	"strings"

	"straza/internal/format/misp"
)

// context writes what hangs on an attribute or object: clusters and sightings.
func (c *Converter) context(t thing, galaxies []misp.Galaxy, sightings []misp.Sighting) {
	for i := range galaxies {
		c.galaxy(&galaxies[i], c.primary[t.uuid], t.created, t.tags)
	}
	for i := range sightings {
		c.sighting(&sightings[i], c.primary[t.uuid], t)
	}
}

func (c *Converter) sighting(s *misp.Sighting, of string, t thing) {
	if of == "" || s.Type.Or(0) > 1 {
		return // expirations have no word in STIX
	}
	who := c.identity(s.Organisation)
	whole := carriedSighting(s)
	at := seconds(s.DateSighting, c.seconds)
	uuid := UUID(s.UUID.Or(""), of+" "+who+" "+at)
	if s.Type.Or(0) == 1 {
		var own props
		own.text("explanation", s.Source.Or(""))
		own.text("opinion", "strongly-disagree")
		own.texts("object_refs", []string{of})
		own.texts("labels", []string{`misp:context-layer="False Positive Sighting"`})
		c.extend(&own, "sighting", misp.Append(nil, &whole))
		c.publish(head{typ: "opinion", id: "opinion--" + uuid, created: at, source: s.UUID.V, tags: onlyTLP(t.tags)}, own)
		return
	}
	var own props
	own.text("description", s.Source.Or(""))
	own.text("first_seen", at)
	own.text("last_seen", at)
	own.number("count", 1)
	own.text("sighting_of_ref", of)
	own.texts("where_sighted_refs", []string{who})
	c.extend(&own, "sighting", misp.Append(nil, &whole))
	c.publish(head{typ: "sighting", id: "sighting--" + uuid, created: at, source: s.UUID.V, tags: onlyTLP(t.tags)}, own)
}

func (c *Converter) report(r *misp.EventReport, on string) {
	if r.Deleted.Or(false) {
		return
	}
	var own props
	own.text("abstract", r.Name.Or(""))
	own.text("content", cmpOr(r.Content.V, cmpOr(r.Name.V, "Empty report")))
	own.texts("object_refs", []string{on})
	own.texts("labels", []string{`misp:data-layer="Event Report"`})
	whole := misp.EventReport{UUID: r.UUID, Name: r.Name, Timestamp: r.Timestamp, Distribution: r.Distribution, SharingGroup: groupOf(r.Distribution, r.SharingGroup, false), Deleted: r.Deleted}
	if r.Content.V == "" {
		whole.Content = r.Content
	}
	c.extend(&own, "report", misp.Append(nil, &whole))
	c.publish(head{typ: "note", id: "note--" + UUID(r.UUID.Or(""), on+" "+r.Name.V), created: seconds(r.Timestamp, c.seconds), source: r.UUID.V}, own)
}

// analysts writes notes and opinions on the thing with that uuid.
func (c *Converter) analysts(on string, notes, opinions []misp.Analyst) {
	ref := c.primary[on]
	if ref == "" {
		return
	}
	when := func(n *misp.Analyst) string {
		if t, ok := misp.ParseTime(n.Modified.V); ok {
			return stamp(t)
		}
		return seconds(c.e.Timestamp, 0)
	}
	for i := range notes {
		n := &notes[i]
		var own props
		own.text("content", cmpOr(n.Note.V, "Empty note"))
		own.texts("authors", authors(n))
		own.texts("object_refs", []string{ref})
		own.texts("labels", []string{`misp:context-layer="Analyst Note"`})
		whole := carriedAnalyst(n)
		c.extend(&own, "analyst", misp.Append(nil, &whole))
		c.publish(head{typ: "note", id: "note--" + UUID(n.UUID.V, ref+n.Note.V), created: when(n), source: n.UUID.V}, own)
	}
	for i := range opinions {
		n := &opinions[i]
		var own props
		own.text("explanation", n.Comment.V)
		own.texts("authors", authors(n))
		own.text("opinion", opinionWord(n.Opinion.Or(50)))
		own.texts("object_refs", []string{ref})
		own.number("x_misp_opinion", min(max(n.Opinion.Or(50), 0), 100))
		own.texts("labels", []string{`misp:context-layer="Analyst Opinion"`})
		whole := carriedAnalyst(n)
		c.extend(&own, "analyst", misp.Append(nil, &whole))
		c.publish(head{typ: "opinion", id: "opinion--" + UUID(n.UUID.V, ref+n.Comment.V), created: when(n), source: n.UUID.V}, own)
	}
}

func authors(n *misp.Analyst) []string {
	if n.Authors.V == "" {
		return nil
	}
	return []string{n.Authors.V}
}

// opinionWord maps 0–100 onto the five words of the standard.
func opinionWord(n int64) string {
	words := []string{"strongly-disagree", "disagree", "neutral", "agree", "strongly-agree"}
	return words[min(max(n, 0), 99)/20]
}

// clusterTypes are the galaxies that have an object of their own in STIX.
var clusterTypes = map[string]string{
	"mitre-attack-pattern": "attack-pattern", "mitre-mobile-attack-attack-pattern": "attack-pattern",
	"mitre-ics-techniques": "attack-pattern", "mitre-enterprise-attack-attack-pattern": "attack-pattern",
	"mitre-course-of-action": "course-of-action", "mitre-intrusion-set": "intrusion-set",
	"mitre-malware": "malware", "malpedia": "malware", "ransomware": "malware", "banker": "malware", "stealer": "malware",
	"backdoor": "malware", "cryptominers": "malware", "android": "malware",
	"threat-actor": "threat-actor", "microsoft-activity-group": "threat-actor",
	"tool": "tool", "mitre-tool": "tool", "rat": "tool", "botnet": "tool", "exploit-kit": "tool", "tds": "tool",
	"branded-vulnerability": "vulnerability", "sector": "identity", "country": "location", "region": "location",
}

// galaxy writes the clusters of a galaxy, each once, and relates the object that
// carries them.
func (c *Converter) galaxy(g *misp.Galaxy, from, created string, tags []string) {
	for i := range g.GalaxyCluster {
		k := &g.GalaxyCluster[i]
		typ := clusterTypes[cmpOr(k.Type.V, g.Type.V)]
		if typ == "" {
			typ = "x-misp-galaxy-cluster"
		}
		id := typ + "--" + c.names.of(k)
		if c.first(id) {
			own, whole := clusterProps(typ, g, k), carriedCluster(g, k)
			c.extend(&own, "cluster", misp.Append(nil, &whole))
			c.publish(head{typ: typ, id: id, created: created, source: k.UUID.V, shared: true}, own)
		}
		if from != "" {
			word := "related-to"
			if strings.HasPrefix(from, "indicator--") && typ != "course-of-action" && typ != "identity" && typ != "location" && typ != "vulnerability" {
				word = "indicates"
			}
			c.relate(link{source: from, target: id, typ: word, created: created}, tags)
		}
	}
}

func clusterProps(typ string, g *misp.Galaxy, k *misp.GalaxyCluster) props {
	name := withoutNumber(k.Value.V)
	var own props
	own.text("name", cmpOr(name, "unnamed"))
	own.text("description", cmpOr(k.Description.V, g.Description.V))
	switch typ {
	case "malware":
		own.truth("is_family", true)
	case "identity":
		own.text("identity_class", "class")
	case "location":
		if cc := strings.ToUpper(meta(k, "ISO", "country")); len(cc) == 2 {
			own.text("country", cc)
		} else {
			own.text("region", strings.ToLower(name))
		}
	case "x-misp-galaxy-cluster":
		own = nil
		own.text("x_misp_name", g.Name.V)
		own.text("x_misp_type", cmpOr(k.Type.V, g.Type.V))
		own.text("x_misp_value", k.Value.V)
		own.text("x_misp_description", cmpOr(k.Description.V, k.Value.V)) // readers ask for one
	}
	if key := map[string]string{"malware": "aliases", "tool": "aliases", "threat-actor": "aliases", "intrusion-set": "aliases", "attack-pattern": "aliases"}[typ]; key != "" {
		own.texts(key, metaAll(k, "synonyms"))
	}
	if typ == "attack-pattern" || typ == "malware" || typ == "tool" {
		own.raw("kill_chain_phases", killChain(metaAll(k, "kill_chain")))
	}
	own.raw("external_references", clusterReferences(k))
	own.texts("labels", []string{`misp:galaxy-name="` + g.Name.V + `"`, `misp:galaxy-type="` + cmpOr(k.Type.V, g.Type.V) + `"`})
	return own
}

// withoutNumber takes the catalogue's number off a name: "New Service - T1050".
func withoutNumber(s string) string {
	i := strings.LastIndex(s, " - ")
	if i < 1 || len(s)-i < 7 || strings.Trim(s[i+4:], "0123456789.") != "" {
		return s
	}
	return s[:i]
}

func metaAll(k *misp.GalaxyCluster, key string) []string {
	for _, e := range k.Meta {
		if e.Key == key {
			return distinct(e.Values)
		}
	}
	return nil
}

func meta(k *misp.GalaxyCluster, keys ...string) string {
	for _, key := range keys {
		if v := metaAll(k, key); len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

// distinct drops empty and repeated texts.
func distinct(list []string) []string {
	seen := map[string]bool{"": true}
	var out []string
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

func killChain(list []string) []byte {
	var out [][]byte
	for _, s := range list {
		f := strings.Split(s, ":")
		if len(f) >= 2 && f[0] != "" && f[len(f)-1] != "" {
			out = append(out, append(one("kill_chain_name", f[0]), one("phase_name", f[len(f)-1])...).append(nil))
		}
	}
	return appendRaws(out)
}

func clusterReferences(k *misp.GalaxyCluster) []byte {
	var out [][]byte
	for _, id := range metaAll(k, "external_id") {
		source := "mitre-attack"
		if strings.HasPrefix(id, "CAPEC-") {
			source = "capec"
		}
		out = append(out, append(one("source_name", source), one("external_id", id)...).append(nil))
	}
	for _, u := range metaAll(k, "refs") {
		if isURI(u) {
			out = append(out, append(one("source_name", "url"), one("url", u)...).append(nil))
		}
	}
	return appendRaws(out)
}
