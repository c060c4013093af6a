package portal

import (
	"net/http"
	"slices"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

// duty is one thing the organisation has to do. Due is zero when nothing falls due;
// Late says that it should have been done.
type duty struct {
	Number string
	Title  string
	Text   string
	Start  time.Time
	Due    time.Time
	Late   bool
	Act    ui.Button
}

// duties come in the order in which they press: by deadline, then what is late
// without one, then the rest as they were found.
func (p *pages) duties(r *http.Request, o registry.Organisation, ms []Matter, talks []intake.Talk) []duty {
	var out []duty
	for _, m := range ms {
		if m.State == Theirs {
			out = append(out, p.matterDuty(r, m))
		}
	}
	for _, t := range talks {
		if t.Question {
			out = append(out, duty{Number: t.Number, Title: web.T(r, "portal.duty.question"), Text: t.Title,
				Act: ui.Button{Label: web.T(r, "portal.duty.answer"), Href: "/portal/reports/" + t.UUID + "#answer"}})
		}
	}
	if d, ok := contactDuty(r, o); ok {
		out = append(out, d)
	}
	slices.SortStableFunc(out, func(a, b duty) int {
		switch {
		case a.Due.IsZero() != b.Due.IsZero():
			return map[bool]int{true: 1, false: -1}[a.Due.IsZero()]
		case !a.Due.Equal(b.Due):
			return a.Due.Compare(b.Due)
		case a.Late != b.Late:
			return map[bool]int{true: -1, false: 1}[a.Late]
		}
		return 0
	})
	return out
}

func (p *pages) matterDuty(r *http.Request, m Matter) duty {
	d := duty{Number: m.Number, Title: web.T(r, "portal.duty.matter"), Text: m.Subject, Start: m.Created, Due: m.Deadline,
		Act: ui.Button{Label: web.T(r, "portal.duty.answer"), Href: matterPath(m)}}
	if !m.Deadline.IsZero() {
		now := p.d.Now()
		d.Title = web.T(r, "portal.duty.matter.until", "until", i18n.Until(web.Lang(r), m.Deadline, now))
		if d.Late = m.Deadline.Before(now); d.Late {
			d.Title = web.T(r, "portal.duty.matter.late")
		}
	}
	return d
}

func matterPath(m Matter) string { return "/portal/messages/" + m.UUID }

// contactDuty: contacts that are missing, bouncing or long unconfirmed are the duty
// of who may keep them; everybody else has no act to offer.
func contactDuty(r *http.Request, o registry.Organisation) (duty, bool) {
	f := o.Contacts.Freshness
	if f == "" || f == registry.Fresh || !web.Actor(r).Can("registry.write-own") {
		return duty{}, false
	}
	d := duty{Title: web.T(r, "portal.duty.contacts."+string(f)), Text: web.T(r, "portal.duty.contacts.text"), Late: true,
		Act: ui.Button{Label: web.T(r, "portal.duty.check"), Href: "/portal/organisation#contacts"}}
	return d, true
}

// clock is the mark before a duty: what is left, or that there is no deadline.
func (d duty) clock(r *http.Request) any {
	switch {
	case !d.Due.IsZero():
		return ui.Clock{Start: d.Start, Due: d.Due}
	case d.Late:
		return ui.State{Kind: ui.StateWaiting, Word: web.T(r, "portal.duty.overdue")}
	}
	return ui.State{Kind: ui.StateNew, Word: web.T(r, "portal.duty.nodate")}
}
