package intelmisp

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
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
}

// showOf reads the options of events/view; sync keys never get local tags.
func (a *api) showOf(c *call, e *intel.Event) show {
	s := show{deleted: deletedOf(c.params["deleted"]), metadata: c.params.flag("metadata", false), data: true,
		noLocal:  c.params.flag("excludeLocalTags", false) || access.Allowed(c.who, "misp.sync") && !site(c.who),
		related:  c.params.flag("includeEventCorrelations", true),
		galaxies: !c.params.flag("excludeGalaxy", false), remarks: c.params.flag("includeAnalystData", true),
		warnings: c.params.flag("includeWarninglistHits", false), extended: c.params.flag("extended", false)}
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
	s.q.Events, s.q.Deleted = []string{e.Ref()}, s.show.deleted
	s.open()
	return s.end(s.flatEvents(s.csv()))
}

// eventAnswer writes {"Event":…} of one event.
func (a *api) eventAnswer(c *call, ref string, with func(*show)) error {
	e, err := a.Intel.Event(c.ctx(), c.who, ref)
	if err != nil {
		return instead(err, notFound(invalidEvent), fault.NotFound)
	}
	if a.withheld(c, &e) {
		return notFound(invalidEvent)
	}
	s := a.showOf(c, &e)
	s.only = a.withheldParts(c, &e)
	c.shortGroups = c.params.flag("shortGroups", false)
	if s.decay, err = a.decaying(c); err != nil {
		return err
	}
	if with != nil {
		with(&s)
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
	err := s.decay.enter(e)
	if err != nil {
		return err
	}
	if !s.metadata {
		if s.proposed, err = a.proposals(c, e); err != nil {
			return err
		}
		if s.remarks {
			if s.said, err = a.Remarks.Of(c.ctx(), c.who, e.Ref()); err != nil {
				return err
			}
		}
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
	seen := make([]map[int64][]misp.Sighting, len(parts))
	for i, e := range parts {
		if seen[i], err = a.sightings(c, e); err != nil {
			return err
		}
		s.seen = seen[i]
		if err = a.writeAttributes(c, x, e, s); err != nil {
			return err
		}
	}
	for i, e := range parts {
		s.seen = seen[i]
		if err = a.writeObjects(c, x, e, s); err != nil {
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
	if err := a.Intel.Attributes(c.ctx(), c.who, e.Ref(), part, one); err != nil || !s.flat {
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
	if s.flat {
		return nil
	}
	return a.Intel.Objects(c.ctx(), c.who, e.Ref(), intel.Part{Deleted: s.deleted}, func(ob *intel.Object) error {
		if s.only != nil {
			kept := ob.Attributes[:0]
			for i := range ob.Attributes {
				if s.only(&ob.Attributes[i]) {
					kept = append(kept, ob.Attributes[i])
				}
			}
			if ob.Attributes = kept; len(kept) == 0 {
				return nil
			}
		}
		w, err := a.objectWire(c, ob, s)
		if err != nil {
			return err
		}
		return x.Object(&w)
	})
}

// document reads an event that came, its groups in the terms of here: a peer's number
// of a group means nothing, its UUID does (spec misp §5.3, §7.5).
func (a *api) document(c *call, src io.Reader) intel.Source {
	from := intel.Sender{Here: a.Origin, Org: c.who.Org}
	return intel.Grouped(c.ctx(), incoming(intel.FromReader(src, misp.Limits{Bytes: eventBytes})), func() *intel.Grouping {
		return intel.NewGrouping(nil, func(ctx context.Context, w *misp.SharingGroup) (int64, error) {
			return a.Intel.CaptureGroup(ctx, c.who, w, from)
		})
	})
}

// eventHeader is the wire form of all but attributes and objects.
func (a *api) eventHeader(c *call, e *intel.Event, s show) (*misp.Event, error) {
	w := e.Wire()
	w.SightingTimestamp = misp.Int{}
	w.Tag = dropLocal(w.Tag, s.noLocal)
	w.Org.Local = misp.B(true)
	w.Orgc.Local = misp.B(e.Origin.ID == e.Owner.ID || a.isLocal(c, e.Origin.ID))
	w.ShadowAttribute, w.RelatedEvent, w.Galaxy = s.proposalsOf(0), []misp.RelatedEvent{}, []misp.Galaxy{}
	w.EventReport, w.CryptographicKey = []misp.EventReport{}, []misp.CryptographicKey{}
	if e.Origin.ID == c.who.Org || site(c.who) {
		if email, err := a.creator(c, e.Creator); err == nil {
			w.EventCreatorEmail = misp.T(email)
		}
	}
	if e.Group != 0 {
		var err error
		if w.SharingGroup, err = a.groupOf(c, e.Group); err != nil {
			return nil, err
		}
	}
	if s.metadata {
		w.Attribute, w.Object, w.ShadowAttribute, w.EventReport = nil, nil, nil, nil
		return w, a.decorate(c, e, w, s)
	}
	reports, err := a.Intel.Reports(c.ctx(), c.who, e.Ref(), s.deleted)
	if err != nil {
		return nil, err
	}
	for i := range reports {
		r := reports[i].Wire()
		if reports[i].Group != 0 {
			if r.SharingGroup, err = a.groupOf(c, reports[i].Group); err != nil {
				return nil, err
			}
		}
		if err := a.saidOf(c, s.said[reports[i].UUID], whole, &r.Note, &r.Opinion, &r.Relationship); err != nil {
			return nil, err
		}
		w.EventReport = append(w.EventReport, r)
	}
	if err := a.saidOf(c, s.said[e.UUID], deepest, &w.Note, &w.Opinion, &w.Relationship); err != nil {
		return nil, err
	}
	return w, a.decorate(c, e, w, s)
}

// groupOf reads a sharing group once per request; nil when the caller may not
// know its members.
func (a *api) groupOf(c *call, id int64) (*misp.SharingGroup, error) {
	if c.noGroups {
		return nil, nil
	}
	if w, ok := c.groups[id]; ok {
		if c.shortGroups && w != nil {
			return &misp.SharingGroup{UUID: w.UUID}, nil
		}
		return w, nil
	}
	g, err := a.Intel.SharingGroup(c.ctx(), c.who, itoa(id))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if c.groups == nil {
		c.groups = map[int64]*misp.SharingGroup{}
	}
	if err == nil {
		c.groups[id] = groupInside(&g, &misp.Server{ID: misp.N(0), Name: misp.T(a.Origin), URL: misp.T(a.Origin)})
	} else {
		c.groups[id] = nil
	}
	return c.groups[id], nil
}

func dropLocal(tags []misp.Tag, drop bool) []misp.Tag {
	kept := tags[:0]
	for _, t := range tags {
		if (drop && t.Local.V) || !t.Exportable.Or(true) {
			continue
		}
		kept = append(kept, t)
	}
	if len(kept) == 0 {
		return nil // an event without tags has no such key
	}
	return kept
}

// attributeWire is the form inside events and objects.
func (a *api) attributeWire(c *call, at *intel.Attribute, s show) (misp.Attribute, error) {
	w := at.Wire()
	w.Tag = dropLocal(w.Tag, s.noLocal)
	w.Galaxy, w.ShadowAttribute = []misp.Galaxy{}, s.proposalsOf(at.ID)
	w.Sighting = s.seen[at.ID]
	if err := a.lists(c, at, s, &w); err != nil {
		return w, err
	}
	if err := a.saidOf(c, s.said[at.UUID], whole, &w.Note, &w.Opinion, &w.Relationship); err != nil {
		return w, err
	}
	if at.Group != 0 {
		var err error
		if w.SharingGroup, err = a.groupOf(c, at.Group); err != nil {
			return w, err
		}
	}
	if s.data && at.DataSize > 0 {
		if err := a.attach(c, at.ID, &w); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (a *api) attach(c *call, id int64, w *misp.Attribute) error {
	b, err := a.Intel.Data(c.ctx(), c.who, itoa(id))
	if err != nil {
		return err
	}
	w.Data = misp.T(base64.StdEncoding.EncodeToString(b))
	return nil
}

func (a *api) objectWire(c *call, ob *intel.Object, s show) (misp.Object, error) {
	w := ob.Wire()
	w.Description = misp.TextOrNull(ob.Description)
	if err := a.saidOf(c, s.said[ob.UUID], whole, &w.Note, &w.Opinion, &w.Relationship); err != nil {
		return w, err
	}
	if ob.Group != 0 {
		var err error
		if w.SharingGroup, err = a.groupOf(c, ob.Group); err != nil {
			return w, err
		}
	}
	for i := range ob.Attributes {
		at, err := a.attributeWire(c, &ob.Attributes[i], s)
		if err != nil {
			return w, err
		}
		w.Attribute[i] = at
	}
	return w, nil
}

// body opens the request as a document of one event. A list and nothing at all
// have answers of their own.
func (c *call) eventBody() (io.Reader, error) {
	r, err := c.open(eventBytes)
	if err != nil {
		return nil, err
	}
	first := make([]byte, 1)
	for {
		n, err := r.Read(first)
		if n == 0 && err == io.EOF {
			return nil, notAllowed(misp.MsgNoEventData)
		}
		if err != nil && err != io.EOF {
			return nil, readFault(err)
		}
		if n == 1 && !strings.ContainsRune(" \t\r\n", rune(first[0])) {
			break
		}
	}
	if first[0] == '[' {
		return nil, unsaved(misp.Outcome{Controller: "Events", Action: c.action, Errors: eventErrors("info", misp.MsgInfoEmpty)})
	}
	return io.MultiReader(strings.NewReader(string(first)), r), nil
}

func eventErrors(field, text string) map[string]map[string][]string {
	return map[string]map[string][]string{"Event": {field: {text}}}
}

func (a *api) eventAdd(c *call) error {
	src, err := c.eventBody()
	if err != nil {
		return err
	}
	saved, err := a.Intel.AddEvent(c.ctx(), c.who, a.document(c, src), intel.AddOptions{})
	if err != nil {
		return a.addFault(c, err)
	}
	return a.eventAnswer(c, itoa(saved.ID), nil)
}

// addFault gives MISP's answers to what stands against an event.
func (a *api) addFault(c *call, err error) error {
	if f := documentFault(err); f != nil {
		return f
	}
	f := fault.Of(err)
	if f == nil {
		return err
	}
	switch keyOf(f) {
	case "intel.fault.event-exists":
		ref := &refusal{status: http.StatusNotFound, message: misp.MsgEventExists}
		if id, ok := firstID(f.Args); ok {
			ref.header = [2]string{"Location", a.Origin + "/events/" + itoa(id)}
		}
		return ref
	case "intel.fault.blocked":
		return forbidden("Event blocked by event blocklist.")
	case "intel.fault.org-blocked":
		return forbidden("Event blocked by organisation blocklist.")
	case "intel.fault.group", "intel.fault.foreign-group":
		return notAllowed(misp.MsgBadSharing)
	case "intel.fault.not-newer":
		return unsaved(misp.Outcome{Controller: "Events", Action: c.action, Errors: misp.MsgEventNotNewer, ID: c.arg(0)})
	}
	if f.Fields["sharing_group_id"] != "" {
		return notAllowed(misp.MsgBadSharing)
	}
	if f.Kind == fault.Invalid {
		errs := map[string][]string{}
		for field := range f.Fields {
			errs[field] = []string{fieldText(field, f)}
		}
		return unsaved(misp.Outcome{Controller: "Events", Action: c.action, Errors: map[string]any{"Event": errs}})
	}
	return err
}

// keyOf is a fault's message key, or that of its field.
func keyOf(f *fault.Error) string {
	if f.Key != "" {
		return f.Key
	}
	for _, key := range f.Fields {
		return key
	}
	return ""
}

func firstID(args []any) (int64, bool) {
	if len(args) == 0 {
		return 0, false
	}
	id, ok := args[0].(int64)
	return id, ok && id != 0
}

// fieldText is MISP's sentence for a field of an event.
func fieldText(field string, f *fault.Error) string {
	texts := map[string]string{"info": misp.MsgInfoEmpty, "date": misp.MsgDateFormat, "uuid": misp.MsgUUIDFormat,
		"distribution": misp.MsgDistribution, "threat_level_id": misp.MsgThreatLevel, "analysis": misp.MsgAnalysis}
	if t, ok := texts[field]; ok && f.Fields[field] != "intel.fault.uuid-taken" {
		return t
	}
	return f.Detail
}

func (a *api) eventEdit(c *call) error {
	ref := c.arg(0)
	e, err := a.Intel.Event(c.ctx(), c.who, ref)
	if err != nil {
		return instead(err, notFound(invalidEvent), fault.NotFound)
	}
	src, err := c.eventBody()
	if err != nil {
		return err
	}
	_, err = a.Intel.EditEvent(c.ctx(), c.who, itoa(e.ID), a.document(c, src), intel.AddOptions{})
	if err != nil {
		c.args = []string{itoa(e.ID)}
		return instead(a.addFault(c, err), forbidden(misp.MsgNotAuthorised), fault.Denied)
	}
	return a.eventAnswer(c, itoa(e.ID), nil)
}

func (a *api) eventDelete(c *call) error {
	refs := c.args
	if len(refs) == 0 {
		if err := c.form(); err != nil {
			return err
		}
		refs = c.params.list("id")
		if len(refs) == 0 {
			refs = c.params.sub("Event").list("id")
		}
	}
	gone := 0
	for _, ref := range refs {
		err := a.Intel.DeleteEvent(c.ctx(), c.who, ref)
		switch {
		case err == nil:
			gone++
		case !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied):
			return err
		}
	}
	if len(refs) == 1 {
		if gone == 0 {
			return unsaved(misp.Outcome{Controller: "Events", Action: "delete", Errors: "Event was not deleted."})
		}
		return c.done(misp.Outcome{Controller: "Events", Action: "delete", Message: "Event deleted.", ID: refs[0]})
	}
	return a.deletedMany(c, gone, len(refs)-gone)
}

func (a *api) deletedMany(c *call, gone, left int) error {
	msg := itoa(int64(gone)) + " events deleted."
	if gone == 1 {
		msg = "1 event deleted."
	}
	if left > 0 {
		msg += itoa(int64(left)) + " event(s) could not be deleted due to insufficient privileges or the event not being found."
	}
	if gone == 0 {
		return unsaved(misp.Outcome{Controller: "Events", Action: "delete", Errors: msg})
	}
	return c.done(misp.Outcome{Controller: "Events", Action: "delete", Message: msg})
}

// eventPublish answers publish and alert. Publishing is done before we answer:
// what goes to peers is the outbox's work.
func (a *api) eventPublish(c *call) error {
	msg := "Job queued"
	switch {
	case c.action == "alert":
		msg = "Job queued."
	case c.params.flag("disable_background_processing", false):
		msg = "Event published without alerts"
	}
	return a.setPublished(c, msg, a.Intel.Publish)
}

func (a *api) eventUnpublish(c *call) error {
	return a.setPublished(c, "Event unpublished.", a.Intel.Unpublish)
}

func (a *api) setPublished(c *call, msg string, act publisher) error {
	e, err := a.Intel.Event(c.ctx(), c.who, c.arg(0))
	if err == nil {
		err = act(c.ctx(), c.who, itoa(e.ID))
	}
	if err != nil {
		if f := fault.Of(err); f != nil && f.Key == "intel.fault.required" {
			return unsaved(misp.Outcome{Controller: "Events", Action: c.action, ID: itoa(e.ID), Errors: fmt.Sprint("Could not publish event - no tag for required taxonomies missing: ", f.Args[1])})
		}
		err = instead(err, notFound("Invalid event."), fault.NotFound)
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	return c.done(misp.Outcome{Controller: "Events", Action: c.action, Message: msg, ID: itoa(e.ID)})
}

type publisher = func(ctx context.Context, who ident.Actor, event string) error

// wanted tells a pushing peer which of its events are unknown or newer than here.
// Events that the caller may not see count as unknown: the push itself refuses.
func (a *api) wanted(c *call) error {
	b, err := c.read()
	if err != nil {
		return err
	}
	v, err := decode(b)
	if err != nil {
		return badJSON()
	}
	out := []string{}
	list, _ := v.([]any)
	for _, entry := range list {
		m, _ := entry.(map[string]any)
		head := params(m).sub("Event")
		e, err := a.Intel.Event(c.ctx(), c.who, head.text("uuid"))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err != nil || int64(head.number("timestamp", 0)) > e.Timestamp {
			out = append(out, head.text("uuid"))
		}
	}
	return c.value(out)
}

// documentFault is the answer to a request that cannot be read.
func documentFault(err error) error {
	var bad *misp.Error
	switch {
	case errors.As(err, &bad) && bad.Kind == misp.ErrLimit, errors.Is(err, errTooLarge):
		return fail(http.StatusRequestEntityTooLarge, "The request is too large.")
	case errors.As(err, &bad) && bad.Kind == misp.ErrRead:
		return readFault(bad.Err)
	case bad != nil && strings.Contains(bad.Msg, "no event"):
		return unsaved(misp.Outcome{Controller: "Events", Action: "add", Errors: eventErrors("info", misp.MsgInfoEmpty)})
	case bad != nil:
		return badJSON()
	}
	return nil
}

// lists adds what the catalogues say of an attribute: the galaxies that its tags
// stand for, and the warning lists that hold its value.
func (a *api) lists(c *call, at *intel.Attribute, s show, w *misp.Attribute) (err error) {
	if s.warnings {
		if err := a.warn(c, at, w); err != nil {
			return err
		}
	}
	if err := s.decay.mark(at, w); err != nil {
		return err
	}
	if s.galaxies {
		w.Galaxy, err = a.galaxies(c, at.Tags, true)
	}
	return err
}
