package site

import (
	"net/http"
	"slices"
	"time"

	"straza/internal/advisory"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type homePage struct {
	web.Page
	Phone    string
	Digits   string // of the phone, for its link
	Warnings []warning
	Lessons  []card
	Reports  string
	Minutes  string
	Week     string
	Spark    ui.Spark
	Numbers  bool
}

type warning struct {
	Href, Title, Lead, Readers string
	Severity                   ui.Severity
	When                       time.Time
}

type card struct{ Href, Icon, Title, Lead string }

// homeWarnings is how many warnings the home page shows; the rest is one link away.
const homeWarnings = 4

func (p *pages) home(w http.ResponseWriter, r *http.Request) error {
	l, who := web.Lang(r), web.Actor(r)
	page := &homePage{Page: web.NewPage(r, web.ShellPublic, web.T(r, "site.home.page"))}
	page.Describe = web.T(r, "site.home.lead")
	pub, err := p.s.Public(r.Context(), who)
	if err != nil {
		return err
	}
	page.Phone, page.Digits = pub.Phone, dial(pub.Phone)
	list, err := p.adv.InForce(r.Context(), who)
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b advisory.Advisory) int {
		return slices.Index(advisory.Levels, b.Level) - slices.Index(advisory.Levels, a.Level)
	})
	for _, a := range list[:min(len(list), homeWarnings)] {
		page.Warnings = append(page.Warnings, warning{Href: web.Path(r, "/warnings/"+a.Number), Title: a.Title.In(l), Lead: a.Lead.In(l),
			Readers: web.T(r, "site.readers."+a.Readers), Severity: ui.Severity{Level: a.Level, Pill: true}, When: clock.FromMicros(a.Published)})
	}
	for _, t := range p.texts().Lessons[:min(len(p.texts().Lessons), 3)] {
		page.Lessons = append(page.Lessons, card{web.Path(r, "/advice/"+t.ID), t.Icon, t.Title.In(l), t.Lead.In(l)})
	}
	weeks, err := p.s.Weeks(r.Context(), who)
	if err != nil {
		return err
	}
	var all int64
	for _, n := range weeks.Series {
		all += n
	}
	page.Numbers = all > 0
	page.Reports = i18n.Number(l, weeks.Reports)
	if weeks.Minutes >= 0 {
		page.Minutes = i18n.Duration(l, time.Duration(weeks.Minutes)*time.Minute)
	}
	page.Week = i18n.DayMonth(l, weeks.From) + " – " + i18n.Date(l, weeks.Until.AddDate(0, 0, -1))
	page.Spark = ui.Spark{Values: weeks.Series[:], Label: web.T(r, "site.home.spark", "n", all)}
	return p.t.Render(w, r, "home", page)
}

// dial gives the digits of a phone number, "" for what is none.
func dial(phone string) string {
	digits := ""
	for i, c := range phone {
		if c >= '0' && c <= '9' || c == '+' && i == 0 {
			digits += string(c)
		}
	}
	if len(digits) < 3 {
		return ""
	}
	return digits
}
