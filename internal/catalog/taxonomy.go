package catalog

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"straza/internal/kernel/ident"
)

// Conflict is a set of attached tags of which only one may stand.
type Conflict struct {
	Scope string   // the taxonomy, or taxonomy:predicate
	Tags  []string // as they are attached
}

// conflicts tells which tags exclude each other: those of an exclusive taxonomy,
// and those of an exclusive predicate. Pure; of tags outside it says nothing.
func conflicts(entries []Entry, namespace string, whole bool, tags []string) (out []Conflict) {
	scope := map[string]string{}
	for _, e := range entries {
		switch {
		case whole:
			scope[strings.ToLower(e.Tag)] = namespace
		case e.Exclusive:
			scope[strings.ToLower(e.Tag)] = namespace + ":" + e.predicate()
		}
	}
	by := map[string][]string{}
	for _, t := range tags {
		if s := scope[strings.ToLower(t)]; s != "" && !slices.Contains(by[s], t) {
			by[s] = append(by[s], t)
		}
	}
	for s, list := range by {
		if len(list) > 1 {
			slices.Sort(list)
			out = append(out, Conflict{s, list})
		}
	}
	slices.SortFunc(out, func(a, b Conflict) int { return strings.Compare(a.Scope, b.Scope) })
	return out
}

// predicate is the tag's second part, without its value.
func (e Entry) predicate() string {
	_, rest, _ := strings.Cut(e.Tag, ":")
	p, _, _ := strings.Cut(rest, "=")
	return p
}

func namespaceOf(tag string) string {
	ns, _, _ := strings.Cut(tag, ":")
	return strings.ToLower(ns)
}

// Conflicts tells which of the tags that hang on one thing exclude each other by
// the taxonomies in force. Everybody with an account may ask.
func (s *Service) Conflicts(ctx context.Context, who ident.Actor, tags []string) (out []Conflict, err error) {
	count := map[string]int{}
	for _, t := range tags {
		count[namespaceOf(t)]++
	}
	for ns, n := range count {
		if n < 2 || ns == "misp-galaxy" {
			continue
		}
		it, entries, err := s.taxonomy(ctx, who, ns)
		if err != nil {
			if it.ID == 0 {
				continue // a namespace without a taxonomy
			}
			return nil, err
		}
		if it.Enabled {
			out = append(out, conflicts(entries, it.Name, it.Exclusive, tags)...)
		}
	}
	slices.SortFunc(out, func(a, b Conflict) int { return strings.Compare(a.Scope, b.Scope) })
	return out, nil
}

func (s *Service) taxonomy(ctx context.Context, who ident.Actor, ref string) (it Item, entries []Entry, err error) {
	it, body, err := s.Get(ctx, who, Taxonomy, ref)
	if err != nil {
		return it, nil, err
	}
	var m machinetag
	err = json.Unmarshal(body, &m)
	return it, m.entries(), err
}

// Missing names the taxonomies in force of which an event must carry a tag before
// it is published, and carries none.
func (s *Service) Missing(ctx context.Context, who ident.Actor, tags []string) (out []string, err error) {
	list, err := s.List(ctx, who, Taxonomy)
	if err != nil {
		return nil, err
	}
	for _, it := range list {
		has := slices.ContainsFunc(tags, func(t string) bool { return namespaceOf(t) == it.Key })
		if it.Required && it.Enabled && !has {
			out = append(out, it.Name)
		}
	}
	return out, nil
}
