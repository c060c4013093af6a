package intel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// cast is the world of the visibility tests: three organisations, two CERTs, one
// sharing group of Alfa and Beta from which Gama was withdrawn.
type cast struct {
	*inteltest.World
	who    map[string]ident.Actor
	group  intel.SharingGroup
	events map[string]intel.Event
}

func newCast(t *testing.T, db *store.DB) *cast {
	c := &cast{World: inteltest.New(t, db), who: map[string]ident.Actor{}, events: map[string]intel.Event{}}
	for name, org := range map[string]intel.Org{"alfa": c.A, "beta": c.B, "gama": c.C} {
		c.who[name] = c.Person(org, access.OrgAdmin, ident.MISP)
	}
	c.who["cert"] = c.Person(c.CERT, access.Analyst, ident.Web)
	c.who["cert2"] = c.Person(c.CERT2, access.Analyst, ident.Web)
	g, err := c.Intel.AddGroup(ctx, c.who["alfa"], intel.SharingGroup{Name: "Alfa and friends", Active: true,
		Orgs: []intel.GroupOrg{{Org: c.B}, {Org: intel.Org{UUID: c.C.UUID}}}})
	must(t, err)
	must(t, c.Intel.RemoveGroupOrg(ctx, c.who["alfa"], g.UUID, c.C))
	c.group = g
	for name, a := range c.who {
		c.who[name] = c.Again(a)
	}
	return c
}

// value is the attribute by which a row of the table is recognised.
func value(name string) misp.Attribute { return inteltest.Attr("domain", name+".example.com") }

func (c *cast) fill() {
	at := func(a misp.Attribute, level intel.Distribution, group int64) misp.Attribute {
		a.Distribution, a.SharingGroupID = misp.N(int64(level)), misp.N(group)
		return a
	}
	add := func(name string, level intel.Distribution, attrs ...misp.Attribute) {
		e := inteltest.Event(name, level, attrs...)
		e.Object = []misp.Object{
			{Name: misp.T("domain-ip"), Distribution: misp.N(0), Attribute: []misp.Attribute{value(name + "-in-own-object")}},
			{Name: misp.T("domain-ip"), Attribute: []misp.Attribute{value(name + "-in-object"), at(value(name+"-own-in-object"), intel.OwnOrg, 0)}},
			{Name: misp.T("domain-ip"), Distribution: misp.N(4), SharingGroupID: misp.N(c.group.ID), Attribute: []misp.Attribute{at(value(name+"-all-in-group-object"), intel.All, 0)}},
		}
		if level == intel.Group {
			e.SharingGroupID = misp.N(c.group.ID)
		}
		c.events[name] = c.Add(c.who["alfa"], e)
	}
	for name, level := range map[string]intel.Distribution{"own": intel.OwnOrg, "community": intel.Community, "all": intel.All, "group": intel.Group} {
		add(name, level, value(name+"-inherit"), at(value(name+"-own"), intel.OwnOrg, 0), at(value(name+"-all"), intel.All, 0),
			at(value(name+"-group"), intel.Group, c.group.ID), at(value(name+"-unknown-group"), intel.Group, 4711))
	}
}

// want computes, outside SQL, whether somebody sees a row: event and object and attribute.
func want(who, row string) bool {
	event, part, _ := strings.Cut(row, "-")
	level := func(l string) bool {
		switch l {
		case "own":
			return who == "alfa"
		case "group":
			return who == "alfa" || who == "beta"
		}
		return true
	}
	child := map[string]bool{"inherit": true, "own": level("own"), "all": true, "group": level("group"), "unknown-group": level("own"),
		"in-own-object": level("own"), "in-object": true, "own-in-object": level("own"), "all-in-group-object": level("group")}
	return level(event) && child[part]
}

var parts = []string{"inherit", "own", "all", "group", "unknown-group", "in-own-object", "in-object", "own-in-object", "all-in-group-object"}

// TestEventAndObjectAndAttribute: every way to read gives the same answer as the
// rule computed by hand.
func TestEventAndObjectAndAttribute(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCast(t, db)
		c.fill()
		for name, who := range c.who {
			var expect []string
			for _, e := range []string{"own", "community", "all", "group"} {
				n := int64(0)
				for _, p := range parts {
					if want(name, e+"-"+p) {
						expect = append(expect, e+"-"+p+".example.com")
						n++
					}
				}
				head, err := c.Intel.Event(ctx, who, c.events[e].UUID)
				if visible := want(name, e+"-inherit"); visible != (err == nil) {
					t.Errorf("%s and event %s: %v", name, e, err)
				}
				if err == nil && head.Attributes != n {
					t.Errorf("%s counts %d attributes in %s, sees %d", name, head.Attributes, e, n)
				}
			}
			slices.Sort(expect)
			for way, got := range c.ways(t, who) {
				slices.Sort(got)
				if diff := cmp.Diff(expect, got); diff != "" {
					t.Errorf("%s by %s (-rule +seen):\n%s", name, way, diff)
				}
			}
			n, err := c.Intel.CountAttributes(ctx, who, intel.Query{})
			if err != nil || n != int64(len(expect)) {
				t.Errorf("%s counts %d of %d, %v", name, n, len(expect), err)
			}
		}
	})
}

// ways lists the values that somebody gets by each way of reading.
func (c *cast) ways(t *testing.T, who ident.Actor) map[string][]string {
	out := map[string][]string{}
	search := func(way string, q intel.Query) {
		must(t, c.Intel.SearchAttributes(ctx, who, q, func(a *intel.Attribute) error {
			out[way] = append(out[way], a.Value)
			return nil
		}))
	}
	search("walk", intel.Query{})
	search("pattern", intel.Query{Value: intel.Filter{Or: []string{"%EXAMPLE.com"}}})
	search("text", intel.Query{Text: "example"})
	search("type", intel.Query{Type: intel.Filter{Or: []string{"domain"}}})
	for _, e := range []string{"own", "community", "all", "group"} {
		for _, p := range parts {
			search("value", intel.Query{Value: intel.Filter{Or: []string{e + "-" + p + ".EXAMPLE.com"}}})
		}
		search("event", intel.Query{Events: []string{c.events[e].UUID}})
		_ = c.Intel.Attributes(ctx, who, c.events[e].UUID, intel.Part{}, func(a *intel.Attribute) error {
			out["view"] = append(out["view"], a.Value)
			return nil
		})
		_ = c.Intel.Objects(ctx, who, c.events[e].UUID, intel.Part{}, func(o *intel.Object) error {
			for _, a := range o.Attributes {
				out["view"] = append(out["view"], a.Value)
			}
			return nil
		})
	}
	var found []string
	_, err := c.Intel.SearchEvents(ctx, who, intel.Query{Value: intel.Filter{Or: []string{"%.example.com"}}}, func(e *intel.Event) error {
		found = append(found, e.Info)
		return nil
	})
	must(t, err)
	for _, e := range []string{"own", "community", "all", "group"} {
		if want(nameOf(c, who), e+"-inherit") != slices.Contains(found, e) {
			t.Errorf("event search of %s: %v", nameOf(c, who), found)
		}
	}
	return out
}

func nameOf(c *cast, who ident.Actor) string {
	for n, w := range c.who {
		if w.Person == who.Person {
			return n
		}
	}
	return ""
}

// TestNothingLeaksByCorrelation: a value that stands hidden in one event and
// visible in another gives no hint, in counts, lists or extraction.
func TestNothingLeaksByCorrelation(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCast(t, db)
		c.fill()
		mine := map[string]intel.Event{}
		for _, name := range []string{"alfa", "beta", "gama"} {
			var attrs []misp.Attribute
			for _, e := range []string{"own", "community", "all", "group"} {
				for _, p := range parts {
					attrs = append(attrs, value(e+"-"+p))
				}
			}
			mine[name] = c.Add(c.who[name], inteltest.Event("of "+name, intel.OwnOrg, attrs...))
		}
		for _, name := range []string{"alfa", "beta", "gama"} {
			got := map[string]int64{}
			list, complete, err := c.Intel.Correlations(ctx, c.who[name], mine[name].UUID, 0)
			must(t, err)
			for _, r := range list {
				got[r.Event.Info] = r.Count
			}
			expect := map[string]int64{}
			for _, e := range []string{"own", "community", "all", "group"} {
				for _, p := range parts {
					if want(name, e+"-"+p) {
						expect[e]++
					}
				}
			}
			if diff := cmp.Diff(expect, got); diff != "" || !complete {
				t.Errorf("%s correlates (-rule +got), complete %v:\n%s", name, complete, diff)
			}
			var related int64
			must(t, c.Intel.Attributes(ctx, c.who[name], mine[name].UUID, intel.Part{}, func(a *intel.Attribute) error {
				m, err := c.Intel.RelatedTo(ctx, c.who[name], []*intel.Attribute{a}, 10)
				related += int64(len(m[a.ID]))
				return err
			}))
			sum := int64(0)
			for _, n := range expect {
				sum += n
			}
			if related != sum {
				t.Errorf("%s: %d related attributes, %d by the rule", name, related, sum)
			}
			cands, _, err := c.Intel.Extract(ctx, c.who[name], "seen: own-own[.]example[.]com and group-group.example.com, http://all-all.example.com/x")
			must(t, err)
			for _, k := range cands {
				row := strings.TrimSuffix(k.Value, ".example.com")
				n := 1 // one's own event holds it as well
				if !strings.HasSuffix(k.Value, ".example.com") {
					continue
				}
				if want(name, row) {
					n++
				}
				if k.KnownCount != n || len(k.Known) != n {
					t.Errorf("%s: %s is known in %d events, %d by the rule", name, k.Value, k.KnownCount, n)
				}
			}
		}
	})
}

// TestTagsTellNothing: the name of a tag is known where its use is seen.
func TestTagsTellNothing(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCast(t, db)
		_, err := c.Intel.AddTag(ctx, c.who["cert"], intel.Tag{Name: "word:common", Exportable: true})
		must(t, err)
		for name, level := range map[string]intel.Distribution{"own": intel.OwnOrg, "group": intel.Group, "all": intel.All} {
			a := value("t-" + name)
			a.Tag = []misp.Tag{{Name: misp.T("canary:attribute-of-" + name)}}
			e := inteltest.Event("e", level, a)
			e.Tag, e.SharingGroupID = []misp.Tag{{Name: misp.T("canary:" + name)}}, misp.N(c.group.ID)
			c.Add(c.who["alfa"], e)
		}
		for name, n := range map[string]int{"alfa": 7, "beta": 5, "gama": 3, "cert2": 3} {
			var got []string
			must(t, c.Intel.Tags(ctx, c.who[name], func(t intel.Tag) error { got = append(got, t.Name); return nil }))
			if len(got) != n {
				t.Errorf("%s knows %v", name, got)
			}
			_, _, _, err := c.Intel.Tag(ctx, c.who[name], "canary:own")
			if (err == nil) != (name == "alfa") {
				t.Errorf("%s looks the tag up: %v", name, err)
			}
		}
	})
}

// TestSomebodyElsesEventIsNotThere: what is not seen is NotFound for every act.
func TestSomebodyElsesEventIsNotThere(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCast(t, db)
		c.fill()
		e := c.events["own"]
		var attr intel.Attribute
		must(t, c.Intel.Attributes(ctx, c.who["alfa"], e.UUID, intel.Part{Limit: 1}, func(a *intel.Attribute) error { attr = *a; return nil }))
		who := c.who["gama"]
		acts := map[string]func() error{
			"event":     func() error { _, err := c.Intel.Event(ctx, who, e.UUID); return err },
			"attribute": func() error { _, err := c.Intel.Attribute(ctx, who, attr.UUID); return err },
			"data":      func() error { _, err := c.Intel.Data(ctx, who, attr.UUID); return err },
			"edit": func() error {
				_, err := c.Intel.EditEvent(ctx, who, e.UUID, intel.FromEvent(&misp.Event{Info: misp.T("x")}), intel.AddOptions{})
				return err
			},
			"delete":      func() error { return c.Intel.DeleteEvent(ctx, who, fmt.Sprint(e.ID)) },
			"publish":     func() error { return c.Intel.Publish(ctx, who, e.UUID) },
			"correlation": func() error { _, _, err := c.Intel.Correlations(ctx, who, e.UUID, 0); return err },
			"tag": func() error {
				_, err := c.Intel.Attach(ctx, who, intel.Target{Event: e.UUID}, []string{"tlp:red"}, false)
				return err
			},
			"tag below": func() error {
				_, err := c.Intel.Attach(ctx, who, intel.Target{Attribute: attr.UUID}, []string{"tlp:red"}, false)
				return err
			},
			"remove": func() error { _, err := c.Intel.DeleteAttribute(ctx, who, attr.UUID, true); return err },
			"change": func() error {
				_, err := c.Intel.EditAttribute(ctx, who, attr.UUID, misp.Attribute{Comment: misp.T("x")})
				return err
			},
			"add": func() error {
				_, _, err := c.Intel.AddAttributes(ctx, who, e.UUID, []misp.Attribute{value("x")}, false)
				return err
			},
			"group":   func() error { _, err := c.Intel.SharingGroup(ctx, who, c.group.UUID); return err },
			"origins": func() error { _, err := c.Intel.Origins(ctx, who, e.UUID); return err },
		}
		for name, act := range acts {
			if err := act(); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		// What is seen but somebody else's may not be changed.
		if err := c.Intel.DeleteEvent(ctx, c.who["beta"], c.events["all"].UUID); !fault.Is(err, fault.Denied) {
			t.Errorf("deleting another's event: %v", err)
		}
	})
}
