package inteltaxii_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/format/taxii"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// sensor follows a collection by marks and holds what it was told.
type sensor struct {
	h     *house
	who   string
	alias string
	f     intel.NewsFilter
	mark  intel.Mark
	has   map[string]string // id → version
	told  map[string]bool   // id and place
	log   []string
}

// everywhere: what stands in many events is told where it comes first, and not taken back.
func everywhere(id string) bool {
	return strings.HasPrefix(id, "identity--") || strings.HasPrefix(id, "marking-definition--") || strings.HasPrefix(id, "extension-definition--")
}

func (s *sensor) apply(c *intel.News) {
	s.h.t.Helper()
	s.log = append(s.log, string(c.Kind)+" "+c.Type)
	switch c.Kind {
	case intel.Added, intel.Changed:
		key := c.ID + " " + taxii.Micros(c.At)
		if s.told[key] && !everywhere(c.ID) {
			s.h.t.Errorf("%s is told twice of %s", s.who, key)
		}
		if s.told == nil {
			s.told = map[string]bool{}
		}
		s.told[key] = true
		var o object
		s.h.Must(json.Unmarshal(c.JSON, &o))
		if o.ID != c.ID {
			s.h.t.Errorf("%s for %s", o.ID, c.ID)
		}
		s.has[c.ID] = c.Version
	default:
		if c.JSON != nil {
			s.h.t.Errorf("%s with its object", c.Kind)
		}
		delete(s.has, c.ID)
	}
}

// read takes pages of n to the end; rest stops after that many pages.
func (s *sensor) read(n, rest int) {
	s.h.t.Helper()
	who := s.h.Again(s.h.who[s.who]) // with the groups of this moment
	c, err := s.h.Intel.ReadableCollection(ctx, who, s.alias)
	s.h.Must(err)
	for ; rest > 0; rest-- {
		p, err := s.h.Intel.ReadChanges(ctx, who, c, s.f, s.mark, n)
		s.h.Must(err)
		for i := range p.List {
			s.apply(&p.List[i])
			if i%3 == 0 && i+1 < len(p.List) && n == 5 { // cut off in the middle of a page
				s.mark = p.List[i].Next
				goto next
			}
		}
		s.mark = p.Next
		if !p.More {
			return
		}
	next:
	}
}

// agrees compares what the sensor holds with what the collection holds for it.
func (s *sensor) agrees(when string) {
	s.h.t.Helper()
	want := map[string]string{}
	for _, m := range s.h.manifest(s.who, s.h.collection(s.who, s.alias), "") {
		want[m.ID] = m.Version
	}
	got := maps.Clone(s.has)
	for id := range got { // markings and identities are nobody's to take back
		if _, ok := want[id]; !ok && everywhere(id) {
			delete(got, id)
		}
	}
	for id := range want { // those without a version are dated, and stay when their first place leaves
		if _, ok := got[id]; ok && (everywhere(id) || len(want[id]) == 27) {
			got[id] = want[id]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.h.t.Errorf("%s, %s in %s: (-collection +sensor)\n%s", when, s.who, s.alias, diff)
	}
}

// TestChangesAddUp: whatever happens to events, and whenever somebody reads, in whatever
// portions and however often cut off, who has applied all changes holds what the
// collection holds, and was told of nothing twice.
func TestChangesAddUp(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.who["lead"] = h.lead()
		h.define(intel.Definition{Alias: "all"})
		h.define(intel.Definition{Alias: "some", Tags: []string{"wanted"}, Ceiling: tlp.Amber, Readers: intel.ReadNamed, Orgs: []intel.Org{h.A, h.B}})
		r := rand.New(rand.NewPCG(7, 7))
		var sensors []*sensor
		for _, x := range [][2]string{{"alfa", "all"}, {"beta", "all"}, {"gama", "all"}, {"beta", "some"}, {"alfa", "some"}} {
			sensors = append(sensors, &sensor{h: h, who: x[0], alias: x[1], has: map[string]string{}})
		}
		var events []string
		for step := range 120 {
			now.Add(time.Minute)
			h.happen(r, &events, step)
			for _, s := range sensors {
				switch r.IntN(4) {
				case 0:
					s.read(5, 1+r.IntN(2))
				case 1:
					s.read(1+r.IntN(40), 100)
				}
			}
			if step == 60 { // one that begins in the middle
				sensors = append(sensors, &sensor{h: h, who: "beta", alias: "all", has: map[string]string{}})
			}
		}
		for _, e := range events { // nobody is working on anything any more
			now.Add(time.Second)
			_ = h.Intel.Publish(ctx, h.who["alfa"], e)
		}
		h.drain(db)
		for _, s := range sensors {
			s.read(50, 1000)
			s.agrees("at the end")
			n := len(s.log)
			if s.read(50, 10); len(s.log) != n {
				t.Errorf("%s: %v with nothing new", s.who, s.log[n:])
			}
		}
	})
}

// happen does something to some event, or makes one.
func (h *house) happen(r *rand.Rand, events *[]string, step int) {
	h.t.Helper()
	who := h.who["alfa"]
	if len(*events) == 0 || r.IntN(4) == 0 {
		level := []intel.Distribution{intel.Community, intel.Community, intel.OwnOrg, intel.Group}[r.IntN(4)]
		e := sample(fmt.Sprintf("event %d", step), level, fmt.Sprintf("a%d.example.com", step), fmt.Sprintf("b%d.example.com", step))
		if level == intel.Group {
			e.SharingGroupID = misp.N(h.group.ID)
		}
		tags := []string{"tlp:green"}
		if r.IntN(2) == 0 {
			tags = append(tags, "wanted")
		}
		*events = append(*events, h.publish("alfa", tagged(e, tags...)).UUID)
		return
	}
	ref := (*events)[r.IntN(len(*events))]
	may := func(err error) {
		h.t.Helper()
		if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Denied) && !fault.Is(err, fault.Conflict) {
			h.t.Fatal(err)
		}
	}
	switch r.IntN(8) {
	case 0: // worked on, and waits
		_, _, err := h.Intel.AddAttributes(ctx, who, ref, []misp.Attribute{inteltest.Attr("domain", fmt.Sprintf("c%d.example.com", step))}, false)
		may(err)
	case 1, 2:
		may(h.Intel.Publish(ctx, who, ref))
	case 3:
		_, err := h.Intel.Attach(ctx, who, intel.Target{Event: ref}, []string{"wanted"}, true)
		may(err)
	case 4:
		may(h.Intel.Detach(ctx, who, intel.Target{Event: ref}, []string{"wanted"}))
	case 5:
		may(h.Intel.Unpublish(ctx, who, ref))
	case 6:
		if r.IntN(3) == 0 {
			may(h.Intel.DeleteEvent(ctx, who, ref))
		}
	case 7: // another circle of readers, seen when it is published again
		var of []string
		may(h.Intel.Attributes(ctx, who, ref, intel.Part{}, func(a *intel.Attribute) error { of = append(of, a.UUID); return nil }))
		if len(of) > 0 {
			_, err := h.Intel.EditAttribute(ctx, who, of[r.IntN(len(of))], misp.Attribute{Distribution: misp.N(int64(r.IntN(2) * 5))})
			may(err)
		}
	}
}

// TestChangesExpire: an indicator whose time is over leaves, and followers are told.
func TestChangesExpire(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		e := tagged(sample("timed", intel.Community, "stays.example.com"), "tlp:green")
		a := inteltest.Attr("domain", "timed.example.com")
		a.ToIDS, a.FirstSeen, a.LastSeen = misp.B(true), misp.T(now.Now().Add(-time.Hour).Format(time.RFC3339)), misp.T(now.Now().Add(2*time.Hour).Format(time.RFC3339))
		e.Attribute = append(e.Attribute, a)
		h.publish("alfa", e)
		h.define(intel.Definition{Alias: "timed", Lapse: true, Types: []string{"indicator"}})
		h.define(intel.Definition{Alias: "kept", Types: []string{"indicator"}})
		s := &sensor{h: h, who: "beta", alias: "timed", has: map[string]string{}, f: intel.NewsFilter{Types: []string{"indicator"}}}
		s.read(10, 10)
		if want := []string{"added indicator", "added indicator"}; !slices.Equal(s.log, want) {
			t.Errorf("%v", s.log)
		}
		now.Add(3 * time.Hour)
		for alias, want := range map[string]int{"timed": 1, "kept": 2} {
			if got := h.all("beta", h.collection("beta", alias), "match[type]=indicator"); len(got) != want {
				t.Errorf("%s: %d indicators", alias, len(got))
			}
		}
		h.sweep(db)
		s.log = nil
		s.read(10, 10)
		if want := []string{"expired indicator"}; !slices.Equal(s.log, want) || len(s.has) != 1 {
			t.Errorf("%v, %v", s.log, s.has)
		}
		h.sweep(db)
		s.log = nil
		if s.read(10, 10); len(s.log) != 0 {
			t.Errorf("told twice: %v", s.log)
		}
	})
}

// sweep runs what runs every few minutes.
func (h *house) sweep(db *store.DB) {
	h.t.Helper()
	for _, d := range h.Intel.Jobs() {
		if d.Kind == "intel.share-all" {
			h.Must(d.Run(ctx, nil))
		}
	}
}

// TestChangesDetect: a sensor that asks for the types of attribute it knows gets
// indicators of those alone, and the notes of those alone.
func TestChangesDetect(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.define(intel.Definition{Alias: "all"})
		e := tagged(sample("mixed", intel.Community, "one.example.com"), "tlp:green")
		ip := inteltest.Attr("ip-dst", "198.51.100.9")
		ip.ToIDS = misp.B(true)
		e.Attribute = append(e.Attribute, ip)
		got := h.publish("alfa", e)
		s := &sensor{h: h, who: "beta", alias: "all", has: map[string]string{}, f: intel.NewsFilter{Detects: []string{"ip-dst"}}}
		s.read(2, 20)
		h.Must(h.Intel.Unpublish(ctx, h.who["alfa"], got.UUID))
		s.read(2, 20)
		if want := []string{"added indicator", "retracted indicator"}; !slices.Equal(s.log, want) {
			t.Errorf("%v", s.log)
		}
		s.f.Detects = []string{"domain"}
		c, err := h.Intel.ReadableCollection(ctx, h.who["beta"], "all")
		h.Must(err)
		if _, err := h.Intel.ReadChanges(ctx, h.who["beta"], c, s.f, s.mark, 10); !fault.Is(err, fault.Invalid) {
			t.Errorf("another filter with the same mark: %v", err)
		}
	})
}

// TestChangesTellNobodyElse: of what somebody could not read nobody learns that it left.
func TestChangesTellNobodyElse(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.define(intel.Definition{Alias: "all", Readers: intel.ReadMembers})
		sensors := map[string]*sensor{}
		for _, who := range []string{"alfa", "beta", "gama", "cert2"} {
			sensors[who] = &sensor{h: h, who: who, alias: "all", has: map[string]string{}}
			sensors[who].read(50, 10)
		}
		var refs []string
		for _, name := range []string{"own", "community", "group"} {
			refs = append(refs, h.publish("alfa", tagged(h.mixed(name, levels[name]), "tlp:green")).UUID)
		}
		for _, s := range sensors {
			s.read(50, 10)
		}
		for _, ref := range refs {
			h.Must(h.Intel.DeleteEvent(ctx, h.who["alfa"], ref))
		}
		for who, s := range sensors {
			had := maps.Clone(s.has)
			c, err := h.Intel.ReadableCollection(ctx, h.Again(h.who[who]), "all")
			h.Must(err)
			p, err := h.Intel.ReadChanges(ctx, h.Again(h.who[who]), c, s.f, s.mark, 500)
			h.Must(err)
			for _, x := range p.List {
				if _, ok := had[x.ID]; !ok {
					t.Errorf("%s learns of %s, which it never had", who, x.ID)
				}
				delete(had, x.ID)
			}
			for id := range had {
				if !everywhere(id) {
					t.Errorf("%s still holds %s", who, id)
				}
			}
		}
		if len(sensors["alfa"].has) <= len(sensors["beta"].has) || len(sensors["beta"].has) <= len(sensors["gama"].has) {
			t.Errorf("they did not differ: this proves nothing")
		}
	})
}

// TestFollow: changes come as they happen; rights that end, end it; a page is held and no
// more; the end of the program lets go.
func TestFollow(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.define(intel.Definition{Alias: "all"})
		h.publish("alfa", tagged(sample("before", intel.Community, "before.example.com"), "tlp:green"))
		c, err := h.Intel.ReadableCollection(ctx, h.who["beta"], "all")
		h.Must(err)
		h.sweep(db)
		told, gone := make(chan intel.News, 1000), make(chan error, 1)
		allowed := make(chan error, 1)
		run, stop := context.WithTimeout(ctx, time.Minute)
		defer stop()
		go func() {
			gone <- h.Intel.Follow(run, h.who["beta"], intel.Following{Collection: c, Filter: intel.NewsFilter{Types: []string{"indicator"}}, Beat: 50 * time.Millisecond,
				Again: func(context.Context) (who ident.Actor, err error) {
					select {
					case err = <-allowed:
					default:
					}
					return h.who["beta"], err
				}}, func(p intel.NewsPage, again bool) error {
				for _, x := range p.List {
					told <- x
				}
				return nil
			})
		}()
		if x := <-told; x.Kind != intel.Added {
			t.Errorf("%+v", x)
		}
		later := h.publish("alfa", tagged(sample("later", intel.Community, "later.example.com"), "tlp:green"))
		h.sweep(db)
		if x := <-told; x.Kind != intel.Added || x.At == 0 {
			t.Errorf("%+v", x)
		}
		h.Must(h.Intel.Unpublish(ctx, h.who["alfa"], later.UUID))
		if x := <-told; x.Kind != intel.Retracted {
			t.Errorf("%+v", x)
		}
		allowed <- fault.New(fault.Denied, "revoked")
		if err := <-gone; !fault.Is(err, fault.Denied) {
			t.Errorf("after the rights ended: %v", err)
		}
		go func() {
			gone <- h.Intel.Follow(run, h.who["beta"], intel.Following{Collection: c, Beat: time.Hour}, func(intel.NewsPage, bool) error { told <- intel.News{}; return nil })
		}()
		<-told
		h.Intel.EndFollowing(ctx, ident.SystemPart("setup"))
		if err := <-gone; err != nil {
			t.Errorf("at the end of the program: %v", err)
		}
		if err := h.Intel.Follow(run, h.who["beta"], intel.Following{Collection: c, Beat: time.Hour}, func(intel.NewsPage, bool) error { return nil }); !fault.Is(err, fault.Limited) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// TestChangesWait: an event that somebody works on while a sensor reads past it is not
// lost: it comes when it is published again, once, whatever came in between.
func TestChangesWait(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.define(intel.Definition{Alias: "all"})
		first := h.publish("alfa", tagged(sample("first", intel.Community, "first.example.com"), "tlp:green"))
		h.sweep(db)
		_, _, err := h.Intel.AddAttributes(ctx, h.who["alfa"], first.UUID, []misp.Attribute{inteltest.Attr("domain", "more.example.com")}, false)
		h.Must(err)
		h.publish("alfa", tagged(sample("second", intel.Community, "second.example.com"), "tlp:green"))
		for _, n := range []int{1, 5, 50} {
			s := &sensor{h: h, who: "beta", alias: "all", has: map[string]string{}}
			s.read(n, 1000)
			if len(s.mark.Holes) == 0 {
				t.Errorf("holes %v", s.mark.Holes)
			}
			had := len(s.has)
			h.again("alfa", first.UUID)
			s.read(n, 1000)
			s.agrees("when it is back")
			if len(s.has) <= had || len(s.mark.Holes) != 0 {
				t.Errorf("%d and %d objects, holes %v", had, len(s.has), s.mark.Holes)
			}
			now.Add(time.Minute)
			_, _, err := h.Intel.AddAttributes(ctx, h.who["alfa"], first.UUID, []misp.Attribute{inteltest.Attr("domain", fmt.Sprintf("more%d.example.com", n))}, false)
			h.Must(err)
		}
	})
}
