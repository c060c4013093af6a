package intelmisp

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
)

const invalidEvent = "Invalid event"

func (c *call) ctx() context.Context { return c.r.Context() }

// show says what of an event is written.
type show struct {
	deleted  intel.Deleted
	metadata bool // the header alone
	data     bool // attachments
	noLocal  bool // local tags stay here
	related  bool
	alone    bool // no list of related events at all
	galaxies bool
	warnings bool                        // warning lists that hold a value
	extended bool                        // with the events that extend it
	flat     bool                        // attributes of objects among the others, no objects
	only     func(*intel.Attribute) bool // nil = all; searches keep what matches
	seen     map[int64][]misp.Sighting   // of the event under way
	proposed map[int64][]misp.ShadowAttribute
	said     map[string][]remark.Remark
	remarks  bool // analyst data
	decay    *decaying
	lacks    intel.Lacks // of the event under way
	kept     intel.Kept  // of it by labels of its parts
}

// noLocal tells whether local tags, and the clusters that they stand for, stay here: asked
// for, and always for a key that synchronises (spec misp §5.2).
func noLocal(c *call) bool {
	return c.params.flag("excludeLocalTags", false) || synchronises(c)
}

// exported are the uses of tags that leave; those for here alone too, unless noLocal.
func exported(uses []intel.TagUse, noLocal bool) []intel.TagUse {
	if noLocal {
		return intel.TagsOut(uses)
	}
	return slices.DeleteFunc(slices.Clone(uses), func(t intel.TagUse) bool { return !t.Exportable })
}

// showOf reads the options of events/view.
func (a *api) showOf(c *call, e *intel.Event) show {
	s := show{deleted: deletedOf(c.params["deleted"]), metadata: c.params.flag("metadata", false), data: true,
		noLocal:  noLocal(c),
		related:  c.params.flag("includeEventCorrelations", true),
		galaxies: !c.params.flag("excludeGalaxy", false), remarks: c.params.flag("includeAnalystData", true),
		warnings: c.params.flag("includeWarninglistHits", false), extended: c.params.flag("extended", false)}
	s.alone = !s.related
	own := e.Owner.ID == c.who.Org || site(c.who) || access.Allowed(c.who, "misp.sync")
	if !own {
		s.deleted = intel.Without
	}
	return s
}

// proposalsOf are the open proposals about an attribute, of the event under 0.
func (s *show) proposalsOf(attribute int64) []misp.ShadowAttribute {
	if list := s.proposed[attribute]; list != nil {
		return list
	}
	return []misp.ShadowAttribute{}
}

// deletedOf reads 0 none, 1 both, 2 deleted ones only, [0,1] both.
func deletedOf(v any) intel.Deleted {
	switch l := texts(v); {
	case len(l) == 0:
		return intel.Without
	case len(l) > 1:
		return intel.With
	case l[0] == "2" || l[0] == "only":
		return intel.Only
	case l[0] == "1" || strings.EqualFold(l[0], "true"):
		if _, list := v.([]any); list {
			return intel.Only // [1]
		}
		return intel.With
	}
	return intel.Without
}

func (a *api) eventView(c *call) error {
	if c.r.Method == http.MethodPost {
		if err := c.form(); err != nil {
			return err
		}
	}
	if c.ext == "csv" || c.accepts("text/csv") {
		return a.eventCSV(c)
	}
	return a.eventAnswer(c, c.arg(0), nil)
}

// eventCSV answers events/view in rows: the attributes of the one event.
func (a *api) eventCSV(c *call) error {
	e, err := a.Intel.Event(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound(invalidEvent), fault.NotFound)
	}
	s := &search{c: c, a: a, format: "csv", f: formats["csv"], show: a.showOf(c, &e)}
	s.q.Events, s.q.Deleted, s.q.Leaving = []string{e.Ref()}, s.show.deleted, a.leaving(c)
	s.open()
	return s.end(s.flatEvents(s.csv()))
}

// reading lets what is asked for one event share read transactions until done.
func (a *api) reading(c *call) (done func()) {
	was := c.r
	ctx, over := a.Intel.Reading(c.ctx(), c.who)
	c.r = c.r.WithContext(ctx)
	return func() {
		over()
		c.r = was
	}
}

// eventAnswer writes {"Event":…} of one event.
func (a *api) eventAnswer(c *call, ref string, with func(*show)) error {
	defer a.reading(c)()
	e, err := a.Intel.Event(c.ctx(), c.who, ref)
	if err != nil {
		return instead(err, notFound(invalidEvent), fault.NotFound)
	}
	if a.withheld(c, &e) {
		return notFound(invalidEvent)
	}
	s := a.showOf(c, &e)
	c.shortGroups = c.params.flag("shortGroups", false)
	if s.decay, err = a.decaying(c); err != nil {
		return err
	}
	if with != nil {
		with(&s)
	}
	if a.signs(c, &e) {
		return a.signedAnswer(c, &e, s)
	}
	o := c.begin(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return o.Close()
	}
	x := misp.NewEncoder(o)
	if err := a.writeEvent(c, x, &e, s); err != nil {
		return o.broken(err)
	}
	if err := x.Flush(); err != nil {
		return o.broken(err)
	}
	return o.Close()
}

// writeEvent streams one event: header, attributes, objects, the rest.
func (a *api) writeEvent(c *call, x *misp.Encoder, e *intel.Event, s show) error {
	defer a.reading(c)()
	err := s.decay.enter(e)
	if err != nil {
		return err
	}
	if !s.metadata {
		if s.lacks, err = a.Intel.Lacks(c.ctx(), c.who, e); err != nil {
			return err
		}
		if !s.lacks.Proposals {
			if s.proposed, err = a.proposals(c, e); err != nil {
				return err
			}
		}
		if s.remarks {
			if s.said, err = a.Remarks.Of(c.ctx(), c.who, e.Ref()); err != nil {
				return err
			}
		}
	}
	if s.kept, err = a.keptOf(c, e); err != nil {
		return err
	}
	w, err := a.eventHeader(c, e, s)
	if err != nil {
		return err
	}
	parts := []*intel.Event{e}
	if s.extended {
		more, err := a.extensions(c, e, w)
		if err != nil {
			return err
		}
		parts = append(parts, more...)
	}
	if err := x.Begin(w); err != nil {
		return err
	}
	if !s.metadata {
		if err := a.writeChildren(c, x, parts, s); err != nil {
			return err
		}
	}
	return x.End()
}

// sightedMost is how many sightings an event's answer carries.
const sightedMost = 10_000

// sightings reads an event's sightings by attribute.
func (a *api) sightings(c *call, e *intel.Event) (map[int64][]misp.Sighting, error) {
	out, n := map[int64][]misp.Sighting{}, 0
	err := a.Intel.Sightings(c.ctx(), c.who, intel.SightingFilter{Event: e.Ref()}, func(g *intel.Sighting) error {
		if n++; n > sightedMost {
			return io.EOF
		}
		w := g.Wire()
		w.AttributeUUID, w.Organisation = misp.T(g.Attribute.UUID), g.Org.Wire()
		out[g.AttributeID] = append(out[g.AttributeID], w)
		return nil
	})
	if err == io.EOF {
		err = nil
	}
	return out, err
}

// writeChildren streams attributes and objects, of an event and of those that extend
// it: each element names its own event.
func (a *api) writeChildren(c *call, x *misp.Encoder, parts []*intel.Event, s show) (err error) {
	of := make([]show, len(parts))
	for i, e := range parts {
		of[i] = s
		if i > 0 {
			if of[i].lacks, err = a.Intel.Lacks(c.ctx(), c.who, e); err != nil {
				return err
			}
			if of[i].kept, err = a.keptOf(c, e); err != nil {
				return err
			}
		}
		if !of[i].lacks.Sightings {
			if of[i].seen, err = a.sightings(c, e); err != nil {
				return err
			}
		}
		of[i].only = a.lets(c, e, s.only)
		if err = a.writeAttributes(c, x, e, of[i]); err != nil {
			return err
		}
	}
	for i, e := range parts {
		if err = a.writeObjects(c, x, e, of[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *api) writeAttributes(c *call, x *misp.Encoder, e *intel.Event, s show) error {
	one := func(at *intel.Attribute) error {
		if s.only != nil && !s.only(at) {
			return nil
		}
		w, err := a.attributeWire(c, at, s)
		if err != nil {
			return err
		}
		return x.Attribute(&w)
	}
	part := intel.Part{Deleted: s.deleted}
	if err := a.Intel.Attributes(c.ctx(), c.who, e.Ref(), part, one); err != nil || !s.flat || s.lacks.Objects {
		return err
	}
	return a.Intel.Objects(c.ctx(), c.who, e.Ref(), part, func(ob *intel.Object) error {
		for i := range ob.Attributes {
			if err := one(&ob.Attributes[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *api) writeObjects(c *call, x *misp.Encoder, e *intel.Event, s show) error {
	if s.flat || s.lacks.Objects {
		return nil
	}
	return a.Intel.Objects(c.ctx(), c.who, e.Ref(), intel.Part{Deleted: s.deleted}, func(ob *intel.Object) error {
		if !ob.Keep(s.only) {
			return nil
		}
		w, err := a.objectWire(c, ob, s)
		if err != nil {
			return err
		}
		return x.Object(&w)
	})
}

// grouped puts the groups of an event that came in the terms of here: a peer's number
// of a group means nothing, its UUID does (spec misp §5.3, §7.5).
func (a *api) grouped(c *call, src intel.Source) intel.Source {
	return intel.Grouped(c.ctx(), incoming(src), a.grouping(c))
}

// grouping takes in the groups of what a caller sends, a fresh one for each document.
func (a *api) grouping(c *call) func() *intel.Grouping {
	from := intel.Sender{Here: a.Origin, Org: c.who.Org}
	return func() *intel.Grouping {
		return intel.NewGrouping(nil, func(ctx context.Context, w *misp.SharingGroup) (int64, error) {
			return a.Intel.CaptureGroup(ctx, c.who, w, from)
		})
	}
}
