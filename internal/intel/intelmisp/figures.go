package intelmisp

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// peopleStatistics counts accounts and organisations: all, of this month, of this year.
func (a *api) peopleStatistics(c *call) error {
	orgs, err := a.orgs(c, "all")
	if err != nil {
		return err
	}
	t := now(c).UTC()
	ranges := []struct {
		name string
		from time.Time
	}{{"total", time.Time{}}, {"month", time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)}, {"year", time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)}}
	var users, local, foreign ordered
	for _, r := range ranges {
		here, away := 0, 0
		for _, o := range orgs {
			switch {
			case o.Created < r.from.Unix():
			case o.Local:
				here++
			default:
				away++
			}
		}
		n := int64(0)
		if a.Accounts != nil {
			if n, err = a.Accounts.CountSince(c.ctx(), c.who, max(r.from.UnixMicro(), 0)); err != nil {
				return err
			}
		}
		users, local, foreign = append(users, ordered{{r.name, n}}...), append(local, ordered{{r.name, here}}...), append(foreign, ordered{{r.name, away}}...)
	}
	return c.value(ordered{{"user", ordered{{"data", users}}}, {"org_local", ordered{{"data", local}}}, {"org_external", ordered{{"data", foreign}}}})
}

// sizedTag is one box of the map of tags.
type sizedTag struct {
	Name string `json:"name"`
	Size string `json:"size"`
}

// tagTreemap counts the events that the caller sees by tag, the tags by their taxonomy in
// force; "custom" holds the rest.
func (a *api) tagTreemap(c *call) error {
	found, err := a.Intel.Census(c.ctx(), c.who)
	if err != nil {
		return err
	}
	items, err := a.Catalog.List(c.ctx(), c.who, catalog.Taxonomy)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, it := range items {
		known[it.Key] = it.Enabled
	}
	flat := map[string]map[string]sizedTag{}
	for name, n := range found.Tags {
		space, _, ok := strings.Cut(name, ":")
		if !ok || !known[strings.ToLower(space)] {
			space = "custom"
		}
		if flat[space] == nil {
			flat[space] = map[string]sizedTag{}
		}
		flat[space][name] = sizedTag{name, itoa(n)}
	}
	branches := []any{}
	for _, space := range slices.Sorted(maps.Keys(flat)) {
		list := slices.SortedFunc(maps.Values(flat[space]), func(x, y sizedTag) int { return cmp.Compare(x.Name, y.Name) })
		branches = append(branches, ordered{{"name", space}, {"children", list}})
	}
	return c.value(ordered{{"flatData", flat}, {"treemap", ordered{{"name", "tags"}, {"children", branches}}}})
}

// histogram counts the attributes that the caller sees by the organisation that made them
// and by type; the path may choose types, as a list in JSON.
func (a *api) histogram(c *call) error {
	by, err := a.Intel.TypesOfOrgs(c.ctx(), c.who)
	if err != nil {
		return err
	}
	orgs, err := a.orgs(c, "all")
	if err != nil {
		return err
	}
	var chosen []string
	if s := c.arg(0); s != "" && json.Unmarshal([]byte(s), &chosen) != nil {
		return notAllowed("Invalid types.")
	}
	type line struct {
		Data  any    `json:"data"`
		Name  string `json:"org_name"`
		Total int64  `json:"total"`
	}
	sums := map[string]int64{}
	lineOf := func(name string, types map[string]int64) line {
		out, total := map[string]string{}, int64(0)
		for typ, n := range types {
			if len(chosen) == 0 || slices.Contains(chosen, typ) {
				out[typ], total = itoa(n), total+n
			}
		}
		if len(out) == 0 {
			return line{[]string{}, name, 0}
		}
		return line{out, name, total}
	}
	var list []line
	for _, o := range orgs {
		if types := by[o.ID]; types != nil {
			list = append(list, lineOf(o.Name, types))
		}
	}
	for _, types := range by { // of organisations without a card here too
		for typ, n := range types {
			sums[typ] += n
		}
	}
	list = append([]line{lineOf("All organisations", sums)}, list...)
	slices.SortStableFunc(list, func(x, y line) int { return cmp.Compare(y.Total, x.Total) })
	return c.value(list)
}

// sightingStatistics tells which sources the own organisation's sightings name, how often,
// and on which events. MISP breaks the second part: it lists words for numbers there.
func (a *api) sightingStatistics(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	since := int64(c.params.number("timestamp", 0))
	found, err := a.Intel.SightingSources(c.ctx(), c.who, since)
	if err != nil {
		return err
	}
	kinds := []string{"sighting", "false-positive", "expiration"}
	top, events := map[string]int64{}, map[string]map[string][]string{}
	for _, f := range found {
		source := cmp.Or(f.Source, "Undefined")
		top[source] += f.N
		if events[source] == nil {
			events[source] = map[string][]string{}
		}
		events[source][kinds[f.Kind]] = append(events[source][kinds[f.Kind]], itoa(f.Event))
	}
	names := slices.SortedFunc(maps.Keys(top), func(x, y string) int { return cmp.Or(cmp.Compare(top[y], top[x]), cmp.Compare(x, y)) })
	list, where := ordered{}, ordered{}
	for _, n := range names {
		list = append(list, ordered{{quoteless(n), top[n]}}...)
		where = append(where, ordered{{quoteless(n), events[n]}}...)
	}
	return c.value(ordered{{"toplist", list.orList()}, {"eventids", where.orList()}})
}

// orList is how PHP writes a map without entries.
func (o ordered) orList() any {
	if len(o) == 0 {
		return []string{}
	}
	return o
}

// attackPattern is the galaxy that matrices are drawn of unless another is named, and
// enterprise the tab that gathers its platforms' tabs.
const (
	attackPattern = "mitre-attack-pattern"
	enterprise    = "attack-enterprise"
)

// galaxyMatrix gives a galaxy's clusters by kill chain and column, most used first, and
// how many events and attributes that the caller sees carry each. Named parameters:
// galaxy_id, dateFrom, dateTo, organisation.
func (a *api) galaxyMatrix(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	it, body, err := a.Catalog.Get(c.ctx(), c.who, catalog.Galaxy, cmp.Or(c.params.text("galaxy_id"), attackPattern))
	if err != nil {
		return instead(err, notFound("Invalid galaxy"), fault.NotFound)
	}
	if len(galaxyWire(it, body).wire.KillChainOrder) == 0 {
		return notAllowed("Galaxy cannot be represented as a matrix")
	}
	span := intel.TagSpan{Prefix: "misp-galaxy:" + it.Key + "=", From: c.params.text("dateFrom"), To: c.params.text("dateTo")}
	if ref := c.params.text("organisation"); ref != "" && ref != "0" {
		o, err := a.findOrg(c, ref)
		if err != nil {
			return instead(err, notFound("Invalid organisation"), fault.NotFound)
		}
		span.Org = o.ID
	}
	used, err := a.Intel.TagTotals(c.ctx(), c.who, span)
	if err != nil {
		return err
	}
	m := &matrix{uses: map[string]int64{}, scores: map[string]int64{}, at: map[string]map[string]int{}}
	for name, n := range used {
		m.uses[strings.ToLower(name)] += n
	}
	err = a.Catalog.Clusters(c.ctx(), c.who, itoa(it.ID), func(cl catalog.Cluster) error { return m.add(a, c, it.Key, cl) })
	if err != nil {
		return err
	}
	return c.value(ordered{{"matrix", m.tabs()}, {"scores", m.scores}, {"instance-uuid", a.UUID}})
}

// matrix gathers clusters by tab and column.
type matrix struct {
	uses   map[string]int64 // by lower-case tag
	scores map[string]int64 // by tag, those used
	names  []string         // of tabs, in the order of their coming
	cols   [][]matrixColumn
	at     map[string]map[string]int
}

type matrixColumn struct {
	name  string
	cells []matrixCell
}

type matrixCell struct {
	score int64
	value string
	raw   json.RawMessage
}

func (m *matrix) add(a *api, c *call, galaxy string, cl catalog.Cluster) error {
	w, _, err := a.clusterWire(c, cl)
	if err != nil {
		return err
	}
	external, places := "", [][2]string{}
	place := func(tab, col string) {
		if !slices.Contains(places, [2]string{tab, col}) {
			places = append(places, [2]string{tab, col})
		}
	}
	for _, e := range w.GalaxyElement {
		switch e.Key.V {
		case "external_id":
			external = e.Value.V
		case "kill_chain":
			tab, col, ok := strings.Cut(e.Value.V, ":")
			if !ok {
				continue
			}
			place(tab, col)
			if galaxy == attackPattern && strings.HasPrefix(tab, "attack-") {
				place(enterprise, col)
			}
		}
	}
	if len(places) == 0 {
		return nil
	}
	w.Meta, w.Relation, w.Org, w.Orgc = nil, nil, nil, nil
	raw := misp.Append(nil, &w)
	if external != "" {
		text, err := marshal(external)
		if err != nil {
			return err
		}
		raw = append(append(append(raw[:len(raw)-1], `,"external_id":`...), text...), '}')
	}
	score := m.uses[strings.ToLower(cl.Tag())]
	if score > 0 {
		m.scores[cl.Tag()] = score
	}
	for _, p := range places {
		m.put(p[0], p[1], matrixCell{score, cl.Value, raw})
	}
	return nil
}

func (m *matrix) put(tab, col string, cell matrixCell) {
	t := slices.Index(m.names, tab)
	if t < 0 {
		t = len(m.names)
		m.names, m.cols, m.at[tab] = append(m.names, tab), append(m.cols, nil), map[string]int{}
	}
	k, ok := m.at[tab][col]
	if !ok {
		k = len(m.cols[t])
		m.at[tab][col] = k
		m.cols[t] = append(m.cols[t], matrixColumn{name: col})
	}
	m.cols[t][k].cells = append(m.cols[t][k].cells, cell)
}

// tabs writes what was gathered: most used first, then by name.
func (m *matrix) tabs() any {
	out := ordered{}
	for t, name := range m.names {
		tab := ordered{}
		for _, col := range m.cols[t] {
			slices.SortStableFunc(col.cells, func(x, y matrixCell) int { return cmp.Or(cmp.Compare(y.score, x.score), cmp.Compare(x.value, y.value)) })
			cells := make([]json.RawMessage, len(col.cells))
			for i := range col.cells {
				cells[i] = col.cells[i].raw
			}
			tab = append(tab, ordered{{quoteless(col.name), cells}}...)
		}
		out = append(out, ordered{{quoteless(name), tab}}...)
	}
	return out.orList()
}
