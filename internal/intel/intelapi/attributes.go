package intelapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// draft is what a client may write of an attribute; what is absent stays, or is
// what the type usually has.
type draft struct {
	ID            *string   `json:"id"`
	Type          *string   `json:"type"`
	Category      *string   `json:"category"`
	Value         *string   `json:"value"`
	Comment       *string   `json:"comment"`
	ToIDS         *bool     `json:"to_ids"`
	NoCorrelation *bool     `json:"disable_correlation"`
	Distribution  *string   `json:"distribution"`
	SharingGroup  *string   `json:"sharing_group"`
	Tags          *[]string `json:"tags"`
	FirstSeen     *string   `json:"first_seen"`
	LastSeen      *string   `json:"last_seen"`
	Data          *string   `json:"data"` // attachment, base64
}

// wire gives the document that the Service takes. Faults: Invalid by field.
func (d draft) wire(g *groups) (misp.Attribute, error) {
	var x misp.Attribute
	for _, t := range []struct {
		from *string
		to   *misp.Text
	}{{d.ID, &x.UUID}, {d.Type, &x.Type}, {d.Category, &x.Category}, {d.Value, &x.Value}, {d.Comment, &x.Comment}, {d.Data, &x.Data}} {
		if t.from != nil {
			*t.to = misp.T(*t.from)
		}
	}
	for _, t := range []struct {
		field string
		from  *string
		to    *misp.Text
	}{{"first_seen", d.FirstSeen, &x.FirstSeen}, {"last_seen", d.LastSeen, &x.LastSeen}} {
		if t.from == nil {
			continue
		}
		at, err := time.Parse(time.RFC3339, *t.from)
		if err != nil {
			return x, fault.Field(t.field, "web.error.date", "%s is a time of RFC 3339", t.field)
		}
		*t.to = misp.T(misp.FormatSeen(at))
	}
	for _, t := range []struct {
		from *bool
		to   *misp.Flag
	}{{d.ToIDS, &x.ToIDS}, {d.NoCorrelation, &x.DisableCorrelation}} {
		if t.from != nil {
			*t.to = misp.B(*t.from)
		}
	}
	if d.Distribution != nil {
		n, err := distributions.number("distribution", *d.Distribution)
		if err != nil {
			return x, err
		}
		x.Distribution = misp.N(n)
	}
	if d.SharingGroup != nil {
		id, err := g.id(*d.SharingGroup)
		if err != nil {
			return x, err
		}
		x.SharingGroupID = misp.N(id)
		if d.Distribution == nil {
			x.Distribution = misp.N(int64(intel.Group))
		}
	} else if x.Distribution.V == int64(intel.Group) && x.Distribution.Given() {
		return x, fault.Field("sharing_group", "intel.fault.group", "a sharing group is needed")
	}
	if d.Tags != nil {
		for _, t := range *d.Tags {
			x.Tag = append(x.Tag, misp.Tag{Name: misp.T(t)})
		}
	}
	return x, nil
}

// wires gives a list; a fault names the place.
func wires(g *groups, list []draft, at string) ([]misp.Attribute, error) {
	out := make([]misp.Attribute, len(list))
	for i, d := range list {
		x, err := d.wire(g)
		if f := fault.Of(err); f != nil && f.Fields != nil {
			fields := map[string]string{}
			for k, v := range f.Fields {
				fields[fmt.Sprintf("%s[%d].%s", at, i, k)] = v
			}
			f.Fields = fields
		}
		if err != nil {
			return nil, err
		}
		out[i] = x
	}
	return out, nil
}

// stream writes a page of a search as it is read, at most n attributes.
func (a *api) stream(w http.ResponseWriter, r *http.Request, q intel.Query, n int, count bool) error {
	if err := web.DecodeCursor(r.URL.Query().Get("cursor"), &q.After); err != nil {
		return err
	}
	q.Limit, q.WithTags, q.WithObjects = n+1, true, true
	g := a.groups(r)
	return web.Stream(w, func(yield func(any) error) (next string, err error) {
		var held []*intel.Attribute // some at a time, so that correlation is asked once for all
		given, last := 0, int64(0)
		hand := func() error {
			defer func() { held = held[:0] }()
			return a.hand(r, g, held, count, yield)
		}
		err = a.s.SearchAttributes(r.Context(), web.Actor(r), q, func(x *intel.Attribute) error {
			if given++; given > n {
				next = web.EncodeCursor(last)
				return nil
			}
			last, held = x.ID, append(held, x)
			if len(held) < 100 {
				return nil
			}
			return hand()
		})
		if err == nil {
			err = hand()
		}
		return next, err
	})
}

// correlatesMost bounds the count that is told of one attribute.
const correlatesMost = 100

func (a *api) hand(r *http.Request, g *groups, list []*intel.Attribute, count bool, yield func(any) error) error {
	var of map[int64][]intel.Attribute
	if count && len(list) > 0 {
		var err error
		if of, err = a.s.RelatedTo(r.Context(), web.Actor(r), list, correlatesMost); err != nil {
			return err
		}
	}
	for _, x := range list {
		out, err := g.attribute(x, x.Event.UUID)
		if err != nil {
			return err
		}
		if count {
			n := len(of[x.ID])
			out.Correlations = &n
		}
		if err := yield(out); err != nil {
			return err
		}
	}
	return nil
}

func deleted(r *http.Request) (intel.Deleted, error) {
	d, ok := map[string]intel.Deleted{"": intel.Without, "without": intel.Without, "with": intel.With, "only": intel.Only}[r.URL.Query().Get("deleted")]
	if !ok {
		return d, fault.Field("deleted", "web.error.choice", "deleted is without, with or only")
	}
	return d, nil
}

// ofEvent streams all attributes of an event, those within objects too, by id.
func (a *api) ofEvent(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	d, err := deleted(r)
	if err != nil {
		return err
	}
	n, err := web.PageSize(r, 1000, 10_000)
	if err != nil {
		return err
	}
	e, err := a.s.Event(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	return a.stream(w, r, intel.Query{Events: []string{e.Ref()}, Deleted: d}, n, false)
}

// search finds attributes over all events that the caller sees.
func (a *api) search(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	var q intel.Query
	for _, x := range []struct {
		name string
		f    *intel.Filter
	}{{"value", &q.Value}, {"type", &q.Type}, {"category", &q.Category}, {"tag", &q.Tag}, {"organisation", &q.Origin}} {
		if s := v.Get(x.name); s != "" {
			x.f.Or = []string{s}
		}
	}
	var err error
	if q.Deleted, err = deleted(r); err != nil {
		return err
	}
	since, err := moment(r, "since")
	if err != nil {
		return err
	}
	if since != nil {
		s := since.Unix()
		q.Time.From = &s
	}
	if since, err = moment(r, "updated_since"); err != nil {
		return err
	}
	if since != nil {
		us := clock.Micros(*since)
		q.Changed.From = &us
	}
	n, err := web.PageSize(r, 50, 500)
	if err != nil {
		return err
	}
	return a.stream(w, r, q, n, true)
}

// one gives an attribute as it is searched for: with its object and its event's UUID.
func (a *api) one(r *http.Request, g *groups, id string, count bool) (out attribute, err error) {
	x, err := a.s.Attribute(r.Context(), web.Actor(r), id)
	if err != nil {
		return out, err
	}
	found := false
	q := intel.Query{UUIDs: []string{x.UUID}, Deleted: intel.With, WithTags: true, WithObjects: true}
	err = a.s.SearchAttributes(r.Context(), web.Actor(r), q, func(y *intel.Attribute) error {
		if y.ID != x.ID {
			return nil
		}
		found = true
		return a.hand(r, g, []*intel.Attribute{y}, count, func(v any) error { out = v.(attribute); return nil })
	})
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no attribute").WithKey("intel.fault.no-attribute")
	}
	return out, err
}

func (a *api) showAttribute(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	out, err := a.one(r, a.groups(r), id, true)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, out)
}

// result is what became of one attribute that was sent: the one stored, or the equal
// one that was here already; else why not.
type result struct {
	Attribute *attribute          `json:"attribute"`
	Refused   map[string][]string `json:"refused"`
}

const addMost = 10_000

// addAttributes takes one attribute, or a list under "attributes". Equal ones are
// not added twice, so a retry changes nothing.
func (a *api) addAttributes(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	var in struct {
		draft
		Attributes *[]draft `json:"attributes"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	list := []draft{in.draft}
	if in.Attributes != nil {
		list = *in.Attributes
	}
	if len(list) > addMost {
		return fault.New(fault.Limited, "at most %d at once", addMost)
	}
	g := a.groups(r)
	sent, err := wires(g, list, "attributes")
	if err != nil {
		return err
	}
	e, err := a.s.Event(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	stored, why, err := a.s.AddAttributes(r.Context(), web.Actor(r), e.Ref(), sent, true)
	if err != nil {
		return err
	}
	if in.Attributes == nil && why[0] != nil {
		return refusal(why[0])
	}
	items, err := a.results(r, g, stored, why)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, web.NewList(items, ""))
}

func refusal(why intel.Refused) error {
	fields := slices.Sorted(maps.Keys(why))
	if len(fields) == 0 {
		return fault.New(fault.Invalid, "the attribute was refused")
	}
	return fault.Field(fields[0], "intel.fault.attribute", "%s", strings.Join(why[fields[0]], " "))
}

// results reads what is stored again, some at a time: with tags and objects.
func (a *api) results(r *http.Request, g *groups, stored []intel.Attribute, why []intel.Refused) ([]result, error) {
	of := map[string]attribute{}
	for part := range slices.Chunk(stored, 200) {
		q := intel.Query{Deleted: intel.With, WithTags: true, WithObjects: true}
		for i := range part {
			if part[i].ID != 0 {
				q.UUIDs = append(q.UUIDs, part[i].UUID)
			}
		}
		if len(q.UUIDs) == 0 {
			continue
		}
		err := a.s.SearchAttributes(r.Context(), web.Actor(r), q, func(x *intel.Attribute) error {
			out, err := g.attribute(x, x.Event.UUID)
			of[x.UUID] = out
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	items := make([]result, len(stored))
	for i := range stored {
		if x, ok := of[stored[i].UUID]; ok && why[i] == nil {
			items[i].Attribute = &x
		}
		items[i].Refused = why[i]
	}
	return items, nil
}

func (a *api) changeAttribute(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	var d draft
	if err := web.ReadJSON(r, &d); err != nil {
		return err
	}
	if d.ID != nil {
		return fault.Field("id", "intel.fault.uuid", "a UUID is not changed")
	}
	g := a.groups(r)
	x, err := d.wire(g)
	if err != nil {
		return err
	}
	was, err := a.s.Attribute(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	if d.Tags != nil { // all of them, local ones aside
		for _, t := range was.Tags {
			if !t.Local && !slices.ContainsFunc(*d.Tags, func(n string) bool { return strings.EqualFold(n, t.Name) }) {
				x.Tag = append(x.Tag, misp.Tag{Name: misp.T(t.Name), Deleted: misp.B(true)})
			}
		}
	}
	if _, err := a.s.EditAttribute(r.Context(), web.Actor(r), was.UUID, x); err != nil {
		return err
	}
	return a.attributeAnswer(w, r, g, was.UUID)
}

func (a *api) attributeAnswer(w http.ResponseWriter, r *http.Request, g *groups, id string) error {
	out, err := a.one(r, g, id, false)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, out)
}

// removeAttribute deletes softly: the row stays, marked, and can be restored.
func (a *api) removeAttribute(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	if _, err := a.s.DeleteAttribute(r.Context(), web.Actor(r), id, false); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) restoreAttribute(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	if _, err := a.s.RestoreAttribute(r.Context(), web.Actor(r), id); err != nil {
		return err
	}
	return a.attributeAnswer(w, r, a.groups(r), id)
}
