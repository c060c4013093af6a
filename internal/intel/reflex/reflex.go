// Package reflex is the chamber of the room of threat data that offers it to rules
// without code (craft/rule): what can happen to an event (it is published,
// correlates, is sighted, by somebody of ours, names something of ours, its indicators
// run out), what a condition may ask of it, and what can be done to it. It owns no table.
//
// Invariants: every fact is what the rule's person sees of the event; what a list of
// values is held against is bounded, so that an event of 350,000 attributes costs a
// rule no more than one of 20,000. Nothing here publishes: an act that would widen
// an audience is not offered. A collection narrows: its readers see what they saw.
package reflex

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"straza/internal/craft/pack"
	"straza/internal/craft/rule"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/registry"
)

// Bounds of what a rule looks at.
const (
	attributes = 20_000
	related    = 50
	names      = 2_000 // values held against the registry
)

// Deps is what it reads.
type Deps struct {
	Intel    *intel.Service
	Registry *registry.Service
	Expiry   Expiry
	Enrich   Enrich
}

type room struct{ Deps }

// Happenings are the outbox events that the triggers listen to, by trigger.
const (
	Published  = "event.published"
	Correlated = "event.correlated"
	Ours       = "event.ours"
	Sighted    = "event.sighted"
	Met        = "event.met"
	Lapsed     = "event.expired"
)

// Names are all of them, for rooms that act on events.
func Names() []string { return []string{Published, Correlated, Ours, Sighted, Met, Lapsed} }

// Triggers are what can happen to an event.
func Triggers(d Deps) []rule.Trigger {
	r := room{d}
	on := func(name, event string, stage func(*rule.Subject) bool) rule.Trigger {
		return rule.Trigger{Name: name, Event: event, Facts: facts(), ID: idOf, Load: r.load, Recent: r.recent, Stage: stage, Perm: "intel.read"}
	}
	return []rule.Trigger{
		on(Published, intel.EventPublished{}.EventType(), nil),
		on(Correlated, intel.EventPublished{}.EventType(), func(s *rule.Subject) bool { return number(s, "related") > 0 }),
		on(Ours, intel.EventPublished{}.EventType(), func(s *rule.Subject) bool { return number(s, "ours_count") > 0 }),
		on(Sighted, intel.EventSighted{}.EventType(), func(s *rule.Subject) bool { return number(s, "sightings")+number(s, "false_positives") > 0 }),
		on(Met, intel.EventSighted{}.EventType(), func(s *rule.Subject) bool { yes, _ := s.Facts.Fact("home_now").Bool(); return yes }),
		r.lapsed(),
	}
}

func number(s *rule.Subject, name string) float64 { f, _ := s.Facts.Fact(name).Float(); return f }

func facts() []rule.Fact {
	return []rule.Fact{
		{Name: "tags", Kind: pack.Many}, {Name: "taxonomies", Kind: pack.Many}, {Name: "words", Kind: pack.Many, Folded: true},
		{Name: "tlp", Kind: pack.Word, Choices: []string{"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED", "NONE"}},
		{Name: "threat", Kind: pack.Word, Choices: []string{"high", "medium", "low", "undefined"}},
		{Name: "analysis", Kind: pack.Word, Choices: []string{"initial", "ongoing", "complete"}},
		{Name: "origin", Kind: pack.Word, Folded: true}, {Name: "local", Kind: pack.Yesno}, {Name: "mine", Kind: pack.Yesno},
		{Name: "types", Kind: pack.Many}, {Name: "attributes", Kind: pack.Number}, {Name: "detection", Kind: pack.Yesno},
		{Name: "related", Kind: pack.Number}, {Name: "ours", Kind: pack.Many, Folded: true}, {Name: "ours_count", Kind: pack.Number},
		{Name: "sectors", Kind: pack.Many}, {Name: "sightings", Kind: pack.Number}, {Name: "false_positives", Kind: pack.Number},
		{Name: "home", Kind: pack.Many, Folded: true}, {Name: "home_now", Kind: pack.Yesno},
	}
}

// idOf reads the event's id from what the outbox holds.
func idOf(payload json.RawMessage) (int64, error) {
	var e struct {
		ID    int64 `json:"id"`
		Event int64 `json:"event"`
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return 0, err
	}
	return max(e.ID, e.Event), nil
}

func (r room) load(ctx context.Context, who ident.Actor, id int64) (*rule.Subject, error) {
	e, err := r.Intel.Event(ctx, who, strconv.FormatInt(id, 10))
	if err != nil {
		return nil, err
	}
	s := head(who, &e)
	if err := r.values(ctx, who, &e, s.Facts); err != nil {
		return nil, err
	}
	list, _, err := r.Intel.Correlations(ctx, who, e.Ref(), related)
	if err != nil {
		return nil, err
	}
	s.Facts["related"] = pack.Num(float64(len(list)))
	return s, r.sightings(ctx, who, &e, s.Facts)
}

// recent gives the last published events; what needs all values is read for each.
func (r room) recent(ctx context.Context, who ident.Actor, n int) (out []*rule.Subject, err error) {
	yes, ids := true, []int64(nil)
	if _, err = r.Intel.SearchEvents(ctx, who, intel.Query{IsPublished: &yes, Sort: "changed", Desc: true, Limit: n, Page: 1}, func(e *intel.Event) error {
		ids = append(ids, e.ID)
		return nil
	}); err != nil {
		return nil, err
	}
	for _, id := range ids {
		s, err := r.load(ctx, who, id)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// head is what the header of an event says.
func head(who ident.Actor, e *intel.Event) *rule.Subject {
	var tags, spaces []string
	for _, t := range e.Tags {
		tags = append(tags, t.Name)
		if ns, _, ok := strings.Cut(t.Name, ":"); ok {
			spaces = append(spaces, ns)
		}
	}
	label := e.TLP
	if label == "" {
		label = "NONE"
	}
	level := map[int]string{1: "high", 2: "medium", 3: "low"}[e.Threat]
	if level == "" {
		level = "undefined"
	}
	state := map[int]string{0: "initial", 1: "ongoing", 2: "complete"}[e.Analysis]
	return &rule.Subject{ID: e.ID, Title: e.Info, Path: "/console/events/" + e.Ref(), Own: "/portal/events/" + e.Ref(), Label: e.TLP, At: e.Changed,
		Facts: pack.Map{"tags": pack.Texts(tags...), "taxonomies": pack.Texts(spaces...), "words": pack.Texts(words(e.Info)...), "tlp": pack.Text(label),
			"threat": pack.Text(level), "analysis": pack.Text(state), "origin": pack.Text(i18n.Fold(e.Origin.Name)), "local": pack.Yes(!e.Locked),
			"mine": pack.Yes(e.Origin.ID == who.Org && who.Org != 0), "attributes": pack.Num(float64(e.Attributes))}}
}

// words are the folded words of a title.
func words(s string) []string {
	return strings.FieldsFunc(i18n.Fold(s), func(r rune) bool { return strings.ContainsRune(" \t\n.,;:!?()[]{}\"'„“”«»/|", r) })
}

var errEnough = errors.New("enough")

// values looks through the attributes: their types, whether some are for detection,
// and what of ours they name.
func (r room) values(ctx context.Context, who ident.Actor, e *intel.Event, f pack.Map) error {
	types, clues, detection, n := map[string]bool{}, map[registry.Clue]bool{}, false, 0
	err := r.Intel.SearchAttributes(ctx, who, intel.Query{Events: []string{e.Ref()}, Limit: attributes}, func(a *intel.Attribute) error {
		if n++; n > attributes {
			return errEnough
		}
		types[a.Type], detection = true, detection || a.ToIDS
		if c, ok := clue(a.Type, a.Value); ok && len(clues) < names {
			clues[c] = true
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	var kinds []string
	for t := range types {
		kinds = append(kinds, t)
	}
	f["types"], f["detection"] = pack.Texts(kinds...), pack.Yes(detection)
	return r.ours(ctx, who, clues, f)
}

// clue is the part of a value that can belong to somebody in the registry.
func clue(typ, value string) (registry.Clue, bool) {
	first, second, _ := strings.Cut(value, "|")
	switch typ {
	case "ip-src", "ip-dst", "ip-src|port", "ip-dst|port":
		a, err := netip.ParseAddr(first)
		return registry.Clue{Address: a}, err == nil
	case "domain", "hostname", "hostname|port":
		return registry.Clue{Domain: strings.ToLower(first)}, first != ""
	case "domain|ip":
		a, _ := netip.ParseAddr(second)
		return registry.Clue{Domain: strings.ToLower(first), Address: a}, first != ""
	case "url", "uri":
		u, err := url.Parse(value)
		return registry.Clue{Domain: strings.ToLower(hostOf(u))}, err == nil && hostOf(u) != ""
	case "email", "email-src", "email-dst", "target-email":
		_, d, ok := strings.Cut(value, "@")
		return registry.Clue{Domain: strings.ToLower(d)}, ok
	}
	return registry.Clue{}, false
}

func hostOf(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.Hostname()
}

// ours names the registered organisations whose networks and domains the values are of.
func (r room) ours(ctx context.Context, who ident.Actor, clues map[registry.Clue]bool, f pack.Map) error {
	orgs, sectors := map[string]bool{}, map[string]bool{}
	for c := range clues {
		m, found, err := r.Registry.Recognise(ctx, who, c)
		if fault.Is(err, fault.Denied) {
			break
		}
		if err != nil {
			return err
		}
		if found {
			orgs[i18n.Fold(m.Organisation.Name)] = true
			if m.Organisation.Sector != "" {
				sectors[m.Organisation.Sector] = true
			}
		}
	}
	f["ours"], f["ours_count"], f["sectors"] = pack.Texts(keys(orgs)...), pack.Num(float64(len(orgs))), pack.Texts(keys(sectors)...)
	return nil
}

func keys(m map[string]bool) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

// sightings counts them, and names the organisations of our constituency among who saw
// something; home_now: the last sighting is from there.
func (r room) sightings(ctx context.Context, who ident.Actor, e *intel.Event, f pack.Map) error {
	seen, falsely, n := 0, 0, 0
	saw, last := map[int64]string{}, int64(0)
	err := r.Intel.Sightings(ctx, who, intel.SightingFilter{Event: e.Ref()}, func(g *intel.Sighting) error {
		switch g.Kind {
		case intel.Seen:
			seen++
			saw[g.Org.ID], last = g.Org.Name, g.Org.ID
		case intel.FalsePositive:
			falsely++
		}
		if n++; n >= attributes {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	home, now := map[string]bool{}, false
	for id, name := range saw {
		ours, err := r.home(ctx, who, id)
		if err != nil {
			return err
		}
		if ours {
			home[i18n.Fold(name)], now = true, now || id == last
		}
	}
	f["sightings"], f["false_positives"] = pack.Num(float64(seen)), pack.Num(float64(falsely))
	f["home"], f["home_now"] = pack.Texts(keys(home)...), pack.Yes(now)
	return nil
}

// home tells whether an organisation is of the constituency of the caller's CERT, which
// is not its own.
func (r room) home(ctx context.Context, who ident.Actor, org int64) (bool, error) {
	if who.CERT == 0 || org == 0 || org == who.CERT {
		return false, nil
	}
	owner, err := r.Registry.Owner(ctx, who, org)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) {
		return false, nil
	}
	return owner == who.CERT, err
}
