package intelmisp

import (
	"math"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
)

// percentOf writes 37.5% as MISP does: at most so many digits, none that say nothing.
func percentOf(n, sum int64, digits int) string {
	if sum == 0 {
		return "0%"
	}
	f := math.Pow10(digits)
	return strconv.FormatFloat(math.Round(float64(n)*100*f/float64(sum))/f, 'f', -1, 64) + "%"
}

// ratio is rounded to one digit; whole numbers have none.
func ratio(n, of int64) string {
	if of == 0 {
		return "0"
	}
	return strconv.FormatFloat(math.Round(float64(n)*10/float64(of))/10, 'f', -1, 64)
}

// tagStatistics counts the events that the caller sees, by tag; with an argument
// in per cent.
func (a *api) tagStatistics(c *call) error {
	found, err := a.Intel.Census(c.ctx(), c.who)
	if err != nil {
		return err
	}
	sum := int64(0)
	for _, n := range found.Tags {
		sum += n
	}
	percent := params{"": c.arg(0)}.flag("", false)
	out := map[string]string{}
	for name, n := range found.Tags {
		if out[name] = itoa(n); percent {
			out[name] = percentOf(n, sum, 2)
		}
	}
	return c.value(ordered{{"tags", out}, {"taxonomies", []string{}}})
}

// attributeStatistics counts the attributes that the caller sees, by type or
// category, as numbers or in per cent.
func (a *api) attributeStatistics(c *call) error {
	found, err := a.Intel.Census(c.ctx(), c.who)
	if err != nil {
		return err
	}
	by := found.Types
	if c.arg(0) == "category" {
		by = found.Categories
	}
	sum := int64(0)
	for _, n := range by {
		sum += n
	}
	out := map[string]string{}
	percent := c.arg(1) != "" && c.arg(1) != "0" // measured: the word false is a yes
	for k, n := range by {
		if out[k] = itoa(n); percent {
			out[k] = percentOf(n, sum, 3)
		}
	}
	return c.value(out)
}

// userStatistics answers users/statistics and its pages that clients ask for.
func (a *api) userStatistics(c *call) error {
	switch fold(c.arg(0)) {
	case "", "data":
		return a.wholeStatistics(c)
	case "orgs":
		return a.orgStatistics(c)
	case "users":
		return a.peopleStatistics(c)
	case "tags":
		return a.tagTreemap(c)
	case "attributehistogram":
		c.args = nil // no choice of types here
		return a.histogram(c)
	case "sightings":
		return a.sightingStatistics(c)
	case "galaxymatrix", "attackmatrix": // the latter is what it was called before 2.4.100
		return a.galaxyMatrix(c)
	}
	return notFound(misp.MsgNotFound)
}

func (a *api) wholeStatistics(c *call) error {
	s, err := a.Intel.Statistics(c.ctx(), c.who)
	if err != nil {
		return err
	}
	people, err := a.headcount(c)
	if err != nil {
		return err
	}
	orgs, err := a.orgs(c, "all")
	if err != nil {
		return err
	}
	proposals, err := a.Remarks.CountOpen(c.ctx(), c.who, 0)
	if err != nil {
		return err
	}
	users, local, with := int64(0), int64(0), int64(0)
	for _, o := range orgs {
		if o.Local {
			local++
		}
	}
	for _, n := range people {
		users += n
		if n > 0 {
			with++
		}
	}
	per := int64(0)
	if s.Events > 0 {
		per = int64(math.Round(float64(s.Attributes) / float64(s.Events)))
	}
	return c.value(ordered{{"stats", ordered{{"event_count", itoa(s.Events)}, {"event_count_month", itoa(s.EventsMonth)},
		{"attribute_count", itoa(s.Attributes)}, {"attribute_count_month", itoa(s.AttributesMonth)}, {"attributes_per_event", itoa(per)},
		{"correlation_count", itoa(s.Correlations)}, {"proposal_count", itoa(proposals)}, {"user_count", itoa(users)}, {"user_count_pgp", "0"},
		{"org_count", itoa(int64(len(orgs)))}, {"local_org_count", itoa(local)}, {"contributing_org_count", itoa(s.Contributing)},
		{"average_user_per_org", ratio(users, local)}, {"thread_count", "0"}, {"thread_count_month", "0"}, {"post_count", "0"}, {"post_count_month", "0"}}}})
}

// orgStatistics counts by organisation, with a line of days of the last year.
func (a *api) orgStatistics(c *call) error {
	scope := c.params.text("scope")
	if scope == "" {
		scope = "internal"
	}
	list, err := a.orgs(c, map[string]string{"internal": "local", "local": "local", "external": "external"}[scope])
	if err != nil {
		return err
	}
	counts, err := a.Intel.StatisticsOfOrgs(c.ctx(), c.who)
	if err != nil {
		return err
	}
	people, err := a.headcount(c)
	if err != nil {
		return err
	}
	out := ordered{}
	for _, o := range list {
		w := orgWire(o)
		x := ordered{{"id", itoa(o.ID)}, {"name", o.Name}, {"description", w.Description}, {"local", o.Local}, {"contacts", w.Contacts},
			{"type", w.Type}, {"sector", w.Sector}, {"nationality", w.Nationality}}
		s, made := counts[o.ID]
		if n := people[o.ID]; n > 0 || made {
			x = append(x, ordered{{"userCount", itoa(n)}, {"eventCount", itoa(s.Events)}, {"attributeCount", itoa(s.Attributes)},
				{"orgActivity", activity(o.ID, s.Days, now(c))}}...)
		}
		out = append(out, ordered{{quoteless(o.Name), x}}...)
	}
	return c.value(out)
}

// quoteless makes a name fit to be a key that ordered writes between quotes.
func quoteless(s string) string {
	b, err := marshal(s)
	if err != nil || len(b) < 2 {
		return ""
	}
	return string(b[1 : len(b)-1])
}

// activity is a year of days, as a drawing client wants it.
func activity(org int64, days map[string]int64, now time.Time) ordered {
	var csv strings.Builder
	csv.WriteString(`Date,Close\n`)
	today := now.UTC().Format(time.DateOnly)
	for d := now.UTC().AddDate(-1, 0, 0); d.Format(time.DateOnly) < today; d = d.AddDate(0, 0, 1) {
		day := d.Format(time.DateOnly)
		csv.WriteString(day + "," + itoa(days[day]) + `\n`)
	}
	return ordered{{"csv", csv.String()}, {"data", map[string]string{today: itoa(days[today])}}, {"orgId", itoa(org)}}
}
