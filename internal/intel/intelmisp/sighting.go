package intelmisp

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// sightingAdd takes the attribute from the path, id or uuid, or every attribute
// with one of the values. Some refusals are 200 with a message, as MISP gives them.
func (a *api) sightingAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	no := func(why string) error {
		return c.value(map[string]string{"message": "Could not add the Sighting. Reason: " + why})
	}
	p := c.params.sub("Sighting")
	var on []string
	for _, ref := range []string{c.arg(0), p.text("id"), p.text("uuid"), p.text("attribute_id"), p.text("attribute_uuid")} {
		if ref != "" && len(on) == 0 {
			on = append(on, ref)
		}
	}
	values := p.list("value")
	values = append(values, p.list("values")...)
	g := intel.Sighting{Source: p.text("source"), Kind: p.number("type", 0), Seen: int64(p.number("timestamp", p.number("date_sighting", 0)))}
	if g.Kind < intel.Seen || g.Kind > intel.Expiration {
		return no("Invalid type, please change it before you POST 1000000 sightings.")
	}
	on, values, err := a.sightable(c, on, values)
	if err != nil {
		return err
	}
	_, last, err := a.Intel.AddSightings(c.ctx(), c.who, on, values, g)
	if fault.Is(err, fault.NotFound) {
		return no("No valid attributes found that match the criteria.")
	}
	if err != nil {
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	return c.json(append(misp.Append([]byte(`{"Sighting":`), ptr(last.Wire())), '}'))
}

func ptr[T any](v T) *T { return &v }

func (a *api) sightingDelete(c *call) error {
	if err := a.Intel.DeleteSighting(c.ctx(), c.who, c.arg(0)); err != nil {
		return instead(err, notFound("Invalid sighting."), fault.NotFound)
	}
	return c.done(misp.Outcome{Controller: "Sightings", Action: "delete", Message: "Sighting successfully deleted.", ID: c.arg(0)})
}

// sightingIndex lists those of one event, flat.
func (a *api) sightingIndex(c *call) error {
	if !isDigits(c.arg(0)) {
		return c.json([]byte("[]")) // measured: a uuid finds nothing here
	}
	o, stays := c.begin(http.StatusOK), a.sightingStays(c)
	return o.list("", "", func(yield func([]byte) error) error {
		err := a.Intel.Sightings(c.ctx(), c.who, intel.SightingFilter{Event: c.arg(0)}, func(g *intel.Sighting) error {
			if stays(g) {
				return nil
			}
			w := g.Wire()
			w.AttributeUUID, w.Organisation = misp.T(g.Attribute.UUID), g.Org.Wire()
			return yield(misp.Append(nil, &w))
		})
		return instead(err, nil, fault.NotFound)
	})
}

// sightingList lists those of an attribute, or with another context of an event: the path
// is <id>/<context>/<org_id>, the body says it over. Without a context it is an attribute.
func (a *api) sightingList(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	id := cmp.Or(c.params.text("id"), c.arg(0))
	context := cmp.Or(c.params.text("context"), c.arg(1), "attribute")
	of := filterOf(c.params["org_id"])
	if !c.params.has("org_id") && c.arg(2) != "" {
		of = filterOf(c.arg(2))
	}
	bad := notAllowed("Invalid object.")
	if !isDigits(id) {
		return bad // measured: numbers only
	}
	f := intel.SightingFilter{Event: id}
	if context == "attribute" {
		f = intel.SightingFilter{Attribute: id}
	}
	var list []intel.Sighting
	stays := a.sightingStays(c)
	err := a.Intel.Sightings(c.ctx(), c.who, f, func(g *intel.Sighting) error {
		if !byOrg(of, g.Org) || stays(g) {
			return nil
		}
		if list = append(list, *g); len(list) > sightedMost {
			return io.EOF
		}
		return nil
	})
	if err != nil && err != io.EOF {
		return instead(err, bad, fault.NotFound)
	}
	slices.SortStableFunc(list, func(x, y intel.Sighting) int { return cmp.Compare(y.Seen, x.Seen) }) // the latest first
	return c.list("", "", formed(list, func(x intel.Sighting) any {
		return ordered{{"Sighting", x.Wire()}, {"Organisation", map[string]string{"name": x.Org.Name}}}
	}))
}

// thingsMost bounds how many events or attributes one search names.
const thingsMost = 1000

// sightingSearch answers sightings/restSearch/<event or attribute>: the id must
// be a JSON number, as measured.
func (a *api) sightingSearch(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	f := intel.SightingFilter{Source: c.params.text("source")}
	if v, ok := c.params["id"]; ok {
		n, ok := v.(json.Number)
		if !ok {
			return fail(http.StatusBadRequest, "Invalid ID `"+text(v)+"` provided.")
		}
		f.Event = n.String()
		if c.arg(0) == "attribute" {
			f.Event, f.Attribute = "", n.String()
		}
	}
	things := []string{f.Event}
	if u := c.params.list("uuid"); len(u) > 0 && c.arg(0) != "" {
		things = u[:min(len(u), thingsMost)]
	}
	if c.params.has("type") {
		n := c.params.number("type", 0)
		f.Kind = &n
	}
	times := &filters{p: c.params, now: now(c)}
	f.Seen = times.span(1, "from", "last", "publish_timestamp", "timestamp")
	if to, ok := moment(c.params.text("to"), now(c)); ok {
		f.Seen.To = ptr(int64(to))
	}
	if times.q.Nothing {
		f.Seen.From = ptr(int64(1) << 60)
	}
	of := filterOf(c.params["org_id"])
	stays := a.sightingStays(c)
	each := func(yield func(*intel.Sighting) error) error {
		for _, ref := range things {
			f := f
			if ref != "" && c.arg(0) == "attribute" {
				f.Attribute = ref
			} else if ref != "" {
				f.Event = ref
			}
			err := a.Intel.Sightings(c.ctx(), c.who, f, func(g *intel.Sighting) error {
				if !byOrg(of, g.Org) || stays(g) {
					return nil
				}
				return yield(g)
			})
			if err = instead(err, nil, fault.NotFound); err != nil {
				return err
			}
		}
		return nil
	}
	if c.params.text("returnFormat") == "csv" {
		return c.sightingCSV(each)
	}
	o := c.begin(http.StatusOK)
	o.count = 0 // measured: always 0
	h := c.w.Header()
	h.Set("X-Export-Module-Used", "json")
	h.Set("X-Response-Format", "json")
	h.Set("X-Skipped-Elements-Count", "0")
	return o.list(`{"response":`, "}", func(yield func([]byte) error) error {
		return each(func(g *intel.Sighting) error {
			w, err := a.sighting(c, g)
			if err != nil {
				return err
			}
			return yield(append(misp.Append([]byte(`{"Sighting":`), w), '}'))
		})
	})
}

func (a *api) sighting(c *call, g *intel.Sighting) (*misp.Sighting, error) {
	w := g.Wire()
	w.Value, w.Organisation = misp.T(g.Attribute.Value), g.Org.Wire()
	if c.params.flag("includeAttribute", false) {
		at := g.Attribute
		w.Attribute = &misp.Attribute{ID: misp.N(at.ID), UUID: misp.T(at.UUID), Type: misp.T(at.Type), Category: misp.T(at.Category),
			ToIDS: misp.B(at.ToIDS), Value: misp.T(at.Value)}
	}
	if c.params.flag("includeUuid", false) {
		w.AttributeUUID, w.EventUUID = misp.T(g.Attribute.UUID), misp.T(g.EventUUID)
	}
	if c.params.flag("includeEvent", false) {
		e, err := a.Intel.Event(c.ctx(), c.who, itoa(g.EventID))
		if err != nil {
			return nil, err
		}
		w.Event = &misp.Event{ID: misp.N(e.ID), UUID: misp.T(e.UUID), OrgID: misp.N(e.Owner.ID), OrgcID: misp.N(e.Origin.ID), Info: misp.T(e.Info),
			Orgc: &misp.Org{Name: misp.T(e.Origin.Name)}}
	}
	return &w, nil
}

// byOrg tests who reported a sighting: ids, UUIDs or names, some of them with NOT.
func byOrg(f intel.Filter, o intel.Org) bool {
	is := func(ref string) bool {
		return ref == itoa(o.ID) || strings.EqualFold(ref, o.UUID) || strings.EqualFold(ref, o.Name)
	}
	return (len(f.Or) == 0 || slices.ContainsFunc(f.Or, is)) && !slices.ContainsFunc(f.Not, is)
}

func (c *call) sightingCSV(each func(func(*intel.Sighting) error) error) error {
	o := c.text("text/csv")
	o.count = 0
	if _, err := o.Write([]byte("id,attribute_id,event_id,org_id,date_sighting,uuid,source,type\n")); err != nil {
		return err
	}
	err := each(func(g *intel.Sighting) error {
		line := strings.Join([]string{itoa(g.ID), itoa(g.AttributeID), itoa(g.EventID), itoa(g.Org.ID), itoa(g.Seen), `"` + g.UUID + `"`,
			`"` + strings.ReplaceAll(g.Source, `"`, `""`) + `"`, strconv.Itoa(g.Kind)}, ",")
		_, err := o.Write([]byte(line + "\n"))
		return err
	})
	if err != nil {
		return o.broken(err)
	}
	if _, err := o.Write([]byte("\n")); err != nil {
		return err
	}
	return o.Close()
}

// sightingsPublish lets peers ask again for an event's sightings.
func (a *api) sightingsPublish(c *call) error {
	if err := a.Intel.PublishSightings(c.ctx(), c.who, c.arg(0)); err != nil {
		return instead(instead(err, notFound(invalidEvent), fault.NotFound), forbidden(misp.MsgNoPermission), fault.Denied)
	}
	return c.done(misp.Outcome{Controller: "Events", Action: "publishSightings", Message: "Job queued", ID: c.arg(0)})
}

// sightingsKnown tells a pushing peer which of its sightings stand on the event.
func (a *api) sightingsKnown(c *call) error {
	list, err := c.elements()
	if err != nil {
		return err
	}
	known, err := a.Intel.KnownSightings(c.ctx(), c.who, c.arg(0), texts(list))
	if err != nil {
		return instead(err, notFound("Event not found"), fault.NotFound)
	}
	return c.value(append([]string{}, known...))
}

// elements reads a body that is a list.
func (c *call) elements() ([]any, error) {
	b, err := c.read()
	if err != nil {
		return nil, err
	}
	v, err := decode(b)
	list, ok := v.([]any)
	if err != nil || !ok {
		return nil, badJSON()
	}
	return list, nil
}

// sightingsFromPeer stores what a peer's organisations saw on one event.
func (a *api) sightingsFromPeer(c *call) error {
	list, err := c.elements()
	if err != nil {
		return err
	}
	var in []intel.Sighting
	for _, entry := range list {
		m, _ := entry.(map[string]any)
		p := params(m).sub("Sighting")
		org := params{}
		if o, ok := p["Organisation"].(map[string]any); ok {
			org = o
		}
		in = append(in, intel.Sighting{UUID: p.text("uuid"), Kind: p.number("type", 0), Source: p.text("source"), Seen: int64(p.number("date_sighting", 0)),
			Org: intel.Org{UUID: org.text("uuid"), Name: org.text("name")}, Attribute: &intel.Attribute{UUID: p.text("attribute_uuid")}})
	}
	n, err := a.Intel.BringSightings(c.ctx(), c.who, c.arg(0), in)
	if err != nil {
		return instead(err, notFound("Event not found"), fault.NotFound)
	}
	return c.value(ordered{{"saved", true}, {"success", strconv.Itoa(n) + " sightings added."}})
}

// sightable leaves out what a label keeps from a key that takes away what it reads: whether a
// value is here is not told by sighting it.
func (a *api) sightable(c *call, on, values []string) (_, left []string, err error) {
	if !a.leaving(c) {
		return on, values, nil
	}
	on = slices.DeleteFunc(on, a.partStays(c))
	if len(values) > 0 {
		err = a.Intel.SearchAttributes(c.ctx(), c.who, intel.Query{Value: intel.Filter{Or: values}, Limit: intel.SightedMost, Leaving: true}, func(at *intel.Attribute) error {
			on = append(on, at.UUID)
			return nil
		})
	}
	return on, nil, err
}
