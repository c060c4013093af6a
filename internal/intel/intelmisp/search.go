package intelmisp

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"straza/internal/format/detect"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// format is a way to write what a search finds.
type format struct {
	typ    string // media type
	header string // X-Response-Format: MISP names the extension
	strict bool   // to_ids and published only, as for what goes into sensors
	events bool   // events only
	rules  detect.Format
}

var formats = formatTable()

func formatTable() map[string]format {
	const json, xml, text = "application/json", "application/xml", "text/plain"
	t := map[string]format{
		"json":             {typ: json, header: "json"},
		"xml":              {typ: xml, header: "xml"},
		"csv":              {typ: "text/csv", header: "csv"},
		"count":            {typ: text, header: "txt"},
		"stix2":            {typ: json, header: "json"},
		"context":          {typ: "application/json", header: "html", events: true},
		"context-markdown": {typ: "text/markdown", header: "md", events: true},
		"attack":           {typ: "application/json", header: "html", events: true},
		"attack-sightings": {typ: json, header: "json", events: true},
		"opendata":         {typ: json, header: "json"},
	}
	for _, f := range detect.Formats() {
		if !f.Ours {
			t[f.Name] = format{typ: f.Media, header: map[string]string{text: "txt", json: "json", xml: "xml"}[f.Media], strict: f.Strict, rules: f}
		}
	}
	return t
}

// search is one restSearch: what is asked, and how it is answered.
type search struct {
	c      *call
	a      *api
	q      intel.Query
	format string
	f      format
	show   show
	out    *reply
	n      int64

	proposed map[int64][]misp.ShadowAttribute // of the event whose attributes are under way
	event    int64
	clean    bool // what stands on a warning list is left out
	err      error
}

func (a *api) search(c *call) (*search, error) {
	if err := c.searched(); err != nil {
		return nil, err
	}
	s := &search{c: c, a: a, format: c.wantedFormat()}
	var ok bool
	if s.f, ok = formats[s.format]; !ok {
		return nil, notFound(misp.MsgBadFormat)
	}
	s.q = query(c.params, now(c))
	s.q.Leaving = a.leaving(c)
	s.q.InfoCase = true // measured: here; events/index ignores case
	if s.f.strict {
		yes := true
		s.q.ToIDS, s.q.IsPublished = &yes, &yes
	}
	s.clean = c.params.flag("enforceWarninglist", false)
	s.show = show{deleted: s.q.Deleted, metadata: c.params.flag("metadata", false), data: c.params.flag("withAttachments", false),
		noLocal: noLocal(c), related: c.params.flag("includeEventCorrelations", true),
		galaxies: !c.params.flag("excludeGalaxy", false), remarks: c.params.flag("includeAnalystData", false),
		extended: c.params.flag("extended", false), flat: c.params.flag("flatten", false),
		warnings: c.params.flag("includeWarninglistHits", false)}
	c.noGroups = c.params.flag("sgReferenceOnly", false)
	var err error
	s.show.decay, err = a.decaying(c)
	return s, err
}

// wantedFormat is returnFormat, or what suffix or Accept ask for.
func (c *call) wantedFormat() string {
	name := strings.ToLower(c.params.text("returnFormat"))
	switch {
	case name == "" && (c.ext == "csv" || c.accepts("text/csv")):
		return "csv"
	case name == "" && c.asksXML():
		return "xml"
	case name == "":
		return "json"
	case name == "stix-xml":
		return "stix"
	case name == "stix" && !c.asksXML():
		return "stix-json" // measured: XML only to whom asks for it
	}
	return name
}

// accepts tells whether Accept names a media type and not JSON before it.
func (c *call) accepts(typ string) bool {
	a := c.r.Header.Get("Accept")
	i, j := strings.Index(a, typ), strings.Index(a, "json")
	return i >= 0 && (j < 0 || i < j)
}

func (c *call) asksXML() bool {
	return c.ext == "xml" || c.ext == "" && (c.accepts("application/xml") || c.accepts("text/xml"))
}

// open begins the answer with the headers of a search.
func (s *search) open() {
	s.c.settled = true
	if s.f.typ == "application/json" {
		s.out = s.c.plainJSON(s.f.rules.Name == "")
	} else {
		s.out = s.c.text(s.f.typ)
	}
	s.out.count = 0
	h := s.c.w.Header()
	h.Set("X-Export-Module-Used", s.format)
	h.Set("X-Response-Format", s.f.header)
	h.Set("X-Skipped-Elements-Count", "0")
}

// filename names the download of an event search.
func (s *search) filename() {
	name := "list"
	if len(s.q.Events) == 1 && isRef(s.q.Events[0]) {
		name = s.q.Events[0]
	}
	s.c.w.Header().Set("Content-Disposition", `attachment; filename="misp.event.`+name+`.`+s.f.header+`"`)
}

func (s *search) end(err error) error {
	if err != nil {
		return s.out.broken(err)
	}
	s.out.count = s.n
	return s.out.Close()
}

func (a *api) eventSearch(c *call) error {
	s, err := a.search(c)
	if err != nil {
		return err
	}
	if s.format == "text" {
		s.f.header = "text" // measured: here, and "txt" for attributes
	}
	if s.format == "opendata" {
		return s.openData("events")
	}
	s.open()
	s.filename()
	switch s.format {
	case "json", "xml":
		return s.end(s.events())
	case "stix2":
		return s.end(s.stixEvents())
	case "count":
		return s.end(s.countEvents())
	case "csv":
		return s.end(s.flatEvents(s.csv()))
	case "context", "context-markdown", "attack", "attack-sightings":
		return s.end(s.context())
	}
	w, err := s.rules(true)
	if err != nil {
		return err
	}
	return s.end(s.flatEvents(w))
}

// flat is a format that knows attributes only.
type flat interface {
	begin() error
	attribute(at *intel.Attribute) error
	end() error
}

// kept tells whether an attribute passes the test of the warning lists, and of the
// decaying models.
func (s *search) kept(at *intel.Attribute) bool {
	if s.err != nil {
		return true
	}
	if keeps, err := s.show.decay.keeps(at); err != nil || !keeps {
		s.err = err
		return false
	}
	if !s.clean {
		return true
	}
	hits, err := s.a.Catalog.Hits(s.c.ctx(), s.c.who, at.Type, at.Value)
	s.err = err
	return len(hits) == 0
}

// events streams whole events, as JSON or XML.
func (s *search) events() error {
	asXML := s.format == "xml"
	dst, head, tail := s.body(asXML)
	h := &heldBack{dst: dst}
	x := misp.NewEncoder(h)
	if _, err := s.out.Write([]byte(head)); err != nil {
		return err
	}
	first := true
	if ids := s.q.ToIDS; ids != nil || s.sieved() || len(s.q.Tag.Not) > 0 {
		s.show.only = func(at *intel.Attribute) bool {
			return (ids == nil || at.ToIDS == *ids) && s.q.Spares(at) && s.kept(at)
		}
	}
	s.q.Found = s.out.counts
	total, err := s.a.Intel.SearchEvents(s.c.ctx(), s.c.who, s.q, func(e *intel.Event) error {
		kept, err := s.oneEvent(h, e, func() error {
			if !first && !asXML {
				x.Raw(",")
			}
			if err := s.a.writeEvent(s.c, x, e, s.show); err != nil {
				return err
			}
			return errors.Join(s.err, x.Flush())
		})
		if first = first && !kept; err == nil && !kept {
			x = misp.NewEncoder(h) // the old one stands in the middle of an event
		}
		return err
	})
	if err != nil {
		return err
	}
	s.n = total
	if f, ok := dst.(*misp.XMLWriter); ok {
		if err := f.Flush(); err != nil {
			return err
		}
	}
	_, err = s.out.Write([]byte(tail))
	return err
}

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n<response>"

// body is where JSON is written to, and what stands around a list of events.
func (s *search) body(asXML bool) (dst io.Writer, head, tail string) {
	if asXML {
		return misp.NewXMLWriter(s.out), xmlHead, "</response>\n"
	}
	return s.out, `{"response":[`, "]}"
}

func (s *search) countEvents() error {
	q := s.q
	q.Limit = 1
	total, err := s.a.Intel.SearchEvents(s.c.ctx(), s.c.who, q, func(*intel.Event) error { return nil })
	if err != nil {
		return err
	}
	s.n = total
	_, err = s.out.Write([]byte(itoa(total)))
	return err
}

// flatEvents writes the attributes of the events that match, in a format that
// knows attributes only.
func (s *search) flatEvents(w flat) error {
	if err := w.begin(); err != nil {
		return err
	}
	total, err := s.a.Intel.SearchEvents(s.c.ctx(), s.c.who, s.q, func(e *intel.Event) error {
		q := intel.Query{Events: []string{e.Ref()}, ToIDS: s.q.ToIDS, Tag: intel.Filter{Not: s.q.Tag.Not}, Deleted: s.q.Deleted, Leaving: s.q.Leaving, WithTags: s.tagged(true), WithObjects: s.format == "csv"}
		return s.a.Intel.SearchAttributes(s.c.ctx(), s.c.who, q, func(at *intel.Attribute) error { return s.give(w, at) })
	})
	if err != nil {
		return err
	}
	s.n = total
	return w.end()
}

// give writes an attribute that the warning lists let pass.
func (s *search) give(w flat, at *intel.Attribute) error {
	if s.kept(at) {
		s.n++
		if err := w.attribute(at); err != nil {
			return err
		}
	}
	return s.err
}

// sieved tells whether attributes are left out after they were found.
func (s *search) sieved() bool { return s.clean || s.show.decay != nil && s.show.decay.exclude }

// tagged tells whether a flat format writes labels, or they are asked of a model.
func (s *search) tagged(events bool) bool {
	if s.show.decay != nil {
		return true
	}
	switch s.format {
	case "csv", "stix", "stix-json":
		return true
	case "suricata", "snort":
		return events // measured: without labels in attribute scope
	}
	return false
}

func (a *api) attributeSearch(c *call) error {
	s, err := a.search(c)
	if err != nil {
		return err
	}
	if s.f.events {
		return notFound(misp.MsgBadFormat)
	}
	if s.format == "opendata" {
		return s.openData("attributes")
	}
	s.open()
	switch s.format {
	case "json":
		return s.end(s.attributes())
	case "xml":
		return s.end(s.xmlAttributes())
	case "stix2":
		return s.end(s.stixAttributes())
	case "count":
		return s.end(s.countAttributes())
	case "csv":
		return s.end(s.flatAttributes(s.csv()))
	}
	w, err := s.rules(false)
	if err != nil {
		return err
	}
	return s.end(s.flatAttributes(w))
}

func (s *search) flatAttributes(w flat) error {
	if err := w.begin(); err != nil {
		return err
	}
	s.q.WithTags, s.q.WithObjects = s.tagged(false), s.format == "csv"
	err := s.a.Intel.SearchAttributes(s.c.ctx(), s.c.who, s.q, func(at *intel.Attribute) error { return s.give(w, at) })
	if err != nil {
		return err
	}
	return w.end()
}

// xmlAttributes writes each attribute as it stands in an event, on a line of its own.
func (s *search) xmlAttributes() error {
	if _, err := s.out.Write([]byte(xmlHead)); err != nil {
		return err
	}
	s.q.WithTags = s.c.params.flag("includeEventTags", false) || s.c.params.flag("includeContext", false) || s.show.decay != nil
	x := misp.NewXMLWriter(s.out)
	var buf []byte
	err := s.a.Intel.SearchAttributes(s.c.ctx(), s.c.who, s.q, func(at *intel.Attribute) error {
		if !s.kept(at) {
			return s.err
		}
		w, err := s.attribute(at)
		if err != nil {
			return s.unlessGone(err, at)
		}
		s.n++
		if !s.c.params.flag("includeContext", false) {
			w.Event = nil // measured
		}
		buf = append(misp.Append(append(buf[:0], `{"Attribute":`...), &w), '}')
		if _, err = x.Write(buf); err == nil {
			err = x.Line()
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := x.Flush(); err != nil {
		return err
	}
	_, err = s.out.Write([]byte("</response>\n"))
	return err
}

func (s *search) countAttributes() error {
	if s.sieved() {
		return s.countKept()
	}
	n, err := s.a.Intel.CountAttributes(s.c.ctx(), s.c.who, s.q)
	if err != nil {
		return err
	}
	s.n = n
	_, err = s.out.Write([]byte(itoa(n)))
	return err
}

func (s *search) countKept() error {
	s.q.WithTags = s.show.decay != nil
	err := s.a.Intel.SearchAttributes(s.c.ctx(), s.c.who, s.q, func(at *intel.Attribute) error {
		if s.kept(at) {
			s.n++
		}
		return s.err
	})
	if err != nil {
		return err
	}
	_, err = s.out.Write([]byte(itoa(s.n)))
	return err
}

// attributes streams {"response":{"Attribute":[…]}}.
func (s *search) attributes() error {
	s.q.WithTags, s.q.WithObjects = true, true
	if _, err := s.out.Write([]byte(`{"response":{"Attribute":[`)); err != nil {
		return err
	}
	var buf []byte
	err := s.a.Intel.SearchAttributes(s.c.ctx(), s.c.who, s.q, func(at *intel.Attribute) error {
		if !s.kept(at) {
			return s.err
		}
		w, err := s.attribute(at)
		if err != nil {
			return s.unlessGone(err, at)
		}
		buf = buf[:0]
		if s.n++; s.n > 1 {
			buf = append(buf, ',')
		}
		buf = misp.Append(buf, &w)
		_, err = s.out.Write(buf)
		return err
	})
	if err != nil {
		return err
	}
	_, err = s.out.Write([]byte("]}}"))
	return err
}

// attribute is the form of a search's answer: a small parent, more on request.
func (s *search) attribute(at *intel.Attribute) (misp.Attribute, error) {
	p := s.c.params
	w := at.Wire()
	w.Tag = dropLocal(w.Tag, s.show.noLocal)
	for i, t := range w.Tag { // measured: shorter than elsewhere
		w.Tag[i] = misp.Tag{ID: t.ID, Name: t.Name, Colour: t.Colour, NumericalValue: t.NumericalValue, IsGalaxy: t.IsGalaxy, Local: t.Local}
	}
	e := at.Event
	w.Event = &misp.Event{ID: misp.N(e.ID), UUID: misp.T(e.UUID), Info: misp.T(e.Info), OrgID: misp.N(e.Owner.ID), OrgcID: misp.N(e.Origin.ID),
		Distribution: misp.N(int64(e.Distribution)), PublishTimestamp: misp.N(e.PublishTimestamp)}
	if at.ObjectID != 0 {
		w.Object = &misp.Object{ID: misp.N(at.ObjectID), Distribution: misp.N(int64(at.ObjectDistribution)), SharingGroupID: misp.N(at.ObjectGroup)}
	}
	if p.flag("includeEventUuid", false) {
		w.EventUUID = misp.T(e.UUID)
	}
	if p.flag("includeEventTags", p.flag("includeDecayScore", false)) { // measured: a score brings them
		for _, t := range e.Wire().Tag {
			if goesOn(&t, s.show.noLocal) {
				w.Tag = append(w.Tag, misp.Tag{ID: t.ID, Name: t.Name, Colour: t.Colour, NumericalValue: t.NumericalValue, Inherited: misp.Count(1)})
			}
		}
	}
	if s.show.data && at.DataSize > 0 {
		if err := s.a.attach(s.c, at.ID, &w); err != nil {
			return w, err
		}
	}
	if p.flag("includeProposals", false) {
		if err := s.propose(at, &w); err != nil {
			return w, err
		}
	}
	if err := s.show.decay.mark(at, &w); err != nil {
		return w, err
	}
	return w, s.a.enrich(s.c, at, &w)
}

// propose adds the open proposals about an attribute; its neighbours mostly are
// of the same event, whose proposals are read once.
func (s *search) propose(at *intel.Attribute, w *misp.Attribute) (err error) {
	if s.event != at.EventID || s.proposed == nil {
		s.event = at.EventID
		if s.proposed, err = s.a.proposals(s.c, at.Event); err != nil {
			return err
		}
	}
	w.ShadowAttribute = append([]misp.ShadowAttribute{}, s.proposed[at.ID]...)
	return nil
}

func (a *api) objectSearch(c *call) error {
	s, err := a.search(c)
	if err != nil {
		return err
	}
	if s.format != "json" {
		return notFound(misp.MsgBadFormat)
	}
	s.open()
	return s.end(s.objects())
}

// objects streams {"response":[{"Object":…}]}: the objects that hold a matching
// attribute, by their ids.
func (s *search) objects() error {
	limit, page := s.q.Limit, max(s.q.Page, 1)
	s.q.Limit, s.q.Page = 0, 0
	if _, err := s.out.Write([]byte(`{"response":[`)); err != nil {
		return err
	}
	holders := map[int64]*intel.Event{} // object → event, shared by its objects
	err := s.a.Intel.SearchAttributes(s.c.ctx(), s.c.who, s.q, func(at *intel.Attribute) error {
		if at.ObjectID != 0 {
			holders[at.ObjectID] = at.Event
		}
		return nil
	})
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(holders))
	if limit > 0 {
		from := min((page-1)*limit, len(ids))
		ids = ids[from:min(from+limit, len(ids))]
	}
	for _, id := range ids {
		err := s.object(id, holders[id])
		if fault.Is(err, fault.NotFound) {
			if _, gone := s.a.Intel.Object(s.c.ctx(), s.c.who, itoa(id), s.q.Deleted); fault.Is(gone, fault.NotFound) {
				continue // since its attribute was found
			}
		}
		if err != nil {
			return err
		}
	}
	_, err = s.out.Write([]byte("]}"))
	return err
}

func (s *search) object(id int64, e *intel.Event) error {
	ob, err := s.a.Intel.Object(s.c.ctx(), s.c.who, itoa(id), s.q.Deleted)
	if err != nil || !ob.Keep(s.a.lets(s.c, e, nil)) {
		return err
	}
	w, err := s.a.objectWire(s.c, &ob, s.show)
	if err != nil {
		return err
	}
	w.Event, w.ObjectReference = objectParent(e), nil // measured: without its references
	for i := range w.Attribute {
		asJoined(&ob.Attributes[i], &w.Attribute[i], s.show.noLocal)
	}
	buf := []byte(`{"Object":`)
	if s.n++; s.n > 1 {
		buf = []byte(`,{"Object":`)
	}
	_, err = s.out.Write(append(misp.Append(buf, &w), '}'))
	return err
}
