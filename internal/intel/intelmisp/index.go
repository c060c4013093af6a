package intelmisp

import (
	"net/http"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
)

// eventIndex lists events flat. Filters come with or without the prefix
// "search", by path or by body; a pipe is OR.
func (a *api) eventIndex(c *call) error {
	if c.r.Method == http.MethodPost {
		if err := c.form(); err != nil {
			return err
		}
	}
	q := indexQuery(c)
	q.Leaving = a.leaving(c)
	o := c.begin(http.StatusOK)
	o.count = 0
	minimal := c.params.flag("minimal", false)
	if !synchronises(c) && !server(c) { // of theirs, labels may hold some back
		q.Found = o.counts
	}
	err := o.listUnclosed("", func(yield func([]byte) error) error {
		total, err := a.Intel.SearchEvents(c.ctx(), c.who, q, func(e *intel.Event) error {
			if a.withheld(c, e) {
				o.left++
				return nil
			}
			if minimal {
				return a.minimalEvent(c, e, &o.left, yield)
			}
			kept, err := a.keptOf(c, e)
			if err != nil {
				return err
			}
			e.Attributes -= kept.Attributes
			return yield(indexEvent(e, noLocal(c)))
		})
		o.count = total - o.left
		return err
	})
	if err != nil {
		return err
	}
	return o.Close()
}

// indexQuery reads the filters of an index.
func indexQuery(c *call) intel.Query {
	p := params{}
	for k, v := range c.params {
		k = strings.ToLower(k)
		k = strings.TrimPrefix(k, "search")
		if s, ok := v.(string); ok && strings.Contains(s, "|") {
			v = strings.ReplaceAll(strings.ReplaceAll(s, "||", "|"), "|", "||")
		}
		if s, ok := v.(string); ok && (k == "tag" || k == "tags") {
			v = strings.ReplaceAll(strings.ReplaceAll(s, "&&", "&"), "&", "&&")
		}
		p[k] = v
	}
	if p.has("all") {
		p["searchall"] = p["all"]
	}
	if p.has("attribute") {
		p["value"] = p["attribute"]
	}
	info := p["eventinfo"]
	delete(p, "eventinfo")
	q := query(p, now(c))
	for _, t := range texts(info) {
		not := strings.HasPrefix(t, "!")
		t = "%" + strings.Trim(strings.TrimPrefix(t, "!"), "%") + "%" // the index looks for a part
		if not {
			q.Info.Not = append(q.Info.Not, t)
		} else {
			q.Info.Or = append(q.Info.Or, t)
		}
	}
	if texts(p["published"]) != nil && p.text("published") == "2" {
		q.IsPublished = nil
	}
	return q
}

// minimalEvent is what pulling peers compare. Events with neither attributes nor a
// report are left out, and out of the count.
func (a *api) minimalEvent(c *call, e *intel.Event, left *int64, yield func([]byte) error) error {
	if any, err := a.holdsAnything(c, e); err != nil || !any {
		*left++
		return err
	}
	b, err := marshal(minimalRow(e))
	if err != nil {
		return err
	}
	return yield(b)
}

func minimalRow(e *intel.Event) ordered {
	return ordered{{"id", itoa(e.ID)}, {"timestamp", itoa(e.Timestamp)}, {"sighting_timestamp", itoa(e.SightingTimestamp)},
		{"published", e.Published}, {"uuid", e.UUID}, {"orgc_uuid", e.Origin.UUID}}
}

// holdsAnything tells that the caller sees an attribute of an event, or a report.
func (a *api) holdsAnything(c *call, e *intel.Event) (bool, error) {
	if e.Attributes > 0 {
		return true, nil
	}
	reports, err := a.Intel.Reports(c.ctx(), c.who, e.Ref(), intel.Without)
	return len(reports) > 0, err
}

func indexEvent(e *intel.Event, noLocal bool) []byte {
	w := e.Wire()
	links := []misp.TagLink{}
	for _, t := range exported(e.Tags, noLocal) {
		wt := t.Tag.Wire()
		wt.OrgID, wt.UserID, wt.HideTag = misp.Int{}, misp.Int{}, misp.Flag{}
		wt.NumericalValue, wt.LocalOnly, wt.IsCustomGalaxy = misp.Int{}, misp.Flag{}, misp.Flag{}
		wt.Exportable = misp.Flag{}
		links = append(links, misp.TagLink{ID: misp.N(t.Use), EventID: misp.N(e.ID), TagID: misp.N(t.ID), Local: misp.B(t.Local),
			RelationshipType: misp.TextOrNull(t.Relationship), Tag: &wt})
	}
	w.Attribute, w.Object, w.Tag, w.EventTag = nil, nil, nil, links
	return misp.Append(nil, w)
}
