package intelapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// place is a cursor of the list: it belongs to one order.
type place struct {
	Changed int64 `json:"c"`
	ID      int64 `json:"i"`
	Oldest  bool  `json:"o"`
}

// eventQuery reads the list's filters; updated_since turns the order round, so that
// who follows changes reads them as they came.
func eventQuery(r *http.Request) (q intel.Query, err error) {
	v := r.URL.Query()
	q = intel.Query{Text: v.Get("q"), From: v.Get("since"), Sort: "changed", Desc: true}
	if q.From != "" {
		if _, err := time.Parse(time.DateOnly, q.From); err != nil {
			return q, fault.Field("since", "intel.fault.date", "since is a date")
		}
	}
	if t := v.Get("tag"); t != "" {
		q.Tag.Or = []string{t}
	}
	if o := v.Get("organisation"); o != "" {
		q.Origin.Or = []string{o}
	}
	if l := v.Get("tlp"); l != "" {
		level, ok := tlp.Parse(l)
		if !ok {
			return q, fault.Field("tlp", "web.error.choice", "tlp is a label of TLP 2.0")
		}
		q.TLP = level.String()
	}
	if p := v.Get("published"); p != "" {
		b, err := strconv.ParseBool(p)
		if err != nil {
			return q, fault.Field("published", "web.error.choice", "published is true or false")
		}
		q.IsPublished = &b
	}
	since, err := moment(r, "updated_since")
	if since != nil {
		us := clock.Micros(*since)
		q.Changed.From, q.Desc = &us, false
	}
	return q, err
}

func (a *api) list(w http.ResponseWriter, r *http.Request) error {
	q, err := eventQuery(r)
	if err != nil {
		return err
	}
	n, err := web.PageSize(r, 50, 200)
	if err != nil {
		return err
	}
	if c := r.URL.Query().Get("cursor"); c != "" {
		var p place
		if err := web.DecodeCursor(c, &p); err != nil {
			return err
		}
		if p.Oldest == q.Desc {
			return fault.Field("cursor", "web.error.form", "the cursor belongs to another order")
		}
		q.Past = &intel.Place{Changed: p.Changed, ID: p.ID}
	}
	q.Limit = n + 1
	var found []*intel.Event
	if _, err := a.s.SearchEvents(r.Context(), web.Actor(r), q, func(e *intel.Event) error { found = append(found, e); return nil }); err != nil {
		return err
	}
	next := ""
	if len(found) > n {
		found = found[:n]
		last := found[n-1]
		next = web.EncodeCursor(place{last.Changed, last.ID, !q.Desc})
	}
	g, items := a.groups(r), make([]event, len(found))
	for i, e := range found {
		if items[i], err = g.event(e); err != nil {
			return err
		}
	}
	return web.JSON(w, http.StatusOK, web.NewList(items, next))
}

func (a *api) show(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	e, err := a.s.Event(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	if web.ETag(w, r, tag(e)) {
		return nil
	}
	out, err := a.groups(r).event(&e)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, out)
}

// tag is the entity tag. How many attributes one sees depends on who asks, so does
// the answer; caches are private.
func tag(e intel.Event) string { return strconv.FormatInt(e.Changed, 10) }

// answer reads what is there after an act.
func (a *api) answer(w http.ResponseWriter, r *http.Request, id string, status int) error {
	e, err := a.s.Event(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	out, err := a.groups(r).event(&e)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", `"`+tag(e)+`"`)
	return web.JSON(w, status, out)
}

// header is what a client may write of an event; what is absent stays.
type header struct {
	Info          *string   `json:"info"`
	Date          *string   `json:"date"`
	Threat        *string   `json:"threat"`
	Analysis      *string   `json:"analysis"`
	Distribution  *string   `json:"distribution"`
	SharingGroup  *string   `json:"sharing_group"`
	TLP           *string   `json:"tlp"`  // in place of the TLP tag
	Tags          *[]string `json:"tags"` // all of them, local ones aside
	Extends       *string   `json:"extends"`
	NoCorrelation *bool     `json:"disable_correlation"`
}

// wire gives the document that the Service takes. Faults: Invalid by field.
func (h header) wire(g *groups) (*misp.Event, error) {
	e := &misp.Event{}
	for _, x := range []struct {
		from *string
		to   *misp.Text
	}{{h.Info, &e.Info}, {h.Date, &e.Date}, {h.Extends, &e.ExtendsUUID}} {
		if x.from != nil {
			*x.to = misp.T(*x.from)
		}
	}
	for _, x := range []struct {
		field string
		from  *string
		words words
		to    *misp.Int
	}{{"threat", h.Threat, threats, &e.ThreatLevelID}, {"analysis", h.Analysis, analyses, &e.Analysis},
		{"distribution", h.Distribution, distributions[:intel.Inherit], &e.Distribution}} {
		if x.from == nil {
			continue
		}
		n, err := x.words.number(x.field, *x.from)
		if err != nil {
			return nil, err
		}
		*x.to = misp.N(n)
	}
	if h.SharingGroup != nil {
		id, err := g.id(*h.SharingGroup)
		if err != nil {
			return nil, err
		}
		e.SharingGroupID = misp.N(id)
		if h.Distribution == nil {
			e.Distribution = misp.N(int64(intel.Group))
		}
	}
	if h.NoCorrelation != nil {
		e.DisableCorrelation = misp.B(*h.NoCorrelation)
	}
	return e, nil
}

// tags gives the tags that an event shall have: those listed, with the label.
func (h header) tags(have []string) (want []string, err error) {
	if want = have; h.Tags != nil {
		want = slices.Clone(*h.Tags)
	}
	if h.TLP == nil {
		return want, nil
	}
	label, err := tlpTag(*h.TLP)
	if err != nil {
		return nil, err
	}
	want = slices.DeleteFunc(slices.Clone(want), func(t string) bool { return strings.HasPrefix(strings.ToLower(t), "tlp:") })
	return append(want, label), nil
}

// added is the answer to a new event: what of it was not stored, too.
type added struct {
	event
	Refused []refused `json:"refused"`
}

type refused struct {
	ID     string `json:"id"` // as it was sent
	Field  string `json:"field"`
	Reason string `json:"reason"` // MISP's sentence
}

func (a *api) add(w http.ResponseWriter, r *http.Request) error {
	key, err := web.IdempotencyKey(r)
	if err != nil {
		return err
	}
	var in struct {
		header
		ID         string  `json:"id"`
		Attributes []draft `json:"attributes"`
		Publish    bool    `json:"publish"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	g := a.groups(r)
	e, err := in.wire(g)
	if err != nil {
		return err
	}
	tags, err := in.tags(nil)
	if err != nil {
		return err
	}
	for _, t := range tags {
		e.Tag = append(e.Tag, misp.Tag{Name: misp.T(t)})
	}
	if in.ID != "" {
		e.UUID = misp.T(in.ID)
	}
	if e.Attribute, err = wires(g, in.Attributes, "attributes"); err != nil {
		return err
	}
	if in.Publish && !web.Actor(r).Can("intel.publish") {
		return fault.New(fault.Denied, "publishing needs intel.publish")
	}
	saved, err := a.s.AddEvent(r.Context(), web.Actor(r), intel.FromEvent(e), intel.AddOptions{Publish: in.Publish, Once: key})
	if err != nil {
		return err
	}
	if saved.State == "again" {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	return a.made(w, r, g, saved)
}

func (a *api) made(w http.ResponseWriter, r *http.Request, g *groups, saved intel.Saved) error {
	e, err := a.s.Event(r.Context(), web.Actor(r), saved.UUID)
	if err != nil {
		return err
	}
	out := added{Refused: []refused{}}
	if out.event, err = g.event(&e); err != nil {
		return err
	}
	for _, d := range saved.Dropped {
		out.Refused = append(out.Refused, refused{d.UUID, d.Field, d.Text})
	}
	w.Header().Set("Location", events+"/"+e.UUID)
	w.Header().Set("ETag", `"`+tag(e)+`"`)
	return web.JSON(w, http.StatusCreated, out)
}

// change puts what came over the event as it was read: nobody's change in between
// is lost.
func (a *api) change(w http.ResponseWriter, r *http.Request) error {
	v, err := web.IfVersion(r)
	if err != nil {
		return err
	}
	id, err := ref(r)
	if err != nil {
		return err
	}
	var h header
	if err := web.ReadJSON(r, &h); err != nil {
		return err
	}
	was, err := a.s.Event(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	e, err := h.wire(a.groups(r))
	if err != nil {
		return err
	}
	var have []string
	for _, t := range was.Tags {
		if !t.Local {
			have = append(have, t.Name)
		}
	}
	want, err := h.tags(have)
	if err != nil {
		return err
	}
	for _, t := range want {
		e.Tag = append(e.Tag, misp.Tag{Name: misp.T(t)})
	}
	for _, t := range have {
		if !slices.ContainsFunc(want, func(x string) bool { return strings.EqualFold(x, t) }) {
			e.Tag = append(e.Tag, misp.Tag{Name: misp.T(t), Deleted: misp.B(true)})
		}
	}
	if v == 0 {
		v = was.Changed
	}
	if _, err := a.s.EditEvent(r.Context(), web.Actor(r), was.Ref(), intel.FromEvent(e), intel.AddOptions{Version: v}); err != nil {
		return err
	}
	return a.answer(w, r, was.UUID, http.StatusOK)
}

// remove deletes for good: the event does not come back under its UUID.
func (a *api) remove(w http.ResponseWriter, r *http.Request) error {
	v, err := web.IfVersion(r)
	if err != nil {
		return err
	}
	id, err := ref(r)
	if err != nil {
		return err
	}
	if err := a.s.DeleteEventAt(r.Context(), web.Actor(r), id, v); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) publish(w http.ResponseWriter, r *http.Request) error { return a.publishing(w, r, true) }
func (a *api) unpublish(w http.ResponseWriter, r *http.Request) error {
	return a.publishing(w, r, false)
}

func (a *api) publishing(w http.ResponseWriter, r *http.Request, on bool) error {
	v, err := web.IfVersion(r)
	if err != nil {
		return err
	}
	id, err := ref(r)
	if err != nil {
		return err
	}
	if err := a.s.SetPublished(r.Context(), web.Actor(r), id, v, on); err != nil {
		return err
	}
	return a.answer(w, r, id, http.StatusOK)
}

// audience says who exactly will see an event.
type audience struct {
	Members       bool           `json:"members"` // every organisation here
	Peers         bool           `json:"peers"`   // and other installations
	Organisations []organisation `json:"organisations"`
	Count         int            `json:"count"` // of organisations
	People        int64          `json:"people"`
	Verdict       string         `json:"verdict"`
	Reason        *string        `json:"reason"` // why the label asks or holds
}

// readers is the owner's question: of what others hold, who else reads it is theirs
// to know.
func (a *api) readers(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	who := web.Actor(r)
	e, err := a.s.Event(r.Context(), who, id)
	if err != nil {
		return err
	}
	if who.Org == 0 || e.Owner.ID != who.Org {
		return fault.New(fault.Denied, "the event is another organisation's").WithKey("intel.fault.foreign")
	}
	sees, err := a.s.WhoSees(r.Context(), who, e.Distribution, e.Group, tagsOf(e.Tags))
	if err != nil {
		return err
	}
	out := audience{Members: sees.Members, Peers: sees.Peers, Organisations: []organisation{}, Count: sees.Count, People: sees.People,
		Verdict: map[tlp.Answer]string{tlp.Pass: "pass", tlp.Ask: "ask", tlp.Hold: "hold"}[sees.Verdict.Answer], Reason: orNull(sees.Verdict.Reason)}
	for _, o := range sees.Orgs {
		out.Organisations = append(out.Organisations, organisation{o.UUID, o.Name})
	}
	return web.JSON(w, http.StatusOK, out)
}

// related is an event that shares values.
type related struct {
	Event event `json:"event"`
	Count int64 `json:"count"` // attributes there that equal one here
}

func (a *api) correlations(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	n, err := web.PageSize(r, 50, 200)
	if err != nil {
		return err
	}
	list, complete, err := a.s.Correlations(r.Context(), web.Actor(r), id, n)
	if err != nil {
		return err
	}
	g := a.groups(r)
	out := struct {
		web.List[related]
		Complete bool `json:"complete"`
	}{web.NewList(make([]related, len(list)), ""), complete}
	for i, x := range list {
		out.Items[i].Count = x.Count
		if out.Items[i].Event, err = g.event(x.Event); err != nil {
			return err
		}
	}
	return web.JSON(w, http.StatusOK, out)
}
