package portal

import (
	"context"
	"net/http"
	"time"

	"straza/internal/intake"
	"straza/internal/intel"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

type overviewPage struct {
	web.Page
	Header   ui.Header
	Card     card
	Todo     []todo
	Reports  []reportRow
	Events   []eventRow
	Intel    bool // events have a panel
	People   []contactRow
	Keep     bool // may change contacts
	Messages []messageRow
	Unread   int
	Sees     []string
}

// card is the first thing on the page: the nearest duty, or that there is none.
type card struct {
	Icon   string
	Kind   string // "" a duty, "calm" when nothing waits
	Small  string
	Number string
	Title  string
	Text   string
	Track  *ui.Track
	Act    *ui.Button
}

type todo struct {
	Mark  any
	Title string
	Text  string
	Act   ui.Button
}

type eventRow struct {
	Href, Title, Origin, TLP string
	At                       time.Time
}

type contactRow struct {
	Name, Sub string
	Fresh     bool
	Note      string
}

// How many of each list the first page shows.
const shown = 5

func (p *pages) overview(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), web.Actor(r)
	o, err := p.d.Registry.Own(ctx, who)
	if err != nil {
		return err
	}
	list, _, err := p.d.Intake.List(ctx, who, intake.Filter{}, intake.Page{Limit: shown})
	if err != nil {
		return err
	}
	talks, ms, err := p.conversations(r)
	if err != nil {
		return err
	}
	page := &overviewPage{Page: newPage(r, "nav.portal"), Keep: who.Can("registry.write-own"), Intel: who.Can("intel.read"), Sees: sees(r, o)}
	page.Header = p.header(r, o)
	duties := p.duties(r, o, ms, talks)
	page.Card = firstCard(r, o, duties, list)
	for i, d := range duties {
		act := d.Act
		if i > 0 {
			act = act.Secondary()
		}
		page.Todo = append(page.Todo, todo{Mark: d.clock(r), Title: d.Title, Text: joined(d.Number, d.Text), Act: act.Secondary()})
	}
	for _, x := range list {
		page.Reports = append(page.Reports, rowOf(r, x))
	}
	page.Messages, page.Unread = p.messageRows(r, talks, ms, shown)
	if page.People, err = p.contacts(r, o); err != nil {
		return err
	}
	if page.Intel {
		if page.Events, err = p.events(ctx, who); err != nil {
			return err
		}
	}
	return p.t.Render(w, r, "overview", page)
}

func (p *pages) conversations(r *http.Request) ([]intake.Talk, []Matter, error) {
	talks, err := p.d.Intake.Talks(r.Context(), web.Actor(r))
	if err != nil {
		return nil, nil, err
	}
	ms, err := p.matters(r)
	return talks, ms, err
}

func (p *pages) header(r *http.Request, o registry.Organisation) ui.Header {
	l, lists := web.Lang(r), p.d.Registry.Lists(r.Context(), web.Actor(r))
	h := ui.Header{Title: o.Label(l), Sub: []any{lists.Kinds.Label(o.Kind, l)},
		Acts: []ui.Button{{Label: web.T(r, "portal.report.new"), Icon: "message-report", Href: "/portal/reports/new", Variant: "secondary"}}}
	if o.Sector != "" {
		h.Sub = append(h.Sub, lists.Sectors.Label(o.Sector, l))
	}
	h.Sub = append(h.Sub, web.T(r, "portal.since", "year", o.Created.In(i18n.Belgrade).Format("2006")))
	if o.CERTName != "" && o.CERT != o.ID {
		h.Sub = append(h.Sub, web.T(r, "portal.yourcert", "cert", o.CERTName))
	}
	return h
}

// firstCard shows the duty that presses most; without one, when the CERT owes the
// nearest answer; else that all is done.
func firstCard(r *http.Request, o registry.Organisation, duties []duty, list []intake.Report) card {
	if len(duties) > 0 {
		d := duties[0]
		c := card{Icon: "hourglass", Small: web.T(r, "portal.card.nearest"), Number: d.Number, Title: d.Title, Text: d.Text, Act: &d.Act}
		if !d.Due.IsZero() {
			c.Track = matterTrack(r, d)
		}
		return c
	}
	var next *intake.Report
	for i, x := range list {
		if x.Answered.IsZero() && x.State.Open() && (next == nil || x.AnswerDue.Before(next.AnswerDue)) {
			next = &list[i]
		}
	}
	if next == nil {
		return card{Icon: "circle-check", Kind: "calm", Small: web.T(r, "portal.card.nothing.small"), Title: web.T(r, "portal.card.nothing"), Text: web.T(r, "portal.card.nothing.text")}
	}
	return card{Icon: "clock", Kind: "calm", Small: web.T(r, "portal.card.ours.small"), Number: next.Number, Title: web.T(r, "portal.card.ours", "cert", o.CERTName),
		Text: next.Title, Track: reportTrack(r, *next), Act: &ui.Button{Label: web.T(r, "portal.card.ours.act"), Href: "/portal/reports/" + next.UUID, Variant: "secondary"}}
}

func matterTrack(r *http.Request, d duty) *ui.Track {
	l := web.Lang(r)
	state := map[bool]string{true: "late", false: "now"}[d.Late]
	return &ui.Track{Stages: []ui.Stage{
		{Label: web.T(r, "portal.track.asked"), Sub: i18n.DateTime(l, d.Start), State: "done"},
		{Label: web.T(r, "portal.track.answer"), Sub: i18n.DateTime(l, d.Due), State: state}}}
}

// reportTrack are the steps of the CERT's own promise on a report: received, looked
// at, answered.
func reportTrack(r *http.Request, x intake.Report) *ui.Track {
	l := web.Lang(r)
	stage := func(key string, done, due time.Time, now bool) ui.Stage {
		switch {
		case !done.IsZero():
			return ui.Stage{Label: web.T(r, key), Sub: i18n.DateTime(l, done), State: "done"}
		case now:
			return ui.Stage{Label: web.T(r, key), Sub: web.T(r, "portal.track.until", "when", i18n.DateTime(l, due)), State: "now"}
		}
		return ui.Stage{Label: web.T(r, key), Sub: web.T(r, "portal.track.until", "when", i18n.DateTime(l, due)), State: "next"}
	}
	return &ui.Track{Stages: []ui.Stage{stage("portal.track.received", x.Received, x.Received, false), stage("portal.track.triaged", x.Triaged, x.TriageDue, true),
		stage("portal.track.answered", x.Answered, x.AnswerDue, !x.Triaged.IsZero())}}
}

func (p *pages) contacts(r *http.Request, o registry.Organisation) ([]contactRow, error) {
	list, err := p.d.Registry.Contacts(r.Context(), web.Actor(r), o.UUID)
	if err != nil {
		return nil, err
	}
	l, kinds := web.Lang(r), p.d.Registry.Lists(r.Context(), web.Actor(r)).Contacts
	out := make([]contactRow, 0, len(list))
	for _, c := range list {
		row := contactRow{Name: c.Name, Sub: joined(kinds.Label(c.Kind, l), c.Hours), Fresh: c.Freshness == registry.Fresh}
		switch c.Freshness {
		case registry.Fresh, registry.Due:
			row.Note = web.T(r, "portal.contact."+string(c.Freshness), "date", i18n.Date(l, c.Verified))
		default:
			row.Note = web.T(r, "portal.contact."+string(c.Freshness))
		}
		out = append(out, row)
	}
	return out, nil
}

func (p *pages) events(ctx context.Context, who ident.Actor) (out []eventRow, err error) {
	published := true
	_, err = p.d.Intel.SearchEvents(ctx, who, intel.Query{IsPublished: &published, Sort: "changed", Desc: true, Limit: shown, Page: 1}, func(e *intel.Event) error {
		out = append(out, eventRow{Href: "/portal/events/" + e.Ref(), Title: e.Info, Origin: e.Origin.Name, TLP: e.TLP, At: time.UnixMicro(e.Changed)})
		return nil
	})
	return out, err
}

// sees says in three sentences who reads what.
func sees(r *http.Request, o registry.Organisation) []string {
	cert := o.CERTName
	return []string{web.T(r, "portal.sees.reports", "cert", cert), web.T(r, "portal.sees.confidential", "cert", cert),
		web.T(r, "portal.sees.contacts."+string(o.Disclosure), "cert", cert)}
}

// joined puts a middle dot between what is not empty.
func joined(parts ...string) string {
	out := ""
	for _, s := range parts {
		if s == "" {
			continue
		}
		if out != "" {
			out += " · "
		}
		out += s
	}
	return out
}
