package intelweb

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// also is how many other places of a value are counted before the page writes "+".
const also = 9

// sightings is the panel of who met the event's values: twelve days and words.
type sightings struct {
	All, Orgs, False int64
	Days             ui.Spark
}

// sightedOn bounds how many sightings one page reads.
const sightedOn = 1000

// sighted gathers the sightings that the caller may see; nil when there are none.
func (p *pages) sighted(r *http.Request, e *intel.Event) (*sightings, error) {
	now, days, orgs := web.Now(r), make([]int64, 12), map[int64]bool{}
	v := &sightings{}
	err := p.s.Sightings(r.Context(), web.Actor(r), intel.SightingFilter{Event: e.Ref()}, func(g *intel.Sighting) error {
		if v.All++; v.All > sightedOn {
			return errEnough
		}
		orgs[g.Org.ID] = true
		if g.Kind == intel.FalsePositive {
			v.False++
		}
		if ago := int(now.Sub(time.Unix(g.Seen, 0)) / (24 * time.Hour)); ago >= 0 && ago < len(days) {
			days[len(days)-1-ago]++
		}
		return nil
	})
	if err = ignoreEnough(err); err != nil || v.All == 0 {
		return nil, err
	}
	v.Orgs = int64(len(orgs))
	v.Days = ui.Spark{Values: days, Label: web.T(r, "intel.sightings.days")}
	return v, nil
}

// alsoIn tells, for each shown attribute, in how many places of other events the
// caller sees its value.
func (p *pages) alsoIn(r *http.Request, e *intel.Event, list []*intel.Attribute) (map[int64]string, error) {
	out := map[int64]string{}
	if e.NoCorrelation || len(list) == 0 {
		return out, nil
	}
	found, err := p.s.RelatedTo(r.Context(), web.Actor(r), list, also+1)
	if err != nil {
		return nil, err
	}
	for id, others := range found {
		n := int64(0)
		for i := range others {
			if others[i].EventID != e.ID {
				n++
			}
		}
		if n > 0 {
			out[id] = i18n.Number(web.Lang(r), min(n, also))
		}
		if n > also {
			out[id] += "+"
		}
	}
	return out, nil
}

// beside fills what stands beside each shown attribute, and how often all were met.
func (p *pages) beside(r *http.Request, page *showPage, e *intel.Event, rows []ui.Row, list []*intel.Attribute) (err error) {
	if page.Sightings, err = p.sighted(r, e); err != nil {
		return err
	}
	return p.besideRows(r, e, rows, list)
}

func (p *pages) besideRows(r *http.Request, e *intel.Event, rows []ui.Row, list []*intel.Attribute) error {
	others, err := p.alsoIn(r, e, list)
	if err != nil {
		return err
	}
	met, err := p.s.SightingDays(r.Context(), web.Actor(r), list, sparkDays)
	if err != nil {
		return err
	}
	barred, err := p.s.Barred(r.Context(), web.Actor(r), list)
	if err != nil {
		return err
	}
	values := map[string]string{}
	for _, a := range list {
		values[strconv.FormatInt(a.ID, 10)] = a.Value
	}
	for i := range rows {
		if rows[i].Group {
			continue
		}
		id, _ := strconv.ParseInt(rows[i].ID, 10, 64)
		seen, elsewhere := sparkOf(r, met[id]), any("–")
		if n := others[id]; n != "" {
			elsewhere = ui.Button{Label: n, Href: whereElse(r) + url.QueryEscape(values[rows[i].ID]), Variant: "tertiary", Small: true}
		}
		if barred[id] { // it joins nothing, and the team sees why
			elsewhere = ui.Tag{Word: web.T(r, "intel.barred"), Href: overlapOf(r, values[rows[i].ID])}
		}
		cells := rows[i].Cells
		last := len(cells) - 1
		rows[i].Cells = append(append(append([]any{}, cells[:last]...), seen, elsewhere), cells[last])
	}
	return nil
}

// sparkDays is how many days a line of sightings shows.
const sparkDays = 12

// sparkOf draws how often a value was met on the last days; what was met before them
// only is a number.
func sparkOf(r *http.Request, d *intel.SightedDays) any {
	if d == nil {
		return "–"
	}
	lang, days := web.Lang(r), make([]string, len(d.Days))
	young := false
	for i, n := range d.Days {
		days[i] = i18n.Number(lang, n)
		young = young || n > 0
	}
	if !young {
		return i18n.Number(lang, d.All)
	}
	return ui.Spark{Values: d.Days, Label: web.T(r, "intel.sightings.row", "n", d.All, "days", strings.Join(days, ", "))}
}

// wentStates are the looks of what became of an event at a peer.
var wentStates = map[string]string{"sent": ui.StateDone, "held": ui.StateNew, "refused": ui.StateRefused, "waiting": ui.StateWaiting}

// went tells, peer by peer, whether the event was sent there, and if not, why.
func (p *pages) went(r *http.Request, e *intel.Event) (out []wentRow, err error) {
	if p.d.Went == nil || shell(r) == web.ShellPortal {
		return nil, nil
	}
	list, err := p.d.Went(r.Context(), web.Actor(r), e.ID)
	for _, x := range list {
		row := wentRow{Peer: x.Peer, Href: x.Href, Detail: x.Detail, At: x.At, State: ui.State{Kind: wentStates[x.State], Word: web.T(r, "intel.went."+x.State)}}
		if x.Reason != "" {
			row.Why = web.T(r, x.Reason)
		}
		out = append(out, row)
	}
	return out, err
}

// overlapOf is where the team sees what a value joins and whether it may; "" elsewhere.
func overlapOf(r *http.Request, value string) string {
	if shell(r) == web.ShellPortal {
		return ""
	}
	return "/console/events/overlap?value=" + url.QueryEscape(value)
}

// whereElse is the list that shows a value's other places.
func whereElse(r *http.Request) string {
	if shell(r) == web.ShellPortal {
		return "/portal/events?q="
	}
	return "/console/indicators?q="
}

// byOthers fills what others say and want: proposals, a request to take the event
// over, notes and opinions, their number beside each attribute that has any.
func (p *pages) byOthers(r *http.Request, page *showPage, e *intel.Event, rows []ui.Row, list []*intel.Attribute) (err error) {
	if page.Proposals, err = p.proposed(r, page, e); err != nil {
		return err
	}
	if page.Delegation, err = p.delegated(r, page, e); err != nil {
		return err
	}
	if page.Went, err = p.went(r, e); err != nil {
		return err
	}
	said, err := p.d.Remarks.Of(r.Context(), web.Actor(r), e.Ref())
	if err != nil {
		return err
	}
	page.Said = p.saidOf(r, e, said[e.UUID], "")
	remarked(r, rows, list, said)
	return nil
}

// remarked marks each row whose attribute somebody said something of.
func remarked(r *http.Request, rows []ui.Row, list []*intel.Attribute, said map[string][]remark.Remark) {
	uuids := map[string]string{}
	for _, a := range list {
		uuids[strconv.FormatInt(a.ID, 10)] = a.UUID
	}
	for i := range rows {
		n := len(said[uuids[rows[i].ID]])
		if n == 0 || rows[i].Group {
			continue
		}
		for j, c := range rows[i].Cells {
			if name, ok := c.(ui.Name); ok {
				name.Marks = append(name.Marks, ui.Tag{Word: web.T(r, "intel.said.n", "n", int64(n)), Icon: "note", Href: name.Href + "#said"})
				rows[i].Cells[j] = name
				break
			}
		}
	}
}
