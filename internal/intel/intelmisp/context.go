package intelmisp

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/gist"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// labels is what the events of a search carry: names, however many events there are.
type labels struct {
	tags    map[string]bool
	uses    map[string]int64 // of clusters, by tag
	sighted []sightedTag
}

type sightedTag struct {
	tag, event, date string
	until            int64
}

// sightedTags bounds what attack-sightings lists.
const sightedTags = 100_000

// context answers the formats that sum up the labels of events.
func (s *search) context() error {
	l := &labels{tags: map[string]bool{}, uses: map[string]int64{}}
	total, err := s.a.Intel.SearchEvents(s.c.ctx(), s.c.who, s.q, func(e *intel.Event) error { return s.gather(l, e) })
	if err != nil {
		return err
	}
	s.n = total
	g, err := s.gist(l)
	if err != nil {
		return err
	}
	var text []byte
	switch s.format {
	case "context-markdown":
		text = []byte(g.Markdown())
	case "attack":
		text = []byte(g.Matrix())
	case "attack-sightings":
		text, err = g.AttackSightings()
	default:
		text = []byte(g.HTML())
	}
	if err != nil {
		return err
	}
	_, err = s.out.Write(text)
	return err
}

func (s *search) gather(l *labels, e *intel.Event) error {
	take := func(uses []intel.TagUse) {
		for i := range uses {
			switch t := &uses[i]; {
			case !t.Exportable || s.show.noLocal && (t.Local || t.LocalOnly):
			case !t.Galaxy():
				l.tags[t.Name] = true
			default:
				l.uses[t.Name]++
				if strings.Contains(t.Name, "attack-pattern") && len(l.sighted) < sightedTags {
					l.sighted = append(l.sighted, sightedTag{t.Name, e.UUID, e.Date, e.Timestamp})
				}
			}
		}
	}
	take(e.Tags)
	q := intel.Query{Events: []string{e.Ref()}, Tag: intel.Filter{Or: []string{"%:%"}}, WithTags: true, Leaving: s.q.Leaving}
	return s.a.Intel.SearchAttributes(s.c.ctx(), s.c.who, q, func(at *intel.Attribute) error { take(at.Tags); return nil })
}

// gist gives names their meanings from the catalogues.
func (s *search) gist(l *labels) (*gist.Gist, error) {
	g := &gist.Gist{}
	by := map[string][]string{}
	for name := range l.tags {
		space, _, ok := strings.Cut(name, ":")
		if !ok {
			space = ""
		}
		by[space] = append(by[space], name)
	}
	for space, names := range by {
		about, meaning, err := s.taxonomy(space)
		if err != nil {
			return nil, err
		}
		slices.Sort(names)
		sp := gist.Space{Name: space, About: about}
		for _, n := range names {
			sp.Labels = append(sp.Labels, gist.Label{Name: n, Meaning: meaning[strings.ToLower(n)]})
		}
		g.Spaces = append(g.Spaces, sp)
	}
	slices.SortFunc(g.Spaces, func(a, b gist.Space) int { return cmp.Compare(a.Name, b.Name) })
	return g, s.clusters(l, g)
}

func (s *search) clusters(l *labels, g *gist.Gist) error {
	if len(l.uses) == 0 {
		return nil
	}
	var names []string
	for name := range l.uses {
		names = append(names, name)
	}
	found, err := s.a.Catalog.ClustersOfTags(s.c.ctx(), s.c.who, names)
	if err != nil {
		return err
	}
	of := map[string]gist.Cluster{}
	for _, name := range names {
		if cl, ok := found[strings.ToLower(name)]; ok {
			c := clusterGist(cl)
			c.Uses = l.uses[name]
			of[name] = c
			g.Clusters = append(g.Clusters, c)
		}
	}
	slices.SortFunc(g.Clusters, func(a, b gist.Cluster) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value)) })
	for _, x := range l.sighted {
		if c := of[x.tag]; c.Technique != "" {
			g.Sightings = append(g.Sightings, gist.Sighting{Event: x.event, Technique: c.Technique, Tactic: strings.Join(c.Tactics[:min(1, len(c.Tactics))], ""), Date: x.date, Until: x.until})
		}
	}
	return nil
}

// taxonomy gives what a taxonomy and its tags mean here; nothing for an unknown one.
func (s *search) taxonomy(space string) (about string, meaning map[string]string, err error) {
	meaning = map[string]string{}
	if space == "" {
		return "", meaning, nil
	}
	it, _, err := s.a.Catalog.Get(s.c.ctx(), s.c.who, catalog.Taxonomy, space)
	if err == nil {
		var list []catalog.Entry
		list, err = s.a.Catalog.Entries(s.c.ctx(), s.c.who, space)
		for _, e := range list {
			meaning[strings.ToLower(e.Tag)] = cmp.Or(e.Description, e.Expanded)
		}
	}
	return it.Description, meaning, instead(err, nil, fault.NotFound)
}

// clusterGist is what of a cluster's JSON is summed up. A kill chain's tactic is its
// last part: "mitre-attack:Windows:initial-access".
func clusterGist(cl catalog.Cluster) gist.Cluster {
	var up struct {
		Description string `json:"description"`
		Meta        struct {
			KillChain  []string `json:"kill_chain"`
			ExternalID any      `json:"external_id"`
		} `json:"meta"`
	}
	_ = json.Unmarshal(cl.Body, &up) // what cannot be read is left out
	g := gist.Cluster{Type: cl.Type, Value: cl.Value, About: up.Description}
	if list := texts(up.Meta.ExternalID); len(list) > 0 && strings.Contains(cl.Type, "attack-pattern") {
		g.Technique = list[0]
	}
	for _, k := range up.Meta.KillChain {
		g.Tactics = append(g.Tactics, k[strings.LastIndexByte(k, ':')+1:])
	}
	return g
}
