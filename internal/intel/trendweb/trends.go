package trendweb

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"straza/internal/craft/export"
	"straza/internal/craft/export/exportweb"
	"straza/internal/intel"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// trendsPage shows what of the threat data grows and falls: every figure is a link to the
// list that it counts.
type trendsPage struct {
	web.Page
	Header ui.Header
	Bar    ui.FilterBar
	Notes  []ui.Note // what was cut
	Empty  *ui.Empty
	Charts []ui.LineChart
	Tables []ui.Table
	Steps  ui.Table
}

// trendRows is how much of each kind stands on the page; the file has all.
const trendRows = 12

// Galaxies whose clusters have a table of their own.
var trendGalaxies = []struct {
	key  string
	tags []string
}{{"techniques", []string{"misp-galaxy:mitre-attack-pattern="}}, {"actors", []string{"misp-galaxy:threat-actor=", "misp-galaxy:mitre-intrusion-set="}}}

func (p *pages) trends(w http.ResponseWriter, r *http.Request) error {
	var spans []ui.Option
	for _, n := range []string{"7", "30", "90", "365"} {
		spans = append(spans, ui.Option{Value: n, Label: web.T(r, "trend.days", "n", daysAsked(n))})
	}
	f := web.ReadFilters(r, web.FilterSpec{Name: "days", Label: web.T(r, "trend.period"), Options: spans},
		web.FilterSpec{Name: "from", Label: web.T(r, "intel.timeline.from"), Type: "date"}, web.FilterSpec{Name: "to", Label: web.T(r, "intel.timeline.to"), Type: "date"})
	d, note := trendDays(r, f)
	t, err := p.d.Intel.Trends(r.Context(), web.Actor(r), d)
	if err != nil {
		return err
	}
	sighted, cut, err := p.d.Intel.TrendsOfSightings(r.Context(), web.Actor(r), d)
	if err != nil {
		return err
	}
	groups := trendGroups(t, sighted)
	if r.URL.Query().Get("format") == "csv" {
		return trendsFile(w, r, d, t, groups)
	}
	page := &trendsPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.trends")), Header: ui.Header{Title: web.T(r, "intel.trends"), Sub: []any{daysWord(r, d), web.T(r, "trend.beside", "days", daysWord(r, d.Before()))}}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "intel.events"), Href: base(r)}, {Label: web.T(r, "intel.trends")}}
	rows := int64(2)
	for _, g := range groups {
		rows += int64(len(g.list))
	}
	page.Bar = f.Bar("", exportweb.Offer(r, f.With("format", "csv"), rows, false)...)
	for key, is := range map[string]bool{note: note != "", "trend.cut": t.CutAttributes || t.CutMarks || cut} {
		if is {
			page.Notes = append(page.Notes, ui.Note{Kind: "warning", Body: web.T(r, key, "n", int64(intel.TrendDays))})
		}
	}
	if rows == 2 && t.Attributes.Now+t.Attributes.Was == 0 {
		page.Empty = &ui.Empty{Icon: "chart-bar", Title: web.T(r, "trend.empty"), Text: web.T(r, "trend.empty.text")}
		return p.t.Render(w, r, "trends", page)
	}
	page.Charts = []ui.LineChart{trendChart(r, "events", d, t.Events), trendChart(r, "attributes", d, t.Attributes)}
	for _, g := range groups {
		page.Tables = append(page.Tables, trendTable(r, d, g))
	}
	page.Steps = stepTable(r, d, t)
	return p.t.Render(w, r, "trends", page)
}

func daysAsked(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }

// trendDays reads the period of the address, the last 30 days by default; what cannot be
// is put right, and note says how.
func trendDays(r *http.Request, f *web.Filters) (d intel.Days, note string) {
	today := web.Now(r).In(i18n.Belgrade)
	to, err := time.Parse(time.DateOnly, f.Get("to"))
	if err != nil || to.Year() < 1972 {
		to, _ = time.Parse(time.DateOnly, today.Format(time.DateOnly))
	}
	n := daysAsked(f.Get("days"))
	if n == 0 {
		n = 30
	}
	from, err := time.Parse(time.DateOnly, f.Get("from"))
	switch {
	case err != nil:
		from = to.AddDate(0, 0, int(1-n))
	case from.After(to):
		from, to, note = to, from, "trend.turned"
	}
	if least := to.AddDate(0, 0, 1-intel.TrendDays); from.Before(least) {
		from, note = least, "trend.long"
	}
	return intel.Days{From: from.Format(time.DateOnly), To: to.Format(time.DateOnly)}, note
}

// daysWord says days: the first and the last, or the one.
func daysWord(r *http.Request, d intel.Days) string {
	say := func(s string) string {
		t, _ := time.ParseInLocation(time.DateOnly, s, i18n.Belgrade)
		return i18n.LongDate(web.Lang(r), t)
	}
	if d.From == d.To {
		return say(d.From)
	}
	return say(d.From) + " – " + say(d.To)
}

// trendGroup is a table: what is counted, and the address of the list of one figure.
type trendGroup struct {
	key  string
	list []intel.Trend
	href func(r *http.Request, t intel.Trend, d intel.Days) string
}

func trendGroups(t intel.Trends, sighted []intel.Trend) []trendGroup {
	tags := t.Tags
	var out []trendGroup
	for _, g := range trendGalaxies {
		var in, rest []intel.Trend
		for _, x := range tags {
			is := false
			for _, prefix := range g.tags {
				is = is || strings.HasPrefix(strings.ToLower(x.Key), prefix)
			}
			if is {
				in = append(in, x)
			} else {
				rest = append(rest, x)
			}
		}
		tags = rest
		out = append(out, trendGroup{g.key, in, taggedIn})
	}
	return append(out, trendGroup{"tags", tags, taggedIn},
		trendGroup{"types", t.Types, func(r *http.Request, t intel.Trend, d intel.Days) string { return indicatorsIn(r, d, "type", t.Key) }},
		trendGroup{"orgs", t.Orgs, func(r *http.Request, t intel.Trend, d intel.Days) string { return eventsIn(r, d, "org", t.Key) }},
		trendGroup{"sighted", sighted, func(r *http.Request, t intel.Trend, d intel.Days) string {
			return base(r) + "/" + t.Event + "/attributes/" + t.Key + "?" + daysQuery(d).Encode()
		}})
}

func daysQuery(d intel.Days) url.Values { return url.Values{"from": {d.From}, "to": {d.To}} }

// listIn is a list of what there was on days, with one more filter or none.
func listIn(at string, d intel.Days, filter ...string) string {
	q := daysQuery(d)
	for i := 0; i+1 < len(filter); i += 2 {
		q.Set(filter[i], filter[i+1])
	}
	return at + "?" + q.Encode()
}

func eventsIn(r *http.Request, d intel.Days, filter ...string) string {
	return listIn(base(r), d, filter...)
}

func indicatorsIn(r *http.Request, d intel.Days, filter ...string) string {
	return listIn(indicators(r), d, filter...)
}

// taggedIn asks for the tag itself, not for what has it in its name.
func taggedIn(r *http.Request, t intel.Trend, d intel.Days) string {
	return eventsIn(r, d, "tag", "="+t.Key)
}

// figure is a number that leads to what it counts; nothing leads nowhere.
func figure(r *http.Request, n int64, href string) any {
	if n == 0 {
		return i18n.Number(web.Lang(r), 0)
	}
	return ui.Button{Label: i18n.Number(web.Lang(r), n), Href: href, Variant: "tertiary", Small: true}
}

// growth says how much more or less there is than before.
func growth(r *http.Request, now, was int64) string {
	n := i18n.Number(web.Lang(r), max(now-was, was-now))
	switch {
	case now > was:
		return "↑ +" + n
	case now < was:
		return "↓ −" + n
	}
	return "="
}

func trendTable(r *http.Request, d intel.Days, g trendGroup) ui.Table {
	t := ui.Table{Caption: web.T(r, "trend."+g.key), Dense: true, Columns: []ui.Column{{Label: web.T(r, "trend."+g.key)}, {Label: web.T(r, "trend.now"), Num: true},
		{Label: web.T(r, "trend.was"), Num: true, Drop: 1}, {Label: web.T(r, "trend.growth"), Num: true}, {Label: web.T(r, "trend.course"), Width: "mark", Drop: 2}},
		Empty: &ui.Empty{Icon: "chart-bar", Title: web.T(r, "trend.none")}}
	for _, x := range g.list[:min(len(g.list), trendRows)] {
		name := ui.Name{Text: x.Name, Mono: g.key == "types" || g.key == "sighted"}
		if g.key == "techniques" || g.key == "actors" || g.key == "tags" {
			if space, value, ok := strings.Cut(x.Name, "="); ok {
				name.Text, name.Sub = strings.Trim(value, `"`), []any{ui.Machine(space)}
			}
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{name, figure(r, x.Now, g.href(r, x, d)), figure(r, x.Was, g.href(r, x, d.Before())), growth(r, x.Now, x.Was), trendSpark(r, x)}})
	}
	return t
}

// trendSpark draws the steps as at most 24 bars, each of as many steps.
func trendSpark(r *http.Request, x intel.Trend) any {
	each := (len(x.Steps) + 23) / 24
	var bars []int64
	for i, n := range x.Steps {
		if i%each == 0 {
			bars = append(bars, 0)
		}
		bars[len(bars)-1] += n
	}
	words := make([]string, len(bars))
	for i, n := range bars {
		words[i] = i18n.Number(web.Lang(r), n)
	}
	return ui.Spark{Values: bars, Label: x.Name + ": " + strings.Join(words, ", ")}
}

// trendChart draws one count beside the same of the period before.
func trendChart(r *http.Request, what string, d intel.Days, x intel.Trend) ui.LineChart {
	c := ui.LineChart{ID: what, Title: web.T(r, "trend."+what, "n", x.Now, "was", x.Was), Unit: stepWord(r, d),
		Series: []ui.Series{{Name: web.T(r, "trend.now"), Values: x.Steps}, {Name: web.T(r, "trend.was"), Values: x.Past}}}
	for _, s := range d.Steps() {
		t, _ := time.Parse(time.DateOnly, s.From)
		c.Steps = append(c.Steps, t.Format("2. 1."))
	}
	return c
}

func stepWord(r *http.Request, d intel.Days) string {
	if s := d.Steps(); s[0].From != s[0].To {
		return web.T(r, "trend.weekly")
	}
	return web.T(r, "trend.daily")
}

// stepTable says the charts in rows, the latest first.
func stepTable(r *http.Request, d intel.Days, x intel.Trends) ui.Table {
	t := ui.Table{Caption: stepWord(r, d), Dense: true, Columns: []ui.Column{{Label: stepWord(r, d)}, {Label: web.T(r, "intel.events"), Num: true}, {Label: web.T(r, "intel.attributes"), Num: true}}}
	steps := d.Steps()
	for i := len(steps) - 1; i >= 0; i-- {
		t.Rows = append(t.Rows, ui.Row{Cells: []any{daysWord(r, steps[i]), figure(r, x.Events.Steps[i], eventsIn(r, steps[i])), figure(r, x.Attributes.Steps[i], indicatorsIn(r, steps[i]))}})
	}
	return t
}

// trendsFile is all of it as a table. A sighted value goes out as its attribute's UUID:
// counts have no label, values do.
func trendsFile(w http.ResponseWriter, r *http.Request, d intel.Days, t intel.Trends, groups []trendGroup) error {
	groups = append([]trendGroup{{key: "all", list: []intel.Trend{{Key: "events", Now: t.Events.Now, Was: t.Events.Was, Steps: t.Events.Steps}, {Key: "attributes", Now: t.Attributes.Now, Was: t.Attributes.Was, Steps: t.Attributes.Steps}}}}, groups...)
	var x export.Extent
	for _, g := range groups {
		x.Add(export.Level(""), int64(len(g.list)))
	}
	out := exportweb.New(w, r)
	c := out.Table(x, "trends", "kind", "what", "name", "from", "to", "count", "before", "steps")
	for _, g := range groups {
		for _, one := range g.list {
			name := one.Name
			if g.key == "sighted" {
				name = ""
			}
			if err := c.Row(export.Level(""), g.key, one.Key, name, d.From, d.To, strconv.FormatInt(one.Now, 10), strconv.FormatInt(one.Was, 10), strings.Trim(fmt.Sprint(one.Steps), "[]")); err != nil {
				return out.End(err)
			}
		}
	}
	return out.End(c.Close())
}
