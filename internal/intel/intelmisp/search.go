package intelmisp

import (
	"net/http"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
)

// format is a way to write what a search finds.
type format struct {
	typ    string // media type
	header string // X-Response-Format: MISP names the extension
	strict bool   // to_ids and published only, as for what goes into sensors
}

var formats = map[string]format{
	"json":      {"application/json", "json", false},
	"csv":       {"text/csv", "csv", false},
	"text":      {"text/plain", "txt", true},
	"count":     {"text/plain", "txt", false},
	"cache":     {"text/plain", "txt", false},
	"hashes":    {"text/plain", "txt", true},
	"hosts":     {"text/plain", "txt", false},
	"netfilter": {"text/plain", "txt", false},
	"stix2":     {"application/json", "json", false},
}

// search is one restSearch: what is asked, and how it is answered.
type search struct {
	c      *call
	a      *api
	q      intel.Query
	format string
	show   show
	out    *reply
	n      int64

	proposed map[int64][]misp.ShadowAttribute // of the event whose attributes are under way
	event    int64
}

func (a *api) search(c *call) (*search, error) {
	if err := c.searched(); err != nil {
		return nil, err
	}
	s := &search{c: c, a: a, format: strings.ToLower(c.params.text("returnFormat"))}
	if s.format == "" {
		s.format = "json"
		if c.ext == "csv" {
			s.format = "csv"
		}
	}
	f, ok := formats[s.format]
	if !ok {
		return nil, notFound(misp.MsgBadFormat)
	}
	s.q = query(c.params, now(c))
	if f.strict {
		yes := true
		s.q.ToIDS, s.q.IsPublished = &yes, &yes
	}
	s.show = show{deleted: s.q.Deleted, metadata: c.params.flag("metadata", false), data: c.params.flag("withAttachments", false),
		noLocal: c.params.flag("excludeLocalTags", false), related: c.params.flag("includeEventCorrelations", true),
		galaxies: !c.params.flag("excludeGalaxy", false)}
	return s, nil
}

// open begins the answer with the headers of a search.
func (s *search) open() {
	f := formats[s.format]
	if s.format == "json" || s.format == "stix2" {
		s.out = s.c.begin(http.StatusOK)
	} else {
		s.out = s.c.text(f.typ)
	}
	s.out.count = 0
	h := s.c.w.Header()
	h.Set("X-Export-Module-Used", s.format)
	h.Set("X-Response-Format", f.header)
	h.Set("X-Skipped-Elements-Count", "0")
}

// filename names the download of an event search.
func (s *search) filename() {
	name := "list"
	if len(s.q.Events) == 1 && isRef(s.q.Events[0]) {
		name = s.q.Events[0]
	}
	s.c.w.Header().Set("Content-Disposition", `attachment; filename="misp.event.`+name+`.`+formats[s.format].header+`"`)
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
	s.open()
	s.filename()
	switch s.format {
	case "json":
		return s.end(s.events())
	case "stix2":
		return s.end(s.stixEvents())
	case "count":
		return s.end(s.countEvents())
	default:
		return s.end(s.flatEvents())
	}
}

// events streams whole events.
func (s *search) events() error {
	x := misp.NewEncoder(s.out)
	x.Raw(`{"response":[`)
	first := true
	if ids := s.q.ToIDS; ids != nil {
		s.show.only = func(at *intel.Attribute) bool { return at.ToIDS == *ids }
	}
	total, err := s.a.Intel.SearchEvents(s.c.ctx(), s.c.who, s.q, func(e *intel.Event) error {
		if !first {
			x.Raw(",")
		}
		first = false
		return s.a.writeEvent(s.c, x, e, s.show)
	})
	if err != nil {
		return err
	}
	s.n = total
	x.Raw("]}")
	return x.Flush()
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
func (s *search) flatEvents() error {
	w := s.lines()
	if err := w.begin(); err != nil {
		return err
	}
	total, err := s.a.Intel.SearchEvents(s.c.ctx(), s.c.who, s.q, func(e *intel.Event) error {
		q := intel.Query{Events: []string{e.Ref()}, ToIDS: s.q.ToIDS, Deleted: s.q.Deleted, WithTags: s.format == "csv"}
		return s.a.Intel.SearchAttributes(s.c.ctx(), s.c.who, q, w.attribute)
	})
	if err != nil {
		return err
	}
	s.n = total
	return w.end()
}

func (a *api) attributeSearch(c *call) error {
	s, err := a.search(c)
	if err != nil {
		return err
	}
	s.open()
	switch s.format {
	case "json":
		return s.end(s.attributes())
	case "stix2":
		return s.end(s.stixAttributes())
	case "count":
		return s.end(s.countAttributes())
	}
	w := s.lines()
	if err := w.begin(); err != nil {
		return err
	}
	s.q.WithTags = s.format == "csv"
	err = a.Intel.SearchAttributes(c.ctx(), c.who, s.q, func(at *intel.Attribute) error { s.n++; return w.attribute(at) })
	if err == nil {
		err = w.end()
	}
	return s.end(err)
}

func (s *search) countAttributes() error {
	n, err := s.a.Intel.CountAttributes(s.c.ctx(), s.c.who, s.q)
	if err != nil {
		return err
	}
	s.n = n
	_, err = s.out.Write([]byte(itoa(n)))
	return err
}

// attributes streams {"response":{"Attribute":[…]}}.
func (s *search) attributes() error {
	s.q.WithTags = true
	if _, err := s.out.Write([]byte(`{"response":{"Attribute":[`)); err != nil {
		return err
	}
	var buf []byte
	err := s.a.Intel.SearchAttributes(s.c.ctx(), s.c.who, s.q, func(at *intel.Attribute) error {
		buf = buf[:0]
		if s.n++; s.n > 1 {
			buf = append(buf, ',')
		}
		w, err := s.attribute(at)
		if err != nil {
			return err
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
	e := at.Event
	w.Event = &misp.Event{ID: misp.N(e.ID), UUID: misp.T(e.UUID), Info: misp.T(e.Info), OrgID: misp.N(e.Owner.ID), OrgcID: misp.N(e.Origin.ID),
		Distribution: misp.N(int64(e.Distribution)), PublishTimestamp: misp.N(e.PublishTimestamp)}
	if p.flag("includeEventUuid", false) {
		w.EventUUID = misp.T(e.UUID)
	}
	if p.flag("includeEventTags", false) {
		for _, t := range e.Wire().Tag {
			if !(s.show.noLocal && t.Local.V) && t.Exportable.V {
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
// attribute. Objects follow each other by their attributes' ids, so one look
// back over the ids seen keeps them single.
func (s *search) objects() error {
	limit, page := s.q.Limit, max(s.q.Page, 1)
	s.q.Limit, s.q.Page = 0, 0
	if _, err := s.out.Write([]byte(`{"response":[`)); err != nil {
		return err
	}
	seen, found := map[int64]bool{}, 0
	err := s.a.Intel.SearchAttributes(s.c.ctx(), s.c.who, s.q, func(at *intel.Attribute) error {
		if at.ObjectID == 0 || seen[at.ObjectID] {
			return nil
		}
		seen[at.ObjectID] = true
		if found++; limit > 0 && (found <= (page-1)*limit || found > page*limit) {
			return nil
		}
		s.n++
		return s.object(at)
	})
	if err != nil {
		return err
	}
	_, err = s.out.Write([]byte("]}"))
	return err
}

func (s *search) object(at *intel.Attribute) error {
	ob, err := s.a.Intel.Object(s.c.ctx(), s.c.who, itoa(at.ObjectID), s.q.Deleted)
	if err != nil {
		return err
	}
	w, err := s.a.objectWire(s.c, &ob, s.show)
	if err != nil {
		return err
	}
	w.Event = &misp.Event{ID: misp.N(at.Event.ID), Info: misp.T(at.Event.Info), OrgID: misp.N(at.Event.Owner.ID), OrgcID: misp.N(at.Event.Origin.ID)}
	buf := []byte(`{"Object":`)
	if s.n > 1 {
		buf = []byte(`,{"Object":`)
	}
	_, err = s.out.Write(append(misp.Append(buf, &w), '}'))
	return err
}
