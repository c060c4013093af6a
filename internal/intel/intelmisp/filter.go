package intelmisp

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
)

// filterOf reads one condition in any of its shapes: a text, "!x", "a||b",
// "a&&b", a list of these, {"OR":…,"AND":…,"NOT":…}.
func filterOf(v any) (f intel.Filter) {
	if m, ok := v.(map[string]any); ok {
		for k, sub := range m {
			part := filterOf(sub)
			switch strings.ToUpper(k) {
			case "OR":
				f.Or, f.Not = append(f.Or, part.Or...), append(f.Not, part.Not...)
			case "AND":
				f.And, f.Not = append(f.And, part.Or...), append(f.Not, part.Not...)
			case "NOT":
				f.Not = append(append(f.Not, part.Or...), part.And...)
			}
		}
		return f
	}
	for _, s := range texts(v) {
		for i, t := range strings.Split(s, "&&") {
			switch {
			case t == "" || t == "!":
			case t[0] == '!':
				f.Not = append(f.Not, t[1:])
			case i > 0 || strings.Contains(s, "&&"):
				f.And = append(f.And, t)
			default:
				f.Or = append(f.Or, t)
			}
		}
	}
	return f
}

func (f *filters) set(v any, to *intel.Filter) {
	if v != nil {
		*to = filterOf(v)
	}
}

// filters turns parameters into a query. Unknown keys are passed over, as MISP does.
type filters struct {
	p   params
	q   intel.Query
	now time.Time
}

// any gives the first of several spellings that is there.
func (f *filters) any(keys ...string) any {
	for _, k := range keys {
		if v := f.p[k]; v != nil && v != "" {
			return v
		}
	}
	return nil
}

// query reads the filters of a search.
func query(p params, now time.Time) intel.Query {
	f := &filters{p: p, now: now}
	q := &f.q
	f.set(f.any("value"), &q.Value)
	f.set(f.any("type", "type_attribute"), &q.Type)
	f.set(f.any("category"), &q.Category)
	f.set(f.any("object_relation"), &q.Relation)
	f.set(f.any("object_name"), &q.Object)
	f.set(f.any("tags", "tag"), &q.Tag)
	f.set(f.any("org", "orgc", "orgc_id"), &q.Origin)
	f.set(f.any("org_id", "owner_org"), &q.Owner)
	f.set(f.any("eventinfo", "info"), &q.Info)
	q.Template = text(f.any("object_template_uuid", "template_uuid"))
	q.Text = strings.TrimSpace(text(f.any("quickFilter", "quickfilter", "searchall")))
	// email-src and email-dst imply plain email, and an unknown type matches nothing.
	if slices.ContainsFunc(q.Type.Or, func(t string) bool { return t == "email-src" || t == "email-dst" }) {
		q.Type.Or = append(q.Type.Or, "email")
	}
	f.things()
	f.times()
	f.states()
	f.paging()
	return f.q
}

// things reads the filters by number and UUID, each of which may be a list, an object of
// OR, AND and NOT, or have "!" before it. One that says nothing readable finds nothing.
func (f *filters) things() {
	q := &f.q
	both := func(keys ...string) (is, not []string) {
		v := filterOf(f.any(keys...))
		return append(v.Or, v.And...), v.Not
	}
	q.Events, q.NotEvents = both("eventid", "event_id", "event")
	q.UUIDs, q.NotUUIDs = both("uuid")
	for i, u := range q.NotUUIDs {
		q.NotUUIDs[i] = strings.ToLower(u)
	}
	is, not := both("sharinggroup", "sharing_group_id")
	q.Groups, q.NotGroups = numbers(is), numbers(not)
	q.Levels = among[intel.Distribution](f, 0, 5, "distribution")
	q.Threat = among[int](f, 1, 4, "threat_level_id", "threatlevel")
	q.Analysis = among[int](f, 0, 2, "analysis")
}

// among reads a filter over the whole numbers from low to high.
func among[T ~int](f *filters, low, high int64, keys ...string) (out []T) {
	v := filterOf(f.any(keys...))
	is, not := numbers(append(v.Or, v.And...)), numbers(v.Not)
	if len(is) == 0 && len(not) > 0 {
		for n := low; n <= high; n++ {
			is = append(is, n)
		}
	}
	for _, n := range is {
		if !slices.Contains(not, n) {
			out = append(out, T(n))
		}
	}
	f.q.Nothing = f.q.Nothing || len(is) > 0 && len(out) == 0
	return out
}

// numbers reads whole numbers; one that is none is that of no row.
func numbers(list []string) (out []int64) {
	for _, s := range list {
		n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		if err != nil {
			n = -1
		}
		out = append(out, n)
	}
	return out
}

func (f *filters) times() {
	q := &f.q
	q.Time = f.span(1, "timestamp", "attribute_timestamp")
	q.EventTime = f.span(1, "event_timestamp")
	q.Published = f.span(1, "publish_timestamp", "last")
	q.FirstSeen = f.span(1e6, "first_seen")
	q.LastSeen = f.span(1e6, "last_seen")
	q.From, q.To = f.day(f.any("from", "date_from", "datefrom")), f.day(f.any("to", "date_to", "dateuntil"))
	switch d := texts(f.any("date")); len(d) {
	case 0:
	case 1:
		q.From = f.day(d[0])
	default:
		q.From, q.To = f.day(d[0]), f.day(d[1])
	}
}

// span reads a lower bound or a pair; what cannot be read matches nothing.
func (f *filters) span(unit float64, keys ...string) (s intel.Span) {
	list := texts(f.any(keys...))
	if len(list) > 2 {
		list = list[:2]
	}
	for i, t := range list {
		at, ok := moment(t, f.now)
		if !ok {
			f.q.Nothing = true
			return s
		}
		n := int64(at * unit)
		if i == 0 {
			s.From = &n
		} else {
			s.To = &n
		}
	}
	return s
}

// moment reads Unix seconds, "5d" ago, or a date; the answer is Unix seconds.
func moment(s string, now time.Time) (float64, bool) {
	s = strings.TrimSpace(s)
	if sec, err := strconv.ParseFloat(s, 64); err == nil {
		return sec, !math.IsNaN(sec) && math.Abs(sec) < 1e12
	}
	if n := len(s); n > 1 {
		unit := map[byte]float64{'d': 86400, 'h': 3600, 'm': 60, 's': 1, 'w': 7 * 86400}[s[n-1]]
		if v, err := strconv.ParseFloat(s[:n-1], 64); err == nil && unit > 0 {
			return float64(now.Unix()) - v*unit, v >= 0 && v < 1e9
		}
	}
	at, ok := misp.ParseTime(s)
	return float64(at.UnixMicro()) / 1e6, ok
}

// day reads a date; "5d" is a date too.
func (f *filters) day(v any) string {
	s := text(v)
	if s == "" {
		return ""
	}
	at, ok := moment(s, f.now)
	if !ok {
		f.q.Nothing = true
		return ""
	}
	return time.Unix(int64(at), 0).UTC().Format(time.DateOnly)
}

func (f *filters) states() {
	q := &f.q
	q.ToIDS = f.either("to_ids", "exclude")
	q.IsPublished = f.either("published", "")
	q.Deleted = deletedOf(f.p["deleted"])
}

// either reads 0, 1 or both; both is no condition.
func (f *filters) either(key, no string) *bool {
	list := texts(f.p[key])
	if b, ok := f.p[key].(bool); ok {
		return &b // texts makes false empty, which means absent elsewhere
	}
	if len(list) != 1 {
		return nil
	}
	on := params{key: list[0]}.flag(key, false) && list[0] != no
	return &on
}

func (f *filters) paging() {
	q := &f.q
	q.Limit = f.p.count("limit", 0)
	q.Page = f.p.count("page", 0)
	if q.Page > 0 && q.Limit == 0 {
		q.Limit = 60
	}
	col, dir, _ := strings.Cut(strings.TrimSpace(text(f.any("order", "sort"))), " ")
	if _, bare, ok := strings.Cut(col, "."); ok {
		col = bare // Event.id
	}
	q.Sort = strings.ToLower(col)
	q.Desc = strings.EqualFold(strings.TrimSpace(dir), "desc") || strings.EqualFold(f.p.text("direction"), "desc") || f.p.flag("desc", false)
}

// searched reads the parameters of a restSearch: the body of a POST, else the
// named segments, else positional ones (format, value, type, category).
func (c *call) searched() error {
	if c.r.Method == http.MethodPost || c.r.Method == http.MethodPut {
		return c.form()
	}
	for i, key := range []string{"returnFormat", "value", "type", "category", "org", "tags", "from", "to", "last", "eventid"} {
		if v := c.arg(i); v != "" && v != "null" && v != "false" {
			c.params[key] = v
		}
	}
	if len(c.params) == 0 {
		return fail(http.StatusBadRequest, misp.MsgEmptySearch)
	}
	return nil
}
