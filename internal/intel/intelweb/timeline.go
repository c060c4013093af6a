package intelweb

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// timelinePage is an event told by time: when things were first and last seen, when
// somebody saw them again, when it was published.
type timelinePage struct {
	web.Page
	Header ui.Header
	Note   *ui.Note // what was cut
	From   ui.Field
	To     ui.Field
	Clear  string
	Chart  *ui.LineChart
	Line   ui.Timeline
}

// Bounds of what one page reads and lists: an event of 350,000 attributes is cut, and
// the page says so.
const (
	timelineRead  = 2_000
	timelineLines = 500
	timelineWeeks = 26
)

// happening is one point of the timeline.
type happening struct {
	at    int64 // µs
	word  string
	title any
	sub   []any
	tone  string
	icon  string
}

func (p *pages) timelineOf(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return err
	}
	f := web.NewForm(r, r.URL.Query())
	from, to := f.Time("from"), f.Time("to")
	page := &timelinePage{Page: web.NewPage(r, shell(r), web.T(r, "intel.timeline")), Header: p.viewHeader(r, &e, "timeline"), From: f.Field("from", "intel.timeline.from"), To: f.Field("to", "intel.timeline.to")}
	page.Crumbs = eventweb.Crumbs(r, &e, ui.Crumb{Label: web.T(r, "intel.timeline")})
	page.From.Type, page.To.Type, page.From.Optional, page.To.Optional = "date", "date", true, true
	if f.Fail(nil) {
		page.Errors = f.Summary("from", "to")
	}
	if !from.IsZero() || !to.IsZero() {
		page.Clear = base(r) + "/" + e.Ref() + "/timeline"
	}
	span := within(from, to)
	all, cut, err := p.happenings(r, &e, span)
	if err != nil {
		return err
	}
	seen, tired, err := p.sightingsOf(r, &e, span, page)
	if err != nil {
		return err
	}
	all, cut = append(all, seen...), cut || tired
	slices.SortStableFunc(all, func(a, b happening) int { return int(max(-1, min(1, b.at-a.at))) })
	if len(all) > timelineLines {
		all, cut = all[:timelineLines], true
	}
	if cut {
		page.Note = &ui.Note{Kind: "warning", Body: web.T(r, "intel.timeline.cut", "n", int64(len(all)))}
	}
	for _, x := range all {
		page.Line.Items = append(page.Line.Items, ui.Moment{Icon: x.icon, Tone: x.tone, Title: x.title, At: clock.FromMicros(x.at), By: x.word, Detail: x.sub})
	}
	if len(all) == 0 {
		page.Line.Empty = &ui.Empty{Icon: "clock", Title: web.T(r, "intel.timeline.empty"), Text: web.T(r, "intel.timeline.empty.text")}
	}
	return p.t.Render(w, r, "timeline", page)
}

// within is the range of a filter in µs: whole days in Belgrade, both ends included.
func within(from, to time.Time) intel.Span {
	zero := int64(0)
	span := intel.Span{From: &zero}
	if !from.IsZero() {
		n := from.UnixMicro()
		span.From = &n
	}
	if !to.IsZero() {
		n := to.In(i18n.Belgrade).AddDate(0, 0, 1).UnixMicro() - 1
		span.To = &n
	}
	return span
}

func holds(s intel.Span, at int64) bool { return at >= *s.From && (s.To == nil || at <= *s.To) }

// happenings are the event's own moments and when its values and objects were first
// and last seen, as their authors say.
func (p *pages) happenings(r *http.Request, e *intel.Event, span intel.Span) (out []happening, cut bool, err error) {
	add := func(at *int64, x happening) {
		if at != nil && holds(span, *at) {
			x.at = *at
			out = append(out, x)
		}
	}
	made, published := e.Created, e.PublishTimestamp*1e6
	add(&made, happening{word: web.T(r, "intel.timeline.made"), title: e.Info, icon: "circle-plus", tone: "accent"})
	if e.PublishTimestamp > 0 {
		add(&published, happening{word: web.T(r, "intel.timeline.published"), title: e.Info, icon: "send", tone: "success"})
	}
	at := base(r) + "/" + e.Ref()
	for i, q := range []intel.Query{{FirstSeen: span}, {LastSeen: span}} {
		first := i == 0
		q.Events, q.Limit = []string{strconv.FormatInt(e.ID, 10)}, timelineRead+1
		n := 0
		err = p.s.SearchAttributes(r.Context(), web.Actor(r), q, func(a *intel.Attribute) error {
			if n++; n > timelineRead {
				cut = true
				return errEnough
			}
			x := happening{title: ui.Name{Text: a.Value, Mono: true, Href: at + "/attributes/" + a.UUID}, sub: []any{ui.Machine(a.Type)}, icon: "eye"}
			if first {
				x.word = web.T(r, "intel.timeline.first")
				add(a.FirstSeen, x)
				return nil
			}
			x.word = web.T(r, "intel.timeline.last")
			add(a.LastSeen, x)
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, false, err
		}
	}
	n := 0
	err = p.s.Objects(r.Context(), web.Actor(r), strconv.FormatInt(e.ID, 10), intel.Part{Limit: timelineRead + 1}, func(o *intel.Object) error {
		if n++; n > timelineRead {
			cut = true
			return errEnough
		}
		x := happening{title: o.Name, sub: []any{o.Comment}, icon: "package"}
		if o.Comment == "" {
			x.sub = nil
		}
		x.word = web.T(r, "intel.timeline.first")
		add(o.FirstSeen, x)
		x.word = web.T(r, "intel.timeline.last")
		add(o.LastSeen, x)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, cut, err
}

// sightingsOf are the sightings, one moment a day and kind, and their weeks as a chart.
func (p *pages) sightingsOf(r *http.Request, e *intel.Event, span intel.Span, page *timelinePage) (out []happening, cut bool, err error) {
	type key struct {
		day  string
		kind int
	}
	count, last := map[key]int64{}, map[key]int64{}
	now := web.Now(r).In(i18n.Belgrade)
	monday := time.Date(now.Year(), now.Month(), now.Day()-(int(now.Weekday())+6)%7, 0, 0, 0, 0, i18n.Belgrade)
	weeks := [2][]int64{make([]int64, timelineWeeks), make([]int64, timelineWeeks)}
	n, any := 0, false
	err = p.s.Sightings(r.Context(), web.Actor(r), intel.SightingFilter{Event: strconv.FormatInt(e.ID, 10)}, func(g *intel.Sighting) error {
		if n++; n > 10*timelineRead {
			cut = true
			return errEnough
		}
		seen := time.Unix(g.Seen, 0).In(i18n.Belgrade)
		if back := int(monday.AddDate(0, 0, 7).Sub(seen) / (7 * 24 * time.Hour)); g.Kind <= intel.FalsePositive && back >= 0 && back < timelineWeeks {
			weeks[g.Kind][timelineWeeks-1-back]++
			any = true
		}
		if at := g.Seen * 1e6; holds(span, at) {
			k := key{seen.Format(time.DateOnly), g.Kind}
			count[k]++
			last[k] = max(last[k], at)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, false, err
	}
	words := [3]string{"intel.timeline.seen", "intel.timeline.false", "intel.timeline.expires"}
	for k, c := range count {
		x := happening{at: last[k], title: web.T(r, words[k.kind], "n", c), icon: "radar", word: k.day}
		if k.kind == intel.FalsePositive {
			x.tone = "danger"
		}
		out = append(out, x)
	}
	if any {
		steps := make([]string, timelineWeeks)
		for i := range steps {
			steps[i] = monday.AddDate(0, 0, 7*(i-timelineWeeks+1)).Format("2. 1.")
		}
		page.Chart = &ui.LineChart{Title: web.T(r, "intel.timeline.weeks"), Unit: web.T(r, "intel.timeline.unit"), Steps: steps, ID: "weeks",
			Series: []ui.Series{{Name: web.T(r, "intel.timeline.series.seen"), Values: weeks[0]}, {Name: web.T(r, "intel.timeline.series.false"), Values: weeks[1]}}}
	}
	return out, cut, nil
}
